"""Decisions while documents appear, change, break and disappear."""

from __future__ import annotations

import json
import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth import ExtractionSuccess, PeerCertificate
from mtls_authorizer.clock import IntervalClock
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.refresh.document import Attempt, DocumentError
from mtls_authorizer.refresh.refresher import RETRY_SECONDS, Refresher
from mtls_authorizer.request.assessment import assess
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import read_request
from mtls_authorizer.revocation.documents import RevocationDocuments
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus
from mtls_authorizer.revocation.truststore.bundle import Truststore, read_truststore
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.stores.store import Fetched, Prefix, Store, StoreError
from tests.aws.api_events import rest_event
from tests.clocks import LONG, Clock, join_attempts
from tests.decisions import decision_on
from tests.pki.certificate_authorities import DAY, distribution_point, full_name
from tests.pki.certificates import uri
from tests.pki.kept_lists import (
    CA,
    EMPTY,
    EVERYBODY,
    FIRST,
    FUTURE,
    GOOD,
    GOOD_SERIAL,
    HTML,
    MINUTE,
    NAMESAKE,
    NEXT,
    NOW,
    OTHER,
    REVOKED,
    REVOKED_SERIAL,
    SECOND,
    STALE,
    UNKNOWN,
    WITHDRAWN,
    EventAuthorizer,
    Memory,
    MemoryStore,
    authority,
    client,
    crl,
    index_of,
    make_authorizer,
    make_live,
    settings,
)
from tests.pki.partitions import client_of, partition
from tests.refreshing import LONG_WAITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mtls_authorizer.revocation.chains import Chain

ALLOW = {"CRL_FAILURE_MODE": "allow"}


@pytest.fixture
def storage() -> Memory:
    memory = Memory()
    memory.put("truststore.pem", EVERYBODY)
    return memory


def every_minute(storage: Memory, **variables: str) -> Settings:
    return settings(storage, **variables)._replace(crl_refresh_seconds=60)


def rules_document(name: str, common_name: str = "client") -> bytes:
    rule = {"name": name, "match": {"common_name": common_name}, "allow": ["GET /hello"]}
    return json.dumps({"rules": [rule]}).encode()


def with_lists(storage: Memory, lists: Mapping[str, bytes | None], **variables: str) -> EventAuthorizer:
    """Store lists, and return an authorizer that uses them. None is one that is not stored."""
    for name, content in lists.items():
        if content is not None:
            storage.put(name, content)
    return make_authorizer(storage, CRL_URIS=",".join(map(storage.uri, lists)), **variables)


def test_without_uris_there_is_nothing_to_refresh() -> None:
    loaded = load_settings({"ALLOWED_COMMON_NAMES": "client"})
    live = CurrentPolicy(loaded)
    assert live.get() is live.get()
    live.restore()
    assert live.get().revocation is None
    assert live.take_failures() == 0


def test_the_configuration_is_the_same_object_until_something_changes(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    live = make_live(storage)
    before = live.get()
    assert live.get() is before
    storage.put("ca.crl", SECOND)
    after = live.get()
    assert after is not before
    assert live.get() is after


def test_the_configuration_stays_the_same_object_if_only_a_version_changes(storage: Memory) -> None:
    """What is known of certificates would be lost with it."""
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(FIRST))
    live = make_live(storage)
    before = live.get()
    storage.put("ca.crl", FIRST)
    storage.requests.clear()
    assert live.get() is before
    assert ("ca.crl", True) in storage.requests


def test_the_configuration_is_the_same_object_while_the_needed_crls_below_a_prefix_do_not_change(
    storage: Memory,
) -> None:
    storage.put("crl/1.crl", partition(1))
    live = make_live(storage, every_minute(storage, CRL_URIS=storage.uri("crl/")), clock=Clock())
    revocation = live.get().revocation
    assert revocation is not None
    chains = revocation.chains(PeerCertificate.from_pem(client_of(1)))
    loaded = live.load_crls(chains)
    assert live.load_crls(chains) is live.get() is loaded


