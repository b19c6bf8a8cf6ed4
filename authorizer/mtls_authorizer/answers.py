"""The answers that API Gateway takes from an authorizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.api_request import ApiRequest, EventFormat
from mtls_authorizer.configuration import Configuration, ResponseFormat, UnauthenticatedResponse
from mtls_authorizer.reasons import UNAUTHENTICATED

if TYPE_CHECKING:
    from mtls_authorizer.decision import Decision


class Unauthorized(Exception):  # noqa: N818 -- API Gateway looks at the message; the name is what people will see in logs
    """Tells a REST API to answer 401. Its message must be exactly this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def answer(decision: Decision, request: ApiRequest, configuration: Configuration) -> dict[str, object]:
    """Return a decision in the form that the request's API takes.

    Raises Unauthorized on a REST API for a request without a certificate, unless the configuration says Deny.
    """
    if (
        decision.reason in UNAUTHENTICATED
        and request.event_format is EventFormat.REST
        and configuration.unauthenticated_response is UnauthenticatedResponse.UNAUTHORIZED
    ):
        raise Unauthorized
    if request.event_format is EventFormat.HTTP_2_0 and configuration.response_format is ResponseFormat.SIMPLE:
        return {"isAuthorized": decision.allowed, "context": dict(decision.context)}
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if decision.allowed else "Deny",
        "Resource": request.resource,
    }
    return {
        "principalId": decision.client.principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": dict(decision.context),
    }
