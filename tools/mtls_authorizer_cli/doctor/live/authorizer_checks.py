"""Checks of an API's authorizer: its type, its caching, its response, and the permission to invoke its function."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING

from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer_cli.doctor.account.api import PEM_SOURCE
from mtls_authorizer_cli.doctor.account.aws import AbsentError, UnavailableError
from mtls_authorizer_cli.doctor.account.http_api import HttpApi
from mtls_authorizer_cli.doctor.account.permission import PRINCIPAL, invoke_statements
from mtls_authorizer_cli.doctor.findings import Check, Mistake
from mtls_authorizer_cli.doctor.live.domain_checks import ExaminedDomain
from mtls_authorizer_cli.doctor.offline.truststore import namesakes
from mtls_authorizer_cli.printed import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mtls_authorizer_cli.doctor.account.api import Authorizer
    from mtls_authorizer_cli.doctor.account.function import Function
    from mtls_authorizer_cli.doctor.account.permission import PolicyStatement
    from mtls_authorizer_cli.doctor.live.examination import Checks
    from mtls_authorizer_cli.doctor.live.examined_api import ExaminedApi, OwnAuthorizer

_ISSUER_AND_SERIAL = {"context.identity.clientCert.issuerDN", "context.identity.clientCert.serialNumber"}
_DOMAIN_NAME = "context.domainName"
_FROM_REQUEST = ("request.", "method.request.")


def _authorizer(examined: ExaminedApi) -> Iterator[Mistake]:
    if not examined.found_authorizers:
        api = examined.api
        yield Mistake(
            "none of its authorizers invokes this project's function",
            "Every client with a certificate from a CA in the truststore may call the API.",
            "Put the output AuthorizerUri of the authorizer's stack into FUNCTION_URI, create the authorizer, and "
            "attach it to every route: docs/deploy/cli.md. If the function is a wrapper, name it with --function",
            (api.create_authorizer(),),
        )


def _type(examined: ExaminedApi, own: OwnAuthorizer) -> Iterator[Mistake]:
    authorizer = own.authorizer
    if authorizer.kind != "REQUEST":
        yield Mistake(
            f"its type is {authorizer.kind}",
            "Its events have no certificate: the function fails with UnsupportedEventError, and the API responds with "
            "500.",
            "Put its URI into FUNCTION_URI, create an authorizer of type REQUEST, and attach that one to every route",
            (f"FUNCTION_URI={shlex.quote(authorizer.uri)}", examined.api.create_authorizer()),
        )


def _sources(authorizer: Authorizer) -> set[str]:
    return {source.removeprefix("$") for source in authorizer.identity_sources}


def _identity_sources(examined: ExaminedApi, own: OwnAuthorizer) -> Iterator[Mistake | str]:
    authorizer, sources = own.authorizer, _sources(own.authorizer)
    if authorizer.ttl == 0 or PEM_SOURCE.removeprefix("$") in sources:
        return
    if not sources >= _ISSUER_AND_SERIAL:
        problem = f"it caches for {authorizer.ttl} s by {', '.join(sorted(sources)) or 'nothing'}"
        yield _shared_cache(examined, authorizer, problem)
        return
    for domain in examined.domains:
        if domain.truststore_uri is None:
            continue
        bundle = ExaminedDomain(examined.aws, domain, own.function).examined_truststore().bundle
        if any(len({each.certificate.public_key for each in group}) > 1 for group in namesakes(bundle)):
            problem = f"it caches by issuer and serial number, and two CAs of {domain.truststore_uri} have one name"
            yield _shared_cache(examined, authorizer, problem)
    yield (
        f"{authorizer} caches by issuer and serial number. This is safe only if your CAs never reuse a serial number, "
        "which cannot be checked: see docs/security-model.md"
    )


def _shared_cache(examined: ExaminedApi, authorizer: Authorizer, problem: str) -> Mistake:
    return Mistake(
        problem,
        "Several certificates can share one cached response: a client can get the response for another client.",
        "Turn caching off, or on an HTTP API cache by the whole certificate",
        (examined.api.stop_caching(authorizer), *examined.deploy_commands()),
    )


def _required_identity_source(examined: ExaminedApi, own: OwnAuthorizer) -> Iterator[Mistake]:
    authorizer = own.authorizer
    required = sorted(source for source in _sources(authorizer) if source.startswith(_FROM_REQUEST))
    if required:
        yield Mistake(
            f"it requires {', '.join(required)}",
            "A request without it gets 401, and the authorizer is not invoked, whatever certificate the client has.",
            "Use identity sources that every request with a certificate has",
            (examined.api.identify_by_certificate(authorizer), *examined.deploy_commands()),
        )


def _cached_simple_responses(examined: ExaminedApi, own: OwnAuthorizer) -> Iterator[Mistake]:
    authorizer = own.authorizer
    if not authorizer.ttl or not authorizer.simple_responses:
        return
    limited = [rule.name for rule in own.function.rules.rules if rule.routes is not ALL_ROUTES]
    if limited:
        yield Mistake(
            f"it caches simple responses for {authorizer.ttl} s, and rules allow some routes only: {listing(limited)}",
            "A simple response is about the requested route, and API Gateway applies it to all: a client that was "
            "allowed one route may call every route until the TTL is over.",
            "Turn caching off, or use IAM policies",
            (examined.api.stop_caching(authorizer), *examined.deploy_commands()),
        )


def _cached_domain_names(examined: ExaminedApi, own: OwnAuthorizer) -> Iterator[Mistake]:
    authorizer = own.authorizer
    if authorizer.ttl and _DOMAIN_NAME not in _sources(authorizer) and own.function.rules.limits_domain_names:
        yield Mistake(
            f"rules have a domain_name, and it caches for {authorizer.ttl} s without $context.domainName as a source",
            "A client that uses two domain names of this API can get the response for the wrong one.",
            "Turn caching off, or add the identity source",
            (examined.api.stop_caching(authorizer), *examined.deploy_commands()),
        )


def _response_format(examined: ExaminedApi, own: OwnAuthorizer) -> Iterator[Mistake]:
    api, authorizer = examined.api, own.authorizer
    if not isinstance(api, HttpApi) or authorizer.payload_version != "2.0":
        return  # the response is always an IAM policy
    configured = own.function.settings.response_format
    expected = "simple" if authorizer.simple_responses else "iam"
    if configured != expected:
        enabled = "enabled" if authorizer.simple_responses else "disabled"
        yield Mistake(
            f"simple responses are {enabled}, and {own.function} has RESPONSE_FORMAT={configured}",
            "API Gateway does not understand the authorizer's response: it responds with 500 to every request.",
            "Make both the same",
            (
                api.set_simple_responses(authorizer, enabled=configured == "simple"),
                *examined.deploy_commands(),
            ),
        )


def _source_arn(examined: ExaminedApi, authorizer: Authorizer) -> str:
    partition, account = examined.aws.caller()
    api = f"arn:{partition}:execute-api:{examined.aws.region}:{account}:{examined.api.api_id}"
    return f"{api}/authorizers/{authorizer.authorizer_id}"


def _statements(function: Function) -> list[PolicyStatement]:
    try:
        return invoke_statements(function.policy())
    except AbsentError:
        return []


def _invoke_permission(examined: ExaminedApi, own: OwnAuthorizer) -> Iterator[Mistake]:
    authorizer, function = own.authorizer, own.function
    if authorizer.credentials:
        reason = f"API Gateway assumes the role {authorizer.credentials}, whose policies are not read"
        raise UnavailableError(reason)
    source_arn, (_, account) = _source_arn(examined, authorizer), examined.aws.caller()
    statements = _statements(function)
    if any(statement.permits(source_arn, account) for statement in statements):
        return
    unclear = [statement.statement_id for statement in statements if not statement.is_decidable]
    if unclear:
        reason = f"the policy of {function} has conditions that are not evaluated: {listing(unclear)}"
        raise UnavailableError(reason)
    yield Mistake(
        f"API Gateway is not permitted to invoke {function.arn}",
        "The API responds with 500 to every request.",
        "Permit this authorizer to invoke it",
        (_permit(examined, own),),
    )


def _permit(examined: ExaminedApi, own: OwnAuthorizer) -> str:
    authorizer = own.authorizer
    return own.function.command(
        "add-permission",
        *(("--qualifier", own.function.arn.qualifier) if own.function.arn.qualifier else ()),
        *("--statement-id", f"api-{examined.api.api_id}-{authorizer.authorizer_id}"),
        *("--action", "lambda:InvokeFunction", "--principal", PRINCIPAL),
        *("--source-arn", _source_arn(examined, authorizer)),
    )


def _open_invoke_permission(examined: ExaminedApi, own: OwnAuthorizer) -> Iterator[Mistake]:
    function = own.function
    qualifier = ("--qualifier", function.arn.qualifier) if function.arn.qualifier else ()
    statements = _statements(function)
    source_arn = _source_arn(examined, own.authorizer) if statements else ""
    for statement in statements:
        if statement.is_open(source_arn):
            remove = function.command("remove-permission", *qualifier, "--statement-id", statement.statement_id)
            yield Mistake(
                f"statement {statement.statement_id} of its policy has no source ARN and no source account, or one "
                "whose wildcards match the APIs of every account",
                "Others can invoke the function with any certificate, without its key, and learn which are allowed.",
                "Permit this authorizer, and the authorizers of other APIs that use the function, before you remove it",
                (_permit(examined, own), remove),
                str(function),
            )


def _for_each(
    make: Callable[[ExaminedApi, OwnAuthorizer], Iterator[Mistake | str]], examined: ExaminedApi
) -> Iterator[Mistake | str]:
    for each in examined.authorizers:
        for result in make(examined, each):
            if isinstance(result, str):
                yield result
            else:
                yield result._replace(subject=result.subject or str(each.authorizer))


AUTHORIZER_CHECKS: Checks[ExaminedApi] = {
    Check.AUTHORIZER: _authorizer,
    Check.AUTHORIZER_TYPE: partial(_for_each, _type),
    Check.IDENTITY_SOURCES: partial(_for_each, _identity_sources),
    Check.REQUIRED_IDENTITY_SOURCE: partial(_for_each, _required_identity_source),
    Check.CACHED_SIMPLE_RESPONSES: partial(_for_each, _cached_simple_responses),
    Check.CACHED_DOMAIN_NAMES: partial(_for_each, _cached_domain_names),
    Check.RESPONSE_FORMAT: partial(_for_each, _response_format),
    Check.INVOKE_PERMISSION: partial(_for_each, _invoke_permission),
    Check.OPEN_INVOKE_PERMISSION: partial(_for_each, _open_invoke_permission),
}
"""The checks of an API's authorizers."""
