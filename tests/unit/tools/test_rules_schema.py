"""The JSON Schema says what the code says: the same fields, keys and patterns, and it takes what the code takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from client_certificate_auth.short_names import OID_BY_SHORT_NAME
from mtls_authorizer.rules.document import (
    CONTEXT_KEY,
    DOCUMENT_KEYS,
    LONGEST_STRING,
    PATTERNS,
    PRINTABLE_ASCII,
    RESERVED_CONTEXT_KEY,
    RULE_KEYS,
    RULE_NAME,
    USAGE_PLAN_KEY,
    WITHOUT_SUFFIX,
    RulesError,
    parse_rules,
)
from mtls_authorizer.rules.matching import FIELDS, SUBJECT_ALT_NAME_LABELS, WITHOUT_PATTERNS, Comparison
from mtls_authorizer.rules.routes import METHODS, SEGMENT
from mtls_authorizer.rules.rule_set import ENVIRONMENT, UsagePlanKey
from tests.rules_documents import HOSTILE, VALID
from tests.unit.authorizer.rules.test_document import mutations

if TYPE_CHECKING:
    import re

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "authorizer/rules.schema.json").read_text(encoding="utf-8")
)
DEFINITIONS = SCHEMA["$defs"]
RULE, MATCH = DEFINITIONS["rule"]["properties"], DEFINITIONS["match"]["properties"]
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_has_the_keys_and_fields_of_the_code_in_their_order() -> None:
    assert tuple(SCHEMA["properties"]) == DOCUMENT_KEYS
    assert tuple(RULE) == RULE_KEYS
    assert tuple(MATCH) == tuple(FIELDS)
    assert DEFINITIONS["subject_alt_name"]["properties"].keys() == SUBJECT_ALT_NAME_LABELS.keys()
    assert DEFINITIONS["attributes"]["properties"].keys() <= OID_BY_SHORT_NAME.keys()
    assert [each for each in DEFINITIONS if each in tuple(Comparison)] == list(Comparison)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_described_as_the_code_does(field: str) -> None:
    meaning = FIELDS[field].meaning
    assert MATCH[field]["description"] == f"{meaning[0].upper()}{meaning[1:]}."
    item, many = MATCH[field]["anyOf"]
    assert many == {"type": "array", "items": item, "minItems": 1}
    # Only what has no patterns and no labels is a string and nothing else.
    offered = json.dumps(item)
    assert ("#/$defs/value" in offered) is (FIELDS[field].patterns and FIELDS[field].label is None)
    assert ("#/$defs/attributes" in offered) is FIELDS[field].combines


def test_every_key_has_a_description() -> None:
    described = [*SCHEMA["properties"].values(), *RULE.values(), *MATCH.values()]
    described += [*DEFINITIONS["subject_alt_name"]["properties"].values(), *(DEFINITIONS[each] for each in Comparison)]
    described += DEFINITIONS["attributes"]["properties"].values()
    assert all(each["description"].endswith(".") for each in described)


def whole(pattern: re.Pattern[str]) -> str:
    return f"^{pattern.pattern}$"


def test_the_schema_has_the_patterns_of_the_code() -> None:
    assert RULE["name"]["pattern"] == whole(RULE_NAME)
    assert RULE["name"]["not"] == {"const": ENVIRONMENT}
    keys = RULE["context"]["propertyNames"]
    assert keys["pattern"] == whole(CONTEXT_KEY)
    assert keys["not"]["pattern"] == f"^({RESERVED_CONTEXT_KEY.pattern})$"
    assert RULE["context"]["additionalProperties"]["pattern"] == whole(PRINTABLE_ASCII)
    fingerprint, key = RULE["usage_plan_key"]["anyOf"]
    assert fingerprint["const"] == UsagePlanKey.FINGERPRINT
    assert key["properties"]["value"]["pattern"] == whole(USAGE_PLAN_KEY)
    methods = "|".join([r"\*", *METHODS])
    assert DEFINITIONS["route"]["pattern"] == rf"^({methods}) /({SEGMENT.pattern}/)*({SEGMENT.pattern}|\*)?$"
    for text in ("text", "plain"):
        assert (DEFINITIONS[text]["minLength"], DEFINITIONS[text]["maxLength"]) == (1, LONGEST_STRING)


def test_the_schema_has_the_patterns_of_alternative_names() -> None:
    for key, definition in DEFINITIONS["subject_alt_name"]["properties"].items():
        label = SUBJECT_ALT_NAME_LABELS[key]
        own = {option["required"][0]: option for option in definition["anyOf"] if "properties" in option}
        assert own.keys() == {comparison for of_label, comparison in PATTERNS if of_label == label}
        for comparison, option in own.items():
            (_, pattern) = option["properties"][comparison]["allOf"]
            expression, _ = PATTERNS[label, Comparison(comparison)]
            assert pattern["pattern"] in {whole(expression), f"^({expression.pattern})$"}
        referred = {option["$ref"].rpartition("/")[2] for option in definition["anyOf"] if "$ref" in option}
        possible = {comparison for comparison in Comparison if (label, comparison) != WITHOUT_SUFFIX}
        assert (referred | own.keys() == {"plain", *possible}) is (label not in WITHOUT_PATTERNS)


def is_taken(content: bytes) -> bool:
    try:
        parse_rules(content)
    except RulesError:
        return False
    return True


def is_valid(document: object) -> bool:
    return bool(VALIDATOR.is_valid(document))


@pytest.mark.parametrize("content", VALID.values(), ids=VALID)
def test_the_schema_takes_every_valid_document(content: bytes) -> None:
    assert is_valid(json.loads(content))


STRICTER = {
    # In Python's regular expressions, other than in ECMAScript's, $ also matches before a line feed at the end.
    *("a new line in a name", "a new line in a context", "a control character in a path"),
    # What a JSON parser drops before anybody validates.
    "a key twice in a match",
    # What the schema has no words for: uniqueness, sums, sizes, surrogates, letters of any case.
    *("a name twice", "a large policy"),
    *("half a surrogate pair", "halves in two strings", "the certificate's key in another case"),
    # What it could say, but not so that anybody could read it.
    *("a dot segment", "a way out of the stage", "a way out at the end", "a way out before a star"),
    *("a long path", "a path that is too long with one of the methods"),
    *("an issuer as OpenSSL prints it", "an issuer with spaces", "an issuer in hexadecimal"),
    *("an attribute that isn't known", "an attribute twice in a set", "an attribute by its long name"),
    *("an attribute in lower case", "an attribute under two names"),
    *("a network", "a name for an address", "a SHA-512"),
    *("a fingerprint to exclude", "a fingerprint among exclusions", "an address's domain open at its beginning"),
    *(
        "a serial number of two issuers",
        "a serial number of part of an issuer",
        "a serial number of parts of an issuer",
    ),
}
"""The hostile documents that only the code refuses."""


def test_the_schema_refuses_every_hostile_document_but_for_these() -> None:
    taken = set()
    for name, hostile in HOSTILE.items():
        if len(hostile.content) > 100_000:
            continue  # the validator's time isn't of interest
        try:
            document = json.loads(hostile.content.decode())
        except (ValueError, RecursionError):
            continue
        if is_valid(document):
            taken.add(name)
    assert taken == STRICTER


@settings(max_examples=500)
@given(mutations())
def test_the_schema_takes_whatever_the_code_takes(content: bytes) -> None:
    taken = is_taken(content)
    event(f"taken: {taken}")
    if taken:
        assert is_valid(json.loads(content))
