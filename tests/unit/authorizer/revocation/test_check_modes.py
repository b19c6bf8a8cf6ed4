"""``CRL_CHECK=client`` and ``chain``, exempt issuers, and CRLs that are assumed to be complete."""

from __future__ import annotations

from hashlib import sha256

import pytest

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.public_key import equal_encodings
from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.locations import Locations
from mtls_authorizer.revocation.settings import CrlCheck
from mtls_authorizer.revocation.status import RevocationState, UnknownReason
from mtls_authorizer.revocation.truststore.bundle import Truststore, read_truststore
from tests.pki import der
from tests.pki.certificate_authorities import (
    ALGORITHMS,
    CRL_DISTRIBUTION_POINTS,
    DAY,
    IS_A_CA,
    IS_NO_CA,
    MAY_SIGN_CERTIFICATES,
    MAY_SIGN_LISTS,
    NOW,
    CertificateAuthority,
    crl_distribution_points,
    crl_number,
    distribution_point,
    entry,
    full_name,
)
from tests.pki.certificates import BASIC_CONSTRAINTS, extension, pem, uri

GOOD, REVOKED, UNKNOWN, EXEMPT = RevocationState
ROOT = CertificateAuthority("Root")
MIDDLE = CertificateAuthority("Middle", parent=ROOT, serial_number=7)
LOWER = CertificateAuthority("Lower", parent=MIDDLE, serial_number=8)
OTHER = CertificateAuthority("Other")
EVERYBODY = read_truststore(ROOT.pem + MIDDLE.pem + LOWER.pem + OTHER.pem)
NO_ROOT = read_truststore(MIDDLE.pem + LOWER.pem)

ROOT_CRL, MIDDLE_CRL, LOWER_CRL = ROOT.revoke(), MIDDLE.revoke(), LOWER.revoke()
STALE_ROOT_CRL, STALE_LOWER_CRL = ROOT.revoke(next_update=NOW), LOWER.revoke(next_update=NOW)
USERS_ONLY = ROOT.revoke(extensions=[distribution_point(der.tagged(1, b"\xff"))])
NO_LIST, STALE, NOT_COVERED = UnknownReason.NO_LIST, UnknownReason.STALE, UnknownReason.NOT_COVERED


def _client(ca: CertificateAuthority = LOWER, *extensions: bytes) -> PeerCertificate:
    return PeerCertificate.from_pem(pem(ca.issue(1, extensions=extensions)))


def _lists(*crls: bytes, truststore: Truststore = EVERYBODY, **options: object) -> RevocationLists:
    return RevocationLists([verify_crl(crl, truststore) for crl in crls], truststore, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("crls", "client", "chain"),
    [
        ([], (UNKNOWN, NO_LIST), (UNKNOWN, NO_LIST)),
        ([LOWER_CRL], (GOOD, None), (UNKNOWN, NO_LIST)),
        ([LOWER_CRL, MIDDLE_CRL], (GOOD, None), (UNKNOWN, NO_LIST)),
        ([LOWER_CRL, ROOT_CRL], (GOOD, None), (UNKNOWN, NO_LIST)),
        ([LOWER_CRL, MIDDLE_CRL, ROOT_CRL], (GOOD, None), (GOOD, None)),
        ([MIDDLE_CRL, ROOT_CRL], (UNKNOWN, NO_LIST), (UNKNOWN, NO_LIST)),
        # The CRL of an unrelated CA in the place of the root's: nothing is counted.
        ([LOWER_CRL, MIDDLE_CRL, OTHER.revoke()], (GOOD, None), (UNKNOWN, NO_LIST)),
        # A CRL of a higher CA always applies.
        ([LOWER_CRL, MIDDLE_CRL, ROOT.revoke(entry(7))], (REVOKED, None), (REVOKED, None)),
        ([LOWER_CRL, ROOT.revoke(entry(7))], (REVOKED, None), (REVOKED, None)),
        ([LOWER_CRL, MIDDLE.revoke(entry(8))], (REVOKED, None), (REVOKED, None)),
        ([LOWER_CRL, ROOT.revoke(entry(1000))], (REVOKED, None), (REVOKED, None)),
        ([LOWER_CRL, MIDDLE_CRL, STALE_ROOT_CRL], (UNKNOWN, STALE), (UNKNOWN, STALE)),
        (
            [LOWER_CRL, MIDDLE_CRL, USERS_ONLY],
            (UNKNOWN, UnknownReason.NOT_COVERED),
            (UNKNOWN, UnknownReason.NOT_COVERED),
        ),
        ([STALE_LOWER_CRL, MIDDLE_CRL, ROOT_CRL], (UNKNOWN, STALE), (UNKNOWN, STALE)),
    ],
)
def test_the_check_says_which_crls_are_required(
    crls: list[bytes],
    client: tuple[RevocationState, UnknownReason | None],
    chain: tuple[RevocationState, UnknownReason | None],
) -> None:
    for check, expected in ((CrlCheck.CLIENT, client), (CrlCheck.CHAIN, chain)):
        status = _lists(*crls, check=check).status(_client(), NOW)
        assert (status.state, status.unknown_reason) == expected


