"""What is told of a public key. That it is what Node tells is tested in test_node_parity.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from client_certificate_auth.public_key import PublicKey, read_public_key

GOLDEN = Path(__file__).parents[1] / "golden" / "certificates"


@pytest.mark.parametrize("kind", ["rsa-pss", "dsa-2048", "ed25519", "ed448", "x25519", "x448"])
def test_nothing_is_told_of_a_key_that_is_neither_rsa_nor_of_an_elliptic_curve(kind: str) -> None:
    certificate = x509.load_pem_x509_certificate((GOLDEN / f"key-{kind}.pem").read_bytes())
    assert read_public_key(certificate) == PublicKey()
