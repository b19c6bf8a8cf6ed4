"""``mtls-authorizer rules schema``: the JSON Schema of rules documents, generated from the table of fields.

JSON Schema cannot express every rule: the authorizer rejects some documents that the schema accepts, never the other
way round.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from client_certificate_auth.short_names import DOTTED_OID, OID_BY_SHORT_NAME
from mtls_authorizer.rules.certificate_values import LONGEST_VALUE
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.certificate_values import DEFAULT
from mtls_authorizer.rules.document.problems import LONGEST_STRING
from mtls_authorizer.rules.document.request_limits import API_ID, DOMAIN_NAME, TIME
from mtls_authorizer.rules.document.validation import (
    CONTEXT_KEY,
    LARGEST_CONTEXT,
    PRINTABLE_ASCII,
    RESERVED_CONTEXT_KEY,
    RULE_NAME,
    USAGE_PLAN_KEY,
)
from mtls_authorizer.rules.fields import FIELDS, SUBJECT_ALT_NAME_LABELS, FieldKind
from mtls_authorizer.rules.key_usage import USAGE_NAMES
from mtls_authorizer.rules.names.patterns import ATTRIBUTE_PATTERNS, SUBJECT_ALT_NAME_PATTERNS
from mtls_authorizer.rules.names.written_names import AMBIGUOUS_TYPES
from mtls_authorizer.rules.routes import METHODS, SEGMENT
from mtls_authorizer.rules.rule import ENVIRONMENT, UsagePlanKey
from mtls_authorizer_cli.command_line import ExitStatus, write_output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer.rules.fields import Field
    from mtls_authorizer_cli.command_line import Parser, Subparsers

_Schema: TypeAlias = dict[str, Any]

_CONTROL_CHARACTERS = r"\u0000-\u001f\u007f-\u009f"

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


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand. It has no options."""
    return subparsers.add_parser(
        "schema",
        help="print the JSON Schema of rules documents",
        description="Print the JSON Schema (draft 2020-12) of rules documents, for editors.",
        epilog="Exit status: 0; 2 if the output cannot be written.",
    )


def run(_options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print the schema. Raises CommandError."""
    write_output(schema_text())
    return ExitStatus.SUCCESS


def schema_text() -> str:
    """Return the content of ``authorizer/rules.schema.json``."""
    return json.dumps(rules_schema(), indent=2) + "\n"


def rules_schema() -> _Schema:
    """Return the JSON Schema (draft 2020-12) of a rules document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of the mTLS authorizer",
        "description": "Which client certificates may call which routes. The authorizer checks more than this schema: "
        "mtls-authorizer rules check FILE prints every problem.",
        "type": "object",
        "anyOf": [{"required": ["rules"]}, {"required": ["deny"]}],
        "additionalProperties": False,
        "properties": {
            "$schema": {"description": "The location of this schema, for editors. Ignored.", **_reference("text")},
            "deny": {
                "description": "Exclusions from all rules, and from everything else that allows clients: a certificate "
                "is denied if it matches all fields of the object, or of one object in the list.",
                **_one_or_several(_reference("match")),
            },
            "rules": {
                "description": "The rules, in order. If several match a certificate, the client may call the routes of "
                "all of them; context and usage plan key are those of the first.",
                **_non_empty_list(_reference("rule")),
            },
        },
        "$defs": {
            "rule": _rule(),
            "match": _match(),
            FieldKind.SUBJECT_ALT_NAME.value: _subject_alt_name(),
            "attributes": _attributes(),
            "value": {"anyOf": [_reference("plain"), *map(_reference, Comparison)]},
            **{comparison.value: _comparison(comparison) for comparison in Comparison},
            "text": _text(f"^[^{_CONTROL_CHARACTERS}]+$"),
            "plain": _text(f"^[^*{_CONTROL_CHARACTERS}]+$"),
            "route": _route(),
            "certificate_value": _certificate_value(),
        },
    }


