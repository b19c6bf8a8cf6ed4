"""Fuzzes what reads CRLs: `python -m tests.fuzz.fuzz_crl --seconds 600`, with `layer` and `authorizer` on the path.

There is no coverage to be guided by: the decoding is compiled. Instead the mutations know DER, and half of the lists
are signed anew after them, so that they reach what comes behind the signature.
"""

from __future__ import annotations

import random
import time
import warnings
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from client_certificate_auth import MalformedCertificateError, PeerCertificate
from mtls_authorizer.revocation.chains import ChainBuilder
from mtls_authorizer.revocation.crl.reader import find_problem, verify_crl, verify_with_entries
from mtls_authorizer.revocation.crl.rejection import CrlError
from mtls_authorizer.revocation.crl.scope import read_certificate_scope
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.prefix.listing import CrlListing
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.revocation.truststore.names import canonical_name
from mtls_authorizer.stores.store import Listed
from tests.fuzz.command_line import FindingError, run
from tests.pki import der
from tests.pki.certificate_authorities import (
    ALGORITHMS,
    CRL_DISTRIBUTION_POINTS,
    CRL_REASON,
    DAY,
    ENTRY_ISSUER,
    FRESHEST_CRL,
    HOLD,
    INVALIDITY_DATE,
    IS_A_CA,
    IS_DELTA,
    IS_NO_CA,
    NOW,
    REMOVED,
    CertificateAuthority,
    authority_certificate,
    authority_key,
    crl_distribution_points,
    crl_number,
    crl_pem,
    distribution_point,
    entry,
    full_name,
    reason,
)
from tests.pki.certificates import BASIC_CONSTRAINTS, attribute, extension, pem, uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.revocation.crl.entries import CrlEntries
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.status import RevocationStatus

_CONSTRUCTED = 0x20
_LONG_FORM = 0x80
_DEEPEST = 12
_MOST_MUTATIONS = 3

Node: TypeAlias = tuple[int, "bytes | list[Node]"]
"""A tag, and the contents: bytes, or what a constructed one (or an octet string with DER in it) is made of."""

AUTHORITIES = {label: CertificateAuthority(label, algorithm=algorithm) for label, algorithm in ALGORITHMS.items()}
# Signs and verifies fastest.
SIGNING = AUTHORITIES["Ed25519"]
BUNDLE = b"".join(authority.pem for authority in AUTHORITIES.values())
TRUSTSTORE = read_truststore(BUNDLE)
CLIENT = PeerCertificate.from_pem(pem(SIGNING.issue(1)))
_POINT = full_name(uri(b"http://x/1"))
CLIENT_AT_POINT = PeerCertificate.from_pem(pem(SIGNING.issue(1, extensions=[crl_distribution_points(_POINT)])))


class Sample(NamedTuple):
    """A CRL that was signed, and whom it revokes."""

    crl: bytes
    revoked: tuple[int, ...]


def _sample(authority: CertificateAuthority, *entries: bytes, extensions: tuple[bytes, ...] = ()) -> Sample:
    crl = authority.revoke(*entries, extensions=extensions)
    return Sample(crl, tuple(verify_with_entries(crl, TRUSTSTORE)[1].serial_numbers()))


