"""Names of CAs in a form in which equal names (RFC 5280 §7.1) are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from client_certificate_auth.der import SET, DerError, read_elements, read_sequence, read_typed_value
from client_certificate_auth.names import DistinguishedName, read_text

if TYPE_CHECKING:
    from client_certificate_auth.der import Element

CanonicalRdn: TypeAlias = frozenset[tuple[str, str | tuple[int, bytes]]]
CanonicalName: TypeAlias = tuple[CanonicalRdn, ...]


def canonical_name(der: bytes) -> CanonicalName:
    """Return a Name, in DER, in a form that ignores string types, case and repeated spaces. Raises DerError.

    It is good for finding candidates; the signature decides. Empty relative distinguished names are ignored, as by
    OpenSSL. A value that is not text compares as it is.
    """
    rdns = []
    for tag, content in read_sequence(der):
        if tag != SET:
            message = f"a relative distinguished name has the tag {tag:02X}"
            raise DerError(message)
        rdns.append(canonical_attributes(read_elements(content)))
    return tuple(rdn for rdn in rdns if rdn)


def canonical_attributes(elements: list[Element]) -> CanonicalRdn:
    """Return the attributes of a relative distinguished name. Raises DerError."""
    attributes = []
    for element in elements:
        oid, (tag, value) = read_typed_value(*element)
        text = read_text(tag, value)
        attributes.append((oid, (tag, value) if text is None else " ".join(text.lower().split())))
    return frozenset(attributes)


def printed_name(der: bytes) -> str:
    """Return a Name as RFC 4514 has it, in printable ASCII; one that is not text as the hexadecimal of its DER."""
    try:
        return DistinguishedName(der).rfc4514_string()
    except DerError:
        return "#" + der.hex()
