"""Signatures of CAs on certificates and CRLs, and the fingerprints of their keys."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_EDWARDS_KEYS: dict[x509.ObjectIdentifier, type] = {
    x509.SignatureAlgorithmOID.ED25519: ed25519.Ed25519PublicKey,
    x509.SignatureAlgorithmOID.ED448: ed448.Ed448PublicKey,
}


def key_fingerprint(key: CertificatePublicKeyTypes) -> str:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo in DER, in lower-case hexadecimal."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def is_signed_by(
    document: x509.Certificate | x509.CertificateRevocationList,
    signed: bytes | memoryview,
    key: CertificatePublicKeyTypes,
) -> bool:
    """Return whether the signature of a document over these bytes verifies: RSA (both paddings), ECDSA, Ed25519, Ed448.

    Raises nothing: a key or a signature of another kind does not verify.
    """
    signature = document.signature
    try:
        parameters = document.signature_algorithm_parameters
        algorithm = document.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey) and isinstance(parameters, padding.PKCS1v15 | padding.PSS) and algorithm:
            # Any buffer is accepted, though the stubs name only one type.
            key.verify(signature, cast("bytes", signed), parameters, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
            key.verify(signature, signed, parameters)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and isinstance(
            key, _EDWARDS_KEYS.get(document.signature_algorithm_oid, ())
        ):
            key.verify(signature, signed)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
