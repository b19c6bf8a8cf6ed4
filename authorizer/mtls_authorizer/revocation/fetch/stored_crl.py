"""The object in S3 in which a fetched CRL is stored, with the validators of its source as metadata."""

from __future__ import annotations

import hashlib

from mtls_authorizer.revocation.crl.size_limit import MAX_CRL_BYTES
from mtls_authorizer.revocation.fetch.download import Validators
from mtls_authorizer.revocation.fetch.fetching import Stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.revocation.bucket import Bucket
    from mtls_authorizer.revocation.fetch.download import Downloaded
    from mtls_authorizer.revocation.fetch.settings import CrlSource

_SOURCE, _ETAG, _LAST_MODIFIED = "source-url-sha256", "source-etag", "source-last-modified"


class S3Destination:
    """The object in which the CRL of a source is stored: a ``Destination``."""

    def __init__(self, bucket: Bucket, source: CrlSource) -> None:
        self._bucket = bucket
        self._key = source.key
        self._source = hashlib.sha256(repr(source.url).encode()).hexdigest()

    def read(self) -> Stored | None:
        """Return the stored object, None if there is none.

        It has validators only if the fetcher stored it, which writes them as metadata, and from the same source.
        """
        found = self._bucket.get(self._key, max_bytes=MAX_CRL_BYTES)
        if found is None:
            return None
        validators = Validators(found.metadata.get(_ETAG), found.metadata.get(_LAST_MODIFIED))
        is_known = found.metadata.get(_SOURCE) == self._source and any(validators)
        return Stored(found.content, validators if is_known else None, found.etag)

    def replace(self, stored: Stored | None, downloaded: Downloaded) -> bool:
        """Replace the object that was read by a CRL. Return False if it has changed since."""
        metadata = {
            _SOURCE: self._source,
            _ETAG: downloaded.validators.etag,
            _LAST_MODIFIED: downloaded.validators.last_modified,
        }
        given = {name: value for name, value in metadata.items() if value is not None}
        return self._bucket.replace(self._key, downloaded.content, stored and stored.etag, metadata=given)
