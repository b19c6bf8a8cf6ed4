"""The decision on one request, made from the assessment of its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.request.assessment import RejectedCertificate
from mtls_authorizer.request.checks import GRANT_CHECKS, ROUTE_CHECK, RequestFacts, first_failure, not_valid
from mtls_authorizer.rules.rule_set import Grant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.reasons import DenyReason
    from mtls_authorizer.request.assessment import AssessedCertificate, Assessment, Client
    from mtls_authorizer.revocation.status import RevocationStatus


class Decision(NamedTuple):
    """Whether the client may make this request: ``reason`` is None exactly if it may.

    ``grant`` is everything that the client may call, None if that is nothing. It does not depend on the requested
    route, so API Gateway may cache a policy that is made of it: a request can be denied although there is a grant.
    ``context`` belongs to the grant; without one it contains the reason.
    """

    reason: DenyReason | None
    client: Client
    context: Mapping[str, str]
    grant: Grant | None
    shadow_reason: DenyReason | None
    """Why the shadow rules would deny the request. None if they would not, and without shadow rules."""

    days_to_expiry: int | None = None
    """Whole days until the certificate's notAfter; negative after it."""

    revocation_status: RevocationStatus | None = None
    """None if it was not determined: without CRLs, or if the certificate is denied anyway."""

    loses_client_auth: bool = False
    """Whether the grant requires clientAuth, which public CAs stop issuing, and the certificate is for servers too."""

    @property
    def allowed(self) -> bool:
        """Whether the client may make this request."""
        return self.reason is None


def decide(
    assessment: Assessment, settings: Settings, policy: AccessPolicy, invocation: str, now: datetime
) -> Decision:
    """Decide on a request at a time, which is aware. Pure.

    The assessment was made under the same settings and access policy. ``invocation`` is the requested method and path
    as in the method ARN: ``GET/payments/1``.
    """
    if isinstance(assessment, RejectedCertificate):
        reason = assessment.reason
        return Decision(reason, assessment.client, {"reason": reason.value}, grant=None, shadow_reason=reason)
    facts = RequestFacts(
        assessment.outcome, assessment.not_before, assessment.not_after, now, settings, policy, invocation
    )
    if policy.revocation is not None and assessment.has_grant and not_valid(facts) is None:
        facts = facts._replace(revocation_status=policy.revocation.status_at(assessment.chains, now))
    failure = first_failure(GRANT_CHECKS, facts)
    grant = assessment.outcome if failure is None and isinstance(assessment.outcome, Grant) else None
    days_to_expiry = (assessment.not_after - now).days
    return Decision(
        failure or ROUTE_CHECK.failure(facts),
        assessment.client,
        _context(assessment, failure, days_to_expiry if days_to_expiry <= settings.expiry_warning_days else None),
        grant,
        _shadow_reason(assessment, facts),
        days_to_expiry,
        facts.revocation_status,
        assessment.loses_client_auth,
    )


def _context(
    assessment: AssessedCertificate, failure: DenyReason | None, days_to_report: int | None
) -> Mapping[str, str]:
    if failure is not None:
        return {"reason": failure.value}
    if days_to_report is not None:
        return {**assessment.context, "clientCertDaysToExpiry": str(days_to_report)}
    return assessment.context


def _shadow_reason(assessment: AssessedCertificate, facts: RequestFacts) -> DenyReason | None:
    if assessment.shadow_outcome is None:
        return None
    return first_failure((*GRANT_CHECKS, ROUTE_CHECK), facts._replace(outcome=assessment.shadow_outcome))
