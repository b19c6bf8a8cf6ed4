"""Which of two revocation lists is newer, and whether the newer one replaces the other one."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection, shown_number, shown_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import TypeAlias

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList

    Edition: TypeAlias = "RevocationList | DroppedEdition"


def is_older(revocation_list: Edition, other: Edition) -> bool:
    """Return whether a list is older than another one with the same identity, by its thisUpdate or its number.

    Numbers must increase (RFC 5280 §5.2.3), but a CA may restart them, for example when it is migrated, or put its
    clock back. Then, each of two lists is older than the other one.
    """
    return revocation_list.this_update < other.this_update or is_lower(revocation_list.number, other.number)


def is_superseded(revocation_list: RevocationList, other: RevocationList) -> bool:
    """Return whether a list is older than another one with the same identity, and is newer in no respect."""
    return is_older(revocation_list, other) and not is_older(other, revocation_list)


def replaces(new: Edition, other: Edition) -> bool:
    """Return whether a list is not older than another one with the same identity, and contains what that one revokes.

    A delta CRL contains only what was revoked since its base, which may not be in memory. Any other list that is not
    complete, such as one with an unknown critical extension, need not contain what a complete one does, either.
    """
    is_containing = new.is_complete or (not other.is_complete and new.base == other.base)
    return is_containing and not is_older(new, other)


def age(revocation_list: RevocationList) -> tuple[datetime, int]:
    """Return a value by which a list comes after all lists that it supersedes."""
    return revocation_list.this_update, -1 if revocation_list.number is None else revocation_list.number


def is_lower(number: int | None, other: int | None) -> bool:
    """Return whether a CRL number is lower than another one; False if any is None."""
    return number is not None and other is not None and number < other


def check_succession(new: RevocationList, in_force: RevocationList, *, replaceable: bool = False) -> None:
    """Check that a list may replace the one in force: it has the same identity, and is not older. Raises CrlError.

    ``replaceable`` is whether a list with another identity may replace it, too, and one that was issued later with a
    lower number. One with an earlier date never may: it could be an old one of a CA that has restarted its numbers.
    """
    if new.identity != in_force.identity:
        if replaceable:
            return
        raise CrlError(
            CrlRejection.OTHER_ISSUER,
            "the CRL is issued by another CA or key, or for other certificates, than the one in force",
        )
    if new.this_update < in_force.this_update:
        raise CrlError(
            CrlRejection.ROLLED_BACK,
            f"the CRL's thisUpdate, {shown_time(new.this_update)}, is before that of the one in force, "
            f"{shown_time(in_force.this_update)}",
        )
    if is_lower(new.number, in_force.number) and not (replaceable and new.this_update > in_force.this_update):
        raise CrlError(
            CrlRejection.ROLLED_BACK,
            f"the CRL's number, {shown_number(new.number)}, is lower than that of the one in force, "
            f"{shown_number(in_force.number)}",
        )


class DroppedEdition(NamedTuple):
    """The facts about a ``RevocationList`` that are remembered when it has left the memory, to detect older ones."""

    number: int | None
    this_update: datetime
    next_update: datetime | None
    is_complete: bool
    base: bytes | None
    is_premature: bool
    """Whether its time had not come when it left the memory."""

    def includes(self, other: DroppedEdition) -> bool:
        """Return whether all lists that another one makes old are older than this one, if this has a number."""
        return replaces(self, other) and (other.is_premature or not self.is_premature)

    def makes_old(self, revocation_list: RevocationList) -> bool:
        """Return whether a list is older. A higher number is newer than a premature one: that may have a wrong date."""
        is_newer = self.is_premature and is_older(self, revocation_list)
        return is_older(revocation_list, self) and not is_newer
