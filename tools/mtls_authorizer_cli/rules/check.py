"""``mtls-authorizer rules check FILE``: check a rules document, and print every problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT, RulesError, parse_rules
from mtls_authorizer_cli.command_line import (
    ExitStatus,
    exit_statuses,
    printable,
    read_beginning,
    shown_file,
    write_error,
    write_output,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer_cli.command_line import Parser, Subparsers


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "check",
        help="check a rules document",
        description="Check a rules document as the authorizer does, and print every problem, one on each line.",
        epilog=exit_statuses("for a document that the authorizer accepts", "for one that it rejects"),
    )
    parser.add_argument("file", metavar="FILE", help="the rules document; - for the standard input")
    return parser


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Check a document and return the exit status. Raises CommandError."""
    # A document that is too large is rejected like any other.
    content = read_beginning(options.file, LARGEST_DOCUMENT + 1)
    try:
        rules = parse_rules(content)
    except RulesError as error:
        for problem in error.problems:
            write_error(f"{shown_file(options.file)}: {printable(problem)}\n")
        return ExitStatus.NEGATIVE
    write_output(f"{shown_file(options.file)}: {len(rules)} {'rule' if len(rules) == 1 else 'rules'}\n")
    return ExitStatus.SUCCESS
