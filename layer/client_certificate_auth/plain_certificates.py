"""The short way through certificates of the plain shape that nearly all have.

cryptography makes an object of each attribute of a name, and writes the whole certificate anew for each fingerprint,
which takes longer than all else that is done with a certificate. So the PEM is decoded here, and names are read
out of the DER once cryptography has parsed it, where they are plain in every respect. What isn't is left to
cryptography: these functions say None then. Nothing is read here that cryptography would refuse, or read as something
else: ``tests/layer/test_plain_certificates.py`` compares the two.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from functools import lru_cache

from client_certificate_auth.names import Attribute, NameText, make_attribute

_BEGIN, _END = "-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----"

_INTEGER, _OID, _UTF8_STRING, _PRINTABLE_STRING, _IA5_STRING = 0x02, 0x06, 0x0C, 0x13, 0x16
_SEQUENCE, _SET, _VERSION = 0x30, 0x31, 0xA0

# How a certificate begins (RFC 5280 §4.1): version, serial number, algorithm, issuer, validity, subject.
_FIELDS = (_VERSION, _INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE)
_ISSUER = 3

# Lengths from here on take more than one byte (X.690 §8.1.3.5).
_LONG = 0x80

# Issuers are kept, since a truststore has few and each has many clients, and so are attributes, since clients of one
# company share all but one or two. These are limits to the memory that it takes.
_LONGEST_NAME = 1024
_KEPT_ISSUERS = 64
_KEPT_ATTRIBUTES = 512

_PRINTABLE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"

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


def read_plain_pem(pem: str) -> bytes | None:
    """Return the content of a PEM (RFC 7468 §5) that is one block of canonical base64 and nothing else."""
    text = pem.removesuffix("\n")
    # What comes before an empty line are headers to some (RFC 1421 §4.4).
    if not (text.startswith(_BEGIN) and text.endswith(_END)) or "\n\n" in text:
        return None
    body = text[len(_BEGIN) : -len(_END)].replace("\n", "")
    if not body:
        return None
    try:
        content = a2b_base64(body)
    except ValueError:
        return None
    # Readers of base64 skip what they don't know, each in its own way. Written again, it must be what was read.
    return content if b2a_base64(content, newline=False) == body.encode("ascii") else None


def read_plain_names(certificate: bytes) -> tuple[NameText | None, NameText | None]:
    """Return what the issuer and the subject say (RFC 5280 §4.1.2.4 and §4.1.2.6), each if it is plain.

    ``certificate`` is the DER of one that cryptography has parsed, so that its structure is that of a certificate. A
    name is plain if it is short and has one attribute to a relative distinguished name, each of a common type, not
    empty, less than 128 bytes in all, and a UTF8String, a PrintableString or an IA5String that keeps to its alphabet.
    """
    start, _ = _content(certificate, 0)
    start, _ = _content(certificate, start)
    fields = []
    for tag in _FIELDS:
        if certificate[start] != tag:
            return None, None
        fields.append(start)
        length = certificate[start + 1]
        start = start + 2 + length if length < _LONG else _content(certificate, start)[1]
    issuer, validity, subject = fields[_ISSUER:]
    return _read_issuer(certificate[issuer:validity]), _read_name(certificate[subject:start])


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
