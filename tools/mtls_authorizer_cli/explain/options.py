"""The options of ``explain``, and the question that they ask about a certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mtls_authorizer.rules.routes import METHODS
from mtls_authorizer_cli.api_names import api_id, domain_name
from mtls_authorizer_cli.command_line import CommandError, read_time
from mtls_authorizer_cli.configuration.loading import (
    load_named_configuration,
    notes_on_configuration,
    read_truststore_of_domain,
)
from mtls_authorizer_cli.configuration.variables import add_options as add_function_options
from mtls_authorizer_cli.explanation.question import Question, read_certificate, with_api_id, with_domain_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.configuration.loading import Configuration
    from mtls_authorizer_cli.explain.inputs import Inputs
    from mtls_authorizer_cli.progress import Progress


def add_options(parser: Parser) -> None:
    """Add the files and all options."""
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        help="certificates (PEM or DER), folders with certificates, an event of the authorizer (JSON)",
    )
    # The same as a FILE, for scripts and make.
    parser.add_argument("--cert", metavar="FILE", help="the certificate, or a folder with certificates")
    parser.add_argument("--event", metavar="FILE", help="the event, which names API, stage and route")
    add_function_options(parser)
    parser.add_argument(
        "--rules", metavar="FILE|URI", help="a rules document, instead of AUTHORIZER_RULES and AUTHORIZER_RULES_URI"
    )
    parser.add_argument(
        "--truststore",
        metavar="FILE|URI",
        help="the truststore of the custom domain, to explain what API Gateway checks; also for rules with "
        "issuer_key, if neither a function nor a file of variables is named (default: TRUSTSTORE_URI)",
    )
    parser.add_argument(
        "--log",
        metavar="RECORD",
        help="explain this entry of the decision log: a file in any form of CloudWatch, - or the JSON itself; a "
        "certificate, or a folder that contains it, adds what the entry lacks",
    )
    parser.add_argument("--request-id", metavar="ID", help="the request, if the log contains several")
    parser.add_argument("--route", metavar="'GET /path'", help="the requested route (default: none in particular)")
    parser.add_argument("--api-id", metavar="ID", type=api_id, help="the API's ID (default: from the event)")
    parser.add_argument(
        "--domain-name", metavar="NAME", type=domain_name, help="the API's domain name (default: from the event)"
    )
    parser.add_argument("--at", metavar="TIME", help="the time, such as 2026-12-01T00:00:00Z (default: now)")
    parser.add_argument("--policy", action="store_true", help="also print the function's response with its IAM policy")
    parser.add_argument("--all", action="store_true", help="show all rules and values")
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")
    parser.add_argument("--csv", action="store_true", help="print CSV, with one row for each file")


def load_with_progress(
    options: argparse.Namespace, environment: Mapping[str, str], progress: Progress
) -> Configuration:
    """Load the configuration that the options name, and show that it takes a while. Raises CommandError."""
    if any(name.endswith(("_URI", "_URIS")) for name in environment):
        progress.show("loading the configuration", 0)
    return load_named_configuration(options, environment)


def make_question(
    options: argparse.Namespace, given: Inputs, configuration: Configuration, time: datetime | None = None
) -> tuple[Question, tuple[str, ...]]:
    """Return the question about the certificate that was given, and notes. Raises CommandError.

    Unless an option names the time, it is ``time``, or now if that is None.
    """
    now = time or datetime.now(UTC) if options.at is None else read_time(options.at)
    settings = configuration.settings
    truststore, notes = read_truststore_of_domain(options.truststore, settings)
    certificate = read_certificate(given.pem)
    policy = configuration.policy(None if isinstance(certificate, str) else certificate)
    request = _request(given.request, options)
    route_asked = options.route is not None or given.is_event
    question = Question(given.pem, settings, policy, request, route_asked, now, truststore)
    return question, (*given.notes, *notes, *notes_on_configuration(options, configuration))


def _request(request: ApiRequest, options: argparse.Namespace) -> ApiRequest:
    """Return the request with what the options say about it. Raises CommandError."""
    if options.route is not None:
        request = request._replace(invocation=_read_invocation(options.route))
    if options.api_id is not None:
        request = with_api_id(request, options.api_id)
    if options.domain_name is not None:
        request = with_domain_name(request, options.domain_name)
    return request


def _read_invocation(route: str) -> str:
    method, _, path = route.partition(" ")
    if method not in METHODS or not path.startswith("/") or "?" in path or "#" in path:
        methods = ", ".join(METHODS)
        message = f"route {route!r}: write a method ({methods}) and a path without a query, such as 'GET /payments/1'"
        raise CommandError(message)
    return method + path
