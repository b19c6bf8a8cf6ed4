"""Which of the lists in memory with the same identity decide at a time."""

from __future__ import annotations

from mtls_authorizer.revocation.succession.order import is_superseded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.signed_list import SignedList
    from mtls_authorizer.revocation.status import UnknownReason


def in_force(
    newest_first: Sequence[SignedList], now: datetime, max_age: timedelta
) -> Iterator[tuple[SignedList, UnknownReason | None]]:
    """Yield those of some lists with the same identity that are in force at an aware time.

    Each comes with the reason why it does not prove certificates good; None if it does.
    """
    usable: list[RevocationList] = []
    for each in newest_first:
        if any(is_superseded(each.revocation_list, newer) for newer in usable):
            continue
        reason = each.unknown_reason(now, max_age)
        if reason is None:
            usable.append(each.revocation_list)
        yield each, reason
