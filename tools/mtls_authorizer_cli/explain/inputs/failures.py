"""The log records of the authorizer about documents that cannot be read: a function runs without CRLs, for example."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mtls_authorizer.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@contextmanager
def logged_failures() -> Iterator[Collection[str]]:
    """Return a collection to which failures are added while the context is entered, each once."""
    handler = _Failures()
    get_logger().addHandler(handler)
    try:
        yield handler.notes.keys()
    finally:
        get_logger().removeHandler(handler)


class _Failures(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.notes: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.notes[f"{record.getMessage()}: {getattr(record, 'error', '')}"] = None
