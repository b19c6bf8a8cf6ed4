"""``mtls-authorizer SUBCOMMAND``: the entry point of all command-line tools.

Each subcommand is a module with two functions: ``add_parser`` adds its options, and ``run`` does the work and returns
the exit status. Modules that take long to import, such as boto3, are imported by ``run``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mtls_authorizer_cli.block import block, unblock
from mtls_authorizer_cli.clients import command as clients
from mtls_authorizer_cli.command_line import CommandError, ExitStatus, Parser, printable, write_error
from mtls_authorizer_cli.crl import fetch as crl_fetch
from mtls_authorizer_cli.crl import index as crl_index
from mtls_authorizer_cli.doctor import command as doctor
from mtls_authorizer_cli.explain import command as explain
from mtls_authorizer_cli.rules.change import add as rules_add
from mtls_authorizer_cli.rules.change import import_csv as rules_import
from mtls_authorizer_cli.rules.change import remove as rules_remove
from mtls_authorizer_cli.rules.check import command as rules_check
from mtls_authorizer_cli.rules.diff import command as rules_diff
from mtls_authorizer_cli.rules.schema import command as rules_schema
from mtls_authorizer_cli.rules.what_if import command as rules_what_if

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = "mtls-authorizer"

_SUBCOMMANDS = (explain, clients, doctor, block, unblock)
_GROUPS = {
    "rules": (
        "check, change, compare and try rules documents",
        (rules_check, rules_add, rules_import, rules_remove, rules_diff, rules_what_if, rules_schema),
    ),
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
    except ModuleNotFoundError as error:
        needed = "Linux or macOS, such as WSL" if error.name == "fcntl" else "pip install with its dependencies"
        write_error(f"{options.program}: there is no module {error.name}, so that this requires {needed}\n")
        return ExitStatus.BAD_INPUT
    except KeyboardInterrupt as error:
        write_error(f"{options.program}: interrupted{f': {error}' if str(error) else ''}\n")
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
