"""The numbers and dates of CRLs that are no longer in memory, to detect older ones."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.log import get_logger
from mtls_authorizer.refresh.loader import Loaded
from mtls_authorizer.revocation.crl.rejection import CrlRejection
from mtls_authorizer.revocation.crl.retention import RolledBackList
from mtls_authorizer.revocation.crl.succession import age, identity_of, is_lower

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from mtls_authorizer.revocation.crl.retention import RetainedLists
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.crl.succession import ListIdentity
    from mtls_authorizer.revocation.crl_loader import CrlLoader, LoadedCrl

logger = get_logger()

MAX_REMEMBERED = 10_000
"""The maximum number of issuers, keys and scopes that are remembered. Each takes about half a kilobyte."""


class _Newest(NamedTuple):
    latest: tuple[datetime, int]
    """The age of the list that was issued last."""

    number: int | None
    """The highest number. The dates are those of the list that has it."""

    this_update: datetime
    next_update: datetime | None


class NewestLists:
    """The numbers and dates of the newest lists of each issuer, key and scope that were in force. Thread-safe.

    If there are more than MAX_REMEMBERED, the least recently seen ones are forgotten.
    """

    def __init__(self) -> None:
        self._newest: OrderedDict[ListIdentity, _Newest] = OrderedDict()
        self._lock = Lock()

    def is_rolled_back(self, revocation_list: RevocationList, valid_at: datetime) -> bool:
        """Return whether a list is older than one that was in force, by its thisUpdate or by its number.

        If the nextUpdate of the one with the highest number is not after ``valid_at``, the number of a list that was
        issued later does not matter: the CA may have restarted its numbers.
        """
        newest = self._newest.get(identity_of(revocation_list))
        if newest is None:
            return False
        has_expired = newest.next_update is not None and newest.next_update <= valid_at
        may_be_lower = has_expired and revocation_list.this_update > newest.this_update
        is_lower_now = is_lower(revocation_list.number, newest.number) and not may_be_lower
        return revocation_list.this_update < newest.latest[0] or is_lower_now

    def is_latest(self, revocation_list: RevocationList, in_memory: Iterable[RevocationList]) -> bool:
        """Return whether a list was issued last, and the earlier one with the highest number is in memory.

        It proves certificates good as long as that one, which it need not contain, revokes as well.
        """
        identity = identity_of(revocation_list)
        newest = self._newest.get(identity)
        if newest is None or age(revocation_list) != newest.latest or newest.this_update == newest.latest[0]:
            return False
        highest = (identity, newest.number, newest.this_update)
        return any((identity_of(each), each.number, each.this_update) == highest for each in in_memory)

    def remember(self, revocation_list: RevocationList, valid_at: datetime) -> None:
        """Remember a list that is usable or was, as far as it is newer than the ones that were remembered."""
        with self._lock:
            identity, its_age = identity_of(revocation_list), age(revocation_list)
            newest = self._newest.get(identity)
            if newest is None or not self.is_rolled_back(revocation_list, valid_at):
                newest = _Newest(
                    its_age, revocation_list.number, revocation_list.this_update, revocation_list.next_update
                )
            self._newest[identity] = newest._replace(latest=max(newest.latest, its_age))
            self._newest.move_to_end(identity)
            if len(self._newest) > MAX_REMEMBERED:
                self._newest.popitem(last=False)


class RollbackCheckingLoader:
    """The loader of a CRL that may have been evicted since it was loaded last.

    ``valid_at`` returns the aware time until which lists must be valid: now, or earlier if they may have expired.
    """

    def __init__(self, loader: CrlLoader, newest: NewestLists, valid_at: Callable[[], datetime]) -> None:
        self.name = loader.name
        self.uri = loader.uri
        self._loader = loader
        self._newest = newest
        self._valid_at = valid_at

    def load(self, current: LoadedCrl | None) -> LoadedCrl:
        """Load the lists. While a list is older than the remembered one, it is replaced by a RolledBackList.

        Raises StoreError and ValueError like the loader.
        """
        before = None if current is None else current._replace(value=tuple(map(_original, current.value)))
        loaded = self._loader.load(before)
        known = () if current is None else current.value
        first, *others = map(_original, loaded.value)
        # The loader has decided which earlier lists to retain: one that is newer, but has expired, replaces none.
        retained = (each if each in known else self._check(each, known) for each in others)
        lists = (self._check(first, known), *retained)
        if current is None or lists != current.value:
            return Loaded(lists, loaded.version)
        return current if loaded is before else Loaded(current.value, loaded.version)

    def reset(self) -> None:
        """Reset the loader."""
        self._loader.reset()

    def _check(self, revocation_list: RevocationList, known: RetainedLists) -> RevocationList:
        """Return a list, or a RolledBackList in its place, which may be known already. Remember what is newer."""
        is_rolled_back = self._newest.is_rolled_back(revocation_list, self._valid_at())
        problem = self._loader.current_problem(revocation_list)
        if problem is None or problem.rejection is CrlRejection.STALE:
            self._newest.remember(revocation_list, self._valid_at())
        if not is_rolled_back:
            return revocation_list
        for each in known:
            if isinstance(each, RolledBackList) and each.original is revocation_list:
                return each
        rolled_back = RolledBackList(revocation_list)
        fields = {"document": "crl", "uri": self.uri, "error": str(rolled_back.defect)}
        logger.warning("revocation list not used", extra=fields)
        return rolled_back


def _original(revocation_list: RevocationList) -> RevocationList:
    return revocation_list.original if isinstance(revocation_list, RolledBackList) else revocation_list