_DIRECTORY_NAME = der.sequence(der.tagged(4, SIGNING.name, constructed=True))
_ENTRIES = [
    entry(1),
    entry(2, HOLD),
    entry(3, REMOVED),
    entry(3, reason(1)),
    entry(-1),
    entry(2**159 - 1, reason(0), extension(INVALIDITY_DATE, der.tlv(der.GENERALIZED_TIME, b"20200101000000Z"))),
    entry(4, extension("1.2.3.4", der.octets(b"x"))),
]
SAMPLES = [
    *(_sample(authority, entry(1), entry(2, HOLD)) for authority in AUTHORITIES.values()),
    _sample(SIGNING),
    _sample(SIGNING, *_ENTRIES),
    _sample(SIGNING, *map(entry, range(40)), extensions=(crl_number(2**80),)),
    _sample(SIGNING, *_ENTRIES, extensions=(crl_number(1), authority_key(b"key"))),
    _sample(SIGNING, entry(9), extensions=(authority_certificate(SIGNING.name, 1000), crl_number(7))),
    _sample(SIGNING, *_ENTRIES, extensions=(crl_number(2), distribution_point(_POINT))),
    _sample(SIGNING, entry(9), extensions=(distribution_point(_POINT, der.tagged(1, b"\xff")),)),
    _sample(SIGNING, entry(9), extensions=(extension(FRESHEST_CRL, der.sequence(der.sequence(_POINT))),)),
]
_OTHER_POINT = full_name(uri(b"http://x/2"))
_POINTS = [
    *([der.sequence(_POINT)] * 3),
    der.sequence(_OTHER_POINT),
    der.sequence(_POINT, der.tagged(1, b"\1\x7e")),
    der.sequence(_POINT, der.tagged(2, der.tagged(4, SIGNING.name, constructed=True), constructed=True)),
    der.sequence(der.tagged(0, der.tagged(1, attribute("CN", "Part"), constructed=True), constructed=True)),
]
LISTING = CrlListing({f"file:///crl/{name}.crl": Listed(f"{name}.crl", "1", 1) for name in ("1", "2", "")})


def _lists(*scope: bytes) -> RevocationLists:
    return RevocationLists([verify_crl(SIGNING.revoke(entry(9), extensions=scope), TRUSTSTORE)], TRUSTSTORE)


COMPLETE_LIST, LIST_OF_POINT = _lists(), _lists(distribution_point(_POINT))
LIST_OF_USERS = _lists(distribution_point(der.tagged(1, b"\xff")))
_LIST_EXTENSIONS = [
    *([crl_number(3)] * 9),
    *([authority_certificate(SIGNING.name, 1000), extension("1.2.3.4", b"\1\1\xff\4")] * 4),
    authority_key(b"key"),
    extension(FRESHEST_CRL, der.sequence(der.sequence(_POINT))),
    IS_DELTA,
    *([distribution_point(_POINT)] * 3),
    distribution_point(der.tagged(1, b"\xff")),
    distribution_point(der.tagged(2, b"\xff")),
    distribution_point(_POINT, der.tagged(1, b"\xff")),
    distribution_point(),
    distribution_point(der.tagged(4, b"\xff")),
    distribution_point(der.tagged(3, b"\1\x7e")),
    crl_number(3, critical=True),
    extension("1.2.3.4", b"", critical=True),
]
_ENTRY_EXTENSIONS = [
    *([HOLD, REMOVED, reason(1), extension(INVALIDITY_DATE, der.tlv(der.GENERALIZED_TIME, b"20200101000000Z"))] * 8),
    *([extension("1.2.3.4", b""), extension(CRL_REASON, der.tlv(0x0A, b"\x63")), extension(CRL_REASON, b"")] * 2),
    extension("1.2.3.4", b"", critical=True),
    extension(ENTRY_ISSUER, _DIRECTORY_NAME, critical=True),
    extension(ENTRY_ISSUER, _DIRECTORY_NAME),
]
_SERIAL_NUMBERS = [1, 1, 0, -1, 127, 128, 255, 256, 2**159, 2**159 - 1, -(2**159), 2**1024, 0x0101FF04, 0x0603551D1D]
_PARTS = [*_LIST_EXTENSIONS, *_ENTRY_EXTENSIONS, *_ENTRIES, der.time(NOW)]
_CLEARED_ONLY_BY = {sample.revoked for sample in SAMPLES}


def fuzz(seed: int, *, seconds: float = float("inf"), executions: float = float("inf")) -> Counter[str]:
    """Run until a limit is reached, and return how often each outcome occurred. Raises FindingError."""
    chance = random.Random(seed)  # noqa: S311 -- to be repeatable
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while outcomes.total() < executions and time.monotonic() < end:
            targets = [_mutate_signed, _sign_mutated, _mutate_points, _mutate_truststore]
            target = chance.choices(targets, [10, 10, 5, 1])[0]
            outcomes[target(chance)] += 1
    return outcomes


