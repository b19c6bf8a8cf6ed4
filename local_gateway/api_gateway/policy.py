"""How API Gateway evaluates an authorizer's response."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from local_gateway.api_gateway.api import ApiKind

_ACTION = "execute-api:Invoke"
_LONGEST_RESOURCE = 512
# Other elements, which would limit or negate a statement, are not evaluated here.
_STATEMENT_KEYS = {"Sid", "Effect", "Action", "Resource"}


class Effect(Enum):
    """The effect of a policy on one request."""

    ALLOW = auto()
    EXPLICIT_DENY = auto()
    IMPLICIT_DENY = auto()
    """No statement applies to the request."""


class Authorization(NamedTuple):
    """The effect of an authorizer's response. A simple response has no principal."""

    effect: Effect
    context: Mapping[str, object]
    principal_id: str | None = None


class MalformedAuthorizationError(ValueError):
    """API Gateway would respond with 500. The message describes the problem, for the operator."""


def evaluate_response(response: object, kind: ApiKind, arn: str) -> Authorization:
    """Return the effect of an authorizer's response on a request to an API. Raises MalformedAuthorizationError.

    ``arn`` is the ARN of the request. It is compared literally: only wildcards of the policy are wildcards.
    """
    response = _mapping(response, "the response")
    context = _context(response, scalars_only=kind is ApiKind.REST)
    if kind is ApiKind.HTTP_SIMPLE:
        return Authorization(_simple_effect(response), context)
    principal_id = response.get("principalId")
    if not isinstance(principal_id, str) or not principal_id:
        message = "principalId must be a string that is not empty"
        raise MalformedAuthorizationError(message)
    return Authorization(evaluate(response.get("policyDocument"), arn), context, principal_id)


def evaluate(policy: object, arn: str) -> Effect:
    """Evaluate an IAM policy for an invocation of an ARN. Raises MalformedAuthorizationError.

    An explicit Deny overrides every Allow, and a request to which no statement applies is denied.
    """
    statements = _mapping(policy, "policyDocument").get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        message = "Statement must be a statement or a list of them"
        raise MalformedAuthorizationError(message)
    # All of them are read, so that a malformed one is found at any position.
    effects = {effect for effect in [_statement_effect(statement, arn) for statement in statements] if effect}
    if Effect.EXPLICIT_DENY in effects:
        return Effect.EXPLICIT_DENY
    return Effect.ALLOW if Effect.ALLOW in effects else Effect.IMPLICIT_DENY


def wildcard_match(pattern: str, text: str) -> bool:
    """Match a whole text. ``*`` matches any characters, including ``/`` and ``:``; ``?`` matches any one character."""
    return _expression(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    # The policies of clients with limited routes have the same hundred patterns in common.
    expression = "".join({"*": ".*", "?": "."}.get(character) or re.escape(character) for character in pattern)
    return re.compile(expression, re.DOTALL)


def _simple_effect(response: Mapping[str, object]) -> Effect:
    is_authorized = response.get("isAuthorized")
    if not isinstance(is_authorized, bool):
        message = "isAuthorized must be true or false"
        raise MalformedAuthorizationError(message)
    return Effect.ALLOW if is_authorized else Effect.EXPLICIT_DENY


def _statement_effect(statement: object, arn: str) -> Effect | None:
    """Return a statement's effect on a request, None if it does not apply to the request."""
    statement = _mapping(statement, "a statement")
    effect = statement.get("Effect")
    actions, resources = _strings(statement, "Action"), _strings(statement, "Resource")
    _require(statement.keys() <= _STATEMENT_KEYS, f"a statement has more than {', '.join(sorted(_STATEMENT_KEYS))}")
    _require(effect in ("Allow", "Deny"), f"Effect must be Allow or Deny, not {effect!r}")
    _require(max(map(len, resources)) <= _LONGEST_RESOURCE, f"a Resource has more than {_LONGEST_RESOURCE} characters")
    # IAM compares actions without regard to case, resources with it.
    is_about = any(wildcard_match(action.lower(), _ACTION.lower()) for action in actions) and any(
        wildcard_match(resource, arn) for resource in resources
    )
    if not is_about:
        return None
    return Effect.ALLOW if effect == "Allow" else Effect.EXPLICIT_DENY


def _context(response: Mapping[str, object], *, scalars_only: bool) -> Mapping[str, object]:
    context = _mapping(response.get("context", {}), "context")
    for key, value in context.items():
        _require(
            not scalars_only or isinstance(value, str | int | float | bool),
            f"{key} in context must be a string, a number or a boolean on a REST API",
        )
    return context


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        message = f"{what} must be an object, not {value!r}"
        raise MalformedAuthorizationError(message)
    return value


def _strings(statement: Mapping[str, object], key: str) -> list[str]:
    value = statement.get(key)
    values = value if isinstance(value, list) else [value]
    strings = [item for item in values if isinstance(item, str)]
    _require(bool(values) and len(strings) == len(values), f"{key} must be a string or a list of strings")
    return strings


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 -- as assert has it
    if not condition:
        raise MalformedAuthorizationError(message)
