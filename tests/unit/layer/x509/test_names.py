from __future__ import annotations

import copy
import json

import pytest

from client_certificate_auth import DistinguishedName, MalformedCertificateError, PeerCertificate
from tests.pki import der
from tests.pki.certificates import OIDS, attribute, client_pem


def subject(*attributes: bytes | list[bytes] | tuple[str, str]) -> DistinguishedName:
    return PeerCertificate.from_pem(client_pem(*attributes)).subject


def test_an_attribute_is_a_string_and_a_repeated_one_a_list() -> None:
    name = subject(("CN", "client"), ("OU", "one"), ("O", "Acme"), ("OU", "two"))
    assert name.CN == name["CN"] == name.get("CN") == "client"
    assert name.OU == name["OU"] == ["one", "two"]
    assert name.get_all("OU") == ["one", "two"]
    assert name.get_all("CN") == ["client"]
    assert list(name) == ["CN", "OU", "O"]
    assert len(name) == 3
    assert name.to_dict() == {"CN": "client", "OU": ["one", "two"], "O": "Acme"}
    assert name == json.loads(json.dumps(name.to_dict()))


def test_an_attribute_is_single_where_there_is_exactly_one() -> None:
    name = subject(("CN", "client"), ("OU", "one"), ("OU", "two"), ("O", ""))
    assert [name.get_single(key) for key in ("CN", "OU", "O", "L")] == ["client", None, "", None]


def test_single_values_are_those_of_attributes_that_occur_once() -> None:
    name = subject(("CN", "client"), ("OU", "one"), ("OU", "two"), ("O", "Acme"))
    assert name.single_values() == [("CN", "client"), ("O", "Acme")]
    assert subject(("O", "Acme"), ("CN", "client")).single_values() == [("O", "Acme"), ("CN", "client")]


def test_an_absent_attribute_is_none_and_a_misspelt_one_an_error() -> None:
    name = subject(("CN", "client"))
    assert name.OU is None
    assert name.get_all("OU") == []
    assert "OU" not in name
    with pytest.raises(KeyError):
        name["OU"]
    with pytest.raises(AttributeError, match="commonName"):
        _ = name.commonName


def test_an_attribute_type_without_a_short_name_is_named_by_its_oid() -> None:
    assert subject(("1.3.6.1.4.1.55555.1", "value")).to_dict() == {"1.3.6.1.4.1.55555.1": "value"}


def test_all_attributes_of_one_relative_distinguished_name_are_returned() -> None:
    name = subject([attribute("CN", "client"), attribute("OU", "one"), attribute("OU", "two")])
    assert name.to_dict() == {"CN": "client", "OU": ["one", "two"]}


def test_relative_distinguished_names_are_in_their_order() -> None:
    name = subject(("O", "Acme"), [attribute("CN", "client"), attribute("UID", "7")], ("1.2.3.4", "é"))
    assert name.rdns == [
        [("2.5.4.10", "Acme")],
        [("2.5.4.3", "client"), ("0.9.2342.19200300.100.1.1", "7")],
        [("1.2.3.4", "é")],
    ]


CONTROL_CHARACTERS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))]


@pytest.mark.parametrize("tag", [der.UTF8_STRING, der.BMP_STRING])
def test_a_control_character_in_any_attribute_is_found(tag: int) -> None:
    for character in CONTROL_CHARACTERS:
        with_it = subject(("O", "Acme"), attribute("CN", f"a{character}b", tag), ("OU", "one"))
        assert with_it.has_control_characters, ord(character)


@pytest.mark.parametrize("values", [("\n", "b"), ("a", "\n"), ("a", "\n", "c")])
def test_a_control_character_in_any_attribute_of_one_relative_distinguished_name_is_found(
    values: tuple[str, ...],
) -> None:
    names = ("CN", "OU", "UID")
    with_it = subject(("O", "Acme"), list(map(attribute, names, values)))
    assert with_it.has_control_characters


def test_other_characters_are_no_control_characters() -> None:
    others = (chr(code) for code in range(0x20, 0x3000) if chr(code) not in CONTROL_CHARACTERS)
    assert not subject(attribute("CN", "".join(others))).has_control_characters
    assert not subject().has_control_characters


