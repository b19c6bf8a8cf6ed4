from __future__ import annotations

import os
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from distribution.layer_builder import package_index
from distribution.layer_builder.package_index import answers, find_index

if TYPE_CHECKING:
    from collections.abc import Iterator


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
