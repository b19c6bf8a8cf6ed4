"""An index and its CRL that do not belong together, because both are written at the same time, in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.current_policy import DEFAULT_WAIT_SECONDS
from tests.aws_fixtures import PATIENT
from tests.clocks import LONG
from tests.faulty_proxy import answer
from tests.kept_lists import (
    CA,
    EMPTY,
    FIRST,
    GOOD,
    NEXT,
    REVOKED,
    SECOND,
    UNKNOWN,
    WITHDRAWN,
    Bucket,
    Door,
    index_of,
    make_live,
    settings,
)

if TYPE_CHECKING:
    from tests.aws_server import AwsServer
    from tests.faulty_proxy import Exchanging, FaultyProxy

pytestmark = [pytest.mark.without_coverage, pytest.mark.usefixtures("proxy")]

WAIT = DEFAULT_WAIT_SECONDS._replace(truststore=LONG, crls=LONG, request=3 * LONG, needed=LONG)


@pytest.fixture
def shelf(aws: AwsServer) -> Bucket:
    bucket = Bucket(aws, PATIENT)
    bucket.put("truststore.pem", CA.pem)
    return bucket


def start(shelf: Bucket, mode: str) -> Door:
    return Door(make_live(shelf, settings(shelf, CRL_FAILURE_MODE=mode), wait_seconds=WAIT))


@pytest.mark.parametrize("mode", ["deny", "allow"])
def test_the_index_of_an_older_crl_never_hides_a_newer_crl(shelf: Bucket, aws: AwsServer, mode: str) -> None:
    shelf.put("ca.crl", FIRST)
    etag = aws.client("s3").head_object(Bucket="bucket", Key="ca.crl")["ETag"]
    running = start(shelf, mode)
    assert running.refusals(GOOD, WITHDRAWN, NEXT) == [None, REVOKED, None]
    # The indexer has read the first CRL; the second is uploaded; then the index of the first is written, and is newer.
    shelf.put("ca.crl", SECOND)
    shelf.put("ca.crl.index", index_of(FIRST, etag))
    for door in (running, start(shelf, mode)):
        assert door.refusals(GOOD, WITHDRAWN, NEXT) == [None, REVOKED, REVOKED]
    # The event of the second CRL is handled.
    etag = aws.client("s3").head_object(Bucket="bucket", Key="ca.crl")["ETag"]
    shelf.put("ca.crl.index", index_of(SECOND, etag))
    for door in (running, start(shelf, mode)):
        assert door.refusals(GOOD, WITHDRAWN, NEXT) == [None, REVOKED, REVOKED]


# New clients: those of earlier tests may have used up the retries that botocore allows a client.
@pytest.mark.usefixtures("new_clients")
@pytest.mark.parametrize("mode", ["deny", "allow"])
@pytest.mark.parametrize("failing", ["ca.crl.index", "ca.crl"])
def test_a_failed_request_at_the_start_selects_no_older_list_and_is_repeated_soon(
    shelf: Bucket, proxy: FaultyProxy, failing: str, mode: str
) -> None:
    """The index is of the newer list, which somebody has rolled back."""
    shelf.put("ca.crl", EMPTY)
    shelf.put("ca.crl.index", index_of(FIRST))
    failures: list[str] = []

    def fail_at_first(exchanging: Exchanging) -> None:
        if exchanging.place == f"/bucket/{failing}" and len(failures) < PATIENT.tries:
            failures.append(exchanging.place)
            answer(500, b"<Error><Code>InternalError</Code></Error>")(exchanging)
        else:
            exchanging.send(exchanging.ask())

    proxy.break_with(fail_at_first)
    live = make_live(shelf, settings(shelf, CRL_FAILURE_MODE=mode), wait_seconds=WAIT)
    assert len(failures) == PATIENT.tries
    lists = live._latest.revocation  # noqa: SLF001 -- before anything is reloaded
    assert lists is not None
    assert not lists.issuers
    assert live.take_failures() == 1
    assert Door(live).refusals(GOOD, WITHDRAWN) == [None, REVOKED]


@pytest.mark.parametrize("mode", ["deny", "allow"])
def test_a_revoked_client_stays_revoked_whatever_happens_to_the_stored_objects(shelf: Bucket, mode: str) -> None:
    shelf.put("ca.crl", FIRST)
    door = start(shelf, mode)
    assert door.refusals(GOOD, WITHDRAWN) == [None, REVOKED]
    for content in (b"", EMPTY, SECOND[:-1]):
        shelf.put("ca.crl", content)
        assert door.refusal(WITHDRAWN) == REVOKED
    shelf.remove("ca.crl")
    assert door.refusals(GOOD, WITHDRAWN) == [None, REVOKED]
    started = start(shelf, mode)
    assert started.refusals(GOOD, WITHDRAWN) == ([UNKNOWN] * 2 if mode == "deny" else [None] * 2)
