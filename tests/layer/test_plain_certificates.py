"""The short way through plain certificates and cryptography's way come to the same, whatever the certificate."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import MalformedCertificateError, PeerCertificate
from client_certificate_auth import certificate as certificate_module
from client_certificate_auth.plain_certificates import (
    NOT_PLAIN,
    PlainExtensions,
    read_plain_extensions,
    read_plain_fields,
    read_plain_pem,
)
from tests import der
from tests.certificates import (
    BASIC_CONSTRAINTS,
    ED25519_KEY,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    OIDS,
    SUBJECT_ALT_NAME,
    attribute,
    certificate_der,
    client_pem,
    dns,
    email,
    extension,
    ip,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.layer.both_ways import assert_that_both_ways_agree
from tests.strategies import broken_certificates

# cryptography warns of whoever asks it, and here that is not the layer.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "certificates").glob("*.pem"))

# The attribute types that are read the short way.
PLAIN_KINDS = [
    *(
        "CN",
        "SN",
        "serialNumber",
        "C",
        "L",
        "ST",
        "street",
        "O",
        "OU",
        "title",
        "2.5.4.17",
        "GN",
        "2.5.4.97",
        "UID",
        "DC",
    ),
    "emailAddress",
]
STRING_TYPES = [
    *(der.UTF8_STRING, der.PRINTABLE_STRING, der.IA5_STRING, der.NUMERIC_STRING, der.T61_STRING, der.VISIBLE_STRING),
    *(der.BMP_STRING, der.UNIVERSAL_STRING),
]

SUBJECT = name(
    attribute("C", "US", der.PRINTABLE_STRING),
    *(("ST", "Washington"), ("L", "Seattle"), ("O", "Acmé, Inc."), ("OU", "payments"), ("OU", "#2 "), ("CN", "client")),
    attribute("DC", "example", der.IA5_STRING),
    attribute("emailAddress", "client@example.com", der.IA5_STRING),
)
ISSUER = name(("O", "Acme"), ("CN", "Acme CA"))

SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
NAMES = subject_alt_names(dns("a.example"), email("a@example.com"), uri("spiffe://example.com/a"))
KEY_IDENTIFIER = extension(SUBJECT_KEY_IDENTIFIER, der.octets(bytes(range(20))))
CLIENT_AUTHENTICATION = extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.2")))
NOT_A_CA = extension(BASIC_CONSTRAINTS, der.sequence(), critical=True)
DIGITAL_SIGNATURE = extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\x07\x80"), critical=True)
# Of a kind that cryptography doesn't know, and longer than 127 bytes.
UNKNOWN = extension("1.2.3.4", bytes(200))
COMMON = certificate_der(
    SUBJECT,
    ISSUER,
    extensions=[NOT_A_CA, DIGITAL_SIGNATURE, CLIENT_AUTHENTICATION, KEY_IDENTIFIER, UNKNOWN, NAMES],
)


def is_read_the_short_way(certificate: bytes) -> bool:
    return None not in read_plain_fields(certificate)


def extensions_read_the_short_way(certificate: bytes) -> PlainExtensions | None:
    x509.load_der_x509_certificate(certificate)
    *_, end = read_plain_fields(certificate)
    assert end is not None
    return read_plain_extensions(certificate, end)


def names_read_the_short_way(*extensions: bytes) -> list[str] | None:
    plain = extensions_read_the_short_way(certificate_der(extensions=extensions))
    return None if plain is None else list(map(str, plain[0]))


def test_common_certificates_are_read_the_short_way() -> None:
    assert read_plain_pem(pem(COMMON)) == COMMON
    assert is_read_the_short_way(COMMON)
    plain = extensions_read_the_short_way(COMMON)
    assert plain is not None
    names, others = plain
    assert list(map(str, names)) == [*("DNS:a.example", "email:a@example.com", "URI:spiffe://example.com/a")]
    assert others == NOT_A_CA + DIGITAL_SIGNATURE + CLIENT_AUTHENTICATION + UNKNOWN
    assert_that_both_ways_agree(pem(COMMON))


def test_common_attribute_types_are_read_the_short_way() -> None:
    for kind in PLAIN_KINDS:
        certificate = certificate_der(name((kind, "value")))
        assert is_read_the_short_way(certificate)
        assert_that_both_ways_agree(pem(certificate))


def test_a_name_of_1024_bytes_is_read_the_short_way_and_a_longer_one_is_not() -> None:
    parts = [("CN", "a" * 100)] * 9
    lengths = [len(name(*parts, ("CN", "a" * last))) for last in (10, 11)]
    assert lengths == [1024, 1025]
    longest, longer = (certificate_der(name(*parts, ("CN", "a" * last))) for last in (10, 11))
    assert is_read_the_short_way(longest)
    assert not is_read_the_short_way(longer)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_both_ways_agree_on_the_golden_certificates(path: Path) -> None:
    assert_that_both_ways_agree(path.read_text(encoding="ascii"))


def test_most_golden_certificates_are_read_the_short_way() -> None:
    contents = [read_plain_pem(path.read_text(encoding="ascii")) for path in GOLDEN]
    assert None not in contents
    assert sum(is_read_the_short_way(content) for content in contents if content) > len(GOLDEN) / 2


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(name([attribute("CN", "a"), attribute("OU", "b")]), id="two attributes in one"),
        pytest.param(name([]), id="a relative distinguished name of no attributes"),
        pytest.param(name(("CN", "a"), []), id="the last relative distinguished name has no attributes"),
        pytest.param(name(("CN", "")), id="an empty value"),
        pytest.param(name(("CN", "a" * 128)), id="a long value"),
        pytest.param(name(*[("CN", "a" * 64)] * 20), id="a long name"),
        pytest.param(name(("1.2.3.4", "a")), id="an attribute type that is not common"),
        pytest.param(name(attribute("CN", "a", der.T61_STRING)), id="a T61String"),
        pytest.param(name(attribute("CN", "a", der.BMP_STRING)), id="a BMPString"),
        pytest.param(name(attribute("CN", "a", der.OCTET_STRING)), id="an octet string"),
        pytest.param(name(attribute("CN", "a*b", der.PRINTABLE_STRING)), id="an asterisk in a PrintableString"),
        pytest.param(name(attribute("CN", "é", der.IA5_STRING)), id="beyond ASCII in an IA5String"),
        pytest.param(name(der.sequence(der.oid(OIDS["CN"]), b"\x0c\x01\xe9")), id="not UTF-8"),
        pytest.param(name(der.sequence(der.oid(OIDS["CN"]), b"\x0c\x03\xed\xa0\x80")), id="a surrogate"),
        pytest.param(name(der.sequence(der.oid(OIDS["CN"]), b"\x0c\x02\xc0\x80")), id="an overlong NUL"),
        pytest.param(name(der.sequence(der.oid(OIDS["CN"]))), id="no value"),
        pytest.param(name(der.sequence(der.oid(OIDS["CN"]), der.text("a"), der.text("b"))), id="two values"),
        pytest.param(name(der.sequence(der.oid(OIDS["CN"]), b"\x0c\x81\x01a")), id="a length in a byte too many"),
        pytest.param(name(der.sequence(der.oid(OIDS["CN"]), b"\x0c\x02a")), id="a length beyond the attribute"),
        pytest.param(der.sequence(der.tlv(der.SET, attribute("CN", "a"))[:-1]), id="ends early"),
        pytest.param(der.sequence(der.tlv(der.SEQUENCE, attribute("CN", "a"))), id="a sequence for a set"),
        pytest.param(
            der.sequence(der.tlv(der.SET, der.tlv(der.SET, attribute("CN", "a")[2:]))), id="a set for a sequence"
        ),
        pytest.param(
            name(der.sequence(der.tlv(der.OCTET_STRING, der.oid(OIDS["CN"])[2:]), der.text("a"))), id="not an OID"
        ),
    ],
)
def test_what_is_odd_is_left_to_cryptography(odd: bytes) -> None:
    plain = name(("CN", "plain"))
    assert read_plain_fields(certificate_der(odd, plain))[2] is None
    assert read_plain_fields(certificate_der(plain, odd))[1] is None
    assert_that_both_ways_agree(pem(certificate_der(odd, plain)))
    assert_that_both_ways_agree(pem(certificate_der(plain, odd)))


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(name(("CN", "a"))[:-1] + b"aa", id="one byte too many"),
        pytest.param(b"\x30\x80" + der.tlv(der.SET, attribute("CN", "a")) + b"\0\0", id="an indefinite length"),
        pytest.param(b"\x30\x81\x0c" + name(("CN", "a"))[2:], id="a length in a byte too many"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_name_that_breaks_the_certificate_makes_it_malformed(broken: bytes) -> None:
    for certificate in (certificate_der(broken), certificate_der(issuer=broken)):
        with pytest.raises(MalformedCertificateError):
            PeerCertificate.from_pem(pem(certificate))


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(der.sequence(der.tlv(der.SET, attribute("CN", "a"))[:-1]), id="the name ends early"),
        pytest.param(der.sequence(b"\x31\x0b" + attribute("CN", "a")), id="a set that ends after the name"),
        pytest.param(
            der.sequence(der.tlv(der.SET, b"\x30\x09" + attribute("CN", "a")[2:])),
            id="a sequence that ends after the set",
        ),
        pytest.param(
            der.sequence(b"\x31\x81\x30\x7f" + der.oid(OIDS["CN"]) + der.text("a" * 120)),
            id="a long length, read as short",
        ),
        pytest.param(
            der.sequence(b"\x31\x80\x30\x7e" + der.oid(OIDS["CN"]) + der.text("a" * 119)),
            id="an indefinite length, read as one of 128",
        ),
    ],
)
def test_what_cryptography_would_have_refused_is_not_read_either(broken: bytes) -> None:
    assert read_plain_fields(certificate_der(broken))[2] is None


def test_fields_that_are_none_of_a_certificate_are_not_read_either() -> None:
    assert is_read_the_short_way(certificate_der(serial_number=der.integer(1)))
    assert read_plain_fields(certificate_der(serial_number=der.octets(b"1"))) == NOT_PLAIN


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        *(
            (0, "0"),
            (1, "01"),
            (0x7F, "7F"),
            (0x80, "80"),
            (0xABC, "0ABC"),
            (0xF00, "0F00"),
            (2**159, "80" + "00" * 19),
        ),
        *((2**1015 - 1, "7F" + "FF" * 126), (2**1015, None), (-1, None), (-0x80, None), (-(2**64), None)),
    ],
)
def test_serial_numbers_are_read_the_short_way_unless_they_are_negative_or_very_long(
    number: int, expected: str | None
) -> None:
    certificate = certificate_der(serial_number=der.integer(number))
    assert read_plain_fields(certificate)[0] == expected
    assert_that_both_ways_agree(pem(certificate))


def test_a_serial_number_without_a_byte_is_not_read() -> None:
    assert read_plain_fields(certificate_der(serial_number=der.tlv(der.INTEGER)))[0] is None


def test_a_certificate_of_version_1_is_left_to_cryptography() -> None:
    certificate = certificate_der(SUBJECT, version=None)
    assert read_plain_fields(certificate) == NOT_PLAIN
    assert_that_both_ways_agree(pem(certificate))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text, id="as openssl writes it"),
        pytest.param(lambda text: text.removesuffix("\n"), id="no newline at the end"),
        pytest.param(lambda text: text.replace("\nMI", "\nMI\n"), id="lines of another length"),
    ],
)
def test_pems_of_one_block_are_decoded_the_short_way(change: Any) -> None:  # noqa: ANN401 -- any function of a string
    text = change(pem(COMMON))
    assert read_plain_pem(text) == COMMON
    assert_that_both_ways_agree(text)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="carriage returns"),
        pytest.param(lambda text: "\n" + text, id="a line before it"),
        pytest.param(lambda text: text + "\n", id="a line after it"),
        pytest.param(lambda text: text + text, id="two certificates"),
        pytest.param(lambda text: text.replace("-----\nM", "-----\n\nM"), id="an empty line first"),
        pytest.param(lambda text: text.replace("\n-----END", "\n\n-----END"), id="an empty line last"),
        pytest.param(lambda text: text[:100] + "\n\n" + text[100:], id="an empty line within"),
        pytest.param(lambda text: text.replace("-----\nM", "-----\nProc-Type: 4,ENCRYPTED\n\nM"), id="a header"),
        pytest.param(lambda text: text[:100] + " " + text[100:], id="a space"),
        pytest.param(lambda text: text[:100] + "-" + text[100:], id="a character that is not base64"),
        pytest.param(lambda text: text[:100] + "_" + text[101:], id="a character of another base64"),
        pytest.param(lambda text: text[:100] + "é" + text[101:], id="a character beyond ASCII"),
        pytest.param(lambda text: text[:100] + "\ud800" + text[101:], id="a surrogate"),
        pytest.param(lambda text: text[:100] + "=" + text[100:], id="padding within"),
        pytest.param(lambda text: text.replace("\n-----END", "=\n-----END"), id="padding too many"),
        pytest.param(lambda text: text.replace("=", ""), id="no padding"),
        pytest.param(lambda text: text.replace("A==\n-----END", "B==\n-----END"), id="bits left over"),
        pytest.param(lambda text: text.replace("CERTIFICATE", "X509 CERTIFICATE"), id="another label"),
        pytest.param(lambda text: text.replace("BEGIN CERTIFICATE", "BEGIN TRUSTED CERTIFICATE"), id="two labels"),
        pytest.param(lambda _text: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", id="nothing"),
    ],
)
def test_other_pems_are_left_to_cryptography(change: Any) -> None:  # noqa: ANN401 -- as above
    # Of a length that leaves bits over, and padding.
    certificate = certificate_der(name(("CN", "client")))
    assert len(certificate) % 3 == 1
    text = change(pem(certificate))
    assert read_plain_pem(text) is None
    assert_that_both_ways_agree(text)


@pytest.mark.parametrize(
    ("extensions", "names"),
    [
        pytest.param([NOT_A_CA], [], id="neither names nor a key identifier"),
        pytest.param([KEY_IDENTIFIER], [], id="a key identifier only"),
        pytest.param([UNKNOWN, subject_alt_names(dns("a"))], ["DNS:a"], id="a name of one letter"),
        pytest.param([subject_alt_names(uri("u" * 127))], ["URI:" + "u" * 127], id="a name of 127"),
        pytest.param([subject_alt_names(dns("a\0 \n,DNS:b"))], ["DNS:a\0 \n,DNS:b"], id="a name of odd characters"),
        *(
            pytest.param(
                [subject_alt_names(*[email("a" * 40)] * count)], ["email:" + "a" * 40] * count, id=f"{count} names"
            )
            for count in (2, 3, 4, 6, 7, 2000)
        ),
    ],
)
def test_common_extensions_are_read_the_short_way(extensions: list[bytes], names: list[str]) -> None:
    assert names_read_the_short_way(*extensions) == names
    assert_that_both_ways_agree(pem(certificate_der(extensions=extensions)))


def names_extension(value: bytes, *, critical: bool = False) -> bytes:
    return extension(SUBJECT_ALT_NAME, value, critical=critical)


NAME = dns("a.example")
NAME_OF_128 = der.tagged(2, b"a" * 128)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param([names_extension(der.sequence(NAME), critical=True)], id="critical names"),
        pytest.param([NAMES, NAMES], id="names twice"),
        pytest.param([NAMES, names_extension(b"garbage")], id="names, and what isn't"),
        pytest.param([names_extension(b"")], id="no bytes for names"),
        pytest.param([names_extension(b"\x30")], id="one byte for names"),
        pytest.param([names_extension(der.sequence())], id="no names"),
        pytest.param([names_extension(b"\x30\x80")], id="names of an indefinite length, and no more"),
        pytest.param([names_extension(b"\x30\x80" + NAME + b"\0\0")], id="names of an indefinite length"),
        pytest.param([names_extension(b"\x30\x81" + der.sequence(NAME)[1:])], id="a length in a byte too many"),
        pytest.param(
            [names_extension(b"\x30\x82\0" + der.sequence(NAME_OF_128)[2:])], id="a length that begins with 0"
        ),
        pytest.param([names_extension(der.sequence(NAME) + b"\0")], id="a byte after the names"),
        pytest.param([names_extension(der.sequence(NAME)[:-1])], id="names that end early"),
        pytest.param([names_extension(der.sequence(NAME[:-1]))], id="a name that ends early"),
        pytest.param([names_extension(der.sequence(NAME[:1]))], id="a name without a length"),
        pytest.param([names_extension(der.sequence(NAME, b"\x82"))], id="another name without a length"),
        pytest.param([names_extension(der.tlv(der.SET, NAME))], id="a set of names"),
        pytest.param([names_extension(NAME)], id="a name that is in no sequence"),
        pytest.param([subject_alt_names(dns(""))], id="an empty name"),
        pytest.param([subject_alt_names(NAME, dns(""))], id="an empty name after another"),
        pytest.param([subject_alt_names(NAME_OF_128)], id="a name of 128"),
        pytest.param([subject_alt_names(b"\x82\x81\x01a")], id="the length of a name in a byte too many"),
        pytest.param([subject_alt_names(b"\x82\x80" + b"a" * 128)], id="an indefinite length, read as one of 128"),
        pytest.param([subject_alt_names(dns("é"))], id="a name beyond ASCII"),
        pytest.param([subject_alt_names(dns(b"\xe9"))], id="a name that isn't UTF-8"),
        pytest.param([subject_alt_names(NAME, ip(bytes(4)))], id="an IP address"),
        pytest.param([subject_alt_names(der.tagged(4, name(("CN", "a")), constructed=True))], id="a directory name"),
        pytest.param([subject_alt_names(der.tagged(8, b"\x2a\x03"))], id="a registered ID"),
        pytest.param([subject_alt_names(der.tagged(2, b"a", constructed=True))], id="a constructed name"),
        pytest.param([subject_alt_names(der.text("a", der.IA5_STRING))], id="a string without its tag"),
        pytest.param([KEY_IDENTIFIER, KEY_IDENTIFIER], id="a key identifier twice"),
        pytest.param([extension(SUBJECT_KEY_IDENTIFIER, der.octets(bytes(19)))], id="a shorter key identifier"),
        pytest.param([extension(SUBJECT_KEY_IDENTIFIER, der.octets(bytes(21)))], id="a longer key identifier"),
        pytest.param([extension(SUBJECT_KEY_IDENTIFIER, bytes(22))], id="a key identifier that isn't octets"),
        pytest.param([extension(SUBJECT_KEY_IDENTIFIER, b"\x04\x15" + bytes(20))], id="a key identifier cut off"),
        pytest.param([extension(SUBJECT_KEY_IDENTIFIER, b"\x04\x14" + bytes(19))], id="a key identifier cut short"),
        pytest.param(
            [extension(SUBJECT_KEY_IDENTIFIER, der.octets(bytes(20)), critical=True)], id="a critical key identifier"
        ),
        pytest.param(
            [extension(SUBJECT_KEY_IDENTIFIER, der.octets(bytes(20)) + b"\0")], id="a byte after a key identifier"
        ),
    ],
)
def test_odd_extensions_are_left_to_cryptography(odd: list[bytes]) -> None:
    for extensions in (odd, [NOT_A_CA, *odd, CLIENT_AUTHENTICATION]):
        certificate = certificate_der(extensions=extensions)
        assert extensions_read_the_short_way(certificate) is None
        assert_that_both_ways_agree(pem(certificate))


@pytest.mark.parametrize("fields", [{"extensions": None}, {"public_key": ED25519_KEY + der.tagged(1, b"\0\1")}])
def test_a_certificate_of_no_extensions_or_other_fields_is_left_to_cryptography(fields: dict[str, Any]) -> None:
    certificate = certificate_der(**fields)
    assert extensions_read_the_short_way(certificate) is None
    assert_that_both_ways_agree(pem(certificate))


UNDECODABLE = [
    pytest.param(extension(EXTENDED_KEY_USAGE, b"garbage"), id="garbage"),
    pytest.param(CLIENT_AUTHENTICATION + CLIENT_AUTHENTICATION, id="twice"),
    pytest.param(KEY_IDENTIFIER + KEY_IDENTIFIER, id="a key identifier twice"),
    pytest.param(NAMES + NAMES, id="names twice"),
    pytest.param(subject_alt_names(), id="no names"),
    pytest.param(subject_alt_names(dns("é")), id="a name beyond ASCII"),
    pytest.param(subject_alt_names(der.tagged(9, b"a")), id="a name of no kind"),
]


@pytest.mark.parametrize("odd", UNDECODABLE)
@pytest.mark.parametrize("before", [b"", CLIENT_AUTHENTICATION, NAMES, KEY_IDENTIFIER])
def test_what_is_known_of_one_certificate_decides_on_no_other(odd: bytes, before: bytes) -> None:
    # One whose extensions are all but the odd ones, so that what they come to is kept, and then one with these too.
    for extensions in ([before, UNKNOWN], [before, UNKNOWN, odd], [before, UNKNOWN], [odd, before, UNKNOWN]):
        assert_that_both_ways_agree(pem(certificate_der(extensions=extensions)))


def test_what_extensions_say_is_kept_by_all_that_are_not_a_clients_own() -> None:
    def read(*extensions: bytes) -> PeerCertificate:
        return PeerCertificate.from_pem(pem(certificate_der(extensions=[UNKNOWN, *extensions])))

    server = extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.1")))
    for _ in range(2):
        assert read(CLIENT_AUTHENTICATION, NAMES).ext_key_usage == ["1.3.6.1.5.5.7.3.2"]
        assert read(server, NAMES).ext_key_usage == ["1.3.6.1.5.5.7.3.1"]
        assert read(NAMES).ext_key_usage is None
        assert [str(each) for each in read(server, subject_alt_names(dns("b"))).subject_alt_names] == ["DNS:b"]
        assert read(server).subject_alt_names == ()


def test_a_list_of_usages_that_somebody_changes_is_nobody_elses() -> None:
    one, two = (PeerCertificate.from_pem(pem(COMMON)) for _ in range(2))
    assert one.ext_key_usage is not None
    one.ext_key_usage.clear()
    assert one.ext_key_usage == two.ext_key_usage == ["1.3.6.1.5.5.7.3.2"]


def test_what_is_kept_of_extensions_is_limited_in_number_and_length() -> None:
    kept = certificate_module._known_usages  # noqa: SLF001 -- nothing else shows it
    kept.clear()
    for number in range(64):
        PeerCertificate.from_pem(pem(certificate_der(extensions=[extension(f"1.2.3.{number}")]))).ext_key_usage  # noqa: B018
    assert len(kept) == 64
    PeerCertificate.from_pem(pem(COMMON)).ext_key_usage  # noqa: B018
    assert len(kept) == 1
    around = len(extension("1.2.3.4", bytes(2000))) - 2000
    for length, number in ((2048 - around, 2), (2049 - around, 2)):
        PeerCertificate.from_pem(pem(certificate_der(extensions=[extension("1.2.3.4", bytes(length))]))).ext_key_usage  # noqa: B018
        assert len(kept) == number
    assert max(map(len, kept)) == 2048


def test_an_issuer_is_the_same_for_all_its_certificates() -> None:
    one, two = (PeerCertificate.from_pem(client_pem(("CN", common_name))) for common_name in ("one", "two"))
    assert one.issuer == two.issuer
    assert one.subject != two.subject
    one.issuer.get_all("CN").append("changed")
    one.issuer.to_dict()["CN"] = "changed"
    assert two.issuer.CN == "Test CA"
    assert copy.deepcopy(one).issuer == copy.copy(two.issuer) == {"CN": "Test CA"}


values = st.text(max_size=12) | st.text(st.sampled_from("ab ,+\"\\<>;#=*@_'é\n\x7f\0"), max_size=6)
odd_values = values.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=6)
dotted_oids = st.sampled_from([*OIDS.values(), "2.5.4.17", "2.5.4.97", "2.5.4.13", "1.2.3.4"])
string_types = st.sampled_from(STRING_TYPES) | st.sampled_from(STRING_TYPES[:3])
attributes = st.builds(
    lambda oid, tag, value: der.sequence(der.oid(oid), der.tlv(tag, value)), dotted_oids, string_types, odd_values
)
names = st.lists(attributes | st.lists(attributes, max_size=2), max_size=4).map(lambda parts: name(*parts))


@given(names, names)
def test_both_ways_agree_on_any_names(subject: bytes, issuer: bytes) -> None:
    assert_that_both_ways_agree(pem(certificate_der(subject, issuer)))


general_names = st.builds(
    der.tlv, st.sampled_from([0x81, 0x82, 0x86, 0x87, 0x88, 0x30]), st.sampled_from([b"a", b"b.example", b"", b"\xe9"])
)
own_extensions = st.one_of(
    st.lists(general_names, max_size=3).map(lambda parts: subject_alt_names(*parts)),
    st.builds(
        lambda oid, value, critical: extension(oid, value, critical=critical),
        st.sampled_from([SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER]),
        st.sampled_from(
            [der.octets(bytes(20)), der.octets(bytes(19)), der.sequence(NAME), der.sequence(), b"", b"\x30\x80"]
        ),
        st.booleans(),
    ),
    st.sampled_from([NAMES, KEY_IDENTIFIER]),
)
shared_extensions = st.sampled_from(
    [NOT_A_CA, CLIENT_AUTHENTICATION, UNKNOWN, extension(EXTENDED_KEY_USAGE, b"garbage"), extension("1.2.3.4", b"")]
)


@given(st.lists(st.lists(own_extensions | shared_extensions, max_size=4), min_size=1, max_size=4))
def test_both_ways_agree_on_any_extensions_whatever_came_before(certificates: list[list[bytes]]) -> None:
    for extensions in certificates:
        assert_that_both_ways_agree(pem(certificate_der(extensions=extensions)))


@given(broken_certificates())
def test_both_ways_agree_on_certificates_of_broken_parts(certificate: bytes) -> None:
    assert_that_both_ways_agree(pem(certificate))


@given(st.data())
def test_both_ways_agree_on_certificates_with_changed_bytes(data: st.DataObject) -> None:
    certificate = bytearray(COMMON)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(certificate) - 1))
        # The bytes that DER is made of, or any.
        certificate[position] = data.draw(
            st.sampled_from([*STRING_TYPES, *range(8), 0x30, 0x31, 0x80]) | st.integers(0, 255)
        )
    assert_that_both_ways_agree(pem(bytes(certificate)))


@given(st.data())
def test_both_ways_agree_on_pems_with_changed_characters(data: st.DataObject) -> None:
    text = list(pem(COMMON))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(text)))
        instead = data.draw(
            st.sampled_from(["", "\n", "\r", " ", "=", "-", "A", "/", "_", ":", "\0", "é"]) | st.characters()
        )
        text[position : position + data.draw(st.integers(0, 2))] = [instead]
    assert_that_both_ways_agree("".join(text))
