"""The metrics, in CloudWatch's embedded metric format: lines of JSON on standard output, without API calls."""

from __future__ import annotations

import json
import re
import sys
from enum import StrEnum
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Metric(StrEnum):
    """The metrics of the authorizer."""

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


class FetchMetric(StrEnum):
    """The metrics of the fetcher."""

    FETCH_FAILURES = "CrlFetchFailures"
    FETCHED_TIME_LEFT = "FetchedCrlTimeLeft"
    TRUSTSTORE_DAYS_TO_EXPIRY = Metric.TRUSTSTORE_DAYS_TO_EXPIRY.value
    """Once per run: the authorizer writes none without requests."""


UNITS: dict[str, str] = {
    Metric.DAYS_TO_EXPIRY: "None",
    Metric.TRUSTSTORE_DAYS_TO_EXPIRY: "None",
    Metric.REVOCATION_LIST_AGE: "Seconds",
    Metric.REVOCATION_LIST_TIME_LEFT: "Seconds",
    Metric.DECISION_TIME: "Microseconds",
    FetchMetric.FETCHED_TIME_LEFT: "Seconds",
}
"""The units of the metrics that are not counts."""

REASON = "Reason"
"""The only dimension, of ``Denied``, which is published both with and without it. Its values are a closed set: nothing
that a client chooses becomes a dimension."""

_NAMESPACE = r"[A-Za-z0-9._/#-]{1,255}"


def parse_namespace(text: str) -> str:
    """Return a namespace that CloudWatch accepts, without spaces and colons. Raises ValueError for any other text.

    The message follows the name of a variable.
    """
    if not re.fullmatch(_NAMESPACE, text) or text.startswith("AWS/"):
        message = f"is {text[:80]!r}: write 1 to 255 letters, digits and .-_/#, not starting with AWS/"
        raise ValueError(message)
    return text


def write_metrics(namespace: str, time: datetime, values: Mapping[str, int], reason: str | None = None) -> None:
    """Write metrics to a CloudWatch namespace, with the time, which is aware. ``reason`` is that of ``Denied``."""
    milliseconds = int(time.timestamp() * 1000)
    metadata = f'{{"Timestamp": {milliseconds}, "CloudWatchMetrics": {_directives(namespace, tuple(values))}}}'
    dimensions = {} if reason is None else {REASON: reason}
    sys.stdout.write(f'{{"_aws": {metadata}, {json.dumps({**dimensions, **values})[1:]}\n')
    sys.stdout.flush()


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
