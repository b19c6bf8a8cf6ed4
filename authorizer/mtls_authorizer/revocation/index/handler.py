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

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.log import choose_level, get_logger
from mtls_authorizer.revocation.bucket import Bucket, s3_client
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection
from mtls_authorizer.revocation.crl.size_limit import MAX_CRL_BYTES
from mtls_authorizer.revocation.function_environment import (
    load_truststore,
    read_max_age,
    read_owner,
)
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


class _Crl(NamedTuple):
    """A CRL in S3, and the place of its index."""

    bucket_name: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket_name}/{self.key}"

    @property
    def index_key(self) -> str:
        return self.key + INDEX_SUFFIX


def handler(event: object, _context: object) -> None:
    """Index the CRLs that an event notification of S3 names, except for delta CRLs.

    A failure of one does not affect the others.

    Raises IndexingError if any failed, so that Lambda counts an error and retries; S3 is left unchanged. Raises
    StoreError and ValueError for the truststore and the environment.
    """
    owner = read_owner(os.environ)
    crls = list(_uploaded(event))
    if not crls:
        return
    truststore = load_truststore(os.environ, owner)
    max_age = read_max_age(os.environ)
    client = s3_client()
    failures = []
    for crl in crls:
        try:
            _log(crl, _index(Bucket(client, crl.bucket_name, owner), crl, truststore, max_age))
        except Exception as error:
            if isinstance(error, CrlError) and error.rejection is CrlRejection.DELTA:
                # Small, and the authorizer reads it without an index.
                logger.info("delta CRL not indexed", extra={"crl": crl.uri})
                continue
            problem = str(error) or type(error).__name__
            fields = {"crl": crl.uri, "error": problem, "error_type": type(error).__name__}
            # A traceback does not help the publisher of a CRL that was rejected.
            logger.exception("CRL not indexed", exc_info=not isinstance(error, CrlError), extra=fields)
            failures.append(f"{crl.uri}: {problem}")
    if failures:
        raise IndexingError("; ".join(failures))


def _uploaded(event: object) -> Iterator[_Crl]:
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
                    yield _Crl(bucket, key)
            case _:
                message = "the event is not an event notification of S3: a record has no eventName, bucket or key"
                raise ValueError(message)


def _index(bucket: Bucket, crl: _Crl, truststore: Truststore, max_age: timedelta) -> Indexing:
    for attempt in range(1, _ATTEMPTS + 1):
        # The index first: a CRL that is read after it is at least as new, unless somebody stored an older one.
        existing = bucket.get(crl.index_key, max_bytes=MAX_CRL_BYTES)
        uploaded = bucket.get(crl.key, max_bytes=MAX_CRL_BYTES)
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
        if indexing.new_index is not None and not bucket.replace(crl.index_key, indexing.new_index, existing):
            logger.info("index written by another run", extra={"crl": crl.uri, "attempt": attempt})
        elif bucket.etag(crl.key) == uploaded.etag:
            return indexing
        else:
            # Its event may have been handled before this run wrote its index.
            logger.info("CRL replaced while it was indexed", extra={"crl": crl.uri, "attempt": attempt})
    message = f"other runs have written the index, or the CRL was replaced, {_ATTEMPTS} times in the meantime"
    raise IndexingError(message)


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
