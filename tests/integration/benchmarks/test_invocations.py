"""The benchmark of whole invocations measures what it says, and shows what it measured."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from benchmarks import invocations
from benchmarks.invocations import InvocationCost, describe, measure_invocations
from benchmarks.measuring.turns import WARM_UP_ROUNDS, Cost
from benchmarks.measuring.workloads import Workload, write_workload

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 8


@pytest.mark.parametrize("cached", [False, True])
def test_functions_with_and_without_records_are_measured_in_turn(
    cached: bool,  # noqa: FBT001 -- a parameter of the test
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(os, "devnull", str(log))
    path = write_workload(Workload("listed", listed=3), tmp_path, certificates=COUNT)
    costs = measure_invocations(path, 1, cached=cached)
    assert all(1 < cost.least == cost.median < 1_000_000 for cost in costs)
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(records) == 2 * COUNT * (WARM_UP_ROUNDS + 1)
    assert sum(record.get("decision") == "allow" for record in records) == len(records) / 2
    assert sum(record.get("Allowed") == 1 for record in records) == len(records) / 2


def test_only_as_many_certificates_are_sent_as_fit_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(os, "devnull", str(log))
    monkeypatch.setattr(invocations, "CACHED", COUNT // 2)
    path = write_workload(Workload("listed", listed=3), tmp_path, certificates=COUNT)
    measure_invocations(path, 1, cached=True)
    records = [json.loads(line) for line in log.read_text().splitlines() if "fingerprint" in line]
    assert [record["cached"] for record in records] == [False] * (COUNT // 2) + [True] * COUNT


def test_an_answer_that_is_not_allow_is_not_measured(tmp_path: Path) -> None:
    path = write_workload(Workload("not listed"), tmp_path, certificates=COUNT)
    path.write_text("\n".join([json.dumps({"ALLOWED_COMMON_NAMES": "other"}), *path.read_text().splitlines()[1:]]))
    with pytest.raises(RuntimeError, match="not Allow but"):
        measure_invocations(path, 1, cached=False)


def test_the_clock_is_that_of_the_processs_cpu_time() -> None:
    before = time.process_time_ns() / 1000
    measured = invocations.cpu_microseconds(os.getpid())
    assert before <= measured <= time.process_time_ns() / 1000


def test_the_table_has_each_cost_and_its_ratio() -> None:
    table = describe({False: InvocationCost(Cost((80, 100, 110)), Cost((100, 150, 200)))}, rounds=7)
    assert "| certificate not seen before | 100 (80) | 150 (100) | 1.50 (1.25) |" in table
    assert "7 rounds" in table
