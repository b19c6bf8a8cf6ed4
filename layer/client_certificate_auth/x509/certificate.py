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
    LONGEST_CACHED,
    OCTET_STRING,
    OID,
    SEQUENCE,
    UTC_TIME,
    DerError,
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
    read_sequence_of,
    read_two_elements,
)
from client_certificate_auth.x509.errors import MalformedCertificateError
from client_certificate_auth.x509.pem import PemError, read_pem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Extension: TypeAlias = tuple[bool, bytes]

LARGEST_CERTIFICATE = 512 * 1024
"""Bytes of DER."""

# Tags of the optional fields of a TBSCertificate, of which the version comes first and the others last.
_VERSION, _ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID, _EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3
_LAST_FIELDS = (_ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID, _EXTENSIONS)

# Tags of the fields that every TBSCertificate has: serial number, signature, issuer, validity, subject and
# subjectPublicKeyInfo.
_REQUIRED_FIELDS = [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE]

_VERSION_3 = 3

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 2
_TIME_LENGTHS = {UTC_TIME: len("YYMMDDHHMMSSZ"), GENERALIZED_TIME: len("YYYYMMDDHHMMSSZ")}


class Certificate:
    """A certificate whose structure is valid. Names, key and algorithms are DER, with tag and length."""

    __slots__ = (
        *("_algorithm", "_public_key", "_tbs_algorithm", "der", "extensions", "issuer_rdns", "not_after", "not_before"),
        *("serial_number", "signature", "subject_rdns", "tbs_fields", "version"),
    )

    der: bytes
    """The whole certificate."""

    version: int
    """1, 2 or 3."""

    serial_number: int

    issuer_rdns: bytes
    """The content of the issuer: its relative distinguished names."""

    subject_rdns: bytes
    """The content of the subject."""

    tbs_fields: bytes
    """The content of the TBSCertificate."""

    not_before: str
    """The first second of validity in UTC, as YYYYMMDDHHMMSS. Such strings compare as the times do."""

    not_after: str
    """The last second of validity, likewise."""

    extensions: dict[str, Extension]
    """Critical flag and value by dotted OID, in the order of the certificate."""

    signature: bytes
    """The octets of the signature."""

    def __init__(self, der: bytes) -> None:
        """Read a Certificate in DER (RFC 5280 §4.1). Raises DerError."""
        tags, contents = read_sequence(der)
        if tags != [SEQUENCE, SEQUENCE, BIT_STRING]:
            message = f"not a certificate: expected TBSCertificate, algorithm and signature, found {describe(tags)}"
            raise DerError(message)
        self.der = der
        self.tbs_fields, self._algorithm, signature = contents
        self.signature = read_bit_string(signature)
        tags, fields = read_elements(self.tbs_fields)
        self.version = 1
        if tags[:1] == [_VERSION]:
            self.version = _read_version(fields.pop(0))
            del tags[0]
        required = len(_REQUIRED_FIELDS)
        if tags[:required] != _REQUIRED_FIELDS:
            message = f"a field of the TBSCertificate is missing or has another type: {describe(tags)}"
            raise DerError(message)
        serial_number, self._tbs_algorithm, self.issuer_rdns, validity, self.subject_rdns, self._public_key = fields[
            :required
        ]
        self.serial_number = read_integer(serial_number)
        self.not_before, self.not_after = _read_validity(validity)
        _check_public_key(self._public_key)
        _check_algorithm(self._tbs_algorithm)
        if self._algorithm != self._tbs_algorithm:
            _check_algorithm(self._algorithm)
        self.extensions = _read_last_fields(tags[required:], fields[required:], self.version)

    @property
    def issuer(self) -> bytes:
        """The issuer, a Name."""
        return encode(SEQUENCE, self.issuer_rdns)

    @property
    def subject(self) -> bytes:
        """The subject, a Name."""
        return encode(SEQUENCE, self.subject_rdns)

    @property
    def tbs_certificate(self) -> bytes:
        """The octets that were signed."""
        return encode(SEQUENCE, self.tbs_fields)

    @property
    def tbs_signature_algorithm(self) -> bytes:
        """The AlgorithmIdentifier in the TBSCertificate. A signature is valid only if it equals the one outside."""
        return encode(SEQUENCE, self._tbs_algorithm)

    @property
    def signature_algorithm(self) -> bytes:
        """The AlgorithmIdentifier of the signature."""
        return encode(SEQUENCE, self._algorithm)

    @property
    def public_key(self) -> bytes:
        """The SubjectPublicKeyInfo."""
        return encode(SEQUENCE, self._public_key)


def parse_certificate(encoded: str | bytes) -> Certificate:
    """Return the fields of one certificate in PEM (a string) or DER. Raises MalformedCertificateError."""
    try:
        der = encoded if isinstance(encoded, bytes) else read_pem(encoded)
        if len(der) > LARGEST_CERTIFICATE:
            message = f"the certificate has {len(der):,} bytes, more than {LARGEST_CERTIFICATE:,}"
            raise MalformedCertificateError(message)
        return Certificate(der)
    except (DerError, PemError) as error:
        raise MalformedCertificateError(str(error)) from error


