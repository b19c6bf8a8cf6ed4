"""Certificate revocation lists (RFC 5280 §5): which of them count, and which certificates they revoke."""

from __future__ import annotations

import binascii
import hashlib
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from client_certificate_auth.names import DistinguishedName
from mtls_authorizer.revocation import is_stale
from mtls_authorizer.truststore import Authority, Truststore, canonical_name, identifies, is_signed_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mtls_authorizer.revocation import RevocationList

_PEM_BEGIN, _PEM_END = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"

# What API Gateway takes for certificates: SHA-256 or stronger. None: Ed25519 and Ed448 hash on their own.
_HASH_ALGORITHMS = (hashes.SHA256, hashes.SHA384, hashes.SHA512, hashes.SHA3_256, hashes.SHA3_384, hashes.SHA3_512)

# What a critical extension has after its object identifier: TRUE, and the tag of its value.
_CRITICAL = bytes.fromhex("0101ff04")
_CERTIFICATE_ISSUER = bytes.fromhex("0603551d1d")
# What removeFromCRL looks like as the value of an extension.
_REMOVAL = bytes.fromhex("04030a0108")

_INTEGER, _OBJECT_IDENTIFIER = 0x02, 0x06

_LONG_FORM = 0x80

_LOOKUPS_KEPT = 4096
_LONGEST_MESSAGE = 500


class Refusal(StrEnum):
    """Why a CRL doesn't count."""

    MALFORMED = "malformed"
    """Not one CRL, in PEM or DER, that can be decoded."""

    UNKNOWN_ISSUER = "unknown_issuer"
    """No CA in the truststore has the issuer's name and, where the CRL says it, the key's identifier."""

    WEAK_SIGNATURE = "weak_signature"
    """Signed over a hash that is weaker than SHA-256."""

    INVALID_SIGNATURE = "invalid_signature"
    """Not signed by the CA whose name it bears."""

    ISSUER_MAY_NOT_SIGN = "issuer_may_not_sign"
    """The CA's key usage leaves out cRLSign (RFC 5280 §4.2.1.3)."""

    ISSUER_NOT_VALID = "issuer_not_valid"
    """The CA's certificate has expired, or isn't valid yet."""

    DELTA = "delta"
    """Tells only what changed (RFC 5280 §5.2.4)."""

    INDIRECT = "indirect"
    """Speaks of other CAs' certificates (RFC 5280 §5.2.5 and §5.3.3)."""

    PARTIAL = "partial"
    """Limited to some certificates or some reasons (RFC 5280 §5.2.5)."""

    CRITICAL_EXTENSION = "critical_extension"
    """Has a critical extension, in the list or in an entry, that isn't understood (RFC 5280 §5.2 and §5.3)."""

    NOT_YET_VALID = "not_yet_valid"
    """Its thisUpdate is in the future."""

    STALE = "stale"
    """Its nextUpdate has passed."""

    OTHER_ISSUER = "other_issuer"
    """Of another CA than the list in force, which is still fresh."""

    ROLLED_BACK = "rolled_back"
    """Older than the list in force."""


class RevocationListError(ValueError):
    """A CRL that doesn't count: the cause for a program, the message for a person."""

    def __init__(self, cause: Refusal, message: str) -> None:
        # A name in a file that nobody has signed may be of any length.
        super().__init__(message[:_LONGEST_MESSAGE])
        self.cause = cause


class _Fields(NamedTuple):
    """What ``RevocationList`` says of these."""

    issuer: bytes
    number: int | None
    this_update: datetime
    next_update: datetime | None


class CertificateRevocationList:
    """A CRL whose signature was verified: a ``RevocationList``.

    It keeps the CRL's bytes and no set of serial numbers: nothing but the signature costs time at the start.
    """

    def __init__(self, encoded: bytes, crl: x509.CertificateRevocationList, fields: _Fields, signer: str) -> None:
        self.issuer, self.number, self.this_update, self.next_update = fields
        self.signer = signer
        self.digest = hashlib.sha256(encoded).hexdigest()
        self._crl = crl
        self._has_removals = _REMOVAL in encoded
        # Not a method's cache: it would keep the list alive, which has many megabytes, until the next collection.
        self.is_revoked = lru_cache(_LOOKUPS_KEPT)(partial(_look_up, encoded, crl))

    def serial_numbers(self) -> Iterator[int]:
        """Return the revoked serial numbers in the CRL's order."""
        if not self._has_removals:
            # Without a look at the reasons, which would take three times as long.
            return (entry.serial_number for entry in self._crl)
        return (entry.serial_number for entry in self._crl if _is_revocation(entry))


