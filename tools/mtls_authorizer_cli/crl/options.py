"""The options and files that the commands for CRLs share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.settings import LONGEST_MAX_AGE_SECONDS
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer_cli.command_line import CommandError, file_exists, read_file
from mtls_authorizer_cli.printed import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer_cli.command_line import Parser


def add_verification(parser: Parser) -> None:
    """Add the options for what a CRL is verified against."""
    parser.add_argument(
        "--truststore", metavar="BUNDLE", required=True, help="the CA certificates in PEM, as on the custom domain"
    )
    parser.add_argument(
        "--max-age",
        metavar="SECONDS",
        type=up_to(LONGEST_MAX_AGE_SECONDS),
        default=0,
        help="how long the CRL is used after its nextUpdate, at most a year (default: %(default)s)",
    )


def up_to(most: int) -> Callable[[str], int]:
    """Return a type of argparse: whole numbers from 0 to ``most``."""

    def read(value: str) -> int:
        digits = value.lstrip("0") or "0"
        if not (value.isascii() and value.isdecimal()) or len(digits) > len(str(most)) or int(digits) > most:
            message = f"{quoted(value, 40)} is not a whole number from 0 to {most}"
            raise argparse.ArgumentTypeError(message)
        return int(digits)

    return read


def load_truststore(file: str, *, largest: int) -> Truststore:
    """Return the truststore in a file. Raises CommandError."""
    try:
        return read_truststore(read_file(file, largest=largest, expected="a smaller file"))
    except ValueError as error:
        message = f"{file}: {error}"
        raise CommandError(message) from error


def check_written(path: Path, read: Sequence[str]) -> None:
    """Raise CommandError if a file that will be written is one of those that are read."""
    for file in read:
        if file_exists(path) and file_exists(Path(file)) and path.samefile(file):
            message = f"the output {path} is the same file as the input {file}: name another output"
            raise CommandError(message)


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
