"""The page on commands describes what ``mtls-authorizer`` does."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.rule_warnings import RuleWarningKind
from mtls_authorizer_cli.main import main
from mtls_authorizer_cli.rules.check.kinds import WarningKind
from tests.command_results import subcommands
from tests.unit.documentation.markdown import Fence, codes, fences, first_column, section

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/commands.md"
COMMAND = ".venv/bin/mtls-authorizer"
SUBCOMMANDS = set(map(" ".join, subcommands()))
_CHANGES = "docs/change-rules.md"
_BLOCK = "docs/block.md"
OPTIONS = {
    "clients": ("docs/clients.md", "Options"),
    "explain": ("docs/explain.md", "Options"),
    **{each: (_CHANGES, each) for each in ("rules add", "rules import", "rules diff", "rules what-if")},
    "doctor": ("docs/doctor.md", "Options"),
    "block": (_BLOCK, "Options"),
    "unblock": (_BLOCK, "Options"),
    "rules remove": (_BLOCK, "rules remove"),
}
"""The page and the section with the options of a subcommand, if it is not its section of the page on commands."""


def help_of(subcommand: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main([*subcommand.split(), "--help"], {})
    return capsys.readouterr().out


def test_every_subcommand_is_documented() -> None:
    assert {code.removeprefix("mtls-authorizer ") for code in first_column(PAGE, "Commands")} == SUBCOMMANDS


@pytest.mark.parametrize("subcommand", sorted(SUBCOMMANDS))
def test_every_option_is_documented(subcommand: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = set(re.findall(r"--[a-z-]+", help_of(subcommand, capsys))) - {"--help"}
    page = OPTIONS.get(subcommand, (PAGE, subcommand))
    documented = {code.split()[0] for code in first_column(*page) if code.startswith("--")} if options else set()
    assert documented == options


@pytest.mark.parametrize("fence", [fence for fence in fences("sh") if COMMAND in fence.text], ids=str)
def test_commands_have_options_that_exist(fence: Fence, capsys: pytest.CaptureFixture[str]) -> None:
    for line in fence.text.splitlines():
        _, *words = shlex.split(line)
        subcommand = next(each for each in SUBCOMMANDS if " ".join(words).startswith(each))
        assert {word for word in words if word.startswith("--")} <= set(
            re.findall(r"--[a-z-]+", help_of(subcommand, capsys))
        )


def test_every_kind_of_warning_is_documented() -> None:
    assert first_column(PAGE, "Kinds of warnings") == [kind.value for kind in (*WarningKind, *RuleWarningKind)]


def test_every_key_of_the_json_of_rules_check_is_documented(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"rules": [{"name": "a", "match": {"common_name": "a "}}]}))
    main(["rules", "check", "--json", str(path)], {})
    described = json.loads(capsys.readouterr().out)
    (source,) = described["sources"]
    (warning,) = source["warnings"]
    assert {*described, *source, *warning} == set(codes(section(PAGE, "JSON output of rules check"))) - {"1"}


def test_the_example_is_what_rules_check_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rule = '{"name": "%s",%s "match": {"common_name": "%s"}}'
    rules = ",\n".join([rule % ("a", "", "x"), rule % ("b", "\n", "x "), rule % ("c", "", "x")])
    (tmp_path / "rules.json").write_text(f'{{"rules": [\n{rules}]}}')
    assert main(["rules", "check", "rules.json"], {}) == 0
    output, errors = capsys.readouterr()
    (shown,) = (fence.text for fence in fences("text") if fence.page == PAGE and "rules.json" in fence.text)
    assert (errors + output).rstrip() == shown.rstrip()
