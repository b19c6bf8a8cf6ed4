"""The stores that AWS has: objects in S3, parameters of Systems Manager (SSM), configurations in AppConfig.

Importing this module imports boto3.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import closing, contextmanager
from datetime import UTC
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from mtls_authorizer.stores.store import Fetched, Scheme, Store, StoreError, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from botocore.response import StreamingBody

AwsClient: TypeAlias = Any
"""One of boto3's clients. Their classes are made at run time."""

CONNECT_SECONDS = 1
READ_SECONDS = 1  # for each part of an answer, as it arrives
TRIES = 2

# A session's calls may follow each other as fast as this, and AppConfig takes no less.
_LEAST_POLL_SECONDS = 15

_LOGGABLE_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HINTS = {
    "NoSuchKey": "there is no such object",
    "NoSuchBucket": "there is no such bucket",
    "PermanentRedirect": "the bucket is in another region",
    "InvalidObjectState": "the object is archived",
    "ResourceNotFoundException": "there is no such application, environment or profile, or nothing is deployed",
    "SlowDown": "asked too often",
    "ThrottlingException": "asked too often",
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        "the credentials are not valid",
    ),
}
_DENIED = ("AccessDenied", "AccessDeniedException")

# The first that fits counts: botocore's ConnectTimeoutError is a ConnectionError, too.
_FAILURES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (ConnectTimeoutError, ReadTimeoutError),
        f"timed out ({CONNECT_SECONDS} s to connect, {READ_SECONDS} s to read); a function in a VPC needs a way there",
    ),
    ((NoConnectionError, ConnectionClosedError), "no connection, or one that was closed without an answer"),
    ((IncompleteReadError, ResponseStreamingError), "the answer ended early"),
    ((FlexibleChecksumError,), "what arrived is not what its checksum says"),
    (
        (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError),
        "no AWS credentials; on Lambda they are those of the function's role",
    ),
    ((ProfileNotFound,), "there is no such profile as AWS_PROFILE names"),
)


def open_aws_store(uri: str, scheme: Scheme, location: Sequence[str], largest: int) -> Store:
    """Open the store that a URI names, which has been checked. Raises StoreError where no client can be made."""
    with _store_errors(uri):
        session = _session()
        if session.region_name is None:
            raise StoreError(uri, "no region to ask in; Lambda sets AWS_REGION, elsewhere it has to be set")
        client = _client(scheme)
    if scheme is Scheme.S3:
        return S3Store(uri, client, location, largest)
    if scheme is Scheme.SSM:
        return SsmStore(uri, client, location, largest)
    return AppConfigStore(uri, client, location, largest)


def forget_clients() -> None:
    """Make new clients for the stores that are opened from now on: what AWS they talk to is settled in a client."""
    _session.cache_clear()
    _client.cache_clear()


@cache
def _session() -> boto3.session.Session:
    # boto3 itself reads AWS_DEFAULT_REGION only.
    return boto3.session.Session(region_name=os.environ.get("AWS_REGION"))


@cache
def _client(scheme: Scheme) -> AwsClient:
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": TRIES},
    )
    service: Any = "appconfigdata" if scheme is Scheme.APPCONFIG else scheme.value
    return _session().client(service, config=config)


class S3Store:
    """An object in S3. Its version is its ETag, and it is asked for on the condition that this has changed."""

    def __init__(self, uri: str, client: AwsClient, location: Sequence[str], largest: int) -> None:
        self.uri = uri
        self._client = client
        self._bucket, self._key = location
        self._largest = largest

    def fetch(self, version: str | None, since: datetime | None = None) -> Fetched | None:
        """Return the object; None where its ETag is a version's (304, RFC 9110 §13.1.2). Raises StoreError.

        Without a version: None where it was not changed after ``since`` (§13.1.3), to the second.
        """
        condition: dict[str, Any] = {}
        if version is not None:
            condition["IfNoneMatch"] = version
        elif since is not None:
            condition["IfModifiedSince"] = since
        with _store_errors(
            self.uri,
            "the role lacks s3:GetObject, or kms:Decrypt with the object's key; or there is no such object, which S3"
            " tells only to who has s3:ListBucket",
        ):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key, **condition)
            except ClientError as error:
                if condition and _status(error) == HTTPStatus.NOT_MODIFIED:
                    return None
                raise
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > self._largest:
                    raise StoreError(self.uri, too_large(self._largest))
                return Fetched(_read(body, self.uri, self._largest), answer["ETag"], answer["LastModified"])


