from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.crl.reader import read_crl
from mtls_authorizer.revocation.crl.scope import MOST_NAMES
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.locations import Locations
from mtls_authorizer.revocation.settings import CrlCheck, CrlFailureMode
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus, UnknownReason
from mtls_authorizer.revocation.truststore.bundle import Truststore, read_truststore
from tests.pki import der
from tests.pki.certificate_authorities import (
    CRL_DISTRIBUTION_POINTS,
    DAY,
    IS_A_CA,
    IS_NO_CA,
    MAY_SIGN_CERTIFICATES,
    NOW,
    CertificateAuthority,
    crl_number,
    distribution_point,
    entry,
    full_name,
)
from tests.pki.certificates import extension, name, pem, uri

if TYPE_CHECKING:
    from collections.abc import Iterable

GOOD, REVOKED, UNKNOWN, EXEMPT = RevocationState
SECOND = timedelta(seconds=1)

ROOT = CertificateAuthority("Root")
MIDDLE = CertificateAuthority("Middle", parent=ROOT, serial_number=7)
OTHER = CertificateAuthority("Other")
NAMESAKE = CertificateAuthority("Middle", parent=OTHER, serial_number=17)
EVERYBODY = read_truststore(ROOT.pem + MIDDLE.pem + OTHER.pem + NAMESAKE.pem)


def _client(authority: CertificateAuthority = MIDDLE, serial_number: int = 1) -> PeerCertificate:
    return PeerCertificate.from_pem(pem(authority.issue(serial_number)))


def _lists(
    *crls: bytes, truststore: Truststore = EVERYBODY, read_at: datetime = NOW, **options: object
) -> RevocationLists:
    lists = [read_crl(crl, truststore, read_at) for crl in crls]
    return RevocationLists(lists, truststore, **options)  # type: ignore[arg-type]


def _state(
    lists: RevocationLists, client: PeerCertificate, now: datetime = NOW
) -> tuple[RevocationState, UnknownReason | None]:
    status = lists.status(client, now)
    return status.state, status.unknown_reason


@pytest.mark.parametrize(
    ("crls", "expected"),
    [
        ([], (UNKNOWN, UnknownReason.NO_LIST)),
        ([ROOT.revoke()], (UNKNOWN, UnknownReason.NO_LIST)),
        ([NAMESAKE.revoke(entry(1))], (UNKNOWN, UnknownReason.NO_LIST)),
        ([OTHER.revoke(entry(1))], (UNKNOWN, UnknownReason.NO_LIST)),
        ([ROOT.revoke(entry(1))], (UNKNOWN, UnknownReason.NO_LIST)),
        ([MIDDLE.revoke()], (GOOD, None)),
        ([MIDDLE.revoke(entry(1))], (REVOKED, None)),
        ([MIDDLE.revoke(entry(7))], (GOOD, None)),
        ([MIDDLE.revoke(), NAMESAKE.revoke(entry(1))], (GOOD, None)),
        ([MIDDLE.revoke(entry(1)), NAMESAKE.revoke()], (REVOKED, None)),
        ([MIDDLE.revoke(), ROOT.revoke()], (GOOD, None)),
        ([MIDDLE.revoke(), ROOT.revoke(entry(1), entry(17))], (GOOD, None)),
        ([MIDDLE.revoke(), ROOT.revoke(entry(7))], (REVOKED, None)),
        ([MIDDLE.revoke(), ROOT.revoke(entry(1000))], (REVOKED, None)),
        ([ROOT.revoke(entry(7))], (REVOKED, None)),
        ([MIDDLE.revoke(), OTHER.revoke(entry(7), entry(1000))], (GOOD, None)),
        ([MIDDLE.revoke(issuer=name(("CN", "MIDDLE")))], (GOOD, None)),
    ],
)
def test_a_serial_number_is_looked_up_under_its_issuer_all_the_way_up(
    crls: list[bytes], expected: tuple[RevocationState, UnknownReason | None]
) -> None:
    for order in permutations(crls):
        assert _state(_lists(*order), _client()) == expected


