"""The fetcher stores CRLs that are verified, replaces older ones only, and keeps what is stored after any failure."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.crl_fetcher import handler
from mtls_authorizer.metrics import FetchMetric
from tests.aws.lambda_runtime import Context
from tests.aws.server import ACCOUNT
from tests.pki import todays_crls
from tests.pki.certificate_authorities import (
    DAY,
    IS_DELTA,
    crl_number,
    crl_pem,
    distribution_point,
    entry,
    full_name,
)
from tests.pki.certificates import extension, uri
from tests.pki.todays_crls import CA, OTHER_CA, STRANGER, TODAY
from tests.servers.crl_server import byte_by_byte, conditional, ok, truncated
from tests.servers.faulty_proxy import answer, before_writes, for_operation

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.crl_server import CrlServer
    from tests.servers.faulty_proxy import FaultyProxy

BUCKET, KEY = "revocation", "fetched/ca.crl"
DATE = "Thu, 26 Nov 2026 10:00:00 GMT"

crl = partial(todays_crls.crl, number=5)


@pytest.fixture(autouse=True)
def environment(aws: AwsServer, server: CrlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the bucket. The truststore is a file here, which takes no client of AWS."""
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    (tmp_path / "bundle.pem").write_bytes(CA.pem + OTHER_CA.pem)
    for name, value in {
        "TRUSTSTORE_URI": (tmp_path / "bundle.pem").as_uri(),
        "S3_BUCKET_OWNER": ACCOUNT,
        "CRL_DESTINATION": f"s3://{BUCKET}/fetched/",
        "CRL_SOURCES": json.dumps({server.url("/ca.crl"): "ca.crl"}),
        "CRL_SOURCE_PRIVATE_HOSTS": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)


def put(aws: AwsServer, content: bytes, key: str = KEY) -> None:
    aws.put_object(f"s3://{BUCKET}/{key}", content)


def stored(aws: AwsServer, key: str = KEY) -> bytes | None:
    return aws.get_object(f"s3://{BUCKET}/{key}")