def test_changing_a_returned_list_does_not_change_the_name() -> None:
    name = subject(("OU", "one"), ("OU", "two"))
    for values in (name.get_all("OU"), name["OU"], name.to_dict()["OU"], name.rdns, name.rdns[0]):
        assert isinstance(values, list)
        values.append("three")  # type: ignore[arg-type]
    assert name.get_all("OU") == ["one", "two"]


@pytest.mark.parametrize(
    ("value", "rfc4514"),
    [
        ("plain", "CN=plain"),
        ("x,CN=admin", r"CN=x\,CN=admin"),
        ('"+;<>\\', r"CN=\"\+\;\<\>\\"),
        ("#1 ", r"CN=\#1\ "),
        ("é", r"CN=\C3\A9"),
        ("😀", r"CN=\F0\9F\98\80"),
        ("\n\x7f\x85\u2028", r"CN=\0A\7F\C2\85\E2\80\A8"),
        ("\0", r"CN=\00"),
        (" é", r"CN=\ \C3\A9"),
        ("é~ ~", r"CN=\C3\A9~ ~"),
        (" ", r"CN=\ "),
        ("  ", r"CN=\ \ "),
        ("a ", r"CN=a\ "),
        ("a # b", r"CN=a # b"),
        ("", r"CN="),
    ],
)
def test_rfc_4514_escapes_all_that_is_not_printable_ascii(value: str, rfc4514: str) -> None:
    assert subject(("CN", value)).rfc4514_string() == rfc4514


def test_rfc_4514_reverses_the_order_and_joins_multi_valued_rdns_with_a_plus() -> None:
    name = subject(("C", "DE"), ("O", "Acme"), [attribute("CN", "client"), attribute("UID", "7")])
    assert name.rfc4514_string() == "CN=client+UID=7,O=Acme,C=DE"
    assert repr(name) == "DistinguishedName('CN=client+UID=7,O=Acme,C=DE')"


@pytest.mark.parametrize("tag", [der.UTF8_STRING, der.BMP_STRING, der.UNIVERSAL_STRING])
def test_a_name_is_the_same_in_every_string_type(tag: int) -> None:
    assert subject(attribute("CN", "Łódź", tag)).CN == "Łódź"


@pytest.mark.parametrize(
    ("tag", "encoding", "text"),
    [
        (der.UTF8_STRING, "utf-8", "é"),
        (der.UNIVERSAL_STRING, "utf-32-be", "é"),
        (der.BMP_STRING, "utf-16-be", "é"),
        # OpenSSL takes each byte of these for a character of Latin-1.
        (der.NUMERIC_STRING, "utf-8", "Ã©"),
        (der.PRINTABLE_STRING, "utf-8", "Ã©"),
        (der.PRINTABLE_STRING, "latin-1", "é"),
        (der.T61_STRING, "latin-1", "é"),
        (der.T61_STRING, "utf-8", "Ã©"),
        (der.IA5_STRING, "utf-8", "Ã©"),
    ],
)
def test_a_value_is_read_as_openssl_reads_its_string_type(tag: int, encoding: str, text: str) -> None:
    name = subject(der.sequence(der.oid(OIDS["CN"]), der.tlv(tag, "é".encode(encoding))))
    assert text == name.CN


@pytest.mark.parametrize("tag", [der.OCTET_STRING, der.VISIBLE_STRING, der.UTC_TIME, der.SEQUENCE, 0x1B])
def test_a_value_that_openssl_does_not_read_as_text_is_no_name(tag: int) -> None:
    with pytest.raises(MalformedCertificateError, match=r"the subject cannot be decoded: .* 2\.5\.4\.3 is not text"):
        subject(der.sequence(der.oid(OIDS["CN"]), der.tlv(tag, "é".encode())))


def test_a_bmp_string_has_characters_of_two_bytes_only() -> None:
    assert subject(attribute("CN", "\uffff", der.BMP_STRING)).CN == "\uffff"
    assert subject(attribute("CN", "", der.BMP_STRING)).CN == ""
    with pytest.raises(MalformedCertificateError, match=r"the value of attribute 2\.5\.4\.3 is not text"):
        subject(attribute("CN", "\U00010000", der.BMP_STRING))


