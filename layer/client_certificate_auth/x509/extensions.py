"""The values of extensions (RFC 5280 §4.2), each decoded by a function of its own.

All functions take the DER of a value and raise DerError.
"""

from __future__ import annotations

from client_certificate_auth.x509.der import (
    BIT_STRING,
    BOOLEAN,
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    DerError,
    describe,
    read_bit_string,
    read_boolean,
    read_element,
    read_elements,
    read_integer,
    read_oid,
    read_optional_elements,
    read_sequence,
    read_typed_value,
)
from client_certificate_auth.x509.general_names import check_general_name, read_general_names
from client_certificate_auth.x509.names import check_rdn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from client_certificate_auth.x509.der import Element

SUBJECT_KEY_IDENTIFIER, KEY_USAGE, SUBJECT_ALT_NAME = "2.5.29.14", "2.5.29.15", "2.5.29.17"
BASIC_CONSTRAINTS, CRL_DISTRIBUTION_POINTS = "2.5.29.19", "2.5.29.31"
AUTHORITY_KEY_IDENTIFIER, EXTENDED_KEY_USAGE = "2.5.29.35", "2.5.29.37"
AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1"

KEY_CERT_SIGN, CRL_SIGN = 5, 6
"""Bits of the key usage."""

# [0] keyIdentifier, [1] authorityCertIssuer, [2] authorityCertSerialNumber.
_KEY_IDENTIFIER, _CERT_ISSUER, _CERT_SERIAL_NUMBER = 0x80, 0xA1, 0x82

# [0] distributionPoint, [1] reasons, [2] cRLIssuer; [0] fullName, [1] nameRelativeToCRLIssuer.
_DISTRIBUTION_POINT, _REASONS, _CRL_ISSUER = 0xA0, 0x81, 0xA2
_FULL_NAME, _RELATIVE_NAME = 0xA0, 0xA1


class DistributionPoint:
    """A DistributionPoint of a certificate (RFC 5280 §4.2.1.13) or the name in a CRL's IssuingDistributionPoint.

    A part that is absent is None.
    """

    __slots__ = ("crl_issuer", "full_name", "reasons", "relative_name")

    full_name: list[Element] | None
    """The fullName: general names, as ``general_names`` has them."""

    relative_name: list[Element] | None
    """The nameRelativeToCRLIssuer: attributes."""

    reasons: frozenset[int] | None
    """The bits of ReasonFlags."""

    crl_issuer: list[Element] | None
    """The cRLIssuer: general names."""


class AuthorityKeyIdentifier:
    """An AuthorityKeyIdentifier (RFC 5280 §4.2.1.1). A part that is absent is None."""

    __slots__ = ("cert_issuer", "cert_serial_number", "key_identifier")

    key_identifier: bytes | None
    cert_issuer: list[Element] | None
    """General names, as ``general_names`` has them."""

    cert_serial_number: int | None


def read_bits(value: bytes) -> frozenset[int]:
    """Return the numbers of the bits that are set in a BIT STRING: a key usage (RFC 5280 §4.2.1.3), or reasons."""
    return _bits(read_element(value, BIT_STRING))


def read_extended_key_usage(value: bytes) -> tuple[str, ...]:
    """Return the dotted OIDs of an ExtKeyUsageSyntax (RFC 5280 §4.2.1.12)."""
    usages = read_sequence(value)
    if any(tag != OID for tag, _ in usages):
        message = f"expected the OIDs of key purposes, found {describe(usages)}"
        raise DerError(message)
    return tuple([read_oid(content) for _, content in usages])


def read_basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """Return cA and pathLenConstraint of BasicConstraints (RFC 5280 §4.2.1.9). cA may be FALSE explicitly."""
    parts = read_optional_elements(read_element(value, SEQUENCE), (BOOLEAN, INTEGER))
    is_ca = BOOLEAN in parts and read_boolean(parts[BOOLEAN])
    path_length = read_integer(parts[INTEGER]) if INTEGER in parts else None
    if path_length is not None and path_length < 0:
        message = f"the path length is {path_length}"
        raise DerError(message)
    return is_ca, path_length


def read_subject_key_identifier(value: bytes) -> bytes:
    """Return a SubjectKeyIdentifier (RFC 5280 §4.2.1.2)."""
    return read_element(value, OCTET_STRING)


def read_authority_key_identifier(value: bytes) -> AuthorityKeyIdentifier:
    """Return an AuthorityKeyIdentifier (RFC 5280 §4.2.1.1)."""
    parts = read_optional_elements(read_element(value, SEQUENCE), (_KEY_IDENTIFIER, _CERT_ISSUER, _CERT_SERIAL_NUMBER))
    identifier = AuthorityKeyIdentifier()
    identifier.key_identifier = parts.get(_KEY_IDENTIFIER)
    issuer, serial_number = parts.get(_CERT_ISSUER), parts.get(_CERT_SERIAL_NUMBER)
    identifier.cert_issuer = None if issuer is None else read_general_names(issuer)
    identifier.cert_serial_number = None if serial_number is None else read_integer(serial_number)
    return identifier


def read_info_access(value: bytes) -> list[tuple[str, Element]]:
    """Return access methods and locations of an AuthorityInfoAccessSyntax (RFC 5280 §4.2.2.1)."""
    descriptions = [read_typed_value(*element) for element in read_sequence(value)]
    for _, location in descriptions:
        check_general_name(*location)
    return descriptions


def read_distribution_points(value: bytes) -> list[DistributionPoint]:
    """Return the points of CRLDistributionPoints (RFC 5280 §4.2.1.13)."""
    points = []
    for tag, content in read_sequence(value):
        if tag != SEQUENCE:
            message = f"a distribution point has the tag {tag:02X}"
            raise DerError(message)
        parts = read_optional_elements(content, (_DISTRIBUTION_POINT, _REASONS, _CRL_ISSUER))
        point = DistributionPoint()
        name = parts.get(_DISTRIBUTION_POINT)
        point.full_name, point.relative_name = (None, None) if name is None else read_distribution_point_name(name)
        point.reasons = _bits(parts[_REASONS]) if _REASONS in parts else None
        point.crl_issuer = read_general_names(parts[_CRL_ISSUER]) if _CRL_ISSUER in parts else None
        if name is None and not point.crl_issuer:
            message = "a distribution point has neither a name nor a CRL issuer"
            raise DerError(message)
        points.append(point)
    return points


def read_distribution_point_name(encoded: bytes) -> tuple[list[Element] | None, list[Element] | None]:
    """Return fullName and nameRelativeToCRLIssuer of a DistributionPointName, of which one is None."""
    names = read_elements(encoded)
    if len(names) != 1 or names[0][0] not in (_FULL_NAME, _RELATIVE_NAME):
        message = f"expected the name of a distribution point, found {describe(names)}"
        raise DerError(message)
    tag, content = names[0]
    if tag == _FULL_NAME:
        return read_general_names(content), None
    check_rdn(content)
    return None, read_elements(content)


def _bits(content: bytes) -> frozenset[int]:
    octets = read_bit_string(content)
    return frozenset([bit for bit in range(8 * len(octets)) if octets[bit // 8] & 0x80 >> bit % 8])


# The extensions that client certificates commonly have, which are also the ones that decisions need.
COMMON: dict[str, Callable[[bytes], object]] = {
    KEY_USAGE: read_bits,
    EXTENDED_KEY_USAGE: read_extended_key_usage,
    BASIC_CONSTRAINTS: read_basic_constraints,
}
