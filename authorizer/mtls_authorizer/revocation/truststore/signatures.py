"""Signatures of CAs on certificates and CRLs, and the CAs' keys."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.der import (
    INTEGER,
    OID,
    SEQUENCE,
    DerError,
    check_any,
    describe,
    read_element,
    read_elements,
    read_integer,
    read_oid,
    read_optional_elements,
    read_sequence,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey

# NIST's algorithms: hashes, and signatures with SHA-3.
_NIST = "2.16.840.1.101.3.4"

# Object identifiers of hashes (RFC 8017 §B.1, RFC 9688 §2).
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 -- certificates of CAs may still be signed with it
    f"{_NIST}.2.4": hashes.SHA224(),
    f"{_NIST}.2.1": hashes.SHA256(),
    f"{_NIST}.2.2": hashes.SHA384(),
    f"{_NIST}.2.3": hashes.SHA512(),
    f"{_NIST}.2.8": hashes.SHA3_256(),
    f"{_NIST}.2.9": hashes.SHA3_384(),
    f"{_NIST}.2.10": hashes.SHA3_512(),
}
_WEAK_HASHES = (hashes.MD5, hashes.SHA1, hashes.SHA224)

_RSASSA_PSS, _MGF1 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"

# The parameters of RSASSA-PSS (RFC 4055 §3.1), with explicit tags, and their defaults.
_HASH, _MASK, _SALT_LENGTH, _TRAILER = 0xA0, 0xA1, 0xA2, 0xA3
_DEFAULT_HASH, _DEFAULT_SALT_LENGTH, _ONLY_TRAILER = hashes.SHA1(), 20, 1  # noqa: S303 -- the default of the RFC
_LONGEST_SALT = 2048  # in octets: the length of the largest RSA modulus that OpenSSL supports


class SignatureAlgorithm(NamedTuple):
    """An algorithm that this module verifies. EdDSA has no hash of its own.

    ``parameters`` are the arguments of the key's ``verify`` after the signature and the octets that were signed.
    """

    key_type: type
    hash_algorithm: hashes.HashAlgorithm | None = None
    parameters: tuple[object, ...] = ()

    @property
    def is_weak(self) -> bool:
        """Whether the hash is weaker than SHA-256, which API Gateway requires of certificates."""
        return isinstance(self.hash_algorithm, _WEAK_HASHES)


def _rsa(hash_algorithm: hashes.HashAlgorithm) -> SignatureAlgorithm:
    return SignatureAlgorithm(rsa.RSAPublicKey, hash_algorithm, (padding.PKCS1v15(), hash_algorithm))


def _ecdsa(hash_algorithm: hashes.HashAlgorithm) -> SignatureAlgorithm:
    return SignatureAlgorithm(ec.EllipticCurvePublicKey, hash_algorithm, (ec.ECDSA(hash_algorithm),))


# RSASSA-PKCS1-v1_5 (RFC 8017 §A.2.4), ECDSA (RFC 5758 §3.2) and EdDSA (RFC 8410 §3). Weak hashes are named when a CRL
# is rejected; certificates of CAs may still be signed with them.
_ALGORITHMS = {
    "1.2.840.113549.1.1.4": _rsa(hashes.MD5()),  # noqa: S303 -- see above
    "1.2.840.113549.1.1.5": _rsa(hashes.SHA1()),  # noqa: S303 -- see above
    "1.2.840.113549.1.1.14": _rsa(hashes.SHA224()),
    "1.2.840.113549.1.1.11": _rsa(hashes.SHA256()),
    "1.2.840.113549.1.1.12": _rsa(hashes.SHA384()),
    "1.2.840.113549.1.1.13": _rsa(hashes.SHA512()),
    f"{_NIST}.3.14": _rsa(hashes.SHA3_256()),
    f"{_NIST}.3.15": _rsa(hashes.SHA3_384()),
    f"{_NIST}.3.16": _rsa(hashes.SHA3_512()),
    "1.2.840.10045.4.1": _ecdsa(hashes.SHA1()),  # noqa: S303 -- see above
    "1.2.840.10045.4.3.1": _ecdsa(hashes.SHA224()),
    "1.2.840.10045.4.3.2": _ecdsa(hashes.SHA256()),
    "1.2.840.10045.4.3.3": _ecdsa(hashes.SHA384()),
    "1.2.840.10045.4.3.4": _ecdsa(hashes.SHA512()),
    f"{_NIST}.3.10": _ecdsa(hashes.SHA3_256()),
    f"{_NIST}.3.11": _ecdsa(hashes.SHA3_384()),
    f"{_NIST}.3.12": _ecdsa(hashes.SHA3_512()),
    "1.3.101.112": SignatureAlgorithm(ed25519.Ed25519PublicKey),
    "1.3.101.113": SignatureAlgorithm(ed448.Ed448PublicKey),
}


def load_public_key(spki: bytes) -> PublicKey | None:
    """Return the key of a SubjectPublicKeyInfo in DER, None for one that cannot be used to verify signatures."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return _load_unusual_rsa_key(spki)
    return key if isinstance(key, PublicKey) else None


