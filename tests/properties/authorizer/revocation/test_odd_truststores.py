"""A certificate of any kind in the truststore, also of a CA with the same name, affects the clients of no other CA."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.revocation.chains import issuer_keys
from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.pki import der
from tests.pki.certificate_authorities import ALGORITHMS, IS_A_CA, NOW, CertificateAuthority, entry
from tests.pki.certificates import certificate_der, name, pem

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.without_coverage

RUNS = 150
CAS = [CertificateAuthority(algorithm=ALGORITHMS[each]) for each in ("Ed25519", "ECDSA with P-256", "RSA with SHA-256")]
BUNDLE = b"".join(ca.pem for ca in CAS)
GOOD, REVOKED = ([PeerCertificate.from_pem(pem(ca.issue(serial))) for ca in CAS] for serial in (1, 2))
CRLS = [ca.revoke(entry(2)) for ca in CAS]

# The last one names no curve.
CURVES = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.10", "1.3.36.3.3.2.8.1.1.7", "1.3.132.0.1", "1.2.3"]
OTHER_KEYS = ["1.2.840.10040.4.1", "1.2.840.113549.1.3.1", "1.2.840.113549.1.1.10", "1.3.101.110", "1.3.101.113"]


def _key(*algorithm: bytes, content: bytes) -> bytes:
    return der.sequence(der.sequence(*algorithm), der.bits(content))


def _odd_keys(random: Random) -> Iterator[bytes]:
    """Yield keys that are weak, invalid or of kinds that nobody supports."""
    null, junk = der.tlv(der.NULL), random.randbytes(random.choice([0, 32, 33, 65]))
    length = random.choice([1, 8, 512, 1023, 2048, 16384, 16385, 65536])
    modulus = random.getrandbits(length) | random.choice([0, 1])
    exponent = random.choice([0, 1, 2, -3, 65537, 2**64 + 1, modulus])
    rsa = der.sequence(der.integer(modulus), der.integer(exponent))
    yield _key(der.oid("1.2.840.113549.1.1.1"), null, content=rsa)
    point = random.choice([b"", b"\0", b"\2", b"\4", b"\6"]) + junk
    yield _key(der.oid("1.2.840.10045.2.1"), der.oid(random.choice(CURVES)), content=point)
    yield _key(der.oid("1.3.101.112"), content=random.choice([junk, bytes(32), b"\1" + bytes(31), b"\xff" * 32]))
    yield _key(der.oid(random.choice(OTHER_KEYS)), random.choice([null, der.sequence(), b""]), content=junk)


def _damaged(random: Random, encoded: bytes) -> bytes:
    damaged = bytearray(encoded)
    for _ in range(random.choice([1, 1, 2, 3])):
        place = random.randrange(len(damaged))
        damaged[place] = random.choice([0, 1, 0xFF, damaged[place] ^ 1, damaged[place] ^ 0x80, random.randrange(256)])
    return bytes(damaged)


def _odd_certificates(random: Random) -> Iterator[bytes]:
    for key in _odd_keys(random):
        yield certificate_der(*[name(("CN", "CA"))] * 2, public_key=key, extensions=[IS_A_CA])
    for ca in CAS:
        yield _damaged(random, ca.certificate)


def test_an_odd_certificate_in_the_truststore_affects_no_other_ca() -> None:
    random = Random(1)  # noqa: S311 -- to be repeatable
    skipped = 0
    for _ in range(RUNS // len(CAS)):
        for odd in _odd_certificates(random):
            truststore = read_truststore(pem(odd).encode() + BUNDLE)
            skipped += len(truststore.skipped)
            lists = RevocationLists([verify_crl(crl, truststore) for crl in CRLS], truststore)
            lists.has_list_of_superior_ca()
            truststore.days_to_expiry(NOW)
            for good, revoked in zip(GOOD, REVOKED, strict=True):
                assert lists.status(good, NOW).state is RevocationState.GOOD
                assert lists.status(revoked, NOW).state is RevocationState.REVOKED
                assert issuer_keys(good.fields, truststore)
    assert RUNS // 4 < skipped < 2 * RUNS
