"""Fuzzes what reads indexes: `python -m tests.fuzz.fuzz_index --seconds 600`, `layer` and `authorizer` on the path.

Whatever the bytes, they are refused, or read as a list whose answers agree with each other. Most of them have a
checksum that is right, so that they reach what comes behind it.
"""

from __future__ import annotations

import struct
import warnings
from random import Random
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.crl.scope import CertificateScope, PointName
from mtls_authorizer.revocation.index.format import CrlIndexError, read_index, write_index
from tests.fuzz.command_line import repeat, run
from tests.pki import der
from tests.pki.certificate_authorities import full_name
from tests.pki.certificates import uri
from tests.pki.crl_indexes import CHECKSUM_LENGTH, NEXT_UPDATE, ListedRevocations, indexed_serial_numbers, with_checksum

if TYPE_CHECKING:
    from collections import Counter

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList

_INTERESTING = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    struct.pack(">q", -(2**63)),
    struct.pack(">Q", 2**64 - 1),
    bytes(20),
)


_NAME = full_name(uri(b"http://x/1"))
_POINTS = [der.sequence(_NAME), der.sequence(der.tagged(1, b"\xff")), der.sequence(_NAME, der.tagged(2, b"\xff"))]
_KEY = der.sequence(der.tagged(0, b"key"))


_CERTIFICATES = [
    CertificateScope(is_ca, has_points=bool(names), has_only_limited_points=False, names=names)
    for is_ca in (None, False, True)
    for names in (frozenset[PointName](), frozenset({(0x86, b"http://x/1")}), frozenset({(0x86, b"http://x/2")}))
]


def fuzz(seed: int, **limits: float) -> Counter[str]:
    """Run until a limit is reached, and count the outcomes. Raises FindingError."""
    chance = Random(seed)  # noqa: S311 -- to be repeatable
    contents = iter(lambda: _mutated(chance, _index(chance)), None)
    # cryptography has some for names that are odd, and reads them.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return repeat(contents, lambda content: "read" if _try(chance, content) else "refused", **limits)


def _try(chance: Random, content: bytes) -> bool:
    """Return whether it was an index. Raises AssertionError for one that contradicts itself."""
    try:
        index = read_index(content)
    except CrlIndexError:
        return False
    numbers = indexed_serial_numbers(content)
    assert numbers == sorted(set(numbers))
    for number in chance.sample(numbers, min(len(numbers), 8)):
        assert index.is_revoked(number)
        for other in (number - 1, number + 1, -number, number << 8):
            assert index.is_revoked(other) == (other in numbers)
    written = write_index(index, numbers, source_version=index.source_version)
    again = read_index(written)
    assert (again.key_identifier, again.source_version) == (index.key_identifier, index.source_version)
    assert indexed_serial_numbers(written) == numbers
    assert (again.identity, again.issuer_name, again.digest) == (index.identity, index.issuer_name, index.digest)
    assert again.scope == index.scope
    _check_scope(index)
    dates_and_number = (index.number, index.this_update, index.next_update)
    assert (again.number, again.this_update, again.next_update) == dates_and_number
    return True


def _check_scope(index: RevocationList) -> None:
    """Check that an index with the name of a part covers only certificates with this name, and none unlimited."""
    scope = index.scope
    assert scope is not None
    if index.identity.distribution_point is None:
        assert all(scope.covers(certificate) for certificate in _CERTIFICATES)
        return
    for certificate in _CERTIFICATES:
        names = scope.names
        if scope.covers(certificate):
            assert names is None or names & certificate.names
            assert certificate.is_ca is not None or not (scope.only_users or scope.only_cas)
            assert not scope.only_attributes
            assert not scope.only_some_reasons


def _index(chance: Random) -> bytes:
    """Return an index of few entries or many, narrow or wide."""
    bits = chance.choice((3, 8, 63, 127, 159, 160, 2000))
    listed = [
        chance.getrandbits(bits) - chance.choice((0, 0, 0, 1 << bits - 1)) for _ in range(chance.choice((0, 1, 2, 20)))
    ]
    number = chance.choice((None, 0, chance.getrandbits(160)))
    end = chance.choice((None, NEXT_UPDATE))
    revocation_list = ListedRevocations(tuple(listed), number, next_update=end)
    if chance.random() < 0.5:
        revocation_list = revocation_list._replace(distribution_point=chance.choice(_POINTS), key_identifier=_KEY)
    return revocation_list.to_index(chance.choice((None, '"etag"')))


def _mutated(chance: Random, content: bytes) -> bytes:
    """Return an index that was damaged up to four times. Most have a checksum that is right again."""
    body = bytearray(content[:-CHECKSUM_LENGTH])
    for _ in range(chance.randrange(5)):
        # The header is where what is written decides what is read, so it gets half of the damage.
        place = chance.randrange(min(len(body), 200) if chance.random() < 0.5 else len(body)) if body else 0
        match chance.randrange(6):
            case 0:
                body[place : place + 1] = chance.randbytes(1)
            case 1:
                replacement = chance.choice(_INTERESTING)
                body[place : place + len(replacement)] = replacement
            case 2:
                del body[place : place + chance.randrange(1, 40)]
            case 3:
                body[place:place] = chance.randbytes(chance.randrange(1, 40))
            case 4:
                del body[place:]
            case _:
                body[place:place] = body[chance.randrange(place + 1) : place]
    if chance.random() < 0.1:
        return bytes(body) + content[-CHECKSUM_LENGTH:]
    return with_checksum(bytes(body))


if __name__ == "__main__":
    run(fuzz, __doc__)
