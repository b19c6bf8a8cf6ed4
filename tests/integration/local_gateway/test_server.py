from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from local_gateway.api_gateway.api import ApiKind
from local_gateway.scenarios import EXPIRED, LISTED_CN, LISTED_OU, OTHER_CN, UNTRUSTED
from local_gateway.server import LOOPBACK, serve
from local_gateway.tls import client_context, custom_domain_context, default_endpoint_context

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from local_gateway.deployment import Endpoint
    from local_gateway.pki.certificates import Client, Pki

TIMEOUT = 30


def get(
    port: int, pki: Pki, client: Client | None, path: str = "/hello", headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection(LOOPBACK, port, timeout=TIMEOUT, context=client_context(pki, client))
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def hello(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def rest(endpoints: list[Endpoint]) -> Endpoint:
    return next(endpoint for endpoint in endpoints if endpoint.kind is ApiKind.REST)


def default_endpoint_port(endpoints: list[Endpoint]) -> int:
    port = rest(endpoints).default_endpoint_port
    assert port is not None
    return port


@pytest.mark.parametrize(
    ("client", "why"),
    [
        (None, "handshake failure"),
        (EXPIRED, "certificate expired"),
        (UNTRUSTED, "unknown ca"),
    ],
)
def test_a_client_whose_handshake_is_rejected_receives_the_reason(
    endpoints: list[Endpoint], pki: Pki, client: Client | None, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "local_gateway"), pytest.raises(ssl.SSLError, match=why):
        get(rest(endpoints).mutual_tls_port, pki, client)


def test_the_default_endpoint_ignores_certificates(endpoints: list[Endpoint], pki: Pki) -> None:
    assert get(default_endpoint_port(endpoints), pki, LISTED_CN)[0] == 401


@pytest.mark.parametrize(
    "header",
    [
        "SSL-Client-Cert",
        "SSL_CLIENT_CERT",
        "HTTP_SSL_CLIENT_CERT",
        "X-Amzn-Mtls-Clientcert-Leaf",
        "CloudFront-Viewer-Cert-Pem",
    ],
)
def test_a_certificate_in_a_header_is_none(endpoints: list[Endpoint], pki: Pki, header: str) -> None:
    pem = "".join(pki.client(LISTED_CN).read_text().splitlines())
    endpoint = rest(endpoints)

    assert get(default_endpoint_port(endpoints), pki, None, headers={header: pem})[0] == 401
    assert get(endpoint.mutual_tls_port, pki, OTHER_CN, headers={header: pem})[0] == 403


def test_concurrent_clients_get_their_own_answers(endpoints: list[Endpoint], pki: Pki) -> None:
    port = rest(endpoints).mutual_tls_port
    clients = [LISTED_CN, LISTED_OU, OTHER_CN] * 5

    with ThreadPoolExecutor(len(clients)) as threads:
        answers = list(threads.map(lambda client: get(port, pki, client), clients))

    common_names = [json.loads(body).get("clientCertCN") for _, body in answers]
    assert [status for status, _ in answers] == [200, 200, 403] * 5
    assert common_names == ["authorized-client", "invoice-run", None] * 5


def test_the_path_arrives_as_it_was_sent(endpoints: list[Endpoint], pki: Pki) -> None:
    for endpoint in endpoints:
        if endpoint.authorizer is None:
            continue
        port = endpoint.mutual_tls_port
        assert get(port, pki, LISTED_CN, "/hello/../layer-only?a=/../b")[0] == 200
        assert get(port, pki, OTHER_CN, "/hello/../layer-only")[0] == 403
        assert get(port, pki, LISTED_CN, "/hello%2Fa")[0] in {403, 404}


def test_a_silent_client_delays_no_other_client(endpoints: list[Endpoint], pki: Pki) -> None:
    port = rest(endpoints).mutual_tls_port

    with socket.create_connection((LOOPBACK, port), TIMEOUT):
        assert get(port, pki, LISTED_CN)[0] == 200


def test_a_request_without_tls_is_rejected_and_logged_in_one_line(
    endpoints: list[Endpoint], pki: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    port = rest(endpoints).mutual_tls_port

    with caplog.at_level(logging.INFO, "local_gateway"):
        with socket.create_connection((LOOPBACK, port), TIMEOUT) as client:
            client.sendall(b"GET /hello HTTP/1.1\r\n\r\n")
            while client.recv(1024):
                pass
        assert get(port, pki, LISTED_CN)[0] == 200

    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_a_clients_control_characters_do_not_reach_the_log(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.INFO, "local_gateway"),
        serve(hello, default_endpoint_context(pki)) as port,
        socket.create_connection((LOOPBACK, port), TIMEOUT) as plain,
        client_context(pki, None).wrap_socket(plain, server_hostname=LOOPBACK) as client,
    ):
        client.sendall(b"GET /\x1b[31m\x85 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 200")

    assert caplog.messages == [r"GET /\x1b[31m\x85 HTTP/1.1 -> 200"]


def test_a_port_that_is_taken_is_replaced(pki: Pki) -> None:
    context = default_endpoint_context(pki)
    with serve(hello, context) as taken, serve(hello, context, taken) as port:
        assert port != taken
        assert get(taken, pki, None) == get(port, pki, None) == (200, b"hello")


def test_after_the_block_no_socket_and_no_thread_is_left(pki: Pki) -> None:
    threads = set(threading.enumerate())
    with serve(hello, custom_domain_context(pki, pki.truststore)) as port:
        assert get(port, pki, LISTED_CN) == (200, b"hello")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port), TIMEOUT)
    # The connection's own thread may still be about to end.
    for thread in set(threading.enumerate()) - threads:
        thread.join(TIMEOUT)
    assert set(threading.enumerate()) <= threads


def test_the_server_stops_when_the_block_raises(pki: Pki) -> None:
    def fail() -> None:
        with serve(hello, default_endpoint_context(pki)) as port:
            raise LookupError(port)

    with pytest.raises(LookupError) as raised:
        fail()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, raised.value.args[0]), TIMEOUT)
