"""Chains: the paths of signatures from a certificate up to the last CA in the truststore."""

from __future__ import annotations

from itertools import islice

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import AUTHORITY_KEY_IDENTIFIER
from mtls_authorizer.revocation.crl.scope import CertificateScope, read_certificate_scope
from mtls_authorizer.revocation.truststore.authority import (
    AuthorityId,
    authority_key_identifier,
    matches_key_identifier,
    verifying_keys,
)
from mtls_authorizer.revocation.truststore.names import canonical_name
from mtls_authorizer.revocation.truststore.signatures import read_signature_algorithm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from client_certificate_auth.x509.certificate import Certificate
    from mtls_authorizer.revocation.truststore.authority import Authority
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.revocation.truststore.names import CanonicalName

MAX_AUTHORITIES = 4
"""The maximum number of CAs in a chain that API Gateway accepts."""

MAX_CHAINS = 256
"""The maximum number of chains of a certificate that are examined one by one. Renewed and cross-signed CAs multiply
their number."""


class ChainLink(NamedTuple):
    """The properties of a certificate in a chain that CRLs refer to."""

    issuer: AuthorityId
    serial_number: int
    scope: CertificateScope
    other_keys: tuple[AuthorityId, ...] = ()
    """The issuer with its other keys, if these are above it in the chain: a CA certifies its new key with the old one,
    or the other way round (RFC 4210 §4.4). CRLs that they sign revoke the certificate if none of its own key proves it
    good. They prove nothing good themselves, because a CA may have a separate CRL for each key."""

    @property
    def issuers(self) -> tuple[AuthorityId, ...]:
        """The issuer with each of its keys: their CRLs can revoke the certificate."""
        return (self.issuer, *self.other_keys)


class Chain(NamedTuple):
    """A chain from a certificate to the last CA that the truststore contains, and the time when all CAs are valid.

    The first link is that of the certificate itself. A root is the last link: it is its own issuer.
    """

    links: tuple[ChainLink, ...]
    not_before: datetime
    not_after: datetime
    is_permitted: bool
    """Whether key usages and key identifiers permit the chain, and it has at most MAX_AUTHORITIES CAs.

    Otherwise, it proves no certificate good, but its certificates can be revoked.
    """

    ends_at_root: bool
    """Whether the last CA has signed itself."""

    is_trusted: bool = True
    """Whether the truststore contains all CAs. If one has left it, the chain only revokes."""

    def is_valid_at(self, now: datetime) -> bool:
        """Return whether the chain is permitted, and all of its CAs are valid."""
        return self.is_permitted and self.not_before <= now < self.not_after


class _Path(NamedTuple):
    """The CAs above a certificate, the issuer first."""

    authorities: tuple[Authority, ...]
    is_permitted: bool
    ends_at_root: bool = False


class Signer(NamedTuple):
    """A CA whose key verifies the signature of a certificate."""

    authority: Authority
    is_permitted: bool
    """Whether its key usage and the certificate's authority key identifier permit it."""


