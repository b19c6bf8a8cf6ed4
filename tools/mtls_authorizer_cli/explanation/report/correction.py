"""Values that differ from the required ones in something that is easily overlooked, and how to correct them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtls_authorizer.rules.fields import FIELDS, FieldKind
from mtls_authorizer.rules.rule import ENVIRONMENT
from mtls_authorizer_cli.explanation.report.places import place_of
from mtls_authorizer_cli.explanation.similarity import Difference
from mtls_authorizer_cli.explanation.wording import (
    alternative_text,
    alternatives,
    fact_text,
    unusual_characters,
    value_text,
)

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation.rules import FieldExplanation, RuleExplanation
    from mtls_authorizer_cli.explanation.similarity import Deviation

_DIFFERS = {
    Difference.CASE: "only the case differs",
    Difference.SPACE: "only spaces differ",
    Difference.CASE_AND_SPACE: "only the case and spaces differ",
    Difference.CHARACTERS: "only quotation marks, invisible characters or the encoding of letters differ",
    Difference.ORDER: "only the order of the attributes differs",
    Difference.GROUPING: "only the signs between the attributes differ (+ within a relative distinguished name)",
    Difference.DECIMAL: "it is the same number in decimal, and hexadecimal is required",
    Difference.ONE_CHARACTER: "one character differs",
}


def deviation_text(rule: RuleExplanation, field: FieldExplanation, deviation: Deviation) -> str:
    """Return what is easily overlooked in a field."""
    place, found = place_of(rule, field), fact_text(deviation.fact)
    if deviation.difference is Difference.SPLIT and field.nearest:
        parts = " and ".join(alternative_text((condition,)) for condition in field.nearest.alternative)
        return f"{place} has {parts} as separate values, and the certificate has {found}."
    if deviation.difference is Difference.REVERSED:
        return f"{place} has the same attributes as the certificate in reverse order."
    required, differs = alternative_text((deviation.condition,)), _DIFFERS[deviation.difference]
    if deviation.difference is Difference.ONE_CHARACTER:
        differs += unusual_characters(value_text(deviation.condition.value), deviation.spelling)
    return f"{place} requires {required}, and the certificate has {found}: {differs}."


def correction(rule: RuleExplanation, field: FieldExplanation, deviation: Deviation) -> str:
    """Return how a field is written so that it matches."""
    if deviation.difference is Difference.SPLIT:
        return f"Write one value, in a JSON array: {_array(field, deviation.spelling)}."
    place, spelling = place_of(rule, field), _written(rule, field, deviation)
    if spelling is None:
        return f"Match it by a rule: {place} cannot contain it, because spaces around an item are ignored."
    if deviation.difference is Difference.REVERSED:
        return f"Write {spelling} in {place}: RFC 4514 begins with the most specific attribute."
    if deviation.difference is Difference.DECIMAL:
        return f"Write {spelling} in {place}."
    return f"Write {spelling} in {place}, or have the certificate issued with the required value."


def _written(rule: RuleExplanation, field: FieldExplanation, deviation: Deviation) -> str | None:
    """Return a value as it is written in a rules document, or in the environment; None if that is impossible there."""
    (name, label, _, _), spelling = deviation.condition, deviation.spelling
    if rule.rule.name != ENVIRONMENT:
        return f"{label} {json.dumps(spelling)}".lstrip()
    item = list_item(name, label, spelling)
    return None if item is None else f"'{item}'" if is_plain(name, item) else _array(field, item)


def _array(field: FieldExplanation, item: str) -> str:
    """Return a value in a JSON array, with an ellipsis for the others of the field, which are to stay there."""
    replaced = field.nearest.alternative if field.nearest else ()
    others = ", ..." if len(alternatives(field.matcher)) > len(replaced) else ""
    return f"[{json.dumps(item)}{others}]"


def list_item(field: str, label: str, text: str) -> str | None:
    """Return a value as an item of a list in the environment; None if no item can be this value."""
    item = f"{label}:{text}" if FIELDS[field].kind is FieldKind.SUBJECT_ALT_NAME else text
    return item if item == item.strip() else None


def is_plain(field: str, item: str) -> bool:
    """Return whether an item needs no JSON array, which does not separate at commas, and can be written in ASCII."""
    separates = FIELDS[field].kind is not FieldKind.DISTINGUISHED_NAME and "," in item
    return item.isascii() and not separates and not item.startswith("[")
