"""The decision on one request, made from the assessment of its certificate."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.request.assessment import RejectedCertificate
from mtls_authorizer.request.checks import GRANT_CHECKS, ROUTE, RequestFacts, first_failure, not_valid
from mtls_authorizer.rules.grant import ConditionalGrant, Grant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.reasons import DenyReason
    from mtls_authorizer.request.assessment import AssessedCertificate, Assessment, Client
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer.revocation.status import RevocationStatus
    from mtls_authorizer.rules.grant import Evaluation, RuleOutcome


class Decision(NamedTuple):
    """The decision on a request. ``reason`` is the deny reason; None if the request is allowed.

    ``grant`` contains everything that the client may call, None if it may call nothing. It does not depend on the
    requested route, so that API Gateway may cache the policy made from it: a request can be denied although there is a
    grant. ``context`` belongs to the grant; without a grant, it contains the reason.
    """

    reason: DenyReason | None
    client: Client
    context: dict[str, str]
    grant: Grant | None
    shadow_reason: DenyReason | None
    """Why the shadow rules would deny the request. None if they would allow it, or without shadow rules."""

    days_to_expiry: int | None = None
    """Whole days until the certificate's notAfter; negative after it."""

    revocation_status: RevocationStatus | None = None
    """None if it was not determined: without CRLs, without a grant, or if the certificate is not valid now."""

    loses_client_auth: bool = False
    """As in ``AssessedCertificate``."""

    @property
    def allowed(self) -> bool:
        """Whether the client may make this request."""
        return self.reason is None


def decide(
    assessment: Assessment, settings: Settings, policy: AccessPolicy, request: ApiRequest, now: datetime
) -> Decision:
    """Decide on a request at an aware time. Pure.

    The assessment must have been made under the same settings and access policy.
    """
    if isinstance(assessment, RejectedCertificate):
        reason = assessment.reason
        shadow_reason = None if policy.shadow_rules is None else reason
        return Decision(reason, assessment.client, {"reason": reason.value}, None, shadow_reason)
    outcome = outcome_for(assessment.evaluation, request, now)
    facts = RequestFacts(
        outcome, assessment.not_before, assessment.not_after, now, settings, policy, request.invocation
    )
    if policy.revocation is not None and assessment.has_grant and not_valid(facts) is None:
        facts = facts._replace(revocation_status=policy.revocation.status_at(assessment.chains, now))
    failure = first_failure(GRANT_CHECKS, facts)
    days_to_expiry = (assessment.not_after - now).days
    if failure is None and isinstance(outcome, Grant):
        grant: Grant | None = outcome
        # A rule's constants never replace values of the certificate.
        context = {**outcome.context, **assessment.context}
        if days_to_expiry <= settings.expiry_warning_days:
            context["clientCertDaysToExpiry"] = str(days_to_expiry)
    else:
        grant, context = None, {"reason": str(failure)}
    return Decision(
        failure or ROUTE.failure(facts),
        assessment.client,
        context,
        grant,
        _shadow_reason(assessment, facts, request),
        days_to_expiry,
        facts.revocation_status,
        assessment.loses_client_auth,
    )


def outcome_for(evaluation: Evaluation, request: ApiRequest, now: datetime) -> RuleOutcome:
    """Return the outcome of rules for a request, given their evaluation for its certificate."""
    if isinstance(evaluation, ConditionalGrant):
        return evaluation.outcome(request.api_id, request.domain_name, now)
    return evaluation


def _shadow_reason(assessment: AssessedCertificate, facts: RequestFacts, request: ApiRequest) -> DenyReason | None:
    if assessment.shadow_evaluation is None:
        return None
    outcome = outcome_for(assessment.shadow_evaluation, request, facts.now)
    return first_failure((*GRANT_CHECKS, ROUTE), facts._replace(outcome=outcome))
