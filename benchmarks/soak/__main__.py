"""A long load test of the authorizer: under Lambda's own runtime client, and behind the local gateway over real TLS.

``make soak`` runs this, and writes ``benchmarks/results/soak.md``. The exit code is 1 after any problem: a wrong
response, a wrong line in the log, or growing memory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.measuring.report import write_report
from benchmarks.soak.gateway import soak_gateway
from benchmarks.soak.report import describe
from benchmarks.soak.runtime import soak_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parents[1] / "results" / "soak.md"

WAYS = {
    "under `awslambdaric`": soak_runtime,
    "behind the local gateway": soak_gateway,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load test, print the table, and write it. Returns 1 after any problem."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=100_000, help="through awslambdaric (default: %(default)s)")
    parser.add_argument(
        "--gateway-decisions", type=int, default=100_000, help="through the local gateway (default: %(default)s)"
    )
    parser.add_argument("--certificates", type=int, default=2000, help="that differ (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    results = {}
    for (way, soak), decisions in zip(WAYS.items(), (options.decisions, options.gateway_decisions), strict=True):
        random = Random(decisions)  # noqa: S311 -- the same each time
        print(f"{decisions:,} decisions {way}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            results[way] = soak(Path(folder), decisions, options.certificates, random)
    problems = [f"{way}: {problem}" for way, result in results.items() for problem in result.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print("Because of these problems, no results are written.", file=sys.stderr)
        return 1
    write_report(describe(results), options.results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
