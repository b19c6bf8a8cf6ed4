"""Functions that decode the values of extensions (RFC 5280 §4.2).

All functions take the DER of a value and raise DerError.
"""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
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
    read_sequence_of,
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


class DistributionPoint(NamedTuple):
    """A DistributionPoint of a certificate (RFC 5280 §4.2.1.13). A part that is absent is None."""

    full_name: list[Element] | None
    """The fullName: general names, as ``general_names`` has them."""

    relative_name: bytes | None
    """The nameRelativeToCRLIssuer: the content of a relative distinguished name."""

    reasons: bytes | None
    """The octets of the ReasonFlags, for ``bit_is_set``."""

    crl_issuer: list[Element] | None
    """The cRLIssuer: general names."""


class AuthorityKeyIdentifier(NamedTuple):
    """An AuthorityKeyIdentifier (RFC 5280 §4.2.1.1). A part that is absent is None."""

    key_identifier: bytes | None
    cert_issuer: list[Element] | None
    """General names, as ``general_names`` has them."""

    cert_serial_number: int | None


def read_bits(value: bytes) -> bytes:
    """Return the octets of a BIT STRING, such as a key usage (RFC 5280 §4.2.1.3), for use with ``bit_is_set``."""
    return read_bit_string(read_element(value, BIT_STRING))


def bit_is_set(octets: bytes, number: int) -> bool:
    """Return whether a bit of a BIT STRING is one. Bit 0 is the first one; bits beyond the end are zero."""
    index, bit = divmod(number, 8)
    return index < len(octets) and octets[index] & 0x80 >> bit != 0


def read_extended_key_usage(value: bytes) -> tuple[str, ...]:
    """Return the dotted OIDs of an ExtKeyUsageSyntax (RFC 5280 §4.2.1.12)."""
    return tuple(map(read_oid, read_sequence_of(value, OID)))


def read_basic_constraints(value: bytes, read_flag: Callable[[bytes], bool] = read_boolean) -> tuple[bool, int | None]:
    """Return cA and pathLenConstraint of BasicConstraints (RFC 5280 §4.2.1.9). An explicit FALSE is accepted.

    ``read_flag`` reads the content of cA, a BOOLEAN.
    """
    content = read_element(value, SEQUENCE)
    if not content:
        return False, None
    parts = read_optional_elements(content, (BOOLEAN, INTEGER))
    is_ca = BOOLEAN in parts and read_flag(parts[BOOLEAN])
    path_length = read_integer(parts[INTEGER]) if INTEGER in parts else None
    if path_length is not None and path_length < 0:
        message = "the path length is negative"
        raise DerError(message)
    return is_ca, path_length


def read_subject_key_identifier(value: bytes) -> bytes:
    """Return a SubjectKeyIdentifier (RFC 5280 §4.2.1.2)."""
    return read_element(value, OCTET_STRING)


def read_authority_key_identifier(value: bytes) -> AuthorityKeyIdentifier:
    """Return an AuthorityKeyIdentifier (RFC 5280 §4.2.1.1)."""
    parts = read_optional_elements(read_element(value, SEQUENCE), (_KEY_IDENTIFIER, _CERT_ISSUER, _CERT_SERIAL_NUMBER))
    return AuthorityKeyIdentifier(
        parts.get(_KEY_IDENTIFIER),
        read_general_names(parts[_CERT_ISSUER]) if _CERT_ISSUER in parts else None,
        read_integer(parts[_CERT_SERIAL_NUMBER]) if _CERT_SERIAL_NUMBER in parts else None,
    )


def read_info_access(value: bytes) -> list[tuple[str, Element]]:
    """Return access methods and locations of an AuthorityInfoAccessSyntax (RFC 5280 §4.2.2.1)."""
    descriptions = []
    for content in read_sequence_of(value, SEQUENCE):
        method, tag, location = read_typed_value(content)
        check_general_name(tag, location)
        descriptions.append((method, (tag, location)))
    return descriptions


def read_distribution_points(value: bytes) -> list[DistributionPoint]:
    """Return the points of CRLDistributionPoints (RFC 5280 §4.2.1.13)."""
    points = []
    for content in read_sequence_of(value, SEQUENCE):
        parts = read_optional_elements(content, (_DISTRIBUTION_POINT, _REASONS, _CRL_ISSUER))
        name = parts.get(_DISTRIBUTION_POINT)
        point = DistributionPoint(
            *((None, None) if name is None else read_distribution_point_name(name)),
            read_bit_string(parts[_REASONS]) if _REASONS in parts else None,
            read_general_names(parts[_CRL_ISSUER]) if _CRL_ISSUER in parts else None,
        )
        if name is None and not point.crl_issuer:
            message = "a distribution point has neither a name nor a CRL issuer"
            raise DerError(message)
        points.append(point)
    return points


def read_distribution_point_name(encoded: bytes) -> tuple[list[Element] | None, bytes | None]:
    """Return fullName and nameRelativeToCRLIssuer of a DistributionPointName. One of them is None."""
    tags, contents = read_elements(encoded)
    if tags == [_FULL_NAME]:
        return read_general_names(contents[0]), None
    if tags == [_RELATIVE_NAME]:
        check_rdn(contents[0])
        return None, contents[0]
    message = f"expected the name of a distribution point, found {describe(tags)}"
    raise DerError(message)
