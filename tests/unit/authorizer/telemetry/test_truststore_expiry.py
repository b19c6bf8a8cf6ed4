"""CA certificates of the truststore that expire soon are logged and measured."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.metrics import Metric
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.telemetry.decision_log import MOST_VALUES
from tests.aws.api_events import rest_event
from tests.pki.certificate_authorities import DAY
from tests.pki.certificates import name
from tests.pki.kept_lists import CA, FIRST, GOOD, NOW, Memory, authority, make_live, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON, LATER, EXPIRED = (
    authority(common_name, not_after=NOW + days * DAY)
    for common_name, days in [("Soon", 29), ("Late", 31), ("Old", -1)]
)
EXPIRES, HAS_EXPIRED = "truststore certificate expires soon", "truststore certificate has expired"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def start(storage: Memory, clock: Clock, **variables: str) -> Authorizer:
    storage.put("ca.crl", FIRST)
    current = make_live(storage, settings(storage, **variables))
    return Authorizer(current.settings, current, clock=clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage() -> Memory:
    return Memory()


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, int]]:
    """Return what was logged since the last call: message, subject and days."""
    records = [vars(record) for record in caplog.records if record.getMessage() in (EXPIRES, HAS_EXPIRED)]
    caplog.clear()
    return [(record["msg"], record["subject_dn"], record["days_to_expiry"]) for record in records]


def test_cas_that_expire_within_the_warning_period_are_logged_at_the_start(
    storage: Memory, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    storage.put("truststore.pem", CA.pem + SOON.pem + LATER.pem + EXPIRED.pem)
    start(storage, clock)
    [expired, soon] = [vars(record) for record in caplog.records if "truststore" in record.getMessage()]
    assert (soon["levelname"], soon["msg"], soon["subject_dn"]) == ("WARNING", EXPIRES, "CN=Soon")
    assert (soon["document"], soon["uri"], soon["days_to_expiry"]) == ("truststore", storage.uri("truststore.pem"), 29)
    assert soon["sha256"] == hashlib.sha256(SOON.certificate).hexdigest()
    assert (expired["levelname"], expired["msg"], expired["subject_dn"]) == ("WARNING", HAS_EXPIRED, "CN=Old")
    assert expired["days_to_expiry"] == -1


def test_they_are_logged_once_a_day_and_for_each_new_truststore(
    storage: Memory, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    storage.put("truststore.pem", CA.pem + LATER.pem)
    authorizer = start(storage, clock)
    authorizer.authorize(rest_event(GOOD))
    assert logged(caplog) == []
    clock.now = NOW + DAY
    authorizer.authorize(rest_event(GOOD))
    authorizer.authorize(rest_event(GOOD))
    assert logged(caplog) == [(EXPIRES, "CN=Late", 30)]
    clock.now = NOW + 2 * DAY
    authorizer.authorize(rest_event(GOOD))
    assert logged(caplog) == [(EXPIRES, "CN=Late", 29)]
    storage.put("truststore.pem", CA.pem + SOON.pem)
    authorizer.authorize(rest_event(GOOD))
    assert logged(caplog) == [(EXPIRES, "CN=Soon", 27)]
    storage.put("truststore.pem", CA.pem)
    authorizer.authorize(rest_event(GOOD))
    assert logged(caplog) == []


def test_the_warning_period_is_that_of_client_certificates(
    storage: Memory, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    storage.put("truststore.pem", CA.pem + SOON.pem + LATER.pem)
    start(storage, clock, EXPIRY_WARNING_DAYS="28")
    assert logged(caplog) == []
    start(storage, clock, EXPIRY_WARNING_DAYS="31", LOG_DECISIONS="none")
    assert logged(caplog) == [(EXPIRES, "CN=Soon", 29), (EXPIRES, "CN=Late", 31)]


def test_a_truststore_without_crls_is_reported_as_well(
    storage: Memory, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    storage.put("truststore.pem", CA.pem + SOON.pem)
    by_key = load_settings({"ALLOWED_ISSUER_KEYS": CA.signer, "TRUSTSTORE_URI": storage.uri("truststore.pem")})
    current = make_live(storage, by_key)
    Authorizer(current.settings, current, clock=clock)
    assert logged(caplog) == [(EXPIRES, "CN=Soon", 29)]


def test_few_of_many_cas_are_logged_and_long_names_are_cut_off(
    storage: Memory, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    long = authority("Long", subject=name(("CN", "x" * 3000)), not_after=NOW + DAY)
    many = [authority(f"CA {number}", not_after=NOW + (2 + number) * DAY) for number in range(MOST_VALUES)]
    storage.put("truststore.pem", b"".join(each.pem for each in (CA, *reversed(many), long)))
    start(storage, clock)
    [first, *others] = logged(caplog)
    assert first[1] == "CN=" + "x" * 2042 + "..."
    assert [subject for _, subject, _ in others] == [f"CN=CA {number}" for number in range(MOST_VALUES - 1)]


def metrics(capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Any]]:
    for line in capsys.readouterr().out.splitlines():
        yield json.loads(line)


def test_the_metric_is_written_at_the_start_and_with_each_decision(
    storage: Memory, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.now = NOW + timedelta(seconds=1)
    storage.put("truststore.pem", CA.pem + LATER.pem)
    authorizer = start(storage, clock, METRICS_NAMESPACE="Partners")
    [at_start] = metrics(capsys)
    days = Metric.TRUSTSTORE_DAYS_TO_EXPIRY
    assert at_start == {
        "_aws": {
            "Timestamp": int(clock.now.timestamp() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": "Partners", "Dimensions": [[]], "Metrics": [{"Name": days, "Unit": "None"}]}
            ],
        },
        days: 30,
    }
    authorizer.authorize(rest_event(GOOD))
    [decision] = metrics(capsys)
    assert (decision[days], decision[Metric.ALLOWED]) == (30, 1)


def test_there_is_no_metric_without_a_truststore_that_can_be_read(
    storage: Memory, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    authorizer = start(storage, clock, METRICS_NAMESPACE="Partners")
    assert list(metrics(capsys)) == []
    authorizer.authorize(rest_event(GOOD))
    [decision] = metrics(capsys)
    assert Metric.TRUSTSTORE_DAYS_TO_EXPIRY not in decision


def test_there_is_no_metric_without_a_namespace(
    storage: Memory, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    storage.put("truststore.pem", CA.pem + SOON.pem)
    start(storage, clock)
    assert list(metrics(capsys)) == []
