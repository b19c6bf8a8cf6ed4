"""Warnings about allowlists: for values that probably mean something else than intended, and only for those."""

from __future__ import annotations

import json

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.allowlist_warnings import (
    DECIMAL_NUMBER,
    INVISIBLE_CHARACTER,
    MALFORMED_NAME,
    MESSAGES,
    MOST_LOGGED,
    NOT_ALL,
    NOT_ASCII,
    NOT_NFC,
    QUOTED_ITEM,
    REVERSED_NAME,
    SPLIT_NAME,
    allowlist_warnings,
    log_allowlist_warnings,
)
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.rule_set import RuleSet
from tests.pki.certificates import client_pem

NAMES_WITH_JOINERS = (
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u0915\u094d\u200d\u0937",
    "\u0d28\u0d4d\u200d",
)
"""In Persian with a non-joiner, in Hindi and in Malayalam with a joiner after a virama, at the end, too."""

BLANKS = "\u2800\u3164\uffa0"
PRINTABLE_BUT_INVISIBLE = (
    *"\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\ufe00\ufe0f\U000e0100\U000e01ef",
    *BLANKS,
)

NAMES_WITH_VARIATION_SELECTORS = ("\u845b\U000e0100\u98fe", "\u2764\ufe0f", "\u2194\ufe0e Acme", "\u1820\u180b")
"""A Chinese character, a heart, an arrow and a Mongolian letter in forms that are not the usual ones."""

LISTS = ("ALLOWED_COMMON_NAMES", "ALLOWED_ORGANIZATIONAL_UNITS", "ALLOWED_ORGANIZATIONS")


@pytest.mark.parametrize("variable", LISTS)
@pytest.mark.parametrize(
    ("text", "name", "correction"),
    [
        ("Example, Inc.", "Example, Inc.", ["Example, Inc."]),
        ("Example,INC", "Example, INC", ["Example, INC"]),
        ("Acme,Example Bank, N.A.", "Example Bank, N.A.", ["Acme", "Example Bank, N.A."]),
        ("Example, S.p.A., Acme", "Example, S.p.A.", ["Example, S.p.A.", "Acme"]),
        ("Example Co., Ltd.", "Example Co., Ltd.", ["Example Co., Ltd."]),
        ("Example, GmbH & Co. KG", "Example, GmbH & Co. KG", ["Example, GmbH & Co. KG"]),
        ("Beispiel, AG", "Beispiel, AG", ["Beispiel, AG"]),
        ("Łódź, Sp. z o.o.", "Łódź, Sp. z o.o.", ["Łódź, Sp. z o.o."]),
        ("Example, Pty. Ltd.", "Example, Pty. Ltd.", ["Example, Pty. Ltd."]),
    ],
)
def test_a_legal_form_as_an_item_is_probably_part_of_a_name(
    variable: str, text: str, name: str, correction: list[str]
) -> None:
    ((kind, fields),) = allowlist_warnings({variable: text})
    assert (kind, fields["variable"], fields["value"]) == (SPLIT_NAME, variable, name)
    assert json.loads(fields["correction"]) == correction
    # The correction is a value without a warning.
    assert load_settings({variable: fields["correction"]}).rules
    assert not list(allowlist_warnings({variable: fields["correction"]}))


@pytest.mark.parametrize(
    "text",
    ["Inc.", "Inc., Example", "a, ab, ag", "Example Inc., Acme Ltd.", "Example, Incorporation", '["a", "Inc."]', ""],
)
@pytest.mark.parametrize("variable", LISTS)
def test_other_items_are_not_doubtful(variable: str, text: str) -> None:
    assert not list(allowlist_warnings({variable: text}))


@pytest.mark.parametrize("variable", LISTS)
@pytest.mark.parametrize(
    ("text", "correction"),
    [
        ('"alpha"', ["alpha"]),
        (' "alpha" ', ["alpha"]),
        ("'alpha','beta'", ["alpha", "beta"]),
        ("alpha, \u201cbeta\u201d", ["alpha", "beta"]),
        ('"alpha,beta"', ["alpha", "beta"]),
        ('\'["alpha", "beta"]\'', ["alpha", "beta"]),
    ],
)
def test_quotation_marks_around_an_item_or_the_list_are_probably_no_part_of_a_name(
    variable: str, text: str, correction: list[str]
) -> None:
    ((kind, fields),) = allowlist_warnings({variable: text})
    assert (kind, fields["variable"], fields["value"]) == (QUOTED_ITEM, variable, text.strip())
    assert json.loads(fields["correction"]) == correction
    assert not list(allowlist_warnings({variable: fields["correction"]}))


