"""Responses that API Gateway would refuse or misunderstand are found in every test of the authorizer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.api_events import STAGE_ARN, http_1_0_event, http_2_0_event, rest_event
from tests.aws.responses import checked

STATEMENT = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{STAGE_ARN}/*/*"}
DENIED = {"policyDocument": {"Version": "2012-10-17", "Statement": [STATEMENT | {"Effect": "Deny"}]}}
RESPONSE: dict[str, Any] = {
    "principalId": "client",
    "policyDocument": {"Version": "2012-10-17", "Statement": [STATEMENT]},
    "context": {"clientCertCN": "client"},
}
SIMPLE: dict[str, Any] = {"isAuthorized": True, "context": {"clientCertCN": "client"}}
REASON = {"context": {"reason": "common_name_not_allowed"}}


@pytest.mark.parametrize(
    ("event", "response"),
    [
        (rest_event(), RESPONSE),
        (rest_event(), RESPONSE | {"usageIdentifierKey": "key"}),
        (http_1_0_event(), RESPONSE | DENIED | REASON),
        (http_2_0_event(), RESPONSE),
        (http_2_0_event(), SIMPLE),
        (http_2_0_event(), SIMPLE | {"isAuthorized": False} | REASON),
    ],
)
def test_a_response_as_documented_passes(event: dict[str, Any], response: dict[str, Any]) -> None:
    assert checked(event, response) is response


@pytest.mark.parametrize(
    ("event", "response"),
    [
        (rest_event(), RESPONSE | {"usageIdentifierKey": None}),
        (rest_event(), RESPONSE | {"usageIdentifierKey": ""}),
        (http_1_0_event(), RESPONSE | {"usageIdentifierKey": "key"}),
        (http_2_0_event(), SIMPLE | {"principalId": "client"}),
        (http_2_0_event(), SIMPLE | {"isAuthorized": "true"}),
        (http_1_0_event(), SIMPLE),
        (rest_event(), RESPONSE | {"principalId": None}),
        (rest_event(), RESPONSE | {"context": {"clientCertCN": None}}),
        (rest_event(), RESPONSE | {"context": {"clientCertCN": ["a"]}}),
        (rest_event(), RESPONSE | REASON),
        (rest_event(), RESPONSE | DENIED),
        (rest_event(), RESPONSE | {"policyDocument": {"Version": "2012-10-17", "Statement": []}}),
        (rest_event(), RESPONSE | {"policyDocument": {"Version": "2012-10-17", "Statement": [STATEMENT] * 2}}),
        (
            rest_event(),
            RESPONSE | {"policyDocument": {"Version": "2012-10-17", "Statement": [STATEMENT | {"Resource": "*"}]}},
        ),
        (
            rest_event(),
            RESPONSE | {"policyDocument": {"Version": "2012-10-17", "Statement": [STATEMENT | {"Resource": []}]}},
        ),
        ({key: value for key, value in rest_event().items() if key != "methodArn"}, RESPONSE),
    ],
)
def test_any_other_is_found(event: dict[str, Any], response: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        checked(event, response)
