"""Reading and verifying one CRL (RFC 5280 §5)."""

from __future__ import annotations

import binascii
import hashlib
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from client_certificate_auth.x509.names import DistinguishedName
from mtls_authorizer.revocation.crl.entries import check_entries, is_revocation, is_revoked, may_contain_removals
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection, reject
from mtls_authorizer.revocation.crl.succession import check_timeliness
from mtls_authorizer.revocation.signatures import is_signed_by
from mtls_authorizer.revocation.truststore import Authority, Truststore, canonical_name, matches_key_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList

MAX_CRL_BYTES = 256 * 1024 * 1024
"""The limit of a CRL or an index. Six million entries fit into it."""

_PEM_BEGIN, _PEM_END = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"

# As API Gateway accepts for certificates: SHA-256 or stronger. Ed25519 and Ed448 do not name a hash.
_HASH_ALGORITHMS = (hashes.SHA256, hashes.SHA384, hashes.SHA512, hashes.SHA3_256, hashes.SHA3_384, hashes.SHA3_512)

_INTEGER = 0x02
_LONG_FORM = 0x80  # the first byte of a length in DER that takes more than one byte (X.690 §8.1.3.5)

_CACHED_LOOKUPS = 4096


class _Fields(NamedTuple):
    """The fields that ``RevocationList`` describes."""

    issuer: bytes
    number: int | None
    this_update: datetime
    next_update: datetime | None


class VerifiedCrl:
    """A CRL whose signature was verified: a ``RevocationList``.

    It keeps the bytes of the CRL, not a set of serial numbers, so that only the signature takes time at the start.
    """

    def __init__(self, encoded: bytes, crl: x509.CertificateRevocationList, fields: _Fields, signer: str) -> None:
        self.issuer, self.number, self.this_update, self.next_update = fields
        self.signer = signer
        self.digest = hashlib.sha256(encoded).hexdigest()
        self._crl = crl
        self._may_contain_removals = may_contain_removals(encoded)
        # Not a cached method: its cache would keep this object, of many megabytes, until the next garbage collection.
        self.is_revoked = lru_cache(_CACHED_LOOKUPS)(partial(is_revoked, encoded, crl))

    def serial_numbers(self) -> Iterator[int]:
        """Return the revoked serial numbers in the order of the CRL."""
        if not self._may_contain_removals:
            # Without looking at reasons, which takes three times as long.
            return (entry.serial_number for entry in self._crl)
        return (entry.serial_number for entry in self._crl if is_revocation(entry))


def read_crl(
    content: bytes,
    truststore: Truststore,
    now: datetime,
    *,
    in_force: RevocationList | None = None,
    max_age: timedelta = timedelta(0),
) -> VerifiedCrl:
    """Read a CRL, in PEM (RFC 7468 §6, one block) or DER, and verify it at a time, which is aware.

    It is accepted if a CA of the truststore with the name of the issuer has signed it, may do so and is valid; if
    ``thisUpdate`` is not in the future, and ``nextUpdate`` plus ``max_age`` is; if it is not older than the list in
    force for the same CA; and if it concerns all certificates of that CA, for all reasons. A CRL without ``nextUpdate``
    never expires, as in OpenSSL.

    Raises CrlError, with a message for users, for every other content.
    """
    encoded = _der(content)
    try:
        crl = x509.load_der_x509_crl(encoded)
        signed, version = _signed_part(encoded)
        extensions = tuple(crl.extensions)
        fields = _Fields(crl.issuer.public_bytes(), _crl_number(crl), crl.last_update_utc, crl.next_update_utc)
        authorities = truststore.named(canonical_name(crl.issuer))
        issuer = DistinguishedName(crl.issuer.public_bytes()).rfc4514_string()
        candidates = [authority for authority in authorities if matches_key_identifier(crl.extensions, authority)]
    except Exception as error:
        # cryptography decodes lazily, and raises ValueError, TypeError and others.
        message = f"the CRL cannot be decoded: {error}"
        raise CrlError(CrlRejection.MALFORMED, message) from error
    if version == 1 and extensions:
        reject(CrlRejection.MALFORMED, "the CRL is of version 1, but has extensions, which version 2 introduced")
    signer = _verify_signature(crl, signed, candidates, now, issuer)
    _check_extensions(crl.extensions)
    check_entries(encoded, crl)
    verified = VerifiedCrl(encoded, crl, fields, signer)
    check_timeliness(verified, now, in_force=in_force, max_age=max_age)
    return verified


def crl_digest(content: bytes) -> str:
    """Return the SHA-256 of a CRL in PEM or DER: that of its DER, in lower-case hexadecimal. Nothing is verified.

    Raises CrlError for content that is neither.
    """
    return hashlib.sha256(_der(content)).hexdigest()


def check_signer(revocation_list: RevocationList, truststore: Truststore, now: datetime) -> None:
    """Check that the CA that signed a list is in the truststore, may sign CRLs and is valid at a time.

    For a list that was verified elsewhere, or before the truststore changed. Raises CrlError.
    """
    name = x509.Name.from_bytes(revocation_list.issuer)
    issuer = DistinguishedName(revocation_list.issuer).rfc4514_string()
    authorities = truststore.named(canonical_name(name))
    signers = [each for each in authorities if each.identity.key_fingerprint == revocation_list.signer]
    if not signers:
        reject(CrlRejection.UNKNOWN_ISSUER, f"the issuer of the CRL, {issuer}, with its key, is not in the truststore")
    _check_may_sign(signers, now, issuer)


