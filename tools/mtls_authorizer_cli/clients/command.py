"""``mtls-authorizer clients``: clients, the rules that they match, and when their certificates expire."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mtls_authorizer_cli.certificates.files import check_read, read_certificates
from mtls_authorizer_cli.clients.client import with_renewals
from mtls_authorizer_cli.clients.inputs import LoggedClients, clients_in_files, merge
from mtls_authorizer_cli.clients.report import ClientList, as_csv, as_json, as_text
from mtls_authorizer_cli.command_line import (
    CommandError,
    ExitStatus,
    exit_statuses,
    read_time,
    shown_file,
    write_output,
)
from mtls_authorizer_cli.configuration.loading import load_named_configuration, logged_failures, notes_on_configuration
from mtls_authorizer_cli.configuration.variables import add_options, read_environment
from mtls_authorizer_cli.decision_log.records import NO_ENTRIES, read_log_records
from mtls_authorizer_cli.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.clients.client import Client
    from mtls_authorizer_cli.command_line import Parser, Subparsers

_PERIOD = re.compile(r"([0-9]{1,5})([dw])")
_DAYS = {"d": 1, "w": 7}


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "clients",
        help="list clients, their rules, and when their certificates expire",
        description="List the clients whose certificates are in files or folders, or that the decision log contains, "
        "with the rules that they match and the expiry of their certificates, the first to expire first.",
        epilog=exit_statuses(
            "if the clients were listed, and with --expiring, if no certificate expires",
            "if a certificate expires within the time of --expiring, and the client has no newer one",
        ),
    )
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="certificates (PEM or DER), or folders with certificates"
    )
    parser.add_argument(
        "--log",
        metavar="FILE",
        action="append",
        default=[],
        help="entries of the decision log, in any form of CloudWatch; - for the standard input; repeat it for more",
    )
    parser.add_argument(
        "--expiring", metavar="60d", help="only certificates that expire within this time: days (60d) or weeks (8w)"
    )
    add_options(parser)
    parser.add_argument(
        "--rules", metavar="FILE|URI", help="a rules document, instead of AUTHORIZER_RULES and AUTHORIZER_RULES_URI"
    )
    parser.add_argument(
        "--truststore",
        metavar="FILE|URI",
        help="the truststore, for rules with issuer_key, if TRUSTSTORE_URI is not set, and neither a function nor a "
        "file of variables is named",
    )
    parser.add_argument("--at", metavar="TIME", help="the time, such as 2026-12-01T00:00:00Z (default: now)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV, with one row for each certificate")
    form.add_argument("--json", action="store_true", help="print JSON, for a program")
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the clients and return the exit status. Raises CommandError."""
    if not options.files and not options.log:
        message = "no clients: name files or folders with certificates, or a log with --log"
        raise CommandError(message)
    if not options.files and (options.function or options.env_file or options.rules or options.truststore):
        message = (
            "--function, --env-file, --rules and --truststore are for certificates; a log contains the rules that "
            "matched"
        )
        raise CommandError(message)
    now = datetime.now(UTC) if options.at is None else read_time(options.at)
    period = None if options.expiring is None else _read_period(options.expiring, now)
    files = read_certificates(options.files)
    report, problem = _make_report(options, environment, files, now, period)
    write_output(as_csv(report) if options.csv else as_json(report) if options.json else as_text(report))
    if not report.clients and not report.unidentified:
        message = f"the files contain neither certificates nor decisions{f': {problem}' if problem else ''}"
        raise CommandError(message)
    check_read(files)
    return ExitStatus.NEGATIVE if period is not None and report.expiring else ExitStatus.SUCCESS


def _make_report(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    files: Sequence[CertificateFile],
    now: datetime,
    period: timedelta | None,
) -> tuple[ClientList, str | None]:
    """Return the report, and why the first entry that was skipped is not a decision. Raises CommandError."""
    logged = LoggedClients()
    skipped, problem = 0, None
    for log in options.log:
        records = read_log_records(log)
        with Progress() as progress:
            for record in progress.watch(records, "decisions", every=5000):
                logged.add(record)
        skipped += records.skipped
        problem = problem or (records.problem and f"{shown_file(log)}: {records.problem}")
    in_files, notes = _decide(options, environment, files, now) if files else ([], ())
    if options.log and not logged.clients and not logged.unidentified:
        notes = (*notes, f"the log contains no decision: {problem or NO_ENTRIES}")
    clients = with_renewals(merge(in_files, logged.clients))
    unusable = tuple(file for file in files if file.certificate is None)
    return ClientList(tuple(clients), now, period, unusable, skipped, logged.unidentified, notes), problem


def _decide(
    options: argparse.Namespace, environment: Mapping[str, str], files: Sequence[CertificateFile], now: datetime
) -> tuple[list[Client], tuple[str, ...]]:
    """Return the clients whose certificates are in files, and notes. Raises CommandError."""
    with logged_failures() as failures, Progress() as progress:
        progress.show("loading the configuration", 0)
        configuration = load_named_configuration(options, read_environment(options, environment))
        watched = progress.watch(files, "certificates", len(files), every=10)
        clients = list(clients_in_files(watched, configuration, now))
    notes = [*notes_on_configuration(options, configuration), *failures]
    if options.truststore and (options.function or options.env_file or configuration.settings.truststore_uri):
        notes.append("--truststore has no effect: the configuration decides, with the truststore at its TRUSTSTORE_URI")
    return clients, tuple(notes)


def _read_period(text: str, now: datetime) -> timedelta:
    match = _PERIOD.fullmatch(text)
    try:
        if match is not None:
            period = timedelta(days=int(match[1]) * _DAYS[match[2]])
            _ = now + period
            return period
    except OverflowError:
        pass
    message = f"--expiring {text!r}: write a number of days or weeks, such as 60d or 8w"
    raise CommandError(message)
