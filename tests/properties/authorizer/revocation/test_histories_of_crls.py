"""Histories of CRLs, whose answers are compared with a model, and those of several environments with one another.

Several CAs publish CRLs of several scopes, delta CRLs and CRLs of the future, restart their numbers, and release
clients that were on hold. CRLs are stored at wrong places, rolled back, indexed, fetched and lost.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import compress
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.revocation.fetch.download import Downloaded, Validators
from mtls_authorizer.revocation.fetch.fetching import Outcome, Stored, Verification, fetch
from mtls_authorizer.revocation.index.indexing import index_crl
from mtls_authorizer.revocation.truststore.bundle import Truststore, read_truststore
from mtls_authorizer.stores.store import StoreError
from tests.clocks import Clock
from tests.pki import der
from tests.pki.certificate_authorities import DELTA_CRL_INDICATOR, CertificateAuthority, distribution_point
from tests.pki.certificates import extension
from tests.pki.kept_lists import CA, HTML, MINUTE, NAMESAKE, NOW, OTHER, REVOKED, EventAuthorizer, Memory, make_live
from tests.pki.partitions import client_of, partition
from tests.properties.authorizer.revocation.documented_crls import (
    COMPLETE,
    OF_USERS,
    Client,
    Crl,
    Expected,
    Identity,
    Situation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.without_coverage

HOUR, INTERVAL = timedelta(hours=1), 60
SERIALS = (101, 102)
CAS = (CA, NAMESAKE, OTHER)
HOMES = {
    Identity(CA, COMPLETE): "crl/a.crl",
    Identity(CA, OF_USERS): "crl/users.crl",
    Identity(CA, "p0"): "crl/p0.crl",
    Identity(CA, "p1"): "crl/p1.crl",
    Identity(NAMESAKE, COMPLETE): "crl/n.crl",
    Identity(NAMESAKE, "p0"): "crl/x/p0.crl",
    Identity(OTHER, COMPLETE): "crl/b.crl",
}
DELTAS = "crl/delta.crl"
PLACES = [*HOMES.values(), DELTAS]
OF_CA = [place for identity, place in HOMES.items() if identity.ca is CA]
PARTS = [(CA, None), (CA, "p0"), (CA, "p1"), (NAMESAKE, None), (NAMESAKE, "p0"), (OTHER, None)]
CLIENTS = [Client(ca, part, serial, client_of(part, serial, ca)) for ca, part in PARTS for serial in SERIALS]
EARLY = ["future", "future delta"]
KINDS = [*["next"] * 5, *["delta"] * 3, *EARLY, "back", "restart", "jump"]
USERS_ONLY = distribution_point(der.tagged(1, b"\xff"))


class History:
    """What CAs publish and what is stored, at a time that passes. If it is orderly, each CRL is stored at its place."""

    def __init__(self, random: Random, *, is_orderly: bool) -> None:
        self.random, self._is_orderly = random, is_orderly
        self.memory, self.clock, self.now = Memory(), Clock(), NOW
        self.stored: dict[str, Crl] = {}
        self._numbers = dict.fromkeys(HOMES, 1)
        self._revoked: dict[Identity, frozenset[int]] = dict.fromkeys(HOMES, frozenset())
        self._issued: list[Crl] = []
        self._trust(set(CAS))
        for identity, home in HOMES.items():
            self.put(home, self._issue(identity))

    def step(self) -> None:
        """Change something."""
        self.random.choice([self._store, self._store, self._disturb])()
        if self.random.random() < 0.3:
            self.memory.errors.clear()

    def _store(self) -> None:
        """Store a CRL or an index."""
        choose, some = self.random.choice, self.random.random
        crl, new, place = choose(self._issued), self._issue(choose(list(HOMES)), choose(KINDS)), choose(PLACES)
        match choose([*["new"] * 3, *["early"] * 2, "misplaced", "earlier", "fetched", "index"]):
            case "new":
                is_apart = new.base is not None and some() < 0.5 and not self._is_orderly
                self.put(DELTAS if is_apart else HOMES[new.identity], new)
            case "early" if place in self.stored:
                # The next CRL is stored before its time, and after this one has expired.
                identity = self.stored[place].identity
                self.now = max(self.now, self.stored[place].next_update)
                self.put(HOMES[identity], self._issue(identity, choose(EARLY)))
            case "misplaced" if not self._is_orderly:
                self.put(place, crl)
            case "earlier":
                self.put(HOMES[crl.identity], crl)
            case "fetched":
                crl = choose([crl, new])
                self._fetch(HOMES[crl.identity] if self._is_orderly or some() < 0.9 else place, crl)
            case "index":
                self._index(place)

    def _disturb(self) -> None:
        """Change something else."""
        choose, some, place = self.random.choice, self.random.random, self.random.choice(PLACES)
        match choose(["lost", "truststore", "fault", "time"]):
            case "lost":
                name = choose([place, f"{place}.index"])
                if self.stored.pop(name, None):
                    self.memory.remove(name)
                if place not in self.stored:
                    self.memory.put(place, HTML)
            case "truststore":
                self._trust({ca for ca in CAS if some() < 0.8 or (ca is CA and self._is_orderly)} or {CA})
            case "fault" if place in self.stored:
                self.memory.errors[place] = StoreError(place, "500")
            case "time":
                self.now += choose([MINUTE, HOUR, 5 * HOUR, 40 * HOUR])

    def recover(self) -> dict[Client, str | None]:
        """Publish all CRLs after the others have expired, perhaps with restarted numbers. Return the answers then.

        There is none for clients whom an earlier CRL revokes, if its number is higher.
        """
        self.memory.errors.clear()
        self._trust(set(CAS))
        before, kind = tuple(self._issued), self.random.choice(["next", "restart"])
        self.now = max(self.now, *(each.next_update for each in before))
        self._numbers = dict.fromkeys(HOMES, max(each.number for each in before))
        published = [self._issue(identity, kind, hours=100) for identity in HOMES]
        for crl in published:
            self.put(HOMES[crl.identity], crl)
        revoked, earlier = (
            {(each.identity.ca, serial) for each in crls for serial in each.revoked} for crls in (published, before)
        )
        return {
            client: REVOKED if client.entry in revoked else None
            for client in CLIENTS
            if kind == "next" or client.entry in revoked or client.entry not in earlier
        }

    def situation(self) -> Situation:
        return Situation(self.stored, self.memory.errors, self.trusted, self.now)

    def put(self, place: str, crl: Crl) -> None:
        self.memory.put(place, crl.encoded)
        self.stored[place] = crl

    def _trust(self, trusted: set[CertificateAuthority]) -> None:
        self.trusted = trusted
        self.memory.put("truststore.pem", b"".join(ca.pem for ca in CAS if ca in trusted))

    def truststore(self) -> Truststore:
        return read_truststore(b"".join(ca.pem for ca in CAS if ca in self.trusted))

    def _issue(self, identity: Identity, kind: str = "next", hours: int | None = None) -> Crl:
        """Return a new CRL. Now and then, it revokes another client, or releases one that was on hold."""
        choose, revoked, last = self.random.choice, self._revoked[identity], self._numbers[identity]
        revoked = choose([revoked, revoked | {choose(SERIALS)}, revoked - {choose(SERIALS)}])
        bases = [each for each in self._issued if each.identity == identity and each.base is None]
        base = choose(bases) if "delta" in kind and bases else None
        shift = {"back": -choose([3, 20]), **dict.fromkeys(EARLY, choose([1, 5, 30]))}.get(kind, 0) * HOUR
        this_update = self.now - 10 * MINUTE + len(self._issued) * timedelta(seconds=1) + shift
        crl = Crl(
            identity,
            number={"restart": 1, "jump": last + 50}.get(kind, last + 1),
            this_update=this_update,
            next_update=this_update + (hours or choose([1, 6, 30, 100])) * HOUR + 17 * MINUTE,
            base=base and base.number,
            revoked=revoked - base.revoked if base else revoked,
            encoded=b"",
        )
        is_delta = extension(DELTA_CRL_INDICATOR, der.integer(crl.base or 0), critical=True)
        encoded = partition(
            None if identity.scope == OF_USERS else identity.scope,
            *sorted(crl.revoked),
            number=crl.number,
            ca=identity.ca,
            this_update=this_update,
            next_update=crl.next_update,
            extensions=[*[USERS_ONLY] * (identity.scope == OF_USERS), *[is_delta] * (base is not None)],
        )
        self._numbers[identity], self._revoked[identity] = crl.number, revoked
        self._issued.append(crl._replace(encoded=encoded))
        return self._issued[-1]

    def _index(self, place: str) -> None:
        crl, name = self.stored.get(place), f"{place}.index"
        existing = self.memory.fetch(self.memory.uri(name), None) if name in self.stored else None
        with suppress(ValueError):
            made = crl and index_crl(
                crl.encoded, self.truststore(), self.now, existing=existing and existing.content, max_age=timedelta(0)
            )
            if crl and made and made.new_index:
                self.memory.put(name, made.new_index)
                self.stored[name] = crl

    def _fetch(self, place: str, crl: Crl) -> None:
        """Fetch a CRL. It replaces no newer one, and a complete one not by a delta CRL."""
        before, downloaded = self.stored.get(place), Downloaded(crl.encoded, Validators(None, None))
        verification = Verification(self.truststore(), lambda: self.now, timedelta(0))
        result = fetch(Place(self, place, crl), verification, lambda _: downloaded)
        if before is not None and before.identity.ca in self.trusted and result.outcome is Outcome.STORED:
            is_successor = before.identity == crl.identity and not before.is_newer(crl)
            assert is_successor or before.is_expired(self.now)
            assert crl.base is None or before.base is not None


class Place(NamedTuple):
    """The destination of a CRL that the fetcher downloads."""

    history: History
    name: str
    crl: Crl

    def read(self) -> Stored | None:
        stored = self.history.stored.get(self.name)
        return stored and Stored(stored.encoded)

    def replace(self, _stored: Stored | None, _downloaded: Downloaded) -> bool:
        self.history.put(self.name, self.crl)
        return True


class Environment(EventAuthorizer):
    """An authorizer, and what is expected of it."""

    def __init__(self, history: History, places: Sequence[str], uris: str | None = None) -> None:
        self._history, self._places, self.expected = history, places, Expected()
        variables = {
            "ALLOWED_COMMON_NAMES": "client",
            "CRL_URIS": uris or ",".join(map(history.memory.uri, places)),
            "TRUSTSTORE_URI": history.memory.uri("truststore.pem"),
            "CRL_REFRESH_SECONDS": str(INTERVAL),
        }
        live = make_live(history.memory, load_settings(variables), clock=history.clock, now=lambda: history.now)
        super().__init__(live, clock=lambda: history.now)
        self.observe()

    def observe(self, *, is_certain: bool = True) -> None:
        self.expected.observe(self._history.situation(), self._places, is_certain=is_certain)

    def checked_answers(self) -> list[str | None]:
        """Return the answers to all clients, which are expected ones."""
        self.observe()
        answers = self.deny_reasons(*(client.pem for client in CLIENTS))
        for client, answer in zip(CLIENTS, answers, strict=True):
            assert answer in self.expected.answers(client, self._history.now)
        return answers

    def check_while_crls_are_replaced(self) -> None:
        """Check the answers to requests of many threads in the meantime."""
        history, clients = self._history, CLIENTS * 3
        self.observe(is_certain=False)
        with ThreadPoolExecutor(4) as threads:
            answers = threads.map(lambda client: self.deny_reason(client.pem), clients)
            for crl in history.random.choices(list(history.stored.values()), k=3):
                history.put(HOMES[crl.identity], crl)
                self.observe(is_certain=False)
        for client, answer in zip(clients, answers, strict=True):
            assert answer in self.expected.answers(client, history.now)


@hypothesis.settings(derandomize=True, max_examples=hypothesis.settings().max_examples // 4)
@given(seed=st.integers(0, 2**32))
def test_answers_are_those_of_the_model_whatever_is_stored_when(seed: int) -> None:
    random = Random(seed)  # noqa: S311 -- a reproducible sequence
    is_orderly = random.random() < 0.3
    history = History(random, is_orderly=is_orderly)
    prefix = history.memory.uri("crl/")
    running = [Environment(history, PLACES), Environment(history, PLACES[::-1]), Environment(history, PLACES, prefix)]
    alone = Environment(history, OF_CA)
    for _ in range(random.randint(4, 12)):
        for _ in range(random.randint(1, 3)):
            history.step()
        history.clock.advance(INTERVAL)
        answers, *others = [each.checked_answers() for each in running]
        assert others == [answers, answers]
        Environment(history, PLACES).checked_answers()
        if is_orderly:
            of_ca = [client.ca is CA for client in CLIENTS]
            assert [*compress(answers, of_ca)] == [*compress(alone.checked_answers(), of_ca)]
    for each in running:
        history.clock.advance(INTERVAL)
        each.check_while_crls_are_replaced()
    expected = history.recover()
    history.clock.advance(INTERVAL)
    for each in running:
        found = dict(zip(CLIENTS, each.checked_answers(), strict=True))
        assert {client: found[client] for client in expected} == expected
