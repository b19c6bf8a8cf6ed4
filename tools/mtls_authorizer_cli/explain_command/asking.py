"""The question that the command's options ask about a certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mtls_authorizer.rules.document.request_limits import API_ID
from mtls_authorizer.rules.routes import ALL_ROUTES, METHODS
from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.explain.inputs.configuration import load_configuration, read_truststore_of_domain
from mtls_authorizer_cli.explain.question import Question, read_certificate, with_api_id, with_domain_name
from mtls_authorizer_cli.function import notes_on_variables
from mtls_authorizer_cli.inputs.configured import truststore_uri
from mtls_authorizer_cli.inputs.times import read_time

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer_cli.explain.inputs.configuration import Configuration
    from mtls_authorizer_cli.explain_command.inputs import Inputs
    from mtls_authorizer_cli.progress import Progress


def load(options: argparse.Namespace, environment: Mapping[str, str], progress: Progress) -> Configuration:
    """Load the configuration that the options name. Raises CommandError.

    The truststore of the option is also that of a function that has yet to be deployed, whose variables are not known.
    """
    if any(name.endswith(("_URI", "_URIS")) for name in environment):
        progress.show("loading the configuration", 0)
    configuration = load_configuration(environment, options.rules)
    if options.truststore is not None and not options.function and not options.env_file:
        configuration.supply_truststore(options.truststore)
    return configuration


def make_question(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    given: Inputs,
    configuration: Configuration,
    time: datetime | None = None,
) -> tuple[Question, tuple[str, ...]]:
    """Return the question about the certificate that was given, and notes. Raises CommandError.

    Unless an option names the time, it is ``time``, or now if that is None.
    """
    now = time or datetime.now(UTC) if options.at is None else read_time(options.at)
    settings = configuration.settings
    truststore, notes = read_truststore_of_domain(environment, options.truststore, settings)
    certificate = read_certificate(given.pem)
    policy = configuration.policy(None if isinstance(certificate, str) else certificate)
    request = _request(given.request, options)
    route_asked = options.route is not None or given.is_event
    question = Question(given.pem, settings, policy, request, route_asked, now, truststore)
    notes = (*given.notes, *notes, *_truststore_notes(question), *_caching_notes(question))
    return question, (*notes, *notes_on_variables(options))


def _request(request: ApiRequest, options: argparse.Namespace) -> ApiRequest:
    """Return the request with what the options say about it. Raises CommandError."""
    if options.route is not None:
        request = request._replace(invocation=_read_invocation(options.route))
    if options.api_id is not None:
        if not API_ID.fullmatch(options.api_id):
            message = f"API {options.api_id!r}: write its ID, such as a1b2c3d4e5"
            raise CommandError(message)
        request = with_api_id(request, options.api_id)
    if options.domain_name is not None:
        request = with_domain_name(request, options.domain_name)
    return request


def _truststore_notes(question: Question) -> Iterator[str]:
    if question.policy.truststore is not None and truststore_uri(question.settings) is None:
        yield (
            "rules with issuer_key are decided with the truststore of --truststore; the function needs TRUSTSTORE_URI "
            "for them"
        )


def _caching_notes(question: Question) -> Iterator[str]:
    if question.policy.rules.limits_domain_names and question.request.may_be_cached_for_other_domain_names:
        yield (
            "rules have domain_name, and the authorizer has identity sources without $context.domainName: if its "
            "responses are cached, one domain name gets the response for another"
        )
    is_simple = question.settings.response_format == "simple"
    limits_routes = any(rule.routes is not ALL_ROUTES for rule in question.policy.rules.rules)
    if is_simple and limits_routes and question.request.event_format == "http-2.0":
        yield (
            "responses are simple and rules have routes: if responses are cached, API Gateway applies the response for "
            "one route to all routes"
        )


def _read_invocation(route: str) -> str:
    method, _, path = route.partition(" ")
    if method not in METHODS or not path.startswith("/") or "?" in path or "#" in path:
        message = f"route {route!r}: write a method ({', '.join(METHODS)}) and a path, such as 'GET /payments/1'"
        raise CommandError(message)
    return method + path
