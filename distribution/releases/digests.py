"""``SHA256SUMS``, in the format of ``sha256sum --check``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from distribution.layer_builder.release import SUMS
from distribution.layer_builder.sbom import sha256
from distribution.releases.errors import ReleaseError

if TYPE_CHECKING:
    from pathlib import Path

_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^/\0\n]+)")


def write_digests(folder: Path) -> None:
    """Write the digests of all other files of a folder."""
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    (folder / SUMS).write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files), encoding="utf-8")


def read_digests(folder: Path) -> dict[str, str]:
    """Return the digests by file name. Raises ReleaseError if the file is missing or cannot be read."""
    path = folder / SUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        message = f"{path} cannot be read: {reason}"
        raise ReleaseError(message) from error
    digests = {}
    for number, line in enumerate(lines, start=1):
        if not (match := _LINE.fullmatch(line)):
            message = f"{path}, line {number}: not a SHA-256 digest and a file name"
            raise ReleaseError(message)
        digests[match[2]] = match[1]
    return digests


def compare_digests(folder: Path) -> list[str]:
    """Compare a folder's files with its ``SHA256SUMS``, and return a line for each difference. Raises ReleaseError."""
    expected = read_digests(folder)
    actual = {path.name: sha256(path) for path in folder.iterdir() if path.is_file() and path.name != SUMS}
    return [
        f"{name}: {_difference(expected.get(name), actual.get(name))}"
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name) != actual.get(name)
    ]


def _difference(expected: str | None, actual: str | None) -> str:
    if expected is None:
        return f"not in {SUMS}"
    return "missing" if actual is None else f"other bytes than in {SUMS}"
