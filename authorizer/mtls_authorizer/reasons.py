"""The closed set of deny reasons. They appear in logs, metrics, the context and the documentation."""

from __future__ import annotations

from enum import StrEnum

from client_certificate_auth import ExtractionFailureReason


class DenyReason(StrEnum):
    """Why a request is denied."""

    CERTIFICATE_MISSING = ExtractionFailureReason.MISSING.value
    """The event contains no client certificate."""

    CERTIFICATE_MALFORMED = ExtractionFailureReason.MALFORMED.value
    """The event does not contain exactly one certificate with readable names, serial number and validity."""

    SUBJECT_NOT_PRINTABLE = "subject_not_printable"
    """The subject or the issuer contains a control character (C0, DEL, C1)."""

    EXTENSIONS_MALFORMED = "extensions_malformed"
    """An extension cannot be decoded, so the certificate may have unknown names or purposes."""

    CRITICAL_EXTENSION_UNKNOWN = "critical_extension_unknown"
    """A critical extension is unknown or cannot be decoded, so the certificate must be rejected (RFC 5280 §4.2)."""

    EXTENDED_KEY_USAGE_NOT_ALLOWED = "extended_key_usage_not_allowed"
    """The certificate lacks a required extended key usage, by default clientAuth."""

    NO_ALLOWLIST_CONFIGURED = "no_allowlist_configured"
    """The configuration contains no rule that could match."""

    COMMON_NAME_NOT_ALLOWED = "common_name_not_allowed"
    """The subject does not have exactly one common name, or it is not listed."""

    ORGANIZATIONAL_UNIT_NOT_ALLOWED = "organizational_unit_not_allowed"
    """No organizational unit of the subject is listed."""

    ORGANIZATION_NOT_ALLOWED = "organization_not_allowed"
    """No organization of the subject is listed."""

    SUBJECT_NOT_ALLOWED = "subject_not_allowed"
    """The subject is not listed."""

    SUBJECT_ALT_NAME_NOT_ALLOWED = "subject_alt_name_not_allowed"
    """No subject alternative name of the certificate is listed."""

    ISSUER_NOT_ALLOWED = "issuer_not_allowed"
    """The issuer is not listed."""

    FINGERPRINT_NOT_ALLOWED = "fingerprint_not_allowed"
    """The certificate's fingerprint is not listed."""

    SERIAL_NUMBER_NOT_ALLOWED = "serial_number_not_allowed"
    """The certificate's serial number is not listed."""

    PUBLIC_KEY_NOT_ALLOWED = "public_key_not_allowed"
    """The client's public key is not listed."""

    ISSUER_KEY_NOT_ALLOWED = "issuer_key_not_allowed"
    """No CA of the truststore with a listed key signed the certificate."""

    SPIFFE_TRUST_DOMAIN_NOT_ALLOWED = "spiffe_trust_domain_not_allowed"
    """The certificate's only URI name is not a SPIFFE ID in a listed trust domain."""

    ORGANIZATION_IDENTIFIER_NOT_ALLOWED = "organization_identifier_not_allowed"
    """The subject does not have exactly one organization identifier, or it is not listed."""

    PSD2_ROLE_NOT_ALLOWED = "psd2_role_not_allowed"
    """The certificate has no PSD2 statement, or none of its roles is listed."""

    QC_STATEMENTS_MALFORMED = "qc_statements_malformed"
    """Rules are about PSD2 roles, and the QCStatements or the PSD2 statement in it cannot be decoded."""

    CERTIFICATE_EXCLUDED = "certificate_excluded"
    """The rules document denies the certificate, or the only rule excludes it."""

    NO_RULE_MATCHED = "no_rule_matched"
    """There are several rules, and none of them matches."""

    CERTIFICATE_VALUE_MISSING = "certificate_value_missing"
    """A rule matches and passes on values, but the certificate does not have exactly one usable value for each."""

    RULE_NOT_IN_EFFECT = "rule_not_in_effect"
    """All rules that match are limited to other APIs, other domain names or another time."""

    POLICY_TOO_LARGE = "policy_too_large"
    """The policy for the routes of all matching rules would exceed the size limit."""

    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    """The certificate's notBefore is in the future."""

    CERTIFICATE_EXPIRED = "certificate_expired"
    """The certificate's notAfter has passed."""

    CERTIFICATE_REVOKED = "certificate_revoked"
    """The certificate, or a CA certificate in its chain, is revoked."""

    REVOCATION_STATUS_UNKNOWN = "revocation_status_unknown"
    """There is no usable CRL that proves the certificate's status."""

    ROUTE_NOT_ALLOWED = "route_not_allowed"
    """The client is allowed to call other routes, but not this one."""


UNAUTHENTICATED = frozenset({DenyReason.CERTIFICATE_MISSING, DenyReason.CERTIFICATE_MALFORMED})
"""The reasons for requests without a usable certificate, to which the API may respond with 401 instead of 403."""
