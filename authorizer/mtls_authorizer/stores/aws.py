"""The common parts of the stores in AWS: clients, the translation of errors, and reading an answer up to a limit.

Importing this module imports boto3.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.utils import parse_timestamp

from mtls_authorizer.clock import elapsed_seconds
from mtls_authorizer.stores.store import StoreError, Timeouts, too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.response import StreamingBody

AwsClient: TypeAlias = Any
"""A client of boto3. Its class is created at run time."""

_LOGGABLE_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HINTS = {
    "NoSuchKey": "there is no such object",
    "NoSuchBucket": "there is no such bucket",
    "PermanentRedirect": "the bucket is in another region",
    "InvalidObjectState": "the object is archived",
    "ResourceNotFoundException": "AWS_REGION has no such application, environment or profile, or nothing is deployed",
    "RequestTimeTooSkewed": "the clock of this system is wrong",
    "SlowDown": "too many requests",
    "ThrottlingException": "too many requests",
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidSignatureException",
            "InvalidToken",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        "the credentials are not valid",
    ),
}
_DENIED = ("AccessDenied", "AccessDeniedException")
_ABSENT = ("NoSuchKey", *_DENIED)

_MAX_IDLE_SECONDS = 5.0
"""A client that was idle for longer closes its connections. While Lambda freezes the function, servers and NAT gateways
close them without its notice: its next requests would fail, and be repeated after up to a second, or time out."""

_TIMED_OUT = (ConnectTimeoutError, ReadTimeoutError)

# The first match is used. ConnectTimeoutError and SSLError are ConnectionErrors, too, but are handled before.
_FAILURES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((SSLError,), "TLS failed; behind a proxy that inspects TLS, name a file with its CA in AWS_CA_BUNDLE"),
    ((NoConnectionError, ConnectionClosedError), "no connection, or it was closed without a response"),
    ((IncompleteReadError, ResponseStreamingError), "the response ended early"),
    ((FlexibleChecksumError,), "the content does not match its checksum"),
    (
        (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError),
        "no AWS credentials; on Lambda, the role of the function provides them",
    ),
    ((ProfileNotFound,), "the profile in AWS_PROFILE does not exist"),
    ((SSOError, TokenRetrievalError), "there is no SSO session, or it has expired: aws sso login"),
    ((InvalidRegionError,), "AWS_REGION is not the name of a region"),
)


def aws_client(uri: str, service: str, timeouts: Timeouts) -> AwsClient:
    """Return the client of a service; all stores with the same timeouts share it.

    Raises StoreError, for the document of this URI, if there is no region or no client can be created.
    """
    with store_errors(uri, timeouts):
        if not session().region_name:
            raise StoreError(uri, "no AWS region; Lambda sets AWS_REGION, elsewhere set it yourself")
        return shared_client(service, timeouts)


@cache
def session() -> boto3.session.Session:
    """Return the session of all clients. It is cached: creating one takes long."""
    core = botocore.session.get_session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_time)
    # boto3 itself reads AWS_DEFAULT_REGION only. An empty variable is none.
    return boto3.session.Session(botocore_session=core, region_name=os.environ.get("AWS_REGION") or None)


def _parse_time(value: Any) -> datetime:  # noqa: ANN401 -- botocore passes what the service sent
    """Return the time in a response. dateutil, which botocore uses, would take 50 µs for each object of a listing."""
    if isinstance(value, str) and value.endswith("Z"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    parsed: datetime = parse_timestamp(value)
    return parsed


@cache
def shared_client(service: str, timeouts: Timeouts, region: str | None = None) -> AwsClient:
    """Return a client of the session, by default in its region. It is cached, too, and safe to use from threads."""
    config = Config(
        connect_timeout=timeouts.connect_seconds,
        read_timeout=timeouts.read_seconds,
        retries={"mode": "standard", "total_max_attempts": timeouts.tries},
    )
    name: Any = service
    created = session().client(name, region_name=region, config=config)
    # This event precedes each try.
    created.meta.events.register("request-created", _idle_closer(created))
    return created


def _idle_closer(client: AwsClient, clock: Callable[[], float] = elapsed_seconds) -> Callable[..., None]:
    """Return a handler of the requests of a client, which closes its connections if they were idle for too long."""
    lock = Lock()  # so that no request is sent over a connection that another one closes
    used_at = clock()

    def close_if_idle(**_event: object) -> None:
        nonlocal used_at
        with lock:
            idle_seconds, used_at = clock() - used_at, clock()
            if idle_seconds > _MAX_IDLE_SECONDS:
                client.close()

    return close_if_idle


def read_body(body: StreamingBody, uri: str, max_bytes: int) -> bytes:
    """Read a body to its end, where botocore compares its length and checksum. Raises StoreError if it is too large."""
    content: bytes = body.read(max_bytes + 1)
    if len(content) > max_bytes or body.read(1):
        raise too_large(uri, max_bytes)
    return content


@contextmanager
def store_errors(uri: str, timeouts: Timeouts, denied: str = "") -> Iterator[None]:
    """Turn every exception into a StoreError that names its kind and code: AWS's own messages may quote the request.

    ``denied`` explains a denied request: the permissions that may be missing.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 -- botocore also raises errors of parsers and other libraries
        is_absence = isinstance(error, ClientError) and error_code(error) in _ABSENT
        raise StoreError(uri, _describe(error, timeouts, denied), is_absence=is_absence) from None


def error_code(error: ClientError) -> str:
    """Return the code of an error, if it can be logged."""
    code = str(error.response["Error"].get("Code"))
    return code if _LOGGABLE_CODE.fullmatch(code) else "an error without a code"


def http_status(error: ClientError) -> int:
    """Return the HTTP status of an error."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _describe(error: Exception, timeouts: Timeouts, denied: str) -> str:
    if isinstance(error, ClientError):
        code, status = error_code(error), http_status(error)
        hint = _HINTS.get(code, denied if code in _DENIED or status == HTTPStatus.FORBIDDEN else None)
        return f"{code} (HTTP status {status})" + (f": {hint}" if hint else "")
    if isinstance(error, _TIMED_OUT):
        limits = f"{timeouts.connect_seconds:g} s to connect, {timeouts.read_seconds:g} s to read"
        return f"timed out ({limits}); a function in a VPC needs a route to the service"
    for types, description in _FAILURES:
        if isinstance(error, types):
            return description
    if isinstance(error, BotoCoreError):
        # Its kinds that are about responses are described above.
        return f"AWS cannot be called: check the AWS configuration ({type(error).__name__})"
    return f"unreadable response ({type(error).__name__})"
