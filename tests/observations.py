"""Observations to log and to count."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.request.assessment import Client
from mtls_authorizer.request.decision import Decision
from mtls_authorizer.request.event import read_request
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus, UnknownReason
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.telemetry.decision_log import log_fields
from mtls_authorizer.telemetry.malformed_certificate import MalformedCertificate
from mtls_authorizer.telemetry.observation import Observation
from tests.aws.api_events import rest_event
from tests.pki.certificates import client_pem
from tests.pki.crl_indexes import ListedRevocations

NOW = datetime.now(UTC)
CLIENT = client_pem(("CN", "client"))
LISTED = {"ALLOWED_COMMON_NAMES": "client"}
SHADOW = json.dumps({"rules": [{"name": "shadow", "match": {"common_name": "x"}}]})

HOSTILE = 'x\n{"decision": "allow"}\r\n"\\\u0085\u2028\u2029\x1b[31m\x7f\u202e\u2066\ufeff\U0001f600' + "y" * 100_000
"""What a client may choose to break a line with, or to forge another."""


def observation(**changes: Any) -> Observation:  # noqa: ANN401 -- any field of the parts
    """Return what was observed of an allowed request, with changes to the decision, the settings or the observation."""
    settings = load_settings({**LISTED, "AUTHORIZER_SHADOW_RULES": SHADOW})
    grant = Grant(("environment",), ALL_ROUTES, {}, None)
    decision = Decision(
        reason=None, client=Client("client"), context={}, grant=grant, shadow_reason=None, days_to_expiry=100
    )
    return Observation(
        decision._replace(**_of(Decision, changes)),
        read_request(changes.get("event", rest_event(CLIENT))),
        settings._replace(**_of(Settings, changes)),
        CurrentPolicy(settings).get()._replace(**_of(AccessPolicy, changes)),
        NOW,
        cached=False,
        microseconds=7,
        refresh_failures=changes.get("refresh_failures", 0),
        malformed=changes.get("malformed"),
        collides=changes.get("collides", False),
    )


def every_log_field() -> dict[str, object]:
    """Return all fields that a decision's record can have, although no decision has all of them."""
    everything = observation(
        client=Client("a", "a", "a", "a", "a", extended_key_usage=("clientAuth",)),
        loses_client_auth=True,
        malformed=MalformedCertificate("a", "a", "a", "a"),
        revocation_status=RevocationStatus(
            RevocationState.UNKNOWN,
            UnknownReason.STALE,
            ListedRevocations().to_list(),
            skipped_issuers=("CN=Root",),
            location="s3://lists/ca.crl",
        ),
    )
    return log_fields(everything)


def _of(kind: type[Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if name in kind._fields}
