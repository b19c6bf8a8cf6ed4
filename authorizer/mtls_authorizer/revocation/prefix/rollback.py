"""The numbers and dates of CRLs that are no longer in memory, to detect older ones."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.log import get_logger
from mtls_authorizer.refresh.loader import Loaded
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection, shown_time
from mtls_authorizer.revocation.crl.succession import identity_of, is_rolled_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.crl.succession import ListIdentity
    from mtls_authorizer.revocation.crl_loader import CrlLoader, LoadedCrl

logger = get_logger()

MAX_REMEMBERED = 10_000
"""The maximum number of issuers, keys and scopes that are remembered. Each takes about half a kilobyte."""


class _Newest(NamedTuple):
    number: int | None
    this_update: datetime


class NewestLists:
    """The number and thisUpdate of the newest list of each issuer, key and scope that was in force. Thread-safe.

    If there are more than MAX_REMEMBERED, the least recently seen one is forgotten.
    """

    def __init__(self) -> None:
        self._newest: OrderedDict[ListIdentity, _Newest] = OrderedDict()
        self._lock = Lock()

    def is_rolled_back(self, revocation_list: RevocationList) -> bool:
        """Return whether a list is older than one that was in force, by its number or by its thisUpdate."""
        newest = self._newest.get(identity_of(revocation_list))
        return newest is not None and is_rolled_back(revocation_list, *newest)

    def remember(self, revocation_list: RevocationList) -> None:
        """Remember a list that is in force, unless a newer one was remembered in the meantime."""
        with self._lock:
            identity = identity_of(revocation_list)
            if not self.is_rolled_back(revocation_list):
                self._newest[identity] = _Newest(revocation_list.number, revocation_list.this_update)
            self._newest.move_to_end(identity)
            if len(self._newest) > MAX_REMEMBERED:
                self._newest.popitem(last=False)


class RolledBackList:
    """A list that is older than one that was in force: its entries revoke, but it proves no certificate good."""

    def __init__(self, revocation_list: RevocationList) -> None:
        self.issuer, self.signer = revocation_list.issuer, revocation_list.signer
        self.key_identifier = revocation_list.key_identifier
        self.distribution_point, self.scope = revocation_list.distribution_point, revocation_list.scope
        self.number, self.digest = revocation_list.number, revocation_list.digest
        self.this_update, self.next_update = revocation_list.this_update, revocation_list.next_update
        self.defect = CrlError(
            CrlRejection.ROLLED_BACK,
            f"the CRL, number {self.number} of {shown_time(self.this_update)}, is older than the one that was in force",
        )
        self._list = revocation_list

    def is_revoked(self, serial_number: int) -> bool:
        """Return whether the list contains a serial number."""
        return self._list.is_revoked(serial_number)

    def serial_numbers(self) -> Iterable[int]:
        """Return all serial numbers of the list."""
        return self._list.serial_numbers()


class RollbackCheckingLoader:
    """The loader of a CRL that may have been evicted since it was loaded last."""

    def __init__(self, loader: CrlLoader, newest: NewestLists) -> None:
        self.name = loader.name
        self.uri = loader.uri
        self._loader = loader
        self._newest = newest

    def load(self, current: LoadedCrl | None) -> LoadedCrl:
        """Load the lists. A list that is older than the remembered one is replaced by a RolledBackList.

        Raises StoreError and ValueError like the loader.
        """
        loaded = self._loader.load(current)
        first, *others = loaded.value
        if loaded is current or isinstance(first, RolledBackList):
            return loaded
        if self._newest.is_rolled_back(first):
            rolled_back = RolledBackList(first)
            fields = {"document": "crl", "uri": self.uri, "error": str(rolled_back.defect)}
            logger.warning("revocation list not used", extra=fields)
            return Loaded((rolled_back, *others), loaded.version)
        problem = self._loader.current_problem(first)
        if problem is None or problem.rejection is CrlRejection.STALE:
            self._newest.remember(first)
        return loaded

    def reset(self) -> None:
        """Reset the loader."""
        self._loader.reset()
