"""The benchmark of rules measures decisions that are the right ones, and writes a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.rules import Case, main, make_cases, measure

if TYPE_CHECKING:
    from pathlib import Path


def test_every_case_has_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results" / "rules.md"
    main(["--rounds", "1", "--decisions", "1", "--rules", "5", "--results", str(results)])
    report = results.read_text(encoding="utf-8")
    assert capsys.readouterr().out == report + "\n"
    header, _, *rows = report.partition("\n\n")[0].splitlines()
    cases = make_cases(5)
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [case.what for case in cases]
    assert {row.count("|") for row in rows} == {header.count("|")}
    for row in rows:
        _, decision, base, ratio, _, loading, _ = (cell.strip() for cell in row.strip("| ").split("|"))
        assert min(map(float, (decision, base, ratio, loading))) >= 0


@pytest.mark.parametrize("case", make_cases(3), ids=lambda case: case.what)
def test_a_case_that_decides_otherwise_is_an_error(case: Case) -> None:
    with pytest.raises(RuntimeError, match=case.what):
        measure([case._replace(allowed=not case.allowed)], rounds=1, decisions=1)
