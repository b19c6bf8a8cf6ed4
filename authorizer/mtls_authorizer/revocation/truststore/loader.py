"""The loader of the truststore."""

from __future__ import annotations

from mtls_authorizer.log import get_logger
from mtls_authorizer.refresh.loader import StoreLoader
from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES, Truststore, read_truststore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.stores.opener import StoreOpener

logger = get_logger()


def truststore_loader(uri: str, opener: StoreOpener) -> StoreLoader[Truststore]:
    """Return the loader of the truststore. Raises StoreError and ValueError for a URI that cannot be opened."""

    def read(content: bytes) -> Truststore:
        truststore = read_truststore(content)
        for position, sha256, reason in truststore.skipped:
            fields = {"document": "truststore", "uri": uri, "position": position, "sha256": sha256, "error": reason}
            logger.warning("truststore certificate skipped", extra=fields)
        return truststore

    return StoreLoader("truststore", opener(uri, max_bytes=MAX_TRUSTSTORE_BYTES), read)
