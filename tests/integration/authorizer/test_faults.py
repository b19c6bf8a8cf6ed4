"""What is decided while stores have faults: nobody who is revoked gets in, nobody is turned away for a good list."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.settings import Configuration, load_settings
from mtls_authorizer.reasons import Reason
from mtls_authorizer.refresh.refresher import WAIT_SECONDS
from mtls_authorizer.stores.store import StoreError
from tests.certificate_authorities import DAY
from tests.faulty_proxy import answer, delay, drip, garbage, hang, reset, stall, truncate
from tests.kept_lists import (
    EMPTY,
    EVERYBODY,
    FIRST,
    GOOD,
    HTML,
    NAMESAKE,
    NOW,
    OTHER,
    REVOKED,
    SECOND,
    STALE,
    UNKNOWN,
    WITHDRAWN,
    Bucket,
    Door,
    authority,
    client,
    configuration,
    crl,
    index_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.aws_server import AwsServer
    from tests.faulty_proxy import Exchanging, Fault, FaultyProxy

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
    "a slow body": drip(0.05),
}


def only(name: str, fault: Fault) -> Fault:
    """Have a fault for one document, and for what has its name as the last part of a name: none but the index."""

    def fail(exchanging: Exchanging) -> None:
        if exchanging.path.partition("?")[0].endswith(name):
            fault(exchanging)
        else:
            exchanging.send(exchanging.ask())

    return fail


# Beside the list itself, and where everything has a fault, those that differ in what is to be done about them.
_DIFFERENT = ("no answer", "404", "a page", "half a body", "a slow body")
WHERE = [
    pytest.param(where, fault, id=f"{name}, {where or 'everywhere'}")
    for where in ("ca.crl", "ca.crl.index", "truststore.pem", "")
    for name, fault in FAULTS.items()
    if where in {"ca.crl", ""} or name in _DIFFERENT
]


@pytest.fixture
def shelf(aws: AwsServer) -> Bucket:
    bucket = Bucket(aws)
    bucket.put("truststore.pem", EVERYBODY)
    bucket.put("ca.crl", FIRST)
    return bucket


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("where", "fault"), WHERE)
def test_while_s3_has_a_fault_the_last_good_list_decides_and_once_it_has_none_the_new_one_does(
    shelf: Bucket, proxy: FaultyProxy, where: str, fault: Fault
) -> None:
    shelf.put("ca.crl.index", index_of(FIRST))
    doors = [Door(configuration(shelf, CRL_FAILURE_MODE=mode)) for mode in ("deny", "allow")]
    proxy.break_with(only(where, fault))
    shelf.put("ca.crl", SECOND)
    shelf.put("ca.crl.index", index_of(SECOND))
    for door in doors * 2:
        assert door.refusals(GOOD, WITHDRAWN) == [None, REVOKED]
    proxy.heal()
    for door in doors:
        until(lambda door=door: door.refusals() == [None, REVOKED, REVOKED])  # type: ignore[misc]


@pytest.mark.parametrize(("where", "fault"), WHERE)
def test_a_function_that_starts_while_s3_has_a_fault_lets_nobody_in_who_is_revoked_and_recovers(
    shelf: Bucket, proxy: FaultyProxy, where: str, fault: Fault
) -> None:
    shelf.put("ca.crl.index", index_of(FIRST))
    proxy.break_with(only(where, fault))
    door = Door(configuration(shelf))
    for _request in range(2):
        assert door.refusals(GOOD, WITHDRAWN) in ([UNKNOWN, UNKNOWN], [None, REVOKED])
    proxy.heal()
    until(lambda: door.refusals() == [None, REVOKED, None])


def test_a_bucket_that_can_not_be_reached_for_a_while_and_comes_back(shelf: Bucket, proxy: FaultyProxy) -> None:
    door = Door(configuration(shelf))
    for content, next_refusal in ((FIRST, None), (SECOND, REVOKED)):
        shelf.put("ca.crl", content)
        until(lambda: door.refusals() == [None, REVOKED, next_refusal])  # noqa: B023 -- called here
        proxy.refuse_connections()
        for _request in range(2):
            assert door.refusals() == [None, REVOKED, next_refusal]
        proxy.heal()


CONTENTS = {
    "garbage": b"\x30\x82garbage",
    "a page": HTML,
    "nothing": b"",
    "a truncated one": SECOND[:-1],
    "one with something behind it": SECOND + b"\0",
    "an older one, signed and fresh": EMPTY,
    "one of another CA": crl(9, ca=OTHER),
    "one of a CA with the same name": crl(9, ca=NAMESAKE),
    "one of a CA that is in no truststore": crl(9, ca=authority("CA")),
    "a stale one": STALE,
    "one of tomorrow": crl(9, this_update=NOW + DAY, next_update=NOW + 2 * DAY),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("indexed", [False, True])
def test_a_crl_that_is_replaced_by_what_does_not_count_stays_in_force(
    shelf: Bucket,
    content: bytes,
    indexed: bool,  # noqa: FBT001 -- a parameter of pytest's
) -> None:
    if indexed:
        shelf.put("ca.crl.index", index_of(FIRST))
    doors = [Door(configuration(shelf, CRL_FAILURE_MODE=mode)) for mode in ("deny", "allow")]
    shelf.put("ca.crl", content)
    for door in doors * 2:
        assert door.refusals() == [None, REVOKED, None]
    if indexed:
        # Who starts now has the index.
        assert Door(configuration(shelf)).refusals() == [None, REVOKED, None]
    shelf.put("ca.crl", crl(4, 2, 3))
    for door in doors:
        assert door.refusals() == [None, REVOKED, REVOKED]


INDEXES = {
    "garbage": b"garbage",
    "a page": HTML,
    "nothing": b"",
    "a truncated one": index_of(SECOND)[:-1],
    "an older one": index_of(EMPTY),
    "one of another CA": index_of(crl(9, ca=OTHER)),
    "one of a CA with the same name": index_of(crl(9, ca=NAMESAKE)),
    "a stale one": index_of(crl(9, next_update=NOW - DAY / 2)),
    "one of tomorrow": index_of(crl(9, this_update=NOW + DAY, next_update=NOW + 2 * DAY)),
    "a CRL": crl(9),
}


@pytest.mark.parametrize("content", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("indexed", [False, True])
def test_an_index_that_is_replaced_by_what_does_not_count_changes_nothing(
    shelf: Bucket,
    content: bytes,
    indexed: bool,  # noqa: FBT001 -- a parameter of pytest's
) -> None:
    if indexed:
        shelf.put("ca.crl.index", index_of(FIRST))
    doors = [Door(configuration(shelf, CRL_FAILURE_MODE=mode)) for mode in ("deny", "allow")]
    shelf.put("ca.crl.index", content)
    for door in doors * 2:
        assert door.refusals() == [None, REVOKED, None]
    shelf.put("ca.crl", SECOND)
    shelf.put("ca.crl.index", index_of(SECOND))
    for door in doors:
        assert door.refusals() == [None, REVOKED, REVOKED]


# Rules: the same, with what each store has for faults.

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
    """Where rules are kept, by a store's scheme."""

    def __init__(self, scheme: str, aws: AwsServer, folder: Path) -> None:
        self.uri = URIS[scheme].format(folder=folder)
        self._aws = aws
        self._folder = folder
        self._put: Callable[[str], None] = getattr(self, f"_put_{scheme}")

    def put(self, rules: str) -> None:
        self._put(rules)

    def configuration(self) -> Configuration:
        return load_settings({"AUTHORIZER_RULES_URI": self.uri})._replace(rules_refresh_seconds=0)

    def _put_s3(self, rules: str) -> None:
        self._aws.put_object(self.uri, rules.encode())

    def _put_ssm(self, rules: str) -> None:
        # They don't change at once: a part of each version makes no sense, and mustn't count.
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


