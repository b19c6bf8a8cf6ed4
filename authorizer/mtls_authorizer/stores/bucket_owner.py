"""The AWS account that must own the buckets: S3 denies a request for a bucket of another account.

Without it, a bucket name that was deleted and registered again by someone else would be trusted.
"""

from __future__ import annotations

from mtls_authorizer.log import get_logger

logger = get_logger()

OWNER_VARIABLE = "S3_BUCKET_OWNER"


def expected_owner(bucket_owner: str | None) -> dict[str, str]:
    """Return the parameter of a request that makes S3 verify the owner; none if it should not."""
    return {} if bucket_owner is None else {"ExpectedBucketOwner": bucket_owner}


def warn_of_unverified_owner() -> None:
    """Log that documents are read from buckets although the variable is not set."""
    logger.warning("bucket owner not verified", extra={"variable": OWNER_VARIABLE})
