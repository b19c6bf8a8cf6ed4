"""The cost of an invocation under awslambdaric, Lambda's runtime interface client, with and without records.

This is all the work of a function for a decision: the client fetches and parses the event, calls the function, and
sends the response. ``make bench`` also runs this, and writes ``benchmarks/results/invocations.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from benchmarks.measured.warm_authorizer import CACHED
from benchmarks.measuring.processes import describe_machine
from benchmarks.measuring.report import make_report, write_report
from benchmarks.measuring.running_function import running_function
from benchmarks.measuring.turns import WARM_UP_ROUNDS, Cost
from benchmarks.measuring.workloads import CERTIFICATES, write_workload
from benchmarks.warm import COMMON, RESULTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.measuring.running_function import Function

RECORDS = {
    False: {"LOG_DECISIONS": "none"},
    True: {"LOG_DECISIONS": "all", "METRICS_NAMESPACE": "Benchmark"},
}


class InvocationCost(NamedTuple):
    """CPU time of the function's process for one invocation, without log and metrics, and with both."""

    without: Cost
    recorded: Cost


def main() -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is measured (default: %(default)s)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        workload = write_workload(COMMON, Path(folder))
        costs = {cached: measure_invocations(workload, rounds, cached=cached) for cached in (False, True)}
    write_report(describe(costs, rounds), RESULTS / "invocations.md")


def measure_invocations(workload: Path, rounds: int, *, cached: bool) -> InvocationCost:
    """Invoke a function without records and one with them alternately, with new certificates and with cached ones.

    ``workload`` is a file of ``write_workload``, with more certificates than the authorizer caches. Raises RuntimeError
    for a response that is not an Allow.
    """
    environment, *events = workload.read_bytes().splitlines()
    events = events[:CACHED] if cached else events
    costs: dict[bool, list[float]] = {recorded: [] for recorded in RECORDS}
    with ExitStack() as stack:
        log = stack.enter_context(Path(os.devnull).open("wb"))
        functions = {
            recorded: stack.enter_context(running_function(json.loads(environment) | records, log))
            for recorded, records in RECORDS.items()
        }
        for _ in range(WARM_UP_ROUNDS + rounds):
            for recorded, function in functions.items():
                costs[recorded].append(_invoke_all(function, events))
    return InvocationCost(*(Cost(tuple(each[WARM_UP_ROUNDS:])) for each in costs.values()))


def describe(costs: Mapping[bool, InvocationCost], rounds: int) -> str:
    """Return the table in Markdown."""
    header = ["CPU µs of an invocation", "without log and metrics", "with both", "÷"]
    rows = [
        [
            "certificate in the cache" if cached else "certificate not seen before",
            *(str(without), str(recorded), recorded.ratio_text(without)),
        ]
        for cached, (without, recorded) in costs.items()
    ]
    conditions = (
        f"The median of {rounds} rounds, in turn, of {CERTIFICATES:,} invocations, {CACHED} in the cache, and the least"
        f" in parentheses; ÷ is the median of the rounds', and that of the least. Python {platform.python_version()};"
        f" {describe_machine()}."
    )
    return make_report(header, rows, [conditions])


def _invoke_all(function: Function, events: Sequence[bytes]) -> float:
    """Return the CPU time of an invocation in µs."""
    before = cpu_microseconds(function.process_id)
    for event in events:
        invocation = function.invoke(str(uuid4()), event)
        if invocation.kind != "response" or invocation.payload["policyDocument"]["Statement"][0]["Effect"] != "Allow":
            message = f"not Allow but {invocation.payload}"
            raise RuntimeError(message)
    return (cpu_microseconds(function.process_id) - before) / len(events)


def cpu_microseconds(process_id: int) -> float:
    """Return the CPU time of another process: the clock that clock_getcpuclockid(3) gives on Linux."""
    return time.clock_gettime_ns((~process_id << 3) | 2) / 1000


if __name__ == "__main__":
    main()
