"""The AWS account that must own the buckets: S3 denies a request for a bucket of another account.

Without it, a bucket name that was deleted and registered again by someone else would be trusted.
"""

from __future__ import annotations

from mtls_authorizer.log import get_logger

logger = get_logger()

OWNER_VARIABLE = "S3_BUCKET_OWNER"


def warn_of_unverified_owner() -> None:
    """Log that documents are read from buckets although the variable is not set."""
    logger.warning("bucket owner not verified", extra={"variable": OWNER_VARIABLE})
