"""The folder of a local gateway's keys and certificates, which only one process uses at a time."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from local_gateway.revoke import FOLDER
from mtls_authorizer_cli.command_line import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextmanager
def claim_folder(folder: Path | None, default: Path = FOLDER) -> Iterator[Path]:
    """Lock a folder while the block runs, and yield it.

    None stands for ``default`` or, while other processes use it, for the first free one of ``default-2``,
    ``default-3`` and so on. Raises CommandError if another process uses the folder.
    """
    candidates = _numbered(default) if folder is None else (folder,)
    for candidate in candidates:
        candidate.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The lock ends with the process, however that ends.
        with (candidate / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield candidate
            return
    message = f"{folder} is in use by another local gateway: stop that, or name another --folder"
    raise CommandError(message)


def _numbered(default: Path) -> Iterable[Path]:
    yield default
    for number in count(2):
        yield default.with_name(f"{default.name}-{number}")
