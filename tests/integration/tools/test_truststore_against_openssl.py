"""The warnings about a truststore, compared with what OpenSSL reads and verifies."""

from __future__ import annotations

import subprocess
import textwrap
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth.x509.certificate import parse_certificate
from mtls_authorizer_cli.explanation.gateway import GatewayCheck, gateway_findings
from mtls_authorizer_cli.explanation.truststore import read_bundle
from tests.pki import der
from tests.pki.certificate_authorities import IS_A_CA, NOW, CertificateAuthority
from tests.pki.certificates import BASIC_CONSTRAINTS, KEY_USAGE, extension, pem

if TYPE_CHECKING:
    from pathlib import Path

ROOT = CertificateAuthority("Root")


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (ROOT.pem.replace(b"\n", b"\r\n"), 1),
        (ROOT.pem.replace(b"-----\n", b"----- \t\n"), 1),
        (b"subject=CN = Root\n" + ROOT.pem.strip(), 1),
        (ROOT.pem.strip() + ROOT.pem, 0),
        (ROOT.pem.replace(b"\n", rb"\n"), 0),
        (ROOT.pem.replace(b"\n", b" "), 0),
        (ROOT.pem.replace(b"\n", b"%0A").replace(b" ", b"%20"), 0),
        (ROOT.pem.replace(b"\n", b"\r"), 0),
        (textwrap.indent(ROOT.pem.decode(), " ").encode(), 0),
        (b"\xef\xbb\xbf" + ROOT.pem, 1),
    ],
)
def test_boundaries_that_openssl_does_not_read_are_reported(content: bytes, read: int, tmp_path: Path) -> None:
    warnings = read_bundle(content).warnings
    assert [each.partition(" line ")[0] for each in warnings] == ([] if read else ["a BEGIN or END"])
    file = tmp_path / "truststore.pem"
    file.write_bytes(content)
    command = ["openssl", "storeutl", "-noout", "-certs", str(file)]
    output = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    assert f"Total found: {read}" in output


LINES = ROOT.pem.splitlines(keepends=True)


@pytest.mark.parametrize("empty", [b"\n", b"\r\n", b" \t\n"])
@pytest.mark.parametrize("place", range(1, len(LINES)))
def test_an_empty_line_that_openssl_does_not_read_is_reported(place: int, empty: bytes, tmp_path: Path) -> None:
    content = b"".join((*LINES[:place], empty, *LINES[place:]))
    file = tmp_path / "truststore.pem"
    file.write_bytes(content)
    command = ["openssl", "storeutl", "-noout", "-certs", str(file)]
    output = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    expected = [] if "Total found: 1" in output else ["certificate 1 of the truststore has an empty line in it"]
    assert [each.partition(":")[0] for each in read_bundle(content).warnings] == expected
    assert bool(expected) is (place > 1)


NETSCAPE_TYPE = "2.16.840.1.113730.1.1"


def bits(oid: str, octets: bytes) -> bytes:
    return extension(oid, der.bits(octets))


@pytest.mark.parametrize("parent", [None, ROOT], ids=["root", "intermediate"])
@pytest.mark.parametrize(
    "extensions",
    [
        [],
        [IS_A_CA],
        [bits(KEY_USAGE, b"\2")],
        [bits(KEY_USAGE, b"\4")],
        [IS_A_CA, bits(KEY_USAGE, b"\2")],
        [IS_A_CA, bits(KEY_USAGE, b"\6")],
        [bits(NETSCAPE_TYPE, b"\4")],
        [bits(NETSCAPE_TYPE, b"\x80")],
        [IS_A_CA, bits(NETSCAPE_TYPE, b"\x80")],
        [IS_A_CA, extension("1.2.3.4", der.tlv(der.NULL), critical=True)],
        [IS_A_CA, extension("1.2.3.4", der.tlv(der.NULL))],
        *(
            [extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\xff"), der.integer(length)))]
            for length in (0, 1)
        ),
    ],
)
@pytest.mark.parametrize("below", [0, 1])
def test_there_is_a_warning_exactly_if_openssl_rejects_a_ca(
    extensions: list[bytes], parent: CertificateAuthority | None, below: int, tmp_path: Path
) -> None:
    odd = CertificateAuthority("Odd", extensions=extensions, parent=parent)
    issuing = CertificateAuthority("Issuing", parent=odd) if below else odd
    bundle, client = b"".join(dict.fromkeys((ROOT.pem, odd.pem, issuing.pem))), issuing.issue()
    found = gateway_findings(parse_certificate(client), read_bundle(bundle), NOW)
    assert all(finding.passed for finding in found.values())
    (tmp_path / "bundle.pem").write_bytes(bundle)
    (tmp_path / "client.pem").write_text(pem(client))
    time = str(int(NOW.timestamp()))
    command = ["openssl", "verify", "-attime", time, "-CAfile", "bundle.pem", "client.pem"]
    verified = subprocess.run(command, check=False, capture_output=True, cwd=tmp_path)
    assert len(found[GatewayCheck.CHAIN].warnings) == (verified.returncode != 0)
