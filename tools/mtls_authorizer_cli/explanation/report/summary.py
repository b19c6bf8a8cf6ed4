"""The decision about a certificate without its explanation: for tables of many certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import PeerCertificate
from mtls_authorizer.request.assessment import AssessedCertificate
from mtls_authorizer.request.decision import decide, outcome_for
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer_cli.explanation.gateway import explain_gateway

if TYPE_CHECKING:
    from mtls_authorizer.reasons import DenyReason
    from mtls_authorizer_cli.explanation.gateway import GatewayExplanation
    from mtls_authorizer_cli.explanation.question import Question
    from mtls_authorizer_cli.explanation.result import CheckResult


class Summary(NamedTuple):
    """The decision about a certificate: the same as in its ``Explanation``.

    ``denial`` is the authorizer's deny reason; API Gateway may also reject the certificate.
    ``rules`` are the names of the rules that match and are in effect, also if the client is denied for another reason.
    ``grant`` is what they allow, None if the client is denied before the route matters.
    """

    certificate: PeerCertificate | None
    gateway: GatewayExplanation
    denial: DenyReason | None
    rules: tuple[str, ...]
    grant: Grant | None

    @property
    def rejection(self) -> CheckResult | None:
        """The check of API Gateway that fails."""
        return self.gateway.rejection

    @property
    def allowed(self) -> bool:
        """Whether the client may make the request, as far as this is known without AWS."""
        return self.reason is None

    @property
    def denied_by(self) -> str | None:
        """``api_gateway`` or ``authorizer``; None if the client is allowed."""
        if self.rejection is not None:
            return "api_gateway"
        return None if self.denial is None else "authorizer"

    @property
    def reason(self) -> str | None:
        """The failed check of API Gateway, or the deny reason; None if the client is allowed."""
        return self.denial if self.rejection is None else self.rejection.name


def summarize(question: Question) -> Summary:
    """Decide on a certificate. It takes a fraction of the time of ``explain``, which compares it with every rule."""
    read, assessment = question.certificate(), question.assessment()
    decision = decide(assessment, question.settings, question.policy, question.request, question.now)
    outcome = None
    if isinstance(assessment, AssessedCertificate):
        outcome = outcome_for(assessment.evaluation, question.request, question.now)
    gateway = explain_gateway(read, question.truststore, question.now)
    return Summary(
        read if isinstance(read, PeerCertificate) else None,
        gateway,
        question.denial(decision.reason),
        outcome.rules if isinstance(outcome, Grant) else (),
        decision.grant if gateway.rejection is None else None,
    )
