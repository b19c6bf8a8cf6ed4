"""Documents in files, and in folders of them."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from mtls_authorizer.stores.store import MAX_LISTED, Fetched, Listed, StoreError, too_large, too_many
from mtls_authorizer.stores.uri import names_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

_ABSENCES = (FileNotFoundError, PermissionError)

_STEP_SECONDS = 0.02
"""Twice the longest step, 10 ms, of the clocks by which kernels set the times of files."""


class FileStore:
    """A regular file. To replace it, rename a new file to its name: a file that is written in place can be read torn.

    ``time_ns`` returns nanoseconds since the epoch by the clock of the file system.
    """

    def __init__(
        self,
        uri: str,
        parts: Sequence[str],
        max_bytes: int,
        *,
        time_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.uri = uri
        (self._path,) = parts
        self._max_bytes = max_bytes
        self._time_ns = time_ns
        self._sleep = sleep

    def fetch(self, version: str | None, /) -> Fetched | None:
        """Return the file, or None if its times, size and inode are those of a version. Raises StoreError."""
        try:
            for _attempt in range(2):
                with open(self._path, "rb", opener=_open_without_blocking) as file:
                    before = os.fstat(file.fileno())
                    self._check(before)
                    if _version(before) == version:
                        return None
                    content = file.read(before.st_size + 1)
                    after = os.fstat(file.fileno())
                whole = len(content) == before.st_size and _version(after) == _version(before)
                if whole and not self._was_just_written(after):
                    return Fetched(content, _version(after))
                self._sleep(_STEP_SECONDS)
        except OSError as error:
            problem = error.strerror or type(error).__name__
            raise StoreError(self.uri, problem, is_absence=isinstance(error, _ABSENCES)) from None
        raise StoreError(self.uri, "it changed while it was read, twice")

    def reset(self) -> None:
        """Do nothing: a file store keeps no state between two fetches."""

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(self.uri, "not a regular file")
        if status.st_size > self._max_bytes:
            raise too_large(self.uri, self._max_bytes)

    def _was_just_written(self, status: os.stat_result) -> bool:
        """Return whether another write could still leave the times of the file as they are."""
        return 0 <= self._time_ns() - status.st_ctime_ns < _STEP_SECONDS * 1_000_000_000


class FilePrefix:
    """A folder of files, with those in its subfolders. Links to folders are not followed, links to files are."""

    def __init__(self, parts: Sequence[str]) -> None:
        (self._path,) = parts
        # Not as it was written, perhaps with two slashes: the URIs of the files begin with it.
        self.uri = Path(self._path).as_uri().removesuffix("/") + "/"

    def documents(self, suffixes: tuple[str, ...]) -> dict[str, Listed]:
        """Return the files with one of these suffixes. Raises StoreError."""
        found: dict[str, Listed] = {}
        count = 0
        try:
            for folder, folders, names in os.walk(self._path, onerror=_raise):
                count += len(names)
                if count > MAX_LISTED:
                    raise too_many(self.uri, MAX_LISTED)
                for link in filter(Path.is_symlink, (Path(folder, name) for name in folders)):
                    found[f"{link.as_uri()}/"] = Listed(link.name, "", 0)
                for name in names:
                    path = Path(folder, name)
                    uri = path.as_uri()
                    if name.endswith(suffixes) and names_document(uri) and (status := _status(path)) is not None:
                        found[uri] = Listed(name, _version(status), status.st_size)
        except OSError as error:
            raise StoreError(self.uri, error.strerror or type(error).__name__) from None
        return found

    def reset(self) -> None:
        """Do nothing: there are no connections."""


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a regular file; None for anything else, and for a file that was just removed."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _raise(error: OSError) -> NoReturn:
    raise error


def _open_without_blocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a named pipe would wait for its writer


def _version(status: os.stat_result) -> str:
    # Both times: tools that copy a file keep the modification time of the original.
    return f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}-{status.st_ino}"
