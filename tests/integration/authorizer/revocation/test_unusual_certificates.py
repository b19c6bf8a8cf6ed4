"""The revocation of certificates with unusual strings, issuers and extensions, through the handler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.reasons import DenyReason
from tests.aws.api_events import rest_event
from tests.entry_point import start
from tests.pki import der
from tests.pki.certificate_authorities import ALGORITHMS, DAY, CertificateAuthority, entry
from tests.pki.certificates import pem
from tests.pki.kept_lists import NOW

FOLDER = Path(__file__).parent / "certificates"
NAMES = sorted(path.name for path in FOLDER.glob("*.pem"))
DENIED_ANYWAY = {"irrelevant-extension-names.pem", "irrelevant-extension-usage.pem"}
"""Their identifying extensions cannot be read."""

REVOKED, UNKNOWN = DenyReason.CERTIFICATE_REVOKED, DenyReason.REVOCATION_STATUS_UNKNOWN


pytestmark = pytest.mark.usefixtures("empty_environment")


def reissued(name: str) -> tuple[CertificateAuthority, str]:
    """Return a CA with the name of a certificate's issuer, and the certificate as this CA would have signed it."""
    fields = PeerCertificate.from_pem((FOLDER / name).read_text()).fields
    (algorithm,) = (each for each in ALGORITHMS.values() if each.identifier == fields.signature_algorithm)
    ca = CertificateAuthority(
        subject=fields.issuer, algorithm=algorithm, not_before=NOW - 9 * DAY, not_after=NOW + 9 * DAY
    )
    signature = der.bits(algorithm.sign(ca.key, fields.tbs_certificate))
    return ca, pem(der.sequence(fields.tbs_certificate, algorithm.identifier, signature))


@pytest.mark.parametrize("name", NAMES)
def test_a_crl_applies_to_an_unusual_certificate(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, certificate = reissued(name)
    (tmp_path / "truststore.pem").write_bytes(ca.pem)
    monkeypatch.setenv("ALLOW_ANY_CLIENT_CERTIFICATE", "true")
    monkeypatch.setenv("CRL_URIS", (tmp_path / "ca.crl").as_uri())
    monkeypatch.setenv("TRUSTSTORE_URI", (tmp_path / "truststore.pem").as_uri())
    serial_number = int(PeerCertificate.from_pem(certificate).serial_number, 16)
    dates = {"this_update": NOW - DAY, "next_update": NOW + DAY}
    for crl, if_unknown_is_denied, if_unknown_is_allowed in (
        (ca.revoke(entry(serial_number + 1), **dates), None, None),  # type: ignore[arg-type]
        (ca.revoke(entry(serial_number), **dates), REVOKED, REVOKED),  # type: ignore[arg-type]
        (ca.revoke(this_update=NOW - 2 * DAY, next_update=NOW - DAY), UNKNOWN, None),
    ):
        (tmp_path / "ca.crl").write_bytes(crl)
        for mode, expected in (("deny", if_unknown_is_denied), ("allow", if_unknown_is_allowed)):
            monkeypatch.setenv("CRL_FAILURE_MODE", mode)
            reason = DenyReason.EXTENSIONS_MALFORMED if name in DENIED_ANYWAY else expected
            assert ask(certificate) == reason


def ask(certificate: str) -> str | None:
    """Return the deny reason of a function that has just started."""
    answer: Any = start().handler(rest_event(certificate), None)
    (statement,) = answer["policyDocument"]["Statement"]
    reason: str | None = answer["context"].get("reason")
    assert (statement["Effect"] == "Allow") is (reason is None)
    return reason
