"""Short runs of the fuzz targets for certificates, the same each time."""

from __future__ import annotations

import pytest

from benchmarks.processes import node_version
from tests.fuzz import fuzz_certificates, fuzz_certificates_against_node
from tests.fuzz.fuzz_certificates_against_node import Outcome


def test_the_parser_and_cryptography_agree_on_odd_certificates() -> None:
    outcomes = fuzz_certificates.fuzz(5, executions=5_000)
    assert outcomes.total() == 5_000
    assert min(outcomes["malformed"], outcomes["not read by cryptography"], outcomes["read by both"]) > 500


def test_the_parser_and_node_agree_on_odd_certificates_but_for_the_listed_differences() -> None:
    if not node_version().startswith("v20."):
        pytest.skip(f"needs Node 20, and this is {node_version()}")
    outcomes = fuzz_certificates_against_node.fuzz(5, executions=3_000)
    assert outcomes.total() == 3_000
    assert outcomes[Outcome.EQUAL] > 1_200
    assert outcomes[Outcome.BOTH_REJECT] > 600
    assert set(outcomes) == set(Outcome)
