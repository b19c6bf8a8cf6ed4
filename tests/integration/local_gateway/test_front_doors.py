from __future__ import annotations

import http.client
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NoReturn
from urllib.parse import unquote

import pytest
from cryptography import x509
from werkzeug.wrappers import Response

from client_certificate_auth import (
    PeerCertificate,
    extract_client_certificate_from_alb_event,
    extract_client_certificate_from_cloudfront_event,
    extract_client_certificate_from_lambda_event,
)
from client_certificate_auth.testing import alb_event
from local_gateway.api_gateway.api import ApiKind
from local_gateway.api_gateway.events import ClientRequest, integration_event
from local_gateway.deployment import Endpoint, sample_api
from local_gateway.front_doors import FrontDoor, FrontDoorKind, certificate_headers, lambda_target
from local_gateway.scenarios import CN_WITHIN_O, EXPIRED, LISTED_CN, OTHER_CN, UNTRUSTED
from local_gateway.server import LOOPBACK
from local_gateway.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_gateway.api_gateway.functions import LambdaFunction
    from local_gateway.pki.certificates import Client, Pki

TIMEOUT = 30

MODES: dict[FrontDoorKind, Literal["verify", "passthrough"]] = {
    FrontDoorKind.ALB_VERIFY: "verify",
    FrontDoorKind.ALB_PASSTHROUGH: "passthrough",
}

REQUEST = ClientRequest(
    "POST",
    "/hello/a%20b",
    query="x=1&x=%26&&y",
    headers={"Host": "api.example.com", "Cookie": "a=1; b=2", "X-Name": "value"},
    time=datetime(2026, 3, 12, 19, 3, 58, tzinfo=UTC),
)


def seen_by_the_origin(kind: FrontDoorKind, request: ClientRequest) -> ClientRequest:
    requests = []

    def origin(seen: ClientRequest) -> Response:
        requests.append(seen)
        return Response()

    FrontDoor(kind, origin).answer(request)
    (seen,) = requests
    return seen


def test_a_load_balancer_in_verify_mode_also_sends_headers_that_describe_the_certificate(
    certificate_pem: Callable[[Client], str],
) -> None:
    pem = certificate_pem(CN_WITHIN_O)
    certificate = x509.load_pem_x509_certificate(pem.encode())

    headers = certificate_headers(FrontDoorKind.ALB_VERIFY, pem)

    assert headers.keys() == {
        f"X-Amzn-Mtls-Clientcert-{name}" for name in ("Leaf", "Serial-Number", "Issuer", "Subject", "Validity")
    }
    leaf = headers["X-Amzn-Mtls-Clientcert-Leaf"]
    assert re.fullmatch(r"-----BEGIN%20CERTIFICATE-----%0A[\w+/=%]+%0A-----END%20CERTIFICATE-----%0A", leaf)
    assert unquote(leaf) == pem
    assert int(headers["X-Amzn-Mtls-Clientcert-Serial-Number"], 16) == certificate.serial_number
    assert headers["X-Amzn-Mtls-Clientcert-Serial-Number"].isupper()
    assert headers["X-Amzn-Mtls-Clientcert-Issuer"] == "OU=Client CA,O=Local gateway"
    assert headers["X-Amzn-Mtls-Clientcert-Subject"] == r"CN=nobody,O=x\,CN=admin"
    match = re.fullmatch("NotBefore=(.*Z);NotAfter=(.*Z)", headers["X-Amzn-Mtls-Clientcert-Validity"])
    assert match
    assert [datetime.fromisoformat(time) for time in match.groups()] == [
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    ]


def test_a_load_balancer_in_passthrough_mode_sends_the_chain_alone(certificate_pem: Callable[[Client], str]) -> None:
    pem = certificate_pem(LISTED_CN)
    headers = certificate_headers(FrontDoorKind.ALB_PASSTHROUGH, pem)

    assert headers.keys() == {"X-Amzn-Mtls-Clientcert"}
    assert unquote(headers["X-Amzn-Mtls-Clientcert"]) == pem


def test_cloudfront_says_whether_there_is_a_certificate_and_describes_it(
    certificate_pem: Callable[[Client], str],
) -> None:
    pem = certificate_pem(LISTED_CN)
    load_balancers = certificate_headers(FrontDoorKind.ALB_VERIFY, pem)
    der = PeerCertificate.from_pem(pem).raw

    headers = certificate_headers(FrontDoorKind.CLOUDFRONT, pem)

    same = {name: headers.pop(f"CloudFront-Viewer-Cert-{name}") for name in ("Issuer", "Subject", "Validity")}
    assert same == {name: load_balancers[f"X-Amzn-Mtls-Clientcert-{name}"] for name in same}
    assert unquote(headers.pop("CloudFront-Viewer-Cert-Pem")) == pem
    number = headers.pop("CloudFront-Viewer-Cert-Serial-Number")
    assert number.replace(":", "").upper() == load_balancers["X-Amzn-Mtls-Clientcert-Serial-Number"]
    assert re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2})*", number)
    assert headers == {
        "CloudFront-Viewer-Cert-Present": "1",
        "CloudFront-Viewer-Cert-Sha256": sha256(der).hexdigest(),
    }


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        (FrontDoorKind.ALB_VERIFY, {}),
        (FrontDoorKind.ALB_PASSTHROUGH, {}),
        (FrontDoorKind.CLOUDFRONT, {"CloudFront-Viewer-Cert-Present": "0"}),
    ],
)
def test_without_a_certificate_only_cloudfront_says_so(kind: FrontDoorKind, headers: dict[str, str]) -> None:
    assert certificate_headers(kind, None) == headers


