"""The values of fields: as facts of a certificate, and as they are written in a configuration.

Functions that read facts never raise. Functions that parse raise ValueError.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from client_certificate_auth import SubjectAltName
from client_certificate_auth.helpers import read_fingerprint, read_serial_number
from mtls_authorizer.rules.conditions import Fact
from mtls_authorizer.rules.distinguished_names import canonical_name, name_value
from mtls_authorizer.rules.written_names import read_written_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_certificate_auth import PeerCertificate
    from client_certificate_auth.x509.names import DistinguishedName

_SHA256_LENGTH = len(":".join(["00"] * 32))


def parse_text(text: str) -> Fact:
    """Return text as it is."""
    return Fact("", text)


def parse_name(text: str) -> Fact:
    """Return the value of a distinguished name (RFC 4514)."""
    return Fact("", read_written_name(text))


def parse_subject_alt_name(text: str) -> Fact:
    """Return a subject alternative name, written with its type: ``DNS:api.example.com``."""
    name = SubjectAltName.from_string(text)
    if name.type == "dirName":
        read_written_name(name.value)
        return Fact(name.type, canonical_name(name.value))
    return Fact(*name)


def parse_sha256(text: str) -> Fact:
    """Return a SHA-256 as upper-case hexadecimal pairs with colons."""
    fingerprint = read_fingerprint(text)
    if len(fingerprint) != _SHA256_LENGTH:
        message = f"{text!r} is a SHA-512: write the SHA-256"
        raise ValueError(message)
    return Fact("", fingerprint)


def parse_serial_number(text: str) -> Fact:
    """Return a serial number as upper-case hexadecimal."""
    # A string, since the hashes of integers can be made to collide by the author of a document or a certificate.
    return Fact("", f"{read_serial_number(text):X}")


def common_name_facts(certificate: PeerCertificate) -> list[Fact]:
    """Return the subject's common names, which are ambiguous if there are several."""
    common_names = certificate.subject.get_all("CN")
    return [Fact("", common_name, len(common_names) > 1) for common_name in common_names]


def name_facts(name: DistinguishedName) -> Iterator[Fact]:
    """Return a name as a whole, and its attributes."""
    yield Fact("", name_value(name))
    for attribute in name:
        values = name.get_all(attribute)
        ambiguous = attribute == "CN" and len(values) > 1
        for value in values:
            yield Fact(attribute, value, ambiguous)


def public_key_facts(certificate: PeerCertificate) -> list[Fact]:
    """Return the SHA-256 of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in DER.

    Those of other encodings of the same key are ambiguous: a renewed certificate, whose request the client has written,
    can have another one, and must be excluded as well.
    """
    from client_certificate_auth.x509.public_key import equal_encodings  # noqa: PLC0415 -- few rules need it

    encoded = certificate.fields.public_key
    others = [other for other in equal_encodings(encoded) if other != encoded]
    return [
        Fact("", sha256(each).digest().hex(":").upper(), ambiguous=each is not encoded) for each in (encoded, *others)
    ]
