"""A certificate that was revoked in a function, or is after a cold start, is never good, whatever is stored when."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.revocation.index.indexing import index_crl
from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from mtls_authorizer.revocation.succession.retention import MAX_RETAINED_LISTS
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.stores.store import StoreError
from tests.clocks import Clock
from tests.pki import der
from tests.pki.certificate_authorities import DAY, DELTA_CRL_INDICATOR
from tests.pki.certificates import extension
from tests.pki.kept_lists import CA, HTML, NOW, OTHER, REVOKED, EventAuthorizer, Memory, authority, make_live, settings
from tests.pki.partitions import client_of, partition

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.without_coverage

PART = 0
SERIALS = (101, 102, 103)
CLIENTS = [client_of(PART, serial) for serial in SERIALS]
OTHER_CAS = [OTHER, *(authority(f"Other {number}") for number in range(MAX_RETAINED_LISTS))]
"""More than one location keeps the CRLs of."""
TRUSTSTORE = b"".join(ca.pem for ca in (CA, *OTHER_CAS))
OF_OTHERS = [partition(PART, ca=ca, next_update=NOW + 9 * DAY) for ca in OTHER_CAS]
HOUR = timedelta(hours=1)
INTERVAL = 60
REQUESTS = 0.5
"""How probable it is that the clients send requests after a change."""
FAULTS = 0.2
"""How probable it is that a CRL cannot be read after a change."""
DELTAS = 0.5
"""How probable it is that a CRL that is issued is a delta CRL."""
EVICTIONS = 0.5
"""How probable it is that other clients send requests before them."""
OTHERS = {f"crl/{part}.crl": partition(part, next_update=NOW + 99 * DAY) for part in range(1, LOADED_COMPLETELY)}
"""CRLs that make a prefix so large that it is not loaded at the start."""
LARGE = {f"crl/{part}.crl": partition(part, next_update=NOW + 99 * DAY, padding=2000) for part in ("a", "b")}
"""CRLs, of 72 KB, that displace the others from 128 KiB of memory."""
CLIENTS_OF_LARGE = [client_of("a"), client_of("b")]


def _issued(random: Random) -> list[bytes]:
    """Return the CRLs that a CA has issued so far: no revocation is undone, but numbers are restarted now and then."""
    crls = []
    bases: dict[int, int] = {}
    """How many certificates were revoked by the complete CRL with a number, if only one has it."""
    numbers: set[int] = set()
    number, time, revoked = 1, NOW - 4 * DAY, 0
    for _ in range(random.randint(3, 9)):
        time += random.randint(1, 12) * HOUR
        number = random.choice([number + 1] * 3 + [0, 100])
        revoked = min(revoked + random.randint(0, 1), len(SERIALS))
        end = time + random.choice([2, 30, 120, 400]) * HOUR
        if bases and random.random() < DELTAS:
            base = random.choice(list(bases))
            delta = extension(DELTA_CRL_INDICATOR, der.integer(base), critical=True)
            serials = SERIALS[bases[base] : revoked]
            crls.append(partition(PART, *serials, number=number, this_update=time, next_update=end, extensions=[delta]))
            continue
        crls.append(partition(PART, *SERIALS[:revoked], number=number, this_update=time, next_update=end))
        bases.pop(number, None)
        if number not in numbers:
            bases[number] = revoked
        numbers.add(number)
    return crls


class _Storage:
    """CRLs at a few places, and the indexer, at a time that passes."""

    def __init__(self, random: Random, places: list[str]) -> None:
        self.memory = Memory()
        self.now = NOW
        self._random = random
        self._places = places
        self._contents: dict[str, bytes] = {}
        self._issued = _issued(random)
        self.memory.put("truststore.pem", TRUSTSTORE)

    def put(self, name: str, content: bytes) -> None:
        self.memory.put(name, content)
        self._contents[name] = content

    def change(self) -> None:
        """Store any CRL that was issued, something else or an index, remove a CRL, or wait."""
        place = self._random.choice(self._places)
        self.memory.errors = {place: StoreError(place, "500")} if self._random.random() < FAULTS else {}
        match self._random.randrange(10):
            case 0 | 8 | 9:
                self.put(place, self._random.choice([HTML, *OF_OTHERS]))
            case 1:
                self.now += self._random.choice([1, 40]) * HOUR
            case 2 if place in self._contents:
                self.memory.remove(place)
                del self._contents[place]
            case 3 | 4 | 5 if place in self._contents:
                self._index(place)
            case _:
                self.put(place, self._random.choice(self._issued))

    def _index(self, place: str) -> None:
        index = f"{place}.index"
        existing = self._contents.get(index)
        try:
            indexing = index_crl(
                self._contents[place], read_truststore(TRUSTSTORE), self.now, existing=existing, max_age=timedelta(0)
            )
        except ValueError:
            return
        if indexing.new_index is not None:
            self.put(index, indexing.new_index)


@pytest.mark.parametrize(
    ("uris", "places"),
    [
        ("file:///ca.crl", ["ca.crl"]),
        ("file:///ca.crl,file:///copy.crl", ["ca.crl", "copy.crl"]),
        ("file:///crl/", ["crl/0.crl", "crl/copy/0.crl"]),
    ],
    ids=["one CRL", "two CRLs", "a prefix"],
)
@hypothesis.settings(derandomize=True)
@hypothesis.example(seed=81)
@hypothesis.example(seed=182)
@hypothesis.example(seed=288)
@given(seed=st.integers(0, 2**32))
def test_a_revoked_certificate_is_never_good_again(seed: int, *, uris: str, places: list[str]) -> None:
    random = Random(seed)  # noqa: S311 -- a reproducible sequence
    _check(random, _Storage(random, places), uris)


@hypothesis.settings(derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_a_revoked_certificate_is_not_good_after_its_crl_was_evicted(seed: int) -> None:
    random = Random(seed)  # noqa: S311 -- likewise
    storage = _Storage(random, ["crl/0.crl", "crl/copy/0.crl"])
    for name, content in (OTHERS | LARGE).items():
        storage.memory.put(name, content)
    _check(random, storage, "file:///crl/", CLIENTS_OF_LARGE)


def _check(random: Random, storage: _Storage, uris: str, others: Sequence[str] = ()) -> None:
    """Check that no certificate is good after it was revoked. Other clients send requests now and then."""
    clock = Clock()
    configured = settings(storage.memory, CRL_URIS=uris)
    assert configured.revocation_settings is not None
    changed = configured.revocation_settings._replace(memory_size="1")
    configured = configured._replace(revocation_settings=changed, crl_refresh_seconds=INTERVAL)

    def start() -> EventAuthorizer:
        live = make_live(storage.memory, configured, now=lambda: storage.now, clock=clock)
        return EventAuthorizer(live, clock=lambda: storage.now)

    authorizer = start()
    was_revoked = [False] * len(CLIENTS)
    for _ in range(random.randint(6, 30)):
        storage.change()
        if random.random() < REQUESTS:
            clock.advance(INTERVAL)
            if random.random() < EVICTIONS:
                authorizer.deny_reasons(*others)
            found = zip(authorizer.deny_reasons(*CLIENTS), start().deny_reasons(*CLIENTS), was_revoked, strict=True)
            results = [(deny_reason, was or REVOKED in {deny_reason, at_start}) for deny_reason, at_start, was in found]
            assert not any(deny_reason is None and was for deny_reason, was in results)
            was_revoked = [was for _, was in results]
