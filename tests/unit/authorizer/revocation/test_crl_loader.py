"""The revocation list in force: that of the index or of the CRL, the new one or the previous one."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.revocation.crl.encoding import crl_digest
from mtls_authorizer.revocation.crl_loader import CrlLoader, CrlObject
from mtls_authorizer.revocation.succession.retention import MAX_RETAINED_LISTS
from mtls_authorizer.stores.store import Store, StoreError, too_large
from tests.pki import der
from tests.pki.certificate_authorities import DAY, DELTA_CRL_INDICATOR, crl_number, distribution_point, entry, full_name
from tests.pki.certificates import extension, uri
from tests.pki.kept_lists import (
    CA,
    EMPTY,
    EVERYBODY,
    FIRST,
    FUTURE,
    GOOD_SERIAL,
    HTML,
    MINUTE,
    NAMESAKE,
    NEXT_SERIAL,
    NOW,
    OTHER,
    REVOKED,
    REVOKED_SERIAL,
    SECOND,
    STALE,
    UNKNOWN,
    EventAuthorizer,
    Memory,
    Source,
    authority,
    crl,
    index_of,
    make_authorizer,
    make_live,
    settings,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tests.pki.certificate_authorities import CertificateAuthority


@pytest.fixture
def storage() -> Memory:
    memory = Memory()
    memory.put("truststore.pem", CA.pem + OTHER.pem)
    return memory


def trusted_besides(storage: Memory, number: int) -> list[CertificateAuthority]:
    """Return other CAs, which are in the truststore besides the first one."""
    others = [authority(f"Other {each}") for each in range(number)]
    storage.put("truststore.pem", b"".join(each.pem for each in (CA, *others)))
    return others


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, logger="mtls_authorizer")
    return caplog


def warnings(log: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return the levels and messages of all records, and forget them."""
    found = [(record.levelname, record.getMessage()) for record in log.records]
    for fields in map(vars, log.records):
        if fields["message"] in {"revocation index not used", "revocation list not used"}:
            assert ("index" in fields["message"]) is fields["uri"].endswith(".index")
            assert fields["error"] != "None"
    log.clear()
    return found


INDEX_NOT_USED = ("WARNING", "revocation index not used")
LIST_NOT_USED = ("WARNING", "revocation list not used")
FAILED = ("ERROR", "document refresh failed")


def _damaged(index: bytes) -> bytes:
    return index[:-1] + bytes([index[-1] ^ 1])


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"garbage",
        HTML,
        index_of(FIRST)[:-1],
        index_of(FIRST) + b"\0",
        _damaged(index_of(FIRST)),
        index_of(FIRST).replace(b"\0\1", b"\0\2", 1),
        FIRST,
        index_of(crl(9, ca=NAMESAKE)),
        index_of(FUTURE),
        index_of(STALE),
    ],
    ids=[
        *("empty", "garbage", "HTML", "truncated", "longer", "damaged", "of another version", "a CRL"),
        *("of another key", "not yet valid", "stale"),
    ],
)
def test_the_crl_is_used_if_its_index_is_rejected(storage: Memory, log: pytest.LogCaptureFixture, index: bytes) -> None:
    # The CRL is older than the index: what is asked for isn't only what is newer.
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index)
    source = Source(storage)
    assert source.in_force == "crl 2 3"
    assert source.refresh() == "crl 2 3"
    # A stale one counts until the CRL is read, which is fresh.
    assert set(warnings(log)) <= {INDEX_NOT_USED}


def test_an_index_of_another_ca_does_not_replace_a_list_in_force(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    for _ in range(2):
        storage.put("ca.crl.index", index_of(crl(9, ca=OTHER)))
        assert source.refresh() == "crl 2"
    assert warnings(log) == [INDEX_NOT_USED] * 2


def test_a_crl_is_used_from_its_upload_until_it_is_indexed(storage: Memory, log: pytest.LogCaptureFixture) -> None:
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(FIRST))
    source = Source(storage)
    assert source.in_force == "index 2"
    storage.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"
    assert warnings(log) == []
    # For as long as the indexer fails, and that is to be seen.
    for _ in range(2):
        storage.requests.clear()
        assert source.refresh() == "crl 2 3"
        assert warnings(log) == [INDEX_NOT_USED]
    # The CRL is not read again for an index that was seen before.
    assert storage.requests[-2:] == [("ca.crl.index", True), ("ca.crl", False)]
    # Likewise where the function starts then.
    assert Source(storage).in_force == "crl 2 3"
    assert warnings(log) == [INDEX_NOT_USED]
    storage.put("ca.crl.index", index_of(SECOND))
    assert source.refresh() == "index 2 3"
    assert warnings(log) == []


@pytest.mark.parametrize("steps", [["crl"], ["index"], ["crl", "index"], ["index", "crl"]])
def test_an_older_list_never_replaces_a_newer_one_whether_crl_or_index(storage: Memory, steps: list[str]) -> None:
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index_of(SECOND))
    source = Source(storage)
    for step in steps:
        storage.put(*{"crl": ("ca.crl", FIRST), "index": ("ca.crl.index", index_of(EMPTY))}[step])
        assert str(source.refresh()).endswith(" 2 3")
    storage.remove("ca.crl.index")
    storage.put("ca.crl", EMPTY)
    assert str(source.refresh()).endswith(" 2 3")
    assert source.crl.failures > 0


