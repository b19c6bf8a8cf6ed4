"""The variables of the fetcher."""

from __future__ import annotations

import json

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.metrics import parse_namespace
from mtls_authorizer.revocation.fetch.url import parse_url
from mtls_authorizer.revocation.index.indexing import CRL_SUFFIX
from mtls_authorizer.stores.uri import parse_uri
from mtls_authorizer.variables import parse_variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.revocation.fetch.url import CrlUrl


class CrlSource(NamedTuple):
    """The URL from which a CRL is downloaded, and the key of the object in which it is stored."""

    url: CrlUrl
    key: str
    allow_private: bool


class FetchSettings(NamedTuple):
    """The settings of the fetcher."""

    bucket: str
    sources: tuple[CrlSource, ...]
    metrics_namespace: str | None


def read_fetch_settings(environment: Mapping[str, str]) -> FetchSettings:
    """Return the settings of the fetcher. Raises ValueError, with a message that names the variable and the fix."""
    bucket, prefix = _read_destination(environment.get("CRL_DESTINATION", "").strip())
    private = _read_hosts(environment.get("CRL_SOURCE_PRIVATE_HOSTS", ""))
    sources = []
    for url, name in _read_sources(environment.get("CRL_SOURCES", "")):
        try:
            parsed = parse_url(url)
            key = f"{prefix}{name}"
            parse_uri(f"s3://{bucket}/{key}", ("s3",))
            if not key.endswith(CRL_SUFFIX):
                message = f"the key {name!r} does not end with {CRL_SUFFIX}"
                raise ValueError(message)  # noqa: TRY301 -- as those of the parsers
        except ValueError as error:
            message = f"CRL_SOURCES: {error}"
            raise ValueError(message) from None
        sources.append(CrlSource(parsed, key, parsed.host in private))
    unknown = private.difference(source.url.host for source in sources)
    if unknown:
        message = f"CRL_SOURCE_PRIVATE_HOSTS names {min(unknown)!r}, which is not the host of a URL in CRL_SOURCES"
        raise ValueError(message)
    if len({source.key for source in sources}) < len(sources):
        message = "CRL_SOURCES has the same key twice: write a key of its own for each URL"
        raise ValueError(message)
    name = "METRICS_NAMESPACE"
    namespace = parse_variable(environment, name, parse_namespace) if name in environment else None
    return FetchSettings(bucket, tuple(sources), namespace)


def _read_destination(value: str) -> tuple[str, str]:
    """Return a bucket and a prefix of keys."""
    bucket, _, prefix = value.removeprefix("s3://").partition("/")
    try:
        if not value.startswith("s3://") or not value.endswith("/"):
            raise ValueError  # noqa: TRY301 -- as that of the parser
        parse_uri(f"{value}x", ("s3",))
    except ValueError:
        message = f"CRL_DESTINATION is {value[:80]!r}: write a bucket and a prefix with a slash at the end, s3://bucket/fetched/"
        raise ValueError(message) from None
    return bucket, prefix


def _read_sources(value: str) -> list[tuple[str, str]]:
    """Return pairs of a URL and a key."""
    try:
        pairs = json.loads(value, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        pairs = None
    is_object = isinstance(pairs, tuple) and all(isinstance(key, str) for _, key in pairs)
    if not is_object or not pairs:
        message = 'CRL_SOURCES is not a JSON object of URLs and keys: write {"http://crl.example.com/ca.crl": "ca.crl"}'
        raise ValueError(message)
    return list(pairs)


def _read_hosts(value: str) -> frozenset[str]:
    hosts = [item.strip().strip("[]").lower().rstrip(".") for item in value.split(",")]
    if value and not all(hosts):
        message = f"CRL_SOURCE_PRIVATE_HOSTS is {value[:80]!r}: write hosts, separated by commas"
        raise ValueError(message)
    return frozenset(filter(None, hosts))
