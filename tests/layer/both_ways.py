"""A certificate as it is read, and as cryptography alone reads it."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from client_certificate_auth import DistinguishedName, MalformedCertificateError, PeerCertificate


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
        *(certificate.serial_number, certificate.not_before, certificate.not_after, repr(certificate)),
        *(certificate.extensions_decodable, certificate.subject_alt_names, certificate.ext_key_usage),
        *(certificate.subjectaltname, certificate.ca),
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
