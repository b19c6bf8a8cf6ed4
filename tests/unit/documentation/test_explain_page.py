"""The pages on ``explain`` and ``clients`` show what these commands print."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.clients.report import CSV_COLUMNS as CLIENT_COLUMNS
from mtls_authorizer_cli.explain.table import CSV_COLUMNS
from mtls_authorizer_cli.explanation.result import Verdict
from mtls_authorizer_cli.main import main
from tests.pki import der
from tests.pki.certificates import certificate_der, client_pem, name, pem
from tests.unit.documentation.markdown import codes, fences, first_column, section

if TYPE_CHECKING:
    from pathlib import Path

EXPLAIN, CLIENTS = "docs/explain.md", "docs/clients.md"
AT = "2026-11-22T00:00:00Z"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LISTS = {"ALLOWED_COMMON_NAMES": "billing, ledger, orders, returns"}
ENTRY: dict[str, object] = {
    "timestamp": AT,
    "decision": "deny",
    "reason": "common_name_not_allowed",
    "rules": [],
    "principal": "Ledger",
    "subject_dn": "CN=Ledger,OU=payments,O=Acme",
    "issuer_dn": "CN=Acme Issuing CA,O=Acme",
    "serial_number": "0102030405",
    "fingerprint": None,
    "extended_key_usage": None,
    "days_to_expiry": 4788,
    "route": "GET /payments/{id}",
    "api_id": "a1b2c3d4e5",
    "domain_name": None,
    "request_id": "c6af9ac6-7b61",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with the files of the examples."""
    monkeypatch.chdir(tmp_path)
    issuer = name(("O", "Acme"), ("CN", "Acme Issuing CA"))
    client = pem(certificate_der(name(("O", "Acme"), ("OU", "payments"), ("CN", "Ledger")), issuer))
    soon = certificate_der(name(("O", "Acme"), ("CN", "orders")), issuer, not_after=der.time(NOW + timedelta(days=30)))
    (tmp_path / "certificates").mkdir()
    for file, content in {
        "client.pem": client,
        "entry.json": json.dumps(ENTRY),
        "certificates/ledger.pem": client,
        "certificates/orders.pem": pem(soon),
        "certificates/returns.pem": client_pem(("O", "Acme"), ("CN", "returns")),
        "certificates/readme.txt": "The certificates of our partners.",
    }.items():
        (tmp_path / file).write_text(content)
    return tmp_path


@pytest.mark.parametrize(
    ("page", "arguments", "status", "shown"),
    [
        (EXPLAIN, ["explain", "client.pem"], 1, "What the authorizer checks"),
        (EXPLAIN, ["explain", "certificates"], 1, "certificates ALLOWED"),
        (EXPLAIN, ["explain", "--log", "entry.json"], 1, "Log entry"),
        (CLIENTS, ["clients", "certificates", "--expiring", "60d"], 1, "EXPIRING"),
    ],
)
def test_an_example_is_what_the_command_prints(
    page: str, arguments: list[str], status: int, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--at", AT], LISTS) == status
    (example,) = (fence.text for fence in fences("text") if fence.page == page and shown in fence.text)
    assert capsys.readouterr().out.rstrip() == example.rstrip()
    assert page == CLIENTS or f'ALLOWED_COMMON_NAMES="{LISTS["ALLOWED_COMMON_NAMES"]}"' in section(
        page, "One certificate"
    )


def test_every_key_of_the_json_for_one_certificate_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    rules = {
        "rules": [
            {"name": "other", "match": {"organization": "Other"}},
            {"name": "nobody", "match": {"common_name": "ledger"}, "not": {"organization": "Other"}},
        ]
    }
    main(["explain", "client.pem", "--at", AT, "--json"], {"AUTHORIZER_RULES": json.dumps(rules)})
    explained = json.loads(capsys.readouterr().out)
    assert sorted(first_column(EXPLAIN, "JSON output")) == sorted(explained)
    documented = set(codes(section(EXPLAIN, "JSON output")))
    rule = explained["rules"]["nearest"][0]
    for part in (explained["certificate"], explained["api_gateway"], explained["checks"][0], explained["rules"], rule):
        assert part.keys() <= documented
    assert {key for each in explained["rules"]["nearest"] for field in each["match"] for key in field} <= documented
    assert {verdict.value for verdict in Verdict} <= documented


@pytest.mark.parametrize(
    ("arguments", "page", "heading"),
    [
        (["explain", "certificates"], EXPLAIN, "Many certificates"),
        (["explain", "--log", "entry.json"], EXPLAIN, "A log entry"),
        (["clients", "certificates"], CLIENTS, "Output"),
    ],
)
def test_every_other_key_is_documented(
    arguments: list[str], page: str, heading: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*arguments, "--at", AT, "--json"], LISTS)
    documented = set(codes(section(page, heading)))
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() - {"version"} <= documented
    for part in (printed.get("certificates"), printed.get("clients"), [printed.get("today") or {}]):
        assert {key for each in part or [] for key in each} <= documented


def test_every_column_is_documented() -> None:
    assert set(CSV_COLUMNS) <= set(codes(section(EXPLAIN, "Many certificates")))
    assert list(CLIENT_COLUMNS) == first_column(CLIENTS, "Output")
