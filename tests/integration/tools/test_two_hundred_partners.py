"""Two hundred partners: imported from CSV, explained as a folder; one is rotated to another CA, and one is blocked."""

from __future__ import annotations

import csv
import json
import logging
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.log import get_logger
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer_cli.main import main
from tests.aws.api_events import rest_event
from tests.pki.certificate_authorities import NOW, CertificateAuthority
from tests.pki.certificates import name, pem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


pytestmark = pytest.mark.without_coverage

FAR = NOW.replace(year=2049)
PARTNERS = [f"partner-{number:03}" for number in range(200)]
ROTATED, BLOCKED = "partner-007", "partner-042"
NEW_CERTIFICATE = "partner-007-new"
ROUTES = ["GET /orders/*", "POST /orders"]


class Log(logging.Handler):
    """Keeps the entries of the decision log as Lambda's runtime writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        own = logging.makeLogRecord({}).__dict__
        fields = {key: value for key, value in record.__dict__.items() if key not in own}
        entry = {
            "timestamp": "2026-06-01T12:00:00Z",
            "level": record.levelname,
            "message": record.getMessage(),
            **fields,
        }
        self.lines.append(json.dumps(entry))


def issue(folder: Path, authority: CertificateAuthority, client: str, file: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    certificate = authority.issue(
        len(list(folder.iterdir())) + 1,
        subject=name(("C", "DE"), ("O", f"B\u00e4cker, {client} GmbH"), ("CN", client.removesuffix("-new"))),
        public_key=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        not_after=FAR,
    )
    (folder / f"{file}.pem").write_text(pem(certificate))


def log_requests(folder: Path, environment: dict[str, str], clients: Iterable[str]) -> None:
    """Let the authorizer decide on a request of each client, and write its log."""
    log, authorizer = Log(), Authorizer(load_settings(environment), clock=lambda: NOW)
    get_logger().addHandler(log)
    get_logger().setLevel(logging.INFO)
    try:
        for client in clients:
            certificate = (folder / "certs" / f"{client}.pem").read_text()
            authorizer.authorize(rest_event(certificate, "GET", "/orders/1", resource="/orders/{id}"))
    finally:
        get_logger().removeHandler(log)
        get_logger().setLevel(logging.NOTSET)
    (folder / "log.jsonl").write_text("\n".join(log.lines))


def test_diff_and_what_if_report_exactly_who_was_rotated_and_blocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    certificates = tmp_path / "certs"
    certificates.mkdir()
    authority, successor = (CertificateAuthority(each, not_after=FAR) for each in ("Partner CA", "Partner CA 2"))
    (tmp_path / "truststore.pem").write_bytes(authority.pem + successor.pem)
    environment = {
        "AUTHORIZER_RULES_URI": f"file://{tmp_path}/rules.json",
        "TRUSTSTORE_URI": f"file://{tmp_path}/truststore.pem",
    }

    def run(*arguments: str, status: int) -> Any:  # noqa: ANN401 -- JSON
        assert main([*arguments, "--json"], environment) == status
        return json.loads(capsys.readouterr().out)

    # CSV in, rules out.
    with (tmp_path / "partners.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["name", "certificate", "allow", "context.tenant"])
        for client in PARTNERS:
            issue(certificates, authority, client, client)
            writer.writerow([client, f"certs/{client}.pem", "|".join(ROUTES), client.upper()])
    imported = run("rules", "import", "partners.csv", "--yes", status=0)
    assert [rule["name"] for rule in imported["added"]] == PARTNERS
    assert imported["warnings"] == []

    # The certificates are explained as a folder.
    explained = run("explain", "certs", "--route", "GET /orders/1", status=0)
    assert (explained["allowed"], explained["denied"]) == (200, 0)
    assert [each["rules"] for each in explained["certificates"]] == [[client] for client in PARTNERS]

    # Requests under these rules, also one with a certificate of the new CA, which no rule matches yet.
    issue(certificates, successor, ROTATED, NEW_CERTIFICATE)
    log_requests(tmp_path, environment, [*PARTNERS, NEW_CERTIFICATE])

    # One is rotated and one is blocked, in a copy.
    shutil.copy("rules.json", "new.json")
    new = ("--rules", "new.json", "--yes")
    run("rules", "remove", ROTATED, *new, status=0)
    allow = [option for route in ROUTES for option in ("--allow", route)]
    context = ("--context", f"tenant={ROTATED.upper()}")
    run(
        "rules",
        "add",
        "--from-cert",
        f"certs/{NEW_CERTIFICATE}.pem",
        "--name",
        ROTATED,
        *allow,
        *context,
        *new,
        status=0,
    )
    run("block", f"certs/{BLOCKED}.pem", *new, status=0)

    difference = run("rules", "diff", "rules.json", "new.json", "--certs", "certs", status=1)
    assert [(rule["name"], rule["change"]) for rule in difference["rules"]] == [(ROTATED, "changed")]
    assert [part["part"] for part in difference["rules"][0]["parts"]] == ["match.issuer", "match.issuer_key"]
    assert difference["unchanged_rules"] == 199
    assert len(difference["deny"]["added"]) == 1
    assert {client["file"]: (client["gained"], client["lost"]) for client in difference["clients"]} == {
        f"certs/{NEW_CERTIFICATE}.pem": ([{"routes": ROUTES, "limits": None}], []),
        f"certs/{ROTATED}.pem": ([], [{"routes": ROUTES, "limits": None}]),
        f"certs/{BLOCKED}.pem": ([], [{"routes": ROUTES, "limits": None}]),
    }
    assert difference["unchanged_clients"] == 198

    what_if = run("rules", "what-if", "--log", "log.jsonl", "--rules", "new.json", "--certs", "certs", status=1)
    assert (what_if["decisions"], what_if["unchanged"], what_if["undetermined"]) == (201, 198, [])
    assert {(changed["subject_dn"].partition(",")[0], changed["to"]) for changed in what_if["changed"]} == {
        (f"CN={ROTATED}", "deny"),
        (f"CN={ROTATED}", "allow"),
        (f"CN={BLOCKED}", "deny"),
    }
    assert all(changed["requests"] == 1 for changed in what_if["changed"])

    # The log alone contains no keys, so that it only determines who has lost the rule.
    what_if = run("rules", "what-if", "--log", "log.jsonl", "--rules", "new.json", status=1)
    assert [(changed["subject_dn"].partition(",")[0], changed["to"]) for changed in what_if["changed"]] == [
        (f"CN={ROTATED}", "deny")
    ]
    assert what_if["undetermined"] == [{"missing": ["issuer_key", "public_key"], "requests": 200, "clients": 200}]
