"""The place of a requirement, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.rule import ENVIRONMENT
from mtls_authorizer_cli.printed import quoted

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation.rules import FieldExplanation, RuleExplanation


def place_of(rule: RuleExplanation, field: FieldExplanation | None = None) -> str:
    """Return the name of a rule, or of the variable with its list, in words."""
    if rule.rule.name != ENVIRONMENT:
        return f"rule {quoted(rule.rule.name)}"
    variable = field and FIELDS[field.matcher.field].variable
    return variable or "the environment's list"
