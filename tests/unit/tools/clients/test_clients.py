"""``clients``: clients, their rules, and when their certificates expire."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth import PeerCertificate
from client_certificate_auth.short_names import OID_BY_SHORT_NAME
from mtls_authorizer_cli.explanation.client_match import identifies_client, name_identifies_client
from mtls_authorizer_cli.main import main
from tests.command_results import Result
from tests.pki import der
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import attribute, certificate_der, dns, name, pem, subject_alt_names, uri
from tests.questions import document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., "Result"]

NOW = datetime(2026, 11, 22, tzinfo=UTC)
AT = "2026-11-22T00:00:00Z"
DAY = timedelta(days=1)
SUBJECTS = {"Ledger": name(("O", "Acme"), ("CN", "Ledger")), "Journal": name(("O", "Acme"), ("CN", "Journal"))}
RULES = document(
    {"name": "acme-ledger", "match": {"common_name": "Ledger"}, "allow": ["GET /x"]},
    {"name": "acme-journal", "match": {"common_name": "Journal"}, "not_before": "2030-01-01T00:00:00Z"},
)
COLUMNS = [
    *("client", "issuer_dn", "serial_number", "fingerprint256", "rules", "reason", "state"),
    *("not_after", "days_to_expiry", "expiry_from", "renewed_until", "requests", "last_seen", "files"),
]


def files(result: Result) -> list[tuple[str, str]]:
    """Return the files that are listed, and the states of their certificates."""
    return [(file, each["state"]) for each in result.json["clients"] for file in each["files"]]


def client(subject: str = "Ledger", *, days: float, serial_number: int = 1, issuer: str = "CA") -> bytes:
    """Return a certificate that expires in some days."""
    return certificate_der(
        SUBJECTS[subject],
        name(("CN", issuer)),
        serial_number=der.integer(serial_number),
        not_after=der.time(NOW + days * DAY),
    )


def entry(certificate: bytes, *, at: datetime = NOW, **fields: object) -> dict[str, object]:
    """Return a decision log entry about a certificate, with what the clock says."""
    peer = PeerCertificate.from_pem(pem(certificate))
    return {
        "timestamp": at.isoformat(),
        "decision": "allow",
        "reason": None,
        "rules": ["logged"],
        "principal": "Ledger",
        "subject_dn": peer.subject.rfc4514_string(),
        "issuer_dn": peer.issuer.rfc4514_string(),
        "serial_number": peer.serial_number,
        "fingerprint": peer.fingerprint256,
        "days_to_expiry": (peer.not_after - at).days,
        **fields,
    }


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.json").write_bytes(RULES)
    (tmp_path / "certs").mkdir()

    def run(*arguments: str, at: str = AT, **environment: str) -> Result:
        return Result(main(["clients", "--at", at, *arguments], environment), *capsys.readouterr())

    return run


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    """Return a function that writes certificates to the folder certs, and entries to the file log."""

    def put(*entries: object, **certificates: bytes) -> None:
        for file, content in certificates.items():
            (tmp_path / "certs" / f"{file}.pem").write_text(pem(content))
        if entries:
            (tmp_path / "log").write_text("\n".join(map(json.dumps, entries)))

    return put


@pytest.mark.parametrize(
    ("period", "status", "states"),
    [
        ("29d", 0, []),
        ("30d", 1, ["expiring"]),
        ("4w", 0, []),
        ("5w", 1, ["expiring"]),
        ("0d", 0, []),
    ],
)
def test_expiring_lists_certificates_up_to_the_last_second_of_the_period(
    period: str, status: int, states: list[str], run: Run, put: Callable[..., None]
) -> None:
    put(soon=client(days=30), later=client(days=400, subject="Journal"))
    result = run("certs", "--rules", "rules.json", "--expiring", period, "--json")
    assert result.status == status
    assert files(result) == [("certs/soon.pem", state) for state in states]
    assert (result.json["total"], result.json["expiring"]) == (2, status)


def test_a_certificate_has_expired_from_its_last_second_on(run: Run, put: Callable[..., None]) -> None:
    put(last=client(days=0), earlier=client("Journal", days=-1))
    result = run("certs", "--expiring", "0d", "--json")
    assert (result.status, files(result)) == (1, [("certs/earlier.pem", "expired"), ("certs/last.pem", "expired")])
    assert run("certs", "--expiring", "0d", "--json", at="2026-11-21T23:59:59Z").json["expiring"] == 1
    assert "by 2026-11-22 (now) and" in run("certs", "--expiring", "0d").output
    assert "by 2026-11-23 (in 1 day) and" in run("certs", "--expiring", "1d").output


@pytest.mark.parametrize(
    ("renewal", "state"),
    [
        (client(days=400, serial_number=2), "renewed"),
        (client(days=400, issuer="Other CA"), "renewed"),  # by its rule
        (client(days=50, serial_number=2), "expiring"),
        (client("Journal", days=400), "expiring"),
    ],
)
def test_a_client_with_a_newer_certificate_beyond_the_period_is_renewed(
    renewal: bytes, state: str, run: Run, put: Callable[..., None]
) -> None:
    put(old=client(days=10), new=renewal)
    result = run("certs", "--rules", "rules.json", "--expiring", "60d", "--json")
    assert ("certs/old.pem", state) in files(result)
    assert result.status == (0 if state == "renewed" else 1)


def test_the_same_name_from_another_ca_without_a_rule_in_common_is_another_client(
    run: Run, put: Callable[..., None]
) -> None:
    put(old=client(days=10), other=client(days=400, issuer="Other CA"))
    assert files(run("certs", "--expiring", "60d", "--json")) == [("certs/old.pem", "expiring")]


FIRST, SECOND = ({"serial_number": number, "issuer": "CN=CA"} for number in ("1", "2"))
EXCLUDED = document({"name": "acme-ledger", "match": {"common_name": "Ledger"}, "not": SECOND})
OF_SERIAL_NUMBER_1 = document({"name": "acme-ledger", "match": {"common_name": "Ledger", **FIRST}})
OF_OTHERS = document({"name": "other", "match": {"common_name": "Other"}})


@pytest.mark.parametrize(
    ("rules", "expires_in", "state"),
    [
        (RULES, 10, "renewed"),
        (RULES, -1, "renewed"),
        (EXCLUDED, 10, "expiring"),
        (EXCLUDED, -1, "expired"),
        (OF_SERIAL_NUMBER_1, -1, "expired"),
        # The rules deny the older one as well.
        (OF_OTHERS, 10, "renewed"),
        (OF_OTHERS, -1, "renewed"),
    ],
)
def test_a_newer_certificate_that_the_rules_deny_is_no_renewal(
    rules: bytes, expires_in: int, state: str, run: Run, put: Callable[..., None]
) -> None:
    put(old=client(days=expires_in), new=client(days=400, serial_number=2))
    result = run("certs", "--expiring", "60d", "--json", AUTHORIZER_RULES=rules.decode())
    assert files(result) == [("certs/old.pem", state)]
    assert (result.json["clients"][0]["renewed_until"] is not None) is (state == "renewed")
    assert result.status == (0 if state == "renewed" else 1)


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (None, "renewed"),
        ("route_not_allowed", "renewed"),
        ("rule_not_in_effect", "renewed"),
        ("certificate_not_yet_valid", "renewed"),
        ("revocation_status_unknown", "renewed"),
        ("certificate_revoked", "expired"),
        ("extended_key_usage_not_allowed", "expired"),
        ("no_rule_matched", "expired"),
    ],
)
def test_a_newer_certificate_that_was_denied_in_any_case_is_no_renewal(
    reason: str | None, state: str, run: Run, put: Callable[..., None]
) -> None:
    decision = "deny" if reason else "allow"
    old = entry(client(days=-1), decision="deny", reason="certificate_expired")
    put(old, entry(client(days=400, serial_number=2), decision=decision, reason=reason))
    clients = run("--log", "log", "--expiring", "60d", "--json").json["clients"]
    assert [each["state"] for each in clients] == [state]


def test_a_revoked_certificate_is_no_renewal_of_a_revoked_one(run: Run, put: Callable[..., None]) -> None:
    put(*(entry(client(days=days), decision="deny", reason="certificate_revoked") for days in (10, 400)))
    assert run("--log", "log", "--expiring", "60d", "--json").json["expiring"] == 1


DISTINGUISHING = (
    *("CN", "serialNumber", "UID", "uid", "emailAddress", "mail", "organizationIdentifier", "pseudonym"),
    *("x500UniqueIdentifier", "dnQualifier"),
)


def workload(path: str, *, days: float) -> bytes:
    """Return a certificate with the subject that SPIFFE's implementation gives all workloads."""
    return certificate_der(
        name(("C", "US"), ("O", "SPIRE")),
        serial_number=der.integer(int(days)),
        not_after=der.time(NOW + days * DAY),
        extensions=[subject_alt_names(uri(f"spiffe://a.example/{path}"))],
    )


