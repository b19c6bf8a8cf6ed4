"""The context that an Allow passes to the integration, and the principal identifier."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii

from mtls_authorizer.rules.fields import PSD2_ROLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.policy.settings import PrincipalId
    from mtls_authorizer.rules.certificate_values import CertificateValue
    from mtls_authorizer.rules.rule_set import RuleSet

# Subject attributes with a context key of their own, which is set if the subject has exactly one value.
_SUBJECT_ATTRIBUTES = {
    "CN": "clientCertCN",
    "OU": "clientCertOU",
    "O": "clientCertO",
    "C": "clientCertC",
    "ST": "clientCertST",
    "L": "clientCertL",
    "emailAddress": "clientCertEmailAddress",
}

LONGEST_HEADER = 6 * 1024
"""In characters: API Gateway accepts 10,240 bytes for all headers of a request, and a rule may add 4,096."""


def build_context(certificate: PeerCertificate, *, with_header: bool = False) -> dict[str, str]:
    """Return the context for an allowed certificate. All values are strings: REST APIs accept no lists or objects.

    ``with_header`` adds the value of the header Client-Cert (RFC 9440 §2.2), unless it is too long.
    """
    subject, issuer = certificate.subject, certificate.issuer
    context = {
        "clientCertSubjectDN": subject.rfc4514_string(),
        "clientCertIssuerDN": issuer.rfc4514_string(),
        "clientCertOUs": _json_array(subject.get_all("OU")),
        "clientCertSubjectAltNames": _json_array(map(":".join, certificate.subject_alt_names)),
        "clientCertSerialNumber": certificate.serial_number,
        "clientCertFingerprint256": certificate.fingerprint256,
        "clientCertNotBefore": certificate.fields.not_before,
        "clientCertNotAfter": certificate.fields.not_after,
    }
    for attribute, value in subject.single_values():
        if attribute in _SUBJECT_ATTRIBUTES:
            context[_SUBJECT_ATTRIBUTES[attribute]] = value
    issuer_common_name = issuer.get_single("CN")
    if issuer_common_name is not None:
        context["clientCertIssuerCN"] = issuer_common_name
    if with_header:
        header = _byte_sequence(certificate.raw)
        if len(header) <= LONGEST_HEADER:
            context["clientCertHeader"] = header
    return context


def psd2_context(certificate: PeerCertificate, rules: RuleSet) -> dict[str, str]:
    """Return the values of a payment service provider (ETSI TS 119 495), for rules about its identifier or its roles.

    The statement is never malformed here: rules about roles deny such certificates.
    """
    context: dict[str, str] = {}
    identifier = certificate.subject.get_single("organizationIdentifier")
    if identifier is not None:
        context["clientCertOrganizationIdentifier"] = identifier
    if rules.uses(PSD2_ROLE):
        from mtls_authorizer.rules.psd2 import read_psd2_statement  # noqa: PLC0415 -- few configurations need it

        statement = read_psd2_statement(certificate)
        if statement is not None:
            context["clientCertPsd2Roles"] = _json_array(statement.roles)
            context["clientCertPsd2AuthorityName"] = statement.authority_name
            context["clientCertPsd2AuthorityId"] = statement.authority_id
    return context


def _byte_sequence(content: bytes) -> str:
    """Return a Byte Sequence in the syntax of structured fields (RFC 8941 §3.3.5)."""
    from binascii import b2a_base64  # noqa: PLC0415 -- rarely used

    return f":{b2a_base64(content, newline=False).decode()}:"


def principal_identifier(certificate: PeerCertificate, principal_id: PrincipalId | CertificateValue) -> str:
    """Return the principal identifier; the fingerprint if the chosen part is empty, missing or ambiguous."""
    identifier: str | None = ""
    if principal_id == "common_name":
        identifier = certificate.subject.get_single("CN") or ""
    elif principal_id == "subject_dn":
        identifier = certificate.subject.rfc4514_string()
    elif principal_id == "serial_number":
        identifier = certificate.serial_number
    elif not isinstance(principal_id, str):
        identifier = principal_id.read(certificate)
    return identifier or certificate.fingerprint256


def _json_array(texts: Iterable[str]) -> str:
    # The same as json.dumps, without creating an encoder for each call: saves 1.5 µs.
    return f"[{', '.join(map(encode_basestring_ascii, texts))}]"
