"""A plugin for pytest that measures coverage only where code of the project runs, and blocks without coverage.

Tracing makes all code of a thread slower, pytest's and other libraries' included: all tests together take a quarter
less time if only imports, fixtures and tests are traced. What a fixture does after its ``yield`` is not.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import is_hypothesis_test

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from _typeshed import TraceFunction

_COVERAGE = pytest.StashKey["TraceFunction | None"]()
"""The function that measures coverage in the thread of the tests. Each other thread has its own."""


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    session.config.stash[_COVERAGE] = sys.gettrace()
    with not_traced():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, object, object]:
    """Measure coverage while modules are imported."""
    with _traced_by(collector.config.stash[_COVERAGE]):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem() -> Generator[None, object, object]:
    """Measure none while the tests of a module are collected after that."""
    with not_traced():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    with not_traced():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Generator[None, object, object]:
    with _traced_by(request.config.stash[_COVERAGE]):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Measure no coverage by searches, whose examples differ each time, and by tests that repeat the same lines."""
    if is_hypothesis_test(pyfuncitem.obj) or pyfuncitem.get_closest_marker("without_coverage"):
        return (yield)
    with _traced_by(pyfuncitem.config.stash[_COVERAGE]):
        return (yield)


@contextmanager
def not_traced() -> Iterator[None]:
    """Measure no coverage in this thread, in a block or a function that runs no code of the project."""
    with _traced_by(None):
        yield


@contextmanager
def _traced_by(function: TraceFunction | None) -> Iterator[None]:
    before = sys.gettrace()
    if function is before:
        yield
        return
    _trace(function)
    try:
        yield
    finally:
        _trace(before)


def _trace(function: TraceFunction | None) -> None:
    sys.settrace(function)
    _start()


def _start() -> None:
    """Do nothing: coverage measures again from the first call on, and not in functions that have begun before."""
