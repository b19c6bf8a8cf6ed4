"""The benchmark measures what it says it does: the same decision, made by each side."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.measuring.processes import PYTHON_STATUS, find_node, measure, node_version, run
from tests.aws.api_events import rest_event
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).parents[3]
BENCHMARKS = PROJECT / "benchmarks"
ENVIRONMENT = {"ALLOWED_COMMON_NAMES": "client", "PYTHONDONTWRITEBYTECODE": "1"}


def this_authorizer(event: str) -> list[str]:
    folders = [PROJECT / "authorizer", PROJECT / "layer", Path(sysconfig.get_path("purelib"))]
    return [sys.executable, "-I", "-S", str(BENCHMARKS / "measured" / "one_event.py"), event, *map(str, folders)]


def typical_authorizer(event: str) -> list[str]:
    return [find_node(), str(BENCHMARKS / "measured" / "typical_authorizer.js"), event]


@pytest.mark.parametrize("command", [this_authorizer, typical_authorizer])
@pytest.mark.parametrize(("common_name", "effect"), [("client", "Allow"), ("other", "Deny")])
def test_each_side_decides_by_the_common_name(
    command: Callable[[str], list[str]], common_name: str, effect: str, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(rest_event(client_pem(("O", "Acme"), ("CN", common_name)))), encoding="utf-8")
    answer = json.loads(run(command(str(event)), ENVIRONMENT).output.splitlines()[0])
    assert answer["principalId"] == common_name
    assert answer["policyDocument"]["Statement"][0]["Effect"] == effect


def test_cpu_time_and_memory_are_those_of_the_process() -> None:
    idle = [sys.executable, "-I", "-S", "-c", PYTHON_STATUS]
    busy = [sys.executable, "-I", "-S", "-c", f"b'x' * (50 << 20); sum(range(5_000_000)); {PYTHON_STATUS}"]
    summaries = measure({"idle": idle, "busy": busy}, {}, rounds=2)
    assert summaries["busy"].least_cpu > summaries["idle"].least_cpu
    assert summaries["busy"].median_cpu >= summaries["busy"].least_cpu > 0
    assert summaries["busy"].memory - summaries["idle"].memory > 25


def test_a_process_that_fails_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"], {})
    with pytest.raises(RuntimeError, match="did not print its status"):
        run([sys.executable, "-c", "pass"], {})


def test_node_is_installed() -> None:
    assert node_version().startswith("v")
