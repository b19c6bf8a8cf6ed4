"""The three sample APIs and the other front doors, and the servers for them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count, repeat
from typing import TYPE_CHECKING, NamedTuple

from examples import (
    behind_an_alb,
    behind_an_alb_in_passthrough,
    behind_cloudfront,
    behind_the_authorizer,
    layer_only,
)
from local_gateway.api_gateway.api import Api, ApiKind, Route
from local_gateway.api_gateway.functions import CountedFunction, LambdaFunction
from local_gateway.api_gateway.gateway import Gateway
from local_gateway.configuration import SAMPLE_VARIABLES, Configuration, sample_configuration
from local_gateway.front_doors import FrontDoor, FrontDoorKind, lambda_target
from local_gateway.pki.partner import fetch_crl, publish
from local_gateway.server import LOOPBACK, serve
from local_gateway.tls import (
    custom_domain_context,
    default_endpoint_context,
    optional_context,
    passthrough_context,
)
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    from local_gateway.pki.certificates import Pki

ROUTES = (
    Route("GET", "/hello", behind_the_authorizer.handler),
    Route("ANY", "/hello/{proxy+}", behind_the_authorizer.handler),
    Route("GET", "/layer-only", layer_only.handler, authorized=False),
)

ALL_OTHER_ROUTES = (
    Route("ANY", "/", behind_the_authorizer.handler),
    Route("ANY", "/{proxy+}", behind_the_authorizer.handler),
)
"""With the user's own rules, which name other routes than the sample's, every request reaches the authorizer."""

# API IDs are ten lower-case letters and digits. An HTTP API's default stage is the literal $default.
_IDS_AND_STAGES = {
    ApiKind.REST: ("restapi001", "prod"),
    ApiKind.HTTP_IAM: ("httpapi001", "$default"),
    ApiKind.HTTP_SIMPLE: ("httpapi002", "$default"),
}

SERVERS = 9
"""The number of ports: two for each API, and one for each of the other front doors."""


class Endpoint(NamedTuple):
    """An API, or another front door, that is being served on loopback."""

    kind: ApiKind | FrontDoorKind
    application: Gateway | FrontDoor
    mutual_tls_port: int
    """Asks for client certificates."""
    default_endpoint_port: int | None = None
    """Does not ask for client certificates, like an API's default execute-api endpoint until that is disabled."""
    authorizer: CountedFunction | None = None

    def url(self, path: str, *, mutual_tls: bool = True) -> str:
        """Return the URL of a path."""
        port = self.mutual_tls_port if mutual_tls else self.default_endpoint_port
        return f"https://{LOOPBACK}:{port}{path}"


def sample_api(kind: ApiKind, authorizer: LambdaFunction | None = None) -> Api:
    """Return a sample API, with the real authorizer unless another one is given."""
    api_id, stage = _IDS_AND_STAGES[kind]
    return Api(kind, api_id, stage, authorizer or make_authorizer(kind, SAMPLE_VARIABLES), ROUTES)


def authorizer_variables(kind: ApiKind, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of the authorizer of an API, with the response format that the API requires."""
    response_format = "simple" if kind is ApiKind.HTTP_SIMPLE else "iam"
    return {**variables, "RESPONSE_FORMAT": response_format}


def make_authorizer(kind: ApiKind, variables: Mapping[str, str]) -> LambdaFunction:
    """Return the authorizer of an API."""
    authorize = Authorizer(load_settings(authorizer_variables(kind, variables))).authorize
    return lambda event, _context: authorize(event)


@contextmanager
def deploy(pki: Pki, first_port: int = 0, configuration: Configuration | None = None) -> Iterator[list[Endpoint]]:
    """Serve an API of each kind, on two ports each, and the other front doors, on one each, while the block runs.

    Yields where they are. The partner's CRL is fetched before. The ports are the nine from ``first_port`` on, with
    free ones for those that are taken; 0 for free ones only. The configuration is the sample's by default.
    """
    configured = configuration or sample_configuration(pki)
    ports = count(first_port) if first_port else repeat(0)
    with ExitStack() as servers:
        fetch_crl(servers.enter_context(publish(pki.published_crl)), pki)
        endpoints = []
        for kind in ApiKind:
            authorizer = CountedFunction(make_authorizer(kind, configured.variables))
            api = sample_api(kind, authorizer)
            if configured.own_variables:
                api = replace(api, routes=(*ROUTES, *ALL_OTHER_ROUTES))
            gateway = Gateway(api)
            context = custom_domain_context(pki, configured.truststore)
            custom_domain = servers.enter_context(serve(gateway, context, next(ports)))
            default_endpoint = servers.enter_context(serve(gateway, default_endpoint_context(pki), next(ports)))
            endpoints.append(Endpoint(kind, gateway, custom_domain, default_endpoint, authorizer))
        for front_kind, (front_door, context) in _front_doors(pki, configured).items():
            port = servers.enter_context(serve(front_door, context, next(ports)))
            endpoints.append(Endpoint(front_kind, front_door, port))
        yield endpoints


def _front_doors(pki: Pki, configuration: Configuration) -> dict[FrontDoorKind, tuple[FrontDoor, ssl.SSLContext]]:
    """Return the other front doors, each in front of a function that uses the layer, with their TLS."""
    hello = Route("GET", "/hello", behind_cloudfront.handler, authorized=False)
    truststore = configuration.truststore
    cloudfront = Gateway(replace(sample_api(ApiKind.HTTP_IAM), api_id="httpapi003", routes=(hello,)))
    passthrough = behind_an_alb_in_passthrough.make_handler(truststore)
    servers = {
        FrontDoorKind.ALB_VERIFY: (lambda_target(behind_an_alb.handler), custom_domain_context(pki, truststore)),
        FrontDoorKind.ALB_PASSTHROUGH: (lambda_target(passthrough), passthrough_context(pki, truststore)),
        FrontDoorKind.CLOUDFRONT: (cloudfront.answer, optional_context(pki, truststore)),
    }
    return {kind: (FrontDoor(kind, origin), context) for kind, (origin, context) in servers.items()}