def test_an_expired_crl_explains_more_than_one_that_can_never_cover_the_certificate() -> None:
    """Whichever is first, and although its CRL no longer lists the certificate."""
    part, other = (distribution_point(full_name(uri(f"http://ca.example/{name}.crl"))) for name in "ab")
    crls = [
        LOWER.revoke(entry(1), extensions=[crl_number(1), other]),
        LOWER.revoke(extensions=[crl_number(2), other]),
        LOWER.revoke(next_update=NOW, extensions=[part]),
    ]
    client = _client(LOWER, crl_distribution_points(full_name(uri("http://ca.example/a.crl"))))
    for ordered in (crls, crls[::-1]):
        status = _lists(*ordered).status(client, NOW)
        assert (status.state, status.unknown_reason) == (UNKNOWN, STALE)


@pytest.mark.parametrize(
    ("crls", "check", "serial_numbers"),
    [
        ([], CrlCheck.CLIENT, [1]),
        ([LOWER_CRL], CrlCheck.CLIENT, []),
        ([LOWER_CRL, ROOT_CRL], CrlCheck.CLIENT, []),
        # Of the CA above that, there is only a CRL for users.
        ([LOWER_CRL, MIDDLE.revoke(extensions=[distribution_point(der.tagged(1, b"\xff"))])], CrlCheck.CLIENT, [8]),
        ([], CrlCheck.CHAIN, [1, 8, 7]),
        ([LOWER_CRL], CrlCheck.CHAIN, [8, 7]),
        ([LOWER_CRL, ROOT_CRL], CrlCheck.CHAIN, [8]),
    ],
)
def test_a_crl_is_missing_for_each_certificate_that_the_check_includes(
    crls: list[bytes], check: CrlCheck, serial_numbers: list[int]
) -> None:
    lists = _lists(*crls, check=check)
    links = [link for link in lists.required(lists.chains(_client()), NOW) if not lists.is_covered(link, NOW)]
    assert [link.serial_number for link in links] == serial_numbers


def test_a_crl_is_missing_for_a_ca_if_the_one_that_proves_it_good_is_no_longer_stored() -> None:
    """Its successor may have another name, and revoke the CA."""
    crls = (LOWER_CRL, MIDDLE_CRL)
    for not_stored, missing in ((), [1]), (crls, [1, 8]):
        locations = Locations(not_stored=frozenset(sha256(each).hexdigest() for each in not_stored))
        lists = _lists(*crls, locations=locations)
        assert [link.serial_number for link in lists.required(lists.chains(_client()), NOW)] == missing


def test_a_chain_must_end_at_a_self_signed_certificate_if_all_of_it_is_checked() -> None:
    for check, expected in (
        (CrlCheck.CLIENT, (GOOD, None)),
        (CrlCheck.CHAIN, (UNKNOWN, UnknownReason.INCOMPLETE_CHAIN)),
    ):
        status = _lists(LOWER_CRL, MIDDLE_CRL, truststore=NO_ROOT, check=check).status(_client(), NOW)
        assert (status.state, status.unknown_reason) == expected
    revoked = _lists(LOWER.revoke(entry(1)), truststore=NO_ROOT, check=CrlCheck.CHAIN).status(_client(), NOW)
    assert revoked.state is REVOKED


@pytest.mark.parametrize("check", CrlCheck)
def test_a_ca_that_is_listed_is_revoked_without_the_root_too(check: CrlCheck) -> None:
    lists = _lists(LOWER_CRL, MIDDLE.revoke(entry(8)), truststore=NO_ROOT, check=check)
    assert lists.status(_client(), NOW).state is REVOKED


