"""A function under awslambdaric, and a fast Runtime API: one connection, and no thread other than the caller's."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from tests.aws.lambda_runtime import FUNCTION_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECONDS = 60
_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:authorizer"


class Invocation(NamedTuple):
    """The ``response`` or ``error`` that a function posted, and how many seconds after the event was sent."""

    kind: str
    payload: Any
    seconds: float


class Function:
    """A running function, under one invocation at a time."""

    def __init__(self, process: subprocess.Popen[bytes], listening: socket.socket) -> None:
        self.process_id = process.pid
        self._listening = listening
        self._connection: socket.socket | None = None
        self._received: IO[bytes] | None = None

    def invoke(self, request_id: str, event: bytes) -> Invocation:
        """Pass an event in JSON to the function and return what it posts. Raises RuntimeError for anything else."""
        path, _ = self._receive()
        if not path.endswith("/invocation/next"):
            message = f"the function asked for {path} and not for an event"
            raise RuntimeError(message)
        headers = (
            f"Lambda-Runtime-Aws-Request-Id: {request_id}\r\nLambda-Runtime-Deadline-Ms: 9999999999999\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {_ARN}\r\nContent-Type: application/json\r\n"
        )
        began = time.perf_counter()
        self._send("200 OK", headers, event)
        path, payload = self._receive()
        seconds = time.perf_counter() - began
        self._send("202 Accepted", "", b"{}")
        *_, posted_id, kind = path.split("/")
        if posted_id != request_id:
            message = f"the function posted to {path} and not about {request_id}"
            raise RuntimeError(message)
        return Invocation(kind, json.loads(payload), seconds)

    def _receive(self) -> tuple[str, bytes]:
        """Read a request, on a new connection if the old one has ended, and return its path and body."""
        line = self._received.readline() if self._received else b""
        while not line:
            self.close()
            self._connection, _ = self._listening.accept()
            self._connection.settimeout(_SECONDS)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._received = self._connection.makefile("rb")
            line = self._received.readline()
        if self._received is None:
            raise AssertionError
        length = 0
        while (header := self._received.readline().strip()) != b"":
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return line.split()[1].decode(), self._received.read(length)

    def _send(self, status: str, headers: str, body: bytes) -> None:
        if self._connection is None:
            raise AssertionError
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self._connection.sendall(head.encode() + body)

    def close(self) -> None:
        """Close the connection."""
        for each in (self._received, self._connection):
            if each is not None:
                each.close()


@contextmanager
def running_function(environment: Mapping[str, str], log: IO[bytes]) -> Iterator[Function]:
    """Run the authorizer with these variables, and no others, while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(_SECONDS)
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "mtls_authorizer.handler.handler"],
            env={
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listening.getsockname()[1]}",
                "AWS_LAMBDA_FUNCTION_NAME": "authorizer",
                "AWS_LAMBDA_LOG_FORMAT": "JSON",
                "AWS_LAMBDA_LOG_LEVEL": "INFO",
                "PYTHONPATH": FUNCTION_PATH,
                **environment,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        function = Function(process, listening)
        try:
            yield function
        finally:
            process.terminate()
            process.wait(_SECONDS)
            function.close()
