"""The revocation lists in force, and the status of certificates according to them (RFC 5280 §6.3)."""

from __future__ import annotations

from bisect import bisect_right
from datetime import timedelta

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.chains import ChainBuilder
from mtls_authorizer.revocation.lists_by_issuer import ListsByIssuer
from mtls_authorizer.revocation.locations import Locations
from mtls_authorizer.revocation.settings import CrlCheck, CrlFailureMode
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus, UnknownReason, most_severe
from mtls_authorizer.revocation.truststore.names import printed_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.revocation.chains import Chain, ChainLink
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.truststore.authority import Authority, AuthorityId
    from mtls_authorizer.revocation.truststore.bundle import Truststore

NO_LOCATIONS = Locations()


class RevocationLists:
    """The revocation lists that were loaded, found by the CA that issued them."""

    def __init__(  # noqa: PLR0913 -- the settings of revocation, each by name
        self,
        lists: Iterable[RevocationList],
        truststore: Truststore,
        *,
        failure_mode: CrlFailureMode = CrlFailureMode.DENY,
        max_age: timedelta = timedelta(0),
        check: CrlCheck = CrlCheck.CLIENT,
        exempt_issuers: frozenset[str] = frozenset(),
        ever_loaded: frozenset[AuthorityId] = frozenset(),
        departed: tuple[Authority, ...] = (),
        locations: Locations = NO_LOCATIONS,
    ) -> None:
        """Take lists whose signatures were verified. They need not be usable now.

        ``max_age`` is how long a list is valid after its nextUpdate. ``exempt_issuers`` are digests of the keys of CAs
        that publish no list. ``ever_loaded`` are the CAs of which a list has ever been in force in this environment,
        and ``departed`` those of them, and those below them, that have left the truststore since.
        """
        self.failure_mode = failure_mode
        self.truststore = truststore
        self._departed = frozenset(each.identity for each in departed)
        # With them, a newer list of a CA that has left still supersedes an older one, as it did before.
        known = truststore.with_departed(departed) if departed else truststore
        self._chain_builder = ChainBuilder(known, self._departed)
        self._max_age = max_age
        self._check = check
        self._exempt_issuers = truststore.key_fingerprints(exempt_issuers)
        self._lists = ListsByIssuer(lists, known, locations)
        self.ambiguous = frozenset(filter(truststore.identified, self._lists.ambiguous))
        """Trusted CAs whose lists cannot be assumed to be complete, because they have several with different names."""
        self.issuers = self._lists.issuers
        """The CAs of which there is a list."""
        self._ever_loaded = ever_loaded | self.issuers
        self._locations = locations
        # Lists of CAs that have left the truststore still revoke, but are not expected to be renewed.
        trusted = (each for each in self._lists.newest() if truststore.identified(each.identity.issuer))
        newest = [each for each in trusted if each.digest not in locations.outdated]
        self.oldest_this_update = min((each.this_update for each in newest), default=None)
        """The earliest thisUpdate of all lists of trusted CAs that are not outdated; None without any."""
        ends = [each.next_update for each in newest if each.next_update is not None]
        self.earliest_next_update = min(ends, default=None)
        """The earliest nextUpdate of all lists of trusted CAs that are not outdated; None if no list has one."""
        self._ends = sorted(ends)

    def has_location_of(self, revocation_list: RevocationList) -> bool:
        """Return whether a list is one of these, and its location is known."""
        return revocation_list.digest in self._locations.uris

    def status(self, certificate: PeerCertificate, now: datetime) -> RevocationStatus:
        """Return the status of a certificate at an aware time."""
        return self.status_at(self.chains(certificate), now)

    def chains(self, certificate: PeerCertificate) -> tuple[Chain, ...]:
        """Return the chains of a certificate, which do not depend on the time or the lists."""
        return self._chain_builder.chains(certificate.fields)

    def status_at(self, chains: tuple[Chain, ...], now: datetime) -> RevocationStatus:
        """Return the status of a certificate with these chains, which were built from this truststore.

        There must be a chain that is valid at the time, and every such chain must be good. With ``CrlCheck.CHAIN``,
        there must be one that ends at a root, and every such chain must be good; no other may contain a revoked
        certificate, nor may one with a CA that has left the truststore. A certificate in a list of its issuer is
        revoked even if no chain is valid.
        """
        status = self._status_at(chains, now)
        used = status.revocation_list
        return status if used is None else status._replace(location=self._locations.uris.get(used.digest))

    def required(self, chains: Iterable[Chain], now: datetime) -> list[ChainLink]:
        """Return the certificates of chains for which a list is required at an aware time, each once.

        With ``CrlCheck.CLIENT``, these include CAs whose issuer has lists, such as one for users, but not theirs.
        """
        required = (
            link
            for chain in chains
            for place, link in enumerate(_below_root(chain))
            if (place == 0 or self._check is CrlCheck.CHAIN or self._is_uncovered(link, now))
            and link.issuer.key_fingerprint not in self._exempt_issuers
            and link.issuer not in self._departed
        )
        return list(dict.fromkeys(required))

    def is_covered(self, link: ChainLink, now: datetime) -> bool:
        """Return whether a list proves a certificate good at an aware time.

        Lists that are not stored do not count: their successors may be.
        """
        covering = self._lists.covering(link, now, self._max_age)
        return any(each.digest not in self._locations.not_stored for each in covering)

    def _is_uncovered(self, link: ChainLink, now: datetime) -> bool:
        """Return whether there are lists of the issuer, or were, and none that is stored proves a certificate good.

        One that was removed may have a successor with another name, which revokes the CA.
        """
        return link.issuer in self._ever_loaded and not self.is_covered(link, now)

    def _status_at(self, chains: tuple[Chain, ...], now: datetime) -> RevocationStatus:
        valid = [chain for chain in chains if chain.is_valid_at(now)]
        statuses = [(chain, self._chain_status(chain, now)) for chain in valid]
        relevant = [
            status
            for chain, status in statuses
            if (chain.is_trusted and (chain.ends_at_root or self._check is CrlCheck.CLIENT))
            or status.state is RevocationState.REVOKED
        ]
        if relevant:
            return most_severe(relevant)
        for link in dict.fromkeys(link for chain in chains for link in chain.links):
            revoking = self._revoking_list(link, now)
            if revoking is not None:
                return RevocationStatus(RevocationState.REVOKED, revocation_list=revoking)
        if not self.truststore.authorities:
            return RevocationStatus(RevocationState.UNKNOWN, UnknownReason.NO_TRUSTSTORE)
        is_incomplete = any(chain.is_trusted for chain in valid)
        reason = UnknownReason.INCOMPLETE_CHAIN if is_incomplete else UnknownReason.NO_CHAIN
        return RevocationStatus(RevocationState.UNKNOWN, reason)

    def stale_since(self, now: datetime) -> datetime | None:
        """Return the nextUpdate of the list that became stale last before an aware time; None if no list is stale."""
        ended = self._ends[: bisect_right(self._ends, now - self._max_age)]
        return ended[-1] if ended else None

    def deny_reason(self, status: RevocationStatus) -> DenyReason | None:
        """Return the reason to deny access with this status; None for unknown if the failure mode allows that."""
        if status.state is RevocationState.REVOKED:
            return DenyReason.CERTIFICATE_REVOKED
        if status.state is RevocationState.GOOD or status.state is RevocationState.EXEMPT:
            return None
        return None if self.failure_mode is CrlFailureMode.ALLOW else DenyReason.REVOCATION_STATUS_UNKNOWN

    def has_list_of_superior_ca(self) -> bool:
        """Return whether there is a list of a trusted CA that issued other CAs of the truststore, by their names."""
        return any(
            authority.issuer == issuer.name != authority.identity.name
            for issuer in filter(self.truststore.identified, self.issuers)
            for authority in self.truststore.authorities
        )

    def _chain_status(self, chain: Chain, now: datetime) -> RevocationStatus:
        statuses = [
            self._link_status(link, now, required=place == 0 or self._check is CrlCheck.CHAIN)
            for place, link in enumerate(_below_root(chain))
        ]
        # The trust anchor itself needs no list, but may have revoked itself. Without the condition, the last link of a
        # chain that does not end at a root would be looked up twice.
        revoking = self._revoking_list(chain.links[-1], now) if chain.ends_at_root else None
        if revoking is not None:
            return RevocationStatus(RevocationState.REVOKED, revocation_list=revoking)
        worst = most_severe(statuses)
        if worst.state in {RevocationState.REVOKED, RevocationState.UNKNOWN}:
            return worst
        return worst._replace(skipped_issuers=tuple(name for each in statuses for name in each.skipped_issuers))

    def _link_status(self, link: ChainLink, now: datetime, *, required: bool) -> RevocationStatus:
        status = self._status_by_own_key(link, now, required=required)
        is_proven_good = status.state is RevocationState.GOOD and status.revocation_list is not None
        revoking = self._revoking_list(link, now) if link.other_keys and not is_proven_good else None
        return status if revoking is None else RevocationStatus(RevocationState.REVOKED, revocation_list=revoking)

    def _status_by_own_key(self, link: ChainLink, now: datetime, *, required: bool) -> RevocationStatus:
        found: list[RevocationStatus] = []
        for signed, reason in self._lists.in_force(link, now, self._max_age):
            if signed.revocation_list.is_revoked(link.serial_number):
                return RevocationStatus(RevocationState.REVOKED, revocation_list=signed.revocation_list)
            found.append(signed.status(link.scope, reason))
        good = next((status for status in found if status.state is RevocationState.GOOD), None)
        if good is not None:
            return good
        if link.issuer.key_fingerprint in self._exempt_issuers:
            return RevocationStatus(RevocationState.EXEMPT)
        if found:
            return min(found, key=_rank)
        # A client that is its own issuer is not among the CAs.
        names = tuple(printed_name(each.certificate.subject) for each in self.truststore.identified(link.issuer)[:1])
        if required or link.issuer in self._ever_loaded:
            return RevocationStatus(RevocationState.UNKNOWN, UnknownReason.NO_LIST, issuers_without_list=names)
        return RevocationStatus(RevocationState.GOOD, skipped_issuers=names)

    def _revoking_list(self, link: ChainLink, now: datetime) -> RevocationList | None:
        links = (link._replace(issuer=issuer) for issuer in link.issuers)
        in_force = (signed for each in links for signed, _ in self._lists.in_force(each, now, self._max_age))
        lists = (signed.revocation_list for signed in in_force)
        return next((each for each in lists if each.is_revoked(link.serial_number)), None)


def _below_root(chain: Chain) -> tuple[ChainLink, ...]:
    """Return the certificates of a chain that need a list: all but the root."""
    return chain.links[:-1] if chain.ends_at_root else chain.links


def _rank(status: RevocationStatus) -> int:
    """Return the rank of a status: those by lists that can never prove the certificate good come last."""
    never = (UnknownReason.UNUSABLE, UnknownReason.NOT_COVERED)
    return never.index(status.unknown_reason) + 1 if status.unknown_reason in never else 0
