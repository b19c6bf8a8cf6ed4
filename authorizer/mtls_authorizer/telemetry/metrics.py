"""Metrics of decisions in CloudWatch's embedded metric format: lines of JSON on standard output, without API calls.

The only dimension is the deny reason, which is from a closed set: nothing that a client chooses becomes a dimension.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

from mtls_authorizer.request.response import is_unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mtls_authorizer.telemetry.observation import Observation


class Metric(StrEnum):
    """All metrics."""

    ALLOWED = "Allowed"
    DENIED = "Denied"
    UNAUTHORIZED = "Unauthorized"
    SHADOW_DENIED = "ShadowDenied"
    EXPIRING = "Expiring"
    DAYS_TO_EXPIRY = "DaysToExpiry"
    LOSING_CLIENT_AUTH = "LosingClientAuth"
    REVOCATION_STATUS_UNKNOWN = "RevocationStatusUnknown"
    REVOCATION_EXEMPT = "RevocationExempt"
    REVOCATION_ISSUERS_SKIPPED = "RevocationIssuersSkipped"
    TRUSTSTORE_CERTIFICATES_SKIPPED = "TruststoreCertificatesSkipped"
    REVOCATION_LIST_AGE = "RevocationListAge"
    REVOCATION_LIST_TIME_LEFT = "RevocationListTimeLeft"
    RULES_REFRESH_FAILURES = "RulesRefreshFailures"
    SERIAL_NUMBER_COLLISION = "SerialNumberCollision"
    DECISION_TIME = "DecisionTime"


UNITS = {
    Metric.DAYS_TO_EXPIRY: "None",
    Metric.REVOCATION_LIST_AGE: "Seconds",
    Metric.REVOCATION_LIST_TIME_LEFT: "Seconds",
    Metric.DECISION_TIME: "Microseconds",
}
"""The units of the metrics that are not counts."""

REASON = "Reason"
"""The dimension of ``Denied``, which is published with it and without it."""


def make_metrics_writer(namespace: str) -> Callable[[Observation], None]:
    """Return the function that writes the metrics of a decision to a CloudWatch namespace."""

    def write(observation: Observation) -> None:
        sys.stdout.write(json.dumps(embedded_metrics(namespace, observation)) + "\n")
        sys.stdout.flush()

    return write


def embedded_metrics(namespace: str, observation: Observation) -> dict[str, object]:
    """Return a decision's metrics as an object in the embedded metric format."""
    values = measure(observation)
    directives = [_directive(namespace, [[]], (metric for metric in values if metric is not Metric.DENIED))]
    dimensions = {}
    if observation.decision.reason is not None:
        directives.append(_directive(namespace, [[], [REASON]], [Metric.DENIED]))
        dimensions[REASON] = observation.decision.reason.value
    milliseconds = int(observation.time.timestamp() * 1000)
    members = {metric.value: value for metric, value in values.items()}
    return {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": directives}, **dimensions, **members}


def measure(observation: Observation) -> dict[Metric, int]:
    """Return the values of a decision's metrics."""
    decision = observation.decision
    values = {
        Metric.ALLOWED if decision.allowed else Metric.DENIED: 1,
        Metric.DECISION_TIME: observation.microseconds,
    }
    if decision.shadow_reason is not None and observation.policy.shadow_rules is not None:
        values[Metric.SHADOW_DENIED] = 1
    if decision.allowed and decision.days_to_expiry is not None:
        values[Metric.DAYS_TO_EXPIRY] = decision.days_to_expiry
        if observation.is_expiring:
            values[Metric.EXPIRING] = 1
    if decision.allowed and decision.loses_client_auth:
        values[Metric.LOSING_CLIENT_AUTH] = 1
    if is_unauthorized(decision, observation.request, observation.settings):
        values[Metric.UNAUTHORIZED] = 1
    if observation.collision is not None:
        values[Metric.SERIAL_NUMBER_COLLISION] = 1
    return values | _revocation_metrics(observation) | _refresh_metrics(observation)


def _revocation_metrics(observation: Observation) -> dict[Metric, int]:
    values: dict[Metric, int] = {}
    status, lists = observation.decision.revocation_status, observation.policy.revocation
    if status is not None and status.state.value == "unknown":
        values[Metric.REVOCATION_STATUS_UNKNOWN] = 1
    if status is not None and status.state.value == "exempt":
        values[Metric.REVOCATION_EXEMPT] = 1
    if status is not None and status.skipped_issuers:
        values[Metric.REVOCATION_ISSUERS_SKIPPED] = len(status.skipped_issuers)
    truststore = observation.policy.truststore if lists is None else lists.truststore
    if truststore is not None and truststore.skipped:
        values[Metric.TRUSTSTORE_CERTIFICATES_SKIPPED] = len(truststore.skipped)
    if lists is not None and lists.oldest_this_update is not None:
        values[Metric.REVOCATION_LIST_AGE] = int((observation.time - lists.oldest_this_update).total_seconds())
    if lists is not None and lists.earliest_next_update is not None:
        values[Metric.REVOCATION_LIST_TIME_LEFT] = int((lists.earliest_next_update - observation.time).total_seconds())
    return values


def _refresh_metrics(observation: Observation) -> dict[Metric, int]:
    failures = observation.refresh_failures
    return {Metric.RULES_REFRESH_FAILURES: failures} if failures else {}


def _directive(namespace: str, dimensions: list[list[str]], metrics: Iterable[Metric]) -> dict[str, object]:
    definitions = [{"Name": metric.value, "Unit": UNITS.get(metric, "Count")} for metric in metrics]
    return {"Namespace": namespace, "Dimensions": dimensions, "Metrics": definitions}
