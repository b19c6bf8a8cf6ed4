"""The fields of an X.509 certificate (RFC 5280 §4.1).

Only the structure is read here. Names, the public key and the extensions' values are DER, for ``names``, ``public_key``
and ``extensions`` to decode when they are needed.
"""

from __future__ import annotations

from functools import lru_cache

from client_certificate_auth.x509.der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    UTC_TIME,
    DerError,
    cached_if_short,
    check_any,
    describe,
    encode,
    read_bit_string,
    read_boolean,
    read_element,
    read_elements,
    read_integer,
    read_oid,
    read_sequence,
)
from client_certificate_auth.x509.errors import MalformedCertificateError
from client_certificate_auth.x509.pem import PemError, read_pem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from client_certificate_auth.x509.der import Element

    Extension: TypeAlias = tuple[bool, bytes]

LARGEST_CERTIFICATE = 512 * 1024
"""Bytes of DER."""

_VERSION_WITH_EXTENSIONS = 3

# The tags of version, unique identifiers and extensions.
_VERSION, _ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID, _EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3

# The tags of the fields that every TBSCertificate has: serial number, signature, issuer, validity, subject and
# subjectPublicKeyInfo.
_REQUIRED = [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE]

# Elements of an AlgorithmIdentifier, whose parameters are optional, and of a Validity.
_ALGORITHM_LENGTHS, _VALIDITY_LENGTH = (1, 2), 2

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 2
_UTC_TIME_LENGTH, _GENERALIZED_TIME_LENGTH = len("YYMMDDHHMMSSZ"), len("YYYYMMDDHHMMSSZ")


class Certificate:
    """A certificate whose structure is valid. Attributes without another type are DER, including tag and length."""

    __slots__ = (
        *("der", "tbs_certificate", "tbs_signature_algorithm", "signature_algorithm", "signature", "version"),
        *("serial_number", "issuer", "subject", "not_before", "not_after", "public_key", "extensions"),
    )

    der: bytes
    """The whole certificate."""

    tbs_certificate: bytes
    """The octets that were signed."""

    tbs_signature_algorithm: bytes
    """The AlgorithmIdentifier within the TBSCertificate. A signature is valid only if it equals the one outside."""

    signature_algorithm: bytes
    """The AlgorithmIdentifier of the signature."""

    signature: bytes
    """The octets of the signature."""

    version: int
    """1, 2 or 3."""

    serial_number: int

    issuer: bytes
    """A Name."""

    subject: bytes
    """A Name."""

    not_before: str
    """The first second of validity in UTC, as YYYYMMDDHHMMSS. Such strings compare as the times do."""

    not_after: str
    """The last second of validity, likewise."""

    public_key: bytes
    """The SubjectPublicKeyInfo."""

    extensions: dict[str, Extension]
    """Whether it is critical, and the value, by dotted OID and in the order of the certificate."""


def parse_certificate(encoded: str | bytes) -> Certificate:
    """Return the fields of one certificate in PEM (a string) or DER. Raises MalformedCertificateError."""
    certificate = Certificate()
    try:
        der = encoded if isinstance(encoded, bytes) else read_pem(encoded)
        if len(der) > LARGEST_CERTIFICATE:
            message = f"the certificate has {len(der):,} bytes, more than {LARGEST_CERTIFICATE:,}"
            raise MalformedCertificateError(message)
        _read_certificate(der, certificate)
    except (DerError, PemError) as error:
        raise MalformedCertificateError(str(error)) from error
    return certificate


def _read_certificate(der: bytes, certificate: Certificate) -> None:
    """Read a Certificate (RFC 5280 §4.1.1)."""
    parts = read_sequence(der)
    if [tag for tag, _ in parts] != [SEQUENCE, SEQUENCE, BIT_STRING]:
        message = f"not a certificate: expected TBSCertificate, algorithm and signature, found {describe(parts)}"
        raise DerError(message)
    (_, tbs_certificate), (_, algorithm), (_, signature) = parts
    certificate.der = der
    certificate.tbs_certificate = encode(SEQUENCE, tbs_certificate)
    certificate.signature_algorithm = cached_if_short(_read_algorithm, algorithm)
    certificate.signature = read_bit_string(signature)
    _read_tbs_certificate(tbs_certificate, certificate)


def _read_tbs_certificate(content: bytes, certificate: Certificate) -> None:
    """Read a TBSCertificate (RFC 5280 §4.1.2)."""
    fields = read_elements(content)
    version = _read_version(fields.pop(0)[1]) if fields and fields[0][0] == _VERSION else 1
    if [tag for tag, _ in fields[: len(_REQUIRED)]] != _REQUIRED:
        message = f"a field of the TBSCertificate is missing or has another type: {describe(fields)}"
        raise DerError(message)
    (_, serial_number), (_, algorithm), (_, issuer), (_, validity), (_, subject), (_, public_key), *optional = fields
    certificate.version = version
    certificate.serial_number = read_integer(serial_number)
    certificate.tbs_signature_algorithm = cached_if_short(_read_algorithm, algorithm)
    certificate.issuer = encode(SEQUENCE, issuer)
    certificate.not_before, certificate.not_after = _read_validity(validity)
    certificate.subject = encode(SEQUENCE, subject)
    certificate.public_key = _read_public_key(public_key)
    certificate.extensions = _read_optional_fields(optional, version)


