"""Where documents are kept: files, and what AWS has for it, named by URIs.

boto3 is imported when a store in AWS is opened, and not before.
"""

from __future__ import annotations

import os
import re
import stat
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol, cast
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class StoreError(Exception):
    """A document can't be had: missing, forbidden, too large, unreachable. The message is its URI and what happened.

    It holds no credentials and nothing of the document, so that it can be logged.
    """

    def __init__(self, uri: str, problem: str) -> None:
        super().__init__(f"{uri}: {problem}")


class Fetched(NamedTuple):
    """A document's content, and a version that changes whenever the content does. The version may be logged.

    ``modified`` is when it was last changed, aware, by the store's clock: None where the store doesn't say.
    """

    content: bytes
    version: str
    modified: datetime | None = None


class Store(Protocol):
    """Where one document is kept."""

    @property
    def uri(self) -> str:
        """The document's name. It may be logged."""

    def fetch(self, version: str | None) -> Fetched | None:
        """Return the document; None where it is unchanged since a version. Raises StoreError.

        It may take long: leave it to a ``Refresher`` where requests wait.
        """


class DatedStore(Store, Protocol):
    """A store that knows when its document was last changed: a file, or an object in S3."""

    def fetch(self, version: str | None, since: datetime | None = None) -> Fetched | None:
        """Return the document, with its date; None where it is unchanged since a version, or a time, which is aware.

        The version counts where there are both (RFC 9110 §13.1.3). Dates may be whole seconds: what was changed within
        the same second isn't told from what wasn't.
        """


class Scheme(StrEnum):
    """The kinds of stores."""

    FILE = "file"
    S3 = "s3"
    SSM = "ssm"
    APPCONFIG = "appconfig"


DATED_SCHEMES = (Scheme.S3, Scheme.FILE)
"""Those whose stores are a ``DatedStore``."""

_FORMS: Mapping[Scheme, str] = {
    Scheme.FILE: "file:///absolute/path",
    Scheme.S3: "s3://bucket/key",
    Scheme.SSM: "ssm:///parameter or ssm:///part/1,/part/2",
    Scheme.APPCONFIG: "appconfig://application/environment/profile",
}

# Kernels set a file's times from a clock that goes in steps: of 10 ms, where they are longest.
_CLOCK_STEP_SECONDS = 0.02

_LONGEST_URI_SHOWN = 80
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_LONGEST_KEY = 1024  # bytes of UTF-8
# A parameter's name and, after a colon, the number or the label of one of its versions.
_PARAMETER = re.compile(r"(?:/[A-Za-z0-9_.-]+)+(?::[A-Za-z0-9_.-]+)?")
_MOST_PARAMETERS = 10  # that one call of GetParameters takes
_APPCONFIG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,127}")


def check_uri(uri: str, schemes: Collection[str] = tuple(Scheme)) -> None:
    """Check that a URI names a document in a store of one of these schemes. Pure: nothing is opened.

    Raises ValueError with what is wrong and what would be right, to be put behind the name of a variable. What doesn't
    belong into a URI and may be secret, a password or a signed query, is not repeated there.
    """
    _locate(uri, schemes)


def open_store(uri: str, *, largest: int) -> Store:
    """Open the store that a URI names. For AWS this makes a client; a document is first asked for by ``fetch``.

    Content of more than ``largest`` bytes will be a StoreError, without having been read whole. Raises ValueError for
    a URI that ``check_uri`` refuses, and StoreError where there is no boto3, no region or no AWS configuration that can
    be used. To be called at start-up, by one thread.
    """
    scheme, location = _locate(uri, tuple(Scheme))
    if scheme is Scheme.FILE:
        return FileStore(uri, location[0], largest)
    try:
        from mtls_authorizer.stores.aws import open_aws_store  # noqa: PLC0415 -- imports boto3, which takes half a second
    except ModuleNotFoundError as error:
        problem = f"there is no module {error.name}. Lambda's runtimes have it; elsewhere, install boto3"
        raise StoreError(uri, problem) from None
    return open_aws_store(uri, scheme, location, largest)


def open_dated_store(uri: str, *, largest: int) -> DatedStore:
    """Do as ``open_store`` for a file or an object in S3. Raises ValueError for any other URI as well."""
    check_uri(uri, DATED_SCHEMES)
    return cast("DatedStore", open_store(uri, largest=largest))


class FileStore:
    """A regular file. Replace it by renaming a new one to its name: what is written in place can be met half-way."""

    def __init__(self, uri: str, path: str, largest: int) -> None:
        self.uri = uri
        self._path = path
        self._largest = largest

    def fetch(self, version: str | None, since: datetime | None = None) -> Fetched | None:
        """Return the file; None where its times, size and inode are a version's. Raises StoreError.

        Without a version: None where neither its content nor its name, owner or mode was changed after ``since``.
        """
        try:
            for _attempt in range(2):
                with open(self._path, "rb", opener=_open_without_waiting) as file:
                    before = os.fstat(file.fileno())
                    self._check(before)
                    if _file_version(before) == version:
                        return None
                    if version is None and since is not None and _modified(before) <= since:
                        return None
                    content = file.read(before.st_size + 1)
                    after = os.fstat(file.fileno())
                whole = len(content) == before.st_size and _file_version(after) == _file_version(before)
                if whole and not _just_written(after):
                    return Fetched(content, _file_version(after), _modified(after))
                time.sleep(_CLOCK_STEP_SECONDS)
        except OSError as error:
            raise StoreError(self.uri, error.strerror or type(error).__name__) from None
        raise StoreError(self.uri, "it changed while it was read, twice")

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(self.uri, "not a regular file")
        if status.st_size > self._largest:
            raise StoreError(self.uri, too_large(self._largest))


