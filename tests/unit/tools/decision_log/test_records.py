"""Decision log entries, in every form in which CloudWatch's tools print or export them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import tracemalloc
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.decision_log.records import LogRecord, read_log_records
from tests.observations import every_log_field
from tests.pki.kept_lists import CA

if TYPE_CHECKING:
    from pathlib import Path

TIME, MILLISECONDS = "2026-11-26T21:30:05Z", 1795728605000
AT = datetime(2026, 11, 26, 21, 30, 5, tzinfo=UTC)
DENY: dict[str, Any] = {
    "timestamp": TIME,
    "level": "WARNING",
    "message": "deny: route_not_allowed",
    "decision": "deny",
    "reason": "route_not_allowed",
    "rules": ["acme-payments"],
    "principal": "Ledger \u2603 {",
    "days_to_expiry": 39,
    "cached": True,
}
ALLOW = {**DENY, "decision": "allow", "message": "allow", "reason": None, "rules": ["a", "b"]}
METRIC = {"_aws": {"Timestamp": MILLISECONDS}, "Denied": 1}
START = {"time": TIME, "type": "platform.start", "record": {"requestId": "x"}}
RECORDS = [DENY, METRIC, ALLOW, START]
LINES = "\n".join(map(json.dumps, RECORDS))
EVENTS = [{"timestamp": MILLISECONDS, "message": json.dumps(each), "eventId": "1"} for each in RECORDS]
MESSAGES = [
    [{"field": "@timestamp", "value": "2026-11-26 21:30:05.000"}, {"field": "@message", "value": json.dumps(each)}]
    for each in RECORDS
]


def csv_text(*rows: list[str], delimiter: str = ",") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue()


def read(folder: Path, content: str | bytes) -> tuple[list[LogRecord], int]:
    file = folder / "log"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    records = read_log_records(str(file))
    return list(records), records.skipped


COMPLETE = {
    "JSON lines": LINES,
    "JSON lines with a byte order mark": b"\xef\xbb\xbf" + LINES.encode(),
    "JSON lines in UTF-16": LINES.encode("utf-16"),
    "a compressed export to S3": gzip.compress("\n".join(f"{TIME} {line}" for line in LINES.splitlines()).encode()),
    "an array": json.dumps(RECORDS),
    "an indented array": json.dumps(RECORDS, indent=2),
    "aws logs tail": "\n".join(f"{TIME} 2026/11/26/[live]0a {line}" for line in LINES.splitlines()),
    "aws logs tail --format json": "\n".join(f"{TIME} \n{json.dumps(each, indent=4)}" for each in RECORDS),
    "aws logs filter-log-events": json.dumps({"events": EVENTS, "searchedLogStreams": []}, indent=4),
    "aws logs filter-log-events --output text": "\n".join(
        f"EVENTS\t0\t1\t[live]0a\t{line}\t{MILLISECONDS}" for line in LINES.splitlines()
    ),
    "aws logs filter-log-events --output table": "\n".join(f"||  {line}  ||" for line in LINES.splitlines()),
    "pages of events": "".join(json.dumps({"events": [each]}, indent=4) + "\n" for each in EVENTS),
    "events in lines": "\n".join(json.dumps({"events": [each]}) for each in EVENTS),
    "Firehose": json.dumps({"messageType": "DATA_MESSAGE", "logEvents": EVENTS}),
    "aws logs get-query-results": json.dumps({"results": MESSAGES, "status": "Complete"}, indent=4),
    "its results": json.dumps(MESSAGES),
    "its results as text": "\n".join(f"{each['field']}\t{each['value']}" for row in MESSAGES for each in row),
    **{
        f"CSV of Logs Insights, separated by {delimiter!r}": csv_text(
            ["@timestamp", "@message"],
            *(["2026-11-26 21:30:05.000", json.dumps(each)] for each in RECORDS),
            delimiter=delimiter,
        )
        for delimiter in (",", ";", "\t")
    },
    **{
        f"CSV of {columns}": csv_text(columns, *([json.dumps(each)] * 2 for each in RECORDS), delimiter="\t")
        for columns in (["@message", "@logStream"], ["level", "@message"])
    },
    "CSV whose delimiter is named": "sep=|\r\n\r\n"
    + csv_text(["@message", "@logStream"], *([json.dumps(each), "a,b;c"] for each in RECORDS), delimiter="|"),
    **{
        f"CSV of the console, {columns}": csv_text(
            columns, *([str(MILLISECONDS), f"{json.dumps(each)}\n", "[live]0a"][: len(columns)] for each in RECORDS)
        )
        for columns in (["timestamp", "message"], ["timestamp", "message", "logStreamName"])
    },
    "JSON of Logs Insights": json.dumps([{"@timestamp": TIME, "@message": each} for each in RECORDS]),
}


@pytest.mark.parametrize("content", COMPLETE.values(), ids=COMPLETE)
def test_complete_entries_are_the_same_in_every_form(content: str | bytes, tmp_path: Path) -> None:
    records, skipped = read(tmp_path, content)
    assert [record.fields for record in records] == [DENY, ALLOW]
    assert [record.complete for record in records] == [True, True]
    assert {record.time for record in records} == {AT}
    assert [record.decision for record in records] == ["deny", "allow"]
    # The line with the time is an entry of its own in this form.
    assert (skipped, [record.position for record in records]) in [(2, [1, 3]), (6, [2, 6])]


@pytest.mark.parametrize(
    "content",
    [lzma.compress(LINES.encode()), bz2.compress(LINES.encode()), LINES.encode("utf-16-le"), CA.certificate],
    ids=["xz", "bzip2", "UTF-16 without a byte order mark", "DER"],
)
def test_binary_data_is_not_taken_for_a_log_in_another_format(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="log is not a log: it is binary data"):
        read(tmp_path, content)


def test_every_field_of_the_log_has_its_type_in_the_results_of_a_query(tmp_path: Path) -> None:
    logged = {name: value for name, value in every_log_field().items() if value is not None}
    # Logs Insights prints flags as numbers.
    texts = [
        json.dumps(value) if isinstance(value, list) else str(int(value) if isinstance(value, bool) else value)
        for value in logged.values()
    ]
    ((record,), _) = read(tmp_path, csv_text(list(logged), texts))
    assert record.fields == logged


SELECTED = {
    "@timestamp": "2026-11-26 21:30:05.000",
    "reason": "route_not_allowed",
    "rules.0": "a",
    "rules.1": "b",
    "cached": "1",
    "loses_client_auth": "",
    "days_to_expiry": "39",
    "duration_us": "?",
    "extended_key_usage": '["clientAuth"]',
    "crl_skipped_issuers": "CN=x",
    "@ptr": "x",
}


@pytest.mark.parametrize(
    "content",
    [
        csv_text(list(SELECTED), list(SELECTED.values())),
        json.dumps({"results": [[{"field": name, "value": value} for name, value in SELECTED.items()]]}),
    ],
    ids=["CSV", "JSON"],
)
def test_selected_fields_have_the_types_of_the_log(content: str, tmp_path: Path) -> None:
    ((record,), skipped) = read(tmp_path, content)
    assert skipped == 0
    assert not record.complete
    assert (record.decision, record.time) == ("deny", AT)
    assert record.texts("rules") == ("a", "b")
    assert (record.fields["cached"], "loses_client_auth" in record.fields) == (True, False)
    assert (record.number("days_to_expiry"), record.number("duration_us")) == (39, None)
    assert record.texts("extended_key_usage") == ("clientAuth",)
    assert record.texts("crl_skipped_issuers") == ("CN=x",)


def test_fields_of_unexpected_types_are_as_good_as_absent() -> None:
    fields = {"reason": 1, "rules": ["a", 1], "principal": "", "days_to_expiry": True, "decision": []}
    record = LogRecord(1, fields, complete=True)
    assert record.decision is None
    assert (record.text("reason"), record.text("principal"), record.text("other")) == (None, None, None)
    assert (record.texts("rules"), record.texts("reason")) == (("a",), ())
    assert (record.number("days_to_expiry"), record.number("reason"), record.number("other")) == (None, 1, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"results": [], "status": "Running"},
        {"@message": "text"},
        {"@message": {"decision": []}},
        {"@message": json.dumps(ALLOW | {"decision": "maybe"})},
        {"message": "text"},
    ],
)
def test_an_entry_may_have_a_field_that_wraps_entries_elsewhere(fields: dict[str, Any], tmp_path: Path) -> None:
    entry = {name: value for name, value in DENY.items() if name != "level"} | fields
    records, _ = read(tmp_path, json.dumps(entry))
    assert [record.decision for record in records] == ["deny"]


def test_a_selected_message_is_the_whole_entry(tmp_path: Path) -> None:
    row = {"@timestamp": TIME, "decision": "deny", "@message": json.dumps(DENY)}
    ((record,), _) = read(tmp_path, json.dumps(row))
    assert (record.fields, record.complete) == (DENY, True)


def test_fields_that_are_nested_more_deeply_than_the_log_are_left_out(tmp_path: Path) -> None:
    nested = {"principal": [[1]], "rules": [{}], "reason": {"a": 1}}
    ((record,), _) = read(tmp_path, json.dumps({**DENY, **nested}))
    assert record.fields == {name: value for name, value in DENY.items() if name not in nested}


def test_the_time_of_an_event_in_csv_is_in_milliseconds(tmp_path: Path) -> None:
    message = json.dumps({name: value for name, value in DENY.items() if name != "timestamp"})
    ((record,), _) = read(tmp_path, csv_text(["timestamp", "message"], [str(MILLISECONDS), message]))
    assert record.time == AT


@pytest.mark.parametrize("time", ["tomorrow", True, 10**30, None, "0001-01-01T00:00:00+14:00"])
def test_a_time_that_cannot_be_read_is_none(time: object, tmp_path: Path) -> None:
    ((record,), _) = read(tmp_path, json.dumps({**DENY, "timestamp": time}))
    assert record.time is None


@pytest.mark.parametrize(
    "content",
    [
        "START RequestId: x Version: 1\nREPORT {",
        "x\n" + "[" * 100_000 + "\n{" + "\n" * 3000,
        json.dumps([1, None, "x", [], {}]),
        csv_text(["principal", "other"], ["", "x"]),
        csv_text(["@timestamp", "stats"], [TIME, "x"]),
    ],
)
def test_a_log_without_decisions_has_none(content: str, tmp_path: Path) -> None:
    records, skipped = read(tmp_path, content)
    assert (records, skipped > 0) == ([], True)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "log is empty: it should contain entries of the decision log"),
        ("\n \n", "log is empty: "),
        (
            '{"queryId": "12ab"}',
            "log is the output of aws logs start-query, not its result: aws logs get-query-results --query-id 12ab",
        ),
        ('{"results": [], "status": "Running"}', "log: the query is still running: call aws logs get-query-results"),
        ('{"events": [', "log is not a log: Expecting value"),
        ("[" * 100_000, "log is not a log: "),
        ("@message\n" + "x" * 200_000, "log is not a log: field larger than field limit"),
        (b"PK\x03\x04\x14\0\x06\0", "log is not a log: it is a workbook (.xlsx) or another ZIP file: save it as CSV"),
        (gzip.compress(LINES.encode(), mtime=0)[:-20], "log cannot be read: Compressed file ended before"),
        (b"\x1f\x8bxx" * 10, "log cannot be read: Unknown compression method"),
        (gzip.compress(b"", mtime=0)[:10] + b"\xff" * 20, "log cannot be read: Error -3"),
    ],
)
def test_input_that_is_not_a_log_is_one_message(content: str | bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        read(tmp_path, content)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[\n1,\n2,\n3,\n4\n]", "it has more than 10 characters: write one record per line"),
        ("[1, 2, 3, 4]", "a line has more than 10 characters: write one record per line"),
        ('{"a": 1}\n{"a": 12345}', "a line has more than 10 characters: write one record per line"),
        ("[1, 2, 3]\n" * 2, ""),
        ("[1, 2,3]\n" * 2, ""),
        ("12345678\n" * 2, ""),
        ("123456789\n", "a line has more than 8 characters: write one record per line"),
        ("\0" * 9, "it is binary data"),
    ],
)
def test_a_document_or_a_line_that_is_too_large_is_rejected(
    content: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtls_authorizer_cli.decision_log.entries._LARGEST_DOCUMENT", 10)
    monkeypatch.setattr("mtls_authorizer_cli.decision_log.entries._LONGEST_LINE", 8)
    if not problem:
        assert read(tmp_path, content)[1] > 1
        return
    with pytest.raises(CommandError, match=f"log is not a log: {problem}"):
        read(tmp_path, content)


def test_an_endless_line_is_rejected_at_once() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CommandError, match="/dev/zero is not a log: it is binary data"):
            list(read_log_records("/dev/zero"))
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_reported() -> None:
    with pytest.raises(CommandError, match="nowhere cannot be read: No such file or directory"):
        list(read_log_records("nowhere"))


def test_the_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(LINES.encode())))
    assert [record.decision for record in read_log_records("-")] == ["deny", "allow"]
