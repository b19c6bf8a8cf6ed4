"""The entries of a log, in every form in which CloudWatch's tools print or export them.

JSON lines and arrays; ``aws logs filter-log-events``, ``get-log-events``, ``get-query-results``, ``tail``, also as text
or as a table; exports to S3 and Firehose, also compressed; CSV and JSON exported by Logs Insights; CSV of events from
the console.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mtls_authorizer_cli.command_line import (
    STANDARD_INPUT,
    CommandError,
    cannot_be_read,
    command_errors,
    is_binary,
    named_delimiter,
    shown_file,
    standard_input,
    text_encoding,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import IO

_LARGEST_DOCUMENT = 256 * 1024 * 1024
"""In characters, of JSON in one or several lines. Lines are read one by one, whatever their number."""

_LONGEST_LINE = 16 * 1024 * 1024
"""In characters, of a line without JSON, which contains one entry. CloudWatch's entries have up to 1 MB."""

_LONGEST_ENTRY = 2_000
"""In lines, of an entry that ``aws logs tail --format json`` prints indented."""

MESSAGE, TIMESTAMP = "@message", "@timestamp"
"""Fields of Logs Insights."""

DECISIONS = ("allow", "deny")

_COLUMNS = {
    MESSAGE,
    TIMESTAMP,
    "@logStream",
    "decision",
    "reason",
    "principal",
    "subject_dn",
    "serial_number",
    "fingerprint",
}
_EVENT_COLUMNS = {"timestamp", "message"}
"""The columns of the events of a log group that were downloaded in the console; those of several streams have more."""

_UNFINISHED = ("Scheduled", "Running")
_DECODER = json.JSONDecoder()
_DELIMITERS = ",;\t"
"""Of CSV: the others are from spreadsheets."""


class LogEntry(NamedTuple):
    """An entry of a log: a message, or the fields of one.

    ``time`` is the entry's own, as in the input: text, or milliseconds since 1970. ``selected`` is whether a query in
    Logs Insights selected the fields: then there may be more, and all values are text.
    """

    message: str | Mapping[str, Any]
    time: object = None
    selected: bool = False


def read_log_entries(file: str) -> Iterator[LogEntry]:
    """Return the entries of a log in a file, or in the standard input for ``-``, one by one. Raises CommandError."""
    name = shown_file(file)
    with _log_errors(name), _open(file) as stream:
        yield from _read(name, stream)


def parse_log_entries(name: str, text: str) -> Iterator[LogEntry]:
    """Return the entries of a log in a text, one by one. Raises CommandError, whose message begins with ``name``."""
    with _log_errors(name):
        yield from _read(name, io.StringIO(text))


