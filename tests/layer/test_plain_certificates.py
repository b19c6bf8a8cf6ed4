"""The short way through plain certificates and cryptography's way come to the same, whatever the certificate."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import DistinguishedName, MalformedCertificateError, PeerCertificate
from client_certificate_auth.plain_certificates import read_plain_names, read_plain_pem
from tests import der
from tests.certificates import (
    OIDS,
    attribute,
    certificate_der,
    client_pem,
    dns,
    name,
    pem,
    subject_alt_names,
)
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
COMMON = certificate_der(
    SUBJECT, name(("O", "Acme"), ("CN", "Acme CA")), extensions=[subject_alt_names(dns("a.example"))]
)


def by_cryptography(text: str) -> PeerCertificate:
    """Read a certificate without the short way."""
    if text.count("-----BEGIN") > 1:
        raise MalformedCertificateError
    try:
        certificate = x509.load_pem_x509_certificate(text.encode("ascii"))
    except Exception as error:
        raise MalformedCertificateError from error
    return PeerCertificate(certificate)


def described(certificate: PeerCertificate) -> list[object]:
    """Return all that a name and the bytes of a certificate have part in."""
    return [
        *map(described_name, (certificate.subject, certificate.issuer)),
        *(certificate.fingerprint, certificate.fingerprint256, certificate.fingerprint512, certificate.raw),
        *(certificate.serial_number, certificate.not_before, certificate.not_after, certificate.subject_alt_names),
        repr(certificate),
    ]


def described_name(distinguished_name: DistinguishedName) -> list[object]:
    return [
        *((key, distinguished_name[key], distinguished_name.get_all(key)) for key in distinguished_name),
        distinguished_name.rfc4514_string(),
        distinguished_name.x509,
    ]


def assert_that_both_ways_agree(text: str) -> None:
    outcomes: list[Any] = []
    for read in (PeerCertificate.from_pem, by_cryptography):
        try:
            outcomes.append(described(read(text)))
        except MalformedCertificateError:
            outcomes.append("malformed")
    assert outcomes[0] == outcomes[1]


def is_read_the_short_way(certificate: bytes) -> bool:
    issuer, subject = read_plain_names(certificate)
    return issuer is not None and subject is not None


def test_common_certificates_are_read_the_short_way() -> None:
    assert read_plain_pem(pem(COMMON)) == COMMON
    assert is_read_the_short_way(COMMON)


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
    assert read_plain_names(certificate_der(odd, plain))[1] is None
    assert read_plain_names(certificate_der(plain, odd))[0] is None
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
    assert read_plain_names(certificate_der(broken))[1] is None


def test_fields_that_are_none_of_a_certificate_are_not_read_either() -> None:
    assert is_read_the_short_way(certificate_der(serial_number=der.integer(1)))
    assert read_plain_names(certificate_der(serial_number=der.octets(b"1"))) == (None, None)


def test_a_certificate_of_version_1_is_left_to_cryptography() -> None:
    certificate = certificate_der(SUBJECT, version=None)
    assert read_plain_names(certificate) == (None, None)
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
