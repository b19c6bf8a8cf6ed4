"""CRLs that were removed from a prefix: each stays in memory until it expires, or a newer one stays in its place."""

from __future__ import annotations

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from mtls_authorizer.revocation.succession.retention import MAX_RETAINED_LISTS
from mtls_authorizer.stores.store import StoreError
from tests.clocks import LONG, join_attempts
from tests.pki import der
from tests.pki.certificate_authorities import (
    DAY,
    IS_DELTA,
    authority_key,
    crl_number,
    distribution_point,
    entry,
)
from tests.pki.certificates import extension
from tests.pki.kept_lists import CA, HTML, MINUTE, NAMESAKE, NOW, OTHER, REVOKED, UNKNOWN, Memory, authority
from tests.pki.partitions import PrefixAuthorizer, client_of, partition

IDENTIFIED = authority("CA", key=CA.key, key_identifier=b"key")
"""The certificate of the CA."""

OLD, NEW = "file:///crl/old.crl", "file:///crl/new.crl"
PARTS = range(5, 15)
CLIENT, REVOKED_CLIENT = client_of(None), client_of(None, 22)
OF_PARTS = [client_of(part, ca=OTHER) for part in PARTS]


@pytest.fixture
def storage() -> Memory:
    """Return storage with many parts of the CRL of another CA."""
    memory = Memory()
    memory.put("truststore.pem", IDENTIFIED.pem + OTHER.pem + NAMESAKE.pem)
    for part in range(LOADED_COMPLETELY + 1):
        memory.put(f"crl/part/{part}.crl", partition(part, 2, ca=OTHER, next_update=NOW + 9 * DAY))
    return memory


def in_memory(authorizer: PrefixAuthorizer) -> list[str]:
    """Return the URI of each list in memory that is not one of these parts."""
    return sorted(uri for uri in authorizer.loaded_crls() if "part" not in uri)


