"""A short run of the fuzz target for routes, the same each time."""

from __future__ import annotations

import pytest

from benchmarks.measuring.processes import node_version
from tests.fuzz import fuzz_routes


def test_no_path_that_a_grant_allows_resolves_to_a_path_outside_of_it() -> None:
    if not node_version().startswith("v20."):
        pytest.skip(f"needs Node 20, and this is {node_version()}")
    outcomes = fuzz_routes.fuzz(1, executions=4_000)
    assert outcomes.total() == 4_000
    assert outcomes["allowed"] > 150
