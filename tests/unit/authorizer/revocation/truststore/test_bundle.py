from __future__ import annotations

import hashlib

import pytest

from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES, SkippedBlock, read_truststore
from mtls_authorizer.revocation.truststore.names import printed_name
from tests.pki import der
from tests.pki.certificate_authorities import IS_A_CA, IS_NO_CA, MAY_SIGN_BOTH, MAY_SIGN_LISTS, CertificateAuthority
from tests.pki.certificates import BASIC_CONSTRAINTS, KEY_USAGE, SUBJECT_ALT_NAME, certificate_der, extension, name, pem

ROOT = CertificateAuthority("Root")
MIDDLE = CertificateAuthority("Middle", parent=ROOT, serial_number=7)
TORN = r"PEM block {} is incomplete: its BEGIN and END lines do not match"
NO_CA = r"no PEM block of the truststore \(1 in all\) is a usable CA certificate \(basicConstraints with CA:TRUE\)"
UNREADABLE_NAME = der.sequence(der.tlv(0x05))
UNSUPPORTED_KEY = der.sequence(der.sequence(der.oid("1.2.3")), der.bits(b"key"))


def _ca(**fields: bytes) -> bytes:
    return pem(certificate_der(extensions=[IS_A_CA], **fields)).encode()  # type: ignore[arg-type]


def _netscape_type(bits: int) -> bytes:
    return extension("2.16.840.1.113730.1.1", der.tlv(der.BIT_STRING, bytes([0, bits])))


SELF = name(("CN", "self"))


def test_a_bundle_may_have_text_between_its_certificates_and_any_line_ends() -> None:
    middle = MIDDLE.pem.replace(b"CERTIFICATE", b"X509 CERTIFICATE")  # a label that OpenSSL reads, too
    bundle = b"The root\r\n" + ROOT.pem.replace(b"\n", b"\r\n") + b"\n# and \xff below it:\n" + middle + b"end"
    truststore = read_truststore(bundle)
    assert [printed_name(each.certificate.subject) for each in truststore.authorities] == ["CN=Root", "CN=Middle"]
    assert truststore.skipped == ()


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        (b"", "contains no certificate in PEM"),
        (ROOT.certificate, "contains no certificate in PEM"),
        (b"<html>403</html>", "contains no certificate in PEM"),
        (ROOT.pem.replace(b"CERTIFICATE", b"PRIVATE KEY"), f"{NO_CA}; block 1: it is not a certificate"),
        (pem(b"\x30\x00").encode(), f"{NO_CA}; block 1: it cannot be read"),
        (_ca(public_key=UNSUPPORTED_KEY), f"{NO_CA}; block 1: its key is of a kind that is not supported"),
        (pem(ROOT.issue(extensions=[IS_NO_CA])).encode(), f"{NO_CA}$"),
        (pem(ROOT.issue()).encode(), f"{NO_CA}$"),
        (pem(certificate_der(name(("CN", "self")), name(("CN", "self")))).encode(), f"{NO_CA}$"),
        (b" " * (MAX_TRUSTSTORE_BYTES + 1), "1,000,001 bytes; API Gateway accepts at most 1,000,000"),
    ],
)
def test_a_file_without_a_usable_ca_is_rejected(bundle: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_truststore(bundle)


@pytest.mark.parametrize(
    ("bundle", "position"),
    [
        (ROOT.pem + MIDDLE.pem[:-40], 2),
        (ROOT.pem[:-40] + MIDDLE.pem, 1),
        (ROOT.pem + MIDDLE.pem[:20], 2),
        (ROOT.pem + MIDDLE.pem[-40:], 2),
        (ROOT.pem + MIDDLE.pem[:100], 2),
        (ROOT.pem + b"-----BEGIN X-----\n-----END Y-----\n", 2),
        (b"-----BEGIN CERTIFICATE-----", 1),
        (b"-----BEGIN", 1),
    ],
)
def test_a_torn_file_is_rejected_as_a_whole(bundle: bytes, position: int) -> None:
    with pytest.raises(ValueError, match=TORN.format(position)):
        read_truststore(bundle)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (MIDDLE.pem.replace(b"CERTIFICATE", b"PRIVATE KEY"), "it is not a certificate, but 'PRIVATE KEY'"),
        (MIDDLE.pem.replace(b"\n", b"\n!", 1), "it is not base64: "),
        (pem(b"").encode(), "it cannot be read: "),
        (pem(MIDDLE.certificate[:-1]).encode(), "it cannot be read: "),
        (pem(certificate_der(version=127)).encode(), "it cannot be read: "),
        (_ca(issuer=UNREADABLE_NAME), "it cannot be read: "),
        (_ca(subject=UNREADABLE_NAME), "it cannot be read: "),
        (pem(certificate_der(extensions=[extension(BASIC_CONSTRAINTS, b"\xff")])).encode(), "it cannot be read: "),
        (pem(certificate_der(extensions=[IS_A_CA, extension(KEY_USAGE, b"\xff")])).encode(), "it cannot be read: "),
        (_ca(public_key=UNSUPPORTED_KEY), "its key is of a kind that is not supported"),
    ],
)
def test_a_block_that_cannot_be_read_is_skipped_and_reported(block: bytes, reason: str) -> None:
    truststore = read_truststore(ROOT.pem + block + MIDDLE.pem)
    usable = [each for each in truststore.authorities if each.public_key is not None]
    assert [printed_name(each.certificate.subject) for each in usable] == ["CN=Root", "CN=Middle"]
    ((position, _, found),) = truststore.skipped
    assert position == 2
    assert found.startswith(reason)


