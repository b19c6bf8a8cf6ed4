"""One document that is kept up to date: the value in force, the attempts to replace it, and their log records."""

from __future__ import annotations

import logging
import math
import threading
import traceback
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.stores.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.refresh.loader import Loaded, Loader

T = TypeVar("T")
V = TypeVar("V")


class DocumentError(ValueError):
    """The content of a document is invalid. The message begins with its URI."""


class PendingRecord(NamedTuple):
    """A record that is logged after the Refresher's lock was released: writing a log can take long.

    Messages are a closed set; text from stores and parsers is only in fields.
    """

    level: int
    message: str
    fields: Mapping[str, object]


class Document(Generic[T, V]):
    """A document that a ``Refresher`` keeps up to date. The last good value stays in force.

    All attributes may be read by any thread. The methods are for the Refresher, which calls them under its lock.
    """

    def __init__(self, loader: Loader[T, V]) -> None:
        self.loader = loader
        self.in_force: Loaded[T, V] | None = None
        self.read_at = -math.inf
        """When the last successful attempt began, by the Refresher's clock. What is in force was read after that."""
        self.failures = 0
        """The number of failed attempts since the last successful one."""
        self.total_failures = 0
        """The number of all failed attempts."""
        self.error: StoreError | ValueError | None = None
        """The failure of the last attempt; None if it succeeded, or its result is ignored."""
        self.attempts: list[Attempt[T, V]] = []
        """The attempts that are running or not yet collected, the newest last."""
        self.is_late = False
        """Whether the last result is from an attempt that had not ended when the document was due again."""
        self._was_due_at = self._last_began = 0.0
        self._replacements = 0

    @property
    def value(self) -> T | None:
        """The value in force; None before the first success."""
        return None if self.in_force is None else self.in_force.value

    @property
    def is_invalid(self) -> bool:
        """Whether the content that is stored now is invalid, so that the value in force is not made from it."""
        return isinstance(self.error, ValueError)

    @property
    def is_unreachable(self) -> bool:
        """Whether the last attempt could not read what is stored, so that the next one may succeed."""
        return isinstance(self.error, StoreError) and not (self.error.is_absence or self.error.is_too_large)

    @property
    def state(self) -> tuple[T | None, bool]:
        """What the access policy depends on: the value in force, and ``is_invalid``."""
        return self.value, self.is_invalid

    @property
    def version(self) -> str | None:
        """The version in force, as it is logged."""
        return None if self.in_force is None else str(self.in_force.version)

    def begin(self, now: float, give_up_seconds: float) -> list[PendingRecord]:
        """Begin an attempt, unless one is running that is younger than ``give_up_seconds``."""
        records = []
        self.is_late = False
        self._was_due_at = now
        if self.attempts:
            running = self.attempts[-1]
            if now - running.began < give_up_seconds:
                return []
            records = self.fail(running, StoreError(self.loader.uri, f"timed out after {give_up_seconds:g} s"))
        attempt = Attempt(self.loader, self.in_force, self._replacements, now)
        self._last_began = now
        attempt.start()
        self.attempts.append(attempt)
        return records

    def collect(self) -> list[PendingRecord]:
        """Collect the results of finished attempts, the newest first."""
        records = []
        for attempt in [attempt for attempt in reversed(self.attempts) if not attempt.is_running]:
            self.attempts.remove(attempt)
            if attempt.result is None:
                error = attempt.error or StoreError(self.loader.uri, "unexpected error")
                records += self.fail(attempt, error) or self._explain(attempt, error)
                # The connection may have ended while Lambda had frozen the function.
                self.is_late |= attempt.began == self._last_began < self._was_due_at
            else:
                records += self._succeed(attempt, attempt.result)
        return records

    def abandon(self) -> None:
        """Ignore the results of all attempts that are running."""
        self.attempts.clear()
        self.error = None

    def fail(self, attempt: Attempt[T, V], error: StoreError | ValueError) -> list[PendingRecord]:
        """Record the failure of an attempt: once for each."""
        if attempt.failure is not None:
            return []
        attempt.failure = error
        self.failures += 1
        self.total_failures += 1
        return self._failed(error, refresh_failures=1)

    def _explain(self, attempt: Attempt[T, V], error: StoreError | ValueError) -> list[PendingRecord]:
        """Record why an attempt that took too long has failed, unless a later one has ended."""
        return self._failed(error, refresh_failures=0) if self.error is attempt.failure else []

    def _failed(self, error: StoreError | ValueError, *, refresh_failures: int) -> list[PendingRecord]:
        self.error = error
        fields = {"error": str(error), "version_in_force": self.version, "refresh_failures": refresh_failures}
        return [self._record(logging.ERROR, "document refresh failed", fields)]

    def _succeed(self, attempt: Attempt[T, V], loaded: Loaded[T, V]) -> list[PendingRecord]:
        # An attempt that was given up can end after the next one. Its result is ignored, because the loader compared it
        # with an earlier value (is this CRL newer?), not with the value in force.
        if attempt.replacements != self._replacements:
            return []
        self._replacements += 1
        before = self.in_force
        records = []
        if self.failures:
            fields: dict[str, object] = {"version": str(loaded.version), "failed_attempts": self.failures}
            records.append(self._record(logging.INFO, "document refresh recovered", fields))
        if before is None or loaded.value is not before.value:
            fields = {"version": str(loaded.version), "previous_version": self.version}
            records.append(self._record(logging.INFO, "document loaded", fields))
        self.failures = 0
        self.error = None
        self.in_force, self.read_at = loaded, attempt.began
        if self._was_due_at > attempt.began:
            # Lambda may have frozen the function after the store had answered. If this one was given up, those that
            # have begun since have failed, or their results will be ignored.
            self.attempts = [each for each in self.attempts if each.began < attempt.began]
            self.is_late = True
        return records

    def _record(self, level: int, message: str, fields: Mapping[str, object]) -> PendingRecord:
        return PendingRecord(level, message, {"document": self.loader.name, "uri": self.loader.uri, **fields})


