"""The alarms of the monitoring stack and of the revocation stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.metrics import FetchMetric, Metric
from tests.integration.template.metrics import Monitored, check_metric
from tests.integration.template.stacks import AUTHORIZER, MONITORING, REVOCATION

if TYPE_CHECKING:
    from tests.integration.template.templates import Template

AUTHORIZER_ALARMS = {
    "AuthorizerErrorsAlarm",
    "AuthorizerThrottlesAlarm",
    "AuthorizerDurationAlarm",
    "RulesRefreshFailuresAlarm",
    "ExpiryAlarm",
    "TruststoreExpiryAlarm",
    "RevocationListStaleAlarm",
    "RevocationStatusUnknownAlarm",
    "SerialNumberCollisionAlarm",
}
INDEXER_ALARMS = {"CrlIndexerErrorsAlarm", "CrlIndexerFailuresAlarm"}
ABOUT_EXPIRY = {"ExpiryAlarm", "FetchedCrlStaleAlarm", "RevocationListStaleAlarm", "TruststoreExpiryAlarm"}
KEEPS_ITS_STATE = ABOUT_EXPIRY | {"CrlIndexerFailuresAlarm", "CrlFetcherErrorsAlarm"}
"""Between two runs of the fetcher, and without requests, there are no values, also while the queue has messages.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html
"""


def alarms(template: Template, stack: str) -> dict[str, dict[str, Any]]:
    return {
        name: template.resolved(resource["Properties"])
        for name, resource in template.deployed(stack)["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.mark.parametrize(
    ("template", "stack", "expected"),
    [
        (MONITORING, "defaults", AUTHORIZER_ALARMS),
        (MONITORING, "alarms-only", AUTHORIZER_ALARMS),
        (MONITORING, "everything-set", AUTHORIZER_ALARMS | {"FetchedCrlStaleAlarm"}),
        (MONITORING, "dashboard-only", set()),
        (REVOCATION, "defaults", INDEXER_ALARMS),
        (REVOCATION, "everything-set", INDEXER_ALARMS | {"CrlFetcherErrorsAlarm"}),
        (REVOCATION, "truststore-in-a-file", set()),
        (AUTHORIZER, "defaults", set()),
        (AUTHORIZER, "every-variable", set()),
    ],
)
def test_a_stack_has_all_of_its_alarms_or_none(template: Template, stack: str, expected: set[str]) -> None:
    assert alarms(template, stack).keys() == expected


@pytest.mark.parametrize(
    ("template", "stack"),
    [(template, stack) for template in (MONITORING, REVOCATION) for stack in template.stacks],
)
def test_alarms_watch_metrics_that_exist_and_notify_the_topic(template: Template, stack: str) -> None:
    given = template.stacks[stack]
    monitored = Monitored(
        functions={given["AuthorizerFunctionName"]} if template is MONITORING else {"CrlIndexer", "CrlFetcher"},
        queues={"CrlIndexerFailures.QueueName"},
        namespace=given.get("MetricsNamespace", ""),
    )
    for name, alarm in alarms(template, stack).items():
        watched = (
            [alarm]
            if "MetricName" in alarm
            else [metric["MetricStat"]["Metric"] for metric in alarm["Metrics"] if "MetricStat" in metric]
        )
        assert watched
        for metric in watched:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])}
            check_metric(metric["Namespace"], metric["MetricName"], dimensions, monitored)
        assert alarm["TreatMissingData"] == ("ignore" if name in KEEPS_ITS_STATE else "notBreaching")
        assert (alarm["ComparisonOperator"] == "LessThanOrEqualToThreshold") == (name in ABOUT_EXPIRY)
        topics = [given["AlarmTopicArn"]] if "AlarmTopicArn" in given else None
        assert (alarm.get("AlarmActions"), alarm.get("OKActions")) == (topics, topics)


@pytest.mark.parametrize(
    ("template", "alarm", "comparison", "threshold"),
    [
        (MONITORING, "AuthorizerErrorsAlarm", "GreaterThanThreshold", 0),
        (MONITORING, "AuthorizerThrottlesAlarm", "GreaterThanThreshold", 0),
        (MONITORING, "AuthorizerDurationAlarm", "GreaterThanThreshold", "500"),
        (MONITORING, "RulesRefreshFailuresAlarm", "GreaterThanThreshold", 0),
        (MONITORING, "ExpiryAlarm", "LessThanOrEqualToThreshold", "3"),
        (MONITORING, "TruststoreExpiryAlarm", "LessThanOrEqualToThreshold", "60"),
        (MONITORING, "RevocationListStaleAlarm", "LessThanOrEqualToThreshold", "3600"),
        (MONITORING, "FetchedCrlStaleAlarm", "LessThanOrEqualToThreshold", "3600"),
        (MONITORING, "RevocationStatusUnknownAlarm", "GreaterThanThreshold", 0),
        (MONITORING, "SerialNumberCollisionAlarm", "GreaterThanThreshold", 0),
        (REVOCATION, "CrlIndexerErrorsAlarm", "GreaterThanThreshold", 0),
        (REVOCATION, "CrlIndexerFailuresAlarm", "GreaterThanThreshold", 0),
        (REVOCATION, "CrlFetcherErrorsAlarm", "GreaterThanThreshold", 0),
    ],
)
def test_an_alarm_has_the_threshold_of_its_parameter(
    template: Template, alarm: str, comparison: str, threshold: object
) -> None:
    properties = alarms(template, "everything-set")[alarm]
    assert (properties["ComparisonOperator"], properties["Threshold"]) == (comparison, threshold)


@pytest.mark.parametrize(
    ("stack", "alarm", "metric", "statistic"),
    [
        ("everything-set", "FetchedCrlStaleAlarm", FetchMetric.FETCHED_TIME_LEFT, "Minimum"),
        ("defaults", "AuthorizerDurationAlarm", "Duration", "p99"),
        ("defaults", "RulesRefreshFailuresAlarm", Metric.RULES_REFRESH_FAILURES, "Sum"),
        ("defaults", "ExpiryAlarm", Metric.DAYS_TO_EXPIRY, "Minimum"),
        ("defaults", "TruststoreExpiryAlarm", Metric.TRUSTSTORE_DAYS_TO_EXPIRY, "Minimum"),
        ("defaults", "RevocationListStaleAlarm", Metric.REVOCATION_LIST_TIME_LEFT, "Minimum"),
        ("defaults", "RevocationStatusUnknownAlarm", Metric.REVOCATION_STATUS_UNKNOWN, "Sum"),
        ("defaults", "SerialNumberCollisionAlarm", Metric.SERIAL_NUMBER_COLLISION, "Sum"),
    ],
)
def test_an_alarm_watches_its_metric(stack: str, alarm: str, metric: str, statistic: str) -> None:
    properties = alarms(MONITORING, stack)[alarm]
    assert properties["MetricName"] == metric
    assert {properties.get("Statistic"), properties.get("ExtendedStatistic")} == {statistic, None}


def test_the_alarm_for_failed_reloads_lasts_from_one_attempt_to_the_next() -> None:
    """The next attempt is that of the first request after the interval, 300 s by default for CRLs."""
    alarm = alarms(MONITORING, "defaults")["RulesRefreshFailuresAlarm"]
    assert alarm["DatapointsToAlarm"] == 1
    assert alarm["EvaluationPeriods"] * alarm["Period"] == 3600
    assert alarm["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize(
    ("stack", "expression"),
    [("defaults", "FILL(errors, 0) - FILL(unauthorized, 0)"), ("everything-set", "FILL(errors, 0)")],
)
def test_a_401_is_not_an_error_of_the_authorizer(stack: str, expression: str) -> None:
    metrics = alarms(MONITORING, stack)["AuthorizerErrorsAlarm"]["Metrics"]
    [returned] = [metric for metric in metrics if metric.get("ReturnData", True)]
    assert returned["Expression"] == expression
    [subtracted] = [metric["MetricStat"]["Metric"] for metric in metrics if metric["Id"] == "unauthorized"]
    assert subtracted["MetricName"] == Metric.UNAUTHORIZED
    assert "Dimensions" not in subtracted
