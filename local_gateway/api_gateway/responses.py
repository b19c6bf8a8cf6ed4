"""The responses to the client: API Gateway's own, and the function's."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from local_gateway.api_gateway.api import ApiKind


class GatewayResponse(Enum):
    """The responses that API Gateway creates itself."""

    NO_ROUTE = auto()
    URI_TOO_LONG = auto()
    UNAUTHORIZED = auto()
    EXPLICIT_DENY = auto()
    IMPLICIT_DENY = auto()
    AUTHORIZER_FAILURE = auto()
    """The authorizer raised."""
    AUTHORIZER_CONFIGURATION_ERROR = auto()
    """The authorizer's response is malformed."""
    INTEGRATION_FAILURE = auto()
    """The function raised, or its response is malformed."""


class MalformedResponseError(ValueError):
    """A response of a function that API Gateway cannot convert to an HTTP response."""


# The names of the keys differ as they do on AWS.
_REST_RESPONSES: Mapping[GatewayResponse, tuple[HTTPStatus, dict[str, str | None]]] = {
    GatewayResponse.NO_ROUTE: (HTTPStatus.FORBIDDEN, {"message": "Missing Authentication Token"}),
    GatewayResponse.URI_TOO_LONG: (HTTPStatus.REQUEST_URI_TOO_LONG, {"message": "Request-URI Too Long"}),
    GatewayResponse.UNAUTHORIZED: (HTTPStatus.UNAUTHORIZED, {"message": "Unauthorized"}),
    GatewayResponse.EXPLICIT_DENY: (
        HTTPStatus.FORBIDDEN,
        {"Message": "User is not authorized to access this resource with an explicit deny"},
    ),
    GatewayResponse.IMPLICIT_DENY: (
        HTTPStatus.FORBIDDEN,
        {"Message": "User is not authorized to access this resource"},
    ),
    GatewayResponse.AUTHORIZER_FAILURE: (HTTPStatus.INTERNAL_SERVER_ERROR, {"message": None}),
    GatewayResponse.AUTHORIZER_CONFIGURATION_ERROR: (HTTPStatus.INTERNAL_SERVER_ERROR, {"message": None}),
    GatewayResponse.INTEGRATION_FAILURE: (HTTPStatus.BAD_GATEWAY, {"message": "Internal server error"}),
}
_STATUSES = range(100, 600)
# HTTP APIs use the same status and its phrase as the message, except for these.
_HTTP_STATUSES = {
    GatewayResponse.NO_ROUTE: HTTPStatus.NOT_FOUND,
    GatewayResponse.INTEGRATION_FAILURE: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def gateway_response(kind: ApiKind, response: GatewayResponse) -> Response:
    """Return one of API Gateway's own responses, as an API of this kind sends it."""
    status, body = _REST_RESPONSES[response]
    if kind is not ApiKind.REST:
        status = _HTTP_STATUSES.get(response, status)
        body = {"message": status.phrase}
    return _json_response(body, status)


def integration_response(kind: ApiKind, answer: object) -> Response:
    """Return the HTTP response for a function's response. Raises MalformedResponseError.

    For an HTTP API, a response without ``statusCode`` is a JSON body; for a REST API it is an error.
    """
    if kind is not ApiKind.REST and not (isinstance(answer, Mapping) and "statusCode" in answer):
        return _json_response(answer, HTTPStatus.OK)
    try:
        return _proxy_response(_object(answer), "application/json" if kind is ApiKind.REST else "text/plain")
    except (LookupError, TypeError, ValueError) as error:
        message = f"the function's response is malformed: {error!r}"
        raise MalformedResponseError(message) from error


def _proxy_response(answer: Mapping[str, Any], default_content_type: str) -> Response:
    """Convert the fields of a proxy integration's response. Raises LookupError, TypeError and ValueError."""
    status = int(answer["statusCode"])
    if status not in _STATUSES:
        message = f"statusCode is {status}"
        raise ValueError(message)
    headers = Headers({"Content-Type": default_content_type})
    for name, value in _object(answer.get("headers") or {}).items():
        headers[name] = str(value)
    for name, values in _object(answer.get("multiValueHeaders") or {}).items():
        headers.setlist(name, map(str, values))
    for cookie in answer.get("cookies") or ():
        headers.add("Set-Cookie", cookie)
    return Response(_body(answer), status, headers)


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body") or ""
    if not isinstance(body, str):
        message = "body is not a string"
        raise TypeError(message)
    return base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        message = f"an object is needed, not {value!r}"
        raise TypeError(message)
    return value


def _json_response(body: object, status: HTTPStatus) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
