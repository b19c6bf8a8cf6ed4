"""A certificate that a CRL of its issuer lists is revoked, whatever else is uncertain."""

from __future__ import annotations

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.settings import CrlCheck, CrlFailureMode
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests import der
from tests.certificate_authorities import (
    DAY,
    HOLD,
    IS_A_CA,
    MAY_SIGN_CERTIFICATES,
    MAY_SIGN_LISTS,
    NOW,
    REMOVED,
    CertificateAuthority,
    authority_key,
    crl_number,
    distribution_point,
    entry,
)
from tests.certificates import extension, pem

TRUE = b"\xff"
CA = CertificateAuthority()
EXPIRED = CertificateAuthority("Expired", not_after=NOW - DAY)
IDENTIFIED = CertificateAuthority("Identified", key_identifier=b"key")
NO_CERTIFICATES = CertificateAuthority("No certificates", extensions=[IS_A_CA, MAY_SIGN_LISTS])
NO_LISTS = CertificateAuthority("No lists", extensions=[IS_A_CA, MAY_SIGN_CERTIFICATES])
OTHER_KEY = [authority_key(b"other")]
ELSEWHERE = der.tagged(0, der.tagged(0, der.tagged(6, b"http://x/1"), constructed=True), constructed=True)

LISTED = {
    "in scope": (CA, [], CA.revoke(entry(1))),
    "on hold": (CA, [], CA.revoke(entry(1, HOLD))),
    "out of scope": (CA, [], CA.revoke(entry(1), extensions=[distribution_point(ELSEWHERE)])),
    "for CAs only": (CA, [], CA.revoke(entry(1), extensions=[distribution_point(der.tagged(2, TRUE))])),
    "for some reasons": (CA, [], CA.revoke(entry(1), extensions=[distribution_point(der.tagged(3, b"\1\x7e"))])),
    "unreadable scope": (CA, [], CA.revoke(entry(1), extensions=[distribution_point()])),
    "unknown critical extension": (CA, [], CA.revoke(entry(1), extensions=[extension("1.2.3", b"", critical=True)])),
    "expired CRL": (CA, [], CA.revoke(entry(1), next_update=NOW - DAY)),
    "future CRL": (CA, [], CA.revoke(entry(1), this_update=NOW + DAY, next_update=NOW + 2 * DAY)),
    "expired CA": (EXPIRED, [], EXPIRED.revoke(entry(1))),
    "key identifier of the certificate": (IDENTIFIED, OTHER_KEY, IDENTIFIED.revoke(entry(1))),
    "key identifier of the CRL": (IDENTIFIED, [], IDENTIFIED.revoke(entry(1), extensions=OTHER_KEY)),
    "without keyCertSign": (NO_CERTIFICATES, [], NO_CERTIFICATES.revoke(entry(1))),
    "without cRLSign": (NO_LISTS, [], NO_LISTS.revoke(entry(1))),
}
EVERYBODY = read_truststore(
    b"".join(ca.pem for ca in (CA, EXPIRED, IDENTIFIED, NO_CERTIFICATES, NO_LISTS, CertificateAuthority("Unrelated")))
)


def _client(ca: CertificateAuthority, serial_number: int, extensions: list[bytes]) -> PeerCertificate:
    return PeerCertificate.from_pem(pem(ca.issue(serial_number, extensions=extensions)))


@pytest.mark.parametrize("mode", CrlFailureMode)
@pytest.mark.parametrize("check", CrlCheck)
@pytest.mark.parametrize(("ca", "extensions", "crl"), LISTED.values(), ids=LISTED)
def test_a_listed_certificate_is_revoked_in_both_modes(
    ca: CertificateAuthority, extensions: list[bytes], crl: bytes, check: CrlCheck, mode: CrlFailureMode
) -> None:
    lists = RevocationLists([verify_crl(crl, EVERYBODY)], EVERYBODY, failure_mode=mode, check=check)
    status = lists.status(_client(ca, 1, extensions), NOW)
    assert status.state is RevocationState.REVOKED
    assert lists.deny_reason(status) is DenyReason.CERTIFICATE_REVOKED
    other = lists.status(_client(ca, 2, extensions), NOW)
    assert (other.state is RevocationState.GOOD) is (crl in {LISTED["in scope"][2], LISTED["on hold"][2]})


def test_a_removal_is_no_listing() -> None:
    lists = RevocationLists([verify_crl(CA.revoke(entry(1, REMOVED)), EVERYBODY)], EVERYBODY)
    assert lists.status(_client(CA, 1, []), NOW).state is RevocationState.GOOD


def test_an_intermediate_ca_that_an_expired_root_has_listed_is_revoked() -> None:
    root = CertificateAuthority("Root", not_after=NOW - DAY)
    middle = CertificateAuthority("Middle", parent=root, serial_number=7)
    truststore = read_truststore(root.pem + middle.pem)
    for listed, state in ((7, RevocationState.REVOKED), (8, RevocationState.UNKNOWN)):
        crls = [verify_crl(crl, truststore) for crl in (root.revoke(entry(listed)), middle.revoke())]
        assert RevocationLists(crls, truststore).status(_client(middle, 1, []), NOW).state is state


def test_a_newer_usable_crl_decides_and_an_unusable_one_only_adds_revocations() -> None:
    def state(*crls: bytes) -> RevocationState:
        lists = RevocationLists([verify_crl(crl, EVERYBODY) for crl in crls], EVERYBODY)
        return lists.status(_client(CA, 1, []), NOW).state

    older, newer = CA.revoke(entry(1), extensions=[crl_number(1)]), CA.revoke(extensions=[crl_number(2)])
    assert state(older) is RevocationState.REVOKED
    assert state(older, newer) is state(newer, older) is RevocationState.GOOD
    future = {"this_update": NOW + DAY, "next_update": NOW + 2 * DAY, "extensions": [crl_number(3)]}
    assert state(newer, CA.revoke(entry(1), **future)) is RevocationState.REVOKED  # type: ignore[arg-type]
    assert state(older, CA.revoke(**future)) is RevocationState.REVOKED  # type: ignore[arg-type]
    assert state(newer, CA.revoke(**future)) is RevocationState.GOOD  # type: ignore[arg-type]
    # Two CRLs with one number, which a CA should not issue: both count.
    twin = CA.revoke(entry(1), extensions=[crl_number(2)])
    assert state(newer, twin) is state(twin, newer) is RevocationState.REVOKED


def test_the_number_of_a_crl_tells_its_age_and_its_date_only_without_one() -> None:
    def state(*crls: bytes) -> RevocationState:
        lists = RevocationLists([verify_crl(crl, EVERYBODY) for crl in crls], EVERYBODY)
        return lists.status(_client(CA, 1, []), NOW).state

    numbered = CA.revoke(this_update=NOW - 3 * DAY, extensions=[crl_number(9)])
    assert state(numbered, CA.revoke(extensions=[crl_number(8)])) is RevocationState.GOOD
    older = CA.revoke(entry(1), this_update=NOW - 4 * DAY, extensions=[crl_number(8)])
    assert state(numbered, older) is RevocationState.GOOD
    # It is not hidden by others between them.
    renumbered = CA.revoke(entry(1), extensions=[crl_number(7)])
    assert state(numbered, older, renumbered) is RevocationState.REVOKED
    # A CA that has lost count cannot make an earlier CRL of a later one.
    assert state(numbered, CA.revoke(entry(1), extensions=[crl_number(8)])) is RevocationState.REVOKED
    assert state(numbered, CA.revoke(entry(1))) is RevocationState.REVOKED
