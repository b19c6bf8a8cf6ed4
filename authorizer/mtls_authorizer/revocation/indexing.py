"""From a CRL to its index: what the indexer does on Lambda, and the command on a person's machine."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.revocation.crl import read_revocation_list
from mtls_authorizer.revocation.index import CrlIndexError, read_index, write_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.status import RevocationList
    from mtls_authorizer.revocation.truststore import Truststore

INDEX_SUFFIX = ".index"
"""An index lies beside its CRL, under the CRL's name and this."""

LARGEST_CRL = 256 * 1024 * 1024
"""Bytes. There is room for six million entries."""


class Indexing(NamedTuple):
    """A CRL that counts, and its index; None if the index that is there is this CRL's already."""

    revocation_list: RevocationList
    new_index: bytes | None


def index_crl(  # noqa: PLR0913 -- what a CRL is verified against, each under its name
    content: bytes,
    truststore: Truststore,
    now: datetime,
    *,
    existing: bytes | None,
    max_age: timedelta,
    watch: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Indexing:
    """Verify a CRL, in PEM or DER, at a time, which is aware, and make its index.

    ``existing`` is what lies where the index belongs. The list in it is the one in force: an older CRL, or one of
    another CA, is refused as the authorizer refuses it. What lies there and can't be read is no index, and is to be
    replaced. ``watch`` passes the serial numbers through, for those who want to see them go by.

    Raises RevocationListError for a CRL that doesn't count, CrlIndexError for one that there can be no index of.
    """
    in_force = None
    if existing is not None:
        with suppress(CrlIndexError):
            in_force = read_index(existing)
    revocation_list = read_revocation_list(content, truststore, now, in_force=in_force, max_age=max_age)
    if in_force is not None and (in_force.digest, in_force.signer) == (revocation_list.digest, revocation_list.signer):
        return Indexing(revocation_list, None)
    return Indexing(revocation_list, write_index(revocation_list, watch(revocation_list.serial_numbers())))
