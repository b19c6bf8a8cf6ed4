from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.refresh.refresher import GIVE_UP_INTERVALS, GIVE_UP_SECONDS, RETRY_SECONDS, Refreshed, Refresher
from mtls_authorizer.stores.store import Fetched, Store, StoreError, open_store
from tests.aws_server import CREDENTIALS
from tests.faulty_proxy import Fault, answer, drip, garbage, hang, reset, stall, truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.aws_server import AwsServer
    from tests.faulty_proxy import Exchanging, FaultyProxy

# A bound on hanging. Nothing that is expected to happen takes as long.
LONG = 60.0
INTERVAL = 100.0
GIVE_UP = GIVE_UP_INTERVALS * INTERVAL
RULES = "s3://bucket/rules.json"
SHELF = "shelf:///document"


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float = INTERVAL) -> None:
        self.now += seconds


class Shelf:
    """A store whose fetches do, one after the other, what a test has written down; the last is done for good."""

    def __init__(self, *steps: Callable[[], Fetched | None]) -> None:
        self.uri = SHELF
        self.steps = list(steps)
        self.versions: list[str | None] = []
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def fetch(self, version: str | None) -> Fetched | None:
        with self._lock:
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            self.versions.append(version)
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        try:
            return step()
        finally:
            with self._lock:
                self.running -= 1


