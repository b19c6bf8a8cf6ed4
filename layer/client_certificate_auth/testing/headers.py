"""The headers with which Application Load Balancers and CloudFront describe a client certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes

from client_certificate_auth.testing.identity import distinguished_name, load_certificate, serial_number

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509


def alb_headers(pem: str | None, mode: Literal["verify", "passthrough"] = "verify") -> dict[str, str]:
    """Return the headers that a load balancer adds for a certificate in PEM, or for a client without one.

    In mode ``passthrough``, the PEM may contain the rest of the client's chain. In mode ``verify``, raises ValueError
    for a certificate that cryptography cannot parse.
    """
    if pem is None:
        return {}
    if mode == "passthrough":
        return {"X-Amzn-Mtls-Clientcert": encode_pem(pem)}
    certificate = load_certificate(pem)
    described = _describe(certificate) | {
        "Serial-Number": serial_number(certificate.serial_number).replace(":", "").upper()
    }
    return {"X-Amzn-Mtls-Clientcert-Leaf": encode_pem(pem)} | {
        f"X-Amzn-Mtls-Clientcert-{name}": value for name, value in described.items()
    }


def cloudfront_headers(pem: str | None) -> dict[str, str]:
    """Return the headers that CloudFront adds for a certificate in PEM, or for a viewer without one.

    Raises ValueError for a certificate that cryptography cannot parse.
    """
    if pem is None:
        return {"CloudFront-Viewer-Cert-Present": "0"}
    certificate = load_certificate(pem)
    described = _describe(certificate) | {
        "Serial-Number": serial_number(certificate.serial_number),
        "Present": "1",
        "Sha256": certificate.fingerprint(hashes.SHA256()).hex(),
    }
    return {"CloudFront-Viewer-Cert-Pem": encode_pem(pem)} | {
        f"CloudFront-Viewer-Cert-{name}": value for name, value in described.items()
    }


def encode_pem(pem: str) -> str:
    """Return PEM as it is in a header: percent-encoded, except for ``+``, ``=`` and ``/``."""
    return quote(pem, safe="+=/")


def _describe(certificate: x509.Certificate) -> dict[str, str]:
    not_before, not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return {
        "Issuer": distinguished_name(lambda: certificate.issuer),
        "Subject": distinguished_name(lambda: certificate.subject),
        "Validity": f"NotBefore={_iso_8601(not_before)};NotAfter={_iso_8601(not_after)}",
    }


def _iso_8601(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
