"""The fields: what each of them matches, by each comparison, and what must not be confused with it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.access_policy import rules_with_issuer_keys
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.fields import FIELDS, FieldKind
from mtls_authorizer.rules.rule_set import RuleSet
from tests.pki import der
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import attribute, certificate_der, dns, email, ip, name, pem, subject_alt_names, uri
from tests.pki.psd2_statements import psd2_statement
from tests.rules_documents import document, rule

Attributes = list[Any]
HOST = "0.9.2342.19200300.100.1.9"


def client(
    *subject: bytes | list[bytes] | tuple[str, str],
    issuer: Attributes | None = None,
    names: list[bytes] | None = None,
    serial_number: int = 1,
) -> PeerCertificate:
    return PeerCertificate.from_pem(
        pem(
            certificate_der(
                name(*subject),
                name(*(issuer if issuer is not None else [("O", "Acme"), ("CN", "Acme CA")])),
                serial_number=der.integer(serial_number),
                extensions=[subject_alt_names(*names)] if names else [],
            )
        )
    )


def mismatch(match: dict[str, Any], certificate: PeerCertificate, **others: object) -> DenyReason | None:
    """Return why the one rule of a document doesn't match a certificate."""
    (only,) = parse_rules(document(rule(match=match, **others)))
    return only.mismatch(RuleSet([only]).satisfied_by(certificate), None)


def matches(match: dict[str, Any], certificate: PeerCertificate) -> bool:
    return mismatch(match, certificate) is None


@pytest.mark.parametrize(
    ("wanted", "those", "others"),
    [
        ("client", ["client"], ["Client", "CLIENT", "client ", " client", "clien", "client2", "", "\u0441lient"]),
        (["a", "b"], ["a", "b"], ["c", "ab", "a,b", "A"]),
        ({"exact": "*"}, ["*"], ["", "a", "**"]),
        (
            {"prefix": "client-"},
            ["client-", "client-1", "client-\u0441"],
            ["client", "Client-1", "a client-1", "", "c"],
        ),
        ({"suffix": ".acme"}, [".acme", "a.acme", "..acme"], ["acme", "a.acme.", "a.ACME", "a.acme.evil", "", "e"]),
        ([{"prefix": "a"}, {"suffix": "z"}, "m"], ["a", "az", "m", "xz"], ["ma", "zm", "mm", ""]),
        ([{"prefix": "ab"}, {"prefix": "cde"}, {"prefix": "f"}], ["ab", "cdef", "f", "abc"], ["a", "cd", "xab"]),
    ],
)
def test_text_is_compared_exactly(wanted: object, those: list[str], others: list[str]) -> None:
    for field, kind in (("common_name", "CN"), ("organizational_unit", "OU"), ("organization", "O")):
        for value in those:
            assert matches({field: wanted}, client((kind, value)))
        for value in others:
            assert mismatch({field: wanted}, client((kind, value))) is FIELDS[field].reason
        for other in {"CN", "OU", "O", "UID", "2.5.4.41"} - {kind}:
            assert not any(matches({field: wanted}, client((other, value))) for value in those)


def test_no_one_of_several_common_names_matches_and_any_of_several_units_does() -> None:
    for several in (
        [("CN", "a"), ("CN", "b")],
        [[attribute("CN", "a"), attribute("CN", "b")]],
        [("CN", "a"), ("CN", "a")],
    ):
        for match in ({"common_name": "a"}, {"subject": {"CN": "a"}}, {"subject": {"CN": {"prefix": "a"}}}):
            assert not matches(match, client(*several))
        assert not matches({"issuer": {"CN": "a"}}, client(issuer=several))
    for units in ([("OU", "a"), ("OU", "b")], [[attribute("OU", "a"), attribute("OU", "b")]]):
        assert matches({"organizational_unit": "b"}, client(*units))
        assert matches({"subject": {"OU": "b"}}, client(*units))
        assert matches({"issuer": {"OU": "a"}}, client(issuer=units))
    # Every field must match, each with any of its values.
    assert matches({"organizational_unit": "a", "subject": {"OU": "b"}}, client(("OU", "a"), ("OU", "b")))


