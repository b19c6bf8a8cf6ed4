"""The index gives the answers of the CRL that it was made from, and anything but a complete index is rejected."""

from __future__ import annotations

import struct
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.revocation.crl.reader import verify_with_entries
from mtls_authorizer.revocation.crl.scope import COMPLETE, CrlScope
from mtls_authorizer.revocation.index.format import CrlIndexError, read_index, write_index
from mtls_authorizer.revocation.index.indexing import index_crl
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.pki import der
from tests.pki.certificate_authorities import (
    HOLD,
    NOW,
    REMOVED,
    CertificateAuthority,
    crl_number,
    crl_pem,
    entry,
)
from tests.pki.crl_indexes import CHECKSUM_LENGTH, NEXT_UPDATE, ListedRevocations, indexed_serial_numbers, with_checksum

CA = CertificateAuthority("Test CA")
ONLY_USERS = der.sequence(der.tagged(1, b"\xff"))
LIST = ListedRevocations()
HEADER_LENGTH = 136 + len(LIST.issuer)


def patched(index: bytes, place: int, replacement: bytes) -> bytes:
    """Return an index with some of its bytes replaced, and the checksum of that."""
    body = index[:-CHECKSUM_LENGTH]
    return with_checksum(body[:place] + replacement + body[place + len(replacement) :])


# The longest that RFC 5280 §4.1.2.2 allows has 20 bytes as an INTEGER. Some CAs have issued longer ones.
SERIAL_NUMBERS = st.one_of(
    st.integers(-(2**20), 2**20),
    st.integers(0, 2**159 - 1),
    st.integers(-(2**159), 2**161),
    st.integers(-(2**2000), 2**2000),
    st.sampled_from(
        [edge + step for bits in (7, 8, 63, 64, 159, 160) for edge in (2**bits, -(2**bits)) for step in (-1, 0, 1)]
    ),
)


@given(st.lists(SERIAL_NUMBERS, max_size=60), st.lists(SERIAL_NUMBERS, max_size=5))
def test_the_index_gives_the_answers_of_the_list(listed: list[int], others: list[int]) -> None:
    content = ListedRevocations(tuple(listed)).to_index()
    index = read_index(content)
    asked = {0, -1, 2**160, 2**159, -(2**159), *others}
    for number in listed:
        asked |= {number, number - 1, number + 1, -number, ~number, number >> 8, number << 8, number % 2**64}
    assert {number: index.is_revoked(number) for number in asked} == {number: number in listed for number in asked}
    assert indexed_serial_numbers(content) == sorted(set(listed))


@pytest.mark.parametrize("as_text", [False, True])
@given(st.lists(st.tuples(SERIAL_NUMBERS, st.sampled_from([(), (HOLD,), (REMOVED,)])), max_size=20))
def test_the_index_gives_the_answers_of_the_crl(
    as_text: bool,  # noqa: FBT001 -- pytest passes it by name
    entries: list[tuple[int, tuple[bytes, ...]]],
) -> None:
    encoded = CA.revoke(*(entry(number, *extensions) for number, extensions in entries), extensions=[crl_number(9)])
    truststore = read_truststore(CA.pem)
    crl, listed = verify_with_entries(crl_pem(encoded) if as_text else encoded, truststore)
    content = write_index(crl, listed.serial_numbers())
    index = read_index(content)
    asked = {0, -1, 2**160, -(2**159)}
    for number, _ in entries:
        asked |= {number, number - 1, number + 1, -number, ~number, number >> 8, number << 8, number % 2**64}
    assert {number: index.is_revoked(number) for number in asked} == {
        number: crl.is_revoked(number) for number in asked
    }
    assert set(indexed_serial_numbers(content)) == set(listed.serial_numbers())
    fields = ("identity", "issuer_name", "number", "this_update", "next_update", "digest")
    assert [getattr(index, field) for field in fields] == [getattr(crl, field) for field in fields]


