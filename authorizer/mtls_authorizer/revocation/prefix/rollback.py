"""The numbers and dates of CRLs that are no longer in memory, to detect older ones."""

from __future__ import annotations

from collections import OrderedDict

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.log import get_logger
from mtls_authorizer.revocation.crl.retention import MAX_RETAINED_LISTS, RolledBackList
from mtls_authorizer.revocation.crl.succession import identity_of, is_older, is_stale

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.crl.succession import ListIdentity
    from mtls_authorizer.revocation.locations import LocatedList

logger = get_logger()

MAX_REMEMBERED = 10_000
"""The maximum number of issuers, keys and scopes that are remembered. Each takes about half a kilobyte."""


class _Age(NamedTuple):
    number: int | None
    this_update: datetime
    next_update: datetime | None
    has_defect: bool
    """Whether it need not contain what earlier lists revoke, such as a delta CRL."""

    def replaces(self, other: _Age) -> bool:
        """Return whether a list of this age revokes what another one with the same identity does."""
        return not is_older(self, other) and (other.has_defect or not self.has_defect)


class EvictedLists:
    """The numbers and dates of the newest lists of each issuer, key and scope that are no longer in memory.

    They were evicted, or dropped because too many others were stored at their place. Not safe for threads.

    There are several of an issuer if each is newer than the others only by its number or only by its date. If there are
    more than MAX_REMEMBERED issuers, keys and scopes, the least recently evicted ones are forgotten.
    """

    def __init__(self, max_age: timedelta) -> None:
        self._max_age = max_age
        self._ages: OrderedDict[ListIdentity, tuple[_Age, ...]] = OrderedDict()
        self._highest: set[_Age] = set()
        """The evicted lists whose numbers are higher than those of rolled back ones that were issued later."""
        self._reported: frozenset[str] = frozenset()

    def remember(self, lists: Iterable[RevocationList], now: datetime) -> None:
        """Remember lists that are evicted or were dropped, except for those whose time has not come."""
        for each in lists:
            if each.this_update <= now:
                identity, new = identity_of(each), _age(each)
                ages = [age for age in self._ages.get(identity, ()) if not new.replaces(age)]
                if not any(age.replaces(new) for age in ages):
                    ages.append(new)
                self._ages[identity] = tuple(ages[-MAX_RETAINED_LISTS:])
                self._ages.move_to_end(identity)
                if len(self._ages) > MAX_REMEMBERED:
                    self._ages.popitem(last=False)

    def check(self, located: Sequence[LocatedList], now: datetime) -> list[LocatedList]:
        """Return the lists in memory, with a RolledBackList for each that is older than an evicted one.

        A list that is as new as the evicted one revokes the same certificates. While such a list is in memory, older
        ones may prove certificates good.
        """
        identified = [(identity_of(each.revocation_list), each) for each in located]
        in_memory: dict[ListIdentity, list[_Age]] = {}
        for identity, each in identified:
            if identity in self._ages:
                in_memory.setdefault(identity, []).append(_age(each.revocation_list))
        evicted = {
            identity: [age for age in self._ages[identity] if not any(each.replaces(age) for each in ages)]
            for identity, ages in in_memory.items()
        }
        checked = [
            each._replace(revocation_list=RolledBackList(each.revocation_list))
            if each.revocation_list.defect is None
            and self._is_rolled_back(each.revocation_list, evicted.get(identity, ()), now)
            else each
            for identity, each in identified
        ]
        self._report(new for new, each in zip(checked, located, strict=True) if new is not each)
        return checked

    def take_expired(self, now: datetime) -> bool:
        """Return whether evicted lists have expired since the last call, so that the next check has another result."""
        expired = {age for age in self._highest if is_stale(age, now, self._max_age)}
        self._highest -= expired
        return bool(expired)

    def _is_rolled_back(self, revocation_list: RevocationList, evicted: Iterable[_Age], now: datetime) -> bool:
        """Return whether a list is older than an evicted one.

        After that one has expired, the number of a list that was issued later does not matter: the CA may have
        restarted its numbers.
        """
        newer = [age for age in evicted if is_older(revocation_list, age)]
        by_number = [age for age in newer if revocation_list.this_update > age.this_update]
        in_force = [age for age in by_number if not is_stale(age, now, self._max_age)]
        self._highest.update(in_force)
        return len(newer) > len(by_number) or bool(in_force)

    def _report(self, rolled_back: Iterable[LocatedList]) -> None:
        by_digest = {each.revocation_list.digest: each for each in rolled_back}
        for digest in by_digest.keys() - self._reported:
            each = by_digest[digest]
            fields = {"document": "crl", "uri": each.uri, "error": str(each.revocation_list.defect)}
            logger.warning("revocation list not used", extra=fields)
        self._reported = frozenset(by_digest)


def _age(revocation_list: RevocationList) -> _Age:
    original = revocation_list.original if isinstance(revocation_list, RolledBackList) else revocation_list
    return _Age(original.number, original.this_update, original.next_update, original.defect is not None)
