"""Zip files that are the same bytes whenever and wherever they are written."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a zip's times (APPNOTE.TXT §4.4.6)
_UNIX = 3  # the system whose file modes these are (§4.4.2)
_MODE = stat.S_IFREG | 0o644  # what AWS asks of a layer's files: the function's user is not their owner
_LEVEL = 9


def write_archive(folder: Path, archive: Path) -> None:
    """Write a folder's files to a zip file, with times, order, modes and level of compression that are always the same.

    The compressed bytes are zlib's: another version of zlib may write others, for the same contents.
    """
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    with ZipFile(archive, "w") as zip_file:
        for name in sorted(paths):
            entry = ZipInfo(name, _EARLIEST)
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            zip_file.writestr(entry, paths[name].read_bytes(), ZIP_DEFLATED, _LEVEL)
