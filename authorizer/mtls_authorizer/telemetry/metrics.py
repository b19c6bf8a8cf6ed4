"""Metrics of decisions, in CloudWatch's embedded metric format: lines of JSON on standard output, and no calls.

The dimension is the reason of a Deny, of which there is a closed set, and nothing that a client chooses.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from mtls_authorizer.request.response import is_unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtls_authorizer.reasons import Reason
    from mtls_authorizer.telemetry.decision_log import Observation


class Metric(StrEnum):
    """All metrics there are."""

    ALLOWED = "Allowed"
    DENIED = "Denied"
    UNAUTHORIZED = "Unauthorized"
    SHADOW_DENIED = "ShadowDenied"
    EXPIRING = "Expiring"
    DAYS_TO_EXPIRY = "DaysToExpiry"
    REVOCATION_STATUS_UNKNOWN = "RevocationStatusUnknown"
    REVOCATION_LIST_AGE = "RevocationListAge"
    REVOCATION_LIST_TIME_LEFT = "RevocationListTimeLeft"
    RULES_REFRESH_FAILURES = "RulesRefreshFailures"
    DECISION_TIME = "DecisionTime"

    # Enum's own is written in Python, and each decision looks several up.
    __hash__ = str.__hash__


UNITS = {
    Metric.DAYS_TO_EXPIRY: "None",
    Metric.REVOCATION_LIST_AGE: "Seconds",
    Metric.REVOCATION_LIST_TIME_LEFT: "Seconds",
    Metric.DECISION_TIME: "Microseconds",
}
"""The units of those that aren't counts."""

REASON = "Reason"
"""The dimension of ``Denied``, which is there without it as well."""


def make_metrics_writer(namespace: str) -> Callable[[Observation], None]:
    """Return the function that writes the metrics of a decision to a namespace."""

    @cache
    def line(names: tuple[Metric, ...], refusal: Reason | None) -> str:
        """Return the line for some metrics, with a place for the time and for each value in turn."""
        plain = [name for name in names if name is not Metric.DENIED]
        found = [{"Namespace": namespace, "Dimensions": [[]], "Metrics": _definitions(plain)}]
        if Metric.DENIED in names:
            dimensions: list[list[str]] = [[], [REASON]]
            found.append(
                {"Namespace": namespace, "Dimensions": dimensions, "Metrics": _definitions([Metric.DENIED])},
            )
        # Neither reasons nor names have anything to escape, and all values are integers.
        members = [f'"{name}": %d' for name in names]
        if refusal is not None:
            members.insert(0, f'"{REASON}": "{refusal.value}"')
        directives = json.dumps(found).replace("%", "%%")
        return f'{{"_aws": {{"Timestamp": %d, "CloudWatchMetrics": {directives}}}, {", ".join(members)}}}\n'

    def write(observation: Observation) -> None:
        values = measure(observation)
        milliseconds = int(observation.time.timestamp() * 1000)
        sys.stdout.write(line(tuple(values), observation.refusal) % (milliseconds, *values.values()))
        sys.stdout.flush()

    return write


def measure(observation: Observation) -> dict[Metric, int]:
    """Return the metrics of a decision."""
    decision = observation.decision
    values = {
        Metric.ALLOWED if observation.refusal is None else Metric.DENIED: 1,
        Metric.DECISION_TIME: observation.microseconds,
    }
    if observation.configuration.shadow_rules and observation.shadow_refusal is not None:
        values[Metric.SHADOW_DENIED] = 1
    if observation.refusal is None and decision.days_to_expiry is not None:
        values[Metric.DAYS_TO_EXPIRY] = decision.days_to_expiry
        if observation.is_expiring:
            values[Metric.EXPIRING] = 1
    if is_unauthorized(decision, observation.request, observation.configuration):
        values[Metric.UNAUTHORIZED] = 1
    if decision.revocation and decision.revocation.state.value == "unknown":
        values[Metric.REVOCATION_STATUS_UNKNOWN] = 1
    lists = observation.configuration.revocation
    if lists is not None and lists.oldest_this_update is not None:
        values[Metric.REVOCATION_LIST_AGE] = int((observation.time - lists.oldest_this_update).total_seconds())
    if lists is not None and lists.earliest_next_update is not None:
        values[Metric.REVOCATION_LIST_TIME_LEFT] = int((lists.earliest_next_update - observation.time).total_seconds())
    if observation.refresh_failures:
        values[Metric.RULES_REFRESH_FAILURES] = observation.refresh_failures
    return values


def _definitions(names: Sequence[Metric]) -> list[dict[str, str]]:
    return [{"Name": name.value, "Unit": UNITS.get(name, "Count")} for name in names]
