"""The fetcher: a Lambda function that a schedule invokes, and that downloads CRLs into a bucket.

``CRL_SOURCES`` maps URLs to keys, and ``CRL_DESTINATION`` is the bucket with the prefix of the keys, such as
``s3://bucket/fetched/``. ``CRL_SOURCE_PRIVATE_HOSTS`` lists the hosts whose addresses need not be public.
``TRUSTSTORE_URI``, ``CRL_MAX_AGE_SECONDS``, ``S3_BUCKET_OWNER`` and ``METRICS_NAMESPACE`` have the same values as for
the authorizer. The function needs ``s3:GetObject`` and ``s3:PutObject`` below the prefix, and
``s3:ListBucket``, without which S3 does not report that a CRL does not exist yet.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from mtls_authorizer.log import choose_level, get_logger
from mtls_authorizer.metrics import FetchMetric, write_metrics
from mtls_authorizer.revocation.bucket import Bucket
from mtls_authorizer.revocation.fetch.download import Limits, download
from mtls_authorizer.revocation.fetch.fetching import Outcome, Verification, fetch, is_usable
from mtls_authorizer.revocation.fetch.settings import read_fetch_settings
from mtls_authorizer.revocation.fetch.stored_crl import S3Destination
from mtls_authorizer.revocation.function_environment import load_truststore, read_max_age, read_owner

if TYPE_CHECKING:
    from mtls_authorizer.revocation.fetch.fetching import FetchResult
    from mtls_authorizer.revocation.fetch.settings import CrlSource

logger = get_logger()
choose_level()

LIMITS = Limits()


class _Context(Protocol):
    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the function."""


def handler(_event: object, context: _Context) -> None:
    """Fetch the CRLs of all sources, one after the other. A failure of one does not affect the others.

    Failures are logged and counted. Raises StoreError and ValueError for the truststore and the environment.
    """
    settings = read_fetch_settings(os.environ)
    owner = read_owner(os.environ)
    clock = partial(datetime.now, UTC)
    verification = Verification(load_truststore(os.environ, owner), clock, read_max_age(os.environ))
    days = verification.truststore.days_to_expiry(clock())
    if settings.metrics_namespace is not None and days is not None:
        write_metrics(settings.metrics_namespace, clock(), {FetchMetric.TRUSTSTORE_DAYS_TO_EXPIRY: days})
    bucket = Bucket(settings.bucket, owner)
    for position, source in enumerate(settings.sources):
        seconds = _share(context, len(settings.sources) - position)
        limits = LIMITS._replace(total_seconds=min(LIMITS.total_seconds, seconds))
        from_source = partial(download, source.url, limits=limits, allow_private=source.allow_private)
        result = fetch(S3Destination(bucket, source), verification, from_source)
        _log(bucket.uri(source.key), source, result)
        if settings.metrics_namespace is not None:
            write_metrics(settings.metrics_namespace, clock(), _measure(result, verification))


def _share(context: _Context, sources_left: int) -> float:
    """Return the seconds for a download. Slow servers cannot take the time of others, or that for storing CRLs."""
    return context.get_remaining_time_in_millis() / 1000 / sources_left / 2


def _measure(result: FetchResult, verification: Verification) -> dict[str, int]:
    values: dict[str, int] = {FetchMetric.FETCH_FAILURES: int(result.outcome is Outcome.FAILED)}
    if result.crl is None or not is_usable(result.crl, verification):
        values[FetchMetric.FETCHED_TIME_LEFT] = 0
    elif result.crl.next_update is not None:
        left = result.crl.next_update - verification.clock()
        values[FetchMetric.FETCHED_TIME_LEFT] = int(left.total_seconds())
    return values


def _log(uri: str, source: CrlSource, result: FetchResult) -> None:
    crl, error = result.crl, result.error
    fields = {
        "source": source.url.shown,
        "crl": uri,
        "crl_number": None if crl is None or crl.number is None else f"{crl.number:X}",
        "this_update": crl and crl.this_update.isoformat(),
        "next_update": crl and crl.next_update and crl.next_update.isoformat(),
        "crl_sha256": crl and crl.digest,
    }
    if error is None:
        logger.info(result.outcome.value, extra=fields)
    else:
        fields |= {"error": str(error) or type(error).__name__, "error_type": type(error).__name__}
        logger.error(result.outcome.value, extra=fields)
