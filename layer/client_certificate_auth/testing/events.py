"""The events that API Gateway, load balancers and CloudFront's origins send to functions, with AWS's documented fields.

In each function, ``pem`` is the client certificate in PEM (RFC 7468 §5), or None for a client without one.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, unquote

from client_certificate_auth.node_view import MONTHS
from client_certificate_auth.testing.headers import alb_headers, cloudfront_headers
from client_certificate_auth.testing.identity import client_certificate
from client_certificate_auth.testing.request import ACCOUNT_ID, REGION, Endpoint, Event, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_REQUEST = Request()
_ENDPOINT = Endpoint()
_REST_STAGE, _HTTP_STAGE = "prod", "$default"
_TARGET_GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:targetgroup/function/0123456789abcdef"


def rest_api_event(
    pem: str | None,
    request: Request = _REQUEST,
    endpoint: Endpoint = _ENDPOINT,
    *,
    authorizer: Mapping[str, object] | None = None,
) -> Event:
    """Return the event of a REST API for a function. ``authorizer`` is the authorizer's context, with principalId."""
    endpoint = _in_stage(endpoint, _REST_STAGE)
    return {**_rest_event(pem, request, endpoint, authorizer), **_body(request, empty=None)}


def rest_api_authorizer_event(pem: str | None, request: Request = _REQUEST, endpoint: Endpoint = _ENDPOINT) -> Event:
    """Return the event of a REST API for an authorizer of type ``REQUEST``."""
    endpoint = _in_stage(endpoint, _REST_STAGE)
    arn = endpoint.request_arn(request.method, request.path)
    return {"type": "REQUEST", "methodArn": arn, **_rest_event(pem, request, endpoint)}


def http_api_event(
    pem: str | None,
    request: Request = _REQUEST,
    endpoint: Endpoint = _ENDPOINT,
    *,
    payload: Literal["1.0", "2.0"] = "2.0",
    authorizer: Mapping[str, object] | None = None,
) -> Event:
    """Return the event of an HTTP API for a function.

    ``payload`` is the format version. ``authorizer`` is the context of a Lambda authorizer.
    """
    endpoint = _in_stage(endpoint, _HTTP_STAGE)
    if payload == "1.0":
        decoded = _rest_event(pem, request, endpoint, authorizer, decoded_path=unquote(request.path))
        return {"version": "1.0", **decoded, **_body(request, empty=None)}
    context = None if authorizer is None else {"lambda": dict(authorizer)}
    return {"version": "2.0", **_http_event(pem, request, endpoint, context), **_body(request)}


def http_api_authorizer_event(
    pem: str | None,
    request: Request = _REQUEST,
    endpoint: Endpoint = _ENDPOINT,
    *,
    payload: Literal["1.0", "2.0"] = "2.0",
    identity_source: Sequence[str] = (),
) -> Event:
    """Return the event of an HTTP API for an authorizer of type ``REQUEST``.

    ``payload`` is the format version. ``identity_source`` contains the values of the authorizer's identity sources.
    """
    endpoint = _in_stage(endpoint, _HTTP_STAGE)
    arn = endpoint.request_arn(request.method, unquote(request.path))
    if payload == "1.0":
        source = ",".join(identity_source) or None
        fields: Event = {"type": "REQUEST", "methodArn": arn, "identitySource": source, "authorizationToken": source}
        return {"version": "1.0", **fields, **_rest_event(pem, request, endpoint, decoded_path=unquote(request.path))}
    fields = {"type": "REQUEST", "routeArn": arn, "identitySource": list(identity_source) or None}
    return {"version": "2.0", **fields, **_http_event(pem, request, endpoint)}


def alb_event(
    pem: str | None,
    request: Request = _REQUEST,
    *,
    mode: Literal["verify", "passthrough"] = "verify",
    multi_value_headers: bool = True,
) -> Event:
    """Return the event of a function that is the target of an Application Load Balancer with mutual TLS.

    ``mode`` is the listener's, and ``multi_value_headers`` an attribute of the target group.
    """
    headers = {name.lower(): value for name, value in {**request.headers, **alb_headers(pem, mode)}.items()}
    query: dict[str, list[str]] = {}
    for pair in filter(None, request.query.split("&")):
        # Percent-encoded, as they were sent.
        name, _, value = pair.partition("=")
        query.setdefault(name, []).append(value)
    fields: Event = (
        {"multiValueQueryStringParameters": query, "multiValueHeaders": _lists(headers)}
        if multi_value_headers
        else {"queryStringParameters": {name: values[-1] for name, values in query.items()}, "headers": headers}
    )
    context = {"elb": {"targetGroupArn": _TARGET_GROUP}}
    return {
        "requestContext": context,
        "httpMethod": request.method,
        "path": request.path,
        **fields,
        **_body(request, empty=""),
    }


