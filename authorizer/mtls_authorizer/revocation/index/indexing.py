"""From a CRL to its index, for the indexer on Lambda and for the command."""

from __future__ import annotations

from contextlib import suppress

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.revocation.crl.reader import find_problem, is_stale, verify_with_entries
from mtls_authorizer.revocation.index.format import CrlIndexError, read_index, write_index
from mtls_authorizer.revocation.succession.order import check_succession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.truststore.bundle import Truststore

CRL_SUFFIX = ".crl"
"""The end of the names of CRLs below a prefix, and of those that the fetcher writes. Truststores have another one."""

INDEX_SUFFIX = ".index"
"""An index is stored next to its CRL, under the CRL's name and this suffix."""


class Indexing(NamedTuple):
    """A verified CRL and its new index; None if the existing index was made from this CRL."""

    revocation_list: RevocationList
    new_index: bytes | None


def index_crl(  # noqa: PLR0913 -- everything that a CRL is verified against, each by name
    content: bytes,
    truststore: Truststore,
    now: datetime,
    *,
    existing: bytes | None,
    max_age: timedelta,
    source_version: str | None = None,
    watch: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Indexing:
    """Verify a CRL, in PEM or DER, at an aware time, and make its index.

    ``existing`` is the content of the existing index. The list in it is regarded as the list in force: an older CRL,
    or one of another CA, is rejected as the authorizer rejects it. Content that the authorizer ignores is replaced:
    if it is unreadable, or of a CA that is not in the truststore. ``source_version`` is the version of the stored CRL,
    by which the authorizer recognizes it without reading it. ``watch`` receives the serial numbers and passes them on,
    to observe the progress.

    Raises CrlError for a CRL that is rejected, CrlIndexError for one that cannot be indexed.
    """
    in_force = None if existing is None else _read_existing(existing, truststore)
    crl, entries = verify_with_entries(content, truststore)
    problem = find_problem(crl, truststore, now, max_age)
    if problem is not None:
        raise problem
    if in_force is not None:
        check_succession(crl, in_force, replaceable=is_stale(in_force.next_update, now, max_age))
        indexed = (in_force.digest, in_force.identity, in_force.source_version)
        if indexed == (crl.digest, crl.identity, source_version):
            return Indexing(crl, None)
    return Indexing(crl, write_index(crl, watch(entries.serial_numbers()), source_version=source_version))


def _read_existing(content: bytes, truststore: Truststore) -> RevocationList | None:
    """Return the list in an existing index, None if the authorizer does not use it either."""
    with suppress(CrlIndexError):
        index = read_index(content)
        return index if truststore.identified(index.identity.issuer) else None
    return None
