"""Prefixes in S3: what is requested, on the wire, and listings that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from mtls_authorizer.stores.opener import open_prefix
from mtls_authorizer.stores.store import StoreError
from tests.aws.server import ACCOUNT
from tests.clocks import join_attempts
from tests.fixtures.aws import PATIENT
from tests.pki.certificate_authorities import IS_DELTA
from tests.pki.kept_lists import CA, HTML, REVOKED, UNKNOWN, Bucket, Folder, index_of
from tests.pki.partitions import PrefixAuthorizer, client_of, partition
from tests.servers.faulty_proxy import answer, only_if, reset, truncate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Exchanging, Fault, FaultyProxy

pytestmark = pytest.mark.usefixtures("proxy")

PARTS = 20
FAULTS: dict[str, Fault] = {
    "a reset connection": reset(),
    "403": answer(403, b"<Error><Code>AccessDenied</Code></Error>"),
    "500": answer(500, b"<Error><Code>InternalError</Code></Error>"),
    "a page": answer(200, HTML),
    "an empty answer": answer(200),
    "no page after this one": answer(
        200, b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated></ListBucketResult>"
    ),
    "fewer objects than it says": answer(
        200, b"<ListBucketResult><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
    ),
    "half a body": truncate(40),
}


@pytest.fixture
def storage(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Return a bucket with partitions, which is listed in pages of 7 objects."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")
    bucket = Bucket(aws, PATIENT)
    bucket.put("truststore.pem", CA.pem)
    for part in range(PARTS):
        bucket.put(f"crl/{part}.crl", partition(part, 2))
    bucket.put("crl/acm-pca-permission-test-key", b"")
    bucket.put("crlx/0.crl", partition(0, 1))
    return bucket


def requested(proxy: FaultyProxy) -> list[str]:
    """Return the objects that were requested and delivered since the last call; listings without their query."""
    paths = [exchange.path.partition("?")[0] for exchange in proxy.exchanges if exchange.status == 200]
    proxy.exchanges.clear()
    return paths


def test_the_first_certificate_of_a_partition_waits_for_one_object(storage: Bucket, proxy: FaultyProxy) -> None:
    requested(proxy)
    authorizer = PrefixAuthorizer(storage)
    # The truststore, and the pages of the listing.
    assert requested(proxy) == ["/bucket/truststore.pem", *["/bucket"] * 3]
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]
    assert requested(proxy) == ["/bucket/crl/3.crl"]
    assert authorizer.deny_reasons(client_of("missing"), client_of("../truststore.pem")) == [UNKNOWN] * 2
    assert requested(proxy) == []
    storage.put("crl/3.crl", partition(3, 5, number=2))
    assert authorizer.next(client_of(3), client_of(3, 5)) == [None, REVOKED]
    assert requested(proxy) == [*["/bucket"] * 3, "/bucket/crl/3.crl"]
    assert authorizer.next(client_of(3)) == [None]
    assert requested(proxy) == ["/bucket"] * 3


def test_the_first_certificate_of_an_indexed_partition_waits_for_its_index(
    aws: AwsServer, storage: Bucket, proxy: FaultyProxy
) -> None:
    etag = aws.client("s3").head_object(Bucket="bucket", Key="crl/3.crl")["ETag"]
    storage.put("crl/3.crl.index", index_of(partition(3, 2), etag))
    authorizer = PrefixAuthorizer(storage)
    requested(proxy)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]
    assert requested(proxy) == ["/bucket/crl/3.crl.index"]


@pytest.mark.parametrize(
    ("page", "fault"), [*((3, fault) for fault in FAULTS.values()), (1, FAULTS["an empty answer"])]
)
def test_a_listing_that_fails_on_any_page_changes_nothing(
    storage: Bucket, proxy: FaultyProxy, fault: Fault, page: int
) -> None:
    authorizer = PrefixAuthorizer(storage)
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]
    storage.put("crl/3.crl", partition(3, 1, number=2))
    pages: list[str] = []

    def fail(exchanging: Exchanging) -> None:
        if "list-type=2" in exchanging.path:
            pages.append(exchanging.path)
            if len(pages) >= page:
                fault(exchanging)
                return
        exchanging.send(exchanging.ask())

    proxy.break_with(fail)
    assert authorizer.next(client_of(3), client_of(3, 2)) == [None, REVOKED]
    assert len(pages) >= page
    proxy.recover()
    join_attempts()
    assert authorizer.next(client_of(3)) == [REVOKED]


@pytest.mark.parametrize("fault", [FAULTS["500"], FAULTS["half a body"]])
def test_a_partition_that_cannot_be_read_is_unknown_until_it_can(
    storage: Bucket, proxy: FaultyProxy, fault: Fault
) -> None:
    authorizer = PrefixAuthorizer(storage)
    proxy.break_with(only_if(lambda exchanging: exchanging.path.startswith("/bucket/crl/"), fault))
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2), client_of(3, 5)) == [UNKNOWN] * 3
    proxy.recover()
    assert authorizer.next(client_of(3), client_of(3, 2)) == [None, REVOKED]


def test_the_times_of_a_listing_are_not_parsed_as_botocore_does_which_takes_long(
    aws: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put_object("s3://bucket/crl/a.crl", b"content")
    monkeypatch.setattr("botocore.parsers.DEFAULT_TIMESTAMP_PARSER", None)
    assert list(open_prefix("s3://bucket/crl/", timeouts=PATIENT, bucket_owner=None).documents((".crl",))) == [
        "s3://bucket/crl/a.crl"
    ]


def test_the_owner_of_the_bucket_is_verified_for_every_page(storage: Bucket, proxy: FaultyProxy) -> None:
    owners: list[str | None] = []

    def watch(exchanging: Exchanging) -> None:
        owners.append(exchanging.headers.get("x-amz-expected-bucket-owner"))
        exchanging.send(exchanging.ask())

    assert storage
    proxy.break_with(watch)
    found = open_prefix("s3://bucket/crl/", timeouts=PATIENT, bucket_owner=ACCOUNT).documents((".crl",))
    assert len(found) == PARTS
    assert owners == [ACCOUNT] * 3
    with pytest.raises(
        StoreError, match="missing permission: s3:ListBucket for this prefix; or the bucket does not belong"
    ):
        open_prefix("s3://bucket/crl/", timeouts=PATIENT, bucket_owner="210987654321").documents((".crl",))


def test_a_prefix_with_too_many_objects_is_an_error(storage: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage
    monkeypatch.setattr("mtls_authorizer.stores.s3.MAX_LISTED", PARTS)
    with pytest.raises(StoreError, match="contains more than 20 objects"):
        open_prefix("s3://bucket/crl/", timeouts=PATIENT, bucket_owner=None).documents((".crl",))


def test_a_listing_without_an_end_is_an_error(proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that reads it would never end, and another one would begin in each interval."""
    page = answer(
        200,
        b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated>"
        b"<NextContinuationToken>next</NextContinuationToken></ListBucketResult>",
    )
    end = answer(403)

    def empty_pages(exchanging: Exchanging) -> None:
        (page if len(proxy.exchanges) < 100 else end)(exchanging)

    proxy.break_with(empty_pages)
    monkeypatch.setattr("mtls_authorizer.stores.s3.MAX_LISTED", 5)
    with pytest.raises(StoreError, match="contains more than 5 objects"):
        open_prefix("s3://bucket/crl/", timeouts=PATIENT, bucket_owner=None).documents((".crl",))
    assert proxy.statuses() == [200] * 6


