"""The result of checking a rules document or a list: errors and warnings, each with its line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.policy.rule_warnings import RuleWarning, rule_warnings
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.fields import PSD2_ROLE
from mtls_authorizer_cli.rules.check.contradictions import contradictions
from mtls_authorizer_cli.rules.check.coverage import covered_rules
from mtls_authorizer_cli.rules.check.kinds import WarningKind
from mtls_authorizer_cli.rules.check.positions import line_numbers, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mtls_authorizer.rules.rule import Rule

_LINE_IN_SYNTAX_ERROR = re.compile(r": line ([0-9]+) column [0-9]+")
_EFFECT_OF_ROLES = (
    "grants nothing. Like any rule about psd2_role, it still denies certificates with malformed QCStatements: remove "
    "it only if another one does"
)


class Message(NamedTuple):
    """An error or a warning. ``kind`` is None for errors; ``rule`` is the name of the rule, if it is about one."""

    text: str
    line: int | None = None
    rule: str | None = None
    kind: str | None = None


class CheckedSource(NamedTuple):
    """The result for one source. ``rule_count`` is None unless the source is a document that is accepted.

    ``denial_count`` is the number of exclusions in its ``deny``.
    """

    source: str
    errors: tuple[Message, ...] = ()
    warnings: tuple[Message, ...] = ()
    rule_count: int | None = None
    denial_count: int = 0


def check_document(source: str, content: bytes, now: datetime, *, has_truststore: bool = True) -> CheckedSource:
    """Check a rules document at an aware time. ``has_truststore`` is as in ``rule_warnings``."""
    try:
        every_rule = parse_rules(content)
    except RulesError as error:
        return CheckedSource(source, tuple(_errors(content, error.problems)))
    rules = [rule for rule in every_rule if not rule.denies]
    denying = [rule for rule in every_rule if rule.denies]
    findings = [
        *_findings(rules, now),
        *(finding for rule in denying for finding in contradictions(rule, rule.name)),
        *rule_warnings(json.loads(content), has_truststore=has_truststore),
    ]
    lines = line_numbers(content.decode()) if findings else {}
    warnings = [_warning(finding, rules, lines) for finding in findings]
    return CheckedSource(
        source, (), tuple(sorted(warnings, key=lambda message: message.line or 0)), len(rules), len(denying)
    )


def _errors(content: bytes, problems: Sequence[str]) -> Iterator[Message]:
    if problems[0].startswith("the document "):
        # It cannot be read, so that it has no locations, and there is only one problem.
        syntax_error = _LINE_IN_SYNTAX_ERROR.search(problems[0])
        yield Message(problems[0], int(syntax_error[1]) if syntax_error else None)
        return
    lines = line_numbers(content.decode())
    for problem in problems:
        yield Message(problem, line_of(problem.partition(" ")[0], lines))


def _warning(finding: RuleWarning, rules: Sequence[Rule], lines: dict[str, int]) -> Message:
    text, name = f"{finding.place} {finding.message}", None
    if finding.place.startswith("rules["):
        name = rules[int(finding.place.removeprefix("rules[").partition("]")[0])].name
        text = f"rule {name!r}: {text}"
    return Message(text, line_of(finding.place, lines), name, finding.kind.value)


def _findings(rules: Sequence[Rule], now: datetime) -> list[RuleWarning]:
    """Return the warnings about whole rules of a valid document."""
    findings: list[RuleWarning] = []
    for number, rule in enumerate(rules):
        findings += contradictions(rule, f"rules[{number}]")
        end = None if rule.limits is None else rule.limits.not_after
        if end is not None and end < now.replace(microsecond=0):
            effect = "has no effect: remove the rule" if not rule.uses(PSD2_ROLE) else _EFFECT_OF_ROLES
            place = f"rules[{number}].not_after"
            findings.append(RuleWarning(WarningKind.EXPIRED, place, f"has passed, so that the rule {effect}"))
    return [*findings, *covered_rules(rules)]
