"""Authorizer events of API Gateway, as far as the authorizer reads them; whole ones are the local gateway's."""

from __future__ import annotations

from typing import Any

STAGE_ARN = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod"


def client_cert(pem: object) -> dict[str, Any]:
    """Return the object around the PEM. Its names lie: nobody may read them."""
    return {
        "clientCert": {
            "clientCertPem": pem,
            "subjectDN": "CN=admin",
            "issuerDN": "CN=admin",
            "serialNumber": "1",
            "validity": {"notBefore": "May 28 12:30:02 2019 GMT", "notAfter": "Aug  5 09:36:04 2051 GMT"},
        }
    }


def rest_event(pem: object = None, method: str = "GET", path: str = "/hello", **changes: object) -> dict[str, Any]:
    return {
        "type": "REQUEST",
        "methodArn": f"{STAGE_ARN}/{method}{path}",
        "resource": "/hello",
        "path": path,
        "httpMethod": method,
        "headers": {"host": "api.example.com"},
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "stage": "prod",
            "identity": {"sourceIp": "192.0.2.1", **(client_cert(pem) if pem is not None else {})},
        },
        **changes,
    }


def http_1_0_event(pem: object = None, method: str = "GET", path: str = "/hello", **changes: object) -> dict[str, Any]:
    return rest_event(pem, method, path, version="1.0", **changes)


def http_2_0_event(pem: object = None, method: str = "GET", path: str = "/hello", **changes: object) -> dict[str, Any]:
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"{STAGE_ARN}/{method}{path}",
        "routeKey": "GET /hello",
        "rawPath": path,
        "headers": {"host": "api.example.com"},
        "requestContext": {
            "requestId": "JKJaXmPLvHcESHA=",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            **({"authentication": client_cert(pem)} if pem is not None else {}),
        },
        **changes,
    }


EVENTS = {"rest": rest_event, "http-1.0": http_1_0_event, "http-2.0": http_2_0_event}
