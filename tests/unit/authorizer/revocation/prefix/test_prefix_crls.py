"""CRLs below a prefix: which are loaded, when, and the status of certificates until then."""

from __future__ import annotations

import pkgutil
import threading
from concurrent.futures import ThreadPoolExecutor
from threading import RLock
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.refresh.document import Attempt
from mtls_authorizer.refresh.refresher import RETRY_SECONDS, Refresher, refresh_together
from mtls_authorizer.revocation.crl.scope import MOST_NAMES
from mtls_authorizer.revocation.prefix.cache import CrlCache, ListedCrl
from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY, CrlCatalog
from mtls_authorizer.revocation.prefix.listing import CrlListing
from mtls_authorizer.revocation.prefix.prefix_crls import MAX_SEARCHED
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.revocation.succession.retention import MAX_RETAINED_LISTS
from mtls_authorizer.stores.store import Fetched, Listed, StoreError, too_large
from tests.clocks import LONG, Clock, join_attempts
from tests.pki import der
from tests.pki.certificate_authorities import (
    DAY,
    IS_A_CA,
    IS_DELTA,
    MAY_SIGN_BOTH,
    authority_key,
    crl_number,
    distribution_point,
    entry,
)
from tests.pki.certificates import name, pem
from tests.pki.kept_lists import (
    CA,
    HTML,
    MINUTE,
    NOW,
    OTHER,
    REVOKED,
    UNKNOWN,
    Memory,
    authority,
    index_of,
)
from tests.pki.partitions import INTERVAL, PrefixAuthorizer, client_of, partition, point_uri, points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.reasons import DenyReason
    from mtls_authorizer.revocation.chains import Chain
    from mtls_authorizer.revocation.crl_loader import CrlLoader
    from tests.pki.certificate_authorities import CertificateAuthority

MANY = LOADED_COMPLETELY + 4
MIDDLE = authority("Middle", parent=CA, serial_number=77)


def room_for(number: int) -> int:
    """Return a size in which this many partitions fit, but not one more, whatever the lengths of their signatures."""
    return (2 * number + 1) * len(partition(1, 2)) // 2


def trusting(*authorities: CertificateAuthority) -> Memory:
    """Return storage with a truststore alone."""
    memory = Memory()
    memory.put("truststore.pem", b"".join(each.pem for each in authorities))
    return memory


@pytest.fixture
def storage() -> Memory:
    """Return storage with many partitions, each of which revokes the serial number 2."""
    memory = trusting(CA, OTHER)
    for part in range(MANY):
        memory.put(f"crl/{part}.crl", partition(part, 2))
    memory.put("crl/acm-pca-permission-test-key", b"")
    memory.put("crl/notes.txt", HTML)
    return memory


