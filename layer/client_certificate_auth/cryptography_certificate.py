"""cryptography's object of a certificate, for what this package does not decode."""

from __future__ import annotations

import warnings

from cryptography.x509 import load_der_x509_certificate

from client_certificate_auth.x509.errors import MalformedCertificateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# cryptography warns of what is unusual in a certificate. In a function's log that would be a line of another format, at
# the wish of the sender of the certificate.
warnings.filterwarnings("ignore", category=UserWarning, module=r"client_certificate_auth\.")


def load_certificate(der: bytes) -> Certificate:
    """Return cryptography's object. Raises MalformedCertificateError if cryptography rejects the certificate."""
    try:
        return load_der_x509_certificate(der)
    except Exception as error:
        # Mostly ValueError, but InvalidVersion is not one.
        message = f"cryptography cannot read the certificate: {error}"
        raise MalformedCertificateError(message) from error
