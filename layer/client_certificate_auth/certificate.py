"""A client certificate, in the shape of Node's ``getPeerCertificate()``."""

from __future__ import annotations

from client_certificate_auth.identifying_extensions import read_identifying_extensions
from client_certificate_auth.x509.certificate import MalformedCertificateError, parse_certificate
from client_certificate_auth.x509.der import LONGEST_CACHED, DerError
from client_certificate_auth.x509.extensions import AUTHORITY_INFO_ACCESS, EXTENDED_KEY_USAGE, SUBJECT_ALT_NAME
from client_certificate_auth.x509.names import DistinguishedName, read_issuer
from client_certificate_auth.x509.sha256 import sha256
from client_certificate_auth.x509.validity import to_datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.x509 import Certificate as CryptographyCertificate

    from client_certificate_auth.alternative_names import SubjectAltName
    from client_certificate_auth.x509.certificate import Certificate
    from client_certificate_auth.x509.public_key import PublicKey

# Modules that decisions do not need are imported inside functions, because imports make cold starts slower.

# Node has these keys for an extension that it cannot decode.
_NULLABLE = {"subjectaltname": SUBJECT_ALT_NAME, "infoAccess": AUTHORITY_INFO_ACCESS}


class PeerCertificate:
    """An X.509 certificate (RFC 5280) with the attributes of Node's certificate object under Python names.

    No attribute raises, except ``x509``: if a value is absent or cannot be decoded, the attribute is None, an empty
    tuple or False.
    """

    __slots__ = (
        *("_extended_key_usage", "_public_key_facts", "_sha256", "_x509", "extensions_decodable", "fields", "issuer"),
        *("serial_number", "subject", "subject_alt_names", "unhandled_critical_extensions"),
    )

    fields: Certificate
    """The fields of the certificate. Names, key and values of extensions are DER."""

    subject: DistinguishedName
    """The subject (RFC 5280 §4.1.2.6): ``subject.CN``, ``subject["OU"]``, ``subject.get_all("OU")``."""

    issuer: DistinguishedName
    """The issuer (RFC 5280 §4.1.2.4)."""

    serial_number: str
    """The serial number (RFC 5280 §4.1.2.2) in upper-case hexadecimal, whole bytes, without separators; zero is 0."""

    subject_alt_names: tuple[SubjectAltName, ...]
    """The subject alternative names (RFC 5280 §4.2.1.6) by type and value."""

    extensions_decodable: bool
    """Whether the extensions that identify the client and its rights can be decoded.

    These are subject alternative names, key usage and extended key usage. If not, the certificate may contain values
    that the other attributes do not show.
    """

    unhandled_critical_extensions: tuple[str, ...]
    """The dotted OIDs of critical extensions that are unknown or cannot be decoded (RFC 5280 §4.2).

    A certificate that has any must be rejected. The known ones are those that OpenSSL's verification handles.
    """

    def __init__(self, fields: Certificate) -> None:
        """Decode names and extensions. Raises MalformedCertificateError."""
        self.fields = fields
        (
            self.subject_alt_names,
            self._extended_key_usage,
            self.extensions_decodable,
            self.unhandled_critical_extensions,
        ) = read_identifying_extensions(fields.extensions)
        self._public_key_facts: PublicKey | None = None
        self._sha256: str | None = None
        self._x509: CryptographyCertificate | None = None
        self.serial_number = _serial_number(fields.serial_number)
        field = "issuer"
        try:
            is_short = len(fields.issuer_rdns) <= LONGEST_CACHED
            self.issuer = (read_issuer if is_short else DistinguishedName.from_rdns)(fields.issuer_rdns)
            field = "subject"
            self.subject = DistinguishedName.from_rdns(fields.subject_rdns)
        except DerError as error:
            message = f"the {field} cannot be decoded: {error}"
            raise MalformedCertificateError(message) from error

    @classmethod
    def from_pem(cls, pem: str) -> PeerCertificate:
        """Read a text with exactly one certificate in PEM (RFC 7468 §5). Raises MalformedCertificateError."""
        return cls(parse_certificate(pem))

    @classmethod
    def from_der(cls, der: bytes) -> PeerCertificate:
        """Read one certificate in DER. Raises MalformedCertificateError."""
        return cls(parse_certificate(der))

    @property
    def not_before(self) -> datetime:
        """The first second of validity (RFC 5280 §4.1.2.5), aware, in UTC; ``datetime.min`` for the year 0."""
        return to_datetime(self.fields.not_before)

    @property
    def not_after(self) -> datetime:
        """The last second of validity, aware, in UTC; ``datetime.min`` for the year 0."""
        return to_datetime(self.fields.not_after)

    @property
    def ext_key_usage(self) -> list[str] | None:
        """The extended key usages (RFC 5280 §4.2.1.12) as dotted OIDs."""
        return None if self._extended_key_usage is None else list(self._extended_key_usage)

    @property
    def subjectaltname(self) -> str | None:
        """The subject alternative names as one string, as in Node. For display: compare ``subject_alt_names``."""
        from client_certificate_auth.node_view import subject_alt_name_string  # noqa: PLC0415 -- see above

        value = self.fields.extension(SUBJECT_ALT_NAME)
        return None if value is None else subject_alt_name_string(value)

    @property
    def info_access(self) -> dict[str, list[str]] | None:
        """The authority information access locations (RFC 5280 §4.2.2.1), as ``{"OCSP - URI": [...]}``."""
        from client_certificate_auth.node_view import info_access  # noqa: PLC0415 -- see above

        value = self.fields.extension(AUTHORITY_INFO_ACCESS)
        return None if value is None else info_access(value)

    @property
    def ca(self) -> bool:
        """Whether this is a CA's certificate (RFC 5280 §4.2.1.9) that may sign others (§4.2.1.3)."""
        from client_certificate_auth.node_view import is_ca  # noqa: PLC0415 -- see above

        return is_ca(self.fields.extensions)

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
        """NIST's name of the curve, if it has one: ``P-256``."""
        return self._public_key.nist_curve

    @property
    def valid_from(self) -> str:
        """``not_before`` as OpenSSL prints it: ``Nov 22 06:54:49 2026 GMT``, the day padded with a space."""
        from client_certificate_auth.node_view import time_string  # noqa: PLC0415 -- see above

        return time_string(self.fields.not_before)

    @property
    def valid_to(self) -> str:
        """``not_after`` as OpenSSL prints it."""
        from client_certificate_auth.node_view import time_string  # noqa: PLC0415 -- see above

        return time_string(self.fields.not_after)

    @property
    def fingerprint(self) -> str:
        """The SHA-1 of the DER in upper-case hexadecimal pairs with colons. For display: SHA-1 is broken."""
        from hashlib import sha1  # noqa: PLC0415 -- see above

        return _in_pairs(sha1(self.raw, usedforsecurity=False).digest())

    @property
    def fingerprint256(self) -> str:
        """The SHA-256 of the DER in upper-case hexadecimal pairs with colons."""
        if self._sha256 is None:
            self._sha256 = _in_pairs(sha256(self.raw))
        return self._sha256

    @property
    def fingerprint512(self) -> str:
        """The SHA-512 of the DER in upper-case hexadecimal pairs with colons."""
        from hashlib import sha512  # noqa: PLC0415 -- see above

        return _in_pairs(sha512(self.raw).digest())

    @property
    def raw(self) -> bytes:
        """The certificate in DER."""
        return self.fields.der

    @property
    def x509(self) -> CryptographyCertificate:
        """The certificate as an object of cryptography, for everything else. Reading its attributes can raise.

        Raises MalformedCertificateError for a certificate that cryptography rejects.
        """
        if self._x509 is None:
            from client_certificate_auth.cryptography_certificate import load_certificate  # noqa: PLC0415 -- see above

            self._x509 = load_certificate(self.raw)
        return self._x509

    def to_dict(self) -> dict[str, object]:
        """Return the object that Node's ``X509Certificate.toLegacyObject()`` returns.

        Absent fields are omitted, and Buffers are bytes.
        """
        from client_certificate_auth.node_view import key_purposes, name_object  # noqa: PLC0415 -- see above

        usages = self.fields.extension(EXTENDED_KEY_USAGE)
        fields = {
            "subject": name_object(self.subject),
            "issuer": name_object(self.issuer),
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
            "ext_key_usage": None if usages is None else key_purposes(usages),
            "serialNumber": self.serial_number,
            "raw": self.raw,
        }
        nullable = [key for key, oid in _NULLABLE.items() if oid in self.fields.extensions]
        return {key: value for key, value in fields.items() if value is not None or key in nullable}

    def __reduce__(self) -> tuple[object, ...]:
        """Return how to copy and pickle it: from its DER, since an object of cryptography cannot be pickled."""
        return type(self).from_der, (self.raw,)

    def __repr__(self) -> str:
        return f"PeerCertificate(subject={self.subject.rfc4514_string()!r}, serial_number={self.serial_number!r})"

    @property
    def _public_key(self) -> PublicKey:
        if self._public_key_facts is None:
            from client_certificate_auth.x509.public_key import read_public_key  # noqa: PLC0415 -- see above

            self._public_key_facts = read_public_key(self.fields.public_key)
        return self._public_key_facts


def _serial_number(number: int) -> str:
    digits = f"{abs(number):X}"
    if number and len(digits) % 2:
        digits = "0" + digits
    return "-" + digits if number < 0 else digits


def _in_pairs(digest: bytes) -> str:
    return digest.hex(":").upper()
