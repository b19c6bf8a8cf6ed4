"""The environment variables that the functions for CRLs have in common."""

from __future__ import annotations

import re
from datetime import timedelta

from mtls_authorizer.revocation.settings import LONGEST_MAX_AGE_SECONDS
from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES, read_truststore
from mtls_authorizer.stores.bucket_owner import OWNER_VARIABLE, parse_bucket_owner, warn_of_unverified_owner
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.uri import parse_uri

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from mtls_authorizer.revocation.truststore.bundle import Truststore

    Value = TypeVar("Value")


def parse_variable(environment: Mapping[str, str], name: str, parse: Callable[[str], Value]) -> Value:
    """Return the parsed value of a variable that is set. Raises ValueError, whose message begins with its name."""
    try:
        return parse(environment[name].strip())
    except ValueError as error:
        message = f"{name} {error}"
        raise ValueError(message) from None


def read_owner(environment: Mapping[str, str]) -> str | None:
    """Return the account that must own the buckets; without one, log a warning. Raises ValueError."""
    if OWNER_VARIABLE not in environment:
        warn_of_unverified_owner()
        return None
    return parse_variable(environment, OWNER_VARIABLE, parse_bucket_owner)


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
    value = environment.get("CRL_MAX_AGE_SECONDS", "0").strip()
    if not re.fullmatch("[0-9]{1,9}", value) or int(value) > LONGEST_MAX_AGE_SECONDS:
        message = f"CRL_MAX_AGE_SECONDS is {value[:80]!r}: write a number from 0 to {LONGEST_MAX_AGE_SECONDS}"
        raise ValueError(message)
    return timedelta(seconds=int(value))
