from __future__ import annotations

import copy
import hashlib
import pickle
import typing
from datetime import UTC, datetime

import pytest

from client_certificate_auth import MalformedCertificateError, PeerCertificate, SubjectAltName
from tests.golden.general_names import EDI_PARTY_NAME, X400_ADDRESS
from tests.pki import der
from tests.pki.certificates import (
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
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


def test_the_attributes_are_those_of_the_certificate() -> None:
    encoded = certificate_der(name(("CN", "client")), name(("CN", "Test CA")))
    certificate = PeerCertificate.from_pem(pem(encoded))
    assert certificate.subject.CN == "client"
    assert certificate.issuer.CN == "Test CA"
    assert certificate.serial_number == "0102030405"
    assert certificate.not_before == datetime(2020, 1, 1, tzinfo=UTC)
    assert certificate.not_after == datetime(2040, 1, 1, tzinfo=UTC)
    assert certificate.valid_from == "Jan  1 00:00:00 2020 GMT"
    assert certificate.valid_to == "Jan  1 00:00:00 2040 GMT"
    assert certificate.raw == encoded
    for algorithm, fingerprint in {
        "sha1": certificate.fingerprint,
        "sha256": certificate.fingerprint256,
        "sha512": certificate.fingerprint512,
    }.items():
        assert fingerprint == hashlib.new(algorithm, encoded).digest().hex(":").upper()
    assert certificate.x509.serial_number == 0x0102030405
    assert repr(certificate) == "PeerCertificate(subject='CN=client', serial_number='0102030405')"


def test_an_absent_value_is_none_or_empty() -> None:
    certificate = PeerCertificate.from_pem(client_pem(("CN", "client")))
    assert certificate.subject_alt_names == ()
    assert certificate.subjectaltname is None
    assert certificate.info_access is None
    assert certificate.ext_key_usage is None
    assert certificate.ca is False
    for attribute in ("modulus", "exponent", "bits", "pubkey", "asn1_curve", "nist_curve"):
        assert getattr(certificate, attribute) is None
    assert set(certificate.to_dict()) == {
        *("subject", "issuer", "ca", "valid_from", "valid_to", "fingerprint", "fingerprint256", "fingerprint512"),
        *("serialNumber", "raw"),
    }


def test_subject_alt_names_have_type_and_value_and_are_not_split_at_commas() -> None:
    directory_name = der.tagged(4, name(("O", "Acme, Inc."), ("CN", "client")), constructed=True)
    upn = der.oid("1.3.6.1.4.1.311.20.2.3")
    names = subject_alt_names(
        dns("a.example, DNS:evil.example"),
        email("a@example.com"),
        uri("spiffe://example/a,b"),
        ip(b"\xc0\x00\x02\x01"),
        ip(b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        directory_name,
        der.tagged(8, der.oid("1.2.840.113549")[2:]),
        der.tagged(0, upn, der.tagged(0, der.text("a@example.com"), constructed=True), constructed=True),
        der.tagged(0, upn, der.tagged(0, der.integer(5), constructed=True), constructed=True),
        der.tagged(0, upn, der.tagged(0, der.tlv(der.UTF8_STRING, b"\xff"), constructed=True), constructed=True),
    )
    certificate = PeerCertificate.from_pem(pem(certificate_der(extensions=[names])))
    assert certificate.subject_alt_names == (
        SubjectAltName("DNS", "a.example, DNS:evil.example"),
        SubjectAltName("email", "a@example.com"),
        SubjectAltName("URI", "spiffe://example/a,b"),
        SubjectAltName("IP", "192.0.2.1"),
        SubjectAltName("IP", "2001:db8::1"),
        SubjectAltName("dirName", r"CN=client,O=Acme\, Inc."),
        SubjectAltName("RID", "1.2.840.113549"),
        SubjectAltName("otherName", "1.3.6.1.4.1.311.20.2.3;UTF8:a@example.com"),
        SubjectAltName("otherName", "1.3.6.1.4.1.311.20.2.3;DER:020105"),
        SubjectAltName("otherName", "1.3.6.1.4.1.311.20.2.3;DER:0c01ff"),
    )
    assert str(certificate.subject_alt_names[1]) == "email:a@example.com"


def test_x400_addresses_and_edi_party_names_are_left_out() -> None:
    names = subject_alt_names(X400_ADDRESS, dns("a.example"), EDI_PARTY_NAME, email("a@example.com"))
    certificate = PeerCertificate.from_der(certificate_der(extensions=[names]))
    assert certificate.subject_alt_names == (("DNS", "a.example"), ("email", "a@example.com"))


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        # IPv4-mapped addresses, which str() writes in this form only from Python 3.13 on (RFC 5952 §5).
        ("00000000000000000000ffffc0000201", "::ffff:192.0.2.1"),
        ("00000000000000000000ffff00000001", "::ffff:0.0.0.1"),
        ("00000000000000000000fffec0000201", "::fffe:c000:201"),
        ("000000000000000000000000c0000201", "::c000:201"),
        ("20010db8000000000000000000000000", "2001:db8::"),
        ("00000000000000000000000000000000", "::"),
    ],
)
def test_an_ip_address_has_the_same_canonical_form_with_every_python(octets: str, value: str) -> None:
    names = subject_alt_names(ip(bytes.fromhex(octets)))
    certificate = PeerCertificate.from_pem(pem(certificate_der(extensions=[names])))
    assert certificate.subject_alt_names == (SubjectAltName("IP", value),)
    groups = ":".join(octets[start : start + 4] for start in range(0, 32, 4))
    assert SubjectAltName.from_string(f"IP:{groups}") == SubjectAltName.from_string(f"IP:{value}") == ("IP", value)


