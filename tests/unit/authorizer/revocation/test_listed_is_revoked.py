"""A certificate that a CRL of its issuer lists is revoked, whatever else is uncertain."""

from __future__ import annotations

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.settings import CrlCheck, CrlFailureMode
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus, UnknownReason
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.pki import der
from tests.pki.certificate_authorities import (
    CRL_NUMBER,
    DAY,
    HOLD,
    IS_A_CA,
    IS_DELTA,
    MAY_SIGN_CERTIFICATES,
    MAY_SIGN_LISTS,
    NOW,
    REMOVED,
    CertificateAuthority,
    authority_key,
    crl_number,
    distribution_point,
    entry,
    full_name,
)
from tests.pki.certificates import extension, pem, uri

TRUE = b"\xff"
CA = CertificateAuthority()
EXPIRED = CertificateAuthority("Expired", not_after=NOW - DAY)
IDENTIFIED = CertificateAuthority("Identified", key_identifier=b"key")
NO_CERTIFICATES = CertificateAuthority("No certificates", extensions=[IS_A_CA, MAY_SIGN_LISTS])
NO_LISTS = CertificateAuthority("No lists", extensions=[IS_A_CA, MAY_SIGN_CERTIFICATES])
OTHER_KEY = [authority_key(b"other")]
ELSEWHERE = full_name(uri(b"http://x/1"))

LISTED = {
    "in scope": (CA, [], CA.revoke(entry(1))),
    "on hold": (CA, [], CA.revoke(entry(1, HOLD))),
    "out of scope": (CA, [], CA.revoke(entry(1), extensions=[distribution_point(ELSEWHERE)])),
    "for CAs only": (CA, [], CA.revoke(entry(1), extensions=[distribution_point(der.tagged(2, TRUE))])),
    "for some reasons": (CA, [], CA.revoke(entry(1), extensions=[distribution_point(der.tagged(3, b"\1\x7e"))])),
    "unreadable scope": (CA, [], CA.revoke(entry(1), extensions=[distribution_point()])),
    "unknown critical extension": (CA, [], CA.revoke(entry(1), extensions=[extension("1.2.3", b"", critical=True)])),
    "delta CRL": (CA, [], CA.revoke(entry(1), extensions=[crl_number(2), IS_DELTA])),
    "indirect CRL": (CA, [], CA.revoke(entry(1), extensions=[distribution_point(der.tagged(4, TRUE))])),
    "negative CRL number": (CA, [], CA.revoke(entry(1), extensions=[crl_number(-1)])),
    # As NSS's crlutil encodes the number 1245: without the tag and the length of an INTEGER.
    "unreadable CRL number": (CA, [], CA.revoke(entry(1), extensions=[extension(CRL_NUMBER, b"\x04\xdd")])),
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


def test_a_delta_crl_adds_revocations_to_the_complete_one_until_there_is_a_newer_complete_one() -> None:
    def lists(*crls: bytes) -> RevocationLists:
        return RevocationLists([verify_crl(crl, EVERYBODY) for crl in crls], EVERYBODY)

    def state(*crls: bytes) -> RevocationState:
        return lists(*crls).status(_client(CA, 1, []), NOW).state

    complete, next_complete = (
        CA.revoke(extensions=[crl_number(number)], next_update=NOW + number * DAY) for number in (1, 3)
    )
    delta = CA.revoke(entry(1), extensions=[crl_number(2), IS_DELTA], next_update=NOW + 9 * DAY)
    other_delta = CA.revoke(entry(2), extensions=[crl_number(2), IS_DELTA])
    assert state(complete, delta) is state(delta, complete) is RevocationState.REVOKED
    assert state(complete, other_delta) is RevocationState.GOOD
    assert state(complete, delta, next_complete) is RevocationState.GOOD
    # An entry of the complete CRL that a delta CRL removes still revokes.
    removal = CA.revoke(entry(1, REMOVED), extensions=[crl_number(2), IS_DELTA])
    on_hold = CA.revoke(entry(1, HOLD), extensions=[crl_number(1)])
    assert state(on_hold, removal) is RevocationState.REVOKED
    # The complete CRL is the one that must not expire.
    expired = CA.revoke(extensions=[crl_number(1)], next_update=NOW - DAY)
    assert lists(expired, other_delta).status(_client(CA, 1, []), NOW).unknown_reason is UnknownReason.STALE
    assert lists(other_delta).status(_client(CA, 1, []), NOW).unknown_reason is UnknownReason.UNUSABLE
    assert lists(complete, delta).earliest_next_update == NOW + DAY
    assert lists(delta).earliest_next_update == NOW + 9 * DAY


def test_a_crl_whose_scope_cannot_be_read_may_cover_any_certificate() -> None:
    crls = [CA.revoke(extensions=[distribution_point(*scope)]) for scope in ((), (ELSEWHERE,))]
    verified = [verify_crl(crl, EVERYBODY) for crl in crls]
    for lists in (verified, reversed(verified)):
        status = RevocationLists(lists, EVERYBODY).status(_client(CA, 1, []), NOW)
        assert status.unknown_reason is UnknownReason.UNUSABLE


@pytest.mark.parametrize("mode", CrlFailureMode)
def test_a_crl_by_the_key_that_certified_the_issuers_key_revokes_and_proves_nothing_good(mode: CrlFailureMode) -> None:
    root = CertificateAuthority("Rolled over")
    second = CertificateAuthority("Rolled over", parent=root, serial_number=7)
    middle = CertificateAuthority("Middle", parent=second, serial_number=9)
    truststore = read_truststore(root.pem + second.pem + middle.pem)

    def status(client: PeerCertificate, *crls: bytes) -> RevocationStatus:
        lists = RevocationLists([verify_crl(crl, truststore) for crl in crls], truststore, failure_mode=mode)
        return lists.status(client, NOW)

    client, below = _client(second, 1, []), _client(middle, 1, [])
    revoked = status(client, root.revoke(entry(1)))
    assert revoked.state is RevocationState.REVOKED
    assert revoked.revocation_list is not None
    assert revoked.revocation_list.issuer_name == root.name
    assert status(client, root.revoke(entry(2))).unknown_reason is UnknownReason.NO_LIST
    assert status(client, root.revoke(entry(7)), second.revoke()).state is RevocationState.REVOKED
    # A CA may have a CRL for each key.
    assert status(client, root.revoke(entry(1)), second.revoke()).state is RevocationState.GOOD
    assert status(below, root.revoke(entry(9)), middle.revoke()).state is RevocationState.REVOKED
    assert status(below, root.revoke(entry(1)), middle.revoke()).skipped_issuers == ("CN=Rolled over",)


def test_the_number_of_a_crl_determines_its_age_and_the_date_only_without_a_number() -> None:
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
    highest = CA.revoke(entry(1), this_update=NOW - 5 * DAY, extensions=[crl_number(10)])
    assert state(numbered, older, highest) is RevocationState.REVOKED
    # A CA that has lost count cannot make an earlier CRL of a later one.
    assert state(numbered, CA.revoke(entry(1), extensions=[crl_number(8)])) is RevocationState.REVOKED
    assert state(numbered, CA.revoke(entry(1))) is RevocationState.REVOKED
