"""Calling a function as Lambda does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

LambdaFunction: TypeAlias = Callable[[Any, Any], object]
"""A handler: it takes an event and Lambda's context object, which is None here."""


class FunctionError(Exception):
    """The function raised, or answered what isn't JSON. The message is what Lambda calls ``errorMessage``."""


class CountedFunction:
    """A function that knows how often it was called, from whatever thread."""

    def __init__(self, function: LambdaFunction) -> None:
        self._function = function
        self._lock = threading.Lock()
        self.calls = 0

    def __call__(self, event: object, context: object) -> object:
        """Count the call, and pass it on."""
        with self._lock:
            self.calls += 1
        return self._function(event, context)


def invoke(function: LambdaFunction, event: dict[str, object]) -> object:
    """Call a function with an event and return its answer, both of them through JSON. Raises FunctionError."""
    received = _through_json(event)
    try:
        return _through_json(function(received, None))
    except (Exception, SystemExit) as error:
        # Lambda reports whatever ends a function. That must not end the gateway.
        raise FunctionError(str(error)) from error


def _through_json(value: object) -> object:
    return json.loads(json.dumps(value, allow_nan=False))
