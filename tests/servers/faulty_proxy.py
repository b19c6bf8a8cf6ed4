"""An HTTP proxy on loopback that stands before a service and has the faults that a network and a service can have."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from tests.tooling.tracing import not_traced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Nothing here lasts longer, whatever a test forgets.
LONGEST_SECONDS = 60

_HOP_BY_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


class Exchange(NamedTuple):
    """A request, and the status that it was answered with."""

    method: str
    path: str
    status: int


class Answer(NamedTuple):
    """An answer: the service's, or one that takes its place."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Fault: TypeAlias = "Callable[[Exchanging], None]"
"""What to do with a request in place of handing it on."""


def answer(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answer something else, without asking the service."""
    return lambda exchanging: exchanging.send(
        Answer(status, [(name.replace("_", "-"), value) for name, value in headers.items()], body)
    )


def hang() -> Fault:
    """Take the request and never answer."""
    return lambda exchanging: exchanging.wait(LONGEST_SECONDS)


def reset() -> Fault:
    """Take the request and reset the connection."""
    return lambda exchanging: exchanging.reset()


def garbage(content: bytes = b"\x16\x03\x01\x00garbage\r\n\r\n") -> Fault:
    """Answer something that isn't HTTP."""
    return lambda exchanging: exchanging.send_raw(content)


def truncate(length: int, path: str = "") -> Fault:
    """Give the service's answer, but close the connection after some bytes of the body that was announced.

    With a path, this applies only to what is delivered below it; all else, errors included, is handed on.
    """

    def fail(exchanging: Exchanging) -> None:
        ask = exchanging.ask()
        if path and (not exchanging.path.startswith(path) or ask.status != HTTPStatus.OK):
            exchanging.send(ask)
            return
        exchanging.send_head(ask)
        exchanging.send_raw(ask.body[:length])

    return fail


def late_at_first(seconds: float, fault: Fault) -> Fault:
    """Give the service's answer to the first request too late for who has sent it, and have a fault for the others."""
    first = threading.Lock()

    def fail(exchanging: Exchanging) -> None:
        if not first.acquire(blocking=False):
            fault(exchanging)
            return
        ask = exchanging.ask()
        exchanging.wait(seconds)
        exchanging.send(ask)

    return fail


def before_writes(meanwhile: Callable[[], object], times: int) -> Fault:
    """Let something happen just before each of the next writes, and have no other fault."""
    left = [times]

    def interrupt(exchanging: Exchanging) -> None:
        is_write = exchanging.command == "PUT" or exchanging.headers.get("X-Amz-Target") == "AmazonSSM.PutParameter"
        if is_write and left[0]:
            left[0] -= 1
            meanwhile()
        exchanging.send(exchanging.ask())

    return interrupt


def page_in_place_of(operation: str) -> Fault:
    """Answer the requests with a method (S3) or target (SSM) as a proxy does that blocks a site: with a page."""
    return for_operation(
        operation, answer(HTTPStatus.OK, b"<html>This site is blocked</html>", Content_Type="text/html")
    )


def for_operation(operation: str, fault: Fault) -> Fault:
    """Have a fault for the requests with a method (S3) or target (SSM)."""
    return only_if(lambda exchanging: operation in {exchanging.command, exchanging.headers.get("X-Amz-Target")}, fault)


def only_if(is_affected: Callable[[Exchanging], bool], fault: Fault) -> Fault:
    """Have a fault for some requests."""
    return lambda exchanging: fault(exchanging) if is_affected(exchanging) else exchanging.send(exchanging.ask())


def stall(length: int) -> Fault:
    """Give the service's answer, but nothing more after some bytes of the body."""

    def stop(exchanging: Exchanging) -> None:
        ask = exchanging.ask()
        exchanging.send_head(ask)
        exchanging.send_raw(ask.body[:length])
        exchanging.wait(LONGEST_SECONDS)

    return stop


def byte_by_byte(seconds: float) -> Fault:
    """Give the service's answer, but its body byte by byte."""

    def send(exchanging: Exchanging) -> None:
        ask = exchanging.ask()
        exchanging.send_head(ask)
        for index in range(len(ask.body)):
            exchanging.wait(seconds)
            exchanging.send_raw(ask.body[index : index + 1])

    return send


def reset_open_connections(proxy: FaultyProxy) -> Fault:
    """Have no fault, but reset the connections that are open now when a request arrives, as a NAT gateway does."""
    dead = set(proxy.connections)
    return only_if(lambda exchanging: exchanging.connection in dead, reset())


def delay(seconds: float) -> Fault:
    """Give the service's answer, but later."""

    def wait(exchanging: Exchanging) -> None:
        exchanging.wait(seconds)
        exchanging.send(exchanging.ask())

    return wait


class FaultyProxy:
    """The proxy. With no fault it hands on; ``exchanges`` is what was answered on the wire."""

    def __init__(self, service_url: str) -> None:
        self.fault: Fault | None = None
        self.exchanges: list[Exchange] = []
        self.service = urlsplit(service_url).netloc
        self.connections: set[socket.socket] = set()
        self.recovered = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        # Holds the port while nobody listens, so that nobody else can be given it.
        self._placeholder = _bind(0)
        self.port: int = self._placeholder.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Take connections (again)."""
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def refuse_connections(self) -> None:
        """End all connections, and refuse new ones until ``listen`` or ``recover``."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self.drop_connections()
            self._server.server_close()
            self._server = None

    def drop_connections(self) -> None:
        """End all connections, in the middle of whatever they are."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def break_with(self, fault: Fault) -> None:
        """Have a fault for all requests from now on."""
        self.fault = fault

    def recover(self) -> None:
        """Be in order again; what hangs ends without an answer, what is slow goes on at once."""
        self.fault = None
        self.recovered.set()
        self.recovered = threading.Event()
        if self._server is None:
            self.listen()

    def statuses(self) -> list[int]:
        """Return the statuses that were answered since the last call, and forget them."""
        statuses = [exchange.status for exchange in self.exchanges]
        self.exchanges.clear()
        return statuses

    def close(self) -> None:
        """End."""
        self.fault = None
        self.recovered.set()
        self.refuse_connections()
        self._placeholder.close()


class Exchanging(BaseHTTPRequestHandler):
    """One connection of a client, and the request that it has sent."""

    protocol_version = "HTTP/1.1"
    timeout = LONGEST_SECONDS
    server: _Server

    def setup(self) -> None:
        """Begin."""
        super().setup()
        self.proxy = self.server.proxy
        self.proxy.connections.add(self.connection)

    def finish(self) -> None:
        """End."""
        self.proxy.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        """Hand on a request, or have a fault."""
        self._recovered = self.proxy.recovered
        self.body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self.proxy.fault
        if fault is None:
            self.send(self.ask())
        else:
            self.close_connection = True
            fault(self)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 -- likewise

    @property
    def place(self) -> str:
        """The path without the query."""
        return self.path.partition("?")[0]

    def wait(self, seconds: float) -> None:
        """Wait, but not after the proxy has recovered."""
        self._recovered.wait(seconds)

    def ask(self) -> Answer:
        """Return what the service answers."""
        upstream = http.client.HTTPConnection(self.proxy.service, timeout=LONGEST_SECONDS)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            upstream.request(self.command, self.path, self.body, headers)
            response = upstream.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
            return Answer(response.status, kept, response.read())
        finally:
            upstream.close()

    def send(self, answer: Answer) -> None:
        """Send a whole answer."""
        self.send_head(answer)
        self.send_raw(answer.body)

    def send_head(self, answer: Answer) -> None:
        """Send an answer's status and headers."""
        self.proxy.exchanges.append(Exchange(self.command, self.path, answer.status))
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != http.client.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            # Otherwise, the next request may use the connection, fail, and be repeated.
            self.send_header("Connection", "close")
        self.end_headers()

    def send_raw(self, content: bytes) -> None:
        """Send bytes."""
        with suppress(OSError):  # a client that has gone
            self.wfile.write(content)

    def reset(self) -> None:
        """Reset the connection (RFC 9293 §3.5.2): what close does with no time to linger."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def log_message(self, *_arguments: Any) -> None:  # noqa: ANN401 -- as in http.server
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing it waits for them
    serve_forever = not_traced()(ThreadingHTTPServer.serve_forever)
    process_request_thread = not_traced()(ThreadingHTTPServer.process_request_thread)

    def __init__(self, proxy: FaultyProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", proxy.port), Exchanging, bind_and_activate=False)
        self.socket.close()
        self.socket = _bind(proxy.port)
        self.server_activate()

    def handle_error(self, *_arguments: Any) -> None:  # noqa: ANN401 -- as in socketserver
        """Print nothing: clients go away, which is what many tests are about."""


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


@contextmanager
def faulty_proxy(service_url: str) -> Iterator[FaultyProxy]:
    """Stand before a service, on a free port."""
    proxy = FaultyProxy(service_url)
    proxy.listen()
    try:
        yield proxy
    finally:
        proxy.close()
