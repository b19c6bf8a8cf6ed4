"""Stores in AWS over HTTP: moto's server and, for AppConfig Data, which moto does not have, that in ``aws.server``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores import aws as aws_stores
from mtls_authorizer.stores.opener import open_prefix, open_store
from mtls_authorizer.stores.s3 import S3Store
from mtls_authorizer.stores.store import DEFAULT_TIMEOUTS, Fetched, Store, StoreError, Timeouts
from tests.aws.server import ACCOUNT
from tests.fixtures.aws import ONCE, PATIENT, QUICK, forget_clients
from tests.servers.faulty_proxy import (
    Fault,
    answer,
    byte_by_byte,
    delay,
    garbage,
    hang,
    late_at_first,
    reset,
    reset_open_connections,
    stall,
    truncate,
)

if TYPE_CHECKING:
    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Exchanging, FaultyProxy

LARGEST = 1000
RULES = "s3://bucket/folder/rules.json"
PLACE = ("application", "environment", "profile")
CONFIGURATION = "appconfig://application/environment/profile"

DENIED = answer(403, b"<Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::1:topsecret</Message></Error>")


def opened(uri: str, timeouts: Timeouts = PATIENT) -> Store:
    return open_store(uri, max_bytes=LARGEST, timeouts=timeouts, bucket_owner=None)


def fetch(store: Store, version: str | None = None) -> Fetched:
    fetched = store.fetch(version)
    assert fetched is not None
    return fetched


def failure(store: Store, version: str | None = None) -> str:
    with pytest.raises(StoreError) as raised:
        store.fetch(version)
    message = str(raised.value)
    assert message.startswith(store.uri + ": ")
    # What a traceback would show is the message, and nothing of what caused it.
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return message.removeprefix(store.uri + ": ")


def aws_error(code: str, status: int = 400) -> Fault:
    return answer(status, json.dumps({"__type": code, "message": "topsecret"}).encode(), x_amzn_ErrorType=code)


def s3_error(code: str, status: int) -> Fault:
    return answer(status, f"<Error><Code>{code}</Code><Message>topsecret</Message></Error>".encode())


class TestS3:
    def test_an_object_is_sent_once_for_each_version(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        store = opened(RULES)
        etag = aws.put_object(RULES, b"first")
        assert fetch(store)[:2] == (b"first", etag)
        assert store.fetch(etag) is None
        assert store.fetch(etag) is None
        assert proxy.statuses() == [200, 304, 304]
        changed = aws.put_object(RULES, b"second")
        assert fetch(store, etag)[:2] == (b"second", changed)
        aws.put_object(RULES, b"first")
        assert fetch(store, changed)[:2] == (b"first", etag)
        assert proxy.statuses() == [200, 200]

    @pytest.mark.parametrize("key", ["a key", "100%/%20+&=;:@,'()!*~$", "//slashes///", "Prüfung/规则.json"])
    def test_a_key_is_taken_as_it_is_written(self, aws: AwsServer, key: str) -> None:
        uri = f"s3://bucket/{key}/x"
        aws.put_object(uri, b"content")
        assert fetch(opened(uri)).content == b"content"

    @pytest.mark.parametrize("size", [0, 1, LARGEST])
    def test_an_object_may_be_as_large_as_allowed(self, aws: AwsServer, size: int) -> None:
        aws.put_object(RULES, b"x" * size)
        assert fetch(opened(RULES)).content == b"x" * size

    def test_an_object_that_is_too_large_is_not_read(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.put_object(RULES, b"x" * (LARGEST + 1))
        # Nothing of the body ever comes.
        proxy.break_with(stall(0))
        assert failure(opened(RULES, ONCE)) == "larger than 1,000 bytes"

    def test_an_object_that_is_larger_than_its_stated_size_is_rejected(
        self, aws: AwsServer, proxy: FaultyProxy
    ) -> None:
        aws.put_object(RULES, b"")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (LARGEST + 1, b"x" * (LARGEST + 1))
        head = b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        proxy.break_with(garbage(head + body))
        assert failure(opened(RULES)) == "larger than 1,000 bytes"

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (
                DENIED,
                "AccessDenied (HTTP status 403): missing permission: s3:GetObject, or kms:Decrypt with the key of",
            ),
            (answer(403), "403 (HTTP status 403): missing permission: s3:GetObject"),
            (answer(403, b"<html>topsecret</html>"), "an error without a code (HTTP status 403): missing permission:"),
            (
                s3_error("InvalidAccessKeyId", 403),
                "InvalidAccessKeyId (HTTP status 403): the credentials are not valid",
            ),
            (s3_error("ExpiredToken", 400), "ExpiredToken (HTTP status 400): the credentials are not valid"),
            (s3_error("NoSuchKey", 404), "NoSuchKey (HTTP status 404): there is no such object"),
            (s3_error("top secret &quot;", 418), "an error without a code (HTTP status 418)"),
            (answer(500), "500 (HTTP status 500)"),
            (s3_error("SlowDown", 503), "SlowDown (HTTP status 503): too many requests"),
            (answer(500, b"<html>topsecret"), "500 (HTTP status 500)"),
            (answer(304), "304 (HTTP status 304)"),
            (answer(200, b"<html>topsecret</html>"), "unreadable response (KeyError)"),
            (hang(), "timed out (0.2 s to connect, 0.2 s to read)"),
            (reset(), "no connection, or it was closed without a response"),
            (garbage(), "no connection, or it was closed without a response"),
            (truncate(3), "the response ended early"),
            (stall(3), "timed out (0.2 s to connect, 0.2 s to read)"),
        ],
    )
    def test_a_fault_is_an_error_of_its_name(self, aws: AwsServer, proxy: FaultyProxy, fault: Fault, told: str) -> None:
        aws.put_object(RULES, b'{"topsecret": 1}')
        healthy, store = opened(RULES), opened(RULES, QUICK if told.startswith("timed out") else ONCE)
        version = fetch(healthy).version
        proxy.break_with(fault)
        message = failure(store)
        assert message.startswith(told)
        assert "topsecret" not in message
        proxy.recover()
        assert healthy.fetch(version) is None

    def test_a_missing_object_or_bucket_is_named(self, aws: AwsServer) -> None:
        aws.put_object(RULES, b"")
        missing = failure(opened("s3://bucket/missing"))
        assert missing == "NoSuchKey (HTTP status 404): there is no such object"
        missing = failure(opened("s3://missing/rules.json"))
        assert missing == "NoSuchBucket (HTTP status 404): there is no such bucket"

    def test_a_bucket_of_another_account_is_denied(self, aws: AwsServer) -> None:
        etag = aws.put_object(RULES, b"content")
        store = open_store(RULES, max_bytes=LARGEST, timeouts=PATIENT, bucket_owner=ACCOUNT)
        assert fetch(store)[:2] == (b"content", etag)
        assert store.fetch(etag) is None
        other = open_store(RULES, max_bytes=LARGEST, timeouts=PATIENT, bucket_owner="999999999999")
        for version in (None, etag):
            message = failure(other, version)
            assert message.startswith("AccessDenied (HTTP status 403): missing permission: s3:GetObject")
            assert message.endswith("or the bucket does not belong to the account 999999999999 (S3_BUCKET_OWNER)")

    def test_an_error_is_retried_once(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.put_object(RULES, b"")
        store = opened(RULES)
        proxy.break_with(answer(500))
        failure(store)
        assert proxy.statuses() == [500, 500]

    def test_by_default_a_store_waits_a_second_and_tries_twice(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.put_object(RULES, b"")
        store = open_store(RULES, max_bytes=LARGEST, bucket_owner=None)
        tries = []

        def count_and_hang(exchanging: Exchanging) -> None:
            tries.append(time.monotonic())
            hang()(exchanging)

        proxy.break_with(count_and_hang)
        began = time.monotonic()
        assert failure(store).startswith("timed out (1 s to connect, 1 s to read)")
        assert len(tries) == DEFAULT_TIMEOUTS.tries == 2
        assert time.monotonic() - began >= 2 * DEFAULT_TIMEOUTS.read_seconds

    def test_a_service_that_refused_connections_is_used_again(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        etag = aws.put_object(RULES, b"content")
        store = opened(RULES, ONCE)
        proxy.refuse_connections()
        assert failure(store) == "no connection, or it was closed without a response"
        proxy.recover()
        assert fetch(store)[:2] == (b"content", etag)

    @pytest.mark.parametrize("fault", [delay(0.3), byte_by_byte(0.05)])
    def test_a_slow_response_arrives_completely(self, aws: AwsServer, proxy: FaultyProxy, fault: Fault) -> None:
        etag = aws.put_object(RULES, b"content")
        store = opened(RULES)
        proxy.break_with(fault)
        assert fetch(store)[:2] == (b"content", etag)

    def test_content_that_was_changed_in_transit_is_rejected(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.put_object(RULES, b"content")
        store = opened(RULES)
        proxy.break_with(answer(200, b"cOntent", ETag="x", x_amz_checksum_crc32="AAAAAA=="))
        assert failure(store) == "the content does not match its checksum"

    @pytest.mark.usefixtures("new_clients")
    def test_without_credentials_nothing_is_requested(
        self, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        told = failure(opened(RULES))
        assert told == "no AWS credentials; on Lambda, the role of the function provides them"
        assert proxy.statuses() == []

    @pytest.mark.usefixtures("aws", "new_clients")
    def test_stores_share_a_client(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one, other = (opened(f"s3://bucket/{key}") for key in "ab")
        assert isinstance(one, S3Store)
        assert vars(one)["_client"] is vars(other)["_client"]
        assert vars(one)["_client"].meta.region_name == "eu-central-1"
        monkeypatch.delenv("AWS_REGION")
        forget_clients()
        with pytest.raises(StoreError, match=r"^s3://bucket/a: no AWS region; Lambda sets AWS_REGION"):
            opened("s3://bucket/a")


class TestSsm:
    def test_a_parameter_is_given_once_for_each_version(self, aws: AwsServer) -> None:
        store = opened("ssm:///mtls/rules")
        aws.put_parameter("/mtls/rules", "first")
        first = fetch(store)
        assert first.content == b"first"
        assert first.version.startswith("1@")
        assert store.fetch(first.version) is None
        aws.put_parameter("/mtls/rules", "sécond")
        second = fetch(store, first.version)
        assert second.content == "sécond".encode()
        assert second.version.startswith("2@")

    def test_a_parameter_that_was_deleted_and_created_again_is_a_new_version(self, aws: AwsServer) -> None:
        store = opened("ssm:///rules")
        aws.put_parameter("/rules", "first")
        first = fetch(store)
        aws.client("ssm").delete_parameter(Name="/rules")
        aws.put_parameter("/rules", "other")
        assert fetch(store, first.version).content == b"other"

    def test_a_secure_string_is_decrypted(self, aws: AwsServer) -> None:
        aws.put_parameter("/rules", "content", "SecureString")
        raw = aws.client("ssm").get_parameter(Name="/rules")["Parameter"]["Value"]
        assert raw != "content"
        assert fetch(opened("ssm:///rules")).content == b"content"

    def test_several_parameters_are_joined_in_the_order_of_the_uri(self, aws: AwsServer) -> None:
        names = [f"/rules/{number}" for number in (3, 10, 1, 2, 7, 5, 4, 9, 8, 6)]
        for name in sorted(names):
            aws.put_parameter(name, name[1:] + ";", "SecureString" if "1" in name else "String")
        store = open_store("ssm://" + ",".join(names), max_bytes=LARGEST, bucket_owner=None)
        first = fetch(store)
        assert first.content.decode() == "".join(name[1:] + ";" for name in names)
        assert store.fetch(first.version) is None
        aws.put_parameter("/rules/7", "changed")
        assert b"rules/2;changedrules/5" in fetch(store, first.version).content

    def test_a_version_can_be_named_by_number_or_label(self, aws: AwsServer) -> None:
        for value in ("first", "second", "third"):
            aws.put_parameter("/rules", value)
        aws.client("ssm").label_parameter_version(Name="/rules", ParameterVersion=2, Labels=["live"])
        assert fetch(opened("ssm:///rules:1")).content == b"first"
        live = opened("ssm:///rules:live")
        second = fetch(live)
        assert second.content == b"second"
        aws.client("ssm").label_parameter_version(Name="/rules", ParameterVersion=1, Labels=["live"])
        assert fetch(live, second.version).content == b"first"

    def test_parameters_that_are_missing_are_named(self, aws: AwsServer) -> None:
        aws.put_parameter("/rules/2", "content")
        told = failure(opened("ssm:///rules/1,/rules/2,/rules/3:7"))
        assert told == "there is no parameter /rules/1 and no /rules/3:7 in eu-central-1"

    def test_a_document_that_is_too_large_is_rejected(self, aws: AwsServer) -> None:
        aws.put_parameter("/rules/1", "ä" * 250)
        aws.put_parameter("/rules/2", "ä" * 250)
        store = opened("ssm:///rules/1,/rules/2")
        assert len(fetch(store).content) == LARGEST
        aws.put_parameter("/rules/2", "ä" * 251)
        assert failure(store) == "larger than 1,000 bytes"

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (
                aws_error("AccessDeniedException"),
                "AccessDeniedException (HTTP status 400): missing permission: ssm:GetParameters, or kms:Decrypt",
            ),
            (
                aws_error("UnrecognizedClientException"),
                "UnrecognizedClientException (HTTP status 400): the credentials are not valid",
            ),
            (
                aws_error("ThrottlingException"),
                "ThrottlingException (HTTP status 400): too many requests",
            ),
            (answer(200, b"{}"), "unreadable response (KeyError)"),
            (answer(200, b"topsecret"), "unreadable response (KeyError)"),
            (hang(), "timed out (0.2 s to connect, 0.2 s to read); a function in a VPC needs a route to the service"),
        ],
    )
    def test_a_fault_is_an_error_of_its_name(self, aws: AwsServer, proxy: FaultyProxy, fault: Fault, told: str) -> None:
        aws.put_parameter("/rules", "topsecret")
        store = opened("ssm:///rules", QUICK if told.startswith("timed out") else ONCE)
        proxy.break_with(fault)
        message = failure(store)
        assert message.startswith(told)
        assert "topsecret" not in message


class TestAppConfig:
    def test_a_configuration_is_sent_once_for_each_version(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.app_config_data.interval_seconds = 0
        aws.app_config_data.deploy(PLACE, b"first")
        store = opened(CONFIGURATION)
        first = fetch(store)
        assert first.content == b"first"
        assert store.fetch(first.version) is None
        assert store.fetch(first.version) is None
        aws.app_config_data.deploy(PLACE, b"second", "v2")
        second = fetch(store, first.version)
        assert second.content == b"second"
        assert second.version.startswith("v2 sha256:")
        # One session, gone on with from token to token.
        assert proxy.statuses() == [201, 200, 200, 200, 200]
        aws.app_config_data.deploy(PLACE, b"first")
        assert fetch(store, second.version) == first

    def test_appconfig_is_not_queried_more_often_than_it_asks(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.app_config_data.deploy(PLACE, b"first")
        store = opened(CONFIGURATION)
        first = fetch(store)
        for _time in range(3):
            assert store.fetch(first.version) is None
        assert proxy.statuses() == [201, 200]

    def test_a_poll_that_the_service_considers_too_early_is_no_error(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.app_config_data.interval_seconds = 0
        aws.app_config_data.deploy(PLACE, b"first")
        store = opened(CONFIGURATION)
        first = fetch(store)
        for poll in aws.app_config_data.tokens.values():
            poll.not_before += 1000
        assert store.fetch(first.version) is None
        assert proxy.statuses() == [201, 200, 400, 201, 200]

    def test_a_token_that_has_expired_starts_a_new_session(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.app_config_data.interval_seconds = 0
        aws.app_config_data.deploy(PLACE, b"first")
        store = opened(CONFIGURATION)
        first = fetch(store)
        aws.app_config_data.expire()
        assert store.fetch(first.version) is None
        assert proxy.statuses() == [201, 200, 400, 201, 200]
        aws.app_config_data.expire()
        aws.app_config_data.deploy(PLACE, b"second")
        assert fetch(store, first.version).content == b"second"

    def test_a_configuration_that_was_delivered_and_not_used_is_delivered_again(self, aws: AwsServer) -> None:
        """The caller refused it, or it came too late: the session's memory is not the caller's."""
        aws.app_config_data.deploy(PLACE, b"first")
        store = opened(CONFIGURATION)
        first = fetch(store)
        aws.app_config_data.deploy(PLACE, b"broken")
        aws.app_config_data.expire()
        store = opened(CONFIGURATION)
        for _time in range(3):
            assert fetch(store, first.version).content == b"broken"
        for _time in range(2):
            assert fetch(store).content == b"broken"

    # After a timeout the call is repeated with a token that was used, and then in a new session.
    @pytest.mark.parametrize("late", [False, True])
    def test_a_call_that_fails_ends_the_session(self, aws: AwsServer, proxy: FaultyProxy, *, late: bool) -> None:
        aws.app_config_data.interval_seconds = 0
        aws.app_config_data.deploy(PLACE, b"first")
        store = opened(CONFIGURATION, Timeouts(30, 2, 2) if late else PATIENT)
        first = fetch(store)
        # The service has delivered it, and it never arrived.
        aws.app_config_data.deploy(PLACE, b"second")
        cut = truncate(3, path="/configuration?")
        proxy.break_with(late_at_first(3, cut) if late else cut)
        assert failure(store, first.version) == "the response ended early"
        proxy.recover()
        assert fetch(store, first.version).content == b"second"

    @pytest.mark.parametrize("size", [LARGEST + 1, 3 * LARGEST])
    def test_a_configuration_that_is_too_large_is_rejected(self, aws: AwsServer, size: int) -> None:
        aws.app_config_data.deploy(PLACE, b"x" * LARGEST)
        store = opened(CONFIGURATION)
        version = fetch(store).version
        aws.app_config_data.deploy(PLACE, b"x" * size)
        assert failure(store) == "larger than 1,000 bytes"
        assert failure(store, version) == "larger than 1,000 bytes"

    def test_an_empty_configuration_is_not_taken_for_an_unchanged_one(self, aws: AwsServer) -> None:
        aws.app_config_data.deploy(PLACE, b"")
        assert failure(opened(CONFIGURATION)) == "AppConfig delivers an empty configuration"

    def test_a_location_without_a_deployment_is_an_error_that_says_so(self, aws: AwsServer) -> None:
        assert aws.app_config_data.deployments == {}
        assert failure(opened(CONFIGURATION)) == (
            "ResourceNotFoundException (HTTP status 404): AWS_REGION has no such application, environment or profile,"
            " or nothing is deployed"
        )

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (
                aws_error("AccessDeniedException", 403),
                "AccessDeniedException (HTTP status 403): missing permission: appconfig:StartConfigurationSession or",
            ),
            (aws_error("BadRequestException"), "BadRequestException (HTTP status 400)"),
            (answer(201, b"{}"), "unreadable response (KeyError)"),
        ],
    )
    def test_a_fault_is_an_error_of_its_name(self, aws: AwsServer, proxy: FaultyProxy, fault: Fault, told: str) -> None:
        aws.app_config_data.interval_seconds = 0
        aws.app_config_data.deploy(PLACE, b"topsecret")
        store = opened(CONFIGURATION)
        version = fetch(store).version
        proxy.break_with(fault)
        # In a session, and at the start of one.
        assert failure(store, version).startswith(told)
        assert failure(store, version).startswith(told)
        proxy.recover()
        assert store.fetch(version) is None


@pytest.mark.usefixtures("new_clients")
class TestConnections:
    def test_a_connection_is_used_again(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.put_object(RULES, b"content")
        before = set(proxy.connections)
        store = opened(RULES, ONCE)
        for _time in range(3):
            fetch(store)
        assert len(proxy.connections - before) == 1

    def test_a_connection_that_was_idle_for_long_is_not_used_again(
        self, aws: AwsServer, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The function was frozen meanwhile, and nobody told it that the connection was closed."""
        aws.put_object(RULES, b"content")
        store = opened(RULES, ONCE)
        fetch(store)
        proxy.break_with(reset_open_connections(proxy))
        monkeypatch.setattr(aws_stores, "_MAX_IDLE_SECONDS", 0)
        assert fetch(store).content == b"content"

    @pytest.mark.parametrize("uri", [RULES, "ssm:///rules", CONFIGURATION])
    def test_a_connection_is_not_used_again_after_a_reset(self, aws: AwsServer, proxy: FaultyProxy, uri: str) -> None:
        """Those of a snapshot are dead when it is restored."""
        aws.put_object(RULES, b"content")
        aws.put_parameter("/rules", "content")
        aws.app_config_data.deploy(PLACE, b"content")
        store = opened(uri, ONCE)
        fetch(store)
        proxy.break_with(reset_open_connections(proxy))
        store.reset()
        assert fetch(store).content == b"content"

    def test_a_prefix_uses_no_connection_again_after_a_reset(self, aws: AwsServer, proxy: FaultyProxy) -> None:
        aws.put_object("s3://bucket/crls/ca.crl", b"content")
        prefix = open_prefix("s3://bucket/crls/", timeouts=ONCE, bucket_owner=None)
        listed = prefix.documents((".crl",))
        proxy.break_with(reset_open_connections(proxy))
        prefix.reset()
        assert prefix.documents((".crl",)) == listed
