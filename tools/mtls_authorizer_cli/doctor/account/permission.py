"""Whether API Gateway may invoke the authorizer's function, by the function's resource policy."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

PRINCIPAL = "apigateway.amazonaws.com"

_OTHER_ACCOUNT = "000000000000"
_ACTION = "lambda:invokefunction"
_KEYS = ("aws:sourcearn", "aws:sourceaccount")
_WITH_WILDCARDS = {"arnlike", "arnequals", "stringlike"}


class PolicyStatement(NamedTuple):
    """A statement that permits API Gateway to invoke the function.

    ``conditions`` are patterns by key. ``is_decidable`` is False if there are other conditions.
    """

    statement_id: str
    conditions: Mapping[str, tuple[re.Pattern[str], ...]]
    is_decidable: bool

    def is_open(self, source_arn: str) -> bool:
        """Return whether the APIs of other accounts may invoke the function, given the ARN of an authorizer."""
        *beginning, _, _ = source_arn.split(":")
        return self.permits(":".join([*beginning, _OTHER_ACCOUNT, "0000000000/authorizers/000000"]), _OTHER_ACCOUNT)

    def permits(self, source_arn: str, account: str) -> bool:
        """Return whether an authorizer of an account may invoke the function, if that can be decided."""
        values = dict(zip(_KEYS, (source_arn, account), strict=True))
        return self.is_decidable and all(
            any(pattern.fullmatch(values[key]) for pattern in patterns) for key, patterns in self.conditions.items()
        )


def invoke_statements(policy: str) -> list[PolicyStatement]:
    """Return the statements of a resource policy that permit API Gateway to invoke a function."""
    return [_statement(each) for each in _list(json.loads(policy)["Statement"]) if _is_about_api_gateway(each)]


def _is_about_api_gateway(statement: Mapping[str, Any]) -> bool:
    actions = (_pattern(action.lower(), wildcards=True) for action in _list(statement.get("Action", [])))
    return (
        statement["Effect"] == "Allow"
        and any(action.fullmatch(_ACTION) for action in actions)
        and not {"*", PRINCIPAL}.isdisjoint(_principals(statement.get("Principal", [])))
    )


def _principals(principal: object) -> Iterator[str]:
    for values in principal.values() if isinstance(principal, dict) else [principal]:
        yield from map(str, _list(values))


def _statement(statement: Mapping[str, Any]) -> PolicyStatement:
    conditions: dict[str, tuple[re.Pattern[str], ...]] = {}
    is_decidable = True
    for operator, members in statement.get("Condition", {}).items():
        wildcards = operator.lower() in _WITH_WILDCARDS
        for key, patterns in members.items():
            if key.lower() in _KEYS and (wildcards or operator.lower() == "stringequals"):
                conditions[key.lower()] = tuple(_pattern(each, wildcards=wildcards) for each in _list(patterns))
            else:
                is_decidable = False
    return PolicyStatement(statement.get("Sid", ""), conditions, is_decidable)


def _pattern(text: str, *, wildcards: bool) -> re.Pattern[str]:
    escaped = re.escape(text)
    return re.compile(escaped.replace(r"\*", ".*").replace(r"\?", ".") if wildcards else escaped)


def _list(value: Any) -> list[Any]:  # noqa: ANN401 -- as in JSON
    return value if isinstance(value, list) else [value]