def test_every_store_and_prefix_is_opened_with_the_bucket_owner_of_the_settings_and_rules_with_a_limit(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: dict[str, str] = {}
    limits: dict[str, int] = {}

    def open_store(uri: str, *, max_bytes: int, bucket_owner: str) -> Store:
        owners[uri], limits[uri] = bucket_owner, max_bytes
        return storage.open(uri, max_bytes=max_bytes)

    def open_prefix(uri: str, *, bucket_owner: str) -> Prefix:
        owners[uri] = bucket_owner
        return storage.open_prefix(uri)

    monkeypatch.setattr("mtls_authorizer.stores.opener.open_store", open_store)
    monkeypatch.setattr("mtls_authorizer.stores.opener.open_prefix", open_prefix)
    storage.put("rules.json", rules_document("rules"))
    uris = [storage.uri(name) for name in ("rules.json", "truststore.pem", "ca.crl", "ca.crl.index", "crl/")]
    configured = settings(storage, AUTHORIZER_RULES_URI=uris[0], CRL_URIS=f"{uris[2]}, {uris[4]}")
    CurrentPolicy(configured._replace(s3_bucket_owner="123456789012"), wait_seconds=LONG_WAITS)
    assert owners == dict.fromkeys(uris, "123456789012")
    assert limits[uris[0]] == LARGEST_DOCUMENT


def test_lists_are_read_when_a_function_starts(storage: Memory, caplog: pytest.LogCaptureFixture) -> None:
    storage.put("ca.crl", FIRST)
    with caplog.at_level(logging.INFO, "mtls_authorizer"):
        make_live(storage)
    assert [vars(record)["document"] for record in caplog.records] == ["truststore", "crl"]


def test_lists_that_have_changed_are_not_read_again_before_their_time(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    clock = Clock()
    live = make_live(storage, every_minute(storage), clock=clock)
    before = live.get()
    clock.advance(59)
    storage.put("ca.crl", SECOND)
    assert live.get() is before
    clock.advance(1)
    after = live.get()
    assert after is not before
    storage.put("ca.crl", crl(4, REVOKED_SERIAL))
    assert live.get() is after


def test_a_revoked_client_is_denied_with_the_next_request_although_its_certificate_is_cached(storage: Memory) -> None:
    storage.put("ca.crl", EMPTY)
    authorizer = make_authorizer(storage)
    assert authorizer.deny_reasons() == [None, None, None]
    storage.put("ca.crl", FIRST)
    assert authorizer.deny_reasons() == [None, REVOKED, None]
    storage.put("ca.crl", SECOND)
    assert authorizer.deny_reasons() == [None, REVOKED, REVOKED]
    # A certificate that the CA has released is allowed again (RFC 5280 §5.3.1).
    storage.put("ca.crl", crl(4, REVOKED_SERIAL))
    assert authorizer.deny_reasons() == [None, REVOKED, None]


@pytest.mark.parametrize(
    ("files", "denying", "allowing"),
    [
        ({}, [UNKNOWN] * 3, [None] * 3),
        ({"ca.crl": HTML}, [UNKNOWN] * 3, [None] * 3),
        ({"ca.crl": crl(9, ca=OTHER)}, [UNKNOWN] * 3, [None] * 3),
        ({"ca.crl": FIRST, "truststore.pem": OTHER.pem}, [UNKNOWN] * 3, [None] * 3),
        ({"ca.crl": FIRST, "truststore.pem": HTML}, [UNKNOWN] * 3, [None] * 3),
        ({"ca.crl.index": index_of(FIRST), "truststore.pem": b""}, [UNKNOWN] * 3, [None] * 3),
        # A client that is known to be revoked is not allowed because a list is old.
        ({"ca.crl": STALE}, [UNKNOWN, REVOKED, UNKNOWN], [None, REVOKED, None]),
        ({"ca.crl": HTML, "ca.crl.index": index_of(STALE)}, [UNKNOWN, REVOKED, UNKNOWN], [None, REVOKED, None]),
        ({"ca.crl": FIRST}, [None, REVOKED, None], [None, REVOKED, None]),
        ({"ca.crl.index": index_of(FIRST)}, [None, REVOKED, None], [None, REVOKED, None]),
        ({"ca.crl": FIRST, "ca.crl.index": b"garbage"}, [None, REVOKED, None], [None, REVOKED, None]),
    ],
)
def test_the_failure_mode_determines_which_clients_are_allowed_after_a_start(
    storage: Memory, files: dict[str, bytes], denying: list[str | None], allowing: list[str | None]
) -> None:
    for name, content in files.items():
        storage.put(name, content)
    assert make_authorizer(storage).deny_reasons() == denying
    assert make_authorizer(storage, **ALLOW).deny_reasons() == allowing


@pytest.mark.parametrize(("variables", "unknown"), [({}, UNKNOWN), (ALLOW, None)])
@pytest.mark.parametrize("indexed", [False, True])
def test_a_list_that_expires_while_in_force_proves_nothing_good_and_still_revokes(
    storage: Memory,
    variables: dict[str, str],
    unknown: str | None,
    indexed: bool,  # noqa: FBT001 -- a parameter of pytest's
) -> None:
    storage.put("ca.crl", FIRST)
    if indexed:
        storage.put("ca.crl.index", index_of(FIRST))
    live = make_live(storage, settings(storage, CRL_MAX_AGE_SECONDS="60", **variables))

    def deny_reasons(now: datetime) -> list[str | None]:
        certificates = map(PeerCertificate.from_pem, (GOOD, WITHDRAWN, NEXT))
        policy = live.get()
        return [decision_on(each, live.settings, now, policy=policy).reason for each in certificates]

    for moment in (NOW, NOW + DAY, NOW + DAY + timedelta(seconds=59)):
        assert deny_reasons(moment) == [None, REVOKED, None]
    assert deny_reasons(NOW + DAY + timedelta(seconds=60)) == [unknown, REVOKED, unknown]
    storage.put("ca.crl", crl(3, 2, 3, next_update=NOW + 3 * DAY))
    assert deny_reasons(NOW + 2 * DAY) == [None, REVOKED, REVOKED]


def test_a_decision_names_its_list_and_the_age_of_the_list(storage: Memory, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="mtls_authorizer")
    storage.put("ca.crl", FIRST)
    make_authorizer(storage).deny_reasons()
    logged = [vars(record) for record in caplog.records if hasattr(record, "decision")]
    assert [record["revocation_status"] for record in logged] == ["good", "revoked", "good"]
    for record in logged:
        assert (record["crl_issuer"], record["crl_number"]) == ("CN=CA", "2")
        assert record["crl_age_seconds"] >= 24 * 60 * 60 - 120


def test_a_serial_number_is_looked_up_in_the_list_of_its_own_issuer(storage: Memory) -> None:
    clients = [client(REVOKED_SERIAL, ca) for ca in (CA, OTHER, NAMESAKE)]
    authorizer = with_lists(storage, {"ca.crl": EMPTY, "other.crl": crl(1, REVOKED_SERIAL, ca=OTHER)})
    assert authorizer.deny_reasons(*clients) == [None, REVOKED, UNKNOWN]
    storage.put("ca.crl", FIRST)
    storage.put("other.crl", crl(2, ca=OTHER))
    assert authorizer.deny_reasons(*clients) == [REVOKED, None, UNKNOWN]


@pytest.mark.parametrize("swapped", [crl(9, ca=authority("Other of no client")), None])
@pytest.mark.parametrize(("check", "at_a_start"), [("client", None), ("chain", UNKNOWN)])
def test_the_crl_of_another_ca_instead_of_the_roots_is_detected_if_the_whole_chain_is_checked(
    storage: Memory, swapped: bytes | None, check: str, at_a_start: str | None
) -> None:
    root = authority("Root")
    middle = authority("Middle", parent=root, serial_number=7)
    storage.put("truststore.pem", root.pem + middle.pem)
    lists = {"ca.crl": crl(1, 7, ca=root), "other.crl": crl(1, ca=middle)}
    authorizer = with_lists(storage, lists, CRL_CHECK=check)
    assert authorizer.deny_reason(client(1, middle)) == REVOKED
    # Valid, and signed by a CA of the truststore.
    lists["ca.crl"] = crl(2, ca=middle) if swapped is None else swapped
    storage.put("ca.crl", lists["ca.crl"])
    assert authorizer.deny_reason(client(1, middle)) == REVOKED
    # A function that has just started knows of no other.
    assert with_lists(storage, lists, CRL_CHECK=check).deny_reason(client(1, middle)) == at_a_start


@pytest.mark.parametrize("failing", [None, HTML, crl(2, ca=NAMESAKE, next_update=NOW - MINUTE)])
def test_a_crl_of_one_ca_that_cannot_be_used_does_not_affect_the_clients_of_others(
    storage: Memory, failing: bytes | None
) -> None:
    root = authority("Root")
    middle = authority("Middle", parent=root, serial_number=7)
    storage.put("truststore.pem", root.pem + middle.pem + NAMESAKE.pem)
    authorizer = with_lists(storage, {"ca.crl": crl(1, REVOKED_SERIAL, ca=middle), "other.crl": failing})
    clients = client(1, middle), client(REVOKED_SERIAL, middle), client(1, NAMESAKE)
    assert authorizer.deny_reasons(*clients) == [None, REVOKED, UNKNOWN]


def test_the_recommendation_to_require_crls_of_higher_cas_is_logged_once(
    storage: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="mtls_authorizer")
    root = authority("Root")
    middle = authority("Middle", parent=root, serial_number=7)
    storage.put("truststore.pem", root.pem + middle.pem)
    storage.put("ca.crl", crl(1, ca=root))
    storage.put("other.crl", crl(1, ca=middle))
    live = make_live(storage, settings(storage, CRL_URIS=f"{storage.uri('ca.crl')}, {storage.uri('other.crl')}"))
    storage.put("ca.crl", crl(2, ca=root))
    live.get()
    assert [record.getMessage() for record in caplog.records] == ["CRL_CHECK=chain recommended"]


def test_lists_of_cas_that_left_the_truststore_are_no_reason_for_warnings(
    storage: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="mtls_authorizer")
    root = authority("Root")
    middle = authority("Middle", parent=root, serial_number=7)
    uris = [storage.uri("ca.crl"), storage.uri("other.crl")]
    for file, place in (("ca.crl", "a"), ("other.crl", "b")):
        point = distribution_point(full_name(uri(f"http://ca.example/{place}")))
        storage.put(file, root.revoke(this_update=NOW - DAY, next_update=NOW + DAY, extensions=[point]))
    storage.put("truststore.pem", root.pem + middle.pem)
    live = make_live(storage, settings(storage, CRL_URIS=",".join(uris), CRL_ASSUME_COMPLETE=uris[0]))
    caplog.clear()
    for trusted, expected in (
        (middle.pem, []),
        (root.pem + middle.pem, ["CRL_ASSUME_COMPLETE ignored", "CRL_CHECK=chain recommended"]),
    ):
        storage.put("truststore.pem", trusted)
        live.get()
        messages = [record.getMessage() for record in caplog.records]
        assert [message for message in messages if message.startswith("CRL_")] == expected


@pytest.mark.parametrize("assumed", [["ca.crl"], ["ca.crl", "other.crl"]])
def test_a_crl_that_cannot_be_assumed_to_be_complete_is_logged(
    storage: Memory, caplog: pytest.LogCaptureFixture, assumed: list[str]
) -> None:
    caplog.set_level(logging.WARNING, logger="mtls_authorizer")
    for place, file in (("a", "ca.crl"), ("b", "other.crl")):
        point = full_name(uri(f"http://ca.example/{place}"))
        listed = CA.revoke(this_update=NOW - DAY, next_update=NOW + DAY, extensions=[distribution_point(point)])
        storage.put(file, listed)
    variables = {"CRL_URIS": storage.uri("ca.crl"), "CRL_ASSUME_COMPLETE": storage.uri("ca.crl")}
    assert EventAuthorizer(make_live(storage, settings(storage, **variables))).deny_reason(client(1)) is None
    assert caplog.records == []
    variables = {
        "CRL_URIS": ",".join(map(storage.uri, ("ca.crl", "other.crl"))),
        "CRL_ASSUME_COMPLETE": ",".join(map(storage.uri, assumed)),
    }
    assert EventAuthorizer(make_live(storage, settings(storage, **variables))).deny_reason(client(1)) == UNKNOWN
    assert [record.getMessage() for record in caplog.records][:1] == ["CRL_ASSUME_COMPLETE ignored"]


@pytest.mark.parametrize("before", [None, b"", HTML, OTHER.pem])
def test_lists_are_used_once_the_truststore_is_loaded(before: bytes | None) -> None:
    storage = Memory()
    storage.put("ca.crl", FIRST)
    if before is not None:
        storage.put("truststore.pem", before)
    authorizer = make_authorizer(storage)
    assert authorizer.deny_reasons() == [UNKNOWN] * 3
    storage.put("truststore.pem", CA.pem)
    assert authorizer.deny_reasons() == [None, REVOKED, None]


def test_a_new_truststore_makes_lists_due_before_their_time() -> None:
    storage, clock = Memory(), Clock()
    storage.put("ca.crl", FIRST)
    storage.put("truststore.pem", OTHER.pem)
    authorizer = EventAuthorizer(make_live(storage, every_minute(storage), clock=clock))
    # A list that was never loaded is due sooner: from now on, five seconds after the truststore.
    clock.advance(60 - RETRY_SECONDS / 2)
    assert authorizer.deny_reasons() == [UNKNOWN] * 3
    storage.put("truststore.pem", CA.pem)
    clock.advance(RETRY_SECONDS / 2)
    assert authorizer.deny_reasons() == [None, REVOKED, None]


def test_a_ca_that_leaves_the_truststore_takes_its_clients_along(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    authorizer = make_authorizer(storage)
    assert authorizer.deny_reasons() == [None, REVOKED, None]
    storage.put("truststore.pem", OTHER.pem)
    assert authorizer.deny_reasons() == [UNKNOWN, REVOKED, UNKNOWN]
    storage.put("truststore.pem", HTML)
    assert authorizer.deny_reasons() == [UNKNOWN, REVOKED, UNKNOWN]
    storage.put("truststore.pem", CA.pem)
    assert authorizer.deny_reasons() == [None, REVOKED, None]
    for broken in (b"", HTML, b"-----BEGIN CERTIFICATE-----"):
        storage.put("truststore.pem", broken)
        assert authorizer.deny_reasons() == [None, REVOKED, None]


@pytest.mark.parametrize("mode", ["deny", "allow"])
@pytest.mark.parametrize(
    "instead", [b"", NAMESAKE.pem, b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"]
)
def test_revocations_by_a_ca_that_leaves_the_truststore_still_apply(storage: Memory, mode: str, instead: bytes) -> None:
    issuing = authority("Issuing", parent=CA, serial_number=REVOKED_SERIAL)
    other = authority("Issuing 2", parent=CA, serial_number=GOOD_SERIAL)
    lists = {"ca.crl": FIRST, "1.crl": crl(1, ca=issuing), "2.crl": crl(1, ca=other)}
    storage.put("truststore.pem", EVERYBODY + issuing.pem + other.pem)
    authorizer = with_lists(storage, lists, CRL_FAILURE_MODE=mode)
    clients = (client(1, issuing), client(1, other), WITHDRAWN, client(1, OTHER))
    unknown = UNKNOWN if mode == "deny" else None
    assert authorizer.deny_reasons(*clients) == [REVOKED, None, REVOKED, unknown]
    storage.put("truststore.pem", instead + OTHER.pem + issuing.pem + other.pem)
    assert authorizer.deny_reasons(*clients) == [REVOKED, unknown, REVOKED, unknown]
    storage.put("truststore.pem", instead + OTHER.pem)
    assert authorizer.deny_reasons(*clients) == [REVOKED, unknown, REVOKED, unknown]
    storage.put("truststore.pem", EVERYBODY + issuing.pem + other.pem)
    assert authorizer.deny_reasons(*clients) == [REVOKED, None, REVOKED, unknown]


@pytest.mark.parametrize("root", [b"", CA.pem])
def test_a_revoked_ca_without_a_crl_stays_revoked_when_it_leaves_the_truststore(storage: Memory, root: bytes) -> None:
    issuing = authority("Issuing", parent=CA, serial_number=REVOKED_SERIAL)
    storage.put("ca.crl", FIRST)
    storage.put("truststore.pem", CA.pem + issuing.pem)
    authorizer = make_authorizer(storage, CRL_FAILURE_MODE="allow")
    assert authorizer.deny_reasons(client(1, issuing), WITHDRAWN) == [REVOKED, REVOKED]
    storage.put("truststore.pem", root + OTHER.pem)
    assert authorizer.deny_reasons(client(1, issuing), WITHDRAWN) == [REVOKED, REVOKED]


def test_a_ca_that_another_root_certifies_does_not_depend_on_a_root_that_left_the_truststore(storage: Memory) -> None:
    issuing = authority("Issuing", parent=CA)
    storage.put("truststore.pem", CA.pem + issuing.pem)
    authorizer = with_lists(storage, {"ca.crl": FIRST, "issuing.crl": crl(1, ca=issuing)})
    assert authorizer.deny_reason(client(1, issuing)) is None
    storage.put("truststore.pem", OTHER.pem + issuing.pem + authority("Issuing", parent=OTHER, key=issuing.key).pem)
    assert authorizer.deny_reason(client(1, issuing)) is None


BOTH_CHECKS = pytest.mark.parametrize("variables", [{"CRL_CHECK": check, **ALLOW} for check in ("client", "chain")])


def test_a_normal_replacement_of_a_root_denies_nobody(storage: Memory) -> None:
    old, new = authority("Old root"), authority("New root")
    issuing = authority("Issuing", parent=old, serial_number=REVOKED_SERIAL)
    certified = authority("Issuing", parent=new, key=issuing.key)
    lists = {"old.crl": crl(1, ca=old), "new.crl": crl(1, ca=new), "issuing.crl": crl(1, ca=issuing)}
    storage.put("truststore.pem", old.pem + issuing.pem)
    authorizer = with_lists(storage, lists, CRL_CHECK="chain")
    assert authorizer.deny_reason(client(1, issuing)) is None
    storage.put("truststore.pem", old.pem + issuing.pem + new.pem + certified.pem)
    assert authorizer.deny_reason(client(1, issuing)) is None
    storage.put("truststore.pem", issuing.pem + new.pem + certified.pem)
    assert authorizer.deny_reason(client(1, issuing)) is None
    # The old root revokes the old certificate at last.
    storage.put("old.crl", crl(2, REVOKED_SERIAL, ca=old))
    storage.put("truststore.pem", old.pem + new.pem + certified.pem)
    assert authorizer.deny_reason(client(1, issuing)) is None
    storage.put("truststore.pem", new.pem + certified.pem)
    assert authorizer.deny_reason(client(1, issuing)) is None


@BOTH_CHECKS
@pytest.mark.parametrize(("years", "reason"), [(1, REVOKED), (-1, None)])
def test_a_ca_that_a_departed_root_has_revoked_stays_revoked_although_another_root_certifies_it(
    storage: Memory, variables: dict[str, str], years: int, reason: DenyReason | None
) -> None:
    """Unless the departed root had expired: its CRL did not matter while the truststore contained it, either."""
    old = authority("Old root", not_after=NOW + years * 365 * DAY)
    issuing = authority("Issuing", parent=old, serial_number=REVOKED_SERIAL)
    certified = authority("Issuing", parent=OTHER, key=issuing.key)
    lists = {
        "old.crl": crl(1, REVOKED_SERIAL, ca=old),
        "other.crl": crl(1, ca=OTHER),
        "issuing.crl": crl(1, ca=issuing),
    }
    storage.put("truststore.pem", OTHER.pem + old.pem + issuing.pem + certified.pem)
    authorizer = with_lists(storage, lists, **variables)
    assert authorizer.deny_reason(client(1, issuing)) == reason
    storage.put("truststore.pem", OTHER.pem + issuing.pem + certified.pem)
    assert authorizer.deny_reason(client(1, issuing)) == reason


@BOTH_CHECKS
def test_a_revocation_that_a_departed_ca_has_ended_stays_ended(storage: Memory, variables: dict[str, str]) -> None:
    issuing = authority("Issuing", parent=CA, serial_number=REVOKED_SERIAL)
    certified = authority("Issuing", parent=OTHER, key=issuing.key)
    lists = {"1.crl": FIRST, "2.crl": crl(3, ca=CA), "other.crl": crl(1, ca=OTHER), "issuing.crl": crl(1, ca=issuing)}
    storage.put("truststore.pem", EVERYBODY + issuing.pem + certified.pem)
    authorizer = with_lists(storage, lists, CRL_CHECK=variables["CRL_CHECK"])
    assert authorizer.deny_reason(client(1, issuing)) is None
    storage.put("truststore.pem", OTHER.pem + issuing.pem + certified.pem)
    assert authorizer.deny_reasons(client(1, issuing), GOOD, WITHDRAWN) == [None, UNKNOWN, UNKNOWN]


@BOTH_CHECKS
@pytest.mark.parametrize("stay", range(5))
@pytest.mark.parametrize("place", [0, 1])
def test_clients_below_a_revoked_ca_stay_revoked_whichever_cas_above_them_leave_the_truststore(
    storage: Memory, variables: dict[str, str], stay: int, place: int
) -> None:
    upper = authority("Upper", parent=CA, serial_number=REVOKED_SERIAL)
    middle = authority("Middle", parent=upper, serial_number=REVOKED_SERIAL)
    lower = authority("Lower", parent=middle)
    pems = [CA.pem, upper.pem, middle.pem, lower.pem]
    storage.put("ca.crl", crl(1, REVOKED_SERIAL, ca=(CA, upper)[place]))
    storage.put("truststore.pem", b"".join(pems))
    authorizer = make_authorizer(storage, **variables)
    assert authorizer.deny_reason(client(1, lower)) == REVOKED
    for rest in (pems[:stay], pems[stay:], []):
        storage.put("truststore.pem", OTHER.pem + b"".join(rest))
        assert authorizer.deny_reason(client(1, lower)) == REVOKED


@BOTH_CHECKS
def test_a_client_that_the_old_key_of_its_ca_has_revoked_stays_revoked_when_that_leaves_the_truststore(
    storage: Memory, variables: dict[str, str]
) -> None:
    new = authority("CA")
    certified = authority("CA", parent=CA, key=new.key)
    storage.put("ca.crl", FIRST)
    storage.put("truststore.pem", CA.pem + new.pem + certified.pem)
    authorizer = make_authorizer(storage, **variables)
    assert authorizer.deny_reason(client(REVOKED_SERIAL, new)) == REVOKED
    storage.put("truststore.pem", new.pem + certified.pem)
    assert authorizer.deny_reason(client(REVOKED_SERIAL, new)) == REVOKED


def test_a_ca_whose_missing_issuer_has_only_the_name_of_a_departed_ca_does_not_depend_on_that(storage: Memory) -> None:
    issuing = authority("Issuing", parent=authority("CA"))
    storage.put("truststore.pem", CA.pem)
    authorizer = with_lists(storage, {"ca.crl": FIRST, "issuing.crl": crl(1, ca=issuing)})
    assert authorizer.deny_reasons(client(1, issuing), WITHDRAWN) == [UNKNOWN, REVOKED]
    storage.put("truststore.pem", issuing.pem)
    assert authorizer.deny_reasons(client(1, issuing), WITHDRAWN) == [None, REVOKED]


def test_a_crl_that_was_loaded_just_before_its_ca_left_the_truststore_revokes(storage: Memory) -> None:
    live = make_live(storage)
    documents = live._revocation  # noqa: SLF001 -- as if another thread had replaced the truststore
    assert documents is not None
    storage.put("ca.crl", FIRST)
    documents.crl_refresher.restart()
    documents.crl_refresher.refresh_if_due()
    lists = documents.lists(read_truststore(OTHER.pem))
    assert lists.status(PeerCertificate.from_pem(WITHDRAWN), NOW).state is RevocationState.REVOKED


def test_an_intermediate_ca_whose_root_has_no_crl_still_revokes_when_it_leaves_the_truststore(storage: Memory) -> None:
    issuing = authority("Issuing", parent=CA)
    storage.put("ca.crl", crl(1, REVOKED_SERIAL, ca=issuing))
    storage.put("truststore.pem", CA.pem + issuing.pem)
    authorizer = make_authorizer(storage)
    clients = (client(1, issuing), client(REVOKED_SERIAL, issuing))
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]
    storage.put("truststore.pem", CA.pem)
    assert authorizer.deny_reasons(*clients) == [UNKNOWN, REVOKED]


def test_the_cas_that_left_the_truststore_first_are_forgotten_first(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtls_authorizer.revocation.documents.MAX_DEPARTED", 1)
    storage.put("truststore.pem", CA.pem + OTHER.pem)
    clients, third = (WITHDRAWN, client(REVOKED_SERIAL, OTHER)), authority("Third").pem
    authorizer = with_lists(storage, {"ca.crl": FIRST, "other.crl": crl(1, REVOKED_SERIAL, ca=OTHER)})
    for truststore, reasons in (
        (OTHER.pem, [REVOKED, REVOKED]),
        (third, [UNKNOWN, REVOKED]),
        (CA.pem, [REVOKED, REVOKED]),
        (third, [REVOKED, UNKNOWN]),
    ):
        storage.put("truststore.pem", truststore)
        assert authorizer.deny_reasons(*clients) == reasons


def test_the_memory_of_a_crl_that_was_never_usable_is_freed_at_once(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    live = make_live(storage)
    storage.put("ca.crl", FUTURE)
    live.get()
    documents = live._revocation  # noqa: SLF001 -- the memory that it takes
    assert documents is not None
    (document,) = documents.crls
    assert document.value is not None
    entries = weakref.ref(document.value[0].is_revoked.__self__)  # type: ignore[attr-defined]
    live.get()
    assert document.is_invalid
    storage.put("ca.crl", crl(10, this_update=NOW + DAY, next_update=NOW + 2 * DAY))
    live.get()
    live.get()
    assert entries() is None  # While a test runs, no garbage is collected.


def test_the_key_of_an_issuer_is_read_from_the_truststore_in_force(storage: Memory) -> None:
    storage.put("truststore.pem", OTHER.pem)
    authorizer = make_authorizer(storage, ALLOWED_ISSUER_KEYS=CA.signer, CRL_FAILURE_MODE="allow")
    assert authorizer.deny_reason(GOOD) == DenyReason.ISSUER_KEY_NOT_ALLOWED
    storage.put("truststore.pem", EVERYBODY)
    assert authorizer.deny_reasons(GOOD, client(1, OTHER)) == [None, DenyReason.ISSUER_KEY_NOT_ALLOWED]


def read_all(authorizer: EventAuthorizer) -> None:
    """Send requests until all new CRLs below a prefix were read, a few of them with each request."""
    for _ in range(3):
        assert authorizer.deny_reasons() == [None, REVOKED, None]
        join_attempts()


def test_the_successor_of_a_crl_is_searched_below_a_prefix_once_that_is_no_longer_stored(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    for part in range(LOADED_COMPLETELY + 1):
        storage.put(f"crl/{part}.crl", partition(part))
    authorizer = make_authorizer(storage, CRL_URIS=f"{storage.uri('ca.crl')}, {storage.uri('crl/')}")
    read_all(authorizer)
    storage.put("crl/0.crl", SECOND)
    assert authorizer.deny_reasons() == [None, REVOKED, None]
    storage.put("ca.crl", HTML)
    assert authorizer.deny_reasons() == [None, REVOKED, REVOKED]


def test_the_successor_of_a_crl_below_a_prefix_is_searched_although_the_crl_is_found_invalid_late(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_fast = threading.Event()
    is_fast.set()

    def open_slowly(uri: str, *, max_bytes: int) -> Store:
        class Slow(MemoryStore):
            def fetch(self, version: str | None, /) -> Fetched | None:
                assert not uri.endswith("ca.crl") or is_fast.wait(LONG)
                return super().fetch(version)

        assert max_bytes
        return Slow(storage, uri)

    for part in range(LOADED_COMPLETELY):
        storage.put(f"crl/{part}.crl", partition(part))
    storage.put("crl/ca.crl", FIRST)
    clock = Clock()
    loaded = every_minute(storage, CRL_URIS=storage.uri("crl/"))
    live = make_live(storage, loaded, opener=open_slowly, clock=clock)
    authorizer = EventAuthorizer(live)
    try:
        read_all(authorizer)
        is_fast.clear()
        storage.put("crl/ca.crl", HTML)
        storage.put("crl/0.crl", SECOND)
        clock.advance(60)
        with monkeypatch.context() as patch:
            patch.setattr(live, "_wait_seconds", LONG_WAITS._replace(needed=0.1))
            assert authorizer.deny_reasons() == [None, REVOKED, None]
    finally:
        is_fast.set()
        join_attempts()
    authorizer.deny_reasons()
    assert authorizer.deny_reasons() == [None, REVOKED, REVOKED]


def test_rules_and_shadow_rules_have_a_version_each_and_are_added_to_those_of_the_environment(storage: Memory) -> None:
    for name in ("rules", "shadow"):
        storage.put(f"{name}.json", rules_document(name, "partner"))
    loaded = load_settings(
        {
            "ALLOWED_COMMON_NAMES": "client",
            "AUTHORIZER_RULES_URI": storage.uri("rules.json"),
            "AUTHORIZER_SHADOW_RULES_URI": storage.uri("shadow.json"),
        }
    )
    current = make_live(storage, loaded).get()
    assert [rule.name for rule in current.rules.rules] == ["environment", "rules"]
    assert current.shadow_rules is not None
    assert [rule.name for rule in current.shadow_rules.rules] == ["shadow"]
    assert current.rules_version
    assert current.shadow_rules_version
    assert current.revocation is None


def test_rules_that_cannot_be_read_stop_the_start(storage: Memory) -> None:
    loaded = load_settings({"AUTHORIZER_RULES_URI": storage.uri("rules.json")})
    with pytest.raises(StoreError, match="No such file"):
        make_live(storage, loaded)
    storage.put("rules.json", b'{"rules": [{}]}')
    with pytest.raises(DocumentError, match=r"rules.json: .*rules"):
        make_live(storage, loaded)


def test_stored_rules_cannot_be_combined_with_a_rule_for_anyone(storage: Memory) -> None:
    loaded = load_settings({"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "AUTHORIZER_RULES_URI": storage.uri("rules.json")})
    rules = rules_document("rules")
    for document in (rules, rules.replace(b"{", b'{"deny": {"common_name": "x"}, ', 1)):
        storage.put("rules.json", document)
        with pytest.raises(DocumentError, match="ALLOW_ANY_CLIENT_CERTIFICATE is true and a rules document contains"):
            make_live(storage, loaded)
    storage.put("rules.json", b'{"deny": {"common_name": "client"}}')
    clock = Clock()
    live = make_live(storage, loaded, clock=clock)
    storage.put("rules.json", rules)
    clock.advance(60)
    assert [rule.name for rule in live.get().rules.denials] == ["deny"]
    assert live.take_failures() == 1


def test_shadow_rules_can_be_the_only_document_and_do_not_stop_the_start(storage: Memory) -> None:
    loaded = load_settings(
        {"ALLOWED_COMMON_NAMES": "client", "AUTHORIZER_SHADOW_RULES_URI": storage.uri("shadow.json")}
    )
    live = make_live(storage, loaded)
    assert live.get().shadow_rules is None
    storage.put("shadow.json", rules_document("shadow"))
    live.restore()
    policy = live.get()
    assert policy.shadow_rules is not None
    assert [rule.name for rule in policy.shadow_rules.rules] == ["shadow"]
    assert [rule.name for rule in policy.rules.rules] == ["environment"]


@pytest.mark.parametrize("content", [None, b"", b'{"rules": [{}]}', HTML])
def test_shadow_rules_that_cannot_be_read_stop_neither_a_start_nor_a_restore(
    storage: Memory, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    storage.put("rules.json", rules_document("rules"))
    storage.put("shadow.json", content or b"")
    if content is None:
        storage.remove("shadow.json")
    clock = Clock()
    loaded = load_settings(
        {"AUTHORIZER_RULES_URI": storage.uri("rules.json"), "AUTHORIZER_SHADOW_RULES_URI": storage.uri("shadow.json")}
    )
    live = make_live(storage, loaded, clock=clock)
    live.restore()
    assert [rule.name for rule in live.get().rules.rules] == ["rules"]
    assert live.get().shadow_rules is None
    assert live.take_failures() == 2
    failures = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.document for record in failures] == ["shadow_rules"] * 2  # type: ignore[attr-defined]
    storage.put("shadow.json", rules_document("shadow"))
    clock.advance(RETRY_SECONDS)
    shadow_rules = live.get().shadow_rules
    assert shadow_rules is not None
    assert [rule.name for rule in shadow_rules.rules] == ["shadow"]


@pytest.mark.parametrize("content", [None, b"", b'{"rules": [{}]}', HTML])
def test_a_restore_stops_the_function_if_its_rules_can_not_be_read_and_only_then(
    storage: Memory, content: bytes | None
) -> None:
    storage.put("rules.json", rules_document("one"))
    live = make_live(storage, settings(storage, AUTHORIZER_RULES_URI=storage.uri("rules.json")))
    if content is None:
        storage.remove("rules.json")
    else:
        storage.put("rules.json", content)
    with pytest.raises((StoreError, ValueError), match=r"rules\.json"):
        live.restore()
    # The lists aren't there either, and stop nothing.
    storage.put("rules.json", rules_document("two"))
    live.restore()
    assert [rule.name for rule in live.get().rules.rules] == ["environment", "two"]


def test_a_restore_stops_the_function_if_its_rules_are_late(storage: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.put("rules.json", rules_document("one"))
    opened, loads = threading.Event(), iter([True, False])

    def open_slowly(uri: str, *, max_bytes: int) -> Store:
        class Slow(MemoryStore):
            def fetch(self, version: str | None, /) -> Fetched | None:
                assert next(loads) or opened.wait(LONG)
                return super().fetch(version)

        assert max_bytes
        return Slow(storage, uri)

    loaded = load_settings({"AUTHORIZER_RULES_URI": storage.uri("rules.json")})
    live = make_live(storage, loaded, opener=open_slowly)
    monkeypatch.setattr(Attempt, "wait", lambda _attempt, _seconds: None)  # the time is up
    try:
        with pytest.raises(StoreError, match=r"not loaded within 60 s after the snapshot was restored"):
            live.restore()
    finally:
        opened.set()
        join_attempts()


def test_a_restore_loads_all_documents_though_the_clock_has_stopped(storage: Memory) -> None:
    storage.put("rules.json", rules_document("one"))
    storage.put("shadow.json", rules_document("one"))
    storage.put("ca.crl", FIRST)
    loaded = every_minute(
        storage, AUTHORIZER_RULES_URI=storage.uri("rules.json"), AUTHORIZER_SHADOW_RULES_URI=storage.uri("shadow.json")
    )
    live = make_live(storage, loaded, clock=Clock())
    storage.put("rules.json", rules_document("two"))
    storage.put("shadow.json", rules_document("two"))
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", SECOND)
    before = live.get()
    live.restore()
    after = live.get()
    assert before.shadow_rules is not None
    assert after.shadow_rules is not None
    assert [before.rules.rules[-1].name, before.shadow_rules.rules[-1].name] == ["one", "one"]
    assert [after.rules.rules[-1].name, after.shadow_rules.rules[-1].name] == ["two", "two"]
    assert EventAuthorizer(live).deny_reasons() == [None, REVOKED, REVOKED]
    documents = ("rules.json", "shadow.json", "truststore.pem", "ca.crl.index", "ca.crl")
    assert storage.resets == [storage.uri(name) for name in documents]


def test_documents_are_loaded_on_time_although_the_monotonic_clock_stood_still_while_lambda_froze_the_function(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = Clock()
    monkeypatch.setattr("mtls_authorizer.clock.elapsed_seconds", IntervalClock(Clock(), system))
    storage.put("ca.crl", FIRST)
    storage.put("rules.json", rules_document("one"))
    live = make_live(storage, every_minute(storage, AUTHORIZER_RULES_URI=storage.uri("rules.json")))
    before = live.get()
    storage.put("ca.crl", SECOND)
    storage.put("rules.json", rules_document("two"))
    system.advance(59)
    assert live.get() is before
    system.advance(1)
    assert live.get().rules.rules[-1].name == "two"
    assert EventAuthorizer(live).deny_reasons() == [None, REVOKED, REVOKED]


def test_the_request_after_a_start_or_a_restore_loads_nothing_again_for_a_new_truststore(storage: Memory) -> None:
    storage.put("ca.crl", FIRST)
    live = make_live(storage, every_minute(storage), clock=Clock())
    live.get()
    assert storage.requests == [("truststore.pem", True), ("ca.crl", True)]
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", SECOND)
    live.restore()
    assert storage.requests[2:] == [("truststore.pem", True), ("ca.crl", True)]
    storage.requests.clear()
    assert EventAuthorizer(live).deny_reasons() == [None, REVOKED, REVOKED]
    assert storage.requests == []


def test_only_the_crls_of_the_variable_are_assumed_to_be_complete(storage: Memory) -> None:
    storage.put("truststore.pem", CA.pem + OTHER.pem)
    uris = [storage.uri(f"{name}.crl") for name in ("one", "two")]
    for each, ca in zip(uris, (CA, OTHER), strict=True):
        storage.put(each.rpartition("/")[2], partition("all", 2, ca=ca))
    loaded = settings(storage, CRL_URIS=",".join(uris), CRL_ASSUME_COMPLETE=uris[0])
    authorizer = EventAuthorizer(make_live(storage, loaded))
    assert authorizer.deny_reasons(client_of(None), client_of(None, ca=OTHER)) == [None, UNKNOWN]


@pytest.mark.parametrize(
    "new",
    [
        partition("b", 2, number=2),
        partition("a", ca=OTHER, number=2),
        partition("b", ca=NAMESAKE, number=2),
        partition("b", 2, this_update=NOW + DAY, next_update=NOW + 2 * DAY),
    ],
    ids=["with another name", "of another CA", "by another key", "not valid yet"],
)
def test_a_crl_that_is_assumed_to_be_complete_stays_so_until_its_successor_is(storage: Memory, new: bytes) -> None:
    storage.put("truststore.pem", EVERYBODY)
    storage.put("ca.crl", partition("a", 2))
    authorizer = make_authorizer(storage, CRL_ASSUME_COMPLETE=storage.uri("ca.crl"))
    clients = [client_of(None), client_of(None, 2)]
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]
    storage.put("ca.crl", new)
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]


@pytest.mark.parametrize("other", ["other.crl", "crl/other.crl"])
def test_no_crl_is_assumed_to_be_complete_while_its_predecessor_is_stored_elsewhere(
    storage: Memory, other: str
) -> None:
    for file in ("ca.crl", other):
        storage.put(file, partition("a"))
    uris = [storage.uri(each) for each in ("ca.crl", other.replace("crl/other.crl", "crl/"))]
    variables = {"CRL_URIS": ",".join(uris), "CRL_ASSUME_COMPLETE": uris[0]}
    authorizer, client = make_authorizer(storage, **variables), client_of(None)
    assert authorizer.deny_reasons(client) == [None]
    storage.put("ca.crl", partition("b"))
    assert authorizer.deny_reasons(client) == [UNKNOWN]
    assert make_authorizer(storage, **variables).deny_reasons(client) == [UNKNOWN]


def test_the_time_of_lists_is_that_of_the_clock(storage: Memory) -> None:
    storage.put("ca.crl", crl(2, REVOKED_SERIAL, this_update=NOW + DAY, next_update=NOW + 2 * DAY))
    for now, accepted in ((NOW, False), (NOW + DAY, True)):
        lists = make_live(storage, now=lambda now=now: now).get().revocation
        assert lists is not None
        assert (lists.status(PeerCertificate.from_pem(client(1)), now).state is RevocationState.GOOD) is accepted


def test_a_bucket_that_cannot_be_reached_at_the_start_is_tried_again_soon(storage: Memory) -> None:
    clock = Clock()
    storage.remove("truststore.pem")
    authorizer = EventAuthorizer(make_live(storage, every_minute(storage), clock=clock))
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", FIRST)
    clock.advance(RETRY_SECONDS - 1)
    assert authorizer.deny_reasons() == [UNKNOWN] * 3
    clock.advance(1)
    assert authorizer.deny_reasons() == [None, REVOKED, None]


@pytest.mark.parametrize("place", ["ca.crl", "crl/3.crl", "crl/ (the listing)"])
@pytest.mark.parametrize("restores", [False, True])
def test_the_successor_of_a_crl_that_has_been_stale_for_hours_is_loaded_as_soon_as_it_can_be_read(
    storage: Memory,
    place: str,
    restores: bool,  # noqa: FBT001 -- a table's column
) -> None:
    """After the function was frozen, or a snapshot restored."""
    now, clock = NOW, Clock()
    name = place if place.endswith(".crl") else "crl/3.crl"
    storage.put(name, partition(3, 2))
    for part in range(5, 5 + LOADED_COMPLETELY):
        storage.put(f"crl/{part}.crl", partition(part, next_update=NOW + 9 * DAY))
    uris = storage.uri("ca.crl" if name == "ca.crl" else "crl/")
    live = make_live(
        storage, settings(storage, CRL_URIS=uris)._replace(crl_refresh_seconds=3600), now=lambda: now, clock=clock
    )
    authorizer = EventAuthorizer(live, clock=lambda: now)
    clients = [client_of(3), client_of(3, 2)]
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]
    now += 2 * DAY
    clock.advance(2 * 24 * 3600)
    storage.put(name, partition(3, 2, number=1200, next_update=NOW + 9 * DAY))
    if name == place:
        storage.errors[name] = StoreError(name, "503")
    else:
        storage.fails_to_list = True
    if restores:
        live.restore()
    assert authorizer.deny_reason(clients[0]) == UNKNOWN
    attempts = len(storage.requests) + len(storage.listings)
    assert authorizer.deny_reasons(*clients) == [UNKNOWN, REVOKED]
    assert len(storage.requests) + len(storage.listings) == attempts
    storage.errors.clear()
    storage.fails_to_list = False
    clock.advance(RETRY_SECONDS)
    assert authorizer.deny_reasons(*clients) == [None, REVOKED]


@pytest.mark.parametrize("problem", [{"is_absence": True}, {"is_too_large": True}])
def test_a_crl_that_has_been_stale_for_hours_is_not_requested_soon_if_there_is_no_other_to_read(
    storage: Memory, problem: dict[str, bool]
) -> None:
    now, clock = NOW, Clock()
    storage.put("ca.crl", crl(1))
    live = make_live(storage, settings(storage)._replace(crl_refresh_seconds=3600), now=lambda: now, clock=clock)
    authorizer = EventAuthorizer(live, clock=lambda: now)
    now += 2 * DAY
    clock.advance(2 * 24 * 3600)
    storage.errors["ca.crl"] = StoreError("ca.crl", "no", **problem)
    assert authorizer.deny_reasons() == [UNKNOWN] * 3
    attempts = len(storage.requests)
    clock.advance(RETRY_SECONDS)
    assert authorizer.deny_reasons() == [UNKNOWN] * 3
    assert len(storage.requests) == attempts


@pytest.mark.parametrize("grace", [0, 60])
def test_the_successor_of_a_stale_crl_is_loaded_soon(storage: Memory, grace: int) -> None:
    clock = Clock()
    start = clock.now
    storage.put("ca.crl", crl(1, next_update=NOW + timedelta(seconds=90)))
    storage.put("other.crl", crl(1, ca=OTHER, next_update=NOW - DAY))  # stale for long, which makes nothing urgent
    variables = {"CRL_URIS": f"{storage.uri('ca.crl')}, {storage.uri('other.crl')}", "CRL_MAX_AGE_SECONDS": str(grace)}
    configured = every_minute(storage, **variables)

    def now() -> datetime:
        return NOW + timedelta(seconds=clock.now - start)

    live = make_live(storage, configured, clock=clock, now=now)
    authorizer = EventAuthorizer(live, clock=now)
    loads: list[float] = []
    for _ in range(10 + grace // 10):
        clock.advance(10)
        storage.requests.clear()
        reason = authorizer.deny_reason(GOOD)
        if storage.requests:
            loads.append(clock.now - start)
        assert reason == (UNKNOWN if clock.now - start >= 90 + grace else None)
        assert authorizer.deny_reason(client(1, OTHER)) == UNKNOWN
    # Once a minute, until it is stale.
    assert loads == [60, *([120] if grace else []), 90 + grace, 100 + grace]
    storage.put("ca.crl", crl(2, REVOKED_SERIAL, next_update=NOW + DAY))
    clock.advance(9)
    assert authorizer.deny_reason(GOOD) == UNKNOWN
    clock.advance(1)
    assert authorizer.deny_reasons(GOOD, WITHDRAWN) == [None, REVOKED]


def test_a_revoked_client_is_denied_when_its_ca_returns_to_the_truststore_with_an_older_crl(storage: Memory) -> None:
    clock = Clock()
    storage.put("ca.crl", crl(2, REVOKED_SERIAL, next_update=NOW + DAY / 2))
    live = make_live(storage, every_minute(storage), clock=clock)
    authorizer = EventAuthorizer(live)
    assert authorizer.deny_reasons(GOOD, WITHDRAWN) == [None, REVOKED]
    storage.put("truststore.pem", OTHER.pem)
    storage.put("ca.crl", crl(1, ca=OTHER))
    clock.advance(60)
    assert authorizer.deny_reasons(client(1, OTHER), WITHDRAWN) == [None, REVOKED]
    revocation = live.get().revocation
    # It does not matter when the CRL of the other CA expires.
    assert revocation is not None
    assert revocation.earliest_next_update == NOW + DAY
    storage.put("truststore.pem", EVERYBODY)
    storage.put("ca.crl", EMPTY)
    clock.advance(60)
    assert authorizer.deny_reasons(GOOD, WITHDRAWN) == [None, REVOKED]


def test_a_crl_that_becomes_stale_just_after_that_of_another_ca_has_its_successor_at_once(storage: Memory) -> None:
    clock = Clock()
    start = clock.now
    for seconds, name, ca in ((10, "ca.crl", CA), (15, "other.crl", OTHER)):
        storage.put(name, crl(1, ca=ca, next_update=NOW + timedelta(seconds=seconds)))
    configured = every_minute(storage, CRL_URIS=f"{storage.uri('ca.crl')}, {storage.uri('other.crl')}")

    def now() -> datetime:
        return NOW + timedelta(seconds=clock.now - start)

    authorizer = EventAuthorizer(make_live(storage, configured, clock=clock, now=now), clock=now)
    for seconds, name, ca in ((10, "ca.crl", CA), (5, "other.crl", OTHER)):
        storage.put(name, crl(2, ca=ca))
        clock.advance(seconds)
        assert authorizer.deny_reasons(GOOD, client(1, OTHER)) == [None, None]


def test_crls_are_not_read_at_every_request_if_the_time_of_the_machine_goes_back_and_forth(storage: Memory) -> None:
    for seconds, name, ca in ((20, "ca.crl", CA), (0, "other.crl", OTHER)):
        storage.put(name, crl(1, ca=ca, next_update=NOW - timedelta(seconds=seconds)))
    configured = every_minute(storage, CRL_URIS=f"{storage.uri('ca.crl')}, {storage.uri('other.crl')}")
    time = NOW
    live = make_live(storage, configured, clock=Clock(), now=lambda: time)
    storage.requests.clear()
    for request in range(20):
        time = NOW + timedelta(seconds=1 if request % 2 else -1)
        live.get()
    # Once when each CRL became stale.
    assert [name for name, _is_new in storage.requests].count("other.crl") == 2


def test_a_crl_that_stays_expired_is_requested_once_an_interval_again(storage: Memory) -> None:
    clock = Clock()
    start = clock.now
    storage.put("ca.crl", crl(1, next_update=NOW + timedelta(seconds=90)))
    live = make_live(
        storage, every_minute(storage), clock=clock, now=lambda: NOW + timedelta(seconds=clock.now - start)
    )
    clock.advance(150)
    live.get()
    for seconds, is_asked_for in ((59, False), (1, True), (10, False)):
        clock.advance(seconds)
        storage.requests.clear()
        live.get()
        assert bool(storage.requests) is is_asked_for


def test_failures_of_all_documents_are_counted_and_reported_once(storage: Memory) -> None:
    storage.put("rules.json", rules_document("one"))
    storage.put("ca.crl", FIRST)
    loaded = settings(storage, AUTHORIZER_RULES_URI=storage.uri("rules.json"))
    live = make_live(storage, loaded._replace(rules_refresh_seconds=0))
    assert live.take_failures() == 0
    for name in ("rules.json", "truststore.pem", "ca.crl"):
        storage.remove(name)
    live.get()
    assert (live.take_failures(), live.take_failures()) == (3, 0)


def test_each_failure_is_reported_to_one_of_concurrent_requests(
    storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put("rules.json", rules_document("one"))
    live = make_live(storage, load_settings({"AUTHORIZER_RULES_URI": storage.uri("rules.json")}))
    reported: list[int] = []
    other = threading.Thread(target=lambda: reported.append(live.take_failures()))

    def count_failures(_refresher: Refresher) -> int:
        if threading.current_thread() is other:
            return 2
        other.start()
        other.join(0.2)  # without the lock, it ends
        return 1

    monkeypatch.setattr(Refresher, "total_failures", property(count_failures))
    assert live.take_failures() == 1
    other.join(LONG)
    assert reported == [1]


def test_a_revoked_client_of_the_shadow_rules_is_revoked_there_and_denied_by_the_rules_as_before(
    storage: Memory,
) -> None:
    storage.put("ca.crl", FIRST)
    shadow_rules = rules_document("partner", "partner").decode()
    live = make_live(storage, settings(storage, AUTHORIZER_SHADOW_RULES=shadow_rules, EXPIRY_WARNING_DAYS="0"))
    for common_name, serial_number, deny_reason, shadow_refusal, looked_up in (
        ("client", 1, None, DenyReason.COMMON_NAME_NOT_ALLOWED, "good"),
        ("client", 2, REVOKED, DenyReason.COMMON_NAME_NOT_ALLOWED, "revoked"),
        ("partner", 1, DenyReason.COMMON_NAME_NOT_ALLOWED, None, "good"),
        ("partner", 2, DenyReason.COMMON_NAME_NOT_ALLOWED, REVOKED, "revoked"),
        ("nobody", 2, DenyReason.COMMON_NAME_NOT_ALLOWED, DenyReason.COMMON_NAME_NOT_ALLOWED, None),
    ):
        certificate = PeerCertificate.from_pem(client(serial_number, common_name=common_name))
        decision = decision_on(certificate, live.settings, NOW, policy=live.get())
        assert decision.reason == deny_reason
        assert decision.shadow_reason == shadow_refusal
        assert (decision.revocation_status and decision.revocation_status.state) == looked_up


def test_a_client_that_rules_or_dates_deny_costs_no_signature_check_and_no_lookup(storage: Memory) -> None:
    class Unasked(RevocationLists):
        def chains(self, certificate: PeerCertificate) -> tuple[Chain, ...]:
            raise AssertionError(certificate)

        def status_at(self, chains: object, now: datetime) -> RevocationStatus:
            raise AssertionError((chains, now))

    loaded = settings(storage, REQUIRED_EXTENDED_KEY_USAGE="none")
    rules = RuleSet(loaded.rules)
    unasked = AccessPolicy(rules, revocation=Unasked([], Truststore(())))
    nobody = PeerCertificate.from_pem(client(1, common_name="nobody"))
    assert decision_on(nobody, loaded, NOW, policy=unasked).reason is DenyReason.COMMON_NAME_NOT_ALLOWED
    # The chains are built once for each certificate, and the status is determined only while the certificate is valid.
    certificate = PeerCertificate.from_pem(GOOD)
    with pytest.raises(AssertionError):
        decision_on(certificate, loaded, NOW, policy=unasked)
    read = AccessPolicy(rules, revocation=RevocationLists([], Truststore(())))
    assessment = assess(ExtractionSuccess(certificate), loaded, read)
    for moment in (NOW - 2 * DAY, NOW + 101 * DAY):
        decision = decide(assessment, loaded, unasked, read_request(rest_event()), moment)
        assert decision.reason in {DenyReason.CERTIFICATE_EXPIRED, DenyReason.CERTIFICATE_NOT_YET_VALID}
        assert decision.revocation_status is None


def test_no_certificate_is_allowed_before_the_configured_crls_were_loaded(storage: Memory) -> None:
    loaded = settings(storage)
    unread = AccessPolicy(RuleSet(loaded.rules))
    certificate = PeerCertificate.from_pem(GOOD)
    assert decision_on(certificate, loaded, NOW, policy=unread).reason is DenyReason.REVOCATION_STATUS_UNKNOWN
    assert decision_on(certificate, loaded._replace(revocation_settings=None), NOW, policy=unread).reason is None


def test_requests_in_many_threads_have_lists_and_chains_that_belong_together(storage: Memory) -> None:
    storage.put("ca.crl", EMPTY)
    authorizer = make_authorizer(storage)
    with ThreadPoolExecutor(8) as threads:
        for number in range(2, 12):
            revoked = bool(number % 2)
            storage.put("ca.crl", crl(number, *([REVOKED_SERIAL] if revoked else [])))
            storage.put("truststore.pem", CA.pem * number)
            authorizer.deny_reasons()
            answers = set(threads.map(authorizer.deny_reason, [WITHDRAWN] * 16))
            assert answers == {REVOKED if revoked else None}


def test_a_change_takes_effect_with_the_next_request_although_an_exception_has_ended_the_one_that_loaded_it(
    storage: Memory, log: logging.Logger
) -> None:
    """The rules have changed, and the log cannot be written when the CRL cannot be read."""
    storage.put("rules.json", rules_document("rules", "other"))
    storage.put("ca.crl", FIRST)
    clock = Clock()
    live = make_live(storage, every_minute(storage, AUTHORIZER_RULES_URI=storage.uri("rules.json")), clock=clock)
    authorizer = EventAuthorizer(live)
    assert authorizer.deny_reasons() == [None, REVOKED, None]
    storage.put("rules.json", b'{"deny": {"common_name": "client"}}')
    storage.remove("ca.crl")
    clock.advance(60)
    failing = FailingHandler("crl")
    log.addHandler(failing)
    try:
        with pytest.raises(OSError, match="no space left"):
            authorizer.deny_reason(GOOD)
    finally:
        log.removeHandler(failing)
    assert authorizer.deny_reasons() == [DenyReason.CERTIFICATE_EXCLUDED] * 3


def test_a_request_waits_for_all_kinds_of_documents_together(storage: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.put("rules.json", rules_document("rules"))
    storage.put("ca.crl", EMPTY)
    clock = Clock()
    configured = every_minute(storage, AUTHORIZER_RULES_URI=storage.uri("rules.json"))
    live = make_live(storage, configured, clock=clock)
    waits: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr(Attempt, "wait", lambda _attempt, seconds: waits.append(seconds))
        clock.advance(60)
        live.get()
    join_attempts()
    assert len(waits) == 3
    assert min(waits) > 0
    assert sum(waits) <= LONG_WAITS.request


def test_a_crl_that_is_loaded_while_another_thread_assembles_the_policy_takes_effect(
    storage: Memory, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put("rules.json", rules_document("rules"))
    storage.put("ca.crl", EMPTY)
    clock = Clock()
    crl_loaded, assembled = threading.Event(), threading.Event()

    class Waiting(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            if threading.current_thread() is other and vars(record).get("document") == "crl":
                crl_loaded.set()
                assert assembled.wait(LONG)
            return True

    def after_the_lists_were_read(policy: AccessPolicy) -> AccessPolicy:
        if not other.ident:
            storage.put("ca.crl", FIRST)
            clock.advance(60)
            other.start()
            assert crl_loaded.wait(LONG)
        return with_issuer_keys(policy)

    configured = every_minute(storage, AUTHORIZER_RULES_URI=storage.uri("rules.json"))
    live = make_live(storage, configured, clock=clock)
    other = threading.Thread(target=live.get)
    authorizer = EventAuthorizer(live)
    assert authorizer.deny_reason(WITHDRAWN) is None
    storage.put("rules.json", rules_document("renamed"))
    clock.advance(60)
    with_issuer_keys = AccessPolicy.with_issuer_keys
    monkeypatch.setattr(AccessPolicy, "with_issuer_keys", after_the_lists_were_read)
    waiting = Waiting()
    log.addHandler(waiting)
    try:
        assert authorizer.deny_reason(WITHDRAWN) is None
    finally:
        assembled.set()
        other.join(LONG)
        log.removeHandler(waiting)
    assert authorizer.deny_reason(WITHDRAWN) == REVOKED


def test_a_policy_has_one_truststore_although_another_thread_replaces_it(
    storage: Memory, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise, a rule matched under the new one, and the CRL was ignored under the old one.
    rule = '{"rules": [{"name": "%s", "match": {"common_name": "client", "issuer_key": "' + OTHER.signer + '"}}]}'
    storage.put("rules.json", (rule % "rules").encode())
    storage.put("ca.crl", crl(2, REVOKED_SERIAL, ca=OTHER))
    withdrawn, clock = client(REVOKED_SERIAL, OTHER), Clock()
    variables = {"AUTHORIZER_RULES_URI": storage.uri("rules.json"), "ALLOWED_COMMON_NAMES": "nobody", **ALLOW}
    live = make_live(storage, every_minute(storage, **variables), clock=clock)
    authorizer = EventAuthorizer(live)
    assert authorizer.deny_reason(withdrawn) == REVOKED
    storage.put("truststore.pem", CA.pem)
    clock.advance(60)
    assert authorizer.deny_reason(withdrawn) == DenyReason.NO_RULE_MATCHED
    storage.put("rules.json", (rule % "renamed").encode())
    clock.advance(60)
    loaded, lists, other = threading.Event(), RevocationDocuments.lists, threading.Thread(target=live.get)

    class Observing(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            if vars(record).get("document") == "truststore":
                loaded.set()
            return True

    def after_the_lists_were_read(documents: RevocationDocuments, *arguments: Truststore) -> RevocationLists:
        found = lists(documents, *arguments)
        if not other.ident:
            storage.put("truststore.pem", EVERYBODY)
            clock.advance(60)
            other.start()
            assert loaded.wait(LONG)
        return found

    monkeypatch.setattr(RevocationDocuments, "lists", after_the_lists_were_read)
    observing = Observing()
    log.addHandler(observing)
    try:
        assert authorizer.deny_reason(withdrawn) == DenyReason.NO_RULE_MATCHED
    finally:
        log.removeHandler(observing)
        other.join(LONG)
    assert authorizer.deny_reason(withdrawn) == REVOKED


class FailingHandler(logging.Handler):
    """A handler that cannot write the records about one kind of document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self._document = document

    def emit(self, record: logging.LogRecord) -> None:
        if vars(record).get("document") == self._document:
            message = "no space left"
            raise OSError(message)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    caplog.set_level(logging.INFO, logger="mtls_authorizer")
    return logging.getLogger("mtls_authorizer")
