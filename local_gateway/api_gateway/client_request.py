"""A request as it came in over TLS."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment


@dataclass(frozen=True)
class ClientRequest:
    """A client's HTTP request.

    ``path`` and ``query`` are as sent, percent-encoded. ``headers`` has one value for each name. ``time`` is aware, in
    UTC. ``certificate_pem`` is the certificate of the TLS connection that the request came over (RFC 7468), if any.
    """

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    protocol: str = "HTTP/1.1"
    source_ip: str = "127.0.0.1"
    certificate_pem: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def domain_name(self) -> str | None:
        """The domain name of the Host header, without the port; None without the header."""
        host = {name.lower(): value for name, value in self.headers.items()}.get("host")
        return None if host is None else host.partition(":")[0]


def read_request(environ: WSGIEnvironment) -> ClientRequest:
    """Read a request from Werkzeug's server.

    That takes the certificate from the connection. A client can't get there with a header: headers become ``HTTP_…``.
    """
    request = Request(environ)
    # PATH_INFO is decoded already, and %2F in it can't be told from a slash. RFC 3875 §4.1.5 leaves no other way.
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
