"""The dates of a revocation list, and whether it may replace the list in force."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509

from mtls_authorizer.revocation.crl.rejection import CrlRejection, reject
from mtls_authorizer.revocation.truststore import canonical_name

if TYPE_CHECKING:
    from datetime import datetime

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList


def is_stale(revocation_list: RevocationList, now: datetime, max_age: timedelta) -> bool:
    """Return whether the nextUpdate of a list, plus ``max_age``, has passed at a time, which is aware.

    At that very moment it has, as in OpenSSL. Without a nextUpdate it never has.
    """
    next_update = revocation_list.next_update
    # No sum: nextUpdate may be the last moment that a datetime can represent (RFC 5280 §4.1.2.5).
    return next_update is not None and now - max_age >= next_update


def check_timeliness(
    revocation_list: RevocationList,
    now: datetime,
    *,
    in_force: RevocationList | None = None,
    max_age: timedelta = timedelta(0),
) -> None:
    """Check that a list is valid at a time, which is aware, and may replace the list in force.

    That is: it is not older, and issued by the same CA unless the list in force is stale. Raises CrlError.
    """
    if revocation_list.this_update > now:
        reject(CrlRejection.NOT_YET_VALID, f"the CRL's thisUpdate, {revocation_list.this_update}, is after {now}")
    if is_stale(revocation_list, now, max_age):
        reject(CrlRejection.STALE, f"the CRL's nextUpdate, {revocation_list.next_update}, has passed at {now}")
    if in_force is not None:
        _check_succession(revocation_list, in_force, replaceable=is_stale(in_force, now, max_age))


def _check_succession(new: RevocationList, in_force: RevocationList, *, replaceable: bool) -> None:
    if (new.signer, _name(new)) != (in_force.signer, _name(in_force)):
        if replaceable:
            return
        reject(CrlRejection.OTHER_ISSUER, "the CRL is issued by another CA, or key, than the one in force")
    if new.this_update < in_force.this_update:
        reject(
            CrlRejection.ROLLED_BACK,
            f"the CRL's thisUpdate, {new.this_update}, is before that of the one in force, {in_force.this_update}",
        )
    if new.number is not None and in_force.number is not None and new.number < in_force.number:
        reject(
            CrlRejection.ROLLED_BACK,
            f"the CRL's number, {new.number}, is lower than that of the one in force, {in_force.number}",
        )


def _name(revocation_list: RevocationList) -> object:
    return canonical_name(x509.Name.from_bytes(revocation_list.issuer))
