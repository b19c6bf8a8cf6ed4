"""``mtls-authorizer rules diff OLD NEW``: which clients gain or lose which routes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer_cli.certificates.files import check_read, read_certificates
from mtls_authorizer_cli.command_line import CommandError, ExitStatus, exit_statuses, repeated, write_output
from mtls_authorizer_cli.configuration.loading import (
    check_issuer_keys,
    make_rule_set,
    read_rules,
    read_settings_without_document,
    read_truststore_at,
)
from mtls_authorizer_cli.configuration.variables import add_options, read_environment
from mtls_authorizer_cli.progress import Progress
from mtls_authorizer_cli.rules.diff.clients import access, compare_access
from mtls_authorizer_cli.rules.diff.comparison import compare
from mtls_authorizer_cli.rules.diff.report import ClientDifference, DiffReport, as_json, as_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.command_line import Parser, Subparsers


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "diff",
        help="show which clients gain or lose which routes between two rules documents",
        description="Compare two rules documents by what they mean: order, formatting and spelling are no differences. "
        "With certificates, show which of their clients gain or lose which routes, next to the lists in the "
        "authorizer's environment variables.",
        epilog=exit_statuses("if nothing differs", "if something differs"),
    )
    parser.add_argument("old", metavar="OLD", help="the rules document in force: a file or a URI")
    parser.add_argument("new", metavar="NEW", help="the new rules document: a file or a URI")
    parser.add_argument(
        "--certs",
        metavar="FOLDER",
        action="append",
        default=[],
        help="a folder with client certificates, or one certificate; repeat it for more",
    )
    parser.add_argument(
        "--truststore", metavar="FILE|URI", help="the truststore, for rules with issuer_key (default: TRUSTSTORE_URI)"
    )
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the differences and return the exit status. Raises CommandError."""
    settings = read_settings_without_document(read_environment(options, environment))
    old, new = (read_rules(location, settings) for location in (options.old, options.new))
    arguments = f"--rules {shlex.quote(options.new)}{repeated(options, 'truststore', 'function', 'env_file')}"
    report = DiffReport(arguments, compare(old, new))
    files = read_certificates(options.certs)
    if options.certs:
        truststore = read_truststore_at(options.truststore, settings, read_truststore)
        rule_sets = [make_rule_set(rules, settings, truststore) for rules in (old, new)]
        for rules, location in zip(rule_sets, (options.old, options.new), strict=True):
            check_issuer_keys(rules, location, truststore)
        report = _with_clients(report, files, settings, rule_sets)
    write_output(as_json(report) if options.json else as_text(report))
    if report.unreadable and not report.clients:
        message = "no file of --certs contains a certificate, so no clients were compared"
        raise CommandError(message)
    check_read(files)
    return ExitStatus.NEGATIVE if report.has_differences else ExitStatus.SUCCESS


def _with_clients(
    report: DiffReport, files: Sequence[CertificateFile], settings: Settings, rule_sets: Sequence[RuleSet]
) -> DiffReport:
    """Return a report with what changes for the clients whose certificates are in files and folders."""
    clients, unreadable = [], []
    with Progress() as progress:
        for file in progress.watch(files, "certificates", len(files), every=10):
            if file.certificate is None:
                unreadable.append(file)
            else:
                old, new = (access(file.certificate, settings, rules) for rules in rule_sets)
                clients.append(ClientDifference(file.name, file.certificate, compare_access(old, new)))
    return report._replace(clients=tuple(clients), unreadable=tuple(unreadable))
