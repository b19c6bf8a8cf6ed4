"""Revocation: which certificates their CA has withdrawn (RFC 5280 §5 and §6.3)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cryptography import x509

from client_certificate_auth.names import DistinguishedName
from mtls_authorizer.configuration import CrlFailureMode
from mtls_authorizer.truststore import Identity, canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.truststore import Chain, Step, Truststore


class RevocationList(Protocol):
    """What one CA says it has revoked: a CRL that was verified, or the compact index that was made of one."""

    @property
    def issuer(self) -> bytes:
        """The CA's name as the CRL has it (RFC 5280 §5.1.2.3), in DER."""

    @property
    def signer(self) -> str:
        """The CA's key: SHA-256 of its SubjectPublicKeyInfo in DER, in lower-case hexadecimal.

        It tells CAs of one name apart, and it is the key that the CRL's signature was verified with.
        """

    @property
    def number(self) -> int | None:
        """The CRL number (RFC 5280 §5.2.3), not negative and up to 20 bytes long; None where there is none."""

    @property
    def this_update(self) -> datetime:
        """When the list was issued (RFC 5280 §5.1.2.4), aware, in UTC."""

    @property
    def next_update(self) -> datetime | None:
        """When the next one comes at the latest (RFC 5280 §5.1.2.5), aware, in UTC; None where the CRL doesn't say."""

    @property
    def digest(self) -> str:
        """SHA-256 of the CRL in DER, in lower-case hexadecimal."""

    def is_revoked(self, serial_number: int) -> bool:
        """Tell whether the CA has revoked the certificate with this serial number, or holds it."""

    def serial_numbers(self) -> Iterable[int]:
        """Return those of which ``is_revoked`` is true, in the CRL's order. One may come twice, and be negative."""


class RevocationState(StrEnum):
    """Whether a certificate was withdrawn."""

    GOOD = "good"
    REVOKED = "revoked"
    """It, or a CA that it depends on."""

    UNKNOWN = "unknown"


class Doubt(StrEnum):
    """Why a status is unknown."""

    NO_CHAIN = "no_chain"
    """No CA of the truststore has signed the certificate, or none of the chains from there is valid now."""

    NO_LIST = "no_list"
    """There is no list of the CA that issued it, or of one that may have revoked that CA; or that may sign none."""

    NOT_YET_VALID = "not_yet_valid"
    """The list's thisUpdate is in the future."""

    STALE = "stale"
    """The list's nextUpdate has passed."""


class RevocationStatus(NamedTuple):
    """A certificate's status, and where it is from."""

    state: RevocationState
    doubt: Doubt | None = None
    """Why the state is unknown."""

    revocation_list: RevocationList | None = None
    """The list that revokes, or that is doubtful; that of the certificate's issuer where all is good."""

    def details(self, now: datetime) -> dict[str, str | int]:
        """Return what to log of the list at a time, which is aware: ``crl_issuer``, ``_number``, ``_age_seconds``.

        Empty without a list. The number is hexadecimal, as OpenSSL prints it, and absent where the CRL has none.
        """
        used = self.revocation_list
        if used is None:
            return {}
        details: dict[str, str | int] = {
            "crl_issuer": _written(used.issuer),
            "crl_age_seconds": int((now - used.this_update).total_seconds()),
        }
        if used.number is not None:
            details["crl_number"] = f"{used.number:X}"
        return details


