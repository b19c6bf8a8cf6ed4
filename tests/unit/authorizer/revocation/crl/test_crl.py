from __future__ import annotations

import hashlib
import sys
import time
import tracemalloc
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.revocation.crl.fields import LARGEST_UNUSUAL
from mtls_authorizer.revocation.crl.reader import (
    LONGEST_VALUE,
    find_problem,
    is_stale,
    read_crl,
    verify_crl,
    verify_with_entries,
)
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection
from mtls_authorizer.revocation.crl.scope import MOST_NAMES
from mtls_authorizer.revocation.succession.order import check_succession
from mtls_authorizer.revocation.truststore.bundle import Truststore, read_truststore
from tests.pki import der
from tests.pki.certificate_authorities import (
    ALGORITHMS,
    AUTHORITY_KEY_IDENTIFIER,
    CRL_REASON,
    DAY,
    ENTRY_ISSUER,
    HOLD,
    INVALIDITY_DATE,
    IS_A_CA,
    IS_DELTA,
    MAY_SIGN_CERTIFICATES,
    MD5,
    NOW,
    REMOVED,
    CertificateAuthority,
    authority_key,
    crl_number,
    crl_pem,
    distribution_point,
    entry,
    full_name,
    reason,
)
from tests.pki.certificates import attribute, extension, name, uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from tests.pki.certificate_authorities import Algorithm

CA = CertificateAuthority()
NAMESAKE = CertificateAuthority()
OTHER = CertificateAuthority("Other CA")
RSA = CertificateAuthority("RSA CA", algorithm=ALGORITHMS["RSA with SHA-256"])
RENAMED = CertificateAuthority("Renamed CA", key=CA.key)
BOTH = read_truststore(CA.pem + NAMESAKE.pem + OTHER.pem + RSA.pem + RENAMED.pem)
UNKNOWN_CA = "the issuer of the CRL, CN=CA, with its key, is not in the truststore"
UNREADABLE_REASON = extension(CRL_REASON, b"\xff")
SECOND = timedelta(seconds=1)


def _read(
    crl: bytes,
    truststore: Truststore = BOTH,
    in_force: RevocationList | None = None,
    **options: Any,  # noqa: ANN401 -- those of read_crl
) -> RevocationList:
    """Read a CRL as the indexer does that replaces the one in force."""
    new = read_crl(crl, truststore, NOW, **options)
    if in_force is not None:
        is_expired = is_stale(in_force.next_update, NOW, options.get("max_age", 0 * SECOND))
        check_succession(new, in_force, replaceable=is_expired)
    return new


def _listed(crl: bytes, truststore: Truststore = BOTH) -> list[int]:
    return list(verify_with_entries(crl, truststore)[1].serial_numbers())


def _rejection(crl: bytes, **options: Any) -> CrlRejection:  # noqa: ANN401 -- likewise
    with pytest.raises(CrlError) as caught:
        _read(crl, **options)
    assert str(caught.value)
    return caught.value.rejection


def _of_dates(*dates: bytes) -> bytes:
    return CA.sign(der.integer(1), CA.algorithm.identifier, CA.name, *dates)


def test_a_list_says_whose_it_is_and_how_old() -> None:
    crl = CA.revoke(entry(3), entry(1), extensions=[crl_number(2**159)])
    read = _read(crl)
    assert read.issuer_name == CA.name
    assert read.identity.issuer.key_fingerprint == CA.signer
    assert read.number == 2**159
    assert read.this_update == NOW - DAY
    assert read.next_update == NOW + DAY
    assert read.digest == hashlib.sha256(crl).hexdigest()
    assert _listed(crl) == [3, 1]


def test_a_list_may_leave_out_its_number_and_its_end() -> None:
    crl = CA.revoke(next_update=None)
    read = _read(crl)
    assert (read.number, read.next_update, _listed(crl)) == (None, None, [])


def test_pem_and_der_are_the_same_list() -> None:
    crl = CA.revoke(entry(1))
    assert _read(crl).digest == _read(crl_pem(crl)).digest == _read(b"\r\n" + crl_pem(crl) + b"\r\n").digest


def test_a_list_may_have_less_than_128_bytes() -> None:
    ca = CertificateAuthority("CA", algorithm=ALGORITHMS["Ed25519"])
    crl = ca.revoke(version=b"", next_update=None)
    assert len(crl) < 128
    # Text before PEM may begin with a digit, which is the first byte of DER, too.
    for content in (crl, crl_pem(crl), b"00\n" + crl_pem(crl)):
        assert _read(content, read_truststore(ca.pem)).number is None


@pytest.mark.parametrize(
    ("entries", "revoked"),
    [
        ([entry(1)], [1]),
        ([entry(1), entry(1)], [1, 1]),
        ([entry(1, HOLD)], [1]),
        ([entry(1, REMOVED)], []),
        ([entry(1, HOLD), entry(1, REMOVED)], [1]),
        ([entry(1, REMOVED), entry(1, HOLD)], [1]),
        ([entry(1, REMOVED), entry(1, REMOVED)], []),
        ([entry(-1, HOLD), entry(-1, REMOVED)], [-1]),
        ([entry(-1, REMOVED)], []),
        ([entry(1, UNREADABLE_REASON)], [1]),
        ([entry(1, REMOVED, REMOVED)], [1]),
        ([entry(1, REMOVED, UNREADABLE_REASON)], [1]),
        ([entry(1, REMOVED, extension(INVALIDITY_DATE, b"\xff"))], [1]),
        ([entry(1, extension(CRL_REASON, der.tlv(0x0A, b"\0\x08")))], [1]),
        ([entry(1, extension(CRL_REASON, der.integer(8)))], [1]),
        ([entry(0)], [0]),
        ([entry(2**1100), entry(-(2**1100))], [2**1100, -(2**1100)]),
    ],
)
def test_every_entry_revokes_unless_it_is_readably_a_removal(entries: list[bytes], revoked: list[int]) -> None:
    crl = CA.revoke(*entries)
    read = _read(crl)
    assert _listed(crl) == revoked
    for number in (0, 1, -1, 2, 2**1100, -(2**1100), 2**9000):
        assert read.is_revoked(number) is (number in revoked)


