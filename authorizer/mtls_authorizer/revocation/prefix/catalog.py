"""The CRLs below all prefixes, and which of them a certificate needs."""

from __future__ import annotations

from itertools import chain, islice
from operator import attrgetter

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.revocation.prefix.known import KnownCrls
from mtls_authorizer.revocation.prefix.listing import CrlListing, ListingLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mtls_authorizer.revocation.chains import ChainLink
    from mtls_authorizer.revocation.prefix.cache import ListedCrl
    from mtls_authorizer.revocation.prefix.listing import Versions
    from mtls_authorizer.stores.store import Listed, Prefix

LOADED_COMPLETELY = 16
"""A prefix with at most this number of CRLs is loaded completely at the start, if they fit into memory."""

_SHARE_OF_SMALL_CRLS = 8
"""Of all such prefixes, the smallest CRLs are loaded in any case, up to an eighth of the memory for CRLs: those of root
CAs are small, no client's certificate names them, and nobody must be able to hide one behind large objects."""

_MAX_NAMED = 64
"""The maximum number of CRLs that are loaded for a certificate because it names them, because they are known, and
because another version of known ones is stored. Each has its own limit, so that none hide others. Certificates name
one, in rare cases two."""


class CrlCatalog:
    """The CRLs that are listed below prefixes, and the facts that are known about them. Not safe for threads.

    A certificate names its CRL by the last segment of the URI in a distribution point. CRLs that no certificate names,
    because their CA writes no distribution points, or others, are found by reading CRLs that were not read yet. After a
    CRL was read, its issuer is known until it is replaced.

    ``max_bytes`` is the limit for one CRL, and for all CRLs in memory together.
    """

    def __init__(self, prefixes: Sequence[Prefix], max_bytes: int) -> None:
        self.documents = [Document(ListingLoader(prefix)) for prefix in prefixes]
        self.listing = CrlListing({})
        """The CRLs below all prefixes."""
        self._max_bytes = max_bytes
        self._listings: list[CrlListing | None] = []
        self._in_small_prefixes: dict[str, None] = {}
        self._unread: dict[str, None] = {}
        self.new: dict[str, None] = {}
        """The CRLs of which no version had been read when the listing was adopted, in the order of ``unread``."""
        self._known = KnownCrls()
        self._invalid: dict[str, tuple[Versions, bool]] = {}
        """The listed versions of CRLs that were read and are invalid, and whether an earlier one stays in force."""
        self._unreadable: set[str] = set()

    def update(self) -> bool:
        """Adopt the listings in force. Return whether any is new."""
        # If one prefix is below another, the listing that began last decides what is stored below both.
        oldest_first = sorted(self.documents, key=attrgetter("read_at"))
        listings = [document.value for document in oldest_first]
        if listings == self._listings:
            return False
        loaded = [(each.loader.uri, listing) for each, listing in zip(oldest_first, listings, strict=True) if listing]
        self.listing = loaded[0][1] if len(loaded) == 1 else _merged(loaded)
        self._in_small_prefixes = self._find_small()
        self._known.keep(self.listing.crls)
        self._unreadable.intersection_update(self.listing.crls)
        self._find_unread()
        # At the end: if any step fails, all are repeated.
        self._listings = listings
        return True

    def needed(self, links: Iterable[ChainLink]) -> list[str]:
        """Return the URIs of the CRLs that certificates name, and of known ones of their issuers that cover them.

        CRLs of small prefixes are always needed: see ``is_always_needed``.
        """
        needed = dict(self._in_small_prefixes)
        for link in links:
            known = self._known.find(link)
            # Others of the same issuer and scope must not hide a new version, also after a failed attempt to read it.
            replaced = dict.fromkeys(filter(self._unread.__contains__, known))
            if len(replaced) > _MAX_NAMED:  # in the order of ``unread``, they take turns
                replaced = dict.fromkeys(islice(filter(replaced.__contains__, self._unread), _MAX_NAMED))
            needed |= replaced | dict.fromkeys(known[:_MAX_NAMED])
            needed |= dict.fromkeys(islice(self._named(link), _MAX_NAMED))
        return list(needed)

    def is_always_needed(self, uri: str) -> bool:
        """Return whether a CRL is needed for all certificates: those of small prefixes are, if they fit into memory."""
        return uri in self._in_small_prefixes

    def unread(self) -> list[str]:
        """Return the CRLs whose listed version was not read yet: replaced ones after new ones.

        Those that could not be read come last, and so do those that were read, but in another version.
        """
        return list(self._unread)

    def has_failed(self, uri: str) -> bool:
        """Return whether the last attempt to read a CRL failed."""
        return uri in self._unreadable

    def learn(self, crl: ListedCrl) -> None:
        """Record the facts about a CRL that was loaded, or could not be loaded."""
        loaded, listed = crl.document.in_force, self.listing.versions(crl.uri)
        is_invalid = crl.document.is_invalid and not crl.is_outdated(self.listing)
        if is_invalid:
            self._invalid[crl.uri] = listed, loaded is not None
        is_read = is_invalid
        if loaded is not None:
            versions = (loaded.version.crl_version, loaded.version.index_version)
            self._known.add(crl.uri, loaded.value, versions, self._name(crl.uri))
            is_read |= versions[0] == listed[0]
        if is_read:
            self._unread.pop(crl.uri, None)
            self.new.pop(crl.uri, None)
            self._unreadable.discard(crl.uri)
        elif crl.uri in self._unread and (crl.document.error is not None or not crl.document.attempts):
            # Others are read before the next attempt, also if this one has read another version than the listed one.
            for waiting in (self._unread, self.new):
                if crl.uri in waiting:
                    waiting[crl.uri] = waiting.pop(crl.uri)
            if crl.document.error is not None:
                self._unreadable.add(crl.uri)

    def forget_invalid(self) -> None:
        """Read invalid CRLs again, because the truststore has changed."""
        self._invalid = {}
        self._find_unread()

    def _find_unread(self) -> None:
        listing = self.listing
        self._invalid = {uri: read for uri, read in self._invalid.items() if read[0] == listing.versions(uri)}
        unread = [uri for uri in listing.smallest_first if uri not in self._known]
        unread += sorted(self._known.replaced(listing.crls), key=lambda uri: listing.crls[uri].size)
        valid = (uri for uri in unread if uri not in self._invalid)
        self._unread = dict.fromkeys(sorted(valid, key=self._unreadable.__contains__))
        self.new = dict.fromkeys(uri for uri in self._unread if uri not in self._known)

    def _find_small(self) -> dict[str, None]:
        """Return the CRLs of small prefixes that are always needed: the smallest ones, and all of those that fit."""
        # By what is stored below each prefix, in whatever listing: its own may have failed.
        below = [list(islice(self._below(each), LOADED_COMPLETELY + 1)) for each in self.documents]
        small = [uris for uris in below if len(uris) <= LOADED_COMPLETELY]
        sizes = {uri: self.listing.size(uri, self._max_bytes) for uris in small for uri in uris}
        found: dict[str, None] = {}
        free, left = self._max_bytes, self._max_bytes // _SHARE_OF_SMALL_CRLS
        for uri in sorted(sizes, key=sizes.__getitem__):
            if sizes[uri] <= left:
                found[uri] = None
                left, free = left - sizes[uri], free - sizes[uri]
        for uris in small:
            others = [uri for uri in uris if uri not in found]
            size = sum(sizes[uri] for uri in others)
            if size <= free:
                found |= dict.fromkeys(others)
                free -= size
        return found

    def _below(self, document: Document[CrlListing, str]) -> Iterator[str]:
        """Yield the CRLs below a prefix, the smallest first, except for those behind links that it does not follow."""
        prefix, links = document.loader.uri, document.value.links if document.value else ()
        return (uri for uri in self.listing.smallest_first if uri.startswith(prefix) and not uri.startswith(links))

    def _name(self, uri: str) -> str | None:
        """Return the name of a CRL; None if too many have it, or it was not listed."""
        return self.listing.crls[uri].name if 0 < self.listing.namesakes(uri) <= _MAX_NAMED else None

    def _named(self, link: ChainLink) -> Iterator[str]:
        """Yield the CRLs that a certificate names, except for needless ones."""
        for distribution_point in link.scope.uris:
            named = self.listing.named_by(distribution_point)
            # Not sorted: thousands may have the name, and few are loaded.
            readable = (uri for uri in named if uri not in self._unreadable)
            for uri in chain(readable, (uri for uri in named if uri in self._unreadable)):
                versions = self.listing.versions(uri)
                # Attempts to read an invalid CRL are repeated, unless others have its name and it replaced none.
                is_invalid = len(named) > 1 and self._invalid.get(uri) == (versions, False)
                is_named = len(named) <= _MAX_NAMED
                if not is_invalid and not self._known.is_needless(uri, versions, link, is_named=is_named):
                    yield uri


def _merged(listings: Iterable[tuple[str, CrlListing]]) -> CrlListing:
    """Return what several prefixes contain. Each listing replaces those before it, below its prefix."""
    objects: dict[str, Listed] = {}
    for prefix, listing in listings:
        for uri in [uri for uri in objects if uri.startswith(prefix) and not uri.startswith(listing.links)]:
            del objects[uri]
        objects.update(listing.objects)
    return CrlListing(objects)
