"""The options and files that the commands for CRLs share."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer_cli.command_line import CommandError, read_file

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer_cli.command_line import Parser


def add_verification(parser: Parser) -> None:
    """Add the options for what a CRL is verified against."""
    parser.add_argument(
        "--truststore", metavar="BUNDLE", required=True, help="the CAs in PEM, as the custom domain has them"
    )
    parser.add_argument(
        "--max-age",
        metavar="SECONDS",
        type=whole_number,
        default=0,
        help="how long after its nextUpdate a CRL is still used (default: %(default)s)",
    )


def whole_number(value: str) -> int:
    """Return a number of 0 or more. Raises argparse's ArgumentTypeError."""
    if not (value.isascii() and value.isdecimal()):
        message = f"{value!r} is not a whole number: write 0 or more"
        raise argparse.ArgumentTypeError(message)
    return int(value)


def load_truststore(file: str, *, largest: int) -> Truststore:
    """Return the truststore in a file. Raises CommandError."""
    try:
        return read_truststore(read_file(file, largest=largest, expected="a smaller file"))
    except ValueError as error:
        message = f"{file}: {error}"
        raise CommandError(message) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file completely or not at all: a draft in the same folder, renamed once it is on the disk.

    Raises CommandError.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror or error}"
        raise CommandError(message) from error
