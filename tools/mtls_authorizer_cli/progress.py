"""A bar that shows the progress of a command."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Self, TypeVar

from mtls_authorizer_cli.command_line import is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

Item = TypeVar("Item")

_BAR_WIDTH = 40


class Progress:
    """A bar on a terminal, else nothing. It is removed at the end of the context."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Use a stream, by default the standard error."""
        self._stream = stream or sys.stderr
        self._shown = is_terminal(self._stream)
        self._is_drawn = False

    def __enter__(self) -> Self:
        """Return the bar."""
        return self

    def show(self, step: str, fraction: float) -> None:
        """Draw the bar for a step, at a fraction of all of them."""
        if self._shown:
            filled = round(_BAR_WIDTH * min(1, fraction))
            bar = "#" * filled + "." * (_BAR_WIDTH - filled)
            # A line that wraps could not be removed.
            self._stream.write(f"\r\x1b[K{f'[{bar}] {step}'[: self._columns()]}")
            self._stream.flush()
            self._is_drawn = True

    def _columns(self) -> int | None:
        """Return how many columns a line can have; None if that is not known."""
        try:
            return max(0, os.get_terminal_size(self._stream.fileno()).columns - 1) or None
        except (OSError, ValueError):
            return None

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        if self._is_drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def watch(self, items: Iterable[Item], noun: str, expected: int | None = None, *, every: int = 1) -> Iterator[Item]:
        """Pass items through, and show at each multiple of ``every`` how many have passed, of how many if known."""
        for count, item in enumerate(items):
            if count % every == 0:
                of_expected = "" if expected is None else f" of {expected:,}"
                self.show(f"{count:,}{of_expected} {noun}", count / expected if expected else 0)
            yield item
