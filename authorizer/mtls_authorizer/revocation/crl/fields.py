"""The fields of a CRL around its entries (RFC 5280 §5.1), each read on its own.

cryptography decodes the entries. It rejects a CRL as a whole if the version, the name of the issuer, the signature
algorithm or an extension is unusual, so these are read here, and left out of what cryptography reads if it rejects
them. If a date or a flag of an entry is not in DER, the entries revoke nevertheless.
"""

from __future__ import annotations

from itertools import islice

from cryptography import x509

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.certificate import read_extension
from client_certificate_auth.x509.der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    SEQUENCE,
    UTC_TIME,
    DerError,
    describe,
    encode,
    header,
    read_bit_string,
    read_element,
    read_integer,
    read_sequence_of,
)
from mtls_authorizer.revocation.truststore.names import canonical_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_certificate_auth.x509.certificate import Extension

_EXTENSIONS = 0xA0
_LONG_FORM = 0x80  # the first length in DER that takes more than one byte (X.690 §8.1.3.5)
_ISSUER = 1  # its place, after an optional version
_LONGEST_NUMBER = 20
CRL_NUMBER = "2.5.29.20"

_VERSION_2 = b"\1"

# In place of what cryptography may reject: version 2, the algorithm, RSA with SHA-256, and an empty name; the same
# algorithm, and a signature without octets.
_ALGORITHM = bytes.fromhex("300d06092a864886f70d01010b0500")
_BEFORE_DATES = encode(INTEGER, _VERSION_2) + _ALGORITHM + encode(SEQUENCE, b"")
_ALGORITHM_AND_NO_SIGNATURE = _ALGORITHM + encode(BIT_STRING, b"\0")

# In place of the dates of entries, on which nothing depends.
_DATE = encode(UTC_TIME, b"000101000000Z")
_FLAG = encode(BOOLEAN, b"\0")[:-1]

LARGEST_UNUSUAL = 1024 * 1024
"""In bytes: the limit for entries whose dates or flags are not in DER. It takes 0.2 s to read those without extensions,
0.5 s if each has a flag, and 1.3 s if a CA writes as many empty elements as possible."""

_SET_VERSION_2 = "its CA must set version 2, whose number is 1"
"""Libraries that leave the version to their callers, as OpenSSL does, write version 1 by default."""

# Before the signature is verified, the file may be anybody's, and as large as MAX_CRL_BYTES. Only what is small is
# copied or decoded.
_MOST_ELEMENTS = 7
"""Those of a TBSCertList: version, signature, issuer, thisUpdate, nextUpdate, revokedCertificates and extensions."""

LARGEST_FIELDS = 256 * 1024
"""The size limit of everything but the entries, in bytes."""


class CrlFields(NamedTuple):
    """The fields of a CRL. Those without another type are DER."""

    signed: memoryview
    """The octets that were signed."""

    signature_algorithm: bytes
    """The AlgorithmIdentifier, which is the same inside of what was signed and outside."""

    signature: bytes
    issuer: bytes
    number: int | None
    extensions: dict[str, Extension]
    """Whether it is critical, and the value, by dotted OID. The value of one that occurs twice is empty."""

    dates_and_entries: memoryview
    problem: str | None
    """Why the CRL is not valid, although its entries can be read; None if it is."""


def read_fields(encoded: bytes) -> CrlFields:
    """Return the fields of a CRL in DER; entries are neither decoded nor copied. Raises DerError."""
    view = memoryview(encoded)
    parts = _elements(_content(view))
    if [tag for tag, _ in parts] != [SEQUENCE, SEQUENCE, BIT_STRING]:
        message = f"not a CRL: expected TBSCertList, algorithm and signature, found {_describe(parts)}"
        raise DerError(message)
    (_, tbs), (_, algorithm), (_, signature) = parts
    fields = _elements(tbs)
    has_version = bool(fields) and fields[0][0] == INTEGER
    if [tag for tag, _ in fields[has_version : has_version + 2]] != [SEQUENCE, SEQUENCE]:
        message = f"a field of the TBSCertList is missing or has another type: {_describe(fields)}"
        raise DerError(message)
    entries = [content for tag, content in fields[has_version + _ISSUER + 1 :] if tag == SEQUENCE]
    if len(encoded) - sum(map(len, entries)) > LARGEST_FIELDS:
        message = f"the fields of the CRL, without its entries, have more than {LARGEST_FIELDS:,} bytes"
        raise DerError(message)
    if bytes(fields[has_version][1]) != bytes(algorithm):
        message = "the signature algorithms inside and outside of what was signed differ"
        raise DerError(message)
    issuer = encode(SEQUENCE, bytes(fields[has_version + _ISSUER][1]))
    canonical_name(issuer)
    extensions, repeated = _read_extensions(bytes(fields[-1][1])) if fields[-1][0] == _EXTENSIONS else ({}, None)
    problem = None
    if has_version and fields[0][1] != _VERSION_2:
        problem = f"the CRL states another version than 2 (version 1 is not stated in DER): {_SET_VERSION_2}"
    elif extensions and not has_version:
        problem = f"the CRL is of version 1, but has extensions, which version 2 introduced: {_SET_VERSION_2}"
    elif repeated is not None:
        problem = f"the extension {repeated} of the CRL occurs twice"
    after_issuer = sum(map(_length, fields[: has_version + _ISSUER + 1]))
    end = len(tbs) - (_length(fields[-1]) if fields[-1][0] == _EXTENSIONS else 0)
    start = len(view) - sum(map(_length, parts))
    return CrlFields(
        view[start : start + _length(parts[0])],
        encode(SEQUENCE, bytes(algorithm)),
        read_bit_string(bytes(signature)),
        issuer,
        _read_number(extensions),
        extensions,
        tbs[after_issuer:end],
        problem,
    )


