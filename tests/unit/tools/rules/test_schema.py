"""The JSON Schema: it is up to date, and accepts every document that the authorizer accepts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from client_certificate_auth.short_names import AMBIGUOUS_TYPES, OID_BY_SHORT_NAME, SHORT_NAME_BY_OID
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.document.validation import DOCUMENT_KEYS, RULE_KEYS
from mtls_authorizer.rules.fields import FIELDS, SUBJECT_ALT_NAME_LABELS, FieldKind, parse_label
from mtls_authorizer.rules.names.patterns import ATTRIBUTE_PATTERNS
from mtls_authorizer_cli.main import main
from mtls_authorizer_cli.rules.schema import command as schema
from tests.rules_documents import FINGERPRINT, HOSTILE, VALID, matching
from tests.unit.authorizer.rules.test_document import mutations

FILE = Path(__file__).parents[4] / "authorizer/rules.schema.json"
SCHEMA = schema.rules_schema()
DEFINITIONS = SCHEMA["$defs"]
RULE, MATCH = DEFINITIONS["rule"]["properties"], DEFINITIONS["match"]["properties"]
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_file_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == schema.schema_text(), "run make schema"


def test_the_command_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "schema"], {}) == 0
    assert capsys.readouterr().out == schema.schema_text()


def test_the_schema_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_has_the_keys_of_a_document_in_their_order() -> None:
    assert tuple(SCHEMA["properties"]) == DOCUMENT_KEYS
    assert tuple(RULE) == RULE_KEYS
    assert tuple(MATCH) == tuple(FIELDS)
    assert DEFINITIONS["subject_alt_name"]["properties"].keys() == SUBJECT_ALT_NAME_LABELS.keys()
    assert DEFINITIONS["attributes"]["properties"].keys() <= OID_BY_SHORT_NAME.keys()


def test_every_key_has_a_description() -> None:
    described = [*SCHEMA["properties"].values(), *RULE.values(), *MATCH.values()]
    described += [*DEFINITIONS["subject_alt_name"]["properties"].values(), *(DEFINITIONS[each] for each in Comparison)]
    described += DEFINITIONS["attributes"]["properties"].values()
    assert all(each["description"].endswith(".") for each in described)


@pytest.mark.parametrize("field", FIELDS)
def test_a_string_must_have_the_syntax_of_its_field(field: str) -> None:
    good = {"subject": "CN=a", "issuer": "CN=a", "subject_alt_name": "DNS:a"} | dict.fromkeys(
        ("fingerprint", "public_key", "issuer_key"), FINGERPRINT
    )
    good |= {"spiffe_trust_domain": "acme.example", "psd2_role": "PSP_AI"}
    others = {"issuer": "CN=a"} if field == "serial_number" else {}
    value = good.get(field, "0a")
    for accepted in (value, [value], {"exact": value}):
        assert is_valid(json.loads(matching(field, accepted, **others)))
    if FIELDS[field].syntax is not None:
        assert not is_valid(json.loads(matching(field, "X", **others)))


@pytest.mark.parametrize(
    ("accepted", "rejected"),
    [
        ({"dns": {"suffix": ".a"}}, {"dns": {"suffix": "a"}}),
        ({"dns": "a"}, {"dns": {"prefix": "a"}}),
        ({"email": "a"}, {"email": {"prefix": "a"}}),
        ({"uri": {"prefix": "urn:a:"}}, {"uri": {"prefix": "urn:a"}}),
        ({"email": {"suffix": "@a"}}, {"email": {"suffix": "a"}}),
        ({"ip": "::1"}, {"ip": {"prefix": ":"}}),
        ({"ip": {"exact": "::1"}}, {"ip": {"suffix": "1"}}),
        ({"uri": "urn:a"}, {"uri": {"suffix": "a"}}),
    ],
)
def test_the_schema_has_the_restrictions_on_prefixes_and_suffixes(accepted: object, rejected: object) -> None:
    assert is_valid(json.loads(matching("subject_alt_name", accepted)))
    assert not is_valid(json.loads(matching("subject_alt_name", rejected)))


@pytest.mark.parametrize("attribute", ["emailAddress", "1.2.840.113549.1.9.1", "mail", "0.9.2342.19200300.100.1.3"])
def test_the_schema_has_the_restrictions_on_attributes_under_each_name(attribute: str) -> None:
    for field in ("subject", "issuer"):
        for accepted in ("a@b.example", {"exact": "a@b.example"}, {"suffix": "@b.example"}, {"suffix": ".example"}):
            assert is_valid(json.loads(matching(field, {attribute: accepted})))
        for rejected in ({"prefix": "a@b.example"}, {"suffix": "b.example"}):
            assert not is_valid(json.loads(matching(field, {attribute: rejected})))
    assert is_valid(json.loads(matching("subject", {f"{attribute}1": {"prefix": "a@b.example"}})))


@pytest.mark.without_coverage
def test_the_schema_restricts_exactly_the_attributes_of_the_table() -> None:
    restricted = {label for label, _ in ATTRIBUTE_PATTERNS}
    for name in [*OID_BY_SHORT_NAME, *SHORT_NAME_BY_OID, *restricted]:
        if name in AMBIGUOUS_TYPES:
            continue
        label = parse_label(FieldKind.DISTINGUISHED_NAME, name)
        for comparison in (Comparison.PREFIX, Comparison.SUFFIX):
            permitted = ATTRIBUTE_PATTERNS.get((label, comparison)) is None
            assert is_valid(json.loads(matching("subject", {name: {comparison: "a"}}))) is permitted


def is_accepted(content: bytes) -> bool:
    try:
        parse_rules(content)
    except RulesError:
        return False
    return True


def is_valid(document: object) -> bool:
    return bool(VALIDATOR.is_valid(document))


@pytest.mark.parametrize("content", VALID.values(), ids=VALID)
def test_the_schema_accepts_every_valid_document(content: bytes) -> None:
    assert is_valid(json.loads(content))


STRICTER = {
    # Unlike in ECMAScript, $ in Python's regular expressions also matches before a line feed at the end.
    *("a new line in a name", "a new line in a context", "a control character in a path"),
    *(r"after of a value: 'urn:a:\n'", r"default of a value: 'a\n'"),
    # A JSON parser drops one of the keys.
    "a key twice in a match",
    # JSON Schema cannot express these: dates, comparisons, uniqueness, sums, sizes, surrogates, case-insensitivity.
    *("a name twice", "a large policy", "a day that a month does not have", "an end before the beginning"),
    *("half a surrogate pair", "halves in two strings", "the certificate's key in another case"),
    # It could express these, but nobody could read it.
    *("from of a value: 'subject.organization'", "from of a value: 'subject.uid'", "from of a value: 'issuer.2.'"),
    *("from of a value: 'subject.O.CN'", "a context of too many values"),
    *("a fingerprint to deny", "an issuer's key to deny", "an issuer's key to exclude"),
    *("a dot segment", "a way out of the stage", "a way out at the end", "a way out before a star"),
    *("a long path", "a path that is too long with one of the methods"),
    *("an issuer as OpenSSL prints it", "an issuer with spaces", "an issuer in hexadecimal"),
    *("a user ID in a name", "a user ID in an alternative name", "a directory name with spaces"),
    *("an attribute that isn't known", "an attribute by its long name"),
    *("an attribute in lower case", "an attribute under two names"),
    *("a network", "a name for an address", "a SHA-512"),
    *("a fingerprint to exclude", "a fingerprint among exclusions"),
    *("a serial number of two issuers", "a serial number of part of an issuer"),
    "a serial number of parts of an issuer",
}
STRICTER |= {name for name in HOSTILE if name.startswith("usages of a rule that matches ")}
STRICTER |= {f"usages like {usages}" for usages in ('["serverAuth"]', '"none"', '["clientAuth", "serverAuth"]')}
"""The invalid documents that only the authorizer rejects."""


def test_the_schema_rejects_all_other_invalid_documents() -> None:
    accepted = set()
    for name, hostile in HOSTILE.items():
        if len(hostile.content) > 100_000:
            continue  # the validator is slow
        try:
            document = json.loads(hostile.content.decode())
        except (ValueError, RecursionError):
            continue
        if is_valid(document):
            accepted.add(name)
    assert accepted == STRICTER


@settings(max_examples=500)
@given(mutations())
def test_the_schema_accepts_every_document_that_the_authorizer_accepts(content: bytes) -> None:
    accepted = is_accepted(content)
    event(f"accepted: {accepted}")
    if accepted:
        assert is_valid(json.loads(content))
