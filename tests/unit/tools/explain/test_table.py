"""``explain`` for several certificates: the table, CSV and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.main import main
from tests.aws.api_events import http_2_0_event
from tests.command_results import Result
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import NOT_AFTER, NOT_BEFORE, certificate_der, name, pem
from tests.questions import AT, CLIENT, PAYMENTS, REPORTS, document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Explain = Callable[..., "Result"]

CA = CertificateAuthority("Acme Issuing CA", not_before=NOT_BEFORE, not_after=NOT_AFTER)
ISSUED = CA.issue(7, subject=name(("O", "Acme"), ("CN", "Ledger")), not_before=NOT_BEFORE, not_after=NOT_AFTER)
NASTY = "=HYPERLINK(\u202e\u00e9)"
LEDGER = {"ALLOWED_COMMON_NAMES": "Ledger"}
COLUMNS = [
    *("file", "decision", "denied_by", "reason", "rules", "allowed_routes", "subject_dn", "issuer_dn"),
    *("serial_number", "fingerprint256", "not_after", "days_to_expiry", "problem"),
]


EXPECTED = """\
1 of 3 certificates ALLOWED, 2 DENIED; 1 file without a certificate

DENIED: file, reason, expiry, subject
  partners/broken.pem   lambda_event_clientcert_malformed              cannot be decoded: not a c...
  partners/a/other.pem  common_name_not_allowed            2040-01-01  CN==HYPERLINK(\\E2\\80\\AE\\C3...

ALLOWED: file, matching rules, expiry, subject
  partners/ledger.pem  environment  2040-01-01  CN=Ledger,OU=payments,O=Acme

NO CERTIFICATE
  partners/a/key.txt  is text, but not PEM. Name a certificate in PEM (-----BEGIN CERTIFICATE----...

note: API and stage are examples of a REST API, because no authorizer event was given
Next step: to see why, and what to do:
           mtls-authorizer explain partners/broken.pem --at 2026-11-22T00:00:00Z
"""


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explain:
    monkeypatch.chdir(tmp_path)
    for file, content in {
        "partners/ledger.pem": CLIENT,
        "partners/a/other.pem": pem(certificate_der(name(("CN", NASTY)))),
        "partners/a/key.txt": "not a certificate",
        "partners/broken.pem": pem(b"\x30\x00"),
        "both/issued.pem": pem(ISSUED),
        "both/foreign.pem": CLIENT,
        "rules.json": document(REPORTS, PAYMENTS).decode(),
        "truststore.pem": CA.pem.decode(),
        "event.json": json.dumps(http_2_0_event(CLIENT, "GET", "/reports/1")),
        "stage.json": json.dumps(http_2_0_event(CLIENT, routeArn="nonsense")),
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(content)

    def explain(*arguments: str, **environment: str) -> Result:
        return Result(main(["explain", "--at", AT, *arguments], environment), *capsys.readouterr())

    return explain


def test_a_folder_gives_a_table_with_the_result_first_and_the_next_step_last(explain: Explain) -> None:
    result = explain("partners", **LEDGER)
    assert (result.status, result.errors) == (1, "")
    assert result.output == EXPECTED
    assert max(map(len, result.output.splitlines())) <= 100
    assert result.output.isascii()


def test_one_certificate_is_in_the_singular(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "both" / "foreign.pem").unlink()
    assert explain("both", **LEDGER).output.startswith("1 of 1 certificate ALLOWED, 0 DENIED\n")


def test_the_exit_status_is_0_if_all_certificates_are_allowed(explain: Explain) -> None:
    result = explain("both", "partners/ledger.pem", **LEDGER)
    assert result.status == 0
    assert result.output.startswith("3 of 3 certificates ALLOWED, 0 DENIED\n\nALLOWED: ")
    assert result.output.endswith(
        "Next step: mtls-authorizer clients lists the same certificates by expiry: see --expiring\n"
    )


def test_csv_has_a_row_for_each_file_and_no_formulas(explain: Explain) -> None:
    result = explain("partners", "--csv", **LEDGER)
    assert (result.status, result.output.isascii()) == (1, True)
    assert list(result.rows[0]) == COLUMNS
    rows = {row["file"]: row for row in result.rows}
    decisions = {
        file: (row["decision"], row["reason"], row["rules"], row["allowed_routes"]) for file, row in rows.items()
    }
    assert decisions == {
        "partners/broken.pem": ("deny", "lambda_event_clientcert_malformed", "", ""),
        "partners/ledger.pem": ("allow", "", "environment", "all routes"),
        "partners/a/key.txt": ("", "", "", ""),
        "partners/a/other.pem": ("deny", "common_name_not_allowed", "", ""),
    }
    ledger = rows["partners/ledger.pem"]
    assert (ledger["not_after"], ledger["days_to_expiry"]) == ("2040-01-01T00:00:00Z", "4788")
    # No cell begins with what a spreadsheet calculates.
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in result.rows for cell in row.values())


def test_a_file_name_and_a_negative_number_are_no_formulas(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "=1+1.pem").write_text(CLIENT)
    (row,) = explain("=1+1.pem", "--csv", "--at", "2045-01-01T00:00:00Z", **LEDGER).rows
    assert row["file"] == "'=1+1.pem"
    assert int(row["days_to_expiry"]) < 0


def test_nothing_of_a_file_name_or_an_option_is_obeyed_by_a_terminal(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "\x1b[31m.pem").write_text(CLIENT)
    output = explain("folder", "--route", "GET /\x1b[32m").output
    assert r"explain 'folder/\x1b[31m.pem' --route 'GET /\x1b[32m'" in output
    assert output.replace("\n", "").isprintable()


def test_json_is_one_object_with_the_numbers_and_all_certificates(explain: Explain) -> None:
    result = explain("both", "--json", "--rules", "rules.json", "--truststore", "truststore.pem")
    assert (result.status, result.json["allowed"], result.json["denied"]) == (1, 1, 1)
    assert result.json["without_certificate"] == 0
    foreign, issued = result.json["certificates"]
    assert list(issued) == COLUMNS
    assert (issued["decision"], issued["rules"]) == ("allow", ["acme-reports"])
    assert issued["allowed_routes"] == ["GET /reports/*", "* /status"]
    assert (foreign["decision"], foreign["denied_by"], foreign["reason"]) == ("deny", "api_gateway", "key")
    # The rules match nevertheless, but the client may call nothing.
    assert (foreign["rules"], foreign["allowed_routes"]) == (["acme-reports"], [])
    csv_rows = explain("both", "--csv", "--rules", "rules.json", "--truststore", "truststore.pem").rows
    assert [row["allowed_routes"] for row in csv_rows] == ["", "GET /reports/*, * /status"]
    named = explain("both/foreign.pem", "--json", "--rules", "rules.json", "--truststore", "truststore.pem").json
    assert (named["denied_by"], named["reason"], named["allowed_routes"]) == ("api_gateway", None, [])
    text = explain("both", "--rules", "rules.json", "--truststore", "truststore.pem").output
    assert "  both/foreign.pem  API Gateway: key  2040-01-01  CN=Ledger,OU=payments,O=Acme\n" in text


def test_all_certificates_are_asked_about_the_request_of_an_event(explain: Explain) -> None:
    result = explain("both", "event.json", "--rules", "rules.json", "--json")
    assert [each["decision"] for each in result.json["certificates"]] == ["allow", "allow"]
    assert result.json["notes"] == ["the certificates given are used, not the event's"]
    denied = explain("both", "event.json", "--rules", "rules.json", "--route", "GET /other")
    assert (denied.status, denied.output.count("route_not_allowed")) == (1, 2)


def test_one_file_is_explained_and_gives_a_table_only_as_csv(explain: Explain) -> None:
    assert explain("both/issued.pem", **LEDGER).output.startswith("ALLOWED\n")
    assert len(explain("both/issued.pem", "--csv", **LEDGER).rows) == 1


def test_warnings_about_the_truststore_are_noted(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "truststore.pem").write_text(CA.pem.decode(), encoding="utf-16")
    result = explain("both", "--json", "--rules", "rules.json", "--truststore", "truststore.pem")
    assert "the truststore is in UTF-16, and API Gateway requires PEM" in json.loads(result.output)["notes"]
    odd = CertificateAuthority("Odd", not_before=NOT_BEFORE, not_after=NOT_AFTER, extensions=[])
    for file in ("first.pem", "second.pem"):
        (tmp_path / file).write_text(pem(odd.issue()))
    (tmp_path / "truststore.pem").write_bytes(odd.pem)
    result = explain("first.pem", "second.pem", "--json", "--rules", "rules.json", "--truststore", "truststore.pem")
    (warning,) = (note for note in json.loads(result.output)["notes"] if "as a CA: it has no basic constraints" in note)
    assert warning.startswith("openssl verify rejects certificate 1 of the truststore ('CN=Odd')")


def test_documents_that_cannot_be_read_are_noted_once(explain: Explain) -> None:
    result = explain("both", "--json", CRL_URIS="file:///nowhere/crl", TRUSTSTORE_URI="file:///nowhere/pem", **LEDGER)
    notes = [note for note in result.json["notes"] if note.startswith("document refresh failed")]
    assert len(notes) == len(set(notes)) > 0
    assert {each["reason"] for each in result.json["certificates"]} == {"revocation_status_unknown"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["both", "--policy"], "--policy prints the response for one certificate: name one"),
        (["both", "--csv", "--json"], "--csv cannot be combined with --json, --policy or --all"),
        (["both", "stage.json"], "stage.json is JSON (the event's methodArn"),
        (["missing", "rules.json"], "rules.json is a rules document"),
        (["event.json", "--csv"], "event.json is an event: --csv is about files with certificates"),
        (["missing", "event.json"], "missing cannot be read: No such file"),
        (["both", "--function", "a b"], "function 'a b': write its name or ARN"),
        (["both", "--env-file", "missing"], "missing cannot be read: No such file"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, explain: Explain) -> None:
    result = explain(*arguments)
    assert (result.status, result.output) == (2, "")
    assert result.errors.startswith(f"mtls-authorizer explain: {message}")


def test_a_folder_without_any_certificate_is_an_error_after_the_table(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "readme").write_text("text")
    result = explain("wrong", ALLOWED_COMMON_NAMES="Ledger")
    assert result.status == 2
    assert "wrong/readme  is text, but not PEM" in result.output
    assert result.errors == "mtls-authorizer explain: no file contains a certificate, so nothing was decided\n"


@pytest.mark.parametrize("option", [[], ["--csv"], ["--json"]])
def test_files_that_cannot_be_read_are_an_error_after_the_table(
    option: list[str], explain: Explain, tmp_path: Path
) -> None:
    result = explain("partners/ledger.pem", "both/foreign.pem", "missing.pem", *option, **LEDGER)
    assert result.status == 2
    assert "partners/ledger.pem" in result.output
    expected = "the result is incomplete: missing.pem cannot be read: No such file or directory"
    assert result.errors == f"mtls-authorizer explain: {expected}\n"
    (tmp_path / "both" / "link.pem").symlink_to("/nowhere")
    assert explain("both", *option, **LEDGER).status == 2
    # Other files in a folder are no error, whatever their size.
    (tmp_path / "both" / "link.pem").unlink()
    (tmp_path / "both" / "large").write_bytes(bytes(6 * 1024 * 1024 + 1))
    assert explain("both", *option, **LEDGER).status == 0


def test_the_variables_can_come_from_a_file(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "live.env").write_text("ALLOWED_COMMON_NAMES=Ledger\n")
    assert explain("both/issued.pem", "--env-file", "live.env").status == 0
    options = "--env-file live.env --truststore truststore.pem --api-id a1b2c3d4e5 --at 2045-01-01T00:00:00Z"
    result = explain("both", *options.split())
    # On one line: a shell would run the first of two.
    assert f" mtls-authorizer explain both/foreign.pem {options}\n" in result.output
