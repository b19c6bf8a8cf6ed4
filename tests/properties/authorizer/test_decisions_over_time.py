"""Documents, stores, clocks and environments change in any order, and every decision is one that is documented."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Event, Timer
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.refresh.document import Attempt
from mtls_authorizer.refresh.refresher import GIVE_UP_INTERVALS
from mtls_authorizer.stores.store import StoreError
from tests.aws.api_events import EVENTS, STAGE_ARN
from tests.aws.responses import checked
from tests.clocks import LONG, Clock, join_attempts
from tests.pki.certificate_authorities import crl_number, entry
from tests.pki.kept_lists import HTML, NOW, Memory
from tests.properties.authorizer.documented_decisions import (
    CAS,
    CLIENTS,
    INTERVAL,
    SERIAL_NUMBERS,
    Client,
    Crl,
    Expected,
    Rules,
    Stored,
)
from tests.refreshing import LONG_WAITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtls_authorizer.stores.store import Fetched

pytestmark = pytest.mark.without_coverage

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
PLACES = {"rules.json": "AUTHORIZER_RULES_URI", "truststore.pem": "TRUSTSTORE_URI"}
WRONG = {"acme": "rekeyed", "rekeyed": "other", "other": "acme", "root": "issuing", "issuing": "acme"}
"""The CA whose CRL is stored in place of another one's by mistake."""

STEPS = 30
PATHS = ["/hello", "/other"]


class FreezingMemory(Memory):
    """Storage whose content arrives after Lambda has continued the function."""

    def __init__(self) -> None:
        super().__init__()
        self.thawed = Event()
        self.thawed.set()

    def fetch(self, uri: str, version: str | None) -> Fetched | None:
        try:
            return super().fetch(uri, version)
        finally:
            assert self.thawed.wait(LONG)


