"""Which list is in force: the index or the CRL, the new one or the one before."""

from __future__ import annotations

import logging
import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.revocation.configuration import CrlSources
from mtls_authorizer.revocation.sources import RevocationSource
from mtls_authorizer.revocation.status import sources as revocation_source
from tests.certificate_authorities import DAY
from tests.kept_lists import (
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
    REVOKED_SERIAL,
    SECOND,
    STALE,
    Bucket,
    Folder,
    Shelf,
    crl,
    index_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws_server import AwsServer
    from tests.faulty_proxy import FaultyProxy

SERIALS = (GOOD_SERIAL, REVOKED_SERIAL, NEXT_SERIAL)


class Source:
    """A source whose documents are refreshed whenever that is asked for."""

    def __init__(self, shelf: Shelf, names: tuple[str, ...] = ("ca.crl",)) -> None:
        uris = tuple(map(shelf.uri, names))
        self._source = RevocationSource(CrlSources(uris, shelf.uri("truststore.pem")))
        self.crl = self._source.crls[0]
        self.refresh()

    def refresh(self) -> str | None:
        """Refresh, and return what is in force: ``index`` or ``crl``, and the serial numbers that it revokes."""
        for documents in ([self._source.truststore], self._source.crls):
            Refresher(documents, 0, wait_seconds=30).refresh_if_due()
        return self.in_force

    @property
    def in_force(self) -> str | None:
        if self.crl.in_force is None:
            return None
        value, version = self.crl.in_force
        return " ".join([version.split()[0], *(str(serial) for serial in SERIALS if value.is_revoked(serial))])


@pytest.fixture
def shelf(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.put("truststore.pem", CA.pem + OTHER.pem)
    return folder


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, logger="mtls_authorizer")
    return caplog


def warnings(log: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    found = [(record.levelname, record.getMessage()) for record in log.records]
    log.clear()
    return found


INDEX_NOT_USED = ("WARNING", "revocation index not used")
LIST_NOT_USED = ("WARNING", "revocation list not used")
FAILED = ("ERROR", "document refresh failed")


@pytest.mark.usefixtures("unhurried")
def test_the_index_is_preferred_and_asked_for_once_as_is_the_crl_beside_it(
    aws: AwsServer, proxy: FaultyProxy, log: pytest.LogCaptureFixture
) -> None:
    shelf = Bucket(aws)
    shelf.put("truststore.pem", CA.pem)
    shelf.put("ca.crl", FIRST)
    _backdate("ca.crl")
    shelf.put("ca.crl.index", index_of(FIRST))
    source = Source(shelf)
    assert source.in_force == "index 2"
    # Truststore, index, CRL: that is not newer than its index, so it isn't sent.
    assert proxy.statuses() == [200, 200, 304]
    for _ in range(2):
        assert source.refresh() == "index 2"
        assert proxy.statuses() == [304, 304, 304]
    assert warnings(log) == []


@pytest.mark.usefixtures("unhurried")
def test_without_an_index_the_crl_is_asked_for_once(aws: AwsServer, proxy: FaultyProxy) -> None:
    shelf = Bucket(aws)
    shelf.put("truststore.pem", CA.pem)
    shelf.put("ca.crl", FIRST)
    source = Source(shelf)
    assert source.in_force == "crl 2"
    assert proxy.statuses() == [200, 404, 200]
    assert source.refresh() == "crl 2"
    assert proxy.statuses() == [304, 404, 304]
    shelf.put("ca.crl.index", index_of(FIRST))
    assert source.refresh() == "index 2"


@pytest.mark.usefixtures("unhurried")
def test_a_crl_that_is_put_there_again_is_read_once_to_see_that_it_is_the_one_that_was_indexed(
    aws: AwsServer, proxy: FaultyProxy
) -> None:
    shelf = Bucket(aws)
    shelf.put("truststore.pem", CA.pem)
    shelf.put("ca.crl.index", index_of(FIRST))
    shelf.put("ca.crl", FIRST)
    source = Source(shelf)
    assert source.in_force == "index 2"
    assert proxy.statuses() == [200, 200, 200]
    assert source.refresh() == "index 2"
    assert proxy.statuses() == [304, 304, 304]
    shelf.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"


def _backdate(key: str) -> None:
    from moto.core.models import DEFAULT_ACCOUNT_ID  # noqa: PLC0415 -- imports all of moto
    from moto.s3.models import s3_backends  # noqa: PLC0415 -- likewise

    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets["bucket"].keys[key].last_modified -= MINUTE


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
def test_an_index_that_does_not_count_is_no_reason_not_to_use_the_crl(
    shelf: Folder, log: pytest.LogCaptureFixture, index: bytes
) -> None:
    # The CRL is older than the index: what is asked for isn't only what is newer.
    shelf.put("ca.crl", SECOND)
    shelf.put("ca.crl.index", index)
    source = Source(shelf)
    assert source.in_force == "crl 2 3"
    assert source.refresh() == "crl 2 3"
    # A stale one counts until the CRL is read, which is fresh.
    assert set(warnings(log)) <= {INDEX_NOT_USED}


def test_an_index_of_another_ca_does_not_take_the_place_of_a_list_in_force(
    shelf: Folder, log: pytest.LogCaptureFixture
) -> None:
    shelf.put("ca.crl", FIRST)
    source = Source(shelf)
    for _ in range(2):
        shelf.put("ca.crl.index", index_of(crl(9, ca=OTHER)))
        assert source.refresh() == "crl 2"
    assert warnings(log) == [INDEX_NOT_USED] * 2


def test_a_crl_that_was_not_indexed_yet_counts_at_once_and_until_it_is(
    shelf: Folder, log: pytest.LogCaptureFixture
) -> None:
    shelf.put("ca.crl", FIRST)
    shelf.put("ca.crl.index", index_of(FIRST))
    source = Source(shelf)
    assert source.in_force == "index 2"
    shelf.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"
    assert warnings(log) == []
    # For as long as the indexer fails, and that is to be seen.
    for _ in range(2):
        assert source.refresh() == "crl 2 3"
        assert warnings(log) == [INDEX_NOT_USED]
    # Likewise where the function starts then.
    assert Source(shelf).in_force == "crl 2 3"
    shelf.put("ca.crl.index", index_of(SECOND))
    assert source.refresh() == "index 2 3"
    assert warnings(log) == []


@pytest.mark.parametrize("steps", [["crl"], ["index"], ["crl", "index"], ["index", "crl"]])
def test_an_older_list_never_takes_the_place_of_a_newer_one_in_whatever_form(shelf: Folder, steps: list[str]) -> None:
    shelf.put("ca.crl", SECOND)
    shelf.put("ca.crl.index", index_of(SECOND))
    source = Source(shelf)
    for step in steps:
        shelf.put(*{"crl": ("ca.crl", FIRST), "index": ("ca.crl.index", index_of(EMPTY))}[step])
        assert str(source.refresh()).endswith(" 2 3")
    shelf.remove("ca.crl.index")
    shelf.put("ca.crl", EMPTY)
    assert str(source.refresh()).endswith(" 2 3")
    assert source.crl.failures > 0


def test_from_the_crl_to_an_older_index_there_is_no_way(shelf: Folder) -> None:
    shelf.put("ca.crl", SECOND)
    source = Source(shelf)
    shelf.put("ca.crl.index", index_of(FIRST))
    assert source.refresh() == "crl 2 3"
    shelf.remove("ca.crl")
    assert source.refresh() == "crl 2 3"
    assert source.crl.failures == 1


def test_at_the_start_the_newer_of_both_counts_even_if_the_older_was_put_there_later(
    shelf: Folder, log: pytest.LogCaptureFixture
) -> None:
    shelf.put("ca.crl.index", index_of(SECOND))
    shelf.put("ca.crl", FIRST)
    source = Source(shelf)
    assert source.in_force == "index 2 3"
    assert warnings(log) == [LIST_NOT_USED]
    assert source.refresh() == "index 2 3"
    assert warnings(log) == [FAILED]


@pytest.mark.parametrize("content", [None, b"", HTML, b"garbage", crl(9, ca=NAMESAKE), STALE])
def test_a_crl_that_does_not_count_is_no_reason_not_to_use_the_index(
    shelf: Folder, log: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    shelf.put("ca.crl.index", index_of(SECOND))
    if content is not None:
        shelf.put("ca.crl", content)
    source = Source(shelf)
    assert source.in_force == "index 2 3"
    assert warnings(log) == [LIST_NOT_USED]
    # From then on it is a failure, for all to see, until there is one.
    assert source.refresh() == "index 2 3"
    assert warnings(log) == [FAILED]
    shelf.put("ca.crl", SECOND)
    assert source.refresh() == "index 2 3"
    assert source.crl.failures == 0


@pytest.mark.parametrize("index", [None, b"garbage", FIRST])
def test_an_index_in_force_stays_if_the_next_one_is_missing_or_broken(shelf: Folder, index: bytes | None) -> None:
    shelf.put("ca.crl", SECOND)
    shelf.put("ca.crl.index", index_of(SECOND))
    source = Source(shelf)
    if index is None:
        shelf.remove("ca.crl.index")
    else:
        shelf.put("ca.crl.index", index)
    assert source.refresh() == "index 2 3"
    assert source.crl.failures == 0
    shelf.put("ca.crl", crl(4, GOOD_SERIAL))
    assert source.refresh() == "crl 1"


@pytest.mark.parametrize("indexed", [False, True])
def test_a_stale_list_still_revokes_where_there_is_no_other(shelf: Folder, indexed: bool) -> None:  # noqa: FBT001 -- a parameter of pytest's
    shelf.put("ca.crl", STALE)
    if indexed:
        shelf.put("ca.crl.index", index_of(STALE))
    source = Source(shelf)
    first = source.in_force
    assert first == ("index 2" if indexed else "crl 2")
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
        shelf.put("ca.crl", content)
        assert str(source.refresh()).partition(" ")[2] == expected


def test_a_stale_index_beside_a_fresh_crl_does_not_count(shelf: Folder) -> None:
    shelf.put("ca.crl", SECOND)
    shelf.put("ca.crl.index", index_of(STALE))
    assert Source(shelf).in_force == "crl 2 3"


def test_a_stale_index_does_not_count_beside_a_fresh_crl_that_is_older(
    shelf: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise it would have to be older by a second.
    monkeypatch.setattr(revocation_source, "_GRANULARITY", timedelta(0))
    shelf.put("ca.crl", SECOND)
    time.sleep(0.02)
    shelf.put("ca.crl.index", index_of(STALE))
    assert Source(shelf).in_force == "crl 2 3"


def test_an_index_of_a_ca_that_is_in_no_truststore_does_not_count_without_a_crl_either(
    shelf: Folder, log: pytest.LogCaptureFixture
) -> None:
    shelf.put("ca.crl.index", index_of(crl(9, ca=NAMESAKE)))
    assert Source(shelf).in_force is None
    assert warnings(log) == [INDEX_NOT_USED, FAILED]


@pytest.mark.parametrize(("name", "content"), [("ca.crl", FIRST), ("ca.crl.index", index_of(FIRST))])
def test_without_a_truststore_no_list_counts_and_with_it_the_same_one_does(
    tmp_path: Path, name: str, content: bytes
) -> None:
    shelf = Folder(tmp_path)
    shelf.put("ca.crl", FIRST)
    shelf.put(name, content)
    source = Source(shelf)
    assert source.in_force is None
    assert "there is no truststore to check it against" in str(source.crl.last_error)
    shelf.put("truststore.pem", CA.pem)
    assert source.refresh() == ("crl 2" if name == "ca.crl" else "index 2")


def test_an_index_in_the_place_of_the_crl_which_nobody_has_signed_does_not_count(shelf: Folder) -> None:
    shelf.put("ca.crl", index_of(FIRST))
    source = Source(shelf)
    assert source.in_force is None
    shelf.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"
    shelf.put("ca.crl", index_of(crl(9)))
    assert source.refresh() == "crl 2 3"
    shelf.put("ca.crl.index", index_of(SECOND))
    assert Source(shelf).in_force == "index 2 3"


def test_a_list_of_a_ca_that_left_the_truststore_makes_room_for_that_of_its_successor(shelf: Folder) -> None:
    shelf.put("ca.crl", SECOND)
    source = Source(shelf)
    renewed = crl(1, 2, ca=NAMESAKE)
    shelf.put("ca.crl", renewed)
    assert source.refresh() == "crl 2 3"
    shelf.put("truststore.pem", EVERYBODY)
    assert source.refresh() == "crl 2 3"
    shelf.put("truststore.pem", NAMESAKE.pem)
    assert source.refresh() == "crl 2"
    shelf.put("truststore.pem", CA.pem)
    shelf.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"


def test_a_truststore_that_breaks_leaves_the_one_before_in_force(shelf: Folder) -> None:
    shelf.put("ca.crl", FIRST)
    source = Source(shelf)
    for content in (b"", HTML, b"-----BEGIN CERTIFICATE-----", FIRST):
        shelf.put("truststore.pem", content)
        shelf.put("ca.crl", SECOND)
        assert source.refresh() == "crl 2 3"


def test_what_is_not_used_is_logged_with_its_name_and_why(shelf: Folder, log: pytest.LogCaptureFixture) -> None:
    shelf.put("truststore.pem", HTML)
    Source(shelf)
    assert ("truststore", shelf.uri("truststore.pem")) in _named(log)
    shelf.put("truststore.pem", CA.pem)
    shelf.put("ca.crl", SECOND)
    shelf.put("ca.crl.index", b"garbage")
    log.clear()
    assert Source(shelf).in_force == "crl 2 3"
    assert _named(log) == [("crl", shelf.uri("ca.crl.index"))]
    assert log.records[0].__dict__["error"] == "this is no index of a revocation list"
    shelf.put("ca.crl", b"garbage")
    log.clear()
    assert Source(shelf).in_force is None
    assert _named(log) == [("crl", shelf.uri("ca.crl.index")), ("crl", shelf.uri("ca.crl"))]
    assert {record.name for record in log.records} == {"mtls_authorizer"}


def _named(log: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.__dict__["document"], record.__dict__["uri"]) for record in log.records]


def test_a_list_that_has_been_stale_for_long_still_revokes(shelf: Folder) -> None:
    shelf.put("ca.crl", crl(2, REVOKED_SERIAL, this_update=NOW - 500 * DAY, next_update=NOW - 400 * DAY))
    assert Source(shelf).in_force == "crl 2"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (STALE, crl(9, GOOD_SERIAL, ca=OTHER), "crl 1"),
        (FIRST, crl(9, GOOD_SERIAL, ca=OTHER), "crl 2"),
        (FIRST, crl(9, GOOD_SERIAL, next_update=NOW - MINUTE), "crl 2"),
    ],
    ids=["fresh of another CA for stale", "fresh of another CA for fresh", "stale for fresh"],
)
def test_what_may_take_the_place_of_a_list_depends_on_whether_that_is_stale(
    shelf: Folder, first: bytes, second: bytes, expected: str
) -> None:
    shelf.put("ca.crl", first)
    source = Source(shelf)
    shelf.put("ca.crl", second)
    assert source.refresh() == expected


@pytest.mark.parametrize("seconds", [-3600, 3600], ids=["read", "not read, for it is older"])
def test_what_is_known_of_an_index_that_was_not_taken_over_is_not_held_against_the_crl_for_another(
    shelf: Folder, tmp_path: Path, seconds: int
) -> None:
    shelf.put("ca.crl", FIRST)

    def put(listed: bytes, later: int) -> None:
        shelf.put("ca.crl", listed)
        shelf.put("ca.crl.index", index_of(listed))
        os.utime(tmp_path / "ca.crl.index", (NOW.timestamp() + later,) * 2)

    put(FIRST, 3600)
    source = Source(shelf)
    put(SECOND, seconds)
    # As a fetch that took too long, or from before a snapshot was restored.
    fetched = source.crl.store.fetch(source.crl.version)
    assert fetched
    assert fetched.version.startswith("index ")
    assert source.in_force == "index 2"
    shelf.remove("ca.crl.index")
    assert source.refresh() == "crl 2 3"
