"""DER (X.690), written byte by byte: the certificates that no honest library makes are the ones to test with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, ENUMERATED = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A
UTF8_STRING, SEQUENCE, SET = 0x0C, 0x30, 0x31
NUMERIC_STRING, PRINTABLE_STRING, T61_STRING, IA5_STRING, VISIBLE_STRING = 0x12, 0x13, 0x14, 0x16, 0x1A
UTC_TIME, GENERALIZED_TIME, UNIVERSAL_STRING, BMP_STRING = 0x17, 0x18, 0x1C, 0x1E

_ENCODINGS = {UNIVERSAL_STRING: "utf-32-be", BMP_STRING: "utf-16-be", T61_STRING: "latin-1"}


def tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*contents: bytes) -> bytes:
    return tlv(SEQUENCE, *contents)


def integer(value: int) -> bytes:
    length = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return tlv(INTEGER, value.to_bytes(length, signed=True))


def oid(dotted: str) -> bytes:
    return tlv(OID, oid_content(dotted))


def oid_content(dotted: str) -> bytes:
    first, second, *arcs = map(int, dotted.split("."))
    return b"".join(map(_base_128, [first * 40 + second, *arcs]))


def text(value: str, tag: int = UTF8_STRING) -> bytes:
    return tlv(tag, value.encode(_ENCODINGS.get(tag, "utf-8")))


def time(value: datetime) -> bytes:
    if value.year < 2050:
        return tlv(UTC_TIME, f"{value:%y%m%d%H%M%SZ}".encode())
    return tlv(GENERALIZED_TIME, f"{value:%Y%m%d%H%M%SZ}".encode())


def bits(content: bytes) -> bytes:
    return tlv(BIT_STRING, b"\0", content)


def octets(*contents: bytes) -> bytes:
    return tlv(OCTET_STRING, *contents)


def tagged(number: int, *contents: bytes, constructed: bool = False) -> bytes:
    """Return a context-specific tag, [number]."""
    return tlv(0x80 | (0x20 if constructed else 0) | number, *contents)


def _base_128(arc: int) -> bytes:
    septets = [arc & 0x7F]
    while arc := arc >> 7:
        septets.insert(0, 0x80 | arc & 0x7F)
    return bytes(septets)
