"""The context that an Allow hands to the integration behind the API, and the principal's identifier."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtls_authorizer.configuration import PrincipalId

if TYPE_CHECKING:
    from datetime import datetime

    from client_certificate_auth import PeerCertificate

# Attributes that are handed on under their own keys, where the subject has exactly one.
_SUBJECT_ATTRIBUTES = {
    "CN": "clientCertCN",
    "OU": "clientCertOU",
    "O": "clientCertO",
    "C": "clientCertC",
    "ST": "clientCertST",
    "L": "clientCertL",
    "emailAddress": "clientCertEmailAddress",
}


def build_context(certificate: PeerCertificate) -> dict[str, str]:
    """Return the context for a certificate that is let in: string values only, as API Gateway demands."""
    subject, issuer = certificate.subject, certificate.issuer
    context = {
        "clientCertSubjectDN": subject.rfc4514_string(),
        "clientCertIssuerDN": issuer.rfc4514_string(),
        "clientCertOUs": json.dumps(subject.get_all("OU")),
        "clientCertSubjectAltNames": json.dumps([str(name) for name in certificate.subject_alt_names]),
        "clientCertSerialNumber": certificate.serial_number,
        "clientCertFingerprint256": certificate.fingerprint256,
        "clientCertNotBefore": _iso_8601(certificate.not_before),
        "clientCertNotAfter": _iso_8601(certificate.not_after),
    }
    for attribute, key in _SUBJECT_ATTRIBUTES.items():
        _add_single(context, key, subject.get_all(attribute))
    _add_single(context, "clientCertIssuerCN", issuer.get_all("CN"))
    return context


def principal_identifier(certificate: PeerCertificate, principal_id: PrincipalId) -> str:
    """Return the principal's identifier; the fingerprint where what was asked for is empty or not exactly one."""
    identifier = ""
    if principal_id is PrincipalId.COMMON_NAME:
        common_names = certificate.subject.get_all("CN")
        identifier = common_names[0] if len(common_names) == 1 else ""
    elif principal_id is PrincipalId.SUBJECT_DN:
        identifier = certificate.subject.rfc4514_string()
    elif principal_id is PrincipalId.SERIAL_NUMBER:
        identifier = certificate.serial_number
    return identifier or certificate.fingerprint256


def _add_single(context: dict[str, str], key: str, values: list[str]) -> None:
    if len(values) == 1:
        context[key] = values[0]


def _iso_8601(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat() + "Z"
