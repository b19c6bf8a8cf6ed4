"""The compact index of a revocation list: what is asked of the list, in a form that needs no parsing.

A CRL of a million entries takes most of a second to turn into something that can be looked up in. Its index is bytes
that are read and then searched where they lie: no object is made of an entry, and nothing is copied. All numbers are
big-endian::

    offset  bytes
    0       8      magic: 89 43 52 4C 49 44 58 0A
    8       2      version of the format, 1
    10      1      width of an entry, 1 to 255
    11      8      number of entries
    19      8      thisUpdate: seconds since 1970-01-01T00:00:00Z, signed
    27      8      nextUpdate likewise; -2**63 where the CRL has none
    35      1      1 where the CRL has a number, else 0
    36      20     CRL number (RFC 5280 §5.2.3), or 0
    56      32     SHA-256 of the CRL's DER
    88      32     SHA-256 of the SubjectPublicKeyInfo of the CA whose key verified the CRL
    120     4      length of the issuer
    124     …      issuer: the DER of its Name
            …      entries, each of the width, strictly ascending
            16     checksum of all bytes before it

**Entries.** A serial number is an INTEGER of any sign and length: RFC 5280 §4.1.2.2 wants positive ones of at most 20
bytes, and asks to be prepared for others. An entry is the number plus 2**(8 * width - 1), so that bytes compare as the
numbers do, negative ones included. The width is that of the longest number in two's complement: 20 bytes for what the
RFC allows. The limit of 255 is no number that a CA gives out, and keeps one entry from blowing up all others.

**What is checked.** Reading checks everything in the header, the length to the byte, and the checksum, which finds any
index that is torn, truncated or damaged. The order is sampled: that of a small index is checked whole. More would take
longer than all the rest, and what it would find besides a fault of `write_index` is an index that somebody made on
purpose. They could leave out a serial number just as well.

**What isn't.** The index is not signed by the CA. Its checksum tells whether it is whole, not where it is from. It is
to be trusted because nobody but the indexer may write it, which is for the bucket's permissions to say, and because
the indexer verifies the CRL. Whoever reads it still has to check that signer and issuer are a CA of the truststore,
that the dates are in order, and that it isn't older than the list in force: as for the CRL.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from operator import lt
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.poly1305 import Poly1305

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mtls_authorizer.revocation.status import RevocationList

# The first byte isn't ASCII and the last is a line feed: what takes the file for text damages it here already.
MAGIC = b"\x89CRLIDX\n"
"""What every index begins with, and no CRL does."""

_VERSION = 1
_FIXED = struct.Struct(">8sHBQqq?20s32s32sI")
_NO_NEXT_UPDATE = -(2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDEST = 255
_NUMBER_LENGTH = 20

# Poly1305 (RFC 8439 §2.5) under a key that is no secret is a checksum of 128 bits. SHA-256 would tell no more about who
# made an index, and would take three times as long where the processor has instructions for it, ten times where it
# hasn't: more than all the rest of loading.
_CHECKSUM_KEY = b"checksum of an index; no secret."
_CHECKSUM_LENGTH = 16

_SAMPLES = 1024


class CrlIndexError(ValueError):
    """What was read isn't an index that is whole, or there can be no index of a revocation list."""