class Gate:
    """Something that can be slow: it takes as long as the gate is closed."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def holding(self, step: Callable[[], Fetched | None]) -> Callable[[], Fetched | None]:
        def hold() -> Fetched | None:
            self.reached.set()
            assert self.opened.wait(LONG)
            return step()

        return hold


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("refresh "):
            thread.join(LONG)
            assert not thread.is_alive()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="mtls_authorizer")
    return caplog


def gives(content: bytes, version: str | None = None) -> Callable[[], Fetched]:
    return lambda: Fetched(content, version or content.decode())


def fails_for_a_reason() -> Fetched:
    try:
        return breaks()
    except KeyError:
        raise StoreError(SHELF, "it fell over") from None


def unchanged() -> None:
    return None


def fails() -> Fetched:
    raise StoreError(SHELF, "it fell over")


def breaks() -> Fetched:
    raise KeyError(SHELF)


def exits() -> Fetched:
    raise SystemExit


def parse(content: bytes, in_force: str | None) -> str:
    text = content.decode()
    if text == "broken":
        message = "rules[0] is broken"
        raise ValueError(message)
    return text if in_force is None else f"{text} after {in_force.split()[0]}"


def make(*stores: Store, clock: Clock | None = None, **options: float) -> tuple[list[Refreshed[str]], Refresher]:
    documents = [Refreshed(f"document {index}", store, parse) for index, store in enumerate(stores)]
    options = {"wait_seconds": LONG, "start_seconds": LONG, **options}
    return documents, Refresher(documents, INTERVAL, clock or Clock(), **options)


def records(log: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, object]]]:
    keys = ("error", "version", "version_in_force", "previous_version", "failed_attempts", "refresh_failures")
    found = []
    for record in log.records:
        assert (record.name, getattr(record, "uri", "")[:5]) in {
            ("mtls_authorizer", "shelf"),
            ("mtls_authorizer", "s3://"),
        }
        found.append(
            (record.levelname, record.getMessage(), {k: getattr(record, k) for k in keys if hasattr(record, k)})
        )
    log.clear()
    return found


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


LOADED = ("INFO", "document loaded", {"version": "one", "previous_version": None})


def test_a_document_is_loaded_at_start_and_asked_for_once_an_interval(log: pytest.LogCaptureFixture) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), unchanged, gives(b"two"), unchanged)
    (document,), refresher = make(shelf, clock=clock)
    assert (document.value, document.version, document.last_error) == (None, None, None)
    refresher.start()
    assert (document.value, document.version, document.failures) == ("one", "one", 0)
    assert records(log) == [LOADED]
    for seconds in (0, INTERVAL - 1):
        clock.pass_by(seconds)
        assert not refresher.refresh_if_due()
    assert shelf.versions == [None]
    clock.pass_by(1)
    assert not refresher.refresh_if_due()
    assert not refresher.refresh_if_due()
    assert shelf.versions == [None, "one"]
    assert records(log) == []
    clock.pass_by()
    assert refresher.refresh_if_due()
    assert (document.value, document.version) == ("two after one", "two")
    assert not refresher.refresh_if_due()
    assert records(log) == [("INFO", "document loaded", {"version": "two", "previous_version": "one"})]
    clock.pass_by()
    assert not refresher.refresh_if_due()
    assert shelf.versions == [None, "one", "one", "two"]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (fails, "shelf:///document: it fell over"),
        (gives(b"broken"), "shelf:///document: rules[0] is broken"),
        (
            gives(b"\xff", "x"),
            "shelf:///document: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (breaks, "shelf:///document: unforeseen KeyError at breaks, line "),
        (exits, "shelf:///document: unforeseen SystemExit at exits, line "),
    ],
)
def test_a_failure_leaves_the_last_good_value_in_force_and_is_logged_once(
    log: pytest.LogCaptureFixture, step: Callable[[], Fetched], error: str
) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), step, step, gives(b"two"))
    (document,), refresher = make(shelf, clock=clock)
    refresher.start()
    log.clear()
    for count in (1, 2):
        clock.pass_by()
        assert not refresher.refresh_if_due()
        assert not refresher.refresh_if_due()
        assert (document.value, document.version, document.failures) == ("one", "one", count)
        assert document.last_error
        assert document.last_error.startswith(error)
        fields = {"error": document.last_error, "version_in_force": "one", "refresh_failures": 1}
        assert records(log) == [("ERROR", "document refresh failed", fields)]
    clock.pass_by()
    assert refresher.refresh_if_due()
    assert (document.value, document.failures, document.last_error) == ("two after one", 0, None)
    assert document.all_failures == 2
    assert shelf.versions == [None, "one", "one", "one"]
    assert records(log) == [
        ("INFO", "document refresh recovered", {"version": "two", "failed_attempts": 2}),
        ("INFO", "document loaded", {"version": "two", "previous_version": "one"}),
    ]


def test_a_failure_is_over_when_the_document_is_unchanged(log: pytest.LogCaptureFixture) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), fails, unchanged)
    (document,), refresher = make(shelf, clock=clock)
    refresher.start()
    clock.pass_by()
    refresher.refresh_if_due()
    log.clear()
    clock.pass_by()
    assert not refresher.refresh_if_due()
    assert (document.value, document.failures, document.last_error) == ("one", 0, None)
    assert records(log) == [("INFO", "document refresh recovered", {"version": "one", "failed_attempts": 1})]


@pytest.mark.parametrize("step", [gives(b"\xff", "x"), fails_for_a_reason])
def test_an_error_keeps_nothing_of_the_document_alive(step: Callable[[], Fetched]) -> None:
    shelf = Shelf(gives(b"one"), step)
    clock = Clock()
    (document,), refresher = make(shelf, clock=clock)
    refresher.start()
    clock.pass_by()
    refresher.refresh_if_due()
    assert document.error is not None
    assert (document.error.__traceback__, document.error.__context__, document.error.__cause__) == (None, None, None)


@pytest.mark.parametrize(
    ("step", "kind", "told"),
    [
        (fails, StoreError, r"^shelf:///document: it fell over$"),
        (gives(b"broken"), ValueError, r"^shelf:///document: rules\[0\] is broken$"),
        (breaks, StoreError, r"^shelf:///document: unforeseen KeyError at breaks, line \d+$"),
        (unchanged, StoreError, r"^shelf:///document: the store says that it is unchanged, and it was never fetched$"),
    ],
)
def test_a_document_that_can_not_be_loaded_stops_the_start(
    log: pytest.LogCaptureFixture, step: Callable[[], Fetched], kind: type[Exception], told: str
) -> None:
    (good, bad, worse), refresher = make(Shelf(gives(b"one")), Shelf(step), Shelf(fails))
    with pytest.raises(kind, match=told):
        refresher.start()
    assert (good.value, bad.value, worse.value) == ("one", None, None)
    assert [level for level, _message, _fields in records(log)] == ["INFO", "ERROR", "ERROR"]


def test_a_lenient_start_only_logs_what_fails(log: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    (good, bad), refresher = make(Shelf(gives(b"one")), Shelf(fails, gives(b"two")), clock=clock)
    refresher.start_leniently()
    assert (good.value, bad.value, bad.failures) == ("one", None, 1)
    fields = {"error": "shelf:///document: it fell over", "version_in_force": None, "refresh_failures": 1}
    assert records(log) == [LOADED, ("ERROR", "document refresh failed", fields)]
    assert not refresher.refresh_if_due()
    clock.pass_by()
    assert refresher.refresh_if_due()
    assert bad.value == "two"


def test_what_is_logged_names_the_document(log: pytest.LogCaptureFixture) -> None:
    (_one, _other), refresher = make(Shelf(gives(b"one")), Shelf(fails))
    refresher.start_leniently()
    named = [(record.__dict__["document"], record.__dict__["uri"]) for record in log.records]
    assert named == [("document 0", SHELF), ("document 1", SHELF)]


def test_a_document_that_was_had_before_does_not_stop_the_start() -> None:
    (document,), refresher = make(Shelf(gives(b"one"), fails))
    refresher.start()
    Refresher([document], INTERVAL, Clock(), start_seconds=LONG).start()
    assert (document.value, document.failures) == ("one", 1)


def test_nothing_has_changed_where_nothing_was_ever_had() -> None:
    _documents, refresher = make(Shelf(fails))
    assert not refresher.refresh_if_due()


def test_a_fetch_has_a_thread_that_is_named_after_its_document_and_does_not_keep_the_process_alive() -> None:
    threads: list[threading.Thread] = []

    def look() -> Fetched:
        threads.append(threading.current_thread())
        return Fetched(b"one", "one")

    _documents, refresher = make(Shelf(look))
    refresher.start()
    assert [(thread.name, thread.daemon) for thread in threads] == [("refresh document 0", True)]


def test_time_that_is_up_is_up_for_all_documents(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    documents, refresher = make(*(Shelf(gate.holding(unchanged)) for _ in range(3)), start_seconds=0.0)
    waits: list[float] = []
    wait = threading.Event.wait
    requests = threading.current_thread()

    def record(event: threading.Event, timeout: float | None = None) -> bool:
        # Without a timeout it is for a thread to have begun.
        if timeout is not None and threading.current_thread() is requests:
            waits.append(timeout)
        return wait(event, timeout)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Event, "wait", record)
        refresher.start_leniently()
    assert waits == [0.0] * 3
    assert {document.last_error for document in documents} == {f"{SHELF}: not loaded within 0 s"}


def test_documents_are_fetched_in_parallel() -> None:
    barrier = threading.Barrier(3, timeout=LONG)

    def meet() -> Fetched:
        barrier.wait()
        return Fetched(b"met", "1")

    documents, refresher = make(Shelf(meet), Shelf(meet), Shelf(meet))
    refresher.start()
    assert [document.value for document in documents] == ["met"] * 3


def test_a_start_that_takes_too_long_fails_and_one_that_is_lenient_goes_on(
    log: pytest.LogCaptureFixture, gate: Gate
) -> None:
    (document,), refresher = make(Shelf(gate.holding(gives(b"one"))), start_seconds=0.01)
    with pytest.raises(StoreError, match=r"^shelf:///document: not loaded within 0.01 s$"):
        refresher.start()
    lenient = Refresher([document], INTERVAL, Clock(), start_seconds=0.01, wait_seconds=LONG)
    lenient.start_leniently()
    assert [message for _level, message, _fields in records(log)] == ["document refresh failed"]
    assert (document.value, document.failures) == (None, 1)
    gate.opened.set()
    until(lenient.refresh_if_due)
    assert (document.value, document.failures) == ("one", 0)
    assert [message for _level, message, _fields in records(log)] == ["document refresh recovered", "document loaded"]


def test_a_slow_fetch_goes_on_and_a_later_call_takes_over_what_it_brings(
    log: pytest.LogCaptureFixture, gate: Gate
) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), gate.holding(gives(b"two")), unchanged)
    (slow, fast), refresher = make(shelf, Shelf(gives(b"one"), gives(b"three")), clock=clock, wait_seconds=0.01)
    refresher.start()
    clock.pass_by()
    until(refresher.refresh_if_due)
    until(lambda: refresher.refresh_if_due() or fast.value == "three after one")
    assert slow.value == "one"
    for _request in range(3):
        assert not refresher.refresh_if_due()
    # The interval is over, and it is still the same fetch that is waited for.
    clock.pass_by()
    refresher.refresh_if_due()
    assert shelf.versions == [None, "one"]
    gate.opened.set()
    until(refresher.refresh_if_due)
    assert slow.value == "two after one"
    assert slow.failures == 0
    assert "ERROR" not in {level for level, _message, _fields in records(log)}
    clock.pass_by()
    refresher.refresh_if_due()
    assert shelf.versions == [None, "one", "two"]
    assert shelf.most_running == 1


def test_of_concurrent_requests_one_waits_for_a_slow_store(gate: Gate) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), gate.holding(gives(b"two")), unchanged)
    (document,), refresher = make(shelf, clock=clock)
    refresher.start()
    clock.pass_by()
    first = threading.Thread(target=refresher.refresh_if_due, name="refresh first")
    first.start()
    assert gate.reached.wait(LONG)
    # It waits for as long as a minute. These don't.
    for _request in range(100):
        assert not refresher.refresh_if_due()
    assert first.is_alive()
    assert document.value == "one"
    gate.opened.set()
    first.join(LONG)
    assert document.value == "two after one"
    assert shelf.versions == [None, "one"]


def test_a_change_is_told_once_to_one_of_many_callers() -> None:
    clock = Clock()
    numbers = iter(range(1_000_000))
    shelf = Shelf(lambda: Fetched(b"x", str(next(numbers))))
    (document,), refresher = make(shelf, clock=clock)
    refresher.start()
    told: list[int] = []
    seen: list[bool] = []

    def ask() -> None:
        for _request in range(200):
            # Not so far that a fetch is given up on, and another one begun, while it waits for its turn.
            if not document.fetches:
                clock.pass_by(INTERVAL / 4)
            told.extend([1] * refresher.refresh_if_due())
            in_force = document.in_force
            seen.append(in_force is not None and in_force.value.startswith("x"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    told.extend([1] * refresher.refresh_if_due())
    assert all(seen)
    assert shelf.most_running == 1
    assert 1 <= len(told) <= len(shelf.versions) - 1
    # Each fetch went on from what the one before had brought.
    assert shelf.versions == [None, *map(str, range(len(shelf.versions) - 1))]


def test_a_fetch_that_never_ends_is_given_up_on_and_fetching_goes_on(log: pytest.LogCaptureFixture, gate: Gate) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), gate.holding(gives(b"late")), gives(b"two"), unchanged)
    (document,), refresher = make(shelf, clock=clock, wait_seconds=0.01)
    refresher.start()
    clock.pass_by()
    refresher.refresh_if_due()
    assert gate.reached.wait(LONG)
    for _interval in range(GIVE_UP_INTERVALS - 1):
        clock.pass_by()
        refresher.refresh_if_due()
    assert len(shelf.versions) == 2
    log.clear()
    clock.pass_by()
    until(refresher.refresh_if_due)
    assert document.value == "two after one"
    fields = {"error": "shelf:///document: no end of it in 300 s", "version_in_force": "one"}
    assert records(log) == [
        ("ERROR", "document refresh failed", {**fields, "refresh_failures": 1}),
        ("INFO", "document refresh recovered", {"version": "two", "failed_attempts": 1}),
        ("INFO", "document loaded", {"version": "two", "previous_version": "one"}),
    ]
    # What it brings in the end is older than what is in force, and was never held against that.
    gate.opened.set()
    until(lambda: shelf.running == 0)
    until(lambda: not refresher.refresh_if_due() and not document.fetches)
    assert document.value == "two after one"
    for _interval in range(3):
        clock.pass_by()
        assert not refresher.refresh_if_due()
    assert shelf.versions == [None, "one", "one", "two", "two", "two"]
    assert records(log) == []


def test_what_a_late_fetch_brings_counts_while_nothing_newer_has_come(
    log: pytest.LogCaptureFixture, gate: Gate
) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), gate.holding(gives(b"late")), fails)
    (document,), refresher = make(shelf, clock=clock, wait_seconds=0.01)
    refresher.start()
    clock.pass_by()
    refresher.refresh_if_due()
    clock.pass_by(GIVE_UP)
    refresher.refresh_if_due()
    until(lambda: not refresher.refresh_if_due() and document.failures == 2)
    log.clear()
    gate.opened.set()
    until(refresher.refresh_if_due)
    assert document.value == "late after one"
    assert [message for _level, message, _fields in records(log)] == ["document refresh recovered", "document loaded"]


def test_a_late_failure_of_a_fetch_that_was_given_up_on_counts_once(log: pytest.LogCaptureFixture, gate: Gate) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), gate.holding(fails), unchanged)
    (document,), refresher = make(shelf, clock=clock, wait_seconds=0.01)
    refresher.start()
    clock.pass_by()
    refresher.refresh_if_due()
    clock.pass_by(GIVE_UP)
    refresher.refresh_if_due()
    gate.opened.set()
    until(lambda: not refresher.refresh_if_due() and not document.fetches)
    assert document.failures == 0
    assert [level for level, _message, _fields in records(log)].count("ERROR") == 1


def test_short_intervals_give_up_no_sooner_than_after_a_minute(gate: Gate) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), gate.holding(unchanged))
    document = Refreshed("document", shelf, parse)
    refresher = Refresher([document], 1, clock, wait_seconds=0.01)
    refresher.start()
    for _second in range(int(GIVE_UP_SECONDS)):
        clock.pass_by(1)
        refresher.refresh_if_due()
    assert gate.reached.wait(LONG)
    assert len(shelf.versions) == 2
    clock.pass_by(1)
    refresher.refresh_if_due()
    until(lambda: len(shelf.versions) == 3)


def test_after_a_restore_all_is_fetched_anew_and_nothing_from_before_counts(gate: Gate) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), gate.holding(gives(b"before")), gives(b"two"), unchanged)
    (document,), refresher = make(shelf, clock=clock, wait_seconds=0.01)
    refresher.start()
    clock.pass_by()
    refresher.refresh_if_due()
    assert gate.reached.wait(LONG)
    refresher.refresh_now()
    until(lambda: not refresher.refresh_now() and document.value == "two after one")  # type: ignore[func-returns-value]
    assert refresher.refresh_if_due()
    gate.opened.set()
    until(lambda: shelf.running == 0)
    for _request in range(3):
        assert not refresher.refresh_if_due()
    assert (document.value, document.failures) == ("two after one", 0)


def test_a_restore_waits_as_long_as_a_start_may_take(gate: Gate) -> None:
    (document,), refresher = make(Shelf(gives(b"one"), gate.holding(gives(b"two"))), wait_seconds=0, start_seconds=LONG)
    refresher.start()
    threading.Timer(0.1, gate.opened.set).start()
    refresher.refresh_now()
    assert document.value == "two after one"


def test_what_has_expired_is_fetched_with_the_next_request_whatever_the_interval_and_what_is_running(
    gate: Gate,
) -> None:
    clock, shelf = Clock(), Shelf(gives(b"one"), gate.holding(gives(b"before")), gives(b"two"), unchanged)
    (document,), refresher = make(shelf, clock=clock, wait_seconds=0.01)
    refresher.start()
    clock.pass_by()
    refresher.refresh_if_due()
    assert gate.reached.wait(LONG)
    refresher.expire()
    until(refresher.refresh_if_due)
    gate.opened.set()
    until(lambda: shelf.running == 0)
    assert not refresher.refresh_if_due()
    assert document.value == "two after one"


def test_a_document_that_was_never_had_is_tried_again_soon() -> None:
    clock, shelf = Clock(), Shelf(fails, fails, gives(b"one"), unchanged)
    (document,), refresher = make(shelf, clock=clock)
    refresher.start_leniently()
    for _attempt in range(2):
        clock.pass_by(RETRY_SECONDS - 1)
        assert not refresher.refresh_if_due()
        clock.pass_by(1)
        refresher.refresh_if_due()
    assert (document.value, len(shelf.versions)) == ("one", 3)
    # From then on it is the interval that counts.
    clock.pass_by(INTERVAL - 1)
    refresher.refresh_if_due()
    assert len(shelf.versions) == 3


def test_an_interval_that_is_shorter_is_not_waited_longer_for() -> None:
    clock, shelf = Clock(), Shelf(fails)
    refresher = Refresher([Refreshed("document", shelf, parse)], 1, clock)
    refresher.start_leniently()
    clock.pass_by(1)
    refresher.refresh_if_due()
    assert len(shelf.versions) == 2


def test_a_thread_that_can_not_be_started_is_a_failure(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    (document,), refresher = make(Shelf(gives(b"one"), gives(b"two")), clock=clock)
    refresher.start()
    log.clear()

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        clock.pass_by()
        assert not refresher.refresh_if_due()
    assert document.last_error == "shelf:///document: no thread can be started to fetch it"
    assert [level for level, _message, _fields in records(log)] == ["ERROR"]
    clock.pass_by()
    assert refresher.refresh_if_due()
