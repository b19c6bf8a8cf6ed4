"""The entry point: subcommands, their help, exit statuses and errors."""

from __future__ import annotations

import runpy
import sys
import warnings
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.__main__ import start
from mtls_authorizer_cli.command_line import ExitStatus
from mtls_authorizer_cli.main import main
from tests.command_results import subcommands

if TYPE_CHECKING:
    from pathlib import Path


def exit_status(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exited:
        main(arguments, {})
    assert isinstance(exited.value.code, int)
    return exited.value.code


@pytest.mark.parametrize("command", subcommands(), ids=" ".join)
def test_the_help_of_each_subcommand_documents_its_exit_statuses(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(*command, "--help") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert words.startswith(f"usage: mtls-authorizer {' '.join(command)} ")
    assert "Exit status: 0" in words
    assert "2 if " in words


def test_an_unknown_option_is_reported_with_the_usage_of_its_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["explain"], ["rules", "schema"]):
        assert exit_status(*command, "--polic") == 2
        errors = capsys.readouterr().err
        program = f"mtls-authorizer {' '.join(command)}"
        assert errors.startswith(f"usage: {program} [-h]")
        assert errors.endswith(f"\n{program}: unrecognized arguments: --polic\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: SUBCOMMAND"),
        (["rules"], "the following arguments are required: SUBCOMMAND"),
        (["explain", "--polic"], "unrecognized arguments: --polic"),
        (["explain", "--\x1b[31m"], r"unrecognized arguments: --\x1b[31m"),
        (["explain", "--\r\x85\u2028"], r"unrecognized arguments: --\r\x85\u2028"),
        (["explain", "--\udcff"], r"unrecognized arguments: --\udcff"),
        (["other"], "'other'"),
    ],
)
def test_wrong_options_are_named_with_the_usage_and_nothing_that_a_terminal_obeys(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(*arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("usage: mtls-authorizer")
    assert message in errors
    assert all(line.isprintable() for line in errors.split("\n"))


def test_without_a_standard_error_wrong_options_are_not_printed_as_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stderr", None)
        assert exit_status("explain", "--polic") == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "empty"),
    [
        (["explain", ""], "FILE"),
        (["explain", "client.pem", "--function", ""], "--function"),
        (["clients", "client.pem", "--rules", ""], "--rules"),
        (["clients", "--log", "x", "--log", ""], "--log"),
        (["block", "client.pem", "--function", ""], "--function"),
        (["block", "client.pem", "--rules="], "--rules"),
        (["unblock", "client.pem", "--env-file", ""], "--env-file"),
        (["rules", "remove", "x", ""], "NAME"),
        (["rules", "add", "--from-cert", "", "--name", "x", "--allow-all-routes"], "--from-cert"),
        (["crl", "index", "x", "--truststore", "bundle.pem", "--output", ""], "--output"),
    ],
)
def test_an_empty_value_never_selects_the_default(
    arguments: list[str], empty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(*arguments) == 2
    assert f": {empty} is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "-", "-"],
        ["explain", "-", "--event", "-"],
        ["explain", "--log", "-", "-"],
        ["explain", "-", "--rules", "-"],
        ["clients", "--log", "-", "--log", "-"],
        ["doctor", "--truststore", "-", "-"],
        ["block", "-", "--env-file", "-"],
        ["rules", "diff", "-", "-"],
        ["rules", "what-if", "--log", "-", "--rules", "-"],
        ["crl", "index", "-", "--truststore", "-", "--output", "x"],
    ],
    ids=" ".join,
)
def test_the_standard_input_can_be_named_once(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(*arguments) == 2
    assert "the standard input (-) is named twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["block", "client.pem", "--rules", "-"],
        ["unblock", "client.pem", "--rules", "-"],
        ["rules", "add", "--from-cert", "client.pem", "--name", "x", "--allow-all-routes", "--rules", "-"],
        ["rules", "import", "clients.csv", "--rules=-"],
        ["rules", "remove", "x", "--rules", "-"],
        ["crl", "fetch", "http://crl.example/a.crl", "-", "--truststore", "bundle.pem"],
        ["crl", "index", "x", "--truststore", "bundle.pem", "--output", "-"],
    ],
    ids=" ".join,
)
def test_the_standard_input_cannot_be_written(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(*arguments) == 2
    assert ": - is the standard input: name a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "one", "other"),
    [
        (["clients", "x", "--csv", "--json"], "--csv", "--json"),
        (["block", "client.pem", "--env-file", "x", "--function", "y"], "--env-file", "--function"),
        (["explain", "client.pem", "--function", "y", "--env-file", "x"], "--function", "--env-file"),
    ],
)
def test_options_that_exclude_each_other_are_named(
    arguments: list[str], one: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(*arguments) == 2
    assert f"argument {other}: not allowed with argument {one}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "needed"), [("fcntl", "Linux or macOS, such as WSL"), ("boto3", "pip install with its dependencies")]
)
def test_a_missing_module_is_an_error(
    missing: str, needed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("mtls_authorizer_cli.documents.files", "mtls_authorizer_cli.aws", "mtls_authorizer.stores.aws"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    rules = tmp_path / "rules.json"
    rules.write_text('{"rules": [{"name": "x", "match": {"common_name": "x"}}]}')
    arguments = ["rules", "remove", "x"] if missing == "fcntl" else ["explain", "client.pem", "--function", "x"]
    assert main([*arguments, "--rules", str(rules)], {}) == 2
    assert f"there is no module {missing}, so that this requires {needed}\n" in capsys.readouterr().err


def test_without_arguments_those_of_the_process_are_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mtls-authorizer", "rules", "schema"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("{")


def test_the_package_can_be_run_as_a_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mtls-authorizer", "rules", "schema"])
    monkeypatch.delitem(sys.modules, "mtls_authorizer_cli.__main__")
    with pytest.raises(SystemExit) as exited:
        runpy.run_module("mtls_authorizer_cli", run_name="__main__")
    assert exited.value.code == 0
    assert capsys.readouterr().out.startswith("{")


@pytest.mark.parametrize(("options", "shown"), [([], 0), (["default"], 1)])
@pytest.mark.filterwarnings("default")
def test_warnings_of_libraries_are_shown_on_request_only(
    options: list[str], shown: int, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr("sys.argv", ["mtls-authorizer", "rules", "schema"])
    monkeypatch.setattr("sys.warnoptions", options)
    assert start() == 0
    warnings.warn("a library", UserWarning, stacklevel=1)
    assert len(recwarn) == shown


class Interrupted(MetaPathFinder):
    """Ctrl-C while the command's modules are imported."""

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> None:
        if fullname == "mtls_authorizer_cli.main":
            raise KeyboardInterrupt


def test_an_interrupt_during_the_imports_gives_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "mtls_authorizer_cli.main")
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    assert start() == ExitStatus.INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_an_input_that_cannot_be_read_is_one_line_with_the_name_of_the_subcommand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["rules", "check", "no\n\udcff\x1b[31m"], {}) == 2
    expected = r"mtls-authorizer rules check: no\n\udcff\x1b[31m cannot be read: No such file or directory"
    assert capsys.readouterr().err == f"{expected}\n"
    assert main(["rules", "check", "s3://bucket/rules.json"], {}) == 2
    assert "only files can be named, not URIs" in capsys.readouterr().err
    assert main(["rules", "check", "no\0"], {}) == 2
    assert capsys.readouterr().err.startswith(r"mtls-authorizer rules check: no\x00 is not a file name: ")
