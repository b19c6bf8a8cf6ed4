"""Documents that are refreshed: what is in force, what is waited for, and what is logged, with scripted loaders."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.refresh.document import Attempt, Document, PendingRecord
from mtls_authorizer.refresh.loader import Loaded
from mtls_authorizer.refresh.refresher import (
    GIVE_UP_INTERVALS,
    GIVE_UP_SECONDS,
    RETRY_SECONDS,
    Refresher,
    refresh_together,
)
from mtls_authorizer.stores.store import Fetched, StoreError
from tests.clocks import LONG, Clock, join_attempts
from tests.refreshing import has_changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

INTERVAL = 100.0
GIVE_UP = GIVE_UP_INTERVALS * INTERVAL
URI = "script:///document"


class Script:
    """A loader whose loads do, one after the other, what a test has written down; the last step is repeated."""

    def __init__(self, *steps: Callable[[], Fetched | None], name: str = "document") -> None:
        self.name = name
        self.uri = URI
        self.steps = list(steps)
        self.versions: list[str | None] = []
        self.resets = 0
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def load(self, current: Loaded[str, str] | None) -> Loaded[str, str]:
        with self._lock:
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            self.versions.append(None if current is None else current.version)
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        try:
            fetched = step()
        finally:
            with self._lock:
                self.running -= 1
        if fetched is None:
            assert current is not None
            return current
        return Loaded(parse(fetched.content, None if current is None else current.value), fetched.version)

    def reset(self) -> None:
        self.resets += 1


class Gate:
    """A load that takes as long as the gate is closed."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.thread: threading.Thread | None = None

    def holding(self, step: Callable[[], Fetched | None]) -> Callable[[], Fetched | None]:
        def hold() -> Fetched | None:
            self.thread = threading.current_thread()
            self.reached.set()
            assert self.opened.wait(LONG)
            return step()

        return hold

    def join_others(self) -> None:
        """Wait for all attempts but the one at the gate."""
        assert self.reached.wait(LONG)
        join_attempts(but=self.thread)

    def open(self) -> None:
        """Open the gate, and wait for all attempts."""
        self.opened.set()
        join_attempts()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    join_attempts()


def gives(content: bytes, version: str | None = None) -> Callable[[], Fetched]:
    return lambda: Fetched(content, version or content.decode())


def fails_for_a_reason() -> Fetched:
    try:
        return breaks()
    except KeyError:
        raise StoreError(URI, "it fell over") from None


def unchanged() -> None:
    return None


def fails() -> Fetched:
    raise StoreError(URI, "it fell over")


def breaks() -> Fetched:
    raise KeyError(URI)


def exits() -> Fetched:
    raise SystemExit


def _first_line(step: Callable[[], Fetched]) -> int:
    return step.__code__.co_firstlineno + 1


def parse(content: bytes, in_force: str | None) -> str:
    text = content.decode()
    if text == "broken":
        message = "rules[0] is broken"
        raise ValueError(message)
    return text if in_force is None else f"{text} after {in_force.split()[0]}"


def make(
    *scripts: Script, clock: Clock | None = None, interval: float = INTERVAL, start: float = LONG, wait: float = LONG
) -> tuple[list[Document[str, str]], Refresher]:
    documents = [Document(script) for script in scripts]
    return documents, Refresher(documents, interval, start_seconds=start, wait_seconds=wait, clock=clock or Clock())


def start_until_held(refresher: Refresher, clock: Clock, gate: Gate) -> None:
    """Start, and begin the next attempt, which is held at the gate."""
    refresher.start()
    clock.advance(INTERVAL)
    refresher.refresh_if_due()
    assert gate.reached.wait(LONG)


def settle(refresher: Refresher, gate: Gate | None = None) -> bool:
    """Refresh, wait for all attempts but the one at the gate, and return whether anything has changed."""
    changed = has_changed(refresher)
    if gate is None:
        join_attempts()
    else:
        gate.join_others()
    return has_changed(refresher) or changed


def records(log: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, object]]]:
    keys = ("error", "version", "version_in_force", "previous_version", "failed_attempts", "refresh_failures")
    found = []
    for record in log.records:
        assert (record.name, record.__dict__["uri"]) == ("mtls_authorizer", URI)
        found.append(
            (record.levelname, record.getMessage(), {k: getattr(record, k) for k in keys if hasattr(record, k)})
        )
    log.clear()
    return found


LOADED = ("INFO", "document loaded", {"version": "one", "previous_version": None})


