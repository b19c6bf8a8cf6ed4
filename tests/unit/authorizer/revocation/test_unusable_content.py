"""Decisions after a CRL or its index was removed, or replaced by unusable content: the list in force stays."""

from __future__ import annotations

import pytest

from tests.pki.certificate_authorities import DAY
from tests.pki.kept_lists import (
    EMPTY,
    EVERYBODY,
    FIRST,
    HTML,
    NAMESAKE,
    NEXT_SERIAL,
    NOW,
    OTHER,
    REVOKED,
    REVOKED_SERIAL,
    SECOND,
    STALE,
    EventAuthorizer,
    Memory,
    authority,
    crl,
    index_of,
    make_authorizer,
)

TOMORROW = crl(9, this_update=NOW + DAY, next_update=NOW + 2 * DAY)
CONTENTS = {
    "none": None,
    "garbage": b"\x30\x82garbage",
    "a page": HTML,
    "nothing": b"",
    "a truncated one": SECOND[:-1],
    "one with something behind it": SECOND + b"\0",
    "an older one, signed and fresh": EMPTY,
    "one of another CA": crl(9, ca=OTHER),
    "one of a CA with the same name": crl(9, ca=NAMESAKE),
    "one of a CA that is in no truststore": crl(9, ca=authority("CA")),
    "a stale one": STALE,
    "one of tomorrow": TOMORROW,
}
INDEXES = {
    "garbage": b"garbage",
    "a page": HTML,
    "nothing": b"",
    "a truncated one": index_of(SECOND)[:-1],
    "an older one": index_of(EMPTY),
    "one of another CA": index_of(crl(9, ca=OTHER)),
    "one of a CA with the same name": index_of(crl(9, ca=NAMESAKE)),
    "a stale one": index_of(crl(9, next_update=NOW - DAY / 2)),
    "one of tomorrow": index_of(TOMORROW),
    "a CRL": crl(9),
}


@pytest.fixture
def storage() -> Memory:
    memory = Memory()
    memory.put("truststore.pem", EVERYBODY)
    memory.put("ca.crl", FIRST)
    return memory


def both_modes(storage: Memory) -> list[EventAuthorizer]:
    """Return two authorizers that have loaded their documents: one for each failure mode."""
    authorizers = [make_authorizer(storage, CRL_FAILURE_MODE=mode) for mode in ("deny", "allow")]
    assert deny_reasons(authorizers) == [[None, REVOKED, None]] * 2
    return authorizers


def deny_reasons(authorizers: list[EventAuthorizer]) -> list[list[str | None]]:
    """Return the reasons of each authorizer, which reloads its documents before."""
    return [authorizer.deny_reasons() for authorizer in authorizers]


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("index", ["none", "removed", "stored"])
def test_a_crl_stays_in_force_whatever_replaces_it(storage: Memory, content: bytes | None, index: str) -> None:
    if index != "none":
        storage.put("ca.crl.index", index_of(FIRST))
    authorizers = both_modes(storage)
    if index == "removed":
        storage.remove("ca.crl.index")
    if content is None:
        storage.remove("ca.crl")
    else:
        storage.put("ca.crl", content)
    for _refresh in range(2):
        assert deny_reasons(authorizers) == [[None, REVOKED, None]] * 2
    if index == "stored":
        # A function that starts now uses the index.
        assert make_authorizer(storage).deny_reasons() == [None, REVOKED, None]
    storage.put("ca.crl", crl(4, REVOKED_SERIAL, NEXT_SERIAL))
    assert deny_reasons(authorizers) == [[None, REVOKED, REVOKED]] * 2


@pytest.mark.parametrize("content", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("is_indexed", [False, True])
def test_an_index_that_is_not_usable_changes_nothing(storage: Memory, content: bytes, *, is_indexed: bool) -> None:
    if is_indexed:
        storage.put("ca.crl.index", index_of(FIRST))
    authorizers = both_modes(storage)
    storage.put("ca.crl.index", content)
    for _refresh in range(2):
        assert deny_reasons(authorizers) == [[None, REVOKED, None]] * 2
    storage.put("ca.crl", SECOND)
    storage.put("ca.crl.index", index_of(SECOND))
    assert deny_reasons(authorizers) == [[None, REVOKED, REVOKED]] * 2
