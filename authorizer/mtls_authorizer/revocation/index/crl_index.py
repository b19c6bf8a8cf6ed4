"""A revocation list in the form of its index: a lookup is a bisection over bytes."""

from __future__ import annotations

from bisect import bisect_right
from operator import lt

from client_certificate_auth.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from mtls_authorizer.revocation.crl.scope import CrlScope

_SAMPLES = 1024


class Header(NamedTuple):
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


class CrlIndex:
    """A revocation list as its index represents it: a ``RevocationList``.

    It searches ``content``, where the entries begin at ``start``, and copies nothing. It does not say whether the list
    may be used: see the format.
    """

    defect = None
    """A CRL that proves no certificate good is not indexed."""

    is_complete = True
    base = None

    source_version: str | None
    """The version of the stored CRL that the index was made from, if that was known: its ETag in S3."""

    def __init__(self, header: Header, scope: CrlScope, content: bytes, start: int) -> None:
        self.issuer = header.issuer
        self.key_identifier = header.key_identifier
        self.distribution_point = header.distribution_point
        self.source_version = header.source_version
        self.scope = scope
        self.signer = header.signer.hex()
        self.number = header.number
        self.this_update = header.this_update
        self.next_update = header.next_update
        self.digest = header.digest.hex()
        self.size = len(content)
        self._width = header.width
        self._count = header.entries
        self._content = content
        self._start = start
        self._step = max(1, header.entries // _SAMPLES)
        # A lookup begins with these: the rest of the search is half as long, and touches less memory.
        self._samples = [self._entry(place) for place in range(0, header.entries, self._step)]

    def is_revoked(self, serial_number: int) -> bool:
        """Return whether the list contains a serial number, of any sign and length."""
        try:
            entry = encode_entry(serial_number, self._width)
        except OverflowError:  # longer than the longest one in the list
            return False
        low = (bisect_right(self._samples, entry) - 1) * self._step
        if low < 0:
            return False
        # No call in each step: it would take longer than everything else.
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

    def is_in_order(self) -> bool:
        """Return whether evenly spread samples and the last entry are strictly ascending."""
        samples = self._samples[:]
        if (self._count - 1) % self._step:
            samples.append(self._entry(self._count - 1))
        return all(map(lt, samples, samples[1:]))

    def _entry(self, place: int) -> bytes:
        start = self._start + place * self._width
        return self._content[start : start + self._width]


def entry_width(serial_number: int) -> int:
    """Return the number of bytes of a serial number in two's complement."""
    return max(serial_number, ~serial_number).bit_length() // 8 + 1


def encode_entry(serial_number: int, width: int) -> bytes:
    """Return the entry of a serial number. Raises OverflowError for one of more than ``width`` bytes."""
    return (serial_number + (1 << (8 * width - 1))).to_bytes(width)
