"""What stores in AWS make of the answers and errors of boto3's clients. Over HTTP they are in ``test_stores_aws``."""

from __future__ import annotations

import hashlib
import io
import time
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
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.response import StreamingBody

from mtls_authorizer.stores.aws import AppConfigStore, S3Store, SsmStore
from mtls_authorizer.stores.store import Fetched, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://aws.example"
DENIED = (
    "the role lacks s3:GetObject, or kms:Decrypt with the object's key; or there is no such object, which S3 tells"
    " only to who has s3:ListBucket"
)
TIMED_OUT = "timed out (1 s to connect, 1 s to read); a function in a VPC needs a way there"
NO_CONNECTION = "no connection, or one that was closed without an answer"
NO_CREDENTIALS = "no AWS credentials; on Lambda they are those of the function's role"
ENDED_EARLY = "the answer ended early"


class Client:
    """One of boto3's clients, whose calls do, one after the other, what a test has written down."""

    def __init__(self, *steps: dict[str, Any] | Exception) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._steps = list(steps)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: object) -> dict[str, Any]:
            self.calls.append((operation, arguments))
            step = self._steps.pop(0)
            if isinstance(step, Exception):
                raise step
            return step

        return call


def refused(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refused("NoSuchKey", 404), "NoSuchKey (HTTP status 404): there is no such object"),
        (refused("NoSuchBucket", 404), "NoSuchBucket (HTTP status 404): there is no such bucket"),
        (refused("PermanentRedirect", 301), "PermanentRedirect (HTTP status 301): the bucket is in another region"),
        (refused("InvalidObjectState", 403), "InvalidObjectState (HTTP status 403): the object is archived"),
        (refused("SlowDown", 503), "SlowDown (HTTP status 503): asked too often"),
        (refused("ThrottlingException"), "ThrottlingException (HTTP status 400): asked too often"),
        (refused("AccessDenied"), f"AccessDenied (HTTP status 400): {DENIED}"),
        (refused("AccessDeniedException"), f"AccessDeniedException (HTTP status 400): {DENIED}"),
        (refused("403", 403), f"403 (HTTP status 403): {DENIED}"),
        (refused("InternalError", 500), "InternalError (HTTP status 500)"),
        (refused("a code with spaces", 418), "an error without a code (HTTP status 418)"),
        (ConnectTimeoutError(endpoint_url=URL), TIMED_OUT),
        (ReadTimeoutError(endpoint_url=URL), TIMED_OUT),
        (EndpointConnectionError(endpoint_url=URL), NO_CONNECTION),
        (ConnectionClosedError(endpoint_url=URL), NO_CONNECTION),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), ENDED_EARLY),
        (ResponseStreamingError(error="topsecret"), ENDED_EARLY),
        (FlexibleChecksumError(error_msg="topsecret"), "what arrived is not what its checksum says"),
        (NoCredentialsError(), NO_CREDENTIALS),
        (PartialCredentialsError(provider="env", cred_var="topsecret"), NO_CREDENTIALS),
        (CredentialRetrievalError(provider="env", error_msg="topsecret"), NO_CREDENTIALS),
        (KeyError("topsecret"), "no answer that can be read (KeyError)"),
    ],
)
def test_whatever_goes_wrong_is_told_with_what_may_be_done(error: Exception, told: str) -> None:
    with pytest.raises(StoreError) as failure:
        S3Store("s3://bucket/key", Client(error), ("bucket", "key"), 100).fetch(None)
    assert str(failure.value) == f"s3://bucket/key: {told}"


@pytest.mark.parametrize(
    "code",
    [
        *("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidSignatureException"),
        *("SignatureDoesNotMatch", "UnrecognizedClientException"),
    ],
)
def test_credentials_that_are_not_valid_are_told_whatever_the_service_calls_it(code: str) -> None:
    test_whatever_goes_wrong_is_told_with_what_may_be_done(
        refused(code, 403), f"{code} (HTTP status 403): the credentials are not valid"
    )


def test_the_versions_of_several_parameters_are_told_apart() -> None:
    made = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    parameters = [
        {"Name": "/b", "Version": 12, "LastModifiedDate": made, "Value": "two"},
        {"Name": "/a", "Version": 1, "LastModifiedDate": made, "Value": "one"},
    ]
    store = SsmStore("ssm:///a,/b", Client({"Parameters": parameters}), ("/a", "/b"), 100)
    assert store.fetch(None) == Fetched(b"onetwo", "1@2026-01-02T03:04:05+00:00,12@2026-01-02T03:04:05+00:00")


STARTED = {"InitialConfigurationToken": "first"}


def delivered(content: bytes, token: str = "next", **more: str) -> dict[str, Any]:  # noqa: S107 -- not a password
    body = StreamingBody(io.BytesIO(content), len(content))
    return {"Configuration": body, "NextPollConfigurationToken": token, "NextPollIntervalInSeconds": 15, **more}


def configuration_of(client: Client) -> AppConfigStore:
    return AppConfigStore("appconfig://a/e/p", client, ("a", "e", "p"), 100)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass only when a test says so."""

    def pass_to(seconds: float) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: seconds)

    pass_to(1000.0)
    return pass_to


def test_a_configuration_is_asked_for_again_as_soon_as_its_interval_is_over(passed: Callable[[float], None]) -> None:
    client = Client(STARTED, delivered(b"one"), delivered(b"", "last"))
    store = configuration_of(client)
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
    passed(1014.9)
    assert store.fetch(version) is None
    assert client.calls == calls
    passed(1015.0)
    assert store.fetch(version) is None
    assert client.calls == [*calls, ("get_latest_configuration", {"ConfigurationToken": "next"})]


def test_a_configuration_with_a_label_has_it_in_its_version() -> None:
    fetched = configuration_of(Client(STARTED, delivered(b"one", VersionLabel="v1"))).fetch(None)
    assert fetched == Fetched(b"one", "v1 sha256:" + hashlib.sha256(b"one").hexdigest())


@pytest.mark.parametrize(
    ("code", "told"),
    [("BadRequestException", None), ("InternalServerException", "InternalServerException (HTTP status 400)")],
)
def test_only_a_token_that_is_not_taken_starts_a_new_session_at_once(
    passed: Callable[[float], None], code: str, told: str | None
) -> None:
    client = Client(STARTED, delivered(b"one"), refused(code), STARTED, delivered(b"two"))
    store = configuration_of(client)
    first = store.fetch(None)
    assert first
    passed(1015.0)
    if told is None:
        second = store.fetch(first.version)
        assert second
        assert second.content == b"two"
    else:
        with pytest.raises(StoreError) as failure:
            store.fetch(first.version)
        assert str(failure.value) == f"appconfig://a/e/p: {told}"
        assert [operation for operation, _arguments in client.calls].count("start_configuration_session") == 1
