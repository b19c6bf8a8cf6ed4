"""The cost of a decision of a warm function: this authorizer in comparison with typical ones on Node.

``make bench`` builds the layer, runs this, and writes ``benchmarks/results/warm.md`` and ``warm.svg``.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cold_start import unpack
from benchmarks.measuring.processes import (
    describe_machine,
    describe_pythons,
    find_debian_builds,
    find_node,
    node_version,
)
from benchmarks.measuring.report import Bar, draw_bars, make_report, write_report
from benchmarks.measuring.turns import Cost, Turn, measure
from benchmarks.measuring.workloads import CERTIFICATES, Workload, pem_size, write_workload
from distribution.layer_builder.interpreters import find_interpreters

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results"
COMMON = Workload("a common certificate")

# Each differs from the common certificate in one property. The cost of a decision must not grow with these properties.
GROWTH = {
    "names in the list": [Workload(f"{number:,} in the list", listed=number) for number in (1, 100, 10_000)],
    "rules": [Workload(f"{number:,} {'rule' if number == 1 else 'rules'}", rules=number) for number in (1, 100, 1_000)],
    "subject alternative names": [
        Workload(f"{number} subject alternative {'name' if number == 1 else 'names'}", subject_alt_names=number)
        for number in (0, 1, 10, 100)
    ],
    "size": [
        *(Workload(f"an RSA key of {bits} bits", key=bits) for bits in ("2048", "4096")),
        Workload("an extension of 8 KiB", padding=8 * 1024),
    ],
}

NODE = "Node"
SUBJECT_ONLY, WHOLE_OBJECT, NOT_SEEN_BEFORE, IN_THE_CACHE = KINDS = (
    *("subject only", "whole object"),
    *("not seen before", "in the cache"),
)


class Row(NamedTuple):
    """A row of the table: the Python and the workload. Node decides on about the same workload."""

    name: str
    python: str
    workload: Workload
    recorded: bool = False


def main() -> None:
    """Measure, print the table, and write it and the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is measured (default: %(default)s)")
    rounds = parser.parse_args().rounds
    tested, debian_builds = find_interpreters(), find_debian_builds()
    interpreters = tested | debian_builds
    rows = make_rows(list(tested), list(debian_builds))
    with tempfile.TemporaryDirectory() as folder:
        files = {row.workload: write_workload(row.workload, Path(folder)) for row in rows}
        costs = measure_rows(rows, files, make_commands(Path(folder), interpreters), rounds)
        sizes = {workload: pem_size(path) for workload, path in files.items()}
        report = describe(rows, costs, sizes, rounds, interpreters)
    write_report(report, RESULTS / "warm.md")
    (RESULTS / "warm.svg").write_text(draw(rows, costs), encoding="utf-8")


def make_rows(versions: list[str], debian_builds: list[str]) -> list[Row]:
    """Return the rows of the table: the common certificate on each Python, then the growth on the newest.

    Rows that are compared with each other are next to each other, so that they are measured at about the same time.
    """
    on_each = [
        Row(f"Python {version}{', with log and metrics' if recorded else ''}", version, COMMON, recorded)
        for version in [*versions, *debian_builds]
        for recorded in (False, True)
    ]
    growth = [Row(workload.name, versions[-1], workload) for workloads in GROWTH.values() for workload in workloads]
    return [*on_each, *growth]


def make_commands(folder: Path, interpreters: Mapping[str, Path]) -> dict[str, list[str | Path]]:
    """Return the commands for Node, and for each Python with the built layer, as on Lambda."""
    compiled = unpack(folder / "unpacked")
    runtime = folder / "runtime"
    copy_runtime(runtime)
    commands: dict[str, list[str | Path]] = {
        NODE: [find_node(), PROJECT / "benchmarks" / "measured" / "warm_authorizers.js"]
    }
    script = PROJECT / "benchmarks" / "measured" / "warm_authorizer.py"
    for name, interpreter in interpreters.items():
        folders = [compiled / name.split()[0], compiled / "opt" / "python", runtime]
        commands[name] = [interpreter, "-I", "-S", "-B", script, *folders]
    return commands


def copy_runtime(destination: Path) -> None:
    """Copy the part of Lambda's runtime client that is Python and works on every version: logging needs no more."""
    for package in ("awslambdaric", "simplejson"):
        specification = importlib.util.find_spec(package)
        if specification is None or specification.origin is None:
            message = f"{package} is not installed"
            raise RuntimeError(message)
        (destination / package).mkdir(parents=True)
        for module in Path(specification.origin).parent.glob("*.py"):
            shutil.copyfile(module, destination / package / module.name)


