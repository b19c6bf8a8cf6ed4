"""The interface of a store, and the function that opens the store that a URI names.

boto3 is imported when a store in AWS is opened, and not before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mtls_authorizer.stores.uri import Scheme, parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class Fetched(NamedTuple):
    """The content of a document, and a version that changes whenever the content does. The version may be logged.

    ``modified`` is the time of the last change by the store's clock, aware; None if the store does not keep it.
    """

    content: bytes
    version: str
    modified: datetime | None = None


class Store(Protocol):
    """The place of one document."""

    @property
    def uri(self) -> str:
        """The name of the document. It may be logged."""

    def fetch(self, version: str | None, since: datetime | None = None, /) -> Fetched | None:
        """Return the document, or None if it is unchanged.

        Unchanged means that its version is ``version``; without a version, that it was not changed after ``since``,
        which is aware. Stores that keep no dates ignore ``since``; dates may be whole seconds, so that a change within
        the same second is missed. With neither, the document is always returned. Raises StoreError.

        A fetch may take long: use a ``Refresher`` where requests would have to wait for it.
        """

    def reset(self) -> None:
        """Forget sessions and times, so that the next fetch asks the store itself.

        For use after a snapshot was restored. A fetch that is running must not bring back what was forgotten.
        """


class StoreError(Exception):
    """A document cannot be fetched: missing, forbidden, too large, unreachable. The message is its URI and the problem.

    The message contains no credentials and no part of the document, so that it can be logged.
    """

    def __init__(self, uri: str, problem: str) -> None:
        super().__init__(f"{uri}: {problem}")


class Timeouts(NamedTuple):
    """How long a store in AWS waits. These defaults keep a request below the authorizer's own limits."""

    connect_seconds: float = 1
    read_seconds: float = 1
    """For each part of an answer, as it arrives."""

    tries: int = 2


DEFAULT_TIMEOUTS = Timeouts()


class StoreOpener(Protocol):
    """``open_store``, or a function that takes its place."""

    def __call__(self, uri: str, *, max_bytes: int) -> Store:
        """Open the store that a URI names."""


def open_store(
    uri: str, *, max_bytes: int, timeouts: Timeouts = DEFAULT_TIMEOUTS, clock: Callable[[], float] = time.monotonic
) -> Store:
    """Open the store that a URI names. For AWS this creates a client; the document is requested by ``fetch``.

    A document of more than ``max_bytes`` will be a StoreError, and is not read to its end. ``clock`` returns seconds
    and never goes back. Raises ValueError for a URI that ``parse_uri`` rejects, and StoreError if boto3, a region or a
    usable AWS configuration is missing. Call it at start-up, from one thread.
    """
    scheme, parts = parse_uri(uri)
    if scheme is Scheme.FILE:
        from mtls_authorizer.stores.file import FileStore  # noqa: PLC0415 -- as below, only the store that is needed

        return FileStore(uri, parts, max_bytes)
    try:
        from mtls_authorizer.stores.aws import aws_client  # noqa: PLC0415 -- imports boto3, which takes half a second
    except ModuleNotFoundError as error:
        problem = f"there is no module {error.name}. The Lambda runtimes contain it; elsewhere, install boto3"
        raise StoreError(uri, problem) from None
    if scheme is Scheme.S3:
        from mtls_authorizer.stores.s3 import S3Store  # noqa: PLC0415 -- likewise

        return S3Store(uri, aws_client(uri, "s3", timeouts), parts, max_bytes, timeouts)
    if scheme is Scheme.SSM:
        from mtls_authorizer.stores.ssm import SsmStore  # noqa: PLC0415 -- likewise

        return SsmStore(uri, aws_client(uri, "ssm", timeouts), parts, max_bytes, timeouts)
    from mtls_authorizer.stores.appconfig import AppConfigStore  # noqa: PLC0415 -- likewise

    return AppConfigStore(uri, aws_client(uri, "appconfigdata", timeouts), parts, max_bytes, timeouts, clock)


def too_large(max_bytes: int) -> str:
    """Return the problem of a document of more than ``max_bytes``, for a StoreError."""
    return f"larger than {max_bytes:,} bytes"
