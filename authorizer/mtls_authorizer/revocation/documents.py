"""The documents of revocation: the truststore and the CRLs, and the revocation lists that are in force."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.revocation.loaders import CrlLoader, truststore_loader, utc_now
from mtls_authorizer.revocation.status import RevocationLists
from mtls_authorizer.revocation.truststore import Truststore
from mtls_authorizer.stores.opener import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtls_authorizer.revocation.settings import CrlSources
    from mtls_authorizer.stores.opener import StoreOpener


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
        self.truststore = Document(truststore_loader(sources.truststore_uri, opener))
        self.crls = [
            Document(CrlLoader(uri, lambda: self.truststore.value, max_age=self._max_age, opener=opener, now=now))
            for uri in sources.uris
        ]

    def lists(self) -> RevocationLists:
        """Return the lists in force. Without a truststore every status is unknown."""
        return RevocationLists(
            [crl.value for crl in self.crls if crl.value is not None],
            self.truststore.value or Truststore(()),
            failure_mode=self._sources.failure_mode,
            max_age=self._max_age,
            expected=len(self.crls),
        )