@pytest.mark.parametrize(
    ("extensions", "decodable"),
    [
        ([], True),
        ([subject_alt_names(dns("a.example"))], True),
        # Some CAs write it without names.
        ([subject_alt_names()], True),
        ([subject_alt_names(X400_ADDRESS, dns("a.example"), EDI_PARTY_NAME)], True),
        ([subject_alt_names(dns("a.example"), der.tagged(5, constructed=True))], False),
        ([extension("1.2.3.4", b"whatever")], True),
        # Only what identifies the client and its rights must be decodable.
        ([extension(BASIC_CONSTRAINTS, b"garbage")], True),
        ([subject_alt_names(dns("a.example")), extension(BASIC_CONSTRAINTS, b"garbage")], True),
        ([extension(SUBJECT_ALT_NAME, b"garbage")], False),
        ([subject_alt_names(dns("a.example"), der.tagged(9, b"a"))], False),
        ([subject_alt_names(ip(b"\1\2\3"))], False),
        ([subject_alt_names(der.tagged(8, b"\x80"))], False),
        ([subject_alt_names(der.tagged(0, b"", constructed=True))], False),
        ([extension(KEY_USAGE, b"garbage")], False),
        ([extension(EXTENDED_KEY_USAGE, b"garbage")], False),
        ([extension(EXTENDED_KEY_USAGE, der.sequence())], False),
        # Of a kind of name that OpenSSL doesn't read as text.
        (
            [
                subject_alt_names(
                    der.tagged(4, name(der.sequence(der.oid("2.5.4.3"), der.octets(b"a"))), constructed=True)
                )
            ],
            False,
        ),
    ],
)
def test_extensions_decodable_is_about_the_identifying_extensions(extensions: list[bytes], *, decodable: bool) -> None:
    assert PeerCertificate.from_pem(pem(certificate_der(extensions=extensions))).extensions_decodable is decodable


def test_decisions_stay_strict_where_the_object_of_node_is_shown() -> None:
    certificate = PeerCertificate.from_der(
        certificate_der(
            extensions=[
                extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\1")), critical=True),
                extension(SUBJECT_ALT_NAME, der.sequence(dns("a.example")), b"\0"),
                extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.2")), b"\0"),
            ]
        )
    )
    shown = certificate.to_dict()
    assert (shown["ca"], shown["subjectaltname"]) == (True, "DNS:a.example")
    assert shown["ext_key_usage"] == ["1.3.6.1.5.5.7.3.2"]
    assert (certificate.subject_alt_names, certificate.ext_key_usage) == ((), None)
    assert not certificate.extensions_decodable
    assert certificate.unhandled_critical_extensions == (BASIC_CONSTRAINTS,)


def test_a_ca_is_one_by_its_basic_constraints() -> None:
    is_ca = extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\xff")))
    assert PeerCertificate.from_pem(pem(certificate_der(extensions=[is_ca]))).ca is True


