"""How stores in AWS handle the answers and errors of boto3's clients. The integration tests do so over HTTP."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    FlexibleChecksumError,
    IncompleteReadError,
    InvalidConfigError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
    SSOTokenLoadError,
    TokenRetrievalError,
)
from botocore.response import StreamingBody
from botocore.utils import parse_timestamp

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.loader import StoreLoader
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.stores.appconfig import AppConfigStore
from mtls_authorizer.stores.aws import _idle_closer, _parse_time
from mtls_authorizer.stores.s3 import S3Store
from mtls_authorizer.stores.ssm import SsmStore
from mtls_authorizer.stores.store import DEFAULT_TIMEOUTS, Fetched, Store, StoreError, Timeouts
from tests.clocks import LONG, Clock
from tests.refreshing import has_changed

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://aws.example"
DENIED = (
    "missing permission: s3:GetObject, or kms:Decrypt with the key of the object; or the object does not exist, which "
    "S3 tells only to those with s3:ListBucket"
)
TIMED_OUT = "timed out (1 s to connect, 1 s to read); a function in a VPC needs a route to the service"
NO_CONNECTION = "no connection, or it was closed without a response"
TLS_FAILED = "TLS failed; behind a proxy that inspects TLS, name a file with its CA in AWS_CA_BUNDLE"
NO_CREDENTIALS = "no AWS credentials; on Lambda, the role of the function provides them"
NO_SSO_SESSION = "there is no SSO session, or it has expired: aws sso login"
ENDED_EARLY = "the response ended early"


class Client:
    """A client of boto3 whose calls do, one after the other, what a test has written down."""

    def __init__(self, *steps: dict[str, Any] | Exception) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.steps = list(steps)

    def close(self) -> None:
        """Close the connections, of which there are none."""

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: object) -> dict[str, Any]:
            self.calls.append((operation, arguments))
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            return step

        return call


def s3_store(client: Client, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> S3Store:
    return S3Store("s3://bucket/key", client, ("bucket", "key"), 100, timeouts, bucket_owner=None)


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (client_error("NoSuchKey", 404), "NoSuchKey (HTTP status 404): there is no such object"),
        (client_error("NoSuchBucket", 404), "NoSuchBucket (HTTP status 404): there is no such bucket"),
        (
            client_error("PermanentRedirect", 301),
            "PermanentRedirect (HTTP status 301): the bucket is in another region",
        ),
        (client_error("InvalidObjectState", 403), "InvalidObjectState (HTTP status 403): the object is archived"),
        (client_error("SlowDown", 503), "SlowDown (HTTP status 503): too many requests"),
        (client_error("ThrottlingException"), "ThrottlingException (HTTP status 400): too many requests"),
        (client_error("AccessDenied"), f"AccessDenied (HTTP status 400): {DENIED}"),
        (client_error("AccessDeniedException"), f"AccessDeniedException (HTTP status 400): {DENIED}"),
        (client_error("403", 403), f"403 (HTTP status 403): {DENIED}"),
        (
            client_error("RequestTimeTooSkewed", 403),
            "RequestTimeTooSkewed (HTTP status 403): the clock of this system is wrong",
        ),
        *(
            (client_error(code, 403), f"{code} (HTTP status 403): the credentials are not valid")
            for code in (
                *("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidSignatureException"),
                *("InvalidToken", "SignatureDoesNotMatch", "UnrecognizedClientException"),
            )
        ),
        (client_error("InternalError", 500), "InternalError (HTTP status 500)"),
        (client_error("a code with spaces", 418), "an error without a code (HTTP status 418)"),
        (ConnectTimeoutError(endpoint_url=URL), TIMED_OUT),
        (ReadTimeoutError(endpoint_url=URL), TIMED_OUT),
        (EndpointConnectionError(endpoint_url=URL), NO_CONNECTION),
        (ConnectionClosedError(endpoint_url=URL), NO_CONNECTION),
        (SSLError(endpoint_url=URL, error=OSError("topsecret")), TLS_FAILED),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), ENDED_EARLY),
        (ResponseStreamingError(error="topsecret"), ENDED_EARLY),
        (FlexibleChecksumError(error_msg="topsecret"), "the content does not match its checksum"),
        (NoCredentialsError(), NO_CREDENTIALS),
        (PartialCredentialsError(provider="env", cred_var="topsecret"), NO_CREDENTIALS),
        (CredentialRetrievalError(provider="env", error_msg="topsecret"), NO_CREDENTIALS),
        (SSOTokenLoadError(error_msg="topsecret"), NO_SSO_SESSION),
        (TokenRetrievalError(provider="sso", error_msg="topsecret"), NO_SSO_SESSION),
        (InvalidRegionError(region_name="topsecret"), "AWS_REGION is not the name of a region"),
        (
            InvalidConfigError(error_msg="topsecret"),
            "AWS cannot be called: check the AWS configuration (InvalidConfigError)",
        ),
        (KeyError("topsecret"), "unreadable response (KeyError)"),
    ],
)
def test_each_error_has_a_description_with_the_fix(error: Exception, told: str) -> None:
    with pytest.raises(StoreError) as failure:
        s3_store(Client(error)).fetch(None)
    assert str(failure.value) == f"s3://bucket/key: {told}"
    # Only these mean that there is no object. After any other error, there may be one.
    assert failure.value.is_absence is told.startswith(("NoSuchKey ", "AccessDenied ", "AccessDeniedException "))


def test_the_versions_of_several_parameters_are_told_apart() -> None:
    made = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    parameters = [
        {"Name": "/b", "Version": 12, "LastModifiedDate": made, "Value": "two"},
        {"Name": "/a", "Version": 1, "LastModifiedDate": made, "Value": "one"},
    ]
    store = SsmStore("ssm:///a,/b", Client({"Parameters": parameters}), ("/a", "/b"), 100, DEFAULT_TIMEOUTS)
    assert store.fetch(None) == Fetched(b"onetwo", "1@2026-01-02T03:04:05+00:00,12@2026-01-02T03:04:05+00:00")


STARTED = {"InitialConfigurationToken": "first"}


def delivered(content: bytes, token: str = "next", **more: str) -> dict[str, Any]:  # noqa: S107 -- not a password
    body = StreamingBody(io.BytesIO(content), len(content))
    return {"Configuration": body, "NextPollConfigurationToken": token, "NextPollIntervalInSeconds": 15, **more}


def configuration_of(client: Client, clock: Clock | None = None) -> AppConfigStore:
    return AppConfigStore("appconfig://a/e/p", client, ("a", "e", "p"), 100, DEFAULT_TIMEOUTS, clock or Clock())


def test_a_configuration_is_requested_again_as_soon_as_its_interval_is_over() -> None:
    clock = Clock()
    client = Client(STARTED, delivered(b"one"), delivered(b"", "last"))
    store = configuration_of(client, clock)
    version = "sha256:" + hashlib.sha256(b"one").hexdigest()
    assert store.fetch(None) == Fetched(b"one", version)
    start = {
        "ApplicationIdentifier": "a",
        "EnvironmentIdentifier": "e",
        "ConfigurationProfileIdentifier": "p",
        "RequiredMinimumPollIntervalInSeconds": 15,
    }
    calls: list[tuple[str, dict[str, Any]]] = [
        ("start_configuration_session", start),
        ("get_latest_configuration", {"ConfigurationToken": "first"}),
    ]
    clock.advance(14.9)
    assert store.fetch(version) is None
    assert client.calls == calls
    clock.advance(0.1)
    assert store.fetch(version) is None
    assert client.calls == [*calls, ("get_latest_configuration", {"ConfigurationToken": "next"})]


def test_a_configuration_is_requested_again_at_once_if_the_function_was_frozen_during_the_call() -> None:
    clock = Clock()

    class Body(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            clock.advance(3600)
            return super().read(size)

    old = {**delivered(b""), "Configuration": Body(b"old")}
    store = configuration_of(Client(STARTED, old, STARTED, delivered(b"new")), clock)
    first = store.fetch(None)
    assert first
    second = store.fetch(first.version)
    assert second
    assert (first.content, second.content) == (b"old", b"new")
    assert store.fetch(second.version) is None


def test_a_configuration_with_a_label_has_it_in_its_version() -> None:
    fetched = configuration_of(Client(STARTED, delivered(b"one", VersionLabel="v1"))).fetch(None)
    assert fetched == Fetched(b"one", "v1 sha256:" + hashlib.sha256(b"one").hexdigest())


@pytest.mark.parametrize(
    ("code", "told"),
    [("BadRequestException", None), ("InternalServerException", "InternalServerException (HTTP status 400)")],
)
def test_only_a_rejected_token_starts_a_new_session_at_once(code: str, told: str | None) -> None:
    clock = Clock()
    client = Client(STARTED, delivered(b"one"), client_error(code), STARTED, delivered(b"two"))
    store = configuration_of(client, clock)
    first = store.fetch(None)
    assert first
    clock.advance(15)
    if told is None:
        second = store.fetch(first.version)
        assert second
        assert second.content == b"two"
    else:
        with pytest.raises(StoreError) as failure:
            store.fetch(first.version)
        assert str(failure.value) == f"appconfig://a/e/p: {told}"
        assert [operation for operation, _arguments in client.calls].count("start_configuration_session") == 1


def test_a_limit_that_was_exceeded_is_named_as_it_was_set() -> None:
    client = Client(ReadTimeoutError(endpoint_url=URL))
    with pytest.raises(StoreError, match=r"timed out \(2 s to connect, 0.5 s to read\)"):
        s3_store(client, Timeouts(2, 0.5, 1)).fetch(None)


def test_a_session_that_was_reset_is_not_continued_though_the_clock_has_stopped() -> None:
    client = Client(STARTED, delivered(b"one"), STARTED, delivered(b"two"))
    store = configuration_of(client)
    first = store.fetch(None)
    assert first
    assert store.fetch(first.version) is None
    store.reset()
    second = store.fetch(first.version)
    assert second
    assert second.content == b"two"


def test_a_fetch_that_runs_during_a_reset_does_not_bring_its_session_back() -> None:
    """A snapshot may be taken while it waits for AppConfig, which had nothing new then."""
    clock, client = Clock(), Client(STARTED, delivered(b"one"))
    store = configuration_of(client, clock)
    first = store.fetch(None)
    assert first
    clock.advance(15)

    def while_it_waits(**_arguments: object) -> dict[str, Any]:
        store.reset()
        return delivered(b"", "old")

    vars(client)["get_latest_configuration"] = while_it_waits
    assert store.fetch(first.version) is None
    del vars(client)["get_latest_configuration"]
    client.steps += [STARTED, delivered(b"two")]
    second = store.fetch(first.version)
    assert second
    assert second.content == b"two"


def s3_object(content: bytes, etag: str) -> dict[str, Any]:
    body = StreamingBody(io.BytesIO(content), len(content))
    return {"Body": body, "ContentLength": len(content), "ETag": etag}


def parameter(value: str, version: int) -> dict[str, Any]:
    modified = datetime(2026, 1, 2, tzinfo=UTC)
    return {"Parameters": [{"Name": "/rules", "Version": version, "LastModifiedDate": modified, "Value": value}]}


@pytest.mark.parametrize(
    "store",
    [
        s3_store(Client(s3_object(b"one", "1"), s3_object(b"two", "2"))),
        SsmStore("ssm:///rules", Client(parameter("one", 1), parameter("two", 2)), ("/rules",), 100, DEFAULT_TIMEOUTS),
        configuration_of(Client(STARTED, delivered(b"one"), STARTED, delivered(b"two"))),
    ],
    ids=["S3", "SSM", "AppConfig"],
)
def test_a_restore_loads_the_stored_value_although_the_clock_has_stopped(store: Store) -> None:
    document = Document(StoreLoader("rules", store, bytes.decode))
    refresher = Refresher([document], 60, start_seconds=LONG, wait_seconds=LONG, clock=Clock())
    refresher.start()
    assert document.value == "one"
    assert not has_changed(refresher)
    refresher.restore()
    assert (document.value, document.failures) == ("two", 0)


@pytest.mark.parametrize(
    "value",
    [
        *("2026-11-28T08:47:00.000Z", "2026-11-28T08:47:00Z", "2026-11-28T08:47:00+01:00", "2026-11-28T08:47:00"),
        *("Sat, 28 Nov 2026 08:47:00 GMT", "1796201220", 1796201220, 1796201220.5, "20261128T084700Z"),
        "Sat, 28 Nov 2026 08:47:00 Z",
    ],
)
def test_a_time_is_the_one_that_botocore_reads(value: str | float) -> None:
    parsed = _parse_time(value)
    expected = parse_timestamp(value)  # type: ignore[arg-type]  # JSON has numbers
    assert (parsed, parsed.utcoffset()) == (expected, expected.utcoffset())


def test_an_invalid_time_is_rejected_as_by_botocore() -> None:
    with pytest.raises(ValueError, match="Invalid timestamp"):
        _parse_time("yesterdayZ")


def test_connections_are_closed_after_they_were_idle_and_not_because_they_are_old() -> None:
    closed: list[float] = []

    class Closing(Client):
        def close(self) -> None:
            closed.append(clock())

    clock = Clock()
    close_if_idle = _idle_closer(Closing(), clock)
    for seconds in (4, 4, 4, 6, 4):
        clock.advance(seconds)
        close_if_idle(request="", operation_name="GetObject")
    assert closed == [1000 + 4 + 4 + 4 + 6]