def load_entries(encoded: bytes, fields: CrlFields) -> tuple[x509.CertificateRevocationList, bool]:
    """Return cryptography's object, for entries and dates, and whether dates and flags of all entries are in DER.

    Raises ValueError and others if the rest of the entries, or the dates of the CRL, cannot be read.
    """
    try:
        return x509.load_der_x509_crl(encoded), True
    except (ValueError, x509.InvalidVersion):
        # Each of the following copies the CRL, so it is done only for one that is unusual.
        pass
    try:
        return _load(fields.dates_and_entries), True
    except ValueError:
        # One with a million entries would delay the start by seconds, and so the clients of all CAs.
        if len(fields.dates_and_entries) > LARGEST_UNUSUAL:
            raise
    return _load(*_with_usual_entries(fields.dates_and_entries)), False


def _load(*dates_and_entries: bytes | bytearray | memoryview) -> x509.CertificateRevocationList:
    to_be_signed = (_BEFORE_DATES, *dates_and_entries)
    parts = (header(SEQUENCE, sum(map(len, to_be_signed))), *to_be_signed, _ALGORITHM_AND_NO_SIGNATURE)
    return x509.load_der_x509_crl(b"".join((header(SEQUENCE, sum(map(len, parts))), *parts)))


def _with_usual_entries(dates_and_entries: memoryview) -> Iterator[bytes | bytearray]:
    """Yield the parts of dates and entries, the entries as cryptography accepts them."""
    for tag, content in _elements(dates_and_entries):
        if tag != SEQUENCE:
            yield encode(tag, bytes(content))
            continue
        # There may be a million: a list of them would take several times as much memory as the CRL.
        entries = bytearray()
        for entry in _each_element(content):
            entries += _usual_entry(entry)
        yield header(SEQUENCE, len(entries))
        yield entries


def _usual_entry(entry: tuple[int, memoryview]) -> bytes:
    """Return an entry with another date, and without the flags of critical extensions."""
    parts = []
    for tag, content in _elements(entry[1]):
        if tag in {UTC_TIME, GENERALIZED_TIME}:
            parts.append(_DATE)
        elif tag == SEQUENCE and _FLAG in bytes(content):  # looking for it first saves half of the time
            parts.append(encode(SEQUENCE, b"".join(map(_usual_extension, _each_element(content)))))
        else:
            parts.append(encode(tag, bytes(content)))
    return encode(entry[0], b"".join(parts))


def _usual_extension(extension: tuple[int, memoryview]) -> bytes:
    parts = (encode(tag, bytes(content)) for tag, content in _elements(extension[1]) if tag != BOOLEAN)
    return encode(extension[0], b"".join(parts))


def _read_number(extensions: dict[str, Extension]) -> int | None:
    """Return the CRL number (RFC 5280 §5.2.3), which has at most 20 octets; None if it is absent or invalid."""
    if CRL_NUMBER not in extensions:
        return None
    try:
        number = read_integer(read_element(extensions[CRL_NUMBER][1], INTEGER))
    except DerError:
        return None
    return number if 0 <= number < 1 << 8 * _LONGEST_NUMBER else None


def _read_extensions(content: bytes) -> tuple[dict[str, Extension], str | None]:
    """Return the extensions, and the OID of one that occurs twice."""
    repeated = None
    extensions: dict[str, Extension] = {}
    for each in read_sequence_of(content, SEQUENCE):
        # Not from the cache, which is for the extensions that certificates of one CA have in common.
        oid, (critical, value) = read_extension.__wrapped__(each)
        if oid in extensions:
            repeated, value = oid, b""
        extensions[oid] = (critical, value)
    return extensions, repeated


def _content(view: memoryview) -> memoryview:
    """Return the content of exactly one SEQUENCE. Raises DerError."""
    first = next(_each_element(view), None)
    if first is not None and first[0] == SEQUENCE and _length(first) < len(view):
        message = "something follows the CRL, such as a line end"
        raise DerError(message)
    elements = _elements(view)
    if [tag for tag, _ in elements] != [SEQUENCE]:
        message = f"not a CRL: expected one SEQUENCE, found {_describe(elements)}"
        raise DerError(message)
    return elements[0][1]


def _elements(view: memoryview) -> list[tuple[int, memoryview]]:
    """Return the tags and contents of a few elements, without copying. Raises DerError.

    ``read_elements`` would make millions of objects for an element that contains millions of others.
    """
    elements = list(islice(_each_element(view), _MOST_ELEMENTS + 1))
    if len(elements) > _MOST_ELEMENTS:
        message = f"not a CRL: an element contains more than {_MOST_ELEMENTS} others"
        raise DerError(message)
    return elements


def _each_element(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the tags and contents of any number of elements, without copying. Raises DerError."""
    start = 0
    while start < len(view):
        first = view[start + 1] if start + 1 < len(view) else 0
        content_start = start + 2 + max(0, first - _LONG_FORM)
        length = int.from_bytes(view[start + 2 : content_start]) if first > _LONG_FORM else first
        end = content_start + length
        # A length has only one encoding in DER (X.690 §10.1).
        if view[start:content_start] != header(view[start], length) or end > len(view):
            message = "not a CRL: an element is longer than the element that contains it, or its length is not in DER"
            raise DerError(message)
        yield view[start], view[content_start:end]
        start = end


def _describe(elements: list[tuple[int, memoryview]]) -> str:
    return describe([tag for tag, _ in elements])


def _length(element: tuple[int, memoryview]) -> int:
    """Return how many octets an element has, with its tag and its length."""
    tag, content = element
    return len(header(tag, len(content))) + len(content)
