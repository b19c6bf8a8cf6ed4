"""Where CRLs come from: their indexes or themselves, with the truststore that they are checked against."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mtls_authorizer.crl import check_signer, check_timeliness, read_revocation_list
from mtls_authorizer.crl_index import MAGIC, read_index
from mtls_authorizer.crl_indexing import INDEX_SUFFIX, LARGEST_CRL
from mtls_authorizer.refreshing import Refreshed
from mtls_authorizer.revocation import RevocationList, RevocationLists, is_stale
from mtls_authorizer.stores import Fetched, StoreError, open_store
from mtls_authorizer.truststore import LARGEST_TRUSTSTORE, Truststore, read_truststore

if TYPE_CHECKING:
    from mtls_authorizer.configuration import CrlSources

_INDEX, _CRL = "index ", "crl "


class RevocationSource:
    """The truststore and the CRLs that the configuration names, as documents to refresh: the truststore first."""

    def __init__(self, sources: CrlSources) -> None:
        self._sources = sources
        self._max_age = timedelta(seconds=sources.max_age_seconds)
        self.truststore: Refreshed[Truststore] = Refreshed(
            "truststore",
            open_store(sources.truststore_uri, largest=LARGEST_TRUSTSTORE),
            lambda content, _in_force: read_truststore(content),
        )
        self.crls: list[Refreshed[RevocationList]] = [
            Refreshed("crl", _IndexedStore(uri, self, number), self.read) for number, uri in enumerate(sources.uris)
        ]

    def lists(self) -> RevocationLists:
        """Return the CRLs in force. Without a truststore no certificate has a status."""
        return RevocationLists(
            [crl.value for crl in self.crls if crl.value is not None],
            self.truststore.value or Truststore(()),
            failure_mode=self._sources.failure_mode,
            max_age=self._max_age,
            complete=all(crl.value is not None for crl in self.crls),
        )

    def read(self, content: bytes, in_force: RevocationList | None) -> RevocationList:
        """Read an index or a CRL that counts now. Raises ValueError."""
        truststore, now = self.truststore.value, datetime.now(UTC)
        if truststore is None:
            message = "there is no truststore to check it against"
            raise ValueError(message)
        if not content.startswith(MAGIC):
            return read_revocation_list(content, truststore, now, in_force=in_force, max_age=self._max_age)
        index = read_index(content)
        check_signer(index, truststore, now)
        check_timeliness(index, now, in_force=in_force, max_age=self._max_age)
        return index

    def is_usable(self, revocation_list: RevocationList | None) -> bool:
        """Tell whether a list still counts."""
        return revocation_list is not None and not is_stale(revocation_list, datetime.now(UTC), self._max_age)


class _IndexedStore:
    """A CRL's index as long as there is one that counts, else the CRL."""

    def __init__(self, uri: str, source: RevocationSource, number: int) -> None:
        self.uri = uri
        self._source = source
        self._number = number
        self._index = open_store(uri + INDEX_SUFFIX, largest=LARGEST_CRL)
        self._crl = open_store(uri, largest=LARGEST_CRL)

    def fetch(self, version: str | None) -> Fetched | None:
        """Fetch either, unless it is unchanged. Raises StoreError for the CRL: an index may be missing, or unusable."""
        in_force = self._source.crls[self._number].value
        with suppress(StoreError, ValueError):
            index = self._index.fetch(_version_of(_INDEX, version))
            if index is not None:
                self._source.read(index.content, in_force)
                return Fetched(index.content, _INDEX + index.version)
            if self._source.is_usable(in_force):
                return None
        crl = self._crl.fetch(_version_of(_CRL, version))
        return crl and Fetched(crl.content, _CRL + crl.version)


def _version_of(kind: str, version: str | None) -> str | None:
    return version.removeprefix(kind) if version is not None and version.startswith(kind) else None
