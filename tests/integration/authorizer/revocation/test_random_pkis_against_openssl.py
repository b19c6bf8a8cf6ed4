"""Random small PKIs: a certificate that OpenSSL calls revoked is revoked, and one that it calls good is good or listed.

The PKIs combine what the tables have one by one: CAs with one name and two keys, renewed and cross-signed CAs, key
identifiers, partitions, delta CRLs, holds and removals, CRLs that are expired or not valid yet.
"""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.settings import CrlCheck
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.integration.authorizer.revocation.openssl_verify import GOOD, OPENSSL, REVOKED, UNKNOWN, Case, openssl_answer
from tests.pki import der
from tests.pki.certificate_authorities import (
    ALGORITHMS,
    DAY,
    DELTA_CRL_INDICATOR,
    HOLD,
    NOW,
    REMOVED,
    CertificateAuthority,
    authority_key,
    crl_distribution_points,
    crl_number,
    distribution_point,
    entry,
    full_name,
    reason,
)
from tests.pki.certificates import extension, pem, uri

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_authorizer.revocation.chains import Chain
    from mtls_authorizer.revocation.status import RevocationState

pytestmark = [pytest.mark.without_coverage, pytest.mark.skipif(OPENSSL is None, reason="there is no openssl here")]

PKIS = 40
SERIAL_NUMBERS = (0, 1, -1, 128, 2**159)
DELTA = extension(DELTA_CRL_INDICATOR, der.integer(0), critical=True)
ENTRY_EXTENSIONS: tuple[list[bytes], ...] = ([], [], [HOLD], [REMOVED], [reason(1)])


class Authority(NamedTuple):
    """A CA, its key identifier, and its certificates."""

    identifier: bytes
    certificates: list[CertificateAuthority]

    @property
    def identified(self) -> list[bytes]:
        """The extensions of certificates and CRLs that it signs."""
        return [authority_key(self.identifier)]


class Crl(NamedTuple):
    """A CRL, and whether it is a delta CRL."""

    encoded: bytes
    is_delta: bool


@cache
def _keys() -> list[CertificateAuthority]:
    """Return CAs of which only the keys are used."""
    return [CertificateAuthority(algorithm=ALGORITHMS[label]) for label in ("ECDSA with P-256", "Ed25519", "RSA-PSS")]


def _authorities(chance: random.Random) -> list[Authority]:
    """Return two roots, which may have one name, and a CA below one of them or both. Each may be renewed."""
    labels = ("Root", chance.choice(("Root", "Other")), "Middle")
    made: list[Authority] = []
    for place, (label, key) in enumerate(zip(labels, _keys(), strict=True)):
        parents = [None] if place < 2 else chance.choice(([0], [1], [0, 1]))
        validities = chance.choice(([(-9, 9)], [(-9, 9)], [(-9, 9), (-9, -1)], [(-9, 9), (-5, 20)]))
        identifier = b"key %d" % place
        certificates = [
            CertificateAuthority(
                label,
                algorithm=key.algorithm,
                key=key.key,
                parent=None if parent is None else made[parent].certificates[0],
                serial_number=chance.choice(SERIAL_NUMBERS) if parent is not None else 2000 + 10 * place + number,
                not_before=NOW + start * DAY,
                not_after=NOW + end * DAY,
                key_identifier=identifier,
            )
            for parent in parents
            for number, (start, end) in enumerate(validities)
        ]
        made.append(Authority(identifier, certificates))
    return made


def _full_name(part: str) -> bytes:
    return full_name(uri(f"http://ca.example/{part}.crl"))


def _crl(chance: random.Random, authority: Authority, number: int) -> Crl:
    limit = chance.choice(([], [], [_full_name("a")], [_full_name("b")], [der.tagged(1, b"\xff")]))
    is_delta = chance.random() < 0.2
    encoded = authority.certificates[0].revoke(
        *(
            entry(serial_number, *chance.choice(ENTRY_EXTENSIONS))
            for serial_number in chance.sample(SERIAL_NUMBERS, chance.randrange(3))
        ),
        this_update=NOW + DAY * chance.choice((0, 0, 0, 1)) - DAY + number * DAY / 100,
        next_update=chance.choice((NOW + 2 * DAY, NOW + 2 * DAY, None, NOW - DAY / 2)),
        extensions=[
            crl_number(number),
            *([distribution_point(*limit)] if limit else []),
            *([DELTA] if is_delta else []),
            *authority.identified,
        ],
    )
    return Crl(encoded, is_delta)


def _answer(case: Case) -> tuple[tuple[Chain, ...], RevocationState, bool]:
    """Return the chains, this project's answer, and whether a CRL of the issuer of a certificate in them lists it."""
    truststore = read_truststore(b"".join(each.pem for each in case.truststore))
    verified = [verify_crl(crl, truststore) for crl in case.crls]
    lists = RevocationLists(verified, truststore, check=CrlCheck.CHAIN if case.whole_chain else CrlCheck.CLIENT)
    chains = lists.chains(PeerCertificate.from_pem(pem(case.client)))
    listed = any(
        crl.identity.issuer.key_fingerprint == link.issuer.key_fingerprint and crl.is_revoked(link.serial_number)
        for chain in chains
        for link in chain.links
        for crl in verified
    )
    return chains, lists.status_at(chains, NOW).state, listed


@pytest.mark.parametrize("whole_chain", [False, True])
def test_revoked_certificates_of_openssl_are_revoked_and_good_ones_are_good_or_listed(
    *, whole_chain: bool, tmp_path: Path
) -> None:
    chance = random.Random(whole_chain)  # noqa: S311 -- to be repeatable
    answers = []
    for _ in range(PKIS):
        authorities = _authorities(chance)
        issuer = chance.choice(authorities)
        part = chance.choice(("a", "b", None))
        points = [] if part is None else [crl_distribution_points(_full_name(part))]
        client = issuer.certificates[0].issue(chance.choice(SERIAL_NUMBERS), extensions=[*points, *issuer.identified])
        crls = [_crl(chance, issuer, 0), *(_crl(chance, chance.choice(authorities), number) for number in range(1, 6))]
        truststore = [certificate for authority in authorities for certificate in authority.certificates]
        chance.shuffle(truststore)
        case = Case(GOOD, [crl.encoded for crl in crls], client, truststore, whole_chain=whole_chain)
        complete = case._replace(crls=[crl.encoded for crl in crls if not crl.is_delta])
        chains, state, listed = _answer(case)
        # OpenSSL considers delta CRLs complete.
        by_openssl, without_deltas = openssl_answer(case, tmp_path), openssl_answer(complete, tmp_path)
        if REVOKED in (by_openssl, without_deltas):
            assert state is REVOKED
        elif without_deltas is GOOD and not listed:
            # OpenSSL looks at one chain only, and at no CRL of a CA above the issuer without -crl_check_all.
            is_stricter = len(chains) > 1 or not (whole_chain or issuer in authorities[:2])
            assert state is GOOD or (state is UNKNOWN and is_stricter)
        answers.append((without_deltas, state))
    assert {(GOOD, GOOD), (REVOKED, REVOKED)} <= set(answers)
