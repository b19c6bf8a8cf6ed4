"""``explain --log``: a decision log entry, as far as it contains the facts, and what it lacks."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.log import get_logger
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.status import UnknownReason
from mtls_authorizer_cli.explanation.reasons import CAUSES, REASONS
from mtls_authorizer_cli.main import main
from tests.aws.api_events import http_2_0_event, rest_event
from tests.command_results import Result
from tests.observations import every_log_field
from tests.pki.certificates import certificate_der, name, pem
from tests.questions import AT, CLIENT, PAYMENTS, REPORTS, document

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    Explain = Callable[..., "Result"]

OTHER = pem(certificate_der(name(("O", "Other"), ("CN", "other"))))
NASTY = "\x1b[2J\r\x0b\x85\u2028\u202e\u00e9"
BY_NAME = document({"name": "acme", "match": {"common_name": "Ledger"}, "allow": ["GET /reports/*"]})
BY_PATH = document({"name": "acme", "match": {"common_name": "Ledger"}, "allow": ["GET /reports/1"]})
BY_ALTERNATIVE_NAME = document({"name": "san", "match": {"subject_alt_name": "DNS:x.example"}})
LIMITED = document({"name": "limited", "match": {"common_name": "Ledger"}, "api_id": ["a1b2c3d4e5"]})


def log_entry(event: dict[str, Any], rules: bytes, caplog: pytest.LogCaptureFixture, **more: object) -> dict[str, Any]:
    """Return what the authorizer logs about a request, as Lambda's JSON log format renders it."""
    caplog.clear()
    with caplog.at_level("INFO", get_logger().name):
        Authorizer(load_settings({"AUTHORIZER_RULES": rules.decode()})).authorize(event)
    (record,) = (record for record in caplog.records if hasattr(record, "decision"))
    return {"timestamp": AT, "level": record.levelname, "message": record.getMessage(), **_extra(record), **more}


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    names = list(vars(record))
    return {name: vars(record)[name] for name in names[names.index("decision") :] if name != "message"}


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explain:
    monkeypatch.chdir(tmp_path)
    for file, content in {
        "client.pem": CLIENT,
        "other.pem": OTHER,
        "certs/client.pem": CLIENT,
        "certs/other.pem": OTHER,
        "others/other.pem": OTHER,
        "by_name.json": BY_NAME.decode(),
        "by_path.json": BY_PATH.decode(),
        "by_alternative_name.json": BY_ALTERNATIVE_NAME.decode(),
        "limited.json": LIMITED.decode(),
        "event.json": json.dumps(rest_event(CLIENT)),
        "text.log": "deny: common_name_not_allowed\n",
    }.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(content)

    def explain(entry: dict[str, Any], *arguments: str, **environment: str) -> Result:
        return Result(main(["explain", "--log", json.dumps(entry), *arguments], environment), *capsys.readouterr())

    return explain


