"""Metrics of the fetcher in CloudWatch's embedded metric format: lines of JSON on standard output."""

from __future__ import annotations

import json
import sys
from enum import StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class FetchMetric(StrEnum):
    """All metrics of the fetcher."""

    FETCH_FAILURES = "CrlFetchFailures"
    FETCHED_TIME_LEFT = "FetchedCrlTimeLeft"
    TRUSTSTORE_DAYS_TO_EXPIRY = "TruststoreDaysToExpiry"
    """Once per run, and the same metric as the authorizer's, which writes none without requests."""


UNITS = {
    FetchMetric.FETCH_FAILURES: "Count",
    FetchMetric.FETCHED_TIME_LEFT: "Seconds",
    FetchMetric.TRUSTSTORE_DAYS_TO_EXPIRY: "None",
}
"""The units of the metrics."""


def write_metrics(namespace: str, now: datetime, values: Mapping[FetchMetric, int]) -> None:
    """Write metrics, of one source or of the truststore, to a CloudWatch namespace, without dimensions."""
    definitions = [{"Name": metric.value, "Unit": UNITS[metric]} for metric in values]
    directive = {"Namespace": namespace, "Dimensions": [[]], "Metrics": definitions}
    record = {
        "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]},
        **{metric.value: value for metric, value in values.items()},
    }
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()
