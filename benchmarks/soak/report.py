"""The table of the load test."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from benchmarks.measuring.processes import describe_machine
from benchmarks.measuring.report import make_report
from benchmarks.soak.gateway import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.soak.run import Result


def describe(results: dict[str, Result]) -> str:
    """Return the table in Markdown."""
    rows: dict[str, Callable[[Result], str]] = {
        "decisions": lambda each: f"{len(each.seconds):,}",
        "different certificates": lambda each: f"{each.certificates:,}",
        "wrong responses": lambda each: f"{each.wrong_responses}",
        "allowed": lambda each: f"{each.outcomes['allowed']:,}",
        "denied": lambda each: f"{each.outcomes['denied']:,}",
        "malformed certificate": lambda each: f"{each.outcomes['malformed']:,}",
        "no certificate": lambda each: f"{each.outcomes['missing']:,}",
        "found in the cache": lambda each: f"{_cached(each):.0%}",
        "failed refreshes of the rules": lambda each: f"{each.log.messages['document refresh failed']}",
        "lines of the log, all of them JSON": lambda each: f"{each.log.lines:,}",
        "TLS handshakes, and rejected ones": _handshakes,
        "decisions a second": lambda each: f"{len(each.seconds) / each.elapsed:,.0f}",
        **{f"ms, {name}": _percentile(share) for name, share in _PERCENTILES.items()},
        "memory once the cache is full, MiB": lambda each: f"{each.memory.samples[0]:.1f}",
        "at most from then on": lambda each: f"{max(each.memory.samples):.1f}",
        "at the end": lambda each: f"{each.memory.samples[-1]:.1f}",
        "growth": lambda each: f"{each.memory.growth:+.1f}",
    }
    handshakes = [_median(result.handshakes) for result in results.values() if result.handshakes]
    handshake = "".join(f" A TLS handshake took {seconds * 1000:.0f} ms." for seconds in handshakes)
    notes = [
        f"""A decision's time is from sending its event to the function until the response is received; behind the
gateway, that of the whole request, with {THREADS} requests in progress at a time.{handshake} Other work kept
the machine busy: times are upper bounds, the tail more so than the median.""",
        f"Python {platform.python_version()}; {describe_machine()}.",
    ]
    table = ([name, *map(figure, results.values())] for name, figure in rows.items())
    return make_report(["", *results], table, notes)


_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def _percentile(share: float) -> Callable[[Result], str]:
    return lambda result: f"{result.seconds[min(int(len(result.seconds) * share), len(result.seconds) - 1)] * 1000:.1f}"


def _cached(result: Result) -> float:
    return sum(bool(each["cached"]) for each in result.log.decisions) / len(result.log.decisions)


def _median(seconds: Sequence[float]) -> float:
    return seconds[len(seconds) // 2]


def _handshakes(result: Result) -> str:
    return f"{len(result.handshakes):,}, {result.rejected_handshakes:,}" if result.handshakes else ""
