"""One CRL below a prefix, in memory."""

from __future__ import annotations

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.revocation.crl.succession import is_stale

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.crl.retention import RetainedLists
    from mtls_authorizer.revocation.loaders import CrlVersion
    from mtls_authorizer.revocation.prefix.listing import CrlListing, Versions
    from mtls_authorizer.revocation.prefix.remembered import RememberingLoader


class Partition:
    """A CRL that was listed: its document, which is loaded on demand, again when the listing has another version."""

    def __init__(self, loader: RememberingLoader, interval_seconds: float, clock: Callable[[], float]) -> None:
        self.uri = loader.uri
        self.document: Document[RetainedLists, CrlVersion] = Document(loader)
        self.refresher = Refresher([self.document], interval_seconds, start_seconds=0, wait_seconds=0, clock=clock)
        self.size = 0
        """In bytes, as listed: the memory that it takes."""
        self.is_removed = False
        """Whether it is not listed any more."""

        self._listed: Versions | None = None

    @property
    def lists(self) -> RetainedLists:
        """The lists that are held, none before it was loaded."""
        return self.document.value or ()

    @property
    def loaded_versions(self) -> Versions | None:
        """The versions that the lists were loaded from; None if loading them has failed, or has not finished."""
        is_loaded = self.document.error is None and not self.document.attempts
        return self._listed if is_loaded else None

    def use(self, listing: CrlListing) -> bool:
        """Make it due if its object or its index have another version than when it was used last.

        Return whether its lists were outdated, and are no longer: loading the listed version may fail.
        """
        listed = listing.versions(self.uri)
        is_new = listed != self._listed
        if is_new:
            self._listed = listed
            self.refresher.expire()
        self.size = listing.size(self.uri)
        return is_new and bool(self.lists)

    def is_outdated(self, listing: CrlListing) -> bool:
        """Return whether another version is listed, which will be loaded at the next use."""
        return not self.is_removed and listing.versions(self.uri) != self._listed

    def must_stay(self, now: datetime, max_age: timedelta) -> bool:
        """Return whether it must not be evicted, because it still applies and cannot be loaded again.

        That is the case if it was removed from the prefix, and has not expired.
        """
        return self.is_removed and any(not is_stale(each, now, max_age) for each in self.lists)

    def reset(self) -> None:
        """Load everything anew at the next use, after a snapshot was restored."""
        self.document.loader.reset()
        self.refresher.expire()