def _rule() -> _Schema:
    return {
        "description": "What a certificate must match, and what its client may then call.",
        "type": "object",
        "required": ["name", "match"],
        "additionalProperties": False,
        "properties": {
            "name": {
                "description": "The name of the rule in the log. Names are unique.",
                "type": "string",
                "pattern": _whole(RULE_NAME),
                "not": {"const": ENVIRONMENT},
            },
            "description": {"description": "A comment. Ignored.", **_reference("text")},
            "match": {"description": "The fields that a certificate must match, all of them.", **_reference("match")},
            "not": {
                "description": "Exclusions: a certificate is excluded if it matches all fields of the object, or of "
                f"one object in the list. Not by {_not_excludable()}.",
                **_one_or_several(_reference("match")),
            },
            "extended_key_usage": {
                "description": "Replaces REQUIRED_EXTENDED_KEY_USAGE for this rule: usages of which a certificate must "
                'have one, or "none". Other values than ["clientAuth"] need issuer or issuer_key, and exact names.',
                "anyOf": [
                    {"const": "none"},
                    _non_empty_list({"type": "string", "pattern": rf"^({'|'.join(USAGE_NAMES)}|{DOTTED_OID})$"}),
                ],
            },
            "allow": {
                "description": "The routes that the client may call. Without this key, it may call all routes.",
                **_non_empty_list(_reference("route")),
            },
            "api_id": {
                "description": "The APIs for which the rule is in effect, by their IDs. Without this key: all.",
                **_one_or_several({"type": "string", "pattern": _whole(API_ID)}),
            },
            "domain_name": {
                "description": "The domain names under which the rule is in effect. Without this key: all. If API "
                "Gateway caches responses, $context.domainName must be among the identity sources.",
                **_one_or_several({"type": "string", "pattern": _whole(DOMAIN_NAME)}),
            },
            "not_before": {"description": "The first second in which the rule is in effect, in UTC.", **_time()},
            "not_after": {"description": "The last second in which the rule is in effect, in UTC.", **_time()},
            "context": {
                "description": "Constants and values from the certificate, for the integration. At most "
                f"{LARGEST_CONTEXT} characters together; each value from the certificate counts as {LONGEST_VALUE}.",
                "type": "object",
                "propertyNames": {
                    "pattern": _whole(CONTEXT_KEY),
                    "not": {"pattern": f"^({RESERVED_CONTEXT_KEY.pattern})$"},
                },
                "additionalProperties": {
                    "anyOf": [
                        {"type": "string", "pattern": _whole(PRINTABLE_ASCII)},
                        _reference("certificate_value"),
                    ]
                },
            },
            "usage_plan_key": {
                "description": "The key of the usage plan that throttles the client, on a REST API with the "
                "apiKeySource AUTHORIZER.",
                "anyOf": [
                    {
                        "description": "The certificate's SHA-256: 64 upper-case hexadecimal digits.",
                        "const": UsagePlanKey.FINGERPRINT.value,
                    },
                    {
                        "description": "This key, for all clients of the rule.",
                        **_object_with("value", {"type": "string", "pattern": _whole(USAGE_PLAN_KEY)}),
                    },
                    {
                        "description": "The SHA-256 of a value from the certificate: 64 lower-case hexadecimal digits.",
                        **_reference("certificate_value"),
                    },
                ],
            },
        },
    }


def _not_excludable() -> str:
    return " or ".join(name for name, field in FIELDS.items() if field.exclusion_problem is not None)


def _match() -> _Schema:
    return {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "dependentRequired": {name: [field.companion] for name, field in FIELDS.items() if field.companion is not None},
        "properties": {
            name: {
                "description": f"{field.meaning[0].upper()}{field.meaning[1:]}.",
                **_one_or_several(_field_value(field)),
            }
            for name, field in FIELDS.items()
        },
    }


def _field_value(field: Field) -> _Schema:
    """Return the schema of one value of a field."""
    text = _reference("plain") if field.syntax is None else {"allOf": [_reference("plain"), {"pattern": field.syntax}]}
    if field.kind is FieldKind.TEXT:
        return _reference("value")
    objects = {FieldKind.DISTINGUISHED_NAME: ["attributes"], FieldKind.SUBJECT_ALT_NAME: ["subject_alt_name"]}
    return {"anyOf": [text, *map(_reference, [Comparison.EXACT, *objects.get(field.kind, [])])]}


def _subject_alt_name() -> _Schema:
    patterns = FIELDS["subject_alt_name"].patterns
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {
            key: {
                "description": _SUBJECT_ALT_NAMES[key],
                "anyOf": [_reference("plain"), *_comparisons(label, patterns)],
            }
            for key, label in SUBJECT_ALT_NAME_LABELS.items()
        },
    }


def _attributes() -> _Schema:
    return {
        "description": "Attributes, by short name or dotted OID. All of them must match.",
        "type": "object",
        "minProperties": 1,
        "propertyNames": {
            "anyOf": [{"pattern": "^[A-Za-z][A-Za-z0-9-]*$"}, {"pattern": r"^[0-2](\.(0|[1-9][0-9]*))+$"}],
            "not": {"enum": list(AMBIGUOUS_TYPES)},
        },
        "properties": {
            name: {"description": description, **_reference("value")} for name, description in _ATTRIBUTES.items()
        },
        "patternProperties": _restricted_attributes(),
        "additionalProperties": _reference("value"),
    }


