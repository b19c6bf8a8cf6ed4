"""A short run of the fuzz target, the same each time."""

from __future__ import annotations

from tests.fuzz.fuzz_certificates import fuzz


def test_both_ways_through_a_certificate_agree_whatever_its_bytes() -> None:
    outcomes = fuzz(5, executions=5_000)
    assert outcomes.total() == 5_000
    assert min(outcomes["malformed"], outcomes["with others"], outcomes["with plain extensions"]) > 500
