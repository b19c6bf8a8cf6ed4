"""Documents in Amazon S3, written on the condition that the object is still the one that was read."""

from __future__ import annotations

import time
from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer.stores.aws import http_status
from mtls_authorizer_cli.aws import aws_errors, make_client
from mtls_authorizer_cli.documents.document import (
    MOST_ATTEMPTS,
    StoredDocument,
    Written,
    decode,
    too_many_conflicts,
    wait_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_DENIED = (
    "you lack s3:GetObject or s3:PutObject for the object, s3:GetObjectTagging and s3:PutObjectTagging if it has tags, "
    "or kms:Decrypt and kms:GenerateDataKey for its key; or the object does not exist, or the bucket is not owned by "
    "the account in S3_BUCKET_OWNER"
)
_KEPT = (
    *("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata"),
    *("BucketKeyEnabled", "SSEKMSKeyId", "ServerSideEncryption", "StorageClass", "WebsiteRedirectLocation"),
)
"""The properties of an object that are written again: PutObject replaces all of them."""
_CONFLICTS = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT)


class S3Document:
    """A document in S3, with its properties and tags. Its version is its ETag."""

    def __init__(
        self,
        uri: str,
        parts: Sequence[str],
        bucket_owner: str | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._uri = uri
        bucket, key = parts
        self._object = {"Bucket": bucket, "Key": key}
        if bucket_owner is not None:
            self._object["ExpectedBucketOwner"] = bucket_owner
        self._client = make_client("s3")
        self._sleep = sleep

    def read(self) -> StoredDocument:
        """Return the document. Raises CommandError."""
        return self._read()[0]

    def update(self, read: StoredDocument, edit: Callable[[str], str]) -> Written:
        """Change the document. Raises CommandError."""
        for attempt in range(MOST_ATTEMPTS):
            current, properties = self._read()
            text = edit(current.text)
            merged = current.version != read.version
            if text == current.text:
                return Written(current, current.text, merged)
            version = self._write(text, current.version, properties)
            if version is not None:
                return Written(current._replace(text=text, version=version), current.text, merged)
            self._sleep(wait_seconds(attempt))
        raise too_many_conflicts(self._uri)

    def _read(self) -> tuple[StoredDocument, dict[str, Any]]:
        with aws_errors(self._uri, {}, _DENIED):
            answer = self._client.get_object(**self._object)
            with closing(answer["Body"]) as body:
                content = body.read(LARGEST_DOCUMENT + 1)
            etag = answer["ETag"]
            properties = {name: answer[name] for name in _KEPT if answer.get(name)}
            if answer.get("TagCount"):
                tags = self._client.get_object_tagging(**self._object)["TagSet"]
                properties["Tagging"] = urlencode({tag["Key"]: tag["Value"] for tag in tags})
        return StoredDocument(self._uri, decode(content, self._uri), etag), properties

    def _write(self, text: str, etag: str, properties: Mapping[str, Any]) -> str | None:
        """Replace the object with this ETag, and return the new ETag; None if there is another object."""
        with aws_errors(self._uri, {}, _DENIED):
            try:
                answer = self._client.put_object(**self._object, **properties, Body=text.encode(), IfMatch=etag)
                return str(answer["ETag"])
            except ClientError as error:
                if http_status(error) in _CONFLICTS:
                    return None
                raise
