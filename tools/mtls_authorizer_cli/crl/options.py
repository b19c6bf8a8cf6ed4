"""The options and files that the commands for CRLs share."""

from __future__ import annotations

import argparse
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.crl.size_limit import MAX_CRL_BYTES
from mtls_authorizer.revocation.settings import LONGEST_MAX_AGE_SECONDS
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer_cli.atomic_files import draft_of
from mtls_authorizer_cli.certificates.content import Kind, recognize
from mtls_authorizer_cli.certificates.files import describe_rejected_truststore
from mtls_authorizer_cli.command_line import (
    CommandError,
    command_errors,
    file_exists,
    read_beginning,
    read_file,
    shown_file,
)
from mtls_authorizer_cli.printed import quoted, utc_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer_cli.command_line import Parser

_OF_NO_KNOWN_KIND = (Kind.EMPTY, Kind.BINARY, Kind.TEXT, Kind.INCOMPLETE_PEM)
"""An index is binary data, too, a server's error message is text, and a download may have ended early."""


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


def read_crl_file(file: str) -> bytes:
    """Return the content of a CRL, an index or a truststore. Raises CommandError."""
    return read_file(file, largest=MAX_CRL_BYTES, expected="a smaller file")


def load_truststore(file: str) -> Truststore:
    """Return the truststore in a file. Raises CommandError."""
    content = read_crl_file(file)
    try:
        return read_truststore(content)
    except ValueError as error:
        message = f"{shown_file(file)}: {describe_rejected_truststore(content, error)}"
        raise CommandError(message) from error


def check_written(path: Path, read: Sequence[str], replaceable: Kind) -> None:
    """Raise CommandError for an output that is one of the inputs, or that contains something else than the command's.

    ``replaceable`` is the kind of content that may be replaced. Files without a known kind of content may be, too.
    """
    if not file_exists(path):
        return
    for file in read:
        if file_exists(Path(file)) and path.samefile(file):
            message = f"the output {path} is the same file as the input {file}: name another output"
            raise CommandError(message)
    if not path.is_file():
        message = f"the output {path} is not a regular file: name another output"
        raise CommandError(message)
    for kind in recognize(read_beginning(str(path), MAX_CRL_BYTES + 1), largest_json=0).kinds:
        if kind not in {replaceable, *_OF_NO_KNOWN_KIND}:
            message = f"the output {path} is {kind}, which is not replaced: name another output, or remove the file"
            raise CommandError(message)


def describe_crl(crl: RevocationList) -> str:
    """Return the number of a CRL and its date."""
    number = "" if crl.number is None else f"number {crl.number:X}, "
    return f"{number}issued {utc_timestamp(crl.this_update)}"


def replace_file(path: Path, content: bytes) -> None:
    """Write a file completely or not at all. A symbolic link stays one: its target is replaced. Raises CommandError."""
    with command_errors(f"{path} cannot be written: ", OSError, RuntimeError):
        target = path.resolve()
        # From Python 3.13 on, a link in a circle is resolved to a link, which has no status.
        with draft_of(target, content, target.stat() if lexists(target) else None) as draft:
            draft.replace(target)