_serials = st.integers(-(2**200), 2**200) | st.integers(-300, 300)


@given(st.lists(_serials, max_size=20), st.lists(_serials, max_size=5))
def test_a_lookup_finds_what_is_listed_and_nothing_else(listed: list[int], others: list[int]) -> None:
    crl = CA.revoke(*map(entry, listed))
    read = _read(crl)
    assert _listed(crl) == listed
    for number in [*listed, *others, *(-number for number in listed)]:
        assert read.is_revoked(number) is (number in listed)


@pytest.mark.parametrize(("octets", "is_kept"), [(64, True), (65, False), (100_000, False)])
def test_lookups_of_long_serial_numbers_are_not_kept_in_memory(octets: int, is_kept: bool) -> None:  # noqa: FBT001 -- a table's column
    listed = (1 << (8 * octets - 1)) + 1
    read = _read(CA.revoke(*map(entry, range(50)), entry(listed)))
    references = sys.getrefcount(listed)
    assert read.is_revoked(listed)
    assert not read.is_revoked(listed + 1)
    assert (sys.getrefcount(listed) > references) is is_kept


@pytest.mark.parametrize("entries", [0, 1000])
def test_cached_lookups_take_less_memory_than_the_list(entries: int) -> None:
    crl = CA.revoke(*map(entry, range(10**20, 10**20 + entries)))
    read = _read(crl)
    tracemalloc.start()
    try:
        assert not any(map(read.is_revoked, range(10**30, 10**30 + 2000)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < len(crl) + 1000


def _key_identifier_of(octets: int) -> bytes:
    """Return an authority key identifier whose value has a number of octets."""
    return extension(AUTHORITY_KEY_IDENTIFIER, der.sequence(der.tagged(0, b"k" * (octets - 8))))


def _points_of(octets: int) -> bytes:
    """Return an issuing distribution point whose value has a number of octets."""
    return distribution_point(full_name(uri("x" * (octets - 16))))


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (_key_identifier_of, LONGEST_VALUE),
        (_points_of, LONGEST_VALUE),
        (lambda names: distribution_point(full_name(*map(uri, map(str, range(names))))), MOST_NAMES),
    ],
    ids=["key identifier", "length of a name", "number of names"],
)
def test_a_list_with_a_long_extension_only_revokes(make: Callable[[int], bytes], most: int) -> None:
    assert verify_crl(CA.revoke(extensions=[make(most)]), BOTH).defect is None
    too_long = verify_crl(CA.revoke(entry(7), extensions=[make(most + 1)]), BOTH)
    assert (too_long.is_revoked(7), too_long.is_complete) == (True, False)
    assert "or has more than 4096 bytes" in str(too_long.defect)


def test_lists_share_the_name_of_their_ca_with_the_truststore() -> None:
    for issuer in (CA.name, name(("CN", "ca"))):
        identity = verify_crl(CA.revoke(issuer=issuer), BOTH).identity
        assert identity.issuer == BOTH.authorities[0].identity
        assert identity.issuer.name is BOTH.authorities[0].identity.name


def test_long_extensions_are_not_kept_in_memory_but_distinguish_lists() -> None:
    first, same, other = (
        verify_crl(CA.revoke(extensions=[_points_of(octets)]), BOTH) for octets in (100_000, 100_000, 100_001)
    )
    assert first.identity == same.identity != other.identity
    with_key_identifier = verify_crl(CA.revoke(extensions=[_key_identifier_of(100_000)]), BOTH)
    for value in (first.identity.distribution_point, with_key_identifier.key_identifier):
        assert value is not None
        assert len(value) < 100


