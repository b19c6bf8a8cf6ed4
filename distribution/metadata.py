"""The project's version and licence. Importing this module reads them from files."""

from __future__ import annotations

from typing import Final

from distribution.project import ROOT, read_metadata

_METADATA = read_metadata(ROOT)

VERSION: Final[str] = _METADATA["version"]
"""The project's semantic version."""

LICENSE: Final[str] = _METADATA["license"]
"""The project's licence, as an SPDX expression."""
