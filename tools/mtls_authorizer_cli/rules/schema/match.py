"""The schema of ``match``: the fields of a certificate, and how their values are written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from client_certificate_auth.short_names import AMBIGUOUS_TYPES, OID_BY_SHORT_NAME
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.fields import FIELDS, SUBJECT_ALT_NAME_LABELS, FieldKind
from mtls_authorizer.rules.names.patterns import ATTRIBUTE_PATTERNS
from mtls_authorizer_cli.rules.schema.parts import Schema, object_with, one_or_several, reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.rules.fields import Field


_COMPARISONS = {
    Comparison.EXACT: "The value is exactly this text. A * is an asterisk.",
    Comparison.PREFIX: "The value starts with this text.",
    Comparison.SUFFIX: "The value ends with this text.",
}
_SUBJECT_ALT_NAMES = {
    "dns": "A DNS name.",
    "uri": "A URI, such as a SPIFFE ID.",
    "email": "An email address.",
    "ip": "An IP address in any notation.",
}
_ATTRIBUTES = {
    "CN": "Common name, if there is exactly one.",
    "O": "Any of the organizations.",
    "OU": "Any of the organizational units.",
    "C": "Country code of two letters.",
    "ST": "State or province.",
    "L": "Locality.",
    "DC": "Any of the domain components.",
    "UID": "User ID.",
    "serialNumber": "Serial number of the subject, not that of the certificate.",
    "emailAddress": "Email address.",
    "organizationIdentifier": "Organization identifier.",
}
"""The attributes that an editor offers. All others are permitted as well."""


def match() -> Schema:
    """Return the schema of ``match``: an object with at least one field."""
    return {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "dependentRequired": {name: [field.companion] for name, field in FIELDS.items() if field.companion is not None},
        "properties": {
            name: {
                "description": f"{field.meaning[0].upper()}{field.meaning[1:]}.",
                **one_or_several(_field_value(field)),
            }
            for name, field in FIELDS.items()
        },
    }


def _field_value(field: Field) -> Schema:
    """Return the schema of one value of a field."""
    text = reference("plain") if field.syntax is None else {"allOf": [reference("plain"), {"pattern": field.syntax}]}
    if field.kind is FieldKind.TEXT:
        return reference("value")
    objects = {FieldKind.DISTINGUISHED_NAME: ["attributes"], FieldKind.SUBJECT_ALT_NAME: ["subject_alt_name"]}
    return {"anyOf": [text, *map(reference, [Comparison.EXACT, *objects.get(field.kind, [])])]}


def subject_alt_name() -> Schema:
    """Return the schema of an alternative name by its type."""
    patterns = FIELDS["subject_alt_name"].patterns
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {
            key: {
                "description": _SUBJECT_ALT_NAMES[key],
                "anyOf": [reference("plain"), *_comparisons(label, patterns)],
            }
            for key, label in SUBJECT_ALT_NAME_LABELS.items()
        },
    }


def attributes() -> Schema:
    """Return the schema of a name's attributes."""
    return {
        "description": "Attributes, by short name or dotted OID. All of them must match.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {
            "anyOf": [{"pattern": "^[A-Za-z][A-Za-z0-9-]*$"}, {"pattern": r"^[0-2](\.(0|[1-9][0-9]*))+$"}],
            "not": {"enum": list(AMBIGUOUS_TYPES)},
        },
        "properties": {
            name: {"description": description, **reference("value")} for name, description in _ATTRIBUTES.items()
        },
        "patternProperties": _restricted_attributes(),
        "additionalProperties": reference("value"),
    }


def _restricted_attributes() -> dict[str, Schema]:
    """Return the schemas of attributes whose prefixes and suffixes are restricted, by a pattern of their names."""
    labels_by_schema: dict[str, list[str]] = {}
    for label in dict.fromkeys(label for label, _ in ATTRIBUTE_PATTERNS):
        schema = {"anyOf": [reference("plain"), *_comparisons(label, ATTRIBUTE_PATTERNS)]}
        labels_by_schema.setdefault(json.dumps(schema), []).append(label)
    return {
        "^({})$".format("|".join(map(re.escape, _with_oids(labels)))): json.loads(schema)
        for schema, labels in labels_by_schema.items()
    }


def _with_oids(labels: list[str]) -> list[str]:
    return [*labels, *(OID_BY_SHORT_NAME[label] for label in labels if label in OID_BY_SHORT_NAME)]


def _comparisons(label: str, patterns: Mapping[tuple[str, Comparison], Any]) -> list[Schema]:
    """Return the schemas of the comparisons that are permitted for a label."""
    schemas = []
    for comparison in Comparison:
        restriction = patterns.get((label, comparison))
        if restriction is None:
            schemas.append(reference(comparison))
        elif restriction.expression is not None:
            text = {"allOf": [reference("plain"), {"pattern": f"^({restriction.expression})$"}]}
            description = f"{_COMPARISONS[comparison][:-1]}, which {restriction.problem}."
            schemas.append({"description": description, **object_with(comparison, text)})
    return schemas


def comparison_schema(comparison: Comparison) -> Schema:
    """Return the schema of a comparison."""
    text = "text" if comparison is Comparison.EXACT else "plain"
    return {"description": _COMPARISONS[comparison], **object_with(comparison, reference(text))}
