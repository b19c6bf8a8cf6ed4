"""Names of CAs in a form in which equal names (RFC 5280 §7.1) are equal."""

from __future__ import annotations

import hashlib

from client_certificate_auth.x509.der import SET, DerError, read_sequence_of
from client_certificate_auth.x509.names import DistinguishedName, read_attributes, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias


CanonicalRdn: TypeAlias = frozenset[tuple[str, str | tuple[int, bytes]]]
CanonicalName: TypeAlias = tuple[CanonicalRdn, ...]


def canonical_name(der: bytes) -> CanonicalName:
    """Return a Name, in DER, in a form that ignores string types, case and repeated spaces. Raises DerError.

    Use it to find candidates; the signature decides. Empty relative distinguished names are ignored, as by
    OpenSSL. A value that is not text compares as it is.
    """
    rdns = map(canonical_attributes, read_sequence_of(der, SET))
    return tuple(rdn for rdn in rdns if rdn)


def canonical_attributes(content: bytes) -> CanonicalRdn:
    """Return the attributes of a relative distinguished name, from the content of its SET. Raises DerError."""
    attributes = []
    for oid, tag, value in read_attributes(content):
        text = read_text(tag, value)
        attributes.append((oid, (tag, value) if text is None else " ".join(text.lower().split())))
    return frozenset(attributes)


def name_digest(rdns: Iterable[CanonicalRdn], before: bytes = b"") -> bytes:
    """Return a digest of a canonical name. ``before`` is that of the relative distinguished names before these.

    Use it for names that are kept: each attribute of a canonical name takes as much memory as hundreds of octets.
    """
    digest = before
    for rdn in rdns:
        digest = hashlib.sha256(digest + repr(sorted(map(repr, rdn))).encode()).digest()
    return digest


def printed_name(der: bytes) -> str:
    """Return a Name in the string form of RFC 4514, in printable ASCII; if it is not text, its DER in hexadecimal."""
    try:
        return DistinguishedName(der).rfc4514_string()
    except DerError:
        return "#" + der.hex()