class ChainBuilder:
    """Builds chains from the CAs of a truststore, and remembers which CA has signed which.

    ``departed`` are those of these CAs that have left the truststore.
    """

    def __init__(self, truststore: Truststore, departed: frozenset[AuthorityId] = frozenset()) -> None:
        self._truststore = truststore
        self._departed = departed
        self._signers: dict[bytes, tuple[Signer, ...]] = {}
        self._scopes: dict[bytes, CertificateScope] = {}

    def chains(self, certificate: Certificate) -> tuple[Chain, ...]:
        """Return every chain of a certificate: none if no CA of the truststore has signed it. Raises nothing.

        A client's self-signed certificate in the truststore has one chain: it is its own trust anchor.

        A chain ends at a root, or at a CA whose issuer's name is not in the truststore. Each certificate of a CA with
        several ones (renewed, or cross-signed) is part of a separate chain. If there are more than MAX_CHAINS, the
        result is one chain that is not permitted and contains all CAs above the certificate, any of which may be
        revoked.
        """
        signers = find_signers(certificate, self._truststore)
        own = self._truststore.of_client(certificate)
        if own is not None and not signers:
            scope = read_certificate_scope(certificate, own.issuer)
            link = ChainLink(own.identity, certificate.serial_number, scope)
            return (Chain((link, link), own.not_before, own.not_after, is_permitted=True, ends_at_root=True),)
        if not signers:
            return ()
        # Once, and not for each chain: a CA may write any number of distribution points.
        scope = read_certificate_scope(certificate, signers[0].authority.identity.name)
        starts = (_Path((authority,), is_permitted) for authority, is_permitted in signers)
        paths = tuple(islice((path for start in starts for path in self._paths(start)), MAX_CHAINS + 1))
        if len(paths) > MAX_CHAINS:
            paths = (_Path(self._reachable(signers), is_permitted=False),)
        return tuple(
            Chain(
                tuple(self._links(certificate, scope, path)),
                max(authority.not_before for authority in path.authorities),
                min(authority.not_after for authority in path.authorities),
                path.is_permitted,
                path.ends_at_root,
                self._departed.isdisjoint([authority.identity for authority in path.authorities]),
            )
            for path in paths
        )

    def _reachable(self, signers: tuple[Signer, ...]) -> tuple[Authority, ...]:
        """Return all CAs above a certificate with these signers, direct and indirect ones, its issuer first."""
        found = {authority.certificate.der: authority for authority, _ in signers}
        waiting = [authority for authority, _ in signers]
        while waiting:
            for authority, _ in self._signers_of(waiting.pop()):
                if authority.certificate.der not in found:
                    found[authority.certificate.der] = authority
                    waiting.append(authority)
        return tuple(found.values())

    def _paths(self, path: _Path) -> Iterator[_Path]:
        """Yield every way to continue a path to its end: at least one."""
        last = path.authorities[-1]
        signers = self._signers_of(last)
        if any(signer.authority is last for signer in signers):
            yield path._replace(ends_at_root=True)
            return
        if not signers:
            # If the truststore has a CA with the issuer's name, but no key that verifies the signature, the status of
            # the last CA is unknown. If its issuer has its own name, it is a renewed root whose old certificate is
            # missing.
            is_end = last.issuer == last.identity.name or not self._has_trusted(last.issuer)
            yield path._replace(is_permitted=path.is_permitted and is_end)
            return
        # Signers are certificates of one CA. If it is below already, CAs have certified each other, and nothing depends
        # on what is above it here.
        is_repeated = signers[0].authority.identity in (each.identity for each in path.authorities)
        if is_repeated or len(path.authorities) == MAX_AUTHORITIES:
            yield path._replace(is_permitted=False)
            return
        for authority, is_permitted in signers:
            yield from self._paths(_Path((*path.authorities, authority), path.is_permitted and is_permitted))

    def _has_trusted(self, name: CanonicalName) -> bool:
        return any(each.identity not in self._departed for each in self._truststore.named(name))

    def _links(self, certificate: Certificate, scope: CertificateScope, path: _Path) -> Iterator[ChainLink]:
        issuer, *_ = path.authorities
        yield ChainLink(
            issuer.identity, certificate.serial_number, scope, _other_keys(issuer.identity, path.authorities)
        )
        for place, authority in enumerate(path.authorities, start=1):
            signers = self._signers_of(authority)
            if signers:
                # All have the same name, and the one key that verifies the signature.
                identity = signers[0].authority.identity
                other_keys = _other_keys(identity, path.authorities[place:])
                yield ChainLink(identity, authority.certificate.serial_number, self._scope_of(authority), other_keys)

    def _signers_of(self, authority: Authority) -> tuple[Signer, ...]:
        encoded = authority.certificate.der
        if encoded not in self._signers:
            self._signers[encoded] = find_signers(authority.certificate, self._truststore)
        return self._signers[encoded]

    def _scope_of(self, authority: Authority) -> CertificateScope:
        encoded = authority.certificate.der
        if encoded not in self._scopes:
            self._scopes[encoded] = read_certificate_scope(authority.certificate, authority.issuer)
        return self._scopes[encoded]


def _other_keys(issuer: AuthorityId, authorities: tuple[Authority, ...]) -> tuple[AuthorityId, ...]:
    """Return the identities among some CAs that have an issuer's name, but not its key."""
    identities = dict.fromkeys(authority.identity for authority in authorities)
    return tuple(each for each in identities if each.name == issuer.name and each != issuer)


def find_signers(certificate: Certificate, truststore: Truststore) -> tuple[Signer, ...]:
    """Return the CAs of a truststore that have signed a certificate. Raises nothing."""
    # A signature is valid only with the algorithm inside the signed part of the certificate (RFC 5280 §4.1.1.2).
    if certificate.signature_algorithm != certificate.tbs_signature_algorithm:
        return ()
    try:
        named = truststore.named(canonical_name(certificate.issuer))
    except DerError:
        return ()
    algorithm, signature, signed = certificate.signature_algorithm, certificate.signature, certificate.tbs_certificate
    verified = frozenset(verifying_keys(named, algorithm, signature, signed))
    identifier = authority_key_identifier(certificate.extension(AUTHORITY_KEY_IDENTIFIER))
    return tuple(
        Signer(authority, authority.may_sign_certificates and matches_key_identifier(identifier, authority))
        for authority in named
        if authority.identity.key_fingerprint in verified
    )


def issuer_keys(certificate: Certificate, truststore: Truststore) -> frozenset[str]:
    """Return the SHA-256 of the keys, in DER as SubjectPublicKeyInfo, in upper-case hexadecimal pairs with colons.

    These are the keys of immediate issuers: of CAs whose name is the certificate's issuer, whose key verifies the
    signature, and whose key usage permits it. Their validity is not checked. Signatures with hashes that are weaker
    than SHA-256 are ignored. Raises nothing.
    """
    algorithm = read_signature_algorithm(certificate.signature_algorithm)
    if algorithm is None or algorithm.is_weak:
        return frozenset()
    return frozenset(
        bytes.fromhex(digest).hex(":").upper()
        for signer in find_signers(certificate, truststore)
        if signer.is_permitted
        for digest in signer.authority.key_digests
    )
