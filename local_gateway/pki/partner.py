"""A partner that publishes the CRL of its CA over HTTP, and how it is fetched when the local gateway starts."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from local_gateway.server import LOOPBACK, serve
from mtls_authorizer.revocation.fetch.download import Limits, download
from mtls_authorizer.revocation.fetch.fetching import Verification, fetch
from mtls_authorizer.revocation.fetch.url import parse_url
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer_cli.crl.fetch import FileDestination

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_gateway.pki.certificates import Pki
    from mtls_authorizer.revocation.fetch.fetching import FetchResult


@contextmanager
def publish(crl: Path) -> Iterator[str]:
    """Serve a CRL on loopback while the block runs, and yield its URL."""

    @Request.application
    def answer(_request: Request) -> Response:
        return Response(crl.read_bytes(), content_type="application/pkix-crl")

    with serve(answer, None) as port:
        yield f"http://{LOOPBACK}:{port}/{crl.name}"


def fetch_crl(url: str, pki: Pki) -> FetchResult:
    """Fetch the CRL of the partner's CA as the fetcher on Lambda does, but into a file."""
    truststore = read_truststore(pki.stored_truststore.read_bytes())
    verification = Verification(truststore, partial(datetime.now, UTC), max_age=timedelta(0))
    # As CRL_SOURCE_PRIVATE_HOSTS, since loopback is not public.
    from_source = partial(download, parse_url(url), limits=Limits(), allow_private=True)
    return fetch(FileDestination(pki.fetched_crl), verification, from_source)
