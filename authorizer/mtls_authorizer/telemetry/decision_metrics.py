"""The metrics of decisions."""

from __future__ import annotations

from mtls_authorizer.metrics import Metric, write_metrics
from mtls_authorizer.request.response import raises_unauthorized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.telemetry.observation import Observation


def write_decision_metrics(namespace: str, observation: Observation) -> None:
    """Write the metrics of a decision to a CloudWatch namespace."""
    # The reason is a member of a StrEnum, which is a string.
    write_metrics(namespace, observation.time, measure(observation), observation.decision.reason)


def write_truststore_metric(namespace: str, truststore: Truststore, now: datetime) -> None:
    """Write when the first CA certificate of a truststore expires, without a decision. ``now`` is aware."""
    values = _measure_truststore(truststore, now)
    if values:
        write_metrics(namespace, now, values)


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
    truststore = observation.policy.truststore
    if truststore is not None:
        if truststore.skipped:
            values[Metric.TRUSTSTORE_CERTIFICATES_SKIPPED] = len(truststore.skipped)
        values |= _measure_truststore(truststore, observation.time)
    if lists is not None and lists.oldest_this_update is not None:
        values[Metric.REVOCATION_LIST_AGE] = int((observation.time - lists.oldest_this_update).total_seconds())
    if lists is not None and lists.earliest_next_update is not None:
        values[Metric.REVOCATION_LIST_TIME_LEFT] = int((lists.earliest_next_update - observation.time).total_seconds())


def _measure_truststore(truststore: Truststore, now: datetime) -> dict[str, int]:
    days = truststore.days_to_expiry(now)
    return {} if days is None else {Metric.TRUSTSTORE_DAYS_TO_EXPIRY: days}
