"""The last steps of ``rules add`` and ``rules import``: review, write, and print a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import ExitStatus, exit_statuses
from mtls_authorizer_cli.documents.review import diff, review
from mtls_authorizer_cli.rules.change.new_rules import add_rules
from mtls_authorizer_cli.rules.change.summary import Summary, print_summary

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from mtls_authorizer_cli.documents.update import Change
    from mtls_authorizer_cli.rules.change.new_rules import NewRule
    from mtls_authorizer_cli.rules.change.target import Target

EXIT_STATUSES = exit_statuses(
    "if the document contains the rules, or with --dry-run would contain them", "if the change was not confirmed"
)


def write(target: Target, rules: Sequence[NewRule], warnings: Iterable[str], options: argparse.Namespace) -> int:
    """Add rules to the document, print what was done, and return the exit status. Raises CommandError."""
    differences: list[str] = []

    def reviewed(change: Change) -> bool:
        if options.dry_run:
            differences.append(diff(change.document.text, change.after))
        return review(options, change)

    result = add_rules(target, rules, reviewed)
    all_warnings = (*dict.fromkeys(warnings), *target.warnings(), *result.warnings)
    summary = Summary(
        target.rules, tuple(rules), result, all_warnings, options.dry_run, "".join(differences), target.option
    )
    print_summary(summary, as_json=options.json)
    done = result.written or options.dry_run or not result.added
    return ExitStatus.SUCCESS if done else ExitStatus.NEGATIVE
