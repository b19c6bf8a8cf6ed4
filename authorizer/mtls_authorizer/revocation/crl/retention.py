"""The lists of one location that are kept in memory: the stored one, and earlier ones whose entries still apply."""

from __future__ import annotations

from operator import itemgetter

from mtls_authorizer.revocation.crl.reader import find_problem
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection
from mtls_authorizer.revocation.crl.revocation_list import RevocationList
from mtls_authorizer.revocation.crl.succession import check_succession, identity_of, is_older, is_renumbered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import TypeAlias

    from mtls_authorizer.revocation.truststore.bundle import Truststore

RetainedLists: TypeAlias = tuple[RevocationList, ...]
"""The lists of one location, beginning with the one that was delivered last."""

MAX_RETAINED_LISTS = 4
"""Usually, a location has one list, and two until a new one becomes valid."""


def retain(
    new: RevocationList, retained: RetainedLists, truststore: Truststore, now: datetime, max_age: timedelta
) -> tuple[RetainedLists, CrlError | None]:
    """Return the lists to keep after a new, verified one was delivered, and why the new one is not usable now.

    A usable list replaces those with the same identity. One that is not usable, for example because its thisUpdate is
    in the future, does not replace a usable one, but its entries revoke. A list of another CA or scope replaces none,
    and one with a defect, such as a delta CRL, none without: it need not contain what that one revokes.
    One that ``is_renumbered`` revokes as well, and proves certificates good when the earlier one has expired. One with
    a higher number and an earlier date, for example of a CA whose clock was put back, replaces none, either.

    Raises CrlError for a list that is older than one with the same identity that is usable or was.
    """
    problem = own_problem = find_problem(new, truststore, now, max_age)
    kept: list[tuple[bool, RevocationList]] = []
    for each in retained:
        each_problem = find_problem(each, truststore, now, max_age)
        is_same = identity_of(each) == identity_of(new)
        if is_same and (each_problem is None or each_problem.rejection is CrlRejection.STALE):
            problem = _check_succession(new, each) or problem
        is_as_good = new.defect is None or each.defect is not None
        can_replace = own_problem is None or (each_problem is not None and is_as_good)
        is_newer = not is_older(new, each) and not is_renumbered(each, new)
        is_replaced = is_same and is_newer and can_replace
        is_trusted = bool(truststore.identified(identity_of(each).issuer))
        if is_trusted and not is_replaced and each.digest != new.digest:
            kept.append((each_problem is not None, each))
    # If there are too many, lists that are not usable are dropped first.
    kept.sort(key=itemgetter(0))
    return (new, *(each for _, each in kept))[:MAX_RETAINED_LISTS], problem


def _check_succession(new: RevocationList, each: RevocationList) -> CrlError | None:
    """Return why a renumbered list does not replace an earlier one. Raises CrlError for an older list."""
    if is_renumbered(each, new):
        return None
    try:
        check_succession(new, each)
    except CrlError as error:
        if is_renumbered(new, each):
            return error
        raise
    return None
