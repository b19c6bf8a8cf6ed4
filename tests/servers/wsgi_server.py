"""Serving a WSGI application over HTTP on loopback, without a log: many tests look at what is logged."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from tests.tooling.faster_botocore import make_botocore_faster
from tests.tooling.tracing import not_traced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication


class _Quiet(WSGIRequestHandler):
    def log(self, *_arguments: object) -> None:
        """Log nothing."""


class _Server(ThreadedWSGIServer):
    serve_forever = not_traced()(ThreadedWSGIServer.serve_forever)
    process_request_thread = not_traced()(ThreadedWSGIServer.process_request_thread)


@contextmanager
def serve(application: WSGIApplication) -> Iterator[str]:
    """Serve an application on a free port while the block runs, and yield the URL.

    No coverage is measured in it, nor in clients of AWS: most applications are moto's.
    """
    make_botocore_faster()
    server = _Server("127.0.0.1", 0, application, _Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
