from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest

from local_gateway.api_gateway.api import ApiKind, Route
from local_gateway.api_gateway.events import ClientRequest
from local_gateway.api_gateway.functions import CountedFunction
from local_gateway.api_gateway.gateway import LONGEST_ARN, Gateway
from local_gateway.deployment import sample_api
from local_gateway.scenarios import LISTED_CN, OTHER_CN

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_gateway.api_gateway.functions import LambdaFunction
    from local_gateway.pki.certificates import Client

HELLO = ClientRequest("GET", "/hello")


def always(answer: object) -> LambdaFunction:
    return lambda _event, _context: answer


def raises(error: BaseException) -> LambdaFunction:
    def function(_event: object, _context: object) -> NoReturn:
        raise error

    return function


def policy(effect: str, resource: str = "*") -> dict[str, object]:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    return {"principalId": "client", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


@pytest.mark.parametrize(
    ("authorizer", "rest", "iam", "simple"),
    [
        (always(policy("Allow")), 200, 200, 500),
        (always(policy("Deny")), 403, 403, 500),
        (always(policy("Allow", "arn:other")), 403, 403, 500),
        (always(policy("Permit")), 500, 500, 500),
        (always({**policy("Allow"), "context": {"key": "text"}}), 200, 200, 500),
        (always({**policy("Allow"), "context": {"key": ["list"]}}), 500, 200, 500),
        (always({**policy("Allow"), "context": {"key": None}}), 500, 200, 500),
        (always({"isAuthorized": True}), 500, 500, 200),
        (always({"isAuthorized": True, "context": {"key": ["list"]}}), 500, 500, 200),
        (always({"isAuthorized": False}), 500, 500, 403),
        (always({"isAuthorized": "true"}), 500, 500, 500),
        (always({**policy("Deny"), "isAuthorized": True}), 403, 403, 200),
        (always(None), 500, 500, 500),
        (always(1), 500, 500, 500),
        (always("Allow"), 500, 500, 500),
        (always([policy("Allow")]), 500, 500, 500),
        (always({}), 500, 500, 500),
        (always({"errorMessage": "Unauthorized"}), 500, 401, 401),
        (always({"errorMessage": "unauthorized"}), 500, 500, 500),
        (always({"errorMessage": "Unauthorized", "context": {}}), 500, 500, 500),
        (always(math.nan), 500, 500, 500),
        (always(b"Allow"), 500, 500, 500),
        (raises(RuntimeError("Unauthorized")), 401, 500, 500),
        (raises(RuntimeError("unauthorized")), 500, 500, 500),
        (raises(RuntimeError("Unauthorized.")), 500, 500, 500),
        (raises(RuntimeError()), 500, 500, 500),
        # Its message has quotes around it.
        (raises(KeyError("Unauthorized")), 500, 500, 500),
        (raises(SystemExit(0)), 500, 500, 500),
    ],
)
def test_the_authorizers_answer_decides_the_status(
    authorizer: LambdaFunction, rest: int, iam: int, simple: int
) -> None:
    statuses = [Gateway(sample_api(kind, authorizer)).answer(HELLO).status_code for kind in ApiKind]

    assert statuses == [rest, iam, simple]


@pytest.mark.parametrize("authorizer", [always(policy("Deny")), always(None), raises(RuntimeError("Unauthorized"))])
@pytest.mark.parametrize("kind", ApiKind)
def test_the_function_is_called_only_after_an_allow(kind: ApiKind, authorizer: LambdaFunction) -> None:
    function = CountedFunction(always({"statusCode": 200}))
    api = replace(sample_api(kind, authorizer), routes=(Route("GET", "/hello", function),))

    assert Gateway(api).answer(HELLO).status_code != 200
    assert function.calls == 0


@pytest.mark.parametrize(("kind", "status"), [(ApiKind.REST, 502), (ApiKind.HTTP_IAM, 500), (ApiKind.HTTP_SIMPLE, 500)])
@pytest.mark.parametrize("function", [raises(RuntimeError("secret")), always({"statusCode": "secret"})])
def test_a_function_that_fails_is_an_error_of_the_gateway(
    kind: ApiKind, status: int, function: LambdaFunction, caplog: pytest.LogCaptureFixture
) -> None:
    api = replace(sample_api(kind), routes=(Route("GET", "/hello", function, authorized=False),))

    with caplog.at_level(logging.WARNING, "local_gateway"):
        response = Gateway(api).answer(HELLO)

    assert response.status_code == status
    assert "secret" not in response.get_data(as_text=True)
    assert "secret" in caplog.text


@pytest.mark.parametrize(("kind", "status"), [(ApiKind.REST, 403), (ApiKind.HTTP_IAM, 404), (ApiKind.HTTP_SIMPLE, 404)])
@pytest.mark.parametrize("request_", [ClientRequest("GET", "/nowhere"), ClientRequest("POST", "/hello")])
def test_without_a_route_the_authorizer_is_not_invoked(kind: ApiKind, status: int, request_: ClientRequest) -> None:
    authorizer = CountedFunction(always(policy("Allow")))

    assert Gateway(sample_api(kind, authorizer)).answer(request_).status_code == status
    assert authorizer.calls == 0


@pytest.mark.parametrize("kind", ApiKind)
@pytest.mark.parametrize("character", ["a", "%2A", "ü", "%C3%BC"])
def test_an_arn_of_1600_bytes_is_the_longest(
    kind: ApiKind, character: str, certificate_pem: Callable[[Client], str]
) -> None:
    api = sample_api(kind)
    prefix = len(api.request_arn("GET", "/hello/"))
    size = len(api.request_arn("GET", character).encode()) - len(api.request_arn("GET", ""))
    fitting = "/hello/" + character * ((LONGEST_ARN - prefix) // size)
    request = ClientRequest("GET", fitting, certificate_pem=certificate_pem(LISTED_CN))

    assert Gateway(api).answer(request).status_code == 200
    assert Gateway(api).answer(replace(request, path=fitting + character)).status_code == 414


ODD_PATHS = [
    "/hello/*",
    "/hello/**/*",
    "/hello/?",
    "/hello/%3F",
    "/hello/%2A",
    "/hello/%252A",
    "/hello/..",
    "/hello/../hello",
    "/hello/../../*/*",
    "/hello/%2e%2e/layer-only",
    "/hello/a%2Fb",
    "/hello/%0A",
    "/hello/%00",
    "/hello/%FF",
    "/hello/${*}",
    "/hello/:123456789012:*",
    "/hello//",
]


@pytest.mark.parametrize("kind", ApiKind)
def test_no_path_or_method_changes_which_clients_are_allowed(
    kind: ApiKind, certificate_pem: Callable[[Client], str]
) -> None:
    gateway = Gateway(sample_api(kind))
    for path in ODD_PATHS:
        for method in ("GET", "POST", "DELETE", "*"):
            statuses = [
                gateway.answer(ClientRequest(method, path, certificate_pem=certificate_pem(client))).status_code
                for client in (LISTED_CN, OTHER_CN)
            ]
            assert statuses == [200, 403], (method, path)


@pytest.mark.parametrize("kind", [ApiKind.REST, ApiKind.HTTP_IAM])
def test_a_path_is_no_wildcard(kind: ApiKind) -> None:
    allowed = sample_api(kind).request_arn("GET", "/hello/allowed")
    gateway = Gateway(sample_api(kind, always(policy("Allow", allowed))))
    for path in ODD_PATHS:
        assert gateway.answer(ClientRequest("GET", path)).status_code == 403, path
