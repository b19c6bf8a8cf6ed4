"""The format of an index: the serial numbers of a CRL in a form that is searched without parsing it.

Parsing a CRL of a million entries takes most of a second. Its index is searched as bytes: no object is created for an
entry, and nothing is copied. All numbers are big-endian::

    offset  bytes
    0       8      magic: 89 43 52 4C 49 44 58 0A
    8       2      version of the format, 2
    10      1      width of an entry, 1 to 255
    11      8      number of entries
    19      8      thisUpdate: seconds since 1970-01-01T00:00:00Z, signed
    27      8      nextUpdate likewise; -2**63 if the CRL has none
    35      1      1 if the CRL has a number, else 0
    36      20     CRL number (RFC 5280 §5.2.3), or 0
    56      32     SHA-256 of the CRL's DER
    88      32     SHA-256 of the SubjectPublicKeyInfo of the CA whose key verified the CRL
    120     16     lengths of the next four, each of 4 bytes; 0 for what the CRL does not have
    136     …      issuer: the DER of its Name
            …      authority key identifier: the value of the extension
            …      issuing distribution point: likewise
            …      version of the stored CRL that was indexed, such as its ETag, in UTF-8
            …      entries, each of the width, strictly ascending
            16     checksum of all bytes before it

**Identity.** An index belongs to the CRL that it was made from, and to no other. The version of the stored CRL shows
without reading it whether it is still the same; the digest shows it if the CRL was stored again or elsewhere.

**Entries.** A serial number is an INTEGER of any sign and length: RFC 5280 §4.1.2.2 requires positive ones of at most
20 bytes, and advises to handle others. An entry is the number plus 2**(8 * width - 1), so that bytes compare as the
numbers do, including negative ones. The width is the length of the longest number in two's complement: 20 bytes if
the RFC is followed. No CA reaches the limit of 255, which prevents one entry from inflating all others.

**Checks.** Reading checks everything in the header, the exact length, and the checksum, which detects every torn,
truncated or damaged index. The order is sampled; that of a small index is checked completely. Complete checks would
take longer than everything else, and find only faults of `write_index` and indexes that were forged, which could leave
out a serial number just as well.

**Trust.** The index is not signed by the CA. Its checksum proves that it is complete, not where it is from. It can be
trusted because only the indexer may write it, which the permissions of the bucket must ensure, and because the indexer
verifies the CRL. The reader must still check that its signer and issuer are a CA of the truststore, that its dates are
valid, and that it is not older than the list in force: as for the CRL.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.der import DerError
from mtls_authorizer.revocation.crl.revocation_list import RevocationList, make_identity
from mtls_authorizer.revocation.crl.scope import COMPLETE, read_crl_scope
from mtls_authorizer.revocation.index.entries import IndexEntries, encode_entry, entry_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# The first byte is not ASCII and the last is a line feed: treating the file as text damages it here already.
_MAGIC = b"\x89CRLIDX\n"
_VERSION = 2
_FIXED = struct.Struct(">8sHBQqq?20s32s32sIIII")
_NO_NEXT_UPDATE = -(2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_WIDTH = 255
_NUMBER_LENGTH = 20

# GMAC (NIST SP 800-38D: AES-GCM without plaintext) with a public key is only a checksum, of 128 bits. Processors have
# instructions for it: it takes a third of Poly1305's time, and a fourteenth of that of SHA-256, which would prove no
# more about the origin of an index.
_CHECKSUM = AESGCM(b"index, no secret")
_CHECKSUM_NONCE = bytes(12)
_CHECKSUM_LENGTH = 16


class _Header(NamedTuple):
    """The fields of an index before its entries; the digests are bytes.

    ``issuer`` is the DER of a Name, ``key_identifier`` and ``distribution_point`` are the values of the extensions of
    the CRL, ``source_version`` is the version of the stored CRL. Absent fields are None.
    """

    issuer: bytes
    signer: bytes
    key_identifier: bytes | None
    distribution_point: bytes | None
    source_version: str | None
    number: int | None
    this_update: datetime
    next_update: datetime | None
    digest: bytes
    width: int
    entries: int


class CrlIndexError(ValueError):
    """The content is not a complete index, or a revocation list cannot be indexed."""


def write_index(
    revocation_list: RevocationList, serial_numbers: Iterable[int], *, source_version: str | None = None
) -> bytes:
    """Return the index of a revocation list, which the caller has verified and found usable.

    ``serial_numbers`` are those of the list, and may be repeated. ``source_version`` is the version of the stored CRL.
    Raises CrlIndexError for a serial number of more than 255 bytes.
    """
    numbers = sorted(set(serial_numbers))
    # The longest ones are at the ends.
    width = max(map(entry_width, (*numbers[:1], *numbers[-1:])), default=1)
    if width > _MAX_WIDTH:
        message = f"a serial number of the revocation list has {width} bytes; an index supports at most {_MAX_WIDTH}"
        raise CrlIndexError(message)
    header = _Header(
        revocation_list.issuer_name,
        bytes.fromhex(revocation_list.identity.issuer.key_fingerprint),
        revocation_list.key_identifier,
        revocation_list.identity.distribution_point,
        source_version,
        revocation_list.number,
        revocation_list.this_update,
        revocation_list.next_update,
        bytes.fromhex(revocation_list.digest),
        width,
        len(numbers),
    )
    content = bytearray(_pack(header))
    # Not joined: millions of entries as separate objects take more memory than the CRL.
    for number in numbers:
        content += encode_entry(number, width)
    content += _checksum(content)
    return bytes(content)


def read_index(content: bytes) -> RevocationList:
    """Return the revocation list that an index contains; it refers to ``content``, and makes no copy.

    Raises CrlIndexError for everything but a complete index of this version. Whether the list may be used is a separate
    question: see *Trust*.
    """
    header, start = _unpack(content)
    end = start + header.entries * header.width
    if len(content) != end + _CHECKSUM_LENGTH:
        message = f"the index has {len(content)} bytes, but by its header {end + _CHECKSUM_LENGTH}"
        raise CrlIndexError(message)
    if _checksum(memoryview(content)[:end]) != content[end:]:
        message = "the index is damaged: its checksum does not match"
        raise CrlIndexError(message)
    try:
        point = header.distribution_point
        identity = make_identity(header.issuer, header.signer.hex(), point)
        scope = COMPLETE if point is None else read_crl_scope(point, header.issuer)
    except DerError as error:
        message = "the issuer in the index is not a Name, or the scope of the CRL cannot be read"
        raise CrlIndexError(message) from error
    entries = IndexEntries(content, start, header.width, header.entries)
    if not entries.is_in_order():
        message = "the index is not sorted"
        raise CrlIndexError(message)
    # It has no defect: a CRL that proves no certificate good is not indexed.
    return RevocationList(
        identity=identity,
        issuer_name=header.issuer,
        key_identifier=header.key_identifier,
        scope=scope,
        number=header.number,
        this_update=header.this_update,
        next_update=header.next_update,
        digest=header.digest.hex(),
        size=len(content),
        is_revoked=entries.is_revoked,
        source_version=header.source_version,
    )


def _pack(header: _Header) -> bytes:
    parts = (
        header.issuer,
        header.key_identifier or b"",
        header.distribution_point or b"",
        (header.source_version or "").encode(),
    )
    fixed = _FIXED.pack(
        _MAGIC,
        _VERSION,
        header.width,
        header.entries,
        _seconds(header.this_update),
        _NO_NEXT_UPDATE if header.next_update is None else _seconds(header.next_update),
        header.number is not None,
        (header.number or 0).to_bytes(_NUMBER_LENGTH),
        header.digest,
        header.signer,
        *map(len, parts),
    )
    return fixed + b"".join(parts)


def _unpack(content: bytes) -> tuple[_Header, int]:
    """Return the header and where the entries start. Raises CrlIndexError."""
    if content[: len(_MAGIC)] != _MAGIC:
        message = "this is not the index of a revocation list"
        raise CrlIndexError(message)
    try:
        fields = _FIXED.unpack_from(content)
    except struct.error as error:
        message = "the index ends in its header"
        raise CrlIndexError(message) from error
    _, version, width, entries, this_update, next_update, has_number, number, digest, signer, *lengths = fields
    if version != _VERSION:
        message = f"the index has version {version} of the format; this program reads version {_VERSION}"
        raise CrlIndexError(message)
    _, issuer_end, identifier_end, point_end, start = accumulate(lengths, initial=_FIXED.size)
    try:
        header = _Header(
            content[_FIXED.size : issuer_end],
            signer,
            content[issuer_end:identifier_end] or None,
            content[identifier_end:point_end] or None,
            content[point_end:start].decode() or None,
            int.from_bytes(number) if has_number else None,
            _time(this_update),
            None if next_update == _NO_NEXT_UPDATE else _time(next_update),
            digest,
            width,
            entries,
        )
    except (OverflowError, UnicodeDecodeError) as error:
        message = "the index has a date outside the years 1 to 9999, or a version that is not UTF-8"
        raise CrlIndexError(message) from error
    # A header has only one encoding: write_index writes no CRL number if it writes that there is none.
    if not width or _pack(header) != content[:start]:
        message = "the index has an invalid header"
        raise CrlIndexError(message)
    return header, start


def _seconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(seconds=1)


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _checksum(content: bytes | bytearray | memoryview) -> bytes:
    return _CHECKSUM.encrypt(_CHECKSUM_NONCE, b"", content)
