"""An Application Load Balancer and CloudFront, as a function behind them sees them: by the headers that they add."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from werkzeug.wrappers import Response

from client_certificate_auth.testing import alb_event, alb_headers, cloudfront_headers
from local_gateway.api_gateway.api import ApiKind
from local_gateway.api_gateway.events import ClientRequest, read_request
from local_gateway.api_gateway.functions import FunctionError, LambdaFunction, invoke
from local_gateway.api_gateway.responses import MalformedResponseError, integration_response
from local_gateway.server import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment


class FrontDoorKind(StrEnum):
    """The front doors of a function, or of its API, other than a custom domain of API Gateway."""

    ALB_VERIFY = "ALB, verify"
    """An Application Load Balancer that verifies client certificates and rejects others."""

    ALB_PASSTHROUGH = "ALB, passthrough"
    """An Application Load Balancer that passes clients' chains on without verification."""

    CLOUDFRONT = "CloudFront"
    """A distribution in front of an HTTP API. Mutual TLS is optional: it verifies certificates, but requires none."""


PEM_HEADERS = {
    FrontDoorKind.ALB_VERIFY: "X-Amzn-Mtls-Clientcert-Leaf",
    FrontDoorKind.ALB_PASSTHROUGH: "X-Amzn-Mtls-Clientcert",
    FrontDoorKind.CLOUDFRONT: "CloudFront-Viewer-Cert-Pem",
}
"""The header that contains the certificate."""

_PREFIXES = ("x-amzn-mtls-clientcert", "cloudfront-viewer-cert-")

Origin: TypeAlias = "Callable[[ClientRequest], Response]"


class FrontDoor:
    """A front door as a WSGI application (PEP 3333), for Werkzeug's server."""

    def __init__(self, kind: FrontDoorKind, origin: Origin) -> None:
        self._kind = kind
        self._origin = origin

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self.answer(read_request(environ))(environ, start_response)

    def answer(self, request: ClientRequest) -> Response:
        """Return the origin's response. The origin receives the certificate in headers only.

        The client's own headers of these names are dropped. Whether AWS does so is not documented.
        """
        headers = {name: value for name, value in request.headers.items() if not name.lower().startswith(_PREFIXES)}
        headers |= certificate_headers(self._kind, request.certificate_pem)
        return self._origin(replace(request, headers=headers, certificate_pem=None))


def lambda_target(function: LambdaFunction) -> Origin:
    """Return the origin that is a load balancer's target group with a function."""

    def answer(request: ClientRequest) -> Response:
        try:
            # Load balancers require the same of a function's response as REST APIs.
            return integration_response(ApiKind.REST, invoke(function, alb_event(None, request)))
        except (FunctionError, MalformedResponseError) as error:
            logger.warning("load balancer: %s", error)
            return Response(status=502)

    return answer


def forged_header(kind: object, pem: str) -> dict[str, str]:
    """Return the header in which a client sends a certificate whose key it does not have. Empty for APIs."""
    return {PEM_HEADERS[kind]: quote(pem, safe="+=/")} if isinstance(kind, FrontDoorKind) else {}


def certificate_headers(kind: FrontDoorKind, pem: str | None) -> dict[str, str]:
    """Return the headers that a front door adds for a certificate in PEM (RFC 7468 §5), or for none.

    The chain of a client of the local gateway is its certificate alone.
    """
    if kind is FrontDoorKind.CLOUDFRONT:
        return cloudfront_headers(pem)
    return alb_headers(pem, "verify" if kind is FrontDoorKind.ALB_VERIFY else "passthrough")
