"""The revocation status of a certificate."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.revocation.truststore.names import printed_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList


class RevocationState(StrEnum):
    """Whether a certificate was revoked."""

    GOOD = "good"
    REVOKED = "revoked"
    """The certificate itself, or a CA above it."""

    UNKNOWN = "unknown"
    EXEMPT = "exempt"
    """Not known to be revoked: its issuer publishes no CRL, and is in ``CRL_EXEMPT_ISSUERS``."""


_BY_SEVERITY = (RevocationState.REVOKED, RevocationState.UNKNOWN, RevocationState.EXEMPT, RevocationState.GOOD)


class UnknownReason(StrEnum):
    """Why a status is unknown."""

    NO_TRUSTSTORE = "no_truststore"
    """The truststore was never loaded."""

    NO_CHAIN = "no_chain"
    """No CA of the truststore has signed the certificate, or none of its chains is valid now.

    Or a CA of each chain has left the truststore since its list, or one above it, was loaded.
    """

    INCOMPLETE_CHAIN = "incomplete_chain"
    """No chain that is valid now ends at a self-signed certificate, which ``CRL_CHECK=chain`` requires."""

    NO_LIST = "no_list"
    """There is no list of the issuer, or it was removed, or no certificate of the issuer permits it to sign lists."""

    NOT_COVERED = "not_covered"
    """The lists of the issuer are limited to other certificates."""

    UNUSABLE = "unusable"
    """The list has a defect: see ``RevocationList.defect``."""

    ISSUER_NOT_VALID = "issuer_not_valid"
    """The certificate of the CA that signed the list is not valid now."""

    NOT_YET_VALID = "not_yet_valid"
    """The thisUpdate of the list is in the future."""

    STALE = "stale"
    """The nextUpdate of the list has passed."""


class RevocationStatus(NamedTuple):
    """The status of a certificate, and the list that it is based on."""

    state: RevocationState
    unknown_reason: UnknownReason | None = None
    revocation_list: RevocationList | None = None
    """The list that determines the status. If it is good, this is the list of the certificate's issuer."""

    skipped_issuers: tuple[str, ...] = ()
    """The names of CAs above the issuer whose CRL was never loaded, so that their revocations are unknown."""

    location: str | None = None
    """The URI from which the list was loaded."""

    issuers_without_list: tuple[str, ...] = ()
    """The name of the CA whose list is missing, if the status is unknown for this reason."""

    def details(self, now: datetime) -> dict[str, str | int | list[str]]:
        """Return the log fields about the list at an aware time: issuer, number, URI and age in seconds.

        The number is hexadecimal, as OpenSSL prints it, and absent if the CRL has none. If the list is missing, there
        is only its issuer.
        """
        details: dict[str, str | int | list[str]] = {}
        for name in self.issuers_without_list:
            details["crl_issuer"] = name
        used = self.revocation_list
        if used is not None:
            details["crl_issuer"] = _printed_name(used.issuer_name)
            details["crl_age_seconds"] = int((now - used.this_update).total_seconds())
            if used.number is not None:
                details["crl_number"] = f"{used.number:X}"
            if self.location is not None:
                details["crl_uri"] = self.location
        if self.skipped_issuers:
            details["crl_skipped_issuers"] = list(self.skipped_issuers)
        return details


def most_severe(statuses: Iterable[RevocationStatus]) -> RevocationStatus:
    """Return the combined status of several certificates or chains: the first of the most severe ones."""
    return min(statuses, key=lambda status: _BY_SEVERITY.index(status.state))


# Every logged request needs one of the same few names.
_printed_name = lru_cache(64)(printed_name)
