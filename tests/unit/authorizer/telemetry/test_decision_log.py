"""What is written of a decision, over Lambda's own runtime client where that matters."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.event import read_request
from mtls_authorizer.request.response import Unauthorized
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus, UnknownReason
from mtls_authorizer.telemetry.decision_log import (
    LONGEST_LOGGED,
    MOST_RULES,
    MOST_VALUES,
    log_decision,
    log_fields,
    shortened,
)
from tests.aws.api_events import rest_event
from tests.observations import CLIENT, LISTED, NOW, observation
from tests.pki import der
from tests.pki.certificate_authorities import DAY
from tests.pki.certificates import NOT_AFTER, certificate_der, client_pem, extension, name, pem
from tests.pki.kept_lists import CA, GOOD, Memory, make_authorizer

HANDLER = "mtls_authorizer.handler.handler"
OTHER = client_pem(("CN", "other"), serial_number=der.integer(2))


@pytest.mark.parametrize(
    "context", [{}, {"identity": None}, {"identity": {}}, {"http": "x"}, {"http": {"sourceIp": 7}}]
)
def test_without_a_source_ip_there_is_none_in_the_log(context: dict[str, Any]) -> None:
    event = rest_event()
    event["requestContext"] = {"requestId": "x", **context}
    assert read_request(event).source_ip is None


@pytest.mark.parametrize(
    ("setting", "logged"),
    [({}, ["allow", "deny"]), ({"LOG_DECISIONS": "denied"}, ["deny"]), ({"LOG_DECISIONS": "none"}, [])],
)
def test_the_decisions_that_are_asked_for_are_logged(
    setting: dict[str, str], logged: list[str], log: pytest.LogCaptureFixture
) -> None:
    authorize = Authorizer(load_settings({**LISTED, **setting})).authorize
    authorize(rest_event(CLIENT))
    authorize(rest_event(OTHER))
    assert [vars(record)["decision"] for record in log.records] == logged


def test_a_record_below_the_level_is_not_created(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "mtls_authorizer")
    # It is for the logger to leave it out, not for who writes what it lets through.
    caplog.handler.setLevel(logging.NOTSET)
    Authorizer(load_settings(LISTED)).authorize(rest_event(OTHER))
    assert caplog.records == []


def test_without_logging_only_warnings_are_worth_importing_it(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorize = Authorizer(load_settings(LISTED)).authorize
    with monkeypatch.context() as context:
        context.delitem(sys.modules, "logging")
        authorize(rest_event(CLIENT))
        assert "logging" not in sys.modules
    authorize(rest_event(CLIENT))
    assert [record.message for record in log.records] == ["allow"]


def test_the_second_decision_on_a_certificate_is_from_the_cache(log: pytest.LogCaptureFixture) -> None:
    authorize = Authorizer(load_settings(LISTED)).authorize
    for event in (rest_event(CLIENT), rest_event(CLIENT), rest_event(), rest_event(7), rest_event(7)):
        with suppress(Unauthorized):
            authorize(event)
    records = [vars(record) for record in log.records]
    assert [record["cached"] for record in records] == [False, True, False, False, False]
    assert all(record["duration_us"] >= 0 for record in records)


def test_long_names_and_serial_numbers_are_shortened(log: pytest.LogCaptureFixture) -> None:
    long = name(("CN", "client"), ("O", "ä" * 100_000))
    authorize = Authorizer(load_settings(LISTED)).authorize
    for second in (1, 2):
        serial_number = der.integer(2**800_000)
        authorize(rest_event(pem(certificate_der(long, long, serial_number=serial_number, not_before=_time(second)))))
    assert [record.message for record in log.records] == ["allow", "serial number collision", "allow"]
    for record in map(vars, log.records):
        for field in ("issuer_dn", "serial_number", *(["subject_dn"] if record["message"] == "allow" else [])):
            assert len(record[field]) == LONGEST_LOGGED
            assert record[field].endswith("...")
        assert len(json.dumps(record, default=str)) < 32_000


def test_a_value_of_the_greatest_length_is_complete() -> None:
    assert shortened("a" * LONGEST_LOGGED) == "a" * LONGEST_LOGGED
    assert shortened("a" * (LONGEST_LOGGED + 1)) == "a" * (LONGEST_LOGGED - 3) + "..."


def test_a_ca_cannot_make_records_too_large(log: pytest.LogCaptureFixture) -> None:
    """Names of CAs are equal whatever the number of their spaces, and CRLs contain them once more."""
    padded = name(("CN", "CA" + "\u3000" * 60_000))
    storage = Memory()
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", CA.revoke(issuer=padded, this_update=NOW - DAY, next_update=NOW + DAY))
    assert make_authorizer(storage).deny_reasons(GOOD) == [None]
    record = vars(log.records[-1])
    assert (record["message"], len(record["crl_issuer"])) == ("allow", LONGEST_LOGGED)
    assert len(json.dumps(record, default=str)) < 32_000


def test_the_names_of_skipped_issuers_are_shortened() -> None:
    skipped = RevocationStatus(RevocationState.GOOD, skipped_issuers=("CN=" + "x" * LONGEST_LOGGED, "CN=b"))
    fields: Any = log_fields(observation(revocation_status=skipped))
    assert [len(issuer) for issuer in fields["crl_skipped_issuers"]] == [LONGEST_LOGGED, len("CN=b")]


def test_many_extended_key_usages_are_shortened(log: pytest.LogCaptureFixture) -> None:
    usages = ["1.3.6.1.5.5.7.3.2", *(f"1.2.3.{number}" for number in range(20_000))]
    value = extension("2.5.29.37", der.sequence(*map(der.oid, usages)))
    Authorizer(load_settings(LISTED)).authorize(rest_event(pem(certificate_der(extensions=[value]))))
    (record,) = map(vars, log.records)
    assert (record["message"], record["extended_key_usage"][0]) == ("allow", "clientAuth")
    assert record["extended_key_usage"][-1] == "..."
    assert len(record["extended_key_usage"]) == MOST_VALUES + 1


@pytest.mark.without_coverage
def test_the_names_of_many_rules_are_shortened(log: pytest.LogCaptureFixture) -> None:
    for count in (MOST_RULES, 6_000):
        rules = [{"name": f"{number:064}", "match": {"common_name": "client"}} for number in range(count)]
        Authorizer(load_settings({"AUTHORIZER_RULES": json.dumps({"rules": rules})})).authorize(rest_event(CLIENT))
    all_names, first_names = (vars(record)["rules"] for record in log.records)
    assert all_names == [f"{number:064}" for number in range(MOST_RULES)]
    assert first_names == [*all_names, "..."]


def test_logs_insights_finds_all_fields_of_the_largest_record(log: pytest.LogCaptureFixture) -> None:
    """It finds 200 at most, and each item of a list is one."""
    rules = [{"name": f"{number}", "match": {"common_name": "client"}} for number in range(MOST_RULES + 1)]
    settings = load_settings({"AUTHORIZER_RULES": json.dumps({"rules": rules})})
    usages = ["1.3.6.1.5.5.7.3.2", *(f"1.2.3.{number}" for number in range(MOST_VALUES))]
    value = extension("2.5.29.37", der.sequence(*map(der.oid, usages)))
    Authorizer(settings).authorize(rest_event(pem(certificate_der(extensions=[value]))))
    [record] = map(vars, log.records)
    assert record["rules"][-1] == record["extended_key_usage"][-1] == "..."
    # With the attributes of logging, which are more than what Lambda adds. Shadow rules and revocation add about 20.
    assert sum(len(value) if isinstance(value, list) else 1 for value in record.values()) + 20 <= 200


def _time(second: int) -> bytes:
    return der.time(datetime(2020, 1, 1, 0, 0, second, tzinfo=UTC))


def test_a_record_contains_the_client_the_decision_and_the_versions_of_its_configuration(
    log: pytest.LogCaptureFixture,
) -> None:
    rules = {"rules": [{"name": "hello", "match": {"common_name": "client"}, "allow": ["GET /hello"]}]}
    shadow = {"rules": [{"name": "other", "match": {"common_name": "client"}, "allow": ["POST /hello"]}]}
    environment = {"AUTHORIZER_RULES": json.dumps(rules), "AUTHORIZER_SHADOW_RULES": json.dumps(shadow)}
    settings = load_settings(environment)
    now = datetime.now(UTC)
    Authorizer(settings, clock=lambda: now).authorize(rest_event(CLIENT))
    (record,) = (vars(record) for record in log.records)
    expected = {
        "decision": "allow",
        "reason": None,
        "rules": ["hello"],
        "principal": "client",
        "subject_dn": "CN=client",
        "source_ip": "192.0.2.1",
        "route": "GET /hello",
        "shadow_decision": "deny",
        "shadow_reason": "route_not_allowed",
        "configuration_version": settings.version,
        "rules_version": None,
        "shadow_rules_version": None,
    }
    assert {key: record[key] for key in expected} == expected
    assert record["days_to_expiry"] == (NOT_AFTER - now).days


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        ({}, "INFO", "allow"),
        ({"days_to_expiry": 30}, "WARNING", "allow, certificate expires soon"),
        ({"reason": DenyReason.NO_RULE_MATCHED, "grant": None}, "WARNING", "deny: no_rule_matched"),
    ],
)
def test_a_record_has_the_level_and_the_message_of_its_decision(
    changes: dict[str, Any], level: str, message: str, log: pytest.LogCaptureFixture
) -> None:
    observed = observation(**changes)
    log_decision(observed)
    (record,) = log.records
    assert (record.name, record.levelname, record.getMessage()) == ("mtls_authorizer", level, message)
    assert vars(record).items() >= log_fields(observed).items()


def test_the_log_of_denied_requests_has_no_certificate_that_expires_soon(caplog: pytest.LogCaptureFixture) -> None:
    log_decision(observation(days_to_expiry=30, log_decisions="denied"))
    assert caplog.records == []


def test_no_field_has_the_name_of_an_attribute_that_all_records_have() -> None:
    fields = log_fields(observation(revocation_status=RevocationStatus(RevocationState.GOOD)))
    assert not fields.keys() & (vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "aws_request_id"})


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (RevocationStatus(RevocationState.GOOD), {"revocation_status": "good"}),
        (
            RevocationStatus(RevocationState.UNKNOWN, UnknownReason.NO_LIST),
            {"revocation_status": "unknown", "revocation_unknown_reason": "no_list"},
        ),
    ],
)
def test_the_cause_of_an_unknown_status_is_logged(status: RevocationStatus, fields: dict[str, str]) -> None:
    logged = log_fields(observation(revocation_status=status))
    assert {name: value for name, value in logged.items() if name.startswith("revocation_")} == fields


def test_the_version_of_a_configuration_is_that_of_its_variables_and_of_no_others() -> None:
    version = load_settings(LISTED).version
    assert version == load_settings({**LISTED, "AWS_REGION": "eu-central-1"}).version
    assert version != load_settings({"ALLOWED_COMMON_NAMES": "clients"}).version
    assert version != load_settings({"ALLOWED_ORGANIZATIONS": "client"}).version


def expiring(after: timedelta) -> str:
    moment = (NOW + after).replace(microsecond=0)
    return pem(certificate_der(name(("CN", "client")), not_after=der.time(moment)))


@pytest.mark.parametrize(
    ("after", "setting", "days"),
    [
        (timedelta(days=30, hours=12), {}, "30"),
        (timedelta(days=31, hours=12), {}, None),
        (timedelta(hours=1), {}, "0"),
        (timedelta(days=5, hours=1), {"EXPIRY_WARNING_DAYS": "5"}, "5"),
        (timedelta(days=6, hours=1), {"EXPIRY_WARNING_DAYS": "5"}, None),
        (timedelta(hours=1), {"EXPIRY_WARNING_DAYS": "0"}, "0"),
    ],
)
def test_a_certificate_that_expires_soon_is_allowed_with_a_warning(
    after: timedelta,
    setting: dict[str, str],
    days: str | None,
    log: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    authorize = Authorizer(load_settings({**LISTED, **setting, "METRICS_NAMESPACE": "authorizer"})).authorize
    context: Any = authorize(rest_event(expiring(after)))["context"]
    assert context.get("clientCertDaysToExpiry") == days
    assert context["clientCertCN"] == "client"
    (record,) = log.records
    assert record.levelno == (logging.INFO if days is None else logging.WARNING)
    assert record.getMessage() == ("allow" if days is None else "allow, certificate expires soon")
    assert vars(record)["decision"] == "allow"
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["DaysToExpiry"] == after.days
    assert metrics.get("Expiring") == (None if days is None else 1)


def test_a_record_is_of_the_packages_logger_and_has_no_fields_of_shadow_rules_without_any(
    log: pytest.LogCaptureFixture,
) -> None:
    Authorizer(load_settings(LISTED)).authorize(rest_event(CLIENT))
    (record,) = log.records
    assert (record.name, record.levelname) == ("mtls_authorizer", "INFO")
    assert not any(field.startswith("shadow") for field in vars(record))


def test_rules_and_shadow_rules_have_versions_of_their_own() -> None:
    fields = log_fields(observation(rules_version="1", shadow_rules_version="2"))
    assert (fields["rules_version"], fields["shadow_rules_version"]) == ("1", "2")
