"""The numbers and dates of lists that are no longer in memory, to detect older ones."""

from __future__ import annotations

from collections import OrderedDict

from mtls_authorizer.log import get_logger
from mtls_authorizer.revocation.crl.reader import is_stale
from mtls_authorizer.revocation.succession.order import DroppedEdition, replaces
from mtls_authorizer.revocation.succession.retention import MAX_RETAINED_LISTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.crl.revocation_list import ListIdentity, RevocationList

logger = get_logger()

MAX_REMEMBERED = 10_000
"""The maximum number of issuers, keys and scopes that are remembered. Each takes about half a kilobyte."""


class DroppedLists:
    """The numbers and dates of the newest lists of each issuer, key and scope that are no longer in memory.

    They were replaced or evicted, or too many others were stored at their place. Not safe for threads.

    There are several of an issuer if each is newer than the others only by its number or only by its date. If there are
    more than MAX_REMEMBERED issuers, keys and scopes, those of the least recently dropped lists are forgotten.
    """

    def __init__(self, max_age: timedelta) -> None:
        self._max_age = max_age
        self._in_memory: dict[str, RevocationList] = {}
        """The lists that were in memory at the last check, by their digests."""
        self._dropped: OrderedDict[ListIdentity, tuple[DroppedEdition, ...]] = OrderedDict()
        self._highest: set[DroppedEdition] = set()
        """The dropped lists whose numbers made lists that were issued later rolled back at the last check."""
        self._expired = 0
        self._reported: frozenset[str] = frozenset()

    def evict(self, lists: Iterable[RevocationList], now: datetime) -> None:
        """Remember lists that are evicted: they may never have been checked, and must not stay in memory until then.

        If the time of one has not come, the one that is stored at its place is not regarded as older.
        """
        for each in lists:
            if each.this_update <= now:
                self._remember(each, now)
            self._in_memory.pop(each.digest, None)

    def check(self, located: Sequence[tuple[str, RevocationList]], now: datetime) -> list[RevocationList]:
        """Return the lists in memory, those that are older than dropped ones as lists that were rolled back.

        A list that is as new as the dropped one revokes the same certificates. While such a list is in memory, older
        ones may prove certificates good. ``located`` has all lists in memory, each with its URI for the log.
        """
        now_in_memory = {each.digest: each for _, each in located}
        for digest in self._in_memory.keys() - now_in_memory.keys():
            self._remember(self._in_memory[digest], now)
        # At the end: if any step fails, all are repeated.
        self._in_memory = now_in_memory
        in_memory: dict[ListIdentity, list[RevocationList]] = {}
        for _, each in located:
            if each.identity in self._dropped:
                in_memory.setdefault(each.identity, []).append(each)
        dropped = {
            identity: [gone for gone in self._dropped[identity] if not any(replaces(each, gone) for each in lists)]
            for identity, lists in in_memory.items()
        }
        self.count_expired(now)  # what the last check has returned may be in force
        self._highest = set()
        checked = [
            each.rolled_back()
            if each.defect is None and self._is_rolled_back(each, dropped.get(each.identity, ()), now)
            else each
            for _, each in located
        ]
        self._report((uri, new) for (uri, each), new in zip(located, checked, strict=True) if new is not each)
        return checked

    def count_expired(self, now: datetime) -> int:
        """Return a number that has changed if lists have expired, so that a check has another result than before."""
        expired = {each for each in self._highest if is_stale(each.next_update, now, self._max_age)}
        self._expired += len(expired)
        self._highest -= expired
        return self._expired

    def _remember(self, dropped: RevocationList, now: datetime) -> None:
        identity = dropped.identity
        new = DroppedEdition(
            dropped.number,
            dropped.this_update,
            dropped.next_update,
            dropped.is_complete,
            dropped.base,
            dropped.this_update > now,
        )
        known = [each for each in self._dropped.get(identity, ()) if not new.includes(each)]
        if not any(each.includes(new) for each in known):
            known.append(new)
        self._dropped[identity] = tuple(known[-MAX_RETAINED_LISTS:])
        self._dropped.move_to_end(identity)
        if len(self._dropped) > MAX_REMEMBERED:
            self._dropped.popitem(last=False)

    def _is_rolled_back(
        self, revocation_list: RevocationList, dropped: Iterable[DroppedEdition], now: datetime
    ) -> bool:
        """Return whether a list is older than a dropped one.

        After that one has expired, the number of a list that was issued later does not matter: the CA may have
        restarted its numbers.
        """
        newer = [each for each in dropped if each.makes_old(revocation_list)]
        by_number = [each for each in newer if revocation_list.this_update > each.this_update]
        in_force = [each for each in by_number if not is_stale(each.next_update, now, self._max_age)]
        self._highest.update(in_force)
        return len(newer) > len(by_number) or bool(in_force)

    def _report(self, rolled_back: Iterable[tuple[str, RevocationList]]) -> None:
        by_digest = {each.digest: (uri, each) for uri, each in rolled_back}
        for digest in by_digest.keys() - self._reported:
            uri, each = by_digest[digest]
            logger.warning("revocation list not used", extra={"document": "crl", "uri": uri, "error": str(each.defect)})
        self._reported = frozenset(by_digest)
