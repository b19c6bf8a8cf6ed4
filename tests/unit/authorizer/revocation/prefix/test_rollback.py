"""What is remembered of lists that are no longer in memory."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.crl.retention import RolledBackList
from mtls_authorizer.revocation.prefix.rollback import NewestLists
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.kept_lists import CA, NOW, OTHER
from tests.partitions import partition

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

TRUSTSTORE = read_truststore(CA.pem + OTHER.pem)


def test_a_list_is_rolled_back_if_its_number_or_its_date_is_lower() -> None:
    newest = NewestLists()
    lists = {number: verify_crl(partition(3, number=number), TRUSTSTORE) for number in (1, 2, 3)}
    assert not newest.is_rolled_back(lists[2], NOW)
    newest.remember(lists[2], NOW)
    assert [newest.is_rolled_back(lists[number], NOW) for number in (1, 2, 3)] == [True, False, False]
    without_number = verify_crl(CA.revoke(this_update=NOW), TRUSTSTORE)
    newest.remember(without_number, NOW)
    assert not newest.is_rolled_back(without_number, NOW)
    # An older one that is loaded at the same time does not replace it.
    newest.remember(lists[1], NOW)
    assert newest.is_rolled_back(lists[1], NOW)
    # Those of other parts and CAs are others.
    for other in (partition(4), partition(3, ca=OTHER)):
        assert not newest.is_rolled_back(verify_crl(other, TRUSTSTORE), NOW)


def test_the_list_that_was_issued_last_is_the_latest_next_to_the_one_with_the_highest_number() -> None:
    newest = NewestLists()
    highest, lower = (verify_crl(partition(3, number=number), TRUSTSTORE) for number in (9, 8))
    first, last = (verify_crl(partition(3, number=number, this_update=NOW), TRUSTSTORE) for number in (1, 2))
    assert not newest.is_latest(last, [highest])
    newest.remember(highest, NOW)
    assert not newest.is_latest(highest, [highest])
    newest.remember(last, NOW)
    assert newest.is_latest(last, [last, highest])
    assert not newest.is_latest(last, [last, first, lower])
    assert [newest.is_latest(each, [highest]) for each in (highest, lower, first)] == [False, False, False]
    # It is not about those of other parts.
    assert not newest.is_latest(last, [verify_crl(partition(4, number=9), TRUSTSTORE)])


def test_the_newest_list_is_compared_and_replaced_in_one_step_for_threads() -> None:
    newest = NewestLists()
    lists = [verify_crl(partition(3, number=number), TRUSTSTORE) for number in (1, 2, 3)]
    newest.remember(lists[0], NOW)

    class Slow(RolledBackList):
        """A list that is being remembered when another thread remembers a newer one."""

        @property
        def next_update(self) -> datetime | None:
            # With the lock, the other thread waits until this one has finished.
            other.start()
            other.join(timeout=0.2)
            return self.original.next_update

        @next_update.setter
        def next_update(self, value: datetime | None) -> None:
            pass

    other = Thread(target=newest.remember, args=(lists[2], NOW))
    newest.remember(Slow(lists[1]), NOW)
    other.join()
    assert [newest.is_rolled_back(each, NOW) for each in lists] == [True, True, False]


def test_the_number_of_remembered_lists_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtls_authorizer.revocation.prefix.rollback.MAX_REMEMBERED", 2)
    newest = NewestLists()
    for part in range(3):
        newest.remember(verify_crl(partition(part, number=2), TRUSTSTORE), NOW)
    older = [verify_crl(partition(part), TRUSTSTORE) for part in range(3)]
    assert [newest.is_rolled_back(each, NOW) for each in older] == [False, True, True]


def test_a_list_that_was_rolled_back_has_its_entries_but_is_defective() -> None:
    revocation_list = verify_crl(partition(3, 5, 6, number=0x1A), TRUSTSTORE)
    rolled_back = RolledBackList(revocation_list)
    assert list(rolled_back.serial_numbers()) == [5, 6]
    assert rolled_back.is_revoked(5)
    assert not rolled_back.is_revoked(7)
    assert "number 1A" in str(rolled_back.defect)
    assert "older than the one that was in force" in str(rolled_back.defect)