@pytest.mark.parametrize("has_index", [True, False])
def test_a_list_shares_the_name_of_its_ca_with_the_truststore(storage: Memory, *, has_index: bool) -> None:
    storage.put("ca.crl", FIRST)
    if has_index:
        storage.put("ca.crl.index", index_of(FIRST))
    source = Source(storage)
    assert source.in_force == f"{'index' if has_index else 'crl'} 2"
    truststore = source._truststore.value  # noqa: SLF001 -- the memory that it takes
    assert truststore is not None
    assert source.crl.value is not None
    assert source.crl.value[0].identity.issuer.name is truststore.authorities[0].identity.name


def test_an_older_index_never_replaces_the_crl(storage: Memory) -> None:
    storage.put("ca.crl", SECOND)
    source = Source(storage)
    storage.put("ca.crl.index", index_of(FIRST))
    assert source.refresh() == "crl 2 3"
    storage.remove("ca.crl")
    assert source.refresh() == "crl 2 3"
    assert source.crl.failures == 1


def test_a_start_uses_the_newer_of_crl_and_index_even_if_the_older_was_stored_later(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl.index", index_of(SECOND))
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    assert source.in_force == "index 2 3"
    assert warnings(log) == [LIST_NOT_USED]
    assert source.refresh() == "index 2 3"
    assert warnings(log) == [FAILED]


def test_a_start_uses_the_index_of_a_newer_crl_also_within_the_maximum_age(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl.index", index_of(STALE))
    storage.put("ca.crl", EMPTY)
    authorizer = EventAuthorizer(make_live(storage, settings(storage, CRL_MAX_AGE_SECONDS="86400")))
    assert authorizer.deny_reasons() == [None, REVOKED, None]
    found = warnings(log)
    assert LIST_NOT_USED in found
    assert INDEX_NOT_USED not in found


@pytest.mark.parametrize(
    ("older", "newer", "number"),
    [
        (crl(0x1A), crl(0x1B), "1B"),
        (
            CA.revoke(this_update=NOW - DAY, next_update=NOW + DAY),
            CA.revoke(this_update=NOW - MINUTE, next_update=NOW + DAY),
            "none",
        ),
    ],
)
def test_the_number_of_the_indexed_crl_is_logged_in_hexadecimal(
    older: bytes, newer: bytes, number: str, storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl.index", index_of(newer))
    storage.put("ca.crl", older)
    Source(storage)
    (record,) = log.records
    assert vars(record)["error"].endswith(f"number is {number}")


@pytest.mark.parametrize("is_indexed", [False, True])
def test_a_new_index_is_used_if_the_crl_in_force_was_stored_again_after_it(
    storage: Memory, *, is_indexed: bool
) -> None:
    """Both the next CRL and its index are stored, and then the CRL is rolled back, between two reloads."""
    storage.put("ca.crl", FIRST)
    if is_indexed:
        storage.put("ca.crl.index", index_of(FIRST))
    source = Source(storage)
    storage.put("ca.crl.index", index_of(SECOND))
    storage.put("ca.crl", FIRST)
    assert source.refresh() == Source(storage).in_force == "index 2 3"
    assert source.refresh() == "index 2 3"


def test_a_new_index_whose_numbers_were_restarted_revokes_as_after_a_start(storage: Memory) -> None:
    """The CA restarts its numbers, the CRL is indexed, and then the one before is stored again, between two reloads."""
    storage.put("ca.crl", crl(1000, this_update=NOW - 2 * DAY))
    source = Source(storage)
    storage.put("ca.crl.index", index_of(crl(5, NEXT_SERIAL, this_update=NOW - MINUTE)))
    storage.put("ca.crl", crl(1000, this_update=NOW - 2 * DAY))
    for _ in range(2):
        assert source.refresh() == Source(storage).in_force == "crl 3"
    # A running function knows the list in force, so the index proves nothing good.
    assert [(each.number, each.defect is None) for each in source.crl.value or ()] == [(1000, True), (5, False)]


@pytest.mark.parametrize(("stored", "source_version"), [("indexed", None), ("indexed", "v4"), ("older", None)], ids=str)
def test_a_new_index_leaves_the_lists_in_force_that_its_crl_does_not_replace(
    storage: Memory, stored: str, source_version: str | None
) -> None:
    """The CA has restarted its numbers."""
    indexed = crl(5, NEXT_SERIAL, this_update=NOW - MINUTE)
    storage.put("ca.crl", crl(500, REVOKED_SERIAL))
    source = Source(storage)
    assert source.in_force == "crl 2"
    storage.put("ca.crl.index", index_of(indexed, source_version))
    storage.put("ca.crl", indexed if stored == "indexed" else crl(4, this_update=NOW - 2 * MINUTE))
    assert source.refresh() == "index 2 3"


@pytest.mark.parametrize("next_update", [NOW + DAY, NOW - MINUTE])
def test_a_renumbered_crl_that_the_settings_accept_is_no_failed_attempt(storage: Memory, next_update: datetime) -> None:
    storage.put("ca.crl", crl(500, REVOKED_SERIAL))
    live = make_live(storage, settings(storage, CRL_MAX_AGE_SECONDS="86400"))
    storage.put("ca.crl", crl(1, NEXT_SERIAL, this_update=NOW - 2 * MINUTE, next_update=next_update))
    for _ in range(2):
        live.get()
    assert live.take_failures() == 0


def test_both_objects_have_the_same_limit(storage: Memory) -> None:
    limits: dict[str, int] = {}

    def open_store(uri: str, *, max_bytes: int) -> Store:
        limits[uri] = max_bytes
        return storage.open(uri, max_bytes=max_bytes)

    uri = storage.uri("ca.crl")
    CrlLoader(uri, lambda: None, max_bytes=100, max_age=timedelta(0), opener=open_store, now=lambda: NOW)
    assert limits == {uri: 100, f"{uri}.index": 100}


def test_the_index_of_the_list_in_force_changes_nothing_while_the_stored_crl_is_not_usable(storage: Memory) -> None:
    """The indexer does not index a CRL whose time has not come."""
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(FIRST))
    source = Source(storage)
    storage.put("ca.crl", FUTURE)
    for _ in range(2):
        source.refresh()
        assert [each.defect for each in source.crl.value or ()] == [None, None]


def test_an_index_whose_time_has_not_come_is_reported_as_one_of_another_crl_not_as_an_older_one(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    storage.put("ca.crl.index", index_of(FUTURE))
    storage.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"
    assert warnings(log) == [INDEX_NOT_USED]


def test_a_new_index_revokes_although_the_crl_of_another_ca_was_stored_in_place_of_its_own(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    storage.put("ca.crl.index", index_of(SECOND))
    storage.put("ca.crl", crl(9, ca=OTHER))
    for _ in range(2):
        assert source.refresh() == Source(storage).in_force == "crl 2 3"
    # It also proves other certificates good.
    assert {each.defect for each in source.crl.value or ()} == {None}


@pytest.mark.parametrize("content", [None, b"", HTML, b"garbage", crl(9, ca=NAMESAKE), STALE])
def test_the_index_is_used_if_the_crl_is_rejected(
    storage: Memory, log: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    storage.put("ca.crl.index", index_of(SECOND))
    if content is not None:
        storage.put("ca.crl", content)
    source = Source(storage)
    assert source.in_force == "index 2 3"
    assert warnings(log) == [LIST_NOT_USED]
    # From then on it is a failure, for all to see, until there is one.
    assert source.refresh() == "index 2 3"
    assert warnings(log) == [FAILED]
    storage.put("ca.crl", SECOND)
    assert source.refresh() == "index 2 3"
    assert source.crl.failures == 0


@pytest.mark.parametrize("index", [None, b"garbage", FIRST])
def test_an_index_in_force_stays_if_the_next_one_is_missing_or_broken(storage: Memory, index: bytes | None) -> None:
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index_of(SECOND))
    source = Source(storage)
    if index is None:
        storage.remove("ca.crl.index")
    else:
        storage.put("ca.crl.index", index)
    assert source.refresh() == "index 2 3"
    assert source.crl.failures == 0
    storage.put("ca.crl", crl(4, GOOD_SERIAL))
    assert source.refresh() == "crl 1"


@pytest.mark.parametrize("indexed", [False, True])
def test_an_expired_list_still_revokes_if_there_is_no_other(
    storage: Memory, *, indexed: bool, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl", STALE)
    if indexed:
        storage.put("ca.crl.index", index_of(STALE))
    source = Source(storage)
    first = source.in_force
    assert first == ("index 2" if indexed else "crl 2")
    assert warnings(log) == [INDEX_NOT_USED if indexed else LIST_NOT_USED]
    assert source.refresh() == first
    # A newer one may take its place, stale or not, but no older one, and none of another CA that is stale.
    for content, expected in (
        (crl(1, next_update=NOW - MINUTE), "2"),
        (crl(9, ca=OTHER, next_update=NOW - MINUTE), "2"),
        (crl(4, 2, 3, next_update=NOW - MINUTE), "2 3"),
        (SECOND, "2 3"),
        (crl(5, 1), "1"),
        (crl(6, next_update=NOW - MINUTE), "1"),
    ):
        storage.put("ca.crl", content)
        assert str(source.refresh()).partition(" ")[2] == expected


@pytest.mark.parametrize("indexed", [False, True])
def test_a_renumbered_crl_revokes_and_so_does_the_earlier_one_until_it_has_expired(
    storage: Memory, *, indexed: bool, log: pytest.LogCaptureFixture
) -> None:
    earlier = crl(500, REVOKED_SERIAL, this_update=NOW - DAY, next_update=NOW + DAY)
    storage.put("ca.crl", earlier)
    if indexed:
        storage.put("ca.crl.index", index_of(earlier))
    time = [NOW]

    def start_authorizer() -> EventAuthorizer:
        return EventAuthorizer(make_live(storage, now=lambda: time[0]), clock=lambda: time[0])

    running = start_authorizer()
    assert running.deny_reasons() == [None, REVOKED, None]
    storage.put("ca.crl", crl(1, NEXT_SERIAL, this_update=NOW - MINUTE, next_update=NOW + 9 * DAY))
    assert running.deny_reasons() == [None, REVOKED, REVOKED]
    assert any("number, 1, is lower than" in str(record.__dict__.get("error")) for record in log.records)
    if indexed:
        assert start_authorizer().deny_reasons() == [None, REVOKED, REVOKED]
    time[0] = NOW + 2 * DAY
    assert running.deny_reasons()[0] is start_authorizer().deny_reasons()[0] is None
    assert running.deny_reasons()[2] == start_authorizer().deny_reasons()[2] == REVOKED
    # A CRL that is older by number and date is still rejected.
    storage.put("ca.crl", crl(0, this_update=NOW - 2 * MINUTE, next_update=NOW + 9 * DAY))
    assert running.deny_reasons()[2] == REVOKED


def test_a_crl_with_a_higher_number_and_an_earlier_date_revokes_and_so_does_the_one_before(storage: Memory) -> None:
    """A CA whose clock was put back, or several servers of a CA whose clocks differ."""
    storage.put("ca.crl", crl(5, REVOKED_SERIAL, this_update=NOW - MINUTE))
    source = Source(storage)
    storage.put("ca.crl", crl(6, NEXT_SERIAL, this_update=NOW - 2 * MINUTE))
    assert source.refresh() == "crl 2 3"
    assert source.crl.failures == 0
    # An older one by number and date is still rejected, and a newer one replaces both.
    storage.put("ca.crl", crl(4, GOOD_SERIAL, this_update=NOW - 3 * MINUTE))
    assert source.refresh() == "crl 2 3"
    storage.put("ca.crl", crl(7, NEXT_SERIAL, this_update=NOW))
    assert source.refresh() == "crl 3"


@pytest.mark.parametrize("is_stored_first", [False, True])
def test_an_old_crl_of_a_ca_that_has_restarted_its_numbers_proves_nothing_when_the_one_issued_later_has_expired(
    storage: Memory, *, is_stored_first: bool
) -> None:
    old = crl(1000, NEXT_SERIAL, this_update=NOW - 2 * DAY, next_update=NOW + 9 * DAY)
    lists = [old, crl(5, REVOKED_SERIAL, this_update=NOW - MINUTE)]
    time = [NOW]
    storage.put("ca.crl", lists[not is_stored_first])
    authorizer = EventAuthorizer(make_live(storage, now=lambda: time[0]), clock=lambda: time[0])
    assert authorizer.deny_reasons()[0] is None
    storage.put("ca.crl", lists[is_stored_first])
    for _ in range(2):
        assert authorizer.deny_reasons() == [None, REVOKED, REVOKED]
    time[0] = NOW + 2 * DAY
    assert authorizer.deny_reasons() == [UNKNOWN, REVOKED, REVOKED]
    storage.put("ca.crl", old)
    for _ in range(2):
        assert authorizer.deny_reasons() == [UNKNOWN, REVOKED, REVOKED]
    # One that is newer in both respects replaces both.
    storage.put("ca.crl", crl(1001, this_update=time[0], next_update=NOW + 9 * DAY))
    assert authorizer.deny_reasons() == [None, None, None]


def test_a_crl_with_an_earlier_date_that_is_not_used_is_reported_with_every_load(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl", crl(9, ca=OTHER))
    source = Source(storage)
    storage.put("ca.crl", crl(5))
    source.refresh()
    storage.put("ca.crl", crl(1000, this_update=NOW - 2 * DAY))
    source.refresh()
    assert warnings(log) == [LIST_NOT_USED]
    for _ in range(2):
        source.refresh()
        assert warnings(log) == [FAILED]


def delta_crl(number: int, base: int, *revoked: int, this_update: datetime | None = None) -> bytes:
    indicator = extension(DELTA_CRL_INDICATOR, der.integer(base), critical=True)
    return CA.revoke(
        *map(entry, revoked),
        this_update=this_update or NOW - DAY + number * MINUTE,
        next_update=NOW + DAY,
        extensions=[crl_number(number), indicator],
    )


@pytest.mark.parametrize("complete", [STALE, FIRST])
def test_a_delta_crl_never_replaces_a_complete_crl_whose_entries_it_need_not_contain(
    storage: Memory, complete: bytes
) -> None:
    time = NOW
    storage.put("ca.crl", complete)
    live = make_live(storage, settings(storage, CRL_FAILURE_MODE="allow"), now=lambda: time)
    authorizer = EventAuthorizer(live, clock=lambda: time)
    storage.put("ca.crl", delta_crl(10, 1, NEXT_SERIAL, this_update=NOW))
    assert authorizer.deny_reasons() == [None, REVOKED, REVOKED]
    time = NOW + 2 * DAY
    storage.put("ca.crl", delta_crl(11, 1, GOOD_SERIAL, this_update=NOW))
    assert authorizer.deny_reasons() == [REVOKED, REVOKED, None]
    storage.put("ca.crl", crl(12, this_update=NOW + DAY, next_update=NOW + 3 * DAY))
    assert authorizer.deny_reasons() == [None, None, None]


def test_a_delta_crl_since_another_base_revokes_until_a_complete_crl_has_a_higher_number(storage: Memory) -> None:
    """The next complete CRL and the delta CRL since it are not stored at the same time."""
    storage.put("delta.crl", delta_crl(2, 1, NEXT_SERIAL))
    storage.put("ca.crl", crl(1))
    authorizer = make_authorizer(storage, CRL_URIS=f"{storage.uri('delta.crl')},{storage.uri('ca.crl')}")
    assert authorizer.deny_reasons() == [None, None, REVOKED]
    for delta in (delta_crl(3, 1, NEXT_SERIAL), delta_crl(5, 4), delta_crl(6, 4, REVOKED_SERIAL)):
        storage.put("delta.crl", delta)
        assert authorizer.deny_reasons()[2] == REVOKED
    storage.put("ca.crl", crl(4))
    assert authorizer.deny_reasons() == [None, REVOKED, None]


def test_a_delta_crl_whose_time_has_not_come_does_not_replace_the_one_before(storage: Memory) -> None:
    storage.put("delta.crl", delta_crl(2, 1, NEXT_SERIAL))
    storage.put("ca.crl", crl(1))
    authorizer = make_authorizer(storage, CRL_URIS=f"{storage.uri('delta.crl')},{storage.uri('ca.crl')}")
    future = delta_crl(3, 1, this_update=NOW + DAY / 2)
    for delta, expected in ((future, REVOKED), (delta_crl(4, 1), None)):
        storage.put("delta.crl", delta)
        assert authorizer.deny_reasons() == [None, None, expected]


def test_a_complete_crl_proves_nothing_after_the_base_of_newer_delta_crls_has_changed_twice(storage: Memory) -> None:
    storage.put("ca.crl", crl(1))
    storage.put("delta.crl", delta_crl(2, 1, REVOKED_SERIAL))
    authorizer = make_authorizer(storage, CRL_URIS=f"{storage.uri('delta.crl')},{storage.uri('ca.crl')}")
    for number, expected in ((4, [None, REVOKED, None]), (6, [UNKNOWN] * 3)):
        storage.put("delta.crl", delta_crl(number, number - 1))
        assert authorizer.deny_reasons() == expected
    storage.put("ca.crl", crl(5, REVOKED_SERIAL))
    assert authorizer.deny_reasons() == [None, REVOKED, None]


def test_of_delta_crls_since_earlier_bases_the_newest_one_is_held(storage: Memory) -> None:
    storage.put("ca.crl", EMPTY)
    source = Source(storage)
    for number in range(10, 30):
        storage.put("ca.crl", delta_crl(number, number - 1))
        source.refresh()
    assert [each.number for each in source.crl.value or ()] == [29, 1, 28]


def test_a_delta_crl_with_another_base_than_the_one_before_is_no_failure(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl", delta_crl(2, 1))
    source = Source(storage)
    for number in (4, 6):
        log.clear()
        storage.put("ca.crl", delta_crl(number, number - 1))
        source.refresh()
        source.refresh()
        assert [each.number for each in source.crl.value or ()] == [number, number - 2]
        assert warnings(log) == [LIST_NOT_USED]
    assert source.crl.total_failures == 0
    # A complete one whose time has not come is a failure.
    storage.put("ca.crl", FUTURE)
    source.refresh()
    log.clear()
    source.refresh()
    assert warnings(log) == [FAILED]


@pytest.mark.parametrize(
    "complete",
    [
        CA.revoke(
            entry(NEXT_SERIAL),
            this_update=NOW - DAY + 2 * MINUTE,
            next_update=NOW + DAY,
            extensions=[crl_number(2), extension("1.2.3", b"", critical=True)],
        ),
        crl(2, NEXT_SERIAL, this_update=NOW - 2 * DAY),
    ],
    ids=["with an unknown critical extension", "of a CA whose clock was put back"],
)
def test_a_delta_crl_never_replaces_a_complete_crl_that_only_revokes(storage: Memory, complete: bytes) -> None:
    storage.put("ca.crl", crl(1, this_update=NOW - DAY))
    source = Source(storage)
    storage.put("ca.crl", complete)
    assert source.refresh() == "crl 3"
    storage.put("ca.crl", delta_crl(3, 2, REVOKED_SERIAL, this_update=NOW - DAY + 3 * MINUTE))
    assert source.refresh() == "crl 2 3"


def test_an_expired_index_is_not_used_if_the_crl_is_current(storage: Memory) -> None:
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index_of(STALE))
    assert Source(storage).in_force == "crl 2 3"


def test_an_index_of_an_unknown_ca_is_not_used_even_without_a_crl(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl.index", index_of(crl(9, ca=NAMESAKE)))
    assert Source(storage).in_force is None
    assert warnings(log) == [INDEX_NOT_USED, FAILED]


@pytest.mark.parametrize(("name", "content"), [("ca.crl", FIRST), ("ca.crl.index", index_of(FIRST))])
def test_a_list_is_used_only_with_a_truststore(name: str, content: bytes) -> None:
    storage = Memory()
    storage.put("ca.crl", FIRST)
    storage.put(name, content)
    source = Source(storage)
    assert source.in_force is None
    assert "there is no truststore to check it against" in str(source.crl.error)
    storage.put("truststore.pem", CA.pem)
    assert source.refresh() == ("crl 2" if name == "ca.crl" else "index 2")


def test_an_index_that_is_stored_as_the_crl_is_rejected_since_it_is_not_signed(storage: Memory) -> None:
    storage.put("ca.crl", index_of(FIRST))
    source = Source(storage)
    assert source.in_force is None
    storage.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"
    storage.put("ca.crl", index_of(crl(9)))
    assert source.refresh() == "crl 2 3"
    storage.put("ca.crl.index", index_of(SECOND))
    assert Source(storage).in_force == "index 2 3"


def test_a_list_of_a_ca_that_left_the_truststore_does_not_displace_that_of_its_successor(storage: Memory) -> None:
    storage.put("ca.crl", SECOND)
    source = Source(storage)
    renewed = crl(1, 2, ca=NAMESAKE)
    storage.put("ca.crl", renewed)
    assert source.refresh() == "crl 2 3"
    storage.put("truststore.pem", EVERYBODY)
    assert source.refresh() == "crl 2 3"
    storage.put("truststore.pem", NAMESAKE.pem)
    assert source.refresh() == "crl 2 3"
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"
    assert [each.digest for each in source.crl.value or ()] == [crl_digest(SECOND), crl_digest(renewed)]


def test_lists_of_cas_that_left_the_truststore_do_not_displace_one_that_revokes(storage: Memory) -> None:
    others = trusted_besides(storage, MAX_RETAINED_LISTS - 1)
    storage.put("ca.crl", crl(1, ca=others[0]))
    source = Source(storage)
    for ca in others[1:]:
        storage.put("ca.crl", crl(1, ca=ca))
        source.refresh()
    storage.put("truststore.pem", CA.pem)
    for content in (FUTURE, EMPTY):
        storage.put("ca.crl", content)
        assert source.refresh() == "crl 2"
    assert len(source.crl.value or ()) == MAX_RETAINED_LISTS


def test_a_truststore_that_breaks_leaves_the_one_before_in_force(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    for content in (b"", HTML, b"-----BEGIN CERTIFICATE-----", FIRST):
        storage.put("truststore.pem", content)
        storage.put("ca.crl", SECOND)
        assert source.refresh() == "crl 2 3"


def test_documents_that_are_not_used_are_logged_with_their_names_and_the_reason(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("truststore.pem", HTML)
    Source(storage)
    assert ("truststore", storage.uri("truststore.pem")) in _named(log)
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", b"garbage")
    log.clear()
    assert Source(storage).in_force == "crl 2 3"
    assert _named(log) == [("crl", storage.uri("ca.crl.index"))]
    assert log.records[0].__dict__["error"] == "this is not the index of a revocation list"
    storage.put("ca.crl", b"garbage")
    log.clear()
    assert Source(storage).in_force is None
    assert _named(log) == [("crl", storage.uri("ca.crl.index")), ("crl", storage.uri("ca.crl"))]
    storage.put("ca.crl.index", index_of(crl(9, ca=NAMESAKE)))
    log.clear()
    Source(storage)
    assert log.records[0].__dict__["error"] == "its CA is not in the truststore"
    assert {record.name for record in log.records} == {"mtls_authorizer"}


def _named(log: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.__dict__["document"], record.__dict__["uri"]) for record in log.records]


def test_a_list_that_has_been_stale_for_long_still_revokes(storage: Memory) -> None:
    storage.put("ca.crl", crl(2, REVOKED_SERIAL, this_update=NOW - 500 * DAY, next_update=NOW - 400 * DAY))
    assert Source(storage).in_force == "crl 2"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (STALE, crl(9, GOOD_SERIAL, ca=OTHER), "crl 2"),
        (FIRST, crl(9, GOOD_SERIAL, ca=OTHER), "crl 2"),
        (FIRST, crl(9, GOOD_SERIAL, next_update=NOW - MINUTE), "crl 1 2"),
        (FIRST, crl(9, GOOD_SERIAL, this_update=NOW + DAY, next_update=NOW + 2 * DAY), "crl 1 2"),
        (STALE, crl(9, GOOD_SERIAL, this_update=NOW + DAY, next_update=NOW + 2 * DAY), "crl 1 2"),
        (FIRST, crl(9, GOOD_SERIAL), "crl 1"),
    ],
    ids=["of another CA for stale", "of another CA", "stale", "not yet valid", "not yet valid for stale", "fresh"],
)
def test_a_list_stays_until_a_usable_one_of_the_same_ca_replaces_it_and_both_revoke(
    storage: Memory, first: bytes, second: bytes, expected: str
) -> None:
    storage.put("ca.crl", first)
    source = Source(storage)
    storage.put("ca.crl", second)
    assert source.refresh() == expected


def test_an_expired_list_that_the_settings_accept_is_replaced_only_by_a_usable_one(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl", STALE)
    authorizer = EventAuthorizer(make_live(storage, settings(storage, CRL_MAX_AGE_SECONDS="86400")))
    assert authorizer.deny_reasons() == [None, REVOKED, None]
    assert LIST_NOT_USED not in warnings(log)
    storage.put("ca.crl", FUTURE)
    assert authorizer.deny_reasons() == [None, REVOKED, None]
    assert LIST_NOT_USED in warnings(log)


def test_the_result_of_an_abandoned_attempt_does_not_affect_the_next_one(storage: Memory) -> None:
    """A load that took too long, or began before a snapshot, may have seen an index that is no longer there."""
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(FIRST))
    source = Source(storage)
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index_of(SECOND))
    abandoned = source.crl.loader.load(source.crl.in_force)
    assert abandoned.version.used is CrlObject.INDEX
    assert source.in_force == "index 2"
    storage.remove("ca.crl.index")
    assert source.refresh() == "crl 2 3"


def test_loading_an_unchanged_document_returns_the_value_in_force(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    for index in (None, index_of(FIRST)):
        if index is not None:
            storage.put("ca.crl.index", index)
        source = Source(storage)
        current = source.crl.in_force
        assert source.crl.loader.load(current) is current


def test_the_crl_that_was_indexed_is_not_a_new_value(storage: Memory, log: pytest.LogCaptureFixture) -> None:
    log.set_level(logging.INFO, logger="mtls_authorizer")
    storage.put("ca.crl.index", index_of(FIRST))
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    first = source.crl.value
    storage.put("ca.crl", FIRST)
    log.clear()
    assert source.refresh() == "index 2"
    assert source.crl.value is first
    assert log.records == []
    # Its version is known from now on.
    storage.requests.clear()
    source.refresh()
    assert ("ca.crl", False) in storage.requests


def test_the_log_names_the_object_that_was_used_and_its_version(storage: Memory, log: pytest.LogCaptureFixture) -> None:
    log.set_level(logging.INFO, logger="mtls_authorizer")
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    storage.put("ca.crl.index", index_of(FIRST))
    source.refresh()
    loaded = [record.__dict__ for record in log.records if record.__dict__["document"] == "crl"]
    assert [(each["previous_version"], each["version"]) for each in loaded] == [
        (None, "crl v2"),
        ("crl v2", "index v3"),
    ]


def test_a_reset_resets_both_stores(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    source.crl.loader.reset()
    assert storage.resets == [storage.uri("ca.crl.index"), storage.uri("ca.crl")]


def test_a_list_that_does_not_replace_the_previous_one_is_reported_with_every_load(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    storage.put("ca.crl", FUTURE)
    assert source.refresh() == "crl 2"
    assert warnings(log) == [LIST_NOT_USED]
    for _ in range(2):
        assert source.refresh() == "crl 2"
        assert [vars(record)["error"] for record in log.records] == [str(source.crl.error)]
        assert "thisUpdate" in str(source.crl.error)
        assert warnings(log) == [FAILED]
    # One with a lower number than that of a list whose time has not come is no older one.
    storage.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"
    assert source.crl.failures == 0


def test_the_index_of_an_older_crl_never_hides_a_newer_one_whatever_their_dates(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    """The indexer reads the first CRL, the second one is stored, and then the index of the first one is written."""
    storage.put("ca.crl", FIRST)
    running = Source(storage)
    storage.put("ca.crl", SECOND)
    for source_version in (None, "v2", "another one"):
        storage.put("ca.crl.index", index_of(FIRST, source_version))
        assert running.refresh() == "crl 2 3"
        source = Source(storage)
        assert source.in_force == "crl 2 3"
        assert source.refresh() == "crl 2 3"
        assert set(warnings(log)) == {INDEX_NOT_USED}
    storage.put("ca.crl.index", index_of(SECOND, "v3"))
    assert running.refresh() == Source(storage).in_force == "index 2 3"


def test_an_index_is_used_without_reading_the_crl_if_it_states_its_version(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(FIRST, "v2"))
    source = Source(storage)
    assert source.in_force == source.refresh() == "index 2"
    assert ("ca.crl", True) not in storage.requests
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index_of(SECOND, "v4"))
    assert source.refresh() == "index 2 3"
    assert ("ca.crl", True) not in storage.requests


@pytest.mark.parametrize("is_loaded_before", [False, True])
def test_a_crl_is_delivered_once_although_it_is_not_indexed_yet(
    storage: Memory, log: pytest.LogCaptureFixture, *, is_loaded_before: bool
) -> None:
    log.set_level(logging.INFO, logger="mtls_authorizer")
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(FIRST, "v2"))
    before = Source(storage) if is_loaded_before else None
    storage.put("ca.crl", SECOND)
    source = before or Source(storage)
    assert source.refresh() == "crl 2 3"
    storage.requests.clear()
    log.clear()
    assert source.refresh() == "crl 2 3"
    assert ("ca.crl", True) not in storage.requests
    assert warnings(log) == [INDEX_NOT_USED]


@pytest.mark.parametrize("failing", ["ca.crl", "ca.crl.index"])
def test_an_object_that_cannot_be_read_is_a_failed_attempt_even_if_the_other_one_can(
    storage: Memory, failing: str
) -> None:
    error = StoreError(storage.uri(failing), "InternalError (HTTP status 500)")
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(SECOND))
    storage.errors[failing] = error
    source = Source(storage)
    assert source.in_force is None
    assert "HTTP status 500" in str(source.crl.error)
    storage.errors.clear()
    assert source.refresh() == "index 2 3"
    storage.put("ca.crl", crl(4, GOOD_SERIAL))
    storage.errors[failing] = error
    assert source.refresh() == "index 2 3"
    storage.errors.clear()
    assert source.refresh() == "crl 1"


def test_the_crl_is_used_if_its_index_is_too_large(storage: Memory, log: pytest.LogCaptureFixture) -> None:
    """One long serial number makes all entries of an index long."""
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(FIRST))
    storage.errors["ca.crl.index"] = too_large(storage.uri("ca.crl.index"), 100)
    source = Source(storage)
    assert source.in_force == source.refresh() == "crl 2"
    assert warnings(log) == [INDEX_NOT_USED] * 2


def test_skipped_certificates_of_the_truststore_are_logged(storage: Memory, log: pytest.LogCaptureFixture) -> None:
    storage.put("truststore.pem", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" + CA.pem)
    storage.put("ca.crl", FIRST)
    assert Source(storage).in_force == "crl 2"
    (record,) = log.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "truststore certificate skipped")
    fields = record.__dict__
    assert (fields["position"], fields["uri"]) == (1, storage.uri("truststore.pem"))
    assert len(fields["sha256"]) == 64
    assert fields["error"].startswith("it cannot be read: ")


@pytest.mark.parametrize("next_update", [NOW + DAY, NOW - MINUTE])
def test_crls_of_other_cas_do_not_displace_the_one_in_force_so_that_an_older_one_could_replace_it(
    storage: Memory, next_update: datetime
) -> None:
    others = trusted_besides(storage, 2 * MAX_RETAINED_LISTS)
    storage.put("ca.crl", crl(3, REVOKED_SERIAL, NEXT_SERIAL, next_update=next_update))
    source = Source(storage)
    for other in others:
        storage.put("ca.crl", crl(1, ca=other))
        assert source.refresh() == "crl 2 3"
    storage.put("ca.crl", FIRST)
    assert source.refresh() == "crl 2 3"


@pytest.mark.parametrize("is_copied", [False, True])
def test_an_older_list_proves_nothing_after_those_of_many_cas_have_displaced_the_newer_one(
    storage: Memory, *, is_copied: bool, log: pytest.LogCaptureFixture
) -> None:
    others = trusted_besides(storage, MAX_RETAINED_LISTS)
    storage.put("copy.crl", FIRST if is_copied else crl(1, ca=others[0]))
    storage.put("ca.crl", crl(1, ca=others[0]))
    authorizer = make_authorizer(storage, CRL_URIS=f"{storage.uri('ca.crl')},{storage.uri('copy.crl')}")
    for other in others[1:-1]:
        storage.put("ca.crl", crl(1, ca=other))
        authorizer.deny_reasons()
    storage.put("ca.crl", SECOND)
    assert authorizer.deny_reasons() == [None, REVOKED, REVOKED]
    storage.put("ca.crl", crl(1, ca=others[-1]))
    assert authorizer.deny_reasons() == ([UNKNOWN, REVOKED, UNKNOWN] if is_copied else [UNKNOWN] * 3)
    warnings(log)
    for _ in range(2):
        storage.put("ca.crl", FIRST)
        assert authorizer.deny_reasons() == [UNKNOWN, REVOKED, UNKNOWN]
    assert warnings(log).count(LIST_NOT_USED) == (not is_copied)
    storage.put("ca.crl", crl(4, NEXT_SERIAL))
    assert authorizer.deny_reasons() == [None, None, REVOKED]


def test_a_renumbered_list_proves_certificates_good_once_the_displaced_one_has_expired(storage: Memory) -> None:
    others = trusted_besides(storage, MAX_RETAINED_LISTS)
    storage.put("ca.crl", crl(1, ca=others[0]))
    time = NOW
    authorizer = EventAuthorizer(make_live(storage, now=lambda: time), clock=lambda: time)
    displaced = crl(500, this_update=NOW - DAY, next_update=NOW + MINUTE)
    renumbered = crl(1, this_update=NOW - MINUTE)
    of_others = [crl(1, ca=other) for other in others[1:]]
    for content in (*of_others[:-1], displaced, of_others[-1], renumbered):
        storage.put("ca.crl", content)
        authorizer.deny_reasons()
    assert authorizer.deny_reasons()[0] == UNKNOWN
    time = NOW + MINUTE
    assert authorizer.deny_reasons()[0] is None


@pytest.mark.parametrize("days", [0, 3])
def test_a_displaced_list_whose_time_had_not_come_makes_older_ones_prove_nothing(storage: Memory, days: int) -> None:
    others = trusted_besides(storage, MAX_RETAINED_LISTS)
    storage.put("ca.crl", crl(1, next_update=NOW + 9 * DAY))
    time = NOW
    authorizer = EventAuthorizer(make_live(storage, now=lambda: time), clock=lambda: time)
    for content in (FUTURE, *(crl(1, ca=other) for other in others)):
        storage.put("ca.crl", content)
        found = authorizer.deny_reasons()
    assert found == [UNKNOWN] * 3
    # The CA has dated it by mistake: a higher number suffices.
    time = NOW + days * DAY
    for number, expected in ((8, UNKNOWN), (10, None)):
        storage.put("ca.crl", crl(number, next_update=NOW + 9 * DAY))
        assert authorizer.deny_reasons()[0] == expected


def test_few_lists_of_one_location_are_held_and_the_usable_one_is_the_last_to_go(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    for number in range(5, 15):
        storage.put("ca.crl", crl(number, next_update=NOW - MINUTE))
        assert source.refresh() == "crl 2"
    assert [each.number for each in source.crl.value or ()] == [14, 2]
    for number in range(20):
        name = full_name(uri(b"http://x/%d" % number))
        # The first ones have expired, the others are never usable.
        this_update, next_update = (NOW - DAY, NOW - MINUTE) if number < 10 else (NOW + DAY, NOW + 2 * DAY)
        extensions = [crl_number(number), distribution_point(name)]
        storage.put("ca.crl", CA.revoke(this_update=this_update, next_update=next_update, extensions=extensions))
        assert source.refresh() == "crl 2"
    assert len(source.crl.value or ()) == MAX_RETAINED_LISTS
