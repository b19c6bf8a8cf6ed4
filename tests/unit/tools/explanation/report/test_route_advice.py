"""Advice on routes that are not allowed: what is easily overlooked, and what no rule can allow."""

from __future__ import annotations

import pytest

from mtls_authorizer.rules.routes import DENIED_PATTERNS
from mtls_authorizer_cli.explanation.explanation import explain
from mtls_authorizer_cli.explanation.report.advice import Advice, advise
from tests.aws.api_events import STAGE_ARN, http_2_0_event
from tests.questions import document, question


def advice_on(route: str, *allow: str) -> Advice:
    advice = advise(explain(question(rules=document(rule(*allow)), route=route)))
    assert advice is not None
    return advice


def rule(*allow: str) -> dict[str, object]:
    return {"name": "a", "match": {"organization": "Acme"}, "allow": allow}


def test_only_a_path_that_a_rule_can_include_leads_to_another_route() -> None:
    for pattern in DENIED_PATTERNS:
        example = pattern.strip("*").replace("?", "0")
        assert "add the route" not in advice_on(f"GET /payments{example}", "GET /*").next_step
    ordinary = advice_on("GET /other", "GET /payments/*")
    assert "add the route to 'allow'" in ordinary.next_step
    assert ordinary.problem.endswith("but not this one: GET /payments/*.")


@pytest.mark.parametrize(
    ("path", "found"), [("/payments/a%2Fb", "'%2F'"), ("/payments//1", "'//'"), ("/payments/.", "'/.'")]
)
def test_the_ambiguous_part_of_a_path_is_named(path: str, found: str) -> None:
    advice = advice_on(f"GET {path}", "GET /payments/*")
    assert f"contains {found}" in advice.problem
    assert "another path" in advice.next_step


def test_the_default_route_is_not_to_be_added_to_a_rule() -> None:
    def make_event(*_: object) -> dict[str, object]:
        certificate, method, path = _
        event = http_2_0_event(certificate, str(method), str(path))
        return {**event, "routeArn": f"{STAGE_ARN}/$default"}

    advice = advise(explain(question(rules=document(rule("GET /*")), route="GET /x", make_event=make_event)))
    assert advice is not None
    assert "$default" in advice.problem
    assert "remove 'allow'" in advice.next_step


@pytest.mark.parametrize(
    ("route", "allowed", "remark"),
    [
        ("GET /payments/", "GET /payments", "slash at the end"),
        ("GET /payments", "GET /payments/", "slash at the end"),
        ("GET /payments", "GET /payments/*", "does not include the path above it"),
        ("GET /payments/", "GET /payments/*", "does not include the path above it"),
        ("GET /payments/1", "GET /prod/payments/*", "without the stage, 'prod'"),
        ("GET /v1/payments/1", "GET /payments/*", "Without '/v1'"),
        ("POST /payments/1", "* /payments/2", ""),
        ("POST /payments/1", "GET /payments/*", "with the method GET"),
        ("GET /Payments/1", "GET /payments/*", "Only the case"),
        ("GET /payments/1", "GET /Payments/1", "Only the case"),
    ],
)
def test_a_similar_route_is_named(route: str, allowed: str, remark: str) -> None:
    problem = advice_on(route, allowed).problem
    assert remark in problem
    assert problem.endswith(f"{allowed}.") is not bool(remark)
