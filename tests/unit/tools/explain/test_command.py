"""The command ``explain``: its options, the configuration that it reads, its errors and its exit status."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.log import get_logger
from mtls_authorizer_cli.main import main
from tests.aws.api_events import http_2_0_event
from tests.command_results import Result
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import certificate_der, client_pem, dns, name, pem, subject_alt_names, uri
from tests.questions import AT, CLIENT, PAYMENTS, REPORTS, document

if TYPE_CHECKING:
    from collections.abc import Callable

CERTIFICATES = Path(__file__).parents[3] / "golden" / "certificates"
PROGRAM = "mtls-authorizer explain"
NASTY = "\x1b[2J\x1b]0;pwned\x07\u202e\u2066\u200b\u2028\r\n\t\x0b\x7f\x85\x9b\u00e9\U0001f600"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    files: dict[str, str | bytes] = {
        "client.pem": CLIENT,
        "rules.json": document(REPORTS, PAYMENTS),
        "text": "no\x1b[31m",
        "bad.json": document({"name": "x", "match": {"common_nam": "\x1b[31m"}}),
        "event.json": json.dumps(http_2_0_event(CLIENT, "GET", "/reports/1")),
        "stage.json": json.dumps(http_2_0_event(CLIENT, routeArn="arn:\x1b[31m")),
    }
    for file, content in files.items():
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())

    def run(*arguments: str, **environment: str) -> Result:
        return Result(main(["explain", *arguments], environment), *capsys.readouterr())

    return run


@pytest.mark.parametrize(
    ("arguments", "environment", "status"),
    [
        (["client.pem"], {"ALLOWED_COMMON_NAMES": "Ledger"}, 0),
        (["client.pem"], {"ALLOWED_COMMON_NAMES": "Other"}, 1),
        (["client.pem"], {}, 1),
        (["client.pem", "--json"], {}, 1),
        (["client.pem", "--rules", "rules.json", "--route", "GET /reports/1"], {}, 0),
        (["client.pem", "--rules", "rules.json", "--route", "GET /other"], {}, 1),
        (["event.json", "--rules", "rules.json"], {}, 0),
        (["event.json", "--rules", "rules.json", "--route", "GET /other"], {}, 1),
        (["client.pem", "--at", "2050-01-01T00:00:00Z"], {"ALLOWED_COMMON_NAMES": "Ledger"}, 1),
        (["client.pem"], {"ALLOW_ANY_CLIENT_CERTIFICATE": "true"}, 0),
        (["--cert", "client.pem"], {"ALLOWED_COMMON_NAMES": "Ledger"}, 0),
    ],
)
def test_the_exit_status_says_whether_the_client_is_allowed(
    arguments: list[str], environment: dict[str, str], status: int, run: Callable[..., Result]
) -> None:
    result = run(*arguments, **environment)
    assert (result.status, result.errors) == (status, "")
    assert ("ALLOWED\n" in result.output or '"decision": "allow"' in result.output) is (status == 0)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["client.pem", "--route", "GET"], {}, "route 'GET': write a method (GET, HEAD, "),
        (["client.pem", "--route", "get /x"], {}, "route 'get /x': write a method"),
        (["client.pem", "--route", "GET /x?y=z"], {}, "route 'GET /x?y=z': write a method"),
        (["client.pem", "--route", "GET /x#y"], {}, "route 'GET /x#y': write a method"),
        (["client.pem", "--route", "\udcff /x"], {}, r"route '\udcff /x': write a method"),
        (["client.pem", "--at", "tomorrow"], {}, "--at 'tomorrow': write a time with its UTC offset, such as 2026-"),
        (["client.pem", "--at", "2026-12-01T00:00:00"], {}, "--at '2026-12-01T00:00:00': write a time with"),
        (["client.pem", "--at", "0001-01-01T00:00:00+14:00"], {}, "--at '0001"),
        (["client.pem", "--rules", "missing.json"], {}, "missing.json cannot be read: "),
        (["client.pem", "--rules", "text"], {}, "text: rules rejected: the document is not JSON"),
        (["client.pem", "--rules", "bad.json"], {}, "bad.json: rules rejected: rules[0].match.common_nam"),
        (["client.pem", "--rules", "http://x/y"], {}, "the location is 'http://x/y': write"),
        (["client.pem", "--truststore", "missing.pem"], {}, "missing.pem cannot be read: No such file"),
        (["client.pem", "--truststore", "text"], {}, "text: it is text, but not PEM. Name the truststore"),
        (["client.pem", "--truststore", "http://x/y"], {}, "the location is 'http://x/y': write"),
        (["client.pem"], {"ALLOWED_COMMON_NAME": "x"}, "invalid configuration: ALLOWED_COMMON_NAME is not"),
        (["client.pem"], {"AUTHORIZER_RULES": "[]"}, "invalid configuration: AUTHORIZER_RULES rules rejected"),
        (["client.pem", "--rules", "file:///nowhere/x"], {}, "file:///nowhere/x: No such file or directory"),
        (["client.pem", "--truststore", "file:///nowhere/x"], {}, "file:///nowhere/x: No such file or directory"),
        (["stage.json"], {}, "stage.json is JSON (the event's methodArn or routeArn is not"),
    ],
)
def test_bad_input_is_one_line_for_a_person(
    arguments: list[str], environment: dict[str, str], message: str, run: Callable[..., Result]
) -> None:
    result = run(*arguments, **environment)
    assert (result.status, result.output) == (2, "")
    assert result.errors.startswith(f"{PROGRAM}: {message}")
    assert result.errors.endswith("\n")
    assert result.errors[:-1].isprintable()


def test_shadow_rules_that_cannot_be_read_are_a_note(run: Callable[..., Result]) -> None:
    result = run("client.pem", ALLOW_ANY_CLIENT_CERTIFICATE="true", AUTHORIZER_SHADOW_RULES_URI="file:///nowhere/x")
    assert (result.status, result.errors) == (0, "")
    assert "document refresh failed: file:///nowhere/x: No such file" in result.output


def test_a_configuration_that_the_function_rejects_is_rejected_with_the_same_error(run: Callable[..., Result]) -> None:
    anyone = {"ALLOW_ANY_CLIENT_CERTIFICATE": "true"}
    of_function = run("client.pem", **anyone, AUTHORIZER_RULES=document(REPORTS).decode())
    of_option = run("client.pem", "--rules", "rules.json", **anyone)
    assert of_function.status == of_option.status == 2
    assert of_function.errors == of_option.errors
    assert "ALLOW_ANY_CLIENT_CERTIFICATE is true and a rules document contains rules" in of_option.errors


@pytest.mark.parametrize("issuer", ["CN = Acme Issuing CA, O = Acme", "/O=Acme/CN=Acme Issuing CA"])
def test_a_name_in_another_notation_is_an_error_with_the_spelling_that_matches(
    issuer: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "names.json").write_bytes(document({"name": "a", "match": {"issuer": issuer}}))
    for result in (run("client.pem", ALLOWED_ISSUERS=issuer), run("client.pem", "--rules", "names.json")):
        assert result.status == 2
        assert issuer in result.errors
        assert "issuer 'CN=Acme Issuing CA,O=Acme'" in result.errors
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----")
    assert "names of this certificate" not in run("broken.pem", ALLOWED_ISSUERS=issuer).errors


def test_rules_from_the_option_replace_those_in_the_environment_and_add_to_its_lists(
    run: Callable[..., Result],
) -> None:
    replaced = run("client.pem", "--rules", "rules.json", "--json", AUTHORIZER_RULES=document(PAYMENTS).decode())
    assert replaced.json["rules"]["total"] == 2
    assert run("client.pem", "--rules", "rules.json", AUTHORIZER_RULES_URI="file:///nowhere").status == 0
    added = run("client.pem", "--rules", "rules.json", "--json", ALLOWED_COMMON_NAMES="Other")
    assert added.json["rules"]["total"] == 3


def test_rules_can_be_the_standard_input(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(document(REPORTS))

    monkeypatch.setattr(sys, "stdin", Input)
    assert run("client.pem", "--rules", "-").status == 0


@pytest.mark.parametrize("at", [AT, "2026-11-22T01:00:00+01:00"])
def test_the_time_is_that_of_the_option(at: str, run: Callable[..., Result]) -> None:
    assert run("client.pem", "--at", at, "--json").json["time"] == AT


@pytest.mark.parametrize(("route", "written"), [([], None), (["--route", "GET /x"], "GET /x")])
def test_without_an_event_api_and_stage_are_examples(
    route: list[str], written: str | None, run: Callable[..., Result]
) -> None:
    explained = run("client.pem", *route, "--json").json
    assert explained["route"] == written
    assert any("API and stage are examples" in note for note in explained["notes"])


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("command", ["explain", "clients"])
def test_a_configuration_without_rules_is_noted_with_the_options_that_name_one(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def output(**environment: str) -> str:
        main([command, "client.pem"], environment)
        return " ".join(capsys.readouterr().out.split())

    note = "there are no rules: name the function with --function, or its configuration with --env-file or --rules"
    assert f"{note} " in output()
    assert note not in output(ALLOWED_COMMON_NAMES="Ledger")


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("command", ["explain", "clients"])
def test_if_the_named_configuration_has_no_rules_the_output_does_not_ask_for_one(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "authorizer.env").write_text("LOG_DECISIONS=all")
    main([command, "client.pem", "--env-file", "authorizer.env"], {})
    output = capsys.readouterr().out
    assert "no_allowlist_configured" in output
    assert "there are no rules" not in output


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("command", ["explain", "clients"])
def test_rules_with_issuer_keys_and_no_truststore_are_noted_because_they_match_nobody(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keys.json").write_bytes(document({"name": "key", "match": {"issuer_key": "ab" * 32}}))
    uri = (tmp_path / "keys.json").as_uri()

    def has_note(*arguments: str, **environment: str) -> bool:
        main([command, "client.pem", "--json", *arguments], environment)
        return any("rules with issuer_key match no" in note for note in json.loads(capsys.readouterr().out)["notes"])

    assert has_note("--rules", "keys.json")
    assert has_note(AUTHORIZER_RULES_URI=uri)
    assert not has_note("--rules", "rules.json")
    truststore = tmp_path / "truststore.pem"
    truststore.write_bytes(CertificateAuthority("CA").pem)
    assert not has_note(AUTHORIZER_RULES_URI=uri, TRUSTSTORE_URI=truststore.as_uri())


def test_the_policy_is_printed_on_request(run: Callable[..., Result]) -> None:
    assert "policyDocument" not in run("client.pem").output
    assert "policyDocument" in run("client.pem", "--policy").output
    assert "policyDocument" in run("client.pem", "--json").output


def test_everything_is_printed_on_request(run: Callable[..., Result], tmp_path: Path) -> None:
    rules = [{"name": f"rule-{number}", "match": {"common_name": f"{number:x} Ltd."}} for number in range(9)]
    (tmp_path / "many.json").write_bytes(document(*rules))
    assert "rule-8" not in run("client.pem", "--rules", "many.json").output
    assert "rule-8" in run("client.pem", "--rules", "many.json", "--all").output
    assert len(run("client.pem", "--rules", "many.json", "--all", "--json").json["rules"]["nearest"]) == 9


def test_nothing_that_a_client_chose_reaches_a_terminal_unescaped(run: Callable[..., Result], tmp_path: Path) -> None:
    hostile = pem(
        certificate_der(
            name(("CN", "a\u202e\u2066\u200b\u2028\ue000\u00e9\U0001f600"), ("O", "Acme")),
            name(("CN", "\u202eCA")),
            extensions=[subject_alt_names(uri("x:\x1b[31m"), dns("\x1b]0;pwned\x07"))],
        )
    )
    (tmp_path / "hostile.pem").write_text(hostile)
    (tmp_path / "unprintable.pem").write_text(client_pem(("CN", NASTY), ("O", NASTY)))
    (tmp_path / "nasty.json").write_text(json.dumps(http_2_0_event(hostile, "GET", f"/{NASTY}")))
    (tmp_path / "description.json").write_bytes(
        document({"name": "x", "description": NASTY[:-2], "match": {"common_name": "a\u202e\u200b"}})
    )
    cases: list[tuple[int, list[str], dict[str, str]]] = [
        (1, ["hostile.pem"], {"ALLOWED_SUBJECT_ALT_NAMES": "DNS:x"}),
        (0, ["hostile.pem"], {"ALLOWED_ORGANIZATIONS": "Acme"}),
        (1, ["unprintable.pem"], {"ALLOWED_ORGANIZATIONS": "Acme"}),
        (1, ["nasty.json"], {"AUTHORIZER_RULES": document(REPORTS).decode()}),
        (2, ["hostile.pem", "--rules", "description.json"], {}),
        (2, ["hostile.pem", NASTY], {}),
        (1, ["hostile.pem"], {"ALLOWED_COMMON_NAMES": "a\u202e,\u200b"}),
        (1, ["hostile.pem", "--truststore", "unprintable.pem"], {"ALLOWED_ORGANIZATIONS": "Acme"}),
    ]
    for status, arguments, environment in cases:
        for more in ([], ["--json"], ["--all", "--policy"]):
            result = run(*arguments, *more, **environment)
            assert result.status == status
            assert re.fullmatch(r"[ -~\n]*", result.output)
            assert all(line.isprintable() for line in result.errors.split("\n"))
            assert result.errors.count("\n") == (status == 2)


def test_documents_without_which_the_function_starts_are_notes(run: Callable[..., Result]) -> None:
    environment = {
        "ALLOWED_ORGANIZATIONS": "Acme",
        "TRUSTSTORE_URI": "file:///nowhere/truststore.pem",
        "CRL_URIS": "file:///nowhere/ca.crl",
    }
    result = run("client.pem", "--json", **environment)
    assert (result.status, result.json["reason"]) == (1, "revocation_status_unknown")
    notes = "\n".join(result.json["notes"])
    assert "the truststore cannot be used: file:///nowhere/truststore.pem: No such file or directory" in notes
    assert (
        "document refresh failed: file:///nowhere/ca.crl: there is no truststore to check it against (if the function"
        in notes
    )


def test_a_note_on_a_truststore_that_was_cut_off_ends_its_question_once(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "truststore.pem"
    file.write_text(CLIENT[:-60])
    result = run(
        "client.pem", "--json", ALLOWED_ORGANIZATIONS="Acme", TRUSTSTORE_URI=file.as_uri(), CRL_URIS="file:///ca.crl"
    )
    (note,) = (note for note in result.json["notes"] if "PEM block 1 is incomplete" in note)
    assert re.search(r"[.?][.?]", note) is None


def test_a_truststore_can_be_named_by_its_uri(run: Callable[..., Result]) -> None:
    # This one is not new: a store waits if it meets a file that was just written.
    uri = (CERTIFICATES / "issued-ca.pem").as_uri()
    for arguments, environment in (
        (["--truststore", uri], {}),
        ([], {"TRUSTSTORE_URI": uri, "CRL_URIS": "file:///nowhere/ca.crl"}),
    ):
        result = run("client.pem", *arguments, "--json", **environment, ALLOWED_ORGANIZATIONS="Acme")
        assert result.json["denied_by"] == "api_gateway"


def test_the_handler_for_failures_is_removed_after_the_command(run: Callable[..., Result]) -> None:
    before = list(get_logger().handlers)
    assert run("client.pem").status == 1
    assert run("client.pem", "--at", "x").status == 2
    assert get_logger().handlers == before


LIMITED = {
    "name": "limited",
    "match": {"organization": "Acme"},
    "api_id": "z9y8x7w6v5",
    "domain_name": ["api.example.com", "b.example.com"],
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2026-12-31T23:59:59Z",
}


def test_a_rule_that_is_not_in_effect_is_explained_by_its_limits(run: Callable[..., Result]) -> None:
    rules = {"AUTHORIZER_RULES": document(LIMITED).decode()}
    api, domain = ("--api-id", "z9y8x7w6v5"), ("--domain-name", "API.example.com")
    for options, lines in (
        ((), ["NO  api_id: requires 'z9y8x7w6v5'; found 'a1b2c3d4e5'", "its api_id is 'z9y8x7w6v5'"]),
        (api, ["NO  domain_name: requires one of 'api.example.com', 'b.example.com'; found none", "ok  api_id"]),
        ((*api, *domain, "--at", "2027-01-01T00:00:00Z"), ["NO  not_after: requires 2026-12-31T23:59:59Z"]),
    ):
        denied = run("client.pem", "--at", AT, *options, **rules)
        assert denied.status == 1
        flat = re.sub(r"\s+", " ", denied.output)
        assert "DENIED by the authorizer: rule_not_in_effect" in flat
        assert "found 1 of 1, 0 in effect" in flat
        for line in lines:
            assert re.sub(r"\s+", " ", line) in flat
    allowed = run("client.pem", "--at", AT, *api, *domain, "--json", **rules)
    assert allowed.status == 0
    (rule,) = allowed.json["rules"]["matching"]
    assert [(limit["key"], limit["met"]) for limit in rule["limits"]] == [
        *(("api_id", True), ("domain_name", True), ("not_before", True), ("not_after", True))
    ]


def test_only_the_limits_of_a_rule_are_explained(run: Callable[..., Result]) -> None:
    rule = {"name": "limited", "match": {"organization": "Acme"}, "api_id": "a1b2c3d4e5"}
    (explained,) = run("client.pem", "--json", AUTHORIZER_RULES=document(rule).decode()).json["rules"]["matching"]
    assert [limit["key"] for limit in explained["limits"]] == ["api_id"]


def test_a_value_from_the_certificate_is_explained(run: Callable[..., Result]) -> None:
    match = {"organization": "Acme"}
    uri_value = {"from": "subject_alt_name.uri", "after": "spiffe://acme.example/"}
    for context, key, lines in (
        (
            {"a": {"from": "subject.O"}},
            None,
            ["ok context.a: requires one value of subject.O", "found 'Acme'", "ALLOWED"],
        ),
        ({"a": uri_value | {"default": "x"}}, None, ["found 'x', the default", "ALLOWED"]),
        (
            {"a": uri_value},
            None,
            [
                "DENIED by the authorizer: certificate_value_missing",
                "its context.a requires one value of subject_alt_name.uri after 'spiffe://acme.example/'",
                "the certificate has none.",
            ],
        ),
        (None, {"from": "subject.L"}, ["NO usage_plan_key: requires one value of subject.L", "found none"]),
    ):
        keys = {"context": context, "usage_plan_key": key}
        rule = {"name": "value", "match": match} | {name: value for name, value in keys.items() if value}
        result = run("client.pem", AUTHORIZER_RULES=document(rule).decode())
        flat = re.sub(r"\s+", " ", result.output)
        for line in lines:
            assert line in flat
