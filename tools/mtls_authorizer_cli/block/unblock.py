"""``mtls-authorizer unblock CERT``: remove the entries that ``block`` added, and name others that block it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mtls_authorizer_cli.block.change import Answer, add_options, change, explain_command, flush_and_print
from mtls_authorizer_cli.block.client import read_client
from mtls_authorizer_cli.block.entries import remove_entries
from mtls_authorizer_cli.command_line import ExitStatus, exit_statuses

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer_cli.block.change import DenyChange
    from mtls_authorizer_cli.command_line import Parser, Subparsers


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "unblock",
        help="remove the entry that block added",
        description="Unblock a client: remove exactly the entries that block adds for it from deny in the rules "
        "document where it is stored. Other entries that block the client are not changed, but named.",
        epilog=exit_statuses(
            "if no entry of deny blocks the client any more, and for a dry run",
            "if other entries block it, the change was not confirmed, or a cache was not flushed",
        ),
    )
    add_options(parser)
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Unblock a client and return the exit status. Raises CommandError."""
    client = read_client(options, "unblock")
    outcome = change(options, environment, client, partial(remove_entries, client=client))
    result, text = _result(outcome)
    status = flush_and_print(options, outcome, Answer("unblock", result, text, _next_step(outcome)))
    return ExitStatus.NEGATIVE if outcome.entries and not options.dry_run else status


def _result(outcome: DenyChange) -> tuple[str, str]:
    name, entries = outcome.client.name, outcome.entries
    others = "another entry of deny still blocks" if len(entries) == 1 else "other entries of deny still block"
    still = f", but {others} it"
    if outcome.declined:
        return "declined", f"NOT UNBLOCKED {name}: nothing was written"
    if outcome.update.written:
        return (
            ("still_blocked", f"REMOVED the entry for {name}{still}") if entries else ("unblocked", f"UNBLOCKED {name}")
        )
    if outcome.is_pending:
        return "would_unblock", f"WOULD UNBLOCK {name}{still if entries else ''}: nothing was written (--dry-run)"
    if entries:
        return "still_blocked", f"STILL BLOCKED {name}: by an entry that block did not add, so nothing was written"
    return "not_blocked", f"NOT BLOCKED {name}: nothing was written"


def _next_step(outcome: DenyChange) -> str:
    if outcome.is_pending:
        return "to write the change, run the command again with --yes"
    if outcome.entries:
        return f"if the client is to be allowed, remove or narrow {', '.join(entry.place for entry in outcome.entries)}"
    return f"check whether rules and revocation allow the client: {explain_command(outcome)}"
