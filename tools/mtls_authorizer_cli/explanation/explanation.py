"""Why a certificate is allowed or denied: API Gateway's checks, the authorizer's checks, and every rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import PeerCertificate
from mtls_authorizer.request.checks import RULES
from mtls_authorizer.request.response import Unauthorized, make_response
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer_cli.explanation.checks import check_all
from mtls_authorizer_cli.explanation.gateway import explain_gateway
from mtls_authorizer_cli.explanation.result import Verdict
from mtls_authorizer_cli.explanation.rules import explain_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.reasons import DenyReason
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.explanation.gateway import GatewayExplanation
    from mtls_authorizer_cli.explanation.question import Question
    from mtls_authorizer_cli.explanation.result import CheckResult
    from mtls_authorizer_cli.explanation.rules import RulesExplanation


class Explanation(NamedTuple):
    """Why a certificate is allowed or denied.

    ``denial`` is why the authorizer denies the request, None if it does not. The rules are None if the certificate is
    not compared with any. ``answer`` is the function's response, None if it raises ``Unauthorized`` instead.
    ``simple_answer`` is its answer to payload 2.0 if simple responses are configured and the question is about another
    payload.
    """

    question: Question
    certificate: PeerCertificate | None
    gateway: GatewayExplanation
    decision: Decision
    denial: DenyReason | None
    checks: tuple[CheckResult, ...]
    rules: RulesExplanation | None
    shadow_rules: RulesExplanation | None
    shadow_denial: DenyReason | None
    answer: Mapping[str, object] | None
    simple_answer: Mapping[str, object] | None

    @property
    def allowed(self) -> bool:
        """Whether the client may make the request, as far as this is known without AWS."""
        return self.denial is None and self.gateway.rejection is None


class Report(NamedTuple):
    """An explanation, notes on its inputs, and whether to print everything and the function's response."""

    explanation: Explanation
    notes: tuple[str, ...] = ()
    everything: bool = False
    with_answer: bool = False


def explain(question: Question, *, everything: bool = False) -> Explanation:
    """Explain the authorizer's decision. With ``everything``, no rule is left out."""
    decision, policy = question.decision(), question.policy
    read = question.certificate()
    certificate = read if isinstance(read, PeerCertificate) else None
    checks = tuple(check_all(question, read))
    compared = any(check.name == RULES.name and check.verdict is not Verdict.NOT_REACHED for check in checks)

    def explain_all(rules: RuleSet | None) -> RulesExplanation | None:
        if certificate is None or rules is None or not compared:
            return None
        return explain_rules(rules, certificate, question, everything=everything)

    return Explanation(
        question,
        certificate,
        explain_gateway(read, question.truststore, question.now),
        decision,
        question.denial(decision.reason),
        checks,
        explain_all(policy.rules),
        explain_all(policy.shadow_rules),
        question.denial(decision.shadow_reason),
        _answer(decision, question),
        _simple_answer(decision, question),
    )


def _answer(decision: Decision, question: Question) -> Mapping[str, object] | None:
    try:
        return make_response(decision, question.request, question.settings)
    except Unauthorized:
        return None


def _simple_answer(decision: Decision, question: Question) -> Mapping[str, object] | None:
    simple = question.settings.response_format == "simple"
    if not simple or question.request.event_format == "http-2.0":
        return None
    if question.invocation is None and decision.grant is not None and decision.grant.routes is not ALL_ROUTES:
        # It depends on the route.
        return None
    request = question.request._replace(event_format="http-2.0")
    return make_response(decision, request, question.settings)