class Attempt(Generic[T, V]):
    """One attempt to load a document, in a thread of its own."""

    def __init__(self, loader: Loader[T, V], current: Loaded[T, V] | None, replacements: int, began: float) -> None:
        self.began = began
        self.replacements = replacements
        """How often the document had been replaced when this attempt began."""
        self.failure: StoreError | ValueError | None = None
        """The failure that was recorded, possibly before the end of the attempt."""
        self.result: Loaded[T, V] | None = None
        self.error: StoreError | ValueError | None = None
        self._loader = loader
        self._current = current
        self._thread = threading.Thread(target=self._run, name=f"refresh {loader.name}", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether the thread has not ended, in whatever way."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread. If no thread can be started, the attempt fails."""
        try:
            self._thread.start()
        except RuntimeError:
            self.error = StoreError(self._loader.uri, "no thread can be started to load it")

    def wait(self, seconds: float) -> None:
        """Wait until the thread has ended, but at most for some seconds."""
        if self.is_running:
            self._thread.join(seconds)

    def _run(self) -> None:
        # Errors are kept without their frames, which refer to the content of the document: it can be large.
        try:
            self.result = self._loader.load(self._current)
        except StoreError as error:
            error.__context__ = None
            self.error = error.with_traceback(None)
        except ValueError as error:
            # A frame may refer to the error that it has raised: both would stay until the next garbage collection.
            error.__traceback__ = None
            self.error = DocumentError(f"{self._loader.uri}: {error}")
        except BaseException as error:  # noqa: BLE001 -- any exception is a failure, and must be visible
            place = traceback.extract_tb(error.__traceback__)[-1]
            module = place.filename.rpartition("/")[2]
            problem = f"unexpected {type(error).__name__} in {module}, line {place.lineno}"
            self.error = StoreError(self._loader.uri, problem)


AnyDocument = Document[Any, Any]
"""A document with any type of value and version."""