@pytest.mark.parametrize("check", CrlCheck)
def test_a_ca_that_is_listed_in_one_of_several_chains_is_revoked_whether_or_not_that_chain_ends_at_a_root(
    check: CrlCheck,
) -> None:
    other_root = CertificateAuthority("Other root")
    other_middle = CertificateAuthority("Other middle", parent=other_root, serial_number=5)
    crossed = CertificateAuthority("Lower", key=LOWER.key, parent=other_middle, serial_number=6)
    truststore = read_truststore(ROOT.pem + MIDDLE.pem + LOWER.pem + other_middle.pem + crossed.pem)
    for listed, expected in ((6, REVOKED), (7, GOOD)):
        crls = (ROOT_CRL, MIDDLE_CRL, LOWER_CRL, other_middle.revoke(entry(listed)))
        assert _lists(*crls, truststore=truststore, check=check).status(_client(), NOW).state is expected


def test_a_ca_below_a_skipped_block_is_no_trust_anchor() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    truststore = read_truststore(broken + MIDDLE.pem + LOWER.pem)
    status = _lists(LOWER_CRL, MIDDLE_CRL, truststore=truststore, check=CrlCheck.CHAIN).status(_client(), NOW)
    assert (status.state, status.unknown_reason) == (UNKNOWN, UnknownReason.INCOMPLETE_CHAIN)


def test_a_ca_whose_crl_was_never_loaded_is_skipped_and_reported() -> None:
    assert _lists(LOWER_CRL).status(_client(), NOW).skipped_issuers == ("CN=Middle", "CN=Root")
    assert _lists(LOWER_CRL, ROOT_CRL).status(_client(), NOW).skipped_issuers == ("CN=Middle",)
    assert _lists(LOWER_CRL, MIDDLE_CRL, ROOT_CRL).status(_client(), NOW).skipped_issuers == ()


def test_a_crl_of_a_ca_that_issued_other_cas_is_one_of_a_superior_ca() -> None:
    assert [_lists(crl).has_list_of_superior_ca() for crl in (ROOT_CRL, MIDDLE_CRL, LOWER_CRL)] == [True, True, False]


def test_a_ca_whose_crl_was_loaded_once_is_not_skipped() -> None:
    ever_loaded = _lists(ROOT_CRL).issuers
    status = _lists(LOWER_CRL, ever_loaded=ever_loaded).status(_client(), NOW)
    assert (status.state, status.unknown_reason) == (UNKNOWN, NO_LIST)


def test_a_crl_proves_something_only_while_its_signer_is_valid() -> None:
    long_lived = CertificateAuthority("Long", not_after=NOW + 9 * DAY)
    other_certificate = CertificateAuthority("Long", key=long_lived.key, not_after=NOW + DAY, serial_number=1001)
    crl = long_lived.revoke(next_update=None)
    for cas, now, expected in (
        ((other_certificate,), NOW, (GOOD, None)),
        ((other_certificate,), NOW + DAY, (UNKNOWN, UnknownReason.NO_CHAIN)),
        ((other_certificate, long_lived), NOW + DAY, (GOOD, None)),
    ):
        truststore = read_truststore(b"".join(ca.pem for ca in cas))
        status = _lists(crl, truststore=truststore).status(_client(long_lived), now)
        assert (status.state, status.unknown_reason) == expected


def test_a_signer_that_has_expired_proves_nothing_while_the_chain_is_valid() -> None:
    # The certificate that may sign CRLs expires before the one that may sign certificates.
    issuing = CertificateAuthority("Two", extensions=[IS_A_CA, MAY_SIGN_CERTIFICATES])
    signing = CertificateAuthority(
        "Two", key=issuing.key, extensions=[IS_A_CA, MAY_SIGN_LISTS], not_after=NOW + DAY, serial_number=1001
    )
    truststore = read_truststore(issuing.pem + signing.pem)
    lists = _lists(issuing.revoke(entry(2), next_update=None), truststore=truststore)
    assert lists.status(_client(issuing), NOW).state is GOOD
    expired = lists.status(_client(issuing), NOW + DAY)
    assert (expired.state, expired.unknown_reason) == (UNKNOWN, UnknownReason.ISSUER_NOT_VALID)


EXEMPT_LOWER = frozenset({LOWER.signer})