@pytest.mark.parametrize(
    "text",
    ["'s Heeren Loo", "'s Heeren Loo, Jones'x", "O'Brien", 'the "Acme" group', "'", r'["\"alpha\""]', "Jones', a"],
)
def test_other_quotation_marks_are_part_of_a_name(text: str) -> None:
    assert not list(allowlist_warnings({"ALLOWED_ORGANIZATIONS": text}))


@pytest.mark.parametrize(
    ("variable", "text", "value", "correction"),
    [
        ("ALLOWED_COMMON_NAMES", "\ufeffalpha,beta", r"\ufeffalpha", ["alpha", "beta"]),
        ("ALLOWED_COMMON_NAMES", '\ufeff["alpha"]', r'\ufeff["alpha"]', ["alpha"]),
        ("ALLOWED_COMMON_NAMES", '["beta", "alpha\u200b"]', r"alpha\u200b", ["beta", "alpha"]),
        ("ALLOWED_ORGANIZATIONS", "Acme\u00a0AG", r"Acme\xa0AG", ["Acme AG"]),
        ("ALLOWED_ORGANIZATIONAL_UNITS", "a\u2028\u200b b", r"a\u2028\u200b b", ["a  b"]),
        ("ALLOWED_SUBJECT_ALT_NAMES", "DNS:a.example\u200b", r"DNS:a.example\u200b", ["DNS:a.example"]),
        ("ALLOWED_ISSUERS", "CN=a\u200d,O=b", r"CN=a\u200d,O=b", ["CN=a,O=b"]),
        ("ALLOWED_ORGANIZATIONS", "\u200c\u0645\u06cc", r"\u200c\u0645\u06cc", ["\u0645\u06cc"]),
        ("ALLOWED_ORGANIZATIONS", "\u0645\u200c", r"\u0645\u200c", ["\u0645"]),
        ("ALLOWED_ORGANIZATIONS", "\u0645\u200ca", r"\u0645\u200ca", ["\u0645a"]),
        ("ALLOWED_ORGANIZATIONS", "\u0915\u200d\u0937", r"\u0915\u200d\u0937", ["\u0915\u0937"]),
        ("ALLOWED_ORGANIZATIONS", "\u0645\u200c\u200b\u06cc", r"\u0645\u200c\u200b\u06cc", ["\u0645\u06cc"]),
    ],
)
def test_an_invisible_character_is_reported_in_every_list(
    variable: str, text: str, value: str, correction: list[str]
) -> None:
    assert load_settings({variable: text}).rules
    ((kind, fields),) = allowlist_warnings({variable: text})
    assert (kind, fields["value"]) == (INVISIBLE_CHARACTER, value)
    assert json.loads(fields["correction"]) == correction
    assert not list(allowlist_warnings({variable: fields["correction"]}))


@pytest.mark.parametrize("character", PRINTABLE_BUT_INVISIBLE, ids=ascii)
def test_an_invisible_character_that_python_can_print_is_reported(character: str) -> None:
    assert character.isprintable()
    for name in (f"Acme{character}AG", f"Acme {character}", f"{character}Acme", f"\u0410\u043a\u043c\u0435{character}"):
        ((kind, fields),) = allowlist_warnings({"ALLOWED_ORGANIZATIONS": json.dumps([name])})
        assert (kind, fields["value"]) == (INVISIBLE_CHARACTER, ascii(name)[1:-1])
        assert json.loads(fields["correction"]) == [name.replace(character, " " * (character in BLANKS)).strip()]
        assert not list(allowlist_warnings({"ALLOWED_ORGANIZATIONS": fields["correction"]}))


@pytest.mark.parametrize("name", NAMES_WITH_VARIATION_SELECTORS, ids=ascii)
def test_variation_selectors_after_what_they_select_are_not_reported(name: str) -> None:
    assert not list(allowlist_warnings({"ALLOWED_ORGANIZATIONS": name}))


@pytest.mark.parametrize("name", ["\u845b\ufe00\ufe00", "\u3164\ufe00a", "\ufe0fa", "\u00e9\ufe00"], ids=ascii)
def test_other_variation_selectors_are_reported(name: str) -> None:
    ((kind, fields),) = allowlist_warnings({"ALLOWED_ORGANIZATIONS": name})
    assert kind == INVISIBLE_CHARACTER
    assert not list(allowlist_warnings({"ALLOWED_ORGANIZATIONS": fields["correction"]}))


@pytest.mark.parametrize("name", NAMES_WITH_JOINERS)
def test_joiners_in_names_of_arabic_and_indic_scripts_are_not_reported(name: str) -> None:
    assert not list(allowlist_warnings({"ALLOWED_ORGANIZATIONS": name}))


