"""An API: its kind, its stage, its routes and its authorizer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from client_certificate_auth.testing import Endpoint

if TYPE_CHECKING:
    from local_gateway.api_gateway.functions import LambdaFunction

_ANY = "ANY"
_GREEDY = "/{proxy+}"


class ApiKind(StrEnum):
    """The kinds of APIs, by the events that they send to an authorizer and the responses that they accept."""

    REST = "REST API"
    """Sends REST events, accepts IAM policies."""

    HTTP_IAM = "HTTP API, IAM"
    """Sends payload 2.0, accepts IAM policies."""

    HTTP_SIMPLE = "HTTP API, simple"
    """Sends payload 2.0, accepts simple responses."""


class Route(NamedTuple):
    """A method and a path that a function answers.

    ``method`` may be ``ANY``. ``path``, which is called *resource* in REST APIs, may end with ``{proxy+}``, which
    matches one or more segments. ``authorized`` is whether the authorizer is invoked first.
    """

    method: str
    path: str
    function: LambdaFunction
    authorized: bool = True

    @property
    def key(self) -> str:
        """The ``routeKey`` of an HTTP API: ``GET /hello``."""
        return f"{self.method} {self.path}"


class RouteMatch(NamedTuple):
    """The route of a request, and the values of its path's variables."""

    route: Route
    path_parameters: dict[str, str]


class Caching(NamedTuple):
    """The identity sources of an authorizer, in the spelling of HTTP APIs, and for how long responses are cached."""

    identity_sources: tuple[str, ...] = ()
    ttl_seconds: float = 0


NO_CACHING = Caching()


@dataclass(frozen=True)
class Api:
    """An API with one stage. The first route that matches a request is used."""

    kind: ApiKind
    api_id: str
    stage: str
    authorizer: LambdaFunction
    routes: tuple[Route, ...]
    caching: Caching = NO_CACHING

    def match(self, method: str, path: str) -> RouteMatch | None:
        """Find the route of a request. ``path`` is as sent: an encoded slash is not a separator."""
        for route in self.routes:
            parameters = _match_path(route.path, path)
            if route.method in {method, _ANY} and parameters is not None:
                return RouteMatch(route, parameters)
        return None

    def event_path(self, path: str) -> str:
        """Return a path as it is in the events of this API. ``path`` is as sent.

        REST APIs leave it percent-encoded and HTTP APIs decode it: not documented, but seen on live APIs.
        """
        return path if self.kind is ApiKind.REST else unquote(path)

    def request_arn(self, method: str, path: str) -> str:
        """Return the ``methodArn`` or ``routeArn`` of a request. The path, as sent, is chosen by the client."""
        return Endpoint(self.api_id, self.stage).request_arn(method, self.event_path(path))


def _match_path(pattern: str, path: str) -> dict[str, str] | None:
    """Return the path's variables by name, None if the path does not match."""
    if not pattern.endswith(_GREEDY):
        return {} if path == pattern else None
    prefix = pattern.removesuffix(_GREEDY) + "/"
    rest = path.removeprefix(prefix)
    return {"proxy": unquote(rest)} if path.startswith(prefix) and rest else None