def _mutate_signed(chance: random.Random) -> str:
    """Change a list that is signed: its entries must still be there if it is accepted."""
    sample = chance.choice(SAMPLES)
    content = crl_pem(sample.crl) if chance.random() < 0.2 else sample.crl
    if chance.random() < 0.5 and content is sample.crl:
        content = _mutate_structure(chance, content)
    else:
        for _ in range(chance.randint(1, _MOST_MUTATIONS)):
            content = _mutate_bytes(chance, content)

    def check(revoked: tuple[int, ...]) -> None:
        if revoked != sample.revoked and revoked not in _CLEARED_ONLY_BY:
            message = f"a list that nobody has signed counts, with {revoked}"
            raise AssertionError(message)

    return _read(content, check)


def _sign_mutated(chance: random.Random) -> str:
    """Sign a list that was changed: each of its entries must be found, as far as a simple reader sees them."""
    body = _composed(chance)
    for _ in range(chance.choice([0, 0, 1, 1, 1, 2])):
        body = _mutate_structure(chance, body) if chance.random() < 0.8 else _mutate_bytes(chance, body)
    signature = der.bits(SIGNING.algorithm.sign(SIGNING.key, body))
    content = der.sequence(body, SIGNING.algorithm.identifier, signature)

    def check(revoked: tuple[int, ...]) -> None:
        listed, removed = _listed_in(body)
        # An entry that says removeFromCRL revokes nevertheless if another of its extensions can't be decoded.
        if Counter(listed) - Counter(revoked) or Counter(revoked) - Counter(listed + removed):
            message = f"{revoked} are revoked, {listed} are listed, {removed} removed"
            raise AssertionError(message)

    return _read(content, check)


def _composed(chance: random.Random) -> bytes:
    """Compose a TBSCertList (RFC 5280 §5.1.2) that is well-formed, though it need not make sense."""

    def some(extensions: list[bytes]) -> tuple[bytes, ...]:
        return tuple(chance.sample(extensions, chance.choice([0, 0, 1, 1, 2])))

    entries = [
        entry(chance.choice(_SERIAL_NUMBERS), *some(_ENTRY_EXTENSIONS)) for _ in range(chance.choice([0, 1, 2, 3, 30]))
    ]
    start = NOW - chance.choice([-1, 0, 1, 1, 1, 100]) * DAY
    crl = SIGNING.revoke(
        *entries,
        extensions=some(_LIST_EXTENSIONS),
        version=chance.choice([der.integer(1)] * 9 + [b"", der.integer(0), der.integer(2)]),
        this_update=start,
        next_update=chance.choice([None, NOW, NOW + DAY, NOW + DAY]),
    )
    return _encode((der.SEQUENCE, _children(crl)[0][1]))


def _mutate_points(chance: random.Random) -> str:
    """Change the distribution points of a certificate: the CRL of a point covers it only if that is still there."""
    value = der.sequence(*(chance.choice(_POINTS) for _ in range(chance.choice([0, 1, 1, 2]))))
    for _ in range(chance.choice([0, 1, 1, 2])):
        value = _mutate_structure(chance, value)
    constraints = chance.choice([[], [], [IS_A_CA], [IS_NO_CA], [extension(BASIC_CONSTRAINTS, b"\x30\1")]])
    content = SIGNING.issue(1, extensions=[extension(CRL_DISTRIBUTION_POINTS, value), *constraints])
    try:
        certificate = PeerCertificate.from_pem(pem(content))
    except MalformedCertificateError:
        return "certificate: malformed"
    try:
        scope = read_certificate_scope(certificate.fields, canonical_name(certificate.fields.issuer))
        for uri in scope.uris:
            found = LISTING.named_by(uri)
            assert set(found) <= set(LISTING.crls)
            assert uri in value
        states = [lists.status(certificate, NOW).state for lists in (COMPLETE_LIST, LIST_OF_POINT, LIST_OF_USERS)]
        _check_states(states, value, constraints)
    except Exception as error:
        raise FindingError(content.hex()) from error
    return f"certificate: {' '.join(states)}"


