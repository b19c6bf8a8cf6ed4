"""Where CRLs come from: their indexes or themselves, with the truststore that they are checked against."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.refresh.refresher import Refreshed
from mtls_authorizer.revocation.crl import (
    RevocationListError,
    check_signer,
    check_timeliness,
    crl_digest,
    read_revocation_list,
)
from mtls_authorizer.revocation.index import read_index
from mtls_authorizer.revocation.indexing import INDEX_SUFFIX, LARGEST_CRL
from mtls_authorizer.revocation.status import RevocationList, RevocationLists, is_stale
from mtls_authorizer.revocation.truststore import LARGEST_TRUSTSTORE, Truststore, read_truststore
from mtls_authorizer.stores.store import Fetched, StoreError, open_dated_store, open_store

if TYPE_CHECKING:
    from mtls_authorizer.revocation.configuration import CrlSources

logger = logging.getLogger("mtls_authorizer")

_INDEX, _CRL = "index ", "crl "

# S3's dates are whole seconds. A CRL of the same second as its index may have come after it.
_GRANULARITY = timedelta(seconds=1)

# More than any CRL's, and not so much that a date would be before the year 1.
_ANY_AGE = timedelta(days=2000 * 365)


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
        self.crls = [_IndexedCrl(uri, self.truststore, self._max_age).document for uri in sources.uris]

    def lists(self) -> RevocationLists:
        """Return the CRLs in force. Without a truststore no certificate has a status."""
        return RevocationLists(
            [crl.value for crl in self.crls if crl.value is not None],
            self.truststore.value or Truststore(()),
            failure_mode=self._sources.failure_mode,
            max_age=self._max_age,
            expected=len(self.crls),
        )


class _Indexed(NamedTuple):
    """The list of an index, and when the index wasn't written yet: None where that isn't known."""

    revocation_list: RevocationList
    written: datetime | None


class _Checked(threading.local):
    """A list that was read, and its content."""

    content: bytes | None = None
    revocation_list: RevocationList


class _IndexedCrl:
    """A CRL with its index, as the store of one document, whose versions say which of the two it is.

    The index is preferred, as long as it is that of the CRL beside it: if the CRL was replaced after the index was
    written, as it is until the indexer is done, and when the indexer fails, the CRL itself counts.
    """

    def __init__(self, uri: str, truststore: Refreshed[Truststore], max_age: timedelta) -> None:
        self.uri = uri
        self.document: Refreshed[RevocationList] = Refreshed("crl", self, self.read)
        self._truststore = truststore
        self._max_age = max_age
        self._index = open_dated_store(uri + INDEX_SUFFIX, largest=LARGEST_CRL)
        self._crl = open_dated_store(uri, largest=LARGEST_CRL)
        self._written: tuple[str | None, datetime | None] = None, None
        """The version of the index that was used last, and a time just before it was written."""
        self._same: tuple[str | None, str | None] = None, None
        """A CRL's version, and the digest that it shares with its index."""
        # What ``fetch`` had to read already, in the same thread. Another may still be at what it was told to forget.
        self._checked = _Checked()

    def fetch(self, version: str | None) -> Fetched | None:
        """Fetch the index, or the CRL if there is no index of it; None where what is in force still is right.

        Raises StoreError and ValueError for the CRL, unless there is an index that can be used for the first time.
        """
        index, indexed = self._ask_for_index(version)
        if index is None:
            crl = self._ask_for_crl(version, indexed)
        else:
            try:
                crl = self._ask_for_crl(version, indexed)
                if crl is not None:
                    self._checked.revocation_list = self._read_crl(crl.content, indexed and indexed.revocation_list)
                    self._checked.content = crl.content
            except (StoreError, ValueError) as error:
                self._warn("revocation list not used", self.uri, error)
                crl = None
        if crl is not None:
            return crl._replace(version=_CRL + crl.version)
        return index and index._replace(version=_INDEX + index.version)

    def read(self, content: bytes, in_force: RevocationList | None) -> RevocationList:
        """Read what ``fetch`` returned, where it may take the place of the list in force. Raises ValueError.

        A list that is stale may do so if that is stale, too, or if there is none: it still revokes, and clears nobody.
        """
        if self._checked.content is content:
            return self._checked.revocation_list
        # It is from the CRL's place, where no signature may be missing: an index won't do there.
        return self._read_crl(content, in_force)

    def _read_crl(self, content: bytes, in_force: RevocationList | None) -> RevocationList:
        truststore, now = self._needed_truststore(), datetime.now(UTC)
        revocation_list = read_revocation_list(content, truststore, now, max_age=_ANY_AGE)
        self._check_succession(revocation_list, in_force, truststore, now)
        return revocation_list

    def _read_index(self, content: bytes, in_force: RevocationList | None) -> RevocationList:
        revocation_list = read_index(content)
        truststore, now = self._needed_truststore(), datetime.now(UTC)
        check_signer(revocation_list, truststore, now)
        self._check_succession(revocation_list, in_force, truststore, now)
        return revocation_list

    def _needed_truststore(self) -> Truststore:
        if self._truststore.value is None:
            message = "there is no truststore to check it against"
            raise ValueError(message)
        return self._truststore.value

    def _check_succession(
        self, revocation_list: RevocationList, in_force: RevocationList | None, truststore: Truststore, now: datetime
    ) -> None:
        if in_force is not None and not _is_trusted(in_force, truststore, now):
            # The CA has a new key, say. Nobody's status depends on the old list any more.
            in_force = None
        outdated = in_force is None or is_stale(in_force, now, self._max_age)
        max_age = _ANY_AGE if outdated and is_stale(revocation_list, now, self._max_age) else self._max_age
        check_timeliness(revocation_list, now, in_force=in_force, max_age=max_age)

    def _ask_for_index(self, version: str | None) -> tuple[Fetched | None, _Indexed | None]:
        """Return the index if it is a new one that can be used, and the list of that or of the one in force."""
        in_force, in_force_version = self.document.value, _version_of(_INDEX, version)
        try:
            index = self._index.fetch(in_force_version)
            if index is not None:
                self._checked.revocation_list = self._read_index(index.content, in_force)
                self._checked.content = index.content
                written = index.modified and index.modified - _GRANULARITY
                self._written = index.version, written
                return index, _Indexed(self._checked.revocation_list, written)
        except StoreError:
            pass  # there needn't be any
        except ValueError as error:
            self._warn("revocation index not used", self._index.uri, error)
        if in_force is None or in_force_version is None:
            return None, None
        known, written = self._written
        return None, _Indexed(in_force, written if known == in_force_version else None)

    def _ask_for_crl(self, version: str | None, indexed: _Indexed | None) -> Fetched | None:
        """Return the CRL, unless it is the one in force or the one that was indexed. Raises StoreError, ValueError."""
        if indexed is None:
            return self._crl.fetch(_version_of(_CRL, version))
        digest = indexed.revocation_list.digest
        same, of_digest = self._same
        stale = is_stale(indexed.revocation_list, datetime.now(UTC), self._max_age)
        # What is no newer than a stale index may still be fresh: somebody may have indexed the wrong file.
        crl = self._crl.fetch(same if of_digest == digest else None, None if stale else indexed.written)
        if crl is not None and crl_digest(crl.content) == digest:
            self._same = crl.version, digest
            return None
        return crl

    @staticmethod
    def _warn(message: str, uri: str, error: Exception) -> None:
        logger.warning(message, extra={"document": "crl", "uri": uri, "error": str(error)})


def _is_trusted(revocation_list: RevocationList, truststore: Truststore, now: datetime) -> bool:
    try:
        check_signer(revocation_list, truststore, now)
    except RevocationListError:
        return False
    return True


def _version_of(kind: str, version: str | None) -> str | None:
    return version.removeprefix(kind) if version is not None and version.startswith(kind) else None
