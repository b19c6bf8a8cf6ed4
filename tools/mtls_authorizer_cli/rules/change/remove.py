"""``mtls-authorizer rules remove NAME``: remove rules from a document where it is stored."""

from __future__ import annotations

import difflib
from functools import partial
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import CommandError, ExitStatus, exit_statuses, printable
from mtls_authorizer_cli.documents.document import not_empty
from mtls_authorizer_cli.documents.json_text import items_of, rewrite_items
from mtls_authorizer_cli.documents.location import add_options as add_location_options
from mtls_authorizer_cli.documents.location import find_rules
from mtls_authorizer_cli.documents.review import add_options as add_review_options
from mtls_authorizer_cli.documents.review import diff, review, write_result
from mtls_authorizer_cli.printed import json_text, listing, plain, quoted
from mtls_authorizer_cli.tables import fold, joined, next_step, row

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mtls_authorizer_cli.command_line import Parser, Subparsers
    from mtls_authorizer_cli.documents.location import RulesLocation
    from mtls_authorizer_cli.documents.update import Update


_RESULTS = {
    "removed": "REMOVED {}",
    "declined": "NOT REMOVED {}: nothing was written",
    "would_remove": "WOULD REMOVE {}: nothing was written (--dry-run)",
}


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "remove",
        help="remove rules from a document",
        description="Remove rules from a rules document where it is stored. The change is shown before it is written, "
        "and concurrent changes by others are kept. A client that another rule matches stays allowed: to deny it all "
        "requests, use block.",
        epilog=exit_statuses("if the rules are removed, and for a dry run", "if the change was not confirmed"),
    )
    parser.add_argument("names", metavar="NAME", nargs="+", help="the name of a rule")
    add_location_options(parser)
    add_review_options(parser)
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Remove rules and return the exit status. Raises CommandError."""
    rules = find_rules(options, environment)
    update = rules.update(_remove(frozenset(options.names)), partial(review, options))
    declined = not update.written and not options.dry_run
    result = "removed" if update.written else "declined" if declined else "would_remove"
    answer = (options, rules, update, result)
    write_result(_as_json(*answer) if options.json else joined(_lines(*answer)), written=update.written)
    return ExitStatus.NEGATIVE if declined else ExitStatus.SUCCESS


def _lines(options: argparse.Namespace, rules: RulesLocation, update: Update, result: str) -> Iterator[str]:
    names = listing([quoted(name) for name in options.names], everything=True)
    yield from fold(_RESULTS[result].format(names), first="")
    yield from row("rules", plain(f"{rules.location}, version {update.document.version}"))
    if options.yes or options.dry_run:
        yield from ["", diff(update.before, update.planned)]
    yield from next_step(printable(_next_step(rules, update)))


def _as_json(options: argparse.Namespace, rules: RulesLocation, update: Update, result: str) -> str:
    document = {
        "result": result,
        "rules": rules.location,
        "rules_version": update.document.version,
        "names": options.names,
        "written": update.written,
        "merged": update.merged,
        "refresh_seconds": rules.refresh_seconds,
        "diff": diff(update.before, update.planned),
        "next_step": _next_step(rules, update),
    }
    return json_text(document)


def _next_step(rules: RulesLocation, update: Update) -> str:
    if not update.written:
        return "to write the change, run the command again with --yes"
    return (
        f"the change takes effect when the function reloads the rules, after {rules.refresh_seconds} s; cached "
        "responses stay valid until the authorizer's TTL ends. To see what the new rules decide: "
        f"{rules.explain_command('CERT', rules.truststore_option(update.planned))}"
    )


def _remove(names: frozenset[str]) -> Callable[[str], str]:
    """Return the edit that removes rules.

    The first call raises CommandError for names that no rule has. In later calls, another writer has removed them.
    """
    is_first = True

    def edit(text: str) -> str:
        nonlocal is_first
        if is_first:
            _require(names, [_name(item.value) for item in items_of(text, "rules")])
            is_first = False
        return not_empty(rewrite_items(text, "rules", lambda item: None if _name(item.value) in names else item.text))

    return edit


def _name(rule: object) -> str:
    return str(rule["name"]) if isinstance(rule, dict) else ""


def _require(names: frozenset[str], existing: Sequence[str]) -> None:
    for name in sorted(names - {*existing}):
        similar = difflib.get_close_matches(name, existing, n=3)
        advice = f"similar: {', '.join(similar)}" if similar else f"its rules: {listing(existing)}"
        message = f"there is no rule {quoted(name)}, so nothing was written; {advice}"
        raise CommandError(message)