def test_a_newer_certificate_with_a_subject_that_clients_share_is_not_a_renewal(
    run: Run, put: Callable[..., None]
) -> None:
    old, other = workload("pay", days=10), workload("ship", days=400)
    put(entry(old), entry(other), old=old, other=other)
    result = run("certs", "--expiring", "60d", "--json")
    assert files(result) == [("certs/old.pem", "expiring")]
    assert result.json["clients"][0]["client"] == "O=SPIRE,C=US URI:spiffe://a.example/pay"
    assert [each["state"] for each in run("--log", "log", "--expiring", "60d", "--json").json["clients"]] == [
        "expiring"
    ]
    put(new=workload("pay", days=300))
    assert files(run("certs", "--expiring", "60d", "--json")) == [("certs/old.pem", "renewed")]
    put(entry(old, subject_dn="not a name"), entry(other, subject_dn="not a name"))
    assert run("--log", "log", "--expiring", "60d", "--json").json["expiring"] == 1


def test_clients_are_distinguished_by_the_same_attributes_in_files_and_in_a_log() -> None:
    for short_name, oid in OID_BY_SHORT_NAME.items():
        subject = PeerCertificate.from_pem(pem(certificate_der(name(attribute(oid, "x"))))).subject
        distinguished = identifies_client(subject)
        assert distinguished == (short_name in {*DISTINGUISHING})
        assert name_identifies_client(subject.rfc4514_string()) == distinguished


