"""Zip files whose bytes depend on their contents only."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time in a zip file (APPNOTE.TXT §4.4.6)
_UNIX = 3  # the system that the file modes are for (§4.4.2)
_MODE = stat.S_IFREG | 0o644  # AWS requires it: the user of a function does not own the layer's files
_LEVEL = 9


def write_archive(folder: Path, archive: Path) -> None:
    """Write a folder's files to a zip file with fixed times, order, modes and compression level.

    The compressed bytes are zlib's: another version of zlib may compress the same contents to other bytes.
    """
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    with ZipFile(archive, "w") as zip_file:
        for name in sorted(paths):
            entry = ZipInfo(name, _EARLIEST)
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            zip_file.writestr(entry, paths[name].read_bytes(), ZIP_DEFLATED, _LEVEL)