def measure_rows(
    rows: list[Row], files: dict[Workload, Path], commands: dict[str, list[str | Path]], rounds: int
) -> list[dict[str, Cost]]:
    """Return the cost of each row, by kind."""
    turns = [
        (
            NODE if kind in {SUBJECT_ONLY, WHOLE_OBJECT} else row.python,
            Turn(str(files[row.workload]), kind, CERTIFICATES, row.recorded),
        )
        for row in rows
        for kind in KINDS
    ]
    costs = iter(measure(commands, turns, rounds))
    return [{kind: next(costs) for kind in KINDS} for _ in rows]


def describe(
    rows: list[Row],
    costs: list[dict[str, Cost]],
    sizes: dict[Workload, int],
    rounds: int,
    interpreters: Mapping[str, Path],
) -> str:
    """Return the table in Markdown."""
    table = []
    for row, cost in zip(rows, costs, strict=True):
        node = cost[SUBJECT_ONLY]
        name = row.name if row.workload is COMMON else f"{row.name} ({sizes[row.workload] / 1000:.1f} kB)"
        cells = [name, str(node), str(cost[WHOLE_OBJECT])]
        for kind in (NOT_SEEN_BEFORE, IN_THE_CACHE):
            cells += [str(cost[kind]), cost[kind].ratio_text(node)]
        table.append(cells)
    header = ["µs", f"{NODE}, {SUBJECT_ONLY}", f"{NODE}, {WHOLE_OBJECT}", NOT_SEEN_BEFORE, "÷", IN_THE_CACHE, "÷"]
    return make_report(header, table, [_recording(rows, costs), "", _conditions(rows, sizes, rounds, interpreters)])


def _recording(rows: list[Row], costs: list[dict[str, Cost]]) -> str:
    """Return a sentence on the cost of log and metrics: a row with them in comparison with the one without."""
    of_one = {(row.python, row.recorded): cost for row, cost in zip(rows, costs, strict=True) if row.workload is COMMON}
    pairs = [(of_one[python, True], cost) for (python, recorded), cost in of_one.items() if not recorded]
    ratios = {
        kind: sorted(with_records[kind].ratio(without[kind]) for with_records, without in pairs)
        for kind in (NOT_SEEN_BEFORE, IN_THE_CACHE)
    }
    new, kept = (f"{each[0]:.2f} to {each[-1]:.2f}" for each in ratios.values())
    return f"With log and metrics, a decision takes {new} times what it takes without; {kept} times in the cache."


def _conditions(rows: list[Row], sizes: dict[Workload, int], rounds: int, interpreters: Mapping[str, Path]) -> str:
    return " ".join(
        [
            f"CPU time of a decision: the median of {rounds} rounds of {CERTIFICATES:,}, in turn, and the least in",
            f"parentheses; ÷ is to {NODE}, {SUBJECT_ONLY}: the median of the rounds', and that of the least.",
            "Where nothing else is said: a P-256 key, one subject",
            f"alternative name, {sizes[COMMON] / 1000:.1f} kB of PEM, {COMMON.listed} names in the list, neither log",
            f"nor metrics, and growth with Python {rows[-1].python}.",
            f"Python {describe_pythons(interpreters)}; Node {node_version()}; {describe_machine()}.",
        ]
    )


def draw(rows: list[Row], costs: list[dict[str, Cost]]) -> str:
    """Return the chart: the common certificate on Node and on the newest Python."""
    newest = [(row, cost) for row, cost in zip(rows, costs, strict=True) if row.python == rows[-1].python]
    plain, recorded = (
        {row.recorded: cost for row, cost in newest if row.workload is COMMON}[recorded] for recorded in (False, True)
    )
    python = f"Python {rows[-1].python}"
    return draw_bars(
        "CPU time of a decision, median",
        "µs",
        [
            Bar("Node, whole object", plain[WHOLE_OBJECT].median, ours=False),
            Bar("Node, subject only", plain[SUBJECT_ONLY].median, ours=False),
            Bar(f"{python}, not seen before", plain[NOT_SEEN_BEFORE].median, ours=True),
            Bar("the same, with log and metrics", recorded[NOT_SEEN_BEFORE].median, ours=True),
            Bar(f"{python}, in the cache", plain[IN_THE_CACHE].median, ours=True),
            Bar("the same, with log and metrics", recorded[IN_THE_CACHE].median, ours=True),
        ],
    )


if __name__ == "__main__":
    main()