def test_rules_and_reasons_are_those_of_the_configuration(run: Run, put: Callable[..., None]) -> None:
    put(ledger=client(days=10), journal=client("Journal", days=20), expired=client(days=-1, serial_number=2))
    clients = run("certs", "--rules", "rules.json", "--json").json["clients"]
    assert [(each["files"], each["rules"], each["reason"]) for each in clients] == [
        (["certs/expired.pem"], ["acme-ledger"], "certificate_expired"),
        (["certs/ledger.pem"], ["acme-ledger"], None),
        # A rule that is limited to some APIs or times is shown nevertheless.
        (["certs/journal.pem"], ["acme-journal"], "rule_not_in_effect"),
    ]
    assert {each["reason"] for each in run("certs", "--json").json["clients"]} == {"no_allowlist_configured"}


def test_rules_with_issuer_keys_are_decided_with_the_given_truststore(
    run: Run, put: Callable[..., None], tmp_path: Path
) -> None:
    authority = CertificateAuthority("CA")
    (tmp_path / "truststore.pem").write_bytes(authority.pem)
    put(client=authority.issue(not_after=NOW + DAY))
    (tmp_path / "keys.json").write_bytes(document({"name": "key", "match": {"issuer_key": authority.signer}}))
    arguments = ("certs", "--rules", "keys.json", "--json")
    (denied,) = run(*arguments).json["clients"]
    assert (denied["rules"], denied["reason"]) == ([], "issuer_key_not_allowed")
    listed = run(*arguments, "--truststore", "truststore.pem").json
    assert (listed["clients"][0]["rules"], listed["clients"][0]["reason"]) == (["key"], None)
    assert any("the function needs TRUSTSTORE_URI" in note for note in listed["notes"])
    (tmp_path / "authorizer.env").write_text("LOG_DECISIONS=all")
    # A function without the variable has no truststore, whatever the option is.
    named = run(*arguments, "--truststore", "truststore.pem", "--env-file", "authorizer.env").json
    assert named["clients"][0]["rules"] == []
    assert any(note.startswith("--truststore has no effect") for note in named["notes"])


