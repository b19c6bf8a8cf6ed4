"""The CRLs below prefixes that are in memory: a bounded number of them, and of bytes."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.revocation.crl.reader import is_stale
from mtls_authorizer.revocation.locations import located_lists
from mtls_authorizer.revocation.signed_list import SignedList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import timedelta

    from mtls_authorizer.revocation.chains import ChainLink
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.crl_loader import CrlLoader, CrlVersion
    from mtls_authorizer.revocation.locations import LocatedList
    from mtls_authorizer.revocation.prefix.listing import CrlListing, Versions
    from mtls_authorizer.revocation.succession.retention import RetainedLists

MAX_CRLS = 256


class CrlCache:
    """CRLs by their URIs. Those that were used least recently are evicted first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._crls: OrderedDict[str, ListedCrl] = OrderedDict()

    def __iter__(self) -> Iterator[ListedCrl]:
        """Return all CRLs, the one that was used least recently first."""
        return iter(tuple(self._crls.values()))

    def located(self, listing: CrlListing) -> Iterator[LocatedList]:
        """Yield all lists, and where they were loaded from."""
        for crl in self:
            yield from located_lists(crl.document, is_outdated=crl.is_outdated(listing))

    def get(self, uri: str) -> ListedCrl | None:
        """Return a CRL, None if it is not in memory."""
        return self._crls.get(uri)

    def use(self, uri: str, create: Callable[[str], ListedCrl]) -> ListedCrl:
        """Return a CRL, a new one if there is none."""
        crl = self._crls.get(uri)
        if crl is None:
            crl = self._crls[uri] = create(uri)
        self._crls.move_to_end(uri)
        return crl

    def demote(self, uris: Iterable[str]) -> None:
        """Make CRLs those that are evicted first."""
        for uri in uris:
            self._crls.move_to_end(uri, last=False)

    def remove(self, crl: ListedCrl) -> None:
        """Remove a CRL, whatever the limits."""
        del self._crls[crl.uri]

    def evict(self, may_be_evicted: Callable[[ListedCrl], bool]) -> list[ListedCrl]:
        """Remove CRLs that may be evicted until the rest is within the limits. Return the removed ones."""
        evicted = []
        count = len(self._crls)
        size = sum(crl.size for crl in self._crls.values())
        for crl in self:
            if size <= self._max_bytes and count <= MAX_CRLS:
                break
            if may_be_evicted(crl):
                del self._crls[crl.uri]
                evicted.append(crl)
                size, count = size - crl.size, count - 1
        return evicted


class ListedCrl:
    """A CRL that was listed. It is loaded on demand, and again when another version of it is listed."""

    def __init__(self, loader: CrlLoader, interval_seconds: float, clock: Callable[[], float]) -> None:
        self.uri = loader.uri
        self.document: Document[RetainedLists, CrlVersion] = Document(loader)
        self.refresher = Refresher([self.document], interval_seconds, clock=clock)
        self.size = 0
        """In bytes: the memory that its lists take, or the listed version will.

        Earlier lists may be larger: they stay in memory if what is stored now is invalid or for other certificates.
        """
        self.needed_until = datetime.min.replace(tzinfo=UTC)
        """Until when it stays in memory in place of removed CRLs that it supersedes."""
        self._listed_size = 0
        self._requested: Versions | None = None

    @property
    def lists(self) -> RetainedLists:
        """The lists in memory; none before it was loaded."""
        return self.document.value or ()

    def use(self, listing: CrlListing, max_bytes: int) -> bool:
        """Make it due if another version is listed than when it was used last.

        Return whether its lists were outdated, and are no longer: loading the listed version may fail.
        """
        listed = listing.versions(self.uri)
        is_new = listed != self._requested
        if is_new:
            self._listed_size = listing.size(self.uri, max_bytes)
            self.refresher.restart()
            self._requested = listed
            self.measure()
        return is_new and bool(self.lists)

    def measure(self) -> None:
        """Update ``size`` after loading: it is compared at each request."""
        self.size = max(self._listed_size, sum(each.size for each in self.lists))

    def is_outdated(self, listing: CrlListing) -> bool:
        """Return whether it was removed, or another version is listed than when it was used last."""
        return self.uri not in listing.crls or listing.versions(self.uri) != self._requested

    def is_due(self, listing: CrlListing) -> bool:
        """Return whether its next use will begin to load it."""
        return self.refresher.is_due() or self.is_outdated(listing)

    def may_concern(self, links: Iterable[ChainLink]) -> bool:
        """Return whether the CRL, as far as it was loaded, covers or revokes a certificate."""
        return not self.lists or any(
            each.identity.issuer in link.issuers and SignedList(each).concerns(link)
            for each in self.lists
            for link in links
        )

    def must_stay(self, listing: CrlListing, now: datetime, max_age: timedelta) -> bool:
        """Return whether it must not be evicted: it, or one that it superseded, was removed, but has not expired."""
        if now - max_age < self.needed_until:
            return True
        return self.uri not in listing.crls and any(not is_stale(each.next_update, now, max_age) for each in self.lists)

    def reset(self) -> None:
        """Load everything again at the next use, after a snapshot was restored."""
        self.document.loader.reset()
        self.refresher.restart()


def end_of(revocation_list: RevocationList) -> datetime:
    """Return the nextUpdate of a list; the last moment if it has none."""
    return revocation_list.next_update or datetime.max.replace(tzinfo=UTC)