def test_a_document_is_loaded_at_the_start_and_requested_once_an_interval(log: pytest.LogCaptureFixture) -> None:
    clock, script = Clock(), Script(gives(b"one"), unchanged, gives(b"two"), unchanged)
    (document,), refresher = make(script, clock=clock)
    assert (document.value, document.version, document.error) == (None, None, None)
    refresher.start()
    assert (document.value, document.version, document.failures) == ("one", "one", 0)
    assert records(log) == [LOADED]
    for seconds in (0, INTERVAL - 1):
        clock.advance(seconds)
        assert not has_changed(refresher)
    assert script.versions == [None]
    clock.advance(1)
    assert not has_changed(refresher)
    assert not has_changed(refresher)
    assert script.versions == [None, "one"]
    assert records(log) == []
    clock.advance(INTERVAL)
    assert has_changed(refresher)
    assert (document.value, document.version) == ("two after one", "two")
    assert not has_changed(refresher)
    assert records(log) == [("INFO", "document loaded", {"version": "two", "previous_version": "one"})]
    clock.advance(INTERVAL)
    assert not has_changed(refresher)
    assert script.versions == [None, "one", "one", "two"]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (fails, "script:///document: it fell over"),
        (gives(b"broken"), "script:///document: rules[0] is broken"),
        (
            gives(b"\xff", "x"),
            "script:///document: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (breaks, f"script:///document: unexpected KeyError in test_refresher.py, line {_first_line(breaks)}"),
        (exits, f"script:///document: unexpected SystemExit in test_refresher.py, line {_first_line(exits)}"),
    ],
)
def test_a_failure_leaves_the_last_good_value_in_force_and_is_logged_once(
    log: pytest.LogCaptureFixture, step: Callable[[], Fetched], error: str
) -> None:
    clock, script = Clock(), Script(gives(b"one"), step, step, gives(b"two"))
    (document,), refresher = make(script, clock=clock)
    refresher.start()
    log.clear()
    for count in (1, 2):
        clock.advance(INTERVAL)
        assert not has_changed(refresher)
        assert not has_changed(refresher)
        assert (document.value, document.version, document.failures) == ("one", "one", count)
        assert str(document.error).startswith(error)
        fields = {"error": str(document.error), "version_in_force": "one", "refresh_failures": 1}
        assert records(log) == [("ERROR", "document refresh failed", fields)]
    clock.advance(INTERVAL)
    assert has_changed(refresher)
    assert (document.value, document.failures, document.error) == ("two after one", 0, None)
    assert document.total_failures == 2
    assert script.versions == [None, "one", "one", "one"]
    assert records(log) == [
        ("INFO", "document refresh recovered", {"version": "two", "failed_attempts": 2}),
        ("INFO", "document loaded", {"version": "two", "previous_version": "one"}),
    ]


def test_a_failure_is_over_when_the_document_is_unchanged(log: pytest.LogCaptureFixture) -> None:
    clock, script = Clock(), Script(gives(b"one"), fails, unchanged)
    (document,), refresher = make(script, clock=clock)
    refresher.start()
    clock.advance(INTERVAL)
    refresher.refresh_if_due()
    log.clear()
    clock.advance(INTERVAL)
    assert not has_changed(refresher)
    assert (document.value, document.failures, document.error) == ("one", 0, None)
    assert records(log) == [("INFO", "document refresh recovered", {"version": "one", "failed_attempts": 1})]


@pytest.mark.parametrize("step", [gives(b"\xff", "x"), fails_for_a_reason])
def test_an_error_keeps_nothing_of_the_document_alive(step: Callable[[], Fetched]) -> None:
    script = Script(gives(b"one"), step)
    clock = Clock()
    (document,), refresher = make(script, clock=clock)
    refresher.start()
    clock.advance(INTERVAL)
    refresher.refresh_if_due()
    assert document.error is not None
    assert (document.error.__traceback__, document.error.__context__, document.error.__cause__) == (None, None, None)


@pytest.mark.parametrize(
    ("step", "kind", "told"),
    [
        (fails, StoreError, r"^script:///document: it fell over$"),
        (gives(b"broken"), ValueError, r"^script:///document: rules\[0\] is broken$"),
        (breaks, StoreError, r"^script:///document: unexpected KeyError in test_refresher\.py, line \d+$"),
    ],
)
def test_a_document_that_can_not_be_loaded_stops_the_start(
    log: pytest.LogCaptureFixture, step: Callable[[], Fetched], kind: type[Exception], told: str
) -> None:
    (good, bad, worse), refresher = make(Script(gives(b"one")), Script(step), Script(fails))
    with pytest.raises(kind, match=told):
        refresher.start(required=(good, bad, worse))
    assert (good.value, bad.value, worse.value) == ("one", None, None)
    assert [level for level, _message, _fields in records(log)] == ["INFO", "ERROR", "ERROR"]


