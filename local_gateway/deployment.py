"""The three sample APIs, and what serves them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from itertools import count, repeat
from typing import TYPE_CHECKING, NamedTuple

from examples import behind_the_authorizer, layer_only
from local_gateway.api import Api, ApiKind, Route
from local_gateway.functions import CountedFunction, LambdaFunction
from local_gateway.gateway import Gateway
from local_gateway.pki import LOOPBACK
from local_gateway.server import serve
from local_gateway.tls import custom_domain_context, default_endpoint_context
from mtls_authorizer.authorizer import make_authorizer
from mtls_authorizer.configuration import ResponseFormat, load_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_gateway.pki import Pki

ENVIRONMENT = {
    "ALLOWED_COMMON_NAMES": "authorized-client, admin",
    "ALLOWED_ORGANIZATIONAL_UNITS": "Payments",
    "ALLOWLIST_MATCH": "any",
}
"""The environment variables of the sample APIs' authorizers, but for RESPONSE_FORMAT."""

ROUTES = (
    Route("GET", "/hello", behind_the_authorizer.handler),
    Route("ANY", "/hello/{proxy+}", behind_the_authorizer.handler),
    Route("GET", "/layer-only", layer_only.handler, authorized=False),
)

# API IDs are ten lower-case letters and digits. An HTTP API's default stage is the literal $default.
_IDS_AND_STAGES = {
    ApiKind.REST: ("restapi001", "prod"),
    ApiKind.HTTP_IAM: ("httpapi001", "$default"),
    ApiKind.HTTP_SIMPLE: ("httpapi002", "$default"),
}


class Endpoint(NamedTuple):
    """One API that is being served, on loopback."""

    kind: ApiKind
    custom_domain_port: int
    """Demands client certificates."""
    default_endpoint_port: int
    """Asks for none, as the default execute-api endpoint, which stays open until it is disabled."""
    authorizer: CountedFunction

    def url(self, path: str, *, mutual_tls: bool = True) -> str:
        """Return the URL of a path."""
        port = self.custom_domain_port if mutual_tls else self.default_endpoint_port
        return f"https://{LOOPBACK}:{port}{path}"


def sample_api(kind: ApiKind, authorizer: LambdaFunction | None = None) -> Api:
    """Return a sample API, with the real authorizer unless there is another one."""
    api_id, stage = _IDS_AND_STAGES[kind]
    return Api(kind, api_id, stage, authorizer or sample_authorizer(kind), ROUTES)


def sample_authorizer(kind: ApiKind) -> LambdaFunction:
    """Return the authorizer as it is configured for a sample API of a kind."""
    response_format = ResponseFormat.SIMPLE if kind is ApiKind.HTTP_SIMPLE else ResponseFormat.IAM
    authorize = make_authorizer(load_configuration({**ENVIRONMENT, "RESPONSE_FORMAT": response_format}))
    return lambda event, _context: authorize(event)


@contextmanager
def deploy(pki: Pki, first_port: int = 0) -> Iterator[list[Endpoint]]:
    """Serve a sample API of each kind while the block runs, each on two ports, and yield where.

    The ports are the six from ``first_port`` on, with free ones for those that are taken; 0 for free ones only.
    """
    ports = count(first_port) if first_port else repeat(0)
    with ExitStack() as servers:
        endpoints = []
        for kind in ApiKind:
            authorizer = CountedFunction(sample_authorizer(kind))
            gateway = Gateway(sample_api(kind, authorizer))
            custom_domain = servers.enter_context(serve(gateway, custom_domain_context(pki), next(ports)))
            default_endpoint = servers.enter_context(serve(gateway, default_endpoint_context(pki), next(ports)))
            endpoints.append(Endpoint(kind, custom_domain, default_endpoint, authorizer))
        yield endpoints
