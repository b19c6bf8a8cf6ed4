"""``mtls-authorizer explain``: why certificates are allowed or denied, under the settings of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer_cli.certificates.files import check_read
from mtls_authorizer_cli.command_line import CommandError, ExitStatus, exit_statuses, repeated, write_output
from mtls_authorizer_cli.configuration.loading import logged_failures
from mtls_authorizer_cli.configuration.variables import read_environment
from mtls_authorizer_cli.explain.inputs import read_inputs
from mtls_authorizer_cli.explain.log_explanation import explain_entry, read_entry
from mtls_authorizer_cli.explain.log_report import as_json as logged_json
from mtls_authorizer_cli.explain.log_report import as_text as logged_text
from mtls_authorizer_cli.explain.options import add_options, load_with_progress, make_question
from mtls_authorizer_cli.explain.table import Table, as_csv, decide_all
from mtls_authorizer_cli.explain.table import as_json as table_json
from mtls_authorizer_cli.explain.table import as_text as table_text
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.question import read_certificate
from mtls_authorizer_cli.explanation.report.json_document import as_json
from mtls_authorizer_cli.explanation.report.text import as_text
from mtls_authorizer_cli.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from mtls_authorizer_cli.command_line import Parser, Subparsers
    from mtls_authorizer_cli.explain.inputs import Inputs


_REPEATED = ("event", "function", "env_file", "rules", "truststore", "route", "api_id", "domain_name", "at")
"""The options by which a single file is explained in the same way."""


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "explain",
        help="explain why client certificates are allowed or denied",
        description="Explain why a client certificate is allowed or denied, under the authorizer's environment "
        "variables. Files are recognized by their content; - is the standard input. Several certificates, or a folder, "
        "give a table; --log explains an entry of the decision log.",
        epilog=exit_statuses(
            "if the client is allowed, or all of them are", "if API Gateway or the authorizer denies one"
        ),
    )
    add_options(parser)
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print an explanation and return the exit status. Raises CommandError."""
    if options.csv and (options.json or options.policy or options.all):
        message = "--csv cannot be combined with --json, --policy or --all"
        raise CommandError(message)
    environment = read_environment(options, environment)
    paths = [*options.files, *filter(None, (options.cert, options.event))]
    if options.log is not None:
        return _run_on_entry(options, environment, paths)
    if options.request_id is not None:
        message = "--request-id chooses an entry of a log: name the log with --log"
        raise CommandError(message)
    given = read_inputs(paths, as_table=options.csv)
    with logged_failures() as failures:
        if given.are_many:
            table = _make_table(options, environment, given)
            return _print_table(options, table._replace(notes=(*table.notes, *failures)))
        report = _make_report(options, environment, given)
    report = report._replace(notes=(*report.notes, *failures))
    write_output(as_json(report) if options.json else as_text(report))
    return ExitStatus.SUCCESS if report.explanation.allowed else ExitStatus.NEGATIVE


def _run_on_entry(options: argparse.Namespace, environment: Mapping[str, str], paths: Sequence[str]) -> ExitStatus:
    """Explain an entry of the decision log. Raises CommandError."""
    if options.csv or options.event:
        message = "--log cannot be combined with --csv or --event: the entry names the request"
        raise CommandError(message)
    record = read_entry(options.log, options.request_id)
    with logged_failures() as failures:
        logged = explain_entry(options, environment, record, paths)
    logged = logged._replace(notes=(*logged.notes, *failures))
    write_output(logged_json(logged) if options.json else logged_text(logged))
    return ExitStatus.SUCCESS if record.decision == "allow" else ExitStatus.NEGATIVE


def _print_table(options: argparse.Namespace, table: Table) -> ExitStatus:
    write_output(as_csv(table) if options.csv else table_json(table) if options.json else table_text(table))
    if not table.decided:
        message = "no file contains a certificate, so nothing was decided"
        raise CommandError(message)
    check_read(row.file for row in table.rows)
    return ExitStatus.NEGATIVE if table.denied else ExitStatus.SUCCESS


def _make_report(options: argparse.Namespace, environment: Mapping[str, str], given: Inputs) -> Report:
    """Explain one certificate. Raises CommandError."""
    try:
        with Progress() as progress:
            configuration = load_with_progress(options, environment, progress)
    except CommandError as error:
        message = f"{error}{_own_spelling(given.pem, str(error))}"
        raise CommandError(message) from error
    question, notes = make_question(options, given, configuration)
    explanation = explain(question, everything=options.all)
    return Report(explanation, notes, everything=options.all, with_answer=options.policy)


def _make_table(options: argparse.Namespace, environment: Mapping[str, str], given: Inputs) -> Table:
    """Decide on all certificates. Raises CommandError."""
    if options.policy:
        message = "--policy prints the response for one certificate: name one"
        raise CommandError(message)
    with Progress() as progress:
        configuration = load_with_progress(options, environment, progress)
        question, notes = make_question(options, given, configuration)
        files = progress.watch(given.files, "certificates", len(given.files), every=10)
        rows = tuple(decide_all(files, question, configuration))
    warnings = dict.fromkeys(warning for row in rows if row.summary for warning in row.summary.gateway.warnings)
    return Table(rows, question.now, (*notes, *warnings), repeated(options, *_REPEATED))


def _own_spelling(pem: object, error: str) -> str:
    """Return how the certificate's names are written, for an error about a distinguished name."""
    certificate = read_certificate(pem)
    if "distinguished name" not in error or isinstance(certificate, str):
        return ""
    names = f"subject {certificate.subject.rfc4514_string()!r}, issuer {certificate.issuer.rfc4514_string()!r}"
    return f". The names of this certificate are written: {names}"
