"""What is requested from S3 for a revocation list: its index, and the CRL only if that may be newer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from tests.aws_fixtures import PATIENT
from tests.kept_lists import CA, FIRST, MINUTE, SECOND, Bucket, Source, index_of

if TYPE_CHECKING:
    import pytest

    from tests.aws_server import AwsServer
    from tests.faulty_proxy import FaultyProxy


def test_the_index_is_preferred_and_asked_for_once_as_is_the_crl_beside_it(
    aws: AwsServer, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="mtls_authorizer")
    shelf = Bucket(aws, PATIENT)
    shelf.put("truststore.pem", CA.pem)
    shelf.put("ca.crl", FIRST)
    _backdate("ca.crl")
    shelf.put("ca.crl.index", index_of(FIRST))
    source = Source(shelf)
    assert source.in_force == "index 2"
    # Truststore, index, CRL: that is not newer than its index, so it isn't sent.
    assert proxy.statuses() == [200, 200, 304]
    for _ in range(2):
        assert source.refresh() == "index 2"
        assert proxy.statuses() == [304, 304, 304]
    assert caplog.records == []


def test_without_an_index_the_crl_is_asked_for_once(aws: AwsServer, proxy: FaultyProxy) -> None:
    shelf = Bucket(aws, PATIENT)
    shelf.put("truststore.pem", CA.pem)
    shelf.put("ca.crl", FIRST)
    source = Source(shelf)
    assert source.in_force == "crl 2"
    assert proxy.statuses() == [200, 404, 200]
    assert source.refresh() == "crl 2"
    assert proxy.statuses() == [304, 404, 304]
    shelf.put("ca.crl.index", index_of(FIRST))
    assert source.refresh() == "index 2"


def test_a_crl_that_is_put_there_again_is_read_once_to_see_that_it_is_the_one_that_was_indexed(
    aws: AwsServer, proxy: FaultyProxy
) -> None:
    shelf = Bucket(aws, PATIENT)
    shelf.put("truststore.pem", CA.pem)
    shelf.put("ca.crl.index", index_of(FIRST))
    shelf.put("ca.crl", FIRST)
    source = Source(shelf)
    assert source.in_force == "index 2"
    assert proxy.statuses() == [200, 200, 200]
    assert source.refresh() == "index 2"
    assert proxy.statuses() == [304, 304, 304]
    shelf.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"


def _backdate(key: str) -> None:
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets["bucket"].keys[key].last_modified -= MINUTE
