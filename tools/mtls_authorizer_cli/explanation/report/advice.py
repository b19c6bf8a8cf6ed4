"""The problem and the next step, in two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.checks import VALIDITY
from mtls_authorizer.rules.field_values import psd2_statement_problem
from mtls_authorizer_cli.explanation.gateway import FIXES, GatewayCheck
from mtls_authorizer_cli.explanation.reasons import ABOUT_RULES, meaning_and_next_step, sentence
from mtls_authorizer_cli.explanation.report.rule_advice import Advice, advise_on_rules
from mtls_authorizer_cli.printed import plain

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation.explanation import Explanation

_WITHOUT_DETAIL = (DenyReason.CERTIFICATE_MISSING, DenyReason.POLICY_TOO_LARGE)


def advise(explanation: Explanation) -> Advice | None:
    """Return advice on a request that is not allowed, None on one that is."""
    rejection = explanation.gateway.rejection
    if rejection is not None:
        problem = f"API Gateway requires {rejection.required}; found {rejection.found}."
        return Advice(problem, f"{FIXES[GatewayCheck(rejection.name)]}.")
    reason = explanation.denial
    if reason is None:
        return None
    if reason in ABOUT_RULES:
        return advise_on_rules(explanation)
    status = explanation.decision.revocation_status
    meaning, next_step = meaning_and_next_step(reason, None if status is None else status.unknown_reason)
    return Advice(sentence(f"{meaning}{_detail(reason, explanation)}"), sentence(next_step))


def _detail(reason: DenyReason, explanation: Explanation) -> str:
    """Return what was found, after a colon; nothing if the meaning of the reason contains all of it."""
    if reason in _WITHOUT_DETAIL:
        return ""
    if reason is DenyReason.QC_STATEMENTS_MALFORMED and explanation.certificate is not None:
        return f": {plain(psd2_statement_problem(explanation.certificate) or '')}"
    check = next(check for check in explanation.checks if check.reason == reason)
    if reason is DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED:
        return f": requires {check.required}; found {check.found}"
    return f": {'valid from ' if check.name == VALIDITY.name else ''}{check.found}"