@pytest.mark.parametrize(
    "exclusion",
    [
        {"common_name": "evil"},
        {"common_name": {"prefix": "ev"}},
        {"common_name": ["other", {"suffix": "evil"}]},
        {"subject": {"CN": "evil"}},
        {"subject": {"CN": "evil", "O": "Acme"}},
        {"subject": [{"CN": "other"}, {"CN": "evil", "O": {"prefix": "A"}}]},
        {"common_name": "evil", "organization": "Acme"},
    ],
)
def test_each_of_several_common_names_is_excluded(exclusion: dict[str, Any]) -> None:
    others = {"not": [{"organizational_unit": "x"}, exclusion]}
    match = {"organization": "Acme"}
    for names in (["evil"], ["evil", "good"], ["good", "evil"], ["evil", "evil"]):
        excluded = client(("O", "Acme"), *(("CN", each) for each in names))
        assert mismatch(match, excluded, **others) is DenyReason.CERTIFICATE_EXCLUDED
    for names in (["good"], [], ["Evil", "good"]):
        assert mismatch(match, client(("O", "Acme"), *(("CN", each) for each in names)), **others) is None


def test_an_issuer_with_several_common_names_is_excluded_by_each() -> None:
    several = client(("O", "Acme"), issuer=[("CN", "a"), ("CN", "b")])
    assert (
        mismatch({"organization": "Acme"}, several, **{"not": {"issuer": {"CN": "b"}}})
        is DenyReason.CERTIFICATE_EXCLUDED
    )
    assert mismatch({"organization": "Acme"}, several, **{"not": {"issuer": "CN=b"}}) is None


ALTERNATIVE_NAMES = {
    "DNS:a.example": dns("a.example"),
    "URI:a.example": uri("a.example"),
    "email:a.example": email("a.example"),
    "URI:spiffe://a.example/b": uri("spiffe://a.example/b"),
    "DNS:spiffe://a.example/b": dns("spiffe://a.example/b"),
    "email:x@a.example": email("x@a.example"),
    "DNS:x@a.example": dns("x@a.example"),
    "DNS:*.a.example": dns("*.a.example"),
    "DNS:192.0.2.1": dns("192.0.2.1"),
    "IP:192.0.2.1": ip(bytes([192, 0, 2, 1])),
    "IP:2001:db8::1": ip(bytes.fromhex("20010db8000000000000000000000001")),
    "dirName:CN=a.example": der.tagged(4, name(("CN", "a.example")), constructed=True),
    "RID:1.2.3": der.tagged(8, der.oid("1.2.3")[2:]),
    "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:x@a.example": der.tagged(
        0, der.oid("1.3.6.1.4.1.311.20.2.3"), der.tagged(0, der.text("x@a.example"), constructed=True), constructed=True
    ),
}


@pytest.mark.parametrize(
    ("wanted", "those"),
    [
        *((text, [text]) for text in ALTERNATIVE_NAMES if "*" not in text),
        ({"exact": "DNS:*.a.example"}, ["DNS:*.a.example"]),
        ({"dns": "a.example"}, ["DNS:a.example"]),
        ({"uri": "a.example"}, ["URI:a.example"]),
        ({"email": "a.example"}, ["email:a.example"]),
        ({"uri": {"prefix": "spiffe://a.example/"}}, ["URI:spiffe://a.example/b"]),
        ({"dns": "spiffe://a.example/b"}, ["DNS:spiffe://a.example/b"]),
        ({"dns": {"suffix": ".a.example"}}, ["DNS:*.a.example"]),
        ({"dns": {"suffix": ".example"}}, ["DNS:a.example", "DNS:*.a.example"]),
        ({"email": {"suffix": "@a.example"}}, ["email:x@a.example"]),
        ({"ip": "192.0.2.1"}, ["IP:192.0.2.1"]),
        ("IP:2001:0DB8:0:0::0001", ["IP:2001:db8::1"]),
        (["DNS:a.example", {"uri": "a.example"}], ["DNS:a.example", "URI:a.example"]),
    ],
)
def test_an_alternative_name_is_compared_by_type_and_value(wanted: object, those: list[str]) -> None:
    for text, general_name in ALTERNATIVE_NAMES.items():
        certificate = client(("CN", "a.example"), names=[general_name])
        assert matches({"subject_alt_name": wanted}, certificate) is (text in those), text
    assert matches({"subject_alt_name": wanted}, client(names=list(ALTERNATIVE_NAMES.values())))
    assert (
        mismatch({"subject_alt_name": wanted}, client(("CN", "a.example"))) is DenyReason.SUBJECT_ALT_NAME_NOT_ALLOWED
    )