def test_the_newest_of_several_lists_of_a_ca_decides() -> None:
    older, newer = MIDDLE.revoke(entry(1), this_update=NOW - 2 * DAY), MIDDLE.revoke(entry(2))
    for order in permutations([older, newer]):
        lists = _lists(*order)
        assert lists.status(_client(serial_number=1), NOW).state is GOOD
        assert lists.status(_client(serial_number=2), NOW).state is REVOKED


@pytest.mark.parametrize(
    ("now", "max_age", "expected"),
    [
        (NOW - DAY - SECOND, 0, (UNKNOWN, UnknownReason.NOT_YET_VALID)),
        (NOW - DAY - SECOND, 5, (UNKNOWN, UnknownReason.NOT_YET_VALID)),
        (NOW - DAY, 0, (GOOD, None)),
        (NOW + DAY - SECOND, 0, (GOOD, None)),
        (NOW + DAY, 0, (UNKNOWN, UnknownReason.STALE)),
        (NOW + DAY, 5, (GOOD, None)),
        (NOW + DAY + 4 * SECOND, 5, (GOOD, None)),
        (NOW + DAY + 5 * SECOND, 5, (UNKNOWN, UnknownReason.STALE)),
    ],
)
def test_a_list_proves_certificates_good_only_until_it_expires(
    now: datetime, max_age: int, expected: tuple[RevocationState, UnknownReason | None]
) -> None:
    for crls in ([MIDDLE.revoke()], [MIDDLE.revoke(), ROOT.revoke()]):
        assert _state(_lists(*crls, max_age=max_age * SECOND), _client(), now) == expected


def test_the_list_of_a_ca_that_may_no_longer_sign_lists_proves_nothing_good_and_still_revokes() -> None:
    lists = [read_crl(crl, EVERYBODY, NOW) for crl in (MIDDLE.revoke(entry(1)), ROOT.revoke())]
    renewed = ROOT.issue(subject=MIDDLE.name, public_key=MIDDLE.public_key, extensions=[IS_A_CA, MAY_SIGN_CERTIFICATES])
    truststore = read_truststore(ROOT.pem + pem(renewed).encode())
    in_force = RevocationLists(lists, truststore)

    assert _state(in_force, _client(serial_number=1)) == (REVOKED, None)
    assert _state(in_force, _client(serial_number=2)) == (UNKNOWN, UnknownReason.NO_LIST)


def test_the_last_list_that_became_stale_is_known() -> None:
    ends = NOW + DAY, NOW + DAY + 3 * SECOND
    crls = (ca.revoke(next_update=end) for ca, end in zip((MIDDLE, ROOT), ends, strict=True))
    lists = _lists(*crls, max_age=timedelta(seconds=5))
    stale_from = ends[0] + 5 * SECOND
    found = {seconds: lists.stale_since(stale_from + seconds * SECOND) for seconds in (-1, 0, 2, 3, 99)}
    assert found == {-1: None, 0: ends[0], 2: ends[0], 3: ends[1], 99: ends[1]}


def test_a_list_without_an_end_is_never_stale() -> None:
    assert _state(_lists(MIDDLE.revoke(next_update=None)), _client(), NOW + 99 * DAY) == (GOOD, None)


@pytest.mark.parametrize("days", [-2, 0, 2])
def test_a_revoked_certificate_is_revoked_whatever_the_age_of_the_list(days: int) -> None:
    for crls in ([MIDDLE.revoke(entry(1))], [MIDDLE.revoke(), ROOT.revoke(entry(7))]):
        lists = _lists(*crls, failure_mode=CrlFailureMode.ALLOW)
        status = lists.status(_client(), NOW + days * DAY)
        assert status.state is REVOKED
        assert lists.deny_reason(status) is DenyReason.CERTIFICATE_REVOKED


