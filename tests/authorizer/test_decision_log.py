"""What is written of a decision, over Lambda's own runtime client where that matters."""

from __future__ import annotations

import io
import json
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.answers import Unauthorized
from mtls_authorizer.api_request import read_request
from mtls_authorizer.authorizer import make_authorizer
from mtls_authorizer.configuration import UnauthenticatedResponse, load_configuration
from mtls_authorizer.crl import read_revocation_list
from mtls_authorizer.decision import Client, Decision
from mtls_authorizer.decision_log import Observation, log_decision, log_fields
from mtls_authorizer.metrics import UNITS, Metric, make_metrics_writer, measure
from mtls_authorizer.reasons import Reason
from mtls_authorizer.revocation import RevocationLists, RevocationState, RevocationStatus
from mtls_authorizer.rules import Grant
from mtls_authorizer.truststore import read_truststore
from tests import der
from tests.api_events import EVENTS, http_2_0_event, rest_event
from tests.authorizer import kept_lists
from tests.certificates import NOT_AFTER, certificate_der, client_pem, name, pem
from tests.lambda_runtime import lambda_function

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLER = "mtls_authorizer.handler.handler"
CLIENT = client_pem(("CN", "client"))
OTHER = client_pem(("CN", "other"))
LISTED = {"ALLOWED_COMMON_NAMES": "client"}

FORGERY = '\n{"decision": "allow"}\r\n'
HOSTILE = f'x{FORGERY}"\\\u0085\u2028\u2029\x1b[31m\x7f\u202e\u2066\ufeff\U0001f600' + "y" * 100_000


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_whatever_a_client_chooses_is_one_line_of_json_that_reads_back(
    make_event: Callable[..., dict[str, Any]],
) -> None:
    common_name = "".join(character for character in HOSTILE if not _is_control(character))
    certificate = client_pem(("CN", common_name), ("O", common_name))
    event = make_event(certificate, path=f"/{HOSTILE}", resource=HOSTILE, routeKey=HOSTILE, headers={HOSTILE: HOSTILE})
    event["requestContext"]["requestId"] = HOSTILE
    for place in ("http", "identity"):
        if place in event["requestContext"]:
            event["requestContext"][place]["sourceIp"] = HOSTILE
    if "httpMethod" in event:
        event["httpMethod"] = HOSTILE
    with lambda_function(HANDLER, {**LISTED, "METRICS_NAMESPACE": "authorizer"}) as function:
        function.invoke(event)
    (record,) = (record for record in function.records() if "decision" in record)
    assert record["decision"] == "deny"
    assert record["reason"] == "common_name_not_allowed"
    assert record["principal"] == common_name
    assert record["source_ip"] == HOSTILE
    assert record["request_id"] == HOSTILE
    assert record["route"] in (HOSTILE, f"{HOSTILE} {HOSTILE}")
    assert record["subject_dn"].isascii()
    assert record["subject_dn"].isprintable()


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character < "\xa0"


def test_half_a_surrogate_pair_is_logged_in_ascii() -> None:
    event = rest_event(CLIENT)
    event["requestContext"]["identity"]["sourceIp"] = "\ud800"
    with lambda_function(HANDLER, LISTED) as function:
        function.invoke(event)
    (record,) = (record for record in function.records() if "decision" in record)
    assert record["source_ip"] == r"\ud800"


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
    setting: dict[str, str], logged: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    authorize = make_authorizer(load_configuration({**LISTED, **setting}))
    authorize(rest_event(CLIENT))
    authorize(rest_event(OTHER))
    assert [vars(record)["decision"] for record in caplog.records] == logged


def test_what_no_level_lets_through_is_not_put_together(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "mtls_authorizer")
    # It is for the logger to leave it out, not for who writes what it lets through.
    caplog.handler.setLevel(logging.NOTSET)
    make_authorizer(load_configuration(LISTED))(rest_event(OTHER))
    assert caplog.records == []


