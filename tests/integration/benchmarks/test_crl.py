"""The benchmark of revocation lists compares what gives the same answers, and says what it measured."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import crl
from benchmarks.crl import BASE, ENVIRONMENT, FLOOR, PATHS, PROJECT, ROWS, main, make_lists, measure
from benchmarks.measuring.processes import run
from tests.shared_folder import shared_folder

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES = 3000


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    return shared_folder(
        tmp_path_factory, worker_id, "lists", lambda folder: make_lists(folder / f"crl-{ENTRIES}", ENTRIES)
    )


def one(folder: Path, name: str) -> dict[str, float]:
    script = str(PROJECT / "benchmarks" / "measured" / "one_revocation_list.py")
    command = [sys.executable, "-I", "-S", "-B", script, str(folder), name, *map(str, PATHS)]
    figures: dict[str, float] = json.loads(run(command, ENVIRONMENT).output.splitlines()[0])
    return figures


@pytest.mark.parametrize("name", [name for name in ROWS if name != FLOOR])
def test_each_approach_gives_the_right_answers(name: str, build: Path) -> None:
    figures = one(build / f"crl-{ENTRIES}", name)
    assert figures["load"] > 0
    assert figures["peak"] > figures["grown"]
    assert figures["process"] > figures["read"] + figures["load"]


@pytest.mark.parametrize("name", [name for name in ROWS if name != FLOOR])
def test_a_wrong_answer_fails(name: str, build: Path, tmp_path: Path) -> None:
    folder = build / f"crl-{ENTRIES}"
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    answers = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    last = list(answers)[-1]
    (tmp_path / "asked.json").write_text(json.dumps(answers | {last: not answers[last]}), encoding="utf-8")
    with pytest.raises(RuntimeError, match="ended with 1"):
        one(tmp_path, name)


def test_all_forms_are_of_one_list(build: Path) -> None:
    folder = build / f"crl-{ENTRIES}"
    assert len(json.loads((folder / BASE).read_text(encoding="utf-8"))) == ENTRIES
    assert (folder / "crl.der").stat().st_size > ENTRIES * 30
    assert ENTRIES * 20 < (folder / "crl.index").stat().st_size < ENTRIES * 20 + 300
    answers = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    assert sorted(answers.values()) == [False] * 50 + [True] * 50


def test_every_approach_has_a_row_in_the_report(
    build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results" / "crl.md"
    main(["--rounds", "1", "--entries", str(ENTRIES), "--build", str(build), "--results", str(results)])
    report = results.read_text(encoding="utf-8")
    assert capsys.readouterr().out == report + "\n"
    header, line, *rows = [row.strip("|").split("|") for row in report.splitlines() if row.startswith("|")]
    assert {len(row) for row in (header, line, *rows)} == {11}
    assert [row[0].strip() for row in rows] == list(ROWS.values())
    assert re.search(r"1 rounds, in turn; crl\.der .* MiB, crl\.index .* MiB, crl\.json .* MiB; Python 3\.", report)


def test_lists_are_made_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Path, int]] = []
    monkeypatch.setattr(crl, "make_lists", lambda folder, entries: made.append((folder, entries)))
    monkeypatch.setattr(crl, "measure", lambda _folder, _rounds: {})
    monkeypatch.setattr(crl, "describe", lambda *_arguments: "")
    main(["--entries", "7", "--build", str(tmp_path), "--results", str(tmp_path / "crl.md")])
    assert made == [(tmp_path / "crl-7", 7)]


def test_each_process_runs_as_often_as_there_are_rounds(build: Path) -> None:
    figures = measure(build / f"crl-{ENTRIES}", 2)
    assert set(figures) == set(ROWS)
    assert figures[FLOOR]["process"] < figures[BASE]["process"]
    for name in set(ROWS) - {FLOOR}:
        assert figures[name]["median_load"] >= figures[name]["load"]
