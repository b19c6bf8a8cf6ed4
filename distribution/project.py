"""The project's folders, and its metadata from ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
"""The project's folder."""


def read_metadata(project: Path) -> dict[str, Any]:
    """Return the ``project`` table of a project's ``pyproject.toml``."""
    table: dict[str, Any] = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


_METADATA = read_metadata(ROOT)

VERSION: Final[str] = _METADATA["version"]
"""The project's semantic version."""

LICENSE: Final[str] = _METADATA["license"]
"""The project's licence, as an SPDX expression."""