def test_the_second_decision_on_a_certificate_is_from_the_cache(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    authorize = make_authorizer(load_configuration(LISTED))
    for event in (rest_event(CLIENT), rest_event(CLIENT), rest_event(), rest_event(7), rest_event(7)):
        with suppress(Unauthorized):
            authorize(event)
    records = [vars(record) for record in caplog.records]
    assert [record["cached"] for record in records] == [False, True, False, False, False]
    assert all(record["duration_us"] >= 0 for record in records)


def test_a_record_tells_who_is_it_what_was_decided_and_by_which_configuration(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    rules = {"rules": [{"name": "hello", "match": {"common_name": "client"}, "allow": ["GET /hello"]}]}
    shadow = {"rules": [{"name": "other", "match": {"common_name": "client"}, "allow": ["POST /hello"]}]}
    environment = {"AUTHORIZER_RULES": json.dumps(rules), "AUTHORIZER_SHADOW_RULES": json.dumps(shadow)}
    configuration = load_configuration(environment)
    make_authorizer(configuration)(rest_event(CLIENT))
    (record,) = (vars(record) for record in caplog.records)
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
        "configuration_version": configuration.version,
        "rules_version": None,
        "shadow_rules_version": None,
    }
    assert {key: record[key] for key in expected} == expected
    assert record["days_to_expiry"] == (NOT_AFTER - datetime.now(UTC)).days


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        ({}, "INFO", "allow"),
        ({"days_to_expiry": 30}, "WARNING", "allow, certificate expires soon"),
        ({"allowed": False, "reason": Reason.NO_RULE_MATCHED, "grant": None}, "WARNING", "deny: no_rule_matched"),
    ],
)
def test_a_record_is_as_logging_makes_it_but_for_threads_and_processes(
    changes: dict[str, Any], level: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    time = NOW + timedelta(days=1)
    observed = observation(**changes)._replace(time=time)
    log_decision(observed)
    (record,) = caplog.records
    template = logging.makeLogRecord({})
    assert vars(record).keys() >= vars(template).keys() | log_fields(observed).keys()
    assert (record.name, record.levelname, record.levelno) == ("mtls_authorizer", level, logging.getLevelName(level))
    assert record.getMessage() == message
    assert record.created == time.timestamp()
    assert record.msecs == time.microsecond // 1000
    # What made the template was made at some other time of the same process.
    started = template.created - template.relativeCreated / 1000
    assert record.relativeCreated == pytest.approx((time.timestamp() - started) * 1000, abs=50)
    assert (record.thread, record.threadName, record.process, record.processName) == (None, None, None, None)
    assert (record.args, record.exc_info, record.stack_info) == (template.args, None, None)


def test_no_field_has_the_name_of_an_attribute_that_all_records_have() -> None:
    fields = log_fields(observation(revocation=GOOD))
    assert not fields.keys() & (vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "aws_request_id"})


def test_the_version_of_a_configuration_is_that_of_its_variables_and_of_no_others() -> None:
    version = load_configuration(LISTED).version
    assert version == load_configuration({**LISTED, "AWS_REGION": "eu-central-1"}).version
    assert version != load_configuration({"ALLOWED_COMMON_NAMES": "clients"}).version
    assert version != load_configuration({"ALLOWED_ORGANIZATIONS": "client"}).version


