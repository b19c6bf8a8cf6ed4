"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def draft_of(path: Path, content: bytes, replaced: os.stat_result | None = None) -> Iterator[Path]:
    """Return a file with the content in the same folder, on the disk, to be renamed. It is removed at the end.

    It gets the owner, the group and the mode of the file that it will replace, as far as permitted; else those of any
    new file. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        mode = 0o666 if replaced is None else 0o600
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replaced is not None:
            # Members of a group can give it a file; only root can give one to another user. Windows has neither.
            with suppress(PermissionError, AttributeError):
                os.chown(draft, -1, replaced.st_gid)
                os.chown(draft, replaced.st_uid, -1)
            draft.chmod(stat.S_IMODE(replaced.st_mode))
        yield draft
    finally:
        # It may have been renamed, or it may be impossible to write there.
        with suppress(OSError):
            draft.unlink()
