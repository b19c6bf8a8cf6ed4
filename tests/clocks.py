"""Time in tests: a clock that tests set, and waiting for something to happen."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 60.0
"""Seconds: a bound for tests that hang. Nothing that is expected to happen takes as long."""


class Clock:
    """A clock of seconds that advances when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true that depends on other processes or on servers."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def join_attempts(*, but: threading.Thread | None = None) -> None:
    """Wait until the threads that load documents have ended, but for one."""
    # Not threading.enumerate(): it lacks threads that are about to end, but still alive. The copy of the set in the
    # WeakSet is atomic, so that other threads may begin more.
    threads = (refer() for refer in threading._dangling.data.copy())  # type: ignore[attr-defined]  # noqa: SLF001 -- see above
    for thread in threads:
        if thread is not None and thread is not but and thread.name.startswith("refresh ") and thread.is_alive():
            thread.join(LONG)
            assert not thread.is_alive()