NOW = datetime.now(UTC)


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
def test_a_certificate_that_expires_soon_is_let_in_and_warned_of(
    after: timedelta,
    setting: dict[str, str],
    days: str | None,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    authorize = make_authorizer(load_configuration({**LISTED, **setting, "METRICS_NAMESPACE": "authorizer"}))
    context: Any = authorize(rest_event(expiring(after)))["context"]
    assert context.get("clientCertDaysToExpiry") == days
    assert context["clientCertCN"] == "client"
    (record,) = caplog.records
    assert record.levelno == (logging.INFO if days is None else logging.WARNING)
    assert record.getMessage() == ("allow" if days is None else "allow, certificate expires soon")
    assert vars(record)["decision"] == "allow"
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["DaysToExpiry"] == after.days
    assert metrics.get("Expiring") == (None if days is None else 1)


def test_metrics_are_written_only_if_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    make_authorizer(load_configuration(LISTED))(rest_event(CLIENT))
    assert capsys.readouterr().out == ""


def observation(**changes: Any) -> Observation:  # noqa: ANN401 -- any of its fields
    configuration = load_configuration({**LISTED, "AUTHORIZER_SHADOW_RULES": SHADOW})
    grant = Grant(("environment",), None, {}, None)
    decision = Decision(
        allowed=True, reason=None, client=Client("client"), context={}, grant=grant, shadow=grant, days_to_expiry=100
    )
    decision = decision._replace(**{key: value for key, value in changes.items() if key in Decision._fields})
    request = read_request(changes.get("event", rest_event(CLIENT)))
    return Observation(
        decision,
        request,
        configuration._replace(**{key: value for key, value in changes.items() if key == "unauthenticated_response"}),
        NOW,
        cached=False,
        microseconds=7,
        refresh_failures=changes.get("refresh_failures", 0),
        refusal=decision.refusal(request.invocation),
        shadow_refusal=decision.shadow_refusal(request.invocation),
    )


SHADOW = json.dumps({"rules": [{"name": "shadow", "match": {"common_name": "x"}}]})
DENIED = {"allowed": False, "reason": Reason.NO_RULE_MATCHED, "grant": None}


LIST_AGE = {"RevocationListAge": 60}
LIST_LEFT = {"RevocationListTimeLeft": 3600}


MINUTE_AGO = NOW.replace(microsecond=0) - timedelta(seconds=60)
CAS = [kept_lists.CA, kept_lists.OTHER]


def lists(*ends: datetime | None) -> RevocationLists:
    """Return lists of a minute ago that end then."""
    truststore = read_truststore(b"".join(ca.pem for ca in CAS))
    crls = [ca.revoke(this_update=MINUTE_AGO, next_update=end) for ca, end in zip(CAS, ends, strict=False)]
    return RevocationLists([read_revocation_list(crl, truststore, NOW) for crl in crls], truststore)


HOUR = NOW.replace(microsecond=0) + timedelta(hours=1, seconds=1)
GOOD = RevocationStatus(RevocationState.GOOD)
UNKNOWN = RevocationStatus(RevocationState.UNKNOWN)
UNAUTHENTICATED = {"allowed": False, "reason": Reason.CERTIFICATE_MISSING, "grant": None}
COUNTED = {"Allowed": 1, "DecisionTime": 7, "DaysToExpiry": 100}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"Allowed": 1, "DecisionTime": 7, "DaysToExpiry": 100}),
        ({"days_to_expiry": 3}, {"Allowed": 1, "DecisionTime": 7, "DaysToExpiry": 3, "Expiring": 1}),
        ({"shadow": Reason.NO_RULE_MATCHED}, {"Allowed": 1, "DecisionTime": 7, "ShadowDenied": 1, "DaysToExpiry": 100}),
        ({**DENIED}, {"Denied": 1, "DecisionTime": 7}),
        ({**DENIED, "days_to_expiry": -3}, {"Denied": 1, "DecisionTime": 7}),
        ({"refresh_failures": 2}, {"Allowed": 1, "DecisionTime": 7, "DaysToExpiry": 100, "RulesRefreshFailures": 2}),
        ({"revocation": UNKNOWN}, {**COUNTED, "RevocationStatusUnknown": 1}),
        ({"revocation": GOOD}, COUNTED),
        ({**UNAUTHENTICATED}, {"Denied": 1, "Unauthorized": 1, "DecisionTime": 7}),
        ({**UNAUTHENTICATED, "event": http_2_0_event()}, {"Denied": 1, "DecisionTime": 7}),
        (
            {**UNAUTHENTICATED, "unauthenticated_response": UnauthenticatedResponse.DENY},
            {"Denied": 1, "DecisionTime": 7},
        ),
    ],
)
def test_a_decision_is_counted(
    changes: dict[str, Any], expected: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    observed = observation(**changes)
    assert measure(observed) == expected
    make_metrics_writer("a/b")(observed)
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    written = json.loads(line)
    directives = written.pop("_aws")
    reason = {"Reason": observed.decision.reason.value} if observed.decision.reason else {}
    assert written == {**expected, **reason}
    assert directives["Timestamp"] == int(NOW.timestamp() * 1000)
    defined = {}
    for directive in directives["CloudWatchMetrics"]:
        assert directive["Namespace"] == "a/b"
        for metric in directive["Metrics"]:
            defined[metric["Name"]] = metric["Unit"]
            assert directive["Dimensions"] == ([[], ["Reason"]] if metric["Name"] == "Denied" else [[]])
    assert defined == {key: UNITS.get(Metric(key), "Count") for key in expected}


def test_units_are_those_that_cloudwatch_knows() -> None:
    assert UNITS == {
        "DaysToExpiry": "None",
        "RevocationListAge": "Seconds",
        "RevocationListTimeLeft": "Seconds",
        "DecisionTime": "Microseconds",
    }


def test_a_line_of_metrics_does_not_wait_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(_Raw(written)), encoding="utf-8"))
    make_metrics_writer("100% a")(observation())
    assert json.loads(written.getvalue())["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "100% a"


class _Raw(io.RawIOBase):
    """Takes what isn't kept in a buffer above it."""

    def __init__(self, written: io.BytesIO) -> None:
        self._written = written

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401 -- any buffer
        return self._written.write(data)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([], {}),
        ([None], LIST_AGE),
        ([HOUR], {**LIST_AGE, **LIST_LEFT}),
        ([None, HOUR], {**LIST_AGE, **LIST_LEFT}),
        ([HOUR + timedelta(hours=1), HOUR], {**LIST_AGE, **LIST_LEFT}),
    ],
)
def test_the_lists_in_force_are_measured_whoever_is_looked_up(
    ends: list[datetime | None], expected: dict[str, int]
) -> None:
    observed = observation()
    measured = measure(observed._replace(configuration=observed.configuration._replace(revocation=lists(*ends))))
    assert measured == {**COUNTED, **expected}


@given(st.sampled_from(Reason))
def test_metrics_have_nothing_in_them_that_a_client_chooses(reason: Reason) -> None:
    observed = observation(**{**DENIED, "reason": reason, "client": Client(HOSTILE, HOSTILE, HOSTILE, HOSTILE)})
    assert set(measure(observed)) <= set(Metric)
    assert all(isinstance(value, int) for value in measure(observed).values())


def test_a_record_has_no_pem_and_nothing_of_headers_query_or_body() -> None:
    event = rest_event(
        CLIENT, headers={"authorization": "s3cret"}, body="s3cret", queryStringParameters={"q": "s3cret"}
    )
    with lambda_function(HANDLER, LISTED) as function:
        function.invoke(event)
    assert "s3cret" not in function.log
    assert "BEGIN" not in function.log
    assert log_fields(observation())["principal"] == "client"


def test_a_record_is_the_packages_and_has_nothing_of_shadow_rules_where_there_are_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    make_authorizer(load_configuration(LISTED))(rest_event(CLIENT))
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("mtls_authorizer", "INFO")
    assert not any(field.startswith("shadow") for field in vars(record))