def _read_version(content: bytes) -> int:
    """Return 1, 2 or 3 (RFC 5280 §4.1.2.1), which are encoded as 0, 1 and 2."""
    # Nearly all have version 3.
    version = 3 if content == b"\x02\x01\x02" else read_integer(read_element(content, INTEGER)) + 1
    if version not in (1, 2, 3):
        message = "the certificate has an unknown version: not 1, 2 or 3"
        raise DerError(message)
    return version


def _check_algorithm(content: bytes) -> None:
    """Check an AlgorithmIdentifier (RFC 5280 §4.1.1.2)."""
    if len(content) <= LONGEST_CACHED:
        _check_short_algorithm(content)
    else:
        _check_short_algorithm.__wrapped__(content)


@lru_cache(64)
def _check_short_algorithm(content: bytes) -> None:
    tags, contents = read_elements(content)
    if tags[:1] != [OID] or len(tags) > 2:  # noqa: PLR2004 -- an algorithm and its parameters
        message = f"expected an algorithm and its parameters, found {describe(tags)}"
        raise DerError(message)
    read_oid(contents[0])
    if len(tags) > 1:
        check_any(tags[1], contents[1])


def _check_public_key(content: bytes) -> None:
    """Check a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
    expected = "an algorithm and a public key"
    algorithm_tag, algorithm, key_tag, key = read_two_elements(content, expected)
    if algorithm_tag != SEQUENCE or key_tag != BIT_STRING:
        message = f"expected {expected}, found {describe([algorithm_tag, key_tag])}"
        raise DerError(message)
    _check_algorithm(algorithm)
    read_bit_string(key)


def _read_validity(content: bytes) -> tuple[str, str]:
    """Return both ends of a Validity (RFC 5280 §4.1.2.5)."""
    first_tag, first, last_tag, last = read_two_elements(content, "two times")
    return _read_time(first_tag, first), _read_time(last_tag, last)


def _read_time(tag: int, content: bytes) -> str:
    """Return a time as YYYYMMDDHHMMSS. It has seconds and a Z, without fractions (RFC 5280 §4.1.2.5.1, §4.1.2.5.2)."""
    digits = content[:-1]
    if len(content) == _TIME_LENGTHS.get(tag) and content.endswith(b"Z") and digits.isdigit():
        time = digits.decode()
        if tag == UTC_TIME:
            time = ("19" if time >= "50" else "20") + time
        if time[8:] < "240000" and time[10] < "6" and time[12] < "6" and _is_date(time[:8]):
            return time
    message = f"the time {content[:32].decode('latin-1')!r} (tag {tag:02X}) is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ"
    raise DerError(message)


@lru_cache(64)
def _is_date(date: str) -> bool:
    """Return whether YYYYMMDD is in the calendar."""
    year, month, day = int(date[:4]), int(date[4:6]), int(date[6:])
    if month == _FEBRUARY and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        return 1 <= day <= _DAYS[1] + 1
    return 1 <= month <= len(_DAYS) and 1 <= day <= _DAYS[month - 1]


def _read_last_fields(tags: list[int], contents: list[bytes], version: int) -> dict[str, Extension]:
    """Return the extensions, and check the unique identifiers (RFC 5280 §4.1.2.8 and §4.1.2.9)."""
    if tags == [_EXTENSIONS] and version == _VERSION_3:
        return _read_extensions(contents[0])
    if tags != [tag for tag in _LAST_FIELDS if tag in tags]:
        message = f"unexpected fields at the end of the TBSCertificate: {describe(tags)}"
        raise DerError(message)
    for tag, content in zip(tags, contents, strict=True):
        if tag != _EXTENSIONS:
            read_bit_string(content)
        elif version == _VERSION_3:
            return _read_extensions(content)
        else:
            message = f"a certificate of version {version} has extensions"
            raise DerError(message)
    return {}


def _read_extensions(content: bytes) -> dict[str, Extension]:
    """Return the Extensions (RFC 5280 §4.1.2.9), of which each occurs once at most (§4.2)."""
    contents = read_sequence_of(content, SEQUENCE)
    # Certificates of one CA have most extensions in common.
    read = _read_extension if len(content) <= LONGEST_CACHED else _read_extension.__wrapped__
    extensions = dict(map(read, contents))
    if len(extensions) != len(contents):
        oids = [read(each)[0] for each in contents]
        message = f"the extension {next(oid for oid in oids if oids.count(oid) > 1)} occurs twice"
        raise DerError(message)
    return extensions


@lru_cache(128)
def _read_extension(content: bytes) -> tuple[str, Extension]:
    """Return an Extension (RFC 5280 §4.1)."""
    tags, contents = read_elements(content)
    if tags == [OID, OCTET_STRING]:
        critical = False
    elif tags == [OID, BOOLEAN, OCTET_STRING]:
        critical = read_boolean(contents[1])
    else:
        message = f"expected an extension's OID, critical flag and value, found {describe(tags)}"
        raise DerError(message)
    return read_oid(contents[0]), (critical, contents[-1])
