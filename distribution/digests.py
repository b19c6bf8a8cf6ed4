"""``SHA256SUMS``, in the format of ``sha256sum --check``."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from distribution.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUMS: Final = "SHA256SUMS"
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^/\0\n]+)")


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_digests(folder: Path, files: Iterable[Path] | None = None) -> None:
    """Write the digests of files of a folder, by default of all others."""
    chosen = (path for path in folder.iterdir() if path.name != SUMS) if files is None else files
    lines = [f"{sha256(file)}  {file.name}\n" for file in sorted(chosen)]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def read_digests(folder: Path) -> dict[str, str]:
    """Return the digests by file name. Raises DistributionError if the file is missing or cannot be read."""
    path = folder / SUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        message = f"{path} cannot be read: {reason}"
        raise DistributionError(message) from error
    digests = {}
    for number, line in enumerate(lines, start=1):
        if not (match := _LINE.fullmatch(line)):
            message = f"{path}, line {number}: not a SHA-256 digest and a file name"
            raise DistributionError(message)
        digests[match[2]] = match[1]
    return digests


def compare_digests(folder: Path) -> list[str]:
    """Compare a folder with its ``SHA256SUMS``, which has no folders, and return the differences.

    Raises DistributionError.
    """
    expected = read_digests(folder)
    present = (path for path in folder.iterdir() if path.name != SUMS)
    actual = {path.name: sha256(path) if path.is_file() else "" for path in present}
    return [
        f"{name}: {_difference(expected.get(name), actual.get(name))}"
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name) != actual.get(name)
    ]


def _difference(expected: str | None, actual: str | None) -> str:
    if expected is None:
        return f"not in {SUMS}"
    return "missing" if actual is None else f"other bytes than in {SUMS}"
