"""The indexer writes the index of an accepted CRL completely, and never replaces a newer one."""

from __future__ import annotations

import logging
import runpy
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest

from mtls_authorizer.policy.settings import SettingsError, load_settings
from mtls_authorizer.revocation import bucket as bucket_of_crls
from mtls_authorizer.revocation.index import handler as crl_indexer
from mtls_authorizer.revocation.index.format import read_index
from mtls_authorizer.revocation.index.handler import IndexingError, handler
from mtls_authorizer.stores.store import StoreError, Timeouts
from tests.aws.server import ACCOUNT
from tests.pki.certificate_authorities import (
    DAY,
    IS_DELTA,
    crl_number,
    crl_pem,
    entry,
)
from tests.pki.crl_indexes import indexed_serial_numbers
from tests.pki.todays_crls import CA, OTHER_CA, STRANGER, TODAY, crl
from tests.servers.faulty_proxy import answer, before_writes, hang, only_if, reset, truncate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Exchanging, FaultyProxy

BUCKET = "revocation"
CRL, INDEX = "ca.crl", "ca.crl.index"


def event(*keys: str, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """Return what S3 sends: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": name,
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
                    "object": {"key": quote_plus(key, safe="/"), "size": 1, "eTag": "0", "sequencer": "0"},
                },
            }
            for key in keys
        ]
    }


@pytest.fixture(autouse=True)
def bucket(aws: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the bucket. The truststore is a file here, which takes no client of AWS."""
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    (tmp_path / "bundle.pem").write_bytes(CA.pem + OTHER_CA.pem)
    monkeypatch.setenv("TRUSTSTORE_URI", (tmp_path / "bundle.pem").as_uri())
    monkeypatch.setenv("S3_BUCKET_OWNER", ACCOUNT)


def put(aws: AwsServer, content: bytes, key: str = CRL) -> None:
    aws.put_object(f"s3://{BUCKET}/{key}", content)


def stored(aws: AwsServer, key: str = INDEX) -> bytes | None:
    return aws.get_object(f"s3://{BUCKET}/{key}")


def revoked(aws: AwsServer, key: str = INDEX) -> list[int]:
    return indexed_serial_numbers(stored(aws, key) or b"")


@pytest.mark.parametrize("form", [bytes, crl_pem])
def test_the_index_of_an_uploaded_crl_is_written_next_to_it(form: Callable[[bytes], bytes], aws: AwsServer) -> None:
    put(aws, form(crl(5, -3, 2**159)))
    handler(event(CRL), None)
    assert revoked(aws) == [-3, 5, 2**159]
    index = read_index(stored(aws) or b"")
    assert (index.number, index.identity.issuer.key_fingerprint) == (1, CA.signer)
    assert aws.client("s3").head_object(Bucket=BUCKET, Key=INDEX)["ContentType"] == "application/octet-stream"


@pytest.mark.parametrize(
    "key", ["a/b/c.crl", "two words.crl", "a+b.crl", "100%.crl", "%2e.crl", "Zürich/ß.crl", "q?#&=.crl"]
)
def test_keys_are_decoded_as_s3_encodes_them(key: str, aws: AwsServer) -> None:
    put(aws, crl(5), key)
    handler(event(key), None)
    assert revoked(aws, f"{key}.index") == [5]


def test_a_newer_crl_replaces_an_older_one(aws: AwsServer) -> None:
    for number in (1, 2, 10):
        put(aws, crl(number, number=number))
        handler(event(CRL, name="ObjectCreated:CompleteMultipartUpload"), None)
        assert revoked(aws) == [number]


WRONG = {
    "garbage": (b"\x00garbage", "neither a CRL in DER nor exactly one in PEM"),
    "nothing": (b"", "neither a CRL in DER nor exactly one in PEM"),
    "an HTML page": (b"<!DOCTYPE html>", "neither a CRL in DER nor exactly one in PEM"),
    "a truncated CRL": (crl(5, number=7)[:-1], "cannot be decoded"),
    "a CRL of no CA in the truststore": (crl(5, number=7, ca=STRANGER), "is not signed by the CA"),
    "one of another CA": (crl(5, number=7, ca=OTHER_CA), "another CA"),
    "one that has expired": (crl(5, number=7, days_left=-1), "nextUpdate"),
    "an older one": (crl(5, number=2), "is before that of the one in force"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_upload_that_is_rejected_leaves_the_index_as_it_is(wrong: str, aws: AwsServer) -> None:
    content, cause = WRONG[wrong]
    put(aws, crl(1, number=3))
    handler(event(CRL), None)
    before = stored(aws)
    put(aws, content)
    for _ in range(3):  # Lambda tries again
        with pytest.raises(IndexingError, match=f"^s3://{BUCKET}/{CRL}: .*{cause}"):
            handler(event(CRL), None)
    assert stored(aws) == before


def test_an_upload_that_is_rejected_gets_no_index(aws: AwsServer) -> None:
    put(aws, crl(1, ca=STRANGER))
    with pytest.raises(IndexingError):
        handler(event(CRL), None)
    assert stored(aws) is None


@pytest.mark.parametrize("index", [b"", b"garbage", crl(1)])
def test_an_object_that_is_no_index_is_replaced(index: bytes, aws: AwsServer) -> None:
    put(aws, index, INDEX)
    put(aws, crl(5))
    handler(event(CRL), None)
    assert revoked(aws) == [5]


def test_the_index_of_a_ca_that_left_the_truststore_is_replaced_as_the_authorizer_ignores_it(
    aws: AwsServer, tmp_path: Path
) -> None:
    """A CA with a new key, whose CRLs have the name of the earlier ones, which have not expired."""
    put(aws, crl(7, number=9))
    handler(event(CRL), None)
    put(aws, crl(5, ca=STRANGER))
    (tmp_path / "bundle.pem").write_bytes(CA.pem + STRANGER.pem)
    with pytest.raises(IndexingError, match="issued by another CA or key"):
        handler(event(CRL), None)
    (tmp_path / "bundle.pem").write_bytes(STRANGER.pem)
    handler(event(CRL), None)
    assert revoked(aws) == [5]


def test_a_notification_that_comes_twice_writes_once(aws: AwsServer, proxy: FaultyProxy) -> None:
    put(aws, crl(5))
    handler(event(CRL), None)
    handler(event(CRL), None)
    handler(event(CRL, CRL), None)
    assert [exchange.method for exchange in proxy.exchanges].count("PUT") == 1


@pytest.mark.parametrize(
    "ignored",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-06-01T00:00:00.000Z", "Bucket": BUCKET},
        {"Records": []},
        event(INDEX),
        event(CRL, name="ObjectRemoved:Delete"),
    ],
)
def test_other_notifications_and_its_own_output_are_ignored(
    ignored: object, aws: AwsServer, proxy: FaultyProxy
) -> None:
    put(aws, crl(5))
    handler(ignored, None)
    assert proxy.exchanges == []


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {"Records": None},
        {"Records": "ab"},
        {"Records": [None]},
        {"Records": [{}]},
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": 1}, "object": {"key": CRL}}}]},
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": BUCKET}, "object": {}}}]},
    ],
)
def test_an_event_that_is_no_notification_of_s3_is_an_error(wrong: object) -> None:
    with pytest.raises(ValueError, match="the event is not an event notification of S3"):
        handler(wrong, None)