def _der(content: bytes) -> bytes:
    # A CRL is longer than 127 bytes, so that its length takes more than one byte, which is not text.
    if content[:1] == b"\x30" and content[1:2] >= b"\x80":
        return content
    blocks = content.count(b"-----BEGIN")
    begin = content.find(_PEM_BEGIN)
    end = content.find(_PEM_END, begin)
    if blocks != 1 or begin < 0 or end < 0:
        reject(
            CrlRejection.MALFORMED,
            f"neither a CRL in DER nor exactly one in PEM ({_PEM_BEGIN.decode()}): {blocks} PEM blocks, "
            f"and it begins with {content[:20]!r}",
        )
    body = content[begin + len(_PEM_BEGIN) : end].translate(None, b" \t\r\n")
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except binascii.Error as error:
        message = f"the CRL in PEM is not base64: {error}"
        raise CrlError(CrlRejection.MALFORMED, message) from error


def _signed_part(encoded: bytes) -> tuple[memoryview, int]:
    """Return the bytes of the TBSCertList (RFC 5280 §5.1.2) of a CRL that was decoded, and its version.

    cryptography provides them, too, but encodes every entry again, which takes longer than everything else.
    """
    start, _ = _contents(encoded, 0)
    first_field, end = _contents(encoded, start)
    return memoryview(encoded)[start:end], 2 if encoded[first_field] == _INTEGER else 1


def _contents(encoded: bytes, start: int) -> tuple[int, int]:
    """Return where the contents of the DER element (X.690 §8.1.3) at a place begin and end."""
    length = encoded[start + 1]
    if length < _LONG_FORM:
        return start + 2, start + 2 + length
    contents = start + 2 + (length ^ _LONG_FORM)
    return contents, contents + int.from_bytes(encoded[start + 2 : contents])


def _verify_signature(
    crl: x509.CertificateRevocationList, signed: memoryview, candidates: list[Authority], now: datetime, issuer: str
) -> str:
    """Return the fingerprint of the key that verifies a CRL. Raises CrlError."""
    if not candidates:
        reject(
            CrlRejection.UNKNOWN_ISSUER,
            f"no CA in the truststore has the name of the CRL's issuer, {issuer}, and its key identifier",
        )
    algorithm = _hash_algorithm(crl)
    if algorithm is not None and not isinstance(algorithm, _HASH_ALGORITHMS):
        reject(
            CrlRejection.WEAK_SIGNATURE,
            f"the CRL of {issuer} is signed with {algorithm.name}; SHA-256 or stronger is required",
        )
    keys = {authority.identity.key_fingerprint: authority.public_key for authority in candidates}
    signers = {fingerprint for fingerprint, key in keys.items() if is_signed_by(crl, signed, key)}
    verified = [authority for authority in candidates if authority.identity.key_fingerprint in signers]
    if not verified:
        reject(CrlRejection.INVALID_SIGNATURE, f"the CRL is not signed by the CA named as its issuer, {issuer}")
    _check_may_sign(verified, now, issuer)
    return verified[0].identity.key_fingerprint


def _check_may_sign(authorities: list[Authority], now: datetime, issuer: str) -> None:
    permitted = [authority for authority in authorities if authority.may_sign_crls]
    if not permitted:
        reject(CrlRejection.ISSUER_MAY_NOT_SIGN, f"{issuer} must not sign CRLs: its key usage does not include cRLSign")
    if not any(authority.is_valid_at(now) for authority in permitted):
        reject(
            CrlRejection.ISSUER_NOT_VALID, f"the certificate of {issuer}, which signed the CRL, is not valid at {now}"
        )


def _hash_algorithm(crl: x509.CertificateRevocationList) -> hashes.HashAlgorithm | None:
    try:
        return crl.signature_hash_algorithm
    except Exception:  # noqa: BLE001 -- an unknown one: no key verifies it, and that will be the reason
        return None


def _check_extensions(extensions: x509.Extensions) -> None:
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            reject(CrlRejection.DELTA, "the CRL is a delta CRL: only complete ones are supported")
        if isinstance(value, x509.IssuingDistributionPoint):
            _check_scope(value)
        elif extension.critical and not isinstance(value, x509.AuthorityKeyIdentifier):
            reject(
                CrlRejection.CRITICAL_EXTENSION,
                f"the CRL has an unknown critical extension: {extension.oid.dotted_string}",
            )


def _check_scope(point: x509.IssuingDistributionPoint) -> None:
    if point.indirect_crl:
        reject(CrlRejection.INDIRECT, "the CRL is an indirect one (indirectCRL): only the CA's own are supported")
    limits = {
        "onlyContainsUserCerts": point.only_contains_user_certs,
        "onlyContainsCACerts": point.only_contains_ca_certs,
        "onlyContainsAttributeCerts": point.only_contains_attribute_certs,
        "onlySomeReasons": point.only_some_reasons,
        "distributionPoint": point.full_name or point.relative_name,
    }
    names = [name for name, limit in limits.items() if limit]
    reject(
        CrlRejection.PARTIAL,
        f"the CRL is limited by its issuing distribution point ({', '.join(names)}): only complete ones are supported",
    )


def _crl_number(crl: x509.CertificateRevocationList) -> int | None:
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return None
