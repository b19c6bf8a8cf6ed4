"""The clock of intervals, which advances while Lambda freezes the function."""

from __future__ import annotations

import time
from _thread import allocate_lock  # what threading.Lock() calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class IntervalClock:
    """Returns seconds, which never go back, since the clock was created. Thread-safe.

    Between two calls, it advances as much as the monotonic clock or the system's, whichever has advanced more. On
    Lambda, the monotonic clock may stand still while the function is frozen, between two requests. If the system's
    clock is set forward, an interval ends too early. If it is set back, this only matters while the function is frozen.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, system: Callable[[], float] = time.time
    ) -> None:
        self._monotonic, self._system = monotonic, system
        self._last_monotonic, self._last_system = monotonic(), system()
        self._seconds = 0.0
        self._lock = allocate_lock()

    def __call__(self) -> float:
        """Return the current time."""
        with self._lock:
            monotonic, system = self._monotonic(), self._system()
            self._seconds += max(monotonic - self._last_monotonic, system - self._last_system, 0.0)
            self._last_monotonic, self._last_system = monotonic, system
            return self._seconds


elapsed_seconds = IntervalClock()
"""The clock of all intervals."""
