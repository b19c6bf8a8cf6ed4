"""The CRLs below all prefixes: loaded when a certificate needs them, and kept up to date while they are used."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import takewhile
from threading import RLock

from mtls_authorizer.refresh.refresher import refresh_together
from mtls_authorizer.revocation.crl.reader import find_problem
from mtls_authorizer.revocation.crl.signer import permitted_signers
from mtls_authorizer.revocation.prefix.cache import CrlCache, ListedCrl
from mtls_authorizer.revocation.prefix.catalog import CrlCatalog
from mtls_authorizer.revocation.prefix.listing import can_name_crl
from mtls_authorizer.revocation.prefix.removed import drop_superseded, report_removed
from mtls_authorizer.revocation.signed_list import SignedList
from mtls_authorizer.revocation.succession.dropped import DroppedLists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.chains import Chain, ChainLink
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.crl_loader import CrlLoader
    from mtls_authorizer.revocation.lists import RevocationLists
    from mtls_authorizer.revocation.locations import LocatedList
    from mtls_authorizer.revocation.prefix.listing import CrlListing
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.stores.store import Prefix

_AT_ONCE = 8
"""CRLs that are loaded in parallel. The client for S3 keeps ten connections."""

MAX_SEARCHED = 256
"""The maximum number of CRLs that are read in one interval to find one that no certificate names: a certificate without
a CRL must not make every request read some."""


class PrefixCrls:
    """The CRLs below prefixes that are in memory. Safe for threads.

    ``make_loader`` returns the loader of a CRL; its arguments are the URI, and a function that returns the listing in
    force. ``clock`` returns seconds and never goes back, ``now`` the time, which is aware.
    """

    def __init__(  # noqa: PLR0913 -- each by name
        self,
        prefixes: Sequence[Prefix],
        make_loader: Callable[[str, Callable[[], CrlListing]], CrlLoader],
        *,
        interval_seconds: float,
        max_bytes: int,
        max_age: timedelta,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._catalog = CrlCatalog(prefixes, max_bytes)
        self.listings = self._catalog.documents
        self._make_loader = make_loader
        self._interval_seconds = interval_seconds
        self._max_age = max_age
        self._now = now
        self._clock = clock
        self._max_bytes = max_bytes
        self._cache = CrlCache(max_bytes)
        self._dropped = DroppedLists(max_age)
        self._single: tuple[LocatedList, ...] = ()
        self._lock = RLock()  # held briefly: never while waiting for a store
        self._in_use: list[set[str]] = []  # the CRLs of each request that is loading some
        self._evicted_failures = 0
        self._search_ends_at = float("-inf")
        self._left_to_search = MAX_SEARCHED

    def __bool__(self) -> bool:
        """Return whether there is a prefix."""
        return bool(self.listings)

    @property
    def total_failures(self) -> int:
        """The number of all failed attempts to load a CRL."""
        with self._lock:
            return self._evicted_failures + sum(each.document.total_failures for each in self._cache)

    def lists(self, truststore: Truststore, single: Iterable[LocatedList] = ()) -> list[LocatedList]:
        """Return all lists in memory, with those of single CRLs. Removed CRLs are dropped if newer ones supersede them.

        Those that are older than dropped ones are lists that were rolled back.
        """
        with self._lock:
            self._single = tuple(single)
            located = self._checked()
            return self._checked() if self._drop_superseded(located[len(self._single) :], truststore) else located

    def count_expired(self) -> int:
        """Return a number that has changed if ``lists`` prove more, because those that were newer have expired."""
        with self._lock:
            return self._dropped.count_expired(self._now())

    @contextmanager
    def loaded(self, chains: Iterable[Chain], lists: RevocationLists, wait_seconds: float) -> Iterator[bool]:
        """Load the CRLs that the certificates of chains need. They stay in memory until the end of the block.

        Returns whether the lists in force, ``lists``, must be replaced: a CRL has changed, or another thread has loaded
        one. It waits at most ``wait_seconds``; loading continues after that.
        """
        used: set[str] = set()
        with self._lock:
            self._in_use.append(used)
        try:
            changed = self._load_needed(chains, lists, used, time.monotonic() + wait_seconds)
            yield self._evict() or changed or self._is_newer_than(lists, used)
        finally:
            with self._lock:
                self._in_use = [each for each in self._in_use if each is not used]

    def restart(self) -> None:
        """Check all CRLs again at their next use, because the truststore has changed."""
        with self._lock:
            self._catalog.forget_invalid()
            for crl in self._cache:
                crl.refresher.restart()

    def retry_unreachable(self, stale_since: datetime | None) -> None:
        """Load CRLs that are unreachable again at their next use: see ``Refresher.make_due``."""
        with self._lock:
            for crl in self._cache:
                if crl.document.error and crl.document.is_unreachable:  # the first saves a call for each of hundreds
                    crl.refresher.make_due(stale_since)

    def reset(self) -> None:
        """Load everything again at its next use, after a snapshot was restored."""
        with self._lock:
            for crl in self._cache:
                crl.reset()

    def _load_needed(self, chains: Iterable[Chain], lists: RevocationLists, used: set[str], deadline: float) -> bool:
        """Load the CRLs that the certificates of chains need, and add them to ``used``. Return whether any changed."""
        with self._lock:
            self._update()
            links = list(dict.fromkeys(link for chain in chains for link in chain.links))
            needed = self._catalog.needed(links)
        changed = self._load(needed, links, used, deadline)
        for link in lists.required(chains, self._now()):
            if any(map(can_name_crl, link.scope.uris)):
                continue
            if lists.is_covered(link, self._now()):
                changed |= self._read_new(links, used)
            else:
                changed |= self._search(link, links, lists.truststore, used, deadline)
        return changed

    def _load(self, uris: list[str], links: Sequence[ChainLink], used: set[str], deadline: float) -> bool:
        """Load those of some CRLs that are due. Return whether any changed.

        Adds them to ``used``, except for those that turn out not to concern the certificates: many may have to be read
        to find one, more than fit into memory.
        """
        changed = False
        used.update(uris)
        for batch in self._batches(uris):
            with self._lock:
                crls = [self._cache.use(uri, self._create) for uri in batch]
                changed |= any([crl.use(self._catalog.listing, self._max_bytes) for crl in crls])  # noqa: C419 -- each one
            is_loaded = refresh_together([crl.refresher for crl in crls], max(0.0, deadline - time.monotonic()))
            with self._lock:
                for crl in crls:
                    crl.measure()
                    self._catalog.learn(crl)
                if is_loaded:
                    optional = [crl for crl in crls if not self._catalog.is_always_needed(crl.uri)]
                    others = [crl.uri for crl in optional if not crl.may_concern(links)]
                    used.difference_update(others)
                    self._cache.demote(others)
                    self._evict()
            changed |= is_loaded
        return changed

    def _batches(self, uris: Iterable[str]) -> Iterator[list[str]]:
        """Yield the CRLs to load in parallel: few, and together no larger than one may be."""
        batch: list[str] = []
        free = self._max_bytes
        for uri in uris:
            size = self._catalog.listing.size(uri, self._max_bytes)
            if batch and (len(batch) == _AT_ONCE or size > free):
                yield batch
                batch, free = [], self._max_bytes
            batch.append(uri)
            free -= size
        if batch:
            yield batch

    def _create(self, uri: str) -> ListedCrl:
        return ListedCrl(self._make_loader(uri, lambda: self._catalog.listing), self._interval_seconds, self._clock)

    def _search(
        self, link: ChainLink, links: Sequence[ChainLink], truststore: Truststore, used: set[str], deadline: float
    ) -> bool:
        """Read CRLs for a certificate that names none and is not proven good. Return whether any changed.

        New ones are read although another one proves the certificate good: they may be newer. Replaced ones, and failed
        attempts, are read only until a listed one proves it good now. Others are known not to cover it.
        """
        changed = is_covered = False
        with self._lock:
            unread = self._catalog.unread()
        for start in range(0, len(unread), _AT_ONCE):
            batch = unread[start : start + _AT_ONCE]
            is_covered = is_covered or self._is_covered(link, truststore)
            if is_covered:
                with self._lock:
                    batch = [uri for uri in batch if uri in self._catalog.new and not self._catalog.has_failed(uri)]
            if time.monotonic() >= deadline or not self._may_search(batch):
                break
            changed |= self._load(batch, links, used, deadline)
        return changed

    def _read_new(self, links: Sequence[ChainLink], used: set[str]) -> bool:
        """Begin to read some new CRLs without waiting, and collect what was read. Return whether any changed."""
        with self._lock:
            self._may_search(())  # an interval may begin
            # Failed attempts are not repeated with the second half: a search may need it.
            may_repeat = self._left_to_search > MAX_SEARCHED // 2
            # Those that are being read come first, so that there is never more than one batch, and failed ones last.
            new = takewhile(lambda uri: may_repeat or not self._catalog.has_failed(uri), self._catalog.new)
            batch = next(self._batches(new), [])
        return bool(batch) and self._may_search(batch) and self._load(batch, links, used, time.monotonic())

    def _may_search(self, uris: Iterable[str]) -> bool:
        """Return whether these CRLs may be read in this interval. Those that are not due will not be."""
        with self._lock:
            now = self._clock()
            if now >= self._search_ends_at:
                self._search_ends_at = now + self._interval_seconds
                self._left_to_search = MAX_SEARCHED
            cached = map(self._cache.get, uris)
            self._left_to_search -= sum(crl is None or crl.is_due(self._catalog.listing) for crl in cached)
            return self._left_to_search >= 0

    def _is_covered(self, link: ChainLink, truststore: Truststore) -> bool:
        now = self._now()
        with self._lock:
            lists = [each.revocation_list for each in self._checked() if each.is_stored]
        return any(
            each.identity.issuer == link.issuer
            and SignedList(each, permitted_signers(each, truststore)).can_prove_good(link.scope, now, self._max_age)
            for each in lists
        )

    def _is_newer_than(self, lists: RevocationLists, uris: Collection[str]) -> bool:
        """Return whether some CRLs have lists in memory that are not in force yet."""
        with self._lock:
            crls = [crl for crl in map(self._cache.get, uris) if crl is not None]
        return any(not lists.has_location_of(each) for crl in crls for each in crl.lists)

    def _checked(self) -> list[LocatedList]:
        """Return what ``lists`` does, with the single CRLs of its last call. The caller has the lock."""
        self._update()
        lists = [*self._single, *self._cache.located(self._catalog.listing)]
        checked = self._dropped.check([each[:2] for each in lists], self._now())
        return [each._replace(revocation_list=new) for each, new in zip(lists, checked, strict=True)]

    def _update(self) -> None:
        """Adopt the listings in force, and report CRLs that were removed. The caller has the lock."""
        before = self._catalog.listing
        if self._catalog.update():
            report_removed(self._cache, before, self._catalog.listing)

    def _evict(self) -> bool:
        """Evict CRLs that no request uses until the rest is within the limits. Return whether a list was evicted."""
        now = self._now()

        def may_be_evicted(crl: ListedCrl) -> bool:
            return not self._is_in_use(crl) and not crl.must_stay(self._catalog.listing, now, self._max_age)

        with self._lock:
            return self._forget(self._cache.evict(may_be_evicted), now)

    def _drop_superseded(self, located: Iterable[LocatedList], truststore: Truststore) -> bool:
        """Drop removed CRLs that newer ones supersede. Return whether there was any. The caller has the lock."""
        removed = [crl for crl in self._cache if crl.uri not in self._catalog.listing.crls and not self._is_in_use(crl)]
        now = self._now()

        def is_usable(revocation_list: RevocationList) -> bool:
            return find_problem(revocation_list, truststore, now, self._max_age) is None

        return bool(removed) and self._forget(drop_superseded(removed, self._cache, located, is_usable), now)

    def _is_in_use(self, crl: ListedCrl) -> bool:
        return any(crl.uri in used for used in self._in_use)

    def _forget(self, crls: list[ListedCrl], now: datetime) -> bool:
        """Remember the lists of CRLs that have left the memory. Return whether any had one. The caller has the lock."""
        self._evicted_failures += sum(crl.document.total_failures for crl in crls)
        for crl in crls:
            self._dropped.evict(crl.lists, now)
        return any(crl.lists for crl in crls)