class SsmStore:
    """A document in one parameter, or cut into several that are joined in the order of the URI.

    SSM has no conditional read: the document is unchanged if the versions of all its parameters are. Several are not
    changed at once, so that old parts can be met beside new ones. No version tells such a document from one that was
    meant: its parser has to refuse it, and a document that still makes sense then has to be kept in S3.
    """

    def __init__(self, uri: str, client: AwsClient, location: Sequence[str], largest: int) -> None:
        self.uri = uri
        self._client = client
        self._names = location
        self._largest = largest

    def fetch(self, version: str | None) -> Fetched | None:
        """Return the parameters' values, joined; None where all have the versions that they had. Raises StoreError."""
        with _store_errors(self.uri, "the role lacks ssm:GetParameters, or kms:Decrypt with the key of a SecureString"):
            answer = self._client.get_parameters(Names=list(self._names), WithDecryption=True)
            found = {parameter["Name"]: parameter for parameter in answer["Parameters"]}
            missing = [name for name in self._names if name.partition(":")[0] not in found]
            if missing:
                raise StoreError(self.uri, f"there is no parameter {' and no '.join(missing)}")
            parts = [found[name.partition(":")[0]] for name in self._names]
            content = "".join(part["Value"] for part in parts).encode()
            current = ",".join(map(_parameter_version, parts))
        if len(content) > self._largest:
            raise StoreError(self.uri, too_large(self._largest))
        return None if current == version else Fetched(content, current)


def _parameter_version(parameter: Mapping[str, Any]) -> str:
    # With the time: a parameter that was deleted and made anew counts from 1 again.
    return f"{parameter['Version']}@{parameter['LastModifiedDate'].astimezone(UTC).isoformat()}"


class _Session(NamedTuple):
    """How a session of AppConfig Data stands: the token of its next call, what it delivered last, when to call next."""

    token: str
    delivered: str
    call_at: float


class AppConfigStore:
    """A configuration that AppConfig has deployed, without AppConfig's Lambda extension.

    AppConfig keeps in mind what it has delivered to a session, and delivers it once. A token is good for one call and
    for 24 hours. So a session goes on only from what its caller has, and whatever fails ends it.
    """

    def __init__(self, uri: str, client: AwsClient, location: Sequence[str], largest: int) -> None:
        self.uri = uri
        self._client = client
        self._application, self._environment, self._profile = location
        self._largest = largest
        self._session: _Session | None = None

    def fetch(self, version: str | None) -> Fetched | None:
        """Return the configuration; None where it is unchanged, or may not be asked for yet. Raises StoreError."""
        session, self._session = self._session, None
        with _store_errors(
            self.uri, "the role lacks appconfig:StartConfigurationSession or appconfig:GetLatestConfiguration"
        ):
            if session is not None and session.delivered == version:
                if time.monotonic() < session.call_at:
                    self._session = session
                    return None
                try:
                    return self._call(session.token, version)
                except ClientError as error:
                    if _code(error) != "BadRequestException":  # what a token that has expired gets
                        raise
            fetched = self._call(self._start(), None)
        return None if fetched is None or fetched.version == version else fetched

    def _start(self) -> str:
        answer = self._client.start_configuration_session(
            ApplicationIdentifier=self._application,
            EnvironmentIdentifier=self._environment,
            ConfigurationProfileIdentifier=self._profile,
            RequiredMinimumPollIntervalInSeconds=_LEAST_POLL_SECONDS,
        )
        token: str = answer["InitialConfigurationToken"]
        return token

    def _call(self, token: str, delivered: str | None) -> Fetched | None:
        """Return what a session delivers; None where that is nothing new."""
        answer = self._client.get_latest_configuration(ConfigurationToken=token)
        with closing(answer["Configuration"]) as body:
            content = _read(body, self.uri, self._largest)
        fetched = Fetched(content, _configuration_version(content, answer.get("VersionLabel"))) if content else None
        current = fetched.version if fetched else delivered
        if current is None:
            raise StoreError(self.uri, "AppConfig delivers an empty configuration")
        call_at = time.monotonic() + answer["NextPollIntervalInSeconds"]
        self._session = _Session(answer["NextPollConfigurationToken"], current, call_at)
        return fetched


def _configuration_version(content: bytes, label: str | None) -> str:
    # AppConfig gives a label only where the version was given one, and nothing else that tells versions apart.
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return f"{label} {digest}" if label else digest


def _read(body: StreamingBody, uri: str, largest: int) -> bytes:
    """Read a body to its end, where its length and its checksum are compared. Raises StoreError if it is too large."""
    content: bytes = body.read(largest + 1)
    if len(content) > largest or body.read(1):
        raise StoreError(uri, too_large(largest))
    return content


@contextmanager
def _store_errors(uri: str, denied: str = "") -> Iterator[None]:
    """Make a StoreError of whatever goes wrong, of its kind and code only: AWS's messages may quote the request."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 -- besides its own, botocore lets its parsers' and other libraries' through
        raise StoreError(uri, _describe(error, denied)) from None


def _describe(error: Exception, denied: str) -> str:
    if isinstance(error, ClientError):
        code, status = _code(error), _status(error)
        hint = _HINTS.get(code, denied if code in _DENIED or status == HTTPStatus.FORBIDDEN else None)
        return f"{code} (HTTP status {status})" + (f": {hint}" if hint else "")
    for types, description in _FAILURES:
        if isinstance(error, types):
            return description
    return f"no answer that can be read ({type(error).__name__})"


def _code(error: ClientError) -> str:
    code = str(error.response["Error"].get("Code"))
    return code if _LOGGABLE_CODE.fullmatch(code) else "an error without a code"


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
