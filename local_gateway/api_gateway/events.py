"""A request that was received over TLS, and the events of the sample APIs for it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from werkzeug import wrappers

from client_certificate_auth.testing import (
    Endpoint,
    Event,
    Request,
    http_api_authorizer_event,
    http_api_event,
    rest_api_authorizer_event,
    rest_api_event,
)
from local_gateway.api_gateway.api import Api, ApiKind, RouteMatch

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from local_gateway.api_gateway.policy import Authorization


@dataclass(frozen=True)
class ClientRequest(Request):
    """A client's HTTP request with the certificate of its TLS connection in PEM (RFC 7468 §5), if there is one."""

    headers: dict[str, str] = field(default_factory=dict)
    source_ip: str = "127.0.0.1"
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    certificate_pem: str | None = None


def read_request(environ: WSGIEnvironment) -> ClientRequest:
    """Read a request from Werkzeug's server.

    The server takes the certificate from the connection. A client cannot set it with a header: headers become
    ``HTTP_…``.
    """
    request = wrappers.Request(environ)
    # PATH_INFO is already decoded, so that %2F in it cannot be distinguished from a slash (RFC 3875 §4.1.5).
    path, _, query = environ["REQUEST_URI"].partition("?")
    return ClientRequest(
        method=request.method,
        path=path,
        query=query,
        headers=dict(request.headers),
        body=request.get_data(),
        protocol=environ["SERVER_PROTOCOL"],
        source_ip=environ["REMOTE_ADDR"],
        certificate_pem=environ.get("SSL_CLIENT_CERT"),
    )


def authorizer_event(api: Api, match: RouteMatch, request: ClientRequest, identity: tuple[str, ...] = ()) -> Event:
    """Return the event of a REQUEST authorizer: for a REST API, or payload 2.0 for an HTTP API.

    ``identity`` contains the values of the authorizer's identity sources.
    """
    pem, endpoint = request.certificate_pem, _endpoint(api, match)
    if api.kind is ApiKind.REST:
        return rest_api_authorizer_event(pem, request, endpoint)
    return http_api_authorizer_event(pem, request, endpoint, identity_source=identity)


def integration_event(
    api: Api, match: RouteMatch, request: ClientRequest, authorization: Authorization | None
) -> Event:
    """Return the event of a function: for a REST API, or payload 2.0 for an HTTP API.

    ``authorization``, None if the authorizer was not invoked, becomes ``requestContext.authorizer``.
    """
    pem, endpoint = request.certificate_pem, _endpoint(api, match)
    if api.kind is ApiKind.REST:
        return rest_api_event(pem, request, endpoint, authorizer=authorization and _rest_context(authorization))
    return http_api_event(pem, request, endpoint, authorizer=authorization and authorization.context)


def _endpoint(api: Api, match: RouteMatch) -> Endpoint:
    return Endpoint(api.api_id, api.stage, match.route.path, match.route.method, match.path_parameters)


def _rest_context(authorization: Authorization) -> dict[str, object]:
    # REST APIs convert numbers and booleans to strings.
    strings = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in authorization.context.items()
    }
    return {**strings, "principalId": authorization.principal_id}
