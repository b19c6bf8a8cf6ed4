from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from examples import behind_the_authorizer, layer_only
from local_gateway.api import ApiKind
from local_gateway.client_request import ClientRequest
from local_gateway.deployment import sample_api
from local_gateway.events import integration_event
from local_gateway.scenarios import LISTED_CN, OTHER_CN

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_gateway.pki import Client


@dataclass
class Case:
    client: Client | None
    answer: dict[str, object]


@pytest.mark.parametrize("kind", ApiKind)
@pytest.mark.parametrize(
    "case",
    [
        Case(LISTED_CN, {"statusCode": 200, "body": "Hello authorized-client"}),
        Case(OTHER_CN, {"statusCode": 403, "body": "Forbidden"}),
        Case(None, {"statusCode": 401, "body": "lambda_event_missing_clientcert"}),
    ],
)
def test_the_layer_alone_is_enough(kind: ApiKind, case: Case, certificate_pem: Callable[[Client], str]) -> None:
    request = ClientRequest("GET", "/layer-only", certificate_pem=case.client and certificate_pem(case.client))
    api = sample_api(kind)
    match = api.match(request.method, request.path)
    assert match is not None

    assert layer_only.handler(integration_event(api, match, request, None), None) == case.answer


@pytest.mark.parametrize("event", [{}, None, {"requestContext": {}}])
def test_an_event_without_a_certificate_is_401(event: object) -> None:
    assert layer_only.handler(event, None)["statusCode"] == 401


@pytest.mark.parametrize(
    ("event", "context"),
    [
        ({"requestContext": {"authorizer": {"a": "b", "principalId": "c"}}}, {"a": "b", "principalId": "c"}),
        ({"version": "1.0", "requestContext": {"authorizer": {"a": "b"}}}, {"a": "b"}),
        ({"version": "2.0", "requestContext": {"authorizer": {"lambda": {"a": "b"}}}}, {"a": "b"}),
    ],
)
def test_the_context_is_read_where_each_kind_of_api_puts_it(event: dict[str, Any], context: object) -> None:
    answer = behind_the_authorizer.handler(event, None)

    assert answer["statusCode"] == 200
    assert json.loads(str(answer["body"])) == context
