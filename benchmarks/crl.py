"""The cost of a revocation list of a million entries: its index and the CRL itself in comparison with a JSON object.

``make bench-crl`` runs this, and writes ``benchmarks/results/crl.md``. The lists are created once, under ``build``.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import sys
import sysconfig
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.measuring.processes import PYTHON_STATUS, Usage, describe_machine, run
from benchmarks.measuring.report import make_report, write_report
from mtls_authorizer.revocation.index.indexing import index_crl
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.pki.certificate_authorities import ALGORITHMS, CertificateAuthority, crl_number, entry

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results" / "crl.md"
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1"}
PATHS = [PROJECT / "authorizer", PROJECT / "layer", Path(sysconfig.get_path("purelib"))]

FLOOR, BASE = "bare", "crl.json"
ROWS = {
    BASE: "a JSON object of hexadecimal serial numbers",
    "crl.index": "the index",
    "crl.der": "the CRL itself, its signature verified",
    FLOOR: "nothing: the interpreter alone",
}
# 20 bytes as an INTEGER, the most that RFC 5280 §4.1.2.2 allows: the worst case for the index.
_SERIAL_BITS = 159
_ASKED = 50
_MEMORY = {"grown", "peak"}
# The interpreter alone.
_BARE = f"import time; print('{{\"process\": %s}}' % (time.process_time() * 1e3)); {PYTHON_STATUS}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="how often each process runs (default: %(default)s)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="in the list (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write (default: %(default)s)")
    parser.add_argument("--build", type=Path, default=PROJECT / "build", help="where the lists are kept")
    options = parser.parse_args(arguments)
    folder = options.build / f"crl-{options.entries}"
    if not folder.exists():
        print(f"Making a list of {options.entries:,} entries in {folder}", file=sys.stderr)
        make_lists(folder, options.entries)
    report = describe(measure(folder, options.rounds), folder, options.entries, options.rounds)
    write_report(report, options.results)


def make_lists(folder: Path, entries: int) -> None:
    """Create a CRL with a real signature, and the same list in the other forms. On an error, no folder remains."""
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    random = Random(entries)  # noqa: S311 -- the same list each time
    serial_numbers = [random.getrandbits(_SERIAL_BITS) for _ in range(entries)]
    others = [random.getrandbits(_SERIAL_BITS) for _ in range(_ASKED)]
    # The cache exists as long as the CA.
    now = datetime.now(UTC).replace(microsecond=0)
    start, end = now - timedelta(days=1), now + timedelta(days=3650)
    ca = CertificateAuthority("CA", algorithm=ALGORITHMS["RSA with SHA-256"], not_before=start, not_after=end)
    crl = ca.revoke(
        *(entry(number, when=start) for number in serial_numbers),
        this_update=start,
        next_update=end,
        extensions=[crl_number(1)],
    )
    index = index_crl(crl, read_truststore(ca.pem), now, existing=None, max_age=timedelta(0)).new_index or b""
    answers = dict.fromkeys(random.sample(serial_numbers, min(_ASKED, entries)), True) | dict.fromkeys(others, False)
    (draft / "ca.pem").write_bytes(ca.pem)
    (draft / "crl.der").write_bytes(crl)
    (draft / "crl.index").write_bytes(index)
    (draft / "crl.json").write_text(_json(dict.fromkeys(serial_numbers, True)), encoding="utf-8")
    (draft / "asked.json").write_text(_json(answers), encoding="utf-8")
    draft.rename(folder)


def _json(answers: dict[int, bool]) -> str:
    return json.dumps({f"{number:040x}": revoked for number, revoked in answers.items()}, separators=(",", ":"))


def measure(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Run each approach once per round, alternately, in a process of its own.

    The figures are those of ``one_revocation_list.py``. CPU times are the minimum of all rounds, memory the maximum.
    """
    # As on Lambda, Python ignores the environment and site-packages.
    python = [sys.executable, "-I", "-S", "-B"]
    script = str(PROJECT / "benchmarks" / "measured" / "one_revocation_list.py")
    commands = {name: [*python, script, str(folder), name, *map(str, PATHS)] for name in ROWS if name != FLOOR}
    commands[FLOOR] = [*python, "-c", _BARE]
    usages: dict[str, list[Usage]] = {approach: [] for approach in commands}
    for _ in range(rounds):
        for approach, command in commands.items():
            usages[approach].append(run(command, ENVIRONMENT))
    return {approach: _summarize(of_one) for approach, of_one in usages.items()}


def _summarize(usages: list[Usage]) -> dict[str, float]:
    printed = [{"peak": usage.memory, **json.loads(usage.output.splitlines()[0])} for usage in usages]
    figures = {name: (max if name in _MEMORY else min)(each[name] for each in printed) for name in printed[0]}
    if "load" in figures:
        figures["median_load"] = statistics.median(each["load"] for each in printed)
    return figures


def describe(figures: dict[str, dict[str, float]], folder: Path, entries: int, rounds: int) -> str:
    """Return the table in Markdown."""
    base, floor = figures[BASE], figures[FLOOR]
    header = [
        f"{entries:,} entries, from",
        "reading, CPU ms",
        "loading, CPU ms",
        "median",
        "JSON ÷ it",
        "with reading, JSON ÷ it",
        "memory grows by MiB",
        "JSON ÷ it",
        "a lookup, µs",
        "whole process, CPU ms",
        "peak MiB",
    ]
    rows = [
        [
            ROWS[name],
            f"{of_one['read']:.1f}",
            f"{of_one['load']:.1f}",
            f"{of_one['median_load']:.1f}",
            f"{base['load'] / of_one['load']:.2f}",
            f"{(base['read'] + base['load']) / (of_one['read'] + of_one['load']):.2f}",
            f"{of_one['grown']:.1f}",
            f"{base['grown'] / of_one['grown']:.2f}",
            f"{of_one['lookup']:.1f}",
            f"{of_one['process']:.0f}",
            f"{of_one['peak']:.0f}",
        ]
        for name, of_one in figures.items()
        if name != FLOOR
    ]
    rows.append([ROWS[FLOOR], *[""] * (len(header) - 3), f"{floor['process']:.0f}", f"{floor['peak']:.0f}"])
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 2**20:.1f} MiB" for path in sorted(folder.glob("crl.*")))
    notes = [
        "Loading begins with the bytes in memory and ends with the first answer. Imports count for the process only.",
        f"{rounds} rounds, in turn; {sizes}; Python {platform.python_version()}; {describe_machine()}.",
    ]
    return make_report(header, rows, notes)


if __name__ == "__main__":
    main()
