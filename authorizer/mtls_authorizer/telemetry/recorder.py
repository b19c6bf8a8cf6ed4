"""The recorder: writes the log entry and the metrics of each decision, if the settings enable them."""

from __future__ import annotations

from mtls_authorizer.policy.settings import LogDecisions
from mtls_authorizer.telemetry.decision_log import log_decision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.telemetry.observation import Observation


def make_recorder(settings: Settings) -> Callable[[Observation], None] | None:
    """Return the function that records a decision, or None if neither log nor metrics are enabled."""
    writers: list[Callable[[Observation], None]] = []
    if settings.log_decisions is not LogDecisions.NONE:
        writers.append(log_decision)
    if settings.metrics_namespace is not None:
        from mtls_authorizer.telemetry.metrics import make_metrics_writer  # noqa: PLC0415 -- imported only if used

        writers.append(make_metrics_writer(settings.metrics_namespace))
    if not writers:
        return None

    def record(observation: Observation) -> None:
        for write in writers:
            write(observation)

    return record
