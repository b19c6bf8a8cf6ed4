"""A short run of the fuzz target, the same each time."""

from __future__ import annotations

from tests.fuzz.fuzz_index import fuzz


def test_indexes_are_rejected_or_give_answers_that_agree() -> None:
    outcomes = fuzz(5, executions=5_000)
    assert outcomes.total() == 5_000
    assert 500 < outcomes["read"] < 4_500
