"""The locations of revocation lists, and what follows from them."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from mtls_authorizer.refresh.document import Document
    from mtls_authorizer.revocation.crl.revocation_list import ListIdentity, RevocationList
    from mtls_authorizer.revocation.crl_loader import CrlVersion
    from mtls_authorizer.revocation.succession.retention import RetainedLists


class LocatedList(NamedTuple):
    """A list, and where it was loaded from."""

    uri: str
    revocation_list: RevocationList
    is_outdated: bool = False
    """Whether it was removed, or another version is stored, which will be loaded when a certificate needs it."""
    is_stored: bool = True
    """Whether it is what is stored there. Otherwise, its successor may be at a location that was not read yet."""


def located_lists(document: Document[RetainedLists, CrlVersion], *, is_outdated: bool = False) -> Iterator[LocatedList]:
    """Yield the lists of one location. Only the first one is stored there, or none: what is stored may be invalid."""
    is_stored = not is_outdated and not document.is_invalid
    for place, each in enumerate(document.value or ()):
        yield LocatedList(document.loader.uri, each, is_outdated, is_stored and place == 0)


class Locations(NamedTuple):
    """Facts about lists, given by their digests or identities, that depend on where they are stored."""

    uris: Mapping[str, str] = {}
    """The URIs of the lists, by their digests."""

    outdated: frozenset[str] = frozenset()
    """The digests of lists that were removed, or whose successors are stored, and will be loaded when needed.

    At all of their locations: a CRL may be stored under a new name, or at two places.
    """

    not_stored: frozenset[str] = frozenset()
    """The digests of all lists that are no longer stored."""

    assumed_complete: Collection[frozenset[ListIdentity]] = ()
    """The lists at each location whose lists also cover certificates without distribution points."""

    others: frozenset[ListIdentity] = frozenset()
    """The lists at all other locations."""


def find_locations(located: Iterable[LocatedList], assume_complete: Collection[str]) -> Locations:
    """Return the facts about lists. ``assume_complete`` are the URIs whose lists are assumed to be complete."""
    uris: dict[str, str] = {}
    current, stored, others = set(), set(), set()
    assumed: dict[str, set[ListIdentity]] = {}
    for each in located:
        digest, identity = each.revocation_list.digest, each.revocation_list.identity
        # The same list may be at several locations.
        if each.is_stored or digest not in stored:
            uris[digest] = each.uri
        if not each.is_outdated:
            current.add(digest)
        if each.is_stored:
            stored.add(digest)
        if each.uri in assume_complete:
            assumed.setdefault(each.uri, set()).add(identity)
        else:
            others.add(identity)
    return Locations(
        uris,
        frozenset(uris.keys() - current),
        frozenset(uris.keys() - stored),
        tuple(map(frozenset, assumed.values())),
        frozenset(others),
    )
