"""A function under awslambdaric, Lambda's own runtime interface client, as a process against a Runtime API here."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from tests.aws.responses import checked
from tests.clocks import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
FUNCTION_PATH = os.pathsep.join(map(str, (PROJECT / "authorizer", PROJECT / "layer")))

CALL_HANDLER = """
import importlib, json, sys
sys.path += sys.argv[2:]
assert not [path for path in sys.path if "site-packages" in path]
module, function = sys.argv[1].rsplit(".", 1)
print(json.dumps(getattr(importlib.import_module(module), function)(json.load(sys.stdin), None)))
"""
"""A script that calls a function with the event in its input, and folders in its arguments on the path."""

_PREFIX = "/2018-06-01/runtime"


class Context(NamedTuple):
    """The context of an invocation."""

    milliseconds: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class Outcome(NamedTuple):
    """What a function posted: ``kind`` is ``response``, ``error``, ``init error`` or ``restore error``.

    ``exit`` if it ended instead, ``snapshot`` if it has started under SnapStart, and waits to be restored.
    """

    kind: str
    payload: Any


class _RuntimeApi(ThreadingHTTPServer):
    """The Runtime API: hands out one event at a time and takes what the function posts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: queue.Queue[object] = queue.Queue()
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self.restored = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one write: Nagle's algorithm would hold back a second one

    def do_GET(self) -> None:
        if self.path == f"{_PREFIX}/restore/next":
            self.server.outcomes.put(Outcome("snapshot", None))
            self.server.restored.wait(LONG)
            self._send(200, b"", {})
            return
        event = self.server.events.get()
        self._send(
            200,
            json.dumps(event).encode(),
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "Lambda-Runtime-Deadline-Ms": "9999999999999",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:authorizer",
            },
        )

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        errors = {f"{_PREFIX}/init/error": "init error", f"{_PREFIX}/restore/error": "restore error"}
        kind = errors.get(self.path) or self.path.rpartition("/")[2]
        self._send(202, b"{}", {})
        self.server.outcomes.put(Outcome(kind, payload))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


class LambdaFunction:
    """A running function. Its log can be read once it has been stopped, which leaving the context does."""

    def __init__(self, process: subprocess.Popen[bytes], api: _RuntimeApi, log: IO[bytes]) -> None:
        self._process = process
        self._api = api
        self._log = log
        self.log = ""

    def invoke(self, event: object) -> Outcome:
        """Hand an event to an authorizer and return what it posts. The shape of a response is checked."""
        outcome = self.invoke_any(event)
        if outcome.kind == "response" and isinstance(event, dict) and event.get("type") == "REQUEST":
            checked(event, outcome.payload)
        return outcome

    def invoke_any(self, event: object) -> Outcome:
        """Hand an event to a function that need not be an authorizer, and return what it posts."""
        self._api.events.put(event)
        return self.next_outcome()

    def next_outcome(self) -> Outcome:
        """Return what the function posts next, which is an init error where it doesn't start."""
        return self._api.outcomes.get(timeout=LONG)

    def restore(self) -> None:
        """Let a function that waits after its snapshot go on, as if it had been restored from that."""
        self._api.restored.set()

    def stop(self) -> None:
        """Stop the process and read its log."""
        self._process.terminate()
        self._process.wait(LONG)
        self._log.seek(0)
        self.log = self._log.read().decode()

    def records(self) -> list[dict[str, Any]]:
        """Return the log's lines, each of which is JSON. A line ends with a line feed, and nothing else ends one."""
        return [json.loads(line) for line in self.log.split("\n") if line]


@contextmanager
def lambda_function(
    handler: str, environment: dict[str, str], *, path: str = FUNCTION_PATH
) -> Iterator[LambdaFunction]:
    """Run a function with this environment and nothing else of this process's, for as long as the context lasts."""
    api = _RuntimeApi()
    thread = threading.Thread(target=api.serve_forever, daemon=True)
    thread.start()
    # A file and not a pipe, which a function with much to say would fill, and wait.
    log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed below
    process = subprocess.Popen(
        [sys.executable, "-m", "awslambdaric", handler],
        env={
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "authorizer",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            **environment,
        },
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    function = LambdaFunction(process, api, log)
    watcher = threading.Thread(target=lambda: api.outcomes.put(Outcome("exit", process.wait())), daemon=True)
    watcher.start()
    try:
        yield function
    finally:
        function.stop()
        # A client that was still waiting for an event is gone: let its thread end.
        api.events.put(None)
        api.restored.set()
        api.shutdown()
        thread.join(LONG)
        api.server_close()
        log.close()
