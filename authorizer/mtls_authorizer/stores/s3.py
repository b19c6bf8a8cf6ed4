"""Documents in Amazon S3, and listings of them."""

from __future__ import annotations

from contextlib import closing
from http import HTTPStatus

from botocore.exceptions import ClientError

from mtls_authorizer.stores.aws import http_status, read_body, store_errors
from mtls_authorizer.stores.bucket_owner import OWNER_VARIABLE, expected_owner
from mtls_authorizer.stores.store import (
    MAX_LISTED,
    Fetched,
    Listed,
    StoreError,
    Timeouts,
    too_large,
    too_many,
)
from mtls_authorizer.stores.uri import names_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from mtls_authorizer.stores.aws import AwsClient

_DENIED = (
    "missing permission: s3:GetObject, or kms:Decrypt with the key of the object; or the object does not exist, which "
    "S3 tells only to those with s3:ListBucket"
)
_LISTING_DENIED = "missing permission: s3:ListBucket for this prefix"


class S3Store:
    """An object in S3. Its version is its ETag; requests are conditional on a change of it (RFC 9110 §13.1.2).

    ``bucket_owner`` is the ID of the account that must own the bucket; None if it is not verified.
    """

    def __init__(  # noqa: PLR0913 -- as all stores, and the owner
        self,
        uri: str,
        client: AwsClient,
        parts: Sequence[str],
        max_bytes: int,
        timeouts: Timeouts,
        *,
        bucket_owner: str | None,
    ) -> None:
        self.uri = uri
        self._client = client
        bucket, key = parts
        self._object = {"Bucket": bucket, "Key": key, **expected_owner(bucket_owner)}
        self._denied = _DENIED + _wrong_owner(bucket_owner)
        self._max_bytes = max_bytes
        self._timeouts = timeouts

    def fetch(self, version: str | None, /) -> Fetched | None:
        """Return the object, or None if its ETag is that of a version. Raises StoreError."""
        condition = {} if version is None else {"IfNoneMatch": version}
        with store_errors(self.uri, self._timeouts, self._denied):
            try:
                answer = self._client.get_object(**self._object, **condition)
            except ClientError as error:
                if condition and http_status(error) == HTTPStatus.NOT_MODIFIED:
                    return None
                raise
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > self._max_bytes:
                    raise too_large(self.uri, self._max_bytes)
                return Fetched(read_body(body, self.uri, self._max_bytes), answer["ETag"])

    def reset(self) -> None:
        """Close the connections. S3 itself compares versions, and the store keeps none."""
        self._client.close()


class S3Prefix:
    """The objects of a bucket whose keys begin with a prefix. The version of an object is its ETag.

    ``bucket_owner`` is as for S3Store.
    """

    def __init__(
        self,
        uri: str,
        client: AwsClient,
        parts: Sequence[str],
        timeouts: Timeouts,
        *,
        bucket_owner: str | None,
    ) -> None:
        self.uri = uri
        self._client = client
        self._bucket, prefix = parts
        self._request = {"Bucket": self._bucket, "Prefix": prefix, **expected_owner(bucket_owner)}
        self._denied = _LISTING_DENIED + _wrong_owner(bucket_owner)
        self._timeouts = timeouts

    def documents(self, suffixes: tuple[str, ...]) -> dict[str, Listed]:
        """Return the objects with one of these suffixes, from all pages of the listing. Raises StoreError."""
        found: dict[str, Listed] = {}
        count = 0
        with store_errors(self.uri, self._timeouts, self._denied):
            for contents in self._pages():
                count += len(contents) or 1  # so that a listing without an end is too large
                if count > MAX_LISTED:
                    raise too_many(self.uri, MAX_LISTED)
                for each in contents:
                    uri = f"s3://{self._bucket}/{each['Key']}"
                    if uri.startswith(self.uri) and uri.endswith(suffixes) and names_document(uri):
                        found[uri] = Listed(uri.rpartition("/")[2], each["ETag"], each["Size"])
        return found

    def reset(self) -> None:
        """Close the connections."""
        self._client.close()

    def _pages(self) -> Iterator[list[Any]]:
        """Yield the objects page by page. Raises StoreError, KeyError and what botocore raises."""
        # Not with botocore's paginator, for which a page without a token, such as an empty answer, is the last one.
        token: dict[str, str] = {}
        while True:
            page = self._client.list_objects_v2(**self._request, **token)
            contents = page.get("Contents", [])
            if page["KeyCount"] != len(contents):
                raise StoreError(self.uri, "a page of the listing is incomplete")
            yield contents
            if not page["IsTruncated"]:
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}


def _wrong_owner(bucket_owner: str | None) -> str:
    """Return another cause of a denied request."""
    if bucket_owner is None:
        return ""
    return f"; or the bucket does not belong to the account {bucket_owner} ({OWNER_VARIABLE})"
