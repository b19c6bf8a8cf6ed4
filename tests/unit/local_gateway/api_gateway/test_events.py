from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from client_certificate_auth import ExtractionFailureReason, extract_client_certificate_from_lambda_event
from client_certificate_auth.testing import client_certificate
from local_gateway.api_gateway.api import Api, ApiKind
from local_gateway.api_gateway.events import ClientRequest, authorizer_event, integration_event
from local_gateway.api_gateway.policy import Authorization, Effect
from local_gateway.deployment import sample_api
from local_gateway.scenarios import CN_WITHIN_O, LISTED_CN
from tests.pki import der
from tests.pki.certificates import OIDS, certificate_der, name, pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_gateway.pki.certificates import Client

REQUEST = ClientRequest(
    "POST",
    "/hello/a%20b",
    query="x=1&x=2&y=%26&z=",
    headers={"Host": "api.example.com", "User-Agent": "test", "X-Name": "value", "Cookie": "a=1; b=2"},
    request_id="JKJaXmPLvHcESHA=",
    time=datetime(2026, 3, 12, 19, 3, 58, 390_000, tzinfo=UTC),
)
VERDICT = Authorization(Effect.ALLOW, {"text": "a", "number": 1.5, "flag": True}, "client")


def an_authorizer_event(api: Api, request: ClientRequest = REQUEST) -> dict[str, Any]:
    match = api.match(request.method, request.path)
    assert match is not None
    return authorizer_event(api, match, request)


def an_integration_event(
    api: Api, request: ClientRequest = REQUEST, verdict: Authorization | None = VERDICT
) -> dict[str, Any]:
    match = api.match(request.method, request.path)
    assert match is not None
    return integration_event(api, match, request, verdict)


REST_EVENT = {
    "resource": "/hello/{proxy+}",
    "path": "/hello/a%20b",
    "httpMethod": "POST",
    "headers": {"Host": "api.example.com", "User-Agent": "test", "X-Name": "value", "Cookie": "a=1; b=2"},
    "multiValueHeaders": {
        "Host": ["api.example.com"],
        "User-Agent": ["test"],
        "X-Name": ["value"],
        "Cookie": ["a=1; b=2"],
    },
    "queryStringParameters": {"x": "2", "y": "&", "z": ""},
    "multiValueQueryStringParameters": {"x": ["1", "2"], "y": ["&"], "z": [""]},
    "pathParameters": {"proxy": "a b"},
    "stageVariables": None,
}
REST_CONTEXT = {
    "accountId": "123456789012",
    "apiId": "restapi001",
    "stage": "prod",
    "resourceId": "abc123",
    "resourcePath": "/hello/{proxy+}",
    "httpMethod": "POST",
    "path": "/hello/a%20b",
    "protocol": "HTTP/1.1",
    "domainName": "api.example.com",
    "requestId": "JKJaXmPLvHcESHA=",
    "extendedRequestId": "JKJaXmPLvHcESHA=",
    "requestTime": "12/Mar/2026:19:03:58 +0000",
    "requestTimeEpoch": 1773342238390,
    "identity": {"sourceIp": "127.0.0.1", "userAgent": "test"},
}
HTTP_EVENT = {
    "version": "2.0",
    "routeKey": "ANY /hello/{proxy+}",
    "rawPath": "/hello/a b",
    "rawQueryString": "x=1&x=2&y=%26&z=",
    "cookies": ["a=1", "b=2"],
    "headers": {"host": "api.example.com", "user-agent": "test", "x-name": "value"},
    "queryStringParameters": {"x": "1,2", "y": "&", "z": ""},
    "pathParameters": {"proxy": "a b"},
}
HTTP_CONTEXT = {
    "accountId": "123456789012",
    "apiId": "httpapi001",
    "stage": "$default",
    "routeKey": "ANY /hello/{proxy+}",
    "domainName": "api.example.com",
    "domainPrefix": "api",
    "http": {
        "method": "POST",
        "path": "/hello/a b",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test",
    },
    "requestId": "JKJaXmPLvHcESHA=",
    "time": "12/Mar/2026:19:03:58 +0000",
    "timeEpoch": 1773342238390,
}


def test_an_authorizer_of_a_rest_api_gets_this() -> None:
    assert an_authorizer_event(sample_api(ApiKind.REST)) == {
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:restapi001/prod/POST/hello/a%20b",
        **REST_EVENT,
        "requestContext": REST_CONTEXT,
    }


def test_an_authorizer_of_an_http_api_gets_this() -> None:
    assert an_authorizer_event(sample_api(ApiKind.HTTP_IAM)) == {
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:123456789012:httpapi001/$default/POST/hello/a b",
        "identitySource": None,
        **HTTP_EVENT,
        "requestContext": HTTP_CONTEXT,
    }


def test_a_function_of_a_rest_api_gets_this() -> None:
    authorizer = {"text": "a", "number": "1.5", "flag": "true", "principalId": "client"}
    assert an_integration_event(sample_api(ApiKind.REST)) == {
        **REST_EVENT,
        "requestContext": {**REST_CONTEXT, "authorizer": authorizer},
        "body": None,
        "isBase64Encoded": False,
    }


