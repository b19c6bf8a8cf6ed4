"""Why a request was turned away."""

from __future__ import annotations

from enum import StrEnum

from client_certificate_auth import ExtractionFailureReason


class Reason(StrEnum):
    """The closed set of reasons for a Deny."""

    CERTIFICATE_MISSING = ExtractionFailureReason.MISSING.value
    """The event holds no client certificate."""

    CERTIFICATE_MALFORMED = ExtractionFailureReason.MALFORMED.value
    """What it holds isn't a certificate whose names, serial number and dates can be decoded."""

    SUBJECT_NOT_PRINTABLE = "subject_not_printable"
    """The subject or the issuer has a control character in it (C0, DEL, C1)."""

    EXTENSIONS_MALFORMED = "extensions_malformed"
    """An extension can't be decoded, so that nobody can say what the certificate is for, or which names it has."""

    EXTENDED_KEY_USAGE_NOT_ALLOWED = "extended_key_usage_not_allowed"
    """The certificate isn't meant for clients."""

    NO_ALLOWLIST_CONFIGURED = "no_allowlist_configured"
    """The configuration lets nobody in."""

    COMMON_NAME_NOT_ALLOWED = "common_name_not_allowed"
    """The subject hasn't exactly one common name that is listed."""

    ORGANIZATIONAL_UNIT_NOT_ALLOWED = "organizational_unit_not_allowed"
    """The subject has no organizational unit that is listed."""

    ORGANIZATION_NOT_ALLOWED = "organization_not_allowed"
    """The subject has no organization that is listed."""

    SUBJECT_NOT_ALLOWED = "subject_not_allowed"
    """The subject isn't one that is listed."""

    SUBJECT_ALT_NAME_NOT_ALLOWED = "subject_alt_name_not_allowed"
    """The certificate has no subject alternative name that is listed."""

    ISSUER_NOT_ALLOWED = "issuer_not_allowed"
    """The issuer isn't one that is listed."""

    FINGERPRINT_NOT_ALLOWED = "fingerprint_not_allowed"
    """The certificate isn't one that is listed."""

    SERIAL_NUMBER_NOT_ALLOWED = "serial_number_not_allowed"
    """The serial number isn't one that is listed."""

    CERTIFICATE_EXCLUDED = "certificate_excluded"
    """The one rule that there is excludes the certificate."""

    NO_RULE_MATCHED = "no_rule_matched"
    """None of several rules matches."""

    POLICY_TOO_LARGE = "policy_too_large"
    """The routes of all rules that match make a larger policy than there may be."""

    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    """The certificate's notBefore is in the future."""

    CERTIFICATE_EXPIRED = "certificate_expired"
    """The certificate's notAfter has passed."""

    CERTIFICATE_REVOKED = "certificate_revoked"
    """The certificate's CA has withdrawn it, or the CA of that CA has."""

    REVOCATION_STATUS_UNKNOWN = "revocation_status_unknown"
    """Nobody can say whether the certificate was withdrawn, since its CA has no usable CRL."""

    ROUTE_NOT_ALLOWED = "route_not_allowed"
    """The client is let in, and may not call this route."""


UNAUTHENTICATED = frozenset({Reason.CERTIFICATE_MISSING, Reason.CERTIFICATE_MALFORMED})
"""The reasons that leave nobody to speak of: a REST API may answer these with 401."""