def who_gets_in(door: Door) -> list[str]:
    """Return who may GET /hello. Nobody may do anything else, whatever happens."""
    for certificate in (FIRST_CLIENT, SECOND_CLIENT):
        for method, path in (("POST", "/hello"), ("GET", "/other"), ("GET", "/hello/x")):
            assert door.refusal(certificate, method, path) is not None
    clients = {"first": FIRST_CLIENT, "second": SECOND_CLIENT}
    return [name for name, certificate in clients.items() if door.refusal(certificate) is None]


@pytest.mark.parametrize("place", URIS, indirect=True)
def test_rules_are_those_of_the_store_and_what_is_not_valid_leaves_them_as_they_were(place: Place) -> None:
    place.put(RULES % ("one", "first"))
    door = Door(place.configuration())
    assert who_gets_in(door) == ["first"]
    place.put(RULES % ("two", "second"))
    assert who_gets_in(door) == ["second"]
    for broken in (
        "[]",
        '{"rules": [{"name": "three"}]}',
        '{"rules": [], "rules": []}',
        (RULES % ("three", "first")).replace("allow", "alow"),
        (RULES % ("three", "first"))[:-1],
    ):
        place.put(broken)
        for _request in range(2):
            assert who_gets_in(door) == ["second"]
    place.put(RULES % ("four", "first"))
    assert who_gets_in(door) == ["first"]