def test_a_bit_string_is_no_text() -> None:
    with pytest.raises(MalformedCertificateError, match=r"the value of attribute 2\.5\.4\.45 is not text"):
        subject(der.sequence(der.oid(OIDS["x500UniqueIdentifier"]), der.bits(b"text")))


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (der.UTF8_STRING, b"\xff"),
        (der.UTF8_STRING, b"\xc0\xaf"),
        (der.UTF8_STRING, b"\xed\xa0\x80"),
        (der.UTF8_STRING, b"\xf4\x90\x80\x80"),
        (der.BMP_STRING, b"\xd8\0"),
        (der.BMP_STRING, b"\0a\0"),
        (der.UNIVERSAL_STRING, b"\0\x11\0\0"),
        (der.UNIVERSAL_STRING, b"\0\0\xd8\0"),
        (der.UNIVERSAL_STRING, b"\0\0a"),
    ],
)
def test_text_that_is_not_unicode_is_no_name(tag: int, content: bytes) -> None:
    with pytest.raises(MalformedCertificateError, match="is not text"):
        subject(der.sequence(der.oid(OIDS["CN"]), der.tlv(tag, content)))


@pytest.mark.parametrize(
    "broken",
    [
        der.integer(5),
        der.sequence(der.sequence()),
        der.sequence(der.tlv(der.SET, der.tlv(der.SET))),
        der.sequence(der.tlv(der.SET, der.sequence(der.oid(OIDS["CN"])))),
        der.sequence(der.tlv(der.SET, der.sequence(der.oid(OIDS["CN"]), der.text("a"), der.text("b")))),
        der.sequence(der.tlv(der.SET, der.sequence(der.octets(b"a"), der.text("a")))),
        der.sequence() + der.sequence(),
    ],
)
def test_anything_but_the_der_of_a_name_is_an_error(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"tag|expected"):
        DistinguishedName(broken)


def test_an_empty_relative_distinguished_name_is_ignored() -> None:
    name = subject([], ("CN", "client"), [])
    assert name.rdns == [[("2.5.4.3", "client")]]
    assert name.rfc4514_string() == "CN=client"
    assert name == subject(("CN", "client"))
    assert subject([]).rdns == subject().rdns == []


def test_names_are_equal_if_they_have_the_same_attributes_in_the_same_order() -> None:
    assert subject(("CN", "client")) == subject(attribute("CN", "client", der.PRINTABLE_STRING))
    assert subject(("CN", "client")) != subject(("CN", "Client"))
    assert subject(("CN", "a"), ("O", "b")) != subject(("O", "b"), ("CN", "a"))
    assert subject(("CN", "a"), ("O", "b")) != subject([attribute("CN", "a"), attribute("O", "b")])
    both, reversed_pair = (
        DistinguishedName(der.sequence(der.tlv(der.SET, *pair)))
        for pair in (
            (attribute("CN", "a"), attribute("O", "b")),
            (attribute("O", "b"), attribute("CN", "a")),
        )
    )
    assert both == reversed_pair
    assert hash(both) == hash(reversed_pair)
    assert len({subject(("CN", "a")), subject(("CN", "a")), subject(("CN", "b"))}) == 2


def test_a_name_equals_a_mapping_of_the_same_items() -> None:
    assert subject(("CN", "client")) == {"CN": "client"}
    assert subject(("CN", "client")) != {"CN": "admin"}
    assert subject(("CN", "client")) != "CN=client"


def test_the_issuer_of_many_certificates_is_read_once() -> None:
    one, two = (PeerCertificate.from_pem(client_pem(("CN", common_name))) for common_name in ("one", "two"))
    assert one.issuer is two.issuer
    one.issuer.get_all("CN").append("changed")
    one.issuer.to_dict()["CN"] = "changed"
    assert two.issuer.CN == "Test CA"


def test_a_name_can_be_copied() -> None:
    name = subject(("CN", "client"))
    assert copy.copy(name) == name