def load_object(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object in a line, between times, streams or the borders of a table; None if there is none."""
    try:
        value: Mapping[str, Any] = _DECODER.raw_decode(text, text.index("{"))[0]
    except (ValueError, RecursionError):
        return None
    return value


@contextmanager
def _log_errors(name: str) -> Iterator[None]:
    """Turn errors in reading and decoding into CommandErrors that begin with a name."""
    with (
        command_errors(f"{name} is not a log: ", ValueError, RecursionError, csv.Error),
        command_errors(f"{name} cannot be read: ", OSError, EOFError, zlib.error),
    ):
        yield


@contextmanager
def _open(file: str) -> Iterator[IO[str]]:
    try:
        opened: Any = standard_input().buffer if file == STANDARD_INPUT else Path(file).open("rb", buffering=0)  # noqa: SIM115 -- closed below
    except OSError as error:
        raise cannot_be_read(file, error) from error
    with opened, io.BufferedReader(opened) as buffered:
        beginning = buffered.peek(2)[:2]
        stream: Any = gzip.GzipFile(fileobj=buffered) if beginning == b"\x1f\x8b" else buffered
        with io.TextIOWrapper(stream, text_encoding(beginning), errors="replace", newline="") as text:
            yield text


def _read(name: str, stream: IO[str]) -> Iterator[LogEntry]:
    following = _lines(stream)
    first = next((line for line in following if line.strip()), None)
    if first is None:
        message = f"{name} is empty: it should contain entries of the decision log"
        raise CommandError(message)
    _check_text(first)
    named = named_delimiter(first)
    if named is not None:
        first = next(filter(str.strip, following), "")
    lines = chain([first], following)
    if not first.lstrip().startswith(("{", "[")):
        for delimiter in named or _DELIMITERS:
            names = next(csv.reader([first], delimiter=delimiter))
            # As text, aws logs get-query-results prints a name, a tab and a value in each line, and no header.
            if not _COLUMNS.isdisjoint(names[delimiter == "\t" :]):
                return map(_selected, csv.DictReader(lines, delimiter=delimiter))
            if _EVENT_COLUMNS.issubset(names):
                return map(_unwrap, csv.DictReader(lines, delimiter=delimiter))
        return _read_lines(name, lines)
    return _read_lines(name, lines) if _load(first) is not None else _read_documents(name, lines)


def _lines(stream: IO[str]) -> Iterator[str]:
    """Return the lines of a log. Raises ValueError for one that is too long to be read into memory."""
    while line := stream.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE and line[-1] not in "\r\n":
            if not line.lstrip().startswith(("{", "[", '"')):
                _check_text(line)
                raise _too_large(subject="a line", limit=_LONGEST_LINE)
            line += stream.readline(_LARGEST_DOCUMENT)
            if len(line) > _LARGEST_DOCUMENT:
                raise _too_large(subject="a line", limit=_LARGEST_DOCUMENT)
        yield line


def _check_text(line: str) -> None:
    if line.startswith("PK\x03\x04"):
        message = "it is a workbook (.xlsx) or another ZIP file: save it as CSV, or unpack it"
        raise ValueError(message)
    if is_binary(line):
        message = "it is binary data. Decompress it first, unless it is compressed with gzip"
        raise ValueError(message)


def _too_large(*, subject: str, limit: int) -> ValueError:
    return ValueError(f"{subject} has more than {limit:,} characters: write one record per line (jq -c .)")


def _read_lines(name: str, lines: Iterable[str]) -> Iterator[LogEntry]:
    iterator = iter(lines)
    for line in iterator:
        text = line.strip()
        if text.endswith("{") and text.count("{") == 1:
            indented = _until_closed(iterator)
            yield LogEntry(f"{text}{indented}", text.partition(" ")[0])
        elif text.startswith(("{", "[")) and (value := _load(text)) is not None:
            yield from _expand(name, value)
        elif text:
            yield LogEntry(text, text.partition(" ")[0])


def _until_closed(lines: Iterator[str]) -> str:
    """Return the rest of an indented object, up to the line that closes it."""
    rest = []
    for line in lines:
        rest.append(line)
        if line.startswith("}") or len(rest) == _LONGEST_ENTRY:
            break
    return "".join(rest)


def _read_documents(name: str, lines: Iterable[str]) -> Iterator[LogEntry]:
    """Read JSON in several lines: one document, or several after each other, as of several calls of the AWS CLI."""
    text = io.StringIO()
    for line in lines:
        text.write(line)
        if text.tell() > _LARGEST_DOCUMENT:
            raise _too_large(subject="it", limit=_LARGEST_DOCUMENT)
    rest = text.getvalue().lstrip()
    while rest:
        value, end = _DECODER.raw_decode(rest)
        yield from _expand(name, value)
        rest = rest[end:].lstrip()


def _expand(name: str, value: object) -> Iterator[LogEntry]:
    """Return the entries in a decoded document, whatever has wrapped them."""
    if isinstance(value, list):
        if value and all(isinstance(each, dict) and "field" in each for each in value):
            yield _selected({str(each["field"]): each.get("value") for each in value})
            return
        for each in value:
            yield from _expand(name, each)
    elif isinstance(value, dict) and "decision" in value:
        yield _unwrap(value)  # an entry, although it may also have a field of a wrapper
    elif isinstance(value, dict):
        entries = next((value[key] for key in ("results", "events", "logEvents") if key in value), None)
        if value.get("status") in _UNFINISHED:
            message = f"{name}: the query is still running: call aws logs get-query-results again later"
            raise CommandError(message)
        if isinstance(entries, list):
            yield from _expand(name, entries)
        elif set(value) == {"queryId"}:
            message = (
                f"{name} is the output of aws logs start-query, not its result: "
                f"aws logs get-query-results --query-id {value['queryId']}"
            )
            raise CommandError(message)
        else:
            yield _unwrap(value)
    else:
        yield LogEntry(str(value))


def _unwrap(value: Mapping[str, Any]) -> LogEntry:
    """Return the entry in an event of CloudWatch, or in a row of Logs Insights."""
    message = value.get("message")
    if MESSAGE in value:
        return _selected(value)
    # The record that Lambda makes of a decision has a message and a timestamp as well.
    if isinstance(message, str) and "timestamp" in value and "level" not in value and "decision" not in value:
        return LogEntry(message, value["timestamp"])
    return LogEntry(value, value.get("timestamp"))


def _selected(row: Mapping[str, Any]) -> LogEntry:
    message = row.get(MESSAGE)
    if isinstance(message, str | dict) and message and ("decision" not in row or _has_decision(message)):
        return LogEntry(cast("str | dict[str, Any]", message), row.get(TIMESTAMP))
    return LogEntry(row, row.get(TIMESTAMP), selected=True)


def _has_decision(message: str | dict[str, Any]) -> bool:
    record = load_object(message) if isinstance(message, str) else message
    return record is not None and record.get("decision") in DECISIONS


def _load(text: str) -> object:
    """Return the value of JSON; None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
