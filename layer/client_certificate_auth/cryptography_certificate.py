"""The object of cryptography for a certificate, for everything that this package does not decode."""

from __future__ import annotations

import warnings

from cryptography.x509 import load_der_x509_certificate

from client_certificate_auth.x509.certificate import MalformedCertificateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# cryptography warns about unusual certificates. Clients could cause lines of another format in the function's log.
warnings.filterwarnings("ignore", category=UserWarning, module=r"client_certificate_auth\.")


def load_certificate(der: bytes) -> Certificate:
    """Return cryptography's object. Raises MalformedCertificateError if cryptography rejects the certificate."""
    try:
        return load_der_x509_certificate(der)
    except Exception as error:
        # Mostly ValueError, but InvalidVersion is not one.
        message = f"cryptography cannot read the certificate: {error}"
        raise MalformedCertificateError(message) from error
