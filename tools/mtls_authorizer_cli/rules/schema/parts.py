"""Parts that many schemas have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mtls_authorizer.rules.document.problems import LONGEST_STRING

if TYPE_CHECKING:
    import re


Schema: TypeAlias = dict[str, Any]


def text(pattern: str) -> Schema:
    """Return the schema of text that matches a pattern."""
    return {"type": "string", "minLength": 1, "maxLength": LONGEST_STRING, "pattern": pattern}


def object_with(key: str, value: Schema) -> Schema:
    """Return the schema of an object with one key, which is required."""
    return {"type": "object", "required": [key], "additionalProperties": False, "properties": {str(key): value}}


def one_or_several(item: Schema) -> Schema:
    """Return the schema of an item, or of a list of several."""
    return {"anyOf": [item, non_empty_list(item)]}


def non_empty_list(item: Schema) -> Schema:
    """Return the schema of a list with at least one item."""
    return {"type": "array", "minItems": 1, "items": item}


def reference(definition: str) -> Schema:
    """Return a reference to a definition."""
    return {"$ref": f"#/$defs/{definition}"}


def whole(expression: re.Pattern[str]) -> str:
    """Return a regular expression as the pattern of a whole text."""
    return f"^{expression.pattern}$"