def test_a_start_only_logs_failures_of_documents_that_are_not_required(log: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    (good, bad), refresher = make(Script(gives(b"one")), Script(fails, gives(b"two")), clock=clock)
    refresher.start()
    assert (good.value, bad.value, bad.failures) == ("one", None, 1)
    fields = {"error": "script:///document: it fell over", "version_in_force": None, "refresh_failures": 1}
    assert records(log) == [LOADED, ("ERROR", "document refresh failed", fields)]
    assert not has_changed(refresher)
    clock.advance(INTERVAL)
    assert has_changed(refresher)
    assert bad.value == "two"


def test_each_record_names_the_document(log: pytest.LogCaptureFixture) -> None:
    (_one, _other), refresher = make(Script(gives(b"one"), name="rules"), Script(fails, name="crl"))
    refresher.start()
    named = [(record.__dict__["document"], record.__dict__["uri"]) for record in log.records]
    assert named == [("rules", URI), ("crl", URI)]


def test_a_document_that_was_had_before_does_not_stop_the_start() -> None:
    (document,), refresher = make(Script(gives(b"one"), fails))
    refresher.start()
    Refresher([document], INTERVAL, start_seconds=LONG, wait_seconds=LONG).start(required=[document])
    assert (document.value, document.failures) == ("one", 1)


def test_nothing_has_changed_if_no_attempt_succeeded() -> None:
    _documents, refresher = make(Script(fails))
    assert not has_changed(refresher)


def test_a_fetch_has_a_thread_that_is_named_after_its_document_and_does_not_keep_the_process_alive() -> None:
    threads: list[threading.Thread] = []

    def look() -> Fetched:
        threads.append(threading.current_thread())
        return Fetched(b"one", "one")

    _documents, refresher = make(Script(look))
    refresher.start()
    assert [(thread.name, thread.daemon) for thread in threads] == [("refresh document", True)]


def test_time_that_is_up_is_up_for_all_documents(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    documents, refresher = make(*(Script(gate.holding(unchanged)) for _ in range(3)), start=0.0)
    waits: list[float] = []
    wait = Attempt.wait

    def record(attempt: Attempt[str, str], seconds: float) -> None:
        waits.append(seconds)
        wait(attempt, seconds)

    with monkeypatch.context() as patch:
        patch.setattr(Attempt, "wait", record)
        refresher.start()
    assert waits == [0.0] * 3
    assert {str(document.error) for document in documents} == {f"{URI}: not loaded within 0 s"}
    assert [message for _level, message, _fields in records(log)] == ["document refresh failed"] * 3


def test_documents_are_fetched_in_parallel() -> None:
    barrier = threading.Barrier(3, timeout=LONG)

    def meet() -> Fetched:
        barrier.wait()
        return Fetched(b"met", "1")

    documents, refresher = make(Script(meet), Script(meet), Script(meet))
    refresher.start()
    assert [document.value for document in documents] == ["met"] * 3


def test_a_start_that_takes_too_long_fails_unless_no_document_is_required(
    log: pytest.LogCaptureFixture, gate: Gate
) -> None:
    (document,), refresher = make(Script(gate.holding(gives(b"one"))), start=0)
    with pytest.raises(StoreError, match=r"^script:///document: not loaded within 0 s$"):
        refresher.start(required=[document])
    lenient = Refresher([document], INTERVAL, start_seconds=0, wait_seconds=LONG, clock=Clock())
    lenient.start()
    assert [message for _level, message, _fields in records(log)] == ["document refresh failed"]
    assert (document.value, document.failures) == (None, 1)
    gate.open()
    assert has_changed(lenient)
    assert (document.value, document.failures) == ("one", 0)
    assert [message for _level, message, _fields in records(log)] == ["document refresh recovered", "document loaded"]


def test_the_reason_why_an_attempt_failed_that_had_taken_too_long_is_logged_and_not_counted(
    log: pytest.LogCaptureFixture, gate: Gate
) -> None:
    (document,), refresher = make(Script(gate.holding(gives(b"broken"))), start=0)
    refresher.start()
    gate.open()
    for _request in range(2):
        refresher.refresh_if_due()
    fields = {"error": "script:///document: not loaded within 0 s", "version_in_force": None, "refresh_failures": 1}
    reason = {**fields, "error": "script:///document: rules[0] is broken", "refresh_failures": 0}
    assert records(log) == [("ERROR", "document refresh failed", each) for each in (fields, reason)]
    assert (document.is_invalid, document.total_failures) == (True, 1)


def test_a_slow_fetch_continues_and_a_later_call_collects_its_result(log: pytest.LogCaptureFixture, gate: Gate) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(gives(b"two")), unchanged)
    (slow, fast), refresher = make(script, Script(gives(b"one"), gives(b"three")), clock=clock, wait=0)
    refresher.start()
    clock.advance(INTERVAL)
    assert settle(refresher, gate)
    assert (slow.value, fast.value) == ("one", "three after one")
    for _request in range(3):
        assert not has_changed(refresher)
    # The interval is over, and it is still the same fetch that is waited for.
    clock.advance(INTERVAL)
    refresher.refresh_if_due()
    assert script.versions == [None, "one"]
    gate.open()
    assert settle(refresher)
    assert slow.value == "two after one"
    assert slow.failures == 0
    assert "ERROR" not in {level for level, _message, _fields in records(log)}
    # It may have been read before the end of the interval: the document was loaded again at once.
    assert script.versions == [None, "one", "two"]
    clock.advance(INTERVAL)
    settle(refresher)
    assert script.versions == [None, "one", "two", "two"]
    assert script.most_running == 1


@pytest.mark.parametrize(
    ("before", "base"), [(gives(b"removed meanwhile"), "removed"), (fails, "one")], ids=["answered", "disconnected"]
)
@pytest.mark.parametrize("is_listed", [False, True])
def test_a_request_after_the_interval_does_not_use_what_was_read_before_lambda_froze_the_function(
    before: Callable[[], Fetched], base: str, gate: Gate, *, is_listed: bool
) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(before), gives(b"two"))
    documents = [Document(script)]
    Refresher(documents, INTERVAL, start_seconds=LONG, clock=clock).start()
    hurried, patient = (Refresher(documents, INTERVAL, wait_seconds=seconds, clock=clock) for seconds in (0, LONG))
    hurried.refresh_if_due()
    assert gate.reached.wait(LONG)
    clock.advance(INTERVAL)
    # The attempt continues while this request waits for it.
    timer = threading.Timer(0.02, gate.opened.set)
    timer.start()
    if is_listed:
        refresh_together([patient], LONG)
    else:
        patient.refresh_if_due()
    timer.join()
    assert documents[0].value == f"two after {base}"
    assert (len(script.versions), script.most_running) == (3, 1)


