"""One certificate and configuration: one policy, whatever was asked for. API Gateway may cache it for the stage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from tests.aws.api_events import EVENTS, http_1_0_event, http_2_0_event, rest_event
from tests.aws.responses import checking
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from collections.abc import Callable

AUTHORIZE = checking(Authorizer(load_settings({"ALLOWED_COMMON_NAMES": "client"})))
CLIENT = client_pem(("CN", "client"))
OTHER = client_pem(("CN", "other"))

METHODS = ["GET", "POST", "DELETE", "OPTIONS", "*", "?", "GET/../..", "ANY"]
PATHS = [
    *("/", "", "/hello", "/*", "/?", "/**/*", "/hello/*", "/%2F", "/%2f..%2f", "/../../other-api/prod/GET/", "/..;/"),
    *("//", "/a:b", "/arn:aws:execute-api:*:*:*", "/${context.path}", "/$default", "/\n", "/ä", "/" + "x" * 1600),
]
STAGES = [
    "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod",
    "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/prod",
    "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:a1b2c3d4e5/prod",
    "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/$default",
]


def event(make_event: Callable[..., dict[str, Any]], pem: str, stage: str, method: str, path: str) -> dict[str, Any]:
    made = make_event(pem, method, path)
    arn = "routeArn" if "routeArn" in made else "methodArn"
    return made | {arn: f"{stage}/{method}{path}"}


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("pem", [CLIENT, OTHER], ids=["listed", "other"])
def test_every_method_and_path_gets_the_same_answer(
    make_event: Callable[..., dict[str, Any]], stage: str, pem: str
) -> None:
    answers = {
        json.dumps(AUTHORIZE(event(make_event, pem, stage, method, path))) for method in METHODS for path in PATHS
    }
    assert len(answers) == 1
    (statement,) = json.loads(answers.pop())["policyDocument"]["Statement"]
    assert statement["Resource"] == f"{stage}/*"
    assert len(statement["Resource"]) <= 512


@given(
    make_event=st.sampled_from(list(EVENTS.values())),
    stage=st.sampled_from(STAGES),
    method=st.text(max_size=10),
    path=st.text(max_size=40),
)
def test_no_path_changes_the_answer(
    make_event: Callable[..., dict[str, Any]], stage: str, method: str, path: str
) -> None:
    plain = AUTHORIZE(event(make_event, CLIENT, stage, "GET", "/hello"))
    assert AUTHORIZE(event(make_event, CLIENT, stage, method, path)) == plain


@pytest.mark.parametrize("make_event", [rest_event, http_1_0_event, http_2_0_event])
@pytest.mark.parametrize("stage", STAGES)
def test_an_allow_is_for_its_own_api_and_stage_only(make_event: Callable[..., dict[str, Any]], stage: str) -> None:
    policy = AUTHORIZE(event(make_event, CLIENT, stage, "GET", "/../../z9y8x7w6v5/test/*"))["policyDocument"]
    assert evaluate(policy, f"{stage}/POST/anything") is Effect.ALLOW
    for other in {
        stage.replace("a1b2c3d4e5", "z9y8x7w6v5"),
        stage.replace("123456789012", "210987654321"),
        stage.rpartition("/")[0] + "/test",
        *(set(STAGES) - {stage}),
    }:
        assert evaluate(policy, f"{other}/GET/hello") is Effect.IMPLICIT_DENY


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_nothing_else_of_the_request_changes_the_answer(make_event: Callable[..., dict[str, Any]]) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"headers": {"authorization": "Bearer x"}, "queryStringParameters": {"admin": "true"}},
        {"stageVariables": {"x": "y"}, "identitySource": ["x"], "resource": "/{proxy+}", "routeKey": "$default"},
    ]
    answers = {json.dumps(AUTHORIZE(make_event(CLIENT, **change))) for change in changes}
    assert len(answers) == 1