def test_one_bad_crl_does_not_keep_others_from_being_indexed(aws: AwsServer) -> None:
    put(aws, b"garbage", "bad.crl")
    put(aws, crl(5))
    with pytest.raises(IndexingError) as raised:
        handler(event("bad.crl", CRL, "missing.crl"), None)
    assert revoked(aws) == [5]
    bad, missing = str(raised.value).split("; ")
    assert bad.startswith(f"s3://{BUCKET}/bad.crl: neither")
    assert missing == f"s3://{BUCKET}/missing.crl: it no longer exists"


@pytest.mark.parametrize("index_before", [False, True])
def test_of_two_runs_at_a_time_the_newer_crl_stays(index_before: bool, aws: AwsServer, proxy: FaultyProxy) -> None:  # noqa: FBT001 -- pytest passes it by name
    if index_before:
        put(aws, crl(1, number=1))
        handler(event(CRL), None)
    put(aws, crl(2, number=2))

    def newer_run() -> None:
        proxy.recover()
        put(aws, crl(3, number=3))
        handler(event(CRL), None)

    proxy.break_with(before_writes(newer_run, 1))
    handler(event(CRL), None)
    assert revoked(aws) == [3]


def test_a_run_whose_index_is_deleted_meanwhile_starts_again(aws: AwsServer, proxy: FaultyProxy) -> None:
    put(aws, crl(1, number=1))
    handler(event(CRL), None)
    put(aws, crl(2, number=2))
    proxy.break_with(before_writes(lambda: aws.client("s3").delete_object(Bucket=BUCKET, Key=INDEX), 1))
    handler(event(CRL), None)
    assert revoked(aws) == [2]


