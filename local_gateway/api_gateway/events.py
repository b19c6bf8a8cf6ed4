"""The events that API Gateway and load balancers send to functions, field by field as AWS documents them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs

from cryptography import x509

from local_gateway.api_gateway.api import ACCOUNT_ID, REGION, Api, ApiKind, RouteMatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from local_gateway.api_gateway.client_request import ClientRequest
    from local_gateway.api_gateway.policy import Verdict

Event: TypeAlias = dict[str, object]

_TARGET_GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:targetgroup/function/0123456789abcdef"


def authorizer_event(api: Api, match: RouteMatch, request: ClientRequest, identity: tuple[str, ...] = ()) -> Event:
    """Return the event of a REQUEST authorizer: that of a REST API, or payload 2.0 of an HTTP API.

    ``identity`` contains the values of the authorizer's identity sources.
    """
    arn = api.request_arn(request.method, request.path)
    if api.kind is ApiKind.REST:
        return {"type": "REQUEST", "methodArn": arn, **_rest_event(api, match, request)}
    sources = list(identity) or None
    event = _http_event(api, match, request)
    return {"version": "2.0", "type": "REQUEST", "routeArn": arn, "identitySource": sources, **event}


def integration_event(api: Api, match: RouteMatch, request: ClientRequest, verdict: Verdict | None) -> Event:
    """Return the event of a function: that of a REST API, or payload 2.0 of an HTTP API.

    The authorizer's verdict, if it was asked, becomes ``requestContext.authorizer``.
    """
    if api.kind is ApiKind.REST:
        event = {**_rest_event(api, match, request, verdict and _rest_authorizer(verdict)), "body": None}
    else:
        event = {"version": "2.0", **_http_event(api, match, request, verdict and _http_authorizer(verdict))}
    return {**event, "isBase64Encoded": False, **_body(request)}


def load_balancer_event(request: ClientRequest) -> Event:
    """Return the event of a function that is an Application Load Balancer's target, with multi-value headers on.

    A header that a client sends beside the load balancer's own would show there, and nowhere else.
    """
    query: dict[str, list[str]] = {}
    for pair in filter(None, request.query.split("&")):
        # Left as they were sent, percent-encoded.
        name, _, value = pair.partition("=")
        query.setdefault(name, []).append(value)
    return {
        "requestContext": {"elb": {"targetGroupArn": _TARGET_GROUP}},
        "httpMethod": request.method,
        "path": request.path,
        "multiValueQueryStringParameters": query,
        "multiValueHeaders": {name.lower(): [value] for name, value in request.headers.items()},
        "body": "",
        "isBase64Encoded": False,
        **_body(request),
    }


def client_certificate(pem: str) -> Event:
    """Return ``clientCert`` for a certificate in PEM (RFC 7468 §5): the PEM, and what is in it for people to read."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        # OpenSSL's TLS is content with some that cryptography can't parse. What API Gateway says of them isn't known.
        return {"clientCertPem": pem}
    return {
        "clientCertPem": pem,
        "subjectDN": distinguished_name(lambda: certificate.subject),
        "issuerDN": distinguished_name(lambda: certificate.issuer),
        "serialNumber": serial_number(certificate.serial_number),
        "validity": {
            "notBefore": _openssl_time(certificate.not_valid_before_utc),
            "notAfter": _openssl_time(certificate.not_valid_after_utc),
        },
    }


def distinguished_name(decode: Callable[[], x509.Name]) -> str:
    """Return a name as RFC 4514 has it, which is RFC 2253's successor; nothing where it can't be decoded."""
    try:
        return decode().rfc4514_string()
    except (ValueError, TypeError):
        # TLS doesn't look into names, so one that can't be decoded gets this far. The PEM has it.
        return ""


def serial_number(number: int) -> str:
    """Return a serial number in lower-case hexadecimal, whole bytes with colons between them."""
    digits = f"{number:x}"
    return bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)).hex(":")


def _rest_event(api: Api, match: RouteMatch, request: ClientRequest, authorizer: Event | None = None) -> Event:
    query = parse_qs(request.query, keep_blank_values=True)
    identity: Event = {"sourceIp": request.source_ip, "userAgent": request.headers.get("User-Agent")}
    if request.certificate_pem is not None:
        identity["clientCert"] = client_certificate(request.certificate_pem)
    return {
        "resource": match.route.path,
        "path": api.event_path(request.path),
        "httpMethod": request.method,
        "headers": request.headers,
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.path_parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": api.api_id,
            "stage": api.stage,
            "resourceId": "abc123",
            "resourcePath": match.route.path,
            "httpMethod": request.method,
            "path": api.event_path(request.path),
            "protocol": request.protocol,
            "domainName": request.domain_name,
            "requestId": request.request_id,
            "extendedRequestId": request.request_id,
            "requestTime": _request_time(request.time),
            "requestTimeEpoch": _epoch_milliseconds(request.time),
            "identity": identity,
            **_unless_none("authorizer", authorizer),
        },
    }


def _http_event(api: Api, match: RouteMatch, request: ClientRequest, authorizer: Event | None = None) -> Event:
    headers = {name.lower(): value for name, value in request.headers.items()}
    cookies = headers.pop("cookie", None)
    query = parse_qs(request.query, keep_blank_values=True)
    return {
        "routeKey": match.route.key,
        "rawPath": api.event_path(request.path),
        "rawQueryString": request.query,
        "headers": headers,
        **_unless_none("cookies", cookies and cookies.split("; ")),
        **_unless_none("queryStringParameters", {name: ",".join(values) for name, values in query.items()} or None),
        **_unless_none("pathParameters", match.path_parameters or None),
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": api.api_id,
            "stage": api.stage,
            "routeKey": match.route.key,
            "domainName": request.domain_name,
            "domainPrefix": (request.domain_name or "").partition(".")[0],
            "http": {
                "method": request.method,
                "path": api.event_path(request.path),
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent"),
            },
            "requestId": request.request_id,
            "time": _request_time(request.time),
            "timeEpoch": _epoch_milliseconds(request.time),
            **_authentication(request),
            **_unless_none("authorizer", authorizer),
        },
    }


def _authentication(request: ClientRequest) -> Event:
    if request.certificate_pem is None:
        return {}
    return {"authentication": {"clientCert": client_certificate(request.certificate_pem)}}


def _body(request: ClientRequest) -> Event:
    if not request.body:
        return {}
    try:
        return {"body": request.body.decode()}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}


def _rest_authorizer(verdict: Verdict) -> Event:
    # REST APIs make strings of numbers and booleans.
    strings = {key: value if isinstance(value, str) else json.dumps(value) for key, value in verdict.context.items()}
    return {**strings, "principalId": verdict.principal_id}


def _http_authorizer(verdict: Verdict) -> Event:
    return {"lambda": dict(verdict.context)}


def _unless_none(key: str, value: object) -> Event:
    return {} if value is None else {key: value}


def _openssl_time(time: datetime) -> str:
    return f"{time:%b} {time.day:2} {time:%H:%M:%S %Y} GMT"


def _request_time(time: datetime) -> str:
    return f"{time:%d/%b/%Y:%H:%M:%S %z}"


def _epoch_milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
