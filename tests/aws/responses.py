"""The shape of a Lambda authorizer's response, as API Gateway documents it.

A test that compares single values doesn't notice a key that must be absent. Tests of the complete authorizer call it
through ``checking``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.authorizer import Authorizer


def checking(authorizer: Authorizer) -> Callable[[Any], dict[str, Any]]:
    """Return a function that answers an event with the authorizer's response, after checking its shape."""
    return lambda event: checked(event, authorizer.authorize(event))


def checked(event: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    """Return a response to an event after checking that it has all keys that it must have, and no others."""
    assert json.loads(json.dumps(response)) == response
    if "errorMessage" in response:
        # The 401 of an HTTP API, whose events have a version.
        assert response == {"errorMessage": "Unauthorized"}
        assert "version" in event
        return response
    context = response["context"]
    if "isAuthorized" in response:
        assert event.get("version") == "2.0"
        assert response.keys() == {"isAuthorized", "context"}
        assert isinstance(response["isAuthorized"], bool)
        allowed = response["isAuthorized"]
    else:
        # Only a REST API, whose events have no version, has usage plans.
        has_key = "usageIdentifierKey" in response and "version" not in event
        assert response.keys() == {"principalId", "policyDocument", "context", *["usageIdentifierKey"] * has_key}
        assert not has_key or _is_text(response["usageIdentifierKey"])
        assert _is_text(response["principalId"])
        allowed = _allows(response["policyDocument"], _stage_arn(event))
    assert isinstance(context, dict)
    assert all(isinstance(value, str) for value in context.values())
    if allowed:
        assert "reason" not in context
    else:
        assert context.keys() == {"reason"}
    return response


def reason(response: dict[str, Any]) -> str | None:
    """Return the deny reason in a response, None if it allows the request."""
    found: str | None = response["context"].get("reason")
    return found


def _allows(policy: dict[str, Any], stage_arn: str) -> bool:
    """Return whether a policy allows anything, after checking its shape."""
    assert policy.keys() == {"Version", "Statement"}
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert statement.keys() == {"Action", "Effect", "Resource"}
        assert statement["Action"] == "execute-api:Invoke"
        assert statement["Effect"] in ("Allow", "Deny")
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert resources
        assert all(resource.startswith(f"{stage_arn}/") for resource in resources)
    effects = [statement["Effect"] for statement in policy["Statement"]]
    assert effects in (["Allow"], ["Deny"], ["Allow", "Deny"])
    return "Allow" in effects


def _stage_arn(event: dict[str, Any]) -> str:
    arn: str = event["routeArn" if "routeArn" in event else "methodArn"]
    return "/".join(arn.split("/")[:2])


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""
