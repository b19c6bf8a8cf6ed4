"""The truststore: the CAs that API Gateway's custom domain trusts, and the chains of certificates within it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

LARGEST_TRUSTSTORE = 1_000_000
"""Bytes: what API Gateway takes (1,000 KB)."""

MOST_AUTHORITIES = 4
"""CAs in one chain: the depth that API Gateway takes."""

_EDWARDS_KEYS: dict[x509.ObjectIdentifier, type] = {
    x509.SignatureAlgorithmOID.ED25519: ed25519.Ed25519PublicKey,
    x509.SignatureAlgorithmOID.ED448: ed448.Ed448PublicKey,
}

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

CanonicalName: TypeAlias = tuple[frozenset[tuple[str, str | bytes]], ...]


class Identity(NamedTuple):
    """A CA as revocation knows it: CAs may share a name, and a CA may have several certificates for one key."""

    name: CanonicalName
    signer: str
    """SHA-256 of the SubjectPublicKeyInfo in DER, in lower-case hexadecimal."""


class Authority(NamedTuple):
    """A CA's certificate in the truststore."""

    certificate: x509.Certificate
    identity: Identity
    issuer: CanonicalName
    not_before: datetime
    not_after: datetime
    public_key: CertificatePublicKeyTypes
    key_identifier: bytes | None
    may_sign_certificates: bool
    may_sign_lists: bool

    def covers(self, now: datetime) -> bool:
        """Tell whether the certificate is valid. Its last moment isn't part of it, as in OpenSSL."""
        return self.not_before <= now < self.not_after


class Step(NamedTuple):
    """A certificate of a chain by what a CRL knows of it: who issued it, and its serial number."""

    issuer: Identity
    serial_number: int


class Chain(NamedTuple):
    """A way from a certificate to the last CA that the truststore has, and when all of these CAs are valid.

    The certificate's own step comes first. The root's is the last one: it is its own issuer.
    """

    steps: tuple[Step, ...]
    not_before: datetime
    not_after: datetime


class Truststore:
    """CAs, found by name and by the signatures that they made."""

    def __init__(self, authorities: Iterable[Authority]) -> None:
        # A certificate that comes twice would make every chain twice.
        self.authorities = tuple({authority.certificate: authority for authority in authorities}.values())
        self._by_name: dict[CanonicalName, list[Authority]] = {}
        for authority in self.authorities:
            self._by_name.setdefault(authority.identity.name, []).append(authority)
        self._issuers: dict[x509.Certificate, tuple[Authority, ...] | None] = {}

    def named(self, name: CanonicalName) -> tuple[Authority, ...]:
        """Return all certificates of the CAs of this name."""
        return tuple(self._by_name.get(name, ()))

    def has_list_signer(self, identity: Identity) -> bool:
        """Tell whether a certificate of this CA is here that lets it sign CRLs, valid now or not."""
        return any(each.may_sign_lists and each.identity == identity for each in self.named(identity.name))

    def chains(self, certificate: x509.Certificate) -> tuple[Chain, ...]:
        """Return every chain of a certificate: none if no CA here has signed it. Raises nothing.

        A chain ends at a root, or at a CA whose issuer's name is nobody's here. A CA may have several certificates
        (renewed, or cross-signed): each makes a chain of its own.
        """
        try:
            issuers = self._signers(certificate)
        except Exception:  # noqa: BLE001 -- extensions that can't be decoded: ValueError, TypeError and more
            return ()
        return tuple(
            Chain(
                (Step(chain[0].identity, certificate.serial_number), *self._steps(chain)),
                max(authority.not_before for authority in chain),
                min(authority.not_after for authority in chain),
            )
            for issuer in issuers
            for chain in self._ways_up((issuer,))
        )

    def _ways_up(self, chain: tuple[Authority, ...]) -> Iterator[tuple[Authority, ...]]:
        issuers = self._issuers_of(chain[-1])
        if issuers is None:
            return
        if not issuers or chain[-1] in issuers:
            yield chain
            return
        if len(chain) == MOST_AUTHORITIES:
            return
        for issuer in issuers:
            if issuer not in chain:
                yield from self._ways_up((*chain, issuer))

    def _steps(self, chain: tuple[Authority, ...]) -> Iterator[Step]:
        for authority in chain:
            issuers = self._issuers_of(authority)
            if issuers:
                # All of one name, and of the one key that verifies the signature.
                yield Step(issuers[0].identity, authority.certificate.serial_number)

    def _issuers_of(self, authority: Authority) -> tuple[Authority, ...] | None:
        """Return who has signed a CA's certificate; None where its issuer's name is here, but not the key.

        Such a CA's own status can't be looked up though it should: no chain leads over it.
        """
        if authority.certificate not in self._issuers:
            self._issuers[authority.certificate] = self._find_issuers(authority)
        return self._issuers[authority.certificate]

    def _find_issuers(self, authority: Authority) -> tuple[Authority, ...] | None:
        signers = self._signers(authority.certificate)
        if signers or authority.issuer not in self._by_name or authority.issuer == authority.identity.name:
            return signers
        return None

    def _signers(self, certificate: x509.Certificate) -> tuple[Authority, ...]:
        candidates = [
            authority
            for authority in self._by_name.get(canonical_name(certificate.issuer), ())
            if authority.may_sign_certificates and identifies(certificate.extensions, authority)
        ]
        if not candidates:
            return ()
        signed = certificate.tbs_certificate_bytes
        keys = {authority.identity.signer: authority.public_key for authority in candidates}
        signers = {signer for signer, key in keys.items() if is_signed_by(certificate, signed, key)}
        return tuple(authority for authority in candidates if authority.identity.signer in signers)


