"""``mtls-authorizer rules schema``: print the JSON Schema of rules documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import ExitStatus, write_output
from mtls_authorizer_cli.rules.schema.document import schema_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer_cli.command_line import Parser, Subparsers


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand. It has no options."""
    return subparsers.add_parser(
        "schema",
        help="print the JSON Schema of rules documents",
        description="Print the JSON Schema (draft 2020-12) of rules documents, for editors.",
        epilog="Exit status: 0; 2 if the output cannot be written.",
    )


def run(_options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print the schema. Raises CommandError."""
    write_output(schema_text())
    return ExitStatus.SUCCESS
