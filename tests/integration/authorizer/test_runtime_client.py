"""The authorizer under Lambda's own runtime interface client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.policy.settings import VARIABLES
from tests.aws.api_events import EVENTS, STAGE_ARN, http_2_0_event, rest_event
from tests.aws.lambda_runtime import Outcome, lambda_function
from tests.pki import der, kept_lists
from tests.pki.certificates import client_pem
from tests.pki.kept_lists import EVERYBODY, Folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HANDLER = "mtls_authorizer.handler.handler"
CLIENT = client_pem(("CN", "client"), ("O", "Acmé"))
OTHER = client_pem(("CN", "other"), serial_number=der.integer(2))


def effect(outcome: Outcome) -> str:
    assert outcome.kind == "response"
    (statement,) = outcome.payload["policyDocument"]["Statement"]
    assert statement["Resource"] == f"{STAGE_ARN}/*"
    return str(statement["Effect"])


def test_events_are_answered_and_decisions_logged_as_json() -> None:
    with lambda_function(HANDLER, {"ALLOWED_COMMON_NAMES": "client"}) as function:
        for make_event in EVENTS.values():
            allowed = function.invoke(make_event(CLIENT))
            assert effect(allowed) == "Allow"
            assert allowed.payload["context"]["clientCertO"] == "Acmé"
            assert effect(function.invoke(make_event(OTHER))) == "Deny"
        unauthorized = function.invoke(rest_event())
        unsupported = function.invoke({"type": "TOKEN"})
    assert (unauthorized.kind, unauthorized.payload["errorMessage"]) == ("error", "Unauthorized")
    assert (unsupported.kind, unsupported.payload["errorType"]) == ("error", "UnsupportedEventError")

    records = [record for record in function.records() if record.get("logger") == "mtls_authorizer"]
    assert [record["decision"] for record in records] == ["allow", "deny"] * 3 + ["deny"]
    assert (
        records[0].items()
        >= {
            "level": "INFO",
            "message": "allow",
            "principal": "client",
            "issuer_dn": "CN=Test CA",
            "serial_number": "0102030405",
            "route": "GET /hello",
            "requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        }.items()
    )
    assert "BEGIN CERTIFICATE" not in function.log


def test_simple_responses_are_answered_where_they_are_configured() -> None:
    environment = {"ALLOWED_COMMON_NAMES": "client", "RESPONSE_FORMAT": "simple"}
    with lambda_function(HANDLER, environment) as function:
        assert function.invoke(http_2_0_event(CLIENT)).payload["isAuthorized"] is True
        assert function.invoke(http_2_0_event(OTHER)).payload["isAuthorized"] is False
        assert function.invoke(http_2_0_event()).payload["isAuthorized"] is False


def test_without_any_configuration_every_client_is_denied() -> None:
    with lambda_function(HANDLER, {}) as function:
        outcome = function.invoke(rest_event(CLIENT))
    assert effect(outcome) == "Deny"
    assert outcome.payload["context"] == {"reason": "no_allowlist_configured"}


def test_an_unreadable_configuration_stops_the_function_at_start_up_with_one_message() -> None:
    with lambda_function(HANDLER, dict.fromkeys(VARIABLES, "")) as function:
        outcome = function.next_outcome()
    assert outcome.kind == "init error"
    assert outcome.payload["errorType"] == "SettingsError"
    for variable in VARIABLES:
        assert variable in outcome.payload["errorMessage"]
        assert variable in function.log


@pytest.mark.parametrize(
    ("level", "decisions"),
    [({"AWS_LAMBDA_LOG_LEVEL": ""}, ["allow", "deny"]), ({"AWS_LAMBDA_LOG_LEVEL": "WARN"}, ["deny"])],
)
def test_the_log_level_is_lambdas_where_one_is_set(level: dict[str, str], decisions: list[str]) -> None:
    with lambda_function(HANDLER, {"ALLOWED_COMMON_NAMES": "client", **level}) as function:
        for certificate in (CLIENT, OTHER):
            function.invoke(rest_event(certificate))
    assert [record["decision"] for record in function.records() if "decision" in record] == decisions


def test_a_log_in_text_contains_the_decisions_too() -> None:
    environment = {"ALLOWED_COMMON_NAMES": "client", "AWS_LAMBDA_LOG_FORMAT": "Text", "AWS_LAMBDA_LOG_LEVEL": ""}
    with lambda_function(HANDLER, environment) as function:
        function.invoke(rest_event(CLIENT))
        function.invoke(rest_event(OTHER))
    assert "\tallow\n" in function.log
    assert "\tdeny: common_name_not_allowed\n" in function.log


def test_after_a_restore_documents_are_read_again_before_the_first_event(tmp_path: Path) -> None:
    storage = Folder(tmp_path)
    rules = '{"rules": [{"name": "one", "match": {"common_name": "%s"}}]}'
    environment = {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AUTHORIZER_RULES_URI": storage.uri("rules.json"),
        "CRL_URIS": storage.uri("ca.crl"),
        "TRUSTSTORE_URI": storage.uri("truststore.pem"),
        # Were it for the intervals, nothing would be read again.
        "AUTHORIZER_RULES_REFRESH_SECONDS": "86400",
        "CRL_REFRESH_SECONDS": "86400",
    }
    storage.put("rules.json", (rules % "client").encode())
    storage.put("truststore.pem", EVERYBODY)
    storage.put("ca.crl", kept_lists.FIRST)
    with lambda_function(HANDLER, environment) as function:
        assert function.next_outcome().kind == "snapshot"
        storage.put("ca.crl", kept_lists.SECOND)
        function.restore()
        reasons = [
            function.invoke(rest_event(certificate)).payload["context"].get("reason")
            for certificate in (kept_lists.GOOD, kept_lists.WITHDRAWN, kept_lists.NEXT)
        ]
    assert reasons == [None, "certificate_revoked", "certificate_revoked"]


def test_a_restore_while_nothing_can_be_read_keeps_the_documents_of_the_snapshot_in_force(tmp_path: Path) -> None:
    storage = Folder(tmp_path)
    environment = {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "ALLOWED_COMMON_NAMES": "client",
        "CRL_URIS": storage.uri("ca.crl"),
        "TRUSTSTORE_URI": storage.uri("truststore.pem"),
    }
    storage.put("truststore.pem", EVERYBODY)
    storage.put("ca.crl", kept_lists.FIRST)
    with lambda_function(HANDLER, environment) as function:
        assert function.next_outcome().kind == "snapshot"
        for name in ("truststore.pem", "ca.crl"):
            storage.remove(name)
        function.restore()
        assert effect(function.invoke(rest_event(kept_lists.GOOD))) == "Allow"
        assert effect(function.invoke(rest_event(kept_lists.WITHDRAWN))) == "Deny"
    assert [record["message"] for record in function.records()].count("document refresh failed") == 2


def test_a_restore_without_its_rules_fails_as_a_start_does(tmp_path: Path) -> None:
    storage = Folder(tmp_path)
    environment = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AUTHORIZER_RULES_URI": storage.uri("rules.json")}
    storage.put("rules.json", b'{"rules": [{"name": "r", "match": {"common_name": "client"}}]}')
    with lambda_function(HANDLER, environment) as function:
        assert function.next_outcome().kind == "snapshot"
        storage.remove("rules.json")
        function.restore()
        outcome = function.next_outcome()
    assert outcome.kind == "restore error"
    assert "rules.json" in outcome.payload["errorMessage"]


HOSTILE = 'x\n{"decision": "allow"}\r\u2028\u2029\x1b[31m"\\\u202e' + "y" * 1000


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_nothing_that_a_client_chooses_breaks_a_record(make_event: Callable[..., dict[str, Any]]) -> None:
    event = make_event(client_pem(("CN", "client"), ("O", HOSTILE)), path=f"/{HOSTILE}")
    with lambda_function(HANDLER, {"ALLOWED_COMMON_NAMES": "client"}) as function:
        assert effect(function.invoke(event)) == "Deny"
    (record,) = (record for record in function.records() if "decision" in record)
    assert record["reason"] == "subject_not_printable"
