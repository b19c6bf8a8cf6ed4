"""The client certificate of a mutual TLS connection, extracted from the Lambda event of a request.

This package parses certificates itself. Only ``PeerCertificate.x509``, and ``testing``, need cryptography 43.0.0 or
later, from the layer or from the package of the function.
"""

from client_certificate_auth.alternative_names import SubjectAltName
from client_certificate_auth.certificate import PeerCertificate
from client_certificate_auth.certificate_headers import (
    extract_client_certificate_from_alb_event,
    extract_client_certificate_from_cloudfront_event,
)
from client_certificate_auth.events import (
    ExtractionFailure,
    ExtractionFailureReason,
    ExtractionResult,
    ExtractionSuccess,
    extract_client_certificate_from_lambda_event,
    find_client_certificate,
    read_client_certificate,
)
from client_certificate_auth.helpers import (
    CertificateCheck,
    all_of,
    allow_cn,
    allow_email,
    allow_fingerprints,
    allow_issuer,
    allow_organization,
    allow_ou,
    allow_san,
    allow_serial,
    allow_subject,
    any_of,
)
from client_certificate_auth.x509.certificate import MalformedCertificateError
from client_certificate_auth.x509.names import DistinguishedName

__all__ = [
    "CertificateCheck",
    "DistinguishedName",
    "ExtractionFailure",
    "ExtractionFailureReason",
    "ExtractionResult",
    "ExtractionSuccess",
    "MalformedCertificateError",
    "PeerCertificate",
    "SubjectAltName",
    "all_of",
    "allow_cn",
    "allow_email",
    "allow_fingerprints",
    "allow_issuer",
    "allow_organization",
    "allow_ou",
    "allow_san",
    "allow_serial",
    "allow_subject",
    "any_of",
    "extract_client_certificate_from_alb_event",
    "extract_client_certificate_from_cloudfront_event",
    "extract_client_certificate_from_lambda_event",
    "find_client_certificate",
    "read_client_certificate",
]

__version__ = "0.1.0"
