"""A short run of the fuzz target, the same each time."""

from __future__ import annotations

from tests.fuzz.fuzz_psd2 import fuzz


def test_psd2_statements_are_read_as_by_another_decoder() -> None:
    outcomes = fuzz(5, executions=3_000)
    assert outcomes.total() == 3_000
    assert min(outcomes["read"], outcomes["rejected"], outcomes["without a PSD2 statement"]) > 300
    assert outcomes["not compared"] < 30
