"""Observations to log and to count."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mtls_authorizer.policy.settings import load_configuration
from mtls_authorizer.request.decision import Client, Decision
from mtls_authorizer.request.event import read_request
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule_set import Grant
from mtls_authorizer.telemetry.decision_log import Observation
from tests.api_events import rest_event
from tests.certificates import client_pem

NOW = datetime.now(UTC)
CLIENT = client_pem(("CN", "client"))
LISTED = {"ALLOWED_COMMON_NAMES": "client"}
SHADOW = json.dumps({"rules": [{"name": "shadow", "match": {"common_name": "x"}}]})

HOSTILE = 'x\n{"decision": "allow"}\r\n"\\\u0085\u2028\u2029\x1b[31m\x7f\u202e\u2066\ufeff\U0001f600' + "y" * 100_000
"""What a client may choose to break a line with, or to forge another."""


def observation(**changes: Any) -> Observation:  # noqa: ANN401 -- any of its fields
    configuration = load_configuration({**LISTED, "AUTHORIZER_SHADOW_RULES": SHADOW})
    grant = Grant(("environment",), ALL_ROUTES, {}, None)
    decision = Decision(
        allowed=True, reason=None, client=Client("client"), context={}, grant=grant, shadow=grant, days_to_expiry=100
    )
    decision = decision._replace(**{key: value for key, value in changes.items() if key in Decision._fields})
    request = read_request(changes.get("event", rest_event(CLIENT)))
    return Observation(
        decision,
        request,
        configuration._replace(**{key: value for key, value in changes.items() if key == "unauthenticated_response"}),
        NOW,
        cached=False,
        microseconds=7,
        refresh_failures=changes.get("refresh_failures", 0),
        refusal=decision.refusal(request.invocation),
        shadow_refusal=decision.shadow_refusal(request.invocation),
    )
