from __future__ import annotations

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

import pytest

from local_gateway.api_gateway.functions import CountedFunction, FunctionError, invoke

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_function_gets_a_copy_of_its_event() -> None:
    event: dict[str, object] = {"headers": {"a": "b"}}

    def change(received: dict[str, dict[str, str]], _context: object) -> object:
        received["headers"]["a"] = "c"
        return received

    assert invoke(change, event) == {"headers": {"a": "c"}}
    assert event == {"headers": {"a": "b"}}


def test_an_answer_is_what_json_makes_of_it() -> None:
    assert invoke(lambda _event, _context: {1: ("a", None)}, {}) == {"1": ["a", None]}


@pytest.mark.parametrize("answer", [math.nan, {1, 2}, b"bytes", object()])
def test_an_answer_that_is_not_json_is_an_error(answer: object) -> None:
    with pytest.raises(FunctionError):
        invoke(lambda _event, _context: answer, {})


def raise_unauthorized() -> NoReturn:
    message = "Unauthorized"
    raise RuntimeError(message)


@pytest.mark.parametrize(
    ("fail", "message"), [(raise_unauthorized, "Unauthorized"), (lambda: sys.exit(3), "3"), (lambda: 1 / 0, "division")]
)
def test_any_exception_that_ends_a_function_is_an_error_with_its_message(
    fail: Callable[[], object], message: str
) -> None:
    with pytest.raises(FunctionError, match=message):
        invoke(lambda _event, _context: fail(), {})


def test_calls_are_counted_over_all_threads() -> None:
    function = CountedFunction(lambda event, _context: event)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: function(number, None), range(400)))

    assert answers == list(range(400))
    assert function.calls == 400