@pytest.mark.parametrize(
    ("state", "mode", "reason"),
    [
        (GOOD, CrlFailureMode.DENY, None),
        (REVOKED, CrlFailureMode.DENY, DenyReason.CERTIFICATE_REVOKED),
        (UNKNOWN, CrlFailureMode.DENY, DenyReason.REVOCATION_STATUS_UNKNOWN),
        (EXEMPT, CrlFailureMode.DENY, None),
        (GOOD, CrlFailureMode.ALLOW, None),
        (REVOKED, CrlFailureMode.ALLOW, DenyReason.CERTIFICATE_REVOKED),
        (UNKNOWN, CrlFailureMode.ALLOW, None),
        (EXEMPT, CrlFailureMode.ALLOW, None),
    ],
)
def test_only_an_unknown_status_may_be_allowed(
    state: RevocationState, mode: CrlFailureMode, reason: DenyReason | None
) -> None:
    lists = RevocationLists([], EVERYBODY, failure_mode=mode)
    assert lists.deny_reason(RevocationStatus(state)) is reason


def test_an_unknown_status_is_denied_by_default() -> None:
    assert RevocationLists([], EVERYBODY).deny_reason(RevocationStatus(UNKNOWN)) is not None


@pytest.mark.parametrize(
    "client",
    [
        _client(CertificateAuthority("Middle")),
        _client(CertificateAuthority("Stranger")),
        PeerCertificate.from_pem(pem(MIDDLE.issue(1, issuer=OTHER.name))),
    ],
)
def test_the_status_of_a_certificate_that_no_ca_has_signed_is_unknown(client: PeerCertificate) -> None:
    assert _state(_lists(MIDDLE.revoke(), OTHER.revoke()), client) == (UNKNOWN, UnknownReason.NO_CHAIN)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOW - 1000 * DAY - SECOND, (UNKNOWN, UnknownReason.NO_CHAIN)),
        (NOW - 1000 * DAY, (GOOD, None)),
        (NOW, (GOOD, None)),
        (NOW + 1000 * DAY - SECOND, (GOOD, None)),
        (NOW + 1000 * DAY, (UNKNOWN, UnknownReason.NO_CHAIN)),
    ],
)
def test_a_chain_is_used_only_while_its_authorities_are_valid(
    now: datetime, expected: tuple[RevocationState, UnknownReason | None]
) -> None:
    crl = MIDDLE.revoke(this_update=NOW - 2000 * DAY, next_update=None)
    assert _state(_lists(crl), _client(), now) == expected


def test_every_chain_that_is_valid_must_be_good() -> None:
    crossed = CertificateAuthority("Middle", key=MIDDLE.key, parent=OTHER, serial_number=9, not_after=NOW + DAY)
    truststore = read_truststore(ROOT.pem + MIDDLE.pem + OTHER.pem + crossed.pem)
    crls: Iterable[bytes] = [MIDDLE.revoke(next_update=None), OTHER.revoke(entry(9)), ROOT.revoke(next_update=None)]
    lists = _lists(*crls, truststore=truststore)
    assert _state(lists, _client()) == (REVOKED, None)
    # Then the certificate that was revoked is no longer valid either.
    assert _state(lists, _client(), NOW + DAY) == (GOOD, None)


def test_a_status_names_its_list() -> None:
    middle, root = MIDDLE.revoke(extensions=[crl_number(0xAB)]), ROOT.revoke(next_update=NOW + SECOND)
    lists = _lists(middle, root)
    good = lists.status(_client(), NOW)
    assert good.details(NOW) == {"crl_issuer": "CN=Middle", "crl_number": "AB", "crl_age_seconds": 86400}
    skipped = _lists(middle).status(_client(), NOW)
    assert skipped.details(NOW)["crl_skipped_issuers"] == ["CN=Root"]
    stale = lists.status(_client(), NOW + SECOND)
    assert (stale.state, stale.unknown_reason) == (UNKNOWN, UnknownReason.STALE)
    assert stale.details(NOW + SECOND) == {"crl_issuer": "CN=Root", "crl_age_seconds": 86401}
    revoked = _lists(middle, ROOT.revoke(entry(7))).status(_client(), NOW)
    assert revoked.details(NOW)["crl_issuer"] == "CN=Root"
    for crls, missing in (([], "CN=Middle"), ([middle], "CN=Root")):
        status = _lists(*crls, check=CrlCheck.CHAIN).status(_client(), NOW)
        assert status.unknown_reason is UnknownReason.NO_LIST
        assert status.details(NOW) == {"crl_issuer": missing}


