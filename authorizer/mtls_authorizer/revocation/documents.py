"""The documents of revocation: CRLs and listings of CRLs, and the revocation lists in force."""

from __future__ import annotations

from datetime import timedelta

from mtls_authorizer.log import get_logger
from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.revocation.chains import MAX_AUTHORITIES
from mtls_authorizer.revocation.crl.size_limit import max_crl_bytes
from mtls_authorizer.revocation.crl_loader import CrlLoader
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.locations import find_locations, located_lists
from mtls_authorizer.revocation.prefix.listing import ListedStore
from mtls_authorizer.revocation.prefix.prefix_crls import PrefixCrls
from mtls_authorizer.revocation.settings import CrlCheck
from mtls_authorizer.revocation.truststore.bundle import Truststore
from mtls_authorizer.stores.uri import is_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtls_authorizer.refresh.document import AnyDocument
    from mtls_authorizer.revocation.prefix.listing import CrlListing
    from mtls_authorizer.revocation.settings import RevocationSettings
    from mtls_authorizer.revocation.truststore.authority import Authority, AuthorityId
    from mtls_authorizer.stores.opener import PrefixOpener, StoreOpener
    from mtls_authorizer.stores.store import Store

logger = get_logger()

MAX_DEPARTED = 1_000
"""The maximum number of certificates of CAs that are remembered after they have left the truststore."""


class RevocationDocuments:
    """The CRLs and prefixes that the settings name, to be refreshed after the truststore.

    CRLs are verified with the truststore that is in force when they are loaded. ``crl_refresher`` loads them, and the
    listings of prefixes, at this interval and with these waiting times. ``opener`` opens their stores,
    ``prefix_opener`` prefixes. ``now`` returns the time, which is aware; ``clock`` returns seconds and never goes back.
    """

    def __init__(  # noqa: PLR0913 -- each by name
        self,
        settings: RevocationSettings,
        truststore: Document[Truststore, str],
        *,
        refresh_seconds: int,
        opener: StoreOpener,
        prefix_opener: PrefixOpener,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        start_seconds: float = 0,
        wait_seconds: float = 0,
    ) -> None:
        self._settings = settings
        self._truststore = truststore
        self._refresh_seconds = refresh_seconds
        self._opener = opener
        self._now = now
        self._max_age = timedelta(seconds=settings.max_age_seconds)
        self._max_bytes = max_crl_bytes(settings.memory_size)
        self._ever_loaded: frozenset[AuthorityId] = frozenset()
        self._trusted = Truststore(())
        self._departed: tuple[Authority, ...] = ()
        self._warnings: frozenset[str] = frozenset()
        self.crls = [Document(self._loader(uri, opener)) for uri in settings.uris if not is_prefix(uri)]
        self.prefix_crls = PrefixCrls(
            [prefix_opener(uri) for uri in settings.uris if is_prefix(uri)],
            self._listed_crl_loader,
            interval_seconds=refresh_seconds,
            max_bytes=self._max_bytes,
            max_age=self._max_age,
            now=now,
            clock=clock,
        )
        self.crl_refresher = Refresher(
            [*self.crls, *self.prefix_crls.listings],
            refresh_seconds,
            start_seconds=start_seconds,
            wait_seconds=wait_seconds,
            clock=clock,
        )
        self._followed: Truststore | None = None

    def follow_truststore(self) -> None:
        """Make CRLs due again if the truststore has changed since the last call."""
        truststore = self._truststore.value
        if truststore is not self._followed:
            self.crl_refresher.restart()
            self.prefix_crls.restart()
            self._followed = truststore

    def expect_successors(self, lists: RevocationLists) -> None:
        """Make CRLs due before the interval is over if one in force is stale: its successor may be stored.

        They are due at once when it becomes stale, and every RETRY_SECONDS for an interval. After that, only while one
        is unreachable: it may have become stale before the function was frozen, or a snapshot was made.
        """
        now = self._now()
        stale_since = lists.stale_since(now)
        if stale_since is None:
            return
        documents: list[AnyDocument] = [*self.crls, *self.prefix_crls.listings]
        is_recent = now - self._max_age - stale_since < timedelta(seconds=self._refresh_seconds)
        self.prefix_crls.retry_unreachable(stale_since if is_recent else None)
        if is_recent or any(document.is_unreachable for document in documents):
            self.crl_refresher.make_due(stale_since if is_recent else None)

    def lists(self, truststore: Truststore | None) -> RevocationLists:
        """Return the lists in force, with the truststore in force. Without one every status is unknown."""
        settings = self._settings
        truststore = truststore or Truststore(())
        single = (each for document in self.crls for each in located_lists(document))
        located = self.prefix_crls.lists(truststore, single)
        # Before CAs are forgotten: the truststore may have changed since their lists were loaded.
        self._ever_loaded |= {each.revocation_list.identity.issuer for each in located}
        self._remember_departed(truststore)
        lists = RevocationLists(
            [each.revocation_list for each in located],
            truststore,
            failure_mode=settings.failure_mode,
            max_age=self._max_age,
            check=settings.check,
            exempt_issuers=settings.exempt_issuers,
            ever_loaded=self._ever_loaded,
            departed=self._departed,
            locations=find_locations(located, settings.assume_complete),
        )
        self._warn(lists)
        return lists

    def _remember_departed(self, truststore: Truststore) -> None:
        """Remember the CAs that were in an earlier truststore of this environment, and are not in this one.

        Only those that have lists, or are below CAs that have.
        """
        if truststore is self._trusted:
            return
        earlier = (*self._departed, *self._trusted.authorities)
        gone = [each for each in earlier if not truststore.identified(each.identity)]
        names = {each.name for each in self._ever_loaded}
        for _ in range(MAX_AUTHORITIES - 2):
            names |= {each.identity.name for each in (*gone, *truststore.authorities) if each.issuer in names}
        concerned = [each for each in gone if each.identity in self._ever_loaded or each.issuer in names]
        self._departed = tuple(concerned[-MAX_DEPARTED:])
        self._trusted = truststore

    def _loader(self, uri: str, opener: StoreOpener) -> CrlLoader:
        return CrlLoader(
            uri,
            lambda: self._truststore.value,
            max_bytes=self._max_bytes,
            max_age=self._max_age,
            opener=opener,
            now=self._now,
        )

    def _listed_crl_loader(self, uri: str, listing: Callable[[], CrlListing]) -> CrlLoader:
        def open_listed(uri: str, *, max_bytes: int) -> Store:
            return ListedStore(self._opener(uri, max_bytes=max_bytes), listing)

        return self._loader(uri, open_listed)

    def _warn(self, lists: RevocationLists) -> None:
        """Log problems of the settings when they appear."""
        warnings = set()
        if lists.ambiguous:
            warnings.add("CRL_ASSUME_COMPLETE ignored")
        if self._settings.check is CrlCheck.CLIENT and lists.has_list_of_superior_ca():
            warnings.add("CRL_CHECK=chain recommended")
        for warning in sorted(warnings - self._warnings):
            logger.warning(warning, extra={"document": "crl", "error": _EXPLANATIONS[warning]})
        self._warnings = frozenset(warnings)


_EXPLANATIONS = {
    "CRL_ASSUME_COMPLETE ignored": "a CA in it has CRLs with different names, so that none is complete",
    "CRL_CHECK=chain recommended": "a CRL of a CA that issued other CAs of the truststore is loaded, but "
    "CRL_CHECK=client does not require the CRLs of such CAs",
}
