"""``make dashboard-picture``: draw the layout of the dashboard in the monitoring template, with titles and legends.

The curves and rows are symbols: a picture of real data would need an account with traffic.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT = Path(__file__).parents[1]
TEMPLATE = PROJECT / "templates" / "monitoring.yaml"
PICTURE = PROJECT / "docs" / "dashboard.svg"

# Pixels for each of the 24 columns and for each row of CloudWatch's grid.
_COLUMN, _ROW = 40, 24
_GAP = 6
_TITLE_WIDTH, _LEGEND_WIDTH = 42, 50
"""In characters, for the usual width of a widget: 8 columns."""
_USUAL_COLUMNS = 8
_LINE_HEIGHT = 15

_STYLE = """
  text { font: 12px sans-serif; fill: #24292f }
  .legend { font-size: 10px; fill: #57606a }
  .widget { fill: #ffffff; stroke: #d0d7de }
  .curve { fill: none; stroke: #0969da; stroke-width: 1.5 }
  .row { stroke: #d0d7de; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .legend { fill: #8d96a0 }
    .widget { fill: #161b22; stroke: #30363d }
    .curve { stroke: #4493f8 }
    .row { stroke: #30363d }
  }
"""


class Widget(NamedTuple):
    """A widget: its place in CloudWatch's grid, its title, and the metrics or the query that it shows."""

    column: int
    row: int
    columns: int
    rows: int
    title: str
    is_table: bool
    legend: str


def read_widgets(template: str) -> list[Widget]:
    """Return the widgets of the dashboard in a template, including those that a condition adds."""
    dashboard = yaml_parse(template)["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    separator, parts = dashboard["Fn::Join"]
    body = json.loads(separator.join(map(_text, parts)))
    return [_widget(widget) for widget in body["widgets"]]


def _text(part: object) -> str:
    """Return the text of a part of the body: a string, a substitution, or the positive branch of a condition."""
    if isinstance(part, dict) and "Fn::If" in part:
        part = part["Fn::If"][1]
    if isinstance(part, dict):
        part = part["Fn::Sub"]
    return str(part[0] if isinstance(part, list) else part)


def _widget(widget: dict[str, object]) -> Widget:
    x, y, width, height = (int(str(widget[key])) for key in ("x", "y", "width", "height"))
    properties = widget["properties"]
    assert isinstance(properties, dict)  # noqa: S101 -- for the type checker; CloudWatch requires it
    is_table = widget["type"] == "log"
    legend = "table" if is_table else ", ".join(_metric_names(properties["metrics"]))
    return Widget(x, y, width, height, properties["title"], is_table, legend)


def _metric_names(metrics: Iterable[list[object]]) -> Iterator[str]:
    """Return what each metric is called. ``...`` repeats the one before with another statistic."""
    for metric in metrics:
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        if "expression" in options:
            yield "one line for each reason"
        elif metric[0] == "...":
            yield str(options["stat"])
        else:
            yield " ".join([str(metric[1]), *([str(options["stat"])] if "stat" in options else [])])


def draw(widgets: list[Widget]) -> str:
    """Return a picture of widgets, as SVG."""
    width = max(widget.column + widget.columns for widget in widgets) * _COLUMN
    height = max(widget.row + widget.rows for widget in widgets) * _ROW
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>Layout of the dashboard</title>",
        f"<style>{_STYLE}</style>",
    ]
    for widget in widgets:
        lines += _draw_widget(widget)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _draw_widget(widget: Widget) -> Iterator[str]:
    x, y = widget.column * _COLUMN + _GAP / 2, widget.row * _ROW + _GAP / 2
    width, height = widget.columns * _COLUMN - _GAP, widget.rows * _ROW - _GAP
    yield f'<rect class="widget" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"/>'
    titles = textwrap.wrap(widget.title, _TITLE_WIDTH * widget.columns // _USUAL_COLUMNS)
    for number, line in enumerate(titles, 1):
        yield f'<text x="{x + 8:g}" y="{y + 3 + _LINE_HEIGHT * number:g}">{escape(line)}</text>'
    legends = textwrap.wrap(widget.legend, _LEGEND_WIDTH * widget.columns // _USUAL_COLUMNS)
    for number, line in enumerate(reversed(legends)):
        yield f'<text class="legend" x="{x + 8:g}" y="{y + height - 6 - 12 * number:g}">{escape(line)}</text>'
    top, bottom = y + 12 + _LINE_HEIGHT * len(titles), y + height - 8 - 12 * len(legends)
    yield from (_rows if widget.is_table else _curve)(x + 8, x + width - 8, top, bottom)


def _rows(left: float, right: float, top: float, bottom: float) -> Iterator[str]:
    for number in range(4):
        y = top + (bottom - top) * number / 3
        yield f'<path class="row" d="M{left:g} {y:g}H{right:g}"/>'


def _curve(left: float, right: float, top: float, bottom: float) -> Iterator[str]:
    heights = (0.3, 0.5, 0.4, 0.7, 0.6, 0.9, 0.7, 0.8, 0.5, 0.6)
    step = (right - left) / (len(heights) - 1)
    points = " ".join(
        f"{left + step * number:g},{bottom - (bottom - top) * height:g}" for number, height in enumerate(heights)
    )
    yield f'<polyline class="curve" points="{points}"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(read_widgets(TEMPLATE.read_text(encoding="utf-8"))), encoding="utf-8")
