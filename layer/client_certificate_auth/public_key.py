"""What Node tells of a certificate's public key."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import PublicKeyAlgorithmOID

if TYPE_CHECKING:
    from cryptography import x509

# OpenSSL's short names where they differ from the names of SEC 2, and the names of FIPS 186-4.
_OPENSSL_CURVES = {"secp192r1": "prime192v1", "secp256r1": "prime256v1"}
_NIST_CURVES = {
    "secp192r1": "P-192",
    "secp224r1": "P-224",
    "secp256r1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
}


class PublicKey(NamedTuple):
    """Node's fields of an RSA or an elliptic curve key; all None for keys of other kinds, as in Node.

    ``modulus`` and ``exponent`` are hexadecimal, ``bits`` is the length of the modulus, or of the curve's order.
    ``pubkey`` is the DER of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of an RSA key and the uncompressed point
    (SEC 1 §2.3.3) of an elliptic curve key.
    """

    modulus: str | None = None
    bits: int | None = None
    exponent: str | None = None
    pubkey: bytes | None = None
    asn1_curve: str | None = None
    nist_curve: str | None = None


def read_public_key(certificate: x509.Certificate) -> PublicKey:
    """Return what Node tells of the certificate's key. Raises whatever cryptography does for a key it can't read."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and certificate.public_key_algorithm_oid != PublicKeyAlgorithmOID.RSASSA_PSS:
        numbers = key.public_numbers()
        return PublicKey(
            modulus=f"{numbers.n:X}",
            bits=key.key_size,
            # OpenSSL gives one machine word, and all ones for more.
            exponent=f"0x{min(numbers.e, 2**64 - 1):x}",
            pubkey=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        )
    if isinstance(key, ec.EllipticCurvePublicKey):
        return PublicKey(
            bits=key.key_size,
            pubkey=key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            asn1_curve=_OPENSSL_CURVES.get(key.curve.name, key.curve.name),
            nist_curve=_NIST_CURVES.get(key.curve.name),
        )
    return PublicKey()
