"""``mtls-authorizer rules schema``: print the JSON Schema of rules documents, generated from the table of fields.

JSON Schema cannot express every rule: the authorizer rejects some documents that the schema accepts, never the other
way round.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from client_certificate_auth.short_names import DOTTED_OID
from mtls_authorizer.rules.certificate_values import LONGEST_VALUE
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.certificate_value_validation import DEFAULT
from mtls_authorizer.rules.document.request_limits_validation import API_ID, DOMAIN_NAME, TIME
from mtls_authorizer.rules.document.validation import (
    CONTEXT_KEY,
    LARGEST_CONTEXT,
    PRINTABLE_ASCII,
    RESERVED_CONTEXT_KEY,
    RULE_NAME,
    USAGE_PLAN_KEY,
)
from mtls_authorizer.rules.extended_key_usage import OID_BY_USAGE
from mtls_authorizer.rules.fields import FIELDS, SUBJECT_ALT_NAME_LABELS, FieldKind
from mtls_authorizer.rules.names.patterns import SUBJECT_ALT_NAME_PATTERNS
from mtls_authorizer.rules.routes import METHODS, SEGMENT
from mtls_authorizer.rules.rule import ENVIRONMENT, UsagePlanKey
from mtls_authorizer_cli.command_line import ExitStatus, write_output
from mtls_authorizer_cli.rules.schema.match import attributes, comparison_schema, match, subject_alt_name
from mtls_authorizer_cli.rules.schema.parts import (
    Schema,
    non_empty_list,
    object_with,
    one_or_several,
    reference,
    text,
    whole,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer_cli.command_line import Parser, Subparsers


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


_CONTROL_CHARACTERS = r"\u0000-\u001f\u007f-\u009f"


def schema_text() -> str:
    """Return the content of ``authorizer/rules.schema.json``."""
    return json.dumps(rules_schema(), indent=2) + "\n"


def rules_schema() -> Schema:
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
            "$schema": {"description": "The location of this schema, for editors. Ignored.", **reference("text")},
            "deny": {
                "description": "Exclusions from all rules, and from everything else that allows clients: a certificate "
                "is denied if it matches all fields of the object, or of one object in the list.",
                **one_or_several(reference("match")),
            },
            "rules": {
                "description": "The rules, in order. If several match a certificate, the client may call the routes of "
                "all of them; context and usage plan key are those of the first.",
                **non_empty_list(reference("rule")),
            },
        },
        "$defs": {
            "rule": _rule(),
            "match": match(),
            FieldKind.SUBJECT_ALT_NAME.value: subject_alt_name(),
            "attributes": attributes(),
            "value": {"anyOf": [reference("plain"), *map(reference, Comparison)]},
            **{comparison.value: comparison_schema(comparison) for comparison in Comparison},
            "text": text(f"^[^{_CONTROL_CHARACTERS}]+$"),
            "plain": text(f"^[^*{_CONTROL_CHARACTERS}]+$"),
            "route": _route(),
            "certificate_value": _certificate_value(),
        },
    }


def _rule() -> Schema:
    return {
        "description": "What a certificate must match, and what its client may then call.",
        "type": "object",
        "required": ["name", "match"],
        "additionalProperties": False,
        "properties": {
            "name": {
                "description": "The name of the rule in the log. Names are unique.",
                "type": "string",
                "pattern": whole(RULE_NAME),
                "not": {"const": ENVIRONMENT},
            },
            "description": {"description": "A comment. Ignored.", **reference("text")},
            "match": {"description": "The fields that a certificate must match, all of them.", **reference("match")},
            "not": {
                "description": "Exclusions: a certificate is excluded if it matches all fields of the object, or of "
                f"one object in the list. Not by {_not_excludable()}.",
                **one_or_several(reference("match")),
            },
            "extended_key_usage": {
                "description": "Replaces REQUIRED_EXTENDED_KEY_USAGE for this rule: usages of which a certificate must "
                'have one, or "none". Other values than ["clientAuth"] need issuer or issuer_key, and exact names.',
                "anyOf": [
                    {"const": "none"},
                    non_empty_list({"type": "string", "pattern": rf"^({'|'.join(OID_BY_USAGE)}|{DOTTED_OID})$"}),
                ],
            },
            "allow": {
                "description": "The routes that the client may call. Without this key, it may call all routes.",
                **non_empty_list(reference("route")),
            },
            "api_id": {
                "description": "The APIs for which the rule is in effect, by their IDs. Without this key: all.",
                **one_or_several({"type": "string", "pattern": whole(API_ID)}),
            },
            "domain_name": {
                "description": "The domain names under which the rule is in effect. Without this key: all. If API "
                "Gateway caches responses, $context.domainName must be among the identity sources.",
                **one_or_several({"type": "string", "pattern": whole(DOMAIN_NAME)}),
            },
            "not_before": {"description": "The first second in which the rule is in effect, in UTC.", **_time()},
            "not_after": {"description": "The last second in which the rule is in effect, in UTC.", **_time()},
            "context": {
                "description": "Constants and values from the certificate, for the integration. At most "
                f"{LARGEST_CONTEXT} characters together; each value from the certificate counts as {LONGEST_VALUE}.",
                "type": "object",
                "propertyNames": {
                    "pattern": whole(CONTEXT_KEY),
                    "not": {"pattern": f"^({RESERVED_CONTEXT_KEY.pattern})$"},
                },
                "additionalProperties": {
                    "anyOf": [
                        {"type": "string", "pattern": whole(PRINTABLE_ASCII)},
                        reference("certificate_value"),
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
                        **object_with("value", {"type": "string", "pattern": whole(USAGE_PLAN_KEY)}),
                    },
                    {
                        "description": "The SHA-256 of a value from the certificate: 64 lower-case hexadecimal digits.",
                        **reference("certificate_value"),
                    },
                ],
            },
        },
    }


def _not_excludable() -> str:
    return " or ".join(name for name, field in FIELDS.items() if field.exclusion_problem is not None)


def _certificate_value() -> Schema:
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
                "allOf": [reference("text"), {"pattern": prefix.expression and f"^{prefix.expression}$"}],
            },
            "default": {
                "description": "The value if the certificate does not have exactly one.",
                "type": "string",
                "pattern": whole(DEFAULT),
            },
        },
        "dependentSchemas": {"after": {"properties": {"from": {"const": "subject_alt_name.uri"}}}},
    }


def _time() -> Schema:
    return {"type": "string", "pattern": whole(TIME), "examples": ["2027-03-15T00:00:00Z"]}


def _route() -> Schema:
    methods, segment = "|".join([r"\*", *METHODS]), SEGMENT
    return {
        "description": "A method, or * for any, and a path. A path that ends with /* includes all paths below it.",
        "type": "string",
        "pattern": rf"^({methods}) /({segment}/)*({segment}|\*)?$",
        "examples": ["GET /payments/*", "POST /payments", "* /reports/*"],
    }
