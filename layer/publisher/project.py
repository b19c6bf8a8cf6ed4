"""What the project says of itself, in its one place for that: ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path

_PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))

VERSION: str = _PYPROJECT["project"]["version"]
"""The project's semantic version."""

LICENSE: str = _PYPROJECT["project"]["license"]
"""The project's licence, as an SPDX expression."""
