"""``mtls-authorizer explain``: why certificates are allowed or denied, under the settings of a function."""

from __future__ import annotations

import logging
import shlex
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mtls_authorizer.policy.settings import ResponseFormat
from mtls_authorizer.request.event import EventFormat
from mtls_authorizer.rules.document.request_limits import API_ID
from mtls_authorizer.rules.routes import ALL_ROUTES, METHODS
from mtls_authorizer.telemetry.decision_log import logger
from mtls_authorizer_cli.command_line import CommandError, ExitStatus, exit_statuses, write_output
from mtls_authorizer_cli.explain.explanation import explain
from mtls_authorizer_cli.explain.inputs.configuration import load_configuration, read_truststore_of_domain
from mtls_authorizer_cli.explain.question import Question, read_certificate
from mtls_authorizer_cli.explain.report.json_document import as_json
from mtls_authorizer_cli.explain.report.report import Report
from mtls_authorizer_cli.explain.report.text import as_text
from mtls_authorizer_cli.explain_command.inputs import read_inputs
from mtls_authorizer_cli.explain_command.many import Table, as_csv, decide_all
from mtls_authorizer_cli.explain_command.many import as_json as table_json
from mtls_authorizer_cli.explain_command.many import as_text as table_text
from mtls_authorizer_cli.function import add_options, notes_on_variables, read_environment
from mtls_authorizer_cli.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer_cli.command_line import Parser, Subparsers
    from mtls_authorizer_cli.explain.inputs.configuration import Configuration
    from mtls_authorizer_cli.explain_command.inputs import Inputs


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "explain",
        help="explain why client certificates are allowed or denied",
        description="Explain why a client certificate is allowed or denied, under the authorizer's environment "
        "variables. Files are recognized by their content; - is the standard input. Several certificates, or a folder, "
        "give a table.",
        epilog=exit_statuses(
            "if the client is allowed, or all of them are", "if API Gateway or the authorizer denies one"
        ),
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        help="certificates (PEM or DER), folders with certificates, an event of the authorizer (JSON)",
    )
    # The same as a FILE, for scripts and make.
    parser.add_argument("--cert", metavar="FILE", help="the certificate, or a folder with certificates")
    parser.add_argument("--event", metavar="FILE", help="the event, which names API, stage and route")
    add_options(parser)
    parser.add_argument(
        "--rules", metavar="FILE|URI", help="a rules document, instead of AUTHORIZER_RULES and AUTHORIZER_RULES_URI"
    )
    parser.add_argument(
        "--truststore",
        metavar="FILE|URI",
        help="the truststore of the custom domain, to explain what API Gateway checks (default: TRUSTSTORE_URI)",
    )
    parser.add_argument("--route", metavar="'GET /path'", help="the requested route (default: none in particular)")
    parser.add_argument("--api-id", metavar="ID", help="the API (default: that of the event)")
    parser.add_argument("--domain-name", metavar="NAME", help="the API's domain name (default: that of the event)")
    parser.add_argument("--at", metavar="TIME", help="the time, such as 2026-12-01T00:00:00Z (default: now)")
    parser.add_argument("--policy", action="store_true", help="also print the function's answer with its IAM policy")
    parser.add_argument("--all", action="store_true", help="leave out no rules and no values")
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")
    parser.add_argument("--csv", action="store_true", help="print CSV, with one row for each file")
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print an explanation and return the exit status. Raises CommandError."""
    if options.csv and (options.json or options.policy or options.all):
        message = "--csv cannot be combined with --json, --policy or --all"
        raise CommandError(message)
    of_function = read_environment(options, environment)
    given = read_inputs(
        [*options.files, *(file for file in (options.cert, options.event) if file)], as_table=options.csv
    )
    failures = _Failures()
    logger.addHandler(failures)
    try:
        if given.are_many:
            table = _make_table(options, of_function, given)
            table = table._replace(notes=(*table.notes, *dict.fromkeys(failures.notes)))
            write_output(as_csv(table) if options.csv else table_json(table) if options.json else table_text(table))
            return ExitStatus.NEGATIVE if table.denied else ExitStatus.SUCCESS
        report = _make_report(options, of_function, given)
    finally:
        logger.removeHandler(failures)
    report = report._replace(notes=(*report.notes, *failures.notes))
    colour = _wants_colour(sys.stdout, environment)
    write_output(as_json(report) if options.json else as_text(report, colour=colour))
    return ExitStatus.SUCCESS if report.explanation.allowed else ExitStatus.NEGATIVE


class _Failures(logging.Handler):
    """Keeps what is logged about documents that cannot be read: without CRLs, for instance, a function still runs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.notes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.notes.append(f"{record.getMessage()}: {getattr(record, 'error', '')}")


