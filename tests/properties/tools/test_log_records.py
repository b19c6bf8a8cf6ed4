"""Whatever a log contains: it is read, or rejected with one message, and explained in printable ASCII."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.decision_log.records import LogRecord, read_log_records
from mtls_authorizer_cli.main import main
from tests.questions import PAYMENTS, REPORTS, document

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_NAMES = st.sampled_from(
    [
        *("decision", "reason", "rules", "principal", "subject_dn"),
        *("issuer_dn", "serial_number", "fingerprint", "time"),
        *("extended_key_usage", "days_to_expiry", "route", "api_id", "domain_name", "timestamp", "message", "@message"),
        *("results", "events", "logEvents", "field", "value", "status", "queryId", "level", "configuration_version"),
    ]
)
_JSON = st.recursive(_SCALARS, lambda each: st.lists(each, max_size=4) | st.dictionaries(_NAMES, each, max_size=8))
_LINES = st.lists(_JSON.map(json.dumps) | st.text(max_size=40), max_size=6).map("\n".join)
_LOGS = st.binary(max_size=200) | _LINES.map(lambda text: text.encode(errors="replace"))


def read(log: bytes) -> list[LogRecord] | str:
    with mock.patch("sys.stdin", SimpleNamespace(buffer=io.BytesIO(log))):
        try:
            return list(read_log_records("-"))
        except CommandError as error:
            return str(error)


@given(_LOGS)
def test_any_log_is_read_or_rejected_with_a_message(log: bytes) -> None:
    records = read(log)
    for record in records:
        if isinstance(record, LogRecord):
            assert record.decision in {None, "allow", "deny"}
            assert record.text("reason") != ""
            assert all(isinstance(rule, str) for rule in record.texts("rules"))
            assert record.time is None or record.time.tzinfo is not None


@given(st.dictionaries(_NAMES, _JSON, max_size=12), st.sampled_from(["allow", "deny"]), st.booleans())
def test_any_entry_is_explained_in_printable_ascii(entry: dict[str, Any], decision: str, as_json: bool) -> None:  # noqa: FBT001 -- generated
    log = json.dumps({**entry, "decision": decision})
    variables = {"AUTHORIZER_RULES": document(REPORTS, PAYMENTS).decode()}
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as errors:
        status = main(["explain", "--log", log, *(["--json"] if as_json else [])], variables)
    assert (status, errors.getvalue()) == (0 if decision == "allow" else 1, "")
    assert output.getvalue().isascii()
    assert all(line.isprintable() for line in output.getvalue().split("\n"))
