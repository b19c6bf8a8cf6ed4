"""The change that a user reviews before it is written."""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import sys

import pytest

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.documents.document import StoredDocument
from mtls_authorizer_cli.documents.review import diff, review
from mtls_authorizer_cli.documents.update import Change
from tests.command_results import Terminal


def options(**chosen: bool) -> argparse.Namespace:
    return argparse.Namespace(**{"yes": False, "dry_run": False, **chosen})


CHANGE = Change(StoredDocument("s3://rules/\x1b[31m", "{}", "1"), '{"a": 1}')


@pytest.mark.parametrize(("answer", "written"), [("y\n", True), (" YES \n", True), ("n\n", False), ("", False)])
def test_a_change_is_shown_on_a_terminal_and_written_only_after_yes(
    answer: str, *, written: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert review(options(), CHANGE) is written
    out, shown = capsys.readouterr()
    assert out == ""
    ending = "" if answer else "\n"
    assert shown == f'@@ line 1 @@\n- {{}}\n+ {{"a": 1}}\nWrite this to s3://rules/\\x1b[31m? [y/N] {ending}'


def test_an_answer_that_cannot_be_read_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    closed = Terminal()
    monkeypatch.setattr(closed, "readline", fail)
    monkeypatch.setattr(sys, "stdin", closed)
    assert review(options(), CHANGE) is False
    master, slave = os.openpty()
    try:
        with os.fdopen(slave, encoding="utf-8") as terminal:
            monkeypatch.setattr(sys, "stdin", terminal)
            os.write(master, b"\xff y\n")
            assert review(options(), CHANGE) is False
    finally:
        os.close(master)


def test_without_a_terminal_there_must_be_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(CommandError, match=r"nothing was written: .* --dry-run, and write it with --yes"):
        review(options(), CHANGE)
    assert review(options(yes=True), CHANGE) is True
    assert review(options(dry_run=True), CHANGE) is False
    assert review(options(dry_run=True, yes=True), CHANGE) is False


def test_a_difference_has_line_numbers_and_two_lines_around() -> None:
    before = "".join(f"{number}\n" for number in range(1, 21))
    after = before.replace("\n5\n", "\nfive\n").replace("\n16\n", "\n")
    assert diff(before, after) == (
        "@@ line 3 @@\n  3\n  4\n- 5\n+ five\n  6\n  7\n@@ line 14 @@\n  14\n  15\n- 16\n  17\n  18\n"
    )
    assert diff(before, f"{before}21\n") == "@@ line 19 @@\n  19\n  20\n+ 21\n"
    assert diff(before, before) == ""
    # Only line feeds and carriage returns end lines.
    assert diff("1\u2028\x85\r\n2\r\n", "1\u2028\x85\r\n3\r\n") == "@@ line 1 @@\n  1\\u2028\\x85\n- 2\n+ 3\n"


def test_a_difference_of_a_document_on_one_line_shows_one_value_on_each_line() -> None:
    rules = [{"name": f"client-{number}"} for number in range(50)]
    before, after = json.dumps({"rules": rules}), json.dumps({"rules": rules, "deny": [{"public_key": "AB"}]})
    assert diff(before, after) == (
        '@@ line 151 with one value on each line @@\n     "name": "client-49"\n+   }\n+  ],\n+  "deny": [\n+   {\n'
        '+    "public_key": "AB"\n'
        "    }\n   ]\n"
    )


def test_a_difference_is_printable_and_at_most_100_columns_wide() -> None:
    before = json.dumps({"a": "x" * 300, "b": "\u202e\x85\u2028"}, indent=1, ensure_ascii=False)
    shown = diff(before, before.replace("x", "y" * 100))
    assert shown.isascii() or "…" in shown
    assert all(line.isprintable() and len(line) <= 100 for line in shown.split("\n"))
    assert "".join(line.lstrip("+- ") for line in shown.splitlines()).count("y") == 30_000
    # What is not changed may be cut off.
    long = json.dumps({"a": 1, "x" * 300: 2}, indent=1)
    assert f'   "{"x" * 95}…\n' in diff(long, long.replace("1", "2"))


@pytest.mark.without_coverage
def test_a_change_in_a_long_document_is_found_quickly() -> None:
    before = "".join(f'{{"name": "rule-{number}"}},\n' for number in range(50_000))
    assert diff(before, f"{before}added\n").endswith("+ added\n")
