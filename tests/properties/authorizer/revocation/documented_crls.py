"""A model of which CRLs decide (RFC 5280 §5 and §6.3, docs/crl-checks.md): the answers that each client may get.

It does not know how CRLs are kept in memory, and leaves open what depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.revocation.succession.retention import MAX_RETAINED_LISTS
from tests.pki.kept_lists import REVOKED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from tests.pki.certificate_authorities import CertificateAuthority

COMPLETE, OF_USERS = None, "users"
"""Scopes. The others are the names of parts."""


class Client(NamedTuple):
    ca: CertificateAuthority
    part: str | None
    serial_number: int
    pem: str

    @property
    def entry(self) -> tuple[CertificateAuthority, int]:
        """What revokes it: an entry of a CRL of this CA."""
        return self.ca, self.serial_number


class Identity(NamedTuple):
    """A CA and a scope. CRLs with the same ones succeed one another."""

    ca: CertificateAuthority
    scope: str | None


class Crl(NamedTuple):
    """A CRL. ``base`` is the number of the complete one that a delta CRL extends."""

    identity: Identity
    number: int
    this_update: datetime
    next_update: datetime
    base: int | None
    revoked: frozenset[int]
    encoded: bytes

    def is_expired(self, now: datetime) -> bool:
        return now >= self.next_update

    def is_proof(self, client: Client, now: datetime) -> bool:
        """Return whether it proves that a client is good if there is no other CRL."""
        is_covering = self.identity.ca is client.ca and self.identity.scope in {COMPLETE, OF_USERS, client.part}
        is_usable = self.base is None and self.this_update <= now and not self.is_expired(now)
        return is_covering and is_usable and client.serial_number not in self.revoked

    def is_newer(self, other: Crl) -> bool:
        """Return whether it is newer than another one in any respect."""
        return self.number > other.number or self.this_update > other.this_update

    def is_older(self, other: Crl) -> bool:
        """Return whether it is older than another one with the same identity in any respect."""
        return self.identity == other.identity and other.is_newer(self)

    def supersedes(self, other: Crl) -> bool:
        """Return whether it states, once it is in force, what is revoked instead of another one."""
        is_same = self.identity == other.identity and self.base in {None, other.base}
        return is_same and not other.is_newer(self) and (self.is_newer(other) or other.base is not None)


class Situation(NamedTuple):
    """What is stored, also indexes, as the CRLs that they were made from; which places fail; and the truststore."""

    stored: Mapping[str, Crl]
    unreadable: Collection[str]
    trusted: Collection[CertificateAuthority]
    now: datetime


class Expected:
    """The answers that clients may get from one environment, by what was stored whenever it was asked."""

    def __init__(self) -> None:
        self._seen: dict[Crl, datetime] = {}
        """The CRLs that may have been loaded, and when they were seen first."""
        self._loaded: dict[Crl, set[str]] = {}
        """Those that must have been, and from where."""
        self._at: dict[str, set[Crl]] = {}
        """Those that each location may have had."""
        self._current: list[Crl] = []
        """Those that must have been loaded by the last request."""
        self._trusted: Collection[CertificateAuthority] = ()

    def observe(self, situation: Situation, places: Iterable[str], *, is_certain: bool = True) -> None:
        """Observe a request. It loads everything that it can read, if that is certain."""
        stored, unreadable, trusted, now = situation
        self._trusted, self._current = trusted, []
        for place in places:
            crl, index = stored.get(place), stored.get(f"{place}.index")
            for each in (crl, index):
                if each is not None:
                    self._seen.setdefault(each, now)
                    self._at.setdefault(place, set()).add(each)
            if is_certain and crl is not None and crl.identity.ca in trusted and place not in unreadable:
                # The index of a newer CRL of the same CA and scope shows that the stored one was rolled back.
                used = index if index is not None and index.supersedes(crl) else crl
                self._current.append(used)
                self._loaded.setdefault(used, set()).add(place)

    def answers(self, client: Client, now: datetime) -> set[str | None]:
        """Return the reasons to deny that a client may get, None if it may be allowed."""
        revoking = [
            each for each in self._seen if each.identity.ca is client.ca and client.serial_number in each.revoked
        ]
        if client.ca not in self._trusted:
            # CRLs still revoke when their CA has left the truststore.
            in_force = [each for each in revoking if not self._successors(each, client)]
            is_certain = any(each in self._loaded and self._is_kept(each) for each in in_force)
            return {REVOKED} if is_certain else {UNKNOWN, *([REVOKED] if revoking else [])}
        proofs = [each for each in self._current if each.is_proof(client, now)]
        newest = [each for each in proofs if not any(map(each.is_older, self._seen))]
        may_be_revoked = not all(any(each.supersedes(listed) for each in newest) for listed in revoking)
        may_be_good = self._may_be_good(client, [each for each in revoking if each in self._loaded], now)
        # The last usable one stays in force if others are stored in its place that are not.
        kept = [each for each in self._loaded if each.is_proof(client, now)]
        is_good = not may_be_revoked and any(self._is_last(each, now) for each in kept)
        is_revoked = any(each in self._current and not self._successors(each, client) for each in revoking)
        statuses = {REVOKED: may_be_revoked, None: may_be_good, UNKNOWN: not (is_good or is_revoked)}
        return {status for status, is_possible in statuses.items() if is_possible}

    def _may_be_good(self, client: Client, revoking: Iterable[Crl], now: datetime) -> bool:
        """Return whether a CRL in force proves a client good, and each one that revoked it has a successor."""
        proofs = [each for each in self._seen if each.is_proof(client, now)]

        def has_ended(listed: Crl) -> bool:
            successors = self._successors(listed, client)
            # A CRL of the future replaces only others of the future.
            if any(each.this_update <= now or listed.this_update > self._seen[each] for each in successors):
                return True
            # The CA has restarted its numbers.
            later = [
                each for each in proofs if each.identity == listed.identity and each.this_update > listed.this_update
            ]
            if listed.is_expired(now) and later:
                return True
            # If it is not in memory any more, only older ones of the same scope prove nothing.
            newer = [each for each in proofs if each.is_newer(listed) and listed.this_update > now]
            return not self._is_kept(listed) and bool(newer or any(each.identity != listed.identity for each in proofs))

        return bool(proofs) and all(map(has_ended, revoking))

    def _successors(self, listed: Crl, client: Client) -> list[Crl]:
        return [each for each in self._seen if each.supersedes(listed) and client.serial_number not in each.revoked]

    def _is_kept(self, crl: Crl) -> bool:
        """Return whether a CRL is not displaced from memory: few are kept of each location."""
        return all(len(crls) <= MAX_RETAINED_LISTS for crls in self._at.values() if crl in crls)

    def _is_last(self, crl: Crl, now: datetime) -> bool:
        """Return whether no other one makes a CRL old. The number of a complete one does not after that has expired."""
        others = [each for each in self._seen if each.identity == crl.identity and each != crl]
        has_begun = {each: each.this_update <= now for each in others if each.base is None}
        return all(
            crl.supersedes(each)
            or not has_begun.get(each, True)
            or (each in has_begun and each.is_expired(now) and each.this_update < crl.this_update)
            for each in others
        ) and (crl in self._current or all(map(self._is_kept, (crl, *others))))
