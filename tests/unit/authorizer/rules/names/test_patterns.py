"""Restrictions on prefixes and suffixes: no pattern may match a name of another domain or authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client_certificate_auth.short_names import OID_BY_SHORT_NAME
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.fields import FIELDS, FieldKind, parse_label
from mtls_authorizer.rules.names.patterns import ATTRIBUTE_PATTERNS, SUBJECT_ALT_NAME_PATTERNS
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from collections.abc import Mapping

DNS_NAME = {"prefix": None, "suffix": (".acme.example", "acme.example")}
EMAIL_ADDRESS = {"prefix": None, "suffix": ("@acme.example", "acme.example")}
URI = {"prefix": ("spiffe://acme.example/", "spiffe://acme.example"), "suffix": None}
EXACT = {"prefix": None, "suffix": None}

ATTRIBUTES = {
    "emailAddress": EMAIL_ADDRESS,
    "mail": EMAIL_ADDRESS,
    "otherMailbox": EMAIL_ADDRESS,
    "janetMailbox": EMAIL_ADDRESS,
    "msUPN": EMAIL_ADDRESS,
    "1.2.840.113556.1.4.656": EMAIL_ADDRESS,
    "2.5.4.104": EMAIL_ADDRESS,
    "2.5.4.105": EMAIL_ADDRESS,
    "dnsName": DNS_NAME,
    "host": DNS_NAME,
    "associatedDomain": DNS_NAME,
    "DC": EXACT,
    "2.5.4.83": URI,
    "2.5.4.86": URI,
    "2.5.4.87": URI,
    "1.3.6.1.4.1.250.1.57": URI,
}
ALTERNATIVE_NAMES = {"dns": DNS_NAME, "email": EMAIL_ADDRESS, "uri": URI, "ip": EXACT}


def is_accepted(field: str, name: str, comparison: str, text: str) -> list[bool]:
    """Return whether a pattern is accepted to match and to exclude."""
    found = []
    for key in ("match", "not"):
        others = {"match": {"common_name": "a"}} if key == "not" else {}
        try:
            parse_rules(document(rule(**(others | {key: {field: {name: {comparison: text}}}}))))
        except RulesError as error:
            assert error.problems[0].startswith(f"rules[0].{key}.{field}.")  # noqa: PT017 -- both ways are right
            found.append(False)
        else:
            found.append(True)
    return found


@pytest.mark.parametrize("patterns", [SUBJECT_ALT_NAME_PATTERNS, ATTRIBUTE_PATTERNS], ids=["names", "attributes"])
def test_a_restricted_name_has_a_restriction_for_each_comparison(
    patterns: Mapping[tuple[str, Comparison], object],
) -> None:
    names = {name for name, _ in patterns}
    assert patterns.keys() == {(name, each) for name in names for each in Comparison if each is not Comparison.EXACT}


@pytest.mark.parametrize(
    ("field", "names"),
    [("subject", ATTRIBUTES), ("issuer", ATTRIBUTES), ("subject_alt_name", ALTERNATIVE_NAMES)],
)
def test_only_patterns_that_stay_within_a_domain_or_an_authority_are_accepted(
    field: str, names: dict[str, dict[str, tuple[str, str] | None]]
) -> None:
    for name, kind in names.items():
        for spelling in {name, OID_BY_SHORT_NAME.get(name, name)}:
            for comparison, texts in kind.items():
                if texts is None:
                    for text in ("a", ".acme.example", "@acme.example", "spiffe://acme.example/"):
                        assert is_accepted(field, spelling, comparison, text) == [False, False]
                else:
                    good, bad = texts
                    assert is_accepted(field, spelling, comparison, good) == [True, True]
                    assert is_accepted(field, spelling, comparison, bad) == [False, False]


def test_no_other_patterns_are_restricted() -> None:
    assert {label for label, _ in ATTRIBUTE_PATTERNS} == set(ATTRIBUTES)
    assert {label for label, _ in SUBJECT_ALT_NAME_PATTERNS} == {"DNS", "email", "URI", "IP"}
    for field in ("subject", "issuer"):
        assert FIELDS[field].patterns is ATTRIBUTE_PATTERNS
        assert is_accepted(field, "CN", "prefix", "a") == is_accepted(field, "1.2.3", "suffix", "a") == [True, True]


def test_every_restriction_has_a_label_that_certificates_have() -> None:
    for label, comparison in ATTRIBUTE_PATTERNS:
        assert parse_label(FieldKind.DISTINGUISHED_NAME, label) == label
        assert comparison in {Comparison.PREFIX, Comparison.SUFFIX}
