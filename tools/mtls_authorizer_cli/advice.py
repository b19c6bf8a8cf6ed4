"""What to do about a Deny, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason as Reason
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.rule_set import ENVIRONMENT
from mtls_authorizer_cli.explanation import ROUTE, Explanation, RuleExplanation, iso_8601
from mtls_authorizer_cli.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mtls_authorizer_cli.explanation import FieldExplanation


def advise(explanation: Explanation) -> str | None:
    """Return what is wrong and what would be right, in printable ASCII; None for who is let in."""
    reason = explanation.refusal
    if reason is None:
        return None
    if reason in _ADVICE:
        return _ADVICE[reason](explanation)
    # All others are those of a rule.
    return _about_rules(explanation)


def _about_rules(explanation: Explanation) -> str:
    rules = explanation.rules
    if rules is None or not rules.nearest:
        return "There is no rule. Set a list such as ALLOWED_COMMON_NAMES, AUTHORIZER_RULES or AUTHORIZER_RULES_URI."
    rule = _rule_to_mend(rules.nearest, explanation.refusal)
    if rule.failing:
        return _about_fields(rule, *rule.failing)
    return (
        f"{_name(rule)} matches but for its exclusions, 'not'. If the certificate is to be let in, narrow them, or "
        "write another rule for it."
    )


def _rule_to_mend(nearest: tuple[RuleExplanation, ...], reason: Reason | None) -> RuleExplanation:
    """Return the nearest rule of those that give the reason, or of all."""
    return next((rule for rule in nearest if rule.mismatch is reason), nearest[0])


def _about_fields(rule: RuleExplanation, field: FieldExplanation, *others: FieldExplanation) -> str:
    name = field.matcher.field.replace("_", " ")
    place = FIELDS[field.matcher.field].variable if rule.rule.name == ENVIRONMENT else _name(rule)
    too = f", and with it {len(others)} more of what is wanted" if others else ""
    return (
        f"The {name} differs{too}: the certificate has {field.has_text()}, and {place} wants {field.wanted_text()}. "
        "List there what the certificate has, or have one issued that has what is wanted."
    )


def _name(rule: RuleExplanation) -> str:
    return f"rule {quoted(rule.rule.name)}"


def _about_key_usage(explanation: Explanation) -> str:
    check = next(check for check in explanation.checks if check.reason is Reason.EXTENDED_KEY_USAGE_NOT_ALLOWED)
    return (
        f"The certificate isn't meant for this: it has {check.has}, and {check.wanted} is wanted. Have it issued for "
        "that, or set REQUIRED_EXTENDED_KEY_USAGE."
    )


def _about_route(explanation: Explanation) -> str:
    check = next(check for check in explanation.checks if check.name == ROUTE)
    return f"The client may call {check.has}. If it is to call this route, add that to a rule's 'allow'."


def _about_expiry(explanation: Explanation) -> str:
    certificate = explanation.certificate
    return f"Have it renewed: it expired on {certificate and iso_8601(certificate.not_after)}."


def _about_early_use(explanation: Explanation) -> str:
    certificate = explanation.certificate
    return f"It becomes valid on {certificate and iso_8601(certificate.not_before)}: wait, or correct the CA's clock."


_ADVICE: Mapping[Reason, Callable[[Explanation], str]] = {
    Reason.CERTIFICATE_MISSING: lambda _explanation: (
        "Send a client certificate, to a custom domain with a truststore: elsewhere API Gateway asks for none."
    ),
    Reason.CERTIFICATE_MALFORMED: lambda _explanation: (
        "Have it issued again, in DER that is well-formed, with names that are text."
    ),
    Reason.SUBJECT_NOT_PRINTABLE: lambda _explanation: "Have it issued again, with names without control characters.",
    Reason.EXTENSIONS_MALFORMED: lambda _explanation: "Have it issued again, with extensions that are well-formed.",
    Reason.EXTENDED_KEY_USAGE_NOT_ALLOWED: _about_key_usage,
    Reason.POLICY_TOO_LARGE: lambda _explanation: (
        "The routes of all rules that match make too large a policy: join some with /*, or let fewer rules match."
    ),
    Reason.CERTIFICATE_EXPIRED: _about_expiry,
    Reason.CERTIFICATE_NOT_YET_VALID: _about_early_use,
    Reason.CERTIFICATE_REVOKED: lambda _explanation: "Its CA has withdrawn it, or a CA above: have a new one issued.",
    Reason.REVOCATION_STATUS_UNKNOWN: lambda _explanation: (
        "Bring a valid CRL of its CA to CRL_URIS, and the CA to TRUSTSTORE_URI."
    ),
    Reason.ROUTE_NOT_ALLOWED: _about_route,
}
