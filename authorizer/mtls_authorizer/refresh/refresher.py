"""Values made from stored documents, and how they are kept up to date while requests come in."""

from __future__ import annotations

import logging
import math
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from mtls_authorizer.stores.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mtls_authorizer.stores.store import Store

logger = logging.getLogger("mtls_authorizer")

_T = TypeVar("_T")

START_SECONDS = 8.0
"""How long start-up waits for all documents. Lambda gives it 10 seconds."""

WAIT_SECONDS = 2.0
"""How long a request waits for all documents, whatever their stores do."""

RETRY_SECONDS = 10.0
"""How soon after an attempt that left a document without any value the next one is due, if the interval is longer."""

GIVE_UP_SECONDS = 60.0
GIVE_UP_INTERVALS = 3
"""A fetch that takes longer than both is given up on, and another one may begin."""


class InForce(NamedTuple, Generic[_T]):
    """A value, and the version of the document that it was made from. They are replaced together."""

    value: _T
    version: str


class Refreshed(Generic[_T]):
    """A value made from a stored document and kept up to date by a ``Refresher``. The last good one stays in force.

    ``parse`` takes the document's content and the value in force, which is None at first. It raises ValueError for a
    document that must not be used, with a message that can be logged. It runs in a thread of its own and may take long.
    """

    def __init__(self, name: str, store: Store, parse: Callable[[bytes, _T | None], _T]) -> None:
        self.name = name
        self.store = store
        self.in_force: InForce[_T] | None = None
        self.failures = 0
        """How many attempts have failed since the last that didn't."""
        self.all_failures = 0
        """How many have failed in all."""
        self.error: StoreError | ValueError | None = None
        self._parse = parse
        self._takeovers = 0
        self._fetches: list[_Fetch[_T]] = []  # that weren't taken over yet, the newest last

    @property
    def value(self) -> _T | None:
        """The value in force; None before the first success."""
        return None if self.in_force is None else self.in_force.value

    @property
    def version(self) -> str | None:
        """The version of the document that the value was made from."""
        return None if self.in_force is None else self.in_force.version

    @property
    def last_error(self) -> str | None:
        """What was wrong at the last attempt; None where it succeeded."""
        return None if self.error is None else str(self.error)

    # What follows is for Refresher, which calls all but `load` under its lock.

    @property
    def fetches(self) -> Sequence[_Fetch[_T]]:
        """The fetches that weren't taken over yet, the newest last."""
        return self._fetches

    def load(self, in_force: InForce[_T] | None) -> InForce[_T]:
        """Fetch the document and parse it; return what is in force if it is unchanged. Raises whatever they raise."""
        if in_force is None:
            fetched, value = self.store.fetch(None), None
        else:
            fetched, value = self.store.fetch(in_force.version), in_force.value
        if fetched is not None:
            return InForce(self._parse(fetched.content, value), fetched.version)
        if in_force is None:
            raise StoreError(self.store.uri, "the store says that it is unchanged, and it was never fetched")
        return in_force

    def begin(self, now: float, give_up_seconds: float) -> list[_LogRecord]:
        """Begin a fetch, unless one is running that isn't to be given up on yet."""
        records = []
        if self._fetches:
            running = self._fetches[-1]
            if now - running.began < give_up_seconds:
                return []
            records = self.fail(running, StoreError(self.store.uri, f"no end of it in {give_up_seconds:g} s"))
        fetch = _Fetch(self, self.in_force, self._takeovers, now)
        self._fetches.append(fetch)
        fetch.start()
        return records

    def take_over(self) -> list[_LogRecord]:
        """Take over what has come in, the newest first."""
        records = []
        for fetch in [fetch for fetch in reversed(self._fetches) if fetch.finished.is_set()]:
            self._fetches.remove(fetch)
            records += self._succeed(fetch) if fetch.error is None else self.fail(fetch, fetch.error)
        return records

    def forget(self) -> None:
        """Don't take over anything from the fetches that are running."""
        self._fetches.clear()

    def fail(self, fetch: _Fetch[_T], error: StoreError | ValueError) -> list[_LogRecord]:
        """Record that an attempt has failed: once for each."""
        if fetch.failed:
            return []
        fetch.failed = True
        self.failures += 1
        self.all_failures += 1
        self.error = error
        fields = {"error": str(error), "version_in_force": self.version, "refresh_failures": 1}
        return [self._record(logging.ERROR, "document refresh failed", fields)]

    def _succeed(self, fetch: _Fetch[_T]) -> list[_LogRecord]:
        # A fetch that was given up on can end after the next one. And a value was held against the one in force when
        # its fetch began (is this revocation list newer?), which says nothing of another one.
        if fetch.takeovers != self._takeovers or fetch.result is None:
            return []
        self._takeovers += 1
        records = []
        if self.failures:
            fields = {"version": fetch.result.version, "failed_attempts": self.failures}
            records.append(self._record(logging.INFO, "document refresh recovered", fields))
        self.failures = 0
        self.error = None
        if fetch.result is not self.in_force:
            fields = {"version": fetch.result.version, "previous_version": self.version}
            records.append(self._record(logging.INFO, "document loaded", fields))
            self.in_force = fetch.result
        return records

    def _record(self, level: int, message: str, fields: Mapping[str, object]) -> _LogRecord:
        return _LogRecord(level, message, {"document": self.name, "uri": self.store.uri, **fields})