def test_a_skipped_certificate_is_identified_by_the_digest_of_its_der() -> None:
    broken = MIDDLE.certificate[:-1]
    (skipped,) = read_truststore(ROOT.pem + pem(broken).encode()).skipped
    assert skipped == SkippedBlock(2, hashlib.sha256(broken).hexdigest(), skipped.reason)


@pytest.mark.parametrize(
    "fields",
    [
        {"not_before": der.tlv(der.GENERALIZED_TIME, b"00000101000000Z")},
        {"subject": name(der.sequence(der.oid("2.5.4.3"), der.tlv(der.UTF8_STRING, b"\xff")))},
    ],
)
def test_a_ca_with_an_unusual_field_is_read_as_far_as_its_key_allows(fields: dict[str, bytes]) -> None:
    truststore = read_truststore(_ca(**fields))
    assert (len(truststore.authorities), truststore.skipped) == (1, ())


@pytest.mark.parametrize(
    ("certificate", "is_ca"),
    [
        (certificate_der(SELF, SELF, version=None), True),
        (certificate_der(SELF, version=None), False),
        (certificate_der(SELF, SELF), False),
        (certificate_der(SELF, SELF, version=1), False),
        (certificate_der(SELF, extensions=[MAY_SIGN_BOTH]), True),
        (certificate_der(SELF, extensions=[MAY_SIGN_LISTS]), False),
        (certificate_der(SELF, extensions=[_netscape_type(0x04)]), True),
        (certificate_der(SELF, extensions=[_netscape_type(0x02)]), True),
        (certificate_der(SELF, extensions=[_netscape_type(0x01)]), True),
        (certificate_der(SELF, extensions=[_netscape_type(0xF8)]), False),
        (certificate_der(SELF, extensions=[_netscape_type(0x04), MAY_SIGN_LISTS]), False),
        (certificate_der(SELF, extensions=[_netscape_type(0x04), IS_NO_CA]), False),
    ],
)
def test_a_certificate_without_basic_constraints_is_that_of_a_ca_if_openssl_accepts_it(
    certificate: bytes, *, is_ca: bool
) -> None:
    truststore = read_truststore(ROOT.pem + pem(certificate).encode())
    assert (len(truststore.authorities) == 2, truststore.skipped) == (is_ca, ())


def test_an_extension_that_says_nothing_about_a_ca_may_be_unreadable() -> None:
    odd = CertificateAuthority(extensions=[IS_A_CA, extension(SUBJECT_ALT_NAME, b"\xff")])
    assert len(read_truststore(odd.pem).authorities) == 1


def test_a_name_that_is_not_text_is_printed_in_hexadecimal() -> None:
    assert printed_name(name(der.sequence(der.oid("2.5.4.3"), der.tlv(der.UTF8_STRING, b"\xff")))).startswith("#30")


def test_a_bundle_of_the_largest_size_is_read() -> None:
    assert read_truststore(ROOT.pem.ljust(MAX_TRUSTSTORE_BYTES)).authorities
