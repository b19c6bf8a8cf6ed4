"""The Python versions that the layer supports. Tests compare them with the templates, constructs, doctor and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DEBIAN_SUITES: Final[Mapping[str, str | None]] = {
    "3.11": "bookworm",
    "3.12": None,
    "3.13": "trixie",
    "3.14": "forky",
    "3.15": "forky",
}
"""The Debian suite that contains each version, None if there is none. Tests run on these where others are missing."""

PYTHON_VERSIONS: Final = tuple(DEBIAN_SUITES)
"""The versions, oldest first. Lambda's runtimes are called ``python`` plus a version."""
