"""The short way through certificates of the plain shape that nearly all have.

cryptography makes objects of each attribute of a name and of all extensions at once, and writes the whole certificate
anew for each fingerprint, which takes longer than all else that is done with a certificate. So the PEM is decoded here,
and names and alternative names are read out of the DER once cryptography has parsed it, where they are plain in every
respect. What isn't is left to cryptography: these functions say None then. Nothing is read here that cryptography
would refuse, or read as something else: ``tests/layer/test_plain_certificates.py`` compares the two.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from typing import TypeAlias

from client_certificate_auth.alternative_names import SubjectAltName
from client_certificate_auth.names import Attribute, NameText, make_attribute

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----"

_INTEGER, _OID, _UTF8_STRING, _PRINTABLE_STRING, _IA5_STRING = 0x02, 0x06, 0x0C, 0x13, 0x16
_OCTET_STRING, _SEQUENCE, _SET, _VERSION, _EXTENSIONS = 0x04, 0x30, 0x31, 0xA0, 0xA3

# How a certificate begins (RFC 5280 §4.1): version, serial number, algorithm, issuer, validity, subject.
_FIELDS = (_VERSION, _INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE)

# Lengths from here on take more than one byte (X.690 §8.1.3.5).
_LONG = 0x80

# Integers whose first byte is from here on are negative (X.690 §8.3.3).
_NEGATIVE = 0x80

# Issuers are kept, since a truststore has few and each has many clients, and so are attributes, since clients of one
# company share all but one or two. These are limits to the memory that it takes.
_LONGEST_NAME = 1024
_KEPT_ISSUERS = 64
_KEPT_ATTRIBUTES = 512

_PRINTABLE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"

# OIDs of extensions in DER (RFC 5280 §4.2.1.6 and §4.2.1.2), and how a key identifier that is a SHA-1 goes on.
_SUBJECT_ALT_NAME = b"\x06\x03\x55\x1d\x11"
_SUBJECT_KEY_IDENTIFIER = b"\x06\x03\x55\x1d\x0e"
_OID_LENGTH = 5
_SHA_1_FOLLOWS = b"\x04\x16\x04\x14"
_SHA_1_LENGTH = 20

# rfc822Name, dNSName and uniformResourceIdentifier, which are IA5Strings under a tag (RFC 5280 §4.2.1.6).
_GENERAL_NAMES = {0x81: "email", 0x82: "DNS", 0x86: "URI"}

# Attribute types of plain names by the content of their OIDs in DER: the OID, and its name in RFC 4514 §3, if any.
_TYPES = {
    b"\x55\x04\x03": ("2.5.4.3", "CN"),
    b"\x55\x04\x04": ("2.5.4.4", "2.5.4.4"),
    b"\x55\x04\x05": ("2.5.4.5", "2.5.4.5"),
    b"\x55\x04\x06": ("2.5.4.6", "C"),
    b"\x55\x04\x07": ("2.5.4.7", "L"),
    b"\x55\x04\x08": ("2.5.4.8", "ST"),
    b"\x55\x04\x09": ("2.5.4.9", "STREET"),
    b"\x55\x04\x0a": ("2.5.4.10", "O"),
    b"\x55\x04\x0b": ("2.5.4.11", "OU"),
    b"\x55\x04\x0c": ("2.5.4.12", "2.5.4.12"),
    b"\x55\x04\x11": ("2.5.4.17", "2.5.4.17"),
    b"\x55\x04\x2a": ("2.5.4.42", "2.5.4.42"),
    b"\x55\x04\x61": ("2.5.4.97", "2.5.4.97"),
    b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01": ("0.9.2342.19200300.100.1.1", "UID"),
    b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19": ("0.9.2342.19200300.100.1.25", "DC"),
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01": ("1.2.840.113549.1.9.1", "1.2.840.113549.1.9.1"),
}


# Not tuples with names, which take half a microsecond each to make.
PlainFields: TypeAlias = "tuple[str | None, NameText | None, NameText | None, int | None]"
"""A certificate's serial number in upper-case hexadecimal, whole bytes, zero being 0; its issuer and its subject, each
if it is plain; and where in the DER the subject ends."""

NOT_PLAIN: PlainFields = (None, None, None, None)
"""What is read of a certificate that isn't plain: nothing."""

