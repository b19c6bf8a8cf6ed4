"""The command that checks a rules document, run as its user runs it."""

from __future__ import annotations

import runpy
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from mtls_authorizer.rules.document import LARGEST_DOCUMENT
from mtls_authorizer_cli.rules_check import main
from tests.rules_documents import VALID, document, rule

ROOT = Path(__file__).parents[3]


def validate(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Return what the program says, and that the module run as a command ends with the same."""
    exit_code = main(list(map(str, arguments)))
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        assert exit_code == run_as_command(monkeypatch, *arguments)
    return exit_code


def run_as_command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["validate_rules", *map(str, arguments)])
    # runpy warns of a module that is there already.
    monkeypatch.delitem(sys.modules, main.__module__, raising=False)
    with pytest.raises(SystemExit) as exited:
        runpy.run_module(main.__module__, run_name="__main__")
    assert isinstance(exited.value.code, int)
    return exited.value.code


@pytest.mark.parametrize(("content", "count"), [(document(rule()), "1 rule"), (VALID["two rules"], "2 rules")])
def test_a_valid_document_is_said_to_have_its_rules(
    content: bytes, count: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(content)
    assert validate(monkeypatch, path) == 0
    assert capsys.readouterr() == (f"{path}: {count}\n", "")


def test_each_problem_of_an_invalid_document_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(document(rule(name="a b"), rule(allow=["GET /*/x"], match={})))
    assert validate(monkeypatch, path) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert [line.removeprefix(f"{path}: ").partition(" ")[0] for line in errors.splitlines()] == [
        *("rules[0].name", "rules[1].match", "rules[1].allow[0]")
    ]


@pytest.mark.parametrize("arguments", [[], [""], ["one", "two"]])
def test_no_file_is_a_question_of_usage(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(monkeypatch, *arguments) == 2
    assert capsys.readouterr() == ("", "usage: python -m mtls_authorizer_cli.rules_check FILE\n")


def test_a_program_can_ask_for_the_exit_code(tmp_path: Path) -> None:
    assert main([str(tmp_path / "missing")]) == 2


def test_a_file_that_cannot_be_read_is_no_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(monkeypatch, tmp_path / "missing") == 2
    assert validate(monkeypatch, tmp_path) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'missing'}: No such file or directory\n{tmp_path}: Is a directory\n"


def test_no_more_is_read_than_a_document_may_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(monkeypatch, "/dev/zero") == 1
    assert f"more than {LARGEST_DOCUMENT} bytes" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "exit_code"), [(document(rule()), 0), (b"{}", 2)])
def test_make_validate_rules_ends_as_the_command_does(content: bytes, exit_code: int, tmp_path: Path) -> None:
    path = tmp_path / "the rules.json"
    path.write_bytes(content)
    # An environment that is there already: nothing is installed.
    environment = tmp_path / "venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    version = ".".join(map(str, sys.version_info[:3]))
    (environment / ".python").write_text(version + "\n", encoding="utf-8")
    (environment / ".run").touch()
    command = ["make", "validate-rules", f"FILE={path}", f"VENV={environment}", f"PYTHON={sys.executable}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == exit_code, result.stderr
    assert ("rules must be a list" in result.stderr) is (exit_code != 0)