def _read_version(content: bytes) -> int:
    """Return 1, 2 or 3 (RFC 5280 §4.1.2.1)."""
    # Nearly all certificates have version 3, which is encoded as 2.
    version = 3 if content == b"\x02\x01\x02" else read_integer(read_element(content, INTEGER)) + 1
    if version not in (1, 2, 3):
        message = f"the certificate has the unknown version {version}"
        raise DerError(message)
    return version


def _read_optional_fields(fields: list[Element], version: int) -> dict[str, Extension]:
    """Return the extensions, and check the unique identifiers (RFC 5280 §4.1.2.8 and §4.1.2.9)."""
    extensions: dict[str, Extension] = {}
    last = 0
    for tag, content in fields:
        if tag <= last or tag not in (_ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID, _EXTENSIONS):
            message = f"unexpected fields at the end of the TBSCertificate: {describe(fields)}"
            raise DerError(message)
        if tag != _EXTENSIONS:
            read_bit_string(content)
        elif version == _VERSION_WITH_EXTENSIONS:
            extensions = _read_extensions(content)
        else:
            message = f"a certificate of version {version} has extensions"
            raise DerError(message)
        last = tag
    return extensions


@lru_cache(64)
def _read_algorithm(content: bytes) -> bytes:
    """Check an AlgorithmIdentifier (RFC 5280 §4.1.1.2) and return it."""
    parts = read_elements(content)
    if len(parts) not in _ALGORITHM_LENGTHS or parts[0][0] != OID:
        message = f"expected an algorithm and its parameters, found {describe(parts)}"
        raise DerError(message)
    read_oid(parts[0][1])
    if len(parts) > 1:
        check_any(*parts[1])
    return encode(SEQUENCE, content)


def _read_public_key(content: bytes) -> bytes:
    """Check a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and return it."""
    parts = read_elements(content)
    if [tag for tag, _ in parts] != [SEQUENCE, BIT_STRING]:
        message = f"expected an algorithm and a public key, found {describe(parts)}"
        raise DerError(message)
    cached_if_short(_read_algorithm, parts[0][1])
    read_bit_string(parts[1][1])
    return encode(SEQUENCE, content)


def _read_validity(content: bytes) -> tuple[str, str]:
    """Return both ends of a Validity (RFC 5280 §4.1.2.5)."""
    times = read_elements(content)
    if len(times) != _VALIDITY_LENGTH:
        message = f"expected two times, found {describe(times)}"
        raise DerError(message)
    not_before, not_after = times
    return _read_time(*not_before), _read_time(*not_after)


def _read_time(tag: int, content: bytes) -> str:
    """Return a time as YYYYMMDDHHMMSS. It has seconds and a Z, without fractions (RFC 5280 §4.1.2.5.1, §4.1.2.5.2)."""
    length = {UTC_TIME: _UTC_TIME_LENGTH, GENERALIZED_TIME: _GENERALIZED_TIME_LENGTH}.get(tag)
    digits = content[:-1]
    if len(content) == length and content.endswith(b"Z") and digits.isdigit():
        time = digits.decode()
        if tag == UTC_TIME:
            time = ("19" if time >= "50" else "20") + time
        if _is_in_calendar(time):
            return time
    message = f"the time {content[:32].decode('latin-1')!r} (tag {tag:02X}) is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ"
    raise DerError(message)


def _is_in_calendar(time: str) -> bool:
    year, month, day = int(time[:4]), int(time[4:6]), int(time[6:8])
    if not 1 <= month <= len(_DAYS) or time[8:10] > "23" or time[10:12] > "59" or time[12:] > "59":
        return False
    is_leap_day = month == _FEBRUARY and day == _DAYS[1] + 1 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= _DAYS[month - 1] or is_leap_day


def _read_extensions(content: bytes) -> dict[str, Extension]:
    """Return the Extensions (RFC 5280 §4.1.2.9), of which each occurs once at most (§4.2)."""
    extensions: dict[str, Extension] = {}
    for tag, extension in read_sequence(content):
        if tag != SEQUENCE:
            message = f"an extension has the tag {tag:02X}"
            raise DerError(message)
        oid, critical_and_value = cached_if_short(_read_extension, extension)
        if oid in extensions:
            message = f"the extension {oid} occurs twice"
            raise DerError(message)
        extensions[oid] = critical_and_value
    return extensions


# Certificates of one CA have most extensions in common, but for key identifiers and alternative names.
@lru_cache(128)
def _read_extension(content: bytes) -> tuple[str, Extension]:
    """Return an Extension (RFC 5280 §4.1)."""
    parts = read_elements(content)
    tags = [tag for tag, _ in parts]
    if tags == [OID, OCTET_STRING]:
        critical = False
    elif tags == [OID, BOOLEAN, OCTET_STRING]:
        critical = read_boolean(parts[1][1])
    else:
        message = f"expected an extension's OID, critical flag and value, found {describe(parts)}"
        raise DerError(message)
    return read_oid(parts[0][1]), (critical, parts[-1][1])
