"""What ``explain`` and ``rules check`` say about ``deny``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH, SERVER_AUTH
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.report.json_document import as_json
from mtls_authorizer_cli.explanation.report.text import _NEARLY_DENIES, as_text
from mtls_authorizer_cli.main import main
from tests.pki import der
from tests.pki.certificates import EXTENDED_KEY_USAGE, certificate_der, extension, name, pem
from tests.questions import REPORTS, question

if TYPE_CHECKING:
    from pathlib import Path

DENY = [{"common_name": "nobody"}, {"common_name": "Ledger", "organization": "Acme"}]
DOCUMENT = json.dumps({"rules": [REPORTS], "deny": DENY}).encode()


def test_the_entry_that_denies_is_named_with_its_fields() -> None:
    report = Report(explain(question(rules=DOCUMENT)))
    text = as_text(report)
    assert text.startswith("DENIED")
    assert "denies the certificate in deny[1]" in text
    assert "found 1 of 1, but deny[1] denies the certificate" in " ".join(text.split())
    assert "  NO  deny[1] denies: common_name: requires 'Ledger'; found 'Ledger', and organization:" in text
    assert "deny[0]" not in text
    described = json.loads(as_json(report))
    assert described["reason"] == "certificate_excluded"
    (denial,) = described["rules"]["deny"]
    assert denial["place"] == "deny[1]"
    assert [field["field"] for field in denial["match"]] == ["common_name", "organization"]
    assert all(field["matches"] for field in denial["match"])
    assert [rule["name"] for rule in described["rules"]["matching"]] == ["acme-reports"]


@pytest.mark.parametrize(
    ("entry", "difference", "explanation"),
    [
        ({"common_name": "LEDGER"}, "case", "common_name: requires 'LEDGER' (case differs); found 'Ledger'"),
        (
            {"common_name": "Ledger", "organization": "acme "},
            "case and space",
            "organization: requires 'acme ' (case and space differ); found 'Acme'",
        ),
        ({"common_name": '"Ledger"'}, "characters", """requires '"Ledger"' (characters differ); found 'Ledger'"""),
        (
            {"issuer": "O=Acme,CN=Acme Issuing CA"},
            "reverse order",
            "requires 'O=Acme,CN=Acme Issuing CA' (in reverse order); found 'CN=Acme Issuing CA,O=Acme'",
        ),
        (
            {"serial_number": "4328719365", "issuer": "CN=Acme Issuing CA,O=Acme"},
            "decimal",
            "serial_number: requires '4328719365' (in decimal); found '102030405'",
        ),
        ({"serial_number": "4328719366", "issuer": "CN=Acme Issuing CA,O=Acme"}, None, ""),
        ({"common_name": "LEDGER", "organization": "Other"}, None, ""),
        ({"common_name": "nobody"}, None, ""),
    ],
)
def test_an_entry_that_nearly_denies_is_named_with_the_differing_fields(
    entry: dict[str, str], difference: str | None, explanation: str
) -> None:
    document = json.dumps({"rules": [REPORTS], "deny": [{"common_name": "nobody"}, entry]}).encode()
    report = Report(explain(question(rules=document)))
    assert report.explanation.allowed
    verdict, *_ = as_text(report).split("\n\n")
    assert ("deny[1] does not deny" in verdict) is (difference is not None)
    details = " ".join(as_text(report).partition("--  deny[1] ")[2].partition("\n  ok")[0].split())
    assert details.startswith(_NEARLY_DENIES) is (difference is not None)
    # Fields that match would hide the one that does not.
    assert explanation in details
    assert details.count("requires") == (difference is not None)
    rules = json.loads(as_json(report))["rules"]
    assert rules["deny"] == []
    if difference is None:
        assert rules["nearly_deny"] == []
    else:
        (denial,) = rules["nearly_deny"]
        assert denial["place"] == "deny[1]"
        assert [field["closest"]["difference"] for field in denial["match"] if not field["matches"]] == [difference]


def test_a_serial_number_of_any_length_is_compared_with_decimal_numbers() -> None:
    for digits, difference in ((64, "decimal"), (66, None)):
        number = 16**digits - 1
        certificate = pem(certificate_der(serial_number=der.integer(number)))
        listed = {"ALLOWED_SERIAL_NUMBERS": str(number), "ALLOWED_ISSUERS": "CN=Test CA"}
        explained = explain(question(certificate, RuleSet(load_settings(listed).rules))).rules
        assert explained is not None
        (failing,) = explained.nearest[0].failing
        assert (failing.nearest and failing.nearest.difference) == difference


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (SERVER_AUTH, "-- extended key usage skipped: the rules deny the certificate first (certificate_excluded)"),
        (
            CLIENT_AUTH,
            "ok extended key usage requires clientAuth, if the certificate has the extension; found clientAuth",
        ),
    ],
    ids=["other usages", "the required usages"],
)
def test_missing_usages_of_a_denied_certificate_are_not_reported_as_passed(usage: str, expected: str) -> None:
    certificate = pem(
        certificate_der(
            name(("CN", "nobody")), extensions=[extension(EXTENDED_KEY_USAGE, der.sequence(der.oid(usage)))]
        )
    )
    text = as_text(Report(explain(question(certificate, DOCUMENT))))
    assert text.startswith("DENIED by the authorizer: certificate_excluded\n")
    assert expected in " ".join(text.split())


def test_a_document_that_only_denies_is_explained() -> None:
    denied = as_text(Report(explain(question(rules=json.dumps({"deny": DENY[1]}).encode()))))
    assert "denies the certificate in deny," in denied
    other = as_text(Report(explain(question(rules=json.dumps({"deny": DENY[0]}).encode()))))
    assert "There is no rule, so every client is denied." in other


def test_values_in_deny_are_checked_like_those_of_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.json"
    path.write_text('{"deny": [\n{"common_name": "a"},\n{"common_name": " b"}]}')
    assert main(["rules", "check", str(path)], {}) == 0
    output, errors = capsys.readouterr()
    assert errors == f"{path}:3: warning: deny[1].common_name starts or ends with whitespace: ' b'\n"
    assert output == f"{path}: 0 rules, 2 blocked clients, 1 warning\n"