def read_revocation_list(
    content: bytes,
    truststore: Truststore,
    now: datetime,
    *,
    in_force: RevocationList | None = None,
    max_age: timedelta = timedelta(0),
) -> CertificateRevocationList:
    """Read a CRL, in PEM (RFC 7468 §6, one block) or DER, that counts at a time, which is aware.

    It counts if a CA of the truststore with the issuer's name has signed it, may do so and is valid; if ``thisUpdate``
    isn't in the future, and ``nextUpdate`` plus ``max_age`` is; if it isn't older than the list in force for the same
    CA; and if it speaks of all of that CA's certificates and for all reasons. A CRL without ``nextUpdate`` never goes
    stale, as in OpenSSL.

    Raises RevocationListError, with a message for a person, for any other.
    """
    encoded = _der(content)
    try:
        crl = x509.load_der_x509_crl(encoded)
        signed, version = _signed_part(encoded)
        extensions = tuple(crl.extensions)
        fields = _Fields(crl.issuer.public_bytes(), _crl_number(crl), crl.last_update_utc, crl.next_update_utc)
        authorities = truststore.named(canonical_name(crl.issuer))
        issuer = DistinguishedName(crl.issuer.public_bytes()).rfc4514_string()
        candidates = [authority for authority in authorities if identifies(crl.extensions, authority)]
    except Exception as error:
        # cryptography decodes these lazily and raises ValueError, TypeError and whatever else comes up.
        message = f"the CRL can't be decoded: {error}"
        raise RevocationListError(Refusal.MALFORMED, message) from error
    if version == 1 and extensions:
        _refuse(Refusal.MALFORMED, "the CRL is of version 1, but has extensions, which version 2 introduced")
    signer = _signer(crl, signed, candidates, now, issuer)
    _check_extensions(crl.extensions)
    _check_entries(encoded, crl)
    revocation_list = CertificateRevocationList(encoded, crl, fields, signer)
    check_timeliness(revocation_list, now, in_force=in_force, max_age=max_age)
    return revocation_list


def crl_digest(content: bytes) -> str:
    """Return the SHA-256 of a CRL in PEM or DER: that of its DER, in lower-case hexadecimal. Nothing is verified.

    Raises RevocationListError for what is neither.
    """
    return hashlib.sha256(_der(content)).hexdigest()


def check_signer(revocation_list: RevocationList, truststore: Truststore, now: datetime) -> None:
    """Check that the CA that a list names as its signer is in the truststore, may sign CRLs and is valid at a time.

    For a list that was verified elsewhere, or before the truststore changed. Raises RevocationListError.
    """
    name = x509.Name.from_bytes(revocation_list.issuer)
    issuer = DistinguishedName(revocation_list.issuer).rfc4514_string()
    authorities = truststore.named(canonical_name(name))
    signers = [authority for authority in authorities if authority.identity.signer == revocation_list.signer]
    if not signers:
        _refuse(Refusal.UNKNOWN_ISSUER, f"the list's issuer, {issuer}, is no CA in the truststore, or has another key")
    _check_entitlement(signers, now, issuer)


def check_timeliness(
    revocation_list: RevocationList,
    now: datetime,
    *,
    in_force: RevocationList | None = None,
    max_age: timedelta = timedelta(0),
) -> None:
    """Check that a list is fresh at a time, which is aware, and may replace the one in force.

    That is, it is of the same CA, unless the one in force is stale, and not older. Raises RevocationListError.
    """
    _check_dates(revocation_list, now, max_age)
    if in_force is not None:
        _check_succession(revocation_list, in_force, replaceable=is_stale(in_force, now, max_age))


def _der(content: bytes) -> bytes:
    # A CRL is longer than 127 bytes, so that its length takes more than one (X.690 §8.1.3.5): that is no text.
    if content[:1] == b"\x30" and content[1:2] >= b"\x80":
        return content
    blocks = content.count(b"-----BEGIN")
    begin = content.find(_PEM_BEGIN)
    end = content.find(_PEM_END, begin)
    if blocks != 1 or begin < 0 or end < 0:
        _refuse(
            Refusal.MALFORMED,
            f"neither a CRL in DER nor exactly one in PEM ({_PEM_BEGIN.decode()}): {blocks} blocks in PEM, "
            f"and it begins with {content[:20]!r}",
        )
    body = content[begin + len(_PEM_BEGIN) : end].translate(None, b" \t\r\n")
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except binascii.Error as error:
        message = f"the CRL in PEM isn't base64: {error}"
        raise RevocationListError(Refusal.MALFORMED, message) from error


