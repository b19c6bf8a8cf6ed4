"""CRLs that other tools than those of the rest of the tests make with their defaults.

The files in ``other_tools`` are a CA and a CRL each, made by GnuTLS 3.7 (certtool), NSS 3.87 (crlutil), strongSwan 5.9
(pki), OpenJDK 17 (keytool), Bouncy Castle 1.72, Go 1.19, jsrsasign 11, crlbuilder 0.10, phpseclib 3.0 and cfssl 1.2.
The keys were not kept. ``bouncycastle`` names the issuer in other string types and another case, and ``adcs`` has the
extensions of Microsoft's CA. ``openssl verify`` accepts all of them, cfssl's after ``base64 -d``.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from client_certificate_auth.x509.der import SEQUENCE, header
from mtls_authorizer.revocation.crl.encoding import crl_der
from mtls_authorizer.revocation.crl.reader import find_problem, verify_with_entries
from mtls_authorizer.revocation.crl.rejection import CrlError
from mtls_authorizer.revocation.truststore.bundle import read_truststore

FILES = Path(__file__).parent / "other_tools"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
VERSION = "its CA must set version 2, whose number is 1"


@pytest.mark.parametrize(
    ("tool", "revoked", "problem"),
    [
        ("gnutls", {0x4DD48DB352A2D20D4D6D6DC997FE577A4A76D0F0, 0xFF}, None),
        ("strongswan", {0xA01, 0x80}, None),
        ("keytool", {0x40E0C5CB2DE5AF25, 0xCD453C75E3AB3496}, None),
        ("bouncycastle", {5001}, None),
        ("adcs", {5001, 0x5C0000001B2B3C4D5E6F70819200000000001B}, None),
        ("go", {5001, 5002, -5}, None),
        ("jsrsasign", {5001, 0x1FFF}, None),
        # Its number and its reasons are bytes, not in DER.
        ("nss", {23, 24}, "the CRL number cannot be read, is negative, or has more than 20 octets"),
        (
            "crlbuilder",
            {0x6B0B80AD9891813A, 0x6B0B80AD7DDBA44F},
            f"the CRL states another version than 2 (version 1 is not stated in DER): {VERSION}",
        ),
        ("phpseclib", {5001}, f"the CRL is of version 1, but has extensions, which version 2 introduced: {VERSION}"),
    ],
)
def test_a_crl_revokes_and_either_proves_others_good_or_says_why_not(
    tool: str, revoked: set[int], problem: str | None
) -> None:
    truststore = read_truststore((FILES / f"{tool}-ca.pem").read_bytes())
    crl, entries = verify_with_entries((FILES / f"{tool}.crl").read_bytes(), truststore)
    assert set(entries.serial_numbers()) == revoked
    assert all(map(crl.is_revoked, revoked))
    assert not crl.is_revoked(77)
    found = find_problem(crl, truststore, NOW)
    assert (found and str(found)) == problem


@pytest.mark.parametrize("size", [130, 300, 40_000, 70_000])
def test_base64_without_begin_and_end_lines_is_recognized(size: int) -> None:
    content = base64.b64encode(header(SEQUENCE, size) + bytes(size))
    for each in (content, (FILES / "cfssl.crl").read_bytes()):
        with pytest.raises(CrlError, match=r"looks like base64 without its BEGIN and END lines.* Decode it: base64 -d"):
            crl_der(each)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_pem_in_utf_16_is_recognized(encoding: str) -> None:
    text = (FILES / "gnutls.crl").read_text(encoding="ascii")
    with pytest.raises(CrlError, match="it is in UTF-16, as PowerShell writes it: save it in ASCII"):
        crl_der(text.encode(encoding) if encoding == "utf-16" else f"\ufeff{text}".encode(encoding))


def test_text_that_begins_like_base64_is_not_taken_for_it() -> None:
    with pytest.raises(CrlError, match="0 PEM blocks, and it begins with 'MIT License "):
        crl_der(b"MIT License (Expat)")