def test_a_crl_that_is_replaced_while_it_is_indexed_is_indexed_again(aws: AwsServer, proxy: FaultyProxy) -> None:
    """The event of the second CRL may have been handled before the index of the first one is written."""
    put(aws, crl(1, number=1))
    proxy.break_with(before_writes(lambda: put(aws, crl(2, number=2)), 1))
    handler(event(CRL), None)
    assert revoked(aws) == [2]


def test_the_index_states_the_version_of_the_stored_crl(aws: AwsServer) -> None:
    put(aws, crl(1))
    handler(event(CRL), None)
    stored = aws.client("s3").head_object(Bucket=BUCKET, Key=CRL)["ETag"]
    index = aws.client("s3").get_object(Bucket=BUCKET, Key=INDEX)["Body"].read()
    assert read_index(index).source_version == stored


def test_a_run_that_is_always_overtaken_leaves_it_to_lambda_to_try_again(aws: AwsServer, proxy: FaultyProxy) -> None:
    put(aws, crl(1))
    contents = iter(b"abcdef")
    proxy.break_with(before_writes(lambda: put(aws, bytes([next(contents)]), INDEX), 99))
    with pytest.raises(IndexingError, match="other runs have written the index, or the CRL was replaced, 3 times"):
        handler(event(CRL), None)


