"""Keeps documents up to date while requests are served."""

from __future__ import annotations

import math
import threading
import time

from mtls_authorizer.clock import elapsed_seconds
from mtls_authorizer.log import get_logger
from mtls_authorizer.stores.store import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from typing import Any

    from mtls_authorizer.refresh.document import AnyDocument, Attempt, PendingRecord

logger = get_logger()

RETRY_SECONDS = 10.0
"""The time until the next attempt if a document has no value yet or is urgent, and the interval is longer."""

GIVE_UP_SECONDS = 60.0
GIVE_UP_INTERVALS = 3
"""An attempt that takes longer than both has failed, and another one may begin."""


class Refresher:
    """Reloads documents at most once an interval, in threads, with a bounded delay for requests. Thread-safe.

    The start waits for all documents for at most ``start_seconds``, a request for at most ``wait_seconds``. ``clock``
    returns seconds and never goes back.
    """

    def __init__(
        self,
        documents: Sequence[AnyDocument],
        interval_seconds: float,
        *,
        start_seconds: float = 0,
        wait_seconds: float = 0,
        clock: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self._documents = documents
        self._interval_seconds = interval_seconds
        self._give_up_seconds = max(GIVE_UP_SECONDS, GIVE_UP_INTERVALS * interval_seconds)
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._start_seconds = start_seconds
        self._lock = threading.Lock()  # held briefly: never while waiting for a store or a log
        self._due_at = -math.inf
        self._began_at = -math.inf
        self._stale_since: datetime | None = None

    def start(self, required: Iterable[AnyDocument] = ()) -> None:
        """Load all documents, in parallel. Failures are logged; a later refresh collects late results.

        Raises the StoreError or ValueError of the first required document without a value. The message begins with the
        URI of the document.
        """
        self._refresh(self._start_seconds)
        with self._lock:
            records = []
            for document in self._documents:
                if document.in_force is None and document.attempts:
                    late = StoreError(document.loader.uri, f"not loaded within {self._start_seconds:g} s")
                    records += document.fail(document.attempts[-1], late)
        _log(records)
        for document in required:
            if document.in_force is None and document.error is not None:
                raise document.error

    def refresh_if_due(self) -> None:
        """Refresh the documents if they are due, and collect late results. Raises nothing.

        Once an interval, it loads the documents in parallel, and waits for at most ``wait_seconds`` altogether. An
        attempt that takes longer continues, and a later call collects its result. A document is never loaded twice at
        the same time, unless an attempt has been given up, or ignored by ``restart``.
        """
        if self.is_due() or any(document.attempts for document in self._documents):
            self._refresh(self._wait_seconds)

    @property
    def states(self) -> list[tuple[object, bool]]:
        """The states of the documents: the values in force, and whether what is stored now is invalid."""
        return [document.state for document in self._documents]

    @property
    def total_failures(self) -> int:
        """The number of all failed attempts."""
        return sum(document.total_failures for document in self._documents)

    def restore(self) -> None:
        """Load everything again after a snapshot was restored. Waits for at most ``start_seconds``.

        Resets every loader first, and ignores attempts from before the snapshot, so that no old state is considered
        recent.
        """
        for document in self._documents:
            document.loader.reset()
        self.restart()
        self._refresh(self._start_seconds)

    def is_due(self) -> bool:
        """Return whether a refresh would begin to load a document."""
        return self._clock() >= self._due_at or self._is_any_late()

    def restart(self) -> None:
        """Make all documents due, and ignore the attempts that are running.

        For documents that are checked against another document, such as CRLs against the truststore, when it changes.
        """
        with self._lock:
            for document in self._documents:
                document.abandon()
            self._due_at = self._began_at = -math.inf

    def make_due(self, stale_since: datetime | None) -> None:
        """Make all documents due: at once if a value became stale later than any before, or after RETRY_SECONDS.

        These begin with the last attempt. For use when a value in force can no longer be used, and its successor may
        already be stored. A value that became stale earlier, because the time was put back or a later one was replaced,
        is no reason to hurry again; None if none became stale just now.
        """
        with self._lock:
            now = self._clock()
            is_later = stale_since is not None and (self._stale_since is None or stale_since > self._stale_since)
            if is_later or now >= self._began_at + RETRY_SECONDS:
                self._due_at = min(self._due_at, now)
            if is_later:
                self._stale_since = stale_since

    def _refresh(self, wait_seconds: float) -> None:
        deadline = time.monotonic() + wait_seconds
        self._load_due(deadline)
        if self._is_any_late():
            # The same request loads the document again.
            self._load_due(deadline)

    def _load_due(self, deadline: float) -> None:
        """Begin the attempts that are due, and wait for them until the monotonic clock shows the deadline."""
        running = self._begin()
        if running:
            _wait(running, deadline - time.monotonic())
            self._end()

    def _begin(self) -> list[Attempt[Any, Any]]:
        """Collect finished attempts, and begin those that are due. Return the ones that were begun."""
        running: list[Attempt[Any, Any]] = []
        with self._lock:
            # Read under the lock: otherwise, a thread that waits for it can begin an attempt in the past.
            now = self._clock()
            records = self._collect()
            # Only these: others that are still running would be late in turn, and slow ones be loaded all the time.
            due = [document for document in self._documents if document.is_late]
            if now >= self._due_at:
                # Until the interval is over, no other thread begins an attempt or waits for one.
                self._began_at = now
                self._due_at = now + self._interval_seconds
                due = list(self._documents)
            for document in due:
                records += document.begin(now, self._give_up_seconds)
                running.append(document.attempts[-1])
        _log(records)
        return running

    def _end(self) -> None:
        """Collect the attempts that finished while a thread waited for them."""
        with self._lock:
            records = self._collect()
            if any(document.in_force is None for document in self._documents):
                self._due_at = min(self._due_at, self._clock() + RETRY_SECONDS)
        _log(records)

    def _to_wait_for(self) -> list[Attempt[Any, Any]]:
        """Return the attempts for documents without a value. After a restart or late results, begin them again."""
        with self._lock:
            begins = self._due_at == -math.inf or self._is_any_late()
            running = [each.attempts[-1] for each in self._documents if each.attempts and not each.in_force]
        # Another thread may have begun in the meantime.
        return (self._begin() or self._to_wait_for()) if begins else running

    def _collect(self) -> list[PendingRecord]:
        return [record for document in self._documents for record in document.collect()]

    def _is_any_late(self) -> bool:
        return any(document.is_late for document in self._documents)


def refresh_together(refreshers: Sequence[Refresher], wait_seconds: float) -> bool:
    """Load the documents of several refreshers that are due, in parallel. Return whether any state has changed.

    Waits for at most ``wait_seconds`` altogether, also for documents without a value that another thread is loading.
    Raises nothing.
    """
    before = [each.states for each in refreshers]
    deadline = time.monotonic() + wait_seconds
    waiting = [(each, each._begin() or each._to_wait_for()) for each in refreshers]  # noqa: SLF001 -- of this module
    while any(running for _, running in waiting):
        _wait([attempt for _, running in waiting for attempt in running], deadline - time.monotonic())
        for refresher, running in waiting:
            if running:
                refresher._end()  # noqa: SLF001 -- likewise
        if time.monotonic() >= deadline:
            break
        # Another thread may have restarted a refresher, so that the result of the attempt was ignored, or it was late.
        waiting = [(each, each._to_wait_for()) for each in refreshers]  # noqa: SLF001 -- likewise
    return [each.states for each in refreshers] != before


def _wait(attempts: Iterable[Attempt[Any, Any]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for attempt in attempts:
        attempt.wait(max(0.0, deadline - time.monotonic()))


def _log(records: Iterable[PendingRecord]) -> None:
    for record in records:
        logger.log(record.level, record.message, extra=record.fields)
