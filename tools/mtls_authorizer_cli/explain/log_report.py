"""The explanation of a decision log entry, for a person and for a program."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer_cli.explanation.reasons import meaning_and_next_step, sentence
from mtls_authorizer_cli.explanation.report.advice import advise
from mtls_authorizer_cli.explanation.report.json_document import as_json as report_json
from mtls_authorizer_cli.explanation.report.text import advice_lines, without_next_step
from mtls_authorizer_cli.printed import json_text, listing, plain, quoted, utc_timestamp
from mtls_authorizer_cli.tables import fold, next_step, notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer_cli.explain.log_explanation import CurrentDecision, LoggedExplanation

_FIELDS = (
    *("principal", "subject_dn", "issuer_dn", "serial_number", "fingerprint", "extended_key_usage"),
    *("loses_client_auth", "days_to_expiry"),
    *("certificate_sha256", "unverified_subject_dn", "unverified_issuer_dn", "unverified_serial_number"),
    *("rules", "route", "api_id", "domain_name", "source_ip", "request_id", "extended_request_id"),
    *("revocation_status", "revocation_unknown_reason"),
    *("crl_issuer", "crl_number", "crl_uri", "crl_age_seconds", "crl_skipped_issuers"),
    *("shadow_decision", "shadow_reason", "shadow_rules_version", "configuration_version", "rules_version"),
)
"""The fields that are shown. The others are about the function, not about the decision."""

_LONGEST_VALUE = 200
_HEXADECIMAL = re.compile("[0-9A-Fa-f:]{1,95}")


def as_text(logged: LoggedExplanation) -> str:
    """Return the explanation for a person: the decision, what the entry contains and lacks, and the next step."""
    sections = [list(_verdict(logged)), ["Log entry", *_fields(logged)]]
    if logged.lacks:
        lines = (line for lack in logged.lacks for line in fold(f"- {plain(lack)}", others=" " * 4))
        sections.append(["What the entry lacks", *lines])
    if logged.report is not None:
        text = without_next_step(logged.report)
        sections.append(
            ["Explanation with the certificate, at the time of the entry, under today's configuration", "", text]
        )
    advised = None if logged.report is None else list(advice_lines(logged.report.explanation))
    sections.append([*notes(logged.notes), *(advised or next_step(_next_step(logged)))])
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def as_json(logged: LoggedExplanation) -> str:
    """Return the explanation for a program: one JSON object in ASCII."""
    record, today, meaning = logged.record, logged.today, _meaning_and_next_step(logged)
    document = {
        "decision": record.decision,
        "reason": record.text("reason"),
        "meaning": meaning and meaning[0],
        "time": record.time and utc_timestamp(record.time),
        "entry": record.fields,
        "lacks": logged.lacks,
        "today": today and {"decision": _decision(today), "why": plain(today.why), "missing": today.missing},
        "nearest_rule": logged.nearest_rule,
        "next_step": _next_step(logged),
        "notes": logged.notes,
        "explanation": None if logged.report is None else json.loads(report_json(logged.report)),
    }
    return json_text(document)


def _verdict(logged: LoggedExplanation) -> Iterator[str]:
    record, today = logged.record, logged.today
    time = "" if record.time is None else f" at {utc_timestamp(record.time)}"
    reason = record.text("reason")
    yield {
        "allow": f"ALLOWED{time}",
        "deny": f"DENIED by the authorizer{time}: {plain(reason or 'the reason was not logged')[:_LONGEST_VALUE]}",
    }.get(record.decision or "", f"LOGGED{time}: the entry does not contain the decision")
    meaning = _meaning_and_next_step(logged)
    if meaning is not None:
        yield from fold(sentence(meaning[0]))
    if today is None:
        yield from fold("Today: not known, because there are no rules.")
    elif today.allowed is None:
        yield from fold(f"Today: cannot be determined without {', '.join(today.missing)}.")
    else:
        yield from fold(f"Today: {'allowed' if today.allowed else 'denied'} ({plain(today.why)}).")
    if logged.nearest_rule is not None:
        yield from fold(sentence(logged.nearest_rule))


def _fields(logged: LoggedExplanation) -> Iterator[str]:
    present = {name: logged.record.fields.get(name) for name in _FIELDS}
    shown = {name: value for name, value in present.items() if value not in (None, [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        if name == "fingerprint":
            # In a line of its own, to be copied.
            yield from [f"  {name}", f"    {_value(value)}"]
        else:
            yield from fold(f"{name:{width}}  {_value(value)}", others=" " * (width + 4))


def _value(value: object) -> str:
    if isinstance(value, list):
        return listing([quoted(str(each), _LONGEST_VALUE) for each in value])
    if isinstance(value, str) and _HEXADECIMAL.fullmatch(value):
        return value
    return quoted(value, _LONGEST_VALUE) if isinstance(value, str) else plain(json.dumps(value))[:_LONGEST_VALUE]


def _meaning_and_next_step(logged: LoggedExplanation) -> tuple[str, str] | None:
    """Return what the logged reason means, and the next step, None without a reason."""
    reason = logged.record.text("reason")
    return None if reason is None else meaning_and_next_step(reason, logged.record.text("revocation_unknown_reason"))


def _next_step(logged: LoggedExplanation) -> str:
    record, today, report = logged.record, logged.today, logged.report
    if today is not None and today.allowed and record.decision != "allow":
        if report is not None and not logged.is_of_entry:
            return "check that the certificate given is this client's: it is allowed today"
        return "none: the request is allowed today, as soon as no denied response is cached any more"
    if report is not None and (advice := advise(report.explanation)) is not None:
        return f"{advice.next_step[0].lower()}{advice.next_step[1:].rstrip(':')}"
    meaning = _meaning_and_next_step(logged)
    if meaning is None:
        return _next_step_without_reason(logged)
    if report is not None or record.text("reason") == DenyReason.CERTIFICATE_MISSING:
        return meaning[1]
    return f"{meaning[1]}. To see every check, add the certificate to this command"


def _next_step_without_reason(logged: LoggedExplanation) -> str:
    if logged.record.decision != "allow":
        return "get the whole entry: query @message in Logs Insights"
    if logged.today is not None and logged.today.allowed is False:
        return "the same request would be denied now. To see why, add the certificate to this command"
    return "none"


def _decision(today: CurrentDecision) -> str | None:
    return None if today.allowed is None else "allow" if today.allowed else "deny"