def _signed_part(encoded: bytes) -> tuple[memoryview, int]:
    """Return the bytes of the TBSCertList (RFC 5280 §5.1.2) of a CRL that was decoded, and its version.

    cryptography gives them, too, but by encoding every entry anew: that takes longer than all the rest.
    """
    start, _ = _contents(encoded, 0)
    first_field, end = _contents(encoded, start)
    return memoryview(encoded)[start:end], 2 if encoded[first_field] == _INTEGER else 1


def _contents(encoded: bytes, start: int) -> tuple[int, int]:
    """Return where the contents of the DER (X.690 §8.1.3) at a place begin and end."""
    length = encoded[start + 1]
    if length < _LONG_FORM:
        return start + 2, start + 2 + length
    contents = start + 2 + (length ^ _LONG_FORM)
    return contents, contents + int.from_bytes(encoded[start + 2 : contents])


def _signer(
    crl: x509.CertificateRevocationList, signed: memoryview, candidates: list[Authority], now: datetime, issuer: str
) -> str:
    if not candidates:
        _refuse(
            Refusal.UNKNOWN_ISSUER,
            f"the CRL's issuer, {issuer}, is no CA in the truststore: neither name nor key identifier may differ",
        )
    algorithm = _hash_algorithm(crl)
    if algorithm is not None and not isinstance(algorithm, _HASH_ALGORITHMS):
        _refuse(Refusal.WEAK_SIGNATURE, f"the CRL of {issuer} is signed over {algorithm.name}; SHA-256 is the least")
    keys = {authority.identity.signer: authority.public_key for authority in candidates}
    signers = {signer for signer, key in keys.items() if is_signed_by(crl, signed, key)}
    verified = [authority for authority in candidates if authority.identity.signer in signers]
    if not verified:
        _refuse(Refusal.INVALID_SIGNATURE, f"the CRL isn't signed by the CA whose name it bears, {issuer}")
    _check_entitlement(verified, now, issuer)
    return verified[0].identity.signer


def _check_entitlement(authorities: list[Authority], now: datetime, issuer: str) -> None:
    entitled = [authority for authority in authorities if authority.may_sign_lists]
    if not entitled:
        _refuse(Refusal.ISSUER_MAY_NOT_SIGN, f"{issuer} may not sign CRLs: its key usage leaves out cRLSign")
    if not any(authority.covers(now) for authority in entitled):
        _refuse(Refusal.ISSUER_NOT_VALID, f"the certificate of {issuer}, which signed the CRL, isn't valid at {now}")


def _hash_algorithm(crl: x509.CertificateRevocationList) -> hashes.HashAlgorithm | None:
    try:
        return crl.signature_hash_algorithm
    except Exception:  # noqa: BLE001 -- one that isn't known: no key verifies it, and that is the reason then
        return None


def _check_extensions(extensions: x509.Extensions) -> None:
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            _refuse(Refusal.DELTA, "the CRL is a delta CRL: only complete ones are understood")
        if isinstance(value, x509.IssuingDistributionPoint):
            _check_scope(value)
        elif extension.critical and not isinstance(value, x509.AuthorityKeyIdentifier):
            _refuse(
                Refusal.CRITICAL_EXTENSION,
                f"the CRL has a critical extension that isn't understood: {extension.oid.dotted_string}",
            )


def _check_scope(point: x509.IssuingDistributionPoint) -> None:
    if point.indirect_crl:
        _refuse(Refusal.INDIRECT, "the CRL is an indirect one (indirectCRL): only a CA's own are understood")
    limits = {
        "onlyContainsUserCerts": point.only_contains_user_certs,
        "onlyContainsCACerts": point.only_contains_ca_certs,
        "onlyContainsAttributeCerts": point.only_contains_attribute_certs,
        "onlySomeReasons": point.only_some_reasons,
        "distributionPoint": point.full_name or point.relative_name,
    }
    names = [name for name, limit in limits.items() if limit]
    _refuse(
        Refusal.PARTIAL,
        f"the CRL is limited by its issuing distribution point ({', '.join(names)}): only complete ones are understood",
    )