class Environments:
    """Stores that change at random, and an execution environment that reads them. There is one at a time."""

    def __init__(self, random: Random) -> None:
        self.random, mode, check = random, random.choice(["deny", "allow"]), random.choice(["client", "chain"])
        self.authorizer: Authorizer | None = None
        self.memory, self.clock, self.time, self.ahead, self.number = FreezingMemory(), Clock(), NOW, 0 * SECOND, 0
        self.mode, self.check = mode, check
        uris = {variable: self.memory.uri(place) for place, variable in PLACES.items()}
        self.settings = load_settings(
            {
                **uris,
                "CRL_URIS": ",".join(map(self.memory.uri, CAS)),
                "CRL_FAILURE_MODE": mode,
                "CRL_CHECK": check,
                "CRL_REFRESH_SECONDS": str(INTERVAL),
                "AUTHORIZER_RULES_REFRESH_SECONDS": str(INTERVAL),
                "RESPONSE_FORMAT": random.choice(["iam", "simple"]),
                "LOG_DECISIONS": "none",
            }
        )
        self.stored = {place: Stored() for place in (*PLACES, *CAS)}
        self.revoked: dict[str, set[int]] = {ca: set() for ca in CAS}
        self.issued: dict[str, list[Crl]] = {ca: [] for ca in CAS}
        self.responses: dict[object, object] = {}
        self.store_everything()
        self.start()

    def step(self) -> None:
        """Change something. Usually, all clients send requests afterwards."""
        choose = self.random.choice
        choose([self.change_content, self.change_content, self.change_surroundings])()
        self.wait(choose([0, 1, 10, INTERVAL, INTERVAL, INTERVAL, 3600]))
        if self.authorizer and self.random.random() < 0.7:
            ask = choose([self.request, self.request, self.request_at_the_same_time, self.request_around_a_freeze])
            ask(choose(list(EVENTS)), choose(PATHS))

    def change_content(self) -> None:
        choose, some = self.random.choice, self.random.random
        place, ca = choose(list(self.stored)), choose(list(CAS))
        match choose(["rules", "truststore", "invalid", "deleted", *["CRL", "other CRL"] * 2]):
            case "rules":
                granted, denied = (tuple(each for each in CLIENTS if some() < part) for part in (0.9, 0.1))
                begins, ends = self.time + choose([-1, -1, 1]) * HOUR, self.time + choose([100, 100, 2]) * HOUR
                self.write_rules(
                    granted=granted,
                    limited=some() < 0.5,
                    pinned=some() < 0.5,
                    denied=denied,
                    begins=begins,
                    ends=ends,
                )
            case "truststore":
                self.trust(frozenset(each for each in CAS if some() < 0.8) or frozenset(CAS))
            case "CRL":
                self.revoked[ca].update(choose([[], SERIAL_NUMBERS[ca][:1], SERIAL_NUMBERS[ca][1:]]))
                self.publish(ca, self.issue(ca, choose([-SECOND, 60 * SECOND, HOUR, 4 * HOUR])))
            case "other CRL":
                self.publish(ca, choose([self.issue(WRONG[ca], HOUR), *self.issued[ca][-3:]]))
            case "invalid":
                self.put(place, choose([HTML, b"", CAS["acme"].pem[:-20]]))
            case "deleted":
                self.put(place, b"")
                self.memory.remove(place)

    def change_surroundings(self) -> None:
        choose, place = self.random.choice, self.random.choice(list(self.stored))
        match choose([*["fault", "recovery"] * 2, "order", "clock", "start", *["restore"] * bool(self.authorizer)]):
            case "fault":
                self.stored[place].is_faulty = True
                is_absence = choose([True, False])
                self.memory.errors[place] = StoreError(self.memory.uri(place), "fault", is_absence=is_absence)
            case "recovery":
                self.recover()
            case "order":
                self.put_in_order()
            case "clock":
                self.ahead = choose([-700, -5, 0, 0, 5, 700]) * SECOND
            case "start":
                self.start()
            case "restore":
                # The clock of intervals has stopped.
                self.time += choose([0, 1]) * HOUR
                self.load_everything(self.policy.restore)

    def now(self) -> datetime:
        """Return the time by the function's clock."""
        return self.time + self.ahead

    def put(self, place: str, encoded: bytes, content: object = None) -> None:
        self.memory.put(place, encoded)
        stored = self.stored[place]
        stored.content, stored.since, stored.stored_at = content, self.clock.now, self.clock.now
        stored.stored_before = self.now()

    def issue(self, ca: str, ends: timedelta) -> Crl:
        self.number += 1
        revoked, next_update = frozenset(self.revoked[ca]), self.time + ends
        encoded = CAS[ca].revoke(
            *map(entry, sorted(revoked)),
            this_update=self.time - HOUR,
            next_update=next_update,
            extensions=[crl_number(self.number)],
        )
        self.issued[ca].append(Crl(ca, self.number, next_update, revoked, encoded))
        return self.issued[ca][-1]

    def store_everything(self) -> None:
        self.write_rules()
        self.trust(frozenset(CAS))
        for ca in CAS:
            self.publish(ca, self.issue(ca, 4 * HOUR))

    def write_rules(self, **fields: Any) -> None:  # noqa: ANN401 -- those of Rules
        self.number += 1
        rules = Rules(self.number, **fields)
        self.put("rules.json", rules.encode(), rules)

    def trust(self, trusted: frozenset[str]) -> None:
        self.put("truststore.pem", b"".join(CAS[ca].pem for ca in sorted(trusted)), trusted)

    def publish(self, place: str, crl: Crl) -> None:
        self.put(place, crl.encoded, crl)

    def recover(self) -> None:
        self.memory.errors.clear()
        for stored in self.stored.values():
            stored.since = self.clock.now if stored.is_faulty else stored.since
            stored.is_faulty = False

    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.time += seconds * SECOND

    def start(self) -> None:
        self.authorizer, self.expected = None, Expected(self.mode, self.check)

        def create() -> None:
            self.policy = CurrentPolicy(
                self.settings, opener=self.memory.open, clock=self.clock, now=self.now, wait_seconds=LONG_WAITS
            )
            self.authorizer = Authorizer(self.settings, self.policy, clock=self.now)

        self.load_everything(create)

    def load_everything(self, load: Callable[[], None]) -> None:
        rules = self.stored["rules.json"]
        if rules.content is None or rules.is_faulty:
            with pytest.raises((StoreError, ValueError)):
                load()
            self.authorizer = None
            return
        load()
        for stored in self.stored.values():
            stored.since = float("-inf")
        self.expected.observe(self.stored, self.clock.now, self.now())

    def decide(self, client: Client, kind: str, path: str) -> tuple[str | None, int | None]:
        """Return the reason and the version of the rules, as ``Expected.outcomes`` does."""
        assert self.authorizer is not None
        event = EVENTS[kind](client.pem, path=path)
        response: dict[str, Any] = checked(event, self.authorizer.authorize(event))
        context = response["context"]
        if "reason" in context:
            return context["reason"], None
        assert context["clientCertCN"] == client.common_name
        version = int(context["version"])
        if "isAuthorized" in response:
            return None, version
        # It is cached for other routes.
        assert self.responses.setdefault((client, kind, version), response) == response
        is_allowed = evaluate(response["policyDocument"], f"{STAGE_ARN}/GET{path}") is Effect.ALLOW
        return (None, version) if is_allowed else ("route_not_allowed", None)

    def request(self, kind: str, path: str) -> None:
        for client in CLIENTS.values():
            self.expected.observe(self.stored, self.clock.now, self.now())
            found = self.decide(client, kind, path)
            assert found in self.expected.outcomes(client, path, self.now())
            if found[1] is not None:
                self.expected.rules = {each for each in self.expected.rules if each.version == found[1]}

    def request_at_the_same_time(self, kind: str, path: str) -> None:
        expected: dict[str, set[tuple[str | None, int | None]]] = {name: set() for name in CLIENTS}
        for is_certain in (False, True):
            # One request waits for the documents. The others use those in force.
            self.expected.observe(self.stored, self.clock.now, self.now(), is_certain=is_certain)
            for name, client in CLIENTS.items():
                expected[name] |= self.expected.outcomes(client, path, self.now())
        with ThreadPoolExecutor(len(CLIENTS)) as threads:
            found = threads.map(lambda client: self.decide(client, kind, path), CLIENTS.values())
        for name, outcome in zip(CLIENTS, found, strict=True):
            assert outcome in expected[name]

    def request_around_a_freeze(self, kind: str, path: str) -> None:
        """Send a request that does not wait for the documents, and others after Lambda has frozen the function."""
        client = self.random.choice(list(CLIENTS.values()))
        self.expected.observe(self.stored, self.clock.now, self.now(), is_certain=False)
        self.memory.thawed.clear()
        with patch.object(Attempt, "wait"):
            assert self.decide(client, kind, path) in self.expected.outcomes(client, path, self.now())
        self.wait(1)
        self.change_content()
        self.wait(self.random.choice([INTERVAL, GIVE_UP_INTERVALS * INTERVAL, 3600]))
        # While the request waits for what was read before.
        Timer(0.001, self.memory.thawed.set).start()
        self.request(kind, path)
        join_attempts()

    def put_in_order(self) -> None:
        """Replace what was changed. One interval later, every client gets one answer."""
        self.recover()
        self.ahead = 0 * SECOND
        self.store_everything()
        self.wait(INTERVAL)
        if self.authorizer is None:
            self.start()
        self.expected.observe(self.stored, self.clock.now, self.now())
        for client in CLIENTS.values():
            assert {self.decide(client, "rest", "/hello")} == self.expected.outcomes(client, "/hello", self.now())


@hypothesis.settings(derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_every_decision_is_one_that_is_documented(seed: int) -> None:
    environments = Environments(Random(seed))  # noqa: S311 -- a reproducible sequence
    for _ in range(STEPS):
        environments.step()