FAULTS = {
    "403": answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"),
    "500": answer(500, b"<Error><Code>InternalError</Code><Message>-</Message></Error>"),
    "503": answer(503, b"<html>"),
    "a connection that is reset": reset(),
    "no answer": hang(),
    "half a body": truncate(20),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("request_line", [f"GET {CRL}", f"GET {INDEX}", f"PUT {INDEX}"])
def test_while_s3_is_faulty_the_index_stays_as_it_is(
    fault: str, request_line: str, aws: AwsServer, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(aws, crl(1, number=1))
    handler(event(CRL), None)
    before = stored(aws)
    put(aws, crl(2, number=2))
    proxy.break_with(
        only_if(
            lambda exchanging: request_line == f"{exchanging.command} {exchanging.place.removeprefix(f'/{BUCKET}/')}",
            FAULTS[fault],
        )
    )
    if (request_line, fault) == (f"PUT {INDEX}", "half a body"):
        # The write has arrived nevertheless, and the handler notices.
        handler(event(CRL), None)
    else:
        with monkeypatch.context() as impatient:
            # On a busy machine, what has no fault can take longer, too.
            quick = Timeouts(connect_seconds=60, read_seconds=1, tries=2)
            impatient.setattr(bucket_of_crls, "TIMEOUTS", quick)
            with pytest.raises(IndexingError, match=f"^s3://{BUCKET}/{CRL}: ."):
                handler(event(CRL), None)
        assert stored(aws) == before
        proxy.recover()
        handler(event(CRL), None)
    assert revoked(aws) == [2]


def test_a_crl_that_is_too_large_is_not_read(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = crl(*range(20)), crl(*range(40))  # which are larger than the index
    monkeypatch.setattr(crl_indexer, "MAX_CRL_BYTES", len(small))
    put(aws, small)
    handler(event(CRL), None)
    put(aws, large)
    with pytest.raises(IndexingError, match=f"ca.crl has {len(large)} bytes; at most {len(small)} are supported"):
        handler(event(CRL), None)


def test_a_crl_is_indexed_after_its_next_update_as_long_as_the_authorizer_uses_it(
    aws: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(aws, crl(5, days_left=-1))
    monkeypatch.setenv("CRL_MAX_AGE_SECONDS", str(2 * 24 * 3600))
    handler(event(CRL), None)
    assert revoked(aws) == [5]


@pytest.mark.parametrize("value", ["", "-1", "1.5", "a day", "²", "31536001", "9" * 15, "9" * 5000])
def test_an_age_that_is_no_number_up_to_a_year_is_an_error(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRL_MAX_AGE_SECONDS", value)
    with pytest.raises(ValueError, match=f"CRL_MAX_AGE_SECONDS is '{value[:80]}…?': write a number from 0 to"):
        handler(event(CRL), None)


def test_the_truststore_may_be_in_s3(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    put(aws, CA.pem, "truststore.pem")
    put(aws, crl(5))
    monkeypatch.setenv("TRUSTSTORE_URI", f"s3://{BUCKET}/truststore.pem")
    handler(event(CRL), None)
    assert revoked(aws) == [5]


def test_a_truststore_that_is_not_there_is_an_error(aws: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    put(aws, crl(5))
    monkeypatch.setenv("TRUSTSTORE_URI", f"s3://{BUCKET}/truststore.pem")
    with pytest.raises(StoreError, match=f"s3://{BUCKET}/truststore.pem: .*no such object"):
        handler(event(CRL), None)
    monkeypatch.setenv("TRUSTSTORE_URI", "")
    with pytest.raises(ValueError, match="TRUSTSTORE_URI is not set"):
        handler(event(CRL), None)
    assert stored(aws) is None


@pytest.mark.parametrize("uri", ["ssm:///truststore", "appconfig://a/b/c", "truststore.pem"])
def test_a_truststore_is_in_s3_or_a_file_as_for_the_authorizer(
    uri: str, aws: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.client("ssm").put_parameter(Name="/truststore", Value=CA.pem.decode(), Type="String")
    put(aws, crl(5))
    monkeypatch.setenv("TRUSTSTORE_URI", uri)
    with pytest.raises(ValueError, match=r"TRUSTSTORE_URI is .*: write file:///absolute/path, s3://bucket/key"):
        handler(event(CRL), None)
    with pytest.raises(SettingsError, match="TRUSTSTORE_URI"):
        load_settings({"TRUSTSTORE_URI": uri})
    assert stored(aws) is None


@pytest.mark.parametrize("owner", [ACCOUNT, None])
def test_each_request_names_the_account_that_must_own_the_bucket(
    owner: str | None,
    aws: AwsServer,
    proxy: FaultyProxy,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TRUSTSTORE_URI", f"s3://{BUCKET}/truststore.pem")
    if owner is None:
        monkeypatch.delenv("S3_BUCKET_OWNER")
    put(aws, CA.pem, "truststore.pem")
    put(aws, crl(5))
    requests = []

    def note(exchanging: Exchanging) -> None:
        path = exchanging.place.removeprefix(f"/{BUCKET}/")
        requests.append((f"{exchanging.command} {path}", exchanging.headers.get("x-amz-expected-bucket-owner")))
        exchanging.send(exchanging.ask())

    proxy.break_with(note)
    handler(event(CRL), None)
    assert revoked(aws) == [5]
    lines = ("GET truststore.pem", f"GET {INDEX}", f"GET {CRL}", f"PUT {INDEX}", f"HEAD {CRL}")
    assert requests == [(line, owner) for line in lines]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == (["bucket owner not verified"] if owner is None else [])


def test_nothing_is_read_or_written_in_a_bucket_of_another_account(
    aws: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(aws, crl(5))
    monkeypatch.setenv("S3_BUCKET_OWNER", "999999999999")
    with pytest.raises(IndexingError, match="AccessDenied"):
        handler(event(CRL), None)
    put(aws, CA.pem, "truststore.pem")
    monkeypatch.setenv("TRUSTSTORE_URI", f"s3://{BUCKET}/truststore.pem")
    with pytest.raises(StoreError, match="does not belong to the account 999999999999"):
        handler(event(CRL), None)
    assert stored(aws) is None


def test_an_owner_that_is_no_account_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_BUCKET_OWNER", "acme")
    with pytest.raises(ValueError, match="S3_BUCKET_OWNER is 'acme': write the 12 digits"):
        handler(event(CRL), None)


def test_an_indexed_crl_is_logged(aws: AwsServer, caplog: pytest.LogCaptureFixture) -> None:
    put(aws, crl(5, number=255))
    with caplog.at_level(logging.INFO, "mtls_authorizer"):
        handler(event(CRL), None)
        handler(event(CRL), None)
    first, second = caplog.records
    fields = vars(first)
    assert (first.message, second.message) == ("indexed", "indexed already")
    assert (fields["crl"], fields["crl_number"]) == (f"s3://{BUCKET}/{CRL}", "FF")
    assert fields["index_bytes"] == len(stored(aws) or b"")


def test_a_crl_that_is_not_indexed_is_logged_with_its_cause(aws: AwsServer, caplog: pytest.LogCaptureFixture) -> None:
    put(aws, b"garbage")
    with pytest.raises(IndexingError):
        handler(event(CRL), None)
    (record,) = caplog.records
    assert (record.message, record.levelno) == ("CRL not indexed", logging.ERROR)
    fields = vars(record)
    assert (fields["crl"], fields["error_type"]) == (f"s3://{BUCKET}/{CRL}", "CrlError")
    assert fields["error"].startswith("neither a CRL in DER nor exactly one in PEM")
    assert not record.exc_info


def test_an_unexpected_error_is_logged_with_its_traceback(
    aws: AwsServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise KeyError

    put(aws, crl(5))
    monkeypatch.setattr(crl_indexer, "index_crl", fail)
    with pytest.raises(IndexingError, match="KeyError"):
        handler(event(CRL), None)
    (record,) = caplog.records
    assert vars(record)["error"] == "KeyError"
    assert record.exc_info


def test_a_delta_crl_is_not_indexed_and_is_no_error(aws: AwsServer, caplog: pytest.LogCaptureFixture) -> None:
    put(
        aws,
        CA.revoke(this_update=TODAY - DAY, next_update=TODAY + DAY, extensions=[crl_number(2), IS_DELTA]),
        "ca+.crl",
    )
    put(aws, crl(5))
    with caplog.at_level(logging.INFO, "mtls_authorizer"):
        handler(event("ca+.crl", CRL), None)
    assert [record.message for record in caplog.records] == ["delta CRL not indexed", "indexed"]
    assert stored(aws, "ca+.crl.index") is None


def test_a_crl_without_a_number_and_a_next_update_is_indexed(aws: AwsServer, caplog: pytest.LogCaptureFixture) -> None:
    put(aws, CA.revoke(entry(5), next_update=None))
    with caplog.at_level(logging.INFO, "mtls_authorizer"):
        handler(event(CRL), None)
    fields = vars(caplog.records[-1])
    assert (fields["crl_number"], fields["next_update"]) == (None, None)


@pytest.mark.parametrize(("chosen", "level"), [(None, logging.INFO), ("", logging.INFO), ("ERROR", logging.NOTSET)])
def test_an_indexed_crl_is_logged_unless_a_level_was_chosen(
    chosen: str | None, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_LOG_LEVEL", raising=False)
    if chosen is not None:
        monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", chosen)
    logger, root = logging.getLogger("mtls_authorizer"), logging.getLogger()
    before, of_others = logger.level, root.level
    logger.setLevel(logging.NOTSET)
    monkeypatch.delitem(sys.modules, crl_indexer.__name__)
    try:
        runpy.run_module(crl_indexer.__name__)
        assert (logger.level, root.level) == (level, of_others)
    finally:
        logger.setLevel(before)