def test_a_function_of_an_http_api_gets_this() -> None:
    authorizer = {"lambda": {"text": "a", "number": 1.5, "flag": True}}
    assert an_integration_event(sample_api(ApiKind.HTTP_IAM)) == {
        **HTTP_EVENT,
        "requestContext": {**HTTP_CONTEXT, "authorizer": authorizer},
        "isBase64Encoded": False,
    }


def test_an_authorizer_cannot_name_another_principal_in_its_context() -> None:
    verdict = Authorization(Effect.ALLOW, {"principalId": "somebody else"}, "client")

    event = an_integration_event(sample_api(ApiKind.REST), verdict=verdict)

    assert event["requestContext"]["authorizer"] == {"principalId": "client"}


@pytest.mark.parametrize("kind", ApiKind)
def test_without_an_authorizer_the_event_has_none(kind: ApiKind) -> None:
    assert "authorizer" not in an_integration_event(sample_api(kind), verdict=None)["requestContext"]


@pytest.mark.parametrize("kind", ApiKind)
@pytest.mark.parametrize(
    ("body", "field", "encoded"), [("grüße".encode(), "grüße", False), (b"\xff\x00", "/wA=", True)]
)
def test_a_body_is_text_or_base64(kind: ApiKind, body: bytes, field: str, *, encoded: bool) -> None:
    event = an_integration_event(sample_api(kind), replace(REQUEST, body=body))

    assert (event["body"], event["isBase64Encoded"]) == (field, encoded)


def test_absent_parts_of_a_request_are_null_on_rest_apis_and_omitted_on_http_apis() -> None:
    bare = ClientRequest("GET", "/hello")
    rest = an_authorizer_event(sample_api(ApiKind.REST), bare)
    http = an_authorizer_event(sample_api(ApiKind.HTTP_IAM), bare)

    nulls = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables")
    assert [rest[key] for key in nulls] == [None] * 4
    assert not {"queryStringParameters", "pathParameters", "cookies"} & http.keys()
    assert "clientCert" not in rest["requestContext"]["identity"]
    assert "authentication" not in http["requestContext"]


def test_the_certificate_is_where_each_kind_of_api_has_it(certificate_pem: Callable[[Client], str]) -> None:
    pem = certificate_pem(LISTED_CN)
    request = replace(REQUEST, certificate_pem=pem)

    rest, http = (an_authorizer_event(sample_api(kind), request) for kind in (ApiKind.REST, ApiKind.HTTP_IAM))

    assert rest["requestContext"]["identity"]["clientCert"] == client_certificate(pem)
    assert http["requestContext"]["authentication"]["clientCert"] == client_certificate(pem)


def test_a_client_certificate_in_an_event_has_names_and_dates_in_addition_to_the_pem(
    certificate_pem: Callable[[Client], str],
) -> None:
    pem = certificate_pem(CN_WITHIN_O)
    certificate = x509.load_pem_x509_certificate(pem.encode())

    fields: dict[str, Any] = client_certificate(pem)

    assert set(fields) == {"clientCertPem", "subjectDN", "issuerDN", "serialNumber", "validity"}
    assert fields["clientCertPem"] == pem
    assert fields["subjectDN"] == r"CN=nobody,O=x\,CN=admin"
    assert fields["issuerDN"] == "OU=Client CA,O=Local gateway"
    assert int(fields["serialNumber"].replace(":", ""), 16) == certificate.serial_number
    assert all(len(pair) == 2 for pair in fields["serialNumber"].split(":"))
    # The standard library reads the format that OpenSSL writes.
    not_before, not_after = (ssl.cert_time_to_seconds(fields["validity"][end]) for end in ("notBefore", "notAfter"))
    assert not_before == certificate.not_valid_before_utc.timestamp()
    assert not_after == certificate.not_valid_after_utc.timestamp()


def test_a_certificate_that_cryptography_cannot_parse_has_only_its_pem() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    assert client_certificate(pem) == {"clientCertPem": pem}


def test_a_subject_that_cannot_be_decoded_is_left_to_the_authorizer(certificate_pem: Callable[[Client], str]) -> None:
    encoded = ssl.PEM_cert_to_DER_cert(certificate_pem(LISTED_CN)).replace(
        b"authorized-client", b"authorized-clien\xff"
    )
    certificate = ssl.DER_cert_to_PEM_cert(encoded)

    event = an_authorizer_event(sample_api(ApiKind.REST), replace(REQUEST, certificate_pem=certificate))

    assert event["requestContext"]["identity"]["clientCert"]["subjectDN"] == ""
    result = extract_client_certificate_from_lambda_event(event)
    assert result.reason == ExtractionFailureReason.MALFORMED


@pytest.mark.parametrize(
    "country",
    [der.tlv(der.UTF8_STRING, b"\xff\xfe"), der.bits(b"\x01")],
    ids=["invalid UTF-8", "no string"],
)
def test_a_certificate_that_only_tls_can_read_is_left_to_the_authorizer(country: bytes) -> None:
    certificate = pem(certificate_der(name(der.sequence(der.oid(OIDS["C"]), country))))
    event = an_authorizer_event(sample_api(ApiKind.REST), replace(REQUEST, certificate_pem=certificate))
    assert event["requestContext"]["identity"]["clientCert"]["clientCertPem"] == certificate
    result = extract_client_certificate_from_lambda_event(event)
    assert result.reason == ExtractionFailureReason.MALFORMED
