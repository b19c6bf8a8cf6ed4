"""Serving a WSGI application on loopback."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

LOOPBACK = "127.0.0.1"

logger = logging.getLogger("local_gateway")

_POLL_SECONDS = 0.05


class _RequestHandler(WSGIRequestHandler):
    # In seconds, for each read, so that a silent client does not keep its thread.
    timeout = 10

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 -- http.server's signature
        """Log a response. Werkzeug would colour it."""
        self.log("info", "%s -> %s", self.requestline, code)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401, ARG002 -- Werkzeug's signature
        """Log a request or a rejected handshake."""
        # The message may quote the client.
        logger.info("%s", ascii(message % args)[1:-1])


@contextmanager
def serve(application: WSGIApplication, context: ssl.SSLContext | None, port: int = 0) -> Iterator[int]:
    """Serve an application while the block runs, with TLS if there is a context, and yield the port.

    That is a free one if ``port`` is 0, taken, or needs permissions.
    """
    with _listen(port) as listening:
        server = ThreadedWSGIServer(LOOPBACK, 0, application, _RequestHandler, fd=listening.fileno())
    if context is not None:
        # Werkzeug would do the handshake on the thread that accepts connections, where one silent client blocks all
        # others. This leaves it to the first read, on the connection's own thread and with its timeout.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.ssl_context = context
    # A daemon, so that the process ends if Ctrl-C arrives just before the block.
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
