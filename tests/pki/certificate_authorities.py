"""CAs that sign whatever they are told to, certificates and CRLs, byte by byte."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.pki import der
from tests.pki.certificates import BASIC_CONSTRAINTS, KEY_USAGE, extension, name, pem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)

AUTHORITY_KEY_IDENTIFIER, SUBJECT_KEY_IDENTIFIER, CRL_NUMBER = "2.5.29.35", "2.5.29.14", "2.5.29.20"
DELTA_CRL_INDICATOR, ISSUING_DISTRIBUTION_POINT, FRESHEST_CRL = "2.5.29.27", "2.5.29.28", "2.5.29.46"
CRL_REASON, INVALIDITY_DATE, ENTRY_ISSUER, CRL_DISTRIBUTION_POINTS = "2.5.29.21", "2.5.29.24", "2.5.29.29", "2.5.29.31"

MAY_SIGN_BOTH = extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\1\6"), critical=True)
MAY_SIGN_CERTIFICATES = extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\2\4"), critical=True)
MAY_SIGN_LISTS = extension(KEY_USAGE, der.tlv(der.BIT_STRING, b"\1\2"), critical=True)
IS_A_CA = extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\xff")), critical=True)
IS_DELTA = extension(DELTA_CRL_INDICATOR, der.integer(1), critical=True)
IS_NO_CA = extension(BASIC_CONSTRAINTS, der.sequence(), critical=True)

_NULL = der.tlv(der.NULL)
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), _NULL)
_MGF1_SHA256 = der.sequence(der.oid("1.2.840.113549.1.1.8"), _SHA256)
_PSS = der.sequence(
    der.tagged(0, _SHA256, constructed=True),
    der.tagged(1, _MGF1_SHA256, constructed=True),
    der.tagged(2, der.integer(32), constructed=True),
)

PrivateKey: TypeAlias = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
)


class Algorithm(NamedTuple):
    """A way to sign: its AlgorithmIdentifier (RFC 5280 §4.1.1.2), a new key, and what makes a signature."""

    identifier: bytes
    new_key: Callable[[], PrivateKey]
    sign: Callable[[PrivateKey, bytes], bytes]


def _rsa(oid: str, hash_algorithm: hashes.HashAlgorithm) -> Algorithm:
    return Algorithm(
        der.sequence(der.oid(oid), _NULL),
        _rsa_key,
        lambda key, data: key.sign(data, padding.PKCS1v15(), hash_algorithm),  # type: ignore[call-arg, arg-type]
    )


def _ecdsa(oid: str, curve: ec.EllipticCurve, hash_algorithm: hashes.HashAlgorithm) -> Algorithm:
    return Algorithm(
        der.sequence(der.oid(oid)),
        lambda: ec.generate_private_key(curve),
        lambda key, data: key.sign(data, ec.ECDSA(hash_algorithm)),  # type: ignore[call-arg, arg-type]
    )


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


ECDSA = _ecdsa("1.2.840.10045.4.3.2", ec.SECP256R1(), hashes.SHA256())
ALGORITHMS = {
    "ECDSA with P-256": ECDSA,
    "ECDSA with P-384": _ecdsa("1.2.840.10045.4.3.3", ec.SECP384R1(), hashes.SHA384()),
    "ECDSA with P-521": _ecdsa("1.2.840.10045.4.3.4", ec.SECP521R1(), hashes.SHA512()),
    "RSA with SHA-256": _rsa("1.2.840.113549.1.1.11", hashes.SHA256()),
    "RSA with SHA-384": _rsa("1.2.840.113549.1.1.12", hashes.SHA384()),
    "RSA with SHA-512": _rsa("1.2.840.113549.1.1.13", hashes.SHA512()),
    "RSA-PSS": Algorithm(
        der.sequence(der.oid("1.2.840.113549.1.1.10"), _PSS),
        _rsa_key,
        lambda key, data: key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),  # type: ignore[call-arg, arg-type]
    ),
    "Ed25519": Algorithm(
        der.sequence(der.oid("1.3.101.112")),
        ed25519.Ed25519PrivateKey.generate,
        lambda key, data: key.sign(data),  # type: ignore[call-arg]
    ),
    "Ed448": Algorithm(
        der.sequence(der.oid("1.3.101.113")),
        ed448.Ed448PrivateKey.generate,
        lambda key, data: key.sign(data),  # type: ignore[call-arg]
    ),
}
# The parameters' defaults are SHA-1 (RFC 4055 §3.1).
PSS_BY_DEFAULT = Algorithm(
    der.sequence(der.oid("1.2.840.113549.1.1.10"), der.sequence()),
    _rsa_key,
    lambda key, data: key.sign(data, padding.PSS(padding.MGF1(hashes.SHA1()), 20), hashes.SHA1()),  # type: ignore[call-arg, arg-type]  # noqa: S303 -- to be refused
)
SHA1 = _rsa("1.2.840.113549.1.1.5", hashes.SHA1())  # noqa: S303 -- to be refused
MD5 = _rsa("1.2.840.113549.1.1.4", hashes.MD5())  # noqa: S303 -- to be refused


class CertificateAuthority:
    """A CA: its own certificate, and what it signs. A root unless ``parent`` has signed it."""

    def __init__(  # noqa: PLR0913 -- one for each field that a test wants to be odd
        self,
        common_name: str = "CA",
        *,
        subject: bytes | None = None,
        algorithm: Algorithm = ECDSA,
        key: PrivateKey | None = None,
        parent: CertificateAuthority | None = None,
        serial_number: int = 1000,
        not_before: datetime = NOW - 1000 * DAY,
        not_after: datetime = NOW + 1000 * DAY,
        extensions: Sequence[bytes] = (IS_A_CA, MAY_SIGN_BOTH),
        key_identifier: bytes | None = None,
    ) -> None:
        self.name = subject or name(("CN", common_name))
        self.algorithm = algorithm
        self.key = key or algorithm.new_key()
        self.public_key = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.signer = hashlib.sha256(self.public_key).hexdigest()
        identifier = [] if key_identifier is None else [extension(SUBJECT_KEY_IDENTIFIER, der.octets(key_identifier))]
        self.certificate = (parent or self).issue(
            subject=self.name,
            public_key=self.public_key,
            serial_number=serial_number,
            not_before=not_before,
            not_after=not_after,
            extensions=[*extensions, *identifier],
        )

    @property
    def pem(self) -> bytes:
        """The CA's own certificate."""
        return pem(self.certificate).encode()

    def issue(  # noqa: PLR0913 -- one for each field that a test wants to be odd
        self,
        serial_number: int = 1,
        *,
        subject: bytes | None = None,
        issuer: bytes | None = None,
        public_key: bytes | None = None,
        not_before: datetime = NOW - 100 * DAY,
        not_after: datetime = NOW + 100 * DAY,
        extensions: Sequence[bytes] = (),
    ) -> bytes:
        """Return a certificate in DER, a client's unless told otherwise."""
        return self.sign(
            der.tagged(0, der.integer(2), constructed=True),
            der.integer(serial_number),
            self.algorithm.identifier,
            issuer or self.name,
            der.sequence(der.time(not_before), der.time(not_after)),
            subject or name(("CN", "client")),
            public_key or _client_key(),
            der.tagged(3, der.sequence(*extensions), constructed=True) if extensions else b"",
        )

    def revoke(  # noqa: PLR0913 -- one for each field of a TBSCertList (RFC 5280 §5.1.2)
        self,
        *entries: bytes,
        version: bytes = der.integer(1),
        issuer: bytes | None = None,
        this_update: datetime = NOW - DAY,
        next_update: datetime | None = NOW + DAY,
        revoked: bytes | None = None,
        extensions: Sequence[bytes] = (),
        algorithm: Algorithm | None = None,
        outer_identifier: bytes | None = None,
    ) -> bytes:
        """Return a CRL in DER. ``revoked`` takes the place of the sequence of entries."""
        return self.sign(
            version,
            (algorithm or self.algorithm).identifier,
            issuer or self.name,
            der.time(this_update),
            der.time(next_update) if next_update else b"",
            (der.sequence(*entries) if entries else b"") if revoked is None else revoked,
            der.tagged(0, der.sequence(*extensions), constructed=True) if extensions else b"",
            algorithm=algorithm,
            outer_identifier=outer_identifier,
        )

    def sign(self, *fields: bytes, algorithm: Algorithm | None = None, outer_identifier: bytes | None = None) -> bytes:
        """Return a signed SEQUENCE."""
        used = algorithm or self.algorithm
        to_be_signed = der.sequence(*fields)
        return der.sequence(
            to_be_signed, outer_identifier or used.identifier, der.bits(used.sign(self.key, to_be_signed))
        )


