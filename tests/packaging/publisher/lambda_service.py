"""moto's Lambda and SSM over HTTP on the loopback interface, with downloads of layers and with faults on demand.

Differences of moto 5.2 from Lambda: it has no download of a layer's content (its Location is ``s3://``), lists more
properties of a layer version, accepts two statements of the same name, and stores an organization as it was sent
instead of as a condition on ``aws:PrincipalOrgID``, which the responses here have.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.ssm.models import ssm_backends
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from tests.servers.wsgi_server import serve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

_OPERATIONS = {
    ("GET", "versions"): "ListLayerVersions",
    ("POST", "versions"): "PublishLayerVersion",
    ("GET", "version"): "GetLayerVersion",
    ("GET", "policy"): "GetLayerVersionPolicy",
    ("POST", "policy"): "AddLayerVersionPermission",
    ("DELETE", "statement"): "RemoveLayerVersionPermission",
    ("GET", "download"): "download",
}
_PATH = re.compile(
    r"/2018-10-31/layers/(?P<layer>[^/]+)/(?P<versions>versions)"
    r"(?P<version>/[0-9]+)?(?P<policy>/policy)?(?P<statement>/[^/]+)?|/(?P<download>download)/.+"
)


@dataclass
class Fault:
    """A response that replaces the service's for the next ``times`` requests for an operation in a region."""

    region: str
    operation: str
    status: int
    body: bytes
    times: int = 1_000_000


class LambdaError(NamedTuple):
    """One of Lambda's errors."""

    status: int
    code: str
    message: str

    def of(self, region: str, operation: str, times: int = 1_000_000) -> Fault:
        """Return a fault with this error."""
        body = json.dumps({"__type": self.code, "Message": self.message}).encode()
        return Fault(region, operation, self.status, body, times)


class LambdaService:
    """The service, with the calls that it received and its faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.calls: Counter[tuple[str, str]] = Counter()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a WSGI request."""
        request = Request(environ)
        if request.path == "/" and request.method == "GET":
            # No API has this, but the service can be reached.
            return Response(status=404)(environ, start_response)
        return self._answer(request)(environ, start_response)

    def reset(self) -> None:
        """Delete all layers, parameters, faults and calls."""
        lambda_backends.reset()
        ssm_backends.reset()
        self.faults.clear()
        self.calls.clear()

    def changes(self) -> Counter[tuple[str, str]]:
        """Return the number of calls of each changing operation in each region."""
        reads = ("Get", "List", "download")
        return Counter({call: count for call, count in self.calls.items() if not call[1].startswith(reads)})

    def layer_versions(self, region: str, layer: str) -> list[dict[str, Any]]:
        """Return a layer's versions, oldest first."""
        versions = lambda_backends[DEFAULT_ACCOUNT_ID][region].list_layer_versions(layer)
        return [version.get_layer_version() for version in versions]

    def statements(self, region: str, layer: str, version: int) -> list[dict[str, Any]]:
        """Return the policy of a layer version."""
        statements: list[dict[str, Any]] = (
            lambda_backends[DEFAULT_ACCOUNT_ID][region].get_layer_version(layer, str(version)).policy.statements
        )
        return statements

    def _answer(self, request: Request) -> Response:
        path = _PATH.fullmatch(request.path)
        if path:
            operation = _OPERATIONS[request.method, path.lastgroup or ""]
            region = request.path.split("/")[2] if path["download"] else _signed_region(request)
        else:
            operation = request.headers["X-Amz-Target"].removeprefix("AmazonSSM.")
            region = _signed_region(request)
        self.calls[region, operation] += 1
        for fault in self.faults:
            if (fault.region, fault.operation) == (region, operation) and fault.times:
                fault.times -= 1
                return Response(fault.body, fault.status, content_type="application/json")
        if operation == "download":
            return _download(*request.path.split("/")[2:])
        response = Response(*run_wsgi_app(self._moto, request.environ))
        if operation == "ListLayerVersions":
            return _without_content(response)
        if operation == "GetLayerVersionPolicy" and response.status_code == 200:
            return _with_conditions(response)
        if path and operation == "GetLayerVersion" and response.status_code == 200:
            return _with_location(response, f"{request.host_url}download/{region}/{path['layer']}{path['version']}")
        return response


def _signed_region(request: Request) -> str:
    """Return the region in the credential scope of a request's signature (Signature Version 4)."""
    return request.headers["Authorization"].split("Credential=")[1].split("/")[2]


def _download(region: str, layer: str, version: str) -> Response:
    return Response(lambda_backends[DEFAULT_ACCOUNT_ID][region].get_layer_version(layer, version).code_bytes)


def _without_content(response: Response) -> Response:
    answer = json.loads(response.data)
    for version in answer["LayerVersions"]:
        del version["Content"]
    return Response(json.dumps(answer), response.status_code, content_type="application/json")


def _with_conditions(response: Response) -> Response:
    answer = json.loads(response.data)
    policy = json.loads(answer["Policy"])
    for statement in policy["Statement"]:
        if organization := statement.pop("OrganizationId", None):
            statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organization}}
    answer["Policy"] = json.dumps(policy)
    return Response(json.dumps(answer), response.status_code, content_type="application/json")


def _with_location(response: Response, location: str) -> Response:
    answer = json.loads(response.data)
    answer["Content"]["Location"] = location
    return Response(json.dumps(answer), response.status_code, content_type="application/json")


@contextmanager
def lambda_service() -> Iterator[tuple[LambdaService, str]]:
    """Serve on a free port. Yields the service and its URL."""
    service = LambdaService()
    with serve(service) as url:
        yield service, url
