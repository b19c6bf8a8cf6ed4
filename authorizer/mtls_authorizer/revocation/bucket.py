"""Objects in a bucket that are read, and replaced only if nobody else has written them in the meantime.

For the functions that write CRLs and indexes. What the authorizer reads is in ``stores.s3``, which never writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.stores.aws import shared_client
from mtls_authorizer.stores.bucket_owner import expected_owner
from mtls_authorizer.stores.store import Timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

TIMEOUTS = Timeouts(connect_seconds=2, read_seconds=10, tries=3)

_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}


class BucketError(Exception):
    """An object cannot be used. The message names it and the cause."""


class StoredObject(NamedTuple):
    """An object as it was read."""

    content: bytes
    etag: str
    metadata: Mapping[str, str]


class Bucket:
    """A bucket of an account. All methods raise ClientError and BotoCoreError.

    ``owner`` is the ID of the account that must own it; None if it is not verified.
    """

    def __init__(self, name: str, owner: str | None) -> None:
        self.name = name
        self._client: S3Client = shared_client("s3", TIMEOUTS)
        self._owner: dict[str, Any] = expected_owner(owner)

    def uri(self, key: str) -> str:
        """Return the URI of an object."""
        return f"s3://{self.name}/{key}"

    def get(self, key: str, *, max_bytes: int) -> StoredObject | None:
        """Return an object; None if it does not exist. Raises BucketError for one of more than ``max_bytes``."""
        try:
            response = self._client.get_object(Bucket=self.name, Key=key, **self._owner)
        except self._client.exceptions.NoSuchKey:
            return None
        length = response["ContentLength"]
        if length > max_bytes:
            response["Body"].close()
            message = f"{key} has {length:,} bytes; at most {max_bytes:,} are supported"
            raise BucketError(message)
        # botocore raises if the body is shorter than its length.
        return StoredObject(response["Body"].read(), response["ETag"], response["Metadata"])

    def etag(self, key: str) -> str:
        """Return the ETag of an object."""
        return self._client.head_object(Bucket=self.name, Key=key, **self._owner)["ETag"]

    def replace(
        self,
        key: str,
        content: bytes,
        etag: str | None,
        *,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        """Write an object in place of the one with an ETag, or of none. Return False if that is not stored any more."""
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._client.put_object(
                Bucket=self.name,
                Key=key,
                Body=content,
                ContentType="application/octet-stream",
                Metadata=metadata or {},
                **condition,
                **self._owner,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _CHANGED:
                return False
            raise
        return True
