"""Public keys. Those that a library makes differ in every run; the odd ones are written byte by byte."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.pki import der
from tests.pki.certificates import certificate_der

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

RSA_ENCRYPTION, RSASSA_PSS, RSAES_OAEP = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.7"
EC_PUBLIC_KEY = "1.2.840.10045.2.1"

_CURVES: Final = (
    ec.SECP192R1(),
    ec.SECP224R1(),
    ec.SECP256R1(),
    ec.SECP384R1(),
    ec.SECP521R1(),
    ec.SECP256K1(),
    ec.BrainpoolP256R1(),
    ec.BrainpoolP384R1(),
    ec.BrainpoolP512R1(),
)

# The generators of curves that cryptography doesn't know, compressed (SEC 2).
_SECT233K1: Final = ("1.3.132.0.26", "02017232ba853a7e731af129f22ff4149563a419c26bf50a4c9d6eefad6126")
_SECP160R1: Final = ("1.3.132.0.8", "024a96b5688ef573284664698968c38bb913cbfc82")


def _der(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _rsa(bits: int, exponent: int = 65537) -> bytes:
    return _der(rsa.generate_private_key(exponent, bits).public_key())


def _rsa_numbers(
    bits: int, exponent: int, algorithm: str = RSA_ENCRYPTION, parameters: bytes = der.tlv(der.NULL)
) -> bytes:
    """Return an RSA key with an exponent of one's own. The modulus is odd and of the right length, that is all."""
    modulus = (1 << bits) - (1 << bits // 2) + 1
    key = der.sequence(der.integer(modulus), der.integer(exponent))
    return der.sequence(der.sequence(der.oid(algorithm), parameters), der.bits(key))


def _ec(curve: ec.EllipticCurve) -> bytes:
    return _der(ec.generate_private_key(curve).public_key())


def _ec_point(curve: bytes, point: bytes) -> bytes:
    return der.sequence(der.sequence(der.oid(EC_PUBLIC_KEY), curve), der.bits(point))


def _p256_point(form: PublicFormat) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.X962, form)


def _compressed(curve_oid: str, curve: ec.EllipticCurve) -> bytes:
    point = ec.generate_private_key(curve).public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return _ec_point(der.oid(curve_oid), point)


def _hybrid() -> bytes:
    """Return a key whose point has both coordinates, and the sign of the second one too (X9.62 §4.3.6)."""
    point = _p256_point(PublicFormat.UncompressedPoint)
    return _ec_point(der.oid("1.2.840.10045.3.1.7"), bytes([6 | point[-1] & 1]) + point[1:])


def _explicit_parameters() -> bytes:
    """Return a key on P-256 that spells the curve out (RFC 3279 §2.3.5) instead of naming it."""
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    generator = (
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    field = der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(prime))
    curve = der.sequence(der.octets((prime - 3).to_bytes(32)), der.octets(b.to_bytes(32)))
    parameters = der.sequence(
        der.integer(1), field, curve, der.octets(bytes.fromhex(generator)), der.integer(order), der.integer(1)
    )
    return _ec_point(parameters, _p256_point(PublicFormat.UncompressedPoint))


def _pss() -> bytes:
    key = rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return der.sequence(der.sequence(der.oid(RSASSA_PSS)), der.bits(key))


_KEYS: Final[Mapping[str, Callable[[], bytes]]] = {
    "rsa-1024": lambda: _rsa(1024),
    "rsa-2048": lambda: _rsa(2048),
    "rsa-3072": lambda: _rsa(3072),
    "rsa-4096": lambda: _rsa(4096),
    "rsa-2048-exponent-3": lambda: _rsa(2048, exponent=3),
    "rsa-2047": lambda: _rsa_numbers(2047, 65537),
    "rsa-512": lambda: _rsa_numbers(512, 65537),
    "rsa-exponent-17": lambda: _rsa_numbers(2048, 17),
    "rsa-exponent-of-64-bits": lambda: _rsa_numbers(2048, 2**64 - 1),
    "rsa-exponent-of-65-bits": lambda: _rsa_numbers(2048, 2**64 + 1),
    "rsa-exponent-1": lambda: _rsa_numbers(2048, 1),
    "rsa-exponent-even": lambda: _rsa_numbers(2048, 4),
    "rsa-no-parameters": lambda: _rsa_numbers(2048, 65537, parameters=b""),
    "rsa-pss": _pss,
    "rsa-oaep": lambda: _rsa_numbers(2048, 65537, RSAES_OAEP),
    **{f"ec-{curve.name.lower()}": partial(_ec, curve) for curve in _CURVES},
    "ec-compressed-p256": lambda: _compressed("1.2.840.10045.3.1.7", ec.SECP256R1()),
    "ec-compressed-p521": lambda: _compressed("1.3.132.0.35", ec.SECP521R1()),
    "ec-hybrid": _hybrid,
    "ec-explicit-parameters": _explicit_parameters,
    "ec-point-not-on-curve": lambda: _ec_point(der.oid("1.2.840.10045.3.1.7"), b"\4" + bytes(range(64))),
    "ec-point-at-infinity": lambda: _ec_point(der.oid("1.2.840.10045.3.1.7"), b"\0"),
    "ec-unknown-curve": lambda: _ec_point(der.oid("1.2.3.4"), b"\4" + bytes(range(64))),
    "ec-sect233k1": lambda: _ec_point(der.oid(_SECT233K1[0]), bytes.fromhex(_SECT233K1[1])),
    "ec-secp160r1": lambda: _ec_point(der.oid(_SECP160R1[0]), bytes.fromhex(_SECP160R1[1])),
    "ed25519": lambda: _der(ed25519.Ed25519PrivateKey.generate().public_key()),
    "ed448": lambda: _der(ed448.Ed448PrivateKey.generate().public_key()),
    "x25519": lambda: _der(x25519.X25519PrivateKey.generate().public_key()),
    "x448": lambda: _der(x448.X448PrivateKey.generate().public_key()),
    "dsa-2048": lambda: _der(dsa.generate_private_key(2048).public_key()),
    "unknown-algorithm": lambda: der.sequence(der.sequence(der.oid("1.2.3.4")), der.bits(b"key")),
    "rsa-garbage": lambda: der.sequence(
        der.sequence(der.oid(RSA_ENCRYPTION), der.tlv(der.NULL)), der.bits(b"\x30\x03key")
    ),
}


def _certificate(key: Callable[[], bytes]) -> bytes:
    return certificate_der(public_key=key())


CERTIFICATES: Final[Mapping[str, Callable[[], bytes]]] = {
    f"key-{kind}": partial(_certificate, key) for kind, key in _KEYS.items()
}
"""What makes the DER, by name."""
