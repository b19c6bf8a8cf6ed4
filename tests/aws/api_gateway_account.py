"""An AWS account over HTTP on loopback: API Gateway and Lambda as ``doctor`` reads them, and moto for the rest.

moto has no truststore warnings, no pages and no logging configuration. Requests and responses are those of botocore's
models, which also define the URIs: a response with an unknown member, a wrong type or a wrong value fails the test, as
does a request that would change something. Lists have pages of two items.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import botocore.session
from werkzeug.wrappers import Request, Response

from tests.servers.wsgi_server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from botocore.model import OperationModel, Shape

    from tests.aws.server import AwsServer

PAGE = 2
_TOKENS = {
    "apigateway": ("position", "position"),
    "apigatewayv2": ("NextToken", "NextToken"),
    "lambda": ("Marker", "NextMarker"),
}


@dataclass
class Api:
    """A REST API or an HTTP API: responses of its operations, without the pages."""

    api: dict[str, Any]
    authorizers: list[dict[str, Any]] = field(default_factory=list)
    routes: list[dict[str, Any]] = field(default_factory=list)
    """Of a REST API, its resources."""

    stages: list[dict[str, Any]] = field(default_factory=list)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Function:
    """A function: the configuration of each of its versions and aliases, and their policies."""

    configurations: dict[str, dict[str, Any]]
    statements: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    provisioned: list[dict[str, Any]] = field(default_factory=list)
    reserved: int | None = None


@dataclass
class Account:
    """The resources of an account. ``denied`` are the names of operations that the caller may not use, and ``failing``
    those that fail for another reason."""

    rest_apis: dict[str, Api] = field(default_factory=dict)
    http_apis: dict[str, Api] = field(default_factory=dict)
    domains: dict[str, dict[str, Any]] = field(default_factory=dict)
    mappings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)


class _NotFoundError(Exception):
    pass


class ApiGatewayAccount:
    """The services. ``problems`` are requests that AWS would reject, and responses that it would never send."""

    def __init__(self, others: AwsServer) -> None:
        self.url = ""
        self.account = Account()
        self.problems: list[str] = []
        self.requested: list[str] = []
        self._others = others

    def reset(self) -> Account:
        """Begin anew with an empty account."""
        self.account = Account()
        self.problems.clear()
        self.requested.clear()
        return self.account

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a request (PEP 3333)."""
        request = Request(environ)
        service = request.headers["Authorization"].split("Credential=")[1].split("/")[3]
        if service == "s3" and {"GET": "GetObject", "HEAD": "HeadObject"}[request.method] in self.account.denied:
            return _error(403, "AccessDenied")(environ, start_response)
        if service not in {"apigateway", "lambda"}:
            return self._others(environ, start_response)
        if service == "apigateway" and request.path.startswith("/v2/"):
            service = "apigatewayv2"
        try:
            response = self._respond(service, request)
        except AssertionError as error:
            self.problems.append(str(error))
            response = _error(500, "InternalFailure")
        return response(environ, start_response)

    def _respond(self, service: str, request: Request) -> Response:
        assert request.method == "GET", f"{request.method} {request.path} would change something"
        operation, arguments = _operation(service, request)
        self.requested.append(operation.name)
        if operation.name in self.account.denied:
            return _error(403, "AccessDeniedException")
        if operation.name in self.account.failing:
            return _error(400, "BadRequestException" if service != "lambda" else "InvalidParameterValueException")
        try:
            answer = _HANDLERS[service, operation.name](self.account, arguments)
        except (KeyError, _NotFoundError):
            return _error(404, "ResourceNotFoundException" if service == "lambda" else "NotFoundException")
        answer = _page(service, operation, answer, arguments)
        assert operation.output_shape
        body = _serialize(operation.output_shape, answer, operation.name)
        return Response(json.dumps(body), 200, content_type="application/json")