@pytest.mark.parametrize(
    ("crls", "check", "expected"),
    [
        ([], CrlCheck.CLIENT, EXEMPT),
        ([ROOT_CRL, MIDDLE_CRL], CrlCheck.CHAIN, EXEMPT),
        ([ROOT_CRL], CrlCheck.CHAIN, UNKNOWN),
        ([LOWER.revoke(entry(1))], CrlCheck.CLIENT, REVOKED),
        ([STALE_LOWER_CRL], CrlCheck.CLIENT, EXEMPT),
        ([LOWER_CRL], CrlCheck.CLIENT, GOOD),
        ([ROOT.revoke(entry(7))], CrlCheck.CLIENT, REVOKED),
        ([STALE_ROOT_CRL], CrlCheck.CLIENT, UNKNOWN),
    ],
)
def test_an_exempt_issuer_needs_no_crl_but_its_revocations_and_those_above_apply(
    crls: list[bytes], check: CrlCheck, expected: RevocationState
) -> None:
    lists = _lists(*crls, check=check, exempt_issuers=EXEMPT_LOWER)
    status = lists.status(_client(), NOW)
    assert status.state is expected
    assert (lists.deny_reason(status) is None) is (expected in {GOOD, EXEMPT})


@pytest.mark.parametrize("algorithm", ["ECDSA with P-256", "RSA-PSS"])
def test_an_exempt_issuer_is_named_by_the_digest_of_any_encoding_of_its_key_in_the_truststore(algorithm: str) -> None:
    ca = CertificateAuthority(algorithm=ALGORITHMS[algorithm])
    for encoded in equal_encodings(ca.public_key):
        for extensions in ([IS_A_CA], [IS_NO_CA]):
            certificate = ca.issue(1000, subject=ca.name, public_key=encoded, extensions=extensions)
            truststore = read_truststore(OTHER.pem + pem(certificate).encode())
            client = PeerCertificate.from_der(certificate if extensions == [IS_NO_CA] else ca.issue(1))
            for digest, expected in ((sha256(encoded).hexdigest(), EXEMPT), (ca.signer, EXEMPT), ("0" * 64, UNKNOWN)):
                lists = _lists(truststore=truststore, exempt_issuers=frozenset({digest}))
                assert lists.status(client, NOW).state is expected


def test_a_certificate_that_merely_names_an_exempt_issuer_is_not_exempt() -> None:
    forged = CertificateAuthority("Lower")
    lists = _lists(exempt_issuers=EXEMPT_LOWER)
    assert lists.status(_client(forged), NOW).state is UNKNOWN
    assert lists.status(_client(MIDDLE), NOW).state is UNKNOWN


def _point(place: str) -> bytes:
    return full_name(uri(f"http://ca.example/{place}"))


NAMED = OTHER.revoke(entry(2), extensions=[distribution_point(_point("a"))])
NAMED_ALSO = OTHER.revoke(extensions=[distribution_point(_point("b"))])
AT_C = crl_distribution_points(_point("c"))


def test_a_crl_that_is_assumed_to_be_complete_covers_certificates_without_distribution_points_only() -> None:
    assumed = [frozenset({verify_crl(NAMED, EVERYBODY).identity})]
    for extensions, expected in (((), GOOD), ((AT_C,), UNKNOWN)):
        client = _client(OTHER, *extensions)
        assert _lists(NAMED).status(client, NOW).state is UNKNOWN
        assert _lists(NAMED, locations=Locations(assumed_complete=assumed)).status(client, NOW).state is expected
    unreadable = _client(OTHER, extension(CRL_DISTRIBUTION_POINTS, b"\xff"))
    assert _lists(NAMED, locations=Locations(assumed_complete=assumed)).status(unreadable, NOW).state is UNKNOWN


def test_each_of_several_crls_of_a_ca_decides_on_its_certificates_whatever_their_order() -> None:
    at_b = crl_distribution_points(_point("b"))
    for crls in ((NAMED, NAMED_ALSO), (NAMED_ALSO, NAMED)):
        assert _lists(*crls).status(_client(OTHER, at_b), NOW).state is GOOD
        assert _lists(*crls).status(_client(OTHER, AT_C), NOW).state is UNKNOWN
        listed_elsewhere = PeerCertificate.from_der(OTHER.issue(2, extensions=[at_b]))
        assert _lists(*crls).status(listed_elsewhere, NOW).state is REVOKED
        listed_anywhere = PeerCertificate.from_der(OTHER.issue(2, extensions=[AT_C]))
        assert _lists(*crls).status(listed_anywhere, NOW).state is REVOKED


