"""The last steps of ``rules add`` and ``rules import``: review, write, and print what was done."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import ExitStatus, exit_statuses, printable
from mtls_authorizer_cli.documents.review import diff, review, write_result
from mtls_authorizer_cli.printed import counted, json_text, listing, plain
from mtls_authorizer_cli.rules.change.new_rules import add_rules
from mtls_authorizer_cli.tables import joined, wrap

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from mtls_authorizer_cli.documents.update import Change
    from mtls_authorizer_cli.rules.change.new_rules import NewRule, Result
    from mtls_authorizer_cli.rules.change.target import Target

EXIT_STATUSES = exit_statuses(
    "if the document contains the rules, or with --dry-run would contain them", "if the change was not confirmed"
)
_MOST_NAMES = 10


def write(target: Target, rules: Sequence[NewRule], warnings: Iterable[str], options: argparse.Namespace) -> int:
    """Add rules to the document, print what was done, and return the exit status. Raises CommandError."""
    always = (*dict.fromkeys(warnings), *target.warnings())

    def ask(change: Change, about_others: Iterable[str]) -> bool:
        return review(options, change, _warning_lines(chain(always, about_others)))

    result = add_rules(target, rules, ask)
    update = result.update
    result = result._replace(warnings=(*always, *result.warnings))
    was_asked = result.added and not (options.yes or options.dry_run)
    if options.json:
        text = _as_json(target, result, dry_run=options.dry_run)
    else:
        answer = joined(_answer(target, result, dry_run=options.dry_run))
        answer += "" if was_asked else joined(_warning_lines(result.warnings))
        difference = diff(update.before, update.planned) if options.dry_run else ""
        text = answer + difference + joined(_next_step(target, result))
    write_result(text, written=update.written)
    done = update.written or options.dry_run or not result.added
    return ExitStatus.SUCCESS if done else ExitStatus.NEGATIVE


def _as_json(target: Target, result: Result, *, dry_run: bool) -> str:
    document = {
        "rules": target.rules.location,
        "written": result.update.written,
        "dry_run": dry_run,
        "added": [new.rule for new in result.added],
        "already_present": [new.name for new in result.present],
        "warnings": result.warnings,
    }
    return json_text(document)


def _answer(target: Target, result: Result, *, dry_run: bool) -> Iterator[str]:
    location = plain(target.rules.location)
    present = f"; already in the document: {_names(result.present)}" if result.present else ""
    if not result.added:
        answer = f"Nothing to add to {location}{present}"
    elif result.update.written:
        answer = f"Added {_names(result.added)} to {location}{present}"
    elif dry_run:
        answer = f"Dry run, nothing was written. Would add {_names(result.added)} to {location}{present}"
    else:
        answer = f"Not confirmed, nothing was written to {location}"
    yield from wrap(f"{answer}.", first="")


def _warning_lines(warnings: Iterable[str]) -> Iterator[str]:
    for warning in warnings:
        yield from wrap(f"warning: {plain(warning)}.", first="")


def _names(rules: Sequence[NewRule]) -> str:
    return f"{counted(len(rules), 'rule')} ({listing([rule.name for rule in rules], most=_MOST_NAMES)})"


def _next_step(target: Target, result: Result) -> Iterator[str]:
    rules = target.rules
    if not result.update.written and result.added:
        yield "Next step: run the command again with --yes to write the change."
        return
    if "://" in rules.location:
        seconds = rules.refresh_seconds
        yield f"Next step: the rules take effect when they are reloaded, after {seconds} s. Check a client:"
    else:
        yield "Next step: check a client, and upload the document:"
    truststore = target.option or rules.truststore_option(result.update.planned)
    yield f"  {printable(rules.explain_command('CERT', truststore))}"
