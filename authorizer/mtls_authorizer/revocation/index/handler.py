"""The indexer: a Lambda function that S3 invokes when a CRL is uploaded.

It verifies the CRL and writes its index next to it, under the key of the CRL and ``.index``. The index is written
completely or not at all, and replaces only the one that was read: of two concurrent runs, the one that would replace a
newer index starts again.

``TRUSTSTORE_URI``, ``CRL_MAX_AGE_SECONDS`` and ``S3_BUCKET_OWNER`` have the same values as for the authorizer. The
function needs ``s3:GetObject`` for CRLs and indexes, ``s3:PutObject`` for indexes, and ``s3:ListBucket``, without which
S3 does not report that there is no index yet.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from mtls_authorizer.log import choose_level, get_logger
from mtls_authorizer.revocation.bucket import Bucket
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection
from mtls_authorizer.revocation.crl.size_limit import MAX_CRL_BYTES
from mtls_authorizer.revocation.function_environment import load_truststore, read_max_age, read_owner
from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX, index_crl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from mtls_authorizer.revocation.index.indexing import Indexing
    from mtls_authorizer.revocation.truststore.bundle import Truststore

logger = get_logger()
choose_level()

# In case another run writes the index in between. After these attempts, Lambda retries the event later.
_ATTEMPTS = 3


class IndexingError(Exception):
    """A CRL could not be indexed. The message names each object and the cause."""


def handler(event: object, _context: object) -> None:
    """Index the CRLs that an event notification of S3 names, except for delta CRLs.

    A failure of one does not affect the others.

    Raises IndexingError if any failed, so that Lambda counts an error and retries. The index of a CRL that was rejected
    is left unchanged. Raises StoreError and ValueError for the truststore and the environment.
    """
    owner = read_owner(os.environ)
    uploaded = list(_uploaded(event))
    if not uploaded:
        return
    truststore = load_truststore(os.environ, owner)
    max_age = read_max_age(os.environ)
    failures = []
    for bucket_name, key in uploaded:
        bucket = Bucket(bucket_name, owner)
        uri = bucket.uri(key)
        try:
            _log(uri, _index(bucket, key, truststore, max_age))
        except Exception as error:
            if isinstance(error, CrlError) and error.rejection is CrlRejection.DELTA:
                # Small, and the authorizer reads it without an index.
                logger.info("delta CRL not indexed", extra={"crl": uri})
                continue
            problem = str(error) or type(error).__name__
            fields = {"crl": uri, "error": problem, "error_type": type(error).__name__}
            # A traceback does not help the publisher of a CRL that was rejected.
            logger.exception("CRL not indexed", exc_info=not isinstance(error, CrlError), extra=fields)
            failures.append(f"{uri}: {problem}")
    if failures:
        raise IndexingError("; ".join(failures))


def _uploaded(event: object) -> Iterator[tuple[str, str]]:
    """Yield the bucket and the key of each CRL in an event. Raises ValueError if it is not an event notification of S3.

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
                    yield bucket, key
            case _:
                message = "the event is not an event notification of S3: a record has no eventName, bucket or key"
                raise ValueError(message)


def _index(bucket: Bucket, key: str, truststore: Truststore, max_age: timedelta) -> Indexing:
    index_key = key + INDEX_SUFFIX
    for attempt in range(1, _ATTEMPTS + 1):
        fields = {"crl": bucket.uri(key), "attempt": attempt}
        # The index first: a CRL that is read after it is at least as new, unless somebody stored an older one.
        existing = bucket.get(index_key, max_bytes=MAX_CRL_BYTES)
        uploaded = bucket.get(key, max_bytes=MAX_CRL_BYTES)
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
        etag = existing and existing.etag
        if indexing.new_index is not None and not bucket.replace(index_key, indexing.new_index, etag):
            logger.info("index written by another run", extra=fields)
        elif bucket.etag(key) == uploaded.etag:
            return indexing
        else:
            # Its event may have been handled before this run wrote its index.
            logger.info("CRL replaced while it was indexed", extra=fields)
    message = f"other runs have written the index, or the CRL was replaced, {_ATTEMPTS} times in the meantime"
    raise IndexingError(message)


def _log(uri: str, indexing: Indexing) -> None:
    revocation_list = indexing.revocation_list
    logger.info(
        "indexed" if indexing.new_index is not None else "indexed already",
        extra={
            "crl": uri,
            "crl_number": None if revocation_list.number is None else f"{revocation_list.number:X}",
            "this_update": revocation_list.this_update.isoformat(),
            "next_update": revocation_list.next_update and revocation_list.next_update.isoformat(),
            "crl_sha256": revocation_list.digest,
            "index_bytes": indexing.new_index and len(indexing.new_index),
        },
    )