@pytest.mark.parametrize(
    ("name", "correct"),
    [
        ("DNS:acme.example:443", "DNS:acme.example"),
        ("DNS: acme.example", "DNS:acme.example"),
        ("DNS:https://acme.example", "DNS:acme.example"),
        ("DNS: HTTP://acme.example:8443/a:b/", "DNS:acme.example"),
        ("DNS:*.m\u00fcller.example:443", "DNS:*.m\u00fcller.example"),
        ("email: ops@acme.example", "email:ops@acme.example"),
        ("URI: https://acme.example/", "URI:https://acme.example/"),
    ],
)
def test_a_name_has_nothing_that_does_not_belong_to_its_type(name: str, correct: str) -> None:
    text = f"DNS:a.example, {name}"
    assert load_settings({"ALLOWED_SUBJECT_ALT_NAMES": text}).rules
    ((kind, fields),) = allowlist_warnings({"ALLOWED_SUBJECT_ALT_NAMES": text})
    assert (kind, fields["value"]) == (MALFORMED_NAME, name)
    assert json.loads(fields["correction"]) == ["DNS:a.example", correct]


@pytest.mark.parametrize(
    "name",
    [
        # CAs write such names.
        *("DNS:localhost", "DNS:*.a_b.example.", "DNS:192.0.2.1", "DNS:2001:db8::1", "DNS:host/a.example", "DNS:a@b"),
        *("DNS:Acme Gateway", "DNS:a/b:443", "URI:urn:acme:a", "URI:spiffe://a/b", "URI:com.acme.app:a", "email:a@b"),
        *("IP:192.0.2.1", "IP:2001:db8::1", "dirName:CN=a", "RID:1.2.3", "otherName:1.2.3;UTF8:a"),
        *("DNS:a.example", "DNS:xn--mller-kva.example", "URI:https://m\u00fcller.example/", "dirName:CN=M\u00fcller"),
        "email:m\u00fcller@a.example",
    ],
)
def test_other_names_have_no_warnings(name: str) -> None:
    assert not list(allowlist_warnings({"ALLOWED_SUBJECT_ALT_NAMES": name}))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        # Incomplete names, and other URIs in place of a host.
        (MALFORMED_NAME, ("email:mallory", "URI:acme.example", "URI:/a", "URI:1a:b", "URI:a_b:c", "URI:\u00e4:b")),
        (MALFORMED_NAME, ("DNS:ldap://acme.example:389", "DNS:https://", "DNS:https://[2001:db8::1]/")),
        # Another name in IDNA 2008, no name at all, and the part before the @.
        (NOT_ASCII, ("DNS:stra\u00dfe.example", "DNS:m\u00fcller..example", "email:m\u00fcller@\u00e4.example")),
    ],
)
def test_a_name_that_no_certificate_contains_is_reported_even_without_a_correction(
    kind: str, names: tuple[str, ...]
) -> None:
    assert list(allowlist_warnings({"ALLOWED_SUBJECT_ALT_NAMES": ",".join(names)})) == [
        (kind, {"variable": "ALLOWED_SUBJECT_ALT_NAMES", "value": name}) for name in names
    ]


@pytest.mark.parametrize(
    ("name", "correct"),
    [
        ("DNS:m\u00fcller.example", "DNS:xn--mller-kva.example"),
        ("DNS:*.M\u00fcller.example", "DNS:*.xn--mller-kva.example"),
        ("DNS:\u043f\u0440\u0438\u043c\u0435\u0440.example", "DNS:xn--e1afmkfd.example"),
        ("email:a.b@m\u00fcller.example", "email:a.b@xn--mller-kva.example"),
    ],
)
def test_a_domain_name_is_in_ascii_in_certificates(name: str, correct: str) -> None:
    text = f"DNS:a.example, {name}"
    ((kind, fields),) = allowlist_warnings({"ALLOWED_SUBJECT_ALT_NAMES": text})
    assert (kind, fields["value"], json.loads(fields["correction"])) == (NOT_ASCII, name, ["DNS:a.example", correct])
    assert not list(allowlist_warnings({"ALLOWED_SUBJECT_ALT_NAMES": fields["correction"]}))


@pytest.mark.parametrize(
    ("variable", "name", "correct"),
    [
        ("ALLOWED_COMMON_NAMES", "Mu\u0308ller", "M\u00fcller"),
        ("ALLOWED_ORGANIZATIONS", "\u0438\u0306", "\u0439"),
        ("ALLOWED_ORGANIZATIONAL_UNITS", "\u30ab\u3099\u1112\u1161\u11ab", "\u30ac\ud55c"),
        ("ALLOWED_SUBJECT_ALT_NAMES", "dirName:O=Cafe\u0301", "dirName:O=Caf\u00e9"),
        ("ALLOWED_ISSUERS", "CN=Mu\u0308ller,C=DE", "CN=M\u00fcller,C=DE"),
        ("ALLOWED_COMMON_NAMES", "\u795e\ufa19\u30ab\u3099", "\u795e\ufa19\u30ac"),
    ],
)
def test_certificates_usually_contain_composed_characters(variable: str, name: str, correct: str) -> None:
    ((kind, fields),) = allowlist_warnings({variable: name})
    assert (kind, fields["value"]) == (NOT_NFC, ascii(name)[1:-1])
    assert json.loads(fields["correction"])[-1] == correct
    assert not list(allowlist_warnings({variable: fields["correction"]}))


