"""``mtls-authorizer crl fetch URL FILE``: download a CRL, verify it, and replace an older one.

The checks are the same as on Lambda, without AWS. The file is written completely or not at all.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.crl.size_limit import MAX_CRL_BYTES
from mtls_authorizer.revocation.fetch.fetching import Outcome, Stored, Verification, fetch
from mtls_authorizer.revocation.fetch.url import parse_url
from mtls_authorizer_cli.certificates.content import Kind
from mtls_authorizer_cli.command_line import (
    CommandError,
    ExitStatus,
    exit_statuses,
    file_exists,
    printable,
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
    up_to,
)
from mtls_authorizer_cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.revocation.fetch.download import Downloaded
    from mtls_authorizer.revocation.fetch.fetching import FetchResult
    from mtls_authorizer.revocation.fetch.url import CrlUrl
    from mtls_authorizer_cli.command_line import Parser, Subparsers

_LONGEST_TIMEOUT = 24 * 60 * 60
"""In seconds. Sockets do not accept any number."""


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "fetch",
        help="download a CRL and verify it",
        description="Download a certificate revocation list, verify it with the CAs of a truststore, and store it. A "
        "stored CRL is replaced only by one of the same CA, key and scope that is not older; if it has expired, also "
        "by one of this CA with another key or scope.",
        epilog=exit_statuses(
            "if the CRL was stored or is current",
            "if it cannot be downloaded or is rejected, and the file is unchanged",
        )
        + " 130 if interrupted.",
    )
    parser.add_argument("url", metavar="URL", type=_url, help="where the CRL is published, with http or https")
    parser.add_argument("file", metavar="FILE", type=written_file, help="where to store it")
    add_verification(parser)
    parser.add_argument(
        "--private", action="store_true", help="allow a host whose address is not public, such as one of your network"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=up_to(_LONGEST_TIMEOUT),
        default=600,
        help="how long the download may take in total, at most a day (default: %(default)s)",
    )
    return parser


class FileDestination:
    """The file in which a CRL is stored: a ``Destination``. Without validators, the CRL is always downloaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Stored | None:
        """Return what is stored, None if there is nothing."""
        if not file_exists(self._path):
            return None
        return Stored(read_crl_file(str(self._path)))

    def replace(self, _stored: Stored | None, downloaded: Downloaded) -> bool:
        """Store a CRL."""
        replace_file(self._path, downloaded.content)
        return True


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Fetch a CRL and return the exit status. Raises CommandError, and KeyboardInterrupt when interrupted."""
    check_written(Path(options.file), (options.truststore,), Kind.CRL)
    truststore = load_truststore(options.truststore)
    verification = Verification(truststore, partial(datetime.now, UTC), timedelta(seconds=options.max_age))
    with Progress() as progress:
        progress.show(f"connecting to {options.url.host}", 0)
        result = _fetch(options, verification, progress)
    if isinstance(result.error, CommandError):
        raise result.error
    write_error(f"{printable(_message(options, result))}\n")
    return ExitStatus.NEGATIVE if result.outcome is Outcome.FAILED else ExitStatus.SUCCESS


def _fetch(options: argparse.Namespace, verification: Verification, progress: Progress) -> FetchResult:
    # urllib3 takes long to import, which other subcommands do not need.
    from mtls_authorizer.revocation.fetch.download import Limits, download  # noqa: PLC0415 -- see above

    def watch(received: int, total: int | None) -> None:
        of_total = "" if total is None else f" of {total:,}"
        progress.show(f"{received:,}{of_total} bytes", received / (total or MAX_CRL_BYTES))

    limits = Limits(total_seconds=options.timeout)
    return fetch(
        FileDestination(Path(options.file)),
        verification,
        partial(download, options.url, limits=limits, allow_private=options.private, watch=watch),
    )


def _message(options: argparse.Namespace, result: FetchResult) -> str:
    if result.error is not None or result.crl is None:
        kept = f" {options.file} is unchanged." if file_exists(Path(options.file)) else ""
        return f"{options.url.shown}: not fetched: {result.error}.{kept}"
    if result.outcome is Outcome.UNCHANGED:
        return f"{options.file} is current"
    return f"{options.file}: {describe_crl(result.crl)}"


def _url(value: str) -> CrlUrl:
    try:
        return parse_url(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
