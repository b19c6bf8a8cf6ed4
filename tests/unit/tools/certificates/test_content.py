"""Files are recognized by their content. The keys and bundles are made by cryptography."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer_cli.certificates.bundle import as_sent
from mtls_authorizer_cli.certificates.content import Kind, recognize, to_pem
from tests.aws.api_events import rest_event
from tests.pki import der
from tests.pki.certificate_authorities import CertificateAuthority, crl_pem
from tests.pki.certificates import certificate_der, pem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

AUTHORITY = CertificateAuthority("CA")
CLIENT = AUTHORITY.issue(7)
CERTIFICATES = [x509.load_der_x509_certificate(each) for each in (CLIENT, AUTHORITY.certificate)]
KEYS: dict[str, PrivateKeyTypes] = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "EC": ec.generate_private_key(ec.SECP256R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}
PASSWORD = BestAvailableEncryption(b"password")
REQUEST = (
    x509.CertificateSigningRequestBuilder()
    .subject_name(x509.Name([]))
    .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
)
WITHOUT_VERSION = certificate_der(version=None)
CRL_OF_VERSION_1 = AUTHORITY.revoke(version=b"")


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("key", KEYS)
def test_keys_of_every_algorithm_are_recognized(key: str, encoding: Encoding) -> None:
    private = KEYS[key]
    formats = [PrivateFormat.PKCS8] if key == "Ed25519" else [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]
    for written in formats:
        content = private.private_bytes(encoding, written, NoEncryption())
        assert recognize(content).kinds == (Kind.PRIVATE_KEY,)
    assert recognize(private.private_bytes(encoding, PrivateFormat.PKCS8, PASSWORD)).kinds == (
        Kind.ENCRYPTED_PRIVATE_KEY,
    )
    public = private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    assert recognize(public).kinds == (Kind.PUBLIC_KEY,)


def test_keys_in_old_formats_are_recognized() -> None:
    key = KEYS["RSA"]
    assert isinstance(key, rsa.RSAPrivateKey)
    for encoding in (Encoding.PEM, Encoding.DER):
        assert recognize(key.public_key().public_bytes(encoding, PublicFormat.PKCS1)).kinds == (Kind.PUBLIC_KEY,)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, PASSWORD)
    assert recognize(encrypted).kinds == (Kind.ENCRYPTED_PRIVATE_KEY,)
    openssh = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    assert recognize(openssh).kinds == (Kind.PRIVATE_KEY,)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (CLIENT, Kind.CERTIFICATE),
        (WITHOUT_VERSION, Kind.CERTIFICATE),
        (pem(CLIENT).encode(), Kind.CERTIFICATE),
        (pem(CLIENT).replace("CERTIFICATE", "X509 CERTIFICATE").encode(), Kind.CERTIFICATE),
        (quote(pem(CLIENT)).encode(), Kind.CERTIFICATE),
        (quote(pem(CLIENT), safe="+=/").encode(), Kind.CERTIFICATE),
        (pem(CLIENT).replace("CERTIFICATE", "TRUSTED CERTIFICATE").encode(), Kind.TRUSTED_CERTIFICATE),
        (REQUEST.public_bytes(Encoding.DER), Kind.CERTIFICATE_REQUEST),
        (REQUEST.public_bytes(Encoding.PEM), Kind.CERTIFICATE_REQUEST),
        (AUTHORITY.revoke(), Kind.CRL),
        (CRL_OF_VERSION_1, Kind.CRL),
        (crl_pem(AUTHORITY.revoke()), Kind.CRL),
        (pkcs7.serialize_certificates(CERTIFICATES, Encoding.DER), Kind.PKCS7),
        (pkcs7.serialize_certificates(CERTIFICATES, Encoding.PEM), Kind.PKCS7),
        (pkcs12.serialize_key_and_certificates(b"a", None, CERTIFICATES[0], None, PASSWORD), Kind.PKCS12),
        (b"\xfe\xed\xfe\xed\0\0\0\2", Kind.JAVA_KEYSTORE),
        (b"\xce\xce\xce\xce\0\0\0\2", Kind.JAVA_KEYSTORE),
        # BER with indefinite lengths (X.690 §8.1.3.6), as Java and Windows write it.
        (b"\x30\x80\x02\x01\x03\x30\x80\x06\x09", Kind.PKCS12),
        (b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80", Kind.PKCS7),
        (b"-----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----", Kind.OTHER_PEM),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n-----END PGP PRIVATE KEY BLOCK-----", Kind.PRIVATE_KEY),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", Kind.PRIVATE_KEY),
        (pem(CLIENT).encode()[:-20], Kind.INCOMPLETE_PEM),
        (b"-----BEGIN CERTIFI", Kind.INCOMPLETE_PEM),
        # In quadratic time, this would take hours.
        (b"-----BEGIN CERTIFICATE-----\n" * 200_000, Kind.INCOMPLETE_PEM),
        (b"", Kind.EMPTY),
        (b" \r\n", Kind.EMPTY),
        (b"hello", Kind.TEXT),
        (b"0 hello", Kind.TEXT),
        ("caf\u00e9".encode("utf-16"), Kind.TEXT),
        (b"\xff\xff", Kind.BINARY),
        (b"a\0b", Kind.BINARY),
        (der.sequence(*[der.integer(1)] * 6), Kind.PRIVATE_KEY),  # DSA
        (der.sequence(der.integer(3)), Kind.BINARY),
        (der.sequence(der.integer(0), der.tlv(der.SET)), Kind.BINARY),
        (der.sequence(der.integer(0), der.sequence(), der.sequence()), Kind.BINARY),
        (der.sequence(der.sequence(der.integer(0)), der.bits(b"\xff")), Kind.BINARY),
        (der.sequence(der.sequence(der.oid("1.2")), der.integer(0)), Kind.BINARY),
        (b"\x30\x00\xff", Kind.BINARY),
        (b"\x30\xff", Kind.BINARY),
        (CLIENT[:-1], Kind.BINARY),
        (b'{"a": ', Kind.INVALID_JSON),
        (b"[" * 1_000_000, Kind.INVALID_JSON),
    ],
)
def test_each_kind_is_recognized(content: bytes, kind: Kind) -> None:
    assert recognize(content).kinds == (kind,)


@pytest.mark.parametrize("text", [pem(CLIENT), quote(pem(CLIENT))])
def test_an_event_is_json_although_it_contains_pem(text: str) -> None:
    event = rest_event(text)
    recognized = recognize(json.dumps(event).encode())
    assert (recognized.kinds, recognized.value, recognized.certificates) == ((Kind.JSON,), event, ())


def test_json_above_the_limit_is_recognized_without_being_parsed() -> None:
    assert recognize(b'{"a": 1}', largest_json=8).value == {"a": 1}
    above = recognize(b'{"a": 1}', largest_json=7)
    assert (above.kinds, above.value) == ((Kind.JSON,), None)


def test_percent_encoding_is_decoded() -> None:
    assert recognize(quote(pem(CLIENT), safe="+=/").encode()).certificates == (pem(CLIENT),)


def test_every_block_of_a_file_is_read_with_text_in_any_encoding_between_them() -> None:
    key = KEYS["EC"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    content = b"Bag Attributes: caf\xe9\n" + key + pem(CLIENT).encode() + b"\xff\n" + AUTHORITY.pem
    recognized = recognize(content)
    assert recognized.kinds == (Kind.PRIVATE_KEY, Kind.CERTIFICATE, Kind.CERTIFICATE)
    assert recognized.certificates == (pem(CLIENT), AUTHORITY.pem.decode())


@pytest.mark.parametrize(
    "content",
    [
        pem(CLIENT).encode("utf-16"),
        pem(CLIENT).encode("utf-8-sig"),
        pem(CLIENT).replace("\n", r"\n").encode(),
        pem(CLIENT).replace("\n", r"\r\n").encode(),
    ],
)
def test_pem_that_another_tool_has_written_differently_is_read(content: bytes) -> None:
    assert recognize(content).certificates == (pem(CLIENT),)


def test_der_becomes_pem_as_api_gateway_sends_it() -> None:
    assert to_pem(CLIENT) == pem(CLIENT)
    assert recognize(CLIENT).certificates == (pem(CLIENT),)
    assert recognize(CLIENT).is_der


def test_der_ends_with_its_certificate() -> None:
    assert recognize(CLIENT + b"\r\n").certificates == (pem(CLIENT),)


LINES = pem(CLIENT).splitlines()


@pytest.mark.parametrize(
    "spelling",
    [
        pem(CLIENT),
        pem(CLIENT).rstrip(),
        "\r\n".join(LINES),
        "\r".join(LINES),
        "\n\n".join(LINES),
        "  \n\t".join(LINES),
        " ".join(LINES),
        "\n".join([LINES[0], "".join(LINES[1:-1]), LINES[-1]]),
        pem(CLIENT).replace("CERTIFICATE", "X509 CERTIFICATE"),
    ],
)
def test_the_spelling_of_pem_does_not_matter_to_a_client(spelling: str) -> None:
    (certificate,) = recognize(spelling.encode()).certificates
    assert as_sent(certificate) == pem(CLIENT)


def test_pem_that_is_not_base64_cannot_have_been_sent() -> None:
    (certificate,) = recognize(pem(CLIENT).replace("M", "\u00e4", 1).encode()).certificates
    assert as_sent(certificate) is None
    (certificate,) = recognize("\n".join([LINES[0], "Proc-Type: 4", "", *LINES[1:]]).encode()).certificates
    assert as_sent(certificate) is None


@pytest.mark.parametrize("encryption", [NoEncryption(), PASSWORD])
def test_a_private_key_without_its_end_is_a_private_key(encryption: KeySerializationEncryption) -> None:
    whole = KEYS["RSA"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    key = whole.partition(b"-----END")[0]
    kind = recognize(whole).kinds
    assert recognize(key).kinds == kind
    for content in (pem(CLIENT).encode() + key, pem(CLIENT).encode() + key + key):
        recognized = recognize(content)
        assert (recognized.kinds, recognized.certificates) == ((Kind.CERTIFICATE, *kind), (pem(CLIENT),))
    assert recognize(key + pem(CLIENT).encode()).kinds == (*kind, Kind.CERTIFICATE)


def test_a_begin_line_within_a_block_begins_no_other() -> None:
    torn = pem(CLIENT).partition("-----END")[0]
    (certificate,) = recognize(f"{torn}{pem(CLIENT)}".encode()).certificates
    assert certificate.count("-----BEGIN ") == 2
    assert as_sent(certificate) is None


@given(st.binary() | st.binary().map(lambda content: b"\x30" + content) | st.text().map(str.encode))
def test_any_content_is_of_some_kind(content: bytes) -> None:
    assert recognize(content).kinds


@given(st.integers(0, len(CLIENT) - 1), st.integers(0, 255))
def test_a_damaged_certificate_is_of_some_kind(position: int, byte: int) -> None:
    damaged = CLIENT[:position] + bytes([byte]) + CLIENT[position + 1 :]
    assert recognize(damaged).kinds
    assert recognize(CLIENT[:position]).kinds
