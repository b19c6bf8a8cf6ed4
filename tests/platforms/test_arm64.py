"""The built arm64 layer and the authorizer under each arm64 Python, compared with x86_64."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from distribution.layer_builder.contents import assemble_function
from distribution.layer_builder.interpreters import find_interpreters
from distribution.project import ROOT
from tests.platforms.arm64 import VERSIONS, arm64_python
from tests.platforms.debian import NotDebianError
from tests.platforms.debian_python import unpack_python

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHONS = Path(os.environ.get("PYTHONS", ROOT / ".pythons"))
SCRIPT = Path(__file__).parent / "layer_results.py"
GOLDEN = [path.read_text() for path in sorted((ROOT / "tests/golden/certificates").glob("*.pem"))]
# Emulation takes many times as long. `make test` compares another part of the certificates with each Python,
# and `make test-arm64` all of them.
SHARES = 1 if os.environ.get("ALL_CERTIFICATES") else len(VERSIONS)
DAY = timedelta(days=1)

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="compares arm64 with this machine's x86_64")


class Authority(NamedTuple):
    """A CA in PEM, its CRL in DER, and two clients: a valid one, and a revoked one."""

    pem: str
    crl: bytes
    clients: list[str]


def make_authority(common_name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Authority:
    ca = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    client = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.now(UTC)

    def issue(subject: x509.Name, serial_number: int, *, is_ca: bool) -> str:
        constraints = x509.BasicConstraints(ca=is_ca, path_length=None)
        builder = x509.CertificateBuilder(ca, subject, key.public_key(), serial_number, now - DAY, now + DAY)
        signed = builder.add_extension(constraints, critical=True).sign(key, hashes.SHA256())
        return signed.public_bytes(Encoding.PEM).decode()

    revoked = x509.RevokedCertificateBuilder(3, now - DAY).build()
    crl = x509.CertificateRevocationListBuilder(ca, now - DAY, now + DAY, [], [revoked]).sign(key, hashes.SHA256())
    clients = [issue(client, serial_number, is_ca=False) for serial_number in (2, 3)]
    return Authority(issue(ca, 1, is_ca=True), crl.public_bytes(Encoding.DER), clients)


def run(
    python: Sequence[str | Path], folders: list[Path], pems: list[str], environment: dict[str, str]
) -> dict[str, Any]:
    """Return the results for certificates from the layer and the authorizer in these folders."""
    result = subprocess.run(
        [*python, "-I", "-S", "-B", SCRIPT, *folders],
        input=json.dumps(pems),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def effect_of(result: dict[str, Any]) -> str | None:
    """Return Allow or Deny, None for an exception."""
    answer = result["answer"]
    return answer["policyDocument"]["Statement"][0]["Effect"] if isinstance(answer, dict) else None


@pytest.mark.parametrize("version", VERSIONS)
def test_all_results_are_the_same_as_on_x86_64(version: str, unpacked_layers: Path, tmp_path: Path) -> None:
    try:
        arm64 = arm64_python(PYTHONS, version)
        x86_64 = find_interpreters().get(version) or unpack_python(PYTHONS, version, "x86_64")
    except NotDebianError as reason:
        pytest.skip(str(reason))

    authorities = {
        "ecdsa": make_authority("ECDSA", ec.generate_private_key(ec.SECP256R1())),
        "rsa": make_authority("RSA", rsa.generate_private_key(65537, 2048)),
    }
    for name, authority in authorities.items():
        (tmp_path / name).write_bytes(authority.crl)
    truststore = tmp_path / "truststore.pem"
    truststore.write_text("".join(authority.pem for authority in authorities.values()))
    environment = {
        "ALLOWED_COMMON_NAMES": "client",
        "CRL_URIS": ",".join((tmp_path / name).as_uri() for name in authorities),
        "TRUSTSTORE_URI": truststore.as_uri(),
        # The CA of the golden certificates has no CRL.
        "CRL_FAILURE_MODE": "allow",
    }
    share = GOLDEN[VERSIONS.index(version) % SHARES :: SHARES]
    pems = [*share, *(client for authority in authorities.values() for client in authority.clients)]
    assemble_function(ROOT / "authorizer/mtls_authorizer", tmp_path / "function", version, lambda _step: None)

    def run_with(python: Sequence[str | Path], architecture: str) -> dict[str, Any]:
        return run(python, [unpacked_layers / architecture / "python", tmp_path / "function"], pems, environment)

    here, there = run_with([x86_64], "x86_64"), run_with(arm64, "arm64")
    assert (here["machine"], there["machine"]) == ("x86_64", "aarch64")
    assert here["version"] == there["version"] == version
    for result, expected in zip(there["results"], here["results"], strict=True):
        assert result == expected

    # The comparison covers what it is meant to.
    golden, clients = there["results"][: len(share)], there["results"][len(share) :]
    assert {effect_of(result) for result in golden} == {"Allow", "Deny", None}
    assert any("malformed" in result for result in golden)
    helped = [result for result in golden if result.get("helpers", {}).get("allow_fingerprints") == [True, False]]
    assert len(helped) > 0.75 * len(share)
    assert [effect_of(result) for result in clients] == ["Allow", "Deny"] * len(authorities)
    assert {result["answer"]["context"]["reason"] for result in clients[1::2]} == {"certificate_revoked"}