def _load_unusual_rsa_key(spki: bytes) -> rsa.RSAPublicKey | None:
    """Return an RSA key that OpenSSL reads, but cryptography does not, such as one with X.500's algorithm ``rsa``."""
    from client_certificate_auth.x509.public_key import read_public_key  # noqa: PLC0415 -- few CAs need it

    try:
        facts = read_public_key(spki)
        key = load_der_public_key(facts.pubkey) if facts.modulus and facts.pubkey else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPublicKey) else None


def key_fingerprint(key: PublicKey) -> str:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo in DER, in lower-case hexadecimal."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_signature_algorithm(identifier: bytes) -> SignatureAlgorithm | None:
    """Return the algorithm of an AlgorithmIdentifier (RFC 5280 §4.1.1.2) in DER, None if it is unknown."""
    try:
        tags, contents = read_sequence(identifier)
        oid = _read_algorithm(tags, contents)
        if oid == _RSASSA_PSS:
            return _read_pss(contents[1]) if tags[1:] == [SEQUENCE] else None
    except DerError:
        return None
    return _ALGORITHMS.get(oid)


def is_signed_by(key: PublicKey, identifier: bytes, signature: bytes, signed: bytes | memoryview) -> bool:
    """Return whether a signature over these octets verifies.

    ``identifier`` is the AlgorithmIdentifier of the signature. A key or a signature of another kind does not verify.
    """
    algorithm = read_signature_algorithm(identifier)
    if algorithm is None or not isinstance(key, algorithm.key_type):
        return False
    verify: Any = key.verify
    try:
        verify(signature, signed, *algorithm.parameters)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _read_pss(content: bytes) -> SignatureAlgorithm | None:
    """Return the algorithm of RSASSA-PSS parameters. Raises DerError."""
    parts = read_optional_elements(content, (_HASH, _MASK, _SALT_LENGTH, _TRAILER))
    trailer = _read_number(parts.get(_TRAILER), _ONLY_TRAILER)
    salt_length = _read_number(parts.get(_SALT_LENGTH), _DEFAULT_SALT_LENGTH)
    if trailer != _ONLY_TRAILER or not 0 <= salt_length <= _LONGEST_SALT:
        return None
    mask_hash: hashes.HashAlgorithm | None = _DEFAULT_HASH
    if _MASK in parts:
        tags, contents = read_sequence(parts[_MASK])
        is_known = _read_algorithm(tags, contents) == _MGF1 and tags[1:] == [SEQUENCE]
        mask_hash = _read_hash(contents[1]) if is_known else None
    hash_algorithm = _read_hash(read_element(parts[_HASH], SEQUENCE)) if _HASH in parts else _DEFAULT_HASH
    if hash_algorithm is None or mask_hash is None:
        return None
    used_padding = padding.PSS(padding.MGF1(mask_hash), salt_length)
    return SignatureAlgorithm(rsa.RSAPublicKey, hash_algorithm, (used_padding, hash_algorithm))


def _read_number(encoded: bytes | None, default: int) -> int:
    return default if encoded is None else read_integer(read_element(encoded, INTEGER))


def _read_hash(content: bytes) -> hashes.HashAlgorithm | None:
    """Return the hash of the content of an AlgorithmIdentifier, None for an unknown one. Raises DerError."""
    return _HASHES.get(_read_algorithm(*read_elements(content)))


def _read_algorithm(tags: list[int], contents: list[bytes]) -> str:
    """Return the OID of an AlgorithmIdentifier from the elements of its SEQUENCE. Raises DerError.

    Only RSASSA-PSS and MGF1 need parameters. Others have none, or NULL, but Erlang repeats those of the key, such as
    its curve. As OpenSSL does, this ignores all that can be read.
    """
    if tags[:1] != [OID] or len(tags) > 2:  # noqa: PLR2004 -- an algorithm and its parameters
        message = f"expected an algorithm's OID and parameters, found {describe(tags)}"
        raise DerError(message)
    for tag, content in zip(tags[1:], contents[1:], strict=True):
        check_any(tag, content)
    return read_oid(contents[0])