def test_no_crl_is_assumed_to_be_complete_if_its_ca_has_another_one_with_another_name() -> None:
    assumed = [frozenset({verify_crl(NAMED, EVERYBODY).identity})]
    lists = _lists(NAMED, NAMED_ALSO, locations=Locations(assumed_complete=assumed))
    assert lists.status(_client(OTHER), NOW).state is UNKNOWN
    assert [issuer.key_fingerprint for issuer in lists.ambiguous] == [OTHER.signer]
    assert _lists(NAMED, NAMED_ALSO).ambiguous == frozenset()
    also = frozenset({verify_crl(NAMED_ALSO, EVERYBODY).identity})
    assert (
        _lists(NAMED, NAMED_ALSO, locations=Locations(assumed_complete=[*assumed, also]))
        .status(_client(OTHER), NOW)
        .state
        is UNKNOWN
    )
    # One after the other at one location: its CA has changed the name.
    renamed = _lists(NAMED, NAMED_ALSO, locations=Locations(assumed_complete=[assumed[0] | also]))
    assert renamed.status(_client(OTHER), NOW).state is GOOD
    assert renamed.ambiguous == frozenset()
    # What another CA has at another location does not matter.
    of_root = ROOT.revoke(extensions=[distribution_point(_point("root"))])
    locations = Locations(assumed_complete=[assumed[0] | also, frozenset({verify_crl(of_root, EVERYBODY).identity})])
    assert _lists(NAMED, NAMED_ALSO, of_root, locations=locations).ambiguous == frozenset()
    # For users and for CAs, with one name.
    of_cas = OTHER.revoke(extensions=[distribution_point(_point("a"), der.tagged(2, b"\xff"))])
    assert (
        _lists(NAMED, of_cas, locations=Locations(assumed_complete=assumed)).status(_client(OTHER), NOW).state is GOOD
    )


def test_a_crl_that_can_never_prove_a_certificate_good_does_not_cover_it() -> None:
    unknown = extension("1.2.3.4", der.integer(1), critical=True)
    defective = OTHER.revoke(this_update=NOW - DAY / 2, extensions=[crl_number(2), unknown])
    complete = OTHER.revoke(this_update=NOW - DAY, extensions=[crl_number(1)])
    [link] = _lists().required(_lists().chains(_client(OTHER)), NOW)
    assert not _lists(defective).is_covered(link, NOW)
    # Nor does one that proves nothing good at this time.
    later, earlier = (
        OTHER.revoke(this_update=NOW + days * DAY, next_update=NOW + days * DAY + DAY) for days in (1, -1)
    )
    for crl, days in ((later, 0), (later, 2), (earlier, 0)):
        assert not _lists(crl).is_covered(link, NOW + days * DAY)
    assert _lists(earlier, later).is_covered(link, NOW + DAY)
    assert _lists(defective).oldest_this_update == NOW - DAY / 2
    assert _lists(defective, complete).is_covered(link, NOW)
    # The age is that of the one that is used.
    assert _lists(defective, complete).oldest_this_update == NOW - DAY


@pytest.mark.parametrize(("limit", "listed"), [(1, False), (2, False), (None, False), (1, True)])
def test_neither_users_nor_cas_crls_cover_a_certificate_whose_basic_constraints_cannot_be_read(
    limit: int | None,
    listed: bool,  # noqa: FBT001 -- a table's column
) -> None:
    extensions = [] if limit is None else [distribution_point(der.tagged(limit, b"\xff"))]
    crl = OTHER.revoke(entry(1 if listed else 2), extensions=extensions)
    status = _lists(crl).status(_client(OTHER, extension(BASIC_CONSTRAINTS, b"\xff")), NOW)
    assert status.state is (REVOKED if listed else GOOD if limit is None else UNKNOWN)


def test_the_memory_for_relevant_lists_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtls_authorizer.revocation.lists_by_issuer._MAX_CACHED", 3)
    lists = _lists(LOWER.revoke(entry(2)))
    for serial_number in (1, 2, 3, 4, 5, 1, 2):
        client = PeerCertificate.from_pem(pem(LOWER.issue(serial_number)))
        assert lists.status(client, NOW).state is (REVOKED if serial_number == 2 else GOOD)
        assert len(lists._lists._relevant_groups) <= 3  # noqa: SLF001 -- the memory that it takes


@pytest.mark.parametrize("kind", ["URIs", "serial number"])
def test_a_certificate_with_long_names_takes_no_memory_for_its_relevant_lists(kind: str) -> None:
    lists = _lists(LOWER.revoke(entry(2)))
    extensions = [crl_distribution_points(full_name(uri("x" * 5000)))] if kind == "URIs" else []
    number = 2**50_000 if kind == "serial number" else 1
    for serial_number in (number, number + 1):
        client = PeerCertificate.from_pem(pem(LOWER.issue(serial_number, extensions=extensions)))
        assert lists.status(client, NOW).state is (REVOKED if serial_number == 2 else GOOD)
        assert not any(link.serial_number == serial_number for link in lists._lists._relevant_groups)  # noqa: SLF001 -- likewise