def test_a_request_that_loads_a_document_twice_waits_no_longer_than_for_one_attempt(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, again = Clock(), Gate()
    script = Script(gives(b"one"), gate.holding(gives(b"late")), again.holding(gives(b"two")))
    documents, refresher = make(script, clock=clock)
    refresher.start()
    clock.advance(INTERVAL)
    Refresher(documents, INTERVAL, clock=clock).refresh_if_due()
    clock.advance(INTERVAL)
    waits: list[float] = []

    def wait(_attempt: Attempt[str, str], seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            gate.open()
            ended = time.monotonic() + 0.02
            while time.monotonic() < ended:
                pass

    with monkeypatch.context() as patch:
        patch.setattr(Attempt, "wait", wait)
        refresher.refresh_if_due()
    first, second = waits
    assert first <= LONG
    assert second <= first - 0.02
    again.open()


@pytest.mark.parametrize("ends", [fails, unchanged], ids=["fails", "unchanged"])
def test_a_late_document_does_not_make_other_slow_ones_late(ends: Callable[[], Fetched | None]) -> None:
    """Otherwise, each would make the other one load again, as often as it can, and requests wait each time."""
    clock, gates = Clock(), [Gate(), Gate(), Gate()]
    (first, second, again) = (gate.holding(ends) for gate in gates)
    scripts = Script(gives(b"one"), first, again, ends), Script(gives(b"two"), second, ends)
    _documents, refresher = make(*scripts, clock=clock, wait=0)
    refresher.start()
    for _interval in range(2):
        clock.advance(INTERVAL)
        refresher.refresh_if_due()
    for gate in gates:
        assert gate.reached.wait(LONG)
        gate.opened.set()
        assert gate.thread is not None
        gate.thread.join(LONG)
        clock.advance(1)
        refresher.refresh_if_due()
    settle(refresher)
    assert [len(script.versions) for script in scripts] == [3, 3]
    clock.advance(INTERVAL)
    settle(refresher)
    assert [len(script.versions) for script in scripts] == [4, 4]


def test_of_concurrent_requests_one_waits_for_a_slow_store(gate: Gate) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(gives(b"two")), unchanged)
    (document,), refresher = make(script, clock=clock)
    refresher.start()
    clock.advance(INTERVAL)
    first = threading.Thread(target=refresher.refresh_if_due, name="refresh first")
    first.start()
    assert gate.reached.wait(LONG)
    # It waits for as long as a minute. These do not.
    for _request in range(100):
        assert not has_changed(refresher)
    assert first.is_alive()
    assert document.value == "one"
    gate.opened.set()
    first.join(LONG)
    assert document.value == "two after one"
    assert script.versions == [None, "one"]


def test_many_callers_begin_one_fetch_at_a_time_each_with_the_result_of_the_one_before() -> None:
    clock = Clock()
    numbers = iter(range(1_000_000))
    script = Script(lambda: Fetched(b"x", str(next(numbers))))
    (document,), refresher = make(script, clock=clock)
    refresher.start()
    seen: list[bool] = []

    def ask() -> None:
        for _request in range(200):
            # Not so far that a fetch is given up on, and another one begun, while it waits for its turn.
            if not document.attempts:
                clock.advance(INTERVAL / 4)
            refresher.refresh_if_due()
            in_force = document.in_force
            seen.append(in_force is not None and in_force.value.startswith("x"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert all(seen)
    assert script.most_running == 1
    # Each fetch went on from what the one before had brought.
    assert script.versions == [None, *map(str, range(len(script.versions) - 1))]


def test_a_thread_that_had_to_wait_begins_a_fetch_at_the_present_time(gate: Gate) -> None:
    # With the time before it waited, a fetch was given up on too early, and another one went on from the same value.
    clock = Clock()
    began: list[float] = []

    class Slow(Document[str, str]):
        def begin(self, now: float, give_up_seconds: float) -> list[PendingRecord]:
            began.append(now)
            gate.holding(unchanged)()
            return super().begin(now, give_up_seconds)

    documents = [Document(Script(gives(b"one"))), Slow(Script(gives(b"two")))]
    refresher = Refresher(documents, INTERVAL, wait_seconds=LONG, clock=clock)
    threads = [threading.Thread(target=refresher.refresh_if_due) for _ in range(2)]
    threads[0].start()
    assert gate.reached.wait(LONG)
    threads[1].start()
    threads[1].join(0.05)
    clock.advance(INTERVAL)
    gate.opened.set()
    for thread in threads:
        thread.join(LONG)
    # The results of the first fetch are late if they are collected after the second thread: then, a third one begins.
    assert began[0] == clock.now - INTERVAL
    assert set(began[1:]) == {clock.now}


def test_each_of_several_fetches_that_never_end_is_logged(log: pytest.LogCaptureFixture, gate: Gate) -> None:
    clock = Clock()
    _documents, refresher = make(
        *(Script(gives(b"one"), gate.holding(unchanged)) for _ in range(3)), clock=clock, wait=0
    )
    start_until_held(refresher, clock, gate)
    log.clear()
    clock.advance(GIVE_UP_INTERVALS * INTERVAL)
    refresher.refresh_if_due()
    assert [message for _level, message, _fields in records(log)] == ["document refresh failed"] * 3


def test_a_fetch_that_never_ends_is_abandoned_and_others_follow(log: pytest.LogCaptureFixture, gate: Gate) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(gives(b"late")), gives(b"two"), unchanged)
    (document,), refresher = make(script, clock=clock, wait=0)
    start_until_held(refresher, clock, gate)
    for _interval in range(GIVE_UP_INTERVALS - 1):
        clock.advance(INTERVAL)
        refresher.refresh_if_due()
    assert len(script.versions) == 2
    log.clear()
    clock.advance(INTERVAL)
    assert settle(refresher, gate)
    assert document.value == "two after one"
    fields = {"error": "script:///document: timed out after 300 s", "version_in_force": "one"}
    assert records(log) == [
        ("ERROR", "document refresh failed", {**fields, "refresh_failures": 1}),
        ("INFO", "document refresh recovered", {"version": "two", "failed_attempts": 1}),
        ("INFO", "document loaded", {"version": "two", "previous_version": "one"}),
    ]
    # Its late result is older than the value in force, and was never compared with that.
    gate.open()
    assert not settle(refresher)
    assert document.value == "two after one"
    for _interval in range(3):
        clock.advance(INTERVAL)
        assert not settle(refresher)
    assert script.versions == [None, "one", "one", "two", "two", "two"]
    assert records(log) == []


def test_the_result_of_a_late_fetch_is_used_unless_a_newer_one_has_arrived(
    log: pytest.LogCaptureFixture, gate: Gate
) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(gives(b"late")), fails)
    (document, _other), refresher = make(script, Script(gives(b"other"), unchanged), clock=clock, wait=0)
    start_until_held(refresher, clock, gate)
    clock.advance(GIVE_UP)
    assert not settle(refresher, gate)
    assert document.failures == 2
    log.clear()
    gate.open()
    assert has_changed(refresher)
    assert document.value == "late after one"
    # It may be older than the failure: the document is loaded again at once.
    settle(refresher)
    messages = ["document refresh recovered", "document loaded", "document refresh failed"]
    assert [message for _level, message, _fields in records(log)] == messages
    assert script.versions == [None, "one", "one", "late"]


def test_after_the_result_of_a_late_fetch_the_document_is_loaded_again_at_once(gate: Gate) -> None:
    """The result is old, and the fetch that was begun meanwhile has compared the document with an earlier one."""
    clock, meanwhile = Clock(), Gate()
    script = Script(gives(b"one"), gate.holding(gives(b"old")), meanwhile.holding(gives(b"new")), gives(b"newest"))
    (document,), refresher = make(script, clock=clock, wait=0)
    start_until_held(refresher, clock, gate)
    clock.advance(GIVE_UP)
    refresher.refresh_if_due()
    assert meanwhile.reached.wait(LONG)
    gate.opened.set()
    join_attempts(but=meanwhile.thread)
    refresher.refresh_if_due()
    join_attempts(but=meanwhile.thread)
    for _ in range(2):
        refresher.refresh_if_due()
        assert (document.value, document.attempts) == ("newest after old", [])
        meanwhile.open()
    assert script.versions == [None, "one", "one", "old"]


def test_the_late_results_of_several_fetches_that_were_given_up_can_be_collected_together(gate: Gate) -> None:
    meanwhile = Gate()
    steps = (gate.holding(gives(b"oldest")), gate.holding(gives(b"old")), meanwhile.holding(gives(b"new")))
    document: Document[str, str] = Document(Script(*steps))
    for count, each in ((1, gate), (2, gate), (3, meanwhile)):
        document.begin(count * GIVE_UP, GIVE_UP)
        assert each.reached.wait(LONG)
        each.reached.clear()
    gate.opened.set()
    join_attempts(but=meanwhile.thread)
    document.collect()
    assert (document.version, document.attempts, document.is_late) == ("old", [], True)
    meanwhile.open()


def test_the_newest_of_the_attempts_that_finished_since_the_last_request_is_used(gate: Gate) -> None:
    steps = (gate.holding(lambda: Fetched(b"", "old")), gate.holding(lambda: Fetched(b"", "new")))
    document: Document[str, str] = Document(Script(*steps))
    for now in (0.0, GIVE_UP):
        document.begin(now, GIVE_UP)
        assert gate.reached.wait(LONG)
        gate.reached.clear()
    gate.open()
    assert [record.message for record in document.collect()] == ["document refresh recovered", "document loaded"]
    assert (document.version, document.attempts) == ("new", [])


def test_the_newest_of_several_fetches_that_fail_together_makes_the_document_late(gate: Gate) -> None:
    document: Document[str, str] = Document(Script(gate.holding(fails)))
    for now in (0.0, GIVE_UP):
        document.begin(now, GIVE_UP)
        assert gate.reached.wait(LONG)
        gate.reached.clear()
    document.begin(GIVE_UP + INTERVAL, GIVE_UP)
    gate.open()
    assert [record.message for record in document.collect()] == ["document refresh failed"]
    assert (document.attempts, document.is_late) == ([], True)


def test_the_late_failure_of_a_fetch_that_was_given_up_is_counted_once(
    log: pytest.LogCaptureFixture, gate: Gate
) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(fails), unchanged)
    (document,), refresher = make(script, clock=clock, wait=0)
    start_until_held(refresher, clock, gate)
    clock.advance(GIVE_UP)
    refresher.refresh_if_due()
    gate.open()
    assert not settle(refresher)
    assert not document.attempts
    assert document.failures == 0
    assert [level for level, _message, _fields in records(log)].count("ERROR") == 1


