"""Output and input that all subcommands share."""

from __future__ import annotations

import io
import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.command_line import (
    CommandError,
    is_terminal,
    printable,
    read_file,
    shell_file,
    shown_file,
    write_error,
    write_output,
)
from mtls_authorizer_cli.main import main

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO


@pytest.mark.parametrize(
    ("text", "expected"),
    [("caf\u00e9\\a.pem", "caf\u00e9\\a.pem"), ("a\n\x1b\u202e\udcff", r"a\n\x1b\u202e\udcff"), ("", "")],
)
def test_only_what_a_terminal_obeys_or_cannot_show_is_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected


@pytest.mark.parametrize("label", ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
def test_nothing_of_a_private_key_is_printed(label: str) -> None:
    begin, end = f"-----BEGIN {label}-----", f"-----END {label}-----"
    assert printable(f"a {begin}\nMIIE\n{end} b") == f"a {begin}...{end} b"
    assert printable(f"{begin}\\nMIIE") == f"{begin}..."


def closed_pipe() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


@pytest.mark.parametrize(
    ("file", "word"),
    [("a.pem", "a.pem"), ("-", "FILE"), ("-a.pem", "./-a.pem"), ("a b\n.pem", "'a b\\n.pem'")],
)
def test_the_name_of_a_file_in_a_command_is_one_word_and_no_option(file: str, word: str) -> None:
    assert shell_file(file) == word


def test_a_reader_that_stops_reading_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_pipe() as output, closed_pipe() as errors:
        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setattr(sys, "stderr", errors)
        write_output("text")
        write_error("text")


def test_output_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- a device
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(CommandError, match="the output cannot be written: No space left on device"):
            write_output("text")


@pytest.mark.parametrize("arguments", [["--help"], ["rules", "--help"], ["rules", "check", "-h"]])
def test_help_that_cannot_be_written_is_an_error(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    assert exited.value.code == 0
    assert capsys.readouterr().out.startswith("usage: mtls-authorizer ")
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- a device
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as exited:
            main(arguments)
    assert exited.value.code == 2
    command = " ".join(["mtls-authorizer", *arguments[:-1]])
    assert capsys.readouterr().err == f"{command}: the output cannot be written: No space left on device\n"


def test_standard_streams_that_were_closed_at_the_start_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    with pytest.raises(CommandError, match="the standard input cannot be read: it is closed"):
        read_file("-", largest=3, expected="less")
    with pytest.raises(CommandError, match="the output cannot be written: the standard output is closed"):
        write_output("text")
    write_error("text")
    assert not is_terminal(sys.stderr)


def test_characters_that_the_output_cannot_encode_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    latin_1 = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", latin_1)
    write_output("\u00e9\u20ac")
    assert latin_1.buffer.getvalue() == b"\xe9\\u20ac"


def test_a_file_is_read_up_to_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert read_file(str(path), largest=3, expected="less") == b"abc"
    with pytest.raises(CommandError, match=r"file has more than 2 bytes: name less$"):
        read_file(str(path), largest=2, expected="less")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"abc")))
    assert read_file("-", largest=3, expected="less") == b"abc"
    assert shown_file("-") == "the standard input"