def _check_states(states: list[RevocationState], value: bytes, constraints: list[bytes]) -> None:
    """Check the states of a certificate for the complete list, for that of the point and for that of users."""
    assert RevocationState.REVOKED not in states
    if states[1] is RevocationState.GOOD:
        assert b"http://x/1" in value
        assert states[0] is RevocationState.GOOD
    is_user = constraints in ([], [IS_NO_CA])
    assert (states[2] is RevocationState.GOOD) is (states[0] is RevocationState.GOOD and is_user)


def _mutate_truststore(chance: random.Random) -> str:
    content = BUNDLE
    if chance.random() < 0.5:
        certificate = _mutate_structure(chance, chance.choice(list(AUTHORITIES.values())).certificate)
        content = SIGNING.pem + pem(certificate).encode()
    else:
        content = _mutate_bytes(chance, content)
    try:
        truststore = read_truststore(content)
    except ValueError:
        return "truststore: refused"
    except Exception as error:
        raise FindingError(content.hex()) from error
    builder = ChainBuilder(truststore)
    try:
        for held in (CLIENT.fields, *(authority.certificate for authority in truststore.authorities)):
            builder.chains(held)
    except Exception as error:
        raise FindingError(content.hex()) from error
    return "truststore: accepted"


def _read(content: bytes, check: Callable[[tuple[int, ...]], None]) -> str:
    try:
        read, entries = verify_with_entries(content, TRUSTSTORE)
    except CrlError as error:
        if str(error).isprintable():
            return f"refused: {error.rejection}"
        raise FindingError(content.hex()) from error
    except Exception as error:
        raise FindingError(content.hex()) from error
    try:
        return _use(read, entries, check)
    except Exception as error:
        raise FindingError(content.hex()) from error


def _use(read: RevocationList, entries: CrlEntries, check: Callable[[tuple[int, ...]], None]) -> str:
    revoked = tuple(entries.serial_numbers())
    check(revoked)
    for number in {*revoked, *(number + 1 for number in revoked), *(-number for number in revoked), 1, -1, 256}:
        if read.is_revoked(number) is not (number in revoked):
            message = f"the look-up of {number} contradicts the list"
            raise AssertionError(message)
    lists = RevocationLists([read], TRUSTSTORE)
    statuses = [lists.status(client, NOW) for client in (CLIENT, CLIENT_AT_POINT)]
    for status in statuses:
        status.details(NOW)
    is_of_signing_ca = read.identity.issuer.key_fingerprint == SIGNING.signer
    if is_of_signing_ca and (statuses[0].state is RevocationState.REVOKED) is not (1 in revoked):
        message = f"{revoked} are revoked, but the status is {statuses[0].state}"
        raise AssertionError(message)
    _check_scope(read, statuses)
    return f"accepted: {' '.join(status.state for status in statuses)}"


def _check_scope(read: RevocationList, statuses: list[RevocationStatus]) -> None:
    """Check that no list proves something good that is unusable, or limited to other certificates."""
    usable = find_problem(read, TRUSTSTORE, NOW) is None
    limited = read.identity.distribution_point is not None and b"http://x/" in read.identity.distribution_point
    for status, at_point in zip(statuses, (False, True), strict=True):
        if status.state is RevocationState.GOOD and (not usable or (limited and not at_point)):
            message = "a list proves something good though it is unusable or does not cover it"
            raise AssertionError(message)


def _listed_in(body: bytes) -> tuple[list[int], list[int]]:
    """Return whom a TBSCertList (RFC 5280 §5.1.2) lists and whom it removes, read in the plainest way."""
    fields = [(tag, content) for tag, content in _tlvs(_tlvs(body)[0][1])]
    if fields[0][0] == der.INTEGER:
        del fields[0]
    # The signature's algorithm, the issuer and thisUpdate come first.
    lists = [content for tag, content in fields[3:] if tag == der.SEQUENCE]
    listed: list[int] = []
    removed: list[int] = []
    for _, content in _tlvs(lists[0]) if lists else ():
        (_, serial_number), _, *extensions = _tlvs(content)
        kind = removed if _is_removal(extensions[0][1] if extensions else b"") else listed
        kind.append(int.from_bytes(serial_number, signed=True))
    return listed, removed


