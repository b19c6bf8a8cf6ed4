"""The log of all functions: Python's ``logging``, which is imported only when there is something to log.

Lambda's runtime client imports and configures it before it imports the function. If nothing has imported it, Python
drops records below WARNING, and the import would take a sixth of a cold start, or a third on Python 3.14.
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


def logging_is_imported() -> bool:
    """Return whether ``logging`` was imported. Otherwise, it has no handler for records below WARNING."""
    return "logging" in sys.modules


def choose_level() -> None:
    """Log records from INFO on, unless a level is configured: Python's default is WARNING."""
    if logging_is_imported() and not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
        get_logger().setLevel("INFO")
