"""Versions, serial numbers, dates and extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.golden.names import LARGE_ARC, LONG_OID
from tests.pki import der
from tests.pki.certificates import (
    AUTHORITY_INFO_ACCESS,
    BASIC_CONSTRAINTS,
    ED25519_KEY,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    certificate_der,
    dns,
    extension,
    subject_alt_names,
    uri,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUBJECT_KEY_IDENTIFIER, AUTHORITY_KEY_IDENTIFIER = "2.5.29.14", "2.5.29.35"
CERTIFICATE_POLICIES, CRL_DISTRIBUTION_POINTS = "2.5.29.32", "2.5.29.31"

_TRUE: Final = der.tlv(der.BOOLEAN, b"\xff")
CA: Final = extension(BASIC_CONSTRAINTS, der.sequence(_TRUE), critical=True)
NOT_A_CA: Final = extension(BASIC_CONSTRAINTS, der.sequence())
KEY_CERT_SIGN: Final = extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\x01\x06"), critical=True)
DIGITAL_SIGNATURE: Final = extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\x07\x80"), critical=True)
NAMES: Final = subject_alt_names(dns("a.example"))
ACCESS: Final = extension(
    AUTHORITY_INFO_ACCESS, der.sequence(der.sequence(der.oid("1.3.6.1.5.5.7.48.1"), uri("http://a.example/")))
)


def _key_purposes(*dotted_oids: str) -> bytes:
    return extension(EXTENDED_KEY_USAGE, der.sequence(*map(der.oid, dotted_oids)))


CLIENT_AUTHENTICATION: Final = _key_purposes("1.3.6.1.5.5.7.3.2")

_EXTENSIONS: Final[Mapping[str, Sequence[bytes]]] = {
    "key-purpose-client": [CLIENT_AUTHENTICATION],
    "key-purposes-several": [_key_purposes("1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1", "2.5.29.37.0")],
    "key-purposes-unknown": [_key_purposes("1.2.3.4", "2.999.5", "1.3.6.1.4.1.99999.1", "1.2.3.4")],
    "key-purposes-none": [_key_purposes()],
    "ca": [CA],
    "ca-key-cert-sign": [CA, KEY_CERT_SIGN],
    "ca-digital-signature-only": [CA, DIGITAL_SIGNATURE],
    "ca-empty-key-usage": [CA, extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\0"))],
    "ca-path-length-0": [extension(BASIC_CONSTRAINTS, der.sequence(_TRUE, der.integer(0))), KEY_CERT_SIGN],
    "ca-path-length-huge": [extension(BASIC_CONSTRAINTS, der.sequence(_TRUE, der.integer(2**40)))],
    "ca-path-length-negative": [extension(BASIC_CONSTRAINTS, der.sequence(_TRUE, der.integer(-1)))],
    "ca-other-boolean": [extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\x01"))), NAMES],
    "ca-two-octets-boolean": [extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\xff\xff"))), NAMES],
    "ca-key-cert-sign-and-unused-bits": [CA, extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\x01\x07"))],
    "ca-unused-bits-key-cert-sign": [CA, extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\x03\x84"))],
    "ca-8-unused-bits": [CA, extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\x08\x06"))],
    "ca-trailing-data": [
        extension(BASIC_CONSTRAINTS, der.sequence(_TRUE), b"\0"),
        extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\x01\x06"), b"\0"),
        extension(SUBJECT_KEY_IDENTIFIER, der.octets(b"key"), b"\0"),
    ],
    "ca-not": [NOT_A_CA, KEY_CERT_SIGN],
    "ca-not-path-length": [extension(BASIC_CONSTRAINTS, der.sequence(der.integer(0))), NAMES],
    "ca-false-spelled-out": [extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\0")))],
    "ca-key-cert-sign-only": [KEY_CERT_SIGN],
    "ca-with-everything": [CA, KEY_CERT_SIGN, NAMES, ACCESS, CLIENT_AUTHENTICATION],
    "duplicate-alternative-names": [NAMES, subject_alt_names(dns("b.example"))],
    "duplicate-unknown": [extension("1.2.3.4", b"a"), extension("1.2.3.4", b"a"), NAMES],
    "unknown": [extension("1.2.3.4", b"not DER"), NAMES],
    "unknown-critical": [extension("1.2.3.4", b"", critical=True), NAMES],
    "undecodable-alternative-names": [extension(SUBJECT_ALT_NAME, b"garbage"), CLIENT_AUTHENTICATION],
    "undecodable-access": [extension(AUTHORITY_INFO_ACCESS, b"garbage"), CA, NAMES],
    "key-purposes-of-400-characters": [_key_purposes(LONG_OID, LARGE_ARC)],
    "undecodable-key-purposes": [extension(EXTENDED_KEY_USAGE, b"garbage"), NAMES],
    "undecodable-key-usage": [extension(KEY_USAGE, b"garbage"), CA, NAMES],
    "undecodable-basic-constraints": [extension(BASIC_CONSTRAINTS, b"garbage"), NAMES],
    "undecodable-policies": [extension(CERTIFICATE_POLICIES, b"garbage"), CA, NAMES, ACCESS, CLIENT_AUTHENTICATION],
    "undecodable-key-identifier": [extension(SUBJECT_KEY_IDENTIFIER, b"garbage"), CA, NAMES],
    "trailing-data-in-alternative-names": [extension(SUBJECT_ALT_NAME, der.sequence(dns("a.example")), b"\0")],
    "trailing-data-in-access": [
        extension(
            AUTHORITY_INFO_ACCESS,
            der.sequence(der.sequence(der.oid("1.3.6.1.5.5.7.48.1"), uri("http://a.example/"))),
            b"\0",
        )
    ],
    "trailing-data-in-key-purposes": [
        extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.2")), b"\0"),
        NAMES,
    ],
    "trailing-data-without-value": [extension(SUBJECT_ALT_NAME, b"\0\0"), extension(AUTHORITY_INFO_ACCESS, b"\0")],
    "encipher-only-without-key-agreement": [extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\0\x01")), NAMES],
    "key-usage-not-der": [extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\0\x80")), CA, NAMES],
    "netscape-certificate-type-ca": [extension("2.16.840.1.113730.1.1", der.tlv(der.BIT_STRING, b"\0\x07"))],
    "alternative-name-empty-extension": [extension(SUBJECT_ALT_NAME)],
}

_SERIAL_NUMBERS: Final = {
    "0": b"\0",
    "1": b"\1",
    "127": b"\x7f",
    "128": b"\0\x80",
    "4095": b"\x0f\xff",
    "of-8-bytes": bytes(range(1, 9)),
    "of-20-bytes": b"\x7f" + b"\xff" * 19,
    "of-20-bytes-with-high-bit": b"\0" + b"\xfe" * 20,
    "of-40-bytes": bytes(range(1, 41)),
    "minus-1": b"\xff",
    "minus-128": b"\x80",
    "minus-129": b"\xff\x7f",
    "minus-of-20-bytes": b"\x80" + bytes(19),
    "with-needless-zeros": b"\0\0\1",
    "of-no-bytes": b"",
}


def _utc(text: bytes) -> bytes:
    return der.tlv(der.UTC_TIME, text)


def _generalized(text: bytes) -> bytes:
    return der.tlv(der.GENERALIZED_TIME, text)


_DATES: Final = {
    "single-digit-days": (_utc(b"200101000000Z"), _utc(b"400209235959Z")),
    "every-part-of-two-digits": (_utc(b"201231235959Z"), _utc(b"491130101112Z")),
    "leap-day": (_utc(b"200229120000Z"), _utc(b"280229120000Z")),
    "before-1970": (_utc(b"500101000000Z"), _utc(b"691231235959Z")),
    "before-1950": (_generalized(b"19000101000000Z"), _generalized(b"19491231235959Z")),
    "after-2049": (_utc(b"491231235959Z"), _generalized(b"20500101000000Z")),
    "without-end": (_utc(b"200101000000Z"), _generalized(b"99991231235959Z")),
    "year-1": (_generalized(b"00010101000000Z"), _generalized(b"09990101000000Z")),
    "year-0": (_generalized(b"00000101000000Z"), _utc(b"400101000000Z")),
    "reversed": (_utc(b"400101000000Z"), _utc(b"200101000000Z")),
    "generalized-before-2050": (_generalized(b"20200101000000Z"), _generalized(b"20400101000000Z")),
    "without-seconds": (_utc(b"2001010000Z"), _utc(b"4001010000Z")),
    "fractions-of-a-second": (_generalized(b"20500101000000.25Z"), _generalized(b"20510101000000.5Z")),
    "offset": (_utc(b"200101000000+0100"), _utc(b"400101000000-0500")),
    "february-30": (_utc(b"200230000000Z"), _utc(b"400101000000Z")),
    "garbage": (_utc(b"yesterday"), _utc(b"tomorrow")),
}

CERTIFICATES: Final[Mapping[str, bytes]] = {
    **{f"extension-{kind}": certificate_der(extensions=extensions) for kind, extensions in _EXTENSIONS.items()},
    **{
        f"serial-number-{kind}": certificate_der(serial_number=der.tlv(der.INTEGER, number))
        for kind, number in _SERIAL_NUMBERS.items()
    },
    **{
        f"dates-{kind}": certificate_der(not_before=not_before, not_after=not_after)
        for kind, (not_before, not_after) in _DATES.items()
    },
    "version-1": certificate_der(version=None, extensions=None),
    "version-1-with-extensions": certificate_der(version=None, extensions=[NAMES, CA]),
    "version-1-spelled-out": certificate_der(version=0, extensions=None),
    "version-2-with-unique-identifiers": certificate_der(
        version=1, public_key=ED25519_KEY + der.tagged(1, b"\0issuer") + der.tagged(2, b"\0subject")
    ),
    "version-3-without-extensions": certificate_der(extensions=None),
    "version-4": certificate_der(version=3),
    "version-minus-1": certificate_der(version=-1),
}
"""DER by name."""
