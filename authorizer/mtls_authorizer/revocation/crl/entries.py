"""The entries of a CRL (RFC 5280 §5.3): the serial numbers that they revoke, and their critical extensions.

A CRL may have a million entries. Most functions search its bytes, without decoding entries.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import islice

from cryptography import x509

from client_certificate_auth.x509.der import encode_integer
from mtls_authorizer.revocation.crl.rejection import INSTEAD_OF_INDIRECT, CrlError, CrlRejection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_OBJECT_IDENTIFIER = b"\x06"
_LONG_FORM = 0x80  # the first byte of a length in DER that takes more than one byte (X.690 §8.1.3.5)

# A critical extension after its object identifier: TRUE, and the tag of its value.
_CRITICAL = bytes.fromhex("0101ff04")
_CERTIFICATE_ISSUER = bytes.fromhex("0603551d1d")
# removeFromCRL as the value of an extension.
_REMOVAL = bytes.fromhex("04030a0108")

_CACHED_LOOKUPS = 4096
_BYTES_PER_LOOKUP = 256
"""A cached lookup takes 100 bytes, and there may be 256 CRLs: their lookups must not take more memory than they do."""
_LONGEST_CACHED = 8 * 64
"""In bits. Certificates with serial numbers of any length exist, and thousands of them would fill the memory."""


class CrlEntries:
    """The entries of a CRL, in DER and decoded.

    It keeps the bytes of the CRL, not a set of serial numbers, so that only the signature takes time at the start.
    """

    def __init__(self, encoded: bytes, crl: x509.CertificateRevocationList) -> None:
        self._crl = crl
        self._may_contain_removals = _REMOVAL in encoded
        # Not a cached method: its cache would keep this object, of many megabytes, until the next garbage collection.
        self._look_up = partial(_is_revoked, encoded, crl)
        self._look_up_cached = lru_cache(min(_CACHED_LOOKUPS, len(encoded) // _BYTES_PER_LOOKUP))(self._look_up)

    def is_revoked(self, serial_number: int) -> bool:
        """Return whether the CA has revoked the certificate with this serial number, or put it on hold."""
        is_short = serial_number.bit_length() <= _LONGEST_CACHED
        return self._look_up_cached(serial_number) if is_short else self._look_up(serial_number)

    def serial_numbers(self) -> Iterator[int]:
        """Return the revoked serial numbers in the order of the CRL. They may be repeated, and negative."""
        if not self._may_contain_removals:
            # Without looking at reasons, which takes three times as long.
            return (entry.serial_number for entry in self._crl)
        return (entry.serial_number for entry in self._crl if _is_revocation(entry))


def _is_revocation(entry: x509.RevokedCertificate) -> bool:
    """Return whether an entry revokes: unless its reason is removeFromCRL (RFC 5280 §5.3.1), or if it is unreadable."""
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except Exception:  # noqa: BLE001 -- absent, or anything that cryptography raises
        return True
    return reason is not x509.ReasonFlags.remove_from_crl


def _is_revoked(encoded: bytes, crl: x509.CertificateRevocationList, serial_number: int) -> bool:
    # Searching the bytes is several times as fast as searching the entries. A serial number has only one encoding
    # (X.690 §8.3.2): other encodings are rejected when the CRL is decoded.
    if encode_integer(serial_number) not in encoded:
        return False
    if serial_number >= 0:
        entry = crl.get_revoked_certificate_by_serial_number(serial_number)
        if entry is None or _is_revocation(entry):
            return entry is not None
    # A negative number, for which cryptography raises, or removeFromCRL, which another entry may contradict.
    return any(entry.serial_number == serial_number and _is_revocation(entry) for entry in crl)


def find_unknown_extension(encoded: bytes, crl: x509.CertificateRevocationList, critical: int) -> str | None:
    """Return the problem if an entry has a critical extension (RFC 5280 §5.3), None otherwise. None of them is known.

    ``critical`` is the number of critical extensions of the list itself. The entries are decoded only if the CRL has
    more bytes that look like a critical extension, or bytes that look like an entry of another CA: DER has only one
    encoding of each. Then, extensions that cannot be decoded are a problem as well.

    Raises CrlError for entries of other CAs (§5.3.3), and for unreadable ones if they may be of other CAs.
    """
    lookalikes = islice(_critical_extensions(encoded), critical + 1)
    may_be_indirect = _CERTIFICATE_ISSUER in encoded
    if sum(1 for _ in lookalikes) == critical and not may_be_indirect:
        return None
    checked = (_check_entry(entry, may_be_indirect=may_be_indirect) for entry in crl)
    problems = [problem for problem in checked if problem is not None]
    return problems[0] if problems else None


def _check_entry(entry: x509.RevokedCertificate, *, may_be_indirect: bool) -> str | None:
    try:
        extensions = tuple(entry.extensions)
    except Exception as error:
        # cryptography raises ValueError, TypeError and others.
        message = f"the extensions of the CRL's entry for {entry.serial_number:x} cannot be decoded: {error}"
        if may_be_indirect:
            raise CrlError(CrlRejection.MALFORMED, message) from error
        return message
    for extension in extensions:
        if isinstance(extension.value, x509.CertificateIssuer):
            raise CrlError(
                CrlRejection.INDIRECT,
                f"the CRL's entry for {entry.serial_number:x} concerns another CA (indirect CRL); "
                f"{INSTEAD_OF_INDIRECT}",
            )
    unknown = [extension.oid.dotted_string for extension in extensions if extension.critical]
    if unknown:
        return f"the CRL's entry for {entry.serial_number:x} has an unknown critical extension: {unknown[0]}"
    return None


def _critical_extensions(encoded: bytes) -> Iterator[int]:
    """Yield where something looks like a critical extension: an object identifier, TRUE, and the tag of its value."""
    place = encoded.find(_CRITICAL)
    while place >= 0:
        if _ends_object_identifier(encoded, place):
            yield place
        place = encoded.find(_CRITICAL, place + 1)


def _ends_object_identifier(encoded: bytes, end: int) -> bool:
    """Return whether something that looks like an object identifier ends at a place.

    It has less than 64 bytes: cryptography decodes no longer ones. Only places with its tag are examined, because
    serial numbers can look like thousands of critical extensions.
    """
    first = max(0, end - _LONG_FORM)
    start = encoded.rfind(_OBJECT_IDENTIFIER, first, end)
    while start >= 0:
        if start + 2 + encoded[start + 1] == end and start + 2 < end:
            return True
        start = encoded.rfind(_OBJECT_IDENTIFIER, first, start)
    return False
