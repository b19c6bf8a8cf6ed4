"""Opening the store that a URI names. boto3 is imported when a store in AWS is opened, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtls_authorizer.stores.store import DEFAULT_TIMEOUTS, Prefix, Store, StoreError, Timeouts
from mtls_authorizer.stores.uri import Scheme, parse_prefix, parse_uri

if TYPE_CHECKING:
    from mtls_authorizer.stores.aws import AwsClient


class StoreOpener(Protocol):
    """``open_store``, or a function that takes its place."""

    def __call__(self, uri: str, *, max_bytes: int) -> Store:
        """Open the store that a URI names."""


class PrefixOpener(Protocol):
    """``open_prefix``, or a function that takes its place."""

    def __call__(self, uri: str) -> Prefix:
        """Open the prefix that a URI names."""


def open_store(
    uri: str,
    *,
    max_bytes: int,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    bucket_owner: str | None,
) -> Store:
    """Open the store that a URI names. The document is requested by ``fetch``.

    A document of more than ``max_bytes`` will be a StoreError, and is not read to its end. ``bucket_owner`` is the ID
    of the account that must own the bucket of an object in S3; None if it is not verified. It has no default, so that
    the owner is not left unverified by omission.

    Raises ValueError for a URI that ``parse_uri`` rejects, and StoreError if boto3, a region or a usable AWS
    configuration is missing. The first call for an AWS service creates a client: make it at start-up, from one thread.
    """
    scheme, parts = parse_uri(uri)
    if scheme is Scheme.FILE:
        from mtls_authorizer.stores.file import FileStore  # noqa: PLC0415 -- as below, only the store that is needed

        return FileStore(uri, parts, max_bytes)
    client = _open_client(uri, _SERVICES[scheme], timeouts)
    if scheme is Scheme.S3:
        from mtls_authorizer.stores.s3 import S3Store  # noqa: PLC0415 -- likewise

        return S3Store(uri, client, parts, max_bytes, timeouts, bucket_owner=bucket_owner)
    if scheme is Scheme.SSM:
        from mtls_authorizer.stores.ssm import SsmStore  # noqa: PLC0415 -- likewise

        return SsmStore(uri, client, parts, max_bytes, timeouts)
    from mtls_authorizer.stores.appconfig import AppConfigStore  # noqa: PLC0415 -- likewise

    return AppConfigStore(uri, client, parts, max_bytes, timeouts)


def open_prefix(uri: str, *, timeouts: Timeouts = DEFAULT_TIMEOUTS, bucket_owner: str | None) -> Prefix:
    """Open the prefix that a URI names: of keys in S3, or a folder of files. Like ``open_store``."""
    scheme, parts = parse_prefix(uri)
    if scheme is Scheme.FILE:
        from mtls_authorizer.stores.file import FilePrefix  # noqa: PLC0415 -- likewise

        return FilePrefix(parts)
    client = _open_client(uri, _SERVICES[scheme], timeouts)
    from mtls_authorizer.stores.s3 import S3Prefix  # noqa: PLC0415 -- likewise

    return S3Prefix(uri, client, parts, timeouts, bucket_owner=bucket_owner)


_SERVICES = {Scheme.S3: "s3", Scheme.SSM: "ssm", Scheme.APPCONFIG: "appconfigdata"}


def _open_client(uri: str, service: str, timeouts: Timeouts) -> AwsClient:
    try:
        from mtls_authorizer.stores.aws import aws_client  # noqa: PLC0415 -- imports boto3, which takes half a second
    except ModuleNotFoundError as error:
        problem = f"there is no module {error.name}. The Lambda runtimes contain it; elsewhere, install boto3"
        raise StoreError(uri, problem) from None
    return aws_client(uri, service, timeouts)