@pytest.mark.parametrize(
    ("written", "attributes"),
    [
        (r"CN=\41cme,O=b", [("O", "b"), ("CN", "Acme")]),
        ("street=a", [("street", "a")]),
        ("emailAddress=a@b", [("emailAddress", "a@b")]),
        ("EMAILADDRESS=a@b", [("emailAddress", "a@b")]),
        ("2.5.4.3=a", [("CN", "a")]),
        ("CN=é", [("CN", "é")]),
        (r"CN=É\C2\A0\20a", [("CN", "É\u00a0 a")]),
        (r"CN=a\\00\\\\C2\5C80", [("CN", r"a\00\\C2\80")]),
        ("CN=a+O=b", [[attribute("CN", "a"), attribute("O", "b")]]),
        ("O=b+CN=a", [[attribute("CN", "a"), attribute("O", "b")]]),
        ("CN=longer+O=b", [[attribute("CN", "longer"), attribute("O", "b")]]),  # DER puts O first
    ],
)
def test_a_directory_name_matches_and_excludes_whatever_its_spelling(written: str, attributes: Attributes) -> None:
    certificate = client(("CN", "x"), names=[der.tagged(4, name(*attributes), constructed=True)])
    match = {"subject_alt_name": f"dirName:{written}"}
    assert matches(match, certificate)
    assert mismatch({"common_name": "x"}, certificate, **{"not": match}) is DenyReason.CERTIFICATE_EXCLUDED


def directory_name(common_name: str) -> bytes:
    return der.tagged(4, name(("CN", common_name)), constructed=True)


@pytest.mark.parametrize(
    ("own", "match"),
    [
        # Software that stops at the control character reads the name of another party.
        (dns("evil.example\0.acme.example"), {"dns": {"suffix": ".acme.example"}}),
        (dns("evil.example\n.acme.example"), {"dns": {"suffix": ".acme.example"}}),
        (email("a@evil.example\x7f@acme.example"), {"email": {"suffix": "@acme.example"}}),
        (uri("spiffe://acme.example/a\x1bb"), {"uri": {"prefix": "spiffe://acme.example/"}}),
        (uri(b"spiffe://acme.example/a\x85b"), {"uri": {"prefix": "spiffe://acme.example/"}}),
        # Software that accepts several addresses reads the first one.
        *(
            (email(f"a@evil.example{rest}@acme.example"), {"email": {"suffix": "@acme.example"}})
            for rest in ("", ",b", ", b", ";b", " b", ">,<b", "(", "\\")
        ),
        *(
            (email(f"a@evil.example{rest}.acme.example"), {"email": {"suffix": ".acme.example"}})
            for rest in (*" ,;><(\":])'#?", "/b", "\\b", "|b", "]:b", "%2c")
        ),
        (email("a@[evil.example].acme.example"), {"email": {"suffix": ".acme.example"}}),
        *((email(f"a@[{rest}"), f"email:a@[{rest}") for rest in ("b", ",b]", "b,]", "b.example,c@acme.example]")),
        (email(b"a@evil.example\xa0.acme.example"), {"email": {"suffix": ".acme.example"}}),
        (email('"a@evil.example"@acme.example'), {"email": {"suffix": "@acme.example"}}),
        (email("a@evil.example,b@acme.example"), "email:a@evil.example,b@acme.example"),
        # Software that decodes words or follows old paths sends to another domain.
        *(
            (email(f"{local_part}@acme.example"), {"email": {"suffix": "@acme.example"}})
            for local_part in ("=?utf-8?q?a=40evil.example=3e?=", "evil.example!a", "a%evil.example")
        ),
        # Software that removes dot segments reads another path, some after decoding, or with a backslash for a slash.
        *(
            (uri(f"spiffe://acme.example/a{rest}"), {"uri": {"prefix": "spiffe://acme.example/a/"}})
            for rest in (
                *("/../b", "/..", "/.", "/./b", "/b/../../c", "//../b", "/%2e%2e/b", "/.%2E/b", "/%2E", "/../..?b"),
                *("/..#b", "/..;x/b", "/b\\..\\c", "/..\\b", "/..%2fb", "/b%2F../c", "/b%5c..%5Cc", "/..%3Bb"),
                *("/..%3f", "/..%23b", "/.. ", "/..%20", "/%252e%2E/b", "/.%25252e", "/b%252f..%255Cc", "/..%253b"),
                *("/%25%32e%25%32e/b", "/.%2%2565"),
                # Once decoded, some of these characters are removed before dot segments, or end the path.
                *("/%09../b", "/.%0a./b", "/%250D%2e%2e/b", "/..%00", "/..%1f"),
                # White space beyond ASCII, and encodings of dots and slashes that only some decode.
                *("/..%c2%a0", "/.%25e3%2580%2580", "/%c0%ae%C0%AE/b"),
                *("/..%u002fb", "/%e0%80%ae./b", "/%f0%80%80%ae./b"),
            )
        ),
        (uri(b"spiffe://acme.example/a/..\xa0"), {"uri": {"prefix": "spiffe://acme.example/a/"}}),
        (uri("spiffe://acme.example/a/../b"), {"uri": "spiffe://acme.example/a/../b"}),
        (directory_name("a\0b"), r"dirName:CN=a\00b"),
        (directory_name("a\n"), r"dirName:CN=a\0a"),
        (directory_name("\x1f"), r"dirName:CN=\1F"),
        (directory_name("\\\x7f"), r"dirName:CN=\\\7F"),
        (directory_name("a\x80"), r"dirName:CN=a\C2\80"),
        (directory_name("a,\x9f"), r"dirName:CN=a\,\C2\9F"),
    ],
)
def test_an_alternative_name_that_some_read_as_another_matches_no_rule_and_excludes(own: bytes, match: object) -> None:
    certificate = client(("CN", "x"), names=[own])
    assert not matches({"subject_alt_name": match}, certificate)
    exclusion = {"not": {"subject_alt_name": match}}
    assert mismatch({"common_name": "x"}, certificate, **exclusion) is DenyReason.CERTIFICATE_EXCLUDED


