"""The entries of an index: a lookup is a bisection over bytes."""

from __future__ import annotations

from bisect import bisect_right
from operator import lt

_SAMPLES = 1024
_SHORTEST_STEP = 32
"""Between the samples that are kept. Each takes 70 bytes: they must not take much more memory than the entries."""


class IndexEntries:
    """The entries of an index, which begin at ``start``. It searches the bytes of ``content``, and copies nothing."""

    def __init__(self, content: bytes, start: int, width: int, count: int) -> None:
        self._content = content
        self._start = start
        self._width = width
        self._count = count
        self._step = max(_SHORTEST_STEP, count // _SAMPLES)
        # A lookup begins with these: the rest of the search is half as long, and touches less memory.
        self._samples = [self._entry(place) for place in range(0, count, self._step)]

    def is_revoked(self, serial_number: int) -> bool:
        """Return whether an entry is a serial number, of any sign and length."""
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
        """Return whether evenly spread entries, of a small index all, and the last one are strictly ascending."""
        step = max(1, self._count // _SAMPLES)
        entries = [self._entry(place) for place in range(0, self._count, step)]
        if (self._count - 1) % step:
            entries.append(self._entry(self._count - 1))
        return all(map(lt, entries, entries[1:]))

    def _entry(self, place: int) -> bytes:
        start = self._start + place * self._width
        return self._content[start : start + self._width]


def entry_width(serial_number: int) -> int:
    """Return the number of bytes of a serial number in two's complement."""
    return max(serial_number, ~serial_number).bit_length() // 8 + 1


def encode_entry(serial_number: int, width: int) -> bytes:
    """Return the entry of a serial number. Raises OverflowError for one of more than ``width`` bytes."""
    return (serial_number + (1 << (8 * width - 1))).to_bytes(width)