def read_truststore(content: bytes) -> Truststore:
    """Read the bundle of CA certificates in PEM that API Gateway's custom domain uses; text between them is ignored.

    Certificates that aren't a CA's (RFC 5280 §4.2.1.9), such as a client's own, are left out: they sign nothing.
    Raises ValueError, with a message for a person, for more than LARGEST_TRUSTSTORE bytes, for anything in PEM that
    isn't a certificate or can't be decoded, and for a bundle without a CA.
    """
    if len(content) > LARGEST_TRUSTSTORE:
        message = f"the truststore has {len(content):,} bytes; API Gateway takes at most {LARGEST_TRUSTSTORE:,}"
        raise ValueError(message)
    blocks = content.count(b"-----BEGIN")
    if not blocks:
        message = "the truststore holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
        raise ValueError(message)
    try:
        certificates = x509.load_pem_x509_certificates(content)
    except Exception as error:
        # ValueError, or InvalidVersion, which isn't one.
        message = f"the truststore holds something in PEM that isn't a certificate: {error}"
        raise ValueError(message) from error
    if len(certificates) != blocks:
        message = f"the truststore has {blocks} blocks in PEM, of which {len(certificates)} are whole certificates"
        raise ValueError(message)
    authorities = [_authority(certificate, place) for place, certificate in enumerate(certificates, start=1)]
    truststore = Truststore(authority for authority in authorities if authority is not None)
    if not truststore.authorities:
        message = f"none of the truststore's {blocks} certificates is a CA's (basicConstraints with CA:TRUE)"
        raise ValueError(message)
    return truststore


def canonical_name(name: x509.Name) -> CanonicalName:
    """Return what two names have in common that are the same by RFC 5280 §7.1.

    The encoding, case and runs of spaces don't count. It says only where to look: the signature decides.
    """
    return tuple(
        frozenset(
            (attribute.oid.dotted_string, _canonical_value(attribute.value))
            for attribute in relative_distinguished_name
        )
        for relative_distinguished_name in name.rdns
    )


def identifies(extensions: x509.Extensions, authority: Authority) -> bool:
    """Tell whether an authority key identifier (RFC 5280 §4.2.1.1) allows for a CA. A part that is absent does."""
    try:
        identifier = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return True
    if None not in (identifier.key_identifier, authority.key_identifier) and (
        identifier.key_identifier != authority.key_identifier
    ):
        return False
    serial_number = identifier.authority_cert_serial_number
    if serial_number is not None and serial_number != authority.certificate.serial_number:
        return False
    issuers = [name.value for name in identifier.authority_cert_issuer or () if isinstance(name, x509.DirectoryName)]
    return not issuers or canonical_name(issuers[0]) == authority.issuer


def is_signed_by(
    document: x509.Certificate | x509.CertificateRevocationList,
    signed: bytes | memoryview,
    key: CertificatePublicKeyTypes,
) -> bool:
    """Tell whether the signature over these bytes of a document verifies. RSA (both paddings), ECDSA, Ed25519, Ed448.

    Raises nothing: a key or a signature of another kind doesn't verify.
    """
    signature = document.signature
    try:
        parameters = document.signature_algorithm_parameters
        algorithm = document.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey) and isinstance(parameters, padding.PKCS1v15 | padding.PSS) and algorithm:
            # Any buffer will do, though the stubs name but one.
            key.verify(signature, cast("bytes", signed), parameters, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
            key.verify(signature, signed, parameters)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and isinstance(
            key, _EDWARDS_KEYS.get(document.signature_algorithm_oid, ())
        ):
            key.verify(signature, signed)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _authority(certificate: x509.Certificate, place: int) -> Authority | None:
    try:
        extensions = certificate.extensions
        constraints = _value(extensions, x509.BasicConstraints)
        if constraints is None or not constraints.ca:
            return None
        usage = _value(extensions, x509.KeyUsage)
        identifier = _value(extensions, x509.SubjectKeyIdentifier)
        key = certificate.public_key()
        encoded_key = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Authority(
            certificate,
            Identity(canonical_name(certificate.subject), hashlib.sha256(encoded_key).hexdigest()),
            canonical_name(certificate.issuer),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            key,
            identifier.digest if identifier else None,
            may_sign_certificates=usage is None or usage.key_cert_sign,
            may_sign_lists=usage is None or usage.crl_sign,
        )
    except Exception as error:
        # cryptography decodes these lazily and raises ValueError, TypeError and whatever else comes up.
        message = f"the truststore's certificate number {place} can't be decoded: {error}"
        raise ValueError(message) from error


def _value(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _canonical_value(value: str | bytes) -> str | bytes:
    return " ".join(value.lower().split()) if isinstance(value, str) else value
