from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from distribution.layer_builder import package_index
from distribution.layer_builder.package_index import answers, find_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/simple" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=[0.05]).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def reset(connection: socket.socket, _stopped: Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(_connection: socket.socket, _stopped: Event) -> None:
    pass


def send_no_http(connection: socket.socket, _stopped: Event) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n")


def send_slowly(connection: socket.socket, stopped: Event) -> None:
    with suppress(ConnectionError):  # if this machine is busy, one read may take too long, and the connection is closed
        while not stopped.wait(0.05):
            connection.sendall(b"H")


@pytest.fixture
def misbehaving(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve a connection with the function that is the parameter."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            request.param(connection, stopped)

    stopped = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        yield "127.0.0.1:{1}".format(*server.getsockname())
        stopped.set()
        thread.join()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(package_index, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "127.0.0.1:{1}".format(*server.getsockname())


@pytest.mark.parametrize("path", ["simple", "missing"])
def test_any_answer_is_good_enough(answering: str, path: str) -> None:
    assert answers(f"http://{answering}/{path}")


def test_problems_of_tls_are_left_to_pip(answering: str) -> None:
    assert answers(f"https://{answering}/simple")


def test_a_server_that_accepts_and_says_nothing_does_not_answer(silent: str) -> None:
    assert not answers(f"http://{silent}/simple")


def test_a_port_that_refuses_connections_does_not_answer() -> None:
    assert not answers("http://127.0.0.1:1/simple")


@pytest.mark.parametrize("misbehaving", [reset, close], indirect=True)
def test_a_server_that_closes_the_connection_does_not_answer(misbehaving: str) -> None:
    assert not answers(f"http://{misbehaving}/simple")


@pytest.mark.parametrize("misbehaving", [send_slowly], indirect=True)
def test_an_answer_that_takes_too_long_is_given_up(misbehaving: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_index, "SECONDS", 0.5)
    assert not answers(f"http://{misbehaving}/simple")


@pytest.mark.parametrize("misbehaving", [send_no_http], indirect=True)
def test_another_protocol_is_left_to_pip(misbehaving: str) -> None:
    assert answers(f"http://{misbehaving}/simple")


@pytest.mark.parametrize("host", ["127.0.0.1:port", ".example"])
def test_an_invalid_url_is_left_to_pip(host: str) -> None:
    assert answers(f"http://{host}/simple")


@pytest.mark.parametrize(
    ("configuration", "index"),
    [
        ({"PIP_INDEX_URL": "https://name:secret@127.0.0.1:1/simple"}, "https://127.0.0.1:1/simple"),
        ({"PIP_INDEX_URL": "https://127.0.0.1:1/simple", "PIP_PROXY": "http://127.0.0.1:1"}, None),
        ({"PIP_INDEX_URL": "file:///nowhere"}, None),
    ],
    ids=["with credentials", "with a proxy", "in a folder"],
)
def test_the_index_is_the_one_that_pip_connects_to(
    monkeypatch: pytest.MonkeyPatch, configuration: dict[str, str], index: str | None
) -> None:
    for name, value in {"PIP_CONFIG_FILE": os.devnull, **configuration}.items():
        monkeypatch.setenv(name, value)
    assert find_index() == index


@pytest.mark.parametrize("section", ["global", "download"])
def test_the_index_may_be_configured_in_a_file(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(f"[{section}]\nindex-url = https://name:secret@127.0.0.1:1/simple\n")
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    assert find_index() == "https://127.0.0.1:1/simple"


def test_pip_has_an_index_unless_another_one_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert (find_index() or "").startswith("https://")
