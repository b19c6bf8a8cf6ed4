from __future__ import annotations

import pytest

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import (
    bit_is_set,
    read_authority_key_identifier,
    read_basic_constraints,
    read_bits,
    read_distribution_points,
    read_extended_key_usage,
    read_info_access,
    read_subject_key_identifier,
)
from client_certificate_auth.x509.general_names import read_general_names
from client_certificate_auth.x509.handled_extensions import HANDLED
from tests.pki import der
from tests.pki.certificates import certificate_der, dns, extension, name, uri

NULL = der.tlv(der.NULL)
INTEGER = der.integer(1)
TRUE = der.tlv(der.BOOLEAN, b"\xff")
OID = der.oid("1.2.3")
BITS = der.bits(b"\x80")
NAMES = der.sequence(dns("a.example"))
URI = uri("http://a.example/a.crl")


def tagged(number: int, *contents: bytes) -> bytes:
    return der.tagged(number, *contents, constructed=True)


def test_bits_are_numbered_from_the_left() -> None:
    table = {b"\x01\x06": [5, 6], b"\x07\x80\x80": [0, 8], b"\0\x01": [7], b"\0": []}
    for content, expected in table.items():
        octets = read_bits(der.tlv(der.BIT_STRING, content))
        assert [number for number in range(20) if bit_is_set(octets, number)] == expected


def test_key_purposes_are_dotted_oids() -> None:
    assert read_extended_key_usage(der.sequence(OID, der.oid("2.999"))) == ("1.2.3", "2.999")
    assert read_extended_key_usage(der.sequence()) == ()
    with pytest.raises(DerError, match="expected elements with the tag 06"):
        read_extended_key_usage(der.sequence(OID, NULL))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (der.sequence(), (False, None)),
        (der.sequence(TRUE), (True, None)),
        (der.sequence(der.tlv(der.BOOLEAN, b"\0")), (False, None)),
        (der.sequence(TRUE, der.integer(0)), (True, 0)),
        (der.sequence(der.integer(3)), (False, 3)),
        (der.sequence(TRUE, der.integer(2**40)), (True, 2**40)),
    ],
)
def test_basic_constraints_are_a_flag_and_a_length(value: bytes, expected: tuple[bool, int | None]) -> None:
    assert read_basic_constraints(value) == expected


@pytest.mark.parametrize("length", [-1, pytest.param(-(2**20_000), id="more digits than Python prints")])
def test_a_path_length_is_not_negative(length: int) -> None:
    with pytest.raises(DerError, match="the path length is negative"):
        read_basic_constraints(der.sequence(TRUE, der.integer(length)))


def test_key_identifiers_are_octets() -> None:
    assert read_subject_key_identifier(der.octets(b"key")) == b"key"
    everything = read_authority_key_identifier(
        der.sequence(der.tagged(0, b"key"), tagged(1, dns("a")), der.tagged(2, b"\x05"))
    )
    assert everything.key_identifier == b"key"
    assert everything.cert_issuer == [(0x82, b"a")]
    assert everything.cert_serial_number == 5
    nothing = read_authority_key_identifier(der.sequence())
    assert nothing.key_identifier is None
    assert nothing.cert_issuer is None
    assert nothing.cert_serial_number is None


def test_access_descriptions_are_methods_and_locations() -> None:
    assert read_info_access(der.sequence(der.sequence(OID, URI))) == [("1.2.3", (0x86, b"http://a.example/a.crl"))]
    directory_name = tagged(4, name(("CN", "CA")))
    assert read_info_access(der.sequence(der.sequence(OID, directory_name))) == [("1.2.3", (0xA4, name(("CN", "CA"))))]
    with pytest.raises(DerError):
        read_info_access(der.sequence(der.sequence(OID, tagged(4, NULL))))


