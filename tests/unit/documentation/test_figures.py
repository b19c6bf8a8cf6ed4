"""Every figure on the pages is the one that a command wrote, and the picture is the one that it drew."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

from documentation import dashboard_picture
from documentation.dashboard_picture import PICTURE, TEMPLATE, Widget, draw, read_widgets
from documentation.figures import files_shown, with_figures
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.telemetry.metrics import Metric
from tests.api_events import rest_event
from tests.certificates import certificate_der, dns, name, pem, subject_alt_names
from tests.unit.documentation.markdown import PROJECT, pages

if TYPE_CHECKING:
    import pytest

PERFORMANCE = pages()["docs/performance.md"]


def test_the_page_on_performance_shows_what_the_benchmarks_wrote() -> None:
    assert with_figures(PERFORMANCE) == PERFORMANCE


def test_the_page_on_performance_shows_every_benchmark() -> None:
    results = {str(file.relative_to(PROJECT)) for file in (PROJECT / "benchmarks" / "results").glob("*.md")}
    assert set(files_shown(PERFORMANCE)) == results
    for picture in (PROJECT / "benchmarks" / "results").glob("*.svg"):
        assert f"(../{picture.relative_to(PROJECT)})" in PERFORMANCE


def test_changed_results_are_copied() -> None:
    changed = re.sub(r"\d", "0", PERFORMANCE)
    assert changed != PERFORMANCE
    assert files_shown(changed) == files_shown(PERFORMANCE)
    restored = with_figures(changed)
    (block,) = re.findall(r"<!-- benchmarks/results/crl.md -->\n(.*?)\n<!-- end -->", restored, re.DOTALL)
    assert block == (PROJECT / "benchmarks/results/crl.md").read_text(encoding="utf-8").rstrip()


def test_the_size_of_a_logged_decision_is_the_one_on_the_page_on_cost(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    subject = name(("C", "DE"), ("O", "Acme"), ("OU", "payments"), ("CN", "client"))
    extensions = [subject_alt_names(dns("client.acme.example"))]
    certificate = certificate_der(subject, name(("O", "Acme"), ("CN", "Acme Issuing CA")), extensions=extensions)
    settings = load_settings({"ALLOWED_COMMON_NAMES": "client", "METRICS_NAMESPACE": "Partners/Authorizer"})
    Authorizer(settings).authorize(rest_event(pem(certificate)))
    (record,) = caplog.records
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