LONG = b"\0" * 2_000_000
ALGORITHM = CA.algorithm.identifier
HOSTILE = {
    "elements": der.sequence(LONG),
    "elements of a TBSCertList": der.sequence(der.sequence(LONG), ALGORITHM, der.bits(b"")),
    "an issuer": CA.revoke(issuer=der.sequence(der.tlv(der.SET, LONG))),
    "an algorithm": CA.sign(der.integer(1), der.sequence(LONG), CA.name, outer_identifier=der.sequence(LONG)),
    "an extension": CA.revoke(extensions=[extension("1.2.3", LONG)]),
    "a signature": der.sequence(der.sequence(der.integer(1), ALGORITHM, CA.name), ALGORITHM, der.bits(LONG)),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_an_unsigned_file_takes_no_memory_beyond_its_size(content: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CrlError, match="more than"):
            verify_crl(content, BOTH)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(LONG) / 10


@pytest.mark.parametrize("length", ["80", "8100", "817f", "8200ff", "81", "84ffffffff", "ff" + "01" * 127, ""])
def test_a_length_that_is_not_der_or_too_long_makes_a_list_malformed(length: str) -> None:
    for content in (b"\x30" + bytes.fromhex(length), der.sequence(b"\x30" + bytes.fromhex(length))):
        with pytest.raises(CrlError) as rejected:
            verify_crl(content, BOTH)
        assert rejected.value.rejection is CrlRejection.MALFORMED


def test_serial_numbers_that_look_like_critical_extensions_take_little_time() -> None:
    lookalikes = entry(int.from_bytes(bytes.fromhex("7f" + "0101ff04" * 4)))
    crl = CA.revoke(revoked=der.sequence(lookalikes * 10_000))
    started = time.process_time()
    assert verify_crl(crl, BOTH).defect is None
    # It is about 0.05 s. Looking for the start of an object identifier byte by byte took several seconds.
    assert time.process_time() - started < 1.5


def test_bytes_that_look_like_a_serial_number_elsewhere_in_a_list_revoke_nothing() -> None:
    # The version, which is written as 1, and the CRL number.
    read = _read(CA.revoke(entry(5), extensions=[crl_number(7)]))
    assert not read.is_revoked(1)
    assert not read.is_revoked(7)


@given(st.lists(st.tuples(_serials, st.sampled_from([(), (HOLD,), (REMOVED,), (reason(1),)])), max_size=20))
def test_the_signed_octets_are_those_that_cryptography_encodes(entries: list[tuple[int, tuple[bytes, ...]]]) -> None:
    crl = CA.revoke(*(entry(number, *extensions) for number, extensions in entries))
    start = 2 + (crl[1] & 0x7F)
    assert crl[start:].startswith(x509.load_der_x509_crl(crl).tbs_certlist_bytes)
    assert _read(crl)


@pytest.mark.parametrize(
    "crl",
    [
        b"",
        b"0",
        b"\x30\x80",
        b"\x30\x83\xff\xff\xff",
        b"x" * 1000,
        CA.certificate,
        CA.pem,
        CA.revoke()[:-1],
        CA.revoke() + b"\0",
        crl_pem(CA.revoke()) * 2,
        crl_pem(CA.revoke()) + CA.pem,
        crl_pem(CA.revoke()) + b"\0",
        crl_pem(CA.revoke()).rstrip() + b"-",
        crl_pem(CA.revoke())[:-30],
        crl_pem(CA.revoke()).replace(b"-----BEGIN X509 CRL-----", b""),
        crl_pem(CA.revoke()).replace(b"X509 CRL", b"CRL"),
        crl_pem(CA.revoke()).replace(b"\n", b"\n!", 1),
        crl_pem(b""),
        crl_pem(CA.revoke())[::-1],
        CA.revoke(entry(b"\2\2\0\1")),
        CA.revoke(entry(b"\2\0")),
        CA.revoke(entry(der.octets(b"\1"))),
        CA.revoke(entry(1, b"")[:2] + b"\xff"),
        CA.revoke(revoked=der.sequence(der.sequence(der.integer(1), der.tlv(der.UTC_TIME, b"x")))),
        CA.revoke(issuer=der.sequence(der.tlv(5))),
        CA.revoke(issuer=name(der.sequence(der.tlv(5)))),
        CA.revoke(extensions=[crl_number(1), crl_number(1)]),
        CA.revoke(extensions=[der.sequence(der.oid("1.2.3"))]),
        CA.revoke(extensions=[der.octets(b"")]),
        CA.sign(der.integer(1), der.octets(bytes(300))),
        CA.sign(der.octets(bytes(300))),
        CA.revoke(outer_identifier=ALGORITHMS["ECDSA with P-384"].identifier),
        CA.revoke(version=der.integer(0)),
        CA.revoke(version=b"", extensions=[crl_number(1)]),
        _of_dates(der.tlv(der.GENERALIZED_TIME, b"00000101000000Z"), der.time(NOW + DAY)),
        _of_dates(der.time(NOW), der.tlv(der.GENERALIZED_TIME, b"00000101000000Z")),
        _of_dates(der.tlv(der.UTC_TIME, b"2601010000Z"), der.time(NOW + DAY)),
        # In search of an entry of another CA's, one is found whose extensions can't be decoded.
        CA.revoke(entry(1, UNREADABLE_REASON), entry(2, extension(ENTRY_ISSUER, der.sequence()))),
    ],
)
def test_content_that_is_not_one_list_in_pem_or_der_is_rejected(crl: bytes) -> None:
    assert _rejection(crl) is CrlRejection.MALFORMED


@pytest.mark.parametrize(
    "others",
    [
        [entry(2, UNREADABLE_REASON), entry(3, extension("1.2.3", b"", critical=True))],
        [entry(2, UNREADABLE_REASON, extension("1.2.3", b"", critical=True))],
        [entry(2, *[extension("1.2.3", b"", critical=True)] * 2)],
    ],
)
def test_an_entry_revokes_although_others_have_critical_extensions_or_unreadable_ones(others: list[bytes]) -> None:
    crl = CA.revoke(entry(1), *others)
    assert _rejection(crl) is CrlRejection.CRITICAL_EXTENSION
    assert [verify_crl(crl, BOTH).is_revoked(number) for number in (1, 2, 9)] == [True, True, False]


@pytest.mark.parametrize(
    ("version", "extensions"),
    [
        (der.integer(0), ()),
        (der.integer(2), (crl_number(1),)),
        (der.integer(-1), ()),
        (der.tlv(der.INTEGER), ()),
        (b"", (crl_number(1),)),
        (der.integer(1), (crl_number(1), crl_number(2))),
        (der.integer(1), (extension("1.2.3", b""), crl_number(1), extension("1.2.3", b""), extension("1.2.3", b""))),
        (der.integer(1), (distribution_point(der.tagged(1, b"\xff")), distribution_point(der.tagged(2, b"\xff")))),
    ],
)
def test_the_entries_revoke_although_the_list_has_another_version_or_an_extension_twice(
    version: bytes, extensions: tuple[bytes, ...]
) -> None:
    crl = CA.revoke(entry(1), entry(2, HOLD), entry(3, REMOVED), version=version, extensions=extensions)
    assert _rejection(crl) in {CrlRejection.MALFORMED, CrlRejection.PARTIAL}
    verified = verify_crl(crl, BOTH)
    assert _listed(crl) == [1, 2]
    assert [verified.is_revoked(number) for number in (1, 2, 3, 9)] == [True, True, False, False]
    assert (verified.this_update, verified.next_update) == (NOW - DAY, NOW + DAY)
    assert verified.number in {None, 1}


def test_an_extension_that_a_list_has_twice_has_no_value() -> None:
    limits = (distribution_point(der.tagged(1, b"\xff")), distribution_point(der.tagged(1, b"\xff")))
    verified = verify_crl(CA.revoke(extensions=(*limits, crl_number(7), crl_number(7))), BOTH)
    assert (verified.scope, verified.number) == (None, None)


def _flagged(flag: bytes, dotted_oid: str = CRL_REASON) -> bytes:
    return der.sequence(der.oid(dotted_oid), der.tlv(der.BOOLEAN, flag), der.octets(der.tlv(0x0A, b"\1")))


def _dated(date: bytes, *extensions: bytes) -> bytes:
    return der.sequence(der.integer(1), date, der.sequence(*extensions) if extensions else b"")


@pytest.mark.parametrize(
    "irregular",
    [
        _dated(der.tlv(der.UTC_TIME, b"x")),
        _dated(der.tlv(der.UTC_TIME, b"2601010000Z"), HOLD),
        _dated(der.tlv(der.UTC_TIME, b"260101000000+0100")),
        _dated(der.tlv(der.GENERALIZED_TIME, b"20260101000000.5Z")),
        _dated(der.time(NOW), _flagged(b"\0")),
        _dated(der.time(NOW), _flagged(b"\1"), extension(INVALIDITY_DATE, b"\xff")),
        _dated(der.tlv(der.UTC_TIME, b""), _flagged(b"\xff", "1.2.3")),
    ],
)
def test_an_entry_revokes_although_its_date_or_a_flag_is_not_in_der(irregular: bytes) -> None:
    crl = CA.revoke(entry(3), irregular, entry(5, HOLD), entry(7, REMOVED))
    assert _rejection(crl) is CrlRejection.MALFORMED
    verified = verify_crl(crl, BOTH)
    assert _listed(crl) == [3, 1, 5]
    assert [verified.is_revoked(number) for number in (1, 3, 5, 7, 9)] == [True, True, True, False, False]
    assert (verified.this_update, verified.next_update) == (NOW - DAY, NOW + DAY)


@pytest.mark.parametrize(
    "irregular",
    [
        _dated(der.tlv(der.UTC_TIME, b"x"), extension(CRL_REASON, b""), der.tlv(5)),
        _dated(der.tlv(5)),
        der.sequence(der.integer(1)),
        der.sequence(der.integer(1), der.tlv(der.UTC_TIME, b"x"), der.tlv(5)),
        der.tlv(der.SET, der.integer(1), der.tlv(der.UTC_TIME, b"x")),
        _dated(der.tlv(der.UTC_TIME, b"x"), _flagged(b"\0"))[:-1],
    ],
)
def test_a_list_with_something_else_than_entries_is_rejected(irregular: bytes) -> None:
    with pytest.raises(CrlError, match="cannot be decoded"):
        verify_crl(CA.revoke(entry(3), irregular), BOTH)


TRUE = b"\xff"


def test_irregular_entries_revoke_only_in_a_crl_that_is_read_fast() -> None:
    sizes = LARGEST_UNUSUAL - 1024, LARGEST_UNUSUAL
    small, large = (CA.revoke(_dated(der.tlv(der.UTC_TIME, b"x"), extension("1.2.3", bytes(size)))) for size in sizes)
    assert verify_crl(small, BOTH).is_revoked(1)
    with pytest.raises(CrlError, match="cannot be decoded"):
        verify_crl(large, BOTH)


def test_everything_in_a_crl_but_its_entries_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [entry(number) for number in range(1, 1000)]
    crl = CA.revoke(*entries)
    size = len(crl) - sum(map(len, entries))
    monkeypatch.setattr("mtls_authorizer.revocation.crl.fields.LARGEST_FIELDS", size)
    assert verify_crl(crl, BOTH).is_revoked(999)
    monkeypatch.setattr("mtls_authorizer.revocation.crl.fields.LARGEST_FIELDS", size - 1)
    with pytest.raises(CrlError, match=f"without its entries, have more than {size - 1} bytes"):
        verify_crl(crl, BOTH)


POINT = full_name(uri(b"http://x/1"))
ENTRY_OF_OTHER = extension(ENTRY_ISSUER, der.sequence(der.tagged(4, OTHER.name, constructed=True)))
MAY_NOT_SIGN = CertificateAuthority("No signer", extensions=[IS_A_CA, MAY_SIGN_CERTIFICATES])
EXPIRED = CertificateAuthority("Expired", not_after=NOW - DAY)
IDENTIFIED = CertificateAuthority("Identified", key_identifier=b"key")


_OWN_CRL = "store a CRL that the CA issues for its own certificates only"


def _limited(limit: str) -> str:
    return f"the CRL is limited by its issuing distribution point ({limit}): it proves no certificate good"


@pytest.mark.parametrize(
    ("crl", "message"),
    [
        (
            b"x" * 1000,
            (
                "neither a CRL in DER nor exactly one in PEM (-----BEGIN X509 CRL-----): 0 PEM blocks, "
                f"and it begins with '{'x' * 20}'"
            ),
        ),
        (
            crl_pem(CA.revoke()) * 2,
            (
                "neither a CRL in DER nor exactly one in PEM (-----BEGIN X509 CRL-----): 2 PEM blocks, "
                "and it begins with '-----BEGIN X509 CRL-'"
            ),
        ),
        (
            CA.pem,
            (
                "neither a CRL in DER nor exactly one in PEM (-----BEGIN X509 CRL-----): 1 PEM block, "
                "and it begins with '-----BEGIN CERTIFICA'"
            ),
        ),
        (b"", "neither a CRL in DER nor exactly one in PEM (-----BEGIN X509 CRL-----): it is empty"),
        (CA.revoke() + b"\n", "the CRL cannot be decoded: something follows the CRL, such as a line end"),
        (crl_pem(CA.revoke()) + b"<html>", "-----END X509 CRL----- is followed by '<html>'"),
        (
            CA.revoke(version=b"", extensions=[crl_number(1)]),
            (
                "the CRL is of version 1, but has extensions, which version 2 introduced: its CA must set version 2, "
                "whose number is 1"
            ),
        ),
        (
            CA.revoke(version=der.integer(0), extensions=[crl_number(1)]),
            (
                "the CRL states another version than 2 (version 1 is not stated in DER): its CA must set version 2, "
                "whose number is 1"
            ),
        ),
        (
            CertificateAuthority("Stranger").revoke(),
            "no CA in the truststore has the name of the CRL's issuer, CN=Stranger",
        ),
        (
            IDENTIFIED.revoke(extensions=[authority_key(b"other")]),
            "no CA in the truststore has the name of the CRL's issuer, CN=Identified, and its key identifier",
        ),
        (RSA.revoke(algorithm=MD5), "the CRL of CN=RSA CA is signed with md5; SHA-256 or stronger is required"),
        (OTHER.revoke(issuer=CA.name), "the CRL is not signed by the CA named as its issuer, CN=CA"),
        (MAY_NOT_SIGN.revoke(), "CN=No signer must not sign CRLs: its key usage does not include cRLSign"),
        (
            EXPIRED.revoke(),
            "the certificate of CN=Expired, which signed the CRL, is not valid at 2026-06-01T12:00:00Z",
        ),
        (
            CA.revoke(extensions=[IS_DELTA]),
            "the CRL is a delta CRL: it revokes, but proves no certificate good",
        ),
        (
            CA.revoke(extensions=[extension("1.2.3.4", b"", critical=True)]),
            "the CRL has an unknown critical extension: 1.2.3.4",
        ),
        (
            CA.revoke(extensions=[distribution_point(der.tagged(4, TRUE))]),
            f"the CRL is an indirect one (indirectCRL): it proves no certificate good; {_OWN_CRL}",
        ),
        (CA.revoke(extensions=[distribution_point(der.tagged(3, b"\1\x7e"))]), _limited("onlySomeReasons")),
        (CA.revoke(extensions=[distribution_point(der.tagged(5, TRUE))]), _limited("onlyContainsAttributeCerts")),
        (
            CA.revoke(extensions=[distribution_point()]),
            "the issuing distribution point of the CRL cannot be read, or has more than 4096 bytes or 64 names",
        ),
        (
            CA.revoke(extensions=[extension("2.5.29.35", b"\xff")]),
            "the authority key identifier of the CRL cannot be read, or has more than 4096 bytes",
        ),
        *(
            (
                CA.revoke(extensions=[number]),
                "the CRL number cannot be read, is negative, or has more than 20 octets",
            )
            for number in (crl_number(-1), crl_number(2**160), extension("2.5.29.20", b"\xff"))
        ),
        (
            CA.revoke(entry(0xABCDEF, ENTRY_OF_OTHER)),
            f"the CRL's entry for abcdef concerns another CA (indirect CRL); {_OWN_CRL}",
        ),
        (
            CA.revoke(entry(0xABCDEF, extension("1.2.3.4", b"", critical=True))),
            "the CRL's entry for abcdef has an unknown critical extension: 1.2.3.4",
        ),
        (
            CA.revoke(this_update=NOW + SECOND),
            "the CRL's thisUpdate, 2026-06-01T12:00:01Z, is after 2026-06-01T12:00:00Z",
        ),
        (
            CA.revoke(next_update=NOW - SECOND),
            "the CRL's nextUpdate, 2026-06-01T11:59:59Z, has passed at 2026-06-01T12:00:00Z",
        ),
        (OTHER.revoke(), "the CRL is issued by another CA or key, or for other certificates, than the one in force"),
        (
            CA.revoke(this_update=NOW - 2 * DAY),
            ("the CRL's thisUpdate, 2026-05-30T12:00:00Z, is before that of the one in force, 2026-05-31T12:00:00Z"),
        ),
        (
            CA.revoke(extensions=[crl_number(9)]),
            "the CRL's number, 9, is lower than that of the one in force, A",
        ),
    ],
)
def test_the_message_says_what_is_wrong_with_the_crl(crl: bytes, message: str) -> None:
    truststore = read_truststore(CA.pem + OTHER.pem + RSA.pem + MAY_NOT_SIGN.pem + EXPIRED.pem + IDENTIFIED.pem)
    with pytest.raises(CrlError) as caught:
        _read(crl, truststore, in_force=_read(CA.revoke(extensions=[crl_number(10)])))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("crl", "beginning"),
    [
        (b"\x30\x80", "the CRL cannot be decoded: "),
        (CA.revoke(entry(b"\2\0")), "the CRL cannot be decoded: "),
        (crl_pem(CA.revoke()[:100]).replace(b"=", b""), "the CRL in PEM is not base64: "),
        (crl_pem(CA.revoke()).replace(b"\n", b"\n!", 1), "the CRL in PEM is not base64: "),
        (
            CA.revoke(entry(0xABCDEF, UNREADABLE_REASON), entry(2, extension(ENTRY_ISSUER, der.sequence()))),
            "the extensions of the CRL's entry for abcdef cannot be decoded: ",
        ),
    ],
)
def test_the_message_says_which_part_cannot_be_decoded_and_why(crl: bytes, beginning: str) -> None:
    with pytest.raises(CrlError) as caught:
        _read(crl)
    message = str(caught.value)
    assert message.startswith(beginning)
    assert len(message) > len(beginning)


