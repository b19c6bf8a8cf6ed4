"""Unit tests can't use sockets, processes or sleeps without failing. Runs pytest on tests that try."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.tooling.isolation import ForbiddenCallError, isolated

if TYPE_CHECKING:
    from pathlib import Path

USES = {
    "a socket": ("socket", "socket.socket()", "socket.__new__"),
    "a host name": ("socket", "socket.gethostbyname('localhost')", "socket.gethostbyname"),
    "a connection": ("http.client", "http.client.HTTPConnection('127.0.0.1', 9).connect()", "socket."),
    "a process": ("subprocess", "subprocess.run(['true'])", "subprocess.Popen"),
    "a shell": ("os", "os.system('true')", "os.system"),
    "a fork": ("os", "os._exit(0) if os.fork() == 0 else None", "os.fork"),
    "a spawned process": ("os", "os.posix_spawn('/bin/true', ['true'], {})", "os.posix_spawn"),
    "a forked worker": (
        "multiprocessing",
        "multiprocessing.get_context('fork').Process(target=print).start()",
        "os.fork",
    ),
    "a sleep": ("time", "time.sleep(0.001)", "time.sleep(0.001)"),
}

FURTHER_TESTS = """
from __future__ import annotations

import threading
import time
from time import sleep as pause

import pytest


def forbidden_call():
    pause(0.001)


def test_it_is_an_error_even_if_the_exception_is_caught():
    try:
        forbidden_call()
    except Exception:
        pass


def test_it_is_an_error_in_another_thread():
    def run():
        try:
            forbidden_call()
        except Exception:
            pass

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@pytest.fixture(scope="session")
def prepared():
    try:
        forbidden_call()
    except Exception:
        pass


def test_it_is_an_error_in_a_fixture(prepared):
    pass


release = threading.Event()


def test_a_thread_that_outlives_its_test_is_started():
    def run():
        release.wait(60)
        try:
            forbidden_call()
        except Exception:
            pass

    threading.Thread(target=run, name="left over").start()


def test_a_thread_of_an_earlier_test_is_watched():
    release.set()
    for thread in threading.enumerate():
        if thread.name == "left over":
            thread.join()


def test_waiting_for_a_thread_is_no_sleep():
    assert not threading.Event().wait(0.001)
    time.sleep(0)
"""


STARTED_THREADS = """
import sys
import threading

import tests.tooling.isolation

sys.setswitchinterval(1e-6)
threading.settrace(lambda *_: None)
for _ in range(300):
    threads = [threading.Thread(target=len, args=[""]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def run_pytest(path: Path) -> list[str]:
    """Run the tests of a file as unit tests, and return the lines of pytest's summary."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.tooling.isolation", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "-rA", "--tb=short", str(path)],
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return run.stdout.splitlines()


@pytest.mark.parametrize(("module", "code", "call"), USES.values(), ids=USES)
def test_a_forbidden_call_raises_where_it_is_made(module: str, code: str, call: str) -> None:
    namespace = {module.partition(".")[0]: __import__(module)}

    def make_call() -> None:
        with pytest.raises(ForbiddenCallError):
            exec(code, namespace)  # noqa: S102 -- from the table above

    with pytest.raises(ForbiddenCallError, match=r"^unit tests use no") as raised, isolated():
        make_call()
    assert call in str(raised.value)


def test_a_test_fails_wherever_it_makes_a_forbidden_call(tmp_path: Path) -> None:
    path = tmp_path / "test_further.py"
    path.write_text(FURTHER_TESTS)
    summary = run_pytest(path)
    assert [line.partition(" - ")[0] for line in summary if line.startswith(("FAILED", "ERROR", "PASSED"))] == [
        "PASSED test_further.py::test_a_thread_that_outlives_its_test_is_started",
        "PASSED test_further.py::test_waiting_for_a_thread_is_no_sleep",
        "ERROR test_further.py::test_it_is_an_error_in_a_fixture",
        "FAILED test_further.py::test_it_is_an_error_even_if_the_exception_is_caught",
        "FAILED test_further.py::test_it_is_an_error_in_another_thread",
        "FAILED test_further.py::test_a_thread_of_an_earlier_test_is_watched",
    ]
    assert f"time.sleep(0.001) in forbidden_call, {path}:12" in "\n".join(summary)


def test_threads_start_while_coverage_is_measured() -> None:
    # Python 3.11 sets no trace function while it waits for an audit hook on another thread.
    run = subprocess.run(
        [sys.executable, "-c", STARTED_THREADS],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert (run.returncode, run.stderr) == (0, "")


def test_the_unit_tests_are_run_so() -> None:
    from tests.unit import conftest  # noqa: PLC0415 -- it is not to be collected here

    assert conftest.pytest_runtest_setup.__module__ == "tests.tooling.isolation"
    assert conftest.pytest_runtest_call.__module__ == "tests.tooling.isolation"