def test_short_intervals_give_up_no_sooner_than_after_a_minute(gate: Gate) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(unchanged))
    _documents, refresher = make(script, clock=clock, interval=1, wait=0)
    refresher.start()
    for _second in range(int(GIVE_UP_SECONDS)):
        clock.advance(1)
        refresher.refresh_if_due()
    assert gate.reached.wait(LONG)
    assert len(script.versions) == 2
    gate.reached.clear()
    clock.advance(1)
    refresher.refresh_if_due()
    assert gate.reached.wait(LONG)
    assert len(script.versions) == 3


def test_a_restore_fetches_everything_again_and_ignores_earlier_attempts(gate: Gate) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(gives(b"before")), gives(b"two"), unchanged)
    (document,), refresher = make(script, clock=clock, wait=0)
    start_until_held(refresher, clock, gate)
    refresher.restore()
    assert script.resets == 1
    assert document.value == "two after one"
    gate.open()
    for _request in range(3):
        assert not has_changed(refresher)
    assert (document.value, document.failures) == ("two after one", 0)


def test_a_restore_loads_everything_though_the_clock_has_stopped() -> None:
    """As a monotonic clock may between a snapshot and its restore."""
    first, second = Script(gives(b"one"), gives(b"two")), Script(gives(b"1"), unchanged)
    documents, refresher = make(first, second)
    refresher.start()
    assert not has_changed(refresher)
    refresher.restore()
    assert [document.value for document in documents] == ["two after one", "1"]
    assert [script.resets for script in (first, second)] == [1, 1]
    assert not has_changed(refresher)


