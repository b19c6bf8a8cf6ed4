"""The log of all functions: Python's ``logging``, which is imported only when there is something to log.

Lambda's runtime client imports and configures it before a function. Where nothing has done so, Python drops records
below WARNING, and importing it would take a sixth of a cold start, and two fifths on Python 3.14.
"""

from __future__ import annotations

import os
import sys
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger


@cache
def get_logger() -> Logger:
    """Return the logger of all functions."""
    import logging  # noqa: PLC0415 -- see above

    return logging.getLogger("mtls_authorizer")


def is_imported() -> bool:
    """Return whether ``logging`` was imported. Otherwise, it has no handler for records below WARNING."""
    return "logging" in sys.modules


def choose_level() -> None:
    """Log what was done, unless a level was chosen: Python's default, WARNING, would omit it."""
    if is_imported() and not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
        get_logger().setLevel("INFO")
