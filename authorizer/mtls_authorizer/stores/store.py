"""The interface of a store."""

from __future__ import annotations

from typing import Protocol

from client_certificate_auth.records import NamedTuple


class Fetched(NamedTuple):
    """The content of a document, and a version that changes whenever the content does. The version may be logged."""

    content: bytes
    version: str


class Store(Protocol):
    """The place of one document."""

    uri: str
    """The name of the document. It may be logged."""

    def fetch(self, version: str | None, /) -> Fetched | None:
        """Return the document, or None if its version is ``version``. Raises StoreError.

        A fetch may take long: use a ``Refresher`` where requests would have to wait for it.
        """

    def reset(self) -> None:
        """Forget sessions, connections and times, so that the next fetch asks the store itself.

        For use after a snapshot was restored. A fetch that is running must not bring back what was forgotten.
        """


class Listed(NamedTuple):
    """A document in a listing: the last segment of its name, the version that ``fetch`` would return, and its size."""

    name: str
    version: str
    size: int


class Prefix(Protocol):
    """The place of all documents whose URIs begin with it."""

    uri: str
    """The name of the prefix, which ends with a slash, and with which the URIs begin. It may be logged."""

    def documents(self, suffixes: tuple[str, ...]) -> dict[str, Listed]:
        """Return all documents at any depth whose names have one of these suffixes, by their URIs.

        Links to folders are not followed. They are listed as well: only their URIs end with a slash. Names that cannot
        be part of a URI of ``parse_uri`` are left out. Raises StoreError if the listing is not complete, also for more
        than MAX_LISTED documents of any name.
        """

    def reset(self) -> None:
        """Forget connections, after a snapshot was restored."""


MAX_LISTED = 100_000
"""The maximum number of documents below a prefix, whatever their names. A request lists 1,000; all take memory."""


class StoreError(Exception):
    """A document cannot be fetched: missing, forbidden, too large, unreachable. The message is its URI and the problem.

    The message contains no credentials and no part of the document, so that it can be logged. ``is_absence`` is whether
    the store answered that there is no such document, or that it may not be read, which S3 also answers for a missing
    object. ``is_too_large`` is whether the document, or the listing of a prefix, is larger than the store may read.
    """

    def __init__(self, uri: str, problem: str, *, is_absence: bool = False, is_too_large: bool = False) -> None:
        super().__init__(f"{uri}: {problem}")
        self.is_absence = is_absence
        self.is_too_large = is_too_large


class Timeouts(NamedTuple):
    """How long a store in AWS waits. A request that is not answered fails after 2 to 5 seconds by default.

    It has no limit in total: callers do not wait for it longer than their own limits, and it ends in its thread.
    """

    connect_seconds: float = 1
    read_seconds: float = 1
    """For each read of a response."""

    tries: int = 2


DEFAULT_TIMEOUTS = Timeouts()


def too_large(uri: str, max_bytes: int) -> StoreError:
    """Return the error of a document of more than ``max_bytes``."""
    return StoreError(uri, f"larger than {max_bytes:,} bytes", is_too_large=True)


def too_many(uri: str, limit: int) -> StoreError:
    """Return the error of a prefix with more documents than the limit."""
    return StoreError(uri, f"it contains more than {limit:,} objects: choose a longer prefix", is_too_large=True)
