"""The metrics that dashboards and alarms may refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.metrics import REASON, FetchMetric, Metric
from mtls_authorizer.reasons import DenyReason

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAMBDA = {
    "Invocations",
    "Errors",
    "Throttles",
    "Duration",
    "ConcurrentExecutions",
    "ProvisionedConcurrencySpilloverInvocations",
}
_SQS = {"ApproximateNumberOfMessagesVisible"}


class Monitored(NamedTuple):
    """What a stack monitors: names of functions and queues, and the namespace of the authorizer's metrics."""

    functions: set[str]
    queues: set[str]
    namespace: str


def check_metric(namespace: str, name: str, dimensions: Mapping[str, str], monitored: Monitored) -> None:
    """Check that a metric exists: one of the authorizer's or the fetcher's, or one that AWS writes."""
    match namespace, *dimensions.items():
        case "AWS/Lambda", ("FunctionName", function):
            assert function in monitored.functions
            assert name in _LAMBDA
        case "AWS/SQS", ("QueueName", queue):
            assert queue in monitored.queues
            assert name in _SQS
        case str(), (dimension, reason):
            assert (namespace, name, dimension) == (monitored.namespace, Metric.DENIED, REASON)
            assert reason in set(DenyReason)
        case _:
            assert namespace == monitored.namespace
            assert name in {*Metric, *FetchMetric}
            assert not dimensions
