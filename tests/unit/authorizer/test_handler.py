"""The entry point: what importing it does. What it answers is tested under the real runtime client."""

from __future__ import annotations

import json
import logging

import pytest

from mtls_authorizer.policy.settings import SettingsError
from tests.aws.api_events import http_2_0_event
from tests.entry_point import start
from tests.pki.certificates import client_pem

pytestmark = pytest.mark.usefixtures("empty_environment")


def test_the_environment_is_read_once_at_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_COMMON_NAMES", "client")
    module = start()
    monkeypatch.setenv("ALLOWED_COMMON_NAMES", "other")
    answer = module.handler(http_2_0_event(client_pem(("CN", "client"))), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def test_an_unreadable_environment_is_an_error_at_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESPONSE_FORMAT", "xml")
    with pytest.raises(SettingsError, match="RESPONSE_FORMAT"):
        start()


def test_rules_that_the_settings_accept_start_the_function_with_any_whitespace_around_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = json.dumps({"rules": [{"name": "client", "match": {"common_name": "client"}}]})
    monkeypatch.setenv("AUTHORIZER_RULES", f"\u00a0{rules}\u2003\n")
    answer = start().handler(http_2_0_event(client_pem(("CN", "client"))), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def test_doubtful_lists_are_logged_at_start_up_and_stay_in_force(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ALLOWED_ORGANIZATIONS", "Example, Inc.")
    monkeypatch.setenv("ALLOWED_ISSUERS", "C=DE,O=Acme,CN=Acme CA")
    start()
    first, second = caplog.records
    assert first.levelno == second.levelno == logging.WARNING
    assert first.message == "list item looks like part of a name"
    assert vars(first).items() >= {
        *(("variable", "ALLOWED_ORGANIZATIONS"), ("value", "Example, Inc."), ("correction", '["Example, Inc."]'))
    }
    assert second.message == "issuer looks reversed"
    assert vars(second).items() >= {
        *(("variable", "ALLOWED_ISSUERS"), ("value", "C=DE,O=Acme,CN=Acme CA")),
        ("correction", "CN=Acme CA,O=Acme,C=DE"),
    }


def test_doubtful_values_of_rules_in_the_environment_are_logged_at_start_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rules = json.dumps({"rules": [{"name": "acme", "match": {"issuer": "C=DE,CN=Acme CA"}}]})
    monkeypatch.setenv("AUTHORIZER_RULES", rules)
    start()
    assert [vars(record)["variable"] for record in caplog.records] == ["AUTHORIZER_RULES"]
    caplog.clear()
    monkeypatch.setenv("AUTHORIZER_SHADOW_RULES", rules.replace("acme", "tried"))
    start()
    assert [(record.message, vars(record)["variable"], vars(record)["rule"]) for record in caplog.records] == [
        ("name looks reversed", "AUTHORIZER_RULES", "acme"),
        ("name looks reversed", "AUTHORIZER_SHADOW_RULES", "tried"),
    ]
    caplog.clear()
    monkeypatch.delenv("AUTHORIZER_RULES")
    start()
    assert [vars(record)["variable"] for record in caplog.records] == ["AUTHORIZER_SHADOW_RULES"]


@pytest.mark.parametrize(("level", "expected"), [("", logging.INFO), ("ERROR", logging.NOTSET)])
def test_a_log_level_is_set_where_lambda_has_none(monkeypatch: pytest.MonkeyPatch, level: str, expected: int) -> None:
    logging.getLogger("mtls_authorizer").setLevel(logging.NOTSET)
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", level)
    start()
    assert logging.getLogger("mtls_authorizer").level == expected