def _check_entries(encoded: bytes, crl: x509.CertificateRevocationList) -> None:
    """Refuse critical extensions of entries, and entries of other CAs (RFC 5280 §5.3.3).

    A list of a million entries is looked through only if it has bytes that look like one: more often than the list's
    own extensions do for the former. DER has no second way to write them.
    """
    critical = sum(extension.critical for extension in crl.extensions)
    lookalikes = islice(_critical_extensions(encoded), critical + 1)
    if sum(1 for _ in lookalikes) == critical and _CERTIFICATE_ISSUER not in encoded:
        return
    for entry in crl:
        try:
            extensions = tuple(entry.extensions)
        except Exception as error:
            # cryptography raises ValueError, TypeError and whatever else comes up.
            message = f"the extensions of the CRL's entry for {entry.serial_number:x} can't be decoded: {error}"
            raise RevocationListError(Refusal.MALFORMED, message) from error
        for extension in extensions:
            if isinstance(extension.value, x509.CertificateIssuer):
                _refuse(Refusal.INDIRECT, f"the CRL's entry for {entry.serial_number:x} is another CA's (indirect CRL)")
            if extension.critical:
                _refuse(
                    Refusal.CRITICAL_EXTENSION,
                    f"the CRL's entry for {entry.serial_number:x} has a critical extension that isn't understood: "
                    f"{extension.oid.dotted_string}",
                )


def _critical_extensions(encoded: bytes) -> Iterator[int]:
    """Return where something looks like a critical extension: an object identifier, TRUE, and the tag of its value.

    An object identifier takes less than 64 bytes, or cryptography wouldn't have decoded it.
    """
    place = encoded.find(_CRITICAL)
    while place >= 0:
        before = encoded[max(0, place - _LONG_FORM) : place]
        if any(
            before[-length - 2 : -length] == bytes([_OBJECT_IDENTIFIER, length]) for length in range(1, len(before))
        ):
            yield place
        place = encoded.find(_CRITICAL, place + 1)


def _check_dates(revocation_list: RevocationList, now: datetime, max_age: timedelta) -> None:
    if revocation_list.this_update > now:
        _refuse(Refusal.NOT_YET_VALID, f"the CRL's thisUpdate, {revocation_list.this_update}, is after {now}")
    if is_stale(revocation_list, now, max_age):
        _refuse(Refusal.STALE, f"the CRL's nextUpdate, {revocation_list.next_update}, has passed at {now}")


def _check_succession(new: RevocationList, in_force: RevocationList, *, replaceable: bool) -> None:
    if (new.signer, _name(new)) != (in_force.signer, _name(in_force)):
        if replaceable:
            return
        _refuse(Refusal.OTHER_ISSUER, "the CRL is another CA's, or of another key, than the one in force")
    if new.this_update < in_force.this_update:
        _refuse(
            Refusal.ROLLED_BACK,
            f"the CRL's thisUpdate, {new.this_update}, is before that of the one in force, {in_force.this_update}",
        )
    if new.number is not None and in_force.number is not None and new.number < in_force.number:
        _refuse(
            Refusal.ROLLED_BACK,
            f"the CRL's number, {new.number}, is lower than that of the one in force, {in_force.number}",
        )


def _name(revocation_list: RevocationList) -> object:
    return canonical_name(x509.Name.from_bytes(revocation_list.issuer))


def _crl_number(crl: x509.CertificateRevocationList) -> int | None:
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return None


def _look_up(encoded: bytes, crl: x509.CertificateRevocationList, serial_number: int) -> bool:
    # A serial number has one encoding only, or the CRL wouldn't have been read (X.690 §8.3.2). Bytes that aren't
    # anywhere in it needn't be looked for entry by entry, which takes several times as long.
    if _integer(serial_number) not in encoded:
        return False
    if serial_number >= 0:
        entry = crl.get_revoked_certificate_by_serial_number(serial_number)
        if entry is None or _is_revocation(entry):
            return entry is not None
    # A negative one, for which cryptography raises, or removeFromCRL, where another entry may say otherwise.
    return any(entry.serial_number == serial_number and _is_revocation(entry) for entry in crl)


def _is_revocation(entry: x509.RevokedCertificate) -> bool:
    """Tell whether an entry revokes: all do but removeFromCRL (RFC 5280 §5.3.1), and what can't be decoded as well."""
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except Exception:  # noqa: BLE001 -- absent, or anything that cryptography raises
        return True
    return reason is not x509.ReasonFlags.remove_from_crl


def _integer(value: int) -> bytes:
    """Return an INTEGER in DER (X.690 §8.3), or only its contents where it is too long for a short length."""
    contents = value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, signed=True)
    return bytes([_INTEGER, len(contents)]) + contents if len(contents) < _LONG_FORM else contents


def _refuse(cause: Refusal, message: str) -> NoReturn:
    raise RevocationListError(cause, message)