@pytest.fixture
def denied(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Return the entry of a request that no rule allows."""
    event = http_2_0_event(CLIENT, "GET", "/reports/1", routeKey="GET /reports/{id}")
    return log_entry(event, document(PAYMENTS), caplog, domain_name="api.example.com")


def test_the_text_has_the_decision_first_and_the_next_step_last(denied: dict[str, Any], explain: Explain) -> None:
    result = explain(denied)
    lines = result.output.splitlines()
    assert (result.status, result.errors) == (1, "")
    assert lines[:3] == [
        f"DENIED by the authorizer at {AT}: subject_alt_name_not_allowed",
        "  The only rule requires another subject_alt_name.",
        "  Today: not known, because there are no rules.",
    ]
    assert "  subject_dn             'CN=Ledger,OU=payments,O=Acme'" in lines
    assert f"    {denied['fingerprint']}" in lines
    assert "the requested path: the log contains only the API's route, 'GET /reports/{id}'." in result.words
    assert lines[-2].startswith("Next step: if the client is to be allowed, correct its rule")
    assert max(map(len, lines)) <= 100


def test_every_field_that_is_about_the_decision_is_shown(explain: Explain) -> None:
    logged = {name for name, value in every_log_field().items() if value is not None}
    shown = {line.split()[0] for line in explain(every_log_field()).output.splitlines() if line.startswith("  ")}
    assert logged - shown == {"decision", "cached", "duration_us"}


@pytest.mark.parametrize(
    ("rules", "arguments", "today"),
    [
        ("by_name.json", [], ("allow", [])),
        ("by_path.json", [], (None, ["path"])),
        ("by_path.json", ["--route", "GET /reports/1"], ("allow", [])),
        ("by_name.json", ["--route", "GET /reports/1"], ("allow", [])),
        ("by_name.json", ["--route", "GET /other"], ("deny", [])),
        ("by_alternative_name.json", [], (None, ["subject_alt_name"])),
        ("by_alternative_name.json", ["client.pem"], ("deny", [])),
        ("limited.json", [], ("allow", [])),
        ("limited.json", ["client.pem"], ("allow", [])),
        ("limited.json", ["certs"], ("allow", [])),
        ("by_name.json", ["client.pem", "--route", "GET /other"], ("deny", [])),
    ],
)
def test_the_rules_of_today_decide_as_far_as_the_facts_are_known(
    rules: str, arguments: list[str], today: tuple[str | None, list[str]], denied: dict[str, Any], explain: Explain
) -> None:
    result = explain(denied, "--rules", rules, "--json", *arguments)
    assert result.status == 1  # the decision that was logged
    assert (result.json["today"]["decision"], result.json["today"]["missing"]) == today
    assert result.json["entry"] == {**denied, **({"route": arguments[-1]} if "--route" in arguments else {})}
    decided = {"allow": "Today: allowed (", "deny": "Today: denied (", None: "Today: cannot be determined without "}
    text = explain(denied, "--rules", rules, *arguments)
    assert decided[today[0]] in text.output
    if today[0] == "allow":
        assert text.output.splitlines()[-1].startswith("Next step: none: the request is allowed today")


def test_with_the_certificate_every_check_is_explained_as_of_the_time_of_the_entry(
    denied: dict[str, Any], explain: Explain
) -> None:
    result = explain(denied, "certs", "--rules", "by_name.json", "--json")
    explained = result.json["explanation"]
    assert (explained["time"], explained["route"]) == (AT, None)
    assert f":{denied['api_id']}/" in explained["stage_arn"]
    assert explained["certificate"]["subject_dn"] == denied["subject_dn"]
    text = explain(denied, "client.pem", "--rules", "by_alternative_name.json", "--policy").output
    assert (
        "Explanation with the certificate, at the time of the entry, under today's configuration\n\nDENIED by" in text
    )
    assert "The function responds\n" in text
    rejected = explain(denied, "client.pem", "--rules", "by_name.json", "--truststore", "client.pem", "--json")
    assert rejected.json["today"] == {"decision": "deny", "why": "by API Gateway: key", "missing": []}
    assert text.count("Next step: ") == text.split("\n\n")[-1].startswith("Next step: ") == 1


def test_a_path_without_parameters_is_the_requested_one(caplog: pytest.LogCaptureFixture, explain: Explain) -> None:
    entry = log_entry(rest_event(CLIENT, "GET", "/reports/1", resource="/reports/1"), BY_NAME, caplog)
    result = explain(entry, "client.pem", "--rules", "by_name.json", "--json")
    assert (result.status, result.json["lacks"], result.json["meaning"]) == (0, [], None)
    assert result.json["explanation"]["route"] == "GET /reports/1"
    text = explain(entry, "--rules", "by_name.json")
    assert text.output.startswith(f"ALLOWED at {AT}\n  Today: allowed (rules acme).\n")
    assert text.output.endswith("Next step: none\n")


def test_the_certificate_of_a_request_without_one_is_not_asked_for(
    caplog: pytest.LogCaptureFixture, explain: Explain
) -> None:
    for sent, count in ((None, 0), ("malformed", 1)):
        entry = log_entry(http_2_0_event(sent, "GET", "/"), BY_NAME, caplog)
        assert explain(entry).words.count("add the certificate to this command") == count


def test_another_certificate_is_noted(denied: dict[str, Any], explain: Explain, tmp_path: Path) -> None:
    missing = f"the certificate of the entry, whose SHA-256 is '{denied['fingerprint']}'"
    one = explain(denied, "other.pem", "--rules", "by_name.json")
    assert f"the certificate given is not {missing}: the client may have renewed it" in one.words
    allowed = explain(denied, "other.pem", ALLOW_ANY_CLIENT_CERTIFICATE="true")
    assert allowed.words.endswith("Next step: check that the certificate given is this client's: it is allowed today")
    many = explain(denied, "others", "client.pem", "others/other.pem", "--rules", "by_name.json", "--json")
    assert many.json["explanation"] is not None
    none = explain(denied, "others", "--rules", "by_name.json", "--json")
    assert (none.json["notes"], none.json["explanation"]) == ([f"none of the files (1) contains {missing}"], None)
    (tmp_path / "others" / "link.pem").symlink_to("/nowhere")
    none = explain(denied, "others", "--rules", "by_name.json", "--json")
    assert none.json["notes"] == [
        f"none of the files (2) contains {missing}",
        "others/link.pem cannot be read: No such file or directory",
    ]


def test_a_changed_configuration_is_noted(denied: dict[str, Any], explain: Explain, tmp_path: Path) -> None:
    same = explain(denied, "--json", AUTHORIZER_RULES=document(PAYMENTS).decode())
    assert same.json["notes"] == []
    changed = explain(denied, "--json", AUTHORIZER_RULES=document(REPORTS).decode())
    changes = "changed after the entry was logged, or another function logged it"
    assert changed.json["notes"] == [f"the variables {changes}"]
    uri = {"AUTHORIZER_RULES_URI": (tmp_path / "by_name.json").as_uri()}
    notes = explain({**denied, "rules_version": "1", "configuration_version": None}, "--json", **uri).json["notes"]
    assert notes == [f"the rules document {changes}"]


@pytest.mark.usefixtures("explain")
def test_selected_fields_are_explained_with_what_the_query_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.csv").write_text("reason,principal,issuer_dn\nno_rule_matched,Ledger,CN=CA\n")
    assert main(["explain", "--log", "results.csv", "--rules", "by_name.json"], {}) == 1
    words = " ".join(capsys.readouterr().out.split())
    assert words.startswith(
        "DENIED by the authorizer: no_rule_matched No rule matched the certificate. Today: cannot be"
    )
    assert "fields that the query did not select, or that are null: decision, rules, subject_dn," in words
    assert "the time of the request: the present time is used" in words
    assert "the requested path: the log contains no route." in words
    (tmp_path / "results.csv").write_text("principal\nLedger\n")
    assert main(["explain", "--log", "results.csv"], {}) == 1
    output = capsys.readouterr().out
    assert output.startswith("LOGGED: the entry does not contain the decision\n")
    assert output.endswith("Next step: get the whole entry: query @message in Logs Insights\n")


def test_an_entry_of_an_older_version_is_explained_with_the_fields_that_it_lacks(
    denied: dict[str, Any], explain: Explain
) -> None:
    logged_by_0_1 = ("decision", "reason", "principal", "issuer_dn", "serial_number", "fingerprint", "route")
    result = explain({name: denied[name] for name in logged_by_0_1}, "--rules", "by_name.json")
    assert "Today: cannot be determined without common_name" in result.words
    lacking = "rules, subject_dn, extended_key_usage, days_to_expiry, api_id, domain_name"
    assert f"fields that another version of the function does not log, or not in this form: {lacking}" in result.words


def test_hostile_and_unknown_values_are_printed_harmlessly(denied: dict[str, Any], explain: Explain) -> None:
    entry = {
        **denied,
        "reason": f"new{NASTY}",
        "subject_dn": "x" * 2045 + "...",
        "principal": NASTY,
        "rules": [NASTY, 1],
        "days_to_expiry": {NASTY: 1},
        "api_id": NASTY,
    }
    result = explain(entry, "client.pem", "--rules", "by_name.json")
    assert (result.status, result.errors) == (1, "")
    assert result.output.isascii()
    assert all(line.isprintable() for line in result.output.split("\n"))
    assert "the end of subject_dn, which is cut off" in result.output
    assert "The reason is unknown to this version of the tools." in result.output


def test_a_line_of_the_log_can_be_copied_with_its_time_and_stream(
    explain: Explain, denied: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = explain(denied, "--rules", "by_name.json").output
    line = f"2026-11-22T00:00:00+00:00 2026/11/22/[1]0a1b {json.dumps(denied)}"
    assert main(["explain", "--log", line, "--rules", "by_name.json"], {}) == 1
    assert capsys.readouterr().out == expected


def test_a_certificate_that_cannot_be_parsed_is_found_in_a_folder(
    explain: Explain, caplog: pytest.LogCaptureFixture
) -> None:
    malformed = pem(certificate_der(name(("CN", "a"))).replace(b"\x55\x04\x03", b"\x55\x04\x83"))
    Path("certs/malformed.pem").write_text(malformed)
    entry = log_entry(http_2_0_event(malformed), BY_NAME, caplog)
    assert entry["reason"] == "lambda_event_clientcert_malformed"
    for given in ("certs", "certs/malformed.pem"):
        result = explain(entry, given, "--rules", "by_name.json")
        assert "cannot be decoded: " in result.words
        assert "the certificate of the entry" not in result.words
    assert "the certificate given is not the certificate of the entry" in explain(entry, "client.pem").words


NEAREST = {
    "another issuer": (
        {"subject": "CN=Ledger,OU=payments,O=Acme", "issuer": "CN=CA,O=Acme"},
        "the nearest is rule 'a': its issuer requires 'CN=CA,O=Acme', and the entry has 'CN=Acme Issuing CA,O=Acme'",
    ),
    "another attribute": (
        {"subject": "CN=Ledger"},
        "the nearest is rule 'a': its subject requires 'CN=Ledger', and the entry has 'CN=Ledger,OU=payments,O=Acme'",
    ),
    "what is not logged": (
        {"common_name": "Ledger", "issuer_key": "00" * 32, "public_key": "00" * 32},
        "rule 'a' requires what the entry has, and public_key, issuer_key, which the log does not contain",
    ),
    "what is not logged, for every client of the issuer": (
        {"issuer": "CN=Acme Issuing CA,O=Acme", "subject_alt_name": "DNS:x.example"},
        None,
    ),
    "another client": ({"common_name": "x"}, None),
    "this client": ({"common_name": "Ledger"}, None),
}


@pytest.mark.parametrize("case", NEAREST)
def test_without_the_certificate_the_nearest_rule_is_named(case: str, explain: Explain, denied: dict[str, Any]) -> None:
    match, nearest = NEAREST[case]
    others = [{"name": f"other-{number}", "match": {"common_name": f"other-{number}"}} for number in range(5)]
    rule = {"name": "a", "match": match, "allow": ["GET /x"]}
    Path("rules.json").write_bytes(document(*others, rule))
    printed = json.loads(explain(denied, "--rules", "rules.json", "--json").output)
    assert printed["nearest_rule"] == nearest
    text = " ".join(explain(denied, "--rules", "rules.json").output.split())
    assert ("earest is rule" in text or "requires what the entry has" in text) is (nearest is not None)
    assert nearest is None or f"{nearest[0].upper()}{nearest[1:]}." in text
    excluded = {**denied, "reason": "certificate_excluded"}
    assert json.loads(explain(excluded, "--rules", "rules.json", "--json").output)["nearest_rule"] is None
    Path("rules.json").write_bytes(document(*others, {**rule, "not": {"organization": "Acme"}}))
    printed = json.loads(explain(denied, "--rules", "rules.json", "--json").output)
    assert printed["nearest_rule"] == (None if case == "what is not logged" else nearest)


def test_an_allowed_request_that_would_be_denied_today_has_a_next_step(
    explain: Explain, denied: dict[str, Any]
) -> None:
    allowed = {**denied, "decision": "allow", "reason": None}
    output = " ".join(explain(allowed, "--rules", "by_alternative_name.json").output.split())
    assert "Next step: none" in output
    output = " ".join(explain({**allowed, "api_id": "z9"}, "--rules", "limited.json").output.split())
    assert "Today: denied (the matching rules are not in effect)." in output
    assert "Next step: the same request would be denied now. To see why, add the certificate to this command" in output


@pytest.mark.usefixtures("explain")
def test_one_of_several_decisions_is_chosen_by_its_request(
    denied: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [{**denied, "request_id": each, "extended_request_id": f"e{each}", "principal": each} for each in "abcd"]

    def run(*arguments: str) -> tuple[int, str]:
        log = "\n".join(map(json.dumps, entries)).encode()
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(log)))
        status = main(["explain", "--log", "-", *arguments], {})
        return status, "".join(capsys.readouterr())

    assert run("--request-id", "c", "--json")[1] == run("--request-id", "ec", "--json")[1]
    assert json.loads(run("--request-id", "c", "--json")[1])["entry"]["principal"] == "c"
    status, errors = run()
    expected = "contains 4 decisions, 4 of them denied: choose one with --request-id, such as 'b', 'c', 'd'"
    assert (status, expected in errors) == (2, True)
    entries[1]["decision"] = entries[3]["decision"] = "allow"
    assert "contains 4 decisions, 2 of them denied: choose one with --request-id, such as 'a', 'c'\n" in run()[1]
    status, errors = run("--request-id", "x")
    expected = "contains 4 decisions, but none with the request ID 'x': write a request_id or extended_request_id from"
    assert (status, expected in errors) == (2, True)
    entries = [{"decision": "allow"}, {"decision": "allow"}]
    assert "contains 2 decisions, 0 of them denied: choose one with --request-id\n" in run()[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--log", '{"type": "platform.start"}'],
            "the text of --log contains no decision: entry 1 has no field 'decision' with 'allow' or 'deny'\n",
        ),
        (
            ["--log", r'{"decision": "denied\u001b"}'],
            "the text of --log contains no decision: the field 'decision' of entry 1 is 'denied\\x1b', not 'allow' or",
        ),
        (
            ["--log", '{"decision": ["allow", null]}'],
            """the text of --log contains no decision: the field 'decision' of entry 1 is '["allow", null]', not""",
        ),
        (["--log", '{"decision":'], "the text of --log is not a log: Expecting value: line 1 column 13"),
        (
            ["--log", "text.log"],
            "text.log contains no decision: entry 1 is not a JSON object. The log format of the function must",
        ),
        (["--log", "[" * 1_000_000], "the text of --log is not a log: it is nested too deeply\n"),
        (["--log", "[]"], "[] cannot be read: No such file"),
        (["--log", '[{"decision": "allow"}, {"decision": "deny"}]'], "the text of --log contains 2 decisions, 1 of"),
        (["--log", '[{"events": []}]'], "the text of --log contains no decision: it has no entries\n"),
        (
            ["--log", '{"results": [[{"field": "@ptr", "value": "x"}]]}'],
            "the text of --log contains no decision: entry 1 has none of the fields decision, fingerprint,",
        ),
        (["--log", '{"queryId": "12ab"}'], "the text of --log is the output of aws logs start-query, not its result: "),
        (["--log", "missing"], "missing cannot be read: No such file or directory"),
        (["--log", "s3://a/b"], "s3://a/b cannot be read: No such file or directory. Here, only files can be named"),
        (["--log", "x", "--csv"], "--log cannot be combined with --csv or --event: the entry names the request"),
        (["--log", "x", "--event", "event.json"], "--log cannot be combined with --csv or --event"),
        (["--log", '{"decision": "allow"}', "event.json"], "--log cannot be combined with an event"),
        (["--log", '{"decision": "allow"}', "missing"], "missing cannot be read: No such file or directory"),
        (["--log", '{"decision": "allow"}', "--route", "x"], "route 'x': write a method"),
        (["client.pem", "--request-id", "x"], "--request-id chooses an entry of a log: name the log with --log"),
    ],
)
@pytest.mark.usefixtures("explain")
def test_mistakes_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *arguments], {}) == 2
    output, errors = capsys.readouterr()
    assert (output, errors.count("\n")) == ("", 1)
    assert errors.startswith(f"mtls-authorizer explain: {message}")


def test_every_reason_has_a_meaning() -> None:
    assert REASONS.keys() == set(DenyReason)


def test_every_unknown_status_has_a_cause_and_a_next_step() -> None:
    assert CAUSES.keys() == set(UnknownReason)
    assert [text for texts in CAUSES.values() for text in texts if not text.isascii() or text.endswith(".")] == []


@pytest.mark.parametrize(
    ("logged", "words"),
    [
        (
            {"revocation_unknown_reason": "stale"},
            ["good, because the CRL has expired.", "CA's current CRL"],
        ),
        ({}, ["No usable CRL proves the certificate good.", "put a valid CRL of its CA"]),
        ({"revocation_unknown_reason": "new"}, ["proves the certificate good.", "put a valid CRL of its CA"]),
        ({"revocation_unknown_reason": 7}, ["proves the certificate good.", "put a valid CRL of its CA"]),
    ],
)
def test_the_cause_of_an_unknown_status_is_explained_if_it_was_logged(
    logged: dict[str, object], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"decision": "deny", "reason": "revocation_status_unknown", "revocation_status": "unknown", **logged}
    assert main(["explain", "--log", json.dumps(entry)], {}) in (0, 1)
    output = " ".join(capsys.readouterr().out.split())
    assert [each for each in words if each not in output] == []
