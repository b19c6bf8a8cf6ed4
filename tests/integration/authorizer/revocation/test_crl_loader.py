"""What is requested from S3 for a revocation list: its index, and the CRL only if that may be newer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.store import Timeouts
from tests.clocks import until
from tests.fixtures.aws import PATIENT
from tests.pki.kept_lists import CA, FIRST, SECOND, Bucket, Source, index_of
from tests.servers.faulty_proxy import answer, hang, only_if, truncate

if TYPE_CHECKING:
    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Fault, FaultyProxy

FAULTS = {"500": answer(500), "truncated": truncate(50), "no answer": hang()}


def test_the_index_is_preferred_and_both_objects_are_requested_once(
    aws: AwsServer, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="mtls_authorizer")
    storage = Bucket(aws, PATIENT)
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", FIRST)
    etag = aws.client("s3").head_object(Bucket="bucket", Key="ca.crl")["ETag"]
    storage.put("ca.crl.index", index_of(FIRST, etag))
    proxy.statuses()
    source = Source(storage)
    assert source.in_force == "index 2"
    # Truststore, index, CRL: that is the one that was indexed, so it isn't sent.
    assert proxy.statuses() == [200, 200, 304]
    for _ in range(2):
        assert source.refresh() == "index 2"
        assert proxy.statuses() == [304, 304, 304]
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


def test_without_an_index_the_crl_is_requested_once(aws: AwsServer, proxy: FaultyProxy) -> None:
    storage = Bucket(aws, PATIENT)
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    assert source.in_force == "crl 2"
    assert proxy.statuses() == [200, 404, 200]
    assert source.refresh() == "crl 2"
    assert proxy.statuses() == [304, 404, 304]
    storage.put("ca.crl.index", index_of(FIRST))
    assert source.refresh() == "index 2"


def test_a_crl_that_is_put_there_again_is_read_once_to_see_that_it_is_the_one_that_was_indexed(
    aws: AwsServer, proxy: FaultyProxy
) -> None:
    storage = Bucket(aws, PATIENT)
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl.index", index_of(FIRST))
    storage.put("ca.crl", FIRST)
    source = Source(storage)
    assert source.in_force == "index 2"
    assert proxy.statuses() == [200, 200, 200]
    assert source.refresh() == "index 2"
    assert proxy.statuses() == [304, 304, 304]
    storage.put("ca.crl", SECOND)
    assert source.refresh() == "crl 2 3"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("failing", ["ca.crl.index", "ca.crl"])
def test_a_failed_request_is_a_failed_attempt_and_selects_no_older_list(
    aws: AwsServer, proxy: FaultyProxy, fault: Fault, failing: str
) -> None:
    storage = Bucket(aws, Timeouts(connect_seconds=5, read_seconds=1, tries=1))
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", FIRST)
    storage.put("ca.crl.index", index_of(SECOND))
    proxy.break_with(only_if(lambda exchanging: exchanging.place.endswith(f"/{failing}"), fault))
    source = Source(storage)
    assert source.in_force is None
    assert source.crl.failures == 1
    proxy.recover()
    # On a busy machine, a second can be too short for what has no fault.
    until(lambda: source.refresh() is not None)
    assert source.in_force == "index 2 3"
