"""The tables of the parser, compared with the OpenSSL on this machine."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.elliptic_curves import NAMED_CURVES, PRIME_CURVES
from client_certificate_auth.x509.handled_extensions import HANDLED
from client_certificate_auth.x509.public_key import read_public_key
from tests.pki import der
from tests.unit.layer.x509.test_extensions import OTHERS, VALUES

if TYPE_CHECKING:
    from pathlib import Path


def test_the_handled_extensions_are_those_that_openssl_handles_in_a_verification(openssl: str, tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA")])

    def issue(subject: str, value: x509.ExtensionType, path: Path) -> None:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            issuer_name=ca_name,
            subject_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=1),
            not_valid_after=now + timedelta(days=1),
        )
        path.write_bytes(builder.add_extension(value, critical=True).sign(key, None).public_bytes(Encoding.PEM))

    issue("CA", x509.BasicConstraints(ca=True, path_length=None), tmp_path / "ca.pem")
    handled = {}
    for oid, value in {**OTHERS, **{oid: readable[0] for oid, (readable, _) in VALUES.items()}}.items():
        issue("client", x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), tmp_path / "client.pem")
        result = subprocess.run(
            [openssl, "verify", "-CAfile", tmp_path / "ca.pem", tmp_path / "client.pem"],
            capture_output=True,
            text=True,
            check=False,
        )
        handled[oid] = "unhandled critical extension" not in result.stderr
    assert handled == {**dict.fromkeys(OTHERS, False), **dict.fromkeys(HANDLED, True)}


def test_openssl_req_writes_control_characters_for_some_letters_unless_it_has_utf8(
    openssl: str, tmp_path: Path
) -> None:
    organization = "Süß GmbH"
    key = f"{tmp_path}/key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", key, "-subj", f"/O={organization}"]
    for options, written, controls in (
        ([], organization.encode().decode("latin-1"), True),
        (["-utf8"], organization, False),
    ):
        result = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
        subject = PeerCertificate.from_pem(result.stdout).subject
        assert (subject.O, subject.has_control_characters) == (written, controls)


def test_the_curves_are_those_of_openssl(openssl_of_node: str) -> None:
    path = openssl_of_node
    listing = subprocess.run([path, "ecparam", "-list_curves"], capture_output=True, text=True, check=True).stdout
    curves = set(re.findall(r"^\s+(\S+)\s*:", listing, re.MULTILINE))
    # Without an OID, and of a kind of key of its own.
    assert curves - {name for name, _, _ in NAMED_CURVES.values()} == {"Oakley-EC2N-3", "Oakley-EC2N-4", "SM2"}
    for oid, (name, nist_name, bits) in NAMED_CURVES.items():
        command = [path, "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{name}", "-outform", "DER"]
        key = subprocess.run(command, capture_output=True, check=True).stdout
        text = subprocess.run(
            [path, "pkey", "-inform", "DER", "-text", "-noout"], input=key, capture_output=True, check=True
        ).stdout.decode()
        assert f"Private-Key: ({bits} bit)" in text
        assert f"ASN1 OID: {name}" in text
        assert re.findall("NIST CURVE: (.*)", text) == ([nist_name] if nist_name else [])
        public = subprocess.run(
            [path, "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], input=key, capture_output=True, check=True
        ).stdout
        facts = read_public_key(public)
        assert der.oid(oid) in public
        assert (facts.bits, facts.asn1_curve, facts.pubkey) == (bits, name, public[-len(facts.pubkey or b"") :])
    assert set(PRIME_CURVES) <= {name for name, _, _ in NAMED_CURVES.values()}
