"""``mtls-authorizer crl index FILE``: verify a CRL, and write its index next to it.

The checks and the index are the same as on Lambda, without AWS. The index is written completely or not at all.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX, index_crl
from mtls_authorizer_cli.certificates.content import Kind, recognize
from mtls_authorizer_cli.certificates.files import LARGEST_FILE, describe_no_crl
from mtls_authorizer_cli.command_line import (
    STANDARD_INPUT,
    CommandError,
    ExitStatus,
    exit_statuses,
    file_exists,
    printable,
    shown_file,
    write_error,
    written_file,
)
from mtls_authorizer_cli.crl.options import (
    add_verification,
    check_written,
    describe_crl,
    load_truststore,
    read_crl_file,
    replace_file,
)
from mtls_authorizer_cli.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping

    from mtls_authorizer_cli.command_line import Parser, Subparsers

_ENTRIES_PER_STEP = 5000


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "index",
        help="verify a CRL, and write its index",
        description="Verify a certificate revocation list with the CAs of a truststore, and write its index.",
        epilog=exit_statuses("if the index was written or is current", "if the CRL is rejected")
        + " 130 if interrupted.",
    )
    parser.add_argument("file", metavar="FILE", help="the CRL, in PEM or DER; - for the standard input")
    parser.add_argument(
        "--output", metavar="FILE", type=written_file, help=f"where to write the index (default: FILE{INDEX_SUFFIX})"
    )
    add_verification(parser)
    return parser


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Index a CRL and return the exit status. Raises CommandError, and KeyboardInterrupt when interrupted."""
    if options.file == STANDARD_INPUT and not options.output:
        message = "the CRL is the standard input: name the file for the index with --output"
        raise CommandError(message)
    output = Path(options.output or f"{options.file}{INDEX_SUFFIX}")
    check_written(output, (options.file, options.truststore), Kind.BINARY)
    with Progress() as progress:
        status, message = _index(options, output, progress)
    write_error(f"{printable(message)}\n")
    return status


def _index(options: argparse.Namespace, output: Path, progress: Progress) -> tuple[ExitStatus, str]:
    """Return the exit status and the message. Raises CommandError."""
    progress.show(f"verifying {shown_file(options.file)}", 0)
    truststore = load_truststore(options.truststore)
    content = read_crl_file(options.file)
    existing = read_crl_file(str(output)) if file_exists(output) else None
    try:
        revocation_list, index = index_crl(
            content,
            truststore,
            datetime.now(UTC),
            existing=existing,
            max_age=timedelta(seconds=options.max_age),
            watch=lambda serial_numbers: _watch(serial_numbers, _count_entries(content), progress),
        )
    except ValueError as error:
        kept = "" if existing is None else f" {output} is unchanged."
        problem = describe_no_crl(recognize(content[:LARGEST_FILE])) or error
        return ExitStatus.NEGATIVE, f"{shown_file(options.file)}: not indexed: {problem}.{kept}"
    if index is None:
        return ExitStatus.SUCCESS, f"{output} is the index of this CRL already"
    replace_file(output, index)
    return ExitStatus.SUCCESS, f"{output}: {len(index):,} bytes; {describe_crl(revocation_list)}"


def _watch(serial_numbers: Iterable[int], expected: int, progress: Progress) -> Iterator[int]:
    yield from progress.watch(serial_numbers, "serial numbers", expected, every=_ENTRIES_PER_STEP)
    progress.show("writing", 1)


def _count_entries(content: bytes) -> int:
    """Return how many entries a CRL has, for the bar; 0 if cryptography cannot read its PEM."""
    load = x509.load_der_x509_crl if content.startswith(b"\x30") else x509.load_pem_x509_crl
    try:
        return len(load(content))
    except ValueError:
        return 0