@pytest.mark.parametrize("rest", [*" !\"#$%&'()+,/:;<=>?@[\\]^`{|}~\xa0", ":443/", "@acme.example "])
def test_a_dns_name_with_characters_of_no_domain_matches_no_suffix_and_excludes(rest: str) -> None:
    own, suffix = f"evil.example{rest}.acme.example", {"suffix": ".acme.example"}
    certificate = client(("CN", "x"), names=[dns(own.encode("latin-1"))])
    assert not matches({"subject_alt_name": {"dns": suffix}}, certificate)
    exclusion = {"not": {"subject_alt_name": {"dns": suffix}}}
    assert mismatch({"common_name": "x"}, certificate, **exclusion) is DenyReason.CERTIFICATE_EXCLUDED
    # CAs of companies write all kinds of text as DNS names.
    assert matches({"subject_alt_name": {"dns": own}}, certificate)
    assert matches({"subject_alt_name": [{"dns": suffix}, {"dns": own}]}, certificate)
    # One of several names is sufficient.
    assert matches(
        {"subject_alt_name": {"dns": suffix}}, client(names=[dns("evil/.acme.example"), dns("a.acme.example")])
    )


# Compatibility forms of / ? @ , and : and characters that the processing of domain names (UTS #46) removes or maps to a
# dot.
NO_LETTERS = "\uff0f\u2100\uff1f\u2048\uff20\uff0c\ufe55\u2488\u00bd\u00a8\u3002\u200b\u00ad\u180e"


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        *(("emailAddress", f"a@evil.example{each}.acme.example") for each in NO_LETTERS),
        *((kind, f"evil.example{each}.acme.example") for kind in ("2.5.4.100", HOST) for each in NO_LETTERS),
        *(("emailAddress", f"a{each}evil.example@.acme.example") for each in "\uff20\ufe6b"),
        ("emailAddress", "a\uff20evil.example\uff0f.acme.example"),
        ("emailAddress", "evil.example/.acme.example"),
        ("1.3.6.1.4.1.250.1.57", "https://acme.example/a/..\u3000"),
    ],
)
def test_an_attribute_whose_characters_some_take_for_delimiters_matches_no_pattern_and_excludes(
    kind: str, own: str
) -> None:
    pattern = {"prefix": "https://acme.example/a/"} if "://" in own else {"suffix": ".acme.example"}
    certificate = client(("CN", "x"), (kind, own))
    assert not matches({"subject": {kind: pattern}}, certificate)
    exclusion = {"not": {"subject": {kind: pattern}}}
    assert mismatch({"common_name": "x"}, certificate, **exclusion) is DenyReason.CERTIFICATE_EXCLUDED


