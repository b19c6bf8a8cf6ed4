"""The certificate of a CA in the truststore."""

from __future__ import annotations

import hashlib

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import (
    BASIC_CONSTRAINTS,
    CRL_SIGN,
    KEY_CERT_SIGN,
    KEY_USAGE,
    SUBJECT_KEY_IDENTIFIER,
    AuthorityKeyIdentifier,
    bit_is_set,
    read_authority_key_identifier,
    read_basic_constraints,
    read_bits,
    read_subject_key_identifier,
)
from client_certificate_auth.x509.general_names import DIRECTORY_NAME
from client_certificate_auth.x509.validity import to_datetime
from mtls_authorizer.revocation.truststore.names import CanonicalName, canonical_name
from mtls_authorizer.revocation.truststore.signatures import PublicKey, is_signed_by, key_fingerprint, load_public_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from client_certificate_auth.x509.certificate import Certificate


# Netscape's certificate type, and its bits for CAs: of TLS, of S/MIME and of signed objects.
_NETSCAPE_TYPE, _NETSCAPE_CAS = "2.16.840.1.113730.1.1", (5, 6, 7)


class AuthorityId(NamedTuple):
    """The identity of a CA: its name and its key. CAs may share a name; a CA may have several certificates."""

    name: CanonicalName
    key_fingerprint: str
    """SHA-256 of the SubjectPublicKeyInfo in DER, in lower-case hexadecimal."""


class Authority(NamedTuple):
    """The certificate of a CA in the truststore."""

    certificate: Certificate
    identity: AuthorityId
    issuer: CanonicalName
    not_before: datetime
    not_after: datetime
    public_key: PublicKey | None
    """None for a key of a kind that is not supported: nothing that it has signed can be verified."""

    key_identifier: bytes | None
    may_sign_certificates: bool
    may_sign_crls: bool
    is_ca: bool
    """False for a client's own certificate, which is its own issuer: it signs nothing else."""

    @property
    def key_digests(self) -> frozenset[str]:
        """The digests by which settings may name the key: that of its identity, and the one that OpenSSL prints.

        They differ if the certificate has a compressed point, or an RSA key for RSASSA-PSS only (RFC 4055 §1.2).
        """
        return frozenset((self.identity.key_fingerprint, hashlib.sha256(self.certificate.public_key).hexdigest()))

    def is_valid_at(self, now: datetime) -> bool:
        """Return whether the certificate is valid. Its last moment is excluded, as in OpenSSL."""
        return self.not_before <= now < self.not_after


def read_authority(certificate: Certificate) -> Authority | None:
    """Return the authority that a certificate belongs to: a CA, or the certificate's own issuer. Otherwise None.

    Raises DerError if names, basic constraints or key usage cannot be read. No other extension matters.
    """
    usage = certificate.extension(KEY_USAGE)
    usages = None if usage is None else read_bits(usage)
    is_ca = _is_ca(certificate, usages)
    if not is_ca and not _is_self_issued(certificate):
        return None
    key = load_public_key(certificate.public_key)
    fingerprint = hashlib.sha256(certificate.public_key).hexdigest() if key is None else key_fingerprint(key)
    return Authority(
        certificate,
        AuthorityId(canonical_name(certificate.subject), fingerprint),
        canonical_name(certificate.issuer),
        to_datetime(certificate.not_before),
        to_datetime(certificate.not_after),
        key,
        _key_identifier(certificate),
        may_sign_certificates=usages is None or bit_is_set(usages, KEY_CERT_SIGN),
        may_sign_crls=usages is None or bit_is_set(usages, CRL_SIGN),
        is_ca=is_ca,
    )


def _is_ca(certificate: Certificate, usages: bytes | None) -> bool:
    """Return whether OpenSSL accepts a certificate as a CA certificate (RFC 5280 §4.2.1.9).

    Without basic constraints, these are roots of version 1, and certificates with keyCertSign or one of Netscape's
    types of CAs. Raises DerError.
    """
    constraints = certificate.extension(BASIC_CONSTRAINTS)
    if constraints is not None:
        return read_basic_constraints(constraints)[0]
    if usages is not None:
        return bit_is_set(usages, KEY_CERT_SIGN)
    if certificate.version == 1:
        return _is_self_issued(certificate)
    netscape_type = certificate.extension(_NETSCAPE_TYPE)
    return netscape_type is not None and any(bit_is_set(read_bits(netscape_type), bit) for bit in _NETSCAPE_CAS)


def _is_self_issued(certificate: Certificate) -> bool:
    return canonical_name(certificate.subject) == canonical_name(certificate.issuer)


def verifying_keys(
    authorities: Iterable[Authority], identifier: bytes, signature: bytes, signed: bytes | memoryview
) -> Iterator[str]:
    """Yield the fingerprints of the CAs' keys that verify a signature: see ``is_signed_by``. Each key is tried once."""
    keys = {authority.identity.key_fingerprint: authority.public_key for authority in authorities}
    for fingerprint, key in keys.items():
        if key is not None and is_signed_by(key, identifier, signature, signed):
            yield fingerprint


def authority_key_identifier(value: bytes | None) -> AuthorityKeyIdentifier | None:
    """Return the authority key identifier of a certificate or CRL, None if it is absent or cannot be read."""
    try:
        return None if value is None else read_authority_key_identifier(value)
    except DerError:
        return None


def matches_key_identifier(identifier: AuthorityKeyIdentifier | None, authority: Authority) -> bool:
    """Return whether an authority key identifier (RFC 5280 §4.2.1.1) permits a CA. Absent parts permit every CA."""
    if identifier is None:
        return True
    if None not in (identifier.key_identifier, authority.key_identifier) and (
        identifier.key_identifier != authority.key_identifier
    ):
        return False
    serial_number = identifier.cert_serial_number
    if serial_number is not None and serial_number != authority.certificate.serial_number:
        return False
    issuers = [content for tag, content in identifier.cert_issuer or () if tag == DIRECTORY_NAME]
    return not issuers or canonical_name(issuers[0]) == authority.issuer


def _key_identifier(certificate: Certificate) -> bytes | None:
    value = certificate.extension(SUBJECT_KEY_IDENTIFIER)
    try:
        return None if value is None else read_subject_key_identifier(value)
    except DerError:
        return None
