"""Responses in the forms that API Gateway accepts from a Lambda authorizer."""

from __future__ import annotations

from mtls_authorizer.reasons import UNAUTHENTICATED
from mtls_authorizer.rules.routes import ALL_ROUTES, resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer.rules.grant import Grant


class Unauthorized(Exception):  # noqa: N818 -- API Gateway compares the message; the name appears in people's logs
    """Makes a REST API respond with 401. The message must be exactly this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


UNAUTHORIZED_BY_HTTP_API = {"errorMessage": "Unauthorized"}
"""Makes an HTTP API respond with 401. AWS documents it for authorizers without identity sources."""


def raises_unauthorized(decision: Decision, request: ApiRequest, settings: Settings) -> bool:
    """Return whether the function raises Unauthorized, which Lambda counts as an error of the function."""
    return (
        decision.reason in UNAUTHENTICATED
        and request.event_format == "rest"
        and settings.unauthenticated_response != "deny"
    )


def make_response(decision: Decision, request: ApiRequest, settings: Settings) -> dict[str, object]:
    """Return the decision in the form that the request's API accepts.

    Raises Unauthorized for a request without a readable certificate to a REST API, unless the settings ask for a Deny.
    HTTP APIs respond with 401 only if the settings explicitly ask for it.
    """
    if decision.reason in UNAUTHENTICATED:
        if raises_unauthorized(decision, request, settings):
            raise Unauthorized
        if settings.unauthenticated_response == "unauthorized" and not request.identity_sources:
            return {**UNAUTHORIZED_BY_HTTP_API}
    if request.event_format == "http-2.0" and settings.response_format == "simple":
        context = decision.context if decision.reason is None else {"reason": decision.reason.value}
        return {"isAuthorized": decision.allowed, "context": context}
    response: dict[str, object] = {
        "principalId": decision.client.principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": _statements(decision.grant, request.stage_arn)},
        "context": decision.context,
    }
    if decision.grant and decision.grant.usage_identifier_key and request.event_format == "rest":
        response["usageIdentifierKey"] = decision.grant.usage_identifier_key
    return response


def _statements(grant: Grant | None, stage_arn: str) -> list[dict[str, object]]:
    """Return the policy's statements. They cover the whole grant, because API Gateway may cache them.

    ``stage/*`` also covers ``stage/$default``, the ARN of an HTTP API's $default route.
    """
    everything = f"{stage_arn}/*"
    if grant is None:
        return [_statement("Deny", everything)]
    if grant.routes is ALL_ROUTES:
        return [_statement("Allow", everything)]
    allowed, denied = resources(grant.routes, stage_arn)
    return [_statement("Allow", allowed), _statement("Deny", denied)]


def _statement(effect: str, resource: str | list[str]) -> dict[str, object]:
    return {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
