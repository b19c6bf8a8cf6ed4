"""Documents that are refreshed from S3 while it has faults, and in a process that is frozen meanwhile, as on Lambda."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.utils import ContainerMetadataFetcher

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.loader import StoreLoader
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.stores.opener import open_store
from tests.aws.server import CREDENTIALS
from tests.clocks import LONG, Clock, until
from tests.fixtures.aws import PATIENT
from tests.refreshing import has_changed
from tests.servers.faulty_proxy import Fault, answer, byte_by_byte, hang, only_if, stall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer.stores.store import Store
    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Exchanging, FaultyProxy

pytestmark = pytest.mark.usefixtures("proxy")

INTERVAL = 100.0
RULES = "s3://bucket/rules.json"


def parse(content: bytes) -> str:
    if content == b"broken":
        message = "rules[0] is broken"
        raise ValueError(message)
    return content.decode()


def make(store: Store, clock: Clock, wait: float = LONG) -> tuple[Document[str, str], Refresher]:
    document = Document(StoreLoader("rules", store, parse))
    return document, Refresher([document], INTERVAL, start_seconds=LONG, wait_seconds=wait, clock=clock)


def test_an_invalid_new_version_is_requested_until_it_is_valid(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_object(RULES, b"one")
    clock = Clock()
    document, refresher = make(open_store(RULES, max_bytes=100, timeouts=PATIENT, bucket_owner=None), clock)
    refresher.start()
    for content, changed, value in [
        (b"one", False, "one"),
        (b"broken", False, "one"),
        (b"x" * 101, False, "one"),
        (b"two", True, "two"),
    ]:
        aws.put_object(RULES, content)
        clock.advance(INTERVAL)
        assert has_changed(refresher) == changed
        assert document.value == value
    assert proxy.statuses() == [200, 304, 200, 200, 200]


def test_a_response_that_arrives_slowly_delays_no_request(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_object(RULES, b"one")
    clock = Clock()
    document, refresher = make(open_store(RULES, max_bytes=100, timeouts=PATIENT, bucket_owner=None), clock, wait=0.01)
    refresher.start()
    aws.put_object(RULES, b"a longer one")
    proxy.break_with(byte_by_byte(LONG / 100))
    clock.advance(INTERVAL)
    for _request in range(100):
        assert not has_changed(refresher)
        assert document.value == "one"
    proxy.recover()
    until(lambda: has_changed(refresher))
    assert document.value == "a longer one"


@pytest.mark.usefixtures("new_clients")
def test_credentials_that_hang_hold_up_no_request(
    aws: AwsServer, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContainerMetadataFetcher, "RETRY_ATTEMPTS", 1)  # or the test would take 6 seconds more
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{proxy.url}/credentials")
    # So soon that the next request to AWS needs new ones.
    expiration = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = ("AccessKeyId", "SecretAccessKey", "Token")
    credentials = answer(200, json.dumps({**dict.fromkeys(names, "testing"), "Expiration": expiration}).encode())
    asked = []

    def give_credentials_once(exchanging: Exchanging) -> None:
        asked.append(exchanging.path)
        (credentials if len(asked) <= given else hang())(exchanging)

    given = 2  # when the client is made, and when it first asks
    aws.put_object(RULES, b"one")
    proxy.break_with(only_if(lambda exchanging: exchanging.path == "/credentials", give_credentials_once))
    clock = Clock()
    document, refresher = make(open_store(RULES, max_bytes=100, timeouts=PATIENT, bucket_owner=None), clock, wait=0.01)
    refresher.start()
    assert document.value == "one"
    clock.advance(INTERVAL)
    until(lambda: not has_changed(refresher) and len(asked) > given)
    for _request in range(10):
        clock.advance(INTERVAL)
        assert not has_changed(refresher)
        if document.failures:
            break
    assert document.value == "one"


FROZEN = """
import json, sys
sys.path[:0] = {path!r}
from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.loader import StoreLoader
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.stores.opener import open_store
store = open_store("s3://bucket/rules.json", max_bytes=100, bucket_owner=None)
document = Document(StoreLoader("rules", store, bytes.decode))
refresher = Refresher([document], 0.1, start_seconds=60, wait_seconds=0.1)
refresher.start()
for line in sys.stdin:
    refresher.refresh_if_due()
    print(json.dumps([document.value, document.failures]), flush=True)
"""


class Frozen:
    """A process like Lambda's: it answers a request, and stands still until the next one."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", FROZEN.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def request(self) -> list[Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        os.kill(self.process.pid, signal.SIGCONT)
        answered: list[Any] = json.loads(self.process.stdout.readline())
        os.kill(self.process.pid, signal.SIGSTOP)
        return answered


@pytest.fixture
def frozen(aws: AwsServer) -> Iterator[Frozen]:
    aws.put_object(RULES, b"one")
    frozen = Frozen()
    killer = threading.Timer(LONG, frozen.process.kill)
    killer.start()
    yield frozen
    frozen.process.kill()
    killer.cancel()
    killer.join()
    with frozen.process:
        pass


@pytest.mark.parametrize("fault", [hang(), stall(1)])
def test_a_process_that_is_frozen_during_a_fetch_continues_afterwards(
    aws: AwsServer, proxy: FaultyProxy, frozen: Frozen, fault: Fault
) -> None:
    assert frozen.request() == ["one", 0]
    aws.put_object(RULES, b"two")
    asked = threading.Event()

    def ask_and_fail(exchanging: Exchanging) -> None:
        asked.set()
        fault(exchanging)

    proxy.break_with(ask_and_fail)
    until(lambda: frozen.request() == ["one", 0] and asked.is_set())
    # While it stands still, the other end goes away.
    proxy.drop_connections()
    proxy.recover()
    until(lambda: frozen.request() == ["two", 0])
