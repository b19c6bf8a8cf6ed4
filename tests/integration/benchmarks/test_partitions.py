"""The benchmark of prefixes counts what it says, and fails for a wrong answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.partitions import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_large_prefix_is_only_listed_and_its_first_certificate_waits_for_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results" / "partitions.md"
    main(["--rounds", "1", "--partitions", "20", "--entries", "10", "--results", str(results)])
    report = results.read_text(encoding="utf-8")
    assert capsys.readouterr().out == report + "\n"
    header, _, one, many = [
        [cell.strip() for cell in row.strip("|").split("|")] for row in report.splitlines() if row.startswith("|")
    ]
    places = [place for place, cell in enumerate(header) if cell == "requests"]
    # The truststore, the listing and the only CRL; the truststore and the listing, then the partition.
    assert [one[place] for place in places] == ["3", "0", "0"]
    assert [many[place] for place in places] == ["2", "1", "0"]
    assert [one[0], many[0]] == ["1", "20"]
    assert "1 rounds, in turn; Python 3." in report
