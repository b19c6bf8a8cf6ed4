"""Documents in Amazon S3."""

from __future__ import annotations

from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mtls_authorizer.stores.aws import http_status, read_body, store_errors
from mtls_authorizer.stores.bucket_owner import VARIABLE
from mtls_authorizer.stores.store import DEFAULT_TIMEOUTS, Fetched, StoreError, Timeouts, too_large

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mtls_authorizer.stores.aws import AwsClient

_DENIED = (
    "the role lacks s3:GetObject, or kms:Decrypt with the key of the object; or the object does not exist, which S3"
    " tells only to roles with s3:ListBucket"
)
_WRONG_OWNER = "; or the bucket does not belong to the account {} ({})"


class S3Store:
    """An object in S3. Its version is its ETag; requests are conditional on a change of it (RFC 9110 §13.1).

    ``bucket_owner`` is the ID of the account that must own the bucket; None if it is not verified.
    """

    def __init__(  # noqa: PLR0913 -- as all stores, and the owner
        self,
        uri: str,
        client: AwsClient,
        parts: Sequence[str],
        max_bytes: int,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        *,
        bucket_owner: str | None = None,
    ) -> None:
        self.uri = uri
        self._client = client
        bucket, key = parts
        self._object = {"Bucket": bucket, "Key": key}
        self._denied = _DENIED
        if bucket_owner is not None:
            self._object["ExpectedBucketOwner"] = bucket_owner
            self._denied += _WRONG_OWNER.format(bucket_owner, VARIABLE)
        self._max_bytes = max_bytes
        self._timeouts = timeouts

    def fetch(self, version: str | None, since: datetime | None = None, /) -> Fetched | None:
        """Return the object, or None if its ETag is that of a version. Raises StoreError.

        Without a version: None if it was not changed after ``since``, to the second.
        """
        condition: dict[str, Any] = {}
        if version is not None:
            condition["IfNoneMatch"] = version
        elif since is not None:
            condition["IfModifiedSince"] = since
        with store_errors(self.uri, self._timeouts, self._denied):
            try:
                answer = self._client.get_object(**self._object, **condition)
            except ClientError as error:
                if condition and http_status(error) == HTTPStatus.NOT_MODIFIED:
                    return None
                raise
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > self._max_bytes:
                    raise StoreError(self.uri, too_large(self._max_bytes))
                return Fetched(read_body(body, self.uri, self._max_bytes), answer["ETag"], answer["LastModified"])

    def reset(self) -> None:
        """Do nothing: S3 itself compares versions and dates, and the store keeps none."""