@pytest.mark.parametrize("number", [None, 0, 1, 255, 2**64, 2**160 - 1])
@pytest.mark.parametrize("next_update", [None, NEXT_UPDATE, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
@pytest.mark.parametrize(
    "this_update", [LIST.this_update, datetime(1950, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]
)
def test_the_index_has_the_same_properties_as_its_list(
    number: int | None, next_update: datetime | None, this_update: datetime
) -> None:
    original = ListedRevocations((1, 2), number, this_update, next_update)
    index = read_index(original.to_index())
    fields = ("identity", "issuer_name", "number", "this_update", "next_update", "digest")
    assert [getattr(index, field) for field in fields] == [getattr(original.to_list(), field) for field in fields]
    assert write_index(index, original.listed) == original.to_index()


@pytest.mark.parametrize(
    ("listed", "width"),
    [
        ((), 1),
        ((0,), 1),
        ((127, -128), 1),
        ((128,), 2),
        ((-129,), 2),
        ((2**159 - 1,), 20),
        ((1, 2**159 - 1, -(2**159)), 20),
        ((2**160 - 1,), 21),
        ((2**2039 - 1, -(2**2039)), 255),
    ],
)
def test_entries_are_as_wide_as_the_longest_serial_number(listed: tuple[int, ...], width: int) -> None:
    index = ListedRevocations(listed).to_index()
    assert len(index) == HEADER_LENGTH + width * len(listed) + CHECKSUM_LENGTH
    assert index[10] == width
    assert all(map(read_index(index).is_revoked, listed))
    assert indexed_serial_numbers(index) == sorted(listed)


@pytest.mark.parametrize("serial_number", [2**2039, -(2**2039) - 1])
def test_there_is_no_index_of_a_list_with_a_serial_number_of_more_than_255_bytes(serial_number: int) -> None:
    with pytest.raises(CrlIndexError, match="has 256 bytes; an index supports at most 255"):
        ListedRevocations((1, serial_number)).to_index()


def test_the_index_is_the_same_whatever_the_order_of_the_list() -> None:
    assert ListedRevocations((3, 1, 2, 1)).to_index() == ListedRevocations((1, 2, 3)).to_index()
    assert write_index(ListedRevocations().to_list(), iter([2, 1])) == ListedRevocations((1, 2)).to_index()


INDEX = ListedRevocations((-5, 1, 2, 2**64)).to_index()
LIMITED = ListedRevocations((1,), key_identifier=der.sequence(der.tagged(0, b"key")), distribution_point=ONLY_USERS)


def test_the_index_has_the_scope_and_the_key_identifier_of_the_crl_and_its_stored_version() -> None:
    index = read_index(LIMITED.to_index('"etag"'))
    assert (index.key_identifier, index.identity.distribution_point) == (LIMITED.key_identifier, ONLY_USERS)
    assert index.scope == CrlScope(only_users=True)
    assert index.source_version == '"etag"'
    assert read_index(INDEX).scope == COMPLETE
    assert read_index(INDEX).source_version is None


@pytest.mark.without_coverage
def test_every_damaged_byte_is_noticed() -> None:
    for place in range(len(INDEX)):
        for change in range(1, 256):
            damaged = INDEX[:place] + bytes([INDEX[place] ^ change]) + INDEX[place + 1 :]
            with pytest.raises(CrlIndexError):
                read_index(damaged)


def test_every_truncation_is_noticed() -> None:
    for length in range(len(INDEX)):
        with pytest.raises(CrlIndexError):
            read_index(INDEX[:length])
        # As a write that wasn't finished leaves it on some file systems.
        with pytest.raises(CrlIndexError):
            read_index(INDEX[:length].ljust(len(INDEX), b"\0"))


@pytest.mark.parametrize("more", [b"\0", b"\n", INDEX])
def test_nothing_may_follow(more: bytes) -> None:
    with pytest.raises(CrlIndexError, match=f"has {len(INDEX + more)} bytes, but by its header {len(INDEX)}"):
        read_index(INDEX + more)


def test_pieces_of_two_indexes_are_no_index() -> None:
    other = ListedRevocations((-5, 1, 3, 2**64), 8).to_index()
    for place in range(1, len(INDEX)):
        torn = INDEX[:place] + other[place:]
        if torn not in (INDEX, other):
            with pytest.raises(CrlIndexError):
                read_index(torn)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not the index"),
        (b"<!DOCTYPE html><title>503 Service Unavailable</title>", "not the index"),
        (b"-----BEGIN X509 CRL-----\n", "not the index"),
        (b'{"0102": true}', "not the index"),
        (INDEX.replace(b"\n", b"\r\n"), "not the index"),
        (INDEX[:8], "ends in its header"),
        (INDEX[: HEADER_LENGTH - 1], "invalid header"),
        (patched(INDEX, 8, b"\x00\x00"), "has version 0 of the format; this program reads version 2"),
        (patched(INDEX, 8, b"\x00\x01"), "has version 1 of the format; this program reads version 2"),
        (patched(INDEX, 10, b"\x00"), "invalid header"),
        (patched(INDEX, 10, b"\x08"), "but by its header 204"),
        (patched(INDEX, 11, struct.pack(">Q", 3)), "but by its header"),
        (patched(INDEX, 11, struct.pack(">Q", 2**64 - 1)), "but by its header"),
        (patched(INDEX, 19, struct.pack(">q", -(2**63))), "date outside the years 1 to 9999"),
        (patched(INDEX, 27, struct.pack(">q", 2**63 - 1)), "date outside the years 1 to 9999"),
        (patched(INDEX, 35, b"\x00"), "invalid header"),
        (patched(INDEX, 35, b"\x02"), "invalid header"),
        (patched(INDEX, 120, struct.pack(">I", 2**32 - 1)), "invalid header"),
        (patched(INDEX, 132, struct.pack(">I", 2**32 - 1)), "a version that is not UTF-8"),
        (patched(INDEX, 136, b"\x31"), "issuer in the index is not a Name"),
        (LIMITED._replace(distribution_point=b"\xff").to_index(), "the scope of the CRL cannot be read"),
        (
            with_checksum(LIMITED.to_index("etag")[:-16].replace(b"etag", b"eta\xff")),
            "a version that is not UTF-8",
        ),
        (patched(INDEX, HEADER_LENGTH, b"\xff"), "not sorted"),
        (patched(INDEX, HEADER_LENGTH, INDEX[HEADER_LENGTH + 9 : HEADER_LENGTH + 18]), "not sorted"),
        (patched(INDEX, HEADER_LENGTH + 27, b"\x00"), "not sorted"),
        (INDEX[:-CHECKSUM_LENGTH] + bytes(CHECKSUM_LENGTH), "damaged"),
    ],
)
def test_content_that_is_no_index_is_rejected_with_the_reason(content: bytes, message: str) -> None:
    with pytest.raises(CrlIndexError, match=message):
        read_index(content)


@pytest.mark.parametrize("count", [31, 32, 33, 1024, 1025, 2047, 2049, 40_000])
def test_an_index_of_any_length_gives_the_answers_of_the_list(count: int) -> None:
    """Lookups begin with samples of the entries."""
    listed = tuple(range(-count, 2 * count, 3))
    index = read_index(ListedRevocations(listed).to_index())
    assert [number for number in range(-count - 3, 2 * count + 3) if index.is_revoked(number)] == list(listed)


@pytest.mark.parametrize("place", range(100))
def test_a_small_unsorted_index_is_rejected_wherever_it_is_not_sorted(place: int) -> None:
    index = ListedRevocations(tuple(range(101))).to_index()
    body = bytearray(index[:-CHECKSUM_LENGTH])
    entry_place = HEADER_LENGTH + place
    body[entry_place], body[entry_place + 1] = body[entry_place + 1], body[entry_place]
    with pytest.raises(CrlIndexError, match="not sorted"):
        read_index(with_checksum(bytes(body)))


def test_a_large_unsorted_index_is_rejected_as_far_as_samples_show_it() -> None:
    index = ListedRevocations(tuple(range(1_000_000, 1_100_000))).to_index()
    body = index[HEADER_LENGTH:-CHECKSUM_LENGTH]
    halves = body[len(body) // 2 :] + body[: len(body) // 2]
    read_index(index)
    with pytest.raises(CrlIndexError, match="not sorted"):
        read_index(with_checksum(index[:HEADER_LENGTH] + halves))


def test_no_serial_number_is_found_in_the_checksum() -> None:
    """A bisection may end one place behind the last entry, and there lies the checksum."""
    for listed in range(-128, 128, 3):
        index = read_index(ListedRevocations((listed,)).to_index())
        assert [number for number in range(-130, 130) if index.is_revoked(number)] == [listed]


def test_a_crl_is_indexed_again_if_it_was_stored_again_as_another_version() -> None:
    content, truststore, existing = CA.revoke(entry(1), extensions=[crl_number(1)]), read_truststore(CA.pem), None
    for version, is_new in (("a", True), ("a", False), ("b", True), ("b", False)):
        indexing = index_crl(content, truststore, NOW, existing=existing, max_age=timedelta(0), source_version=version)
        assert (indexing.new_index is not None) is is_new
        existing = indexing.new_index or existing


@pytest.mark.parametrize(("first", "count"), [(0, 2047), (10**40, 2047), (10**40, 40_000)])
def test_an_index_takes_little_memory_besides_its_content(first: int, count: int) -> None:
    index = ListedRevocations(tuple(range(first, first + count))).to_index()
    tracemalloc.start()
    try:
        read = read_index(index)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read.size == len(index)
    assert kept < len(index) + 1000


def test_reading_copies_nothing() -> None:
    index = ListedRevocations(tuple(range(10**40, 10**40 + 200_000))).to_index()
    tracemalloc.start()
    try:
        assert read_index(index).is_revoked(10**40)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(index) / 20


def test_writing_takes_less_memory_than_four_indexes() -> None:
    """The largest CRL has seven million entries, or ten million short ones, and the indexer 2 GB."""
    revocation_list = ListedRevocations().to_list()
    serial_numbers = list(range(10**40, 10**40 + 200_000))
    tracemalloc.start()
    try:
        index = write_index(revocation_list, serial_numbers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(index)


@pytest.mark.parametrize("count", [1024, 2049, 3000, 3074, 4099])
def test_a_last_entry_that_is_not_the_highest_is_noticed_in_a_list_of_any_length(count: int) -> None:
    index = ListedRevocations(tuple(range(1_000_000, 1_000_000 + count))).to_index()
    read_index(index)
    lowest = index[HEADER_LENGTH : HEADER_LENGTH + 3]
    with pytest.raises(CrlIndexError, match="not sorted"):
        read_index(patched(index, len(index) - CHECKSUM_LENGTH - 3, lowest))


def test_the_header_is_what_an_index_of_another_release_begins_with() -> None:
    header = struct.Struct(">8sHBQqq?20s32s32sIIII")
    index = ListedRevocations((1, 200), 7, LIST.this_update, None).to_index()
    digests = bytes.fromhex(LIST.digest), bytes.fromhex(LIST.signer)
    seconds = int(LIST.this_update.timestamp())
    assert header.unpack_from(index)[:7] == (b"\x89CRLIDX\n", 2, 2, 2, seconds, -(2**63), True)
    assert header.unpack_from(index)[7:] == ((7).to_bytes(20), *digests, len(LIST.issuer), 0, 0, 0)
