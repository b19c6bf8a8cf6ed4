"""The results of the local gateway that the README shows are those that it prints."""

from __future__ import annotations

import re

from local_gateway.api_gateway.api import ApiKind
from local_gateway.report import outcome_text
from local_gateway.scenarios import SCENARIOS
from tests.unit.documentation.markdown import fences

(SHOWN,) = (fence.text.splitlines() for fence in fences("text") if fence.page == "README.md")
PRINTED = [
    (scenario.name, outcome_text(expected), expected.reason or "")
    for scenario in SCENARIOS
    if scenario.kinds is ApiKind
    for expected in [scenario.expected_on(ApiKind.REST)]
]


def test_the_shown_results_are_expected_ones_in_their_order() -> None:
    header, *rows = (re.split(r" {2,}", line) for line in SHOWN)
    assert header == ["scenario", "REST API", "reason logged"]
    shown = [(name, result, *reason) if reason else (name, result, "") for name, result, *reason in rows]
    assert shown == [row for row in PRINTED if row in shown]


def test_the_shown_results_include_allowed_denied_and_rejected_clients() -> None:
    for result in ("200 + context", "403", "rejected, not invoked"):
        assert any(result in line for line in SHOWN)
