"""Decisions while stores have faults: no revoked client is allowed, and no client is denied despite a good list."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.current_policy import CurrentPolicy, WaitSeconds
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.store import StoreError
from tests.clocks import Clock, until
from tests.fixtures.aws import PATIENT, QUICK
from tests.pki.kept_lists import (
    EVERYBODY,
    FIRST,
    GOOD,
    HTML,
    REVOKED,
    SECOND,
    UNKNOWN,
    WITHDRAWN,
    Bucket,
    EventAuthorizer,
    client,
    index_of,
    make_live,
    settings,
)
from tests.refreshing import LONG_WAITS
from tests.servers.faulty_proxy import answer, byte_by_byte, delay, garbage, hang, only_if, reset, stall, truncate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Fault, FaultyProxy

pytestmark = [pytest.mark.without_coverage, pytest.mark.usefixtures("proxy")]

FAULTS: dict[str, Fault] = {
    "no answer": hang(),
    "a reset connection": reset(),
    "no HTTP": garbage(),
    "403": answer(403, b"<Error><Code>AccessDenied</Code></Error>"),
    "404": answer(404, b"<Error><Code>NoSuchKey</Code></Error>"),
    "500": answer(500, b"<Error><Code>InternalError</Code></Error>"),
    "a page": answer(200, HTML, content_type="text/html", etag='"page"', last_modified="Sun, 01 Jun 2025 12:00:00 GMT"),
    "an empty answer": answer(200, etag='"empty"', last_modified="Sun, 01 Jun 2025 12:00:00 GMT"),
    "304 to whatever is asked": answer(304),
    "half a body": truncate(40),
    "a body that ends no more": stall(40),
    "a slow body": byte_by_byte(0.05),  # so that each byte is in time
}


LIMITS = WaitSeconds(rules=0.5, truststore=0.3, crls=0.5, request=1.5)
"""Longer than a store waits, so that most faults are known when a request is answered."""

INTERVAL = 60


class ProxiedAuthorizer(EventAuthorizer):
    """An authorizer whose documents are due when a test says so."""

    def __init__(self, loaded: Settings, wait_seconds: WaitSeconds = LIMITS) -> None:
        loaded = loaded._replace(crl_refresh_seconds=INTERVAL)
        self.clock = Clock()
        opener = partial(open_store, timeouts=QUICK, bucket_owner=None)
        super().__init__(CurrentPolicy(loaded, opener=opener, clock=self.clock, wait_seconds=wait_seconds))

    def next_deny_reasons(self, *certificates: str) -> list[str | None]:
        """Return the deny reasons after the next refresh."""
        self.clock.advance(INTERVAL)
        return self.deny_reasons(*certificates)

    def wait_for_deny_reasons(self, *expected: str | None) -> None:
        """Refresh until these are the deny reasons: on a busy machine even a healthy store may time out."""
        until(lambda: self.next_deny_reasons() == list(expected))


def only(name: str, fault: Fault) -> Fault:
    """Have a fault for the documents whose name ends like this: for all, or for one."""
    return only_if(lambda exchanging: exchanging.place.endswith(name), fault)


# For the list itself, and for everything, all faults; elsewhere those that are handled differently.
_DIFFERENT = ("no answer", "404", "a page", "half a body", "a slow body")
WHERE = [
    pytest.param(where, fault, id=f"{name}, {where or 'everywhere'}")
    for where in ("ca.crl", "ca.crl.index", "truststore.pem", "")
    for name, fault in FAULTS.items()
    if where in {"ca.crl", ""} or name in _DIFFERENT
]


@pytest.fixture
def storage(aws: AwsServer) -> Bucket:
    bucket = Bucket(aws)
    bucket.put("truststore.pem", EVERYBODY)
    bucket.put("ca.crl", FIRST)
    return bucket


def both_modes(storage: Bucket) -> list[ProxiedAuthorizer]:
    """Return two authorizers that have loaded their documents: one for each failure mode."""
    authorizers = [ProxiedAuthorizer(settings(storage, CRL_FAILURE_MODE=mode)) for mode in ("deny", "allow")]
    for authorizer in authorizers:
        authorizer.wait_for_deny_reasons(None, REVOKED, None)
    return authorizers


def next_deny_reasons(authorizers: list[ProxiedAuthorizer], *certificates: str) -> list[list[str | None]]:
    """Refresh several authorizers at the same time, and return what they refuse."""
    with ThreadPoolExecutor(len(authorizers)) as threads:
        return list(threads.map(lambda authorizer: authorizer.next_deny_reasons(*certificates), authorizers))


@pytest.mark.parametrize(("where", "fault"), WHERE)
def test_while_s3_has_a_fault_the_last_good_list_decides_and_once_it_has_none_the_new_one_does(
    storage: Bucket, proxy: FaultyProxy, where: str, fault: Fault
) -> None:
    storage.put("ca.crl.index", index_of(FIRST))
    authorizers = both_modes(storage)
    proxy.break_with(only(where, fault))
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index_of(SECOND))
    assert next_deny_reasons(authorizers, GOOD, WITHDRAWN) == [[None, REVOKED]] * 2
    proxy.recover()
    for authorizer in authorizers:
        authorizer.wait_for_deny_reasons(None, REVOKED, REVOKED)


@pytest.mark.parametrize(("where", "fault"), WHERE)
def test_a_function_that_starts_while_s3_has_a_fault_denies_revoked_clients_and_recovers(
    storage: Bucket, proxy: FaultyProxy, where: str, fault: Fault
) -> None:
    storage.put("ca.crl.index", index_of(FIRST))
    proxy.break_with(only(where, fault))
    authorizer = ProxiedAuthorizer(settings(storage))
    for deny_reasons in (authorizer.deny_reasons(GOOD, WITHDRAWN), authorizer.next_deny_reasons(GOOD, WITHDRAWN)):
        assert deny_reasons in ([UNKNOWN, UNKNOWN], [None, REVOKED])
    proxy.recover()
    authorizer.wait_for_deny_reasons(None, REVOKED, None)


def test_a_bucket_that_could_not_be_reached_for_a_while_is_read_again(storage: Bucket, proxy: FaultyProxy) -> None:
    authorizers = both_modes(storage)
    for content, next_refusal in ((FIRST, None), (SECOND, REVOKED)):
        storage.put("ca.crl", content)
        for authorizer in authorizers:
            authorizer.wait_for_deny_reasons(None, REVOKED, next_refusal)
        proxy.refuse_connections()
        assert next_deny_reasons(authorizers) == [[None, REVOKED, next_refusal]] * 2
        proxy.recover()


# Rules: the same, in each store.

RULES = '{"rules": [{"name": "%s", "match": {"common_name": "%s"}, "allow": ["GET /hello"]}]}'
PLACE = ("application", "environment", "profile")
SEVERAL = {"/rules/1": "", "/rules/2": ""}
FIRST_CLIENT, SECOND_CLIENT = client(1, common_name="first"), client(1, common_name="second")
URIS = {
    "s3": "s3://bucket/rules.json",
    "ssm": "ssm:///rules/1,/rules/2",
    "appconfig": "appconfig://application/environment/profile",
    "file": "file://{folder}/rules.json",
}
OVER_HTTP = [scheme for scheme in URIS if scheme != "file"]


class Place:
    """The place of the rules in a kind of store."""

    def __init__(self, scheme: str, aws: AwsServer, folder: Path) -> None:
        self.uri = URIS[scheme].format(folder=folder)
        self._aws = aws
        self._folder = folder
        self._put: Callable[[str], None] = getattr(self, f"_put_{scheme}")

    def put(self, rules: str) -> None:
        self._put(rules)

    def configuration(self) -> Settings:
        return load_settings({"AUTHORIZER_RULES_URI": self.uri})._replace(rules_refresh_seconds=INTERVAL)

    def _put_s3(self, rules: str) -> None:
        self._aws.put_object(self.uri, rules.encode())

    def _put_ssm(self, rules: str) -> None:
        # They do not change at once: a mixture of two versions is invalid, and must be rejected.
        half = len(rules) // 2
        self._aws.put_parameter("/rules/1", rules[:half])
        self._aws.put_parameter("/rules/2", rules[half:], "SecureString")

    def _put_appconfig(self, rules: str) -> None:
        self._aws.app_config_data.interval_seconds = 0
        self._aws.app_config_data.deploy(PLACE, rules.encode())

    def _put_file(self, rules: str) -> None:
        new = self._folder / "new"
        new.write_text(rules)
        new.replace(self._folder / "rules.json")


@pytest.fixture
def place(request: pytest.FixtureRequest, aws: AwsServer, tmp_path: Path) -> Place:
    return Place(request.param, aws, tmp_path)


def started(place: Place) -> ProxiedAuthorizer:
    """Return an authorizer that has loaded its rules: on a busy machine even a healthy store may time out."""
    authorizers: list[ProxiedAuthorizer] = []

    def start() -> bool:
        with suppress(StoreError):
            authorizers.append(ProxiedAuthorizer(place.configuration()))
        return bool(authorizers)

    until(start)
    return authorizers[0]


def allowed(authorizer: ProxiedAuthorizer) -> list[str]:
    """Return the clients that are allowed to GET /hello after the next refresh. No other route is ever allowed."""
    authorizer.clock.advance(INTERVAL)
    for certificate in (FIRST_CLIENT, SECOND_CLIENT):
        for method, path in (("POST", "/hello"), ("GET", "/other"), ("GET", "/hello/x")):
            assert authorizer.deny_reason(certificate, method, path) is not None
    clients = {"first": FIRST_CLIENT, "second": SECOND_CLIENT}
    return [name for name, certificate in clients.items() if authorizer.deny_reason(certificate) is None]


@pytest.mark.parametrize("place", URIS, indirect=True)
def test_rules_follow_the_store_and_invalid_ones_change_nothing(place: Place) -> None:
    place.put(RULES % ("one", "first"))
    authorizer = started(place)
    assert allowed(authorizer) == ["first"]
    place.put(RULES % ("two", "second"))
    until(lambda: allowed(authorizer) == ["second"])
    for broken in (
        "[]",
        '{"rules": [{"name": "three"}]}',
        '{"rules": [], "rules": []}',
        (RULES % ("three", "first")).replace("allow", "alow"),
        (RULES % ("three", "first"))[:-1],
    ):
        place.put(broken)
        for _refresh in range(2):
            assert allowed(authorizer) == ["second"]
    place.put(RULES % ("four", "first"))
    until(lambda: allowed(authorizer) == ["first"])


def test_rules_in_s3_are_sent_once_for_each_version(aws: AwsServer, proxy: FaultyProxy) -> None:
    storage = Bucket(aws, PATIENT)
    storage.put("rules.json", (RULES % ("one", "first")).encode())
    loaded = load_settings({"AUTHORIZER_RULES_URI": storage.uri("rules.json")})
    authorizer = EventAuthorizer(make_live(storage, loaded._replace(rules_refresh_seconds=0)))
    assert authorizer.deny_reasons(FIRST_CLIENT, SECOND_CLIENT) == [None, DenyReason.COMMON_NAME_NOT_ALLOWED]
    assert proxy.statuses()[:2] == [200, 304]
    storage.put("rules.json", (RULES % ("two", "second")).encode())
    assert authorizer.deny_reasons(FIRST_CLIENT, SECOND_CLIENT) == [DenyReason.COMMON_NAME_NOT_ALLOWED, None]
    assert proxy.statuses()[-2:] == [200, 304]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("place", OVER_HTTP, indirect=True)
def test_rules_stay_in_force_while_their_store_has_a_fault(place: Place, proxy: FaultyProxy, fault: Fault) -> None:
    place.put(RULES % ("one", "first"))
    authorizer = started(place)
    proxy.break_with(fault)
    place.put(RULES % ("two", "second"))
    for _refresh in range(2):
        began = time.monotonic()
        # A slow body may arrive completely.
        assert allowed(authorizer) in (["first"], ["second"])
        # A busy machine may add to it.
        assert time.monotonic() - began < LIMITS.request + 10
    proxy.recover()
    until(lambda: allowed(authorizer) == ["second"])


@pytest.mark.parametrize("fault", [fault for name, fault in FAULTS.items() if "slow" not in name])
@pytest.mark.parametrize("place", OVER_HTTP, indirect=True)
def test_no_function_starts_without_its_rules(place: Place, proxy: FaultyProxy, fault: Fault) -> None:
    place.put(RULES % ("one", "first"))
    proxy.break_with(fault)
    with pytest.raises((StoreError, ValueError)) as raised:
        ProxiedAuthorizer(place.configuration())
    assert place.uri in str(raised.value)
    proxy.recover()
    assert allowed(started(place)) == ["first"]


@pytest.mark.parametrize("place", OVER_HTTP, indirect=True)
def test_a_store_that_is_slow_but_not_too_slow_is_waited_for(place: Place, proxy: FaultyProxy) -> None:
    place.put(RULES % ("one", "first"))
    proxy.break_with(delay(0.05))
    assert allowed(started(place)) == ["first"]


def test_a_deleted_file_leaves_its_rules_in_force_and_is_an_error_at_the_start(aws: AwsServer, tmp_path: Path) -> None:
    place = Place("file", aws, tmp_path)
    place.put(RULES % ("one", "first"))
    authorizer = ProxiedAuthorizer(place.configuration(), LONG_WAITS)
    (tmp_path / "rules.json").unlink()
    assert allowed(authorizer) == ["first"]
    with pytest.raises(StoreError, match="No such file"):
        ProxiedAuthorizer(place.configuration(), LONG_WAITS)
    place.put(RULES % ("two", "second"))
    assert allowed(authorizer) == ["second"]
