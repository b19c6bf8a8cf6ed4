"""A large prefix, of which CRLs are read on demand, gives the answers of a small one, of which all are."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from tests.clocks import Clock, join_attempts
from tests.pki import der
from tests.pki.certificate_authorities import IS_DELTA, distribution_point
from tests.pki.kept_lists import CA, MINUTE, NOW, OTHER, EventAuthorizer, Memory, make_live
from tests.pki.partitions import client_of, partition

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.without_coverage

INTERVAL = 60
SERIALS = (1, 2, 3)
CLIENTS = [client_of(None, serial, OTHER) for serial in SERIALS]
PLACES = ("a.crl", "b.crl", "folder/a.crl", "z/c.crl")
OF_OTHERS = [partition(part, 2, padding=3 * part) for part in range(LOADED_COMPLETELY + 2)]
OF_USERS = distribution_point(der.tagged(1, b"\xff"))


class _Prefix:
    """A prefix, and a function that was started when it was empty, or contained only the CRLs of others."""

    def __init__(self, *, is_large: bool) -> None:
        self.memory = Memory()
        self.now = NOW
        self._clock = Clock()
        self.memory.put("truststore.pem", CA.pem + OTHER.pem)
        for part, content in enumerate(OF_OTHERS if is_large else []):
            self.memory.put(f"crl/of-others/{part}.crl", content)
        self._running = self._start()

    def answers(self, now: datetime) -> list[list[str | None]]:
        """Return the answers of the running function after it has read everything, and of one that starts."""
        self.now = now
        self._clock.advance(INTERVAL)
        for _ in CLIENTS:
            self._running.deny_reasons(*CLIENTS)
            join_attempts()
        return [self._running.deny_reasons(*CLIENTS), self._start().deny_reasons(*CLIENTS)]

    def _start(self) -> EventAuthorizer:
        configured = load_settings(
            {
                "ALLOWED_COMMON_NAMES": "client",
                "CRL_URIS": "file:///crl/",
                "TRUSTSTORE_URI": "file:///truststore.pem",
                "CRL_REFRESH_SECONDS": str(INTERVAL),
            }
        )
        live = make_live(self.memory, configured, clock=self._clock, now=lambda: self.now)
        return EventAuthorizer(live, clock=lambda: self.now)


@hypothesis.settings(derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_clients_that_name_no_crl_get_the_same_answers_below_a_large_and_a_small_prefix(seed: int) -> None:
    random = Random(seed)  # noqa: S311 -- a reproducible sequence
    prefixes = [_Prefix(is_large=is_large) for is_large in (True, False)]
    stored: set[str] = set()
    revoked: set[int] = set()
    now = NOW
    for number in range(1, random.randint(3, 6)):
        place = random.choice(PLACES)
        revoked |= {random.choice(SERIALS)} if random.random() < 0.6 else set()
        earlier = random.sample(sorted(revoked), random.randint(0, len(revoked)))
        content = partition(
            None,
            *random.choice([sorted(revoked), earlier]),
            number=number if random.random() < 0.7 else max(1, number - 2),
            ca=OTHER,
            padding=random.choice([0, 30, 200]),
            extensions=random.choice([[], [], [], [IS_DELTA], [OF_USERS]]),
            next_update=NOW + random.choice([4 * MINUTE, 600 * MINUTE]),
        )
        is_removed = place in stored and random.random() < 0.2
        stored ^= {place} if is_removed or place not in stored else set()
        for prefix in prefixes:
            if is_removed:
                prefix.memory.remove(f"crl/{place}")
            else:
                prefix.memory.put(f"crl/{place}", content)
        now += random.choice([0, 0, 2]) * MINUTE
        large, small = (prefix.answers(now) for prefix in prefixes)
        assert large == small