@pytest.mark.parametrize("name", ["M\u00fcller", "\u0439", "\ufa19", "q\u0301", "\u5dba \ufb2a", "\u212b"], ids=ascii)
def test_other_characters_are_left_as_they_are(name: str) -> None:
    assert not list(allowlist_warnings({"ALLOWED_ORGANIZATIONS": name}))


def test_decomposed_characters_do_not_match_composed_ones() -> None:
    certificate = PeerCertificate.from_pem(client_pem(("O", "M\u00fcller")))
    for organization, allowed in (("M\u00fcller", True), ("Mu\u0308ller", False)):
        rules = RuleSet(load_settings({"ALLOWED_ORGANIZATIONS": organization}).rules)
        assert isinstance(rules.evaluate(certificate), Grant) is allowed


def test_a_long_serial_number_without_a_letter_looks_decimal() -> None:
    serial_numbers = {"ALLOWED_SERIAL_NUMBERS": "AB, 12345678901234567890", "ALLOWED_ISSUERS": "CN=a"}
    assert load_settings(serial_numbers).rules
    ((kind, fields),) = allowlist_warnings(serial_numbers)
    assert (kind, fields["value"]) == (DECIMAL_NUMBER, "12345678901234567890")
    assert json.loads(fields["correction"]) == ["AB", "AB54A98CEB1F0AD2"]


def test_every_split_name_is_reported_with_the_whole_list() -> None:
    (_, first), (_, second) = allowlist_warnings({"ALLOWED_ORGANIZATIONS": "A, Inc., B, Ltd."})
    assert (first["value"], second["value"]) == ("A, Inc.", "B, Ltd.")
    assert json.loads(first["correction"]) == json.loads(second["correction"]) == ["A, Inc.", "B, Ltd."]


def test_few_of_many_warnings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    for count, more in ((MOST_LOGGED, []), (MOST_LOGGED + 1, [NOT_ALL]), (MOST_LOGGED + 300, [NOT_ALL])):
        caplog.clear()
        names = [f"Acme\u00a0{number}" for number in range(count)]
        log_allowlist_warnings({"ALLOWED_ORGANIZATIONS": ",".join(names)})
        messages = [record.getMessage() for record in caplog.records]
        assert messages == [MESSAGES[INVISIBLE_CHARACTER]] * MOST_LOGGED + more


def test_a_doubtful_list_keeps_its_meaning() -> None:
    rules = RuleSet(load_settings({"ALLOWED_ORGANIZATIONS": "Example, Inc."}).rules)
    for organization, allowed in (("Example", True), ("Inc.", True), ("Example, Inc.", False)):
        certificate = PeerCertificate.from_pem(client_pem(("O", organization)))
        assert isinstance(rules.evaluate(certificate), Grant) is allowed


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("C=DE,O=Acme,CN=Acme CA", {"C=DE,O=Acme,CN=Acme CA": "CN=Acme CA,O=Acme,C=DE"}),
        ("dc=example,CN=a".upper(), {"DC=EXAMPLE,CN=A": "CN=A,DC=EXAMPLE"}),
        ('["CN=a,C=DE", "C=DE,CN=b"]', {"C=DE,CN=b": "CN=b,C=DE"}),
        ("CN=Acme CA,O=Acme,C=DE", {}),
        ("O=Acme,CN=Acme CA", {"O=Acme,CN=Acme CA": "CN=Acme CA,O=Acme"}),
        ("C=DE,O=Acme", {"C=DE,O=Acme": "O=Acme,C=DE"}),
        ("O=Acme,C=DE", {}),
    ],
)
def test_an_issuer_that_ends_with_its_most_specific_attribute_looks_reversed(text: str, names: dict[str, str]) -> None:
    warnings = list(allowlist_warnings({"ALLOWED_ISSUERS": text}))
    assert {fields["value"]: fields["correction"] for _, fields in warnings} == names
    assert {kind for kind, _ in warnings} <= {REVERSED_NAME}
    assert load_settings({"ALLOWED_ISSUERS": text}).rules


def test_other_lists_have_no_warnings() -> None:
    environment = {
        "ALLOWED_SUBJECT_ALT_NAMES": "DNS:a, DNS:Inc.",
        "ALLOWED_FINGERPRINTS": "AB" * 32,
        "ALLOWED_SERIAL_NUMBERS": "AB, CD",
        "ALLOWED_ISSUERS": "CN=a",
    }
    assert load_settings(environment).rules
    assert not list(allowlist_warnings(environment))
