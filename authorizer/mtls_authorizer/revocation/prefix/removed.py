"""CRLs that were removed from a prefix. They stay in memory until they expire, or a newer one stays in their place.

A CA may write each CRL under a new name, and delete the one before it: all of them together would fill the memory.
"""

from __future__ import annotations

from mtls_authorizer.log import get_logger
from mtls_authorizer.revocation.prefix.cache import end_of
from mtls_authorizer.revocation.succession.order import is_superseded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mtls_authorizer.revocation.crl.revocation_list import ListIdentity, RevocationList
    from mtls_authorizer.revocation.locations import LocatedList
    from mtls_authorizer.revocation.prefix.cache import CrlCache, ListedCrl
    from mtls_authorizer.revocation.prefix.listing import CrlListing

logger = get_logger()


def report_removed(cache: CrlCache, before: CrlListing, listing: CrlListing) -> None:
    """Log which CRLs in memory are not in a new listing, but were in the one before it."""
    for crl in cache:
        if crl.uri in before.crls and crl.uri not in listing.crls:
            logger.warning("revocation list removed", extra={"document": "crl", "uri": crl.uri})


def drop_superseded(
    removed: Iterable[ListedCrl],
    cache: CrlCache,
    located: Iterable[LocatedList],
    is_usable: Callable[[RevocationList], bool],
) -> list[ListedCrl]:
    """Drop removed CRLs of the cache whose lists are all superseded until they expire. Return them.

    Each list has no effect because of a usable one that is stored at another place in the cache, and expires no
    earlier, or because it is the same one. From now on, that one stays in memory as long as the removed CRL would, even
    if it is removed as well. It is the only list of its place: those of other CAs that are stored there later displace
    none that was there first. ``located`` are the lists in the cache. Those that are older than dropped ones were
    rolled back.
    """
    crls = {crl.uri: crl for crl in cache}
    alone: dict[ListIdentity, list[tuple[ListedCrl, RevocationList]]] = {}
    for each in located:
        crl = crls[each.uri]
        if each.is_stored and len(crl.lists) == 1:
            alone.setdefault(each.revocation_list.identity, []).append((crl, each.revocation_list))
    dropped = []
    for crl in removed:
        found = [_successor(each, alone.get(each.identity, ()), is_usable) for each in crl.lists]
        successors = [successor for successor in found if successor is not None]
        if successors and len(successors) == len(found):
            for successor in successors:
                successor.needed_until = max(successor.needed_until, crl.needed_until, *map(end_of, crl.lists))
            cache.remove(crl)
            dropped.append(crl)
    return dropped


def _successor(
    earlier: RevocationList,
    others: Iterable[tuple[ListedCrl, RevocationList]],
    is_usable: Callable[[RevocationList], bool],
) -> ListedCrl | None:
    """Return the CRL whose list is in force instead of an earlier one until that expires; None without any.

    It may be the same list: CRLs that have not changed may be stored in a new folder each day.
    """
    newer = (
        (crl, new)
        for crl, new in others
        if new.digest == earlier.digest or (is_superseded(earlier, new) and end_of(earlier) <= end_of(new))
    )
    return next((crl for crl, new in newer if is_usable(new)), None)