def test_rules_in_s3_are_sent_once_for_each_version(aws: AwsServer, proxy: FaultyProxy, tmp_path: Path) -> None:
    place = Place("s3", aws, tmp_path)
    place.put(RULES % ("one", "first"))
    door = Door(place.configuration())
    assert door.refusals(FIRST_CLIENT, SECOND_CLIENT) == [None, Reason.COMMON_NAME_NOT_ALLOWED]
    assert proxy.statuses()[:2] == [200, 304]
    place.put(RULES % ("two", "second"))
    assert door.refusals(FIRST_CLIENT, SECOND_CLIENT) == [Reason.COMMON_NAME_NOT_ALLOWED, None]
    assert proxy.statuses()[-2:] == [200, 304]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("place", OVER_HTTP, indirect=True)
def test_rules_stay_in_force_while_their_store_has_a_fault(place: Place, proxy: FaultyProxy, fault: Fault) -> None:
    place.put(RULES % ("one", "first"))
    door = Door(place.configuration())
    proxy.break_with(fault)
    place.put(RULES % ("two", "second"))
    for _request in range(2):
        began = time.monotonic()
        refused_as_before = [None, Reason.COMMON_NAME_NOT_ALLOWED]
        # A slow body may come to its end.
        assert door.refusals(FIRST_CLIENT, SECOND_CLIENT) in (refused_as_before, refused_as_before[::-1])
        # A busy machine may add to it.
        assert time.monotonic() - began < 2 * WAIT_SECONDS + 10
    proxy.heal()
    until(lambda: who_gets_in(door) == ["second"])


@pytest.mark.parametrize("fault", [fault for name, fault in FAULTS.items() if "slow" not in name])
@pytest.mark.parametrize("place", OVER_HTTP, indirect=True)
def test_no_function_starts_without_its_rules(place: Place, proxy: FaultyProxy, fault: Fault) -> None:
    place.put(RULES % ("one", "first"))
    proxy.break_with(fault)
    with pytest.raises((StoreError, ValueError)) as raised:
        Door(place.configuration())
    assert place.uri in str(raised.value)
    proxy.heal()
    assert who_gets_in(Door(place.configuration())) == ["first"]


@pytest.mark.parametrize("place", OVER_HTTP, indirect=True)
def test_a_store_that_is_slow_but_not_too_slow_is_waited_for(place: Place, proxy: FaultyProxy) -> None:
    place.put(RULES % ("one", "first"))
    proxy.break_with(delay(0.1))
    assert door_opens_for(Door(place.configuration()), "first")


def door_opens_for(door: Door, common_name: str) -> bool:
    return door.refusal(client(1, common_name=common_name)) is None


def test_a_file_that_is_gone_leaves_its_rules_in_force_and_is_missed_at_the_start(
    aws: AwsServer, tmp_path: Path
) -> None:
    place = Place("file", aws, tmp_path)
    place.put(RULES % ("one", "first"))
    door = Door(place.configuration())
    (tmp_path / "rules.json").unlink()
    assert who_gets_in(door) == ["first"]
    with pytest.raises(StoreError, match="No such file"):
        Door(place.configuration())
    place.put(RULES % ("two", "second"))
    assert who_gets_in(door) == ["second"]