def test_distribution_points_have_names_reasons_and_crl_issuers() -> None:
    directory_name = tagged(4, name(("CN", "CRL issuer")))
    full, relative, indirect = read_distribution_points(
        der.sequence(
            der.sequence(tagged(0, tagged(0, URI, dns("b"))), der.tagged(1, b"\x05\x60")),
            der.sequence(tagged(0, tagged(1, der.sequence(OID, der.text("a"))))),
            der.sequence(tagged(2, directory_name)),
        )
    )
    assert full.full_name == [(0x86, b"http://a.example/a.crl"), (0x82, b"b")]
    assert full.reasons == b"\x60"
    assert full.relative_name is None
    assert full.crl_issuer is None
    assert relative.relative_name == der.sequence(OID, der.text("a"))
    assert relative.full_name is None
    assert relative.reasons is None
    assert indirect.crl_issuer == [(0xA4, name(("CN", "CRL issuer")))]
    assert indirect.full_name is None
    assert indirect.relative_name is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (der.sequence(NULL), "elements with the tag 30, found the tags 05"),
        (der.sequence(der.sequence()), "neither a name nor a CRL issuer"),
        (der.sequence(der.sequence(der.tagged(1, b"\0\x80"), tagged(2))), "neither a name nor a CRL issuer"),
        (der.sequence(der.sequence(tagged(0))), "the name of a distribution point, found nothing"),
        (der.sequence(der.sequence(tagged(0, URI))), "the name of a distribution point"),
        (der.sequence(der.sequence(tagged(0, tagged(1, NULL)))), "types and values of attributes"),
        (der.sequence(der.sequence(tagged(0, tagged(1, der.sequence(OID, NULL))))), "is not valid"),
    ],
)
def test_another_distribution_point_cannot_be_read(value: bytes, message: str) -> None:
    with pytest.raises(DerError, match=message):
        read_distribution_points(value)


PARTY_NAME = tagged(1, der.text("party"))


@pytest.mark.parametrize(
    "encoded",
    [
        dns(b"\xff\0"),
        uri(""),
        der.tagged(1, b"a"),
        der.tagged(7, b"an address of any length"),
        der.tagged(8, OID[2:]),
        tagged(3, b"anything"),
        tagged(4, name(("CN", "a"), [])),
        tagged(4, name(der.sequence(OID, der.bits(b"a")), der.sequence(OID, der.sequence(b"a")))),
        tagged(5, PARTY_NAME),
        tagged(5, tagged(0, der.text("assigner", der.BMP_STRING)), PARTY_NAME),
        tagged(0, OID, tagged(0, NULL)),
    ],
)
def test_a_general_name_is_one_of_nine_kinds(encoded: bytes) -> None:
    (element,) = read_general_names(encoded)
    assert der.tlv(*element) == encoded


@pytest.mark.parametrize(
    "encoded",
    [
        der.tagged(9, b"a"),
        der.text("a", der.IA5_STRING),
        der.tagged(4, name(("CN", "a"))),
        der.tagged(0, OID, tagged(0, NULL)),
        tagged(2, b"a"),
        der.tagged(8, b"\x80"),
        tagged(4),
        tagged(4, der.sequence(NULL)),
        tagged(4, name(der.sequence(OID, der.octets(b"a")))),
        tagged(4, name(der.sequence(OID, der.tlv(der.UTF8_STRING, b"\xff")))),
        tagged(4, name(der.sequence(OID, der.tlv(der.BIT_STRING)))),
        tagged(5),
        tagged(5, tagged(0, der.text("assigner"))),
        tagged(5, tagged(1)),
        tagged(5, tagged(1, NULL)),
        tagged(5, tagged(1, der.tlv(der.BMP_STRING, b"odd"))),
        tagged(5, tagged(1, der.text("a"), der.text("b"))),
        tagged(0, OID),
        tagged(0, OID, NULL),
        tagged(0, OID, tagged(0)),
        tagged(0, OID, tagged(0, NULL, NULL)),
        tagged(0, OID, tagged(0, der.tlv(der.NULL, b"a"))),
        tagged(0, OID, tagged(1, NULL)),
    ],
)
def test_another_general_name_cannot_be_read(encoded: bytes) -> None:
    with pytest.raises(DerError):
        read_general_names(encoded)


