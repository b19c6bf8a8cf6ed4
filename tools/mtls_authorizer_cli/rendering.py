"""An explanation for a person, as text, and for a program, as JSON. Both are in printable ASCII."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule_set import ENVIRONMENT
from mtls_authorizer_cli.advice import advise
from mtls_authorizer_cli.explanation import Verdict, iso_8601
from mtls_authorizer_cli.wording import (
    alternatives,
    listing,
    quoted,
    value_text,
    written_route,
    written_routes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mtls_authorizer.reasons import DenyReason as Reason
    from mtls_authorizer.rules.conditions import Condition
    from mtls_authorizer.rules.routes import Routes
    from mtls_authorizer_cli.explanation import Explanation, FieldExplanation, RuleExplanation, RulesExplanation

JSON_VERSION = 1
"""Changes when a key of ``as_json`` loses its meaning, not when keys are added."""

_LONGEST_LINE = 200
_MOST_RESOURCES = 8
_MOST_VALUES = 100

_MARKS = {Verdict.PASSED: "ok", Verdict.FAILED: "NO", Verdict.NOT_REACHED: "--"}


class Report(NamedTuple):
    """What is printed: an explanation, notes on what it is about, and whether nothing is to be left out."""

    explanation: Explanation
    notes: Sequence[str] = ()
    everything: bool = False


def as_text(report: Report) -> str:
    """Return a report for a person."""
    explanation = report.explanation
    sections = [
        _heading(report),
        ["Checks", *_checks(explanation)],
        _rules("Rules", explanation.rules, report),
        _shadow_rules(report),
        _outcome(explanation),
        _answers(report),
    ]
    return "\n\n".join("\n".join(section) for section in map(list, sections) if section) + "\n"


def _heading(report: Report) -> Iterator[str]:
    explanation, question = report.explanation, report.explanation.question
    certificate = explanation.certificate
    if certificate is not None:
        yield f"certificate    {_beginning(certificate.subject.rfc4514_string())}"
        yield f"issuer         {_beginning(certificate.issuer.rfc4514_string())}"
        yield f"serial number  {_beginning(certificate.serial_number)}"
        yield f"SHA-256        {certificate.fingerprint256}"
    yield f"stage          {question.request.stage_arn}"
    route = "none in particular" if question.invocation is None else quoted(written_route(question.invocation))
    yield f"route          {route}"
    yield f"time           {iso_8601(question.now)}"
    for note in report.notes:
        yield f"note           {note}"


def _beginning(text: str) -> str:
    """Return what fits of text in printable ASCII."""
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + "..."


def _checks(explanation: Explanation) -> Iterator[str]:
    width = max(len(check.name) for check in explanation.checks)
    for check in explanation.checks:
        has = "not looked at" if check.has is None else f"has {check.has}"
        yield f"  {_MARKS[check.verdict]}  {check.name.replace('_', ' '):{width}}  wanted {check.wanted}; {has}"


def _shadow_rules(report: Report) -> Iterator[str]:
    explanation = report.explanation
    if explanation.question.configuration.shadow_rules is not None:
        title = "Shadow rules, which change nothing"
        # Of a certificate that they weren't compared with, only what they come to is told.
        yield from list(_rules(title, explanation.shadow_rules, report)) or [title]
        yield f"  They would come to: {_effect(explanation.shadow_refusal)}"


def _rules(title: str, rules: RulesExplanation | None, report: Report) -> Iterator[str]:
    if rules is None or not rules.total:
        return
    yield f"{title}: {len(rules.matching):,} of {rules.total:,} match"
    for rule in (*rules.matching, *rules.nearest):
        yield from _rule(rule, everything=report.everything)
    if rules.left_out:
        yield f"  {rules.left_out:,} more that don't match are left out: --all shows them"


def _rule(rule: RuleExplanation, *, everything: bool) -> Iterator[str]:
    name = "lists in the environment" if rule.rule.name == ENVIRONMENT else quoted(rule.rule.name)
    yield f"  {_mark(rule.mismatch is None)}  {name}{'' if rule.mismatch is None else f': {rule.mismatch}'}"
    if rule.rule.anyone:
        yield "        ok  any certificate"
    for field in rule.fields:
        yield f"        {_mark(field.matches)}  {_field(field, everything=everything)}"
    for exclusion in rule.exclusions:
        excluded = all(field.matches for field in exclusion)
        fields = ", and ".join(_field(field, everything=everything) for field in exclusion)
        yield f"        {_mark(not excluded)}  {'excluded' if excluded else 'not excluded'} by {fields}"
    if rule.rule.routes is not ALL_ROUTES:
        mark = "  " if rule.route_allowed is None else _mark(rule.route_allowed)
        yield f"        {mark}  allows {listing(written_routes(rule.rule.routes), everything=everything)}"


def _field(field: FieldExplanation, *, everything: bool) -> str:
    wanted, has = field.wanted_text(everything=everything), field.has_text(everything=everything)
    return f"{field.matcher.field}: wanted {wanted}; has {has}"


def _mark(passed: bool) -> str:  # noqa: FBT001 -- a verdict, not an option
    return _MARKS[Verdict.PASSED if passed else Verdict.FAILED]


def _outcome(explanation: Explanation) -> Iterator[str]:
    yield _effect(explanation.refusal).capitalize()
    if explanation.refusal is not None:
        yield f"  {advise(explanation)}"
        return
    grant = explanation.decision.grant
    routes = grant.routes if grant else ()
    yield f"  May call {'every route' if routes is ALL_ROUTES else listing(written_routes(routes), everything=True)}"


def _effect(refusal: Reason | None) -> str:
    return "allow" if refusal is None else f"deny: {refusal}"


def _answers(report: Report) -> Iterator[str]:
    explanation = report.explanation
    if explanation.answer is None:
        yield "The function raises Unauthorized, and the API answers 401."
    else:
        yield "The function answers"
        yield _json(explanation.answer, everything=report.everything)
    if explanation.simple_answer is not None:
        yield "and to an event of payload 2.0"
        yield _json(explanation.simple_answer, everything=report.everything)


def _json(value: object, *, everything: bool) -> str:
    return json.dumps(value if everything else _shortened(value), indent=2)


def _shortened(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        more = len(value) - _MOST_RESOURCES
        return [*map(_shortened, value[:_MOST_RESOURCES]), *([f"... and {more:,} more"] if more > 0 else [])]
    return value


def as_json(report: Report) -> str:
    """Return a report for a program: one JSON object, of which the README describes the keys."""
    explanation, question = report.explanation, report.explanation.question
    certificate, grant = explanation.certificate, explanation.decision.grant
    configuration = question.configuration
    document = {
        "version": JSON_VERSION,
        "decision": "allow" if explanation.refusal is None else "deny",
        "reason": explanation.refusal,
        "advice": advise(explanation),
        "notes": report.notes,
        "time": iso_8601(question.now),
        "event_format": question.request.event_format,
        "stage_arn": question.request.stage_arn,
        "route": question.invocation and written_route(question.invocation),
        "certificate": certificate
        and {
            "subject_dn": certificate.subject.rfc4514_string(),
            "issuer_dn": certificate.issuer.rfc4514_string(),
            "serial_number": certificate.serial_number,
            "fingerprint256": certificate.fingerprint256,
            "not_before": iso_8601(certificate.not_before),
            "not_after": iso_8601(certificate.not_after),
        },
        "checks": [check._asdict() for check in explanation.checks],
        "configuration_version": configuration.version,
        "rules": _rules_json(explanation.rules, configuration.rules_version, report),
        "shadow_decision": None
        if configuration.shadow_rules is None
        else "allow"
        if explanation.shadow_refusal is None
        else "deny",
        "shadow_reason": None if configuration.shadow_rules is None else explanation.shadow_refusal,
        "shadow_rules": _rules_json(explanation.shadow_rules, configuration.shadow_rules_version, report),
        "allowed_routes": _routes_json(grant.routes) if grant else [],
        "answer": explanation.answer,
        "simple_answer": explanation.simple_answer,
    }
    return json.dumps(document, indent=2) + "\n"


def _rules_json(rules: RulesExplanation | None, version: str | None, report: Report) -> object:
    return rules and {
        "version": version,
        "total": rules.total,
        "matching": [_rule_json(rule, report) for rule in rules.matching],
        "nearest": [_rule_json(rule, report) for rule in rules.nearest],
        "left_out": rules.left_out,
    }


def _rule_json(rule: RuleExplanation, report: Report) -> object:
    return {
        "name": rule.rule.name,
        "reason": rule.mismatch,
        "anyone": rule.rule.anyone,
        "match": [_field_json(field, report) for field in rule.fields],
        "not": [[_field_json(field, report) for field in exclusion] for exclusion in rule.exclusions],
        "allow": _routes_json(rule.rule.routes),
        "route_allowed": rule.route_allowed,
    }


def _field_json(field: FieldExplanation, report: Report) -> object:
    wanted = alternatives(field.matcher)
    return {
        "field": field.matcher.field,
        "matches": field.matches,
        "wanted": [_alternative_json(each) for each in wanted[: None if report.everything else _MOST_VALUES]],
        "wanted_total": len(wanted),
        "has": [{"label": fact.label, "value": value_text(fact.value)} for fact in field.has],
        "closest": field.closest
        and {"wanted": _alternative_json(field.closest.alternative), "difference": field.closest.difference},
        "remark": field.remark,
    }


def _alternative_json(alternative: Iterable[Condition]) -> object:
    return [
        {"label": label, "comparison": comparison, "value": value_text(value)}
        for _, label, comparison, value in alternative
    ]


def _routes_json(routes: Routes) -> list[str] | None:
    return None if routes is ALL_ROUTES else written_routes(routes)
