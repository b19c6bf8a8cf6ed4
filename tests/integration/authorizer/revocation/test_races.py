"""An index and its CRL that do not belong together, because both are written at the same time, in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.aws import PATIENT
from tests.pki.kept_lists import (
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
    EventAuthorizer,
    index_of,
    make_live,
    settings,
)
from tests.servers.faulty_proxy import answer

if TYPE_CHECKING:
    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Exchanging, FaultyProxy

pytestmark = [pytest.mark.without_coverage, pytest.mark.usefixtures("proxy")]


@pytest.fixture
def storage(aws: AwsServer) -> Bucket:
    bucket = Bucket(aws, PATIENT)
    bucket.put("truststore.pem", CA.pem)
    return bucket


def start(storage: Bucket, mode: str) -> EventAuthorizer:
    return EventAuthorizer(make_live(storage, settings(storage, CRL_FAILURE_MODE=mode)))


@pytest.mark.parametrize("mode", ["deny", "allow"])
def test_the_index_of_an_older_crl_never_hides_a_newer_crl(storage: Bucket, aws: AwsServer, mode: str) -> None:
    storage.put("ca.crl", FIRST)
    etag = aws.client("s3").head_object(Bucket="bucket", Key="ca.crl")["ETag"]
    running = start(storage, mode)
    assert running.deny_reasons(GOOD, WITHDRAWN, NEXT) == [None, REVOKED, None]
    # The indexer has read the first CRL; the second is uploaded; then the index of the first is written, and is newer.
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index_of(FIRST, etag))
    for authorizer in (running, start(storage, mode)):
        assert authorizer.deny_reasons(GOOD, WITHDRAWN, NEXT) == [None, REVOKED, REVOKED]
    # The event of the second CRL is handled.
    etag = aws.client("s3").head_object(Bucket="bucket", Key="ca.crl")["ETag"]
    storage.put("ca.crl.index", index_of(SECOND, etag))
    for authorizer in (running, start(storage, mode)):
        assert authorizer.deny_reasons(GOOD, WITHDRAWN, NEXT) == [None, REVOKED, REVOKED]


# New clients: those of earlier tests may have used up the retries that botocore allows a client.
@pytest.mark.usefixtures("new_clients")
@pytest.mark.parametrize("mode", ["deny", "allow"])
@pytest.mark.parametrize("failing", ["ca.crl.index", "ca.crl"])
def test_a_failed_request_at_the_start_selects_no_older_list_and_is_repeated_soon(
    storage: Bucket, proxy: FaultyProxy, failing: str, mode: str
) -> None:
    """The index is of the newer list, which somebody has rolled back."""
    storage.put("ca.crl", EMPTY)
    storage.put("ca.crl.index", index_of(FIRST))
    failures: list[str] = []

    def fail_at_first(exchanging: Exchanging) -> None:
        if exchanging.place == f"/bucket/{failing}" and len(failures) < PATIENT.tries:
            failures.append(exchanging.place)
            answer(500, b"<Error><Code>InternalError</Code></Error>")(exchanging)
        else:
            exchanging.send(exchanging.ask())

    proxy.break_with(fail_at_first)
    live = make_live(storage, settings(storage, CRL_FAILURE_MODE=mode))
    assert len(failures) == PATIENT.tries
    lists = live._latest.revocation  # noqa: SLF001 -- before anything is reloaded
    assert lists is not None
    assert not lists.issuers
    assert live.take_failures() == 1
    assert EventAuthorizer(live).deny_reasons(GOOD, WITHDRAWN) == [None, REVOKED]


@pytest.mark.parametrize("mode", ["deny", "allow"])
def test_a_revoked_client_stays_revoked_whatever_happens_to_the_stored_objects(storage: Bucket, mode: str) -> None:
    storage.put("ca.crl", FIRST)
    authorizer = start(storage, mode)
    assert authorizer.deny_reasons(GOOD, WITHDRAWN) == [None, REVOKED]
    for content in (b"", EMPTY, SECOND[:-1]):
        storage.put("ca.crl", content)
        assert authorizer.deny_reason(WITHDRAWN) == REVOKED
    storage.remove("ca.crl")
    assert authorizer.deny_reasons(GOOD, WITHDRAWN) == [None, REVOKED]
    started = start(storage, mode)
    assert started.deny_reasons(GOOD, WITHDRAWN) == ([UNKNOWN] * 2 if mode == "deny" else [None] * 2)
