"""The report of a benchmark: a table in Markdown, with notes below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def make_report(header: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str]) -> str:
    """Return a report."""
    table = [header, ["---"] * len(header), *rows]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in table), "", *notes, ""])


def write_report(report: str, file: Path) -> None:
    """Print a report, and write it to a file."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(report, encoding="utf-8")
    print(report)