PlainExtensions: TypeAlias = "tuple[tuple[SubjectAltName, ...], bytes]"
"""A certificate's alternative names, and the DER of its other extensions, one after the other. The subject key
identifier is not among them: nobody asks what it is."""


def read_plain_pem(pem: str) -> bytes | None:
    """Return the content of a PEM (RFC 7468 §5) that is one block of canonical base64 and nothing else."""
    try:
        text = pem.encode("ascii").removesuffix(b"\n")
        if not (text.startswith(_BEGIN) and text.endswith(_END)):
            return None
        lines = text[len(_BEGIN) : -len(_END)].split(b"\n")
        if not all(lines):
            # What comes before an empty line are headers to some (RFC 1421 §4.4).
            return None
        body = b"".join(lines)
        content = a2b_base64(body)
    except ValueError:
        return None
    # Readers of base64 skip what they don't know, each in its own way. Written again, it must be what was read.
    return content if b2a_base64(content, newline=False) == body else None


def read_plain_fields(certificate: bytes) -> PlainFields:
    """Return serial number, issuer and subject (RFC 5280 §4.1.2.2, §4.1.2.4 and §4.1.2.6), each if it is plain.

    ``certificate`` is the DER of one that cryptography has parsed, so that its structure is that of a certificate. A
    serial number is plain if it isn't negative. A name is plain if it is short and has one attribute to a relative
    distinguished name, each of a common type, not empty, less than 128 bytes in all, and a UTF8String, a
    PrintableString or an IA5String that keeps to its alphabet.
    """
    start = _content_start(certificate, _content_start(certificate, 0))
    fields = []
    for tag in _FIELDS:
        if certificate[start] != tag:
            return NOT_PLAIN
        fields.append(start)
        length = certificate[start + 1]
        start = start + 2 + length if length < _LONG else _content(certificate, start)[1]
    _, serial_number, algorithm, issuer, validity, subject = fields
    return (
        _read_serial_number(certificate[serial_number:algorithm]),
        _read_issuer(certificate[issuer:validity]),
        _read_name(certificate[subject:start]),
        start,
    )


def read_plain_extensions(certificate: bytes, start: int) -> PlainExtensions | None:
    """Return the extensions (RFC 5280 §4.2) of a certificate in DER that cryptography has parsed, if they are plain.

    ``start`` is where ``read_plain_fields`` ended. Extensions are plain if the subject alternative names are not
    critical and each is short, not empty, and an IA5String, if the subject key identifier is not critical and has the
    20 bytes of a SHA-1, and if there is one of either at most. What the others say isn't looked at, nor whether it can
    be decoded.
    """
    _, start = _content(certificate, start)
    if certificate[start] != _EXTENSIONS:
        return None
    start, end = _content(certificate, _content_start(certificate, start))
    names: tuple[SubjectAltName, ...] = ()
    has_key_identifier = False
    others = []
    while start < end:
        length = certificate[start + 1]
        content, next_start = (start + 2, start + 2 + length) if length < _LONG else _content(certificate, start)
        oid_end = content + _OID_LENGTH
        oid = certificate[content:oid_end]
        if oid == _SUBJECT_ALT_NAME:
            found = _read_alternative_names(certificate[oid_end:next_start])
            if names or not found:
                return None
            names = found
        elif oid == _SUBJECT_KEY_IDENTIFIER:
            if has_key_identifier or not _is_sha_1(certificate[oid_end:next_start]):
                return None
            has_key_identifier = True
        else:
            others.append(certificate[start:next_start])
        start = next_start
    return names, b"".join(others)


def _is_sha_1(octets: bytes) -> bool:
    """Return whether this is an octet string of an octet string of a SHA-1's length."""
    return octets.startswith(_SHA_1_FOLLOWS) and len(octets) == len(_SHA_1_FOLLOWS) + _SHA_1_LENGTH


def _read_alternative_names(octets: bytes) -> tuple[SubjectAltName, ...] | None:
    """Return the names in an octet string, as it follows the extension's OID, None if they aren't plain."""
    try:
        return _plain_alternative_names(octets)
    except IndexError:
        return None


