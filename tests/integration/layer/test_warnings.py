"""Warnings that reach users of the layer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from tests.pki import der
from tests.pki.certificates import certificate_der

WARNED_OF = r"""
import sys, warnings
warnings.simplefilter("error")
from client_certificate_auth import PeerCertificate
_ = PeerCertificate.from_der(bytes.fromhex(sys.argv[1])).x509
for module in ("another", "another.client_certificate_auth.module"):
    try:
        warnings.warn_explicit("heard", UserWarning, "file.py", 1, module)
    except UserWarning as warning:
        print(warning)
"""


def test_warnings_of_cryptography_are_suppressed_and_others_are_not() -> None:
    # cryptography warns of serial numbers that are not positive.
    negative = certificate_der(serial_number=der.integer(-1))
    with pytest.warns(UserWarning, match="serial number"):
        x509.load_der_x509_certificate(negative)
    layer = Path(__file__).parents[3] / "layer"
    command = [sys.executable, "-c", WARNED_OF, negative.hex()]
    environment = {**os.environ, "PYTHONPATH": str(layer)}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (result.stdout, result.stderr) == ("heard\nheard\n", "")