@pytest.mark.parametrize(
    "domain",
    ["b\u00fccher", "bu\u0308cher", "\u4f8b\u3048", "\u0935\u094d\u0930", "xn--bcher-kva", "a-b_c.1", "\u0661"],
)
def test_an_attribute_matches_a_suffix_with_the_letters_of_any_language(domain: str) -> None:
    suffix = {"suffix": ".acme.example"}
    assert matches({"subject": {HOST: suffix}}, client((HOST, f"{domain}.acme.example")))
    assert matches({"subject": {"emailAddress": suffix}}, client(("emailAddress", f"o'b+x=1@{domain}.acme.example")))


@pytest.mark.parametrize(
    "own", ["a-b_c.acme.example", "*.acme.example", "b\u00fccher.acme.example", "1.2.acme.example"]
)
def test_a_dns_name_matches_a_suffix_with_all_characters_of_domains(own: str) -> None:
    match = {"subject_alt_name": {"dns": {"suffix": ".acme.example"}}}
    assert matches(match, client(names=[dns(own.encode("latin-1"))]))
    # In a directory, the attribute can have any letters.
    assert matches(
        {"subject": {"2.5.4.100": {"suffix": ".acme.example"}}}, client(("2.5.4.100", f"\u0939\u093f.{own}"))
    )


