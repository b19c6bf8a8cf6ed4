"""What is remembered of lists that are no longer in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.crl.rejection import CrlRejection
from mtls_authorizer.revocation.succession.dropped import DroppedLists
from mtls_authorizer.revocation.succession.retention import MAX_RETAINED_LISTS
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.pki.certificate_authorities import DAY, IS_DELTA, crl_number
from tests.pki.certificates import extension
from tests.pki.kept_lists import CA, MINUTE, NOW, OTHER
from tests.pki.partitions import partition

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList

TRUSTSTORE = read_truststore(CA.pem + OTHER.pem)


def of_part(
    number: int, part: int = 3, *, this_update: datetime | None = None, next_update: datetime = NOW + DAY
) -> RevocationList:
    content = partition(part, number=number, this_update=this_update, next_update=next_update)
    return verify_crl(content, TRUSTSTORE)


def evict(*lists: RevocationList) -> DroppedLists:
    evicted = DroppedLists(timedelta(0))
    for each in lists:
        evicted.evict([each], NOW)
    return evicted


def rolled_back(evicted: DroppedLists, *lists: RevocationList, now: datetime = NOW) -> list[bool]:
    """Return which of some lists in memory prove nothing good, although they have no defect."""
    checked = evicted.check([("file:///crl/3.crl", each) for each in lists], now)
    return [each.defect is not None and each.defect.rejection is CrlRejection.ROLLED_BACK for each in checked]


def test_a_list_is_rolled_back_if_its_number_or_its_date_is_lower() -> None:
    one, two, three = (of_part(number) for number in (1, 2, 3))
    earlier, lower = of_part(9, this_update=NOW - 2 * DAY), of_part(1, this_update=NOW)
    for evicted in (evict(two), evict(two, one), evict(one, two), evict(two, two)):
        assert [rolled_back(evicted, each) for each in (one, two, three, earlier, lower)] == [
            [True],
            [False],
            [False],
            [True],
            [True],
        ]
    assert rolled_back(DroppedLists(timedelta(0)), one) == [False]
    without_number = verify_crl(CA.revoke(this_update=NOW), TRUSTSTORE)
    assert rolled_back(evict(without_number), without_number) == [False]
    # Those of other parts and CAs are others.
    others = [of_part(1, 4), verify_crl(partition(3, ca=OTHER), TRUSTSTORE)]
    assert rolled_back(evict(two), one, *others) == [True, False, False]


def test_a_list_is_not_rolled_back_while_one_that_is_as_new_as_the_evicted_one_is_in_memory() -> None:
    one, two, three = (of_part(number) for number in (1, 2, 3))
    assert rolled_back(evict(two), one, two) == [False, False]
    assert rolled_back(evict(two), one, three) == [False, False]
    assert rolled_back(evict(three), one, two) == [True, True]
    # That it was rolled back does not matter: it revokes.
    assert rolled_back(evict(two), one, two.rolled_back()) == [False, True]


def test_a_list_is_not_rolled_back_while_the_evicted_delta_crl_is_in_memory() -> None:
    def changes(number: int) -> RevocationList:
        content = CA.revoke(this_update=NOW - DAY + number * MINUTE, extensions=[crl_number(number), IS_DELTA])
        return verify_crl(content, TRUSTSTORE)

    complete = [verify_crl(partition(None, number=number), TRUSTSTORE) for number in (1, 2, 3)]
    assert [rolled_back(evict(changes(2)), each) for each in complete] == [[True], [False], [False]]
    for number, is_rolled_back in ((1, True), (2, False), (3, False)):
        assert rolled_back(evict(changes(2)), complete[0], changes(number)) == [is_rolled_back, False]
    # It need not contain what a complete one does.
    for evicted in (evict(complete[1]), evict(complete[1], changes(9)), evict(changes(9), complete[1])):
        assert rolled_back(evicted, complete[0], changes(9)) == [True, False]
    assert rolled_back(evict(complete[1], changes(9)), complete[1]) == [True]
    assert rolled_back(evict(changes(2), complete[1]), complete[1]) == [False]


def test_a_list_that_need_not_contain_what_a_dropped_one_revokes_does_not_take_its_place() -> None:
    unknown = extension("1.2.3", b"", critical=True)
    content = CA.revoke(this_update=NOW, extensions=[crl_number(9), unknown])
    one, two = (verify_crl(partition(None, number=number), TRUSTSTORE) for number in (1, 2))
    limited = verify_crl(content, TRUSTSTORE)
    assert rolled_back(evict(two), one, limited) == [True, False]
    assert rolled_back(evict(limited), one, limited) == [False, False]


def test_of_two_evicted_lists_of_which_each_is_newer_both_are_remembered() -> None:
    highest, latest = of_part(9), of_part(2, this_update=NOW)
    between = of_part(8, this_update=NOW - MINUTE)
    for evicted in (evict(highest, latest), evict(latest, highest)):
        assert [rolled_back(evicted, each) for each in (highest, latest, between)] == [[True], [True], [True]]
        assert rolled_back(evicted, highest, latest, between) == [False, False, False]
        evicted.evict([of_part(10, this_update=NOW)], NOW)
        assert [rolled_back(evicted, each) for each in (highest, latest)] == [[True], [True]]
        assert rolled_back(evicted, of_part(10, this_update=NOW)) == [False]


def test_lists_that_replace_each_other_do_not_displace_one_with_a_higher_number() -> None:
    dates = [NOW - timedelta(hours=1) + number * MINUTE for number in range(MAX_RETAINED_LISTS + 1)]
    restarted = [of_part(number, this_update=date) for number, date in enumerate(dates, start=1)]
    evicted = evict(of_part(99), *restarted)
    assert rolled_back(evicted, of_part(98, this_update=NOW)) == [True]
    assert rolled_back(evicted, of_part(99, this_update=NOW)) == [False]


def test_a_lower_number_does_not_matter_after_the_evicted_list_has_expired() -> None:
    lower = of_part(2, this_update=NOW)
    evicted = evict(of_part(9, next_update=NOW + MINUTE))
    assert evicted.count_expired(NOW + DAY) == 0
    assert rolled_back(evicted, lower) == [True]
    assert [evicted.count_expired(NOW + age) for age in (timedelta(0), MINUTE, MINUTE)] == [0, 1, 1]
    assert rolled_back(evicted, lower, now=NOW + MINUTE) == [False]
    # An earlier date does, and the same one, which no restart explains.
    assert rolled_back(evicted, of_part(8), now=NOW + DAY) == [True]
    same_date = evict(of_part(9, this_update=NOW, next_update=NOW + MINUTE))
    assert rolled_back(same_date, lower, now=NOW + DAY) == [True]
    assert evicted.count_expired(NOW + DAY) == 1


def test_an_expiry_is_counted_although_a_check_has_noticed_it_before() -> None:
    lower = of_part(2, this_update=NOW)
    evicted = evict(of_part(9, next_update=NOW + MINUTE))
    assert [rolled_back(evicted, lower, now=NOW + age) for age in (timedelta(0), MINUTE, MINUTE)] == [
        [True],
        [False],
        [False],
    ]
    assert evicted.count_expired(NOW + MINUTE) == 1


def test_the_expiry_of_an_evicted_list_that_no_list_in_memory_is_compared_with_changes_nothing() -> None:
    evicted = evict(of_part(9, next_update=NOW + MINUTE))
    assert rolled_back(evicted, of_part(2, this_update=NOW)) == [True]
    assert rolled_back(evicted, of_part(10, this_update=NOW)) == [False]
    assert evicted.count_expired(NOW + DAY) == 0


def test_a_list_is_reported_once_until_it_is_no_longer_rolled_back(caplog: pytest.LogCaptureFixture) -> None:
    evicted, older, same = evict(of_part(2)), of_part(1), of_part(2)
    for _ in range(2):
        caplog.clear()
        rolled_back(evicted, older)
        rolled_back(evicted, older)
        assert [record.getMessage() for record in caplog.records] == ["revocation list not used"]
        rolled_back(evicted, older, same)
    fields = caplog.records[0].__dict__
    assert (fields["document"], fields["uri"]) == ("crl", "file:///crl/3.crl")
    assert "number 1," in fields["error"]


def test_a_list_that_is_not_valid_yet_is_not_remembered() -> None:
    assert rolled_back(evict(of_part(2, this_update=NOW + MINUTE)), of_part(1)) == [False]
    assert rolled_back(evict(of_part(2, this_update=NOW)), of_part(1)) == [True]


def test_the_number_of_remembered_lists_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtls_authorizer.revocation.succession.dropped.MAX_REMEMBERED", 2)
    evicted = evict(*(of_part(2, part) for part in (0, 1, 0, 2)))
    assert rolled_back(evicted, *(of_part(1, part) for part in range(3))) == [True, False, True]
    restarted = [of_part(9 - days, this_update=NOW - 9 * DAY + days * DAY) for days in range(MAX_RETAINED_LISTS + 1)]
    assert rolled_back(evict(*restarted), of_part(8, this_update=NOW)) == [False]
    assert rolled_back(evict(*restarted), of_part(7, this_update=NOW)) == [True]


def test_a_list_that_was_rolled_back_has_its_entries_but_is_defective() -> None:
    revocation_list = verify_crl(partition(3, 5, 6, number=0x1A), TRUSTSTORE)
    rolled_back = revocation_list.rolled_back()
    assert [number for number in range(10) if rolled_back.is_revoked(number)] == [5, 6]
    assert rolled_back.defect is not None
    assert rolled_back.defect.rejection is CrlRejection.ROLLED_BACK
    assert "number 1A" in str(rolled_back.defect)


def displace(*lists: RevocationList, now: datetime = NOW) -> DroppedLists:
    """Return what is remembered of lists that were in memory one after the other."""
    dropped = DroppedLists(timedelta(0))
    for each in (*lists, None):
        dropped.check([] if each is None else [("file:///crl/3.crl", each)], now)
    return dropped


def test_a_list_that_is_no_longer_in_memory_at_the_next_check_is_remembered() -> None:
    one, two = of_part(1), of_part(2)
    assert rolled_back(displace(two), one, of_part(3)) == [False, False]
    assert rolled_back(displace(two), one) == [True]
    # While it is in memory at one place, it does not matter that it left another one.
    dropped = DroppedLists(timedelta(0))
    dropped.check([("file:///crl/3.crl", two), ("file:///copy.crl", two)], NOW)
    assert rolled_back(dropped, one, two) == [False, False]
    assert rolled_back(dropped, one) == [True]


def test_of_a_displaced_list_that_was_not_valid_yet_no_list_with_a_higher_number_is_older() -> None:
    premature = of_part(5, this_update=NOW + MINUTE, next_update=NOW + 2 * MINUTE)
    lower, equal, higher = (of_part(number) for number in (4, 5, 6))
    without_number = verify_crl(CA.revoke(this_update=NOW - DAY), TRUSTSTORE)
    premature_without = verify_crl(CA.revoke(this_update=NOW + MINUTE), TRUSTSTORE)
    for now in (NOW, NOW + DAY):
        found = [rolled_back(displace(premature), each, now=now) for each in (lower, equal, higher)]
        assert found == [[True], [True], [False]]
        assert rolled_back(displace(premature), lower, premature, now=now) == [False, False]
        assert rolled_back(displace(premature_without), without_number, now=now) == [True]
    # One whose time had come is regarded as any other.
    assert rolled_back(displace(premature, now=NOW + MINUTE), higher, now=NOW + MINUTE) == [True]


def test_a_displaced_list_that_was_not_valid_yet_does_not_take_the_place_of_one_that_was() -> None:
    valid, premature = of_part(3, this_update=NOW - MINUTE), of_part(5, this_update=NOW + MINUTE)
    higher = of_part(6, this_update=NOW - 2 * MINUTE)
    for dropped in (displace(valid, premature), displace(premature, valid)):
        assert rolled_back(dropped, higher) == [True]
        assert rolled_back(dropped, of_part(4, this_update=NOW)) == [True]
        assert rolled_back(dropped, of_part(6, this_update=NOW)) == [False]


def test_an_evicted_list_that_was_not_valid_yet_is_not_remembered_by_the_next_check() -> None:
    premature = of_part(2, this_update=NOW + MINUTE)
    dropped = DroppedLists(timedelta(0))
    dropped.check([("file:///crl/3.crl", premature)], NOW)
    dropped.evict([premature], NOW)
    assert rolled_back(dropped, of_part(1)) == [False]
