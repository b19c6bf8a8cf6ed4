"""Caching of an authorizer's responses, as AWS documents it for Lambda authorizers of type REQUEST.

The values of the identity sources are the cache key. A request without one of them gets 401, and the authorizer is not
invoked, whether or not responses are cached. A cached policy is evaluated for each request; a cached simple response
applies to every route.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from client_certificate_auth.testing import client_certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_gateway.api_gateway.api import RouteMatch
    from local_gateway.api_gateway.events import ClientRequest

Identity: TypeAlias = tuple[str, ...]
"""The values of the identity sources, in their order."""

_CLIENT_CERTIFICATE = "$context.identity.clientCert."
_HEADER = "$request.header."


def read_identity(identity_sources: tuple[str, ...], match: RouteMatch, request: ClientRequest) -> Identity | None:
    """Return the values of the identity sources; None if one of them is missing or empty. Raises ValueError."""
    values = [_value(source, match, request) for source in identity_sources]
    present = tuple(value for value in values if value)
    return present if len(present) == len(values) else None


class ResponseCache:
    """An authorizer's responses by identity. Safe for threads. ``clock`` returns seconds and never goes back."""

    def __init__(self, ttl_seconds: float, clock: Callable[[], float]) -> None:
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._responses: dict[Identity, tuple[float, object]] = {}

    def get(self, identity: Identity) -> object:
        """Return the response for an identity; None if there is none, or if it has expired."""
        with self._lock:
            expiry, response = self._responses.get(identity, (0, None))
        return response if self._clock() < expiry else None

    def put(self, identity: Identity, response: object) -> None:
        """Cache a response, unless caching is off. Without identity sources there is nothing to cache it by."""
        if identity and self._ttl_seconds:
            with self._lock:
                self._responses[identity] = (self._clock() + self._ttl_seconds, response)


def _value(source: str, match: RouteMatch, request: ClientRequest) -> str | None:
    if source.startswith(_CLIENT_CERTIFICATE):
        return _certificate_value(source.removeprefix(_CLIENT_CERTIFICATE), request)
    if source.startswith(_HEADER):
        headers = {name.lower(): value for name, value in request.headers.items()}
        return headers.get(source.removeprefix(_HEADER).lower())
    if source == "$context.routeKey":
        return match.route.key
    if source == "$context.domainName":
        return request.domain_name
    message = f"{source} is not an identity source that the local gateway knows"
    raise ValueError(message)


def _certificate_value(path: str, request: ClientRequest) -> str | None:
    value: object = {} if request.certificate_pem is None else client_certificate(request.certificate_pem)
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None
