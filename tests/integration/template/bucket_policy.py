"""The effect of a bucket policy on a request, as IAM documents it, as far as the templates use its elements.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from local_gateway.api_gateway.policy import Effect, wildcard_match

if TYPE_CHECKING:
    from collections.abc import Mapping

_ELEMENTS = {
    "Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip


class Request(NamedTuple):
    """A request. The principal is the ARN of a role, or the name of a service; keys are in lower case."""

    principal: str
    action: str
    resource: str
    keys: Mapping[str, str]


def by_role(arn: str, action: str, resource: str, *, tls: bool = True) -> Request:
    """Return a request of a session of a role."""
    return Request(arn, action, resource, {"aws:principalarn": arn, "aws:securetransport": str(tls).lower()})


def by_service(service: str, action: str, resource: str, *, source_arn: str, source_account: str) -> Request:
    """Return a request of a service on behalf of a resource."""
    keys = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_account, "aws:securetransport": "true"}
    return Request(service, action, resource, keys)


def evaluate(statements: list[dict[str, Any]], request: Request) -> Effect:
    """Return the effect: an explicit Deny wins, and what no statement allows is denied."""
    effects = {statement["Effect"] for statement in statements if _applies(statement, request)}
    if "Deny" in effects:
        return Effect.EXPLICIT_DENY
    return Effect.ALLOW if "Allow" in effects else Effect.IMPLICIT_DENY


def _applies(statement: dict[str, Any], request: Request) -> bool:
    assert statement.keys() <= _ELEMENTS
    return (
        _is_principal(statement["Principal"], request.principal)
        and _matches(statement, "Action", request.action.lower(), str.lower)
        and _matches(statement, "Resource", request.resource, str)
        and all(
            _holds(operator, key, _listed(values), request.keys)
            for operator, conditions in statement.get("Condition", {}).items()
            for key, values in conditions.items()
        )
    )


def _is_principal(principal: Any, name: str) -> bool:  # noqa: ANN401 -- as in JSON
    if principal == "*":
        return True
    [(kind, names)] = principal.items()
    assert kind == ("AWS" if name.startswith("arn:") else "Service") or name not in _listed(names)
    return name in _listed(names)


def _matches(statement: dict[str, Any], element: str, name: str, normalize: Any) -> bool:  # noqa: ANN401 -- str or str.lower
    assert (element in statement) != (f"Not{element}" in statement)
    patterns = _listed(statement.get(element, statement.get(f"Not{element}")))
    return any(wildcard_match(normalize(pattern), name) for pattern in patterns) == (element in statement)


def _holds(operator: str, key: str, values: list[str], keys: Mapping[str, str]) -> bool:
    """Return whether a condition is true. Negated operators are if the key is absent, others are not."""
    value = keys.get(key.lower())
    if operator in {"StringEquals", "Bool"}:
        return value in values
    assert operator in {"ArnEquals", "ArnNotEquals"}
    matched = value is not None and any(wildcard_match(pattern, value) for pattern in values)
    return matched == (operator == "ArnEquals")


def _listed(values: Any) -> list[str]:  # noqa: ANN401 -- as in JSON
    return values if isinstance(values, list) else [values]