def test_the_values_of_rejections_are_stable() -> None:
    assert [rejection.value for rejection in CrlRejection] == [
        "malformed",
        "unknown_issuer",
        "weak_signature",
        "invalid_signature",
        "issuer_may_not_sign",
        "issuer_not_valid",
        "delta",
        "indirect",
        "partial",
        "critical_extension",
        "not_yet_valid",
        "stale",
        "other_issuer",
        "rolled_back",
    ]


def test_a_wrong_hash_is_the_reason_before_the_signature_is_looked_at() -> None:
    assert _rejection(RSA.revoke(algorithm=MD5)) is CrlRejection.WEAK_SIGNATURE


@pytest.mark.parametrize("identifier", ["1.2.3.4", "1.3.101.112", "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.4"])
def test_a_signature_of_another_kind_than_the_key_does_not_verify(identifier: str) -> None:
    algorithm = CA.algorithm._replace(identifier=der.sequence(der.oid(identifier)))
    assert _rejection(CA.revoke(algorithm=algorithm)) is CrlRejection.INVALID_SIGNATURE


@pytest.mark.parametrize("signing", ALGORITHMS.values(), ids=ALGORITHMS)
@pytest.mark.parametrize("claimed", ALGORITHMS.values(), ids=ALGORITHMS)
def test_no_key_verifies_a_signature_that_claims_another_algorithm(signing: Algorithm, claimed: Algorithm) -> None:
    authority = CertificateAuthority("Signing", algorithm=signing)
    truststore = read_truststore(authority.pem)
    crl = authority.revoke(algorithm=signing._replace(identifier=claimed.identifier))
    if signing is claimed:
        assert _read(crl, truststore).identity.issuer.key_fingerprint == authority.signer
    else:
        assert _rejection(crl, truststore=truststore) is CrlRejection.INVALID_SIGNATURE