@pytest.mark.parametrize("kind", FrontDoorKind)
@pytest.mark.parametrize("spell", [str, str.lower, str.upper])
def test_headers_of_the_clients_own_are_dropped_or_replaced(
    kind: FrontDoorKind, spell: Callable[[str], str], certificate_pem: Callable[[Client], str]
) -> None:
    forged = {
        spell(name): value
        for every in FrontDoorKind
        for name, value in certificate_headers(every, certificate_pem(LISTED_CN)).items()
    }
    for pem in (certificate_pem(OTHER_CN), None):
        request = replace(REQUEST, headers={**REQUEST.headers, **forged}, certificate_pem=pem)
        seen = seen_by_the_origin(kind, request)
        assert seen.headers == {**REQUEST.headers, **certificate_headers(kind, pem)}


@pytest.mark.parametrize("kind", FrontDoorKind)
def test_the_origin_sees_a_connection_without_a_certificate(
    kind: FrontDoorKind, certificate_pem: Callable[[Client], str]
) -> None:
    seen = seen_by_the_origin(kind, replace(REQUEST, certificate_pem=certificate_pem(LISTED_CN)))

    assert seen == replace(REQUEST, headers=seen.headers)
    api = sample_api(ApiKind.HTTP_IAM)
    match = api.match(seen.method, seen.path)
    assert match is not None
    event = integration_event(api, match, seen, None)
    assert not extract_client_certificate_from_lambda_event(event).success
    assert extract_client_certificate_from_cloudfront_event(event).success is (kind is FrontDoorKind.CLOUDFRONT)


def test_a_load_balancers_target_gets_this() -> None:
    event: dict[str, Any] = {
        "requestContext": {
            "elb": {
                "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
                "targetgroup/function/0123456789abcdef"
            }
        },
        "httpMethod": "POST",
        "path": "/hello/a%20b",
        "multiValueQueryStringParameters": {"x": ["1", "%26"], "y": [""]},
        "multiValueHeaders": {"host": ["api.example.com"], "cookie": ["a=1; b=2"], "x-name": ["value"]},
        "body": "",
        "isBase64Encoded": False,
    }
    assert alb_event(None, REQUEST) == event
    assert alb_event(None, replace(REQUEST, body=b"\xff")) == {**event, "body": "/w==", "isBase64Encoded": True}


@pytest.mark.parametrize("client", [LISTED_CN, OTHER_CN, CN_WITHIN_O])
def test_a_target_can_read_the_certificate(client: Client, certificate_pem: Callable[[Client], str]) -> None:
    request = replace(REQUEST, certificate_pem=certificate_pem(client))
    for kind, mode in MODES.items():
        event = alb_event(None, seen_by_the_origin(kind, request))
        result = extract_client_certificate_from_alb_event(event, mode=mode)
        assert result.success
        assert result.certificate.raw == PeerCertificate.from_pem(certificate_pem(client)).raw


def fail(_event: object, _context: object) -> NoReturn:
    message = "secret"
    raise RuntimeError(message)


@pytest.mark.parametrize("function", [fail, lambda _event, _: "secret", lambda _event, _: {"a": "secret"}])
def test_a_target_that_fails_is_a_bad_gateway(function: LambdaFunction, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "local_gateway"):
        response = lambda_target(function)(REQUEST)

    assert response.status_code == 502
    assert "secret" not in response.get_data(as_text=True)
    assert "load balancer: " in caplog.text


def get(endpoint: Endpoint, pki: Pki, client: Client | None, headers: dict[str, str]) -> tuple[int, str]:
    context = client_context(pki, client)
    connection = http.client.HTTPSConnection(LOOPBACK, endpoint.mutual_tls_port, timeout=TIMEOUT, context=context)
    try:
        connection.request("GET", "/hello", headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("kind", FrontDoorKind)
@pytest.mark.parametrize("spell", [str, str.lower, str.upper, lambda name: name.replace("-", "_")])
def test_no_header_makes_another_client_of_one(
    kind: FrontDoorKind, spell: Callable[[str], str], endpoints: list[Endpoint], pki: Pki
) -> None:
    endpoint = next(endpoint for endpoint in endpoints if endpoint.kind is kind)
    pem = pki.certificate(LISTED_CN)
    forged = {spell(name): value for every in FrontDoorKind for name, value in certificate_headers(every, pem).items()}

    assert get(endpoint, pki, OTHER_CN, forged) == (403, "Forbidden")
    assert get(endpoint, pki, LISTED_CN, forged) == (200, "Hello authorized-client")


@pytest.mark.parametrize("client", [EXPIRED, UNTRUSTED])
def test_passthrough_accepts_handshakes_that_others_reject(client: Client, endpoints: list[Endpoint], pki: Pki) -> None:
    by_kind = {endpoint.kind: endpoint for endpoint in endpoints}

    assert get(by_kind[FrontDoorKind.ALB_PASSTHROUGH], pki, client, {}) == (403, "Not verified")
    for kind in (FrontDoorKind.ALB_VERIFY, FrontDoorKind.CLOUDFRONT):
        with pytest.raises(OSError, match=r"certificate expired|unknown ca"):
            get(by_kind[kind], pki, client, {})
