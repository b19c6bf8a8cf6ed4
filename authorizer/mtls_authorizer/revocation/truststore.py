"""The truststore: the CAs that the custom domain of API Gateway trusts, read from its PEM bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from cryptography import x509

from mtls_authorizer.revocation.signatures import key_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

MAX_TRUSTSTORE_BYTES = 1_000_000
"""The limit of API Gateway (1,000 KB)."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

CanonicalName: TypeAlias = tuple[frozenset[tuple[str, str | bytes]], ...]
"""A name in a form in which equal names (RFC 5280 §7.1) are equal."""


class AuthorityId(NamedTuple):
    """The identity of a CA: its name and its key. CAs may share a name; a CA may have several certificates."""

    name: CanonicalName
    key_fingerprint: str
    """SHA-256 of the SubjectPublicKeyInfo in DER, in lower-case hexadecimal."""


class Authority(NamedTuple):
    """The certificate of a CA in the truststore."""

    certificate: x509.Certificate
    identity: AuthorityId
    issuer: CanonicalName
    not_before: datetime
    not_after: datetime
    public_key: CertificatePublicKeyTypes
    key_identifier: bytes | None
    may_sign_certificates: bool
    may_sign_crls: bool

    def is_valid_at(self, now: datetime) -> bool:
        """Return whether the certificate is valid. Its last moment is excluded, as in OpenSSL."""
        return self.not_before <= now < self.not_after


class Truststore:
    """The CAs of a truststore, found by name."""

    def __init__(self, authorities: Iterable[Authority]) -> None:
        # Without repetitions: a certificate that is there twice would double every chain.
        self.authorities = tuple({authority.certificate: authority for authority in authorities}.values())
        self._by_name: dict[CanonicalName, list[Authority]] = {}
        for authority in self.authorities:
            self._by_name.setdefault(authority.identity.name, []).append(authority)

    def named(self, name: CanonicalName) -> tuple[Authority, ...]:
        """Return all certificates of the CAs with this name."""
        return tuple(self._by_name.get(name, ()))

    def has_crl_signer(self, identity: AuthorityId) -> bool:
        """Return whether there is a certificate of this CA that permits it to sign CRLs, valid now or not."""
        return any(each.may_sign_crls and each.identity == identity for each in self.named(identity.name))


def read_truststore(content: bytes) -> Truststore:
    """Read the PEM bundle of CA certificates that the custom domain uses; text between certificates is ignored.

    Certificates that are not those of a CA (RFC 5280 §4.2.1.9), such as a client's own, are skipped: they sign nothing.
    Raises ValueError, with a message for users, for more than MAX_TRUSTSTORE_BYTES, for a PEM block that is not a
    certificate or cannot be decoded, and for a bundle without a CA.
    """
    if len(content) > MAX_TRUSTSTORE_BYTES:
        message = f"the truststore has {len(content):,} bytes; API Gateway accepts at most {MAX_TRUSTSTORE_BYTES:,}"
        raise ValueError(message)
    blocks = content.count(b"-----BEGIN")
    if not blocks:
        message = "the truststore contains no certificate in PEM (-----BEGIN CERTIFICATE-----)"
        raise ValueError(message)
    try:
        certificates = x509.load_pem_x509_certificates(content)
    except Exception as error:
        # ValueError, or InvalidVersion, which is not a ValueError.
        message = f"the truststore contains a PEM block that is not a certificate: {error}"
        raise ValueError(message) from error
    if len(certificates) != blocks:
        message = f"the truststore has {blocks} PEM blocks, of which {len(certificates)} are complete certificates"
        raise ValueError(message)
    authorities = [_authority(certificate, place) for place, certificate in enumerate(certificates, start=1)]
    truststore = Truststore(authority for authority in authorities if authority is not None)
    if not truststore.authorities:
        message = f"none of the truststore's {blocks} certificates is that of a CA (basicConstraints with CA:TRUE)"
        raise ValueError(message)
    return truststore


def canonical_name(name: x509.Name) -> CanonicalName:
    """Return a name in a form that ignores encoding, case and repeated spaces (RFC 5280 §7.1).

    It is good for finding candidates; the signature decides.
    """
    return tuple(
        frozenset(
            (attribute.oid.dotted_string, _canonical_value(attribute.value))
            for attribute in relative_distinguished_name
        )
        for relative_distinguished_name in name.rdns
    )


def matches_key_identifier(extensions: x509.Extensions, authority: Authority) -> bool:
    """Return whether an authority key identifier (RFC 5280 §4.2.1.1) permits a CA. Absent parts permit every CA."""
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


def _authority(certificate: x509.Certificate, place: int) -> Authority | None:
    try:
        extensions = certificate.extensions
        constraints = _value(extensions, x509.BasicConstraints)
        if constraints is None or not constraints.ca:
            return None
        usage = _value(extensions, x509.KeyUsage)
        identifier = _value(extensions, x509.SubjectKeyIdentifier)
        key = certificate.public_key()
        return Authority(
            certificate,
            AuthorityId(canonical_name(certificate.subject), key_fingerprint(key)),
            canonical_name(certificate.issuer),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            key,
            identifier.digest if identifier else None,
            may_sign_certificates=usage is None or usage.key_cert_sign,
            may_sign_crls=usage is None or usage.crl_sign,
        )
    except Exception as error:
        # cryptography decodes lazily, and raises ValueError, TypeError and others.
        message = f"certificate number {place} of the truststore cannot be decoded: {error}"
        raise ValueError(message) from error


def _value(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _canonical_value(value: str | bytes) -> str | bytes:
    return " ".join(value.lower().split()) if isinstance(value, str) else value