def test_a_truststore_that_the_configuration_does_not_use_is_in_a_note(
    run: Run, put: Callable[..., None], tmp_path: Path
) -> None:
    authority, other = CertificateAuthority("CA"), CertificateAuthority("other")
    put(client=authority.issue(not_after=NOW + DAY))
    (tmp_path / "truststore.pem").write_bytes(authority.pem)
    (tmp_path / "other.pem").write_bytes(other.pem)
    (tmp_path / "keys.json").write_bytes(document({"name": "key", "match": {"issuer_key": authority.signer}}))
    used = (tmp_path / "other.pem").as_uri()
    arguments = ("certs", "--rules", "keys.json", "--truststore", "truststore.pem", "--json")
    result = run(*arguments, TRUSTSTORE_URI=used).json
    assert result["clients"][0]["rules"] == []
    assert any(note.startswith("--truststore has no effect") for note in result["notes"])
    assert not any("are decided with the truststore of --truststore" in note for note in result["notes"])


def test_the_list_shows_why_a_client_is_denied_although_a_rule_matches(run: Run, put: Callable[..., None]) -> None:
    revoked = entry(client(days=10), decision="deny", reason="certificate_revoked")
    other_route = entry(client(days=20, serial_number=2), decision="deny", reason="route_not_allowed")
    put(revoked, other_route)
    lines = run("--log", "log").output.splitlines()
    assert [line.split()[3] for line in lines if "CN=Ledger" in line] == ["certificate_revoked", "logged"]


EXPECTED = """\
2 of 4 certificates EXPIRED or expiring by 2027-01-21 (in 60 days) and not renewed

EXPIRED: expiry, days, client, rule or deny reason, file or last request
  2026-11-21  -1  CN=Journal,O=Acme  acme-journal  certs/journal.pem

EXPIRING: expiry, days, client, rule or deny reason, file or last request
  2026-12-22  30  DNS:api.example  no_rule_matched  certs/nameless.pem

RENEWED by a newer certificate: expiry, days, client, rule or deny reason, file or last request
  2026-12-02  10  CN=Ledger,O=Acme  acme-ledger  certs/old.pem

NO CERTIFICATE
  certs/readme  is text, but not PEM. Name a certificate in PEM (-----BEGIN CERTIFICATE-----) or DER

Next step: have these certificates renewed, and check the new ones: docs/rotate-a-certificate.md
"""


def test_the_text_has_the_result_first_and_the_next_step_last(
    run: Run, put: Callable[..., None], tmp_path: Path
) -> None:
    nameless = certificate_der(
        name(), extensions=[subject_alt_names(dns("api.example"))], not_after=der.time(NOW + 30 * DAY)
    )
    put(old=client(days=10), new=client(days=400, serial_number=2), journal=client("Journal", days=-1))
    put(nameless=nameless)
    (tmp_path / "certs" / "readme").write_text("text")
    result = run("certs", "--rules", "rules.json", "--expiring", "60d")
    assert (result.status, result.errors) == (1, "")
    assert result.output == EXPECTED
    assert max(map(len, result.output.splitlines())) <= 100


def test_without_expiring_all_clients_are_listed(run: Run, put: Callable[..., None]) -> None:
    put(old=client(days=10))
    result = run("certs", "--rules", "rules.json")
    assert result.status == 0
    assert result.output == (
        "1 certificate, 0 EXPIRED and not renewed\n\n"
        "VALID: expiry, days, client, rule or deny reason, file or last request\n"
        "  2026-12-02  10  CN=Ledger,O=Acme  acme-ledger  certs/old.pem\n\n"
        "Next step: repeat this with --expiring 60d to see which certificates expire within 60 days\n"
    )


