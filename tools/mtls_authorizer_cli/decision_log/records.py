"""Entries of the decision log: what the authorizer has decided, and why."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mtls_authorizer_cli.decision_log.entries import DECISIONS, load_object, read_log_entries
from mtls_authorizer_cli.printed import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mtls_authorizer_cli.decision_log.entries import LogEntry

_NUMBERS = ("days_to_expiry", "duration_us", "crl_age_seconds")
_FLAGS = ("cached", "loses_client_auth")
_LISTS = ("rules", "extended_key_usage", "crl_skipped_issuers")
_TRUTH = {"1": True, "true": True, "0": False, "false": False}
_ABOUT_CLIENTS = {"decision", "reason", "principal", "subject_dn", "issuer_dn", "serial_number", "fingerprint", "rules"}
_MILLISECONDS = re.compile("[0-9]{13}")
"""In CSV, where ``datetime`` would take some of them for a date in the year 1712."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NO_ENTRIES = "it has no entries"
"""Why a log contains no decision if there is no other problem: the AWS CLI prints this of the wrong log group, too."""


class LogRecord(NamedTuple):
    """An entry of the decision log: its position among the entries of the input, from 1, and its fields.

    ``complete`` is whether these are all the fields that were logged, so that an absent one was not logged. A query in
    Logs Insights may have selected some, and its results contain neither null nor empty lists. ``time`` is aware; None
    if the input does not contain it.
    """

    position: int
    fields: Mapping[str, Any]
    complete: bool
    time: datetime | None = None

    @property
    def decision(self) -> str | None:
        """``allow`` or ``deny``; None if the entry does not contain it."""
        decision = self.fields.get("decision")
        if decision in DECISIONS:
            return cast("str", decision)
        return "deny" if self.text("reason") else None

    def text(self, name: str) -> str | None:
        """Return a field that is text; None if it is absent, empty or something else."""
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that is a list of texts; an empty one if it is absent or something else."""
        value = self.fields.get(name)
        return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()

    def number(self, name: str) -> int | None:
        """Return a field that is a whole number; None if it is absent or something else."""
        value = self.fields.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


class LogRecords:
    """The decisions in a log, which can be read once.

    ``skipped`` is the number of other entries that were read so far; ``problem`` says why the first of them is not a
    decision, None if there is none.
    """

    def __init__(self, entries: Iterable[LogEntry]) -> None:
        self.skipped = 0
        self.problem: str | None = None
        self._entries = entries

    def __iter__(self) -> Iterator[LogRecord]:
        """Return the decisions, one by one. Raises CommandError if the input cannot be read."""
        for position, entry in enumerate(self._entries, start=1):
            record = read_record(position, entry)
            if record is not None:
                yield record
            else:
                self.skipped += 1
                self.problem = self.problem or _describe_other(position, entry)


def read_log_records(file: str) -> LogRecords:
    """Return the decisions in a file, or in the standard input for ``-``, one by one.

    The iteration raises CommandError for a file that cannot be read, or that is not a log.
    """
    return LogRecords(read_log_entries(file))


def read_record(position: int, entry: LogEntry) -> LogRecord | None:
    """Return the decision in an entry; None if it is about something else."""
    fields = load_object(entry.message) if isinstance(entry.message, str) else entry.message
    if fields is None:
        return None
    # The authorizer logs nothing that is nested more deeply.
    fields = {name: value for name, value in fields.items() if _is_flat(value)}
    if entry.selected:
        fields = _typed(fields)
        if _ABOUT_CLIENTS.isdisjoint(fields):
            return None
    elif fields.get("decision") not in DECISIONS:
        return None
    time = _read_time(entry.time) or _read_time(fields.get("timestamp"))
    return LogRecord(position, fields, not entry.selected, time)


def _describe_other(position: int, entry: LogEntry) -> str:
    """Return why an entry is not a decision."""
    fields = load_object(entry.message) if isinstance(entry.message, str) else entry.message
    if fields is None:
        return f"entry {position} is not a JSON object. The log format of the function must be JSON"
    if entry.selected:
        return f"entry {position} has none of the fields {', '.join(sorted(_ABOUT_CLIENTS))}"
    if "decision" not in fields:
        return f"entry {position} has no field 'decision' with 'allow' or 'deny'"
    decision = fields["decision"]
    found = decision if isinstance(decision, str) else json.dumps(decision)
    return f"the field 'decision' of entry {position} is {quoted(found)}, not 'allow' or 'deny'"


def _is_flat(value: object) -> bool:
    """Return whether a value is text, a number, a flag, null, or a list of these."""
    if isinstance(value, list):
        return not any(isinstance(item, dict | list) for item in value)
    return not isinstance(value, dict)


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields that are text in a result of Logs Insights as they were logged."""
    fields: dict[str, Any] = {}
    for column, value in row.items():
        # Logs Insights names the items of lists: rules.0, rules.1.
        name, dot, index = str(column).partition(".")
        if value in (None, ""):
            continue
        if name in _LISTS and dot and index.isdecimal():
            fields.setdefault(name, []).append(value)
        elif name in _LISTS:
            fields[name] = _read_list(value)
        elif name in _FLAGS:
            fields[name] = _TRUTH.get(str(value))
        elif name in _NUMBERS:
            fields[name] = _read_number(value)
        else:
            fields[str(column)] = value
    return fields


def _read_list(value: object) -> list[Any]:
    try:
        items = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        items = value
    return items if isinstance(items, list) else [value]


def _read_number(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def _read_time(value: object) -> datetime | None:
    """Return the time in an entry: ISO 8601 or Logs Insights' format, both UTC, or milliseconds since 1970."""
    try:
        if isinstance(value, str) and _MILLISECONDS.fullmatch(value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return _EPOCH + timedelta(milliseconds=value)
        time = datetime.fromisoformat(str(value))
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
