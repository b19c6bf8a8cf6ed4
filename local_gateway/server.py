"""Serving a WSGI application over TLS on loopback."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from local_gateway.pki import LOOPBACK

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

logger = logging.getLogger("local_gateway")

_POLL_SECONDS = 0.05


class _RequestHandler(WSGIRequestHandler):
    # For each read, so that a client that says nothing doesn't keep its thread.
    timeout = 10

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 -- http.server's signature
        """Log an answer. Werkzeug would colour it."""
        self.log("info", "%s -> %s", self.requestline, code)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401, ARG002 -- Werkzeug's signature
        """Log what the client did, refused handshakes included."""
        # The message may quote what the client sent.
        logger.info("%s", ascii(message % args)[1:-1])


@contextmanager
def serve(application: WSGIApplication, context: ssl.SSLContext, port: int = 0) -> Iterator[int]:
    """Serve an application while the block runs, and yield the port.

    That is a free one where ``port`` is 0, taken, or not for us to open.
    """
    with _listen(port) as listening:
        server = ThreadedWSGIServer(LOOPBACK, 0, application, _RequestHandler, fd=listening.fileno())
    # Werkzeug would shake hands on the thread that accepts, where one silent client stops everybody. This leaves it to
    # the first read, which is on the connection's own thread, and under its timeout.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.ssl_context = context
    # A daemon, so that Ctrl-C in the one moment before the block can't leave a process that never ends.
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        # serve_forever closes the socket when it ends.
        server.shutdown()
        thread.join()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError:
        return socket.create_server((LOOPBACK, 0))