@pytest.mark.parametrize(
    ("crl", "now"),
    [
        (MIDDLE.revoke(entry(1)), NOW),
        (ROOT.revoke(entry(7)), NOW),
        (ROOT.revoke(entry(1000)), NOW),
        # No chain is valid any more.
        (MIDDLE.revoke(entry(1)), NOW + 1001 * DAY),
    ],
    ids=["client", "intermediate CA", "root", "without a valid chain"],
)
def test_a_revoked_status_has_the_list_that_revokes_and_its_location(crl: bytes, now: datetime) -> None:
    read = [read_crl(each, EVERYBODY, NOW) for each in (OTHER.revoke(), crl)]
    locations = Locations({each.digest: f"file:///{number}.crl" for number, each in enumerate(read)})
    status = RevocationLists(read, EVERYBODY, locations=locations).status(_client(), now)
    assert (status.state, status.revocation_list) == (REVOKED, read[1])
    assert status.details(now)["crl_uri"] == "file:///1.crl"


def test_an_issuers_name_is_logged_without_control_characters() -> None:
    hostile = CertificateAuthority(subject=name(("CN", "a\n\x1b")))
    truststore = read_truststore(hostile.pem)
    status = _lists(hostile.revoke(), truststore=truststore).status(_client(hostile), NOW)
    assert str(status.details(NOW)["crl_issuer"]).isprintable()


def test_chains_are_found_once_and_kept_for_other_lists_and_times() -> None:
    chains = _lists().chains(_client())
    assert _lists(MIDDLE.revoke()).status_at(chains, NOW).state is GOOD
    assert _lists(MIDDLE.revoke(entry(1))).status_at(chains, NOW).state is REVOKED
    assert _lists(MIDDLE.revoke()).status_at(chains, NOW + DAY).state is UNKNOWN


def test_an_error_in_a_lookup_is_not_taken_for_an_answer() -> None:
    def raise_error(serial_number: int) -> bool:
        raise OSError(serial_number)

    broken = read_crl(MIDDLE.revoke(), EVERYBODY, NOW)._replace(is_revoked=raise_error)
    lists = RevocationLists([broken], EVERYBODY, failure_mode=CrlFailureMode.ALLOW)
    with pytest.raises(OSError, match="1"):
        lists.status(_client(), NOW)


def test_without_a_truststore_the_status_is_unknown_for_that_reason() -> None:
    assert _state(_lists(truststore=Truststore(())), _client()) == (UNKNOWN, UnknownReason.NO_TRUSTSTORE)
    assert _state(_lists(truststore=read_truststore(OTHER.pem)), _client()) == (UNKNOWN, UnknownReason.NO_CHAIN)


