"""Every figure on the pages is the one that a command wrote, and the picture is the one that it drew."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

from docs_tools import dashboard_picture
from docs_tools.dashboard_picture import PICTURE, TEMPLATE, Widget, draw, read_widgets
from docs_tools.figures import with_figures
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.metrics import Metric
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from tests.aws.api_events import rest_event
from tests.pki.certificates import certificate_der, dns, name, pem, subject_alt_names
from tests.unit.documentation.markdown import PROJECT, pages, section

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

PERFORMANCE = pages()["docs/performance.md"]


def test_the_page_on_performance_shows_what_the_benchmarks_wrote() -> None:
    assert with_figures(PERFORMANCE) == PERFORMANCE


def test_the_page_on_performance_shows_every_benchmark() -> None:
    results = {str(file.relative_to(PROJECT)) for file in (PROJECT / "benchmarks" / "results").glob("*.md")}
    assert set(re.findall(r"<!-- (benchmarks/results/.+) -->", PERFORMANCE)) == results
    for picture in (PROJECT / "benchmarks" / "results").glob("*.svg"):
        assert f"(../{picture.relative_to(PROJECT)})" in PERFORMANCE


def figures(name: str, column: int) -> dict[str, float]:
    """Return the first number in a column of a benchmark's table, by the first cell of its row."""
    lines = (PROJECT / "benchmarks" / "results" / f"{name}.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: float(row[column].split()[0]) for row in rows[2:] if row[column]}


def between(values: Sequence[float], digits: int = 1) -> str:
    """Return the range of figures as the page writes it."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def test_the_text_about_decisions_has_the_figures_of_the_table() -> None:
    text = section("docs/performance.md", "A decision").rpartition("<!-- end -->")[2].replace("\n", " ")
    not_seen, cached = figures("warm", 4), figures("warm", 6)
    larger = ("10 subject", "100 subject", "an extension")
    plain = [row for row in not_seen if "with log" not in row and not row.startswith(larger)]
    ten, hundred, extension = (next(not_seen[row] for row in not_seen if row.startswith(each)) for each in larger)
    with_log = [value for row, value in not_seen.items() if "with log" in row]
    for certificate, goal, measured in (
        ("in the cache", 0.05, [cached[row] for row in plain]),
        ("not seen before", 0.35, [not_seen[row] for row in plain]),
        ("with ten alternative names", 0.45, [ten]),
        ("with a hundred", 0.8, [hundred]),
        ("with 8 KiB of extensions", 0.5, [extension]),
        ("not seen before, with log and metrics", 0.65, with_log),
    ):
        figure = between(measured, 2) if len(measured) > 1 else f"{measured[0]:.2f}"
        verdict = "met" if max(measured) <= goal else "missed"
        assert f"| {certificate} | {goal} | {figure}: {verdict}" in text


def test_the_text_about_cold_starts_has_the_figures_of_the_table() -> None:
    text = section("docs/performance.md", "A cold start").rpartition("<!-- end -->")[2].replace("\n", " ")
    times, memory = figures("cold-start", 3), figures("cold-start", 5)
    starts = [row for row in times if row.endswith("this authorizer")]
    with_log = [row for row in times if row.endswith("and its log") and "3.14" not in row]
    assert f"{between([times[row] for row in starts])} times Node's CPU time, with less than half" in text
    assert f"the time is {between([times[row] for row in with_log])} times Node's, and" in text
    assert f"and {times['Python 3.14, this authorizer and its log']:.1f} times on Python 3.14" in text
    assert max(times[row] for row in starts) <= 1.4
    assert max(memory[row] for row in starts) <= 0.45


def test_the_text_about_large_crls_has_the_figures_of_the_tables() -> None:
    text = section("docs/performance.md", "Large CRLs").replace("\n", " ")
    index, crl = "the index", "the CRL itself, its signature verified"
    assert figures("crl", 4)[index] > 200
    assert figures("crl", 7)[index] > 12
    assert f"a lookup takes {figures('crl', 8)[index]:.0f} microseconds" in text
    assert figures("crl", 4)[crl] > 2
    assert figures("partitions", 3)["1,000"] < 1.2


def test_changed_results_are_copied() -> None:
    changed = re.sub(r"\d", "0", PERFORMANCE)
    assert changed != PERFORMANCE
    restored = with_figures(changed)
    (block,) = re.findall(r"<!-- benchmarks/results/crl.md -->\n(.*?)\n<!-- end -->", restored, re.DOTALL)
    assert block == (PROJECT / "benchmarks/results/crl.md").read_text(encoding="utf-8").rstrip()


def test_the_size_of_a_logged_decision_is_the_one_on_the_page_on_cost(
    log: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    subject = name(("C", "DE"), ("O", "Acme"), ("OU", "payments"), ("CN", "client"))
    extensions = [subject_alt_names(dns("client.acme.example"))]
    certificate = certificate_der(subject, name(("O", "Acme"), ("CN", "Acme Issuing CA")), extensions=extensions)
    settings = load_settings({"ALLOWED_COMMON_NAMES": "client", "METRICS_NAMESPACE": "Partners/Authorizer"})
    Authorizer(settings).authorize(rest_event(pem(certificate)))
    (record,) = log.records
    usual = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
    # As Lambda's runtime renders it.
    line = {
        "timestamp": "2026-11-22T06:54:49Z",
        "level": "INFO",
        "message": "allow",
        "logger": "mtls_authorizer",
        **{key: value for key, value in vars(record).items() if key not in usual},
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    }
    page = pages()["docs/cost.md"]
    assert f"{len(json.dumps(line)) / 1000:.1f} kB | 8 GB" in page
    assert f"{len(capsys.readouterr().out) / 1000:.1f} kB | 3 GB" in page


def test_the_number_of_metrics_is_the_one_on_the_page_on_cost() -> None:
    page = pages()["docs/cost.md"]
    assert f"at most {len(Metric)} metrics, and one for each deny reason" in page
    assert f"| {len(Metric)} to {len(Metric) + len(DenyReason)} |" in page


def test_the_caching_example_on_the_page_on_cost_is_right() -> None:
    (clients, ttl, hours) = (50, 300, 730)
    assert f"{clients} clients with a TTL of {ttl} seconds cause at most {clients * hours * 3600 // ttl:,}" in re.sub(
        r"\s+", " ", pages()["docs/cost.md"]
    )


# The dashboard.


def test_the_picture_of_the_dashboard_is_the_one_of_the_template() -> None:
    assert draw(read_widgets(TEMPLATE.read_text(encoding="utf-8"))) == PICTURE.read_text(encoding="utf-8")


def test_the_picture_shows_the_title_of_every_widget() -> None:
    template = TEMPLATE.read_text(encoding="utf-8")
    titles = re.findall(r'"title": "([^"]+)"', template)
    assert [widget.title for widget in read_widgets(template)] == titles
    words = re.findall(r"<text[^>]*>([^<]+)</text>", PICTURE.read_text(encoding="utf-8"))
    shown = " ".join(words)
    for title in titles:
        assert title in shown


def test_widgets_do_not_overlap_and_titles_are_escaped() -> None:
    picture = draw([Widget(0, 0, 8, 6, "a < b & c", is_table=True, legend="table")])
    assert "a &lt; b &amp; c" in picture
    cells = [
        (column, row)
        for widget in dashboard_picture.read_widgets(TEMPLATE.read_text(encoding="utf-8"))
        for column in range(widget.column, widget.column + widget.columns)
        for row in range(widget.row, widget.row + widget.rows)
    ]
    assert len(cells) == len(set(cells))