class _LogRecord(NamedTuple):
    """What there is to log. Messages are a closed set; what stores and parsers say is in fields only."""

    level: int
    message: str
    fields: Mapping[str, object]


class _Fetch(Generic[_T]):
    """One attempt to have a document and make a value of it, in a thread of its own."""

    def __init__(self, document: Refreshed[_T], in_force: InForce[_T] | None, takeovers: int, began: float) -> None:
        self.began = began
        self.takeovers = takeovers
        self.failed = False
        """Whether it was recorded as failed, which a fetch that takes too long is before it ends."""
        self.finished = threading.Event()
        self.result: InForce[_T] | None = None
        self.error: StoreError | ValueError | None = None
        self._document = document
        self._in_force = in_force

    def start(self) -> None:
        """Start the thread. Failing to do so is a failure like any other."""
        try:
            threading.Thread(target=self._run, name=f"refresh {self._document.name}", daemon=True).start()
        except RuntimeError:
            self.error = StoreError(self._document.store.uri, "no thread can be started to fetch it")
            self.finished.set()

    def _run(self) -> None:
        # Errors are kept without the frames that they come from, which hold the document: it can be large.
        uri = self._document.store.uri
        try:
            self.result = self._document.load(self._in_force)
        except StoreError as error:
            error.__context__ = None
            self.error = error.with_traceback(None)
        except ValueError as error:
            self.error = ValueError(f"{uri}: {error}")
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it must not pass for success, nor end unseen
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.error = StoreError(uri, f"unforeseen {type(error).__name__} at {place.name}, line {place.lineno}")
        finally:
            self.finished.set()


class Refresher:
    """Keeps documents up to date: at most once an interval, in threads, without letting a request wait for long.

    Safe to call from several threads. ``clock`` gives seconds that never go back.
    """

    def __init__(
        self,
        documents: Sequence[Refreshed[Any]],
        interval_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        wait_seconds: float = WAIT_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._documents = documents
        self._interval_seconds = interval_seconds
        self._give_up_seconds = max(GIVE_UP_SECONDS, GIVE_UP_INTERVALS * interval_seconds)
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._start_seconds = start_seconds
        self._lock = threading.Lock()  # held for moments only: nobody waits for a store, or a log, with it
        self._due_at = -math.inf
        self._changed = False

    def start(self) -> None:
        """Load all documents, in parallel. Raises the StoreError or ValueError of the first that has no value then.

        The ValueError is the parser's, with the document's URI before its message. Failures are logged, too.
        """
        self.start_leniently()
        for document in self._documents:
            if document.in_force is None and document.error is not None:
                raise document.error

    def start_leniently(self) -> None:
        """Do as ``start``, but only record and log what fails. What is late is taken over by a later refresh."""
        self._refresh(self._start_seconds)
        with self._lock:
            records = []
            for document in self._documents:
                if document.in_force is None and document.fetches:
                    late = StoreError(document.store.uri, f"not loaded within {self._start_seconds:g} s")
                    records += document.fail(document.fetches[-1], late)
            self._changed = False
        _log(records)

    def refresh_if_due(self) -> bool:
        """Return whether any value has changed since the last call. Never raises.

        Where the interval is over, the documents are fetched, in parallel, and waited for: ``wait_seconds`` at most in
        all. A fetch that takes longer goes on, and a later call takes over what it brings. One document is never
        fetched twice at a time, except that a fetch that doesn't end is given up on after a while.
        """
        pending = any(document.fetches for document in self._documents)
        if not pending and not self._changed and self._clock() < self._due_at:
            return False
        self._refresh(self._wait_seconds)
        with self._lock:
            changed, self._changed = self._changed, False
        return changed

    def refresh_now(self) -> None:
        """Refresh as if it were due, and wait as long as at the start. For after a restore from a snapshot.

        What has changed is told by the next ``refresh_if_due``.
        """
        self.expire()
        self._refresh(self._start_seconds)

    def expire(self) -> None:
        """Have the next ``refresh_if_due`` fetch all documents, without regard to fetches that are running.

        For when what documents are checked against has changed, or is from another time.
        """
        with self._lock:
            for document in self._documents:
                document.forget()
            self._due_at = -math.inf

    def _refresh(self, wait_seconds: float) -> None:
        now = self._clock()
        running: list[_Fetch[Any]] = []
        with self._lock:
            records = self._take_over()
            if now >= self._due_at:
                # From here on, until the interval is over, nobody else begins a fetch or waits for one.
                self._due_at = now + self._interval_seconds
                for document in self._documents:
                    records += document.begin(now, self._give_up_seconds)
                    running.append(document.fetches[-1])
        if running:
            _wait(running, wait_seconds)
            with self._lock:
                records += self._take_over()
                if any(document.in_force is None for document in self._documents):
                    self._due_at = min(self._due_at, now + RETRY_SECONDS)
        _log(records)

    def _take_over(self) -> list[_LogRecord]:
        records = []
        for document in self._documents:
            before = document.in_force
            records += document.take_over()
            self._changed = self._changed or document.in_force is not before
        return records


def _wait(fetches: Iterable[_Fetch[Any]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for fetch in fetches:
        fetch.finished.wait(max(0.0, deadline - time.monotonic()))


def _log(records: Iterable[_LogRecord]) -> None:
    for record in records:
        logger.log(record.level, record.message, extra=record.fields)