@pytest.fixture
def limit_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets how many bytes of CRLs fit into memory."""
    return lambda size: monkeypatch.setattr("mtls_authorizer.revocation.documents.max_crl_bytes", lambda _memory: size)


@pytest.fixture
def small_memory(limit_memory: Callable[[int], None]) -> None:
    """Let three partitions fit into memory."""
    limit_memory(room_for(3))


SMALL_MEMORY = pytest.mark.usefixtures("small_memory")


def use_others(authorizer: PrefixAuthorizer) -> None:
    """Let ten other partitions be loaded, so that all CRLs are evicted that a small memory need not keep."""
    authorizer.deny_reasons(*(client_of(part) for part in range(5, 15)))


def delivered(storage: Memory) -> list[str]:
    """Return the CRLs and indexes that were requested since the last call."""
    requested = [name for name, _ in storage.requests if name != "truststore.pem"]
    storage.requests.clear()
    return requested


def test_a_partition_is_loaded_when_the_first_certificate_names_it(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert delivered(storage) == []
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2), client_of(3, 5)) == [None, REVOKED, None]
    assert delivered(storage) == ["crl/3.crl"]
    assert authorizer.deny_reasons(client_of(4), client_of(3)) == [None, None]
    assert delivered(storage) == ["crl/4.crl"]


def test_a_crl_is_loaded_for_a_certificate_with_too_many_names_by_the_first_ones(
    storage: Memory, limit_memory: Callable[[int], None]
) -> None:
    """It proves no such certificate good, but revokes."""
    limit_memory(room_for(1))
    storage.put("crl/other-name.crl", partition("first", 22, ca=OTHER))
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow")
    uris = map(point_uri, ("first", *range(100, 100 + MOST_NAMES)))
    issued = OTHER.issue(
        22, subject=name(("CN", "client")), not_before=NOW - DAY, not_after=NOW + DAY, extensions=[points(*uris)]
    )
    # A certificate that names no CRL makes the authorizer read all.
    assert authorizer.deny_reasons(client_of(None, ca=OTHER), client_of(3), pem(issued)) == [None, None, REVOKED]


def test_only_objects_that_have_changed_according_to_the_listing_are_requested(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(4)) == [None, None]
    delivered(storage)
    for _ in range(2):
        assert authorizer.next(client_of(3), client_of(4)) == [None, None]
        assert delivered(storage) == []
    assert len(storage.listings) == 3
    storage.put("crl/3.crl", partition(3, 1, number=2))
    assert authorizer.deny_reason(client_of(3)) is None
    # Within one interval.
    assert authorizer.next(client_of(3), client_of(4, 5)) == [REVOKED, None]
    assert delivered(storage) == ["crl/3.crl"]
    storage.put("crl/new.crl", partition("new", 2))
    assert authorizer.next(client_of("new", 5), client_of("new", 2)) == [None, REVOKED]


def test_a_listed_change_is_loaded_at_once_although_the_partition_was_loaded_recently(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    authorizer.clock.advance(INTERVAL - 1)
    assert authorizer.deny_reason(client_of(3)) is None
    storage.put("crl/3.crl", partition(3, 1, number=2))
    authorizer.clock.advance(1)
    assert authorizer.deny_reason(client_of(3)) == REVOKED


@pytest.mark.parametrize(
    "uri",
    [
        "http://ca.example/crls/missing.crl",
        "http://ca.example/",
        "http://ca.example/crls/3.crl/..",
        "http://ca.example/crls/..%2f..%2ftruststore.pem",
        "file:///truststore.pem",
        "file:///secret.crl",
        "http://ca.example/secret.crl",
        "http://ca.example/acm-pca-permission-test-key",
        "http://ca.example/3.crl.index",
        "s3://crl/../secret.crl",
        "http://ca.example/%00",
        "http://ca.example/\xff.crl",
    ],
)
def test_nothing_is_requested_that_was_not_listed_whatever_a_certificate_names(storage: Memory, uri: str) -> None:
    storage.put("secret.crl", partition(None))
    authorizer = PrefixAuthorizer(storage)
    certificate = client_of(uri)
    for _ in range(3):
        assert authorizer.deny_reason(certificate) == UNKNOWN
        assert authorizer.next(certificate) == [UNKNOWN]
    # One that cannot be the name of a CRL makes the authorizer read each listed CRL once.
    listed = [] if uri.endswith(".crl") else [f"crl/{part}.crl" for part in range(MANY)]
    assert sorted(delivered(storage)) == sorted(listed)


@pytest.mark.parametrize("uri", ["http://other.example/a/3.crl?x=/4.crl#/5.crl", "http://ca.example/%33.crl"])
def test_the_name_is_the_last_segment_of_the_path_and_the_crl_decides(storage: Memory, uri: str) -> None:
    authorizer = PrefixAuthorizer(storage)
    # It was issued for another distribution point.
    assert authorizer.deny_reason(client_of(uri)) == UNKNOWN
    assert delivered(storage) == ["crl/3.crl"]
    # Listed is revoked, whatever the scope.
    assert authorizer.deny_reason(client_of(uri, 2)) == REVOKED


def test_a_crl_under_the_name_of_another_one_covers_only_its_own_certificates(storage: Memory) -> None:
    storage.put("crl/3.crl", partition(4, 2))
    assert PrefixAuthorizer(storage).deny_reasons(client_of(3), client_of(3, 2)) == [UNKNOWN, REVOKED]


def test_all_crls_with_the_name_are_loaded_from_whatever_folder(storage: Memory) -> None:
    storage.put("crl/other/3.crl", partition(3, 2, ca=OTHER))
    storage.put("crl/other/old/3.crl", partition(3, number=0))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2), client_of(3, ca=OTHER), client_of(3, 2, OTHER)) == [
        *(None, REVOKED, None, REVOKED)
    ]
    assert sorted(delivered(storage)) == ["crl/3.crl", "crl/other/3.crl", "crl/other/old/3.crl"]


def test_a_failed_request_is_repeated_after_a_while_and_not_by_every_request(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.errors["crl/3.crl"] = StoreError("crl/3.crl", "500")
    for mode, deny_reason in (("deny", UNKNOWN), ("allow", None)):
        authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE=mode)
        assert [authorizer.deny_reason(client_of(3, serial)) for serial in range(5, 15)] == [deny_reason] * 10
        assert delivered(storage) == ["crl/3.crl"]
        assert authorizer.live.take_failures() == 0  # it was reported with the first decision
        authorizer.clock.advance(10)
        assert [authorizer.deny_reason(client_of(3, serial)) for serial in range(5, 15)] == [deny_reason] * 10
        assert delivered(storage) == ["crl/3.crl"]
    failed = [record for record in log.records if record.getMessage() == "document refresh failed"]
    assert {record.__dict__["uri"] for record in failed} == {"file:///crl/3.crl"}
    storage.errors.clear()
    authorizer.clock.advance(10)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]


def test_a_failed_request_is_repeated_soon_after_the_crl_in_force_became_stale(storage: Memory) -> None:
    storage.put("crl/3.crl", partition(3, next_update=NOW + MINUTE))
    authorizer = PrefixAuthorizer(storage, CRL_REFRESH_SECONDS="3600")
    assert authorizer.deny_reasons(client_of(3), client_of(4)) == [None, None]
    storage.put("crl/3.crl", partition(3, 2, number=2))
    storage.errors["crl/3.crl"] = StoreError("crl/3.crl", "500")
    authorizer.clock.advance(3600)
    assert authorizer.deny_reason(client_of(3)) is None
    authorizer.now = NOW + 2 * MINUTE
    storage.errors.clear()
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]


@pytest.mark.parametrize("content", [HTML, b"", partition(3)[:-1], partition(3, ca=authority("CA"))])
def test_one_invalid_crl_affects_no_other(storage: Memory, content: bytes) -> None:
    storage.put("crl/3.crl", content)
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(4), client_of(4, 2)) == [UNKNOWN, None, REVOKED]
    storage.put("crl/3.crl", partition(3, 2))
    assert authorizer.next(client_of(3), client_of(3, 2)) == [None, REVOKED]
    storage.put("crl/3.crl", content)
    # The last good one stays in force.
    assert authorizer.next(client_of(3), client_of(3, 2)) == [None, REVOKED]


def test_an_older_crl_replaces_none_and_a_stale_one_proves_nothing(storage: Memory) -> None:
    storage.put("crl/3.crl", partition(3, 2, number=5))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]
    storage.put("crl/3.crl", partition(3, number=4))
    assert authorizer.next(client_of(3), client_of(3, 2)) == [None, REVOKED]
    storage.put("crl/4.crl", partition(4, 2, next_update=NOW - MINUTE))
    assert authorizer.next(client_of(4), client_of(4, 2)) == [UNKNOWN, REVOKED]


def test_a_listing_that_fails_changes_nothing(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]
    storage.put("crl/3.crl", partition(3, 1, number=2))
    storage.fails_to_list = True
    assert authorizer.next(client_of(3), client_of(3, 2), client_of(4)) == [None, REVOKED, None]
    storage.fails_to_list = False
    assert authorizer.next(client_of(3)) == [REVOKED]
    storage.fails_to_list = True
    assert PrefixAuthorizer(storage).deny_reasons(client_of(3), client_of(3, 2)) == [UNKNOWN, UNKNOWN]


NESTED = pytest.mark.parametrize("uris", ["file:///crl/,file:///crl/a/", "file:///crl/a/,file:///crl/"])


@NESTED
def test_of_nested_prefixes_the_listing_that_began_last_decides(
    storage: Memory, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture, uris: str
) -> None:
    list_prefix, wait = storage.documents, Attempt.wait
    failing: list[str] = []
    hanging: dict[str, threading.Event] = {}

    def documents(uri: str, suffixes: tuple[str, ...]) -> dict[str, Listed]:
        listed = list_prefix(uri, suffixes)
        if uri in failing:
            raise StoreError(uri, "throttled")
        assert uri not in hanging or hanging[uri].wait(LONG)
        return listed

    monkeypatch.setattr(storage, "documents", documents)

    def wait_for_others(attempt: Attempt[Any, Any], seconds: float) -> None:
        if attempt._loader.uri not in hanging:  # noqa: SLF001 -- what it waits for
            wait(attempt, seconds)

    monkeypatch.setattr(Attempt, "wait", wait_for_others)
    storage.put("crl/a/99.crl", partition(99))
    authorizer = PrefixAuthorizer(storage, uris)
    clients = [client_of(99, serial) for serial in (1, 2, 3, 4)]
    assert authorizer.deny_reasons(*clients) == [None] * 4
    failing.append("file:///crl/a/")
    storage.put("crl/a/99.crl", partition(99, 1, number=2))
    assert authorizer.next(*clients) == [REVOKED, None, None, None]
    failing[:] = ["file:///crl/"]
    storage.put("crl/a/99.crl", partition(99, 1, 2, number=3))
    assert authorizer.next(*clients) == [REVOKED, REVOKED, None, None]
    # Now, both fail, and then the one that failed last can be listed again.
    failing.append("file:///crl/a/")
    storage.put("crl/a/99.crl", partition(99, 1, 2, 3, number=4))
    assert authorizer.next(*clients) == [REVOKED, REVOKED, None, None]
    failing[:] = ["file:///crl/"]
    assert authorizer.next(*clients) == [REVOKED, REVOKED, REVOKED, None]
    # The other one hangs, ends later, and was outdated then.
    failing.clear()
    hanging["file:///crl/a/"] = threading.Event()
    assert authorizer.next(*clients) == [REVOKED, REVOKED, REVOKED, None]
    storage.put("crl/a/99.crl", partition(99, 1, 2, 3, 4, number=5))
    assert authorizer.next(*clients) == [REVOKED] * 4
    failing.append("file:///crl/a/")
    hanging.pop("file:///crl/a/").set()
    join_attempts()
    assert authorizer.deny_reasons(*clients) == [REVOKED] * 4
    assert "revocation list removed" not in log.messages
    storage.remove("crl/a/99.crl")
    assert authorizer.next(*clients) == [REVOKED] * 4
    assert "revocation list removed" in log.messages


@NESTED
def test_a_small_prefix_is_loaded_completely_by_the_listing_of_a_larger_one_if_its_own_fails(
    storage: Memory, monkeypatch: pytest.MonkeyPatch, uris: str
) -> None:
    list_prefix = storage.documents

    def documents(uri: str, suffixes: tuple[str, ...]) -> dict[str, Listed]:
        if uri == "file:///crl/a/":
            raise StoreError(uri, "throttled")
        return list_prefix(uri, suffixes)

    monkeypatch.setattr(storage, "documents", documents)
    storage.put("crl/3.crl", partition(3))
    storage.put("crl/a/delta.crl", partition(3, 2, number=2, extensions=[IS_DELTA]))
    assert PrefixAuthorizer(storage, uris).deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]


@pytest.mark.parametrize("place", ["crl/a.crl", "single.crl"])
def test_a_crl_that_was_renamed_has_a_successor(storage: Memory, place: str) -> None:
    """It is at two places, and outdated at one of them."""
    clients = client_of(None, 1, OTHER), client_of(None, 2, OTHER)
    ends = NOW + 10 * MINUTE
    content = partition(None, 2, ca=OTHER, next_update=ends)
    storage.put("crl/z.crl", content)
    authorizer = PrefixAuthorizer(storage, "file:///single.crl,file:///crl/", CRL_REFRESH_SECONDS="3600")
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]
    storage.remove("crl/z.crl")
    storage.put(place, content)
    authorizer.clock.advance(3600)
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]
    revocation = authorizer.live.get().revocation
    assert revocation
    assert revocation.earliest_next_update == ends
    status = revocation.status(PeerCertificate.from_pem(clients[0]), NOW)
    assert status.location == storage.uri(place)
    storage.put(place, partition(None, 2, ca=OTHER, number=2))
    authorizer.now = ends
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]


@SMALL_MEMORY
def test_a_crl_that_was_removed_keeps_revoking_until_it_expires(storage: Memory, log: pytest.LogCaptureFixture) -> None:
    storage.put("crl/3.crl", partition(3, 22))
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow")
    assert authorizer.deny_reasons(client_of(3), client_of(3, 22)) == [None, REVOKED]
    storage.remove("crl/3.crl")
    for part in range(10):
        storage.put(f"crl/more/{part}.crl", partition(part, ca=OTHER, next_update=NOW + 3 * DAY))
    others = [client_of(part, ca=OTHER) for part in range(10)]
    # However many others are loaded after it, and however often they are replaced.
    for number in (2, 3):
        assert authorizer.next(*others) == [None] * 10
        assert authorizer.deny_reason(client_of(3, 22)) == REVOKED
        storage.put("crl/more/0.crl", partition(0, ca=OTHER, number=number, next_update=NOW + 3 * DAY))
        removed = [vars(record) for record in log.records if record.getMessage() == "revocation list removed"]
        assert [(fields["document"], fields["uri"]) for fields in removed] == [("crl", "file:///crl/3.crl")]
    # After that, it is evicted like others.
    authorizer.now = NOW + 2 * DAY
    assert authorizer.next(*others) == [None] * 10
    assert authorizer.deny_reason(client_of(3, 22)) is None


@SMALL_MEMORY
def test_a_crl_that_was_removed_proves_nothing_good_after_a_newer_one_at_another_place_has_expired(
    storage: Memory,
) -> None:
    storage.put("crl/3.crl", partition(3, next_update=NOW + 9 * DAY))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 66)) == [None, None]
    storage.put("crl/new/3.crl", partition(3, 66, number=2))
    storage.remove("crl/3.crl")
    assert authorizer.next(client_of(3), client_of(3, 66)) == [None, REVOKED]
    authorizer.now = NOW + 2 * DAY
    storage.put("crl/new/3.crl", HTML)
    for part in range(5, 15):
        storage.put(f"crl/{part}.crl", partition(part, number=2, next_update=NOW + 9 * DAY))
    # The newer one is evicted.
    assert authorizer.next(*(client_of(part) for part in range(5, 15))) == [None] * 10
    assert authorizer.deny_reasons(client_of(3), client_of(3, 66)) == [UNKNOWN, UNKNOWN]


@SMALL_MEMORY
def test_an_evicted_crl_is_loaded_again_and_an_older_one_is_recognized(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("crl/3.crl", partition(3, 22, 66, number=5))
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow")
    others = [client_of(part) for part in range(5, 15)]
    certificates = (client_of(3), client_of(3, 22), client_of(3, 66))
    assert authorizer.deny_reasons(*certificates) == [None, REVOKED, REVOKED]
    for _ in range(2):
        authorizer.deny_reasons(*others)
        delivered(storage)
        assert authorizer.deny_reasons(*certificates) == [None, REVOKED, REVOKED]
        assert delivered(storage) == ["crl/3.crl"]
    authorizer.deny_reasons(*others)
    # What the older one lists is revoked, but it proves nothing good.
    storage.put("crl/3.crl", partition(3, 22, number=4))
    log.clear()
    deny = [UNKNOWN, REVOKED, UNKNOWN]
    assert authorizer.next(*certificates) == [None, REVOKED, None]
    assert [state(authorizer, each) for each in certificates] == deny
    errors = [str(record.__dict__.get("error")) for record in log.records]
    assert any("older than the one that was in force" in error for error in errors)
    assert authorizer.next(*certificates) == [None, REVOKED, None]
    storage.put("crl/3.crl", partition(3, 66, number=6))
    assert authorizer.next(*certificates) == [None, None, REVOKED]


@pytest.mark.parametrize("limit", ["bytes", "number"])
def test_the_crls_that_were_used_last_stay_in_memory(
    storage: Memory, limit_memory: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    if limit == "bytes":
        limit_memory(room_for(3))
    else:
        monkeypatch.setattr("mtls_authorizer.revocation.prefix.cache.MAX_CRLS", 3)
    authorizer = PrefixAuthorizer(storage)
    for part in (1, 2, 3, 1, 4):
        authorizer.deny_reason(client_of(part))
    delivered(storage)
    assert authorizer.deny_reasons(*map(client_of, (1, 3, 4))) == [None] * 3
    assert delivered(storage) == []
    authorizer.deny_reason(client_of(2))
    assert delivered(storage) == ["crl/2.crl"]


def test_failed_requests_are_counted_once_although_the_crl_is_evicted(
    storage: Memory, limit_memory: Callable[[int], None]
) -> None:
    limit_memory(room_for(2))
    storage.errors["crl/3.crl"] = StoreError("crl/3.crl", "500")
    live = PrefixAuthorizer(storage, LOG_DECISIONS="none").live
    lists = live.get().revocation
    assert lists is not None
    failures = []
    for part in (3, 3, *range(5, 15)):
        live.load_crls(lists.chains(PeerCertificate.from_pem(client_of(part))))
        failures.append(live.take_failures())
    assert failures == [1, *[0] * 11]


def state(authorizer: PrefixAuthorizer, certificate: str) -> str | None:
    """Return the deny reason at the time of the authorizer if unknown clients were denied."""
    lists = authorizer.live.get().revocation
    assert lists is not None
    return {"good": None, "revoked": REVOKED, "unknown": UNKNOWN}[
        lists.status(PeerCertificate.from_pem(certificate), authorizer.now).state
    ]


@SMALL_MEMORY
@pytest.mark.parametrize("is_evicted", [False, True])
def test_the_crl_of_a_ca_that_has_restarted_its_numbers_is_used_when_the_earlier_one_has_expired(
    storage: Memory, log: pytest.LogCaptureFixture, *, is_evicted: bool
) -> None:
    storage.put("crl/3.crl", partition(3, 22, number=500))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(3)) is None
    if is_evicted:
        use_others(authorizer)
    storage.put("crl/3.crl", partition(3, 66, number=1, this_update=NOW - MINUTE, next_update=NOW + 9 * DAY))
    authorizer.next(client_of(3))
    assert [state(authorizer, client_of(3, serial)) for serial in (1, 66)] == [UNKNOWN if is_evicted else None, REVOKED]
    for _ in range(3):
        authorizer.next(client_of(3))
    assert [record.getMessage() for record in log.records].count("revocation list not used") == 1
    authorizer.now = NOW + 2 * DAY
    authorizer.next(client_of(3))
    assert [state(authorizer, client_of(3, serial)) for serial in (1, 66)] == [None, REVOKED]
    # That has become the newest one.
    storage.put("crl/3.crl", partition(3, number=500, next_update=NOW + 9 * DAY))
    authorizer.next(client_of(3))
    assert [state(authorizer, client_of(3, serial)) for serial in (1, 66)] == [None, REVOKED]


@SMALL_MEMORY
@pytest.mark.parametrize("ca", [OTHER, CA])
def test_a_crl_with_a_restarted_number_is_used_after_the_evicted_one_has_expired_although_others_are_searched(
    storage: Memory, ca: CertificateAuthority
) -> None:
    storage.put("crl/partner.crl", partition(None, number=500, ca=OTHER))
    authorizer, client = PrefixAuthorizer(storage), client_of(None, ca=OTHER)
    assert authorizer.next(client) == [None]
    use_others(authorizer)
    new = partition(None, number=1, ca=OTHER, this_update=NOW - MINUTE, next_update=NOW + 9 * DAY)
    storage.put("crl/partner.crl", new)
    assert authorizer.next(client) == [UNKNOWN]
    for part in range(MANY, MANY + 20):
        storage.put(f"crl/{part}.crl", partition(part, 2))
    authorizer.next(client_of(3))
    authorizer.now = NOW + 2 * DAY
    # The first request, of any client, finds that it has expired.
    authorizer.deny_reason(client_of(None, ca=ca))
    assert authorizer.deny_reason(client) is None


@SMALL_MEMORY
@pytest.mark.parametrize("is_evicted", [False, True])
def test_the_crl_that_a_ca_issued_before_it_restarted_its_numbers_proves_nothing_good_afterwards(
    storage: Memory, *, is_evicted: bool
) -> None:
    earlier = partition(3, number=500)
    storage.put("crl/3.crl", earlier)
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 66)) == [None, None]
    storage.put("crl/3.crl", partition(3, 66, number=1, this_update=NOW - MINUTE))
    assert authorizer.next(client_of(3), client_of(3, 66)) == [None, REVOKED]
    storage.put("crl/3.crl", earlier)
    if is_evicted:
        use_others(authorizer)
    # In memory, the later one is still in force.
    assert authorizer.next(client_of(3), client_of(3, 66)) == ([UNKNOWN, UNKNOWN] if is_evicted else [None, REVOKED])


@SMALL_MEMORY
@pytest.mark.parametrize("is_removed", [False, True])
def test_the_crl_of_a_ca_that_has_restarted_its_numbers_is_used_at_another_place(
    storage: Memory, *, is_removed: bool
) -> None:
    clients = [client_of(3, serial) for serial in (1, 22, 66)]
    storage.put("crl/3.crl", partition(3, 22, number=500))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(*clients) == [None, REVOKED, None]
    storage.put("crl/new/3.crl", partition(3, 66, number=1, this_update=NOW - MINUTE))
    if is_removed:
        storage.remove("crl/3.crl")
    for _ in range(3):
        assert authorizer.next(*clients) == [None, REVOKED, REVOKED]
    # Also if it is loaded again after others.
    use_others(authorizer)
    assert authorizer.next(*clients) == [None, REVOKED, REVOKED]
    if not is_removed:
        # An earlier one, which does not revoke what the removed one did, takes its place.
        storage.put("crl/3.crl", partition(3, number=499))
        use_others(authorizer)
        assert authorizer.next(*clients) == [UNKNOWN, UNKNOWN, REVOKED]


@SMALL_MEMORY
def test_a_crl_with_a_lower_number_and_the_same_date_is_rolled_back_even_if_the_earlier_one_has_expired(
    storage: Memory,
) -> None:
    storage.put("crl/3.crl", partition(3, 22, number=5, this_update=NOW - MINUTE))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 22)) == [None, REVOKED]
    use_others(authorizer)
    storage.put("crl/3.crl", partition(3, number=4, this_update=NOW - MINUTE, next_update=NOW + 9 * DAY))
    authorizer.now = NOW + 2 * DAY
    assert authorizer.next(client_of(3), client_of(3, 22)) == [UNKNOWN, UNKNOWN]


@SMALL_MEMORY
def test_a_crl_whose_time_came_while_it_was_in_memory_is_remembered(storage: Memory) -> None:
    storage.put("crl/3.crl", partition(3, 22, number=2, this_update=NOW + DAY, next_update=NOW + 9 * DAY))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(3)) == UNKNOWN
    authorizer.now = NOW + 2 * DAY
    authorizer.next(client_of(3))
    assert state(authorizer, client_of(3)) is None
    use_others(authorizer)
    storage.put("crl/3.crl", partition(3, next_update=NOW + 9 * DAY))
    authorizer.next(client_of(3))
    assert state(authorizer, client_of(3)) == UNKNOWN


@pytest.mark.parametrize("uris", ["file:///crl/", "file:///crl/3.crl"])
def test_a_newer_crl_that_has_expired_does_not_make_the_earlier_one_unusable(storage: Memory, uris: str) -> None:
    authorizer = PrefixAuthorizer(storage, uris)
    assert authorizer.deny_reason(client_of(3)) is None
    storage.put("crl/3.crl", partition(3, 66, number=2, next_update=NOW - MINUTE))
    for _ in range(2):
        assert authorizer.next(client_of(3), client_of(3, 2), client_of(3, 66)) == [None, REVOKED, REVOKED]


@SMALL_MEMORY
def test_no_certificate_that_an_evicted_delta_crl_revokes_is_good_while_it_cannot_be_read(storage: Memory) -> None:
    for part in range(MANY):
        storage.put(f"crl/{part}.crl", partition(part, 2, ca=OTHER))
    storage.put("crl/ca.crl", partition(None, 22))
    storage.put("crl/ca+.crl", CA.revoke(entry(66), this_update=NOW, extensions=[crl_number(2), IS_DELTA]))
    authorizer = PrefixAuthorizer(storage)
    named = pem(
        CA.issue(
            5,
            subject=name(("CN", "client")),
            not_before=NOW - DAY,
            not_after=NOW + 100 * DAY,
            extensions=[points(point_uri("ca"), point_uri("ca+"))],
        )
    )
    clients = [client_of("ca", serial) for serial in (1, 22, 66)]
    assert authorizer.next(named, *clients) == [None, None, REVOKED, REVOKED]
    storage.errors["crl/ca+.crl"] = StoreError("file:///crl/ca+.crl", "500")
    authorizer.deny_reasons(*(client_of(part, ca=OTHER) for part in range(5, 15)))
    assert authorizer.next(*clients) == [UNKNOWN, REVOKED, UNKNOWN]
    storage.errors.clear()
    assert authorizer.next(*clients) == [None, REVOKED, REVOKED]


@SMALL_MEMORY
@pytest.mark.parametrize("places", [("crl/3.crl", "crl/new/3.crl"), ("crl/new/3.crl", "crl/3.crl")])
def test_a_newer_crl_at_another_place_that_has_expired_does_not_make_the_earlier_one_unusable(
    storage: Memory, places: tuple[str, str]
) -> None:
    earlier, newer = places
    storage.put(earlier, partition(3, 22, next_update=NOW + 9 * DAY))
    storage.put(newer, partition(3, 22, 66, number=2, next_update=NOW + MINUTE))
    authorizer = PrefixAuthorizer(storage)
    clients = [client_of(3), client_of(3, 22), client_of(3, 66)]
    for _ in range(3):
        assert authorizer.next(*clients) == [None, REVOKED, REVOKED]
        authorizer.now += MINUTE
        # Both are evicted, and loaded again together.
        use_others(authorizer)
    storage.put(newer, HTML)
    # Without the newer one, the earlier one proves nothing good.
    assert authorizer.next(*clients) == [UNKNOWN, REVOKED, UNKNOWN]


@SMALL_MEMORY
def test_a_single_crl_that_is_older_than_an_evicted_one_proves_nothing_good(storage: Memory) -> None:
    storage.put("crl/3.crl", partition(3, 22, 66, number=2))
    storage.put("single.crl", partition(3, 22))
    authorizer = PrefixAuthorizer(storage, "file:///single.crl,file:///crl/")
    clients = [client_of(3), client_of(3, 22), client_of(3, 66)]
    assert authorizer.next(*clients) == [None, REVOKED, REVOKED]
    storage.put("crl/3.crl", HTML)
    use_others(authorizer)
    assert authorizer.next(*clients) == [UNKNOWN, REVOKED, UNKNOWN]
    storage.put("single.crl", partition(3, 22, 66, number=3))
    assert authorizer.next(*clients) == [None, REVOKED, REVOKED]


def test_no_certificate_that_a_displaced_crl_revokes_is_good(storage: Memory) -> None:
    authorities = [authority(f"CA {number}") for number in range(MAX_RETAINED_LISTS + 2)]
    storage.put("truststore.pem", CA.pem + OTHER.pem + b"".join(each.pem for each in authorities))
    authorizer = PrefixAuthorizer(storage)
    for ca in authorities:
        storage.put("crl/same.crl", partition(None, 66, number=7, ca=ca))
        assert authorizer.next(client_of(None, 66, ca)) == [REVOKED]
    displaced = [ca for ca in authorities if authorizer.deny_reason(client_of(None, 66, ca)) == UNKNOWN]
    assert displaced
    for number, expected in ((6, [UNKNOWN, UNKNOWN]), (8, [None, REVOKED])):
        for place, ca in enumerate(displaced):
            revoked = () if number == 6 else (66,)
            storage.put(f"crl/copy-{place}.crl", partition(None, *revoked, number=number, ca=ca))
            assert authorizer.next(client_of(None, 1, ca), client_of(None, 66, ca)) == expected


@SMALL_MEMORY
def test_a_single_crl_that_is_older_than_an_evicted_one_is_reported_once_although_others_are_searched(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    storage.put("crl/3.crl", partition(3, 22, 66, number=2))
    storage.put("single.crl", partition(3, 22))
    authorizer = PrefixAuthorizer(storage, "file:///single.crl,file:///crl/")
    assert authorizer.next(client_of(3)) == [None]
    storage.put("crl/3.crl", HTML)
    use_others(authorizer)
    for part in range(MANY, MANY + 3):
        assert authorizer.next(client_of(3)) == [UNKNOWN]
        storage.put(f"crl/{part}.crl", partition(part, 2))
        assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
    assert [record.getMessage() for record in log.records].count("revocation list not used") == 1


def test_crls_of_a_small_prefix_are_as_good_as_single_ones() -> None:
    storage = trusting(CA, OTHER)
    storage.put("crl/ca.crl", partition(None, next_update=NOW + 9 * DAY))
    storage.put("crl/expired.crl", partition(None, 66, number=2, next_update=NOW - MINUTE))
    for uris in ("file:///crl/", "file:///crl/ca.crl,file:///crl/expired.crl"):
        assert PrefixAuthorizer(storage, uris).next(client_of(None), client_of(None, 66)) == [None, REVOKED]


def test_an_earlier_crl_whose_successor_becomes_valid_is_not_reported(
    storage: Memory, log: pytest.LogCaptureFixture
) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(3)) is None
    storage.put("crl/3.crl", partition(3, 66, number=2, this_update=NOW + MINUTE))
    assert authorizer.next(client_of(3), client_of(3, 66)) == [None, REVOKED]
    log.clear()
    authorizer.now = NOW + 2 * MINUTE
    assert authorizer.next(client_of(3), client_of(3, 2)) == [None, None]
    assert "revocation list not used" not in [record.getMessage() for record in log.records]


def test_a_small_prefix_is_loaded_completely_so_that_no_certificate_has_to_name_a_crl() -> None:
    storage = trusting(CA, OTHER, MIDDLE)
    storage.put("crl/one.crl", partition(None, 2))
    storage.put("crl/two/a.crl", partition(None, 2, ca=OTHER))
    storage.put("crl/two/b.crl", partition(None, 2, ca=MIDDLE))
    authorizer = PrefixAuthorizer(storage)
    assert sorted(delivered(storage)) == ["crl/one.crl", "crl/two/a.crl", "crl/two/b.crl"]
    for ca in (CA, OTHER, MIDDLE):
        assert authorizer.deny_reasons(client_of(None, ca=ca), client_of("any", 2, ca)) == [None, REVOKED]
    # The CRL of a higher CA applies.
    storage.put("crl/one.crl", partition(None, 2, 77, number=2))
    assert authorizer.next(client_of(None, ca=MIDDLE), client_of(None)) == [REVOKED, None]
    assert delivered(storage) == ["crl/one.crl"]


@pytest.mark.parametrize("excess", [0, 1])
def test_a_prefix_is_small_with_up_to_16_crls(excess: int) -> None:
    storage = trusting(CA)
    names = [f"crl/{part}.crl" for part in range(LOADED_COMPLETELY + excess)]
    for part, uri in enumerate(names):
        storage.put(uri, partition(part))
    PrefixAuthorizer(storage)
    assert sorted(delivered(storage)) == ([] if excess else sorted(names))


def test_a_small_prefix_of_large_crls_is_not_loaded_at_the_start(limit_memory: Callable[[int], None]) -> None:
    storage = trusting(CA, OTHER)
    for part in range(5):
        storage.put(f"crl/{part}.crl", partition(part, 2))
    largest = len(partition(1, 2))
    limit_memory(2 * largest)
    authorizer = PrefixAuthorizer(storage)
    assert delivered(storage) == []
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]
    assert delivered(storage) == ["crl/3.crl"]
    # One that is too large is not read, and does not count.
    for part in range(1, 5):
        storage.remove(f"crl/{part}.crl")
    storage.put("crl/huge.crl", bytes(3 * largest))
    assert PrefixAuthorizer(storage).deny_reason(client_of(0)) is None
    assert "crl/0.crl" in delivered(storage)


def test_larger_objects_in_a_small_prefix_do_not_hide_the_crl_of_a_root(limit_memory: Callable[[int], None]) -> None:
    storage = trusting(CA, MIDDLE)
    storage.put("crl/root.crl", partition(None, 77))
    storage.put("crl/middle.crl", partition("middle", 2, ca=MIDDLE, padding=60))
    for uri, size in (("junk", 10_000), ("a", 600), ("b", 600)):
        storage.put(f"crl/{uri}.crl", bytes(size))
    limit_memory(10_000)
    authorizer = PrefixAuthorizer(storage)
    assert "crl/root.crl" in delivered(storage)
    assert authorizer.deny_reason(client_of("middle", ca=MIDDLE)) == REVOKED


def test_a_large_object_in_an_earlier_prefix_does_not_hide_the_crl_of_a_root(
    limit_memory: Callable[[int], None],
) -> None:
    storage = trusting(CA, MIDDLE)
    storage.put("partner/junk.crl", bytes(9_900))
    storage.put("crl/root.crl", partition(None, 77))
    storage.put("crl/middle.crl", partition("middle", 2, ca=MIDDLE, padding=60))
    limit_memory(10_000)
    authorizer = PrefixAuthorizer(storage, "file:///partner/,file:///crl/")
    assert sorted(delivered(storage)) == ["crl/middle.crl", "crl/root.crl"]
    assert authorizer.deny_reason(client_of("middle", ca=MIDDLE)) == REVOKED


def test_a_large_index_beside_a_tiny_object_does_not_hide_the_crl_of_a_root(
    limit_memory: Callable[[int], None],
) -> None:
    storage = trusting(CA, MIDDLE)
    # The indexer keeps the index of a large CRL that was replaced by something invalid.
    storage.put("crl/tiny.crl", b"-")
    storage.put("crl/tiny.crl.index", bytes(1_200))
    storage.put("crl/junk.crl", bytes(9_900))
    storage.put("crl/root.crl", partition(None, 77))
    storage.put("crl/middle.crl", partition("middle", 2, ca=MIDDLE, padding=60))
    limit_memory(10_000)
    authorizer = PrefixAuthorizer(storage)
    assert delivered(storage) == ["crl/root.crl"]
    assert authorizer.deny_reason(client_of("middle", ca=MIDDLE)) == REVOKED


def test_an_unchanged_listing_is_not_loaded_again(storage: Memory, log: pytest.LogCaptureFixture) -> None:
    authorizer = PrefixAuthorizer(storage)
    log.clear()
    authorizer.next(client_of(3))
    assert len(storage.listings) == 2
    loaded = [vars(record)["document"] for record in log.records if record.getMessage() == "document loaded"]
    assert loaded == ["crl"]


def test_a_request_does_not_add_up_the_sizes_of_all_crls_in_a_large_prefix() -> None:
    class Size(int):
        can_be_compared = True

        def __le__(self, other: int) -> bool:
            assert self.can_be_compared, "there may be a hundred thousand sizes to compare"
            return int(self) <= other

    class Listing(Memory):
        def documents(self, uri: str, suffixes: tuple[str, ...]) -> dict[str, Listed]:
            listed = super().documents(uri, suffixes)
            return {each: found._replace(size=Size(found.size)) for each, found in listed.items()}

    memory = Listing()
    for part in range(MANY):
        memory.put(f"crl/{part}.crl", partition(part))
    catalog = CrlCatalog([memory.open_prefix("file:///crl/")], 1000)
    Refresher(catalog.documents, INTERVAL, start_seconds=LONG).start()
    assert catalog.update()
    assert len(catalog.listing.crls) == MANY
    Size.can_be_compared = False
    assert catalog.needed(()) == []


def test_crls_that_are_loaded_at_once_are_no_larger_together_than_one_may_be(
    storage: Memory, monkeypatch: pytest.MonkeyPatch, limit_memory: Callable[[int], None]
) -> None:
    largest = len(partition("same", ca=OTHER))
    limit_memory(3 * largest)
    batches: list[int] = []

    def counted(refreshers: Sequence[Refresher], wait_seconds: float) -> bool:
        batches.append(len(refreshers))
        return refresh_together(refreshers, wait_seconds)

    monkeypatch.setattr("mtls_authorizer.revocation.prefix.prefix_crls.refresh_together", counted)
    for folder in range(7):
        storage.put(f"crl/{folder}/same.crl", partition("same", ca=OTHER))
    assert PrefixAuthorizer(storage).deny_reason(client_of("same", ca=OTHER)) is None
    assert max(batches) <= 3
    assert sum(batches) == 7


@pytest.mark.parametrize("names_them", [False, True])
def test_crls_of_others_that_are_read_for_a_certificate_take_no_more_memory_than_one_crl_may_have(
    monkeypatch: pytest.MonkeyPatch, limit_memory: Callable[[int], None], *, names_them: bool
) -> None:
    parts = range(40)
    storage = trusting(CA, OTHER)
    for part in parts:
        storage.put(f"crl/{part}.crl", partition(part, 2))
    # It is named first, and found last.
    storage.put("crl/own.crl", partition("own" if names_them else None, 2, padding=10, ca=OTHER))
    limit_memory(room_for(8))
    authorizer = PrefixAuthorizer(storage)
    counts: list[int] = []

    def counted(refreshers: Sequence[Refresher], wait_seconds: float) -> bool:
        is_new = refresh_together(refreshers, wait_seconds)
        counts.append(len(authorizer.loaded_crls()))
        return is_new

    monkeypatch.setattr("mtls_authorizer.revocation.prefix.prefix_crls.refresh_together", counted)
    named = points(*map(point_uri, ("own", *parts)))
    for serial_number, expected in ((1, None), (2, REVOKED)):
        issued = OTHER.issue(
            serial_number,
            subject=name(("CN", "client")),
            not_before=NOW - DAY,
            not_after=NOW + DAY,
            extensions=[named] if names_them else [],
        )
        assert authorizer.deny_reason(pem(issued)) == expected
        assert "file:///crl/own.crl" in authorizer.loaded_crls()
        assert len(authorizer.loaded_crls()) <= 8
    # Together with those that were just loaded.
    assert max(counts) <= 16
    # Each was read once.
    assert len(delivered(storage)) == 41


def test_the_size_of_an_index_is_its_own(storage: Memory, limit_memory: Callable[[int], None]) -> None:
    crls = [partition(part, 2, 2**1600, padding=20) for part in range(MANY)]
    for part, encoded in enumerate(crls):
        storage.put(f"crl/{part}.crl", encoded)
        storage.put(f"crl/{part}.crl.index", index_of(encoded))
    size = len(index_of(crls[0]))
    assert size > 4 * max(map(len, crls))
    limit_memory(3 * size)
    authorizer = PrefixAuthorizer(storage)
    for part in range(MANY):
        assert authorizer.deny_reasons(client_of(part), client_of(part, 2)) == [None, REVOKED]
        assert len(authorizer.loaded_crls()) <= 3
    # One that is too large is not read, and does not count.
    limit_memory(size - 1)
    for part in range(MANY):
        storage.errors[f"crl/{part}.crl.index"] = too_large(f"file:///crl/{part}.crl.index", size - 1)
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(*map(client_of, range(MANY))) == [None] * MANY
    assert len(authorizer.loaded_crls()) >= 3


def test_earlier_crls_that_are_still_in_memory_count(storage: Memory, limit_memory: Callable[[int], None]) -> None:
    """Their places may contain something smaller, such as an error page, or a CRL for other certificates."""
    large = [partition(part, 2, padding=100) for part in range(4)]
    limit_memory(max(map(len, large)) * 2 + 1000)
    authorizer = PrefixAuthorizer(storage)
    for part, content in enumerate((HTML, partition("other", 2), HTML, partition("another", 2))):
        storage.put(f"crl/{part}.crl", large[part])
        assert authorizer.next(client_of(part), client_of(part, 2)) == [None, REVOKED]
        storage.put(f"crl/{part}.crl", content)
        assert authorizer.next(client_of(part), client_of(part, 2)) == [None, REVOKED]
        assert len(set(authorizer.loaded_crls())) <= 2


def test_all_crls_that_are_kept_for_one_place_count(storage: Memory, limit_memory: Callable[[int], None]) -> None:
    """One whose time has not come does not replace the one before it."""
    limit_memory(len(partition(0, 2, padding=100)) * 5 // 2)
    authorizer = PrefixAuthorizer(storage)
    for part in range(2):
        storage.put(f"crl/{part}.crl", partition(part, 2, padding=100))
    assert authorizer.next(client_of(0), client_of(1)) == [None, None]
    assert len(set(authorizer.loaded_crls())) == 2
    storage.put("crl/1.crl", partition(1, 2, number=2, padding=100, this_update=NOW + DAY / 2, next_update=NOW + DAY))
    assert authorizer.next(client_of(1), client_of(1, 2)) == [None, REVOKED]
    assert authorizer.loaded_crls() == ["file:///crl/1.crl"] * 2


def test_a_crl_counts_before_it_was_loaded() -> None:
    crl = ListedCrl(cast("CrlLoader", SimpleNamespace(uri="file:///a.crl")), 60, Clock())
    assert not crl.use(CrlListing({"file:///a.crl": Listed("a.crl", "v1", 1000)}), 1000)
    assert crl.size == 1000


def test_small_prefixes_are_loaded_completely_as_long_as_they_fit_into_memory_together(
    limit_memory: Callable[[int], None],
) -> None:
    storage = trusting(CA)
    for folder in range(5):
        for part in range(3):
            storage.put(f"{folder}/{folder}{part}.crl", partition(f"{folder}{part}", 2))
    limit_memory(room_for(7))
    authorizer = PrefixAuthorizer(storage, ",".join(f"file:///{folder}/" for folder in range(5)))
    assert sorted(authorizer.loaded_crls()) == [
        f"file:///{folder}/{folder}{part}.crl" for folder in range(2) for part in range(3)
    ]
    for folder in range(5):
        assert authorizer.deny_reasons(client_of(f"{folder}1"), client_of(f"{folder}1", 2)) == [None, REVOKED]
        assert len(authorizer.loaded_crls()) <= 7


def test_invalid_crls_with_the_same_name_do_not_hide_others(storage: Memory) -> None:
    for folder in range(100):
        storage.put(f"crl/{folder:03}/ca.crl", HTML)
    storage.put("crl/other/ca.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    client = client_of("http://ca.example/ca.crl", 1, OTHER)
    assert [authorizer.deny_reason(client) for _ in range(2)] == [UNKNOWN, None]


def test_crls_that_cannot_be_read_do_not_hide_others_with_the_same_name(storage: Memory) -> None:
    for folder in range(100):
        storage.put(f"crl/{folder:03}/ca.crl", HTML)
        storage.errors[f"crl/{folder:03}/ca.crl"] = StoreError(f"{folder}", "AccessDenied")
    storage.put("crl/other/ca.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    client = client_of("http://ca.example/ca.crl", 1, OTHER)
    assert [authorizer.deny_reason(client) for _ in range(2)] == [UNKNOWN, None]
    # They are read once they can be, and are not forgotten meanwhile.
    del storage.errors["crl/000/ca.crl"]
    storage.put("crl/000/ca.crl", partition(None, 1, number=2, ca=OTHER))
    for _ in range(2):
        assert authorizer.next(client) == [REVOKED]


def test_crls_that_cannot_be_read_do_not_hide_one_that_no_certificate_names(storage: Memory) -> None:
    for number in range(MAX_SEARCHED):
        storage.put(f"crl/small-{number}.crl", b"")
        storage.errors[f"crl/small-{number}.crl"] = StoreError(f"{number}", "AccessDenied")
    storage.put("crl/partner.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    client = client_of(None, 1, OTHER)
    assert authorizer.deny_reason(client) == UNKNOWN
    storage.put("crl/another.crl", partition("another", padding=50))
    assert authorizer.next(client, client_of(None, 2, OTHER)) == [None, REVOKED]


def test_in_a_large_prefix_a_crl_that_no_certificate_names_is_found_by_reading_the_smallest_first(
    storage: Memory,
) -> None:
    for part in range(MANY):
        storage.put(f"crl/{part}.crl", partition(part, 2, padding=50))
    storage.put("crl/partner.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [None, REVOKED]
    read = delivered(storage)
    assert "crl/partner.crl" in read[:8]
    assert len(read) == MANY + 1
    # It is known from now on, and kept up to date.
    storage.put("crl/partner.crl", partition(None, 1, number=2, ca=OTHER))
    assert authorizer.next(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [REVOKED, None]
    assert delivered(storage) == ["crl/partner.crl"]


@pytest.mark.parametrize("mode", ["deny", "allow"])
@pytest.mark.parametrize("before", [partition(None), partition("other", ca=OTHER)], ids=["issuer", "scope"])
def test_a_crl_that_no_certificate_names_is_found_in_place_of_one_that_did_not_cover_it(
    storage: Memory, before: bytes, mode: str
) -> None:
    storage.put("crl/ca.crl", before)
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE=mode)
    unknown = UNKNOWN if mode == "deny" else None
    assert authorizer.deny_reasons(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [unknown, unknown]
    # It may even be larger than all others.
    storage.put("crl/ca.crl", partition(None, 2, padding=50, number=2, ca=OTHER))
    delivered(storage)
    assert authorizer.next(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [None, REVOKED]
    assert delivered(storage) == ["crl/ca.crl"]


@pytest.mark.parametrize("mode", ["deny", "allow"])
@pytest.mark.parametrize("is_stale", [False, True])
@pytest.mark.parametrize("successor", ["ca.crl", "ca-2.crl"])
def test_a_crl_that_no_certificate_names_is_found_in_place_of_one_that_was_removed(
    storage: Memory, successor: str, mode: str, *, is_stale: bool
) -> None:
    clients = client_of(None, ca=OTHER), client_of(None, 2, OTHER)
    storage.put("crl/ca.crl", partition(None, ca=OTHER, next_update=NOW + MINUTE))
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE=mode)
    assert authorizer.deny_reasons(*clients) == [None, None]
    storage.remove("crl/ca.crl")
    # It stays in force until its nextUpdate.
    assert authorizer.next(*clients) == [None, None]
    authorizer.now += is_stale * 2 * MINUTE
    assert authorizer.next(*clients) == [UNKNOWN if is_stale and mode == "deny" else None] * 2
    storage.put(f"crl/{successor}", partition(None, 2, number=2, ca=OTHER))
    assert authorizer.next(*clients) == [None, REVOKED]
    delivered(storage)
    assert authorizer.next(*clients) == [None, REVOKED]
    assert delivered(storage) == []


@pytest.mark.parametrize(
    "replacement",
    [
        partition("other", ca=OTHER),
        partition(None, number=2, ca=OTHER, extensions=[IS_DELTA]),
        b"no CRL",
    ],
    ids=["another scope", "delta CRL", "no CRL"],
)
def test_a_crl_that_no_certificate_names_is_found_after_another_one_was_stored_in_place_of_its_predecessor(
    storage: Memory, replacement: bytes
) -> None:
    clients = client_of(None, ca=OTHER), client_of(None, 2, OTHER)
    storage.put("crl/ca.crl", partition(None, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(*clients) == [None, None]
    storage.put("crl/ca.crl", replacement)
    authorizer.next(client_of("other", ca=OTHER), *clients)
    storage.put("crl/ca-2.crl", partition(None, 2, number=3, ca=OTHER))
    assert authorizer.next(*clients) == [None, REVOKED]


def test_a_crl_that_no_certificate_names_is_found_next_to_a_stale_one(storage: Memory) -> None:
    clients = client_of(None, ca=OTHER), client_of(None, 2, OTHER)
    storage.put("crl/ca-1.crl", partition(None, ca=OTHER, next_update=NOW + MINUTE))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(*clients) == [None, None]
    storage.put("crl/ca-2.crl", partition(None, 2, number=2, padding=10, ca=OTHER))
    # While the first one is valid, no request waits for another one.
    authorizer.next(clients[0])
    join_attempts()
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]
    authorizer.now += 2 * MINUTE
    assert authorizer.next(*clients) == [None, REVOKED]
    # Also if the stale one, which is smaller, is read first.
    late = PrefixAuthorizer(storage)
    late.now = NOW + 2 * MINUTE
    assert late.deny_reasons(*clients) == [None, REVOKED]


def test_an_earlier_crl_anywhere_below_the_prefix_does_not_hide_the_current_one(storage: Memory) -> None:
    """Everybody can store a CRL that was published, and an earlier one is usually smaller, so that it is read first."""
    for part in range(MANY):
        storage.put(f"crl/{part}.crl", partition(part, 2, padding=50))
    storage.put("crl/ca/current.crl", partition(None, 2, number=2, padding=100, ca=OTHER))
    storage.put("crl/partner/earlier.crl", partition(None, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    clients = client_of(None, 2, OTHER), client_of(None, 1, OTHER)
    assert authorizer.deny_reasons(*clients) == [REVOKED, None]
    assert authorizer.next(*clients) == [REVOKED, None]


def test_no_request_waits_for_new_crls_if_another_one_proves_its_certificate_good(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[int, float]] = []

    def timed(refreshers: Sequence[Refresher], wait_seconds: float) -> bool:
        waits.append((len(refreshers), wait_seconds))
        return refresh_together(refreshers, wait_seconds)

    client = client_of(None, 1, OTHER)
    storage.put("crl/ca.crl", partition(None, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client) is None
    for count in range(12):
        storage.put(f"crl/new-{count}.crl", HTML)
        storage.errors[f"crl/new-{count}.crl"] = StoreError("crl/new.crl", "500")
    delivered(storage)
    monkeypatch.setattr("mtls_authorizer.revocation.prefix.prefix_crls.refresh_together", timed)
    assert authorizer.next(client) == [None]
    join_attempts()
    # At most eight at once. Those that fail do not prevent that others are read.
    assert len(delivered(storage)) == 8
    for _ in range(3):
        assert authorizer.deny_reason(client) is None
        join_attempts()
    assert len(delivered(storage)) == 4
    # The one that is known is loaded alone.
    assert {seconds for count, seconds in waits if count > 1} == {0}


def test_new_crls_that_cannot_be_read_leave_enough_attempts_for_certificates_that_are_not_proven_good(
    storage: Memory,
) -> None:
    storage.put("crl/ca.crl", partition(None, ca=OTHER))
    archived = [f"crl/archived-{count}.crl" for count in range(60)]
    for crl in archived:
        storage.put(crl, HTML)
        storage.errors[crl] = StoreError(crl, "InvalidObjectState")
    authorizer = PrefixAuthorizer(storage, CRL_REFRESH_SECONDS="300")
    # The limit is that of an interval which begins with the first search, some time after the listing.
    authorizer.clock.advance(240)
    for _ in range(5):
        for _ in range(8):
            assert authorizer.deny_reason(client_of(None, 1, OTHER)) is None
            join_attempts()
        authorizer.clock.advance(RETRY_SECONDS)
    # They are repeated, in half of the attempts.
    assert len(archived) < sum(crl in archived for crl in delivered(storage)) < MAX_SEARCHED // 2 + 8
    storage.put("crl/new.crl", partition(None, 2))
    authorizer.clock.advance(RETRY_SECONDS)
    assert authorizer.deny_reasons(client_of(None), client_of(None, 2), client_of(None, 1, OTHER)) == [
        None,
        REVOKED,
        None,
    ]
    # In the next interval, they are repeated again.
    delivered(storage)
    authorizer.clock.advance(300)
    assert authorizer.deny_reasons(client_of(None, 1, OTHER)) == [None]
    join_attempts()
    assert len(delivered(storage)) == 8


@SMALL_MEMORY
def test_no_request_waits_again_for_new_crls_that_cannot_be_read_when_its_own_was_evicted(storage: Memory) -> None:
    storage.put("crl/ca.crl", partition(None, ca=OTHER))
    storage.put("crl/archived.crl", HTML)
    storage.errors["crl/archived.crl"] = StoreError("crl/archived.crl", "InvalidObjectState")
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(None, 1, OTHER)) is None
    assert "crl/archived.crl" in delivered(storage)
    authorizer.deny_reasons(*(client_of(part) for part in range(5)))
    delivered(storage)
    authorizer.clock.advance(RETRY_SECONDS)
    assert authorizer.deny_reason(client_of(None, 1, OTHER)) is None
    assert delivered(storage) == ["crl/ca.crl"]


def test_crls_that_turn_out_to_be_of_others_are_evicted_first(
    storage: Memory, limit_memory: Callable[[int], None]
) -> None:
    limit_memory(room_for(10))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3)) == [None]
    storage.put("crl/ca.crl", partition(None, padding=1, ca=OTHER))
    assert authorizer.next(client_of(None, 1, OTHER)) == [None]
    delivered(storage)
    assert authorizer.deny_reasons(client_of(3, 2), client_of(None, 2, OTHER)) == [REVOKED, None]
    assert delivered(storage) == []


def test_a_replaced_crl_is_searched_again_until_it_was_read_and_after_those_that_were_never_read(
    storage: Memory, limit_memory: Callable[[int], None]
) -> None:
    new = partition("new", padding=50)
    limit_memory(len(new))  # one after the other
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) == UNKNOWN
    delivered(storage)
    storage.put("crl/3.crl", partition(None, 2, number=2, ca=OTHER))
    storage.errors["crl/3.crl"] = StoreError("crl/3.crl", "500")
    storage.put("crl/new.crl", new)
    assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
    assert delivered(storage) == ["crl/new.crl", "crl/3.crl"]
    assert authorizer.deny_reason(client_of(None, 5, ca=OTHER)) == UNKNOWN
    assert delivered(storage) == []
    storage.errors.clear()
    assert authorizer.next(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [None, REVOKED]


def test_an_invalid_crl_in_place_of_one_that_did_not_cover_a_certificate_is_read_once(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) == UNKNOWN
    delivered(storage)
    storage.put("crl/3.crl", HTML)
    assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
    assert delivered(storage) == ["crl/3.crl"]
    for _ in range(3):
        assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
        assert delivered(storage) == []


@SMALL_MEMORY
def test_invalid_crls_in_place_of_others_are_read_once_whatever_else_is_listed(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) == UNKNOWN
    for part in range(MANY):
        storage.put(f"crl/{part}.crl", bytes(len(partition(part, 2))))
    delivered(storage)
    assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
    assert sorted(delivered(storage)) == sorted(f"crl/{part}.crl" for part in range(MANY))
    for number in range(2):
        storage.put(f"crl/new-{number}.crl", HTML)
        assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
        assert delivered(storage) == [f"crl/new-{number}.crl"]


def test_replaced_crls_in_memory_count_among_those_that_are_read_in_an_interval(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(None, ca=OTHER), *map(client_of, range(MANY))) == [UNKNOWN] + [None] * MANY
    for part in range(MANY):
        storage.put(f"crl/{part}.crl", partition(part, 2, number=2))
    monkeypatch.setattr("mtls_authorizer.revocation.prefix.prefix_crls.MAX_SEARCHED", 10)
    delivered(storage)
    for expected in (8, 8, 4, 0):
        assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
        assert len(delivered(storage)) == expected


@SMALL_MEMORY
def test_a_crl_that_was_found_is_not_searched_again_after_it_was_evicted(storage: Memory) -> None:
    storage.put("crl/partner.crl", partition(None, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) is None
    authorizer.deny_reasons(client_of(15), client_of(16), client_of(17))
    delivered(storage)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) is None
    assert delivered(storage) == ["crl/partner.crl"]


@SMALL_MEMORY
def test_revocations_of_an_evicted_delta_crl_of_a_part_apply_although_no_certificate_names_it(storage: Memory) -> None:
    storage.put("crl/3+.crl", partition(3, 66, number=2, extensions=[IS_DELTA]))
    authorizer = PrefixAuthorizer(storage)
    # It is read, together with the others, to find the CRL of this client's CA.
    assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
    for _ in range(3):
        assert authorizer.next(client_of(3), client_of(3, 66)) == [None, REVOKED]
        use_others(authorizer)


@SMALL_MEMORY
@pytest.mark.parametrize("part", [None, "http://ca.example/odd"])
def test_revocations_of_an_evicted_crl_of_another_key_of_the_ca_apply(storage: Memory, part: str | None) -> None:
    earlier = authority("Renewed")
    renewed = authority("Renewed", parent=earlier)
    storage.put("truststore.pem", CA.pem + OTHER.pem + earlier.pem + renewed.pem)
    storage.put("crl/earlier-key.crl", partition(part, 66, ca=earlier))
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE="allow")
    for _ in range(3):
        assert authorizer.next(client_of(part, 66, renewed), client_of(part, 1, renewed)) == [REVOKED, None]
        use_others(authorizer)


@pytest.mark.parametrize("key_identifier", [b"new", b"old"])
def test_the_search_for_a_crl_does_not_end_at_one_that_proves_nothing_good_now(
    storage: Memory, key_identifier: bytes
) -> None:
    ca = authority("Renewed", key_identifier=b"new")
    storage.put("truststore.pem", CA.pem + OTHER.pem + ca.pem)

    def put(place: str, number: int, this_update: datetime, key_identifier: bytes) -> None:
        extensions = [crl_number(number), authority_key(key_identifier)]
        content = ca.revoke(this_update=this_update, next_update=NOW + 9 * DAY, extensions=extensions)
        storage.put(place, content)

    # Its time has not come, or it names another certificate of its CA.
    put("crl/unusable.crl", 1, NOW - DAY if key_identifier == b"old" else NOW + DAY, key_identifier)
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.next(client_of(None, ca=ca)) == [UNKNOWN]
    # Read after it, because it is new or in a later batch.
    put("crl/usable.crl", 2, NOW - MINUTE, b"new")
    for count in range(8):
        storage.put(f"crl/invalid-{count}.crl", HTML)
    for each in (authorizer, PrefixAuthorizer(storage)):
        assert each.next(client_of(None, ca=ca)) == [None]


def test_the_search_for_a_crl_does_not_end_at_a_smaller_delta_crl(storage: Memory) -> None:
    delta = OTHER.revoke(entry(1), this_update=NOW - DAY, next_update=NOW + DAY, extensions=[crl_number(2), IS_DELTA])
    storage.put("crl/partner+.crl", delta)
    for part in range(MANY):
        storage.put(f"crl/{part}.crl", partition(part, 2, padding=50))
    storage.put("crl/partner.crl", partition(None, 2, padding=20, ca=OTHER))
    clients = (client_of(None, serial_number, OTHER) for serial_number in (1, 2, 3))
    assert PrefixAuthorizer(storage).deny_reasons(*clients) == [REVOKED, REVOKED, None]


UNNAMEABLE = {
    "Vault and step-ca": "http://vault.example/v1/pki/crl",
    "EJBCA": "http://ejbca.example/certdist?cmd=crl&issuer=CN%3DX&partition=1",
    "django-ca": "http://django.example/crl/4A6B/",
    "AD CS": "ldap:///CN=CA,CN=CDP,DC=example?certificateRevocationList?base?objectClass=cRLDistributionPoint",
}


@pytest.mark.parametrize("uri", UNNAMEABLE.values(), ids=UNNAMEABLE)
@pytest.mark.parametrize("of_part", [False, True])
@pytest.mark.parametrize("others", [LOADED_COMPLETELY - 1, LOADED_COMPLETELY])
def test_a_crl_is_found_although_its_distribution_point_cannot_be_the_name_of_an_object(
    uri: str, *, of_part: bool, others: int
) -> None:
    storage = trusting(CA, OTHER)
    for part in range(others):
        storage.put(f"crl/{part}.crl", partition(part, 2))
    named = uri if of_part else None
    storage.put("crl/partner.crl", partition(named, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    client, other_client = (client_of(uri, serial_number, OTHER) for serial_number in (1, 2))
    assert authorizer.deny_reasons(client, other_client) == [None, REVOKED]
    # It is known from now on, and kept up to date.
    delivered(storage)
    storage.put("crl/partner.crl", partition(named, 1, number=2, ca=OTHER))
    assert authorizer.next(client, other_client) == [REVOKED, None]
    assert delivered(storage) == ["crl/partner.crl"]


def test_all_crls_with_the_same_name_are_found_in_the_end(storage: Memory) -> None:
    for folder in range(130):
        storage.put(f"crl/{folder:03}/ca.crl", partition(None, 2))
    storage.put("crl/129/ca.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    client = client_of("http://ca.example/ca.crl", 1, OTHER)
    assert [authorizer.deny_reason(client) for _ in range(3)] == [UNKNOWN, UNKNOWN, None]
    delivered(storage)
    # Now that the issuers are known, the others are not needed, unless they have changed.
    assert authorizer.next(client) == [None]
    assert delivered(storage) == []
    storage.put("crl/000/ca.crl", partition(None, 1, number=2, ca=OTHER))
    storage.put("crl/001/ca.crl", partition(None, 1, number=2))
    assert authorizer.next(client) == [REVOKED]
    assert sorted(delivered(storage)) == ["crl/000/ca.crl", "crl/001/ca.crl"]


def test_all_parts_of_a_crl_with_the_same_name_are_found_in_the_end(storage: Memory) -> None:
    """EJBCA's parts may differ only in the query of their URIs."""
    uris = [f"http://ca.example/ca.crl?partition={part:03}" for part in range(130)]
    for part, uri in enumerate(uris):
        storage.put(f"crl/{part:03}/ca.crl", partition(uri, 2000 + part))
    authorizer = PrefixAuthorizer(storage)
    last, revoked = client_of(uris[-1]), client_of(uris[-1], 2129)
    assert [authorizer.deny_reason(last) for _ in range(3)] == [UNKNOWN, UNKNOWN, None]
    assert authorizer.deny_reasons(client_of(uris[0]), revoked) == [None, REVOKED]
    delivered(storage)
    storage.put("crl/129/ca.crl", partition(uris[-1], 1, number=2))
    assert authorizer.next(last, revoked) == [REVOKED, None]
    assert delivered(storage) == ["crl/129/ca.crl"]


