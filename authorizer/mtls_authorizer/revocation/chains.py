"""Chains: the ways from a certificate, by the signatures on it, up to the last CA in the truststore."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.revocation.signatures import is_signed_by
from mtls_authorizer.revocation.truststore import AuthorityId, canonical_name, matches_key_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cryptography import x509

    from mtls_authorizer.revocation.truststore import Authority, Truststore

MAX_AUTHORITIES = 4
"""The number of CAs in one chain that API Gateway accepts."""


class ChainLink(NamedTuple):
    """A certificate of a chain as CRLs refer to it: its issuer and its serial number."""

    issuer: AuthorityId
    serial_number: int


class Chain(NamedTuple):
    """A chain from a certificate to the last CA that the truststore contains, and when all of these CAs are valid.

    The link of the certificate itself comes first. A root is the last link: it is its own issuer.
    """

    links: tuple[ChainLink, ...]
    not_before: datetime
    not_after: datetime


class ChainBuilder:
    """Builds chains from the CAs of a truststore, and remembers which CA has signed which."""

    def __init__(self, truststore: Truststore) -> None:
        self._truststore = truststore
        self._issuers: dict[x509.Certificate, tuple[Authority, ...] | None] = {}

    def chains(self, certificate: x509.Certificate) -> tuple[Chain, ...]:
        """Return every chain of a certificate: none if no CA of the truststore has signed it. Raises nothing.

        A chain ends at a root, or at a CA whose issuer's name is not in the truststore. A CA may have several
        certificates (renewed, or cross-signed): each makes a chain of its own.
        """
        try:
            issuers = self._signers(certificate)
        except Exception:  # noqa: BLE001 -- extensions that cannot be decoded: ValueError, TypeError and others
            return ()
        return tuple(
            Chain(
                (ChainLink(path[0].identity, certificate.serial_number), *self._links(path)),
                max(authority.not_before for authority in path),
                min(authority.not_after for authority in path),
            )
            for issuer in issuers
            for path in self._paths((issuer,))
        )

    def _paths(self, path: tuple[Authority, ...]) -> Iterator[tuple[Authority, ...]]:
        """Yield every way to continue a path to its end."""
        issuers = self._issuers_of(path[-1])
        if issuers is None:
            return
        if not issuers or path[-1] in issuers:
            yield path
            return
        if len(path) == MAX_AUTHORITIES:
            return
        for issuer in issuers:
            if issuer not in path:
                yield from self._paths((*path, issuer))

    def _links(self, path: tuple[Authority, ...]) -> Iterator[ChainLink]:
        for authority in path:
            issuers = self._issuers_of(authority)
            if issuers:
                # All have the same name, and the one key that verifies the signature.
                yield ChainLink(issuers[0].identity, authority.certificate.serial_number)

    def _issuers_of(self, authority: Authority) -> tuple[Authority, ...] | None:
        """Return the CAs that signed the certificate of a CA; None if there is one with the right name, but no key.

        The status of such a CA should be looked up, but cannot be: it is part of no chain.
        """
        if authority.certificate not in self._issuers:
            self._issuers[authority.certificate] = self._find_issuers(authority)
        return self._issuers[authority.certificate]

    def _find_issuers(self, authority: Authority) -> tuple[Authority, ...] | None:
        signers = self._signers(authority.certificate)
        if signers or authority.issuer == authority.identity.name or not self._truststore.named(authority.issuer):
            return signers
        return None

    def _signers(self, certificate: x509.Certificate) -> tuple[Authority, ...]:
        candidates = [
            authority
            for authority in self._truststore.named(canonical_name(certificate.issuer))
            if authority.may_sign_certificates and matches_key_identifier(certificate.extensions, authority)
        ]
        if not candidates:
            return ()
        signed = certificate.tbs_certificate_bytes
        keys = {authority.identity.key_fingerprint: authority.public_key for authority in candidates}
        signers = {fingerprint for fingerprint, key in keys.items() if is_signed_by(certificate, signed, key)}
        return tuple(authority for authority in candidates if authority.identity.key_fingerprint in signers)