def _make_report(options: argparse.Namespace, environment: Mapping[str, str], given: Inputs) -> Report:
    """Explain one certificate. Raises CommandError."""
    try:
        configuration = load_configuration(environment, options.rules)
    except CommandError as error:
        message = f"{error}{_own_spelling(given.pem, str(error))}"
        raise CommandError(message) from error
    question, notes = _question(options, environment, given, configuration)
    explanation = explain(question, everything=options.all)
    return Report(explanation, notes, everything=options.all, with_answer=options.policy)


def _make_table(options: argparse.Namespace, environment: Mapping[str, str], given: Inputs) -> Table:
    """Decide on all certificates. Raises CommandError."""
    if options.policy:
        message = "--policy prints the answer for one certificate: name one"
        raise CommandError(message)
    configuration = load_configuration(environment, options.rules)
    question, notes = _question(options, environment, given, configuration)
    progress = Progress(sys.stderr)
    files = progress.watch(given.files, len(given.files), "certificates", every=10)
    try:
        rows = tuple(decide_all(files, question, configuration))
    finally:
        progress.clear()
    return Table(rows, question.now, notes, _repeated_arguments(options))


def _repeated_arguments(options: argparse.Namespace) -> str:
    """Return the options by which a single file is explained in the same way, each after a space."""
    named = ("event", "function", "env_file", "rules", "truststore", "route", "api_id", "domain_name", "at")
    values = {name.replace("_", "-"): getattr(options, name) for name in named}
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in values.items() if value)


def _question(
    options: argparse.Namespace, environment: Mapping[str, str], given: Inputs, configuration: Configuration
) -> tuple[Question, tuple[str, ...]]:
    """Return the question about the certificate that was given, and notes. Raises CommandError."""
    now = datetime.now(UTC) if options.at is None else _read_time(options.at)
    settings = configuration.settings
    truststore, notes = read_truststore_of_domain(environment, options.truststore, settings.s3_bucket_owner)
    certificate = read_certificate(given.pem)
    policy = configuration.policy(None if isinstance(certificate, str) else certificate)
    request = _request(given.request, options)
    route_asked = options.route is not None or given.is_event
    question = Question(given.pem, settings, policy, request, route_asked, now, truststore)
    return question, (*given.notes, *notes, *_caching_notes(question), *notes_on_variables(options))


def _request(request: ApiRequest, options: argparse.Namespace) -> ApiRequest:
    """Return the request with what the options say about it. Raises CommandError."""
    if options.route is not None:
        request = request._replace(invocation=_read_invocation(options.route))
    if options.api_id is not None:
        stage_arn = request.stage_arn.replace(f":{request.api_id}/", f":{options.api_id}/")
        if not API_ID.fullmatch(options.api_id):
            message = f"API {options.api_id!r}: write its ID, such as a1b2c3d4e5"
            raise CommandError(message)
        request = request._replace(stage_arn=stage_arn)
    if options.domain_name is not None:
        context = {**request.request_context, "domainName": options.domain_name}
        request = request._replace(event={**request.event, "requestContext": context})
    return request


def _caching_notes(question: Question) -> Iterator[str]:
    if question.policy.rules.limits_domain_names and question.request.may_be_cached_for_other_domain_names:
        yield (
            "rules have domain_name, and the authorizer has identity sources without $context.domainName: if its "
            "responses are cached, one domain name gets the response for another"
        )
    is_simple = question.settings.response_format is ResponseFormat.SIMPLE
    limits_routes = any(rule.routes is not ALL_ROUTES for rule in question.policy.rules.rules)
    if is_simple and limits_routes and question.request.event_format is EventFormat.HTTP_2_0:
        yield (
            "responses are simple and rules have routes: if responses are cached, API Gateway applies the response for "
            "one route to all routes"
        )


def _own_spelling(pem: object, error: str) -> str:
    """Return how the certificate's names are written, for an error about a distinguished name."""
    certificate = read_certificate(pem)
    if "distinguished name" not in error or isinstance(certificate, str):
        return ""
    names = f"subject {certificate.subject.rfc4514_string()!r}, issuer {certificate.issuer.rfc4514_string()!r}"
    return f". The names of this certificate are written: {names}"


def _read_invocation(route: str) -> str:
    method, _, path = route.partition(" ")
    if method not in METHODS or not path.startswith("/") or "?" in path or "#" in path:
        message = f"route {route!r}: write a method ({', '.join(METHODS)}) and a path, such as 'GET /payments/1'"
        raise CommandError(message)
    return method + path


def _read_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    message = f"time {text!r}: write it like 2026-12-01T00:00:00Z"
    raise CommandError(message)


def _wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether to use colour: on a terminal only, and not if NO_COLOR (no-color.org) is set."""
    return not environment.get("NO_COLOR") and environment.get("TERM") != "dumb" and stream.isatty()