def test_a_clients_self_signed_certificate_in_the_truststore_can_be_exempt() -> None:
    own = CertificateAuthority("Own", extensions=[IS_NO_CA])
    client = PeerCertificate.from_pem(own.pem.decode())
    truststore = read_truststore(ROOT.pem + own.pem)
    for check in CrlCheck:
        for exempt, expected in (("", (UNKNOWN, UnknownReason.NO_LIST)), (own.signer, (EXEMPT, None))):
            lists = _lists(ROOT.revoke(), truststore=truststore, check=check, exempt_issuers=frozenset({exempt}))
            assert _state(lists, client) == expected
            # Nobody else has signed with its key, and it expires.
            assert _state(lists, _client(own)) == (UNKNOWN, UnknownReason.NO_CHAIN)
            assert _state(lists, client, NOW + 1000 * DAY) == (UNKNOWN, UnknownReason.NO_CHAIN)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        # Bits 1 to 8, with and without bit 0, which is unused.
        (b"\7\x7f\x80", (GOOD, None)),
        (b"\0\xff\xff", (GOOD, None)),
        # Without the last one, the first one, and the two that X.509 of 1997 lacks.
        (b"\0\xff", (UNKNOWN, UnknownReason.NOT_COVERED)),
        (b"\7\xbf\x80", (UNKNOWN, UnknownReason.NOT_COVERED)),
        (b"\1\x7e", (UNKNOWN, UnknownReason.NOT_COVERED)),
    ],
)
def test_a_distribution_point_that_lists_all_reasons_is_like_one_without_reasons(
    reasons: bytes, expected: tuple[RevocationState, UnknownReason | None]
) -> None:
    points = der.sequence(der.sequence(full_name(uri(b"x:a")), der.tagged(1, reasons)))
    client = PeerCertificate.from_der(MIDDLE.issue(1, extensions=[extension(CRL_DISTRIBUTION_POINTS, points)]))
    for extensions in ([], [distribution_point(full_name(uri(b"x:a")))]):
        assert _state(_lists(MIDDLE.revoke(extensions=extensions)), client) == expected


def test_a_distribution_point_for_some_reasons_names_no_crl_that_covers_the_certificate() -> None:
    for_reasons, for_all = (full_name(uri(each)) for each in (b"x:a", b"x:b"))
    points = der.sequence(der.sequence(for_reasons, der.tagged(1, b"\1\x7e")), der.sequence(for_all))
    issued = MIDDLE.issue(1, extensions=[extension(CRL_DISTRIBUTION_POINTS, points)])
    client = PeerCertificate.from_pem(pem(issued))
    for point, expected in ((for_reasons, (UNKNOWN, UnknownReason.NOT_COVERED)), (for_all, (GOOD, None))):
        assert _state(_lists(MIDDLE.revoke(extensions=[distribution_point(point)])), client) == expected


def _point(number: int) -> bytes:
    return der.sequence(full_name(uri(f"x:{number}")))


OF_ISSUER = der.tagged(2, der.tagged(4, MIDDLE.name, constructed=True), constructed=True)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([*map(_point, range(1, MOST_NAMES)), _point(0)], (GOOD, None)),
        ([*map(_point, range(MOST_NAMES + 1))], (GOOD, None)),
        ([*map(_point, range(1, MOST_NAMES + 1)), _point(0)], (UNKNOWN, UnknownReason.NOT_COVERED)),
        (
            [der.sequence(full_name(*[uri(f"x:{number}") for number in range(MOST_NAMES, -1, -1)]))],
            (UNKNOWN, UnknownReason.NOT_COVERED),
        ),
        ([*[der.sequence(OF_ISSUER)] * MOST_NAMES, _point(0)], (GOOD, None)),
    ],
    ids=["most", "one of the first", "the last", "the last of a point", "after issuers"],
)
def test_of_many_names_of_distribution_points_the_first_ones_are_used(
    points: list[bytes], expected: tuple[RevocationState, UnknownReason | None]
) -> None:
    issued = MIDDLE.issue(1, extensions=[extension(CRL_DISTRIBUTION_POINTS, der.sequence(*points))])
    client = PeerCertificate.from_der(issued)
    partial = [distribution_point(full_name(uri("x:0")))]
    assert _state(_lists(MIDDLE.revoke(extensions=partial)), client) == expected
    assert _state(_lists(MIDDLE.revoke()), client) == (GOOD, None)
    for extensions in ([], partial):
        assert _state(_lists(MIDDLE.revoke(entry(1), extensions=extensions)), client) == (REVOKED, None)
