"""Decisions on certificates, without events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_certificate_auth import ExtractionSuccess
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.request.assessment import assess
from mtls_authorizer.request.decision import Decision, decide
from mtls_authorizer.request.event import ApiRequest
from tests.aws.api_events import STAGE_ARN
from tests.refreshing import LONG_WAITS

if TYPE_CHECKING:
    from datetime import datetime

    from client_certificate_auth import ExtractionResult, PeerCertificate
    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings


def decision_on(
    certificate: PeerCertificate | ExtractionResult,
    settings: Settings,
    now: datetime,
    invocation: str = "GET/hello",
    *,
    policy: AccessPolicy | None = None,
) -> Decision:
    """Return the authorizer's decision under the settings, and the rules and CRLs that they name unless given."""
    policy = policy or CurrentPolicy(settings, wait_seconds=LONG_WAITS).get()
    extraction = certificate if isinstance(certificate, tuple) else ExtractionSuccess(certificate)
    request = ApiRequest("rest", STAGE_ARN, invocation)
    return decide(assess(extraction, settings, policy), settings, policy, request, now)