def test_any_change_of_a_bit_before_the_signature_is_noticed() -> None:
    crl = CA.revoke(entry(1), extensions=[crl_number(1)])
    signature = len(x509.load_der_x509_crl(crl).signature) + len(b"\3\0\0")
    for place in range(len(crl) - signature):
        for bit in range(8):
            changed = bytearray(crl)
            changed[place] ^= 1 << bit
            _rejection(bytes(changed))


def test_of_two_authorities_of_one_name_the_signature_says_whose_list_it_is() -> None:
    assert _read(CA.revoke()).identity.issuer.key_fingerprint == CA.signer
    assert _read(NAMESAKE.revoke()).identity.issuer.key_fingerprint == NAMESAKE.signer


def test_one_certificate_of_a_ca_that_is_valid_and_may_sign_lists_is_enough() -> None:
    expired = CertificateAuthority(key=CA.key, not_after=NOW)
    assert _read(CA.revoke(), read_truststore(expired.pem + CA.pem)).identity.issuer.key_fingerprint == CA.signer
    assert _rejection(CA.revoke(), truststore=read_truststore(expired.pem)) is CrlRejection.ISSUER_NOT_VALID


@pytest.mark.parametrize(
    ("crl", "rejection"),
    [
        (CA.revoke(this_update=NOW - 2 * DAY, extensions=[crl_number(10)]), CrlRejection.ROLLED_BACK),
        (CA.revoke(this_update=NOW - DAY - SECOND, extensions=[crl_number(11)]), CrlRejection.ROLLED_BACK),
        (CA.revoke(this_update=NOW - DAY - SECOND), CrlRejection.ROLLED_BACK),
        (CA.revoke(extensions=[crl_number(9)]), CrlRejection.ROLLED_BACK),
        (CA.revoke(this_update=NOW, extensions=[crl_number(9)]), CrlRejection.ROLLED_BACK),
        (CA.revoke(extensions=[crl_number(10)]), None),
        (CA.revoke(entry(5), extensions=[crl_number(10)]), None),
        (CA.revoke(extensions=[crl_number(11)]), None),
        (CA.revoke(this_update=NOW, extensions=[crl_number(11)]), None),
        (CA.revoke(this_update=NOW), None),
        (CA.revoke(issuer=name(("CN", "ca")), this_update=NOW), None),
        (OTHER.revoke(this_update=NOW, extensions=[crl_number(11)]), CrlRejection.OTHER_ISSUER),
        (NAMESAKE.revoke(this_update=NOW, extensions=[crl_number(11)]), CrlRejection.OTHER_ISSUER),
    ],
)
def test_an_older_list_or_another_cas_does_not_replace_the_one_in_force(
    crl: bytes, rejection: CrlRejection | None
) -> None:
    in_force = _read(CA.revoke(extensions=[crl_number(10)]))
    if rejection:
        assert _rejection(crl, in_force=in_force) is rejection
    else:
        assert _read(crl, in_force=in_force)


