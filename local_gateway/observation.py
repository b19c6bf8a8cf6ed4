"""Collects what the authorizer logs for a request, and drops what it logs for an explanation."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from logging.handlers import BufferingHandler
from typing import TYPE_CHECKING

from mtls_authorizer.log import get_logger

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

_lock = threading.Lock()


@contextmanager
def observed_log() -> Iterator[list[logging.LogRecord]]:
    """Yield a list that receives what the authorizer logs while the block runs. Only one block runs at a time."""
    recorder = BufferingHandler(sys.maxsize)
    with _lock:
        get_logger().addHandler(recorder)
        try:
            yield recorder.buffer
        finally:
            get_logger().removeHandler(recorder)


@contextmanager
def unlogged() -> Iterator[None]:
    """Drop what the authorizer logs on this thread while the block runs."""
    thread = threading.get_ident()

    def is_another(record: logging.LogRecord) -> bool:
        return record.thread != thread

    get_logger().addFilter(is_another)
    try:
        yield
    finally:
        get_logger().removeFilter(is_another)