def too_large(largest: int) -> str:
    """Return what is wrong with content of more than ``largest`` bytes."""
    return f"larger than {largest:,} bytes"


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a named pipe would wait for its writer


def _file_version(status: os.stat_result) -> str:
    # Both times: tools that copy a file set its modification time to the original's.
    return f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}-{status.st_ino}"


def _modified(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(max(status.st_mtime, status.st_ctime), UTC)


def _just_written(status: os.stat_result) -> bool:
    """Return whether a file may have been written again without a change of its times, which go in steps."""
    return 0 <= time.time_ns() - status.st_ctime_ns < _CLOCK_STEP_SECONDS * 1_000_000_000


def _locate(uri: str, schemes: Collection[str]) -> tuple[Scheme, tuple[str, ...]]:
    """Return what a URI names: a path; a bucket and a key; parameters; an application, an environment, a profile."""
    prefix, separator, rest = uri.partition("://")
    if not separator or prefix not in schemes:
        raise _refusal(uri, "write " + ", ".join(_FORMS[scheme] for scheme in Scheme if scheme in schemes))
    scheme = Scheme(prefix)
    try:
        if not uri.isprintable():
            _refuse("it has a character that can't be printed")
        return scheme, _LOCATE[scheme](rest)
    except ValueError as error:
        raise _refusal(uri, f"{error}; write {_FORMS[scheme]}") from None


def _locate_file(rest: str) -> tuple[str, ...]:
    if not rest.startswith("/"):
        _refuse("a file's path is absolute, and there is no host before it: that makes three slashes")
    if "?" in rest or "#" in rest:
        _refuse("there is no query or fragment of a file: write %3F for ?, %23 for #")
    if _BAD_PERCENT.search(rest):
        _refuse("two hexadecimal digits belong behind %: write %25 for % itself")
    path = unquote(rest, errors="strict")
    if not path.isprintable():
        _refuse("it has a character that can't be printed")
    if ".." in path.split("/"):
        _refuse("its path has .. in it")
    if path.endswith("/"):
        _refuse("it names a folder, not a file")
    return (path,)


def _locate_s3(rest: str) -> tuple[str, ...]:
    bucket, _slash, key = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        _refuse("what follows s3:// is a bucket's name, with nothing else before the next slash")
    if not key or key.endswith("/"):
        _refuse("it names no object")
    if "?" in key or "#" in key:
        _refuse("a key with ? or # in it can't be named, and there is no query or fragment")
    if not {".", ".."}.isdisjoint(key.split("/")):
        _refuse("a key with . or .. between slashes can't be named")
    if len(key.encode()) > _LONGEST_KEY:
        _refuse(f"its key is longer than {_LONGEST_KEY} bytes")
    return bucket, key


def _locate_ssm(rest: str) -> tuple[str, ...]:
    names = rest.split(",")
    for name in names:
        if not _PARAMETER.fullmatch(name):
            _refuse(
                f"{name[:_LONGEST_URI_SHOWN]!r} is not a parameter's name: it begins with a slash, and has letters,"
                " digits, _, . and - between slashes"
            )
    if len({name.partition(":")[0] for name in names}) < len(names):
        _refuse("it names a parameter twice")
    if len(names) > _MOST_PARAMETERS:
        _refuse(f"it names {len(names)} parameters, and {_MOST_PARAMETERS} can be read at once")
    return tuple(names)


def _locate_appconfig(rest: str) -> tuple[str, ...]:
    names = tuple(rest.split("/"))
    if len(names) != len(("application", "environment", "profile")):
        _refuse("three names or IDs belong behind appconfig://, with slashes between them")
    for name in names:
        if not _APPCONFIG_NAME.fullmatch(name):
            _refuse("names have letters, digits, spaces, ., _ and -; where one has anything else, write its ID")
    return names


_LOCATE: Mapping[Scheme, Callable[[str], tuple[str, ...]]] = {
    Scheme.FILE: _locate_file,
    Scheme.S3: _locate_s3,
    Scheme.SSM: _locate_ssm,
    Scheme.APPCONFIG: _locate_appconfig,
}


def _refuse(problem: str) -> NoReturn:
    raise ValueError(problem)


def _refusal(uri: str, problem: str) -> ValueError:
    return ValueError(f"is {_shown(uri)}: {problem}")


def _shown(uri: str) -> str:
    """Return what can be shown of a URI that is refused: a password may be in it, or a signed query."""
    scheme, separator, _rest = uri.partition("://")
    shown = re.split("[?#]", uri, maxsplit=1)[0][:_LONGEST_URI_SHOWN]
    if "@" in uri:
        shown = scheme[:_LONGEST_URI_SHOWN] + separator if separator else ""
    return repr(shown if shown == uri else shown + "…")
