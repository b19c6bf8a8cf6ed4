from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.crl_server import crl_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.crl_server import CrlServer


@pytest.fixture(scope="module")
def shared_server() -> Iterator[CrlServer]:
    with crl_server() as server:
        yield server


@pytest.fixture
def server(shared_server: CrlServer) -> CrlServer:
    shared_server.answers.clear()
    shared_server.requests.clear()
    return shared_server
