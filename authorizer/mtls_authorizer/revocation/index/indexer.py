"""The indexer: a Lambda function that S3 invokes when a CRL is uploaded.

It verifies the CRL and writes its index beside it, under the key of the CRL and ``.index``. The index is written
completely or not at all, and replaces only the one that was read: of two concurrent runs, the one that would replace a
newer index starts again.

``TRUSTSTORE_URI``, ``CRL_MAX_AGE_SECONDS`` and ``S3_BUCKET_OWNER`` have the same values as for the authorizer. The
function needs ``s3:GetObject`` for CRLs and indexes, ``s3:PutObject`` for indexes, and ``s3:ListBucket``, without which
S3 does not tell that there is no index yet.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from urllib.parse import unquote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from mtls_authorizer.revocation.crl.size_limit import MAX_CRL_BYTES
from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX, index_crl
from mtls_authorizer.revocation.truststore import MAX_TRUSTSTORE_BYTES, read_truststore
from mtls_authorizer.stores.bucket_owner import VARIABLE, parse_bucket_owner, warn_of_unverified_owner
from mtls_authorizer.stores.opener import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3 import S3Client

    from mtls_authorizer.revocation.index.indexing import Indexing
    from mtls_authorizer.revocation.truststore import Truststore

logger = logging.getLogger("mtls_authorizer")
if not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
    # No level was chosen, and the default of Python, WARNING, would suppress the records of indexed CRLs.
    logger.setLevel(logging.INFO)

_CLIENT = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

# For the case that another run writes the index in between. After that, Lambda retries the event later.
_ATTEMPTS = 3


class IndexingError(Exception):
    """A CRL could not be indexed. The message names each object and the cause."""


class _Owner(TypedDict, total=False):
    """The argument of requests to S3 that makes it verify the owner of the bucket; empty if it should not."""

    ExpectedBucketOwner: str


class _Crl(NamedTuple):
    """A CRL in S3, and the place of its index."""

    bucket: str
    key: str
    owner: _Owner

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def index_key(self) -> str:
        return self.key + INDEX_SUFFIX


class _Found(NamedTuple):
    content: bytes
    etag: str


def handler(event: object, _context: object) -> None:
    """Index the CRLs that an event notification of S3 names. A failure of one does not affect the others.

    Raises IndexingError if any failed, so that Lambda counts an error and retries; S3 is left unchanged. Raises
    StoreError and ValueError for the truststore and the environment.
    """
    owner = _owner(os.environ)
    crls = list(_uploaded(event, owner))
    if not crls:
        return
    truststore = _truststore(os.environ, owner)
    max_age = _max_age(os.environ)
    client = boto3.client("s3", region_name=os.environ.get("AWS_REGION"), config=_CLIENT)
    failures = []
    for crl in crls:
        try:
            _log(crl, _index(client, crl, truststore, max_age))
        except Exception as error:
            logger.exception("no index", extra={"crl": crl.uri})
            failures.append(f"{crl.uri}: {error or type(error).__name__}")
    if failures:
        raise IndexingError("; ".join(failures))


def _uploaded(event: object, owner: _Owner) -> Iterator[_Crl]:
    """Yield the CRLs of an event. Raises ValueError if it is not an event notification of S3.

    Indexes are skipped, or each would cause another. Keys are encoded as in HTML forms.
    """
    match event:
        case {"Event": "s3:TestEvent"}:
            return
        case {"Records": [*records]}:
            pass
        case _:
            message = "the event is not an event notification of S3: it has no Records"
            raise ValueError(message)
    for record in records:
        match record:
            case {"eventName": str(name), "s3": {"bucket": {"name": str(bucket)}, "object": {"key": str(encoded)}}}:
                key = unquote_plus(encoded)
                if name.startswith("ObjectCreated:") and not key.endswith(INDEX_SUFFIX):
                    yield _Crl(bucket, key, owner)
            case _:
                message = "the event is not an event notification of S3: a record has no eventName, bucket or key"
                raise ValueError(message)


def _owner(environment: Mapping[str, str]) -> _Owner:
    if VARIABLE not in environment:
        warn_of_unverified_owner()
        return {}
    try:
        return {"ExpectedBucketOwner": parse_bucket_owner(environment[VARIABLE])}
    except ValueError as error:
        message = f"{VARIABLE} {error}"
        raise ValueError(message) from None


def _truststore(environment: Mapping[str, str], owner: _Owner) -> Truststore:
    uri = environment.get("TRUSTSTORE_URI")
    if not uri:
        message = "TRUSTSTORE_URI is not set: name the PEM bundle of the API's custom domain, such as s3://bucket/key"
        raise ValueError(message)
    fetched = open_store(uri, max_bytes=MAX_TRUSTSTORE_BYTES, bucket_owner=owner.get("ExpectedBucketOwner")).fetch(None)
    assert fetched is not None  # noqa: S101 -- None is returned only for a version
    return read_truststore(fetched.content)


def _max_age(environment: Mapping[str, str]) -> timedelta:
    value = environment.get("CRL_MAX_AGE_SECONDS", "0")
    if not (value.isascii() and value.isdecimal()):
        message = f"CRL_MAX_AGE_SECONDS is {value!r}: write a whole number of seconds, 0 or more"
        raise ValueError(message)
    return timedelta(seconds=int(value))


def _index(client: S3Client, crl: _Crl, truststore: Truststore, max_age: timedelta) -> Indexing:
    for attempt in range(1, _ATTEMPTS + 1):
        # The index first: a CRL that is read after it is at least as new, unless somebody stored an older one.
        existing = _get(client, crl, crl.index_key)
        uploaded = _get(client, crl, crl.key)
        if uploaded is None:
            message = "it no longer exists"
            raise IndexingError(message)
        indexing = index_crl(
            uploaded.content,
            truststore,
            datetime.now(UTC),
            existing=existing and existing.content,
            max_age=max_age,
            source_version=uploaded.etag,
        )
        if indexing.new_index is not None and not _put(client, crl, indexing.new_index, existing):
            logger.info("index written by another run", extra={"crl": crl.uri, "attempt": attempt})
        elif _is_current(client, crl, uploaded):
            return indexing
        else:
            logger.info("CRL replaced while it was indexed", extra={"crl": crl.uri, "attempt": attempt})
    message = f"other runs have written the index, or the CRL was replaced, {_ATTEMPTS} times in the meantime"
    raise IndexingError(message)


def _get(client: S3Client, crl: _Crl, key: str) -> _Found | None:
    """Return an object; None if it does not exist. Raises ClientError, BotoCoreError and IndexingError."""
    try:
        response = client.get_object(Bucket=crl.bucket, Key=key, **crl.owner)
    except client.exceptions.NoSuchKey:
        return None
    length = response["ContentLength"]
    if length > MAX_CRL_BYTES:
        response["Body"].close()
        message = f"{key} has {length:,} bytes; at most {MAX_CRL_BYTES:,} are supported"
        raise IndexingError(message)
    # botocore raises if the body is shorter than its length.
    return _Found(response["Body"].read(), response["ETag"])


def _is_current(client: S3Client, crl: _Crl, indexed: _Found) -> bool:
    """Return whether the CRL that was indexed is still the stored one. Raises ClientError and BotoCoreError.

    The event of a CRL that was stored in the meantime may have been handled before this run wrote its index.
    """
    return client.head_object(Bucket=crl.bucket, Key=crl.key, **crl.owner)["ETag"] == indexed.etag


def _put(client: S3Client, crl: _Crl, index: bytes, existing: _Found | None) -> bool:
    """Write an index in place of the one that was read, if any. Return False if the place has changed since."""
    put = partial(
        client.put_object,
        Bucket=crl.bucket,
        Key=crl.index_key,
        Body=index,
        ContentType="application/octet-stream",
        **crl.owner,
    )
    try:
        if existing is None:
            put(IfNoneMatch="*")
        else:
            put(IfMatch=existing.etag)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}:
            return False
        raise
    return True


def _log(crl: _Crl, indexing: Indexing) -> None:
    revocation_list = indexing.revocation_list
    logger.info(
        "indexed" if indexing.new_index is not None else "indexed already",
        extra={
            "crl": crl.uri,
            "crl_number": None if revocation_list.number is None else f"{revocation_list.number:X}",
            "this_update": revocation_list.this_update.isoformat(),
            "next_update": revocation_list.next_update and revocation_list.next_update.isoformat(),
            "crl_sha256": revocation_list.digest,
            "index_bytes": indexing.new_index and len(indexing.new_index),
        },
    )