def test_an_email_address_matches_with_a_domain_in_any_form() -> None:
    for address in ("a@b-c_d.example", "a@192.0.2.1", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a,b:c@d.example"):
        certificate = client(names=[email(address)])
        assert matches({"subject_alt_name": {"email": address}}, certificate), address
    address = "a@b\u00fccher.example"
    assert matches({"subject": {"emailAddress": address}}, client(("emailAddress", address)))


@pytest.mark.parametrize(
    ("own", "same", "other"),
    [
        (uri("https://a/2+1"), "https://a/2+1", "1+https://a/2"),
        (uri(b"https://a/b\xa0c"), "https://a/b\u00a0c", "https://a/bc"),
    ],
    ids=["plus", "no-break space"],
)
def test_other_characters_are_compared_as_they_are(own: bytes, same: str, other: str) -> None:
    certificate = client(names=[own])
    assert matches({"subject_alt_name": {"uri": same}}, certificate)
    assert not matches({"subject_alt_name": {"uri": other}}, certificate)


@pytest.mark.parametrize(
    ("uri_of_client", "matched"),
    [
        ("spiffe://acme.example/payments/1", True),
        ("spiffe://acme.example/payments/", True),
        ("spiffe://acme.example/payments", False),
        ("spiffe://acme.example/paymentsx/", False),
        ("spiffe://acme.example.evil/payments/", False),
        ("spiffe://ACME.example/payments/1", False),
        ("SPIFFE://acme.example/payments/1", False),
        ("https://evil/?spiffe://acme.example/payments/", False),
        ("spiffe://x@acme.example/payments/", False),
        ("spiffe://acme.example//payments/", False),
        ("spiffe://acme.example/%70ayments/1", False),
        # No dot segments.
        *((f"spiffe://acme.example/payments/{each}", True) for each in ("...", "..a", "a..", ".a/b", "%2e%2e%2e")),
    ],
)
def test_a_prefix_of_a_uri_does_not_match_other_authorities(uri_of_client: str, matched: bool) -> None:  # noqa: FBT001 -- a table's column
    match = {"subject_alt_name": {"uri": {"prefix": "spiffe://acme.example/payments/"}}}
    assert matches(match, client(names=[uri(uri_of_client)])) is matched


LABELED_URI = "1.3.6.1.4.1.250.1.57"


@pytest.mark.parametrize(
    ("attribute_type", "pattern", "matching", "misleading"),
    [
        (LABELED_URI, {"prefix": "https://acme.example/a/"}, "https://acme.example/a/b", "https://acme.example/a/../b"),
        ("emailAddress", {"suffix": "@acme.example"}, '"b c,"@acme.example', "a@evil.example,b@acme.example"),
        ("2.5.4.105", {"suffix": ".acme.example"}, "b@c.acme.example", "a@evil.example .acme.example"),
        ("2.5.4.100", {"suffix": ".acme.example"}, "b.acme.example", "evil.example/.acme.example"),
        ("0.9.2342.19200300.100.1.9", {"suffix": ".acme.example"}, "b.acme.example", "evil.example:1.acme.example"),
        *(
            (attribute_type, {"suffix": ".acme.example"}, f"{start}b.acme.example", f"{start}b{space}.acme.example")
            for attribute_type, start in (("emailAddress", "a@"), ("2.5.4.100", ""))
            for space in filter(str.isspace, map(chr, range(0xA0, 0x10000)))
        ),
        ("emailAddress", {"suffix": ".acme.example"}, "a@b.acme.example", "a@evil.example\ufeff.acme.example"),
    ],
)
def test_an_attribute_that_some_read_as_another_name_matches_no_rule_and_excludes(
    attribute_type: str, pattern: dict[str, str], matching: str, misleading: str
) -> None:
    match = {"subject": {attribute_type: pattern}}
    assert matches(match, client((attribute_type, matching)))
    certificate = client((attribute_type, misleading), ("CN", "x"))
    assert not matches(match, certificate)
    assert mismatch({"common_name": "x"}, certificate, **{"not": match}) is DenyReason.CERTIFICATE_EXCLUDED
    # Others are free text.
    assert matches({"subject": {"O": pattern}}, client(("O", misleading)))


ACME_CA = [("C", "DE"), ("O", "Acme, Inc."), ("CN", "Acme CA")]
TWO_IN_ONE = [attribute("O", "Acme"), attribute("CN", "Acme CA")]


@pytest.mark.parametrize(
    ("dn", "issuer", "same"),
    [
        (r"CN=Acme CA,O=Acme\, Inc.,C=DE", ACME_CA, True),
        (r"CN=Acme CA,O=Acme\2C Inc.,C=DE", ACME_CA, True),
        (r"2.5.4.3=Acme CA,2.5.4.10=Acme\, Inc.,2.5.4.6=DE", ACME_CA, True),
        (r"CN=\41cme CA,O=Acme\, Inc.,C=DE", ACME_CA, True),
        (r"C=DE,O=Acme\, Inc.,CN=Acme CA", ACME_CA, False),
        (r"CN=Acme CA,O=Acme\, Inc.", ACME_CA, False),
        (r"CN=Acme CA,OU=x,O=Acme\, Inc.,C=DE", ACME_CA, False),
        (r"CN=acme ca,O=Acme\, Inc.,C=DE", ACME_CA, False),
        (r"CN=Acme  CA,O=Acme\, Inc.,C=DE", ACME_CA, False),
        (r"CN=Acme CA,O=Acme\, Inc.,C=de", ACME_CA, False),
        (r"CN=Acme CA+O=Acme\, Inc.,C=DE", ACME_CA, False),
        # A set has no order; a sequence has.
        ("CN=Acme CA+O=Acme", [TWO_IN_ONE], True),
        ("O=Acme+CN=Acme CA", [TWO_IN_ONE], True),
        ("O=Acme,CN=Acme CA", [TWO_IN_ONE], False),
        ("CN=a+CN=a", [[attribute("CN", "a"), attribute("CN", "a")]], True),
        ("CN=a+CN=a", [("CN", "a")], False),
        # The string type is irrelevant once the bytes are decoded.
        ("CN=Acme", [attribute("CN", "Acme", der.PRINTABLE_STRING)], True),
        ("CN=Acme", [attribute("CN", "Acme", der.BMP_STRING)], True),
        ("CN=Acme", [attribute("CN", "Acme", der.UNIVERSAL_STRING)], True),
        (r"CN=Acm\C3\A9", [("CN", "Acmé")], True),
        ("CN=Acmé", [("CN", "Acmé")], True),
        ("CN=Acmé", [attribute("CN", "Acmé", der.T61_STRING)], True),
        ("CN=Acmé", [("CN", "Acme\u0301")], False),
        # Names of attributes.
        ("STREET=a", [("street", "a")], True),
        ("street=a", [("street", "a")], True),
        ("emailAddress=a", [("emailAddress", "a")], True),
        ("1.2.840.113549.1.9.1=a", [("emailAddress", "a")], True),
        ("EMAILADDRESS=a", [("emailAddress", "a")], True),
        ("SN=a", [("serialNumber", "a")], False),
        ("SERIALNUMBER=a", [("serialNumber", "a")], True),
        ("UID=a", [("UID", "a")], True),
        ("0.9.2342.19200300.100.1.1=a", [("UID", "a")], True),
        ("0.9.2342.19200300.100.1.44=a", [("UID", "a")], False),
        ("0.9.2342.19200300.100.1.44=a", [("0.9.2342.19200300.100.1.44", "a")], True),
        ("1.2.3.4=a", [("1.2.3.4", "a")], True),
        # Values that resemble several attributes.
        (r"CN=a\,O\=Acme", [("CN", "a,O=Acme")], True),
        ("CN=a,O=Acme", [("CN", "a,O=Acme")], False),
        (r"CN=\#a", [("CN", "#a")], True),
        (r"CN=\ a\ ", [("CN", " a ")], True),
        ("O=", [("O", "")], True),
        ("O=", [], False),
    ],
)
def test_an_issuer_is_compared_as_a_name(dn: str, issuer: Attributes, same: bool) -> None:  # noqa: FBT001
    certificate = client(issuer=issuer)
    assert matches({"issuer": dn}, certificate) is same
    assert matches({"subject": dn}, client(*issuer)) is same
    assert not matches({"subject": dn}, certificate)


@pytest.mark.parametrize(
    ("attributes", "issuer", "matched"),
    [
        ({"O": "Acme"}, [("O", "Acme"), ("CN", "x")], True),
        ({"O": "Acme", "CN": "x"}, [("CN", "x"), ("O", "Acme")], True),
        ({"O": "Acme", "CN": "x"}, [[attribute("CN", "x"), attribute("O", "Acme")]], True),
        ({"O": "Acme", "CN": "x"}, [("O", "Acme")], False),
        ({"O": "Acme", "CN": "x"}, [("O", "x"), ("CN", "Acme")], False),
        ({"O": "Acme", "CN": "x"}, [("O", "Acme"), ("CN", "x"), ("CN", "y")], False),
        ({"O": "Acme", "CN": "x"}, [("O", "Other"), ("O", "Acme"), ("CN", "x")], True),
        ({"2.5.4.10": "Acme"}, [("O", "Acme")], True),
        ({"1.2.3.4": "Acme"}, [("1.2.3.4", "Acme")], True),
        ({"1.2.3.4": "Acme"}, [("1.2.3.40", "Acme")], False),
        ({"O": {"prefix": "Ac"}, "CN": {"suffix": " CA"}}, [("O", "Acme"), ("CN", "Acme CA")], True),
        ({"O": {"prefix": "Ac"}, "CN": {"suffix": " CA"}}, [("O", "Acme"), ("CN", "Acme CA 2")], False),
        ([{"O": "a", "CN": "b"}, {"O": "c", "CN": "d"}], [("O", "c"), ("CN", "d")], True),
        ([{"O": "a", "CN": "b"}, {"O": "c", "CN": "d"}], [("O", "a"), ("CN", "d")], False),
        ([{"O": "a", "CN": "b"}, {"O": "c", "CN": "d"}], [("O", "a"), ("O", "c"), ("CN", "e")], False),
        ([{"O": "a", "CN": "b"}, "CN=e"], [("CN", "e")], True),
    ],
)
def test_all_attributes_of_an_issuer_must_match(attributes: object, issuer: Attributes, matched: bool) -> None:  # noqa: FBT001
    assert matches({"issuer": attributes}, client(issuer=issuer)) is matched
    assert matches({"subject": attributes}, client(*issuer)) is matched
    assert not matches({"issuer": attributes, "subject": attributes}, client(issuer=issuer))


@pytest.mark.parametrize(
    ("written", "serial_number", "same"),
    [
        ("01", 1, True),
        ("1", 1, True),
        ("00:00:01", 1, True),
        ("aB", 0xAB, True),
        ("10", 10, False),
        ("10", 16, True),
        ("-1", -1, True),
        ("1", -1, False),
        ("FF", -1, False),
        ("0", 0, True),
        ("-0", 0, True),
        ("F" * 40, 16**40 - 1, True),
        ("F" * 40, 16**40, False),
    ],
)
def test_a_serial_number_is_compared_as_a_number_with_its_issuer(written: str, serial_number: int, same: bool) -> None:  # noqa: FBT001
    match = {"serial_number": ["7F", written], "issuer": "CN=Acme CA,O=Acme"}
    assert matches(match, client(serial_number=serial_number)) is same
    assert matches(match, client(serial_number=0x7F))
    other = client(serial_number=serial_number, issuer=[("O", "Other"), ("CN", "Acme CA")])
    assert mismatch(match, other) is DenyReason.ISSUER_NOT_ALLOWED


def test_serial_numbers_are_strings_so_that_their_hashes_cannot_be_made_to_collide() -> None:
    (value,) = {fact.value for fact in FIELDS["serial_number"].facts(client(serial_number=2**61 - 1))}
    assert value == "1FFFFFFFFFFFFFFF"


def test_a_fingerprint_is_that_of_the_whole_certificate() -> None:
    certificate = client(("CN", "a"))
    for written in (certificate.fingerprint256, certificate.fingerprint256.replace(":", "").lower()):
        assert matches({"fingerprint": [written]}, certificate)
        assert mismatch({"fingerprint": written}, client(("CN", "b"))) is DenyReason.FINGERPRINT_NOT_ALLOWED


def test_every_field_must_match_and_the_first_mismatch_is_the_reason() -> None:
    issuer = CertificateAuthority(subject=name(("O", "Acme"), ("CN", "Acme CA")))
    subject = name(("CN", "a"), ("OU", "b"), ("O", "c"), ("2.5.4.97", "g"))
    certificate = PeerCertificate.from_der(
        issuer.issue(
            subject=subject, extensions=[subject_alt_names(dns("d"), uri("spiffe://e/f")), psd2_statement("PSP_AI")]
        )
    )
    truststore = read_truststore(issuer.pem)
    good: dict[str, Any] = {
        "common_name": "a",
        "organizational_unit": "b",
        "organization": "c",
        "subject": "2.5.4.97=g,O=c,OU=b,CN=a",
        "subject_alt_name": "DNS:d",
        "issuer": {"O": "Acme"},
        "fingerprint": certificate.fingerprint256,
        "serial_number": "01",
        "public_key": sha256(certificate.fields.public_key).hexdigest(),
        "issuer_key": issuer.signer,
        "spiffe_trust_domain": "e",
        "organization_identifier": "g",
        "psd2_role": "PSP_AI",
    }
    bad = good | {
        "subject": "CN=b",
        "subject_alt_name": "DNS:e",
        "issuer": "CN=x",
        "fingerprint": "ab" * 32,
        "serial_number": "2",
        "public_key": "ab" * 32,
        "issuer_key": "ab" * 32,
        "spiffe_trust_domain": "f",
        "organization_identifier": "h",
        "psd2_role": "PSP_IC",
    }
    bad |= {"common_name": "x", "organizational_unit": "x", "organization": "x"}
    good["issuer"] = "CN=Acme CA,O=Acme"

    def mismatch(match: dict[str, Any]) -> DenyReason | None:
        (only,) = parse_rules(document(rule(match=match)))
        rules = rules_with_issuer_keys(RuleSet([only]), truststore)
        return only.mismatch(rules.satisfied_by(certificate), None)

    assert mismatch(good) is None
    fields = list(FIELDS)
    assert list(good) == fields
    for number, field in enumerate(fields):
        assert mismatch(good | {field: bad[field]}) is FIELDS[field].reason
        assert mismatch(good | {each: bad[each] for each in fields[number:]}) is FIELDS[field].reason


def test_every_field_has_a_reason_and_a_variable_of_its_own() -> None:
    assert len({definition.reason for definition in FIELDS.values()}) == len(FIELDS)
    variables = [definition.variable for definition in FIELDS.values() if definition.variable]
    assert len(set(variables)) == len(variables)


def test_each_field_has_its_variable_and_says_what_it_means() -> None:
    assert {name: field.variable for name, field in FIELDS.items()} == {
        "common_name": "ALLOWED_COMMON_NAMES",
        "organizational_unit": "ALLOWED_ORGANIZATIONAL_UNITS",
        "organization": "ALLOWED_ORGANIZATIONS",
        "subject": None,
        "subject_alt_name": "ALLOWED_SUBJECT_ALT_NAMES",
        "issuer": "ALLOWED_ISSUERS",
        "fingerprint": "ALLOWED_FINGERPRINTS",
        "serial_number": "ALLOWED_SERIAL_NUMBERS",
        "public_key": None,
        "issuer_key": "ALLOWED_ISSUER_KEYS",
        "spiffe_trust_domain": None,
        "organization_identifier": None,
        "psd2_role": None,
    }
    assert all(field.meaning for field in FIELDS.values())
    assert {name: field.kind for name, field in FIELDS.items() if field.kind is not FieldKind.TEXT} == {
        "subject": FieldKind.DISTINGUISHED_NAME,
        "subject_alt_name": FieldKind.SUBJECT_ALT_NAME,
        "issuer": FieldKind.DISTINGUISHED_NAME,
        "fingerprint": FieldKind.IDENTIFIER,
        "serial_number": FieldKind.IDENTIFIER,
        "public_key": FieldKind.IDENTIFIER,
        "issuer_key": FieldKind.IDENTIFIER,
        "spiffe_trust_domain": FieldKind.IDENTIFIER,
        "psd2_role": FieldKind.IDENTIFIER,
    }