SUBTREE = der.sequence(dns("a.example"))
NO_INTEGER, NO_BITS = der.tlv(der.INTEGER), der.tlv(der.BIT_STRING)
AS_NUMBERS = der.sequence(INTEGER, der.sequence(INTEGER, INTEGER))

# Values of the handled extensions that can be read, and others that cannot.
VALUES: dict[str, tuple[list[bytes], list[bytes]]] = {
    "2.5.29.15": ([BITS], [b"", NULL, BITS + NULL]),
    "2.5.29.17": ([NAMES, der.sequence()], [b"", b"garbage", der.sequence(NULL)]),
    "2.5.29.19": ([der.sequence(TRUE)], [b"", der.sequence(NULL)]),
    "2.5.29.30": (
        [
            der.sequence(),
            der.sequence(tagged(0, SUBTREE), tagged(1, SUBTREE)),
            der.sequence(tagged(1, der.sequence(dns("a"), der.tagged(0, b"\0"), der.tagged(1, b"\1")))),
        ],
        [
            *(b"", der.sequence(NULL), der.sequence(tagged(0, NULL)), der.sequence(tagged(0, der.sequence()))),
            *(der.sequence(tagged(0, der.sequence(dns("a"), der.tagged(tag)))) for tag in (0, 1)),
        ],
    ),
    "2.5.29.31": ([der.sequence(der.sequence(tagged(0, tagged(0, URI))))], [der.sequence(NULL)]),
    "2.5.29.32": (
        [der.sequence(der.sequence(OID), der.sequence(OID, der.sequence(der.sequence(OID, NULL))))],
        [
            *(b"", der.sequence(der.sequence()), der.sequence(OID), der.sequence(der.sequence(OID, NULL))),
            der.sequence(der.sequence(OID, der.sequence(b"garbage"))),
        ],
    ),
    "2.5.29.33": ([der.sequence(der.sequence(OID, OID))], [der.sequence(der.sequence(OID)), der.sequence(OID)]),
    "2.5.29.36": (
        [der.sequence(), der.sequence(der.tagged(0, b"\0"), der.tagged(1, b"\1"))],
        [der.sequence(INTEGER), der.sequence(der.tagged(1, b"\1"), der.tagged(0, b"\0")), der.sequence(der.tagged(0))],
    ),
    "2.5.29.37": ([der.sequence(OID)], [b"", der.sequence(NULL)]),
    "2.5.29.54": ([INTEGER], [NULL, INTEGER + INTEGER]),
    "2.16.840.1.113730.1.1": ([BITS], [NULL, NO_BITS]),
    "1.3.6.1.5.5.7.48.1.5": ([NULL], [b"", der.tlv(der.NULL, b"a"), BITS]),
    "1.3.6.1.5.5.7.1.14": (
        [der.sequence(der.sequence(OID)), der.sequence(INTEGER, der.sequence(OID, der.octets(b"policy")))],
        [
            *(der.sequence(), der.sequence(INTEGER), der.sequence(der.sequence(OID, NULL))),
            der.sequence(NO_INTEGER, der.sequence(OID)),
        ],
    ),
    "1.3.6.1.5.5.7.1.7": (
        [
            der.sequence(der.sequence(der.octets(b"\0\1"), NULL)),
            der.sequence(der.sequence(der.octets(b"\0\1"), der.sequence(BITS, der.sequence(BITS, BITS)))),
        ],
        [
            der.sequence(der.sequence(der.octets(b"\0\1"))),
            *(
                der.sequence(der.sequence(der.octets(b"\0\1"), addresses))
                for addresses in (INTEGER, der.sequence(NO_BITS), der.sequence(der.sequence(BITS)))
            ),
        ],
    ),
    "1.3.6.1.5.5.7.1.8": (
        [der.sequence(tagged(0, NULL)), der.sequence(tagged(0, AS_NUMBERS), tagged(1, AS_NUMBERS))],
        [
            *(der.sequence(NULL), der.sequence(tagged(0, der.sequence(NULL))), der.sequence(tagged(0))),
            der.sequence(tagged(0, der.sequence(NO_INTEGER))),
            der.sequence(tagged(0, der.sequence(der.sequence(INTEGER)))),
        ],
    ),
}


