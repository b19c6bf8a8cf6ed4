"""A certificate as API Gateway, load balancers and CloudFront describe it. Functions must not rely on this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from client_certificate_auth.node_view import time_string

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_certificate_auth.testing.request import Event


def client_certificate(pem: str) -> Event:
    """Return ``clientCert`` of API Gateway's events: a certificate in PEM (RFC 7468 §5), and a description for people.

    There is no description of a certificate that cryptography cannot parse. API Gateway's is not documented.
    """
    try:
        certificate = load_certificate(pem)
        return {
            "clientCertPem": pem,
            "subjectDN": distinguished_name(lambda: certificate.subject),
            "issuerDN": distinguished_name(lambda: certificate.issuer),
            "serialNumber": serial_number(certificate.serial_number),
            "validity": {
                "notBefore": time_string(certificate.not_valid_before_utc.isoformat()),
                "notAfter": time_string(certificate.not_valid_after_utc.isoformat()),
            },
        }
    except ValueError:
        return {"clientCertPem": pem}


def load_certificate(pem: str) -> x509.Certificate:
    """Return a certificate in PEM. Raises ValueError if cryptography cannot parse it."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error


def distinguished_name(decode: Callable[[], x509.Name]) -> str:
    """Return a name in the form of RFC 4514; an empty string if it cannot be decoded, which TLS does not require."""
    try:
        return decode().rfc4514_string()
    except (ValueError, TypeError, KeyError):  # KeyError: a string type that cryptography does not know
        return ""


def serial_number(number: int) -> str:
    """Return a serial number in lower-case hexadecimal, whole bytes with colons between them."""
    digits = f"{abs(number):x}"
    sign = "-" if number < 0 else ""
    return sign + bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)).hex(":")
