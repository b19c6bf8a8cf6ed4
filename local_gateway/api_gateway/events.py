"""The events of the local gateway's APIs, which are those that the layer creates for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from client_certificate_auth.testing import (
    Endpoint,
    Event,
    http_api_authorizer_event,
    http_api_event,
    rest_api_authorizer_event,
    rest_api_event,
)
from local_gateway.api_gateway.api import Api, ApiKind, RouteMatch

if TYPE_CHECKING:
    from local_gateway.api_gateway.client_request import ClientRequest
    from local_gateway.api_gateway.policy import Authorization


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