def unhandled(oid: str, value: bytes, *, critical: bool = True) -> tuple[str, ...]:
    certificate = certificate_der(
        extensions=[extension("1.2.3.4", b"garbage"), extension(oid, value, critical=critical)]
    )
    return PeerCertificate.from_der(certificate).unhandled_critical_extensions


def test_values_of_all_handled_extensions_are_tested() -> None:
    assert set(VALUES) == set(HANDLED)


@pytest.mark.parametrize("oid", VALUES)
def test_a_critical_extension_is_handled_if_it_can_be_read(oid: str) -> None:
    readable, unreadable = VALUES[oid]
    for value in readable:
        assert unhandled(oid, value) == ()
    for value in unreadable:
        assert unhandled(oid, value) == (oid,)
        assert unhandled(oid, value, critical=False) == ()


CHECKED_FOR_CA = {
    *("2.5.29.14", "2.5.29.17", "2.5.29.30", "2.5.29.31", "2.5.29.35", "2.5.29.37"),
    *("2.16.840.1.113730.1.1", "1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8"),
}
"""Besides basic constraints and key usage."""


@pytest.mark.parametrize("oid", sorted(CHECKED_FOR_CA | {"2.5.29.32", "1.2.3.4"}))
def test_openssl_takes_no_certificate_for_that_of_a_ca_if_an_extension_that_it_checks_cannot_be_read(oid: str) -> None:
    is_a_ca = extension("2.5.29.19", der.sequence(TRUE))
    certificate = PeerCertificate.from_der(certificate_der(extensions=[is_a_ca, extension(oid, NULL)]))
    assert certificate.ca is (oid not in CHECKED_FOR_CA)


def test_all_unhandled_critical_extensions_are_returned() -> None:
    critical = [extension(oid, NULL, critical=True) for oid in ("1.2.3", "2.5.29.15", "2.5.29.37")]
    certificate = PeerCertificate.from_der(certificate_der(extensions=[extension("1.2.4", b""), *critical]))
    assert certificate.unhandled_critical_extensions == ("1.2.3", "2.5.29.15", "2.5.29.37")
    assert not certificate.extensions_decodable
    assert PeerCertificate.from_der(certificate_der()).unhandled_critical_extensions == ()


# Other extensions of RFC 5280, 5652, 6962 and 7633, and unknown ones.
OTHERS: dict[str, bytes] = {
    "2.5.29.9": der.sequence(),
    "2.5.29.14": der.octets(b"key"),
    "2.5.29.16": der.sequence(),
    "2.5.29.18": NAMES,
    "2.5.29.20": INTEGER,
    "2.5.29.35": der.sequence(der.tagged(0, b"key")),
    "2.5.29.46": der.sequence(der.sequence(tagged(0, tagged(0, URI)))),
    "1.3.6.1.5.5.7.1.1": der.sequence(der.sequence(OID, URI)),
    "1.3.6.1.5.5.7.1.3": der.sequence(),
    "1.3.6.1.5.5.7.1.11": der.sequence(der.sequence(OID, URI)),
    "1.3.6.1.5.5.7.1.24": der.sequence(INTEGER),
    "1.3.6.1.4.1.11129.2.4.2": der.octets(b"a"),
    "1.3.6.1.4.1.11129.2.4.3": NULL,
    "2.16.840.1.113730.1.13": der.text("comment", der.IA5_STRING),
    "1.2.3.4": b"",
}
