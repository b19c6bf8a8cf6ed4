"""The benchmark of warm decisions measures what it says, and shows what it measured."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.measured.warm_authorizer import AT_ONCE, CACHED
from benchmarks.measuring.processes import find_debian_builds, find_node
from benchmarks.measuring.report import Bar, draw_bars
from benchmarks.measuring.turns import Cost, Turn, WarmProcess, measure
from benchmarks.measuring.workloads import CERTIFICATES, Workload, pem_size, write_workload
from benchmarks.warm import COMMON, KINDS, copy_runtime, describe, draw, make_rows
from client_certificate_auth import PeerCertificate
from distribution.layer_builder.interpreters import find_interpreters
from distribution.python_versions import DEBIAN_SUITES
from mtls_authorizer.request.assessment import MAX_CACHED_CERTIFICATES
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.rule_set import RuleSet
from tests.platforms.debian_python import ARCHITECTURES

PROJECT = Path(__file__).parents[3]
BENCHMARKS = PROJECT / "benchmarks"
FOLDERS = [PROJECT / "authorizer", PROJECT / "layer", Path(sysconfig.get_path("purelib"))]
COMMANDS: dict[str, list[str | Path]] = {
    "Python": [sys.executable, "-I", "-S", "-B", BENCHMARKS / "measured" / "warm_authorizer.py", *FOLDERS],
    "Node": [find_node(), BENCHMARKS / "measured" / "warm_authorizers.js"],
}
THIS = {"3.11": Path(sys.executable), "3.11 of Debian": Path(sys.executable)}
THIS_VERSION = ".".join(map(str, sys.version_info[:3]))
SIDES = dict(zip(KINDS, ("Node", "Node", "Python", "Python"), strict=True))


def pems(path: Path) -> list[str]:
    events = map(json.loads, path.read_text().splitlines()[1:])
    return [event["requestContext"]["identity"]["clientCert"]["clientCertPem"] for event in events]


@pytest.mark.parametrize("workload", [Workload("listed", listed=3), Workload("rules", rules=3)])
@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(("kind", "side"), SIDES.items())
def test_each_side_allows_the_listed_common_name_and_reports_its_time(
    kind: str, side: str, workload: Workload, *, recorded: bool, tmp_path: Path
) -> None:
    path = write_workload(workload, tmp_path, certificates=AT_ONCE)
    with WarmProcess(COMMANDS[side]) as process:
        assert 1 < process.take(Turn(str(path), kind, AT_ONCE, recorded)) < 100_000


@pytest.mark.parametrize(("kind", "side"), SIDES.items())
def test_a_decision_that_is_not_allow_is_not_measured(kind: str, side: str, tmp_path: Path) -> None:
    path = write_workload(Workload("not listed"), tmp_path, certificates=AT_ONCE)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({"ALLOWED_COMMON_NAMES": "other"}), *lines[1:]]) + "\n")
    with WarmProcess(COMMANDS[side]) as process, pytest.raises(RuntimeError, match=f"allowed 0 of {AT_ONCE}"):
        process.take(Turn(str(path), kind, AT_ONCE))


def test_a_process_that_ends_is_an_error() -> None:
    with WarmProcess([sys.executable, "-c", "input()"]) as process, pytest.raises(RuntimeError, match="ended"):
        process.take(Turn("", "", AT_ONCE))


def test_each_process_runs_its_turn_once_in_each_round(tmp_path: Path) -> None:
    path = str(write_workload(Workload("listed", listed=1), tmp_path, certificates=AT_ONCE))
    turns = [(side, Turn(path, kind, 4 * AT_ONCE)) for kind, side in SIDES.items()]
    costs = measure(COMMANDS, turns, rounds=3)
    assert len(costs) == len(turns)
    assert all(0 < cost.least <= cost.median for cost in costs)


def test_one_workload_exceeds_the_cache_and_the_other_one_fits_into_it() -> None:
    assert CERTIFICATES > MAX_CACHED_CERTIFICATES > CACHED
    assert CERTIFICATES % AT_ONCE == 0


@pytest.mark.parametrize(
    "workload",
    [
        Workload("common"),
        Workload("plain", subject_alt_names=0),
        Workload("many names", subject_alt_names=10),
        Workload("RSA", key="2048"),
        Workload("large", padding=8 * 1024),
    ],
    ids=lambda workload: workload.name,
)
def test_certificates_differ_and_are_of_the_shape_that_was_asked_for(workload: Workload, tmp_path: Path) -> None:
    path = write_workload(workload, tmp_path, certificates=5)
    certificates = list(map(PeerCertificate.from_pem, pems(path)))
    assert len({certificate.subject.rfc4514_string() for certificate in certificates}) == 5
    assert len({certificate.serial_number for certificate in certificates}) == 5
    for certificate in certificates:
        assert certificate.subject.CN == "client"
        assert len(certificate.subject_alt_names) == workload.subject_alt_names
        assert certificate.bits == (256 if workload.key == "P-256" else int(workload.key))
        assert len(certificate.raw) > workload.padding
    assert pem_size(path) == len(pems(path)[0])


def test_the_list_has_as_many_names_as_were_asked_for(tmp_path: Path) -> None:
    path = write_workload(Workload("list", listed=10_000), tmp_path, certificates=1)
    names = json.loads(path.read_text().splitlines()[0])["ALLOWED_COMMON_NAMES"].split(",")
    assert len(set(names)) == 10_000
    assert names[-1] == "client"


def test_there_are_as_many_rules_as_were_asked_for_and_the_last_matches(tmp_path: Path) -> None:
    path = write_workload(Workload("rules", rules=1_000), tmp_path, certificates=1)
    rules = parse_rules(json.loads(path.read_text().splitlines()[0])["AUTHORIZER_RULES"].encode())
    certificate = PeerCertificate.from_pem(pems(path)[0])
    assert len(rules) == 1_000
    assert RuleSet(rules).matching(certificate) == [rules[-1]]


def test_the_table_has_each_cost_and_its_ratio_to_nodes() -> None:
    rows = make_rows(["3.11", "3.13"], ["3.11 of Debian"])
    each = [Cost((80, 100)), Cost((160, 200)), Cost((40, 30)), Cost((8, 6))]
    costs = [dict(zip(KINDS, each, strict=True)) for _ in rows]
    table = describe(rows, costs, {row.workload: 1200 for row in rows}, rounds=7, interpreters=THIS)
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(rows)
    assert lines[2] == "| Python 3.11 | 90 (80) | 180 (160) | 35 (30) | 0.40 (0.38) | 7 (6) | 0.08 (0.07) |"
    assert "| 10,000 in the list (1.2 kB) |" in table
    assert "7 rounds" in table
    assert "1.2 kB of PEM" in table
    assert f"Python {THIS_VERSION}, {THIS_VERSION} of Debian; Node " in table


def test_the_table_says_what_log_and_metrics_add() -> None:
    rows = make_rows(["3.11"], ["3.11 of Debian"])
    new = [40, 60, 50, 100, *[10] * len(rows)]
    costs = [{kind: Cost((cost if kind == "not seen before" else 8,)) for kind in KINDS} for cost in new[: len(rows)]]
    table = describe(rows, costs, {row.workload: 1200 for row in rows}, rounds=7, interpreters=THIS)
    expected = "With log and metrics, a decision takes 1.50 to 2.00 times what it takes without; 1.00 to 1.00 times in"
    assert expected in table


def test_debians_build_is_measured_in_addition_to_the_one_that_tests_use(tmp_path: Path) -> None:
    expected: dict[str, Path] = {}
    in_debian = {version: path for version, path in find_interpreters().items() if DEBIAN_SUITES[version]}
    for number, (version, interpreter) in enumerate(in_debian.items()):
        root = tmp_path / f"python{version}-{ARCHITECTURES[platform.machine()].name}"
        python = root / "usr/bin" / f"python{version}"
        python.parent.mkdir(parents=True)
        # What was unpacked completely is not unpacked again.
        root.with_name(f"{root.name}.finished").write_text(str(root))
        if number % 2:
            python.symlink_to(interpreter)
        else:
            python.write_text(f'#!/bin/sh\nexec "{interpreter}" "$@"\n')
            expected |= {f"{version} of Debian": python}
    assert find_debian_builds(tmp_path) == expected


def test_the_chart_shows_the_newest_python_with_and_without_records() -> None:
    rows = make_rows(["3.11", "3.13"], ["3.11 of Debian"])
    costs = [
        dict(zip(KINDS, (Cost((100 + number,)), Cost((200,)), Cost((50 + number,)), Cost((10,))), strict=True))
        for number, _ in enumerate(rows)
    ]
    texts = [element.text for element in ET.fromstring(draw(rows, costs)).iter() if element.tag.endswith("text")]  # noqa: S314 -- our own
    assert texts[1:] == [
        *("Node, whole object", "200 µs", "Node, subject only", "102 µs"),
        *("Python 3.13, not seen before", "52 µs", "the same, with log and metrics", "53 µs"),
        *("Python 3.13, in the cache", "10 µs", "the same, with log and metrics", "10 µs"),
    ]
    assert rows[2].python == rows[3].python == "3.13"
    assert rows[2].workload is COMMON


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # A machine that is half as fast in the second round has no part in it.
    assert Cost((10, 20, 11)).ratio(Cost((20, 40, 20))) == 0.5


def test_bars_are_to_scale_and_text_is_escaped() -> None:
    chart = ET.fromstring(draw_bars('a & "b"', "µs", [Bar("<one>", 50, ours=True), Bar("two", 100, ours=False)]))  # noqa: S314 -- our own
    assert chart.get("aria-label") == 'a & "b"'
    one, two = (element for element in chart.iter() if element.tag.endswith("rect"))
    assert float(two.get("width", "")) == pytest.approx(2 * float(one.get("width", "")), abs=0.2)
    assert one.get("class") == "ours"
    labels = [element.text for element in chart.iter() if element.tag.endswith("text")]
    assert labels == ['a & "b"', "<one>", "50 µs", "two", "100 µs"]


def test_lambdas_runtime_is_copied_for_all_pythons(tmp_path: Path) -> None:
    copy_runtime(tmp_path)
    assert not [path for path in tmp_path.rglob("*.*") if path.suffix != ".py"]
    code = "import sys; sys.path.insert(0, sys.argv[1]); from awslambdaric import bootstrap; print(bootstrap.__file__)"
    for interpreter in find_interpreters().values():
        command = [str(interpreter), "-I", "-S", "-B", "-c", code, str(tmp_path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == str(tmp_path / "awslambdaric" / "bootstrap.py")
