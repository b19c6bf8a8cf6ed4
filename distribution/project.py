"""The project's folders, version and licence. Importing this module reads files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
"""The project's folder."""

DISTRIBUTIONS: Final = ("layer", "authorizer", "tools")
"""The folders of the distributions, each after those that it requires."""


def read_metadata(project: Path) -> dict[str, Any]:
    """Return the ``project`` table of a project's layer, with the version, which is in the layer's module."""
    table: dict[str, Any] = tomllib.loads((project / "layer/pyproject.toml").read_text(encoding="utf-8"))["project"]
    module = (project / "layer/client_certificate_auth/__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', module, re.MULTILINE)
    return {**table, "version": version}


_METADATA = read_metadata(ROOT)

VERSION: Final[str] = _METADATA["version"]
"""The project's semantic version."""

LICENSE: Final[str] = _METADATA["license"]
"""The project's licence, as an SPDX expression."""
