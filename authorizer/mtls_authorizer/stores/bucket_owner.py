"""The AWS account that must own the buckets: S3 denies a request for a bucket of another account.

Without it, a bucket name that was deleted and registered again by someone else would be trusted.
"""

from __future__ import annotations

from mtls_authorizer.log import get_logger

logger = get_logger()

OWNER_VARIABLE = "S3_BUCKET_OWNER"

_DIGITS = 12


def parse_bucket_owner(text: str) -> str:
    """Return an account ID. Raises ValueError, worded to follow the name of a variable, unless it has 12 digits."""
    if len(text) != _DIGITS or not (text.isascii() and text.isdecimal()):
        message = f"is {text[:80]!r}: write the 12 digits of the AWS account that owns the buckets"
        raise ValueError(message)
    return text


def warn_of_unverified_owner() -> None:
    """Log that documents are read from buckets although the variable is not set."""
    logger.warning("bucket owner not verified", extra={"variable": OWNER_VARIABLE})