def test_a_restore_waits_as_long_as_a_start_may_take(gate: Gate) -> None:
    (document,), refresher = make(Script(gives(b"one"), gate.holding(gives(b"two"))), wait=0, start=LONG)
    refresher.start()
    restoring = threading.Thread(target=refresher.restore)
    restoring.start()
    assert gate.reached.wait(LONG)
    gate.opened.set()
    restoring.join(LONG)
    assert document.value == "two after one"


def test_after_a_restart_a_document_is_loaded_with_the_next_request_whatever_is_running(
    gate: Gate,
) -> None:
    clock, script = Clock(), Script(gives(b"one"), gate.holding(gives(b"before")), gives(b"two"), unchanged)
    (document,), refresher = make(script, clock=clock, wait=0)
    start_until_held(refresher, clock, gate)
    refresher.restart()
    assert settle(refresher, gate)
    gate.open()
    assert not has_changed(refresher)
    assert document.value == "two after one"


def test_a_failure_from_before_a_restore_is_not_reported_as_one_of_the_restore(gate: Gate) -> None:
    clock, script = Clock(), Script(gives(b"one"), fails, gate.holding(gives(b"two")))
    (document,), refresher = make(script, clock=clock, wait=LONG, start=0)
    refresher.start()
    settle(refresher)
    clock.advance(INTERVAL)
    refresher.refresh_if_due()
    assert document.failures == 1
    refresher.restore()
    assert gate.reached.wait(LONG)
    # It has not been reloaded yet.
    assert document.attempts
    assert document.error is None
    gate.open()


