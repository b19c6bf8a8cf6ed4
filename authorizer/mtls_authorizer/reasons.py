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

    NO_ALLOWLIST_CONFIGURED = "no_allowlist_configured"
    """The configuration lets nobody in."""

    COMMON_NAME_NOT_ALLOWED = "common_name_not_allowed"
    """The subject hasn't exactly one common name that is listed."""

    ORGANIZATIONAL_UNIT_NOT_ALLOWED = "organizational_unit_not_allowed"
    """The subject has no organizational unit that is listed."""

    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    """The certificate's notBefore is in the future."""

    CERTIFICATE_EXPIRED = "certificate_expired"
    """The certificate's notAfter has passed."""


UNAUTHENTICATED = frozenset({Reason.CERTIFICATE_MISSING, Reason.CERTIFICATE_MALFORMED})
"""The reasons that leave nobody to speak of: a REST API may answer these with 401."""
