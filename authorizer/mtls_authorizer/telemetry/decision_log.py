"""What is written of a decision: a log record, and metrics if they are asked for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from mtls_authorizer.policy.settings import Configuration, LogDecisions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtls_authorizer.reasons import DenyReason as Reason
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.request.event import ApiRequest

logger = logging.getLogger("mtls_authorizer")

_BLANK: dict[str, Any] = {
    **vars(logging.makeLogRecord({})),
    **dict.fromkeys(("thread", "threadName", "process", "processName")),
}
"""What all records have. As where logging is told not to look for them, they name no thread and no process."""


class Observation(NamedTuple):
    """A decision on a request, and what it took.

    ``time`` is when it was made, aware. ``refresh_failures`` is how many attempts to read rules or CRLs failed since
    the last one.
    """

    decision: Decision
    request: ApiRequest
    configuration: Configuration
    time: datetime
    cached: bool
    microseconds: int
    refresh_failures: int
    refusal: Reason | None
    """Why the request is turned away."""
    shadow_refusal: Reason | None
    """Why the shadow rules, if there are any, would have turned it away."""

    @property
    def is_expiring(self) -> bool:
        """Whether who is let in should renew the certificate."""
        days = self.decision.days_to_expiry
        return self.refusal is None and days is not None and days <= self.configuration.expiry_warning_days


def make_recorder(configuration: Configuration) -> Callable[[Observation], None] | None:
    """Return the function that writes what the configuration asks for, None if that is nothing."""
    writers: list[Callable[[Observation], None]] = []
    if configuration.log_decisions is not LogDecisions.NONE:
        writers.append(log_decision)
    if configuration.metrics_namespace is not None:
        from mtls_authorizer.telemetry.metrics import make_metrics_writer  # noqa: PLC0415 -- imported where it is asked for

        writers.append(make_metrics_writer(configuration.metrics_namespace))

    if not writers:
        return None

    def record(observation: Observation) -> None:
        for write in writers:
            write(observation)

    return record


def log_decision(observation: Observation) -> None:
    """Log a decision. The message is from a closed set; what the client chose is in fields only."""
    refusal, expiring = observation.refusal, observation.is_expiring
    if refusal is None and observation.configuration.log_decisions is LogDecisions.DENIED:
        return
    level = logging.INFO if refusal is None and not expiring else logging.WARNING
    if not logger.isEnabledFor(level):
        return
    message = "allow, certificate expires soon" if expiring else "allow"
    # Not logger.log, nor logging.makeLogRecord: they look for lines, files, threads and processes, which nobody needs.
    record = logging.LogRecord.__new__(logging.LogRecord)
    created = observation.time.timestamp()
    record.__dict__ = {
        **_BLANK,
        "name": logger.name,
        "levelno": level,
        "levelname": logging.getLevelName(level),
        "msg": message if refusal is None else f"deny: {refusal.value}",
        "created": created,
        "msecs": observation.time.microsecond // 1000,
        "relativeCreated": _BLANK["relativeCreated"] + (created - _BLANK["created"]) * 1000,
        **log_fields(observation),
    }
    logger.handle(record)


def log_fields(observation: Observation) -> dict[str, object]:
    """Return the fields of a decision's record. Only those of the shadow rules and the CRL may be missing."""
    decision, request, configuration = observation.decision, observation.request, observation.configuration
    client = decision.client
    result, reason = _outcome(observation.refusal)
    fields: dict[str, object] = {
        "decision": result,
        "reason": reason,
        "rules": list(decision.grant.rules) if decision.grant else [],
        "principal": client.principal,
        "subject_dn": client.subject_dn,
        "issuer_dn": client.issuer_dn,
        "serial_number": client.serial_number,
        "fingerprint": client.fingerprint,
        "days_to_expiry": decision.days_to_expiry,
        "route": request.route,
        "source_ip": request.source_ip,
        "request_id": request.request_id,
        "cached": observation.cached,
        "duration_us": observation.microseconds,
        "configuration_version": configuration.version,
        "rules_version": configuration.rules_version,
    }
    if configuration.shadow_rules:
        fields["shadow_decision"], fields["shadow_reason"] = _outcome(observation.shadow_refusal)
        fields["shadow_rules_version"] = configuration.shadow_rules_version
    if decision.revocation:
        fields["revocation_status"] = decision.revocation.state.value
        fields.update(decision.revocation.details(observation.time))
    return fields


def _outcome(refusal: Reason | None) -> tuple[str, str | None]:
    return ("allow", None) if refusal is None else ("deny", refusal.value)