def run(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Run the fetcher and return what it logs: the outcome of each source, with the error."""
    caplog.set_level(logging.INFO, "mtls_authorizer")
    caplog.clear()
    handler({}, Context())
    return [f"{each.message}: {vars(each).get('error', '')}".removesuffix(": ") for each in caplog.records]


@pytest.mark.parametrize("form", [bytes, crl_pem])
def test_a_crl_is_stored(
    form: Callable[[bytes], bytes], server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    content = form(crl(5, number=255))
    server.answers["/ca.crl"] = ok(content)
    assert run(caplog) == ["CRL stored"]
    assert stored(aws) == content
    [record] = caplog.records
    assert (
        vars(record).items()
        >= {
            "source": server.url("/ca.crl"),
            "crl": f"s3://{BUCKET}/{KEY}",
            "crl_number": "FF",
            "next_update": (TODAY + DAY).isoformat(),
        }.items()
    )


def test_a_crl_that_the_server_has_not_changed_is_not_downloaded_again(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, proxy: FaultyProxy
) -> None:
    server.answers["/ca.crl"] = conditional(crl(5), '"v1"', DATE)
    assert run(caplog) == ["CRL stored"]
    assert run(caplog) == ["CRL unchanged"]
    assert [headers.get("if-none-match") for _, headers in server.requests] == [None, '"v1"']
    newer = crl(5, 6, number=6)
    server.answers["/ca.crl"] = conditional(newer, '"v2"', DATE)
    assert run(caplog) == ["CRL stored"]
    assert stored(aws) == newer
    assert [exchange.method for exchange in proxy.exchanges].count("PUT") == 2


def test_a_date_in_the_future_that_an_attacker_has_sent_once_does_not_hide_newer_crls(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["/ca.crl"] = ok(crl(5), Last_Modified="Thu, 31 Dec 2099 10:00:00 GMT")
    assert run(caplog) == ["CRL stored"]
    newer = crl(5, 6, number=6)

    def since(request: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        known = request.headers.get("If-Modified-Since")
        is_known = known is not None and parsedate_to_datetime(known) >= parsedate_to_datetime(DATE)
        (ok(b"", 304) if is_known else ok(newer, Last_Modified=DATE))(request, stopped)

    server.answers["/ca.crl"] = since
    assert run(caplog) == ["CRL stored"]
    assert stored(aws) == newer
    assert run(caplog) == ["CRL unchanged"]


def test_an_expired_crl_is_downloaded_again_even_if_the_server_would_say_that_it_has_not_changed(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = crl(5, number=6)
    server.answers["/ca.crl"] = conditional(crl(5, days_left=-1), '"v1"', DATE)
    monkeypatch.setenv("CRL_MAX_AGE_SECONDS", str(2 * 24 * 3600))
    assert run(caplog) == ["CRL stored"]
    monkeypatch.delenv("CRL_MAX_AGE_SECONDS")
    server.answers["/ca.crl"] = conditional(newer, '"v1"', DATE)
    assert run(caplog) == ["CRL stored"]
    assert stored(aws) == newer


def test_the_same_crl_again_is_not_written(
    server: CrlServer, caplog: pytest.LogCaptureFixture, proxy: FaultyProxy
) -> None:
    server.answers["/ca.crl"] = ok(crl(5))
    assert run(caplog) == ["CRL stored"]
    assert run(caplog) == ["CRL unchanged"]
    assert [exchange.method for exchange in proxy.exchanges].count("PUT") == 1


@pytest.mark.parametrize("content", [crl(1, number=4), crl(1, ca=STRANGER), b"garbage", b""])
def test_a_crl_that_somebody_else_stored_is_downloaded_again_or_replaced(
    content: bytes, server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its validators are gone, so that the CRL is downloaded; what the authorizer would not use is replaced."""
    served = crl(5)
    server.answers["/ca.crl"] = conditional(served, '"v1"', DATE)
    run(caplog)
    put(aws, content)
    assert run(caplog) == ["CRL stored"]
    assert stored(aws) == served


def test_validators_of_another_url_are_not_used(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = crl(5), crl(5, 6, number=6)
    server.answers |= {"/ca.crl": conditional(older, '"v1"', DATE), "/new.crl": conditional(newer, '"v1"', DATE)}
    run(caplog)
    monkeypatch.setenv("CRL_SOURCES", json.dumps({server.url("/new.crl"): "ca.crl"}))
    assert run(caplog) == ["CRL stored"]
    assert stored(aws) == newer


REJECTED = {
    "404": (ok(b"", 404), "HTTP status 404"),
    "500": (ok(b"", 500), "HTTP status 500"),
    "truncated": (truncated(crl(5, number=6), 5000), "the response ended early"),
    "truncated, without a length": (ok(crl(5, number=6)[:-1]), "the CRL cannot be decoded"),
    "HTML": (ok(b"<!DOCTYPE html><title>Sign in</title>"), "neither a CRL in DER nor exactly one in PEM"),
    "older": (ok(crl(5, number=4)), "is before that of the one in force"),
    "of another CA": (ok(crl(5, number=6, ca=OTHER_CA)), "issued by another CA or key, or for other certificates"),
    "of another scope": (
        ok(crl(5, number=6, extensions=[distribution_point(full_name(uri(b"http://a/1.crl")))])),
        "or for other certificates",
    ),
    "of a CA with the same name and another key": (ok(crl(5, number=6, ca=STRANGER)), "not signed by the CA"),
    "with an invalid signature": (
        ok((signed := crl(5, number=6))[:-1] + bytes([signed[-1] ^ 1])),
        "is not signed by the CA",
    ),
    "expired": (ok(crl(5, number=6, days_left=-1)), "nextUpdate"),
}


@pytest.mark.parametrize("rejected", REJECTED)
def test_a_stored_crl_stays_if_there_is_no_newer_one_of_the_same_kind(
    rejected: str, server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    before = crl(1)
    put(aws, before)
    served, message = REJECTED[rejected]
    server.answers["/ca.crl"] = served
    [logged] = run(caplog)
    assert logged.startswith("CRL not fetched: ")
    assert message in logged
    assert stored(aws) == before
    assert caplog.records[0].levelno == logging.ERROR


@pytest.mark.parametrize("rejected", ["404", "HTML", "of a CA with the same name and another key", "expired"])
def test_nothing_is_stored_that_is_not_a_usable_crl(
    rejected: str, server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["/ca.crl"] = REJECTED[rejected][0]
    run(caplog)
    assert stored(aws) is None


UNKNOWN = extension("1.3.6.1.4.1.99999.1", b"\x05\x00", critical=True)


def delta(*serial_numbers: int, days_left: int = 1, extensions: Sequence[bytes] = ()) -> bytes:
    return CA.revoke(
        *map(entry, serial_numbers),
        this_update=TODAY - 2 * DAY,
        next_update=TODAY + days_left * DAY,
        extensions=[crl_number(9), IS_DELTA, *extensions],
    )


def test_a_delta_crl_is_stored_until_it_expires(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    current, expired = delta(5), delta(5, days_left=-1)
    server.answers["/ca.crl"] = ok(expired)
    assert "has passed" in run(caplog)[0]
    server.answers["/ca.crl"] = conditional(current, '"v1"', DATE)
    assert run(caplog) == ["CRL stored"]
    assert run(caplog) == ["CRL unchanged"]
    assert [headers.get("if-none-match") for _, headers in server.requests] == [None, None, '"v1"']
    assert stored(aws) == current


@pytest.mark.parametrize(
    ("before", "served", "problem"),
    [
        (crl(1), delta(2), "it is a delta CRL, and the stored one is a complete CRL"),
        (crl(1, days_left=-1), delta(2), "it is a delta CRL, and the stored one is a complete CRL"),
        (delta(2), crl(1, number=490), "it is a complete CRL, and the stored one is a delta CRL"),
        (delta(2, days_left=-1), crl(1, number=490), None),
        (delta(2, days_left=-1), delta(3), None),
        (delta(2, extensions=[UNKNOWN]), delta(3), None),
    ],
)
def test_a_complete_crl_and_a_delta_crl_do_not_replace_each_other_until_a_delta_crl_expires(  # noqa: PLR0913, PLR0917 -- with fixtures
    before: bytes,
    served: bytes,
    problem: str | None,
    server: CrlServer,
    aws: AwsServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With http, an attacker on the network could deliver one in place of the other."""
    put(aws, before)
    server.answers["/ca.crl"] = ok(served)
    [logged] = run(caplog)
    assert logged.startswith("CRL stored" if problem is None else f"CRL not fetched: {problem}: store each ")
    assert stored(aws) == (served if problem is None else before)


def test_an_expired_crl_may_be_replaced_by_one_of_another_scope(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(aws, crl(1, days_left=-1))
    served = crl(5, number=6, extensions=[distribution_point(full_name(uri(b"http://acme.example/ca.crl")))])
    server.answers["/ca.crl"] = ok(served)
    monkeypatch.setenv("CRL_MAX_AGE_SECONDS", str(2 * 24 * 3600))
    assert "for other certificates" in run(caplog)[0]
    monkeypatch.delenv("CRL_MAX_AGE_SECONDS")
    assert run(caplog) == ["CRL stored"]
    assert stored(aws) == served


@pytest.mark.parametrize("days_left", [1, -1])
def test_a_crl_is_replaced_by_one_of_the_cas_new_key_once_it_has_expired(
    days_left: int, server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "bundle.pem").write_bytes(CA.pem + STRANGER.pem)
    before, after = crl(1, days_left=days_left), crl(5, number=1, ca=STRANGER)
    put(aws, before)
    server.answers["/ca.crl"] = ok(after)
    messages = run(caplog)
    if days_left > 0:
        assert "another CA or key" in messages[0]
        assert stored(aws) == before
    else:
        assert messages == ["CRL stored"]
        assert stored(aws) == after


def test_an_expired_crl_is_not_replaced_by_one_of_another_ca_of_the_truststore(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "bundle.pem").write_bytes(CA.pem + OTHER_CA.pem)
    before = crl(1, days_left=-1)
    put(aws, before)
    server.answers["/ca.crl"] = ok(crl(5, number=6, ca=OTHER_CA))
    assert "another CA or key" in run(caplog)[0]
    assert stored(aws) == before
    (tmp_path / "bundle.pem").write_bytes(OTHER_CA.pem)
    assert run(caplog) == ["CRL stored"]


def test_the_failure_of_a_source_does_not_affect_the_others(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {server.url(f"/{name}.crl"): f"{name}.crl" for name in ("garbage", "ca", "missing", "other")}
    monkeypatch.setenv("CRL_SOURCES", json.dumps(sources))
    server.answers |= {"/garbage.crl": ok(b"garbage"), "/ca.crl": ok(crl(5)), "/other.crl": ok(crl(ca=OTHER_CA))}
    outcomes = [logged.partition(":")[0] for logged in run(caplog)]
    assert outcomes == ["CRL not fetched", "CRL stored", "CRL not fetched", "CRL stored"]
    assert stored(aws, "fetched/other.crl") is not None


def test_a_slow_source_leaves_time_for_the_others(
    server: CrlServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRL_SOURCES", json.dumps({server.url("/slow"): "a.crl", server.url("/ca.crl"): "ca.crl"}))
    server.answers |= {"/slow": byte_by_byte(b"0" * 1000, 0.05), "/ca.crl": ok(crl(5))}
    # The time that is left before each of them. For the other one, a machine that is busy may need more.
    left = iter([2000, 60_000])
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _context: next(left))
    # Half of its share.
    assert run(caplog) == ["CRL not fetched: timed out after 0.5 s", "CRL stored"]


def test_a_host_with_a_private_address_must_be_listed(
    server: CrlServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRL_SOURCE_PRIVATE_HOSTS")
    [logged] = run(caplog)
    assert "127.0.0.1, which is not public" in logged
    assert server.requests == []


def test_a_crl_that_is_issued_during_the_run_is_stored(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The CRLs of other sources may take minutes, and some CAs issue a CRL for each request."""
    issued: list[bytes] = []

    def issue(request: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        stopped.wait(1.01)
        this_update = datetime.now(UTC).replace(microsecond=0)
        issued.append(CA.revoke(entry(5), this_update=this_update, next_update=TODAY + DAY))
        ok(issued[0])(request, stopped)

    server.answers["/ca.crl"] = issue
    assert run(caplog) == ["CRL stored"]
    assert [stored(aws)] == issued


# Others who write.


@pytest.mark.parametrize("before", [None, crl(1, number=4)])
def test_a_newer_crl_that_is_stored_meanwhile_stays(
    before: bytes | None, server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, proxy: FaultyProxy
) -> None:
    if before is not None:
        put(aws, before)
    newer = crl(5, 6, number=6)
    server.answers["/ca.crl"] = ok(crl(5))
    proxy.break_with(before_writes(lambda: put(aws, newer), 1))
    assert "is before that of the one in force" in run(caplog)[0]
    assert stored(aws) == newer


def test_an_older_crl_that_is_stored_meanwhile_is_replaced(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, proxy: FaultyProxy
) -> None:
    served = crl(5)
    server.answers["/ca.crl"] = ok(served)
    proxy.break_with(before_writes(lambda: put(aws, crl(1, number=4)), 1))
    assert run(caplog) == ["CRL stored"]
    assert stored(aws) == served
    assert len(server.requests) == 1


def test_a_run_that_is_always_overtaken_gives_up(
    server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, proxy: FaultyProxy
) -> None:
    server.answers["/ca.crl"] = ok(crl(5))
    numbers = iter(range(4))
    proxy.break_with(before_writes(lambda: put(aws, crl(number=next(numbers))), 3))
    assert run(caplog) == [
        "CRL not fetched: another process replaced the stored CRL during all 3 attempts: the next run retries"
    ]


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_while_s3_is_faulty_the_crl_stays_as_it_is(
    method: str, server: CrlServer, aws: AwsServer, caplog: pytest.LogCaptureFixture, proxy: FaultyProxy
) -> None:
    before = crl(1, number=4)
    put(aws, before)
    server.answers["/ca.crl"] = ok(crl(5))
    denied = answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
    proxy.break_with(for_operation(method, denied))
    assert "AccessDenied" in run(caplog)[0]
    assert stored(aws) == before


def test_each_request_names_the_account_that_must_own_the_bucket(
    server: CrlServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/ca.crl"] = ok(crl(5))
    monkeypatch.setenv("S3_BUCKET_OWNER", "999999999999")
    assert "AccessDenied" in run(caplog)[0]
    monkeypatch.delenv("S3_BUCKET_OWNER")
    assert run(caplog) == ["bucket owner not verified", "CRL stored"]


# Metrics.


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_failures_and_the_time_until_the_stored_crl_expires_are_counted(
    server: CrlServer,
    aws: AwsServer,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("METRICS_NAMESPACE", "Partners/Authorizer")
    failures, left = FetchMetric.FETCH_FAILURES, FetchMetric.FETCHED_TIME_LEFT
    run(caplog)
    [_, nothing] = metrics(capsys)
    assert (nothing[failures], nothing[left]) == (1, 0)
    server.answers["/ca.crl"] = ok(crl(5))
    run(caplog)
    [_, fetched] = metrics(capsys)
    assert fetched[failures] == 0
    assert 0 < fetched[left] <= DAY.total_seconds()
    assert fetched["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "Partners/Authorizer",
            "Dimensions": [[]],
            "Metrics": [{"Name": failures, "Unit": "Count"}, {"Name": left, "Unit": "Seconds"}],
        }
    ]
    server.answers.clear()
    run(caplog)
    [_, kept] = metrics(capsys)
    assert kept[failures] == 1
    assert 0 < kept[left] <= fetched[left]
    put(aws, crl(5, days_left=-1))
    run(caplog)
    [_, expired] = metrics(capsys)
    assert (expired[failures], expired[left]) == (1, 0)
    put(aws, CA.revoke(entry(5), this_update=TODAY, next_update=None))
    run(caplog)
    [_, endless] = metrics(capsys)
    assert left not in endless


def test_the_days_until_the_first_ca_of_the_truststore_expires_are_measured_once_per_run(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_NAMESPACE", "Partners/Authorizer")
    run(caplog)
    [truststore, *sources] = metrics(capsys)
    days = FetchMetric.TRUSTSTORE_DAYS_TO_EXPIRY
    assert truststore.pop("_aws")["CloudWatchMetrics"] == [
        {"Namespace": "Partners/Authorizer", "Dimensions": [[]], "Metrics": [{"Name": days, "Unit": "None"}]}
    ]
    assert truststore == {days: 99}
    assert not any(days in source for source in sources)


def test_without_a_namespace_there_are_no_metrics(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    run(caplog)
    assert metrics(capsys) == []


# Errors of the configuration.


def test_a_truststore_that_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTSTORE_URI")
    with pytest.raises(ValueError, match=r"^TRUSTSTORE_URI is not set"):
        handler({}, Context())


def test_sources_that_cannot_be_read_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRL_SOURCES", "http://a/b.crl")
    with pytest.raises(ValueError, match=r"^CRL_SOURCES is not a JSON object"):
        handler({}, Context())
