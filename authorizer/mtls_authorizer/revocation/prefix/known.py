"""The issuers and scopes of the CRLs that were read, including those that are no longer in memory."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.general_names import URI
from mtls_authorizer.revocation.prefix.listing import last_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from mtls_authorizer.revocation.chains import ChainLink
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.crl.scope import PointName
    from mtls_authorizer.revocation.prefix.listing import Versions
    from mtls_authorizer.revocation.truststore.authority import AuthorityId
    from mtls_authorizer.stores.store import Listed

    _Key: TypeAlias = tuple[AuthorityId, PointName | None]
    """An issuer, and the name of a distribution point; None if the CRL is not limited to one."""

    _UrisByName: TypeAlias = dict[PointName | None, dict[str, None]]


class _KnownCrl(NamedTuple):
    digests: tuple[str, ...]
    versions: Versions
    issuers: frozenset[AuthorityId]
    keys: frozenset[_Key]
    name: str | None


class KnownCrls:
    """The CRLs that were read, by their URIs. Not safe for threads."""

    def __init__(self) -> None:
        self._crls: dict[str, _KnownCrl] = {}
        self._uris: dict[AuthorityId, _UrisByName] = {}

    def __contains__(self, uri: str) -> bool:
        return uri in self._crls

    def replaced(self, listed: Mapping[str, Listed]) -> list[str]:
        """Return the CRLs of which another version is listed, which may have another issuer and scope."""
        return [uri for uri, known in self._crls.items() if uri in listed and known.versions[0] != listed[uri].version]

    def add(self, uri: str, lists: Sequence[RevocationList], versions: Versions, name: str | None) -> None:
        """Record the lists of a CRL. ``versions`` are those of the objects that were read.

        ``name`` is the name by which certificates find the CRL; None if too many have this name.
        """
        digests = tuple([each.digest for each in lists])
        known = self._crls.get(uri)
        if known is not None and (known.digests, known.versions, known.name) == (digests, versions, name):
            return
        self._forget(uri)
        keys = frozenset(key for each in lists for key in _keys(each, name))
        for issuer, point in keys:
            self._uris.setdefault(issuer, {}).setdefault(point, {})[uri] = None
        # At the end: if any step fails, all are repeated.
        self._crls[uri] = _KnownCrl(digests, versions, frozenset(each.identity.issuer for each in lists), keys, name)

    def keep(self, uris: Iterable[str]) -> None:
        """Forget all other CRLs."""
        for uri in self._crls.keys() - set(uris):
            self._forget(uri)

    def find(self, link: ChainLink) -> list[str]:
        """Return the CRLs of the issuer for a certificate's scope, except for those that it finds by their names."""
        by_name = [self._uris.get(issuer, {}) for issuer in link.issuers]
        return [uri for name in (None, *link.scope.names) for uris in by_name for uri in uris.get(name, ())]

    def is_needless(self, uri: str, versions: Versions, link: ChainLink, *, is_named: bool) -> bool:
        """Return whether a certificate that names a CRL is known not to need the objects with these versions.

        These are of other issuers, or ``find`` returns them if they cover the certificate.
        """
        known = self._crls.get(uri)
        if known is None or known.versions != versions or (known.name is not None) is not is_named:
            return False
        return not is_named or known.issuers.isdisjoint(link.issuers)

    def _forget(self, uri: str) -> None:
        known = self._crls.pop(uri, None)
        for issuer, name in known.keys if known is not None else ():
            by_name = self._uris[issuer]
            del by_name[name][uri]
            if not by_name[name]:
                del by_name[name]
            if not by_name:
                del self._uris[issuer]


def _keys(revocation_list: RevocationList, object_name: str | None) -> Iterator[_Key]:
    """Yield the keys by which certificates find a list, except for those that they find by the name of its object."""
    issuer, scope = revocation_list.identity.issuer, revocation_list.scope
    if scope is None or scope.names is None:
        yield issuer, None
        return
    for tag, content in scope.names:
        # Certificates find the others by their names. There may be a hundred thousand of them.
        if tag != URI or last_segment(content) != object_name:
            yield issuer, (tag, content)