class RevocationLists:
    """The lists in force, each under the CA that it speaks of."""

    def __init__(
        self,
        lists: Iterable[RevocationList],
        truststore: Truststore,
        *,
        failure_mode: CrlFailureMode = CrlFailureMode.DENY,
        max_age: timedelta = timedelta(0),
        expected: int = 0,
    ) -> None:
        """Take the lists in force: of several of one CA, the latest counts.

        ``max_age`` is how long after its nextUpdate a list still counts. ``expected`` is how many CAs' lists are
        configured. While one isn't there, or another CA's or key's lies in its place, whosever it is, the status of
        a CA is unknown if its issuer has no list here. A list that was verified before the truststore changed, and
        whose CA may sign none by this truststore, is like a stale one: it still revokes, and clears nobody.
        """
        self.failure_mode = failure_mode
        self._truststore = truststore
        self._max_age = max_age
        self._lists: dict[Identity, RevocationList] = {}
        for candidate in sorted(lists, key=lambda each: each.this_update):
            self._lists[Identity(canonical_name(x509.Name.from_bytes(candidate.issuer)), candidate.signer)] = candidate
        self._trusted = frozenset(filter(truststore.has_list_signer, self._lists))
        self._complete = len(self._trusted) >= expected
        self.oldest = min((each.this_update for each in self._lists.values()), default=None)
        """The earliest thisUpdate of all lists; None without any."""
        ends = [each.next_update for each in self._lists.values() if each.next_update is not None]
        self.first_to_end = min(ends, default=None)
        """The earliest nextUpdate of all lists; None where no list has one."""

    def status(self, certificate: PeerCertificate, now: datetime) -> RevocationStatus:
        """Return a certificate's status at a time, which is aware. Pure, but for lookups that are kept."""
        return self.status_at(self.chains(certificate), now)

    def chains(self, certificate: PeerCertificate) -> tuple[Chain, ...]:
        """Do all of ``status`` that neither time nor the lists change, so that it can be kept."""
        return self._truststore.chains(certificate.x509)

    def status_at(self, chains: Iterable[Chain], now: datetime) -> RevocationStatus:
        """Finish ``status`` for chains that this truststore gave.

        Every chain must be good whose CAs are valid at the time, and there must be one. A list that is stale can
        still revoke, but no longer clear.
        """
        found = [self._chain_status(chain, now) for chain in chains if chain.not_before <= now < chain.not_after]
        return min(found, key=_severity, default=RevocationStatus(RevocationState.UNKNOWN, Doubt.NO_CHAIN))

    def turns_away(self, status: RevocationStatus) -> bool:
        """Tell whether a certificate of this status isn't let in: revoked, or unknown unless that is to be allowed."""
        if status.state is RevocationState.UNKNOWN:
            return self.failure_mode is not CrlFailureMode.ALLOW
        return status.state is not RevocationState.GOOD

    def _chain_status(self, chain: Chain, now: datetime) -> RevocationStatus:
        first, *others = chain.steps
        statuses = [self._step_status(first, now, required=True)]
        statuses += [self._step_status(step, now, required=not self._complete) for step in others]
        # The first of the worst: min() keeps the order.
        return min(statuses, key=_severity)

    def _step_status(self, step: Step, now: datetime, *, required: bool) -> RevocationStatus:
        responsible = self._lists.get(step.issuer)
        if responsible is None:
            if required:
                return RevocationStatus(RevocationState.UNKNOWN, Doubt.NO_LIST)
            return RevocationStatus(RevocationState.GOOD)
        if responsible.is_revoked(step.serial_number):
            return RevocationStatus(RevocationState.REVOKED, revocation_list=responsible)
        doubt = self._doubt(step.issuer, responsible, now)
        state = RevocationState.GOOD if doubt is None else RevocationState.UNKNOWN
        return RevocationStatus(state, doubt, responsible)

    def _doubt(self, issuer: Identity, responsible: RevocationList, now: datetime) -> Doubt | None:
        if issuer not in self._trusted:
            return Doubt.NO_LIST
        if responsible.this_update > now:
            return Doubt.NOT_YET_VALID
        return Doubt.STALE if is_stale(responsible, now, self._max_age) else None


def is_stale(revocation_list: RevocationList, now: datetime, max_age: timedelta) -> bool:
    """Tell whether a list's nextUpdate, plus ``max_age``, has passed at a time, which is aware.

    At that very moment it has, as in OpenSSL. Without a nextUpdate it never does.
    """
    next_update = revocation_list.next_update
    # Not a sum: nextUpdate may be the last moment that a datetime can hold (RFC 5280 §4.1.2.5).
    return next_update is not None and now - max_age >= next_update


@lru_cache(64)
def _written(name: bytes) -> str:
    # For each request that is logged the same few.
    return DistinguishedName(name).rfc4514_string()


def _severity(status: RevocationStatus) -> int:
    return _SEVERITY.index(status.state)


_SEVERITY = (RevocationState.REVOKED, RevocationState.UNKNOWN, RevocationState.GOOD)
