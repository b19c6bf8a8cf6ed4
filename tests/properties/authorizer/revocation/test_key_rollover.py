"""``CRL_CHECK=chain`` while CAs change keys and certify each other, compared with a model of chains and CRLs."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from mtls_authorizer.revocation.index.indexing import index_crl
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.clocks import Clock
from tests.pki.certificate_authorities import crl_number, entry
from tests.pki.kept_lists import HTML, NOW, REVOKED, EventAuthorizer, Memory, authority, client, make_live, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.pki.certificate_authorities import CertificateAuthority

pytestmark = pytest.mark.without_coverage

HOUR = timedelta(hours=1)
INTERVAL = 60
MOST_STEPS = 25


class Link(NamedTuple):
    """A certificate: its serial number, which no other one has, and the key that signed it."""

    serial_number: int
    signer: str


class Node(NamedTuple):
    """The certificate of a CA."""

    ca: CertificateAuthority
    link: Link


def _node(
    name: str, serial_number: int, *, by: CertificateAuthority | None = None, of: CertificateAuthority | None = None
) -> Node:
    """Return a certificate of a new CA, or of another one's name and key, by itself or by another CA."""
    ca = authority(name, parent=by, key=of and of.key, serial_number=serial_number)
    return Node(ca, Link(serial_number, (by or ca).signer))


OLD, NEW, OTHER = _node("Root", 11), _node("Root", 12), _node("Other", 13)
NEW_BY_OLD, OLD_BY_NEW = _node("Root", 14, by=OLD.ca, of=NEW.ca), _node("Root", 15, by=NEW.ca, of=OLD.ca)
ISSUING, NEXT = _node("Issuing", 21, by=OLD.ca), _node("Issuing", 22, by=NEW.ca)
RENEWED, CROSSED = _node("Issuing", 23, by=NEW.ca, of=ISSUING.ca), _node("Issuing", 24, by=OTHER.ca, of=ISSUING.ca)
NEXT_BY_ISSUING = _node("Issuing", 25, by=ISSUING.ca, of=NEXT.ca)
ROOTS = [OLD, NEW, OTHER]
NODES = [OLD, NEW, OTHER, NEW_BY_OLD, OLD_BY_NEW, ISSUING, NEXT, RENEWED, CROSSED, NEXT_BY_ISSUING]
TRUSTSTORES = [
    [OLD, ISSUING],
    [OLD, NEW, ISSUING, NEXT],
    [OLD, NEW, NEW_BY_OLD, OLD_BY_NEW, ISSUING, RENEWED, NEXT],
    [NEW, OLD_BY_NEW, ISSUING, NEXT],
    [OLD, OTHER, ISSUING, CROSSED],
    [OLD, ISSUING, NEXT_BY_ISSUING],
    [NEW, RENEWED, NEXT],
    [ISSUING, NEXT],
]
CLIENTS = {
    Link(serial_number, node.ca.signer): client(serial_number, node.ca)
    for serial_number, node in enumerate((ISSUING, ISSUING, NEXT, NEXT, OLD, NEW), start=31)
}
PLACES = {"root.crl": [OLD, NEW], "issuing.crl": [ISSUING, NEXT], "next.crl": [NEXT, NEW], "other.crl": [OTHER]}


class Crl(NamedTuple):
    """A CRL that a key has signed; of two, the one with the higher number is newer."""

    signer: str
    number: int
    this_update: datetime
    next_update: datetime
    revoked: frozenset[int]
    encoded: bytes