def test_a_document_that_was_never_had_is_tried_again_soon() -> None:
    clock, script = Clock(), Script(fails, fails, gives(b"one"), unchanged)
    (document,), refresher = make(script, clock=clock)
    refresher.start()
    for _attempt in range(2):
        clock.advance(RETRY_SECONDS - 1)
        assert not has_changed(refresher)
        clock.advance(1)
        refresher.refresh_if_due()
    assert (document.value, len(script.versions)) == ("one", 3)
    # From then on it is the interval that counts.
    clock.advance(INTERVAL - 1)
    refresher.refresh_if_due()
    assert len(script.versions) == 3


def test_documents_can_be_made_due_but_not_at_every_request() -> None:
    clock, script = Clock(), Script(gives(b"one"), unchanged)
    _documents, refresher = make(script, clock=clock)
    refresher.start()
    for seconds, requests in ((1, 1), (RETRY_SECONDS - 1, 2), (1, 2)):
        clock.advance(seconds)
        refresher.make_due(None)
        refresher.refresh_if_due()
        assert len(script.versions) == requests
    # Only a value that became stale later than all before is urgent.
    for minute, requests in ((1, 3), (1, 3), (2, 4), (1, 4), (2, 4), (None, 4)):
        refresher.make_due(None if minute is None else datetime(2026, 1, 1, 0, minute, tzinfo=UTC))
        refresher.refresh_if_due()
        assert len(script.versions) == requests
    # The clock of another machine may be behind.
    clock.now = 0
    refresher.restore()
    assert len(script.versions) == 5
    clock.advance(RETRY_SECONDS)
    refresher.make_due(None)
    refresher.refresh_if_due()
    assert len(script.versions) == 6


def test_an_interval_that_is_shorter_is_not_waited_longer_for() -> None:
    clock, script = Clock(), Script(fails)
    _documents, refresher = make(script, clock=clock, interval=1)
    refresher.start()
    clock.advance(1)
    refresher.refresh_if_due()
    assert len(script.versions) == 2


