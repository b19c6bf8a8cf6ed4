"""Metrics of decisions in CloudWatch's embedded metric format: lines of JSON on standard output, without API calls.

The only dimension is the deny reason, which is from a closed set: nothing that a client chooses becomes a dimension.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from functools import lru_cache

from mtls_authorizer.request.response import raises_unauthorized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mtls_authorizer.revocation.truststore.bundle import Truststore
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
    TRUSTSTORE_DAYS_TO_EXPIRY = "TruststoreDaysToExpiry"
    REVOCATION_LIST_AGE = "RevocationListAge"
    REVOCATION_LIST_TIME_LEFT = "RevocationListTimeLeft"
    RULES_REFRESH_FAILURES = "RulesRefreshFailures"
    SERIAL_NUMBER_COLLISION = "SerialNumberCollision"
    DECISION_TIME = "DecisionTime"


UNITS: dict[str, str] = {
    Metric.DAYS_TO_EXPIRY: "None",
    Metric.TRUSTSTORE_DAYS_TO_EXPIRY: "None",
    Metric.REVOCATION_LIST_AGE: "Seconds",
    Metric.REVOCATION_LIST_TIME_LEFT: "Seconds",
    Metric.DECISION_TIME: "Microseconds",
}
"""The units of the metrics that are not counts."""

REASON = "Reason"
"""The dimension of ``Denied``, which is published both with and without it."""


def make_metrics_writer(namespace: str) -> Callable[[Observation], None]:
    """Return the function that writes the metrics of a decision to a CloudWatch namespace."""

    def write(observation: Observation) -> None:
        reason = observation.decision.reason
        # Members of a StrEnum are strings.
        dimensions = {} if reason is None else {REASON: reason}
        _write(namespace, observation.time, measure(observation), dimensions)

    return write


def write_truststore_metric(namespace: str, truststore: Truststore, now: datetime) -> None:
    """Write when the first CA certificate of a truststore expires, without a decision. ``now`` is aware."""
    values = _measure_truststore(truststore, now)
    if values:
        _write(namespace, now, values, {})


def _write(namespace: str, time: datetime, values: Mapping[str, int], dimensions: Mapping[str, str]) -> None:
    """Write metrics and their dimensions as a line in the embedded metric format."""
    milliseconds = int(time.timestamp() * 1000)
    metadata = f'{{"Timestamp": {milliseconds}, "CloudWatchMetrics": {_directives(namespace, tuple(values))}}}'
    sys.stdout.write(f'{{"_aws": {metadata}, {json.dumps({**dimensions, **values})[1:]}\n')
    sys.stdout.flush()


def measure(observation: Observation) -> dict[str, int]:
    """Return the values of a decision's metrics by their names."""
    decision = observation.decision
    values: dict[str, int] = {
        Metric.ALLOWED if decision.allowed else Metric.DENIED: 1,
        Metric.DECISION_TIME: observation.microseconds,
    }
    if decision.shadow_reason is not None:
        values[Metric.SHADOW_DENIED] = 1
    if decision.allowed and decision.days_to_expiry is not None:
        values[Metric.DAYS_TO_EXPIRY] = decision.days_to_expiry
        if observation.is_expiring:
            values[Metric.EXPIRING] = 1
    if decision.allowed and decision.loses_client_auth:
        values[Metric.LOSING_CLIENT_AUTH] = 1
    if raises_unauthorized(decision, observation.request, observation.settings):
        values[Metric.UNAUTHORIZED] = 1
    if observation.collides:
        values[Metric.SERIAL_NUMBER_COLLISION] = 1
    if observation.refresh_failures:
        values[Metric.RULES_REFRESH_FAILURES] = observation.refresh_failures
    _add_revocation_metrics(values, observation)
    return values


def _add_revocation_metrics(values: dict[str, int], observation: Observation) -> None:
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
    if truststore is not None:
        values |= _measure_truststore(truststore, observation.time)
    if lists is not None and lists.oldest_this_update is not None:
        values[Metric.REVOCATION_LIST_AGE] = int((observation.time - lists.oldest_this_update).total_seconds())
    if lists is not None and lists.earliest_next_update is not None:
        values[Metric.REVOCATION_LIST_TIME_LEFT] = int((lists.earliest_next_update - observation.time).total_seconds())


def _measure_truststore(truststore: Truststore, now: datetime) -> dict[str, int]:
    days = truststore.days_to_expiry(now)
    return {} if days is None else {Metric.TRUSTSTORE_DAYS_TO_EXPIRY: days}


@lru_cache(64)
def _directives(namespace: str, metrics: tuple[str, ...]) -> str:
    """Return the directives for these metrics in JSON. Cached, because few sets of metrics occur: saves 6 µs."""
    directives = [_directive(namespace, [[]], [metric for metric in metrics if metric is not Metric.DENIED])]
    if Metric.DENIED in metrics:
        directives.append(_directive(namespace, [[], [REASON]], [Metric.DENIED]))
    return json.dumps(directives)


def _directive(namespace: str, dimensions: list[list[str]], metrics: list[str]) -> dict[str, object]:
    definitions = [{"Name": metric, "Unit": UNITS.get(metric, "Count")} for metric in metrics]
    return {"Namespace": namespace, "Dimensions": dimensions, "Metrics": definitions}
