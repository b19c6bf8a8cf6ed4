"""``mtls-authorizer block CERT``: deny a client everything, in the rules document where it is stored."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mtls_authorizer_cli.block.change import Answer, add_options, change, explain_command, flush_and_print
from mtls_authorizer_cli.block.client import read_client
from mtls_authorizer_cli.block.entries import add_entry
from mtls_authorizer_cli.command_line import exit_statuses

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer_cli.block.change import DenyChange
    from mtls_authorizer_cli.command_line import Parser, Subparsers


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "block",
        help="block a client immediately",
        description="Block a client, even if rules allow it: add the key of its certificate to deny in the rules "
        "document where it is stored. The change is shown before it is written, and concurrent changes by others are "
        "kept. CRLs are not needed.",
        epilog=exit_statuses(
            "if the client is blocked, even if it already was, and for a dry run",
            "if the change was not confirmed, or a cache was not flushed",
        ),
    )
    add_options(parser)
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Block a client and return the exit status. Raises CommandError."""
    client = read_client(options, "block")
    outcome = change(options, environment, client, partial(add_entry, client=client))
    result, text = _result(outcome)
    return flush_and_print(options, outcome, Answer("block", result, text, _next_step(outcome)))


def _result(outcome: DenyChange) -> tuple[str, str]:
    name = outcome.client.name
    if outcome.update.written:
        return "blocked", f"BLOCKED {name}"
    if outcome.declined:
        return "declined", f"NOT BLOCKED {name}: nothing was written"
    if outcome.is_pending:
        return "would_block", f"WOULD BLOCK {name}: nothing was written (--dry-run)"
    return "already_blocked", f"ALREADY BLOCKED {name}: nothing was written"


def _next_step(outcome: DenyChange) -> str:
    if outcome.is_pending:
        return "to write the change, run the command again with --yes"
    return (
        f"verify that {explain_command(outcome)} prints certificate_excluded. Afterwards the API must respond to the "
        "client's requests with 403: curl --cert CERT --key KEY https://DOMAIN/PATH"
    )
