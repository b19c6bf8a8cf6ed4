from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from client_certificate_auth.x509.certificate import parse_certificate
from client_certificate_auth.x509.der import read_sequence
from mtls_authorizer.revocation.truststore.signatures import (
    _ALGORITHMS,
    SignatureAlgorithm,
    is_signed_by,
    load_public_key,
    read_signature_algorithm,
)
from tests.pki import der
from tests.pki.certificate_authorities import ALGORITHMS, ECDSA, MD5, PSS_BY_DEFAULT, SHA1, rsa_key

if TYPE_CHECKING:
    from collections.abc import Callable

SHA_1 = "1.3.14.3.2.26"
SHA_256 = "2.16.840.1.101.3.4.2.1"
NULL = der.tlv(der.NULL)
RSA, X500_RSA = "1.2.840.113549.1.1.1", "2.5.8.1.1"
PSS, MGF1 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"


def _explicit(number: int, content: bytes) -> bytes:
    return der.tagged(number, content, constructed=True)


def _pss(*fields: bytes) -> bytes:
    return der.sequence(der.oid(PSS), der.sequence(*fields))


HASH = _explicit(0, der.sequence(der.oid(SHA_256), NULL))
MASK = _explicit(1, der.sequence(der.oid(MGF1), der.sequence(der.oid(SHA_256))))
SALT = _explicit(2, der.integer(32))


@pytest.mark.parametrize(
    ("identifier", "hash_name", "is_weak"),
    [
        *((ALGORITHMS[name].identifier, digest, False) for name, digest in {
            "ECDSA with P-256": "sha256",
            "RSA with SHA-512": "sha512",
            "RSA-PSS": "sha256",
            "Ed25519": None,
            "Ed448": None,
        }.items()),
        (SHA1.identifier, "sha1", True),
        (MD5.identifier, "md5", True),
        (PSS_BY_DEFAULT.identifier, "sha1", True),
        (der.sequence(der.oid("1.2.840.113549.1.1.14"), NULL), "sha224", True),
        (der.sequence(der.oid("1.2.840.10045.4.1")), "sha1", True),
        (_pss(_explicit(0, der.sequence(der.oid(SHA_1), NULL))), "sha1", True),
        (der.sequence(der.oid("1.2.840.113549.1.1.11")), "sha256", False),
        (der.sequence(der.oid("1.2.840.113549.1.1.11"), der.integer(1)), "sha256", False),
        (der.sequence(der.oid("1.2.840.10045.4.3.2"), der.oid("1.2.840.10045.3.1.7")), "sha256", False),
        (der.sequence(der.oid("1.2.840.10045.4.3.2"), der.sequence(der.integer(1))), "sha256", False),
        (der.sequence(der.oid("1.3.101.112"), der.sequence()), None, False),
        (_pss(HASH, MASK, SALT), "sha256", False),
        (_pss(HASH, MASK, _explicit(2, der.integer(0))), "sha256", False),
        (_pss(HASH, MASK, _explicit(2, der.integer(2048))), "sha256", False),
        (_pss(HASH, MASK, SALT, _explicit(3, der.integer(1))), "sha256", False),
        (_pss(_explicit(0, der.sequence(der.oid(SHA_256), der.integer(1))), MASK, SALT), "sha256", False),
    ],
)  # fmt: skip
def test_an_algorithm_has_a_hash(identifier: bytes, hash_name: str | None, is_weak: bool) -> None:  # noqa: FBT001 -- a table's column
    algorithm = read_signature_algorithm(identifier)
    assert algorithm is not None
    assert (algorithm.hash_algorithm and algorithm.hash_algorithm.name) == hash_name
    assert algorithm.is_weak is is_weak


NEW_KEYS: dict[type, Callable[[], Any]] = {
    rsa.RSAPublicKey: ALGORITHMS["RSA with SHA-256"].new_key,
    ec.EllipticCurvePublicKey: ECDSA.new_key,
    ed25519.Ed25519PublicKey: ALGORITHMS["Ed25519"].new_key,
    ed448.Ed448PublicKey: ALGORITHMS["Ed448"].new_key,
}
# cryptography signs nothing with these hashes.
_NOT_SIGNING = (hashes.MD5, hashes.SHA1)
SIGNING = {
    oid: algorithm for oid, algorithm in _ALGORITHMS.items() if not isinstance(algorithm.hash_algorithm, _NOT_SIGNING)
}


@pytest.mark.parametrize(("oid", "algorithm"), SIGNING.items(), ids=SIGNING)
def test_every_algorithm_verifies_certificates_that_are_signed_with_it(oid: str, algorithm: SignatureAlgorithm) -> None:
    name, today = x509.Name([]), datetime(2026, 11, 1, tzinfo=UTC)
    key, hash_algorithm = NEW_KEYS[algorithm.key_type](), cast("Any", algorithm.hash_algorithm)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, today, today).sign(key, hash_algorithm)
    assert certificate.signature_algorithm_oid.dotted_string == oid
    fields = parse_certificate(certificate.public_bytes(Encoding.DER))
    loaded = load_public_key(fields.public_key)
    assert loaded is not None
    for signed, verifies in ((certificate.tbs_certificate_bytes, True), (b"other", False)):
        assert is_signed_by(loaded, fields.signature_algorithm, certificate.signature, signed) is verifies


