"""The loader of a CRL and its index."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.log import get_logger
from mtls_authorizer.refresh.loader import Loaded
from mtls_authorizer.revocation.crl.encoding import crl_digest
from mtls_authorizer.revocation.crl.reader import find_problem, verify_crl
from mtls_authorizer.revocation.crl.rejection import CrlError, shown_number
from mtls_authorizer.revocation.index.format import CrlIndexError, read_index
from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX
from mtls_authorizer.revocation.succession.order import is_superseded
from mtls_authorizer.revocation.succession.retention import RetainedLists, retain
from mtls_authorizer.stores.store import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from typing import TypeAlias

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.stores.opener import StoreOpener
    from mtls_authorizer.stores.store import Fetched

logger = get_logger()

_OF_ANOTHER_CRL = "it was made from another CRL than the stored one"


class CrlObject(StrEnum):
    """The two objects that a revocation list can be read from."""

    INDEX = "index"
    CRL = "crl"


class CrlVersion(NamedTuple):
    """The object from which the first of the retained lists was read, and the versions of the stored objects."""

    used: CrlObject
    crl_version: str | None
    """The version of the stored CRL, if it is known to have the digest of the list."""

    index_version: str | None
    """The version of the stored index that was read last, used or not; None without one that can be used."""

    def __str__(self) -> str:
        """Return the object and its version, for the log."""
        return f"{self.used} {self.index_version if self.used is CrlObject.INDEX else self.crl_version}"


LoadedCrl: TypeAlias = Loaded[RetainedLists, CrlVersion]


class _StoredIndex(NamedTuple):
    content: RevocationList
    version: str


class CrlLoader:
    """The loader of a CRL and its index.

    The index is used only if it was made from the stored CRL: their versions must be equal or, if the CRL was stored
    again, their digests. Dates are not considered. Until the indexer has finished, the CRL itself is used.

    ``truststore`` returns the truststore in force; None if there is none, which makes every load fail.
    """

    def __init__(  # noqa: PLR0913 -- each by name
        self,
        uri: str,
        truststore: Callable[[], Truststore | None],
        *,
        max_bytes: int,
        max_age: timedelta,
        opener: StoreOpener,
        now: Callable[[], datetime],
    ) -> None:
        self.name = "crl"
        self.uri = uri
        self._truststore = truststore
        self._max_age = max_age
        self._now = now
        self._index_store = opener(uri + INDEX_SUFFIX, max_bytes=max_bytes)
        self._crl_store = opener(uri, max_bytes=max_bytes)

    def load(self, current: LoadedCrl | None) -> LoadedCrl:
        """Return the lists to retain from now on.

        A list that is not usable, for example because it is stale, revokes, but proves no certificate good.

        Raises StoreError and ValueError if the CRL cannot be used, except if it is missing or invalid and there is a
        new index. Raises StoreError if the index cannot be read, except if there is none, or it is too large.
        """
        truststore = self._require_truststore()
        index = self._load_index(current, truststore)
        try:
            fetched = self._crl_store.fetch(_known_version(current, index))
            if fetched is None:
                return self._unchanged(current, index, truststore)
            return self._changed(fetched, current, index, truststore)
        except (StoreError, ValueError) as error:
            if index is None or (isinstance(error, StoreError) and not error.is_absence):
                raise
            self._warn_of_crl(error)
            return self._use_index(index, None, current, truststore)

    def reset(self) -> None:
        """Reset both stores."""
        self._index_store.reset()
        self._crl_store.reset()

    def _require_truststore(self) -> Truststore:
        truststore = self._truststore()
        if truststore is None:
            message = "there is no truststore to check it against"
            raise ValueError(message)
        return truststore

    def _load_index(self, current: LoadedCrl | None, truststore: Truststore) -> _StoredIndex | None:
        """Return the stored index if it is a new one that can be used."""
        try:
            fetched = self._index_store.fetch(_used_index_version(current))
            if fetched is None:
                return None
            index = read_index(fetched.content)
        except StoreError as error:
            if error.is_absence:
                return None  # there need not be an index
            if not error.is_too_large:
                raise
            problem: object = error
        except CrlIndexError as error:
            problem = error
        else:
            if truststore.identified(index.identity.issuer):
                return _StoredIndex(index, fetched.version)
            problem = "its CA is not in the truststore"
        self._warn_of_index(problem)
        return None

    def _unchanged(self, current: LoadedCrl | None, index: _StoredIndex | None, truststore: Truststore) -> LoadedCrl:
        """Return the lists to retain if the store has the version of the CRL that it was asked about."""
        if index is None:
            assert current is not None  # noqa: S101 -- otherwise, no version is known
            first, *others = current.value
            # Delta CRLs never replace one another if their bases differ: no reason to report anything.
            others = [each for each in others if first.base is None or each.base is None]
            if first.identity in [each.identity for each in others]:
                # The new list does not replace the previous one yet: report the reason until it does.
                problem = find_problem(first, truststore, self._now(), self._max_age)
                if problem is not None:
                    raise problem
            return current
        known = _known_version(current, index)
        # An index that was seen before was made from another CRL: otherwise it would be in force.
        if known == index.content.source_version:
            return self._use_index(index, known, current, truststore)
        assert current is not None  # noqa: S101 -- only the version of the index is known without it
        self._warn_of_index(_OF_ANOTHER_CRL)
        return current

    def _changed(
        self, fetched: Fetched, current: LoadedCrl | None, index: _StoredIndex | None, truststore: Truststore
    ) -> LoadedCrl:
        """Return the lists to retain if the store has delivered a CRL. Raises CrlError."""
        digest = crl_digest(fetched.content)
        if index is not None and digest == index.content.digest:
            return self._use_index(index, fetched.version, current, truststore)
        # A new index may have been made from a newer CRL than this one, which was rolled back.
        indexed = current if index is None and current and current.version.used is CrlObject.INDEX else None
        if indexed is not None and indexed.value[0].digest == digest:
            return Loaded(indexed.value, indexed.version._replace(crl_version=fetched.version))
        crl = verify_crl(fetched.content, truststore)
        seen = None if indexed is None else indexed.version.index_version
        version, before = CrlVersion(CrlObject.CRL, fetched.version, seen), _retained(current)
        if index is not None:
            if self._replaces(index.content, crl, truststore):
                number = shown_number(index.content.number)
                self._warn_of_crl(f"it is older than the CRL that was indexed, whose number is {number}")
                return self._use_index(index, None, current, truststore)
            self._warn_of_index(_OF_ANOTHER_CRL)
            version = version._replace(index_version=index.version)
            before = self._with_index_of_another(index, crl, before, truststore)
        return self._retain(crl, version, before, truststore)

    def _with_index_of_another(
        self, index: _StoredIndex, crl: RevocationList, before: RetainedLists, truststore: Truststore
    ) -> RetainedLists:
        """Return earlier lists together with the index of another CRL than the stored one, which also revokes.

        At a start, it is all that is known of earlier lists. Later, one with the same identity proves nothing good.
        """
        known = index.content
        if before and known.identity == crl.identity:
            if known.digest in {each.digest for each in before}:
                return before
            known = known.rolled_back()
        with suppress(CrlError):
            before, _ = retain(known, before, truststore, self._now(), self._max_age)
        return before

    def _replaces(self, index: RevocationList, crl: RevocationList, truststore: Truststore) -> bool:
        """Return whether an index was made from a newer CRL than the stored one, which was rolled back."""
        is_newer = index.identity == crl.identity and is_superseded(crl, index)
        return is_newer and find_problem(index, truststore, self._now(), self._max_age) is None

    def _use_index(
        self, index: _StoredIndex, crl_version: str | None, current: LoadedCrl | None, truststore: Truststore
    ) -> LoadedCrl:
        version = CrlVersion(CrlObject.INDEX, crl_version, index.version)
        return self._retain(index.content, version, _retained(current), truststore)

    def _retain(
        self, new: RevocationList, version: CrlVersion, before: RetainedLists, truststore: Truststore
    ) -> LoadedCrl:
        lists, problem = retain(new, before, truststore, self._now(), self._max_age)
        if problem is not None:
            warn = self._warn_of_index if version.used is CrlObject.INDEX else self._warn_of_crl
            warn(problem)
        return Loaded(lists, version)

    def _warn_of_index(self, problem: object) -> None:
        _warn("revocation index not used", self._index_store.uri, problem)

    def _warn_of_crl(self, problem: object) -> None:
        _warn("revocation list not used", self.uri, problem)


def _warn(message: str, uri: str, problem: object) -> None:
    logger.warning(message, extra={"document": "crl", "uri": uri, "error": str(problem)})


def _retained(current: LoadedCrl | None) -> RetainedLists:
    return () if current is None else current.value


def _used_index_version(current: LoadedCrl | None) -> str | None:
    """Return the version of the index that need not be delivered: an unused one may be usable now."""
    if current is None or current.version.used is not CrlObject.INDEX:
        return None
    return current.version.index_version


def _known_version(current: LoadedCrl | None, index: _StoredIndex | None) -> str | None:
    """Return the version of the CRL that need not be delivered: the one in a new index, or the one of the list."""
    if index is not None and (current is None or index.version != current.version.index_version):
        return index.content.source_version
    return None if current is None else current.version.crl_version
