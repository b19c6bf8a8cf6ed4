"""The answers that API Gateway takes from an authorizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.policy.settings import Configuration, ResponseFormat, UnauthenticatedResponse
from mtls_authorizer.reasons import UNAUTHENTICATED
from mtls_authorizer.request.event import ApiRequest, EventFormat
from mtls_authorizer.rules.routes import ALL_ROUTES, resources

if TYPE_CHECKING:
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.rules.rule_set import Grant


class Unauthorized(Exception):  # noqa: N818 -- API Gateway looks at the message; the name is what people will see in logs
    """Tells a REST API to answer 401. Its message must be exactly this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def is_unauthorized(decision: Decision, request: ApiRequest, configuration: Configuration) -> bool:
    """Return whether the answer is 401, which counts as an error of the function."""
    return (
        decision.reason in UNAUTHENTICATED
        and request.event_format is EventFormat.REST
        and configuration.unauthenticated_response is UnauthenticatedResponse.UNAUTHORIZED
    )


def answer(decision: Decision, request: ApiRequest, configuration: Configuration) -> dict[str, object]:
    """Return a decision in the form that the request's API takes.

    Raises Unauthorized on a REST API for a request without a certificate, unless the configuration says Deny.
    """
    if is_unauthorized(decision, request, configuration):
        raise Unauthorized
    if request.event_format is EventFormat.HTTP_2_0 and configuration.response_format is ResponseFormat.SIMPLE:
        refusal = decision.refusal(request.invocation)
        if refusal is not None:
            return {"isAuthorized": False, "context": {"reason": refusal.value}}
        return {"isAuthorized": True, "context": dict(decision.context)}
    policy: dict[str, object] = {
        "principalId": decision.client.principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": _statements(decision.grant, request.stage_arn)},
        "context": dict(decision.context),
    }
    if decision.grant and decision.grant.usage_identifier_key and request.event_format is EventFormat.REST:
        policy["usageIdentifierKey"] = decision.grant.usage_identifier_key
    return policy


def _statements(grant: Grant | None, stage_arn: str) -> list[dict[str, object]]:
    """Return the policy's statements. They cover the stage, not the request: the answer may be reused for others."""
    everything = f"{stage_arn}/*/*"
    if grant is None:
        return [_statement("Deny", everything)]
    if grant.routes is ALL_ROUTES:
        return [_statement("Allow", everything)]
    allowed, denied = resources(grant.routes, stage_arn)
    return [_statement("Allow", allowed), _statement("Deny", denied)]


def _statement(effect: str, resource: str | list[str]) -> dict[str, object]:
    return {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
