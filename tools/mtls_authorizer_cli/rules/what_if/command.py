"""``mtls-authorizer rules what-if``: what other rules would have decided on logged requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer_cli.certificates.files import check_read, read_certificates
from mtls_authorizer_cli.command_line import CommandError, ExitStatus, exit_statuses, shown_file, write_output
from mtls_authorizer_cli.configuration.loading import (
    make_rule_set,
    read_rules,
    read_settings_without_document,
    read_truststore_at,
)
from mtls_authorizer_cli.configuration.variables import add_options, read_environment
from mtls_authorizer_cli.decision_log.records import NO_ENTRIES, read_log_records
from mtls_authorizer_cli.progress import Progress
from mtls_authorizer_cli.rules.what_if.replay import Replayer
from mtls_authorizer_cli.rules.what_if.report import Tally, WhatIfReport, as_json, as_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer_cli.command_line import Parser, Subparsers

_SHOWN_EVERY = 1000


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "what-if",
        help="show which logged decisions other rules would change",
        description="Decide on logged requests again, under other rules and the other variables of the authorizer, and "
        "show what would change. Decisions that a log entry cannot determine are counted separately.",
        epilog=exit_statuses("if no decision changes, as far as the log determines it", "if a decision changes"),
    )
    parser.add_argument(
        "--log", metavar="FILE", required=True, help="entries of the decision log; - for the standard input"
    )
    parser.add_argument("--rules", metavar="NEW", required=True, help="the rules document to try: a file or a URI")
    parser.add_argument(
        "--certs",
        metavar="FOLDER",
        action="append",
        default=[],
        help="a folder with client certificates, or one certificate, for facts that the log lacks, such as alternative "
        "names and public keys; repeat it for more",
    )
    parser.add_argument(
        "--truststore", metavar="FILE|URI", help="the truststore, for rules with issuer_key (default: TRUSTSTORE_URI)"
    )
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what changes and return the exit status. Raises CommandError."""
    settings = read_settings_without_document(read_environment(options, environment))
    truststore = read_truststore_at(options.truststore, settings, read_truststore)
    rules = make_rule_set(read_rules(options.rules, settings), settings, truststore)
    files = read_certificates(options.certs)
    certificates = {file.certificate.fingerprint256: file.certificate for file in files if file.certificate is not None}
    replayer = Replayer(rules, settings, certificates, issuer_key_known=truststore is not None)
    records = read_log_records(options.log)
    tally = Tally()
    with Progress() as progress:
        for record in progress.watch(records, "decisions", every=_SHOWN_EVERY):
            tally.add(record, replayer.decide(record))
    report = WhatIfReport(
        tally, records.skipped, has_certificates=bool(certificates), has_truststore=truststore is not None
    )
    write_output(as_json(report) if options.json else as_text(report))
    if not tally.total:
        message = f"{shown_file(options.log)} contains no decision: {records.problem or NO_ENTRIES}"
        raise CommandError(message)
    check_read(files)
    return ExitStatus.NEGATIVE if tally.changed else ExitStatus.SUCCESS
