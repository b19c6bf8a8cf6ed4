"""``mtls-authorizer SUBCOMMAND``: the entry point of all command-line tools.

Each subcommand is a module with two functions: ``add_parser`` adds its options, and ``run`` does the work and returns
the exit status. Modules that take long to import, such as boto3, are imported by ``run``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import CommandError, ExitStatus, Parser, printable, write_error
from mtls_authorizer_cli.crl import fetch as crl_fetch
from mtls_authorizer_cli.crl import index as crl_index
from mtls_authorizer_cli.doctor import command as doctor
from mtls_authorizer_cli.explain import command as explain
from mtls_authorizer_cli.rules import check as rules_check
from mtls_authorizer_cli.rules import schema as rules_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = "mtls-authorizer"

_SUBCOMMANDS = (doctor, explain)
_GROUPS = {
    "rules": ("check rules documents, and print their schema", (rules_check, rules_schema)),
    "crl": ("download and index certificate revocation lists", (crl_fetch, crl_index)),
}


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Run a subcommand and return its exit status. Raises SystemExit for wrong options and after printing help.

    ``arguments`` are those after the program's name, by default the process's own; so is ``environment``.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options, os.environ if environment is None else environment))
    except CommandError as error:
        write_error(f"{options.program}: {printable(str(error))}\n")
        return ExitStatus.BAD_INPUT
    except KeyboardInterrupt:
        write_error(f"{options.program}: interrupted\n")
        return ExitStatus.INTERRUPTED


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Tools for the mTLS authorizer.",
        epilog="Each subcommand describes its exit statuses in its own help: mtls-authorizer SUBCOMMAND --help.",
    )
    subparsers = parser.add_subparsers(metavar="SUBCOMMAND", required=True)
    for command in _SUBCOMMANDS:
        added = command.add_parser(subparsers)
        added.set_defaults(run=command.run, program=added.prog)
    for name, (description, commands) in _GROUPS.items():
        group = subparsers.add_parser(name, help=description, description=f"{description.capitalize()}.")
        members = group.add_subparsers(metavar="SUBCOMMAND", required=True)
        for command in commands:
            added = command.add_parser(members)
            added.set_defaults(run=command.run, program=added.prog)
    return parser