def test_csv_has_a_row_for_each_certificate(run: Run, put: Callable[..., None]) -> None:
    put(one=client(days=10), two=client(days=10))
    put(entry(client(days=10), at=NOW - DAY))
    (row,) = csv.DictReader(io.StringIO(run("certs", "--log", "log", "--rules", "rules.json", "--csv").output))
    assert list(row) == COLUMNS
    assert (row["client"], row["rules"], row["state"]) == ("CN=Ledger,O=Acme", "acme-ledger", "valid")
    assert (row["not_after"], row["days_to_expiry"], row["expiry_from"]) == (
        "2026-12-02T00:00:00Z",
        "10",
        "certificate",
    )
    assert row["files"] == "certs/one.pem, certs/two.pem"
    assert (row["requests"], row["last_seen"]) == ("1", "2026-11-21T00:00:00Z")


def test_the_expiry_of_a_logged_certificate_is_known_within_a_day(run: Run, put: Callable[..., None]) -> None:
    certificate = client(days=10.4)
    put(
        entry(certificate, at=NOW, decision="deny", reason="route_not_allowed"),
        entry(certificate, at=NOW - 3.7 * DAY),  # 14.1 days before: the closest to whole days
        entry(certificate, at=NOW - 3.5 * DAY),
    )
    result = run("--log", "log", "--json")
    (logged,) = result.json["clients"]
    assert logged["not_after"] == (NOW + 10.3 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (logged["expiry_from"], logged["requests"]) == ("log", 3)
    assert (logged["last_seen"], logged["reason"]) == (AT, "route_not_allowed")
    assert list(logged) == COLUMNS
    text = run("--log", "log", "--expiring", "60d").output
    assert "  2026-12-02  10  CN=Ledger,O=Acme  logged  seen 2026-11-22\n" in text
    assert (
        "note: the log contains whole days: certificates without a file expire on the day shown, or one day\n" in text
    )


@pytest.mark.parametrize(("days", "state"), [(0.5, "expiring"), (-0.5, "expired"), (-1, "expired")])
def test_a_logged_certificate_has_expired_once_it_must_have(
    days: float, state: str, run: Run, put: Callable[..., None]
) -> None:
    # Logged yesterday, when it had 1, 0 or 0 whole days left.
    put(entry(client(days=days), at=NOW - DAY))
    (logged,) = run("--log", "log", "--expiring", "60d", "--json").json["clients"]
    assert logged["state"] == state


def test_entries_are_counted_that_are_not_about_a_client(run: Run, put: Callable[..., None]) -> None:
    put(
        {"decision": "deny", "reason": "lambda_event_missing_clientcert", "principal": "unauthenticated"},
        {"type": "platform.start"},
        {"decision": "allow", "principal": "p", "days_to_expiry": 3},
        {"decision": "allow", "principal": "q", "days_to_expiry": 10**12, "timestamp": AT},
    )
    result = run("--log", "log", "--json")
    assert (result.status, result.json["unidentified_decisions"], result.json["skipped_entries"]) == (0, 1, 1)
    assert [(each["client"], each["state"]) for each in result.json["clients"]] == [("p", "unknown"), ("q", "unknown")]
    text = run("--log", "log").output
    assert (
        "EXPIRY UNKNOWN: expiry, days, client, rule or deny reason, file or last request\n  unknown    p  not logged\n"
        in text
    )
    assert "note: log entries that are not decisions were skipped: 1\nnote: decisions that name no client" in text
    assert "Next step: none; repeat" in run("--log", "log", "--expiring", "60d").output


def test_a_log_without_clients_says_what_to_do(run: Run, put: Callable[..., None]) -> None:
    others = {"type": "platform.start"}, {"decision": "deny", "reason": "lambda_event_missing_clientcert"}
    put(*others)
    result = run("--log", "log")
    assert (result.status, result.errors) == (0, "")
    assert "note: decisions that name no client (no certificate, or not in the log): 1\n" in result.output
    put(others[0])
    assert run("--log", "log").output.splitlines()[-1] == (
        "Next step: name certificates, or a log with decisions: see docs/clients.md"
    )


NOT_JSON = "entry 1 is not a JSON object. The log format of the function must be JSON"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["wrong"], ""),
        (["wrong/readme"], ""),
        (["--log", "wrong/readme"], f": wrong/readme: {NOT_JSON}"),
        # As the AWS CLI prints it for a wrong log group or time.
        (["--log", "empty.json"], ""),
        (["wrong", "--log", "empty.json"], ""),
    ],
)
def test_inputs_without_certificates_and_decisions_are_an_error(
    arguments: list[str], reason: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "readme").write_text("text")
    (tmp_path / "empty.json").write_text('{"events": [], "searchedLogStreams": []}')
    result = run(*arguments, "--expiring", "60d")
    assert result.status == 2
    message = f"the files contain neither certificates nor decisions{reason}"
    assert result.errors == f"mtls-authorizer clients: {message}\n"
    assert run("missing", "--expiring", "60d").status == 2


