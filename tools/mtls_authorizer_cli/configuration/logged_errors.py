"""The errors that the authorizer logs and continues after, such as a CRL that cannot be read."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mtls_authorizer.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@contextmanager
def logged_failures() -> Iterator[Collection[str]]:
    """Return a collection to which the errors logged within the context are added, without duplicates."""
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