@pytest.fixture
def without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit the memory to few CRLs."""
    size = 4 * len(partition(1, 2))
    monkeypatch.setattr("mtls_authorizer.revocation.documents.max_crl_bytes", lambda _memory: size)


@pytest.mark.parametrize("increment", [1, 0], ids=["new CRLs", "the same CRL"])
def test_of_the_crls_that_a_ca_stores_under_new_names_only_the_last_one_is_in_memory(
    storage: Memory, increment: int
) -> None:
    authorizer = PrefixAuthorizer(storage)
    crls = [partition(None, 22, number=1 + number) for number in range(9)]
    storage.put("crl/0-ca.crl", crls[0])
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    for number in range(1, 9):
        storage.put(f"crl/{number}-ca.crl", crls[number * increment])
        storage.remove(f"crl/{number - 1}-ca.crl")
        assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
        assert in_memory(authorizer) == [f"file:///crl/{number}-ca.crl"]


@pytest.mark.usefixtures("without_room")
def test_its_successor_stays_in_memory_as_long_as_a_removed_crl_would(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow", CRL_MAX_AGE_SECONDS="43200")
    storage.put("crl/old.crl", partition(None, 22, next_update=NOW + DAY))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.put("crl/new.crl", partition(None, 22, number=2, next_update=NOW + 3 * DAY))
    storage.remove("crl/old.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    # It would be evicted otherwise, and could not be loaded again.
    storage.errors["crl/new.crl"] = StoreError(NEW, "500")
    for days in (0, 1.25):
        authorizer.now = NOW + days * DAY
        assert authorizer.next(*OF_PARTS) == [None] * 10
        assert authorizer.next(REVOKED_CLIENT) == [REVOKED]
    authorizer.now = NOW + 2 * DAY
    assert authorizer.next(*OF_PARTS) == [None] * 10
    assert NEW not in in_memory(authorizer)


@pytest.mark.usefixtures("without_room")
def test_a_crl_that_was_moved_stays_in_memory_as_long_as_before_although_it_is_removed_or_overwritten(
    storage: Memory,
) -> None:
    authorizer, moved = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow"), partition(None, 22)
    storage.put("crl/old.crl", moved)
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.put("crl/new.crl", moved)
    storage.remove("crl/old.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    assert in_memory(authorizer) == [NEW]
    for content in (HTML, partition(None, ca=NAMESAKE)):
        storage.put("crl/new.crl", content)
        assert authorizer.next(*OF_PARTS, REVOKED_CLIENT) == [None] * 10 + [REVOKED]
    storage.remove("crl/new.crl")
    assert authorizer.next(*OF_PARTS, REVOKED_CLIENT) == [None] * 10 + [REVOKED]


@pytest.mark.usefixtures("without_room")
def test_the_successor_of_a_successor_stays_in_memory_although_it_is_overwritten(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow")
    names = ["old", "new", "newer"]
    for number, place in enumerate(names):
        storage.put(f"crl/{place}.crl", partition(None, 22, number=number + 1))
        if number:
            storage.remove(f"crl/{names[number - 1]}.crl")
        assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.put("crl/newer.crl", HTML)
    for _ in range(2):
        assert authorizer.next(*OF_PARTS, REVOKED_CLIENT) == [None] * 10 + [REVOKED]
    storage.remove("crl/newer.crl")
    assert authorizer.next(*OF_PARTS, REVOKED_CLIENT) == [None] * 10 + [REVOKED]


@pytest.mark.usefixtures("without_room")
def test_a_crl_stays_in_memory_as_long_as_what_was_dropped_for_its_predecessor_would(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow")
    history = (("old", "", 3), ("new", "old", 3), ("new", "", 1), ("newer", "new", 1))
    for number, (place, removed, days) in enumerate(history):
        storage.put(f"crl/{place}.crl", partition(None, 22, number=number, next_update=NOW + days * DAY))
        if removed:
            storage.remove(f"crl/{removed}.crl")
        assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    assert in_memory(authorizer) == ["file:///crl/newer.crl"]
    storage.errors["crl/newer.crl"] = StoreError("file:///crl/newer.crl", "500")
    authorizer.now = NOW + 2 * DAY
    assert authorizer.next(*OF_PARTS, REVOKED_CLIENT) == [None] * 10 + [REVOKED]


@pytest.mark.usefixtures("without_room")
def test_a_crl_stays_in_memory_as_long_as_each_of_those_that_it_supersedes_would(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow")
    storage.put("crl/old.crl", partition(None, 22, next_update=NOW + 3 * DAY))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.put("crl/new.crl", partition(None, 22, number=3, next_update=NOW + 3 * DAY))
    storage.remove("crl/old.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.put("crl/short.crl", partition(None, 22, number=2, next_update=NOW + DAY))
    # No request needs it, so none waits for it.
    for _ in range(2):
        assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
        join_attempts()
    assert in_memory(authorizer) == [NEW, "file:///crl/short.crl"]
    storage.remove("crl/short.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    assert in_memory(authorizer) == [NEW]
    storage.errors["crl/new.crl"] = StoreError(NEW, "500")
    authorizer.now = NOW + 2 * DAY
    assert authorizer.next(*OF_PARTS, REVOKED_CLIENT) == [None] * 10 + [REVOKED]


def test_a_single_crl_is_no_successor(storage: Memory) -> None:
    """It may be in CRL_ASSUME_COMPLETE, which depends on what else is in memory."""
    storage.put("single.crl", partition(None, 22, number=2))
    storage.put("crl/old.crl", partition(None, 22))
    authorizer = PrefixAuthorizer(storage, "file:///crl/, file:///single.crl")
    # That of another CA, which makes the authorizer read CRLs that no certificate names.
    assert authorizer.next(client_of(None, ca=NAMESAKE), REVOKED_CLIENT) == [UNKNOWN, REVOKED]
    storage.remove("crl/old.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    assert OLD in in_memory(authorizer)


WITHOUT_NUMBER = CA.revoke(entry(5), this_update=NOW - DAY + DAY / 1000, next_update=NOW + DAY)


@pytest.mark.parametrize(
    "new",
    [
        partition(None, 5, number=2, extensions=[IS_DELTA]),
        partition(None, 5, number=2, this_update=NOW + 60 * MINUTE),
        partition(None, 5, number=2, next_update=NOW - MINUTE),
        partition(None, 5, number=2, this_update=NOW - DAY),
        partition(None, 5, number=0, this_update=NOW),
        partition(None, 5, number=1),
        WITHOUT_NUMBER,
        partition(None, 5, number=2, ca=OTHER),
        partition(None, 5, number=2, ca=NAMESAKE),
        partition("part", 5, number=2),
        partition(None, 5, number=2, extensions=[distribution_point(der.tagged(1, b"\xff"))]),
        partition(None, 5, number=2, extensions=[distribution_point(der.tagged(4, b"\xff"))]),
        partition(None, 5, number=2, extensions=[extension("1.2.3.4", b"", critical=True)]),
        partition(None, 5, number=2, extensions=[authority_key(b"another")]),
        HTML,
    ],
    ids=[
        *("delta", "not begun", "expired", "earlier date", "lower number", "same", "same date"),
        *("other CA", "other key", "other scope", "of users", "indirect", "unknown extension", "key identifier"),
        "invalid",
    ],
)
def test_a_removed_crl_stays_in_memory_if_another_one_does_not_supersede_it(storage: Memory, new: bytes) -> None:
    authorizer = PrefixAuthorizer(storage)
    storage.put("crl/old.crl", partition(None, 22))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.put("crl/new.crl", new)
    storage.remove("crl/old.crl")
    for _ in range(2):
        assert authorizer.next(REVOKED_CLIENT) == [REVOKED]
    assert ("crl/new.crl", True) in storage.requests
    assert OLD in in_memory(authorizer)


@pytest.mark.parametrize(
    "extensions", [[IS_DELTA], [extension("1.2.3.4", b"", critical=True)]], ids=["delta", "defect"]
)
def test_a_removed_crl_that_only_revokes_is_superseded_by_a_complete_one(
    storage: Memory, extensions: list[bytes]
) -> None:
    authorizer = PrefixAuthorizer(storage)
    storage.put("crl/base.crl", partition(None))
    storage.put("crl/old.crl", partition(None, 22, number=2, extensions=extensions))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.remove("crl/old.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.put("crl/base.crl", partition(None, 22, number=3))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    assert in_memory(authorizer) == ["file:///crl/base.crl"]


def test_a_removed_crl_stays_in_memory_if_its_successor_expires_earlier(storage: Memory) -> None:
    def endless(number: int) -> bytes:
        return CA.revoke(
            entry(22), this_update=NOW - DAY + number * MINUTE, next_update=None, extensions=[crl_number(number)]
        )

    authorizer = PrefixAuthorizer(storage)
    for place, content, expected in (
        ("1", partition(None, 22, next_update=NOW + DAY), ["1"]),
        ("2", partition(None, 22, number=2, next_update=NOW + DAY - MINUTE), ["1", "2"]),
        ("3", partition(None, 22, number=3, next_update=NOW + DAY), ["3"]),
        ("4", endless(40), ["4"]),
        ("5", partition(None, 22, number=50), ["4", "5"]),
        ("6", endless(600), ["6"]),
    ):
        storage.put(f"crl/{place}.crl", content)
        if place != "1":
            storage.remove(f"crl/{int(place) - 1}.crl")
        assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
        assert in_memory(authorizer) == [f"file:///crl/{each}.crl" for each in expected]


def test_the_crl_that_was_removed_last_stays_in_memory(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    storage.put("crl/old.crl", partition(None, 22))
    storage.put("crl/new.crl", partition(None, 22, number=2))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    storage.remove("crl/old.crl")
    storage.remove("crl/new.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    assert in_memory(authorizer) == [NEW, OLD]


def test_a_removed_crl_stays_in_memory_if_only_a_part_of_what_was_stored_there_is_superseded(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    for ca in (CA, NAMESAKE):
        storage.put("crl/old.crl", partition(None, 22, ca=ca))
        assert authorizer.next(client_of(None, 22, ca)) == [REVOKED]
    storage.put("crl/new.crl", partition(None, 22, number=2))
    storage.remove("crl/old.crl")
    assert authorizer.next(REVOKED_CLIENT, client_of(None, 22, NAMESAKE)) == [REVOKED, REVOKED]
    assert in_memory(authorizer) == [NEW, OLD, OLD]


def test_a_removed_crl_stays_in_memory_if_lists_of_other_cas_are_kept_where_its_successor_is(storage: Memory) -> None:
    """One more would displace the successor, and nothing would revoke."""
    others = [authority(f"Other {number}") for number in range(MAX_RETAINED_LISTS)]
    storage.put("truststore.pem", b"".join(ca.pem for ca in (IDENTIFIED, OTHER, *others)))
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow")
    storage.put("crl/old.crl", partition(None, 22))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    for number, ca in enumerate(others):
        if number == MAX_RETAINED_LISTS - 1:
            storage.put("crl/new.crl", partition(None, 22, number=2))
            storage.remove("crl/old.crl")
            assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
        storage.put("crl/new.crl", partition(None, 22, ca=ca))
        assert authorizer.next(client_of(None, 22, ca), REVOKED_CLIENT) == [REVOKED, REVOKED]
    assert OLD in in_memory(authorizer)


@pytest.mark.usefixtures("without_room")
def test_a_removed_crl_stays_in_memory_if_its_successor_is_older_than_one_that_was_evicted(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    storage.put("crl/evicted.crl", partition(None, 22, number=5))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    assert authorizer.next(*OF_PARTS) == [None] * 10
    storage.errors["crl/evicted.crl"] = StoreError("crl/evicted.crl", "500")
    storage.put("crl/old.crl", partition(None, 22, number=1))
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [UNKNOWN, REVOKED]
    storage.put("crl/new.crl", partition(None, number=2))
    storage.remove("crl/old.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [UNKNOWN, REVOKED]


def test_a_removed_crl_stays_in_memory_while_a_request_that_needed_it_is_decided(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    storage.put("crl/old.crl", partition("old", 22))
    assert authorizer.next(client_of("old")) == [None]
    lists, documents = authorizer.live.get().revocation, authorizer.live._revocation  # noqa: SLF001 -- to stop between two steps
    assert lists is not None
    assert documents is not None
    storage.put("crl/new.crl", partition("old", 22, number=2))
    with documents.prefix_crls.loaded(lists.chains(PeerCertificate.from_pem(client_of("old"))), lists, LONG):
        storage.remove("crl/old.crl")
        assert authorizer.next(client_of("new")) == [UNKNOWN]
        assert in_memory(authorizer) == [NEW, OLD]
    assert in_memory(authorizer) == [NEW]


def test_failures_of_a_dropped_crl_stay_counted(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    documents = authorizer.live._revocation  # noqa: SLF001 -- every decision takes the new failures
    assert documents is not None
    storage.put("crl/old.crl", partition(None, 22))
    assert authorizer.next(CLIENT) == [None]
    storage.put("crl/old.crl", HTML)
    assert authorizer.next(CLIENT) == [None]
    assert documents.prefix_crls.total_failures == 1
    storage.put("crl/new.crl", partition(None, 22, number=2))
    storage.remove("crl/old.crl")
    assert authorizer.next(CLIENT, REVOKED_CLIENT) == [None, REVOKED]
    assert in_memory(authorizer) == [NEW]
    assert documents.prefix_crls.total_failures == 1