def test_a_log_without_decisions_is_a_note_on_the_certificates(
    run: Run, put: Callable[..., None], tmp_path: Path
) -> None:
    put({"type": "platform.start"}, old=client(days=90))
    (tmp_path / "empty.json").write_text('{"events": [], "searchedLogStreams": []}')
    for log, problem in ("empty.json", "it has no entries"), ("log", "log: entry 1 "):
        result = run("certs", "--log", log, "--json")
        assert result.status == 0
        assert any(note.startswith(f"the log contains no decision: {problem}") for note in result.json["notes"])
    assert not any("no decision" in note for note in run("certs", "--json").json["notes"])


def test_documents_that_cannot_be_read_are_notes(run: Run, put: Callable[..., None]) -> None:
    put(old=client(days=10))
    result = run(
        "certs", "--json", CRL_URIS="file:///nowhere/crl", TRUSTSTORE_URI="file:///x", ALLOWED_COMMON_NAMES="Ledger"
    )
    assert any(note.startswith("document refresh failed: file:///nowhere/crl") for note in result.json["notes"])
    assert result.json["clients"][0]["reason"] == "revocation_status_unknown"


def test_a_file_that_cannot_be_read_is_an_error_after_the_list(
    run: Run, put: Callable[..., None], tmp_path: Path
) -> None:
    put(later=client(days=400))
    assert run("certs", "--expiring", "60d").status == 0
    (tmp_path / "certs" / "link.pem").symlink_to("/nowhere")
    result = run("certs", "--expiring", "60d", "--json")
    assert (result.status, result.json["total"]) == (2, 1)
    assert result.errors == (
        "mtls-authorizer clients: the result is incomplete: certs/link.pem cannot be read: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no clients: name files or folders with certificates, or a log with --log"),
        (["certs"], "certs contains no files"),
        (
            ["--log", "x", "--rules", "rules.json"],
            "--function, --env-file, --rules and --truststore are for certificates",
        ),
        (
            ["--log", "x", "--truststore", "x.pem"],
            "--function, --env-file, --rules and --truststore are for certificates",
        ),
        (["--log", "x"], "x cannot be read: No such file or directory"),
        (["rules.json", "--expiring", "60"], "--expiring '60': write a number of days or weeks, such as 60d or 8w"),
        (["rules.json", "--expiring", "9w", "--at", "9999-12-31T00:00:00Z"], "--expiring '9w': write"),
        (["rules.json", "--expiring=-1d"], "--expiring '-1d': write"),
        (["rules.json", "--rules", "missing"], "missing cannot be read: No such file or directory"),
        (
            ["rules.json", "--at", "today"],
            "--at 'today': write a time with its UTC offset, such as 2026-12-01T00:00:00Z",
        ),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, run: Run) -> None:
    result = run(*arguments)
    assert (result.status, result.output, result.errors.count("\n")) == (2, "", 1)
    assert result.errors.startswith(f"mtls-authorizer clients: {message}")
