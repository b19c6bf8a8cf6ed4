"""The facts about a public key. test_node_parity.py compares them with Node's."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.elliptic_curves import BASE_POINTS, PRIME_CURVES
from client_certificate_auth.x509.public_key import PublicKey, read_public_key
from tests.pki import der

GOLDEN = Path(__file__).parents[3] / "golden" / "certificates"

P256 = "1.2.840.10045.3.1.7"
POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def ec_key(point: bytes, curve: str = P256) -> PublicKey:
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid(curve))
    return read_public_key(der.sequence(algorithm, der.bits(point)))


def rsa_key(*elements: bytes) -> PublicKey:
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.tlv(der.NULL))
    return read_public_key(der.sequence(algorithm, der.bits(b"".join(elements))))


def described(key: PublicKey) -> dict[str, object]:
    return {name: value for name in PublicKey._fields if (value := getattr(key, name)) is not None}


@pytest.mark.parametrize("kind", ["rsa-pss", "dsa-2048", "ed25519", "ed448", "x25519", "x448"])
def test_nothing_is_returned_for_a_key_that_is_neither_rsa_nor_of_an_elliptic_curve(kind: str) -> None:
    certificate = PeerCertificate.from_pem((GOLDEN / f"key-{kind}.pem").read_text(encoding="ascii"))
    assert described(read_public_key(certificate.fields.public_key)) == {}


def test_a_point_is_returned_uncompressed() -> None:
    compressed, hybrid = b"\3" + POINT[1:33], b"\7" + POINT[1:]
    negated = POINT[:33] + (2**256 - 2**224 + 2**192 + 2**96 - 1 - int.from_bytes(POINT[33:])).to_bytes(32)
    assert {ec_key(point).pubkey for point in (POINT, compressed, hybrid)} == {POINT}
    assert ec_key(b"\2" + POINT[1:33]).pubkey == negated
    assert described(ec_key(POINT)) == {"bits": 256, "pubkey": POINT, "asn1_curve": "prime256v1", "nist_curve": "P-256"}


def test_a_compressed_point_of_p224_is_returned_uncompressed() -> None:
    # The only curve here whose prime leaves 1 if divided by 4.
    for number in (1, 2, 3, 2**200 + 5):
        point = ec.derive_private_key(number, ec.SECP224R1()).public_key()
        compressed = point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        uncompressed = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        assert ec_key(compressed, "1.3.132.0.33").pubkey == uncompressed
    without_point = [x for x in range(20) if described(ec_key(b"\2" + x.to_bytes(28), "1.3.132.0.33")) == {}]
    assert 0 < len(without_point) < 20


@pytest.mark.parametrize(
    "point",
    [
        b"",
        b"\0",
        POINT[:-1],
        POINT + b"\0",
        POINT[:-1] + b"\xf4",
        b"\5" + POINT[1:],
        b"\6" + POINT[1:],
        b"\2" + POINT[1:],
        b"\4" + POINT[1:33],
        b"\2" + (4).to_bytes(32),
        b"\4" + b"\xff" * 64,
        b"\7" + POINT[1:33],
    ],
)
def test_nothing_is_returned_for_a_point_that_is_not_on_the_curve(point: bytes) -> None:
    assert described(ec_key(point)) == {}


def test_points_of_other_curves_are_returned_if_they_are_not_compressed() -> None:
    secp160r1 = "1.3.132.0.8"
    assert described(ec_key(b"\4" + bytes(40), secp160r1)) == {
        "bits": 161,
        "pubkey": b"\4" + bytes(40),
        "asn1_curve": "secp160r1",
    }
    assert described(ec_key(b"\2" + bytes(20), secp160r1)) == {}


@pytest.mark.parametrize(
    "parameters",
    [
        der.oid("1.2.3.4"),
        der.oid("1.2.156.10197.1.301"),
        der.tlv(der.NULL),
        der.sequence(),
        der.sequence(der.integer(1), der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(23)), der.sequence()),
        # Numbers of no curve.
        *(
            der.sequence(
                der.integer(1),
                der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(p)),
                der.sequence(der.octets(b""), der.octets(b"")),
                der.octets(POINT),
            )
            for p in (0, 1, -1)
        ),
        b"",
    ],
)
def test_nothing_is_returned_for_a_key_of_an_unknown_curve(parameters: bytes) -> None:
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), parameters)
    assert described(read_public_key(der.sequence(algorithm, der.bits(POINT)))) == {}


def test_the_numbers_of_an_rsa_key_are_unsigned() -> None:
    key = rsa_key(der.sequence(der.tlv(der.INTEGER, b"\xff\1"), der.tlv(der.INTEGER, b"\0\0\3")), b"trailing data"[:0])
    assert (key.modulus, key.bits, key.exponent) == ("FF01", 16, "0x3")
    assert rsa_key(der.sequence(der.integer(5), der.integer(2**80))).exponent == "0xffffffffffffffff"


def test_nothing_is_returned_for_an_invalid_rsa_key() -> None:
    for elements in (
        [],
        [der.integer(5)],
        [der.sequence(der.integer(5))],
        [der.sequence(der.integer(5), der.integer(3), der.integer(1))],
        [der.sequence(der.integer(5), der.octets(b"a"))],
        [b"\x30\x80"],
        # An INTEGER is primitive, and has no indefinite length (X.690 §8.1.3.2).
        [der.sequence(der.integer(5), b"\2\x80\1\0\1")],
        [der.sequence(b"\2\x80" + bytes([1]) * 128, der.integer(3))],
    ):
        assert described(rsa_key(*elements)) == {}


def test_base_points_are_those_of_openssl() -> None:
    curves = {
        "prime192v1": ec.SECP192R1(),
        "secp224r1": ec.SECP224R1(),
        "secp256k1": ec.SECP256K1(),
        "prime256v1": ec.SECP256R1(),
        "secp384r1": ec.SECP384R1(),
        "secp521r1": ec.SECP521R1(),
        "brainpoolP256r1": ec.BrainpoolP256R1(),
        "brainpoolP384r1": ec.BrainpoolP384R1(),
        "brainpoolP512r1": ec.BrainpoolP512R1(),
    }
    assert curves.keys() == PRIME_CURVES.keys()
    # The public key of the private key 1.
    assert {
        name: ec.derive_private_key(1, curve).public_key().public_numbers().x for name, curve in curves.items()
    } == BASE_POINTS
