"""A request that was received over TLS."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from werkzeug import wrappers

from client_certificate_auth.testing import Request

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment


@dataclass(frozen=True)
class ClientRequest(Request):
    """A client's HTTP request with the certificate of its TLS connection in PEM (RFC 7468 §5), if there is one."""

    headers: dict[str, str] = field(default_factory=dict)
    source_ip: str = "127.0.0.1"
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    certificate_pem: str | None = None


def read_request(environ: WSGIEnvironment) -> ClientRequest:
    """Read a request from Werkzeug's server.

    The server takes the certificate from the connection. A client cannot set it with a header: headers become
    ``HTTP_…``.
    """
    request = wrappers.Request(environ)
    # PATH_INFO is already decoded, so that %2F in it cannot be distinguished from a slash (RFC 3875 §4.1.5).
    path, _, query = environ["REQUEST_URI"].partition("?")
    return ClientRequest(
        method=request.method,
        path=path,
        query=query,
        headers=dict(request.headers),
        body=request.get_data(),
        protocol=environ["SERVER_PROTOCOL"],
        source_ip=environ["REMOTE_ADDR"],
        certificate_pem=environ.get("SSL_CLIENT_CERT"),
    )