def test_a_thread_that_can_not_be_started_is_a_failure(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    (document,), refresher = make(Script(gives(b"one"), gives(b"two")), clock=clock)
    refresher.start()
    log.clear()

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        clock.advance(INTERVAL)
        assert not has_changed(refresher)
    assert str(document.error) == "script:///document: no thread can be started to load it"
    assert [level for level, _message, _fields in records(log)] == ["ERROR"]
    clock.advance(INTERVAL)
    assert has_changed(refresher)


def test_refreshers_together_wait_no_longer_than_they_may(gate: Gate) -> None:
    slow = Document(Script(gate.holding(gives(b"slow"))))
    refresher = Refresher([slow], INTERVAL)
    assert not refresh_together([refresher], 0)
    assert not refresh_together([refresher], 0)
    gate.open()
    assert refresh_together([refresher], 0)
    assert slow.value == "slow"


def test_a_request_without_a_value_waits_for_the_attempt_that_replaces_an_abandoned_one(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Gate()
    document = Document(Script(gate.holding(gives(b"1")), second.holding(gives(b"2"))))
    refresher = Refresher([document], INTERVAL, wait_seconds=LONG)
    waits_or_returned = threading.Event()
    values: list[str | None] = []
    began_to_wait: list[int] = []

    def wait(attempts: list[Attempt[str, str]], seconds: float) -> None:
        began_to_wait.append(len(attempts))
        if len(began_to_wait) > 2:
            waits_or_returned.set()
        for attempt in attempts:
            attempt.wait(seconds)

    def request() -> None:
        refresh_together([refresher], LONG)
        values.append(document.value)
        waits_or_returned.set()

    monkeypatch.setattr("mtls_authorizer.refresh.refresher._wait", wait)
    threads = [threading.Thread(target=request) for _ in range(2)]
    threads[0].start()
    assert gate.reached.wait(LONG)
    # Another version is listed, and another request begins to load it.
    refresher.restart()
    threads[1].start()
    assert second.reached.wait(LONG)
    gate.opened.set()
    assert waits_or_returned.wait(LONG)
    assert values == []
    second.opened.set()
    for thread in threads:
        thread.join(LONG)
    assert values == ["2", "2"]


def test_a_request_without_a_value_replaces_an_attempt_that_another_one_has_just_abandoned(gate: Gate) -> None:
    document = Document(Script(gate.holding(gives(b"1")), gives(b"2")))
    refresher = Refresher([document], INTERVAL)
    request = threading.Thread(target=refresh_together, args=([refresher], LONG))
    request.start()
    assert gate.reached.wait(LONG)
    # Another version is listed, and the other request has not begun to load it yet.
    refresher.restart()
    gate.opened.set()
    request.join(LONG)
    assert document.value == "2"


class FailingMessageError(ValueError):
    def __str__(self) -> str:
        raise MemoryError


def fails_without_a_message() -> Fetched:
    raise FailingMessageError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_attempt_that_cannot_even_record_its_failure_has_failed() -> None:
    clock = Clock()
    (document,), refresher = make(Script(fails_without_a_message, gives(b"one")), clock=clock)
    with pytest.raises(StoreError, match=r"^script:///document: unexpected error$"):
        refresher.start(required=[document])
    assert document.failures == 1
    clock.advance(INTERVAL)
    assert has_changed(refresher)


def test_an_attempt_that_could_not_begin_does_not_delay_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    (document,), refresher = make(Script(gives(b"one"), gives(b"two")), clock=clock)
    refresher.start()
    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", raises_memory_error)
        clock.advance(INTERVAL)
        with pytest.raises(MemoryError):
            refresher.refresh_if_due()
    clock.advance(INTERVAL)
    assert has_changed(refresher)
    assert document.value == "two after one"


def raises_memory_error(*_arguments: object, **_keywords: object) -> NoReturn:
    raise MemoryError


def test_the_results_that_an_exception_prevented_from_being_collected_are_collected_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    scripts = (Script(gives(b"one"), gives(b"two")) for _ in range(2))
    (document, other), refresher = make(*scripts, clock=clock)
    refresher.start()
    with monkeypatch.context() as patch:
        patch.setattr(other, "collect", lambda: raises_memory_error() if other.attempts else [])
        clock.advance(INTERVAL)
        with pytest.raises(MemoryError):
            refresher.refresh_if_due()
    assert (document.value, other.value) == ("two after one", "one")
    assert has_changed(refresher)
    assert other.value == "two after one"
    assert not has_changed(refresher)