def _is_removal(extensions: bytes) -> bool:
    parsed = [_tlvs(content) for _, content in _tlvs(extensions)]
    kinds = [fields[0][1] for fields in parsed]
    values = [fields[-1][1] for fields in parsed if der.tlv(der.OID, fields[0][1]) == der.oid(CRL_REASON)]
    return values == [der.tlv(0x0A, b"\x08")] and len(set(kinds)) == len(kinds)


def _tlvs(encoded: bytes) -> list[tuple[int, bytes]]:
    found = []
    start = 0
    while start < len(encoded):
        contents, length = start + 2, encoded[start + 1]
        if length >= _LONG_FORM:
            contents += length ^ _LONG_FORM
            length = int.from_bytes(encoded[start + 2 : contents])
        if contents + length > len(encoded):
            message = "the contents are shorter than their length"
            raise IndexError(message)
        found.append((encoded[start], encoded[contents : contents + length]))
        start = contents + length
    return found


def _children(encoded: bytes) -> list[Node]:
    return [node for node in _parse(encoded, 0)[0][1] if isinstance(node, tuple)]


def _parse(encoded: bytes, depth: int) -> list[Node]:
    nodes: list[Node] = []
    for tag, content in _tlvs(encoded):
        if depth < _DEEPEST and (
            tag & _CONSTRUCTED or (tag == der.OCTET_STRING and content[:1] in b"\x02\x04\x0a\x30")
        ):
            try:
                nodes.append((tag, _parse(content, depth + 1)))
                continue
            except IndexError:
                pass
        nodes.append((tag, content))
    return nodes


def _encode(node: Node) -> bytes:
    return der.tlv(*_plain(node))


def _plain(node: Node) -> tuple[int, bytes]:
    tag, content = node
    return tag, content if isinstance(content, bytes) else b"".join(map(_encode, content))


def _mutate_structure(chance: random.Random, encoded: bytes) -> bytes:
    """Change one element, and all lengths with it."""
    try:
        nodes = _parse(encoded, 0)
    except IndexError:
        return _mutate_bytes(chance, encoded)
    places = list(_places(nodes))
    if not places:
        return _mutate_bytes(chance, encoded)
    siblings, place = chance.choice(places)
    tag, _ = siblings[place]
    _, plain = _plain(siblings[place])
    other_siblings, other_place = chance.choice(places)
    other = _plain(other_siblings[other_place])
    kind = chance.randrange(9)
    if kind == 0:
        del siblings[place]
    elif kind == 1:
        siblings.insert(place, siblings[place])
    elif kind == 2:
        siblings[place] = (chance.choice([tag ^ 1 << chance.randrange(8), chance.randrange(256)]), plain)
    elif kind == 3:
        siblings[place] = (tag, _mutate_bytes(chance, plain))
    elif kind == 4:
        siblings[place] = other
    elif kind == 5:
        other_siblings[other_place], siblings[place] = (tag, plain), other
    elif kind == 6:
        siblings[place] = (
            tag,
            chance.choice([b"", b"\0", b"\xff", b"\x80", b"\x7f", b"\0\x80", b"\xff\x7f", bytes(40)]),
        )
    else:
        part = _parse(chance.choice(_PARTS), 0)[0]
        siblings.insert(place + chance.randrange(2), part)
    return b"".join(map(_encode, nodes))


def _places(nodes: list[Node]) -> list[tuple[list[Node], int]]:
    found = []
    for place, (_, content) in enumerate(nodes):
        found.append((nodes, place))
        if isinstance(content, list):
            found += _places(content)
    return found


def _mutate_bytes(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content or b"\0")
    start = chance.randrange(len(changed))
    end = min(len(changed), start + chance.choice([1, 1, 2, 4, 16, 64]))
    kind = chance.randrange(6)
    if kind == 0:
        changed[start] ^= 1 << chance.randrange(8)
    elif kind == 1:
        changed[start:end] = chance.randbytes(end - start)
    elif kind == 2:
        del changed[start:end]
    elif kind == 3:
        changed[start:start] = changed[start:end]
    elif kind == 4:
        changed[start:end] = chance.choice(_PARTS)
    else:
        del changed[start:]
    return bytes(changed)


if __name__ == "__main__":
    run(fuzz, __doc__)
