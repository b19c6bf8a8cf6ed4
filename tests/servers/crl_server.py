"""An HTTP server on loopback that CRLs are fetched from, and that misbehaves as a test wants."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeAlias

from tests.tooling.tracing import not_traced

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

LONGEST_SECONDS = 10
"""Nothing here lasts longer."""

Answer: TypeAlias = "Callable[[BaseHTTPRequestHandler, threading.Event], None]"
"""What to do with a request. The event is set when the server stops."""


def ok(body: bytes, status: int = 200, /, **headers: str) -> Answer:
    """Answer with a body, its length, and more headers, whose names have underscores for hyphens."""

    def send(request: BaseHTTPRequestHandler, _stopped: threading.Event) -> None:
        request.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return send


def conditional(body: bytes, etag: str, last_modified: str) -> Answer:
    """Answer 304 to a request that knows the ETag, else as ``ok``."""

    def send(request: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        known = request.headers.get("If-None-Match") == etag
        validators = {"ETag": etag, "Last_Modified": last_modified}
        (ok(b"", 304, **validators) if known else ok(body, **validators))(request, stopped)

    return send


def truncated(body: bytes, announced: int) -> Answer:
    """Close the connection before the announced number of bytes."""
    return ok(body, Content_Length=str(announced))


def until_closed(body: bytes) -> Answer:
    """Answer without a length, as HTTP/1.0 does: the answer ends when the connection is closed."""

    def send(request: BaseHTTPRequestHandler, _stopped: threading.Event) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(body)

    return send


def byte_by_byte(raw: bytes, seconds: float) -> Answer:
    """Send a raw answer byte by byte."""

    def send(request: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        for position in range(len(raw)):
            if stopped.wait(seconds):
                return
            request.wfile.write(raw[position : position + 1])
            request.wfile.flush()

    return send


def silent() -> Answer:
    """Never answer."""

    def send(_request: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        stopped.wait(LONGEST_SECONDS)

    return send


def raw(content: bytes) -> Answer:
    """Send something, and close the connection."""

    def send(request: BaseHTTPRequestHandler, _stopped: threading.Event) -> None:
        request.wfile.write(content)

    return send


@dataclass
class CrlServer:
    """The answers by path, and the requests so far."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    """The paths, each with the headers."""

    port: int = 0
    scheme: str = "http"

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Return the URL of a path."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        """The paths of the requests so far."""
        return [path for path, _ in self.requests]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    serve_forever = not_traced()(ThreadingHTTPServer.serve_forever)
    process_request_thread = not_traced()(ThreadingHTTPServer.process_request_thread)

    def __init__(self, served: CrlServer, context: ssl.SSLContext | None) -> None:
        stopped = self.stopped = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            timeout = LONGEST_SECONDS

            def do_GET(self) -> None:
                served.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                answer = served.answers.get(self.path.partition("?")[0], ok(b"not found", 404))
                with suppress(OSError):  # the client has closed the connection, as some tests want
                    answer(self, stopped)

            def log_message(self, *_arguments: object) -> None:
                """Log nothing: tests look at what is logged."""

        super().__init__(("127.0.0.1", 0), Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_arguments: object) -> None:
        """Print nothing: some clients abort the handshake, as tests want."""


@contextmanager
def crl_server(context: ssl.SSLContext | None = None) -> Iterator[CrlServer]:
    """Serve on a free port, with TLS if there is a context for it."""
    served = CrlServer(scheme="http" if context is None else "https")
    server = _Server(served, context)
    served.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
