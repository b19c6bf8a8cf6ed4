"""Caching of the authorizer's responses in the local gateway."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from local_gateway.api_gateway.api import ApiKind, Caching
from local_gateway.api_gateway.events import ClientRequest
from local_gateway.api_gateway.functions import CountedFunction
from local_gateway.api_gateway.gateway import Gateway
from local_gateway.deployment import sample_api
from local_gateway.scenarios import LISTED_CN, OTHER_CN
from tests.clocks import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_gateway.api_gateway.functions import LambdaFunction
    from local_gateway.pki.certificates import Client

PEM = "$context.identity.clientCert.clientCertPem"
ISSUER_AND_SERIAL_NUMBER = ("$context.identity.clientCert.issuerDN", "$context.identity.clientCert.serialNumber")
TTL = 300

each_kind = pytest.mark.parametrize("kind", ApiKind)


def hello(pem: str | None = None, path: str = "/hello", **headers: str) -> ClientRequest:
    return ClientRequest("GET", path, certificate_pem=pem, headers=headers)


def make(
    kind: ApiKind, *sources: str, ttl: float = TTL, authorizer: LambdaFunction | None = None
) -> tuple[Gateway, CountedFunction, Clock]:
    """Return a gateway, its authorizer, and the clock of its cache."""
    clock = Clock()
    api = sample_api(kind, authorizer)
    counted = CountedFunction(api.authorizer)
    return Gateway(replace(api, authorizer=counted, caching=Caching(sources, ttl)), clock), counted, clock


@each_kind
def test_a_response_is_reused_until_its_time_is_over(kind: ApiKind, certificate_pem: Callable[[Client], str]) -> None:
    gateway, authorizer, clock = make(kind, PEM)
    for client, status in ((LISTED_CN, 200), (OTHER_CN, 403)):
        request = hello(certificate_pem(client))
        calls = authorizer.calls
        assert gateway.answer(request).status_code == status
        clock.now += TTL - 1
        assert gateway.answer(request).status_code == status
        assert authorizer.calls == calls + 1
        # A hit does not extend it.
        clock.now += 1
        assert gateway.answer(request).status_code == status
        assert authorizer.calls == calls + 2


@pytest.mark.parametrize(("sources", "ttl"), [((PEM,), 0), ((), TTL)])
@each_kind
def test_without_a_ttl_or_an_identity_source_nothing_is_cached(
    kind: ApiKind, sources: tuple[str, ...], ttl: float, certificate_pem: Callable[[Client], str]
) -> None:
    gateway, authorizer, _ = make(kind, *sources, ttl=ttl)
    for _request in range(2):
        assert gateway.answer(hello(certificate_pem(LISTED_CN))).status_code == 200
    assert authorizer.calls == 2


@pytest.mark.parametrize("ttl", [0, TTL])
@pytest.mark.parametrize("source", [PEM, *ISSUER_AND_SERIAL_NUMBER, "$request.header.X-Client"])
@each_kind
def test_without_the_identity_source_the_answer_is_401_and_the_authorizer_is_not_invoked(
    kind: ApiKind, source: str, ttl: float
) -> None:
    gateway, authorizer, _ = make(kind, source, ttl=ttl)
    assert gateway.answer(hello()).status_code == 401
    assert gateway.answer(hello(**{"X-Client": ""})).status_code == 401
    assert authorizer.calls == 0


@each_kind
def test_a_failed_invocation_is_not_cached(kind: ApiKind, certificate_pem: Callable[[Client], str]) -> None:
    answers: list[object] = [{"isAuthorized": "perhaps"}, None]

    def authorizer(_event: object, _context: object) -> object:
        answer = answers.pop()
        if answer is None:
            raise RuntimeError
        return answer

    gateway, counted, _ = make(kind, PEM, authorizer=authorizer)
    for _request in range(2):
        assert gateway.answer(hello(certificate_pem(LISTED_CN))).status_code == 500
    assert counted.calls == 2


@pytest.mark.parametrize(("kind", "status"), [(ApiKind.REST, 403), (ApiKind.HTTP_IAM, 403), (ApiKind.HTTP_SIMPLE, 200)])
def test_a_cached_simple_response_ignores_the_route_and_a_policy_does_not(
    kind: ApiKind, status: int, certificate_pem: Callable[[Client], str]
) -> None:
    def only_hello(event: Any, _context: object) -> object:  # noqa: ANN401 -- as in JSON
        arn = event.get("routeArn") or event["methodArn"]
        resource = f"{arn.partition('/GET')[0]}/GET/hello"
        statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": resource}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        return {"principalId": "x", "policyDocument": policy, "isAuthorized": arn == resource}

    gateway, authorizer, _ = make(kind, PEM, authorizer=only_hello)
    pem = certificate_pem(LISTED_CN)
    assert gateway.answer(hello(pem)).status_code == 200
    assert gateway.answer(hello(pem, "/hello/other")).status_code == status
    assert authorizer.calls == 1
    # With the route as another identity source, each route has a response of its own.
    gateway, authorizer, _ = make(kind, PEM, "$context.routeKey", authorizer=only_hello)
    assert [gateway.answer(hello(pem, path)).status_code for path in ("/hello", "/hello/other")] == [200, 403]
    assert authorizer.calls == 2


@pytest.mark.parametrize("header", ["X-Client", "x-client"])
def test_a_header_gives_one_client_the_response_for_another(
    header: str, certificate_pem: Callable[[Client], str]
) -> None:
    gateway, _, _ = make(ApiKind.HTTP_IAM, "$request.header.X-Client")
    requests = [hello(certificate_pem(client), **{header: "same"}) for client in (LISTED_CN, OTHER_CN)]
    assert [gateway.answer(request).status_code for request in requests] == [200, 200]


def test_the_event_of_an_http_api_contains_the_values() -> None:
    events: list[Any] = []

    def authorizer(event: Any, _context: object) -> object:  # noqa: ANN401 -- as in JSON
        events.append(event)
        return {"isAuthorized": False}

    gateway, _, _ = make(ApiKind.HTTP_SIMPLE, "$context.routeKey", "$request.header.X-Client", authorizer=authorizer)
    gateway.answer(hello(**{"X-Client": "one"}))
    gateway, _, _ = make(ApiKind.HTTP_SIMPLE, authorizer=authorizer)
    gateway.answer(hello())
    assert [event["identitySource"] for event in events] == [["GET /hello", "one"], None]


@pytest.mark.parametrize("kind", [ApiKind.HTTP_IAM, ApiKind.HTTP_SIMPLE])
def test_with_identity_sources_an_http_api_does_not_respond_with_401_to_an_error_message(kind: ApiKind) -> None:
    gateway, authorizer, _ = make(kind, "$context.routeKey", authorizer=lambda *_: {"errorMessage": "Unauthorized"})
    assert [gateway.answer(hello()).status_code for _ in range(2)] == [500, 500]
    assert authorizer.calls == 2


@pytest.mark.parametrize("source", ["$context.path", "context.identity.sourceIp", ""])
def test_an_unknown_identity_source_is_an_error(source: str) -> None:
    gateway, _, _ = make(ApiKind.HTTP_IAM, source)
    with pytest.raises(ValueError, match="is not an identity source that the local gateway knows"):
        gateway.answer(hello())


def test_an_attribute_of_an_attribute_identifies_a_client(certificate_pem: Callable[[Client], str]) -> None:
    gateway, authorizer, _ = make(ApiKind.HTTP_IAM, "$context.identity.clientCert.validity.notBefore")
    assert gateway.answer(hello(certificate_pem(LISTED_CN))).status_code == 200
    gateway, authorizer, _ = make(ApiKind.HTTP_IAM, "$context.identity.clientCert.serialNumber.notBefore")
    assert gateway.answer(hello(certificate_pem(LISTED_CN))).status_code == 401
    assert authorizer.calls == 0
