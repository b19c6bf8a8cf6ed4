"""The listing of a prefix: which CRLs and indexes there are, and their versions."""

from __future__ import annotations

import hashlib
from urllib.parse import unquote

from mtls_authorizer.refresh.loader import Loaded
from mtls_authorizer.revocation.index.indexing import CRL_SUFFIX, INDEX_SUFFIX
from mtls_authorizer.stores.store import StoreError
from mtls_authorizer.stores.uri import names_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from mtls_authorizer.stores.store import Fetched, Listed, Prefix, Store

    Versions: TypeAlias = tuple[str | None, str | None]
    """The versions of a CRL and of its index, None for one that was not listed."""

_LONG = 200
"""In characters. A name that is shorter cannot be too long, which takes long to check for a hundred thousand names."""

_SUFFIXES = (CRL_SUFFIX, CRL_SUFFIX + INDEX_SUFFIX)


class CrlListing:
    """The CRLs and indexes that were listed, by their URIs."""

    def __init__(self, objects: Mapping[str, Listed]) -> None:
        self.objects = objects
        self.links = tuple(uri for uri in objects if uri.endswith("/"))
        """The links to folders, which are not followed: other prefixes may contain what is behind them."""
        self.crls = {uri: listed for uri, listed in objects.items() if _is_crl(uri)}
        self.smallest_first = sorted(self.crls, key=lambda uri: (self.crls[uri].size, uri))
        self._by_name: dict[str, list[str]] = {}
        for uri, listed in self.crls.items():
            self._by_name.setdefault(listed.name, []).append(uri)
        for uris in self._by_name.values():
            uris.sort()

    def named_by(self, distribution_point: bytes) -> list[str]:
        """Return the CRLs with the name in the last segment of a distribution point's URI."""
        return self._by_name.get(last_segment(distribution_point), [])

    def namesakes(self, uri: str) -> int:
        """Return how many CRLs have the name of a CRL, itself included; 0 if it was not listed."""
        return len(self._by_name[self.crls[uri].name]) if uri in self.crls else 0

    def size(self, uri: str, max_bytes: int) -> int:
        """Return the size of a CRL or its index in bytes, whichever is larger; 0 if it was not listed.

        Objects of more than ``max_bytes`` are not read, and do not count.
        """
        size = 0
        for listed in (self.crls.get(uri), self.objects.get(uri + INDEX_SUFFIX)):
            if listed is not None and size < listed.size <= max_bytes:
                size = listed.size
        return size

    def versions(self, uri: str) -> Versions:
        """Return the versions of a CRL and of its index."""
        crl, index = self.objects.get(uri), self.objects.get(uri + INDEX_SUFFIX)
        return crl and crl.version, index and index.version


class ListingLoader:
    """The loader of a listing. One that fails on any page raises StoreError, so that the last one stays in force."""

    def __init__(self, prefix: Prefix) -> None:
        self.name = "crl_listing"
        self.uri = prefix.uri
        self._prefix = prefix

    def load(self, current: Loaded[CrlListing, str] | None) -> Loaded[CrlListing, str]:
        """List the prefix. Raises StoreError."""
        objects = self._prefix.documents(_SUFFIXES)
        if current is not None and current.value.objects == objects:
            return current
        digest = hashlib.sha256(repr(sorted(objects.items())).encode()).hexdigest()
        return Loaded(CrlListing(objects), digest[:12])

    def reset(self) -> None:
        """Reset the prefix."""
        self._prefix.reset()


class ListedStore:
    """The store of a listed object, which is requested only if the listing has another version of it.

    Before the object was listed, and after it was removed, there is no such document.
    """

    def __init__(self, store: Store, listing: Callable[[], CrlListing]) -> None:
        self.uri = store.uri
        self._store = store
        self._listing = listing

    def fetch(self, version: str | None, /) -> Fetched | None:
        """Return the object, None if it has the given version. Raises StoreError."""
        listed = self._listing().objects.get(self.uri)
        if listed is None:
            raise StoreError(self.uri, "it is not in the listing of its prefix", is_absence=True)
        return None if listed.version == version else self._store.fetch(version)

    def reset(self) -> None:
        """Reset the store."""
        self._store.reset()


def _is_crl(uri: str) -> bool:
    """Return whether a document is a CRL whose index can have a name, too: the length of names is limited."""
    return uri.endswith(CRL_SUFFIX) and (len(uri) < _LONG or names_document(uri + INDEX_SUFFIX))


def can_name_crl(distribution_point: bytes) -> bool:
    """Return whether the last segment of a distribution point's URI can be the name of a CRL."""
    return last_segment(distribution_point).endswith(CRL_SUFFIX)


def last_segment(uri: bytes) -> str:
    """Return the last segment of the path of a distribution point's URI."""
    path = uri.decode("ascii", "replace").partition("#")[0].partition("?")[0]
    return unquote(path.rpartition("/")[2])
