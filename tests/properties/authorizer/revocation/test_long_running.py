"""CRLs that are replaced, renamed and removed below a prefix: a running environment knows what a new one knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import event, given
from hypothesis import strategies as st

from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from tests.clocks import Clock
from tests.pki.kept_lists import CA, MINUTE, NOW, OTHER, REVOKED, UNKNOWN, EventAuthorizer, Memory, make_live
from tests.pki.partitions import client_of, partition

if TYPE_CHECKING:
    from datetime import datetime

# A scope is that of a certificate which names its CRL, or of one which names none.
SCOPES = [(ca, part) for ca in (CA, OTHER) for part in ("a", None)]
# The last one can be revoked.
SERIAL_NUMBERS = [(10 * scope + 1, 10 * scope + 2) for scope in range(len(SCOPES))]
CLIENTS = [
    [client_of(part, serial_number, ca) for serial_number in serial_numbers]
    for (ca, part), serial_numbers in zip(SCOPES, SERIAL_NUMBERS, strict=True)
]
NAMES = ["a.crl", "0/a.crl", "b.crl", "c.crl"]
INTERVAL = 60
scopes = st.sampled_from(range(len(SCOPES)))


class Publication(NamedTuple):
    """A CRL in place of the one of the same scope, and of the one with the same name."""

    scope: int
    name: str
    minutes: int
    revokes: bool


class Step(NamedTuple):
    """A change of what is stored, or of the time, and the clients that send requests afterwards."""

    change: Publication | str | int
    asking: int


publications = st.builds(Publication, scopes, st.sampled_from(NAMES), st.integers(1, 9), st.booleans())
steps = st.builds(Step, publications | publications | st.sampled_from(NAMES) | st.integers(1, 5), scopes)


class LargePrefix:
    """A prefix that is not loaded completely. The CRL of a scope is stored once, and revokes more and more."""

    def __init__(self) -> None:
        self.storage = Memory()
        self.storage.put("truststore.pem", CA.pem + OTHER.pem)
        for number in range(LOADED_COMPLETELY):
            self.storage.put(f"crl/part/{number}.crl", partition(number))
        self._scopes: dict[str, int] = {}
        self.revoking: set[int] = set()
        self._number = 0

    def publish(self, new: Publication, now: datetime) -> None:
        for name in [each for each, scope in self._scopes.items() if scope == new.scope]:
            self.remove(name)
        self._scopes[new.name] = new.scope
        self.revoking |= {new.scope} if new.revokes else set()
        self._number += 1
        (ca, part), revoked = SCOPES[new.scope], SERIAL_NUMBERS[new.scope][1:] if new.scope in self.revoking else ()
        next_update = now + new.minutes * MINUTE
        self.storage.put(
            f"crl/{new.name}", partition(part, *revoked, number=self._number, ca=ca, next_update=next_update)
        )

    def remove(self, name: str) -> None:
        if self._scopes.pop(name, None) is not None:
            self.storage.remove(f"crl/{name}")


class Environment(EventAuthorizer):
    """An authorizer with the prefix, at a time that the test sets."""

    def __init__(self, storage: Memory, now: datetime) -> None:
        self.clock, self.now = Clock(), now
        variables = {
            "ALLOWED_COMMON_NAMES": "client",
            "CRL_URIS": "file:///crl/",
            "TRUSTSTORE_URI": storage.uri("truststore.pem"),
            "CRL_REFRESH_SECONDS": str(INTERVAL),
        }
        live = make_live(storage, load_settings(variables), clock=self.clock, now=lambda: self.now)
        super().__init__(live, clock=lambda: self.now)


@given(history=st.lists(steps, min_size=3, max_size=8))
def test_a_running_environment_and_a_new_one_decide_alike(history: list[Step]) -> None:
    prefix = LargePrefix()
    running = Environment(prefix.storage, NOW)
    for change, asking in history:
        match change:
            case Publication():
                prefix.publish(change, running.now)
            case str():
                prefix.remove(change)
            case int():
                running.now += change * MINUTE
        running.clock.advance(INTERVAL)
        new = Environment(prefix.storage, running.now)
        for found, expected in zip(
            running.deny_reasons(*CLIENTS[asking]), new.deny_reasons(*CLIENTS[asking]), strict=True
        ):
            event(f"new: {expected}, running: {found}")
            # Only the running one has CRLs that were removed: they stay in force, and revoke also afterwards.
            was_good = found is None and expected == UNKNOWN
            was_revoked = found == REVOKED and asking in prefix.revoking
            assert found == expected or was_good or was_revoked