def test_a_crl_whose_name_is_too_long_for_an_index_affects_no_other(storage: Bucket) -> None:
    storage.put("crl/few/a.crl", partition("a", 2))
    storage.put("crl/few/" + (1016 - len(".crl")) * "b" + ".crl", partition("b", 2))
    authorizer = PrefixAuthorizer(storage, "s3://bucket/crl/few/")
    assert authorizer.deny_reasons(client_of("a"), client_of("a", 2)) == [None, REVOKED]


def test_a_folder_of_files_is_a_prefix_as_well(tmp_path: Path, storage: Bucket) -> None:
    (tmp_path / "crl").mkdir()
    (tmp_path / "crl" / "3.crl").write_bytes(partition(3, 2))
    authorizer = PrefixAuthorizer(storage, (tmp_path / "crl").as_uri() + "/")
    assert authorizer.deny_reasons(client_of(3), client_of(3, 2)) == [None, REVOKED]


@pytest.mark.parametrize("names", [("crl", "crl/link"), ("crl/link", "crl")])
def test_a_folder_does_not_hide_another_one_behind_a_link_that_it_does_not_follow(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    storage = Folder(tmp_path)
    for folder in ("crl", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "crl/link").symlink_to(tmp_path / "elsewhere")
    storage.put("truststore.pem", CA.pem)
    storage.put("crl/3.crl", partition(3))
    storage.put("crl/delta.crl", partition(3, 2, number=2, extensions=[IS_DELTA]))
    for part in range(5, 5 + LOADED_COMPLETELY):
        storage.put(f"elsewhere/{part}.crl", partition(part, 12))
    authorizer = PrefixAuthorizer(storage, ",".join(f"{storage.uri(name)}/" for name in names))
    clients = [client_of(3, 1), client_of(3, 2), client_of(5, 11), client_of(5, 12)]
    assert authorizer.deny_reasons(*clients) == [None, REVOKED] * 2
    storage.put("elsewhere/5.crl", partition(5, 11, 12, number=2))
    assert authorizer.next(*clients) == [None, REVOKED, REVOKED, REVOKED]
