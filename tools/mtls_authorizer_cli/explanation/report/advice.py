"""The problem of a request that is not allowed, and the next step.

A rule of another client is never to be extended: only differences that are easily overlooked lead to a correction, and
only a list in the environment to a longer one. Otherwise a new rule is suggested.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth.x509.pem import PemError, read_pem
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.checks import VALIDITY
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.rules.field_values import psd2_statement_problem
from mtls_authorizer.rules.fields import FIELDS, ISSUER_KEY, FieldKind
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import ENVIRONMENT
from mtls_authorizer_cli.explanation.client_match import suggest_rule
from mtls_authorizer_cli.explanation.gateway import GatewayCheck, fix_of
from mtls_authorizer_cli.explanation.question import EXAMPLE_REQUEST
from mtls_authorizer_cli.explanation.reasons import ABOUT_RULES, meaning_and_next_step, sentence
from mtls_authorizer_cli.explanation.report.correction import correction, deviation_text, is_plain, list_item
from mtls_authorizer_cli.explanation.report.places import place_of
from mtls_authorizer_cli.explanation.report.route_advice import explain_route
from mtls_authorizer_cli.explanation.similarity import Difference
from mtls_authorizer_cli.explanation.wording import value_text
from mtls_authorizer_cli.printed import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mtls_authorizer_cli.explanation.explanation import Explanation
    from mtls_authorizer_cli.explanation.other_requirements import OtherRequirement
    from mtls_authorizer_cli.explanation.rules import RuleExplanation

_ADD_A_RULE = (
    "If this client is to be allowed, add a rule for it to the rules document, with the routes that it may call in "
    "place of the placeholder"
)
_WITHOUT_DETAIL = (DenyReason.CERTIFICATE_MISSING, DenyReason.POLICY_TOO_LARGE)


class Advice(NamedTuple):
    """What is wrong and what to do next, in printable ASCII; and a rule to add, if that is the next step."""

    problem: str
    next_step: str
    rule: Mapping[str, object] | None = None


def advise(explanation: Explanation) -> Advice | None:
    """Return advice on a request that is not allowed, None on one that is."""
    rejection = explanation.gateway.rejection
    if rejection is not None:
        problem = f"API Gateway requires {rejection.required}; found {rejection.found}."
        return Advice(problem, f"{fix_of(GatewayCheck(rejection.name), rejection.found)}.")
    reason = explanation.denial
    if reason is None:
        return None
    if reason in ABOUT_RULES:
        return _advise_on_rules(explanation)
    status = explanation.decision.revocation_status
    meaning, next_step = meaning_and_next_step(reason, None if status is None else status.unknown_reason)
    if reason is DenyReason.CERTIFICATE_MALFORMED and not _is_pem(explanation.question.pem):
        next_step = "correct the event: API Gateway sends the client's certificate alone, in PEM that is not encoded"
    advice = Advice(sentence(f"{meaning}{_detail(reason, explanation)}"), sentence(next_step))
    return _about_route(advice, explanation) if reason is DenyReason.ROUTE_NOT_ALLOWED else advice


def _is_pem(sent: object) -> bool:
    """Return whether an event contains one certificate in PEM, as from API Gateway, whatever is in it."""
    try:
        return isinstance(sent, str) and bool(read_pem(sent))
    except PemError:
        return False


def _about_route(advice: Advice, explanation: Explanation) -> Advice:
    """Return advice on a route that is not allowed, with what is easily overlooked about it."""
    grant, request = explanation.decision.grant, explanation.question.request
    routes = ALL_ROUTES if grant is None else grant.routes
    remark, next_step = explain_route(routes, request.invocation, request.stage_arn.rpartition("/")[2])
    return Advice(f"{advice.problem} {remark}".rstrip(), next_step or advice.next_step)


def _detail(reason: DenyReason, explanation: Explanation) -> str:
    """Return what was found, after a colon; nothing if the meaning of the reason contains all of it."""
    if reason in _WITHOUT_DETAIL:
        return ""
    if reason is DenyReason.QC_STATEMENTS_MALFORMED and explanation.certificate is not None:
        return f": {plain(psd2_statement_problem(explanation.certificate) or '')}"
    check = next(check for check in explanation.checks if check.reason == reason)
    if reason is DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED:
        return f": requires {check.required}; found {check.found}"
    found = (check.found or "").removeprefix(f"{RevocationState.REVOKED}, ")  # the meaning says so
    return f": {'valid from ' if check.name == VALIDITY.name else ''}{found}"


def _advise_on_rules(explanation: Explanation) -> Advice:
    """Return advice on a certificate that no rule matches."""
    rules = explanation.rules
    if rules is not None and rules.denials:
        return Advice(
            f"The rules document denies the certificate in {rules.denials[0].place}, whichever rules match it.",
            "If this client is to be allowed, remove or narrow that entry.",
        )
    if rules is None or not rules.total:
        return _with_rule(
            "There is no rule, so every client is denied.",
            f"Set a list such as ALLOWED_COMMON_NAMES. Or use rules, in AUTHORIZER_RULES or at AUTHORIZER_RULES_URI. "
            f"{_ADD_A_RULE}",
            explanation,
        )
    for rule in rules.nearest:
        advice = _about_nearest(rule, explanation)
        if advice is not None:
            return advice
    return _about_list(explanation) or _about_new_client(explanation)


def _about_nearest(rule: RuleExplanation, explanation: Explanation) -> Advice | None:
    """Return advice on a rule that differs only in something other than the client, or that is easily overlooked."""
    if rule.mismatch in _ADVICE_ON_MATCHING_RULES:
        return _ADVICE_ON_MATCHING_RULES[rule.mismatch](rule, explanation)
    if rule.mismatch is DenyReason.CERTIFICATE_EXCLUDED:
        return Advice(
            f"{place_of(rule)} matches, but its exclusions ('not') exclude the certificate."
            f"{_other_obstacles(rule, rule.mismatch)}",
            "If this client is to be allowed, narrow the exclusions, or add another rule for it.",
        )
    if [field.matcher.field for field in rule.failing] == [ISSUER_KEY] and not rule.failing[0].found:
        return _about_truststore(rule)
    return _near_miss_advice(rule, explanation) if rule.is_near_miss else None


def _about_truststore(rule: RuleExplanation) -> Advice:
    return Advice(
        f"{place_of(rule)} matches, except for its {ISSUER_KEY}: no usable CA of the truststore at TRUSTSTORE_URI "
        "signed the certificate.",
        "If this client is to be allowed, set the function's TRUSTSTORE_URI to the truststore of the custom domain, "
        "with the client's CA in it.",
    )


def _near_miss_advice(rule: RuleExplanation, explanation: Explanation) -> Advice:
    deviations = [
        (field, deviation) for field in rule.failing if field.nearest for deviation in field.nearest.deviations
    ]
    problem = " ".join(deviation_text(rule, field, deviation) for field, deviation in deviations)
    problem += _other_obstacles(rule)
    corrections = " ".join(correction(rule, field, deviation) for field, deviation in deviations)
    if any(deviation.difference is Difference.ONE_CHARACTER for _, deviation in deviations):
        return _with_rule(problem, f"If both are the same client: {corrections} Otherwise: {_ADD_A_RULE}", explanation)
    return Advice(problem, corrections)


def _other_obstacles(rule: RuleExplanation, corrected: OtherRequirement | DenyReason | None = None) -> str:
    """Return why a rule still does not match with its fields, one other requirement, or its exclusions corrected."""
    exclude = corrected is not DenyReason.CERTIFICATE_EXCLUDED and any(
        all(field.matches for field in exclusion) for exclusion in rule.exclusions
    )
    unmet = [each for each in (*rule.values, *rule.limits) if not each.met and each != corrected]
    obstacles = [
        *(["its exclusions ('not') exclude the certificate"] if exclude else []),
        *(f"its {each.key} requires {each.required}; found {each.found}" for each in unmet),
    ]
    return "".join(f" Even then, {obstacle}." for obstacle in obstacles)


def _about_list(explanation: Explanation) -> Advice | None:
    """Return advice to extend the one list in the environment that does not match, if there are no other rules."""
    rules = explanation.rules
    if rules is None or any(rule.rule.name != ENVIRONMENT for rule in rules.nearest) or rules.left_out:
        return None
    rule = next((rule for rule in rules.nearest if rule.mismatch is explanation.denial), rules.nearest[0])
    if len(rule.failing) != 1 or rule.failing[0].remark or not rule.failing[0].found:
        return None
    (field,) = rule.failing
    place, name, fact = place_of(rule, field), field.matcher.field, field.found[0]
    item = list_item(name, fact.label, value_text(fact.value))
    if item is None:
        return None
    # A list of distinguished names is one name, or a JSON array.
    if is_plain(name, item) and FIELDS[name].kind is not FieldKind.DISTINGUISHED_NAME:
        add = f"add '{item}' to {place}"
    else:
        add = f"write {place} as a JSON array that also contains {json.dumps(item)}"
    others = " or another of its values" if len(field.found) > 1 else ""
    return Advice(
        f"{place} requires {field.required_text()}, and the certificate has {field.found_text()}.",
        f"If this client is to be allowed, {add}{others}.",
    )


def _about_limits(rule: RuleExplanation, explanation: Explanation) -> Advice:
    unmet = next(limit for limit in rule.limits if not limit.met)
    request = explanation.question.request
    unknown = {"api_id": request.stage_arn == EXAMPLE_REQUEST.stage_arn, "domain_name": request.domain_name is None}
    option = f"--{unmet.key.replace('_', '-')}"
    named = f"If the request had another {unmet.key}, name it with {option}. " if unknown.get(unmet.key) else ""
    return Advice(
        f"{place_of(rule)} matches, but is not in effect for this request: its {unmet.key} is {unmet.required}, and "
        f"the request has {unmet.found}.{_other_obstacles(rule, unmet)}",
        f"{named}If the client is to be allowed, change the limit, or add another rule for it.",
    )


def _about_values(rule: RuleExplanation, _explanation: Explanation) -> Advice:
    missing = next(value for value in rule.values if not value.met)
    return Advice(
        f"{place_of(rule)} would match, but its {missing.key} requires {missing.required}, and the certificate has "
        f"{missing.found}.{_other_obstacles(rule, missing)}",
        "If the client is to be allowed, write a default, or have the certificate issued with one such value.",
    )


_ADVICE_ON_MATCHING_RULES: Mapping[DenyReason | None, Callable[[RuleExplanation, Explanation], Advice]] = {
    DenyReason.RULE_NOT_IN_EFFECT: _about_limits,
    DenyReason.CERTIFICATE_VALUE_MISSING: _about_values,
}


def _about_new_client(explanation: Explanation) -> Advice:
    rules = explanation.rules
    nearest = next((rule for rule in rules.nearest if rule.is_related), None) if rules else None
    nearness = "nearest"
    if rules and rules.total == len(rules.nearest) == 1:
        nearest, nearness = rules.nearest[0], "only one"
    if nearest is None or not nearest.failing:
        remarks = "".join(f" The certificate has {remark}." for remark in (rules.remarks if rules else ()))
        return _with_rule(f"No rule matches, and none is similar.{remarks}", _ADD_A_RULE, explanation)
    field = nearest.failing[0]
    problem = (
        f"No rule matches. The {nearness} is {place_of(nearest)}: its {field.matcher.field} requires "
        f"{field.required_text()}, and the certificate has {field.found_text()}."
    )
    if [each.matcher.field for each in nearest.failing] == [ISSUER_KEY]:
        same = "If the CA's operator confirms that it has a new key, add that to the rule"
        other = "If not, another CA has signed the certificate, perhaps for another client: leave the rule as it is"
        return _with_rule(problem, f"{same}. {other}. {_ADD_A_RULE}", explanation)
    return _with_rule(problem, f"If it is for another client, leave it as it is. {_ADD_A_RULE}", explanation)


def _with_rule(problem: str, next_step: str, explanation: Explanation) -> Advice:
    """Return advice with a rule for the certificate."""
    # There is a certificate, since it was compared with rules.
    certificate, rules = explanation.certificate, explanation.question.policy.rules
    if certificate is not None and certificate.ca:
        problem = f"{problem} This is a CA's certificate."
        next_step = f"If it is not the one that the client sends, name the client's certificate. Otherwise: {next_step}"
    return Advice(problem, f"{next_step}:", None if certificate is None else suggest_rule(certificate, rules))
