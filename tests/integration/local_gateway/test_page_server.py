"""The server of the local gateway's page: which requests it answers, and what it says about clients."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import struct
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from local_gateway.__main__ import prepare
from local_gateway.configuration import own_configuration, sample_configuration
from local_gateway.page.application import PAGE, Page, content_security_policy
from local_gateway.page.inquiry import KEY_REFUSED, LARGEST_INQUIRY
from local_gateway.page.overview import Overview
from local_gateway.scenarios import EXPIRED, LISTED_CN, READER, SCENARIOS, UNTRUSTED, Outcome
from local_gateway.server import LOOPBACK, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_gateway.configuration import Configuration
    from local_gateway.deployment import Endpoint
    from local_gateway.pki.certificates import Pki

QUESTION = {
    "client": "reader",
    "pem": None,
    "kind": "REST API",
    "method": "GET",
    "path": "/hello",
    "mutual_tls": True,
    "header_client": None,
}
JSON = {"Content_Type": "application/json"}


class Response(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: str


class Server(NamedTuple):
    port: int
    overview: Overview

    def send(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Response:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Response(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def inspect(self, **question: object) -> tuple[int, dict[str, Any]]:
        response = self.send("POST", "/inspect", json.dumps({**QUESTION, **question}).encode(), **JSON)
        return response.status, json.loads(response.body)


@contextmanager
def serve_page(configuration: Configuration, endpoints: list[Endpoint], pki: Pki) -> Iterator[Server]:
    overview = Overview(prepare(SCENARIOS, configuration), configuration, endpoints)
    with serve(Page(overview, pki), None) as port:
        yield Server(port, overview)


@pytest.fixture(scope="module")
def server(pki: Pki, endpoints: list[Endpoint]) -> Iterator[Server]:
    with serve_page(sample_configuration(pki), endpoints, pki) as server:
        yield server


def test_only_its_own_names_are_answered(server: Server) -> None:
    for host in (f"{LOOPBACK}:{server.port}", f"localhost:{server.port}"):
        assert server.send("GET", "/overview", Host=host).status == 200
    for host in (
        "",
        LOOPBACK,
        f"{LOOPBACK}:1",
        f"rebinding.example:{server.port}",
        f"{LOOPBACK}.example:{server.port}",
    ):
        response = server.send("GET", "/overview", Host=host)
        assert (response.status, response.body) == (421, "This is not the name of this server.\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://localhost:{port}", "Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
    ],
)
def test_only_its_own_origin_is_answered(server: Server, headers: dict[str, str], status: int) -> None:
    sent = {name: value.format(port=server.port) for name, value in headers.items()}
    assert server.send("GET", "/overview", **sent).status == status
    assert server.send("POST", "/inspect", json.dumps(QUESTION).encode(), **JSON, **sent).status == status


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {}, 200),
        ("GET", "/overview", {}, 200),
        ("GET", "/nothing", {}, 404),
        ("GET", "/../page.html", {}, 404),
        ("POST", "/", {}, 405),
        ("HEAD", "/", {}, 405),
        ("GET", "/inspect", {}, 405),
        ("OPTIONS", "/inspect", {}, 405),
        ("POST", "/inspect", {}, 415),
        ("POST", "/inspect", {"Content_Type": "text/plain"}, 415),
        ("POST", "/inspect", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/inspect", {"Content_Type": "application/json"}, 422),
        ("GET", "/", {"Origin": "https://example.com"}, 403),
        ("GET", "/", {"Host": "example.com"}, 421),
    ],
)
def test_every_response_is_protected(
    server: Server, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = server.send(method, path, **headers)
    assert response.status == status
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    policy = dict(each.split(" ", 1) for each in response.headers["Content-Security-Policy"].split("; "))
    assert {policy[name] for name in ("default-src", "base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert "unsafe" not in str(policy)
    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_policy_permits_the_script_and_the_style_of_the_file_and_the_file_nothing_else() -> None:
    html = PAGE.read_text()
    policy = content_security_policy(html)
    assert policy.count("'sha256-") == html.count("<script>") + html.count("<style>") == 2
    for forbidden in ("http:", "https:", "innerHTML", "insertAdjacent", "eval(", "style=", "onclick", "document.write"):
        assert forbidden not in html
    assert content_security_policy(html.replace("const", "let", 1)) != policy


def test_long_requests_are_rejected(server: Server) -> None:
    response = server.send("POST", "/inspect", b" " * (LARGEST_INQUIRY + 1), **JSON)
    assert (response.status, json.loads(response.body)) == (413, {"error": "At most 262,144 bytes."})


@pytest.mark.parametrize("body", [b"", b"garbage", b"[]", b"[" * 100_000, b"{}", b"\xff", b'{"client": "reader"}'])
def test_other_json_is_rejected(server: Server, body: bytes) -> None:
    response = server.send("POST", "/inspect", body, **JSON)
    assert response.status == 422
    assert json.loads(response.body)["error"].startswith("Send an object with client, header_client, ")


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"client": "hostile<b>"}, "There is no such client."),
        ({"header_client": "../server"}, "There is no such client."),
        ({"kind": "hostile<b>"}, "There is no such API."),
        ({"method": "hostile<b>"}, "The method must be one of GET, "),
        ({"path": "hello"}, "The path must begin with /"),
        ({"path": "/hostile <b>"}, "The path must begin with /"),
        ({"path": "/" + "x" * 2001}, "The path must begin with /"),
        ({"path": None}, "The path must begin with /"),
        ({"mutual_tls": "hostile<b>"}, "mutual_tls must be true or false."),
        ({"pem": ""}, "Either choose a client or paste a certificate."),
        ({"client": None, "pem": 1}, "Either choose a client or paste a certificate."),
        ({"client": None, "pem": ""}, "This is empty. Paste a certificate in PEM"),
        ({"client": None, "pem": "hostile<b>"}, "This is text, but not PEM. Paste a certificate in PEM"),
        ({"client": None, "pem": "-----BEGIN CERTIFICATE-----\nhostile<b>"}, "This is PEM without its END line."),
        ({"client": None, "pem": '{"hostile<b>'}, "This is invalid JSON."),
        (
            {"client": None, "pem": "-----BEGIN CERTIFICATE-----\n> hostile\n-----END CERTIFICATE-----"},
            "the pasted text contains a certificate that was changed on its way",
        ),
        (
            {"client": None, "pem": "-----BEGIN CERTIFICATE-----\nMA0GCSqGSIb3DQEHAqAA\n-----END CERTIFICATE-----"},
            "This is a PKCS #7 bundle with the label of a certificate. Paste a certificate in PEM",
        ),
    ],
)
def test_errors_name_the_problem_and_repeat_nothing(server: Server, question: dict[str, object], error: str) -> None:
    status, answer = server.inspect(**question)
    assert status == 422
    assert answer["error"].startswith(error)
    assert "hostile" not in answer["error"]


def test_private_keys_are_rejected_and_neither_logged_nor_repeated(
    server: Server, pki: Pki, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with_key = pki.client(LISTED_CN).read_text()
    key_pem = with_key.partition("-----BEGIN CERTIFICATE-----")[0]
    key = load_pem_private_key(key_pem.encode(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
    traditional = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")
    ).decode()
    secrets = [line for each in (key_pem, encrypted, traditional) for line in each.splitlines()[1:-1] if len(line) > 40]
    assert len(secrets) >= 6
    for text in (with_key, key_pem, encrypted, traditional, f"{pki.certificate(LISTED_CN)}{encrypted}"):
        body = json.dumps({**QUESTION, "client": None, "pem": text})
        # JSON permits to write it with escapes.
        for sent in (body, body.replace("PRIVATE", r"\u0050RIVATE")):
            response = server.send("POST", "/inspect", sent.encode(), **JSON)
            assert response.status == 422
            assert json.loads(response.body) == {"error": KEY_REFUSED, "private_key": True}
    in_path = json.dumps({**QUESTION, "path": f"/{secrets[0]}", "method": "-----BEGIN PRIVATE KEY-----"})
    assert json.loads(server.send("POST", "/inspect", in_path.encode(), **JSON).body)["private_key"]
    printed = "".join(capfd.readouterr()) + caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert not any(secret in printed for secret in secrets)


@pytest.mark.usefixtures("log")
def test_a_client_is_inspected_from_handshake_to_log(server: Server, pki: Pki) -> None:
    status, answer = server.inspect()
    assert status == 200
    assert answer["handshake"] == {"performed": True, "accepted": True, "text": "TLSv1.2"}
    assert (answer["status"], json.loads(answer["body"])["tenant"], answer["not_invoked"]) == (200, "acme", None)
    explained = answer["explanation"]
    assert explained["decision"] == "allow"
    assert int(explained["certificate"]["serial_number"], 16) == pki.serial_number(READER)
    assert explained["answer"]["context"]["tenant"] == "acme"
    assert [rule["name"] for rule in explained["rules"]["matching"]] == ["acme-reader", "acme"]
    (entry,) = answer["log"]
    assert (entry["level"], entry["message"], entry["route"]) == ("INFO", "allow", "GET /hello")


def test_the_explanation_is_that_of_the_api_and_the_route(server: Server) -> None:
    _, answer = server.inspect(kind="HTTP API, simple", path="/hello/private?a=1")
    assert answer["status"] == 403
    assert answer["explanation"]["answer"]["isAuthorized"] is False
    assert answer["explanation"]["reason"] == answer["log"][0]["reason"] == "route_not_allowed"


@pytest.mark.parametrize(
    ("question", "status", "why"),
    [
        ({"path": "/nothing"}, 403, "The API has no such route, so API Gateway responds by itself."),
        ({"path": "/layer-only"}, 403, "The route has no authorizer: its function uses the layer."),
        ({"kind": "CloudFront"}, 403, "Behind CloudFront there is a function with the layer, and no authorizer."),
        ({"client": "expired"}, None, "The handshake is rejected. The checks show what the authorizer would decide."),
        ({"client": None}, None, "The handshake is rejected. The checks show what the authorizer would decide."),
        ({"client": None, "mutual_tls": False}, 401, None),
    ],
)
def test_why_the_authorizer_is_not_invoked(
    server: Server, question: dict[str, object], status: int | None, why: str | None
) -> None:
    _, answer = server.inspect(**question)
    assert (answer["status"], answer["not_invoked"]) == (status, why)


def test_a_rejected_handshake_has_the_message_of_openssl(server: Server) -> None:
    for client, text in (
        (None, "sslv3 alert handshake failure"),
        ("expired", "sslv3 alert certificate expired"),
        ("untrusted", "tlsv1 alert unknown ca"),
    ):
        _, answer = server.inspect(client=client)
        assert answer["handshake"] == {"performed": True, "accepted": False, "text": text}
        assert (answer["log"], answer["body"]) == ([], "")


def test_a_handshake_whose_connection_is_reset_is_rejected(pki: Pki, endpoints: list[Endpoint]) -> None:
    def reset() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(10_000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with socket.create_server((LOOPBACK, 0)) as listening:
        Thread(target=reset).start()
        endpoint = endpoints[0]._replace(mutual_tls_port=listening.getsockname()[1])
        with serve_page(sample_configuration(pki), [endpoint], pki) as server:
            _, answer = server.inspect()
    assert answer["handshake"] == {"performed": True, "accepted": False, "text": "connection reset"}


def test_a_truststore_that_was_removed_is_an_error(pki: Pki, endpoints: list[Endpoint], tmp_path: Path) -> None:
    truststore = tmp_path / "truststore.pem"
    truststore.write_bytes(pki.truststore.read_bytes())
    with serve_page(own_configuration(pki, {}, None, truststore), endpoints, pki) as server:
        truststore.unlink()
        status, answer = server.inspect(client=None, pem=pki.certificate(READER))
    assert (status, answer["error"]) == (422, f"{truststore} cannot be read: No such file or directory")


def test_a_pasted_certificate_is_inspected_without_its_key(server: Server, pki: Pki) -> None:
    for client, status, text in (
        (READER, 200, "chains to the truststore"),
        (EXPIRED, None, "validity: expired on "),
        (UNTRUSTED, None, "issuer: no certificate with the subject "),
    ):
        _, answer = server.inspect(client=None, pem=f"Subject: x\n{pki.certificate(client)}")
        assert answer["status"] == status
        assert answer["handshake"]["accepted"] is (status is not None)
        assert answer["handshake"]["text"].startswith(text)
        assert answer["handshake"]["performed"] is False
        assert answer["explanation"]["certificate"]["fingerprint256"]


@pytest.mark.parametrize(
    ("replaced", "by"), [("CERTIFICATE", "X509 CERTIFICATE"), ("\n", "\n  "), ("\n", "\n\n")], ids=repr
)
def test_a_certificate_is_read_however_it_was_copied(server: Server, pki: Pki, replaced: str, by: str) -> None:
    # As by explain: clients present it in DER, and API Gateway sends it in its own form.
    _, answer = server.inspect(client=None, pem=pki.certificate(READER).replace(replaced, by))
    assert (answer["status"], answer["explanation"]["reason"]) == (200, None)


def test_behind_a_load_balancer_in_passthrough_mode_any_pasted_certificate_is_accepted(
    server: Server, pki: Pki
) -> None:
    _, answer = server.inspect(client=None, pem=pki.certificate(UNTRUSTED), kind="ALB, passthrough")
    assert (answer["handshake"]["accepted"], answer["status"], answer["body"]) == (True, 403, "Not verified")


def test_through_the_default_endpoint_a_pasted_certificate_is_not_sent(server: Server, pki: Pki) -> None:
    _, answer = server.inspect(client=None, pem=pki.certificate(READER), mutual_tls=False)
    assert (answer["handshake"]["performed"], answer["status"]) == (True, 401)


def test_a_certificate_that_cannot_be_read_is_not_accepted(server: Server) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"
    _, answer = server.inspect(client=None, pem=pem)
    assert answer["handshake"]["accepted"] is False
    assert answer["handshake"]["text"] == "there is no certificate that can be read"


def test_a_certificate_that_cryptography_cannot_parse_is_explained(server: Server, pki: Pki) -> None:
    version_3, version_4 = (bytes.fromhex(f"a0030201{version}") for version in ("02", "03"))
    der = ssl.PEM_cert_to_DER_cert(pki.certificate(READER)).replace(version_3, version_4, 1)
    status, answer = server.inspect(client=None, pem=ssl.DER_cert_to_PEM_cert(der))
    assert (status, answer["handshake"]["accepted"]) == (200, False)
    assert answer["explanation"]["reason"] == "lambda_event_clientcert_malformed"
    assert "unknown version" in answer["explanation"]["advice"]


def test_the_clients_certificate_is_found_in_a_pasted_chain(server: Server, pki: Pki) -> None:
    chain = pki.truststore.read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    _, answer = server.inspect(client=None, pem=chain + pki.certificate(READER))
    assert answer["status"] == 200
    assert answer["notes"][0].startswith("the pasted text contains 2 certificates, a CA's first")
    status, answer = server.inspect(client=None, pem=pki.certificate(READER) + pki.certificate(EXPIRED))
    assert (status, "could be the client's" in answer["error"]) == (422, True)


def test_a_certificate_in_a_header_is_sent_to_front_doors_only(server: Server) -> None:
    _, answer = server.inspect(client=None, header_client="listed-cn", kind="CloudFront")
    assert (answer["status"], answer["body"]) == (401, "cloudfront_event_missing_clientcert")
    _, answer = server.inspect(header_client="listed-cn")
    assert json.loads(answer["body"])["clientCertCN"] == "reader"


def test_the_overview_has_the_scenarios_without_results_at_first(server: Server) -> None:
    overview = json.loads(server.send("GET", "/overview").body)
    assert (overview["finished"], overview["own_configuration"], len(overview["scenarios"])) == (False, False, 37)
    assert overview["scenarios"][0]["cells"][0] == {
        "kind": "REST API",
        "expected": "200 + context",
        "outcome": None,
        "reason": None,
        "differs": False,
    }
    result = server.overview.results[0]
    result.outcomes.update(dict.fromkeys(result.scenario.kinds, Outcome(403, "no_rule_matched")))
    try:
        cell = json.loads(server.send("GET", "/overview").body)["scenarios"][0]["cells"][0]
        assert (cell["outcome"], cell["reason"], cell["differs"]) == ("403", "no_rule_matched", True)
    finally:
        result.outcomes.clear()
