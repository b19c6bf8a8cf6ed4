"""The environment variables that the functions for CRLs have in common."""

from __future__ import annotations

from datetime import timedelta

from mtls_authorizer.revocation.settings import LONGEST_MAX_AGE_SECONDS
from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES, read_truststore
from mtls_authorizer.stores.bucket_owner import OWNER_VARIABLE, warn_of_unverified_owner
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.uri import parse_uri
from mtls_authorizer.variables import parse_account_id, parse_number, parse_variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.revocation.truststore.bundle import Truststore


def read_owner(environment: Mapping[str, str]) -> str | None:
    """Return the account that must own the buckets; without one, log a warning. Raises ValueError."""
    if OWNER_VARIABLE not in environment:
        warn_of_unverified_owner()
        return None
    return parse_variable(environment, OWNER_VARIABLE, parse_account_id)


def load_truststore(environment: Mapping[str, str], owner: str | None) -> Truststore:
    """Return the truststore that ``TRUSTSTORE_URI`` names. Raises StoreError and ValueError."""
    uri = environment.get("TRUSTSTORE_URI", "").strip()
    if not uri:
        message = "TRUSTSTORE_URI is not set: name the PEM bundle of the API's custom domain, such as s3://bucket/key"
        raise ValueError(message)
    parse_variable(environment, "TRUSTSTORE_URI", lambda text: parse_uri(text, ("s3", "file")))
    fetched = open_store(uri, max_bytes=MAX_TRUSTSTORE_BYTES, bucket_owner=owner).fetch(None)
    assert fetched is not None  # noqa: S101 -- None is returned only for a version
    return read_truststore(fetched.content)


def read_max_age(environment: Mapping[str, str]) -> timedelta:
    """Return how long a CRL is valid beyond its nextUpdate, with the limits of the authorizer. Raises ValueError."""
    name, allowed = "CRL_MAX_AGE_SECONDS", range(LONGEST_MAX_AGE_SECONDS + 1)
    if name not in environment:
        return timedelta(0)
    return timedelta(seconds=parse_variable(environment, name, lambda text: parse_number(text, allowed)))
