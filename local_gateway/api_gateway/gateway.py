"""The gateway: the path of a request through an API, from the authorizer to the function and back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from local_gateway.api_gateway.api import Api, ApiKind, RouteMatch
from local_gateway.api_gateway.caching import ResponseCache, read_identity
from local_gateway.api_gateway.events import ClientRequest, authorizer_event, integration_event, read_request
from local_gateway.api_gateway.functions import FunctionError, invoke
from local_gateway.api_gateway.policy import Authorization, Effect, MalformedAuthorizationError, evaluate_response
from local_gateway.api_gateway.responses import (
    GatewayResponse,
    MalformedResponseError,
    gateway_response,
    integration_response,
)
from local_gateway.server import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from werkzeug.wrappers import Response

LONGEST_ARN = 1600
"""In bytes. To a longer request, API Gateway responds with 414."""

UNAUTHORIZED_BY_HTTP_API = {"errorMessage": "Unauthorized"}
"""The response of an authorizer without identity sources for which an HTTP API responds with 401."""

_DENIALS = {
    Effect.EXPLICIT_DENY: GatewayResponse.EXPLICIT_DENY,
    Effect.IMPLICIT_DENY: GatewayResponse.IMPLICIT_DENY,
}


class Gateway:
    """An API as a WSGI application (PEP 3333), for Werkzeug's server."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        """Serve an API. ``clock``, for the cache of the authorizer's responses, returns seconds and never goes back."""
        self.api = api
        self._cache = ResponseCache(api.caching.ttl_seconds, clock)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self.answer(read_request(environ))(environ, start_response)

    def answer(self, request: ClientRequest) -> Response:
        """Call the route's authorizer, if it has one, and the function if that allows the request. Raises nothing."""
        try:
            return self._forward(request)
        except _Stopped as stopped:
            if stopped.detail:
                logger.warning("%s: %s: %s", self.api.kind, stopped.response.name, stopped.detail)
            return gateway_response(self.api.kind, stopped.response)

    def _forward(self, request: ClientRequest) -> Response:
        match = self.api.match(request.method, request.path)
        if match is None:
            raise _Stopped(GatewayResponse.NO_ROUTE)
        if len(self.api.request_arn(request.method, request.path).encode()) > LONGEST_ARN:
            raise _Stopped(GatewayResponse.URI_TOO_LONG)
        authorization = self._authorize(match, request) if match.route.authorized else None
        event = integration_event(self.api, match, request, authorization)
        try:
            return integration_response(self.api.kind, invoke(match.route.function, event))
        except (FunctionError, MalformedResponseError) as error:
            raise _Stopped(GatewayResponse.INTEGRATION_FAILURE, str(error)) from error

    def _authorize(self, match: RouteMatch, request: ClientRequest) -> Authorization:
        """Return the authorization, which allows the request. Raises _Stopped."""
        authorization = self._authorization(match, request)
        if authorization.effect is not Effect.ALLOW:
            raise _Stopped(_DENIALS[authorization.effect])
        return authorization

    def _authorization(self, match: RouteMatch, request: ClientRequest) -> Authorization:
        identity = read_identity(self.api.caching.identity_sources, match, request)
        if identity is None:
            raise _Stopped(GatewayResponse.UNAUTHORIZED)
        cached = self._cache.get(identity)
        try:
            response = cached
            if cached is None:
                response = invoke(self.api.authorizer, authorizer_event(self.api, match, request, identity))
            if response == UNAUTHORIZED_BY_HTTP_API and self.api.kind is not ApiKind.REST and not identity:
                raise _Stopped(GatewayResponse.UNAUTHORIZED)
            authorization = evaluate_response(
                response, self.api.kind, self.api.request_arn(request.method, request.path)
            )
        except FunctionError as error:
            # How HTTP APIs handle this message is not documented, so nothing may depend on it there.
            if self.api.kind is ApiKind.REST and str(error) == "Unauthorized":
                raise _Stopped(GatewayResponse.UNAUTHORIZED) from error
            raise _Stopped(GatewayResponse.AUTHORIZER_FAILURE, str(error)) from error
        except MalformedAuthorizationError as error:
            raise _Stopped(GatewayResponse.AUTHORIZER_CONFIGURATION_ERROR, str(error)) from error
        if cached is None:
            self._cache.put(identity, response)
        return authorization


class _Stopped(Exception):  # noqa: N818 -- most requests that stop here are no error
    """The gateway responds by itself. ``detail`` is for the operator of the API, never for the client."""

    def __init__(self, response: GatewayResponse, detail: str | None = None) -> None:
        super().__init__(response.name)
        self.response = response
        self.detail = detail
