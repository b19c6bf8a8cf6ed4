"""An explanation for a program: one JSON object in ASCII. docs/explain.md describes its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer_cli.explanation.gateway import CLIENT_SEES
from mtls_authorizer_cli.explanation.report.advice import advise
from mtls_authorizer_cli.explanation.wording import alternatives, listed_routes, value_text, written_route
from mtls_authorizer_cli.printed import json_text, utc_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtls_authorizer.rules.conditions import Condition
    from mtls_authorizer_cli.explanation.explanation import Explanation, Report
    from mtls_authorizer_cli.explanation.gateway import GatewayExplanation
    from mtls_authorizer_cli.explanation.other_requirements import OtherRequirement
    from mtls_authorizer_cli.explanation.result import CheckResult
    from mtls_authorizer_cli.explanation.rules import (
        DenialExplanation,
        FieldExplanation,
        RuleExplanation,
        RulesExplanation,
    )
    from mtls_authorizer_cli.explanation.similarity import Nearest

_MAX_VALUES = 100


def as_json(report: Report) -> str:
    """Return a report for a program."""
    explanation, question = report.explanation, report.explanation.question
    policy, grant, advice = question.policy, explanation.decision.grant, advise(report.explanation)
    document = {
        "decision": _decision(allowed=explanation.allowed),
        "denied_by": _denied_by(explanation),
        "reason": explanation.denial,
        "advice": advice and f"{advice.problem} {advice.next_step}",
        "suggested_rule": advice and advice.rule,
        "notes": report.notes,
        "time": utc_timestamp(question.now),
        "event_format": question.request.event_format,
        "stage_arn": question.request.stage_arn,
        "route": question.invocation and written_route(question.invocation),
        "certificate": _certificate(explanation),
        "api_gateway": _gateway(explanation.gateway),
        "checks": [_check(check) for check in explanation.checks],
        "configuration_version": question.settings.version,
        "rules": _rules(explanation.rules, policy.rules_version, report),
        "shadow_decision": None
        if policy.shadow_rules is None
        else _decision(allowed=explanation.shadow_denial is None),
        "shadow_reason": explanation.shadow_denial,
        "shadow_rules": _rules(explanation.shadow_rules, policy.shadow_rules_version, report),
        "allowed_routes": listed_routes(grant.routes) if grant and explanation.gateway.rejection is None else [],
        "answer": explanation.answer,
        "simple_answer": explanation.simple_answer,
    }
    return json_text(document)


def _decision(*, allowed: bool) -> str:
    return "allow" if allowed else "deny"


def _denied_by(explanation: Explanation) -> str | None:
    if explanation.gateway.rejection is not None:
        return "api_gateway"
    return None if explanation.denial is None else "authorizer"


def _certificate(explanation: Explanation) -> object:
    certificate = explanation.certificate
    return certificate and {
        "subject_dn": certificate.subject.rfc4514_string(),
        "issuer_dn": certificate.issuer.rfc4514_string(),
        "serial_number": certificate.serial_number,
        "fingerprint256": certificate.fingerprint256,
        "not_before": utc_timestamp(certificate.not_before),
        "not_after": utc_timestamp(certificate.not_after),
    }


def _gateway(gateway: GatewayExplanation) -> object:
    return {
        "rejected_by": gateway.rejection and gateway.rejection.name,
        "client_sees": gateway.rejection and CLIENT_SEES,
        "skipped": gateway.skipped,
        "checks": [_check(check) for check in gateway.checks],
        "warnings": gateway.warnings,
        "log_message": gateway.log_message,
    }


def _check(check: CheckResult) -> object:
    return {
        "name": check.name,
        "verdict": check.verdict,
        "reason": check.reason,
        "wanted": check.required,
        "has": check.found,
        "skipped": check.skipped,
    }


def _rules(rules: RulesExplanation | None, version: str | None, report: Report) -> object:
    return rules and {
        "version": version,
        "total": rules.total,
        "matching": [_rule(rule, report) for rule in rules.matching],
        "nearest": [_rule(rule, report) for rule in rules.nearest],
        "left_out": rules.left_out,
        "deny": _denials(rules.denials, report),
        "nearly_deny": _denials(rules.near_denials, report),
    }


def _denials(denials: Iterable[DenialExplanation], report: Report) -> object:
    return [{"place": denial.place, "match": [_field(field, report) for field in denial.fields]} for denial in denials]


def _rule(rule: RuleExplanation, report: Report) -> object:
    return {
        "name": rule.rule.name,
        "reason": rule.mismatch,
        "anyone": rule.rule.anyone,
        "match": [_field(field, report) for field in rule.fields],
        "not": [[_field(field, report) for field in exclusion] for exclusion in rule.exclusions],
        "limits": [_requirement(limit) for limit in rule.limits],
        "values": [_requirement(value) for value in rule.values],
        "allow": listed_routes(rule.rule.routes),
        "route_allowed": rule.route_allowed,
    }


def _requirement(requirement: OtherRequirement) -> object:
    return {
        "key": requirement.key,
        "met": requirement.met,
        "wanted": requirement.required,
        "has": requirement.found,
    }


def _field(field: FieldExplanation, report: Report) -> object:
    required = alternatives(field.matcher)
    return {
        "field": field.matcher.field,
        "matches": field.matches,
        "wanted": [_alternative(each) for each in required[: None if report.everything else _MAX_VALUES]],
        "wanted_total": len(required),
        "has": [{"label": fact.label, "value": value_text(fact.value)} for fact in field.found],
        "closest": field.nearest and _nearest(field.nearest),
        "remark": field.remark,
    }


def _nearest(nearest: Nearest) -> object:
    return {"wanted": _alternative(nearest.alternative), "difference": nearest.difference}


def _alternative(alternative: Iterable[Condition]) -> object:
    return [
        {"label": label, "comparison": comparison, "value": value_text(value)}
        for _, label, comparison, value in alternative
    ]
