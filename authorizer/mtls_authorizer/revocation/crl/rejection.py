"""The reasons to reject a CRL, and times and numbers in messages about them."""

from __future__ import annotations

from enum import StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


_MAX_MESSAGE = 500  # characters

INSTEAD_OF_INDIRECT = "store a CRL that the CA issues for its own certificates only"


class CrlRejection(StrEnum):
    """Why a CRL is rejected."""

    MALFORMED = "malformed"
    """Not one CRL, in PEM or DER, that can be decoded."""

    UNKNOWN_ISSUER = "unknown_issuer"
    """No CA in the truststore has the name of the issuer, its key and, if the CRL has one, the key identifier."""

    WEAK_SIGNATURE = "weak_signature"
    """The hash of the signature is weaker than SHA-256."""

    INVALID_SIGNATURE = "invalid_signature"
    """Not signed by the CA that is named as its issuer."""

    ISSUER_MAY_NOT_SIGN = "issuer_may_not_sign"
    """The key usage of the CA does not include cRLSign (RFC 5280 §4.2.1.3)."""

    ISSUER_NOT_VALID = "issuer_not_valid"
    """The certificate of the CA has expired, or is not valid yet."""

    DELTA = "delta"
    """A delta CRL: it contains only changes (RFC 5280 §5.2.4)."""

    INDIRECT = "indirect"
    """An indirect CRL: it concerns certificates of other CAs (RFC 5280 §5.2.5 and §5.3.3)."""

    PARTIAL = "partial"
    """Limited to some reasons or to attribute certificates, or its scope cannot be read (RFC 5280 §5.2.5)."""

    CRITICAL_EXTENSION = "critical_extension"
    """The list or an entry has an unknown critical extension (RFC 5280 §5.2 and §5.3)."""

    NOT_YET_VALID = "not_yet_valid"
    """Its thisUpdate is in the future."""

    STALE = "stale"
    """Its nextUpdate has passed."""

    OTHER_ISSUER = "other_issuer"
    """Issued by another CA, or for other certificates, than the list in force, which has not expired."""

    ROLLED_BACK = "rolled_back"
    """Older than the list in force."""


class CrlError(ValueError):
    """A CRL is rejected: the reason for programs, the message for users."""

    def __init__(self, rejection: CrlRejection, message: str) -> None:
        # Before the signature is verified, a name in the CRL may have any length.
        super().__init__(message[:_MAX_MESSAGE])
        self.rejection = rejection


def shown_time(time: datetime | None) -> str:
    """Return a time in UTC for a message: ``2027-03-15T00:00:00Z``, without fractions of a second."""
    return "none" if time is None else time.isoformat(timespec="seconds").replace("+00:00", "Z")


def shown_number(number: int | None) -> str:
    """Return a CRL number for a message: in hexadecimal, as OpenSSL prints it, and as in the log's ``crl_number``."""
    return "none" if number is None else f"{number:X}"
