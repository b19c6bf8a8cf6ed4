"""The options of ``python -m local_gateway``, and the environment variables that they name."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from local_gateway.deployment import SERVERS
from local_gateway.pki.folder import FOLDER
from mtls_authorizer.policy.settings import VARIABLES, SettingsError, load_settings
from mtls_authorizer_cli.command_line import Parser, command_errors, named_path
from mtls_authorizer_cli.configuration.variables import add_options, read_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST_PORT = 8443
_LAST_FIRST_PORT = 0xFFFF - SERVERS


def parse(arguments: Sequence[str] | None, description: str) -> argparse.Namespace:
    """Return the options. Raises SystemExit for wrong ones."""
    parser = Parser(prog="python -m local_gateway", description=description)
    parser.add_argument(
        "--demo", action="store_true", help="don't serve; exit with 1 if a result is not the expected one"
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=FIRST_PORT,
        help="the first of ten ports to serve on, with free ones for those that are taken; 0 for free ones only "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--folder",
        type=named_path,
        help=f"where keys and certificates are written (default: {FOLDER}, or {FOLDER}-2 if that is in use, and so on)",
    )
    parser.add_argument(
        "--rules", type=named_path, metavar="FILE", help="your rules document; it is reloaded when it changes"
    )
    parser.add_argument(
        "--truststore",
        type=named_path,
        metavar="FILE",
        help="your CA certificates (PEM); the handshake then accepts certificates from these CAs only",
    )
    add_options(parser)
    parser.add_argument(
        "--from-environment",
        action="store_true",
        help="use the authorizer's variables in the environment of this process, as make run does",
    )
    return parser.parse_args(arguments)


def read_variables(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the user's own environment variables of the authorizer. Raises CommandError, also for a misspelt name."""
    given = read_environment(options, environment if options.from_environment else {})
    with command_errors("", SettingsError):
        # Of names that are not the authorizer's, it rejects those that look like a misspelt one.
        load_settings({name: value for name, value in given.items() if name not in VARIABLES})
    return {name: given[name] for name in VARIABLES if name in given}


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_FIRST_PORT:
        message = f"{text!r} is not a port from 0 to {_LAST_FIRST_PORT}"
        raise argparse.ArgumentTypeError(message)
    return int(text)
