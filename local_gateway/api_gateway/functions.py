"""Calling a function as Lambda does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

LambdaFunction: TypeAlias = Callable[[Any, Any], object]
"""A handler: it takes an event and Lambda's context object, which is None here."""


class FunctionError(Exception):
    """The function raised, or returned something other than JSON. The message is Lambda's ``errorMessage``."""


class CountedFunction:
    """A function that counts its calls. Safe for threads."""

    def __init__(self, function: LambdaFunction) -> None:
        self._function = function
        self._lock = threading.Lock()
        self.calls = 0

    def __call__(self, event: object, context: object) -> object:
        """Count the call, and call the function."""
        with self._lock:
            self.calls += 1
        return self._function(event, context)


def invoke(function: LambdaFunction, event: dict[str, object]) -> object:
    """Call a function with an event and return its response, both converted to JSON and back. Raises FunctionError."""
    received = _through_json(event)
    try:
        return _through_json(function(received, None))
    except (Exception, SystemExit) as error:
        # Lambda reports every exception of a function. None of them may end the gateway.
        raise FunctionError(str(error)) from error


def _through_json(value: object) -> object:
    return json.loads(json.dumps(value, allow_nan=False))
