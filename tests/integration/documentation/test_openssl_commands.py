"""The openssl commands on the pages run, and print names in the spelling that rules need."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.decisions import decision_on
from tests.unit.documentation.markdown import fences

if TYPE_CHECKING:
    from pathlib import Path


ANYONE = {
    "ALLOW_ANY_CLIENT_CERTIFICATE": "true",
    "CRL_URIS": "file:///ca.crl",
    "TRUSTSTORE_URI": "file:///truststore.pem",
}


def openssl_commands(page: str) -> list[str]:
    """Return the commands of a page, with continued lines joined."""
    text = "\n".join(re.sub(r" *\\\n *", " ", fence.text) for fence in fences("sh") if fence.page == page)
    lines = map(str.strip, text.splitlines())
    return [line for line in lines if line.startswith(("openssl ", "mkdir "))]


def run(command: str, folder: Path) -> str:
    result = subprocess.run(["/bin/sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the tutorial's CA and clients were created."""
    folder = tmp_path_factory.mktemp("tutorial")
    for command in openssl_commands("docs/tutorial.md"):
        run(command, folder)
    for file in ("partner.pem", "partner-new.pem"):
        shutil.copy(folder / "staging" / "alpha.pem", folder / file)
    return folder


def allowed(client: Path, **variables: str) -> bool:
    certificate = PeerCertificate.from_pem(client.read_text())
    return decision_on(certificate, load_settings(variables), datetime.now(UTC)).allowed


def test_the_tutorials_clients_are_allowed_and_denied(folder: Path) -> None:
    assert allowed(folder / "staging/alpha.pem", ALLOWED_COMMON_NAMES="alpha")
    assert not allowed(folder / "staging/mallory.pem", ALLOWED_COMMON_NAMES="alpha")


def test_serial_number_and_issuer_are_printed_as_rules_need_them(folder: Path) -> None:
    (command,) = openssl_commands("docs/block-a-client-now.md")
    printed = dict(line.split("=", 1) for line in run(command, folder).splitlines())
    excluded = {"serial_number": printed["serial"], "issuer": printed["issuer"]}
    for exclusions, expected in (([], True), ([excluded], False)):
        rule = {"name": "partner", "match": {"organization": "Staging"}} | ({"not": exclusions} if exclusions else {})
        assert allowed(folder / "partner.pem", AUTHORIZER_RULES=json.dumps({"rules": [rule]})) is expected


def test_the_fingerprint_is_printed_as_rules_need_it(folder: Path) -> None:
    command, _ = openssl_commands("docs/rotate-a-certificate.md")
    fingerprint = run(command, folder).strip().partition("=")[2]
    assert allowed(folder / "partner-new.pem", ALLOWED_FINGERPRINTS=fingerprint)


def test_the_key_of_a_client_is_printed_as_rules_need_it(folder: Path) -> None:
    _, command = openssl_commands("docs/rotate-a-certificate.md")
    printed = run(command, folder).split()[-1]
    rule = {"name": "partner", "match": {"public_key": printed}}
    assert allowed(folder / "partner-new.pem", AUTHORIZER_RULES=json.dumps({"rules": [rule]}))
    assert not allowed(folder / "staging/mallory.pem", AUTHORIZER_RULES=json.dumps({"rules": [rule]}))


def test_the_dates_of_a_crl_are_printed(folder: Path) -> None:
    key = serialization.load_pem_private_key((folder / "staging/ca.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate((folder / "staging/truststore.pem").read_bytes())
    now = datetime.now(UTC)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.subject)
        .last_update(now)
        .next_update(now + timedelta(days=1))
        .add_extension(x509.CRLNumber(7), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "issuing-ca.crl").write_bytes(crl.public_bytes(serialization.Encoding.DER))
    (command,) = openssl_commands("docs/stale-crl.md")
    printed = run(command, folder)
    for expected in ("CN = Staging CA", "lastUpdate=", "nextUpdate=", "crlNumber="):
        assert expected.replace(" ", "") in printed.replace(" ", "")


def test_the_key_of_a_ca_is_printed_as_the_setting_needs_it(folder: Path) -> None:
    bundle = (folder / "staging/truststore.pem").read_bytes()
    (command,) = openssl_commands("docs/revocation.md")
    run(
        "openssl genpkey -algorithm RSA-PSS -out pss.key && openssl req -x509 -key pss.key -subj /CN=x -out pss.pem",
        folder,
    )
    for content in (bundle, (folder / "pss.pem").read_bytes()):
        (folder / "ca.pem").write_bytes(content)
        printed = run(command, folder).split()[0]
        (authority,) = read_truststore(content).authorities
        assert printed in authority.key_digests
        load_settings({**ANYONE, "CRL_EXEMPT_ISSUERS": printed})


def test_a_request_for_a_client_certificate_is_made_and_its_serial_number_printed(folder: Path) -> None:
    request, serial = openssl_commands("docs/aws-private-ca.md")
    run(request, folder)
    csr = x509.load_pem_x509_csr((folder / "client.csr").read_bytes())
    assert csr.subject.rfc4514_string() == "CN=revocation-test,O=Acme"
    shutil.copy(folder / "partner.pem", folder / "client.pem")
    assert re.fullmatch(r"serial=[0-9A-F]+\n", run(serial, folder))


def test_every_openssl_command_on_the_pages_is_run_here() -> None:
    pages = {
        "aws-private-ca",
        "tutorial",
        "block-a-client-now",
        "rotate-a-certificate",
        "stale-crl",
        "revocation",
    }
    assert {fence.page for fence in fences("sh") if "openssl " in fence.text} == {f"docs/{page}.md" for page in pages}
