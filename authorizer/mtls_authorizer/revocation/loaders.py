"""The loaders of the truststore and of the CRLs that are checked against it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mtls_authorizer.refresh.loader import Loaded, StoreLoader
from mtls_authorizer.revocation.crl.reader import MAX_CRL_BYTES, check_signer, crl_digest, read_crl
from mtls_authorizer.revocation.crl.rejection import CrlError
from mtls_authorizer.revocation.crl.revocation_list import RevocationList
from mtls_authorizer.revocation.crl.succession import check_timeliness, is_stale
from mtls_authorizer.revocation.index.format import read_index
from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX
from mtls_authorizer.revocation.truststore import MAX_TRUSTSTORE_BYTES, read_truststore
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.revocation.truststore import Truststore
    from mtls_authorizer.stores.opener import StoreOpener

logger = logging.getLogger("mtls_authorizer")

# The dates of S3 are whole seconds: a CRL of the same second as its index may have been stored after it.
_DATE_STEP = timedelta(seconds=1)

# More than the age of any CRL, and not so much that a date would be before the year 1.
_ANY_AGE = timedelta(days=2000 * 365)


class CrlObject(StrEnum):
    """The two objects that a revocation list can be read from."""

    INDEX = "index"
    CRL = "crl"


class CrlVersion(NamedTuple):
    """Which object a revocation list was read from, and the versions of both as far as they are that very list."""

    used: CrlObject
    index_version: str | None = None
    crl_version: str | None = None
    """The version of the stored CRL, if it is known to have the digest of the list in force."""

    index_written: datetime | None = None
    """A time just before the index was written, if it was used and the store keeps dates."""

    def __str__(self) -> str:
        """Return the object and its version, for the log."""
        return f"{self.used} {self.index_version if self.used is CrlObject.INDEX else self.crl_version}"


LoadedCrl: TypeAlias = Loaded[RevocationList, CrlVersion]


def truststore_loader(uri: str, opener: StoreOpener = open_store) -> StoreLoader[Truststore]:
    """Return the loader of the truststore. Raises StoreError and ValueError for a URI that cannot be opened."""
    return StoreLoader("truststore", opener(uri, max_bytes=MAX_TRUSTSTORE_BYTES), read_truststore)


def utc_now() -> datetime:
    """Return the time of the system's clock."""
    return datetime.now(UTC)


class CrlLoader:
    """The loader of a CRL and its index.

    The index is preferred as long as it is that of the stored CRL. If the CRL was replaced after the index was written,
    as happens until the indexer has finished, or if the indexer fails, the CRL itself is used.

    ``truststore`` returns the truststore in force; None if there is none, which makes every load fail.
    """

    def __init__(
        self,
        uri: str,
        truststore: Callable[[], Truststore | None],
        *,
        max_age: timedelta = timedelta(0),
        opener: StoreOpener = open_store,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = "crl"
        self.uri = uri
        self._truststore = truststore
        self._max_age = max_age
        self._now = now
        self._index_store = opener(uri + INDEX_SUFFIX, max_bytes=MAX_CRL_BYTES)
        self._crl_store = opener(uri, max_bytes=MAX_CRL_BYTES)

    def load(self, current: LoadedCrl | None) -> LoadedCrl:
        """Return the list to use from now on.

        A stale list is accepted if the current one is stale, too, or if there is none: it never proves a certificate
        good, but its revocations apply. Raises StoreError and ValueError for the CRL, unless a new index can be used.
        """
        indexed = self._load_index(current)
        if indexed is None:
            return self._load_crl(current)
        try:
            return self._load_crl(indexed)
        except (StoreError, ValueError) as error:
            self._warn("revocation list not used", self.uri, error)
            return indexed

    def reset(self) -> None:
        """Reset both stores."""
        self._index_store.reset()
        self._crl_store.reset()

    def _load_index(self, current: LoadedCrl | None) -> LoadedCrl | None:
        """Return the list of the stored index, if it is a new index that can be used."""
        try:
            fetched = self._index_store.fetch(None if current is None else current.version.index_version)
            if fetched is None:
                return None
            index = read_index(fetched.content)
            truststore, now = self._required_truststore(), self._now()
            check_signer(index, truststore, now)
            self._check_succession(index, current, truststore, now)
        except StoreError:
            return None  # there need not be an index
        except ValueError as error:
            self._warn("revocation index not used", self._index_store.uri, error)
            return None
        same = current is not None and current.value.digest == index.digest
        written = fetched.modified and fetched.modified - _DATE_STEP
        crl = current.version.crl_version if current is not None and same else None
        return Loaded(index, CrlVersion(CrlObject.INDEX, fetched.version, crl, written))

    def _load_crl(self, known: LoadedCrl | None) -> LoadedCrl:
        """Return the list of the stored CRL, or the known one if the CRL is not a newer one."""
        if known is None:
            fetched = self._crl_store.fetch(None)
        else:
            # A CRL that is older than a stale index may still be valid: somebody may have indexed the wrong file.
            stale = is_stale(known.value, self._now(), self._max_age)
            fetched = self._crl_store.fetch(known.version.crl_version, None if stale else known.version.index_written)
        if fetched is None:
            if known is None:
                raise StoreError(self.uri, "the store reports it as unchanged, but it was never fetched")
            return known
        if (
            known is not None
            and known.version.used is CrlObject.INDEX
            and crl_digest(fetched.content) == (known.value.digest)
        ):
            return Loaded(known.value, known.version._replace(crl_version=fetched.version))
        # The index is not accepted in the place of the CRL, where a signature is required.
        truststore, now = self._required_truststore(), self._now()
        crl = read_crl(fetched.content, truststore, now, max_age=_ANY_AGE)
        self._check_succession(crl, known, truststore, now)
        return Loaded(crl, CrlVersion(CrlObject.CRL, crl_version=fetched.version))

    def _required_truststore(self) -> Truststore:
        truststore = self._truststore()
        if truststore is None:
            message = "there is no truststore to check it against"
            raise ValueError(message)
        return truststore

    def _check_succession(
        self, new: RevocationList, known: LoadedCrl | None, truststore: Truststore, now: datetime
    ) -> None:
        """Check that a list may replace the known one. Raises CrlError."""
        in_force = None if known is None else known.value
        if in_force is not None and not _is_trusted(in_force, truststore, now):
            # The CA has a new key, for example. No status depends on the old list any more.
            in_force = None
        replaceable = in_force is None or is_stale(in_force, now, self._max_age)
        max_age = _ANY_AGE if replaceable and is_stale(new, now, self._max_age) else self._max_age
        check_timeliness(new, now, in_force=in_force, max_age=max_age)

    @staticmethod
    def _warn(message: str, uri: str, error: Exception) -> None:
        logger.warning(message, extra={"document": "crl", "uri": uri, "error": str(error)})


def _is_trusted(revocation_list: RevocationList, truststore: Truststore, now: datetime) -> bool:
    try:
        check_signer(revocation_list, truststore, now)
    except CrlError:
        return False
    return True
