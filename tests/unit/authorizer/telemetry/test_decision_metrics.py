"""The metrics of a decision, and their form for CloudWatch."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.metrics import UNITS, Metric
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.assessment import Client
from mtls_authorizer.revocation.crl.reader import read_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus
from mtls_authorizer.revocation.truststore.bundle import Truststore, read_truststore
from mtls_authorizer.telemetry.decision_metrics import measure, write_decision_metrics, write_truststore_metric
from tests.aws.api_events import http_2_0_event, rest_event
from tests.observations import CLIENT, HOSTILE, LISTED, NOW, observation
from tests.pki import kept_lists
from tests.pki.certificate_authorities import DAY

if TYPE_CHECKING:
    from datetime import datetime


def test_metrics_are_written_only_if_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    Authorizer(load_settings(LISTED)).authorize(rest_event(CLIENT))
    assert capsys.readouterr().out == ""


DENIED = {"reason": DenyReason.NO_RULE_MATCHED, "grant": None}


LIST_AGE = {"RevocationListAge": 24 * 3600 + 60}
LIST_LEFT = {"RevocationListTimeLeft": 24 * 3600}


ISSUED = NOW.replace(microsecond=0) - timedelta(days=1, seconds=60)
CAS = [kept_lists.CA, kept_lists.OTHER]


def lists(*ends: datetime | None) -> RevocationLists:
    """Return lists of yesterday that end then."""
    truststore = read_truststore(b"".join(ca.pem for ca in CAS))
    crls = [ca.revoke(this_update=ISSUED, next_update=end) for ca, end in zip(CAS, ends, strict=False)]
    return RevocationLists([read_crl(crl, truststore, NOW) for crl in crls], truststore)


TOMORROW = NOW.replace(microsecond=0) + timedelta(days=1, seconds=1)
GOOD = RevocationStatus(RevocationState.GOOD)
UNKNOWN = RevocationStatus(RevocationState.UNKNOWN)
UNAUTHENTICATED = {"reason": DenyReason.CERTIFICATE_MISSING, "grant": None}
TRUSTSTORE = {"TruststoreDaysToExpiry": (kept_lists.NOW + 1000 * DAY - NOW).days}
COUNTED = {"Allowed": 1, "DecisionTime": 7, "DaysToExpiry": 100}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"Allowed": 1, "DecisionTime": 7, "DaysToExpiry": 100}),
        ({"days_to_expiry": 3}, {"Allowed": 1, "DecisionTime": 7, "DaysToExpiry": 3, "Expiring": 1}),
        (
            {"shadow_reason": DenyReason.NO_RULE_MATCHED},
            {"Allowed": 1, "DecisionTime": 7, "ShadowDenied": 1, "DaysToExpiry": 100},
        ),
        ({**DENIED}, {"Denied": 1, "DecisionTime": 7}),
        ({**DENIED, "days_to_expiry": -3}, {"Denied": 1, "DecisionTime": 7}),
        ({"refresh_failures": 2}, {"Allowed": 1, "DecisionTime": 7, "DaysToExpiry": 100, "RulesRefreshFailures": 2}),
        ({"collides": True}, {**COUNTED, "SerialNumberCollision": 1}),
        ({**DENIED, "collides": True}, {"Denied": 1, "DecisionTime": 7, "SerialNumberCollision": 1}),
        ({"revocation_status": UNKNOWN}, {**COUNTED, "RevocationStatusUnknown": 1}),
        ({"revocation_status": GOOD}, COUNTED),
        ({"revocation_status": RevocationStatus(RevocationState.EXEMPT)}, {**COUNTED, "RevocationExempt": 1}),
        (
            {"revocation_status": GOOD._replace(skipped_issuers=("CN=Middle", "CN=Root"))},
            {**COUNTED, "RevocationIssuersSkipped": 2},
        ),
        ({**UNAUTHENTICATED}, {"Denied": 1, "Unauthorized": 1, "DecisionTime": 7}),
        ({**UNAUTHENTICATED, "event": http_2_0_event()}, {"Denied": 1, "DecisionTime": 7}),
        (
            {**UNAUTHENTICATED, "unauthenticated_response": "deny"},
            {"Denied": 1, "DecisionTime": 7},
        ),
        # The 401 of an HTTP API is no error of the function, so it must not be subtracted from the errors.
        (
            {
                **UNAUTHENTICATED,
                "event": http_2_0_event(),
                "unauthenticated_response": "unauthorized",
            },
            {"Denied": 1, "DecisionTime": 7},
        ),
    ],
)
def test_a_decision_is_counted(
    changes: dict[str, Any], expected: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    observed = observation(**changes)
    assert measure(observed) == expected
    write_decision_metrics("a/b", observed)
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


def test_every_metric_is_written() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    observed = [
        observation(**UNAUTHENTICATED, shadow_reason=DenyReason.CERTIFICATE_MISSING, collides=True, refresh_failures=1),
        observation(
            days_to_expiry=3, loses_client_auth=True, revocation_status=RevocationStatus(RevocationState.EXEMPT)
        ),
        observation(
            revocation_status=UNKNOWN._replace(skipped_issuers=("CN=Root",)),
            revocation=lists(TOMORROW),
            truststore=read_truststore(kept_lists.CA.pem + broken),
        ),
    ]
    assert set().union(*map(measure, observed)) == set(Metric)


def test_units_are_those_that_cloudwatch_knows() -> None:
    assert UNITS == {
        "DaysToExpiry": "None",
        "TruststoreDaysToExpiry": "None",
        "RevocationListAge": "Seconds",
        "RevocationListTimeLeft": "Seconds",
        "DecisionTime": "Microseconds",
        "FetchedCrlTimeLeft": "Seconds",
    }


def test_a_line_of_metrics_does_not_wait_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(_Raw(written)), encoding="utf-8"))
    write_decision_metrics("100% a", observation())
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
        ([TOMORROW], {**LIST_AGE, **LIST_LEFT}),
        ([None, TOMORROW], {**LIST_AGE, **LIST_LEFT}),
        ([TOMORROW + timedelta(hours=1), TOMORROW], {**LIST_AGE, **LIST_LEFT}),
    ],
)
def test_the_lists_in_force_are_measured_for_every_client(
    ends: list[datetime | None], expected: dict[str, int]
) -> None:
    revocation = lists(*ends)
    measured = measure(observation(revocation=revocation, truststore=revocation.truststore))
    assert measured == {**COUNTED, **TRUSTSTORE, **expected}


def test_certificates_of_the_truststore_that_were_skipped_are_counted() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    measured = measure(observation(truststore=read_truststore(kept_lists.CA.pem + broken)))
    assert measured == {**COUNTED, **TRUSTSTORE, "TruststoreCertificatesSkipped": 1}


@pytest.mark.parametrize(("days", "expected"), [(0, 0), (-1, -1), (1, 1), (400, 400)])
def test_the_first_ca_of_the_truststore_to_expire_is_measured(days: int, expected: int) -> None:
    first = kept_lists.authority("First", not_after=NOW.replace(microsecond=0) + timedelta(days=days, seconds=1))
    truststore = read_truststore(kept_lists.CA.pem + first.pem + kept_lists.OTHER.pem)
    observed = observation(**DENIED, truststore=truststore)
    assert measure(observed) == {"Denied": 1, "DecisionTime": 7, "TruststoreDaysToExpiry": expected}


def test_a_truststore_without_cas_has_no_expiry(capsys: pytest.CaptureFixture[str]) -> None:
    truststore = Truststore(())
    assert measure(observation(truststore=truststore)) == COUNTED
    write_truststore_metric("a", truststore, NOW)
    assert capsys.readouterr().out == ""


@given(st.sampled_from(DenyReason))
def test_metrics_have_nothing_in_them_that_a_client_chooses(reason: DenyReason) -> None:
    observed = observation(**{**DENIED, "reason": reason, "client": Client(HOSTILE, HOSTILE, HOSTILE, HOSTILE)})
    assert set(measure(observed)) <= set(Metric)
    assert all(isinstance(value, int) for value in measure(observed).values())
