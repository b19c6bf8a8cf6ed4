"""An explanation for a person: the verdict first, then the evidence, and the next step last.

In printable ASCII, except for names of files, which are also parts of commands to copy.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtls_authorizer.request.response import UNAUTHORIZED_BY_HTTP_API
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import ENVIRONMENT
from mtls_authorizer_cli.command_line import printable
from mtls_authorizer_cli.explanation.gateway import CLIENT_SEES
from mtls_authorizer_cli.explanation.report.advice import advise
from mtls_authorizer_cli.explanation.result import Verdict
from mtls_authorizer_cli.explanation.wording import printed_routes, written_route, written_routes
from mtls_authorizer_cli.printed import listing, plain, quoted, utc_timestamp
from mtls_authorizer_cli.tables import WIDTH, fold, next_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mtls_authorizer_cli.explanation.explanation import Explanation, Report
    from mtls_authorizer_cli.explanation.result import CheckResult
    from mtls_authorizer_cli.explanation.rules import FieldExplanation, RuleExplanation, RulesExplanation

_LONGEST_LINE = 200
_LABEL_WIDTH = len("serial number  ")
_MAX_RESOURCES = 8

_NEARLY_DENIES = "does not deny the certificate, because of a difference that is easily overlooked"
_MARKS = {Verdict.PASSED: "ok", Verdict.FAILED: "NO", Verdict.NOT_REACHED: "--"}


def as_text(report: Report) -> str:
    """Return a report for a person."""
    sections = [*_sections(report), list(advice_lines(report.explanation))]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def without_next_step(report: Report) -> str:
    """Return the same text without the next step, as a part of another report."""
    return "\n\n".join("\n".join(section) for section in _sections(report) if section)


def _sections(report: Report) -> list[list[str]]:
    explanation = report.explanation
    sections: list[Iterable[str]] = [
        _verdict(explanation),
        _subject(report),
        ["What API Gateway checks (as documented or reported; not verified on AWS)", *_gateway(explanation)],
        ["What the authorizer checks", *_check_lines(explanation.checks)],
        _rules("Rules", explanation.rules, report),
        _shadow_rules(report),
        _answers(report) if report.with_answer else [],
    ]
    return list(map(list, sections))


# The answer.


def _verdict(explanation: Explanation) -> Iterator[str]:
    advice = advise(explanation)
    rejection = explanation.gateway.rejection
    if rejection is not None:
        yield f"REJECTED by API Gateway: {rejection.name}"
        authorizer = "would allow it" if explanation.denial is None else f"would deny it, too: {explanation.denial}"
        yield from fold(f"The client sees {CLIENT_SEES} (reported, not verified on AWS). The authorizer {authorizer}.")
    elif explanation.denial is not None:
        yield f"DENIED by the authorizer: {explanation.denial}"
    else:
        grant = explanation.decision.grant
        yield "ALLOWED"
        yield from fold(f"May call {printed_routes(grant.routes if grant else (), everything=True)}.")
        if explanation.gateway.skipped:
            yield from fold(f"API Gateway's own checks were skipped: {explanation.gateway.skipped}.")
        if explanation.gateway.warnings:
            yield from fold("API Gateway may not accept all of the truststore: see the notes on its checks.")
        for denial in explanation.rules.near_denials if explanation.rules else ():
            yield from fold(f"{denial.place} {_NEARLY_DENIES}: see the rules below.")
    if advice is not None:
        yield from fold(advice.problem)
    others = [check.name for check in explanation.checks if check.verdict is Verdict.FAILED][1:]
    if rejection is None and others:
        yield from fold(f"Also failed: {listing(others)}.")


def advice_lines(explanation: Explanation) -> Iterator[str]:
    """Return what to do about a request that is not allowed, in lines; nothing about one that is."""
    advice = advise(explanation)
    if advice is not None:
        yield from next_step(advice.next_step)
        if advice.rule is not None:
            yield from (f"  {line}" for line in json.dumps(advice.rule, indent=2).splitlines())


def _subject(report: Report) -> Iterator[str]:
    explanation, question = report.explanation, report.explanation.question
    certificate = explanation.certificate
    if certificate is not None:
        yield from _value("certificate", _beginning(certificate.subject.rfc4514_string()))
        yield from _value("issuer", _beginning(certificate.issuer.rfc4514_string()))
        yield from _value("serial number", _beginning(certificate.serial_number))
        # In a line of its own, to be copied.
        yield from ["SHA-256", f"  {certificate.fingerprint256}"]
    yield from _value("stage", question.request.stage_arn)
    route = "none in particular" if question.invocation is None else quoted(written_route(question.invocation))
    yield from _value("route", route)
    yield f"time           {utc_timestamp(question.now)}"
    for note in report.notes:
        yield from fold(f"note           {printable(note)}", first="", others=" " * 15)


def _value(name: str, value: str) -> Iterator[str]:
    """Return a value in as many lines as it needs, without separating its words."""
    length = WIDTH - _LABEL_WIDTH
    for position in range(0, max(len(value), 1), length):
        yield f"{'' if position else name:{_LABEL_WIDTH}}{value[position : position + length]}".rstrip()


def _beginning(text: str) -> str:
    """Return as much of text in printable ASCII as fits."""
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + "..."


# The evidence.


def _gateway(explanation: Explanation) -> Iterator[str]:
    gateway = explanation.gateway
    if gateway.skipped is not None:
        yield from fold(f"--  skipped: {gateway.skipped}", others=" " * 6)
    yield from _check_lines(gateway.checks)
    for warning in gateway.warnings:
        yield from fold(f"note: {plain(warning)}", first=" " * 6, others=" " * 8)
    if gateway.log_message is not None:
        yield from fold(
            f"On a REST API, the execution log is reported to say {quoted(gateway.log_message)}.",
            first=" " * 6,
            others=" " * 6,
        )


def _check_lines(checks: Iterable[CheckResult]) -> Iterator[str]:
    width = max((len(check.name) for check in checks), default=0)
    for check in checks:
        name = check.name.replace("_", " ")
        result = (
            f"skipped: {check.skipped}" if check.found is None else f"requires {check.required}; found {check.found}"
        )
        line = f"{_MARKS[check.verdict]}  {name:{width}}  {result}"
        yield from fold(line, others=" " * (width + 8))


def _shadow_rules(report: Report) -> Iterator[str]:
    explanation = report.explanation
    if explanation.question.policy.shadow_rules is not None:
        title = "Shadow rules, which are not in force"
        # There is only a result for a certificate that was not compared with them.
        yield from list(_rules(title, explanation.shadow_rules, report)) or [title]
        result = "allow" if explanation.shadow_denial is None else f"deny: {explanation.shadow_denial}"
        yield f"  They would {result}"


def _rules(title: str, rules: RulesExplanation | None, report: Report) -> Iterator[str]:
    if rules is None or not (rules.total or rules.denials):
        return
    yield f"{title}: {len(rules.matching):,} of {rules.total:,} match"
    for mark, verdict, denials in (
        (_mark(passed=False), "denies", rules.denials),
        ("--", _NEARLY_DENIES, rules.near_denials),
    ):
        for denial in denials:
            differing = [field for field in denial.fields if not field.matches]
            fields = ", and ".join(_field(field, everything=report.everything) for field in differing or denial.fields)
            yield from fold(f"{mark}  {denial.place} {verdict}: {fields}", others=" " * 6)
    for rule in (*rules.matching, *rules.nearest):
        yield from _rule(rule, everything=report.everything)
    if rules.left_out:
        similar = "" if rules.nearest else ", and are not similar"
        yield f"  {rules.left_out:,} more do not match{similar}: --all shows them"


def _rule(rule: RuleExplanation, *, everything: bool) -> Iterator[str]:
    name = "lists in the environment" if rule.rule.name == ENVIRONMENT else quoted(rule.rule.name)
    yield f"  {_mark(rule.mismatch is None)}  {name}{'' if rule.mismatch is None else f': {rule.mismatch}'}"
    if rule.rule.anyone:
        yield _detail("ok", "any certificate")
    for field in rule.fields:
        yield _detail(_mark(field.matches), _field(field, everything=everything))
    for exclusion in rule.exclusions:
        excluded = all(field.matches for field in exclusion)
        fields = ", and ".join(_field(field, everything=everything) for field in exclusion)
        yield _detail(_mark(not excluded), f"{'excluded' if excluded else 'not excluded'} by {fields}")
    for each in (*rule.limits, *rule.values):
        yield _detail(_mark(each.met), f"{each.key}: requires {each.required}; found {each.found}")
    if rule.rule.routes is not ALL_ROUTES:
        mark = "  " if rule.route_allowed is None else _mark(rule.route_allowed)
        yield _detail(mark, f"allows {listing(written_routes(rule.rule.routes), everything=everything)}")


def _detail(mark: str, text: str) -> str:
    return "\n".join(fold(f"{mark}  {text}", first=" " * 8, others=" " * 12))


def _field(field: FieldExplanation, *, everything: bool) -> str:
    required, found = field.required_text(everything=everything), field.found_text(everything=everything)
    return f"{field.matcher.field}: requires {required}; found {found}"


def _mark(passed: bool) -> str:  # noqa: FBT001 -- a verdict, not an option
    return _MARKS[Verdict.PASSED if passed else Verdict.FAILED]


def _answers(report: Report) -> Iterator[str]:
    explanation = report.explanation
    if explanation.answer is None:
        yield "The function raises Unauthorized, and the API responds with 401."
    else:
        is_unauthorized = explanation.answer == UNAUTHORIZED_BY_HTTP_API
        yield "The function responds, and the API responds with 401" if is_unauthorized else "The function responds"
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
        more = len(value) - _MAX_RESOURCES
        return [*map(_shortened, value[:_MAX_RESOURCES]), *([f"... and {more:,} more"] if more > 0 else [])]
    return value
