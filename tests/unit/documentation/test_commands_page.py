"""The page on commands describes what ``mtls-authorizer`` does."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.explain.result import Verdict
from mtls_authorizer_cli.main import main
from mtls_authorizer_cli.rules.findings import Kind
from tests.certificates import certificate_der, name, pem
from tests.unit.documentation.markdown import Fence, codes, fences, first_column, section

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/commands.md"
COMMAND = ".venv/bin/mtls-authorizer"
SUBCOMMANDS = {
    *("explain", "clients", "doctor", "block", "unblock", "crl fetch", "crl index"),
    *("rules check", "rules add", "rules import", "rules remove", "rules diff", "rules what-if", "rules schema"),
}
_CHANGES = "docs/change-rules.md"
_BLOCK = "docs/block.md"
OPTIONS = {
    **{each: (_CHANGES, each) for each in ("rules add", "rules import", "rules diff", "rules what-if")},
    "doctor": ("docs/doctor.md", "Options"),
    "block": (_BLOCK, "Options"),
    "unblock": (_BLOCK, "Options"),
    "rules remove": (_BLOCK, "rules remove"),
}
"""The page and the section with the options of a subcommand, if it is not its section of the page on commands."""

AT = ("--at", "2026-11-22T00:00:00Z")
LISTS = {"ALLOWED_COMMON_NAMES": "billing, ledger, orders, returns"}


@pytest.fixture
def client(tmp_path: Path) -> str:
    """Return the file with the certificate of the page's example."""
    subject = name(("O", "Acme"), ("OU", "payments"), ("CN", "Ledger"))
    file = tmp_path / "client.pem"
    file.write_text(pem(certificate_der(subject, name(("O", "Acme"), ("CN", "Acme Issuing CA")))))
    return str(file)


def help_of(subcommand: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main([*subcommand.split(), "--help"], {})
    return capsys.readouterr().out


def test_every_subcommand_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    documented = {code.removeprefix("mtls-authorizer ") for code in first_column(PAGE, "Commands")}
    assert documented == SUBCOMMANDS
    groups = {subcommand.split()[0] for subcommand in SUBCOMMANDS}
    for command, expected in [
        ("", groups),
        *((group, {each.split()[1] for each in SUBCOMMANDS if each.startswith(f"{group} ")}) for group in groups),
    ]:
        if expected:
            listed = help_of(command, capsys).partition("  SUBCOMMAND\n")[2].partition("\n\n")[0]
            assert set(re.findall(r"^    ([a-z-]+) ", listed, re.MULTILINE)) == expected


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


def test_the_example_is_what_explain_prints(client: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", client, *AT], LISTS) == 1
    (shown,) = (fence.text for fence in fences("text") if fence.page == PAGE and "DENIED" in fence.text)
    assert capsys.readouterr().out.rstrip() == shown.rstrip()
    assert f'ALLOWED_COMMON_NAMES="{LISTS["ALLOWED_COMMON_NAMES"]}"' in section(PAGE, "explain")


def test_every_key_of_the_json_is_documented(client: str, capsys: pytest.CaptureFixture[str]) -> None:
    rules = {
        "rules": [
            {"name": "other", "match": {"organization": "Other"}},
            {"name": "nobody", "match": {"common_name": "ledger"}, "not": {"organization": "Other"}},
        ]
    }
    main(["explain", client, *AT, "--json"], {"AUTHORIZER_RULES": json.dumps(rules)})
    explained = json.loads(capsys.readouterr().out)
    text = section(PAGE, "JSON output")
    keys = first_column(PAGE, "JSON output")
    assert sorted(keys) == sorted(explained)
    documented = set(codes(text))
    rule = explained["rules"]["nearest"][0]
    for part in (explained["certificate"], explained["api_gateway"], explained["checks"][0], explained["rules"], rule):
        assert part.keys() <= documented
    assert {key for each in explained["rules"]["nearest"] for field in each["match"] for key in field} <= documented
    assert {verdict.value for verdict in Verdict} <= documented


def test_every_kind_of_warning_is_documented() -> None:
    assert first_column(PAGE, "Kinds of warnings") == [kind.value for kind in Kind]


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
