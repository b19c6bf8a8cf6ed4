"""The documents of revocation: the truststore and the CRLs, and the revocation lists that are in force."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.revocation.crl.succession import identity_of
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.loaders import CrlLoader, truststore_loader, utc_now
from mtls_authorizer.revocation.settings import CrlCheck
from mtls_authorizer.revocation.truststore import Truststore
from mtls_authorizer.stores.opener import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtls_authorizer.revocation.authority import AuthorityId
    from mtls_authorizer.revocation.settings import CrlSources
    from mtls_authorizer.stores.opener import StoreOpener

logger = logging.getLogger("mtls_authorizer")


class RevocationDocuments:
    """The truststore and the CRLs that the settings name, to be refreshed in this order.

    CRLs are verified with the truststore that is in force when they are loaded: make them expire when it has changed.
    ``opener`` opens their stores, ``now`` returns the time, which is aware.
    """

    def __init__(
        self, sources: CrlSources, opener: StoreOpener = open_store, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._sources = sources
        self._max_age = timedelta(seconds=sources.max_age_seconds)
        self._ever_loaded: frozenset[AuthorityId] = frozenset()
        self._warnings: frozenset[str] = frozenset()
        self.truststore = Document(truststore_loader(sources.truststore_uri, opener))
        self.crls = [
            Document(CrlLoader(uri, lambda: self.truststore.value, max_age=self._max_age, opener=opener, now=now))
            for uri in sources.uris
        ]

    def lists(self) -> RevocationLists:
        """Return the lists in force. Without a truststore every status is unknown."""
        sources = self._sources
        assumed = frozenset(
            identity_of(document.value[0])
            for document in self.crls
            if document.value is not None and document.loader.uri in sources.assume_complete
        )
        lists = RevocationLists(
            [each for document in self.crls for each in document.value or ()],
            self.truststore.value or Truststore(()),
            failure_mode=sources.failure_mode,
            max_age=self._max_age,
            check=sources.check,
            exempt_issuers=sources.exempt_issuers,
            assume_complete=assumed,
            ever_loaded=self._ever_loaded,
        )
        self._ever_loaded |= lists.issuers
        self._warn(lists)
        return lists

    def _warn(self, lists: RevocationLists) -> None:
        """Log what is wrong with the settings, when that changes."""
        warnings = set()
        if lists.ambiguous:
            warnings.add("CRL_ASSUME_COMPLETE ignored")
        if self._sources.check is CrlCheck.CLIENT and lists.issuers_of_authorities():
            warnings.add("CRL_CHECK=chain recommended")
        for warning in sorted(warnings - self._warnings):
            logger.warning(warning, extra={"document": "crl"} | _EXPLANATIONS[warning])
        self._warnings = frozenset(warnings)


_EXPLANATIONS = {
    "CRL_ASSUME_COMPLETE ignored": {"error": "a CA in it has CRLs with different names, so that none is complete"},
    "CRL_CHECK=chain recommended": {
        "error": "a CRL of a CA that issued other CAs of the truststore is loaded, but CRL_CHECK=client does not "
        "require the CRLs of such CAs"
    },
}