@pytest.mark.parametrize(
    "identifier",
    [
        b"",
        der.sequence(),
        der.integer(1),
        der.sequence(der.oid("1.2.3")),
        der.sequence(der.integer(1)),
        der.sequence(der.oid("1.2.840.113549.1.1.11"), der.tlv(der.INTEGER)),
        der.sequence(der.oid("1.2.840.113549.1.1.11"), NULL, NULL),
        der.sequence(der.oid("1.2.840.10045.4.3.2"), NULL, NULL),
        der.sequence(der.oid("1.2.840.10045.4.3.2"), der.tlv(der.NULL, b"\0")),
        der.sequence(der.oid("1.2.840.10045.4.3.2"), der.tlv(der.OID)),
        der.sequence(der.oid("1.3.101.112"), der.tlv(der.NULL, b"\0")),
        der.sequence(der.oid(PSS)),
        der.sequence(der.oid(PSS), NULL),
        der.sequence(der.oid(PSS), der.sequence(), der.sequence()),
        _pss(_explicit(0, der.sequence())),
        _pss(_explicit(0, der.sequence(der.oid("1.2.3")))),
        _pss(_explicit(0, der.sequence(der.oid(SHA_256), der.tlv(der.INTEGER)))),
        _pss(_explicit(0, der.sequence(der.oid(SHA_256), NULL, NULL))),
        _pss(_explicit(1, der.sequence(der.oid("1.2.3"), der.sequence(der.oid(SHA_256))))),
        _pss(_explicit(1, der.sequence(der.oid(MGF1)))),
        _pss(_explicit(1, der.sequence(der.oid(MGF1), der.sequence(der.oid("1.2.3"))))),
        _pss(_explicit(2, der.integer(-1))),
        _pss(_explicit(2, der.integer(2049))),
        _pss(_explicit(2, der.integer(2**31))),
        _pss(_explicit(3, der.integer(2))),
        _pss(SALT, HASH),
    ],
)
def test_an_unknown_algorithm_is_none_and_verifies_nothing(identifier: bytes) -> None:
    assert read_signature_algorithm(identifier) is None
    key = ALGORITHMS["RSA-PSS"].new_key().public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert not is_signed_by(key, identifier, b"", b"")


@pytest.mark.parametrize(
    "hash_name", ["SHA224", *(f"SHA{family}{size}" for family in ("", "3_") for size in (256, 384, 512))]
)
def test_a_signature_with_rsassa_pss_verifies_with_every_hash(hash_name: str) -> None:
    digest = getattr(hashes, hash_name)()
    key = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, digest, rsa_padding=pss)
    (_, algorithm, _) = read_sequence(request.public_bytes(Encoding.DER))[1]
    identifier = der.sequence(algorithm)
    assert is_signed_by(key.public_key(), identifier, request.signature, request.tbs_certrequest_bytes)
    found = read_signature_algorithm(identifier)
    assert found is not None
    assert found.is_weak is (hash_name == "SHA224")


def test_the_parameters_of_an_algorithm_are_those_of_the_signature() -> None:
    key = rsa.generate_private_key(65537, 2048)
    signature = key.sign(b"signed", padding.PSS(padding.MGF1(hashes.SHA384()), 20), hashes.SHA256())
    other_mask = _explicit(1, der.sequence(der.oid(MGF1), der.sequence(der.oid("2.16.840.1.101.3.4.2.2"))))
    for parameters, verifies in (
        ((HASH, other_mask), True),  # with the default for the length of the salt, 20
        ((HASH, other_mask, SALT), False),
        ((HASH, MASK), False),
    ):
        assert is_signed_by(key.public_key(), _pss(*parameters), signature, b"signed") is verifies


def test_a_key_that_cannot_verify_is_none() -> None:
    of_another_kind = x25519.X25519PrivateKey.generate().public_key()
    assert load_public_key(of_another_kind.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)) is None
    assert load_public_key(b"") is None
    assert load_public_key(der.sequence(der.sequence(der.oid("1.2.3")), der.bits(b""))) is None
    assert load_public_key(der.sequence(der.sequence(der.oid(X500_RSA)), der.bits(b""))) is None


@pytest.mark.parametrize(
    "identifier",
    [
        der.sequence(der.oid(X500_RSA)),
        der.sequence(der.oid(X500_RSA), der.integer(2048)),
        der.sequence(der.oid(RSA), der.sequence()),
    ],
)
def test_an_rsa_key_is_the_same_under_each_algorithm_that_openssl_reads(identifier: bytes) -> None:
    usual = load_public_key(rsa_key(der.sequence(der.oid(RSA), NULL)))
    assert usual is not None
    assert load_public_key(rsa_key(identifier)) == usual


def test_a_key_for_encryption_only_does_not_verify() -> None:
    assert load_public_key(rsa_key(der.sequence(der.oid("1.2.840.113549.1.1.7")))) is None


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_a_signature_verifies_under_its_key_over_what_was_signed(algorithm: object) -> None:
    assert isinstance(algorithm, tuple)
    identifier, new_key, sign = algorithm
    private = new_key()
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = load_public_key(spki)
    assert key is not None
    signature = sign(private, b"signed")
    assert is_signed_by(key, identifier, signature, memoryview(b"signed"))
    assert not is_signed_by(key, identifier, signature, b"Signed")
    assert not is_signed_by(key, identifier, b"", b"signed")
