"""``mtls-authorizer rules check``: every problem is printed, and the exit status says whether there are any."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer_cli.main import main
from tests.rules_documents import VALID, document, rule

if TYPE_CHECKING:
    from pathlib import Path


def check(*arguments: object) -> int:
    return main(["rules", "check", *map(str, arguments)], {})


@pytest.mark.parametrize(("content", "count"), [(document(rule()), "1 rule"), (VALID["two rules"], "2 rules")])
def test_a_valid_document_is_reported_with_the_number_of_its_rules(
    content: bytes, count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(content)
    assert check(path) == 0
    assert capsys.readouterr() == (f"{path}: {count}\n", "")


def test_a_document_can_be_the_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(document(rule()))))
    assert check("-") == 0
    assert capsys.readouterr().out == "the standard input: 1 rule\n"


def test_each_problem_of_an_invalid_document_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(document(rule(name="a b"), rule(allow=["GET /*/x"], match={})))
    assert check(path) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert [line.removeprefix(f"{path}: ").partition(" ")[0] for line in errors.splitlines()] == [
        *("rules[0].name", "rules[1].match", "rules[1].allow[0]")
    ]


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_exactly_one_file_is_required(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        check(*arguments)
    assert exited.value.code == 2
    assert "usage: mtls-authorizer" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_not_a_rejected_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path / "missing") == 2
    assert check(tmp_path) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"mtls-authorizer rules check: {tmp_path / 'missing'} cannot be read: No such file or directory"
    assert second == f"mtls-authorizer rules check: {tmp_path} cannot be read: Is a directory"


def test_a_document_that_is_too_large_is_rejected_without_being_read_to_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check("/dev/zero") == 1
    assert f"more than {LARGEST_DOCUMENT} bytes" in capsys.readouterr().err