def test_a_malformed_certificate_is_an_error_that_says_what_is_wrong() -> None:
    with pytest.raises(MalformedCertificateError, match="not a certificate in PEM"):
        PeerCertificate.from_pem("garbage")
    with pytest.raises(MalformedCertificateError, match="one certificate expected, 2 blocks found"):
        PeerCertificate.from_pem(client_pem(("CN", "a")) * 2)
    with pytest.raises(MalformedCertificateError, match=r"attribute 2\.5\.4\.45 is not text"):
        PeerCertificate.from_pem(client_pem(der.sequence(der.oid("2.5.4.45"), der.bits(b"x"))))


def test_a_tilde_in_an_alternative_name_is_not_quoted() -> None:
    encoded = certificate_der(extensions=[subject_alt_names(uri("https://a.example/~b"))])
    assert PeerCertificate.from_pem(pem(encoded)).to_dict()["subjectaltname"] == "URI:https://a.example/~b"


def test_months_are_written_as_openssl_does() -> None:
    # All in one test: against a mutant only a few cases of each have their turn.
    starts = [datetime(2021, month, 9, 1, 2, 3, tzinfo=UTC) for month in range(1, 13)]
    certificates = [PeerCertificate.from_pem(pem(certificate_der(not_before=der.time(start)))) for start in starts]
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    assert [certificate.valid_from for certificate in certificates] == [
        f"{month}  9 01:02:03 2021 GMT" for month in months
    ]


def test_a_serial_number_has_whole_bytes_but_for_zero() -> None:
    numbers = {0: "0", 1: "01", 0x10: "10", 0x100: "0100", 0xABCD: "ABCD"}
    for number, written in numbers.items():
        certificate = PeerCertificate.from_pem(pem(certificate_der(serial_number=der.integer(number))))
        assert certificate.serial_number == written


def test_a_certificate_can_be_der() -> None:
    encoded = certificate_der(name(("CN", "client")))
    assert PeerCertificate.from_der(encoded).subject.CN == "client"
    assert PeerCertificate.from_der(encoded).raw == encoded


def test_a_serial_number_may_be_negative() -> None:
    for number, written in {-1: "-01", -128: "-80", -4096: "-1000"}.items():
        certificate = PeerCertificate.from_der(certificate_der(serial_number=der.integer(number)))
        assert certificate.serial_number == written


def test_the_year_0_is_the_first_that_a_datetime_has() -> None:
    year_0 = der.tlv(der.GENERALIZED_TIME, b"00000229000000Z")
    with pytest.raises(ValueError, match=r"day .*range"):
        datetime(1, 2, 29, tzinfo=UTC)
    certificate = PeerCertificate.from_der(certificate_der(not_before=year_0))
    assert certificate.valid_from == "Feb 29 00:00:00 0 GMT"
    assert certificate.not_before == datetime(1, 1, 1, tzinfo=UTC)


def test_a_certificate_that_cryptography_rejects_has_everything_but_its_object() -> None:
    odd = certificate_der(name(("CN", "client"), []))
    certificate = PeerCertificate.from_der(odd)
    assert certificate.subject.CN == "client"
    assert certificate.x509 is certificate.x509
    version_1 = PeerCertificate.from_der(certificate_der(version=0))
    assert version_1.to_dict()["serialNumber"] == "0102030405"
    with pytest.raises(MalformedCertificateError, match="cryptography cannot read the certificate"):
        _ = version_1.x509


def test_a_certificate_can_be_copied_and_pickled_after_it_was_used() -> None:
    certificate = PeerCertificate.from_der(certificate_der(name(("CN", "client"))))
    _ = certificate.x509, certificate.fingerprint256, certificate.modulus
    pickled = [pickle.loads(pickle.dumps(certificate, protocol)) for protocol in range(6)]  # noqa: S301 -- its own
    for each in (copy.copy(certificate), copy.deepcopy(certificate), *pickled):
        assert type(each) is PeerCertificate
        assert each.raw == certificate.raw
        assert each.x509 == certificate.x509
        assert each.to_dict() == certificate.to_dict()


def test_alternative_names_have_type_hints_for_pydantic() -> None:
    assert typing.get_type_hints(SubjectAltName) == {"type": str, "value": str}
