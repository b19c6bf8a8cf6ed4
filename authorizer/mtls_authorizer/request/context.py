"""The context that an Allow hands to the integration behind the API, and the principal's identifier."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING

from mtls_authorizer.policy.settings import PrincipalId

if TYPE_CHECKING:
    from collections.abc import Iterable
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


# For times, whose isoformat would take a third of what a context does.
_TWO_DIGITS = tuple(f"{number:02}" for number in range(100))


def build_context(certificate: PeerCertificate) -> dict[str, str]:
    """Return the context for a certificate that is let in: string values only, as API Gateway demands."""
    subject, issuer = certificate.subject, certificate.issuer
    context = {
        "clientCertSubjectDN": subject.rfc4514_string(),
        "clientCertIssuerDN": issuer.rfc4514_string(),
        "clientCertOUs": _json_array(subject.get_all("OU")),
        "clientCertSubjectAltNames": _json_array(map(str, certificate.subject_alt_names)),
        "clientCertSerialNumber": certificate.serial_number,
        "clientCertFingerprint256": certificate.fingerprint256,
        "clientCertNotBefore": _iso_8601(certificate.not_before),
        "clientCertNotAfter": _iso_8601(certificate.not_after),
    }
    for attribute, value in subject.single_values():
        key = _SUBJECT_ATTRIBUTES.get(attribute)
        if key is not None:
            context[key] = value
    issuer_common_name = issuer.get_single("CN")
    if issuer_common_name is not None:
        context["clientCertIssuerCN"] = issuer_common_name
    return context


def principal_identifier(certificate: PeerCertificate, principal_id: PrincipalId) -> str:
    """Return the principal's identifier; the fingerprint where what was asked for is empty or not exactly one."""
    identifier = ""
    if principal_id is PrincipalId.COMMON_NAME:
        identifier = certificate.subject.get_single("CN") or ""
    elif principal_id is PrincipalId.SUBJECT_DN:
        identifier = certificate.subject.rfc4514_string()
    elif principal_id is PrincipalId.SERIAL_NUMBER:
        identifier = certificate.serial_number
    return identifier or certificate.fingerprint256


def _json_array(texts: Iterable[str]) -> str:
    """Return what ``json.dumps`` does, without its making an encoder for each array."""
    return f"[{', '.join(map(encode_basestring_ascii, texts))}]"


def _iso_8601(time: datetime) -> str:
    """Return a time of whole seconds in UTC, which those of certificates are (RFC 5280 §4.1.2.5)."""
    century, year = divmod(time.year, 100)
    return (
        f"{_TWO_DIGITS[century]}{_TWO_DIGITS[year]}-{_TWO_DIGITS[time.month]}-{_TWO_DIGITS[time.day]}"
        f"T{_TWO_DIGITS[time.hour]}:{_TWO_DIGITS[time.minute]}:{_TWO_DIGITS[time.second]}Z"
    )
