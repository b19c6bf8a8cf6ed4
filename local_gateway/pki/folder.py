"""The folder of a local gateway's keys and certificates, which only one process uses at a time."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mtls_authorizer_cli.command_line import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path("build/local-gateway")
"""The default folder of the local gateway's keys and certificates."""

_LOCK = "lock"


@contextmanager
def claim_folder(folder: Path | None, default: Path = FOLDER) -> Iterator[Path]:
    """Lock a folder while the block runs, and yield it.

    None stands for ``default`` or, while other processes use it, for the first free one of ``default-2``,
    ``default-3`` and so on. Raises CommandError if another process uses the folder, or if it contains other files,
    which could be replaced.
    """
    candidates = map(partial(_numbered, default), count(1)) if folder is None else (folder,)
    for candidate in candidates:
        candidate.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (candidate / _LOCK).exists() and any(candidate.iterdir()):
            message = f"{candidate} contains files that are not a local gateway's: name an empty --folder, or a new one"
            raise CommandError(message)
        lock = _lock(candidate / _LOCK)
        if lock is not None:
            with lock:
                yield candidate
            return
    message = f"{folder} is in use by another local gateway: stop that, or name another --folder"
    raise CommandError(message)


def _lock(file: Path) -> IO[str] | None:
    """Lock a file until it is closed or the process ends. Returns None if another process has locked it."""
    lock = file.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _numbered(default: Path, number: int) -> Path:
    return default if number == 1 else default.with_name(f"{default.name}-{number}")
