"""Revocation lists by the CA that issued them, and which of them concern a certificate."""

from __future__ import annotations

from mtls_authorizer.revocation.crl.signer import permitted_signers
from mtls_authorizer.revocation.signed_list import SignedList, in_force
from mtls_authorizer.revocation.succession.order import age

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from typing import TypeAlias

    from mtls_authorizer.revocation.chains import ChainLink
    from mtls_authorizer.revocation.crl.revocation_list import ListIdentity, RevocationList
    from mtls_authorizer.revocation.locations import Locations
    from mtls_authorizer.revocation.status import UnknownReason
    from mtls_authorizer.revocation.truststore.authority import AuthorityId
    from mtls_authorizer.revocation.truststore.bundle import Truststore

    _Group: TypeAlias = Sequence[SignedList]
    """The lists with the same identity, the newest first."""

_MAX_CACHED = 1024
"""The number of certificates whose relevant lists are cached."""

_LONGEST_CACHED = 4096
"""In octets: certificates with longer serial numbers and names are not cached, to limit memory. Most have 100."""


class ListsByIssuer:
    """Revocation lists by the CA that issued them.

    Lists that are assumed to be complete also cover certificates without distribution points, unless their CA has lists
    with different names at several locations. At one location, they are a list and its predecessors.
    """

    def __init__(
        self,
        lists: Iterable[RevocationList],
        truststore: Truststore,
        locations: Locations,
    ) -> None:
        by_identity: dict[ListIdentity, list[RevocationList]] = {}
        for revocation_list in lists:
            by_identity.setdefault(revocation_list.identity, []).append(revocation_list)
        assumed_complete = locations.assumed_complete
        all_assumed = frozenset(identity for at_location in assumed_complete for identity in at_location)
        self.ambiguous = frozenset(
            issuer
            for issuer, named in _with_several_names(by_identity).items()
            if not named.isdisjoint(all_assumed)
            and not (
                named.isdisjoint(locations.others)
                and all(named.issubset(each) for each in assumed_complete if named & each)
            )
        )
        """CAs whose lists cannot be assumed to be complete, because they have several with different names."""
        self._groups: dict[AuthorityId, list[_Group]] = {}
        for identity, of_one_kind in by_identity.items():
            assumed = identity in all_assumed and identity.issuer not in self.ambiguous
            newest_first = sorted(of_one_kind, key=age, reverse=True)
            group = [SignedList(each, permitted_signers(each, truststore), assumed) for each in newest_first]
            self._groups.setdefault(identity.issuer, []).append(group)
        self.issuers = frozenset(self._groups)
        """The CAs of which there is a list."""
        self._relevant_groups: dict[ChainLink, Sequence[_Group]] = {}

    def newest(self) -> Iterator[RevocationList]:
        """Yield the newest list of each identity, if possible one that can prove certificates good."""
        for groups in self._groups.values():
            for group in groups:
                lists = [each.revocation_list for each in group]
                yield next((each for each in lists if each.defect is None), lists[0])

    def covering(self, link: ChainLink, now: datetime, max_age: timedelta) -> Iterator[RevocationList]:
        """Yield the lists of its issuer that can prove a certificate good at an aware time."""
        lists = (each for group in self._relevant(link) for each in group)
        return (each.revocation_list for each in lists if each.can_prove_good(link.scope, now, max_age))

    def in_force(
        self, link: ChainLink, now: datetime, max_age: timedelta
    ) -> Iterator[tuple[SignedList, UnknownReason | None]]:
        """Yield the lists in force at an aware time that contain or cover a certificate.

        Each comes with the reason why it does not prove certificates good; None if it does. If there are none, yield
        other lists of the issuer, which determine why the status of the certificate is unknown.
        """
        for group in self._relevant(link):
            yield from in_force(group, now, max_age)

    def _relevant(self, link: ChainLink) -> Sequence[_Group]:
        """Return the groups of the issuer that contain or cover a certificate; if there are none, any of its groups.

        A CA can have hundreds of lists. The result does not depend on the time, so it is cached.
        """
        relevant = self._relevant_groups.get(link)
        if relevant is None:
            groups = self._groups.get(link.issuer, [])
            relevant = [group for group in groups if any(each.concerns(link) for each in group)] or groups[:1]
            if _length(link) <= _LONGEST_CACHED:
                if len(self._relevant_groups) >= _MAX_CACHED:
                    self._relevant_groups.clear()
                self._relevant_groups[link] = relevant
        return relevant


def _with_several_names(
    by_identity: Mapping[ListIdentity, Sequence[RevocationList]],
) -> dict[AuthorityId, set[ListIdentity]]:
    """Return the lists with names of each CA that has lists with different names."""
    names: dict[AuthorityId, dict[ListIdentity, object]] = {}
    for identity, (revocation_list, *_) in by_identity.items():
        if revocation_list.scope is not None and revocation_list.scope.names is not None:
            names.setdefault(identity.issuer, {})[identity] = revocation_list.scope.names
    return {issuer: set(of_issuer) for issuer, of_issuer in names.items() if len(set(of_issuer.values())) > 1}


def _length(link: ChainLink) -> int:
    """Return the approximate number of octets in the serial number and the names of a link."""
    names = (content for _, content in link.scope.names)
    return link.serial_number.bit_length() // 8 + sum(map(len, (*names, *link.scope.uris)))