def cloudfront_event(pem: str | None, request: Request = _REQUEST, endpoint: Endpoint = _ENDPOINT) -> Event:
    """Return the event of a function behind CloudFront with mutual TLS, as a function URL or HTTP API sends it."""
    return http_api_event(None, replace(request, headers={**request.headers, **cloudfront_headers(pem)}), endpoint)


def _in_stage(endpoint: Endpoint, default: str) -> Endpoint:
    return endpoint if endpoint.stage else replace(endpoint, stage=default)


def _rest_event(
    pem: str | None,
    request: Request,
    endpoint: Endpoint,
    authorizer: Mapping[str, object] | None = None,
    decoded_path: str | None = None,
) -> Event:
    # REST APIs leave the path percent-encoded and HTTP APIs decode it: not documented, but seen on live APIs.
    path = request.path if decoded_path is None else decoded_path
    query = parse_qs(request.query, keep_blank_values=True)
    identity: Event = {"sourceIp": request.source_ip, "userAgent": request.headers.get("User-Agent")}
    if pem is not None:
        identity["clientCert"] = client_certificate(pem)
    resource = endpoint.path or path
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": _lists(request.headers),
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(endpoint.path_parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": endpoint.api_id,
            "stage": endpoint.stage,
            "resourceId": "abc123",
            "resourcePath": resource,
            "httpMethod": request.method,
            "path": path,
            "protocol": request.protocol,
            "domainName": request.domain_name,
            "requestId": request.request_id,
            "extendedRequestId": request.request_id,
            "requestTime": _request_time(request.time),
            "requestTimeEpoch": _epoch_milliseconds(request.time),
            "identity": identity,
            **({} if authorizer is None else {"authorizer": dict(authorizer)}),
        },
    }


def _http_event(
    pem: str | None, request: Request, endpoint: Endpoint, authorizer: Mapping[str, object] | None = None
) -> Event:
    headers = {name.lower(): value for name, value in request.headers.items()}
    cookies = headers.pop("cookie", None)
    query = {name: ",".join(values) for name, values in parse_qs(request.query, keep_blank_values=True).items()}
    path = unquote(request.path)
    route_key = f"{endpoint.method or request.method} {endpoint.path or path}"
    if endpoint.stage != _HTTP_STAGE:
        # Not documented, but seen on live APIs, also with custom domains.
        path = f"/{endpoint.stage}{path}"
    optional = {
        "cookies": cookies and cookies.split("; "),
        "queryStringParameters": query,
        "pathParameters": dict(endpoint.path_parameters),
    }
    return {
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        **{name: value for name, value in optional.items() if value},
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": endpoint.api_id,
            "stage": endpoint.stage,
            "routeKey": route_key,
            "domainName": request.domain_name,
            "domainPrefix": (request.domain_name or "").partition(".")[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent"),
            },
            "requestId": request.request_id,
            "time": _request_time(request.time),
            "timeEpoch": _epoch_milliseconds(request.time),
            **({} if pem is None else {"authentication": {"clientCert": client_certificate(pem)}}),
            **({} if authorizer is None else {"authorizer": dict(authorizer)}),
        },
    }


_ABSENT = object()


def _body(request: Request, empty: object = _ABSENT) -> Event:
    """Return the fields of a request's body. ``empty`` is the value for a request without one, if there is any."""
    if not request.body:
        return {"isBase64Encoded": False, **({} if empty is _ABSENT else {"body": empty})}
    try:
        return {"body": request.body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}


def _lists(headers: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in headers.items()}


def _request_time(time: datetime) -> str:
    return f"{time:%d}/{MONTHS[time.month - 1]}/{time:%Y:%H:%M:%S %z}"


def _epoch_milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
