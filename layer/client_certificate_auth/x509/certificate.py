"""The fields of an X.509 certificate (RFC 5280 §4.1).

This module only reads the structure. Names, the public key and the values of extensions remain DER; ``names``,
``public_key`` and ``extensions`` decode them when they are needed.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from client_certificate_auth.x509.der import (
    BIT_STRING,
    BOOLEAN,
    INTEGER,
    LONGEST_CACHED,
    OCTET_STRING,
    OID,
    SEQUENCE,
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
from client_certificate_auth.x509.pem import PemError, read_pem
from client_certificate_auth.x509.validity import read_validity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Extension: TypeAlias = tuple[bool, bytes]

LARGEST_CERTIFICATE = 512 * 1024
"""Bytes of DER."""

# Tags of the optional fields of a TBSCertificate. The version is the first field, the others are the last ones.
_VERSION, _ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID, _EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3
_LAST_FIELDS = (_ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID, _EXTENSIONS)

# Tags of the fields that every TBSCertificate has: serial number, signature, issuer, validity, subject and
# subjectPublicKeyInfo.
_REQUIRED_FIELDS = [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE]

_VERSION_3 = 3
# The first field of nearly all certificates.
_VERSION_3_FIELD = b"\xa0\x03\x02\x01\x02"

# How the public keys of common types begin, by their length in octets (RFC 5480 §2, RFC 3279 §2.3.1): the algorithm,
# and the tag, the length and the number of unused bits of the key.
_P256 = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107 034200")
_P384 = bytes.fromhex("301006072a8648ce3d020106052b81040022 036200")
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
COMMON_KEYS = {
    89: _P256,
    118: _P384,
    290: _RSA + bytes.fromhex("0382010f00"),
    418: _RSA + bytes.fromhex("0382018f00"),
    546: _RSA + bytes.fromhex("0382020f00"),
}


class MalformedCertificateError(ValueError):
    """Not exactly one X.509 certificate, or one whose names, serial number or dates cannot be decoded."""


class Certificate:
    """A certificate whose structure is valid. Names, key and algorithms are DER, with tag and length."""

    __slots__ = (
        *("_algorithm", "_public_key", "_tbs_algorithm", "der", "extensions", "issuer_rdns", "not_after", "not_before"),
        *("serial_number", "signature", "subject_rdns", "tbs_fields", "version"),
    )

    der: bytes
    """The whole certificate, as it was read."""

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
    """The first second of validity: ``2026-11-22T06:54:49Z`` (RFC 3339). Such strings sort in the order of time."""

    not_after: str
    """The last second of validity, in the same form."""

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
        if self.tbs_fields.startswith(_VERSION_3_FIELD):
            self.version = _VERSION_3
            tags, fields = read_elements(self.tbs_fields, len(_VERSION_3_FIELD))
        else:
            self.version, tags, fields = _read_version(*read_elements(self.tbs_fields))
        required = len(_REQUIRED_FIELDS)
        if tags[:required] != _REQUIRED_FIELDS:
            message = f"a field of the TBSCertificate is missing or has another type: {describe(tags)}"
            raise DerError(message)
        serial_number, self._tbs_algorithm, self.issuer_rdns, validity, self.subject_rdns, self._public_key = fields[
            :required
        ]
        self.serial_number = read_integer(serial_number)
        self.not_before, self.not_after = read_validity(validity)
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
        """The AlgorithmIdentifier in the TBSCertificate. The signature is only valid if both are equal (§4.1.1.2)."""
        return encode(SEQUENCE, self._tbs_algorithm)

    @property
    def signature_algorithm(self) -> bytes:
        """The AlgorithmIdentifier of the signature."""
        return encode(SEQUENCE, self._algorithm)

    @property
    def public_key(self) -> bytes:
        """The SubjectPublicKeyInfo."""
        return encode(SEQUENCE, self._public_key)

    def extension(self, oid: str) -> bytes | None:
        """Return the value of an extension, None without it."""
        extension = self.extensions.get(oid)
        return None if extension is None else extension[1]


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


def _read_version(tags: list[int], contents: list[bytes]) -> tuple[int, list[int], list[bytes]]:
    """Return 1, 2 or 3 (RFC 5280 §4.1.2.1), which are encoded as 0, 1 and 2, and the fields that follow."""
    if tags[:1] != [_VERSION]:
        return 1, tags, contents
    version = read_integer(read_element(contents[0], INTEGER)) + 1
    if version not in (1, 2, _VERSION_3):
        message = "the certificate has an unknown version: not 1, 2 or 3"
        raise DerError(message)
    return version, tags[1:], contents[1:]


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
    # Saves 2 µs for the keys that nearly all certificates have.
    common = COMMON_KEYS.get(len(content))
    if common is not None and content.startswith(common):
        return
    expected = "an algorithm and a public key"
    algorithm_tag, algorithm, key_tag, key = read_two_elements(content, expected)
    if algorithm_tag != SEQUENCE or key_tag != BIT_STRING:
        message = f"expected {expected}, found {describe([algorithm_tag, key_tag])}"
        raise DerError(message)
    _check_algorithm(algorithm)
    read_bit_string(key)


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
    """Return the Extensions (RFC 5280 §4.1.2.9). Each must occur only once (§4.2)."""
    contents = read_sequence_of(content, SEQUENCE)
    # Certificates of one CA have most extensions in common.
    read = read_extension if len(content) <= LONGEST_CACHED else read_extension.__wrapped__
    extensions = dict(map(read, contents))
    if len(extensions) != len(contents):
        occurrences = Counter(read(each)[0] for each in contents)
        message = f"the extension {next(oid for oid in occurrences if occurrences[oid] > 1)} occurs twice"
        raise DerError(message)
    return extensions


@lru_cache(128)
def read_extension(content: bytes) -> tuple[str, Extension]:
    """Return the OID of an Extension of a certificate or CRL (RFC 5280 §4.1), whether it is critical, and its value."""
    tags, contents = read_elements(content)
    if tags == [OID, OCTET_STRING]:
        critical = False
    elif tags == [OID, BOOLEAN, OCTET_STRING]:
        critical = read_boolean(contents[1])
    else:
        message = f"expected an extension's OID, critical flag and value, found {describe(tags)}"
        raise DerError(message)
    return read_oid(contents[0]), (critical, contents[-1])