@SMALL_MEMORY
def test_crls_that_were_read_are_found_when_too_many_or_no_longer_too_many_have_their_name(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtls_authorizer.revocation.prefix.catalog._MAX_NAMED", 4)
    uris = [f"http://ca.example/ca.crl?partition={part}" for part in range(5)]
    clients = [client_of(uri) for uri in uris]
    for part in range(4):
        storage.put(f"crl/{part}/ca.crl", partition(uris[part], 2))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(*clients) == [*[None] * 4, UNKNOWN]
    storage.put("crl/4/ca.crl", partition(uris[4], 2))
    authorizer.next(clients[0])
    assert authorizer.deny_reasons(*clients) == [None] * 5
    storage.remove("crl/0/ca.crl")
    authorizer.next(*clients[1:])
    assert authorizer.deny_reasons(*clients[1:]) == [None] * 4


def test_known_crls_of_its_issuer_do_not_hide_the_one_that_a_certificate_names() -> None:
    """Such as earlier CRLs that were not removed, and have not expired."""
    third = authority("Third")
    storage = trusting(OTHER, third)
    for number in range(1, 100):
        storage.put(f"crl/{number}.crl", partition(None, number=number, ca=OTHER))
    storage.put("crl/own.crl", partition(None, 2, number=200, padding=20, ca=OTHER))
    for part in range(MAX_SEARCHED):
        storage.put(f"crl/other-{part}.crl", partition(part, padding=2))
    authorizer = PrefixAuthorizer(storage)
    # All but the largest are read.
    assert authorizer.deny_reason(client_of(None, ca=third)) == UNKNOWN
    assert "crl/own.crl" not in delivered(storage)
    assert authorizer.deny_reasons(client_of("own", 1, OTHER), client_of("own", 2, OTHER)) == [None, REVOKED]


def stored_with_copies(storage: Memory) -> PrefixAuthorizer:
    """Return an authorizer that has read a CRL after copies of it, which the owner of a certificate may store."""
    storage.put("crl/ca.crl", partition(None, 2))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(*WITHOUT_NAMES) == [REVOKED, None, None]
    copies = {f"crl/copies/{number}.crl" for number in range(70)}
    for copy in copies:
        storage.put(copy, partition(None, 2))
    while copies:
        authorizer.next(WITHOUT_NAMES[0])
        copies -= set(delivered(storage))
    storage.put("crl/ca.crl", partition(None, 2, number=2))
    assert authorizer.next(*WITHOUT_NAMES) == [REVOKED, None, None]
    return authorizer


WITHOUT_NAMES = client_of(None, 2), client_of(None, 3), client_of(None)


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_other_crls_of_its_ca_do_not_hide_the_new_version_of_one_that_no_certificate_names(
    storage: Memory, failures: int
) -> None:
    authorizer = stored_with_copies(storage)
    storage.put("crl/ca.crl", partition(None, 2, 3, number=3))
    storage.errors["crl/ca.crl"] = StoreError("crl/ca.crl", "500")
    for _ in range(failures):
        assert authorizer.next(*WITHOUT_NAMES) == [REVOKED, None, None]
    storage.errors.clear()
    assert authorizer.next(*WITHOUT_NAMES) == [REVOKED, REVOKED, None]


def test_many_new_versions_that_cannot_be_read_do_not_hide_another_one(storage: Memory) -> None:
    authorizer = stored_with_copies(storage)
    names = ["crl/ca.crl", *(f"crl/copies/{number}.crl" for number in range(70))]
    for crl in names:
        storage.put(crl, partition(None, 2, 3, number=3))
        storage.errors[crl] = StoreError(crl, "InvalidObjectState")
    for _ in range(3):
        assert authorizer.next(*WITHOUT_NAMES) == [REVOKED, None, None]
    del storage.errors["crl/ca.crl"]
    authorizer.next(*WITHOUT_NAMES)
    assert authorizer.next(*WITHOUT_NAMES) == [REVOKED, REVOKED, None]


def test_a_crl_that_replaces_that_of_another_ca_is_found(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    storage.put("crl/3.crl", partition(3, 2, ca=OTHER))
    assert authorizer.next(client_of(3, ca=OTHER), client_of(3)) == [None, UNKNOWN]
    delivered(storage)
    assert authorizer.next(client_of(3)) == [UNKNOWN]
    assert delivered(storage) == []
    storage.put("crl/3.crl", HTML)
    assert authorizer.next(client_of(3), client_of(3, ca=OTHER)) == [UNKNOWN, None]
    storage.put("crl/3.crl", partition(3, 2, number=2))
    assert authorizer.next(client_of(3), client_of(3, 2), client_of(3, ca=OTHER)) == [None, REVOKED, None]
    storage.remove("crl/3.crl")
    storage.put("crl/4.crl", partition(3, 2, ca=OTHER))
    assert authorizer.next(client_of(4, ca=OTHER)) == [UNKNOWN]


def test_a_complete_crl_is_loaded_for_the_clients_of_its_ca_only(storage: Memory) -> None:
    storage.put("crl/other.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) is None
    delivered(storage)
    storage.put("crl/other.crl", partition(None, 1, number=2, ca=OTHER))
    assert authorizer.next(client_of(0)) == [None]
    assert "crl/other.crl" not in delivered(storage)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) == REVOKED


@SMALL_MEMORY
def test_a_crl_that_is_not_valid_yet_does_not_make_the_earlier_one_outdated(storage: Memory) -> None:
    storage.put("crl/3.crl", partition(3, 22, number=2000))
    authorizer = PrefixAuthorizer(storage)
    # It proves nothing good yet, but revokes.
    assert authorizer.deny_reasons(client_of(3), client_of(3, 22)) == [UNKNOWN, REVOKED]
    use_others(authorizer)
    storage.put("crl/3.crl", partition(3))
    assert authorizer.next(client_of(3)) == [None]


def test_each_crl_is_read_once_if_none_covers_a_certificate(storage: Memory) -> None:
    storage.put("crl/3.crl", HTML)
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) == UNKNOWN
    assert sorted(delivered(storage)) == sorted(f"crl/{part}.crl" for part in range(MANY))
    for _ in range(3):
        assert authorizer.deny_reason(client_of(None, 5, OTHER)) == UNKNOWN
        assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
        assert delivered(storage) == []
    # An invalid one is read again when it was replaced.
    storage.put("crl/3.crl", partition(None, 2, ca=OTHER))
    assert authorizer.next(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [None, REVOKED]
    assert delivered(storage) == ["crl/3.crl"]


def test_a_crl_that_was_replaced_while_it_was_read_is_searched_again() -> None:
    class Replacing(Memory):
        authorizer: PrefixAuthorizer | None = None

        def fetch(self, uri: str, version: str | None) -> Fetched | None:
            fetched = super().fetch(uri, version)
            if uri.endswith("partner.crl") and self.authorizer is not None:
                authorizer, self.authorizer = self.authorizer, None
                self.put("crl/partner.crl", partition(None, 2, ca=OTHER))
                authorizer.clock.advance(INTERVAL)
                authorizer.live.get()
            return fetched

    memory = Replacing()
    memory.put("truststore.pem", CA.pem + OTHER.pem)
    for part in range(MANY):
        memory.put(f"crl/{part}.crl", partition(part))
    memory.put("crl/partner.crl", HTML)
    memory.authorizer = authorizer = PrefixAuthorizer(memory)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) == UNKNOWN
    assert authorizer.deny_reasons(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [None, REVOKED]


def test_the_number_of_crls_that_are_read_in_an_interval_is_limited(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtls_authorizer.revocation.prefix.prefix_crls.MAX_SEARCHED", 10)
    authorizer = PrefixAuthorizer(storage)
    for expected in (8, 0, 8, 4, 0):
        if expected:
            authorizer.clock.advance(INTERVAL)
        assert authorizer.deny_reason(client_of(None, ca=OTHER)) == UNKNOWN
        assert len(delivered(storage)) == expected


@pytest.mark.parametrize(("are_invalid", "padding"), [(False, 0), (False, 60), (True, 60)])
def test_crls_of_which_another_version_than_the_listed_one_is_used_do_not_prevent_that_others_are_read(
    storage: Memory, monkeypatch: pytest.MonkeyPatch, padding: int, *, are_invalid: bool
) -> None:
    """They were replaced after the last listing, or are invalid, so that their index is used."""
    monkeypatch.setattr("mtls_authorizer.revocation.prefix.prefix_crls.MAX_SEARCHED", 10)
    storage.put("crl/partner.crl", partition(None, ca=OTHER, padding=padding))
    storage.put("crl/next.crl", partition(None, 2, number=2, ca=OTHER, padding=90))
    for part in range(MANY) if are_invalid else ():
        storage.put(f"crl/{part}.crl", HTML)
        storage.put(f"crl/{part}.crl.index", index_of(partition(part, 2)))
    authorizer = PrefixAuthorizer(storage)
    storage.fails_to_list = not are_invalid
    for part in () if are_invalid else range(MANY):
        storage.put(f"crl/{part}.crl", partition(part, 2, number=2))
    clients = client_of(None, ca=OTHER), client_of(None, 2, OTHER)
    for _ in range(4):
        authorizer.clock.advance(INTERVAL)
        for each in clients:
            # Otherwise, the second request begins to read others only if the first ones have been read by then.
            authorizer.deny_reason(each)
            join_attempts()
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]


def test_requests_between_two_attempts_to_read_a_crl_do_not_prevent_the_next_one(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtls_authorizer.revocation.prefix.prefix_crls.MAX_SEARCHED", MANY + 8)
    storage.put("crl/partner.crl", partition(None, 2, ca=OTHER))
    storage.errors["crl/partner.crl"] = StoreError("crl/partner.crl", "500")
    authorizer = PrefixAuthorizer(storage)
    assert [authorizer.deny_reason(client_of(None, serial, OTHER)) for serial in range(10, 30)] == [UNKNOWN] * 20
    assert delivered(storage).count("crl/partner.crl") == 1
    storage.errors.clear()
    authorizer.clock.advance(10)
    assert authorizer.deny_reasons(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [None, REVOKED]


def test_nothing_is_searched_for_an_exempt_issuer(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage, CRL_EXEMPT_ISSUERS=OTHER.signer)
    assert authorizer.deny_reason(client_of(None, ca=OTHER)) is None
    assert delivered(storage) == []


def test_a_certificate_cannot_name_any_number_of_crls(storage: Memory) -> None:
    for folder in range(100):
        storage.put(f"crl/{folder}/same.crl", partition("same", ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of("same", ca=OTHER)) is None
    assert len(delivered(storage)) == 64


def test_the_whole_chain_is_looked_up() -> None:
    middle = authority(
        "Middle", parent=CA, serial_number=77, extensions=(IS_A_CA, MAY_SIGN_BOTH, points(point_uri("root")))
    )
    storage = trusting(CA, middle)
    for part in range(MANY):
        storage.put(f"crl/{part}.crl", partition(part, ca=middle))
    storage.put("crl/root.crl", partition("root", 77))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(3, ca=middle)) == REVOKED
    assert sorted(delivered(storage)) == ["crl/3.crl", "crl/root.crl"]
    storage.put("crl/root.crl", partition("root", number=2))
    assert authorizer.next(client_of(3, ca=middle)) == [None]
    chain = PrefixAuthorizer(storage, CRL_CHECK="chain")
    assert chain.deny_reason(client_of(3, ca=middle)) is None


def test_the_crls_of_another_chain_are_loaded_if_another_thread_replaces_the_truststore(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = CA.algorithm.new_key()
    before, after = (
        authority("Middle", key=key, parent=root, extensions=(IS_A_CA, MAY_SIGN_BOTH, points(point_uri(part))))
        for root, part in ((CA, "root"), (OTHER, "other"))
    )
    storage.put("truststore.pem", CA.pem + before.pem)
    for part, ca in (("middle", before), ("root", CA), ("other", OTHER)):
        storage.put(f"crl/{part}.crl", partition(part, ca=ca))
    authorizer = PrefixAuthorizer(storage, CRL_CHECK="chain")
    load_crls = CurrentPolicy.load_crls

    def replaced(live: CurrentPolicy, chains: tuple[Chain, ...]) -> AccessPolicy:
        storage.put("truststore.pem", OTHER.pem + after.pem)
        authorizer.clock.advance(INTERVAL)
        live.get()
        return load_crls(live, chains)

    with monkeypatch.context() as patch:
        patch.setattr(CurrentPolicy, "load_crls", replaced)
        assert authorizer.deny_reason(client_of("middle", ca=before)) is None
    assert "crl/other.crl" in delivered(storage)


@SMALL_MEMORY
def test_the_crl_of_a_higher_ca_is_required_from_when_it_was_loaded_on(storage: Memory) -> None:
    names_root = (IS_A_CA, MAY_SIGN_BOTH, points(point_uri("root")))
    middle = authority("Middle", parent=OTHER, serial_number=77, extensions=names_root)
    storage.put("truststore.pem", CA.pem + OTHER.pem + middle.pem)
    storage.put("crl/middle.crl", partition("middle", 2, ca=middle))
    storage.put("crl/root.crl", partition("root", 2, ca=OTHER))
    missing = StoreError("crl/root.crl", "is missing")
    client = client_of("middle", ca=middle)
    for was_loaded, expected in ((False, None), (True, UNKNOWN)):
        authorizer = PrefixAuthorizer(storage)
        if was_loaded:
            assert authorizer.deny_reason(client) is None
            # It is evicted.
            use_others(authorizer)
        storage.errors["crl/root.crl"] = missing
        assert authorizer.deny_reason(client) == expected
        del storage.errors["crl/root.crl"]


@pytest.mark.parametrize(("revoked", "expected"), [((), None), ((77,), REVOKED)])
def test_the_crl_of_a_higher_ca_for_cas_is_searched_for_when_one_for_users_was_loaded(
    storage: Memory, revoked: tuple[int, ...], expected: DenyReason | None
) -> None:
    """Otherwise, all clients below the CA would be unknown from then on."""
    middle = authority("Middle", parent=OTHER, serial_number=77)
    for_cas = distribution_point(der.tagged(2, b"\xff"))
    storage.put("truststore.pem", CA.pem + OTHER.pem + middle.pem)
    storage.put("crl/middle.crl", partition("middle", 2, ca=middle))
    storage.put("crl/users.crl", partition("users", 2, ca=OTHER))
    storage.put("crl/cas.crl", partition(None, *revoked, ca=OTHER, extensions=[for_cas]))
    authorizer = PrefixAuthorizer(storage)
    client = client_of("middle", ca=middle)
    assert authorizer.deny_reasons(client, client_of("users", ca=OTHER)) == [None, None]
    assert sorted(delivered(storage)) == ["crl/middle.crl", "crl/users.crl"]
    assert authorizer.deny_reason(client) == expected
    assert "crl/cas.crl" in delivered(storage)
    assert authorizer.next(client) == [expected]


@pytest.mark.parametrize("mode", ["deny", "allow"])
def test_the_crl_of_a_higher_ca_that_is_stored_under_another_name_in_place_of_a_loaded_one_is_read(
    storage: Memory, mode: str
) -> None:
    """The removed one would stay in force until it expires, for months."""
    middle = authority("Middle", parent=OTHER, serial_number=77)
    storage.put("truststore.pem", CA.pem + OTHER.pem + middle.pem)
    storage.put("crl/middle.crl", partition("middle", 2, ca=middle))
    storage.put("crl/root-1.crl", partition(None, ca=OTHER))
    authorizer = PrefixAuthorizer(storage, CRL_FAILURE_MODE=mode)
    client = client_of("middle", ca=middle)
    assert authorizer.deny_reasons(client_of(None, ca=OTHER), client) == [None, None]
    storage.put("crl/root-2.crl", partition(None, 77, number=2, ca=OTHER))
    storage.remove("crl/root-1.crl")
    assert authorizer.next(client) == [REVOKED]


def test_an_index_of_the_listed_crl_is_all_that_is_requested(storage: Memory) -> None:
    version = next(iter(storage.documents("file:///crl/3.crl", (".crl",)).values())).version
    storage.put("crl/3.crl.index", index_of(partition(3, 2), version))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]
    assert delivered(storage) == ["crl/3.crl.index"]
    # Until the new CRL is indexed, it is read itself.
    storage.put("crl/3.crl", partition(3, 1, 2, number=2))
    assert authorizer.next(client_of(3), client_of(3, 2)) == [REVOKED, REVOKED]
    assert delivered(storage) == ["crl/3.crl"]


def test_crls_are_checked_again_when_the_truststore_has_changed(storage: Memory) -> None:
    storage.put("truststore.pem", CA.pem)
    storage.put("crl/other.crl", partition("other", 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of("other", ca=OTHER)) == UNKNOWN
    # It is not even loaded, because no CA of the truststore has signed the certificate.
    assert delivered(storage) == []
    assert authorizer.deny_reason(client_of("other")) == UNKNOWN
    assert delivered(storage) == ["crl/other.crl"]
    storage.put("truststore.pem", CA.pem + OTHER.pem)
    assert authorizer.next(client_of("other", ca=OTHER), client_of("other", 2, OTHER)) == [None, REVOKED]


def test_a_crl_that_was_read_before_its_ca_was_in_the_truststore_is_found_afterwards(storage: Memory) -> None:
    storage.put("truststore.pem", CA.pem)
    storage.put("crl/partner.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reason(client_of(None)) == UNKNOWN
    assert "crl/partner.crl" in delivered(storage)
    storage.put("truststore.pem", CA.pem + OTHER.pem)
    assert authorizer.next(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [None, REVOKED]


@pytest.mark.parametrize(
    "place",
    [
        "refresh.refresher.Refresher.restart",
        "revocation.prefix.prefix_crls.PrefixCrls.restart",
        "revocation.prefix.catalog.CrlCatalog.forget_invalid",
        "revocation.prefix.catalog.CrlCatalog._find_unread",
    ],
)
def test_a_new_truststore_takes_effect_although_an_exception_has_ended_the_request_that_loaded_it(
    storage: Memory, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    storage.put("truststore.pem", CA.pem)
    storage.put("crl/other.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.next(client_of(None, ca=OTHER)) == [UNKNOWN]
    storage.put("truststore.pem", CA.pem + OTHER.pem)
    fail_once(monkeypatch, place)
    with pytest.raises(MemoryError):
        authorizer.next(client_of(None, ca=OTHER))
    assert authorizer.deny_reasons(client_of(None, ca=OTHER), client_of(None, 2, OTHER)) == [None, REVOKED]


@pytest.mark.parametrize("place", ["revocation.prefix.catalog._merged", "refresh.refresher.Refresher.restart"])
def test_a_new_listing_takes_effect_although_an_exception_has_ended_the_request_that_loaded_it(
    storage: Memory, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    authorizer = PrefixAuthorizer(storage, "file:///crl/,file:///others/")
    # The partition itself is not due yet when a new version is listed.
    authorizer.clock.advance(INTERVAL / 2)
    assert authorizer.deny_reasons(client_of(3)) == [None]
    storage.put("crl/3.crl", partition(3, 1, number=2))
    authorizer.clock.advance(INTERVAL / 2)
    fail_once(monkeypatch, place)
    with pytest.raises(MemoryError):
        authorizer.deny_reasons(client_of(3))
    assert authorizer.deny_reasons(client_of(3)) == [REVOKED]


def fail_once(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Make the first call of a method raise MemoryError."""
    left = [MemoryError()]
    name = f"mtls_authorizer.{place}"
    original = pkgutil.resolve_name(name)

    def fail_at_first(*arguments: Any) -> Any:  # noqa: ANN401 -- the method's
        if left:
            raise left.pop()
        return original(*arguments)

    monkeypatch.setattr(name, fail_at_first)


def test_restoring_a_snapshot_requests_everything_again(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3)) == [None]
    storage.put("crl/3.crl", partition(3, 1, number=2))
    authorizer.live.restore()
    assert {"file:///crl/3.crl", "file:///crl/"} <= set(storage.resets)
    assert authorizer.deny_reasons(client_of(3)) == [REVOKED]


def test_single_crls_and_several_prefixes_can_be_combined(storage: Memory) -> None:
    storage.put("single.crl", partition("single", 2))
    storage.put("others/a.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage, "file:///crl/, file:///single.crl, file:///others/, file:///crl/sub/")
    assert authorizer.deny_reasons(
        client_of("single"), client_of("single", 2), client_of(3), client_of(None, 2, OTHER)
    ) == [*(None, REVOKED, None, REVOKED)]


def test_crls_that_wait_to_be_loaded_again_do_not_make_the_oldest_look_older(storage: Memory) -> None:
    storage.put("crl/3.crl", partition(3, next_update=NOW + DAY / 4))
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(4)) == [None, None]

    def earliest() -> object:
        lists = authorizer.live.get().revocation
        return lists and lists.earliest_next_update

    assert earliest() == NOW + DAY / 4
    storage.put("crl/3.crl", partition(3, number=2, next_update=NOW + DAY / 2))
    assert authorizer.next(client_of(4)) == [None]
    assert earliest() == NOW + DAY
    assert authorizer.deny_reasons(client_of(3)) == [None]
    assert earliest() == NOW + DAY / 2
    storage.remove("crl/3.crl")
    assert authorizer.next(client_of(4)) == [None]
    assert earliest() == NOW + DAY


def test_requests_at_the_same_time_wait_for_the_same_partition(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    with ThreadPoolExecutor(8) as threads:
        deny_reasons = list(threads.map(authorizer.deny_reason, [client_of(3), client_of(3, 2)] * 8))
    assert deny_reasons == [None, REVOKED] * 8
    assert delivered(storage) == ["crl/3.crl"]
    join_attempts()


class WatchedLock:
    """A lock that knows whether the current thread has it."""

    def __init__(self) -> None:
        self.depth = 0
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1
        self._lock.release()


@SMALL_MEMORY
def test_objects_that_are_not_safe_for_threads_are_only_used_under_the_lock(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All requests of this test are in one thread."""
    lock = WatchedLock()
    called: set[str] = set()

    def guard(kind: type) -> type:
        def guarded(name: str, method: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object) -> object:
                called.add(name)
                assert lock.depth, f"{name} is called without the lock"
                return method(*arguments)

            return call

        methods = {name: each for name, each in vars(kind).items() if callable(each) and name != "__init__"}
        public = {name: guarded(name, each) for name, each in methods.items() if name == "__iter__" or name[0] != "_"}
        return type(kind.__name__, (kind,), public)

    module = "mtls_authorizer.revocation.prefix.prefix_crls"
    monkeypatch.setattr(f"{module}.RLock", lambda: lock)
    monkeypatch.setattr(f"{module}.CrlCatalog", guard(CrlCatalog))
    monkeypatch.setattr(f"{module}.CrlCache", guard(CrlCache))
    storage.put("crl/partner.crl", partition(None, 2, ca=OTHER))
    authorizer = PrefixAuthorizer(storage)
    clients = (client_of(3), client_of(None, 2, OTHER), *(client_of(part) for part in range(5, 15)))
    expected = [None, REVOKED, *[None] * 10]
    assert authorizer.deny_reasons(*clients) == expected
    # A new listing, a new truststore, a CRL that is stale, and a restored snapshot.
    storage.put("crl/3.crl", partition(3, number=2, next_update=NOW + MINUTE))
    storage.put("truststore.pem", OTHER.pem + CA.pem)
    assert authorizer.next(*clients) == expected
    authorizer.now = NOW + 2 * MINUTE
    authorizer.live.get()
    authorizer.live.restore()
    assert authorizer.deny_reasons(*clients[1:]) == expected[1:]
    # A CRL that is replaced by one with another name.
    assert authorizer.deny_reason(clients[1]) == REVOKED
    storage.put("crl/partner+.crl", partition(None, 2, ca=OTHER, number=2))
    storage.remove("crl/partner.crl")
    assert authorizer.next(*clients[1:]) == expected[1:]
    of_catalog = {"update", "needed", "is_always_needed", "unread", "has_failed", "learn", "forget_invalid"}
    assert called == of_catalog | {"__iter__", "located", "get", "use", "demote", "evict", "remove"}


def test_a_request_uses_a_crl_that_another_one_has_just_loaded(storage: Memory) -> None:
    authorizer = PrefixAuthorizer(storage)
    lists, documents = authorizer.live.get().revocation, authorizer.live._revocation  # noqa: SLF001 -- to stop between two steps
    assert lists is not None
    assert documents is not None
    chains = lists.chains(PeerCertificate.from_pem(client_of(3)))
    # The other request has not put it in force yet.
    with documents.prefix_crls.loaded(chains, lists, LONG) as is_outdated:
        assert is_outdated
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]


def test_a_crl_is_not_evicted_before_the_request_that_needs_it_has_put_it_in_force(
    storage: Memory, limit_memory: Callable[[int], None]
) -> None:
    limit_memory(room_for(2))
    authorizer = PrefixAuthorizer(storage)
    lists, documents = authorizer.live.get().revocation, authorizer.live._revocation  # noqa: SLF001 -- to stop between two steps
    assert lists is not None
    assert documents is not None
    certificate = PeerCertificate.from_pem(client_of(3))
    with documents.prefix_crls.loaded(lists.chains(certificate), lists, LONG):
        assert authorizer.deny_reasons(*(client_of(part) for part in range(5, 15))) == [None] * 10
        assert documents.lists(lists.truststore).status(certificate, NOW).state is RevocationState.GOOD
    authorizer.deny_reason(client_of(15))
    assert documents.lists(lists.truststore).status(certificate, NOW).state is RevocationState.UNKNOWN


def test_the_log_names_the_object(storage: Memory, log: pytest.LogCaptureFixture) -> None:
    PrefixAuthorizer(storage).deny_reason(client_of(3, 2))
    (record,) = [record for record in log.records if record.getMessage().startswith("deny")]
    assert record.__dict__["crl_uri"] == "file:///crl/3.crl"
