"""The report of a benchmark: a table in Markdown, with notes below it, and a bar chart in SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

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


_WIDTH, _LABELS, _VALUES, _ROW, _BAR = 720, 260, 90, 30, 18
_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.ours{fill:#0969da}.others{fill:#8c959f}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#4493f8}.others{fill:#7d8590}}"
)


class Bar(NamedTuple):
    """A bar with its label and value; ``ours`` colours it."""

    label: str
    value: float
    ours: bool


def draw_bars(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Return a chart of horizontal bars, one below the other, to scale."""
    scale = (_WIDTH - _LABELS - _VALUES) / max(bar.value for bar in bars)
    rows = [_row(bar, unit, scale, _ROW * (number + 1)) for number, bar in enumerate(bars)]
    height = _ROW * (len(bars) + 1)
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(title)}>',
            f"<style>{_STYLE}</style>",
            f'<text class="title" x="0" y="18">{escape(title)}</text>',
            *rows,
            "</svg>",
            "",
        ]
    )


def _row(bar: Bar, unit: str, scale: float, top: int) -> str:
    length = max(bar.value * scale, 1)
    colour = "ours" if bar.ours else "others"
    return (
        f'<text x="{_LABELS - 12}" y="{top + 19}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect class="{colour}" x="{_LABELS}" y="{top + 5}" width="{length:.1f}" height="{_BAR}" rx="2"/>'
        f'<text x="{_LABELS + length + 8:.1f}" y="{top + 19}">{bar.value:.0f} {escape(unit)}</text>'
    )
