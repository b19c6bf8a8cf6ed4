"""Hooks for pytest that keep tests away from sockets, processes and sleeps, used below ``tests/unit``.

Sockets and processes are detected by an audit hook (PEP 578), so that it makes no difference by which name or from
which thread they are used. A forbidden call raises at the place where it is made. It also fails the test if that
exception is caught.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, SupportsIndex

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import FrameType

_PROCESSES = ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system")
_SOCKETS = (
    "socket.__new__",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyaddr",
    "socket.gethostbyname",
    "socket.gethostname",
    "socket.getnameinfo",
    "socket.getservbyname",
    "socket.getservbyport",
    "socket.sendmsg",
    "socket.sendto",
    "socket.sethostname",
)


class ForbiddenCallError(Exception):
    """A unit test used a socket, started a process or slept."""


class _Watch:
    """The forbidden calls that one phase of a test makes."""

    def __init__(self) -> None:
        # A server that another test left running in this process may go on.
        self._others = {thread for thread in threading.enumerate() if thread not in _own_threads}
        self._others.discard(threading.current_thread())
        self.calls: list[str] = []

    def check(self, call: str, frame: FrameType) -> None:
        if any(thread.ident == threading.get_ident() for thread in self._others):
            return
        caller = traceback.extract_stack(frame, limit=1)[0]
        self.calls.append(f"{call} in {caller.name}, {caller.filename}:{caller.lineno}")
        raise ForbiddenCallError(self.calls[-1])

    def close(self) -> None:
        _own_threads.clear()
        _own_threads.update(set(threading.enumerate()) - self._others)


_own_threads: set[threading.Thread] = set()
"""Threads that watched tests have started. They remain watched after the end of their test."""
_watches: list[_Watch] = []


class _ForbiddenEvent(str):
    """The name of an audit event that is looked for in a dictionary, and checked when it is found there."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, event: object) -> bool:
        if str.__eq__(self, event) and _watches:
            _watches[-1].check(str(self), sys._getframe(1))
        return str.__eq__(self, event)


_sleep = time.sleep


def _checked_sleep(seconds: float | SupportsIndex, /) -> None:
    if _watches and seconds:
        _watches[-1].check(f"time.sleep({seconds})", sys._getframe(1))  # noqa: SLF001 -- of the caller
    _sleep(seconds)


# A dictionary's method, because a hook must not run Python code for the event sys.settrace: Python could then change
# to another thread, in which coverage cannot start meanwhile ("while another trace function is being installed").
sys.addaudithook(dict.fromkeys(map(_ForbiddenEvent, (*_PROCESSES, *_SOCKETS))).get)  # type: ignore[arg-type]
# Sleeping is no audit event before Python 3.14.
time.sleep = _checked_sleep


@contextmanager
def isolated() -> Iterator[None]:
    """Forbid sockets, processes and sleeps. Raises ForbiddenCallError at the end for calls whose error was caught."""
    watch = _Watch()
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.remove(watch)
        watch.close()
        if watch.calls:
            message = f"unit tests use no sockets, processes or sleeps, but: {'; '.join(dict.fromkeys(watch.calls))}"
            raise ForbiddenCallError(message)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """Watch a test's fixtures, including those of the session that are made for it."""
    with isolated():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Watch the test itself."""
    with isolated():
        return (yield)
