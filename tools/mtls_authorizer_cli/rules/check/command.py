"""``mtls-authorizer rules check FILE``: check a rules document, and print every problem and every warning."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import starmap
from typing import TYPE_CHECKING

from mtls_authorizer.policy.allowlist_warnings import MESSAGES, UNKNOWN_CORRECTIONS, allowlist_warnings
from mtls_authorizer.policy.settings import SettingsError, load_settings
from mtls_authorizer.rules.document.problems import shown
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.rule import ENVIRONMENT as LISTS
from mtls_authorizer_cli.command_line import (
    ExitStatus,
    exit_statuses,
    printable,
    read_beginning,
    shown_file,
    write_error,
    write_output,
)
from mtls_authorizer_cli.printed import counted, json_text
from mtls_authorizer_cli.rules.check.contradictions import ignored_values
from mtls_authorizer_cli.rules.check.implication import Requirement
from mtls_authorizer_cli.rules.check.kinds import WarningKind
from mtls_authorizer_cli.rules.check.report import CheckedSource, Message, check_document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer_cli.command_line import Parser, Subparsers

ENVIRONMENT = "the environment"
_DOCUMENTS = ("AUTHORIZER_RULES", "AUTHORIZER_SHADOW_RULES")


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "check",
        help="check a rules document",
        description="Check a rules document as the authorizer does, and print every problem and every warning, one on "
        "each line. Warnings are about rules that are valid, but probably mean something else than intended.",
        epilog=exit_statuses(
            "for rules that the authorizer accepts, also with warnings",
            "for rules that it rejects, and with --strict for warnings",
        ),
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("file", metavar="FILE", nargs="?", help="the rules document; - for the standard input")
    source.add_argument(
        "--environment",
        action="store_true",
        help="check the authorizer's variables in the environment instead: lists, and rules that they contain",
    )
    parser.add_argument("--strict", action="store_true", help="treat warnings as errors")
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Check a document or the environment, and return the exit status. Raises CommandError."""
    if options.environment:
        reports = check_environment(environment)
    else:
        # A document that is too large is rejected like any other.
        content = read_beginning(options.file, LARGEST_DOCUMENT + 1)
        reports = [check_document(shown_file(options.file), content, datetime.now(UTC))]
    if options.json:
        write_output(json_text(_as_json(reports)))
    else:
        _print(reports)
    failed = any(report.errors or (options.strict and report.warnings) for report in reports)
    return ExitStatus.NEGATIVE if failed else ExitStatus.SUCCESS


def check_environment(environment: Mapping[str, str]) -> list[CheckedSource]:
    """Check the variables, and each rules document in them."""
    try:
        settings = load_settings(environment)
    except SettingsError as error:
        return [CheckedSource(ENVIRONMENT, (Message(str(error)),))]
    warnings = [*starmap(_list_warning, allowlist_warnings(environment)), *_ignored_values(settings.rules)]
    reports = [CheckedSource(ENVIRONMENT, (), tuple(warnings))]
    now = datetime.now(UTC)
    documents = {name: environment[name].strip().encode() for name in _DOCUMENTS if name in environment}
    reports += [check_document(name, content, now) for name, content in documents.items()]
    return reports


def _list_warning(kind: str, fields: Mapping[str, str]) -> Message:
    correction = fields.get("correction") or UNKNOWN_CORRECTIONS[kind]
    fix = f"write {correction} unless {shown(fields['value'])} is intended"
    return Message(f"{fields['variable']}: {MESSAGES[kind]}: {fix}", kind=kind)


def _ignored_values(rules: Iterable[Rule]) -> Iterator[Message]:
    for matcher in (matcher for rule in rules if rule.name == LISTS for matcher in rule.matchers):
        problem = ignored_values(Requirement(matcher))
        if problem is not None:
            yield Message(f"{FIELDS[matcher.field].variable} {problem}", kind=WarningKind.VALUE_NEVER_MATCHES)


def _print(reports: Sequence[CheckedSource]) -> None:
    for report in reports:
        for label, messages in (("error", report.errors), ("warning", report.warnings)):
            for message in messages:
                source = report.source if message.line is None else f"{report.source}:{message.line}"
                write_error(f"{source}: {label}: {printable(message.text)}\n")
        if not report.errors:
            write_output(f"{report.source}: {_summary(report)}\n")


def _summary(report: CheckedSource) -> str:
    counts = [(report.denial_count, "blocked client"), (len(report.warnings), "warning")]
    if report.rule_count is not None:
        counts.insert(0, (report.rule_count, "rule"))
    return ", ".join(counted(count, noun) for count, noun in counts if count or noun == "rule") or "no warnings"


def _as_json(reports: Sequence[CheckedSource]) -> dict[str, object]:
    return {
        "sources": [
            {
                "source": report.source,
                "accepted": not report.errors,
                "rules": report.rule_count,
                "deny": report.denial_count,
                "errors": [{"line": error.line, "message": error.text} for error in report.errors],
                "warnings": [
                    {
                        "kind": warning.kind,
                        "line": warning.line,
                        "rule": warning.rule,
                        "message": warning.text,
                    }
                    for warning in report.warnings
                ],
            }
            for report in reports
        ],
    }
