"""The Python code on the pages does what they say. Code for the CDK is synthesized in the integration tests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.aws.api_events import EVENTS, http_2_0_event, rest_event
from tests.pki.certificates import certificate_der, client_pem, name, pem
from tests.unit.documentation.markdown import fences, pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CDK = [fence for fence in fences("python") if "aws_cdk" in fence.text]
EXECUTED = {
    "README.md",
    "docs/context.md",
    "docs/cost.md",
    "docs/layer/alb-cloudfront.md",
    "docs/layer/reference.md",
    "docs/layer/testing.md",
}


def scope_of(page: str) -> dict[str, Any]:
    """Return what the code on a page defines."""
    (code,) = (fence.text for fence in fences("python") if fence.page == page)
    scope: dict[str, Any] = {}
    exec(code, scope)  # noqa: S102 -- the project's own code
    return scope


def test_every_snippet_is_executed_or_uses_the_cdk() -> None:
    assert {fence.page for fence in fences("python") if fence not in CDK} == EXECUTED


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_the_layer_in_ten_lines(make_event: Callable[..., dict[str, Any]]) -> None:
    (code,) = (fence.text for fence in fences("python") if fence.page == "README.md")
    assert len([line for line in code.splitlines() if line]) <= 10
    answers = [
        scope_of("README.md")["handler"](make_event(certificate), None)
        for certificate in (client_pem(("CN", "authorized-client")), client_pem(("CN", "other")), None, "garbage")
    ]
    assert answers == [
        {"statusCode": 200, "body": "Hello authorized-client"},
        {"statusCode": 403, "body": "Forbidden"},
        {"statusCode": 401, "body": "lambda_event_missing_clientcert"},
        {"statusCode": 401, "body": "lambda_event_clientcert_malformed"},
    ]


def test_the_function_behind_a_load_balancer() -> None:
    def event(common_name: str) -> dict[str, Any]:
        certificate = quote(client_pem(("CN", common_name)), safe="+=/")
        return {"headers": {"x-amzn-mtls-clientcert-leaf": certificate}}

    handler = scope_of("docs/layer/alb-cloudfront.md")["handler"]
    assert handler(event("authorized-client"), None) == {"statusCode": 200, "body": "Hello authorized-client"}
    assert handler(event("other"), None)["statusCode"] == 403
    assert handler({"headers": {}}, None) == {"statusCode": 401, "body": "alb_event_missing_clientcert"}


def test_the_function_with_two_helpers() -> None:
    handler = scope_of("docs/layer/reference.md")["handler"]
    subject, issuer = name(("OU", "payments")), name(("C", "DE"), ("O", "Acme"), ("CN", "Acme Issuing CA"))
    allowed = handler(rest_event(pem(certificate_der(subject, issuer))), None)
    assert allowed == {"statusCode": 200, "body": "OU=payments"}
    assert handler(rest_event(pem(certificate_der(subject))), None)["statusCode"] == 403
    assert handler(rest_event(), None)["statusCode"] == 401


def test_the_unit_tests_of_a_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = (fence.text for fence in fences("python") if fence.page == "README.md")
    (tmp_path / "my_function.py").write_text(code)
    (tmp_path / "client.pem").write_text(client_pem(("CN", "authorized-client")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    tests = {name: test for name, test in scope_of("docs/layer/testing.md").items() if name.startswith("test_")}
    assert len(tests) == 3
    for test in tests.values():
        test()
    (tmp_path / "client.pem").write_text(client_pem(("CN", "other")))
    with pytest.raises(AssertionError):
        tests["test_the_listed_client_is_greeted"]()
    del sys.modules["my_function"]


def test_the_function_that_reads_the_context() -> None:
    handler = scope_of("docs/context.md")["handler"]
    context = {"clientCertSubjectDN": "CN=alpha"}
    rest, http = rest_event(), http_2_0_event()
    rest["requestContext"]["authorizer"] = context
    http["requestContext"]["authorizer"] = {"lambda": context}
    assert handler(rest, None) == handler(http, None) == {"statusCode": 200, "body": "Hello CN=alpha"}


def test_the_formula_for_cost_has_the_results_of_the_table() -> None:
    monthly_units = scope_of("docs/cost.md")["monthly_units"]
    units = monthly_units(10_000_000)
    rows = pages()["docs/cost.md"]
    assert f"{units['invocations']:,.0f} |" in rows
    assert f"{units['GB-seconds']:,.0f} GB-s at 2 ms" in rows
    assert round(units["GB of log"]) == 8 + 3
    assert monthly_units(10_000_000, cache_hit_ratio=0.9)["invocations"] == pytest.approx(1_000_000)