def test_a_newer_list_of_the_same_key_under_another_name_does_not_replace_the_one_in_force() -> None:
    assert _rejection(RENAMED.revoke(this_update=NOW), in_force=_read(CA.revoke())) is CrlRejection.OTHER_ISSUER


def test_a_list_that_went_stale_gives_way_to_one_of_another_key_but_not_to_an_older_one() -> None:
    extensions = [crl_number(10)]
    stale = read_crl(CA.revoke(next_update=NOW, extensions=extensions), BOTH, NOW - SECOND)
    read = _read(NAMESAKE.revoke(this_update=NOW - 9 * DAY), in_force=stale)
    assert read.identity.issuer.key_fingerprint == NAMESAKE.signer
    assert _rejection(CA.revoke(extensions=[crl_number(9)]), in_force=stale) is CrlRejection.ROLLED_BACK
    assert _rejection(NAMESAKE.revoke(), in_force=stale, max_age=SECOND) is CrlRejection.OTHER_ISSUER


@pytest.mark.parametrize(("age", "stale"), [(0, True), (1, True), (2, False)])
def test_a_list_may_be_used_after_its_next_update_if_the_settings_allow_it(age: int, stale: bool) -> None:  # noqa: FBT001 -- a table's column
    crl = CA.revoke(next_update=NOW - SECOND)
    if stale:
        assert _rejection(crl, max_age=age * SECOND) is CrlRejection.STALE
    else:
        assert _read(crl, max_age=age * SECOND)


