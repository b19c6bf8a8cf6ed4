"""``public_key``: a client's certificates, by the key that they have in common."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.public_key import equal_encodings
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from tests.aws.api_events import EVENTS, rest_event
from tests.aws.responses import checking, reason
from tests.pki import der
from tests.pki.certificate_authorities import ALGORITHMS
from tests.pki.certificates import ED25519_KEY, certificate_der, name, pem
from tests.rules_documents import rule

OTHER_KEY = der.sequence(der.sequence(der.oid("1.3.101.112")), der.bits(b"\x01" * 32))
# The golden certificate was made by OpenSSL's rules (tests/golden/keys.py).
EXPLICIT_PARAMETERS = PeerCertificate.from_pem(
    (Path(__file__).parents[3] / "golden" / "certificates" / "key-ec-explicit-parameters.pem").read_text("ascii")
).fields.public_key
KEY = sha256(ED25519_KEY).hexdigest()

CLIENT = pem(certificate_der())
RENEWED = pem(certificate_der(name(("CN", "renewed")), serial_number=der.integer(99)))
OTHER = pem(certificate_der(public_key=OTHER_KEY))


def authorize(document: dict[str, Any]) -> Any:  # noqa: ANN401 -- the function that ``checking`` returns
    return checking(Authorizer(load_settings({"AUTHORIZER_RULES": json.dumps(document)})))


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        KEY.upper(),
        f"SHA256:{KEY}",
        ":".join(KEY[index : index + 2] for index in range(0, 64, 2)),
        ["ab" * 32, KEY],
        {"exact": KEY},
    ],
    ids=str,
)
@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_every_certificate_with_the_key_matches_and_no_other(written: object, make_event: Any) -> None:  # noqa: ANN401
    answer = authorize({"rules": [rule(match={"public_key": written})]})
    # Also once they are in the cache.
    for _ in range(2):
        assert reason(answer(make_event(CLIENT))) is None
        assert reason(answer(make_event(RENEWED))) is None
        assert reason(answer(make_event(OTHER))) == "public_key_not_allowed"


def test_a_key_is_excluded_whatever_certificate_it_is_in() -> None:
    match = {"issuer": "CN=Test CA"}
    for document in (
        {"rules": [rule(match=match, **{"not": {"public_key": KEY}})]},
        {"rules": [rule(match=match)], "deny": {"public_key": [KEY]}},
    ):
        answer = authorize(document)
        assert reason(answer(rest_event(CLIENT))) == reason(answer(rest_event(RENEWED))) == "certificate_excluded"
        assert reason(answer(rest_event(OTHER))) is None


def encodings(curve: ec.EllipticCurve, oid: str) -> list[bytes]:
    key = ec.generate_private_key(curve).public_key()
    uncompressed = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    compressed = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    hybrid = bytes([compressed[0] + 4]) + uncompressed[1:]
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid(oid))
    return [der.sequence(algorithm, der.bits(point)) for point in (uncompressed, compressed, hybrid)]


def described_curve() -> list[bytes]:
    """Return a key on P-256 whose certificate describes the curve, and the same key with the name of the curve."""
    described = EXPLICIT_PARAMETERS
    point = described[-65:]
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
    return [der.sequence(algorithm, der.bits(point)), described]


def rsa_encodings() -> list[bytes]:
    numbers = der.bits(der.sequence(der.integer(2**2047 + 1), der.integer(65537)))
    algorithms = (
        der.sequence(der.oid("1.2.840.113549.1.1.1"), der.tlv(der.NULL)),
        der.sequence(der.oid("2.5.8.1.1")),
        der.sequence(der.oid("1.2.840.113549.1.1.10")),
        der.sequence(der.oid("1.2.840.113549.1.1.7"), der.tlv(der.NULL)),
        ALGORITHMS["RSA-PSS"].identifier,
    )
    return [der.sequence(algorithm, numbers) for algorithm in algorithms]


def rsa_in_ber() -> list[bytes]:
    """Return an RSA key as it should be written, and as OpenSSL also reads it."""
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.tlv(der.NULL))
    numbers = der.integer(2**2047 + 1) + der.integer(65537)
    usual = der.sequence(numbers)
    contents = (
        b"\0" + usual,
        b"\0" + usual + b"\xff",
        b"\1" + usual + b"\0",
        b"\0\x30\x80" + numbers + b"\0\0",
        b"\0\x30\x83" + len(numbers).to_bytes(3) + numbers,
        b"\0" + der.sequence(der.tlv(der.INTEGER, bytes(3) + (2**2047 + 1).to_bytes(256)), der.integer(65537)),
    )
    return [der.sequence(algorithm, der.tlv(der.BIT_STRING, content)) for content in contents]


def with_unused_bits() -> list[bytes]:
    algorithm, point = der.sequence(der.oid("1.3.101.112")), b"\1" * 31 + b"\x10"
    return [der.sequence(algorithm, der.tlv(der.BIT_STRING, bytes([unused]) + point)) for unused in (0, 1, 4)]


@pytest.mark.parametrize(
    ("keys", "listed"),
    [
        *((encodings(ec.SECP256R1(), "1.2.840.10045.3.1.7"), number) for number in range(3)),
        (encodings(ec.SECP384R1(), "1.3.132.0.34"), 0),
        *((encodings(ec.SECP224R1(), "1.3.132.0.33"), number) for number in range(3)),
        (described_curve(), 0),
        *((rsa_encodings(), number) for number in (0, 2, 4)),
        (rsa_in_ber(), 0),
        (with_unused_bits(), 0),
    ],
)
def test_a_key_is_excluded_and_not_matched_in_another_encoding(keys: list[bytes], listed: int) -> None:
    digest = sha256(keys[listed]).hexdigest()
    deny = authorize({"rules": [rule(match={"issuer": "CN=Test CA"})], "deny": {"public_key": digest}})
    allow = authorize({"rules": [rule(match={"public_key": digest})]})
    for number, key in enumerate(keys):
        event = rest_event(pem(certificate_der(public_key=key)))
        assert reason(deny(event)) == "certificate_excluded"
        assert reason(allow(event)) == (None if number == listed else "public_key_not_allowed")


def test_a_key_on_a_curve_with_another_base_point_is_another_key() -> None:
    # With a base point of one's own choice, a private key can be made for any public key (CVE-2020-0601).
    base = bytes.fromhex("6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296")
    assert EXPLICIT_PARAMETERS.count(base) == 1
    forged = EXPLICIT_PARAMETERS.replace(base, EXPLICIT_PARAMETERS[-64:-32])
    usual = described_curve()[0]
    assert usual in equal_encodings(EXPLICIT_PARAMETERS)
    assert equal_encodings(forged) == []


def test_the_first_encoding_is_the_usual_one_whichever_is_given() -> None:
    for keys in (
        encodings(ec.SECP384R1(), "1.3.132.0.34"),
        described_curve(),
        rsa_encodings(),
        rsa_in_ber(),
        with_unused_bits(),
    ):
        assert {[*equal_encodings(key), key][0] for key in keys} == {keys[0]}
    assert equal_encodings(ED25519_KEY) == []
    assert equal_encodings(der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.10")), der.bits(b"not a key"))) == []
