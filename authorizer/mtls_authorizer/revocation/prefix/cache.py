"""The CRLs below prefixes that are in memory: a bounded number of them, and of bytes."""

from __future__ import annotations

from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mtls_authorizer.revocation.prefix.listed_crl import ListedCrl

MAX_CRLS = 256


class CrlCache:
    """CRLs by their URIs. Those that were used least recently are evicted first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._crls: OrderedDict[str, ListedCrl] = OrderedDict()

    def __iter__(self) -> Iterator[ListedCrl]:
        """Return all CRLs, the one that was used least recently first."""
        return iter(tuple(self._crls.values()))

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