class Publisher:
    """The CRLs of all keys. No revocation is undone."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._issued: dict[str, list[Crl]] = {}

    def crl(self, ca: CertificateAuthority, now: datetime) -> Crl:
        """Return a new CRL of a key, or one that it has issued before."""
        issued = self._issued.setdefault(ca.signer, [])
        if issued and self._random.random() < 0.3:
            return self._random.choice(issued)
        revocable = [
            link.serial_number for link in (*CLIENTS, *(node.link for node in NODES)) if link.signer == ca.signer
        ]
        new = {self._random.choice(revocable)} if self._random.random() < 0.15 else set()
        revoked = frozenset(new).union(*(each.revoked for each in issued[-1:]))
        number = len(issued) + 1
        this_update = now - HOUR + number * timedelta(seconds=1)
        next_update = now + self._random.choice([2, 30, 99]) * HOUR
        encoded = ca.revoke(
            *map(entry, sorted(revoked)),
            this_update=this_update,
            next_update=next_update,
            extensions=[crl_number(number)],
        )
        issued.append(Crl(ca.signer, number, this_update, next_update, revoked, encoded))
        return issued[-1]


class Situation(NamedTuple):
    """The truststore in force at a time, and all that were in force so far, the CRLs that a function may have seen so
    far, and those that are stored."""

    truststore: list[Node]
    ever_trusted: list[Node]
    seen: list[Crl]
    stored: list[Crl]
    now: datetime


def _chains(link: Link, truststore: list[Node], below: tuple[str, ...] = ()) -> Iterator[list[Link]]:
    """Yield every chain of certificates, in which no CA occurs twice, up to a root or to the last CA that is there."""
    nodes = [node for node in truststore if node.ca.signer == link.signer]
    for node in nodes:
        if node in ROOTS:
            yield [link, node.link]
        elif node.link.signer not in {*below, link.signer}:
            yield from ([link, *above] for above in _chains(node.link, truststore, (*below, link.signer)))
    if not nodes:
        yield []


def _links_above(link: Link, nodes: list[Node]) -> list[Link]:
    """Return a certificate and those of all CAs above it, also of CAs that certify each other."""
    found = [link]
    for each in found:
        found += {node.link for node in nodes if node.ca.signer == each.signer} - {*found}
    return found


def _check(deny_reason: str | None, link: Link, situation: Situation) -> None:
    """Compare a decision on a client with the CRLs."""
    truststore, ever_trusted, seen, stored, now = situation
    chains = list(_chains(link, truststore))
    up_to_roots = [chain for chain in chains if chain and chain[-1] in [root.link for root in ROOTS]]
    required = {each for chain in up_to_roots for each in chain[:-1]}
    newest = [crl for crl in stored if all(each.number <= crl.number for each in seen if each.signer == crl.signer)]

    def is_proven(each: Link, crls: list[Crl]) -> bool:
        proving = [crl for crl in crls if crl.signer == each.signer and crl.this_update <= now < crl.next_update]
        return any(each.serial_number not in crl.revoked for crl in proving)

    def is_listed(chains: list[list[Link]], crls: list[Crl]) -> bool:
        listed = {Link(serial_number, crl.signer) for crl in crls for serial_number in crl.revoked}
        return any(each in listed for chain in chains for each in chain)

    # CRLs still revoke when their CA has left the truststore.
    signers = {node.ca.signer for node in truststore}
    departed = [node for node in ever_trusted if node.ca.signer not in signers]
    above = [_links_above(link, [*truststore, *departed])] if departed else []
    may_be_revoked = is_listed([*chains, *above], seen)
    if deny_reason is None:
        assert required
        assert all(is_proven(each, seen) for each in required)
    if deny_reason == REVOKED:
        assert may_be_revoked
    if is_listed(up_to_roots, newest):
        assert deny_reason == REVOKED
    elif required and not may_be_revoked and all(is_proven(each, newest) for each in required):
        assert deny_reason is None
    event(f"{deny_reason}, {len(up_to_roots)} chains, listed: {may_be_revoked}")


@hypothesis.settings(derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_a_client_is_allowed_only_if_each_certificate_below_each_root_is_good(seed: int) -> None:
    random = Random(seed)  # noqa: S311 -- a reproducible sequence
    memory, clock, publisher = Memory(), Clock(), Publisher(random)
    now, truststore = NOW, random.choice(TRUSTSTORES)
    stored: dict[str, Crl] = {}
    seen: list[Crl] = []

    def publish(place: str) -> None:
        stored[place] = publisher.crl(random.choice(PLACES[place]).ca, now)
        seen.append(stored[place])
        memory.put(place, stored[place].encoded)

    def trust(nodes: list[Node]) -> None:
        memory.put("truststore.pem", b"".join(node.ca.pem for node in nodes))

    trust(truststore)
    ever_trusted = list(truststore)
    for place in PLACES:
        publish(place)
    configured = settings(memory, CRL_URIS=",".join(map(memory.uri, PLACES)), CRL_CHECK="chain")
    configured = configured._replace(crl_refresh_seconds=INTERVAL)
    authorizer = EventAuthorizer(make_live(memory, configured, now=lambda: now, clock=clock), clock=lambda: now)
    everybody = read_truststore(b"".join(node.ca.pem for node in NODES))
    for _ in range(random.randint(5, MOST_STEPS)):
        place = random.choice(list(PLACES))
        match random.randrange(10):
            case 0:
                memory.put(place, HTML)
                stored.pop(place, None)
            case 1:
                now += random.choice([1, 40]) * HOUR
            case 2:
                truststore = random.choice(TRUSTSTORES)
                trust(truststore)
                ever_trusted += truststore
            case 3 if place in stored:
                made = index_crl(
                    stored[place].encoded, everybody, stored[place].this_update, existing=None, max_age=HOUR
                )
                assert made.new_index is not None
                memory.put(f"{place}.index", made.new_index)
            case _:
                publish(place)
        clock.advance(INTERVAL)
        for link in random.sample(list(CLIENTS), 2):
            situation = Situation(truststore, ever_trusted, seen, list(stored.values()), now)
            _check(authorizer.deny_reason(CLIENTS[link]), link, situation)
