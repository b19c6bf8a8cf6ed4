"""Where coverage is not measured. Python 3.11 takes twice as long for all code in a thread that it traces."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def not_traced() -> Iterator[None]:
    """Measure no coverage in this thread, in a block or a function that runs no code of the project."""
    trace = sys.gettrace()
    # Python 3.11 refuses to set one while another thread sets its own: it then calls the audit hook of
    # ``tests.isolation``, and may switch threads. Not in a function: coverage must see as many returns as calls.
    while sys.gettrace() is not None:
        with suppress(RuntimeError):
            sys.settrace(None)
    try:
        yield
    finally:
        while sys.gettrace() is not trace:
            with suppress(RuntimeError):
                sys.settrace(trace)
        _start()


def _start() -> None:
    """Do nothing: coverage measures again from the first call on, and not in functions that have begun before."""
