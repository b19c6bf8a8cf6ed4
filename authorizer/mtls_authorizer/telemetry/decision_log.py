"""The decision log: one record for each decision."""

from __future__ import annotations

from mtls_authorizer.log import get_logger, logging_is_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.reasons import DenyReason
    from mtls_authorizer.telemetry.observation import Observation

LONGEST_LOGGED = 2048
"""In characters: the limit for a name or a serial number, which can be as long as a certificate. CloudWatch splits
records of more than 256 KB, and queries do not find the parts."""

MOST_VALUES = 16
"""The maximum number of values that are logged from a list in a certificate."""

MOST_RULES = 100
"""The maximum number of names of rules that are logged. CloudWatch Logs Insights finds the first 200 fields of a
record, and each item of a list is one."""


def log_decision(observation: Observation) -> None:
    """Log a decision, unless the settings exclude it. Messages are a closed set; the client's values are in fields."""
    reason = observation.decision.reason
    if reason is not None:
        _log(observation, "WARNING", f"deny: {reason.value}")
    elif observation.settings.log_decisions == "denied":
        return
    elif observation.is_expiring:
        _log(observation, "WARNING", "allow, certificate expires soon")
    elif logging_is_imported():
        _log(observation, "INFO", "allow")


def _log(observation: Observation, level_name: str, message: str) -> None:
    import logging  # noqa: PLC0415 -- only when there is something to log

    logger, level = get_logger(), getattr(logging, level_name)
    if logger.isEnabledFor(level):
        # Not logger.log, which also determines the calling line and checks the names of all fields: saves 10 µs.
        record = logging.makeLogRecord(log_fields(observation))
        record.name, record.levelno, record.levelname, record.msg = logger.name, level, level_name, message
        logger.handle(record)


def log_fields(observation: Observation) -> dict[str, object]:
    """Return the fields of a decision's record. Shadow rules, CRLs and malformed certificates add theirs."""
    decision, request, policy = observation.decision, observation.request, observation.policy
    client, usages = decision.client, decision.client.extended_key_usage
    fields: dict[str, object] = {
        "decision": _effect(decision.reason),
        "reason": decision.reason and decision.reason.value,
        "rules": _first(decision.grant.rules, MOST_RULES) if decision.grant else [],
        "principal": shortened(client.principal),
        "subject_dn": shortened(client.subject_dn),
        "issuer_dn": shortened(client.issuer_dn),
        "serial_number": shortened(client.serial_number),
        "fingerprint": client.fingerprint,
        "extended_key_usage": None if usages is None else _first(usages, MOST_VALUES),
        "days_to_expiry": decision.days_to_expiry,
        "route": request.route,
        "source_ip": request.source_ip,
        "request_id": request.request_id,
        "extended_request_id": request.extended_request_id,
        "api_id": request.api_id,
        "domain_name": request.domain_name,
        "cached": observation.cached,
        "duration_us": observation.microseconds,
        "configuration_version": observation.settings.version,
        "rules_version": policy.rules_version,
    }
    if policy.shadow_rules is not None:
        fields["shadow_decision"] = _effect(decision.shadow_reason)
        fields["shadow_reason"] = decision.shadow_reason and decision.shadow_reason.value
        fields["shadow_rules_version"] = policy.shadow_rules_version
    if decision.loses_client_auth:
        fields["loses_client_auth"] = True
    if decision.revocation_status is not None:
        fields["revocation_status"] = decision.revocation_status.state.value
        if decision.revocation_status.unknown_reason is not None:
            fields["revocation_unknown_reason"] = decision.revocation_status.unknown_reason.value
        details = decision.revocation_status.details(observation.time)
        fields |= {name: _bounded(value) for name, value in details.items()}
    if observation.malformed is not None:
        fields["certificate_sha256"] = observation.malformed.sha256
        fields["unverified_subject_dn"] = observation.malformed.subject_dn
        fields["unverified_issuer_dn"] = observation.malformed.issuer_dn
        fields["unverified_serial_number"] = observation.malformed.serial_number
    return fields


def _first(texts: tuple[str, ...], most: int) -> list[str | None]:
    """Return the first texts, followed by an ellipsis if there are more."""
    shown = [shortened(text) for text in texts[:most]]
    return shown if len(texts) <= most else [*shown, "..."]


def _bounded(value: str | int | list[str]) -> object:
    """Return a value with names of CAs as they may be in the log: a CA may add any number of spaces to its own."""
    if isinstance(value, list):
        return _first(tuple(value), MOST_VALUES)
    return shortened(value) if isinstance(value, str) else value


def shortened(text: str | None) -> str | None:
    """Return a name or a serial number, truncated if it is too long for the log."""
    # Three dots instead of an ellipsis character: DNs are printable ASCII in the log.
    return text if text is None or len(text) <= LONGEST_LOGGED else text[: LONGEST_LOGGED - len("...")] + "..."


def _effect(reason: DenyReason | None) -> str:
    return "allow" if reason is None else "deny"