def _plain_alternative_names(octets: bytes) -> tuple[SubjectAltName, ...] | None:
    """Return plain names. None or IndexError tell that they aren't plain."""
    # If another tag comes here, the extension is critical.
    start = _content_to_the_end(octets, 0, _OCTET_STRING)
    start = None if start is None else _content_to_the_end(octets, start, _SEQUENCE)
    if start is None:
        return None
    names = []
    end = len(octets)
    while start < end:
        kind, length = _GENERAL_NAMES.get(octets[start]), octets[start + 1]
        next_start = start + 2 + length
        name = octets[start + 2 : next_start]
        if kind is None or not 0 < length < _LONG or not name.isascii():
            return None
        names.append(SubjectAltName(kind, name.decode()))
        start = next_start
    return tuple(names) if start == end else None


def _read_serial_number(number: bytes) -> str | None:
    """Return an integer, None for a negative one (X.690 §8.3) and one that is longer than any serial number."""
    if not 0 < number[1] < _LONG or number[2] >= _NEGATIVE:
        return None
    return number[2:].lstrip(b"\0").hex().upper() or "0"


def _read_name(name: bytes) -> NameText | None:
    if len(name) > _LONGEST_NAME:
        return None
    try:
        rdns = _plain_rdns(name)
    except (IndexError, UnicodeDecodeError):
        return None
    return None if rdns is None else NameText(rdns)


# The same bytes are the same name.
_read_issuer = lru_cache(_KEPT_ISSUERS)(_read_name)


def _plain_rdns(name: bytes) -> list[tuple[Attribute]] | None:
    """Return a plain name's parts. None, IndexError or UnicodeDecodeError tell that it isn't plain."""
    rdns = []
    start, end = _content(name, 0)
    while start < end:
        next_start = start + 2 + name[start + 1]
        rdn = _read_plain_rdn(name[start:next_start])
        if rdn is None:
            return None
        rdns.append(rdn)
        start = next_start
    return rdns


@lru_cache(_KEPT_ATTRIBUTES)
def _read_plain_rdn(rdn: bytes) -> tuple[Attribute] | None:
    """Return a plain relative distinguished name. The same bytes are the same: most clients share some."""
    value = 6 + rdn[5]
    kind = _TYPES.get(rdn[6:value])
    content = rdn[value + 2 :]
    if (
        kind is None
        or rdn[0] != _SET
        or rdn[1] >= _LONG
        or rdn[1] != len(rdn) - 2
        or rdn[2] != _SEQUENCE
        or rdn[3] != len(rdn) - 4
        or rdn[4] != _OID
        or rdn[value + 1] != len(content)
        or not content
        or not _keeps_to_its_alphabet(rdn[value], content)
    ):
        return None
    return (make_attribute(*kind, content.decode()),)


def _keeps_to_its_alphabet(tag: int, content: bytes) -> bool:
    """Return whether this is a string of a plain type. That a UTF8String is UTF-8 shows when it is decoded."""
    if tag == _PRINTABLE_STRING:
        return not content.translate(None, _PRINTABLE)
    return tag == _UTF8_STRING or (tag == _IA5_STRING and content.isascii())


def _content(der: bytes, start: int) -> tuple[int, int]:
    """Return where the content of the element that begins at ``start`` begins and ends (X.690 §8.1.3)."""
    length = der[start + 1]
    start += 2
    if length >= _LONG:
        octets = length - _LONG
        length = int.from_bytes(der[start : start + octets])
        start += octets
    return start, start + length


def _content_start(der: bytes, start: int) -> int:
    """Return where the content of the element that begins at ``start`` begins."""
    length = der[start + 1]
    return start + 2 if length < _LONG else start + 2 + length - _LONG


def _content_to_the_end(der: bytes, start: int, tag: int) -> int | None:
    """Return where the content of an element begins that has this tag, ends with ``der``, and is DER (X.690 §10.1)."""
    content, end = _content(der, start)
    if der[start] != tag or end != len(der):
        return None
    length = end - content
    octets = 0 if length < _LONG else (length.bit_length() + 7) // 8
    return content if content == start + 2 + octets else None
