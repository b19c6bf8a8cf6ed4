"""Certificates that OpenSSL reads, and cryptography does not, with the commands that read a truststore.

node-forge 1.4, PKI.js 4.0 and Erlang/OTP 25 (public_key) made the files in ``other_tools`` with their defaults:
node-forge writes each name as a PrintableString, PKI.js all attributes of a name into one relative distinguished name,
in the order in which they were added, and Erlang the curve of a key into the algorithm of its signatures. ``openssl
verify`` accepts them. They are valid from 2026 to 2049; the keys were not kept.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509

from mtls_authorizer_cli.main import main

FILES = Path(__file__).parent / "other_tools"
NAMES = {"node-forge": "client@partner", "pkijs": "client", "erlang": "client Peer cert"}


@pytest.fixture(params=NAMES)
def tool(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    for certificate in ("ca", "client"):
        with pytest.raises(ValueError, match="error parsing asn1 value"):
            _ = x509.load_pem_x509_certificate((FILES / f"{name}-{certificate}.pem").read_bytes()).issuer
    return name


def files(tool: str) -> tuple[str, str]:
    """Return the files of the truststore and of the client's certificate."""
    return str(FILES / f"{tool}-ca.pem"), str(FILES / f"{tool}-client.pem")


def test_explain_makes_every_check_of_api_gateway(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    truststore, client = files(tool)
    arguments = ["explain", client, "--truststore", truststore, "--at", "2026-12-01T00:00:00Z", "--json"]
    assert main(arguments, {"ALLOWED_COMMON_NAMES": NAMES[tool]}) == 0
    gateway = json.loads(capsys.readouterr().out)["api_gateway"]
    assert [check["verdict"] for check in gateway["checks"]] == ["passed"] * 5
    assert gateway["warnings"] == []


def test_doctor_finds_nothing(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    truststore, client = files(tool)
    assert main(["doctor", "--truststore", truststore, client, "--json"], {}) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_a_rule_for_the_client_names_the_key_of_its_ca(
    tool: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truststore, client = files(tool)
    document = tmp_path / "rules.json"
    document.write_text('{"rules": [{"name": "other", "match": {"common_name": "other"}}]}')
    arguments = ["--from-cert", client, "--truststore", truststore, "--name", "partner", "--allow-all-routes"]
    assert main(["rules", "add", *arguments, "--rules", str(document), "--yes"], {}) == 0
    assert capsys.readouterr().err == ""
    _, rule = json.loads(document.read_text())["rules"]
    assert "issuer_key" in rule["match"]
