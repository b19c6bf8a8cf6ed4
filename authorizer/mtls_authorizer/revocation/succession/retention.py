"""The lists of one location that are kept in memory: the stored one, and earlier ones whose entries still apply."""

from __future__ import annotations

from operator import itemgetter

from mtls_authorizer.revocation.crl.reader import find_problem
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection
from mtls_authorizer.revocation.crl.revocation_list import RevocationList
from mtls_authorizer.revocation.succession.order import check_succession, is_older, is_superseded, replaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import TypeAlias

    from mtls_authorizer.revocation.truststore.bundle import Truststore

RetainedLists: TypeAlias = tuple[RevocationList, ...]
"""The lists of one location, beginning with the one that was delivered last. The others follow in order of delivery,
those of CAs that have left the truststore, and those that were never usable, after the rest."""

MAX_RETAINED_LISTS = 4
"""Usually, a location has one list, and two until a new one becomes valid."""


def retain(
    new: RevocationList, retained: RetainedLists, truststore: Truststore, now: datetime, max_age: timedelta
) -> tuple[RetainedLists, CrlError | None]:
    """Return the lists to keep after a new, verified one was delivered, and why the new one is not usable now.

    The docstring of the package states which lists these are, and why.

    Raises CrlError for a list that is superseded by one with the same identity that is usable or was.
    """
    problem = own_problem = find_problem(new, truststore, now, max_age)
    stored = new
    kept: list[tuple[tuple[bool, bool], RevocationList]] = []
    for each in (*retained[1:], *retained[:1]):
        each_problem = find_problem(each, truststore, now, max_age)
        was_usable = each_problem is None or each_problem.rejection is CrlRejection.STALE
        is_same = each.identity == new.identity
        conflict = _check_succession(new, each) if is_same and was_usable else None
        problem = conflict or problem
        is_premature = each.this_update <= now < new.this_update
        may_replace = own_problem is None or not (each_problem is None or is_premature)
        is_replaced = is_same and replaces(new, each) and may_replace
        if not is_replaced and each.digest != new.digest:
            is_rolled_back = conflict is not None and own_problem is None and each.this_update < new.this_update
            is_trusted = bool(truststore.identified(each.identity.issuer))
            kept = [(rank, other) for rank, other in kept if not _is_earlier_delta(other, each)]
            kept.append(((not is_trusted, not was_usable), each.rolled_back() if is_rolled_back else each))
        if conflict is not None and new.this_update < each.this_update:
            stored = new.rolled_back()
    # Lists of CAs that have left the truststore are dropped first, then those that were never usable, and then the
    # latest ones: those of other CAs displace none.
    kept.sort(key=itemgetter(0))
    return (stored, *(each for _, each in kept))[:MAX_RETAINED_LISTS], problem


def _is_earlier_delta(each: RevocationList, other: RevocationList) -> bool:
    """Return whether a list is a delta CRL that is older than another delta CRL with the same identity.

    The last one since an earlier base revokes until the complete CRL that is the next base is loaded from elsewhere.
    Those before it would fill the memory.
    """
    are_deltas = each.base is not None and other.base is not None
    return are_deltas and each.identity == other.identity and not is_older(other, each)


def _check_succession(new: RevocationList, each: RevocationList) -> CrlError | None:
    """Return why a list does not replace an earlier one if each is older than the other. Raises CrlError for others."""
    try:
        check_succession(new, each)
    except CrlError as error:
        if is_superseded(new, each):
            raise
        return error
    return None
