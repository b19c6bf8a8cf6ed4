"""The answer to the page's question: the handshake, the response, the log, and what ``explain`` says."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from examples import behind_the_authorizer
from local_gateway.api_gateway.api import Api, ApiKind, Route, RouteMatch
from local_gateway.api_gateway.events import ClientRequest, authorizer_event
from local_gateway.deployment import authorizer_variables
from local_gateway.front_doors import FrontDoorKind, forged_header
from local_gateway.observation import observed_log, unlogged
from local_gateway.server import LOOPBACK
from local_gateway.tls import client_context
from mtls_authorizer.request.event import read_request
from mtls_authorizer_cli.configuration.loading import load_configuration, read_truststore_of_domain
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.question import Question, read_certificate
from mtls_authorizer_cli.explanation.report.json_document import as_json
from mtls_authorizer_cli.explanation.result import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_gateway.configuration import Configuration
    from local_gateway.page.inquiry import Inquiry
    from local_gateway.page.overview import Overview
    from local_gateway.pki.certificates import Pki

_TIMEOUT_SECONDS = 10
_LONGEST_BODY = 10_000
_NO_ROUTE = RouteMatch(Route("ANY", "/{proxy+}", behind_the_authorizer.handler), {})
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({})))


class Handshake(NamedTuple):
    """A TLS handshake. It is ``performed`` if the local gateway has the client's key, else concluded."""

    performed: bool
    accepted: bool
    text: str


def inspect(inquiry: Inquiry, overview: Overview, pki: Pki) -> dict[str, object]:
    """Return the answer as a JSON object. Raises CommandError."""
    request = _request(inquiry, pki)
    api = overview.api(inquiry.endpoint)
    match = api.match(request.method, request.path) if isinstance(inquiry.endpoint.kind, ApiKind) else None
    is_authorized = match is not None and match.route.authorized
    with unlogged():
        explanation = _explain(api, match or _NO_ROUTE, request, overview.configuration)
    handshake = _shake_hands(inquiry, pki, explanation["api_gateway"])
    status, body, records = _send(inquiry, request) if handshake.accepted else (None, "", [])
    return {
        "request": f"{inquiry.method} {inquiry.path}",
        "kind": inquiry.endpoint.kind,
        "handshake": handshake._asdict(),
        "status": status,
        "body": body[:_LONGEST_BODY],
        "not_invoked": _why_not_invoked(inquiry, match, handshake),
        "explanation": explanation if is_authorized else None,
        "log": [_log_entry(record) for record in records],
        "notes": inquiry.notes,
    }


def _request(inquiry: Inquiry, pki: Pki) -> ClientRequest:
    path, _, query = inquiry.path.partition("?")
    headers = {"Host": f"{LOOPBACK}:{inquiry.endpoint.mutual_tls_port}"}
    if inquiry.header_client is not None:
        headers |= forged_header(inquiry.endpoint.kind, pki.certificate(inquiry.header_client))
    pem = pki.certificate(inquiry.client) if inquiry.client else inquiry.pem
    return ClientRequest(
        inquiry.method, path, query, headers=headers, certificate_pem=pem if inquiry.mutual_tls else None
    )


def _explain(api: Api, match: RouteMatch, request: ClientRequest, configuration: Configuration) -> dict[str, Any]:
    """Return what ``mtls-authorizer explain --json`` prints for the event that the authorizer receives.

    Raises CommandError for documents that cannot be read any more.
    """
    variables, pem = authorizer_variables(api.kind, configuration.variables), request.certificate_pem
    loaded, certificate = load_configuration(variables, None), read_certificate(pem)
    settings, policy = loaded.settings, loaded.policy(None if isinstance(certificate, str) else certificate)
    event = read_request(authorizer_event(api, match, request))
    # It may be the user's own, which can change.
    truststore, _ = read_truststore_of_domain(str(configuration.stored_truststore.absolute()), settings)
    question = Question(pem, settings, policy, event, route_asked=True, now=datetime.now(UTC), truststore=truststore)
    explained: dict[str, Any] = json.loads(as_json(Report(explain(question))))
    return explained


def _shake_hands(inquiry: Inquiry, pki: Pki, api_gateway: Mapping[str, Any]) -> Handshake:
    if inquiry.pem is not None and inquiry.mutual_tls and inquiry.endpoint.kind is not FrontDoorKind.ALB_PASSTHROUGH:
        failed = [check for check in api_gateway["checks"] if check["verdict"] == Verdict.FAILED]
        # A certificate that cannot be checked is not accepted either.
        problem = f"{failed[0]['name']}: {failed[0]['has']}" if failed else api_gateway["skipped"]
        return Handshake(performed=False, accepted=problem is None, text=problem or "chains to the truststore")
    port = inquiry.endpoint.mutual_tls_port if inquiry.mutual_tls else inquiry.endpoint.default_endpoint_port
    try:
        with (
            socket.create_connection((LOOPBACK, port), _TIMEOUT_SECONDS) as plain,
            client_context(pki, inquiry.client).wrap_socket(plain, server_hostname=LOOPBACK) as connection,
        ):
            return Handshake(performed=True, accepted=True, text=str(connection.version()))
    except ssl.SSLError as error:
        # As curl with OpenSSL prints it.
        return Handshake(performed=True, accepted=False, text=str(error.reason).replace("_", " ").lower())
    except ConnectionResetError:
        # A server that rejects the certificate may close the connection before the client has read the alert.
        return Handshake(performed=True, accepted=False, text="connection reset")


def _send(inquiry: Inquiry, request: ClientRequest) -> tuple[int, str, list[logging.LogRecord]]:
    """Return status, body and logged decisions. The request goes straight to the API, which needs no key."""
    with observed_log() as records:
        response = inquiry.endpoint.application.answer(request)
    # Other clients may send requests at the same time, and the authorizer may reload documents.
    own = [record for record in records if record.thread == threading.get_ident() and hasattr(record, "decision")]
    return response.status_code, response.get_data(as_text=True), own


def _why_not_invoked(inquiry: Inquiry, match: RouteMatch | None, handshake: Handshake) -> str | None:
    if not handshake.accepted:
        return "The handshake is rejected. The checks show what the authorizer would decide."
    if isinstance(inquiry.endpoint.kind, FrontDoorKind):
        return f"Behind {inquiry.endpoint.kind} there is a function with the layer, and no authorizer."
    if match is None:
        return "The API has no such route, so API Gateway responds by itself."
    return None if match.route.authorized else "The route has no authorizer: its function uses the layer."


def _log_entry(record: logging.LogRecord) -> dict[str, object]:
    """Return a log entry with the fields that the authorizer adds."""
    added = {key: value for key, value in vars(record).items() if key not in _STANDARD_ATTRIBUTES}
    return {"level": record.levelname, "message": record.getMessage(), **added}
