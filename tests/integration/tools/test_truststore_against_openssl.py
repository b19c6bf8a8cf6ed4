"""The warning about the lines of a truststore, compared with what OpenSSL reads."""

from __future__ import annotations

import subprocess
import textwrap
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.explanation.truststore import read_bundle
from tests.certificate_authorities import CertificateAuthority

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
