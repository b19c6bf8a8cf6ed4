"""``mtls-authorizer rules check``: every problem is printed, and the exit status says whether there are any."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer_cli.main import main
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from pathlib import Path


DOUBTFUL = b"""{"rules": [
  {"name": "a", "match": {"common_name": "x"}},
  {"name": "b",
   "match": {"common_name": "x "}},
  {"name": "c", "match": {"common_name": "x"}}
]}
"""
WARNINGS = [
    "4: warning: rule 'b': rules[1].match.common_name starts or ends with whitespace: 'x '",
    "5: warning: rule 'c': rules[2] is a duplicate of rule 'a' (rules[0])",
]


def check(*arguments: object, environment: dict[str, str] | None = None) -> int:
    return main(["rules", "check", *map(str, arguments)], environment or {})


@pytest.mark.parametrize(
    ("content", "count"),
    [(document(rule()), "1 rule"), (document(rule(), rule(name="b", match={"organization": "a"})), "2 rules")],
)
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
    assert [line.removeprefix(f"{path}:1: error: ").partition(" ")[0] for line in errors.splitlines()] == [
        *("rules[0].name", "rules[1].match", "rules[1].allow[0]")
    ]


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b'{"rules": [\n{"name": "a",\n"match": {"common_name":\n""}}]}', 3, "rules[0].match.common_name is empty"),
        (b'{"rules": [\n\n{"name": "a"}]}', 3, "rules[0].match is missing"),
        (b'{"rules":\n[1],\n"rules": []}', None, "the document contains the key 'rules' twice: remove one of them"),
        (b'{"rules": [\n{]}', 2, "the document is not JSON: "),
        (b"", None, "the document is empty"),
        (b"\xff", None, "the document is not UTF-8 (byte 0): save it in UTF-8"),
    ],
)
def test_a_problem_has_the_line_that_it_is_about(
    content: bytes, line: int | None, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(content)
    assert check(path) == 1
    where = path if line is None else f"{path}:{line}"
    assert capsys.readouterr().err.startswith(f"{where}: error: {problem}")


def test_warnings_have_lines_and_fail_only_if_they_are_treated_as_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(DOUBTFUL)
    for arguments, status in (([], 0), (["--strict"], 1)):
        assert check(path, *arguments) == status
        output, errors = capsys.readouterr()
        assert output == f"{path}: 3 rules, 2 warnings\n"
        assert errors.splitlines() == [f"{path}:{warning}" for warning in WARNINGS]
    path.write_bytes(document(rule()))
    assert check(path, "--strict") == 0


def test_a_rule_that_has_expired_is_reported_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.json"
    others = [rule(name="b", not_after="9999-12-31T23:59:59Z"), rule(name="c", match={"common_name": "c"}, api_id="a")]
    content = document(rule(match={"common_name": "a"}, not_after="2020-01-01T00:00:00Z"), *others)
    path.write_bytes(content.replace(b'"not_after": "2020', b'\n"not_after": "2020'))
    assert check(path, "--strict") == 1
    text = "has passed, so that the rule has no effect: remove the rule"
    assert capsys.readouterr().err == f"{path}:2: warning: rule 'acme': rules[0].not_after {text}\n"
    variables = {"AUTHORIZER_RULES": content.decode()}
    assert check("--environment", "--strict", environment=variables) == 1
    assert text in capsys.readouterr().err


def test_a_rule_about_roles_that_has_expired_may_still_have_an_effect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(document(rule(match={"psd2_role": "PSP_AI"}, not_after="2020-01-01T00:00:00Z")))
    assert check(path) == 0
    text = "rules[0].not_after has passed, so that the rule grants nothing. Like any rule about psd2_role, it still"
    assert text in capsys.readouterr().err


def test_a_document_is_described_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(DOUBTFUL)
    assert check(path, "--json", "--strict") == 1
    output, errors = capsys.readouterr()
    assert errors == ""
    described = json.loads(output)
    (source,) = described.pop("sources")
    assert described == {"version": 1}
    assert source.pop("warnings") == [
        {
            "kind": kind,
            "line": int(text.partition(":")[0]),
            "rule": name,
            "message": text.partition("warning: ")[2],
        }
        for kind, name, text in zip(["surrounding_whitespace", "duplicate"], "bc", WARNINGS, strict=True)
    ]
    assert source == {"source": str(path), "accepted": True, "rules": 3, "deny": 0, "errors": []}
    path.write_bytes(document(rule(name=1)))
    assert check(path, "--json") == 1
    (source,) = json.loads(capsys.readouterr().out)["sources"]
    (error,) = source.pop("errors")
    assert error["line"] == 1
    assert error["message"].startswith("rules[0].name must be")
    assert source == {"source": str(path), "accepted": False, "rules": None, "deny": 0, "warnings": []}


def test_the_environment_can_be_checked_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--environment", environment={"ALLOWED_COMMON_NAMES": "a"}) == 0
    assert capsys.readouterr() == ("the environment: no warnings\n", "")
    lists = {"ALLOWED_ORGANIZATIONS": "Example, Inc.", "ALLOWED_ISSUERS": "C=DE,CN=a"}
    split = """["Example, Inc."] unless 'Example, Inc.' is intended"""
    list_warnings = [
        f"ALLOWED_ORGANIZATIONS: list item looks like part of a name: write {split}",
        "ALLOWED_ISSUERS: issuer looks reversed: write CN=a,C=DE unless 'C=DE,CN=a' is intended",
    ]
    rules = {"AUTHORIZER_RULES": DOUBTFUL.decode(), "AUTHORIZER_SHADOW_RULES": document(rule()).decode()}
    for arguments, status in (([], 0), (["--strict"], 1)):
        assert check("--environment", *arguments, environment=lists | rules) == status
        output, errors = capsys.readouterr()
        assert output.splitlines() == [
            "the environment: 2 warnings",
            "AUTHORIZER_RULES: 3 rules, 2 warnings",
            "AUTHORIZER_SHADOW_RULES: 1 rule",
        ]
        assert errors.splitlines() == [
            *(f"the environment: warning: {warning}" for warning in list_warnings),
            *(f"AUTHORIZER_RULES:{warning}" for warning in WARNINGS),
        ]


@pytest.mark.parametrize(
    ("variable", "value", "kind"),
    [
        ("ALLOWED_ORGANIZATIONS", "Example, Inc.", "split_name"),
        ("ALLOWED_ORGANIZATIONS", '"Example"', "quoted_item"),
        ("ALLOWED_ORGANIZATIONS", "Exam\u200bple", "invisible_character"),
        ("ALLOWED_ISSUERS", "C=DE,CN=a", "reversed_name"),
        ("ALLOWED_SUBJECT_ALT_NAMES", "DNS:m\u00fcller.example", "not_ascii"),
        ("ALLOWED_SUBJECT_ALT_NAMES", "DNS:acme.example:443", "malformed_name"),
        ("ALLOWED_SUBJECT_ALT_NAMES", "DNS:a/b, URI:https://a/b/../c", "value_never_matches"),
    ],
)
def test_a_warning_about_a_list_has_a_kind(
    variable: str, value: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("--environment", "--json", environment={variable: value}) == 0
    [source] = json.loads(capsys.readouterr().out)["sources"]
    assert [warning["kind"] for warning in source["warnings"]] == [kind]


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        ("email:mallory", "alternative name is malformed: write it as certificates contain it"),
        ("DNS:stra\u00dfe.example", "domain name is not in ASCII: write it with A-labels (xn--\u2026)"),
    ],
)
def test_a_name_that_no_certificate_contains_is_reported_without_a_correction(
    value: str, warning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("--environment", environment={"ALLOWED_SUBJECT_ALT_NAMES": value}) == 0
    assert f"ALLOWED_SUBJECT_ALT_NAMES: {warning} unless {value!a} is intended" in capsys.readouterr().err


def test_a_value_of_a_rule_that_never_matches_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    content = document(rule(match={"subject_alt_name": "URI:https://a/b/../c"})).decode()
    environment = {"ALLOWED_COMMON_NAMES": "a", "AUTHORIZER_RULES": content}
    assert check("--environment", "--json", environment=environment) == 0
    lists, rules = json.loads(capsys.readouterr().out)["sources"]
    assert lists["warnings"] == []
    assert [warning["kind"] for warning in rules["warnings"]] == ["value_never_matches"]


def test_an_exclusion_that_excludes_nothing_is_reported_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    exclusion = {"common_name": "a", "subject": "CN=b"}
    denied = {"deny": [{"common_name": "c"}, exclusion], "rules": [rule(**{"not": exclusion})]}
    path.write_text(json.dumps(denied, indent=1))
    assert check(path, "--strict") == 1
    problem = "can match no certificate, because common_name and subject contradict each other"
    assert capsys.readouterr().err.splitlines() == [
        f"{path}:6: warning: deny[1] {problem}",
        f"{path}:17: warning: rule 'acme': rules[0].not {problem}",
    ]


def test_a_rejected_environment_is_reported_as_the_function_does(capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"ALLOWED_ISSUERS": "CN=a, O=b", "AUTHORIZER_RULES": "{}"}
    assert check("--environment", environment=environment) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("the environment: error: invalid configuration: ALLOWED_ISSUERS 'CN=a, O=b' is not a")
    assert "AUTHORIZER_RULES rules rejected: rules must be" in errors


@pytest.mark.parametrize("arguments", [[], ["one", "two"], ["one", "--environment"]])
def test_exactly_one_source_is_required(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
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
