"""CRLs at several locations that overlap, some of which cannot be read: what any of them states takes effect."""

from __future__ import annotations

from itertools import chain
from random import Random
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.refresh.document import Attempt
from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from mtls_authorizer.stores.store import Fetched, Listed, StoreError
from tests.clocks import LONG, Clock, join_attempts
from tests.pki.certificate_authorities import IS_DELTA
from tests.pki.kept_lists import CA, NOW, OTHER, REVOKED, EventAuthorizer, Memory, index_of, make_live
from tests.pki.partitions import client_of, partition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

pytestmark = pytest.mark.without_coverage

INTERVAL = 60
PREFIXES = ("crl/", "crl/a/", "crl/a/b/")
NAMED, COMPLETE, DELTA = range(3)
PLACES = {
    NAMED: ("crl/p.crl", "crl/a/p.crl", "crl/a/b/p.crl", "crl/a/b/2/p.crl"),
    COMPLETE: ("crl/other.crl", "crl/a/o.crl", "crl/a/b/others.crl", "crl/a/b/others-2.crl"),
    DELTA: ("crl/a/delta.crl", "crl/a/b/delta.crl"),
}
OF = {NAMED: NAMED, COMPLETE: COMPLETE, DELTA: COMPLETE}
"""The kinds of clients that are revoked."""
SERIALS = range(6)
CLIENTS = {(NAMED, serial): client_of("p", serial) for serial in SERIALS}
CLIENTS |= {(COMPLETE, serial): client_of(None, serial, OTHER) for serial in SERIALS}


class Stored(NamedTuple):
    kind: int
    number: int
    revoked: frozenset[int]


