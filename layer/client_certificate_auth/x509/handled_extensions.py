"""The extensions that OpenSSL handles when it verifies a certificate, and functions that read their values.

Only CA certificates, and certificates with rare critical extensions, need this module.
A ``Read`` function takes the content of an element, a ``Check`` its tag and content. Both raise DerError.
"""

from __future__ import annotations

from client_certificate_auth.x509.der import (
    BIT_STRING,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    SEQUENCE,
    DerError,
    check_any,
    read_bit_string,
    read_elements,
    read_integer,
    read_oid,
)
from client_certificate_auth.x509.extensions import (
    AUTHORITY_KEY_IDENTIFIER,
    BASIC_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    SUBJECT_KEY_IDENTIFIER,
    read_authority_key_identifier,
    read_basic_constraints,
    read_bits,
    read_distribution_points,
    read_extended_key_usage,
    read_subject_key_identifier,
)
from client_certificate_auth.x509.general_names import check_general_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Read: TypeAlias = Callable[[bytes], object]
    Check: TypeAlias = Callable[[int, bytes], object]

PROXY_CERTIFICATE_INFORMATION = "1.3.6.1.5.5.7.1.14"

# Context-specific tags [0] and [1], of primitive and of constructed types.
_ZERO, _ONE, _ZERO_CONSTRUCTED, _ONE_CONSTRUCTED = 0x80, 0x81, 0xA0, 0xA1


def _one_of(reads: dict[int, Read]) -> Check:
    """Return a check of an element that has one of several tags."""

    def check(tag: int, content: bytes) -> None:
        if tag not in reads:
            message = f"an element has the unexpected tag {tag:02X}"
            raise DerError(message)
        reads[tag](content)

    return check


def _each(check: Check) -> Read:
    """Return a function that reads the content of a SEQUENCE OF."""
    return lambda content: list(map(check, *read_elements(content)))


def _fields(*fields: Check | tuple[int, Read]) -> Read:
    """Return a function that reads the content of a SEQUENCE.

    Fields are checks, or pairs of a tag and a function for optional ones.
    """

    def read(content: bytes) -> None:
        elements = list(zip(*read_elements(content), strict=True))
        for field in fields:
            if isinstance(field, tuple):
                tag, read_optional = field
                if elements and elements[0][0] == tag:
                    read_optional(elements.pop(0)[1])
            elif elements:
                field(*elements.pop(0))
            else:
                message = "an element of a SEQUENCE is missing"
                raise DerError(message)
        if elements:
            message = f"a SEQUENCE has an unexpected element with the tag {elements[0][0]:02X}"
            raise DerError(message)

    return read


def _value(tag: int, read: Read) -> Read:
    """Return a function that reads exactly one element: the value of an extension, or of an explicit tag."""
    return _fields(_one_of({tag: read}))


def _sequence(*fields: Check | tuple[int, Read]) -> Check:
    return _one_of({SEQUENCE: _fields(*fields)})


def _read_null(content: bytes) -> None:
    check_any(NULL, content)


_OID, _INTEGER, _BIT_STRING = (
    _one_of({OID: read_oid}),
    _one_of({INTEGER: read_integer}),
    _one_of({BIT_STRING: read_bit_string}),
)
_SUBTREES = _each(_sequence(check_general_name, (_ZERO, read_integer), (_ONE, read_integer)))
_ADDRESSES = _each(_one_of({BIT_STRING: read_bit_string, SEQUENCE: _fields(_BIT_STRING, _BIT_STRING)}))
_AS_NUMBERS = _fields(
    _one_of(
        {NULL: _read_null, SEQUENCE: _each(_one_of({INTEGER: read_integer, SEQUENCE: _fields(_INTEGER, _INTEGER)}))}
    )
)

# The same set as in OpenSSL's function ``X509_supported_extension``.
HANDLED: dict[str, Read] = {
    KEY_USAGE: read_bits,
    SUBJECT_ALT_NAME: _value(SEQUENCE, _each(check_general_name)),
    BASIC_CONSTRAINTS: read_basic_constraints,
    CRL_DISTRIBUTION_POINTS: read_distribution_points,
    EXTENDED_KEY_USAGE: read_extended_key_usage,
    # nameConstraints (RFC 5280 §4.2.1.10)
    "2.5.29.30": _value(SEQUENCE, _fields((_ZERO_CONSTRUCTED, _SUBTREES), (_ONE_CONSTRUCTED, _SUBTREES))),
    # certificatePolicies (§4.2.1.4), whose qualifiers may be of any type
    "2.5.29.32": _value(SEQUENCE, _each(_sequence(_OID, (SEQUENCE, _each(check_any))))),
    # policyMappings (§4.2.1.5)
    "2.5.29.33": _value(SEQUENCE, _each(_sequence(_OID, _OID))),
    # policyConstraints (§4.2.1.11)
    "2.5.29.36": _value(SEQUENCE, _fields((_ZERO, read_integer), (_ONE, read_integer))),
    # inhibitAnyPolicy (§4.2.1.14)
    "2.5.29.54": _value(INTEGER, read_integer),
    # Netscape's certificate type
    "2.16.840.1.113730.1.1": _value(BIT_STRING, read_bit_string),
    # OCSP no check (RFC 6960 §4.2.2.2.1)
    "1.3.6.1.5.5.7.48.1.5": _value(NULL, _read_null),
    # proxyCertInfo (RFC 3820 §3.8)
    PROXY_CERTIFICATE_INFORMATION: _value(
        SEQUENCE, _fields((INTEGER, read_integer), _sequence(_OID, (OCTET_STRING, len)))
    ),
    # IP address blocks and autonomous system numbers (RFC 3779 §2.2.3 and §3.2.3)
    "1.3.6.1.5.5.7.1.7": _value(
        SEQUENCE,
        _each(_sequence(_one_of({OCTET_STRING: len}), _one_of({NULL: _read_null, SEQUENCE: _ADDRESSES}))),
    ),
    "1.3.6.1.5.5.7.1.8": _value(SEQUENCE, _fields((_ZERO_CONSTRUCTED, _AS_NUMBERS), (_ONE_CONSTRUCTED, _AS_NUMBERS))),
}
"""Functions that read the values of the extensions that may be critical, by dotted OID."""

# Those that OpenSSL checks besides basic constraints and key usage: a certificate with one that cannot be read is not
# considered a CA's. The last four are name constraints, Netscape's certificate type, and the two of RFC 3779.
_HANDLED_AND_CHECKED_FOR_CA = (
    *(SUBJECT_ALT_NAME, CRL_DISTRIBUTION_POINTS, EXTENDED_KEY_USAGE),
    *("2.5.29.30", "2.16.840.1.113730.1.1", "1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8"),
)
CHECKED_FOR_CA: dict[str, Read] = {
    SUBJECT_KEY_IDENTIFIER: read_subject_key_identifier,
    AUTHORITY_KEY_IDENTIFIER: read_authority_key_identifier,
    **{oid: HANDLED[oid] for oid in _HANDLED_AND_CHECKED_FOR_CA},
}
