"""A client certificate, in the shape of Node's ``getPeerCertificate()``."""

from __future__ import annotations

import warnings
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from client_certificate_auth.alternative_names import (
    SubjectAltName,
    node_info_access,
    node_subject_alt_names,
    subject_alt_name,
)
from client_certificate_auth.names import DistinguishedName
from client_certificate_auth.plain_certificates import (
    NOT_PLAIN,
    read_plain_extensions,
    read_plain_fields,
    read_plain_pem,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cryptography.x509 import Certificate

    from client_certificate_auth.public_key import PublicKey

    _Extensions: TypeAlias = dict[type[x509.ExtensionType], x509.ExtensionType]

# cryptography's serialization is imported where it is needed: it takes a fifth of the time that a cold start takes
# without it, and who decides by names never needs it.

# cryptography warns of what is unusual in a certificate, such as a long common name. In a function's log that would
# be a line of another format, at the wish of whoever sends the certificate.
warnings.filterwarnings("ignore", category=UserWarning, module=r"client_certificate_auth\.")

_T = TypeVar("_T")
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

# English whatever the locale, which strftime's %b is not.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class MalformedCertificateError(ValueError):
    """Not exactly one X.509 certificate, or one whose names, serial number or dates can't be decoded."""


# The extended key usages that cryptography has decoded of one certificate, by the DER of its extensions but for those
# that are a client's own: those of one CA mostly have the same. Where any extension can't be decoded, nothing is kept.
# These limit the memory that it takes.
_known_usages: dict[bytes, tuple[str, ...] | None] = {}
_KNOWN_AT_MOST = 64
_LONGEST_KNOWN = 2048


class PeerCertificate:
    """An X.509 certificate (RFC 5280) with the attributes of Node's certificate object under Python names.

    Names, serial number and dates are decoded when the object is made, everything else when it is asked for. No
    attribute raises: what is absent from the certificate, or can't be decoded, is None, an empty tuple or False.
    """

    subject: DistinguishedName
    """The subject (RFC 5280 §4.1.2.6): ``subject.CN``, ``subject["OU"]``, ``subject.get_all("OU")``."""

    issuer: DistinguishedName
    """The issuer (RFC 5280 §4.1.2.4)."""

    serial_number: str
    """The serial number (RFC 5280 §4.1.2.2) in upper-case hexadecimal, whole bytes, without separators; zero is 0."""

    not_before: datetime
    """The first moment of validity (RFC 5280 §4.1.2.5), aware, in UTC."""

    not_after: datetime
    """The last moment of validity, aware, in UTC."""

    x509: Certificate
    """cryptography's own object, for everything else. Its attributes can raise."""

    def __init__(self, certificate: Certificate, *, _der: bytes | None = None) -> None:
        """Wrap cryptography's certificate. Raises MalformedCertificateError."""
        # What the certificate was read from, if that is at hand: cryptography would write all of it anew.
        self._der = _der
        self._decodable: bool | None = None  # while nothing has been read of the extensions
        self._sha256: str | None = None
        try:
            number, issuer, subject, self._public_key_start = NOT_PLAIN if _der is None else read_plain_fields(_der)
            self.issuer = (
                DistinguishedName(certificate.issuer)
                if issuer is None
                else DistinguishedName.from_text(issuer, lambda: certificate.issuer)
            )
            self.subject = (
                DistinguishedName(certificate.subject)
                if subject is None
                else DistinguishedName.from_text(subject, lambda: certificate.subject)
            )
            self.serial_number = number or _node_serial_number(certificate.serial_number)
            self.not_before = certificate.not_valid_before_utc
            self.not_after = certificate.not_valid_after_utc
        except Exception as error:
            # cryptography decodes these lazily and raises ValueError, TypeError and whatever else comes up.
            message = f"a name, the serial number or a date can't be decoded: {error}"
            raise MalformedCertificateError(message) from error
        self.x509 = certificate

    @classmethod
    def from_pem(cls, pem: str) -> PeerCertificate:
        """Read one certificate in PEM (RFC 7468 §5). Raises MalformedCertificateError, for more than one as well."""
        der = read_plain_pem(pem)
        try:
            certificate = _load_pem(pem) if der is None else x509.load_der_x509_certificate(der)
        except Exception as error:
            # Mostly ValueError, but the library doesn't promise that.
            message = f"not a certificate in PEM: {error}"
            raise MalformedCertificateError(message) from error
        return cls(certificate, _der=der)

    @property
    def subject_alt_names(self) -> tuple[SubjectAltName, ...]:
        """The subject alternative names (RFC 5280 §4.2.1.6) by type and value."""
        if self._decodable is None:
            self._read_extensions()
        return self._alternative_names

    @property
    def extensions_decodable(self) -> bool:
        """Whether all extensions that cryptography knows, and all alternative names, can be decoded.

        If not, what is absent from the other attributes may be in the certificate.
        """
        if self._decodable is None:
            self._read_extensions()
        return bool(self._decodable)

    @property
    def subjectaltname(self) -> str | None:
        """The subject alternative names as Node joins them. For people: match ``subject_alt_names`` instead."""
        return self._read(x509.SubjectAlternativeName, node_subject_alt_names)

    @property
    def info_access(self) -> dict[str, list[str]] | None:
        """The authority information access locations (RFC 5280 §4.2.2.1), as ``{"OCSP - URI": [...]}``."""
        return self._read(x509.AuthorityInformationAccess, node_info_access)

    @property
    def ca(self) -> bool:
        """Whether this is a CA's certificate (RFC 5280 §4.2.1.9) that may sign others (§4.2.1.3)."""
        is_ca = self._read(x509.BasicConstraints, lambda constraints: constraints.ca)
        may_sign = self._read(x509.KeyUsage, lambda usage: usage.key_cert_sign)
        return is_ca is True and may_sign is not False

    @property
    def ext_key_usage(self) -> list[str] | None:
        """The extended key usages (RFC 5280 §4.2.1.12) as dotted OIDs."""
        if self._decodable is None:
            self._read_extensions()
        return None if self._usages is None else list(self._usages)

    @property
    def modulus(self) -> str | None:
        """An RSA key's modulus in upper-case hexadecimal."""
        return self._public_key.modulus

    @property
    def exponent(self) -> str | None:
        """An RSA key's exponent in hexadecimal: ``0x10001``."""
        return self._public_key.exponent

    @property
    def bits(self) -> int | None:
        """The length in bits of an RSA key's modulus or an elliptic curve's order."""
        return self._public_key.bits

    @property
    def pubkey(self) -> bytes | None:
        """An RSA key's SubjectPublicKeyInfo in DER, an elliptic curve key's uncompressed point."""
        return self._public_key.pubkey

    @property
    def asn1_curve(self) -> str | None:
        """OpenSSL's short name of an elliptic curve key's curve: ``prime256v1``."""
        return self._public_key.asn1_curve

    @property
    def nist_curve(self) -> str | None:
        """NIST's name of the curve, where it has one: ``P-256``."""
        return self._public_key.nist_curve

    @property
    def valid_from(self) -> str:
        """``not_before`` as OpenSSL prints it: ``Nov 22 06:54:49 2026 GMT``, the day padded with a space."""
        return _openssl_time(self.not_before)

    @property
    def valid_to(self) -> str:
        """``not_after`` as OpenSSL prints it."""
        return _openssl_time(self.not_after)

    @property
    def fingerprint(self) -> str:
        """The SHA-1 of the DER in upper-case hexadecimal pairs with colons. For display: SHA-1 is broken."""
        return _in_pairs(self.x509.fingerprint(hashes.SHA1()))  # noqa: S303 -- Node's field; no helper matches it

    @property
    def fingerprint256(self) -> str:
        """The SHA-256 of the DER in upper-case hexadecimal pairs with colons."""
        if self._sha256 is None:
            digest = self.x509.fingerprint(hashes.SHA256()) if self._der is None else sha256(self._der).digest()
            self._sha256 = _in_pairs(digest)
        return self._sha256

    @property
    def fingerprint512(self) -> str:
        """The SHA-512 of the DER in upper-case hexadecimal pairs with colons."""
        return _in_pairs(self.x509.fingerprint(hashes.SHA512()))

    @property
    def raw(self) -> bytes:
        """The certificate in DER."""
        if self._der is not None:
            return self._der
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 -- see above

        return self.x509.public_bytes(Encoding.DER)

    def to_dict(self) -> dict[str, object]:
        """Return the object of Node's ``X509Certificate.toLegacyObject()``: absent fields are absent, Buffers bytes."""
        fields = {
            "subject": self.subject.to_dict(),
            "issuer": self.issuer.to_dict(),
            "subjectaltname": self.subjectaltname,
            "infoAccess": self.info_access,
            "ca": self.ca,
            "modulus": self.modulus,
            "bits": self.bits,
            "exponent": self.exponent,
            "pubkey": self.pubkey,
            "asn1Curve": self.asn1_curve,
            "nistCurve": self.nist_curve,
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
            "fingerprint": self.fingerprint,
            "fingerprint256": self.fingerprint256,
            "fingerprint512": self.fingerprint512,
            "ext_key_usage": self.ext_key_usage,
            "serialNumber": self.serial_number,
            "raw": self.raw,
        }
        return {key: value for key, value in fields.items() if value is not None}

    def __repr__(self) -> str:
        return f"PeerCertificate(subject={self.subject.rfc4514_string()!r}, serial_number={self.serial_number!r})"

    @cached_property
    def _public_key(self) -> PublicKey:
        from client_certificate_auth.public_key import PublicKey, read_public_key  # noqa: PLC0415 -- see above

        try:
            return read_public_key(self.x509)
        except Exception:  # noqa: BLE001 -- cryptography raises ValueError, TypeError, UnsupportedAlgorithm and more
            return PublicKey()

    def _read_extensions(self) -> None:
        """Read what is asked of nearly every certificate."""
        start = self._public_key_start
        plain = None if self._der is None or start is None else read_plain_extensions(self._der, start)
        if plain is None:
            self._decode_extensions()
            return
        names, others = plain
        try:
            self._usages = _known_usages[others]
        except KeyError:
            self._decode_extensions()
            if self._decodable and len(others) <= _LONGEST_KNOWN:
                if len(_known_usages) >= _KNOWN_AT_MOST:
                    _known_usages.clear()
                _known_usages[others] = self._usages
        else:
            self._alternative_names = names
            self._decodable = True

    def _decode_extensions(self) -> None:
        """Do as ``_read_extensions``, with cryptography."""
        names = self._read(x509.SubjectAlternativeName, lambda names: tuple(map(subject_alt_name, names))) or ()
        self._alternative_names = names
        self._usages = self._read(x509.ExtendedKeyUsage, lambda usages: tuple(usage.dotted_string for usage in usages))
        extensions = self._extensions
        self._decodable = extensions is not None and (x509.SubjectAlternativeName not in extensions or bool(names))

    @cached_property
    def _extensions(self) -> _Extensions | None:
        """The extensions by kind, None if any can't be decoded. Of a kind that cryptography knows there is only one."""
        try:
            return {type(value := each.value): value for each in self.x509.extensions}
        except Exception:  # noqa: BLE001 -- as above
            return None

    def _read(self, kind: type[_Extension], read: Callable[[_Extension], _T]) -> _T | None:
        """Return what ``read`` makes of an extension, None where it is absent or any extension can't be decoded."""
        value = (self._extensions or {}).get(kind)
        if value is None:
            return None
        try:
            # Of no other kind than the one it is kept under.
            return read(value)  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 -- cryptography raises ValueError, TypeError, UnsupportedAlgorithm and more
            return None


def _load_pem(pem: str) -> Certificate:
    """Read a certificate in PEM of any shape. Raises ValueError, and whatever cryptography does."""
    blocks = pem.count("-----BEGIN")
    if blocks > 1:
        # Readers don't agree on which of them counts.
        message = f"one certificate expected, {blocks} blocks found"
        raise ValueError(message)
    return x509.load_pem_x509_certificate(pem.encode("ascii"))


def _in_pairs(digest: bytes) -> str:
    return digest.hex(":").upper()


def _node_serial_number(number: int) -> str:
    digits = f"{abs(number):X}"
    whole_bytes = digits.zfill(len(digits) + len(digits) % 2) if number else digits
    return ("-" if number < 0 else "") + whole_bytes


def _openssl_time(time: datetime) -> str:
    return f"{_MONTHS[time.month - 1]} {time.day:2} {time:%H:%M:%S} {time.year} GMT"