class Bucket(Memory):
    """Memory in which requests fail, or are not answered until the next step."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.failing: set[str] = set()
        self.hanging: set[str] = set()
        self.answers = Event()
        self.crls: dict[str, Stored] = {}
        self.revoked: dict[int, set[int]] = {NAMED: set(), COMPLETE: set()}
        self.number = 1
        self.put("truststore.pem", CA.pem + OTHER.pem)
        for part in range(random.choice([0, LOADED_COMPLETELY])):
            self.put(f"crl/of-others/{part}.crl", partition(part, padding=part))
        for kind, places in PLACES.items():
            self.publish(kind, places[-1])

    def documents(self, uri: str, suffixes: tuple[str, ...]) -> dict[str, Listed]:
        listed = super().documents(uri, suffixes)
        self._answer(uri)
        return listed

    def fetch(self, uri: str, version: str | None) -> Fetched | None:
        fetched = super().fetch(uri, version)
        self._answer(uri)
        return fetched

    def publish(self, kind: int, place: str) -> None:
        """Store a new CRL, which revokes everybody who was revoked before, or a delta CRL since the first one."""
        revoked = self.revoked[OF[kind]]
        revoked |= {self.random.choice(SERIALS[1:])} if self.random.random() < 0.6 else set()
        self.number += 1
        part, ca = ("p", CA) if kind == NAMED else (None, OTHER)
        extensions = [IS_DELTA] if kind == DELTA else []
        content = partition(part, *sorted(revoked), number=self.number, ca=ca, extensions=extensions)
        self.put(place, content)
        self.crls[place] = Stored(kind, self.number, frozenset(revoked))
        if kind != DELTA and self.random.random() < 0.3:
            self.put(f"{place}.index", index_of(content, self._documents[place].version))

    def step(self) -> None:
        """Publish a CRL, perhaps under a new name, remove one of several, or disturb requests."""
        random, choose = self.random, self.random.choice
        match choose(["publish", "publish", "publish", "copy", "remove", "disturb", "disturb", "disturb"]):
            case "publish":
                kind = choose([NAMED, NAMED, COMPLETE, COMPLETE, DELTA])
                places = [place for place, each in self.crls.items() if each.kind == kind]
                self.publish(kind, choose(places if places and random.random() < 0.8 else PLACES[kind]))
            case "copy":
                place = choose(list(self.crls))
                copy = choose(PLACES[self.crls[place].kind])
                self.put(copy, self._documents[place].content)
                self.crls[copy] = self.crls[place]
            case "remove":
                place = choose(list(self.crls))
                kind, number, _ = self.crls[place]
                if any(each.kind == kind and each.number > number for each in self.crls.values()):
                    del self.crls[place]
                    self.remove(place)
            case "disturb":
                places = [*self.crls, *(f"{place}.index" for place in self.crls)]
                self.answers.set()
                join_attempts()
                self.answers = Event()
                self.failing = {self.uri(each) for each in places if random.random() < 0.1}
                self.failing |= {self.uri(each) for each in PREFIXES if random.random() < 0.3}
                self.hanging = {self.uri(each) for each in PREFIXES if random.random() < 0.4}

    def is_readable(self, place: str, uris: Sequence[str]) -> bool:
        """Return whether a CRL can be found at some location, and read."""
        unanswered = self.failing | self.hanging
        is_found = any(uri not in unanswered for uri in self._locations(place, uris))
        return is_found and unanswered.isdisjoint({self.uri(place), self.uri(f"{place}.index")})

    def is_always_loaded(self, place: str, uris: Sequence[str]) -> bool:
        """Return whether a CRL is a single one, or below a small prefix."""
        names = [self.uri(name) for name in self._documents if name.endswith(".crl")]
        return any(
            sum(name.startswith(uri) for name in names) <= LOADED_COMPLETELY for uri in self._locations(place, uris)
        )

    def _locations(self, place: str, uris: Sequence[str]) -> list[str]:
        uri = self.uri(place)
        return [each for each in uris if each == uri or (each.endswith("/") and uri.startswith(each))]

    def _answer(self, uri: str) -> None:
        if uri in self.hanging:
            assert self.answers.wait(LONG)
        if uri in self.failing:
            raise StoreError(uri, "500")


class Environment(EventAuthorizer):
    """An authorizer with some locations."""

    def __init__(self, bucket: Bucket, clock: Clock, uris: Sequence[str]) -> None:
        self._bucket, self._uris = bucket, uris
        variables = {
            "ALLOWED_COMMON_NAMES": "client",
            "CRL_URIS": ",".join(uris),
            "TRUSTSTORE_URI": bucket.uri("truststore.pem"),
            "CRL_REFRESH_SECONDS": str(INTERVAL),
            "CRL_FAILURE_MODE": bucket.random.choice(["deny", "allow"]),
        }
        self.live = make_live(bucket, load_settings(variables), clock=clock, now=lambda: NOW)
        super().__init__(self.live, clock=lambda: NOW)

    def check(self, *, fit_into_memory: bool) -> None:
        """Check that clients are denied whom a CRL revokes that can be read, and others allowed if the last one can."""
        bucket, sample = self._bucket, self._bucket.random.sample
        readable = {place: each for place, each in bucket.crls.items() if bucket.is_readable(place, self._uris)}
        # No certificate names a delta CRL.
        found = [
            each
            for place, each in readable.items()
            if each.kind != DELTA or (fit_into_memory and bucket.is_always_loaded(place, self._uris))
        ]
        for kind, serial in sample(sorted(CLIENTS), len(CLIENTS)):
            answer = self.deny_reason(CLIENTS[kind, serial])
            last = max(each.number for each in bucket.crls.values() if each.kind == kind)
            if any(serial in each.revoked for each in found if OF[each.kind] == kind):
                assert answer == REVOKED
            elif serial not in bucket.revoked[kind] and last in [each.number for each in found]:
                assert answer is None


@hypothesis.settings(derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_what_any_of_several_overlapping_locations_states_takes_effect(seed: int) -> None:
    random = Random(seed)  # noqa: S311 -- a reproducible sequence
    bucket, clock = Bucket(random), Clock()
    fit_into_memory = random.random() < 0.7
    limit = 256_000 if fit_into_memory else 9 * len(partition("p")) // 2

    def wait(attempt: Attempt[Any, Any], _seconds: float) -> None:
        while attempt.is_running and attempt._loader.uri not in bucket.hanging:  # noqa: SLF001 -- what it waits for
            attempt._thread.join(0.01)  # noqa: SLF001

    singles = [place for place in chain(*PLACES.values()) if random.random() < 0.05]
    uris = [bucket.uri(each) for each in (*random.sample(PREFIXES, random.choice([1, 3, 3])), *singles)]
    random.shuffle(uris)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mtls_authorizer.revocation.documents.max_crl_bytes", lambda _memory: limit)
        patch.setattr(Attempt, "wait", wait)
        running = Environment(bucket, clock, uris)
        try:
            for _ in range(random.randint(4, 10)):
                for _ in range(random.randint(1, 2)):
                    bucket.step()
                if random.random() < 0.1:
                    running.live.restore()
                clock.advance(INTERVAL)
                running.check(fit_into_memory=fit_into_memory)
                if random.random() < 0.3:
                    Environment(bucket, clock, uris).check(fit_into_memory=fit_into_memory)
        finally:
            bucket.answers.set()
            join_attempts()
