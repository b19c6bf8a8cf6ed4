"""Downloading a CRL over HTTP (RFC 9110), from the address that was checked."""

from __future__ import annotations

import re
import socket
import time
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.client import IncompleteRead
from io import BytesIO

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.revocation.crl.size_limit import MAX_CRL_BYTES
from mtls_authorizer.revocation.fetch.addresses import resolve
from mtls_authorizer.revocation.fetch.connection import open_pool, too_large
from mtls_authorizer.revocation.fetch.deadline import Deadline
from mtls_authorizer.revocation.fetch.errors import DownloadError
from mtls_authorizer.revocation.fetch.url import redirected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3.response import BaseHTTPResponse

    from mtls_authorizer.revocation.fetch.addresses import Resolver
    from mtls_authorizer.revocation.fetch.url import CrlUrl

_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 3
_CHUNK_BYTES = 65536
_USER_AGENT = "mtls-authorizer-crl-fetcher"
# Validators are sent to the server in the next request: they have no line break, and a limited length.
_ETAG = re.compile(r'(?:W/)?"[!#-~]{0,200}"')
# The form that servers must send (RFC 9110 §5.6.7). Readers disagree about years of two digits in older forms.
_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [1-9][0-9]{3} [0-9]{2}(?::[0-9]{2}){2} GMT")


class Limits(NamedTuple):
    """The limits of a download."""

    total_seconds: float = 60
    """From the resolution of the name to the last byte."""

    connect_seconds: float = 5
    """For the connection to each address, and for its TLS handshake."""

    read_seconds: float = 10
    """For each read of the response."""

    max_bytes: int = MAX_CRL_BYTES


class Validators(NamedTuple):
    """The validators of a response (RFC 9110 §8.8), with which the server determines whether a CRL has changed."""

    etag: str | None
    last_modified: str | None


class Downloaded(NamedTuple):
    """The response of a server. Nothing in it is verified."""

    content: bytes
    validators: Validators


def download(  # noqa: PLR0913 -- each by name
    url: CrlUrl,
    known: Validators | None = None,
    *,
    limits: Limits,
    allow_private: bool = False,
    getaddrinfo: Resolver = socket.getaddrinfo,
    watch: Callable[[int, int | None], None] = lambda _received, _total: None,
) -> Downloaded | None:
    """Download a CRL; return None if it has not changed since the validators that are known.

    The name of the host is resolved once. All of its addresses must be public, unless ``allow_private``; the connection
    is made to one of them, for redirects, too. Variables for proxies are ignored. ``watch`` receives the number of
    bytes so far and in total, if the server has said that.

    Raises DownloadError.
    """
    with Deadline(limits.total_seconds) as deadline:
        addresses = resolve(
            url.host, url.port, allow_private=allow_private, seconds=deadline.left(), getaddrinfo=getaddrinfo
        )
        try:
            downloaded = _follow(partial(_request, addresses, known, limits, deadline), url, limits.max_bytes, watch)
        except (HTTPError, OSError, ValueError) as error:
            raise DownloadError(_describe(error, limits)) from None
        finally:
            # A socket that was shut down causes errors of all kinds, or what looks like the end of the answer.
            deadline.left()
    if downloaded is None and known is None:
        message = f"HTTP status {HTTPStatus.NOT_MODIFIED.value}, to an unconditional request"
        raise DownloadError(message)
    return downloaded


def _follow(
    request: Callable[[CrlUrl], BaseHTTPResponse],
    url: CrlUrl,
    max_bytes: int,
    watch: Callable[[int, int | None], None],
) -> Downloaded | None:
    for _ in range(_MAX_REDIRECTS + 1):
        with closing(request(url)) as response:
            if response.status in _REDIRECTS:
                url = redirected(url, response.headers.get("Location"))
                continue
            if response.status == HTTPStatus.NOT_MODIFIED:
                return None
            if response.status != HTTPStatus.OK:
                message = f"HTTP status {response.status}"
                raise DownloadError(message)
            return Downloaded(_read(response, max_bytes, watch), _validators(response))
    message = f"more than {_MAX_REDIRECTS} redirects"
    raise DownloadError(message)


def _request(
    addresses: list[str], known: Validators | None, limits: Limits, deadline: Deadline, url: CrlUrl
) -> BaseHTTPResponse:
    """Return the response of the first address that accepts a connection."""
    headers = {"Host": url.host_header, "Connection": "close", "Accept-Encoding": "identity", "User-Agent": _USER_AGENT}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    if known is not None and known.last_modified:
        headers["If-Modified-Since"] = known.last_modified

    def open_at(address: str) -> BaseHTTPResponse:
        left = deadline.left()
        return open_pool(url, address, deadline, limits.max_bytes).urlopen(
            "GET",
            url.target,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            enforce_content_length=True,
            timeout=urllib3.Timeout(connect=min(limits.connect_seconds, left), read=min(limits.read_seconds, left)),
        )

    *first, last = addresses
    for address in first:
        with suppress(ConnectTimeoutError, NewConnectionError):
            return open_at(address)
    return open_at(last)


def _read(response: BaseHTTPResponse, max_bytes: int, watch: Callable[[int, int | None], None]) -> bytes:
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isascii() and length.isdecimal() else None
    if total is not None and total > max_bytes:
        message = f"the response has {total:,} bytes; at most {max_bytes:,} are supported"
        raise DownloadError(message)
    # Its value shares its memory, and joining parts would copy them.
    content = BytesIO()
    for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
        content.write(chunk)
        if content.tell() > max_bytes:
            raise too_large(max_bytes)
        watch(content.tell(), total)
    return content.getvalue()


def _validators(response: BaseHTTPResponse) -> Validators:
    etag, date = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
    return Validators(
        etag if _ETAG.fullmatch(etag) else None, date if _DATE.fullmatch(date) and _is_past(date) else None
    )


def _is_past(date: str) -> bool:
    """Return whether a date has passed, as RFC 9110 §8.8.2.1 requires of Last-Modified.

    Servers would answer 304 instead of newer CRLs until then, also long after an attacker has sent the date once.
    """
    try:
        return parsedate_to_datetime(date).timestamp() <= time.time()
    except ValueError:
        return False


def _describe(error: Exception, limits: Limits) -> str:
    """Return the kind of an error. Its own text may contain parts of the response."""
    if isinstance(error, SSLError):
        verified = getattr(error.args[0], "verify_message", "")
        return f"TLS failed: {verified or type(error.args[0]).__name__}"
    for kind, description in (
        (NewConnectionError, "no connection: the server refuses it, or there is no route to the server"),
        (ConnectTimeoutError, f"no connection within {limits.connect_seconds:g} s"),
        (ReadTimeoutError, f"no response for {limits.read_seconds:g} s"),
        (IncompleteRead, "the response ended early"),
    ):
        # urllib3 wraps some errors of the standard library.
        if any(isinstance(each, kind) for each in (error, *error.args)):
            return description
    return f"the connection was closed, or the response is not HTTP ({type(error).__name__})"