def test_the_maximum_age_applies_to_the_next_update_only() -> None:
    assert _rejection(CA.revoke(this_update=NOW + SECOND), max_age=DAY) is CrlRejection.NOT_YET_VALID
    assert _read(CA.revoke(next_update=NOW.replace(year=9999, month=12, day=31)), max_age=DAY)


@pytest.mark.parametrize(
    "hostile",
    [
        name(("CN", "x\n\x1b[31m" + "y" * 100_000)),
        # Of 64 characters cryptography decodes as many as there are.
        name(("CN", "x\n\x1b[31m"), *[("OU", "y" * 64)] * 1000),
    ],
)
def test_a_message_is_short_and_fit_for_a_log_whatever_the_file_says(hostile: bytes) -> None:
    with pytest.raises(CrlError) as caught:
        _read(CA.revoke(issuer=hostile))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 500


def test_a_list_is_looked_through_where_bytes_only_look_like_a_critical_extension() -> None:
    critical = int.from_bytes(bytes.fromhex("0101ff04"))
    assert _read(CA.revoke(entry(critical), entry(1, HOLD))).is_revoked(critical)
    looks_whole = int.from_bytes(bytes.fromhex("06032a03040101ff04"))
    assert _read(CA.revoke(entry(looks_whole), entry(1, HOLD))).is_revoked(looks_whole)
    assert _listed(CA.revoke(entry(int.from_bytes(bytes.fromhex("0603551d1d")))))


def test_a_critical_extension_of_an_entry_is_found_however_long_its_object_identifier_is() -> None:
    for arcs in range(1, 140):
        critical = extension("1.2" + ".3" * arcs, b"", critical=True)
        found = _rejection(CA.revoke(*map(entry, range(arcs)), entry(999, critical), extensions=[crl_number(1)]))
        # cryptography decodes none of 64 bytes and more.
        assert found is (CrlRejection.CRITICAL_EXTENSION if arcs + 1 < 64 else CrlRejection.MALFORMED), arcs


def test_a_critical_key_identifier_is_understood() -> None:
    critical = extension("2.5.29.35", der.sequence(der.tagged(0, b"key")), critical=True)
    assert _read(CA.revoke(extensions=[critical]))
    assert _read(CA.revoke(extensions=[authority_key(b"key")]))


def test_the_memory_of_a_replaced_list_is_freed_at_once() -> None:
    read, entries = verify_with_entries(CA.revoke(entry(1)), BOTH)
    assert read.is_revoked(1)
    gone = weakref.ref(entries)
    del read, entries  # While a test runs, no garbage is collected.
    assert gone() is None


@pytest.mark.parametrize(
    ("bundle", "rejection", "message"),
    [
        (CA.pem, None, ""),
        (NAMESAKE.pem + CA.pem, None, ""),
        (CertificateAuthority("  ca", key=CA.key).pem, None, ""),
        (NAMESAKE.pem, CrlRejection.UNKNOWN_ISSUER, UNKNOWN_CA),
        (OTHER.pem, CrlRejection.UNKNOWN_ISSUER, UNKNOWN_CA),
        (CertificateAuthority("Other", key=CA.key).pem, CrlRejection.UNKNOWN_ISSUER, UNKNOWN_CA),
        (
            CertificateAuthority(key=CA.key, extensions=[IS_A_CA, MAY_SIGN_CERTIFICATES]).pem,
            CrlRejection.ISSUER_MAY_NOT_SIGN,
            "CN=CA must not sign CRLs: its key usage does not include cRLSign",
        ),
        (
            CertificateAuthority(key=CA.key, not_after=NOW).pem,
            CrlRejection.ISSUER_NOT_VALID,
            "the certificate of CN=CA, which signed the CRL, is not valid at 2026-06-01T12:00:00Z",
        ),
    ],
)
def test_a_list_that_was_verified_before_is_held_against_the_truststore_of_now(
    bundle: bytes, rejection: CrlRejection | None, message: str
) -> None:
    verified = _read(CA.revoke())
    truststore = read_truststore(bundle)
    problem = find_problem(verified, truststore, NOW)
    assert (problem and problem.rejection, str(problem or "")) == (rejection, message)


