"""Certificates of any shape, made of DER. Their signatures are not valid: nothing here verifies them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from tests.pki import der

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

OIDS = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "serialNumber": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "street": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "title": "2.5.4.12",
    "GN": "2.5.4.42",
    "x500UniqueIdentifier": "2.5.4.45",
    "DC": "0.9.2342.19200300.100.1.25",
    "UID": "0.9.2342.19200300.100.1.1",
    "emailAddress": "1.2.840.113549.1.9.1",
}

SUBJECT_ALT_NAME, BASIC_CONSTRAINTS, KEY_USAGE = "2.5.29.17", "2.5.29.19", "2.5.29.15"
EXTENDED_KEY_USAGE, AUTHORITY_INFO_ACCESS = "2.5.29.37", "1.3.6.1.5.5.7.1.1"

Attribute: TypeAlias = bytes
Extension: TypeAlias = bytes

ED25519_KEY = der.sequence(der.sequence(der.oid("1.3.101.112")), der.bits(bytes(range(32))))
NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2040, 1, 1, tzinfo=UTC)


def attribute(kind: str, value: str, tag: int = der.UTF8_STRING) -> Attribute:
    """Return an AttributeTypeAndValue (RFC 5280 §4.1.2.4); ``kind`` is a key of OIDS or a dotted OID."""
    return der.sequence(der.oid(OIDS.get(kind, kind)), der.text(value, tag))


def _attributes(item: Attribute | Sequence[Attribute] | tuple[str, str]) -> list[Attribute]:
    if isinstance(item, bytes):
        return [item]
    if isinstance(item, tuple):
        kind, value = item
        return [attribute(kind, value)]
    return sorted(item)  # DER (X.690 §11.6)


def name(*attributes: Attribute | Sequence[Attribute] | tuple[str, str]) -> bytes:
    """Return a Name: each argument is a relative distinguished name of one attribute, or a list of several."""
    return der.sequence(*(der.tlv(der.SET, *_attributes(item)) for item in attributes))


def extension(dotted_oid: str, *contents: bytes, critical: bool = False) -> Extension:
    flag = der.tlv(der.BOOLEAN, b"\xff") if critical else b""
    return der.sequence(der.oid(dotted_oid), flag, der.octets(*contents))


def subject_alt_names(*general_names: bytes) -> Extension:
    return extension(SUBJECT_ALT_NAME, der.sequence(*general_names))


def dns(value: str | bytes) -> bytes:
    return der.tagged(2, value if isinstance(value, bytes) else value.encode())


def email(value: str | bytes) -> bytes:
    return der.tagged(1, value if isinstance(value, bytes) else value.encode())


def uri(value: str | bytes) -> bytes:
    return der.tagged(6, value if isinstance(value, bytes) else value.encode())


def ip(packed: bytes) -> bytes:
    return der.tagged(7, packed)


def certificate_der(  # noqa: PLR0913 -- one for each field of a TBSCertificate (RFC 5280 §4.1)
    subject: bytes = name(("CN", "client")),
    issuer: bytes = name(("CN", "Test CA")),
    *,
    serial_number: bytes = der.integer(0x0102030405),
    not_before: bytes = der.time(NOT_BEFORE),
    not_after: bytes = der.time(NOT_AFTER),
    public_key: bytes = ED25519_KEY,
    extensions: Iterable[Extension] | None = (),
    version: int | None = 2,
    sign: Callable[[bytes], bytes] = lambda _to_be_signed: bytes(64),
) -> bytes:
    """Return a certificate. ``version`` None leaves the field out, as version 1 does; ``extensions`` likewise.

    ``sign`` makes the signature, with Ed25519. Without it, the signature is 64 zero bytes.
    """
    algorithm = der.sequence(der.oid("1.3.101.112"))
    encoded_extensions = b"".join(extensions or ())
    to_be_signed = der.sequence(
        b"" if version is None else der.tagged(0, der.integer(version), constructed=True),
        serial_number,
        algorithm,
        issuer,
        der.sequence(not_before, not_after),
        subject,
        public_key,
        der.tagged(3, der.sequence(encoded_extensions), constructed=True) if encoded_extensions else b"",
    )
    return der.sequence(to_be_signed, algorithm, der.bits(sign(to_be_signed)))


def pem(certificate: bytes) -> str:
    """Return DER as PEM (RFC 7468 §5)."""
    body = base64.b64encode(certificate).decode()
    wrapped = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE-----\n{wrapped}\n-----END CERTIFICATE-----\n"


def client_pem(*attributes: Attribute | Sequence[Attribute] | tuple[str, str], **fields: bytes) -> str:
    """Return a client's certificate with this subject, in PEM."""
    return pem(certificate_der(name(*attributes), **fields))  # type: ignore[arg-type]
