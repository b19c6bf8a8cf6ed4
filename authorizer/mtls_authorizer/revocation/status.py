"""The revocation status of a certificate (RFC 5280 §6.3), from its chains and the revocation lists in force."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509

from client_certificate_auth.x509.names import DistinguishedName
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.chains import ChainBuilder
from mtls_authorizer.revocation.crl.succession import is_stale
from mtls_authorizer.revocation.settings import CrlFailureMode
from mtls_authorizer.revocation.truststore import AuthorityId, canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.revocation.chains import Chain, ChainLink
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.truststore import Truststore


class RevocationState(StrEnum):
    """Whether a certificate was revoked."""

    GOOD = "good"
    REVOKED = "revoked"
    """The certificate itself, or a CA above it."""

    UNKNOWN = "unknown"


_BY_SEVERITY = (RevocationState.REVOKED, RevocationState.UNKNOWN, RevocationState.GOOD)


class UnknownReason(StrEnum):
    """Why a status is unknown."""

    NO_CHAIN = "no_chain"
    """No CA of the truststore has signed the certificate, or none of its chains is valid now."""

    NO_LIST = "no_list"
    """There is no list of the issuer, or of a CA that may have revoked the issuer; or it may no longer sign lists."""

    NOT_YET_VALID = "not_yet_valid"
    """The thisUpdate of the list is in the future."""

    STALE = "stale"
    """The nextUpdate of the list has passed."""


class RevocationStatus(NamedTuple):
    """The status of a certificate, and the list that it is based on."""

    state: RevocationState
    unknown_reason: UnknownReason | None = None
    revocation_list: RevocationList | None = None
    """The list that revokes, or the list because of which the status is unknown; that of the issuer if it is good."""

    def details(self, now: datetime) -> dict[str, str | int]:
        """Return the log fields about the list at a time, which is aware: issuer, number and age in seconds.

        Empty without a list. The number is hexadecimal, as OpenSSL prints it, and absent if the CRL has none.
        """
        used = self.revocation_list
        if used is None:
            return {}
        details: dict[str, str | int] = {
            "crl_issuer": _written_name(used.issuer),
            "crl_age_seconds": int((now - used.this_update).total_seconds()),
        }
        if used.number is not None:
            details["crl_number"] = f"{used.number:X}"
        return details


class RevocationLists:
    """The revocation lists in force, each found by the CA that issued it."""

    def __init__(
        self,
        lists: Iterable[RevocationList],
        truststore: Truststore,
        *,
        failure_mode: CrlFailureMode = CrlFailureMode.DENY,
        max_age: timedelta = timedelta(0),
        expected: int = 0,
    ) -> None:
        """Take the lists in force: of several of one CA, the latest.

        ``max_age`` is how long a list is valid after its nextUpdate. ``expected`` is the number of configured lists.
        While one of them is missing, or replaced by that of an unknown CA or key, the status of a CA is unknown if
        its issuer has no list here. A list that was verified before the truststore changed, and whose CA may not sign
        lists by the present truststore, is treated as a stale one: it revokes, but proves no certificate good.
        """
        self.failure_mode = failure_mode
        self._chain_builder = ChainBuilder(truststore)
        self._max_age = max_age
        self._lists: dict[AuthorityId, RevocationList] = {}
        for candidate in sorted(lists, key=lambda each: each.this_update):
            issuer = canonical_name(x509.Name.from_bytes(candidate.issuer))
            self._lists[AuthorityId(issuer, candidate.signer)] = candidate
        self._trusted = frozenset(filter(truststore.has_crl_signer, self._lists))
        self._complete = len(self._trusted) >= expected
        self.oldest_this_update = min((each.this_update for each in self._lists.values()), default=None)
        """The earliest thisUpdate of all lists; None without any."""
        ends = [each.next_update for each in self._lists.values() if each.next_update is not None]
        self.earliest_next_update = min(ends, default=None)
        """The earliest nextUpdate of all lists; None if no list has one."""

    def status(self, certificate: PeerCertificate, now: datetime) -> RevocationStatus:
        """Return the status of a certificate at a time, which is aware."""
        return self.status_at(self.chains(certificate), now)

    def chains(self, certificate: PeerCertificate) -> tuple[Chain, ...]:
        """Return the chains of a certificate: the part of ``status`` that depends on neither time nor lists."""
        return self._chain_builder.chains(certificate.x509)

    def status_at(self, chains: Iterable[Chain], now: datetime) -> RevocationStatus:
        """Return the status of a certificate with these chains, which were built from this truststore.

        There must be a chain whose CAs are valid at the time, and every such chain must be good. A stale list can
        still revoke, but no longer prove a certificate good.
        """
        found = [self._chain_status(chain, now) for chain in chains if chain.not_before <= now < chain.not_after]
        return min(found, key=_severity, default=RevocationStatus(RevocationState.UNKNOWN, UnknownReason.NO_CHAIN))

    def deny_reason(self, status: RevocationStatus) -> DenyReason | None:
        """Return the reason to deny access with this status; None for good, and for unknown if the mode allows that."""
        if status.state is RevocationState.GOOD:
            return None
        if status.state is RevocationState.REVOKED:
            return DenyReason.CERTIFICATE_REVOKED
        return None if self.failure_mode is CrlFailureMode.ALLOW else DenyReason.REVOCATION_STATUS_UNKNOWN

    def _chain_status(self, chain: Chain, now: datetime) -> RevocationStatus:
        first, *others = chain.links
        statuses = [self._link_status(first, now, required=True)]
        statuses += [self._link_status(link, now, required=not self._complete) for link in others]
        # The first of the worst: min() keeps the order.
        return min(statuses, key=_severity)

    def _link_status(self, link: ChainLink, now: datetime, *, required: bool) -> RevocationStatus:
        responsible = self._lists.get(link.issuer)
        if responsible is None:
            if required:
                return RevocationStatus(RevocationState.UNKNOWN, UnknownReason.NO_LIST)
            return RevocationStatus(RevocationState.GOOD)
        if responsible.is_revoked(link.serial_number):
            return RevocationStatus(RevocationState.REVOKED, revocation_list=responsible)
        reason = self._unknown_reason(link.issuer, responsible, now)
        state = RevocationState.GOOD if reason is None else RevocationState.UNKNOWN
        return RevocationStatus(state, reason, responsible)

    def _unknown_reason(self, issuer: AuthorityId, responsible: RevocationList, now: datetime) -> UnknownReason | None:
        if issuer not in self._trusted:
            return UnknownReason.NO_LIST
        if responsible.this_update > now:
            return UnknownReason.NOT_YET_VALID
        return UnknownReason.STALE if is_stale(responsible, now, self._max_age) else None


@lru_cache(64)
def _written_name(name: bytes) -> str:
    # Every logged request needs one of the same few names.
    return DistinguishedName(name).rfc4514_string()


def _severity(status: RevocationStatus) -> int:
    return _BY_SEVERITY.index(status.state)
