"""The dashboard of the monitoring stack."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.metrics import REASON, FetchMetric, Metric
from mtls_authorizer.policy.settings import load_settings
from tests.aws.api_events import rest_event
from tests.integration.template.metrics import Monitored, check_metric
from tests.integration.template.stacks import MONITORING
from tests.integration.template.templates import REGION
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from collections.abc import Iterator

DASHBOARDS = [name for name, given in MONITORING.stacks.items() if given.get("DeployDashboard") != "false"]
each_dashboard = pytest.mark.parametrize("stack", DASHBOARDS)


def body(stack: str) -> dict[str, Any]:
    text = MONITORING.resolved(MONITORING.properties(stack, "Dashboard")["DashboardBody"])
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def widgets(stack: str, kind: str) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in body(stack)["widgets"] if widget["type"] == kind]


def metrics_of(widget: dict[str, Any]) -> Iterator[list[str]]:
    """Yield each metric's namespace, name and dimensions, with the abbreviations of dashboards expanded."""
    before: list[str] = []
    for entry in widget["metrics"]:
        if not isinstance(entry[0], str):
            continue
        texts = [text for text in entry if isinstance(text, str)]
        if texts == ["..."]:
            texts = before
        before = [before[place] if text == "." else text for place, text in enumerate(texts)]
        yield before


@each_dashboard
def test_the_dashboard_shows_only_metrics_that_exist_and_all_of_the_authorizers(stack: str) -> None:
    parameters = MONITORING.parameters(MONITORING.stacks[stack])
    monitored = Monitored(
        functions={parameters[f"{function}FunctionName"] for function in ("Authorizer", "CrlIndexer", "CrlFetcher")}
        - {""},
        queues={parameters["CrlIndexerFailuresName"]} - {""},
        namespace=parameters["MetricsNamespace"],
    )
    shown = set()
    for widget in widgets(stack, "metric"):
        assert widget["region"] == REGION
        for namespace, name, *dimensions in metrics_of(widget):
            check_metric(namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True)), monitored)
            shown.add(name)
    assert set(Metric) <= shown
    only_fetched = set(FetchMetric) - set(Metric)
    assert shown & only_fetched == (only_fetched if parameters["CrlFetcherFunctionName"] else set())


@each_dashboard
def test_the_dashboard_searches_the_deny_reasons(stack: str) -> None:
    [search] = [
        entry[0]["expression"]
        for widget in widgets(stack, "metric")
        for entry in widget["metrics"]
        if isinstance(entry[0], dict)
    ]
    found = re.fullmatch(r"""SEARCH\('\{"([^"]+)",(\w+)\} MetricName="(\w+)"', 'Sum', 300\)""", search)
    assert found
    assert found.groups() == (MONITORING.stacks[stack]["MetricsNamespace"], REASON, Metric.DENIED)


@each_dashboard
def test_the_widgets_do_not_overlap(stack: str) -> None:
    squares = [
        (column, row)
        for widget in body(stack)["widgets"]
        for column in range(widget["x"], widget["x"] + widget["width"])
        for row in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(set(squares)) == len(squares)
    assert max(column for column, _ in squares) < 24


@pytest.mark.parametrize(("stack", "shown"), [("everything-set", True), ("defaults", False)])
def test_the_dashboard_shows_the_indexer_if_there_is_one(stack: str, shown: bool) -> None:  # noqa: FBT001 -- a column
    metrics = [metric for widget in widgets(stack, "metric") for metric in metrics_of(widget)]
    assert any("indexer" in metric for metric in metrics) is shown
    assert any("failures" in metric for metric in metrics) is shown


@each_dashboard
def test_the_queries_use_fields_that_are_logged(stack: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    Authorizer(load_settings({})).authorize(rest_event(client_pem(("CN", "client"))))
    [record] = caplog.records
    # Fields of the platform's own records.
    fields = vars(record).keys() | {"type", "record.metrics.initDurationMs", "record.metrics.restoreDurationMs"}
    queries = [widget["query"] for widget in widgets(stack, "log")]
    assert len(queries) == 3
    for query in queries:
        log, *commands = query.split(" | ")
        assert log == f"SOURCE '{MONITORING.stacks[stack]['AuthorizerLogGroup']}'"
        text = re.sub(r"'[^']*'", "", " ".join(commands))
        aliases = set(re.findall(r"\bas (\w+)", text))
        words = set(re.findall(r"[a-z_][\w.]*(?!\w*\()", text)) - aliases
        keywords = {"filter", "stats", "by", "as", "sort", "desc", "asc", "limit", "and"}
        assert words - keywords - {"pct", "count", "min", "bin", "h"} <= fields, query


@pytest.mark.parametrize(("stack", "days"), [("everything-set", "14"), ("defaults", "30")])
def test_the_dashboard_shows_the_certificates_that_the_authorizer_warns_of(stack: str, days: str) -> None:
    [query] = [widget["query"] for widget in widgets(stack, "log") if "days_to_expiry" in widget["query"]]
    assert f"days_to_expiry <= {days} " in query


def test_a_stack_without_the_dashboard_has_no_output_for_it() -> None:
    assert "Dashboard" not in MONITORING.deployed("alarms-only")["Resources"]
    assert MONITORING.deployed("alarms-only")["Outputs"] == {}
    assert MONITORING.deployed("defaults")["Outputs"].keys() == {"DashboardName"}
