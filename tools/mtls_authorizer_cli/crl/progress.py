"""A bar that shows the progress of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

_BAR_WIDTH = 40
_ENTRIES_PER_STEP = 5000


class Progress:
    """A bar on a terminal's standard error; on anything else, nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()

    def show(self, step: str, fraction: float) -> None:
        """Draw the bar for a step, at a fraction of all of them."""
        if self._shown:
            filled = round(_BAR_WIDTH * min(1, fraction))
            bar = "#" * filled + "." * (_BAR_WIDTH - filled)
            self._stream.write(f"\r\x1b[K[{bar}] {step}")
            self._stream.flush()

    def clear(self) -> None:
        """Remove the bar."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def watch(self, serial_numbers: Iterable[int], expected: int) -> Iterator[int]:
        """Pass serial numbers through, and show how many of the expected ones have passed."""
        for count, serial_number in enumerate(serial_numbers):
            if count % _ENTRIES_PER_STEP == 0:
                self.show(f"{count:,} of {expected:,} serial numbers", count / max(expected, 1))
            yield serial_number
        self.show("writing", 1)