def test_a_list_that_was_verified_before_must_still_be_current_and_not_older_than_the_one_in_force() -> None:
    verified, newer = _read(CA.revoke(extensions=[crl_number(1)])), _read(CA.revoke(extensions=[crl_number(2)]))
    assert find_problem(verified, BOTH, NOW) is None
    check_succession(newer, verified)
    for now, rejection in ((NOW + DAY, CrlRejection.STALE), (NOW - 2 * DAY, CrlRejection.NOT_YET_VALID)):
        problem = find_problem(verified, BOTH, now)
        assert problem is not None
        assert problem.rejection is rejection
    for in_force, rejection in (
        (newer, CrlRejection.ROLLED_BACK),
        (_read(OTHER.revoke()), CrlRejection.OTHER_ISSUER),
        (_read(CA.revoke(extensions=[distribution_point(POINT)])), CrlRejection.OTHER_ISSUER),
    ):
        with pytest.raises(CrlError) as caught:
            check_succession(verified, in_force)
        assert caught.value.rejection is rejection


def test_a_list_with_a_lower_number_replaces_only_an_earlier_one_that_has_expired() -> None:
    earlier = _read(CA.revoke(this_update=NOW - 2 * DAY, extensions=[crl_number(9)]))
    renumbered = _read(CA.revoke(this_update=NOW - DAY, extensions=[crl_number(1)]))
    check_succession(renumbered, earlier, replaceable=True)
    for days, replaceable in ((1, False), (2, True), (3, True)):
        renumbered = _read(CA.revoke(this_update=NOW - days * DAY, extensions=[crl_number(1)]))
        with pytest.raises(CrlError) as caught:
            check_succession(renumbered, earlier, replaceable=replaceable)
        assert caught.value.rejection is CrlRejection.ROLLED_BACK


UNUSABLE = {
    "not yet valid": CA.revoke(entry(1), this_update=NOW + SECOND),
    "stale": CA.revoke(entry(1), next_update=NOW - SECOND),
    "of an expired CA": EXPIRED.revoke(entry(1)),
    "of a CA that may not sign CRLs": MAY_NOT_SIGN.revoke(entry(1)),
    "of another key identifier": IDENTIFIED.revoke(entry(1), extensions=[authority_key(b"other")]),
    "with an unknown critical extension": CA.revoke(entry(1), extensions=[extension("1.2.3", b"", critical=True)]),
    "with one in an entry": CA.revoke(entry(1, extension("1.2.3", b"", critical=True))),
    "for some reasons": CA.revoke(entry(1), extensions=[distribution_point(der.tagged(3, b"\1\x7e"))]),
    "of an unreadable scope": CA.revoke(entry(1), extensions=[distribution_point()]),
    "of contradictory scopes": CA.revoke(
        entry(1), extensions=[distribution_point(der.tagged(1, TRUE), der.tagged(2, TRUE))]
    ),
    "of an unreadable key identifier": CA.revoke(entry(1), extensions=[extension("2.5.29.35", b"\xff")]),
}


@pytest.mark.parametrize("crl", UNUSABLE.values(), ids=UNUSABLE)
def test_a_list_that_proves_nothing_good_is_verified_and_revokes(crl: bytes) -> None:
    truststore = read_truststore(CA.pem + EXPIRED.pem + MAY_NOT_SIGN.pem + IDENTIFIED.pem)
    verified = verify_crl(crl, truststore)
    assert verified.is_revoked(1)
    assert find_problem(verified, truststore, NOW) is not None


@pytest.mark.parametrize(
    "subject",
    [
        name(attribute("CN", "Example & Company", der.PRINTABLE_STRING)),
        name(attribute("O", "M\xfcller", der.T61_STRING)),
        name(der.sequence(der.oid("2.5.4.3"), der.tlv(der.UTF8_STRING, b"\xff"))),
        name(("CN", "x" * 200)),
    ],
)
@pytest.mark.parametrize("count", [0, 3, 300])
def test_a_list_of_a_ca_with_an_unusual_name_is_read(subject: bytes, count: int) -> None:
    authority = CertificateAuthority(subject=subject)
    crl = authority.revoke(*(entry(number, HOLD) for number in range(count)), extensions=[crl_number(5)])
    truststore = read_truststore(authority.pem)
    for content in (crl, crl_pem(crl)):
        read = _read(content, truststore)
        assert (read.issuer_name, read.number, read.digest) == (subject, 5, hashlib.sha256(crl).hexdigest())
        assert _listed(content, truststore) == list(range(count))
        assert [number for number in range(5) if read.is_revoked(number)] == list(range(min(count, 5)))
    with pytest.raises(CrlError):
        _read(crl[:-1] + bytes([crl[-1] ^ 1]), truststore)


def test_a_list_extension_that_cannot_be_read_and_says_nothing_about_certificates_does_not_matter() -> None:
    assert _read(CA.revoke(entry(1), extensions=[extension("2.5.29.46", b"\xff")])).is_revoked(1)
