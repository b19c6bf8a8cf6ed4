"""The three sample APIs, the other front doors, and what serves them."""

from __future__ import annotations

import json
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
from local_gateway.front_doors import FrontDoor, FrontDoorKind, lambda_target
from local_gateway.partner import fetch_crl, publish
from local_gateway.pki import LOOPBACK
from local_gateway.server import serve
from local_gateway.tls import (
    custom_domain_context,
    default_endpoint_context,
    optional_context,
    passthrough_context,
)
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import ResponseFormat, load_settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from local_gateway.pki import Pki

_RULES = [
    {
        "name": "acme-reader",
        "match": {"common_name": ["reader", "blocked"], "organization": "Acme"},
        "allow": ["GET /hello", "GET /hello/public/*"],
        "context": {"tenant": "acme"},
    },
    {"name": "acme", "match": {"organization": "Acme"}, "allow": ["GET /hello/public/*"]},
]
_DENY = {"common_name": "blocked", "organization": "Acme"}

ENVIRONMENT = {
    "ALLOWED_COMMON_NAMES": "authorized-client, admin",
    "ALLOWED_ORGANIZATIONAL_UNITS": "Payments",
    "ALLOWLIST_MATCH": "any",
    "AUTHORIZER_RULES": json.dumps({"rules": _RULES, "deny": _DENY}),
}
"""The environment variables of the sample APIs' authorizers, but for RESPONSE_FORMAT, and for revocation."""

CRL_REFRESH_SECONDS = 2

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
    """One API, or another front door, that is being served, on loopback."""

    kind: ApiKind | FrontDoorKind
    mutual_tls_port: int
    """Asks for client certificates."""
    default_endpoint_port: int | None = None
    """Asks for none, as an API's default execute-api endpoint, which stays open until it is disabled."""
    authorizer: CountedFunction | None = None

    def url(self, path: str, *, mutual_tls: bool = True) -> str:
        """Return the URL of a path."""
        port = self.mutual_tls_port if mutual_tls else self.default_endpoint_port
        return f"https://{LOOPBACK}:{port}{path}"


def sample_api(kind: ApiKind, authorizer: LambdaFunction | None = None) -> Api:
    """Return a sample API, with the real authorizer unless there is another one."""
    api_id, stage = _IDS_AND_STAGES[kind]
    return Api(kind, api_id, stage, authorizer or sample_authorizer(kind), ROUTES)


def environment(pki: Pki) -> dict[str, str]:
    """Return the environment variables with those for revocation, and with a rule for the key of the CA."""
    match = {"common_name": "pinned-ca", "issuer_key": pki.client_ca_fingerprint}
    by_key = {"name": "pinned-ca", "match": match, "allow": ["GET /hello"]}
    crls = [crl.absolute().as_uri() for crl in (pki.revocation_list, pki.fetched_crl)]
    return {
        **ENVIRONMENT,
        "AUTHORIZER_RULES": json.dumps({"rules": [*_RULES, by_key], "deny": _DENY}),
        "CRL_URIS": ",".join([*crls, f"{pki.partitions.absolute().as_uri()}/"]),
        "TRUSTSTORE_URI": pki.stored_truststore.absolute().as_uri(),
        "CRL_REFRESH_SECONDS": str(CRL_REFRESH_SECONDS),
    }


def sample_authorizer(kind: ApiKind, pki: Pki | None = None) -> LambdaFunction:
    """Return the authorizer as it is configured for a sample API of a kind: without a PKI, it checks no revocation."""
    response_format = ResponseFormat.SIMPLE if kind is ApiKind.HTTP_SIMPLE else ResponseFormat.IAM
    variables = ENVIRONMENT if pki is None else environment(pki)
    authorize = Authorizer(load_settings({**variables, "RESPONSE_FORMAT": response_format})).authorize
    return lambda event, _context: authorize(event)


@contextmanager
def deploy(pki: Pki, first_port: int = 0) -> Iterator[list[Endpoint]]:
    """Serve a sample API of each kind, on two ports each, and the other front doors, on one each, and yield where.

    Serves while the block runs, and fetches the CRL of a partner before. The ports are the nine from ``first_port`` on,
    with free ones for those that are taken; 0 for free ones only.
    """
    ports = count(first_port) if first_port else repeat(0)
    with ExitStack() as servers:
        fetch_crl(servers.enter_context(publish(pki.published_crl)), pki)
        endpoints = []
        for kind in ApiKind:
            authorizer = CountedFunction(sample_authorizer(kind, pki))
            gateway = Gateway(sample_api(kind, authorizer))
            custom_domain = servers.enter_context(serve(gateway, custom_domain_context(pki), next(ports)))
            default_endpoint = servers.enter_context(serve(gateway, default_endpoint_context(pki), next(ports)))
            endpoints.append(Endpoint(kind, custom_domain, default_endpoint, authorizer))
        for front_kind, (front_door, context) in _front_doors(pki).items():
            endpoints.append(Endpoint(front_kind, servers.enter_context(serve(front_door, context, next(ports)))))
        yield endpoints


def _front_doors(pki: Pki) -> dict[FrontDoorKind, tuple[FrontDoor, ssl.SSLContext]]:
    """Return the other front doors, each before a function that uses the layer, with their TLS."""
    hello = Route("GET", "/hello", behind_cloudfront.handler, authorized=False)
    origins = {
        FrontDoorKind.ALB_VERIFY: lambda_target(behind_an_alb.handler),
        FrontDoorKind.ALB_PASSTHROUGH: lambda_target(behind_an_alb_in_passthrough.make_handler(pki.truststore)),
        FrontDoorKind.CLOUDFRONT: Gateway(
            replace(sample_api(ApiKind.HTTP_IAM), api_id="httpapi003", routes=(hello,))
        ).answer,
    }
    contexts = {
        FrontDoorKind.ALB_VERIFY: custom_domain_context(pki),
        FrontDoorKind.ALB_PASSTHROUGH: passthrough_context(pki),
        FrontDoorKind.CLOUDFRONT: optional_context(pki),
    }
    return {kind: (FrontDoor(kind, origin), contexts[kind]) for kind, origin in origins.items()}