class IndexedRevocationList:
    """A revocation list as its index has it. A lookup takes a bisection over the index's bytes.

    ``issuer`` is the DER of a Name, ``signer`` the SHA-256 (hex) of a SubjectPublicKeyInfo, ``digest`` that of the
    CRL's DER; the dates are aware. None of it says that the list may be used: see the module.
    """

    __slots__ = (
        "_content",
        "_count",
        "_samples",
        "_start",
        "_step",
        "_width",
        "digest",
        "issuer",
        "next_update",
        "number",
        "signer",
        "this_update",
    )

    def __init__(self, header: Header, content: bytes, start: int) -> None:
        self.issuer = header.issuer
        self.signer = header.signer.hex()
        self.number = header.number
        self.this_update = header.this_update
        self.next_update = header.next_update
        self.digest = header.digest.hex()
        self._width = header.width
        self._count = header.entries
        self._content = content
        self._start = start
        self._step = max(1, header.entries // _SAMPLES)
        # A lookup begins with these. The rest of the way is half as long, and touches less memory.
        self._samples = [self._entry(place) for place in range(0, header.entries, self._step)]

    def __len__(self) -> int:
        """Return the number of serial numbers."""
        return self._count

    def is_revoked(self, serial_number: int) -> bool:
        """Return whether a serial number, of any sign and length, is in the list."""
        try:
            entry = _encode(serial_number, self._width)
        except OverflowError:  # longer than the longest that is in the list
            return False
        low = (bisect_right(self._samples, entry) - 1) * self._step
        if low < 0:
            return False
        # Not a call for each step: it would take longer than all the rest.
        content, start, width = self._content, self._start, self._width
        high = min(low + self._step, self._count)
        while high - low > 1:
            middle = (low + high) >> 1
            place = start + middle * width
            if content[place : place + width] <= entry:
                low = middle
            else:
                high = middle
        return self._entry(low) == entry

    def serial_numbers(self) -> Iterator[int]:
        """Yield all serial numbers, ascending."""
        offset = _offset(self._width)
        return (int.from_bytes(self._entry(place)) - offset for place in range(self._count))

    def is_in_order(self) -> bool:
        """Return whether entries are strictly ascending, as far as evenly spread samples and the last entry tell."""
        samples = self._samples[:]
        if (self._count - 1) % self._step:
            samples.append(self._entry(self._count - 1))
        return all(map(lt, samples, samples[1:]))

    def _entry(self, place: int) -> bytes:
        start = self._start + place * self._width
        return self._content[start : start + self._width]


class Header(NamedTuple):
    """What an index says of its list; the digests are bytes."""

    issuer: bytes
    signer: bytes
    number: int | None
    this_update: datetime
    next_update: datetime | None
    digest: bytes
    width: int
    entries: int


def write_index(revocation_list: RevocationList, serial_numbers: Iterable[int] | None = None) -> bytes:
    """Return the index of a revocation list, which the caller has verified.

    ``serial_numbers`` are those of the list, for a caller who wants to watch them go by. Raises CrlIndexError for a
    serial number of more than 255 bytes.
    """
    numbers = sorted(set(revocation_list.serial_numbers() if serial_numbers is None else serial_numbers))
    # The longest are at the ends.
    width = max(map(_length, (*numbers[:1], *numbers[-1:])), default=1)
    if width > _WIDEST:
        message = f"a serial number of the revocation list takes {width} bytes; an index has room for {_WIDEST}"
        raise CrlIndexError(message)
    header = Header(
        revocation_list.issuer,
        bytes.fromhex(revocation_list.signer),
        revocation_list.number,
        revocation_list.this_update,
        revocation_list.next_update,
        bytes.fromhex(revocation_list.digest),
        width,
        len(numbers),
    )
    body = _pack(header) + b"".join(_encode(number, width) for number in numbers)
    return body + _checksum(body)


def read_index(content: bytes) -> IndexedRevocationList:
    """Return the revocation list that an index holds; it keeps ``content``, and makes no copy.

    Raises CrlIndexError for everything that isn't an index of this version, whole to the byte. Whether the list may
    be used is not said by that: see the module.
    """
    header, start = _unpack(content)
    end = start + header.entries * header.width
    if len(content) != end + _CHECKSUM_LENGTH:
        message = f"the index has {len(content)} bytes, and its header makes it {end + _CHECKSUM_LENGTH}"
        raise CrlIndexError(message)
    if _checksum(memoryview(content)[:end]) != content[end:]:
        message = "the index is damaged: its checksum is another one"
        raise CrlIndexError(message)
    try:
        x509.Name.from_bytes(header.issuer)
    except Exception as error:
        # cryptography raises ValueError, TypeError and whatever else comes up.
        message = "the index has an issuer that is no Name"
        raise CrlIndexError(message) from error
    revocation_list = IndexedRevocationList(header, content, start)
    if not revocation_list.is_in_order():
        message = "the index is not sorted"
        raise CrlIndexError(message)
    return revocation_list


def _pack(header: Header) -> bytes:
    fixed = _FIXED.pack(
        MAGIC,
        _VERSION,
        header.width,
        header.entries,
        _seconds(header.this_update),
        _NO_NEXT_UPDATE if header.next_update is None else _seconds(header.next_update),
        header.number is not None,
        (header.number or 0).to_bytes(_NUMBER_LENGTH),
        header.digest,
        header.signer,
        len(header.issuer),
    )
    return fixed + header.issuer


def _unpack(content: bytes) -> tuple[Header, int]:
    """Return the header and where the entries start. Raises CrlIndexError."""
    if content[: len(MAGIC)] != MAGIC:
        message = "this is no index of a revocation list"
        raise CrlIndexError(message)
    try:
        fields = _FIXED.unpack_from(content)
    except struct.error as error:
        message = "the index ends in its header"
        raise CrlIndexError(message) from error
    _, version, width, entries, this_update, next_update, has_number, number, digest, signer, length = fields
    if version != _VERSION:
        message = f"the index has version {version} of the format; this program reads version {_VERSION}"
        raise CrlIndexError(message)
    start = _FIXED.size + length
    try:
        header = Header(
            content[_FIXED.size : start],
            signer,
            int.from_bytes(number) if has_number else None,
            _time(this_update),
            None if next_update == _NO_NEXT_UPDATE else _time(next_update),
            digest,
            width,
            entries,
        )
    except OverflowError as error:
        message = "the index has a date outside the years 1 to 9999"
        raise CrlIndexError(message) from error
    # There is one way to write a header: a CRL number where it says there is none, say, is not write_index's.
    if not width or _pack(header) != content[:start]:
        message = "the index has a header that no index has"
        raise CrlIndexError(message)
    return header, start


def _length(number: int) -> int:
    """Return how many bytes a number takes in two's complement."""
    return (number if number >= 0 else ~number).bit_length() // 8 + 1


def _offset(width: int) -> int:
    return 1 << (8 * width - 1)


def _encode(serial_number: int, width: int) -> bytes:
    """Return an entry. Raises OverflowError for a number that takes more than ``width`` bytes."""
    return (serial_number + _offset(width)).to_bytes(width)


def _seconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(seconds=1)


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _checksum(content: bytes | memoryview) -> bytes:
    return Poly1305.generate_tag(_CHECKSUM_KEY, content)