def _error(status: int, code: str) -> Response:
    response = Response(json.dumps({"message": "refused"}), status, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = code
    return response


# botocore's models.


class _Route(NamedTuple):
    pattern: re.Pattern[str]
    query: str
    operation: OperationModel


@cache
def _routes(service: str) -> list[_Route]:
    model = botocore.session.Session().get_service_model(service)
    routes = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.http["method"] == "GET":
            path, _, query = operation.http["requestUri"].partition("?")
            pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", r"(?P<\1>[^/]+)", re.escape(path))
            routes.append(_Route(re.compile(pattern), query, operation))
    # A path without variables is the better match: /functions/event-invoke-config.
    return sorted(routes, key=lambda route: (route.pattern.groups, -len(route.query)))


def _operation(service: str, request: Request) -> tuple[OperationModel, dict[str, Any]]:
    for pattern, query, operation in _routes(service):
        match = pattern.fullmatch(request.path)
        if match and all(pair in request.query_string.decode() for pair in [query] if query):
            assert operation.input_shape
            arguments: dict[str, Any] = {}
            for member, shape in operation.input_shape.members.items():
                location, name = shape.serialization.get("location"), shape.serialization.get("name", member)
                if location == "uri":
                    arguments[member] = match[name]
                elif location == "querystring" and name in request.args:
                    arguments[member] = request.args[name]
            return operation, arguments
    message = f"{service} has no GET {request.path}"
    raise AssertionError(message)


def _page(service: str, operation: OperationModel, answer: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    request_token, response_token = _TOKENS[service]
    assert operation.input_shape
    assert operation.output_shape
    if request_token not in operation.input_shape.members or response_token not in operation.output_shape.members:
        return answer
    (name,) = answer
    start = int(arguments.get(request_token, "0"))
    page = {name: answer[name][start : start + PAGE]}
    return page | ({response_token: str(start + PAGE)} if start + PAGE < len(answer[name]) else {})


_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
}


def _serialize(shape: Shape, value: Any, place: str) -> Any:  # noqa: ANN401 -- as in JSON
    """Return a value in JSON, by the model of its shape."""
    is_right = isinstance(value, _TYPES[shape.type_name])
    assert is_right, f"{place} is {value!r}, and should be a {shape.type_name}"
    if shape.type_name == "structure":
        members = shape.members  # type: ignore[attr-defined]
        unknown = value.keys() - members.keys()
        assert not unknown, f"{place} has no {unknown}"
        return {
            members[name].serialization.get("name", name): _serialize(members[name], each, f"{place}.{name}")
            for name, each in value.items()
        }
    if shape.type_name == "list":
        return [_serialize(shape.member, each, place) for each in value]  # type: ignore[attr-defined]
    if shape.type_name == "map":
        return {key: _serialize(shape.value, each, f"{place}.{key}") for key, each in value.items()}  # type: ignore[attr-defined]
    enum = getattr(shape, "enum", [])
    assert not enum or value in enum, f"{place} is {value!r}, and should be one of {enum}"
    return value


# The operations.


def _function(account: Account, name: str) -> Function:
    return account.functions[name.rpartition(":")[2]]


def _policy(account: Account, arguments: dict[str, Any]) -> dict[str, Any]:
    statements = _function(account, arguments["FunctionName"]).statements.get(arguments.get("Qualifier", "$LATEST"))
    if not statements:
        raise _NotFoundError
    return {"Policy": json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})}


def _concurrency(account: Account, arguments: dict[str, Any]) -> dict[str, Any]:
    reserved = _function(account, arguments["FunctionName"]).reserved
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


_HANDLERS: dict[tuple[str, str], Callable[[Account, dict[str, Any]], dict[str, Any]]] = {
    ("apigateway", "GetRestApi"): lambda account, a: account.rest_apis[a["restApiId"]].api,
    ("apigateway", "GetAuthorizers"): lambda account, a: {"items": account.rest_apis[a["restApiId"]].authorizers},
    ("apigateway", "GetResources"): lambda account, a: {"items": account.rest_apis[a["restApiId"]].routes},
    ("apigateway", "GetStages"): lambda account, a: {"item": account.rest_apis[a["restApiId"]].stages},
    ("apigateway", "GetDeployment"): lambda account, a: account.rest_apis[a["restApiId"]].deployments[
        a["deploymentId"]
    ],
    ("apigatewayv2", "GetApi"): lambda account, a: account.http_apis[a["ApiId"]].api,
    ("apigatewayv2", "GetAuthorizers"): lambda account, a: {"Items": account.http_apis[a["ApiId"]].authorizers},
    ("apigatewayv2", "GetRoutes"): lambda account, a: {"Items": account.http_apis[a["ApiId"]].routes},
    ("apigatewayv2", "GetStages"): lambda account, a: {"Items": account.http_apis[a["ApiId"]].stages},
    ("apigatewayv2", "GetDomainName"): lambda account, a: account.domains[a["DomainName"]],
    ("apigatewayv2", "GetDomainNames"): lambda account, _: {"Items": list(account.domains.values())},
    ("apigatewayv2", "GetApiMappings"): lambda account, a: {"Items": account.mappings.get(a["DomainName"], [])},
    ("lambda", "GetFunctionConfiguration"): lambda account, a: _function(account, a["FunctionName"]).configurations[
        a.get("Qualifier", "$LATEST")
    ],
    ("lambda", "GetPolicy"): _policy,
    ("lambda", "GetFunctionConcurrency"): _concurrency,
    ("lambda", "ListProvisionedConcurrencyConfigs"): lambda account, a: {
        "ProvisionedConcurrencyConfigs": _function(account, a["FunctionName"]).provisioned
    },
}


@contextmanager
def api_gateway_account(others: AwsServer) -> Iterator[ApiGatewayAccount]:
    """Serve on a free port. ``others`` responds for the other services."""
    services = ApiGatewayAccount(others)
    with serve(services) as services.url:
        yield services
