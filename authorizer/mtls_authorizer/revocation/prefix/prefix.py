"""The CRLs below one prefix, and which of them a certificate needs."""

from __future__ import annotations

from itertools import islice

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.revocation.prefix.known import KnownCrls
from mtls_authorizer.revocation.prefix.listing import CrlListing, ListingLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mtls_authorizer.revocation.chains import ChainLink
    from mtls_authorizer.revocation.prefix.listed_crl import ListedCrl
    from mtls_authorizer.revocation.prefix.listing import Versions
    from mtls_authorizer.stores.store import Prefix

LOADED_COMPLETELY = 16
"""A prefix with at most this number of CRLs is loaded completely at the start, if they fit into memory."""

MAX_SEARCHED = 256
"""The maximum number of CRLs that are read in one interval to find one that no certificate names."""

_MAX_NAMED = 64
"""The maximum number of CRLs that are loaded for a certificate. Certificates name one, in rare cases two."""

_NOTHING = CrlListing({})


class CrlPrefix:
    """The CRLs below a prefix, and the facts that are known about them.

    A certificate names its CRL by the last segment of the URI in a distribution point. CRLs that no certificate names,
    because their CA writes no distribution points, or others, are found by reading CRLs that were not read yet. After a
    CRL was read, its issuer is known. ``max_bytes`` is the limit for one CRL, and for all CRLs in memory together.

    Not safe for threads, except for ``listing``.
    """

    def __init__(self, prefix: Prefix, max_bytes: int) -> None:
        self.document = Document(ListingLoader(prefix))
        self._max_bytes = max_bytes
        self._unread: dict[str, None] = {}
        self._known = KnownCrls()
        self._invalid: dict[str, Versions | None] = {}

    @property
    def listing(self) -> CrlListing:
        """The listing in force."""
        return self.document.value or _NOTHING

    def is_loaded_completely(self) -> bool:
        """Return whether the prefix is small enough to be loaded completely. CRLs that are too large are not read."""
        crls = self.listing.crls
        if len(crls) > LOADED_COMPLETELY:
            return False
        return sum(listed.size for listed in crls.values() if listed.size <= self._max_bytes) <= self._max_bytes

    def needed(self, links: Iterable[ChainLink]) -> list[str]:
        """Return the URIs of the CRLs that certificates name, and of known ones of their issuers that cover them."""
        listing = self.listing
        if self.is_loaded_completely():
            return list(listing.crls)
        return list(dict.fromkeys(uri for link in links for uri in islice(self._needed(link), _MAX_NAMED)))

    def unread(self) -> list[str]:
        """Return the URIs of the CRLs that were not read yet, the smallest first."""
        return list(self._unread)

    def learn(self, crl: ListedCrl) -> None:
        """Record the facts about a CRL that was loaded, or could not be loaded."""
        loaded = crl.document.in_force
        if loaded is not None:
            self._known.add(crl.uri, loaded.value, (loaded.version.crl_version, loaded.version.index_version))
        elif isinstance(crl.document.error, ValueError):
            self._invalid[crl.uri] = crl.requested
        else:
            return
        self._unread.pop(crl.uri, None)

    def see_listing(self) -> None:
        """Adapt the facts to a new listing."""
        listing = self.listing
        self._known.keep(listing.crls)
        self._invalid = {uri: read for uri, read in self._invalid.items() if read == listing.versions(uri)}
        self._unread = dict.fromkeys(
            uri for uri in listing.smallest_first if uri not in self._known and uri not in self._invalid
        )

    def forget_invalid(self) -> None:
        """Read invalid CRLs again, because the truststore has changed."""
        self._invalid = {}
        self.see_listing()

    def _needed(self, link: ChainLink) -> Iterator[str]:
        listing = self.listing
        for distribution_point in link.scope.uris:
            named = listing.named_by(distribution_point)
            for uri in named:
                if len(named) == 1 or not self._known.is_of_others(uri, listing.versions(uri), link.issuer):
                    yield uri
        yield from self._known.find(link)
