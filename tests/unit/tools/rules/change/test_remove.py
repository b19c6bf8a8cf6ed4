"""``rules remove``: rules are removed by name, and everything else stays as it is."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.main import main
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = (
    '{"rules": [{"name": "a", "match": {"common_name":  "a"}},\n {"name": "b", "match": {"common_name": "b"}}]}\n'
)


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rules.json"
    path.write_text(DOCUMENT)
    return path


def remove(*arguments: str) -> int:
    return main(["rules", "remove", "--rules", "rules.json", *arguments], {})


def test_rules_are_removed_and_the_rest_keeps_its_formatting(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert remove("b", "--yes") == 0
    assert rules.read_text() == '{"rules": [{"name": "a", "match": {"common_name":  "a"}}]}\n'
    out, _ = capsys.readouterr()
    assert out.startswith("REMOVED 'b'\nrules         rules.json, version sha256:")
    assert '-  {"name": "b", "match": {"common_name": "b"}}]}\n' in out
    assert "\n           mtls-authorizer explain CERT --rules rules.json\n" in out
    assert all(len(line) <= 100 for line in out.splitlines())


@pytest.mark.parametrize(("confirmation", "said"), [("--dry-run", "not written"), ("--yes", "written")])
def test_if_the_output_cannot_be_written_the_error_says_whether_the_change_was(
    confirmation: str, said: str, rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- a device
        monkeypatch.setattr(sys, "stdout", full)
        assert remove("b", confirmation) == 2
    assert capsys.readouterr().err.endswith(f"; the change to the document was {said}\n")
    assert (rules.read_text() == DOCUMENT) is (confirmation == "--dry-run")


def test_the_next_step_names_the_truststore_that_rules_need(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(DOCUMENT.replace('{"common_name":  "a"}', f'{{"issuer_key": "{"ab" * 32}"}}'))
    assert remove("b", "--yes") == 0
    assert "explain CERT --rules rules.json --truststore BUNDLE\n" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert remove("a", "--dry-run", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("rules_version").startswith("sha256:")
    assert '- {"rules": [{"name": "a", "match": {"common_name":  "a"}},\n' in printed.pop("diff")
    assert printed == {
        "version": 1,
        "result": "would_remove",
        "rules": "rules.json",
        "names": ["a"],
        "written": False,
        "merged": False,
        "refresh_seconds": 60,
        "next_step": "to write the change, run the command again with --yes",
    }
    assert remove("a", "--dry-run") == 0
    assert capsys.readouterr().out.startswith("WOULD REMOVE 'a': nothing was written (--dry-run)\n")
    assert rules.read_text() == DOCUMENT


def test_a_declined_change_is_not_written(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO("n\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert remove("a") == 1
    out, err = capsys.readouterr()
    assert out.startswith("NOT REMOVED 'a': nothing was written\n")
    assert err.endswith("Write this to rules.json? [y/N] ")
    assert rules.read_text() == DOCUMENT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["acme-payment\x1b"], r"there is no rule 'acme-payment\x1b', so nothing was written; similar: acme-payments"),
        (["x"], "there is no rule 'x', so nothing was written; its rules: acme-payments"),
        (["acme-payments"], "the document would contain neither rules nor deny, which is not valid"),
    ],
)
def test_names_that_cannot_be_removed_are_an_error(
    arguments: list[str], message: str, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = document(rule(name="acme-payments"))
    rules.write_bytes(content)
    assert remove(*arguments, "--yes") == 2
    assert message in capsys.readouterr().err
    assert rules.read_bytes() == content


class SlowUser(io.StringIO):
    """A terminal whose user answers yes after another writer has removed rule b and added rule c."""

    def __init__(self, path: Path) -> None:
        super().__init__("y\n")
        self.path = path

    def isatty(self) -> bool:
        self.path.write_text(DOCUMENT.replace('"b"', '"c"'))
        return True


def test_rules_that_another_writer_has_removed_meanwhile_are_no_error(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules.write_text(document(*(rule(name=each) for each in "abd")).decode())
    monkeypatch.setattr(sys, "stdin", SlowUser(rules))
    assert remove("a", "b", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["result"], printed["merged"]) == ("removed", True)
    assert json.loads(rules.read_text()) == {"rules": [{"name": "c", "match": {"common_name": "c"}}]}