def entry(serial_number: int | bytes, *extensions: bytes, when: datetime = NOW - DAY) -> bytes:
    """Return an entry of a CRL (RFC 5280 §5.1.2.6); the serial number may be given in DER."""
    encoded = der.integer(serial_number) if isinstance(serial_number, int) else serial_number
    return der.sequence(encoded, der.time(when), der.sequence(*extensions) if extensions else b"")


def reason(code: int) -> bytes:
    """Return a reason code (RFC 5280 §5.3.1)."""
    return extension(CRL_REASON, der.tlv(0x0A, bytes([code])))


HOLD, REMOVED = reason(6), reason(8)


def crl_number(number: int, *, critical: bool = False) -> bytes:
    return extension(CRL_NUMBER, der.integer(number), critical=critical)


def distribution_point(*fields: bytes, critical: bool = True) -> bytes:
    """Return an issuing distribution point (RFC 5280 §5.2.5)."""
    return extension(ISSUING_DISTRIBUTION_POINT, der.sequence(*fields), critical=critical)


def full_name(*general_names: bytes) -> bytes:
    """Return the full name of a distribution point (RFC 5280 §4.2.1.13)."""
    return der.tagged(0, der.tagged(0, b"".join(general_names), constructed=True), constructed=True)


def crl_distribution_points(*names: bytes) -> bytes:
    """Return the distribution points of a certificate, which have these names."""
    return extension(CRL_DISTRIBUTION_POINTS, der.sequence(*map(der.sequence, names)))


def authority_key(identifier: bytes) -> bytes:
    """Return an authority key identifier (RFC 5280 §4.2.1.1)."""
    return extension(AUTHORITY_KEY_IDENTIFIER, der.sequence(der.tagged(0, identifier)))


def authority_certificate(issuer: bytes, serial_number: int) -> bytes:
    """Return an authority key identifier that names the CA's certificate."""
    directory_name = der.tagged(4, issuer, constructed=True)
    number = der.tagged(2, der.integer(serial_number)[2:])
    return extension(AUTHORITY_KEY_IDENTIFIER, der.sequence(der.tagged(1, directory_name, constructed=True), number))


def crl_pem(encoded: bytes) -> bytes:
    """Return a CRL in PEM (RFC 7468 §6)."""
    return b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(encoded) + b"-----END X509 CRL-----\n"


@cache
def _client_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
