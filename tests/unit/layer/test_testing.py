"""The events for users' own tests. The local gateway's tests compare whole events of REST APIs and of payload 2.0."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import (
    extract_client_certificate_from_alb_event,
    extract_client_certificate_from_cloudfront_event,
    extract_client_certificate_from_lambda_event,
    read_client_certificate,
)
from client_certificate_auth.testing import (
    Endpoint,
    Request,
    alb_event,
    alb_headers,
    client_certificate,
    cloudfront_event,
    cloudfront_headers,
    http_api_authorizer_event,
    http_api_event,
    rest_api_authorizer_event,
    rest_api_event,
)
from mtls_authorizer.request.event import read_request
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_certificate_auth import ExtractionResult
    from client_certificate_auth.testing import Event

PEM = client_pem(("CN", "client"))
REQUEST = Request(
    "PUT", "/payments/a%20b", "x=1&x=2&y=%26", {"Host": "api.example.com", "X-Name": "value"}, body=b'{"a": 1}'
)
ENDPOINT = Endpoint(path="/payments/{id}", path_parameters={"id": "a b"})

API_EVENTS: dict[str, Callable[..., Event]] = {
    "REST": rest_api_event,
    "HTTP 2.0": http_api_event,
    "HTTP 1.0": lambda *arguments: http_api_event(*arguments, payload="1.0"),
}
AUTHORIZER_EVENTS: dict[str, Callable[..., Event]] = {
    "REST": rest_api_authorizer_event,
    "HTTP 2.0": http_api_authorizer_event,
    "HTTP 1.0": lambda *arguments: http_api_authorizer_event(*arguments, payload="1.0"),
}
GOLDEN = Path(__file__).parents[2] / "golden" / "certificates"
FORMATS = {"REST": "rest", "HTTP 2.0": "http-2.0", "HTTP 1.0": "http-1.0"}


def extract_in_passthrough_mode(event: object) -> ExtractionResult:
    return extract_client_certificate_from_alb_event(event, mode="passthrough")


@pytest.mark.parametrize("request_", [Request(), REQUEST])
@pytest.mark.parametrize(
    ("make_event", "extract"),
    [
        *((make_event, extract_client_certificate_from_lambda_event) for make_event in API_EVENTS.values()),
        *((make_event, extract_client_certificate_from_lambda_event) for make_event in AUTHORIZER_EVENTS.values()),
        (alb_event, extract_client_certificate_from_alb_event),
        (
            lambda *arguments: alb_event(*arguments, multi_value_headers=False),
            extract_client_certificate_from_alb_event,
        ),
        (lambda *arguments: alb_event(*arguments, mode="passthrough"), extract_in_passthrough_mode),
        (cloudfront_event, extract_client_certificate_from_cloudfront_event),
    ],
)
def test_the_certificate_of_each_kind_of_event_is_found(
    make_event: Callable[..., Event], extract: Callable[[object], ExtractionResult], request_: Request
) -> None:
    result = extract(make_event(PEM, request_))
    assert result.certificate
    assert result.certificate.subject.CN == "client"
    assert str(extract(make_event(None, request_)).reason).endswith("_event_missing_clientcert")


def test_the_part_that_describes_the_certificate_can_be_created_alone() -> None:
    identity = rest_api_event(PEM)["requestContext"]["identity"]
    assert client_certificate(PEM) == identity["clientCert"]
    headers = alb_event(PEM, multi_value_headers=False)["headers"]
    assert {name.lower(): value for name, value in alb_headers(PEM).items()}.items() <= headers.items()
    assert len(alb_headers(PEM)) > len(alb_headers(PEM, "passthrough"))
    assert cloudfront_headers(PEM)["CloudFront-Viewer-Cert-Present"] == "1"


@pytest.mark.parametrize("name", sorted(file.stem for file in GOLDEN.glob("*.pem")))
def test_events_contain_also_certificates_that_cryptography_cannot_describe(name: str) -> None:
    pem = (GOLDEN / f"{name}.pem").read_text()
    readable = read_client_certificate(pem).success
    for make_event in (*API_EVENTS.values(), *AUTHORIZER_EVENTS.values()):
        assert extract_client_certificate_from_lambda_event(make_event(pem)).success is readable
    assert extract_in_passthrough_mode(alb_event(pem, mode="passthrough")).success is readable
    # Without the description, the headers of a verified certificate would not be complete.
    with suppress(ValueError):
        assert extract_client_certificate_from_alb_event(alb_event(pem)).success is readable
        assert extract_client_certificate_from_cloudfront_event(cloudfront_event(pem)).success is readable


@pytest.mark.parametrize(
    ("name", "key", "described"),
    [
        ("serial-number-minus-1", "serialNumber", "-01"),
        ("serial-number-minus-129", "serialNumber", "-81"),
        ("serial-number-0", "serialNumber", "00"),
        ("subject-general-string", "subjectDN", ""),
        ("version-4", "serialNumber", None),
        ("dates-year-0", "validity", None),
    ],
)
def test_an_unusual_certificate_is_described_as_far_as_cryptography_reads_it(
    name: str, key: str, described: str | None
) -> None:
    assert client_certificate((GOLDEN / f"{name}.pem").read_text()).get(key) == described


@pytest.mark.parametrize("kind", AUTHORIZER_EVENTS)
def test_the_authorizer_recognizes_its_events(kind: str) -> None:
    request = read_request(AUTHORIZER_EVENTS[kind](PEM, REQUEST, ENDPOINT))
    assert request.event_format == FORMATS[kind]
    path = "/payments/a%20b" if kind == "REST" else "/payments/a b"
    stage = "prod" if kind == "REST" else "$default"
    assert (
        f"{request.stage_arn}/{request.invocation}"
        == f"arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/{stage}/PUT{path}"
    )


def test_payload_1_0_is_a_rest_event_with_a_version_and_a_decoded_path() -> None:
    rest = rest_api_event(PEM, REQUEST, ENDPOINT, authorizer={"tenant": "acme"})
    http = http_api_event(PEM, REQUEST, ENDPOINT, payload="1.0", authorizer={"tenant": "acme"})
    assert http.pop("version") == "1.0"
    assert (http["path"], rest["path"]) == ("/payments/a b", "/payments/a%20b")
    assert http["requestContext"]["path"] == "/payments/a b"
    assert (http["requestContext"].pop("stage"), rest["requestContext"].pop("stage")) == ("$default", "prod")
    http["path"] = http["requestContext"]["path"] = "/payments/a%20b"
    assert http == rest
    assert rest["requestContext"]["authorizer"] == {"tenant": "acme"}


def test_an_authorizer_gets_the_identity_sources_of_an_http_api() -> None:
    def sources(*values: str) -> list[Any]:
        first = http_api_authorizer_event(PEM, payload="1.0", identity_source=values)
        second = http_api_authorizer_event(PEM, identity_source=values)
        return [first["identitySource"], first["authorizationToken"], second["identitySource"]]

    assert sources() == [None, None, None]
    assert sources("a", "b") == ["a,b", "a,b", ["a", "b"]]


def test_a_route_is_the_request_unless_it_is_given() -> None:
    assert http_api_event(None)["routeKey"] == "GET /"
    assert http_api_event(None, REQUEST, ENDPOINT)["routeKey"] == "PUT /payments/{id}"
    assert http_api_event(None, REQUEST, Endpoint(method="ANY"))["routeKey"] == "ANY /payments/a b"
    assert rest_api_event(None, REQUEST)["resource"] == "/payments/a%20b"


def test_the_paths_of_payload_2_0_begin_with_a_stage_that_has_a_name() -> None:
    def paths(event: Event) -> list[str]:
        return [event["rawPath"], event["requestContext"]["http"]["path"]]

    for make_event in (http_api_event, http_api_authorizer_event):
        assert paths(make_event(None, REQUEST, Endpoint(stage="prod"))) == ["/prod/payments/a b"] * 2
        assert paths(make_event(None, REQUEST)) == ["/payments/a b"] * 2
        assert make_event(None, REQUEST, Endpoint(stage="prod"))["routeKey"] == "PUT /payments/a b"
    assert rest_api_event(None, REQUEST, Endpoint(stage="v1"))["path"] == "/payments/a%20b"


def test_a_load_balancer_sends_headers_and_queries_with_one_value_or_with_several() -> None:
    several = alb_event(None, REQUEST)
    assert several["multiValueHeaders"] == {"host": ["api.example.com"], "x-name": ["value"]}
    assert several["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["%26"]}
    one = alb_event(None, REQUEST, multi_value_headers=False)
    assert one["headers"] == {"host": "api.example.com", "x-name": "value"}
    assert one["queryStringParameters"] == {"x": "2", "y": "%26"}
    assert one["body"] == several["body"] == '{"a": 1}'