def _restricted_attributes() -> dict[str, _Schema]:
    """Return the schemas of attributes whose prefixes and suffixes are restricted, by a pattern of their names."""
    labels_by_schema: dict[str, list[str]] = {}
    for label in dict.fromkeys(label for label, _ in ATTRIBUTE_PATTERNS):
        schema = {"anyOf": [_reference("plain"), *_comparisons(label, ATTRIBUTE_PATTERNS)]}
        labels_by_schema.setdefault(json.dumps(schema), []).append(label)
    return {
        "^({})$".format("|".join(map(re.escape, _with_oids(labels)))): json.loads(schema)
        for schema, labels in labels_by_schema.items()
    }


def _with_oids(labels: list[str]) -> list[str]:
    return [*labels, *(OID_BY_SHORT_NAME[label] for label in labels if label in OID_BY_SHORT_NAME)]


def _comparisons(label: str, patterns: Mapping[tuple[str, Comparison], Any]) -> list[_Schema]:
    """Return the schemas of the comparisons that are permitted for a label."""
    schemas = []
    for comparison in Comparison:
        restriction = patterns.get((label, comparison))
        if restriction is None:
            schemas.append(_reference(comparison))
        elif restriction.expression is not None:
            text = {"allOf": [_reference("plain"), {"pattern": f"^({restriction.expression})$"}]}
            description = f"{_COMPARISONS[comparison][:-1]}, which {restriction.problem}."
            schemas.append({"description": description, **_object_with(comparison, text)})
    return schemas


def _comparison(comparison: Comparison) -> _Schema:
    text = "text" if comparison is Comparison.EXACT else "plain"
    return {"description": _COMPARISONS[comparison], **_object_with(comparison, _reference(text))}


def _certificate_value() -> _Schema:
    prefix, types = SUBJECT_ALT_NAME_PATTERNS["URI", Comparison.PREFIX], "|".join(SUBJECT_ALT_NAME_LABELS)
    return {
        "description": "The one value of this kind in the certificate, in printable ASCII. Without it, the rule does "
        "not match, unless there is a default.",
        "type": "object",
        "required": ["from"],
        "additionalProperties": False,
        "properties": {
            "from": {
                "description": "An attribute of the subject or the issuer, or a type of subject alternative names.",
                "type": "string",
                "pattern": rf"^((subject|issuer)\.[A-Za-z0-9.-]+|subject_alt_name\.({types}))$",
                "examples": ["subject.O", "subject.2.5.4.97", "subject_alt_name.uri"],
            },
            "after": {
                "description": "Only a URI that begins with this text counts, and the value is the rest of it. The "
                f"text {prefix.problem}.",
                "allOf": [_reference("text"), {"pattern": prefix.expression and f"^{prefix.expression}$"}],
            },
            "default": {
                "description": "The value if the certificate does not have exactly one.",
                "type": "string",
                "pattern": _whole(DEFAULT),
            },
        },
        "dependentSchemas": {"after": {"properties": {"from": {"const": "subject_alt_name.uri"}}}},
    }


def _time() -> _Schema:
    return {"type": "string", "pattern": _whole(TIME), "examples": ["2027-03-15T00:00:00Z"]}


def _route() -> _Schema:
    methods, segment = "|".join([r"\*", *METHODS]), SEGMENT
    return {
        "description": "A method, or * for any, and a path. A path that ends with /* includes all paths below it.",
        "type": "string",
        "pattern": rf"^({methods}) /({segment}/)*({segment}|\*)?$",
        "examples": ["GET /payments/*", "POST /payments", "* /reports/*"],
    }


def _text(pattern: str) -> _Schema:
    return {"type": "string", "minLength": 1, "maxLength": LONGEST_STRING, "pattern": pattern}


def _object_with(key: str, value: _Schema) -> _Schema:
    return {"type": "object", "required": [key], "additionalProperties": False, "properties": {str(key): value}}


def _one_or_several(item: _Schema) -> _Schema:
    return {"anyOf": [item, _non_empty_list(item)]}


def _non_empty_list(item: _Schema) -> _Schema:
    return {"type": "array", "minItems": 1, "items": item}


def _reference(definition: str) -> _Schema:
    return {"$ref": f"#/$defs/{definition}"}


def _whole(expression: re.Pattern[str]) -> str:
    return f"^{expression.pattern}$"
