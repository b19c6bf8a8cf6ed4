"""Connections to an address of a host, with a deadline, and a limit for the size of a response."""

from __future__ import annotations

import logging
import ssl
from functools import partial
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

from mtls_authorizer.revocation.fetch.errors import DownloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from _typeshed import WriteableBuffer

    from mtls_authorizer.revocation.fetch.deadline import Deadline
    from mtls_authorizer.revocation.fetch.url import CrlUrl

_MAX_OVERHEAD = 1024 * 1024
"""In bytes: headers, and the sizes of chunks, which take less than a hundredth."""

# Its warnings contain whole URLs, with queries, which may be confidential, and headers that it cannot parse.
logging.getLogger("urllib3").setLevel(logging.ERROR)


def open_pool(url: CrlUrl, address: str, deadline: Deadline, max_bytes: int) -> urllib3.HTTPConnectionPool:
    """Return a pool of one connection to an address, for a host. TLS verifies that the server has its name.

    Reading an answer with more than ``max_bytes`` and its headers raises DownloadError.
    """
    if url.scheme == "http":
        return _Pool(address, url.port, deadline=deadline, max_bytes=max_bytes)
    context = ssl.create_default_context()
    return _TlsPool(
        address, url.port, ssl_context=context, server_hostname=url.host, deadline=deadline, max_bytes=max_bytes
    )


def too_large(max_bytes: int) -> DownloadError:
    """Return the error of a response with more than ``max_bytes``."""
    return DownloadError(f"the response has more than {max_bytes:,} bytes")


class _LimitedReader(RawIOBase):
    """An answer as it arrives, with its headers.

    The limit of a document is not enough: Python reads a chunk of the size -1 to the end of the connection, and older
    versions of urllib3 read lines of any length between chunks.
    """

    def __init__(self, received: RawIOBase, max_bytes: int) -> None:
        self._received = received
        self._max_bytes = max_bytes
        self._left = max_bytes + _MAX_OVERHEAD

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read what has arrived into a buffer. Raises DownloadError if that is too much in total."""
        count: int | None = self._received.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise too_large(self._max_bytes)
        return count

    def close(self) -> None:
        """Close the socket's file."""
        self._received.close()
        super().close()


class _LimitedResponse(HTTPResponse):
    def __init__(self, *arguments: Any, max_bytes: int, **keywords: Any) -> None:  # noqa: ANN401 -- http.client's own
        super().__init__(*arguments, **keywords)
        self.fp = BufferedReader(_LimitedReader(self.fp.detach(), max_bytes))


class _Connection(HTTPConnection):
    def __init__(self, *arguments: Any, deadline: Deadline, max_bytes: int, **keywords: Any) -> None:  # noqa: ANN401 -- urllib3's own
        super().__init__(*arguments, **keywords)
        # http.client only calls it.
        self.response_class = partial(_LimitedResponse, max_bytes=max_bytes)  # type: ignore[assignment]
        self._deadline = deadline

    def connect(self) -> None:
        """Connect, with TLS if it is that kind, and watch the socket from then on."""
        try:
            super().connect()
        except TimeoutError as error:
            # Otherwise, a timeout of TLS would be reported as one of the response.
            raise ConnectTimeoutError(self, "TLS") from error
        self._deadline.watch(self.sock)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
