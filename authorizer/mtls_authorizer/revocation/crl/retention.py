"""The lists of one location that are kept in memory: the stored one, and earlier ones whose entries still apply."""

from __future__ import annotations

from operator import itemgetter

from mtls_authorizer.revocation.crl.reader import find_problem
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection, shown_number, shown_time
from mtls_authorizer.revocation.crl.revocation_list import RevocationList
from mtls_authorizer.revocation.crl.succession import check_succession, identity_of, is_superseded, replaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import TypeAlias

    from mtls_authorizer.revocation.truststore.bundle import Truststore

RetainedLists: TypeAlias = tuple[RevocationList, ...]
"""The lists of one location, beginning with the one that was delivered last. The others follow in order of delivery."""

MAX_RETAINED_LISTS = 4
"""Usually, a location has one list, and two until a new one becomes valid."""


class RolledBackList:
    """A list that is older than one that was in force: its entries revoke, but it proves no certificate good."""

    def __init__(self, revocation_list: RevocationList) -> None:
        self.original = revocation_list
        self.issuer, self.signer = revocation_list.issuer, revocation_list.signer
        self.key_identifier = revocation_list.key_identifier
        self.distribution_point, self.scope = revocation_list.distribution_point, revocation_list.scope
        self.number, self.digest = revocation_list.number, revocation_list.digest
        self.is_complete, self.base = revocation_list.is_complete, revocation_list.base
        self.this_update, self.next_update = revocation_list.this_update, revocation_list.next_update
        self.defect = CrlError(
            CrlRejection.ROLLED_BACK,
            f"the CRL (number {shown_number(self.number)}, thisUpdate {shown_time(self.this_update)}) is older than "
            "the one that was in force",
        )

    def is_revoked(self, serial_number: int) -> bool:
        """Return whether the list contains a serial number."""
        return self.original.is_revoked(serial_number)


def retain(
    new: RevocationList, retained: RetainedLists, truststore: Truststore, now: datetime, max_age: timedelta
) -> tuple[RetainedLists, CrlError | None]:
    """Return the lists to keep after a new, verified one was delivered, and why the new one is not usable now.

    A usable list replaces those with the same identity. One that is not usable, for example because its thisUpdate is
    in the future, does not replace a usable one, but its entries revoke. A list of another CA or scope replaces none,
    nor does one that need not contain what the earlier one revokes: see ``replaces``.
    If a CA has restarted its numbers, or put its clock back, neither of two lists replaces the other one: both revoke,
    but only the one that was issued later proves certificates good.

    Raises CrlError for a list that is superseded by one with the same identity that is usable or was.
    """
    problem = own_problem = find_problem(new, truststore, now, max_age)
    stored, kept = new, []
    for each in (*retained[1:], *retained[:1]):
        each_problem = find_problem(each, truststore, now, max_age)
        was_usable = each_problem is None or each_problem.rejection is CrlRejection.STALE
        is_same = identity_of(each) == identity_of(new)
        conflict = _check_succession(new, each) if is_same and was_usable else None
        problem = conflict or problem
        is_replaced = is_same and replaces(new, each) and (own_problem is None or each_problem is not None)
        if not is_replaced and each.digest != new.digest:
            is_rolled_back = conflict is not None and own_problem is None and each.this_update < new.this_update
            rank = _rank(each, truststore, was_usable=was_usable)
            kept.append((rank, RolledBackList(each) if is_rolled_back else each))
        if conflict is not None and new.this_update < each.this_update:
            stored = RolledBackList(new)
    # Of the same rank, the latest ones are dropped first: those of other CAs displace none.
    kept.sort(key=itemgetter(0))
    return (stored, *(each for _, each in kept))[:MAX_RETAINED_LISTS], problem


def _rank(each: RevocationList, truststore: Truststore, *, was_usable: bool) -> tuple[bool, bool, bool, float]:
    """Return a value by which lists are sorted, those that are dropped first at the end.

    They are those of CAs that have left the truststore, then those that were never usable. Of these, delta CRLs are
    dropped first, and the oldest before the others: a complete CRL from elsewhere probably contains what they revoke.
    """
    is_trusted = bool(truststore.identified(identity_of(each).issuer))
    oldest_last = 0.0 if each.is_complete else -each.this_update.timestamp()
    return not is_trusted, not was_usable, not each.is_complete, oldest_last


def _check_succession(new: RevocationList, each: RevocationList) -> CrlError | None:
    """Return why a list does not replace an earlier one if each is older than the other. Raises CrlError for others."""
    try:
        check_succession(new, each)
    except CrlError as error:
        if is_superseded(new, each):
            raise
        return error
    return None
