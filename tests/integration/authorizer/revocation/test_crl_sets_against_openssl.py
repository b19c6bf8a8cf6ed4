"""Several CRLs of a CA, renewed and cross-signed CAs, incomplete truststores: OpenSSL's answers, or stricter ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.revocation.crl.rejection import CrlRejection
from tests.integration.authorizer.revocation.openssl_verify import (
    GOOD,
    OPENSSL,
    REVOKED,
    UNKNOWN,
    Case,
    check_answer,
    check_openssl,
)
from tests.pki import der
from tests.pki.certificate_authorities import (
    DAY,
    IS_A_CA,
    IS_DELTA,
    IS_NO_CA,
    MAY_SIGN_BOTH,
    MAY_SIGN_CERTIFICATES,
    MAY_SIGN_LISTS,
    NOW,
    CertificateAuthority,
    authority_key,
    crl_distribution_points,
    crl_number,
    distribution_point,
    entry,
    full_name,
)
from tests.pki.certificates import certificate_der, extension, name, pem, uri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.without_coverage

NETSCAPE_TYPE = "2.16.840.1.113730.1.1"
HOUR = timedelta(hours=1)
CA, OTHER = CertificateAuthority(), CertificateAuthority("Other", serial_number=2000)
CLIENT = CA.issue(1)


def _full_name(part: str) -> bytes:
    return full_name(uri(f"http://ca.example/{part}.crl"))


def _client_of(*parts: str) -> bytes:
    return CA.issue(1, extensions=[crl_distribution_points(*map(_full_name, parts))])


def _part(part: str, *revoked: int, number: int = 1, **dates: Any) -> bytes:  # noqa: ANN401 -- as revoke has them
    scope = [] if part == "complete" else [distribution_point(_full_name(part))]
    if part == "users":
        scope = [distribution_point(der.tagged(1, b"\xff"))]
    if part == "CAs":
        scope = [distribution_point(der.tagged(2, b"\xff"))]
    dates = {"this_update": NOW - DAY + number * HOUR, **dates}
    return CA.revoke(*map(entry, revoked), extensions=[crl_number(number), *scope], **dates)


def _several() -> Iterator[tuple[str, Case]]:
    """Yield cases of one CA with several CRLs. Each in both orders, which must not matter."""
    of_a, of_b, of_c = _client_of("a"), _client_of("b"), _client_of("c")
    stale: dict[str, Any] = {"next_update": NOW - HOUR}
    future: dict[str, Any] = {"this_update": NOW + HOUR}
    # Without -use_deltas, OpenSSL considers it complete.
    delta = CA.revoke(
        entry(1),
        extensions=[crl_number(2), IS_DELTA],
        this_update=NOW - DAY + 2 * HOUR,
    )
    cases = {
        "two parts, its own lists it": Case(REVOKED, [_part("a", 1), _part("b")], of_a, [CA]),
        "two parts, neither lists it": Case(GOOD, [_part("a"), _part("b", 2)], of_b, [CA]),
        "two parts, the other one lists it": Case(REVOKED, [_part("a"), _part("b", 1)], of_a, [CA], openssl=GOOD),
        "two parts, neither is its own": Case(UNKNOWN, [_part("a"), _part("b")], of_c, [CA]),
        "two parts, its own is stale": Case(UNKNOWN, [_part("a", **stale), _part("b")], of_a, [CA]),
        "two parts, the other one is stale": Case(GOOD, [_part("a"), _part("b", **stale)], of_a, [CA]),
        "two parts, it names both": Case(GOOD, [_part("a"), _part("b")], _client_of("a", "b"), [CA]),
        "two parts, it names none": Case(UNKNOWN, [_part("a"), _part("b")], CLIENT, [CA]),
        "users and CAs": Case(GOOD, [_part("users", 2), _part("CAs", 3)], CLIENT, [CA]),
        "users and CAs, listed": Case(REVOKED, [_part("users", 1), _part("CAs", 3)], CLIENT, [CA]),
        "users are stale, CAs are not": Case(UNKNOWN, [_part("users", **stale), _part("CAs")], CLIENT, [CA]),
        "complete and a part": Case(GOOD, [_part("complete", 2), _part("a", 3)], of_a, [CA]),
        "complete and stale, and a part": Case(GOOD, [_part("complete", **stale), _part("a")], of_a, [CA]),
        "complete, and a part that is stale": Case(GOOD, [_part("complete"), _part("a", **stale)], of_a, [CA]),
        "the newer one lists it": Case(REVOKED, [_part("complete"), _part("complete", 1, number=2)], CLIENT, [CA]),
        "the older one lists it": Case(GOOD, [_part("complete", 1), _part("complete", number=2)], CLIENT, [CA]),
        "the newer part lists it": Case(REVOKED, [_part("a"), _part("a", 1, number=2)], of_a, [CA]),
        "the older part lists it": Case(GOOD, [_part("a", 1), _part("a", number=2)], of_a, [CA]),
        "the newer one is not valid yet": Case(
            GOOD, [_part("complete"), _part("complete", number=2, **future)], CLIENT, [CA]
        ),
        "the newer one is not valid yet and lists it": Case(
            REVOKED, [_part("complete"), _part("complete", 1, number=2, **future)], CLIENT, [CA], openssl=GOOD
        ),
        "the newer one is stale": Case(GOOD, [_part("complete"), _part("complete", number=2, **stale)], CLIENT, [CA]),
        "the newer one is stale and lists it": Case(
            REVOKED, [_part("complete"), _part("complete", 1, number=2, **stale)], CLIENT, [CA], openssl=GOOD
        ),
        "the older one is stale and lists it": Case(
            GOOD, [_part("complete", 1, **stale), _part("complete", number=2)], CLIENT, [CA]
        ),
        "all are stale": Case(
            UNKNOWN, [_part("complete", **stale), _part("complete", number=2, **stale)], CLIENT, [CA]
        ),
        "complete, and a newer delta that lists it": Case(REVOKED, [_part("complete"), delta], CLIENT, [CA]),
        "a delta that lists it, and a newer complete one": Case(
            GOOD, [_part("complete", number=3), delta], CLIENT, [CA]
        ),
        "another CA's list comes with it": Case(GOOD, [_part("complete"), OTHER.revoke(entry(1))], CLIENT, [CA, OTHER]),
    }
    for label, case in cases.items():
        yield label, case
        yield f"{label}, in the other order", case._replace(crls=case.crls[::-1])


def _renewed() -> Iterator[tuple[str, Case]]:
    expired = CertificateAuthority(key=CA.key, not_after=NOW - DAY, serial_number=1001)
    longer = CertificateAuthority(key=CA.key, not_after=NOW + 2000 * DAY, serial_number=1002)
    for label, bundle in (
        ("the former certificate first", [expired, CA]),
        ("the former certificate last", [CA, expired]),
        ("two valid certificates", [CA, longer]),
    ):
        yield f"renewed, {label}", Case(GOOD, [CA.revoke(entry(2))], CLIENT, bundle)
        yield f"renewed, {label}, listed", Case(REVOKED, [CA.revoke(entry(1))], CLIENT, bundle)
        yield f"renewed, {label}, no list", Case(UNKNOWN, [OTHER.revoke()], CLIENT, [*bundle, OTHER])
    yield (
        "renewed, only the former certificate",
        Case(UNKNOWN, [CA.revoke()], CLIENT, [expired], CrlRejection.ISSUER_NOT_VALID),
    )
    # With a new key, and key identifiers that tell which one has signed.
    old = CertificateAuthority("CA", key_identifier=b"old")
    new = CertificateAuthority("CA", key_identifier=b"new", serial_number=1003)
    of_old = [authority_key(b"old")]
    client = old.issue(1, extensions=of_old)
    by_old, by_new = old.revoke(entry(2), extensions=of_old), new.revoke(entry(2), extensions=[authority_key(b"new")])
    listed = old.revoke(entry(1), extensions=of_old)
    listed_by_new = new.revoke(entry(1), extensions=[authority_key(b"new")])
    for label, bundle in (("old first", [old, new]), ("new first", [new, old])):
        yield f"a new key, {label}, a list by the old one", Case(GOOD, [by_old], client, bundle)
        yield f"a new key, {label}, listed by the old one", Case(REVOKED, [listed], client, bundle)
        yield f"a new key, {label}, lists by both", Case(GOOD, [by_old, by_new], client, bundle)
        yield f"a new key, {label}, lists by both, listed", Case(REVOKED, [listed, by_new], client, bundle)
        yield f"a new key, {label}, the new one listed its number", Case(GOOD, [by_old, listed_by_new], client, bundle)
        yield f"a new key, {label}, a list by the new one only", Case(UNKNOWN, [by_new], client, bundle)


def _rolled_over() -> Iterator[tuple[str, Case]]:
    """Yield cases of a CA that has two keys, one of which has certified the other one."""
    of_root, of_second = [authority_key(b"root")], [authority_key(b"second")]
    root = CertificateAuthority("Rolled over", key_identifier=b"root")
    second = CertificateAuthority(
        "Rolled over",
        parent=root,
        serial_number=7,
        key_identifier=b"second",
        extensions=[IS_A_CA, MAY_SIGN_BOTH, *of_root],
    )
    below = CertificateAuthority(
        "Below", parent=second, serial_number=9, extensions=[IS_A_CA, MAY_SIGN_BOTH, *of_second]
    )
    own, by_root = second.revoke(extensions=of_second), root.revoke(extensions=of_root)
    listed_by_root = root.revoke(entry(1), extensions=of_root)
    stale = second.revoke(extensions=of_second, next_update=NOW - HOUR)
    case = Case(GOOD, [], second.issue(1, extensions=of_second), [root, second])
    cases = {
        "lists by both keys": case._replace(crls=[own, by_root]),
        "listed by its key": case._replace(
            answer=REVOKED, crls=[second.revoke(entry(1), extensions=of_second), by_root]
        ),
        "listed by the other key": case._replace(answer=REVOKED, crls=[listed_by_root]),
        "the list by its key is stale": case._replace(answer=UNKNOWN, crls=[stale], rejection=CrlRejection.STALE),
        "the list by its key is stale, listed by the other one": case._replace(
            answer=REVOKED, crls=[stale, listed_by_root]
        ),
        "its key proves it good": case._replace(crls=[own, listed_by_root]),
        # OpenSSL assumes that the CA has one CRL for both keys.
        "not listed by the other key": case._replace(answer=UNKNOWN, crls=[by_root], openssl=GOOD),
        "its key is listed": case._replace(
            answer=REVOKED, crls=[own, root.revoke(entry(7), extensions=of_root)], whole_chain=True
        ),
        "a CA below it is listed by the other key": Case(
            REVOKED,
            [below.revoke(), root.revoke(entry(9), extensions=of_root)],
            below.issue(1),
            [root, second, below],
            openssl=GOOD,
        ),
    }
    for label, each in cases.items():
        yield f"rolled over, {label}", each
    whole_chain = cases["a CA below it is listed by the other key"]._replace(openssl=None, whole_chain=True)
    yield "rolled over, a CA below it is listed by the other key, whole chain", whole_chain


def _cross_signed() -> Iterator[tuple[str, Case]]:
    middle = CertificateAuthority("Middle", parent=CA, serial_number=7)
    crossed = CertificateAuthority("Middle", key=middle.key, parent=OTHER, serial_number=9)
    client = middle.issue(1)
    good, listed = middle.revoke(entry(2)), middle.revoke(entry(1))
    roots, other_roots = CA.revoke(), OTHER.revoke()
    everybody = [CA, OTHER, middle, crossed]
    for label, bundle in (("by both", everybody), ("by one", [CA, middle]), ("by the other one", [OTHER, crossed])):
        yield f"cross-signed, {label}", Case(GOOD, [good], client, bundle)
        yield f"cross-signed, {label}, listed", Case(REVOKED, [listed], client, bundle)
        crls = [good, roots, other_roots]
        if label == "by both":
            yield f"cross-signed, {label}, whole chain", Case(GOOD, crls, client, bundle, whole_chain=True)
        else:
            own = [good, roots if CA in bundle else other_roots]
            yield f"cross-signed, {label}, whole chain", Case(GOOD, own, client, bundle, whole_chain=True)
            yield f"cross-signed, {label}, no list of the root", Case(UNKNOWN, [good], client, bundle, whole_chain=True)
    for place, revoking in enumerate(([CA.revoke(entry(7)), other_roots], [roots, OTHER.revoke(entry(9))])):
        bundle = [CA, middle] if place == 0 else [OTHER, crossed]
        only = revoking[place : place + 1]
        yield (
            f"cross-signed, revoked by root {place}",
            Case(REVOKED, [good, *only], client, bundle, whole_chain=True),
        )


def _certified_by_each_other() -> Iterator[tuple[str, Case]]:
    """Yield cases of two roots, each of which has certified the other one."""
    ca_by_other = CertificateAuthority("CA", key=CA.key, parent=OTHER, serial_number=7)
    other_by_ca = CertificateAuthority("Other", key=OTHER.key, parent=CA, serial_number=8)
    bundle = [CA, OTHER, ca_by_other, other_by_ca]
    case = Case(GOOD, [], CLIENT, bundle)
    cases = {
        "not revoked": case._replace(crls=[CA.revoke(), OTHER.revoke()]),
        # The clients of the CA do not depend on what it has certified.
        "the other one is revoked": case._replace(crls=[CA.revoke(entry(8)), OTHER.revoke()]),
        "its own certificate is revoked": case._replace(
            answer=REVOKED, crls=[CA.revoke(), OTHER.revoke(entry(7))], openssl=GOOD
        ),
        "a client of the other one": case._replace(
            answer=REVOKED, crls=[CA.revoke(entry(8)), OTHER.revoke()], client=OTHER.issue(1), openssl=GOOD
        ),
    }
    for label, each in cases.items():
        for whole_chain in (False, True):
            yield f"by each other, {label}, whole chain: {whole_chain}", each._replace(whole_chain=whole_chain)


NOT_DER = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
NOT_BASE64 = b"-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n"
NO_CERTIFICATE = b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"
EMPTY_BLOCK = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
CUT = pem(certificate_der(name(("CN", "x")), name(("CN", "x")))[:-5]).encode()
UNREADABLE = {
    "a block that is not a certificate's DER": NOT_DER,
    "a block that is not base64": NOT_BASE64,
    "a block of something else": NO_CERTIFICATE,
    "an empty block": EMPTY_BLOCK,
    "a certificate that was cut off": CUT,
    "all of them": NOT_DER + NOT_BASE64 + NO_CERTIFICATE + EMPTY_BLOCK + CUT,
}


def _incomplete() -> Iterator[tuple[str, Case]]:
    middle = CertificateAuthority("Middle", parent=CA, serial_number=7)
    client = middle.issue(1)
    crls = [CA.revoke(), middle.revoke(entry(2))]
    for label, block in UNREADABLE.items():
        yield f"{label}, not revoked", Case(GOOD, crls, client, [CA, middle], unreadable=block)
        revoked = [CA.revoke(), middle.revoke(entry(1))]
        yield f"{label}, revoked", Case(REVOKED, revoked, client, [CA, middle], unreadable=block)
        yield f"{label}, whole chain", Case(GOOD, crls, client, [CA, middle], whole_chain=True, unreadable=block)
        # A CA whose issuer may be a skipped block is no trust anchor.
        no_root = Case(UNKNOWN, crls, client, [middle], whole_chain=True, unreadable=block)
        yield f"{label} in place of the root", no_root
        yield f"{label} in place of the issuer", Case(UNKNOWN, crls, client, [CA], unreadable=block)
    yield "the root is missing", Case(UNKNOWN, crls, client, [middle], whole_chain=True)
    yield "the issuer is missing", Case(UNKNOWN, crls, client, [CA])


class _OldAuthority(CertificateAuthority):
    """A root of version 1, as ``openssl x509 -req -signkey`` makes it."""

    def __init__(self, common_name: str, *, issuer: bytes | None = None) -> None:
        super().__init__(common_name)
        validity = der.sequence(der.time(NOW - 1000 * DAY), der.time(NOW + 1000 * DAY))
        algorithm = self.algorithm.identifier
        self.certificate = self.sign(
            der.integer(1000), algorithm, issuer or self.name, validity, self.name, self.public_key
        )


def _without_basic_constraints() -> Iterator[tuple[str, Case]]:
    """Yield cases of roots that OpenSSL accepts as CAs although they do not have basic constraints, and of others."""
    netscape = [extension(NETSCAPE_TYPE, der.tlv(der.BIT_STRING, bytes([bit, 1 << bit]))) for bit in range(8)]
    accepted: dict[str, CertificateAuthority] = {
        "version 1": _OldAuthority("V1"),
        "keyCertSign": CertificateAuthority("KU", extensions=[MAY_SIGN_BOTH]),
        **{
            f"Netscape's type, bit {7 - bit}": CertificateAuthority("NS", extensions=[netscape[bit]])
            for bit in (0, 1, 2)
        },
    }
    rejected: dict[str, CertificateAuthority] = {
        "version 1, of another issuer": _OldAuthority("V1", issuer=name(("CN", "other"))),
        "version 3 without extensions": CertificateAuthority("V3", extensions=[]),
        "cRLSign": CertificateAuthority("KU", extensions=[MAY_SIGN_LISTS]),
        "cRLSign and Netscape's type": CertificateAuthority("KU", extensions=[MAY_SIGN_LISTS, netscape[2]]),
        "Netscape's type, bit 0": CertificateAuthority("NS", extensions=[netscape[7]]),
        "CA:FALSE and keyCertSign": CertificateAuthority("BC", extensions=[IS_NO_CA, MAY_SIGN_CERTIFICATES]),
    }
    for label, root in accepted.items():
        middle = CertificateAuthority("Middle", parent=root, serial_number=7)
        crls, bundle = [root.revoke(entry(2)), middle.revoke()], [root, middle]
        yield f"{label}, not revoked", Case(GOOD, crls, root.issue(1), bundle)
        yield f"{label}, revoked", Case(REVOKED, crls, root.issue(2), bundle)
        yield f"{label}, the CA below it is not revoked", Case(GOOD, crls, middle.issue(1), bundle, whole_chain=True)
        revoked = [root.revoke(entry(7)), middle.revoke()]
        yield f"{label}, the CA below it is revoked", Case(REVOKED, revoked, middle.issue(1), bundle, whole_chain=True)
        openssl_checks_the_client = Case(REVOKED, revoked, middle.issue(1), bundle, openssl=GOOD)
        yield f"{label}, the CA below it is revoked, only the client is checked", openssl_checks_the_client
    for label, root in rejected.items():
        yield f"{label}, not a CA", Case(UNKNOWN, [CA.revoke(), root.revoke()], root.issue(1), [CA, root])


TABLE = {
    **dict(_without_basic_constraints()),
    **dict(_several()),
    **dict(_renewed()),
    **dict(_rolled_over()),
    **dict(_cross_signed()),
    **dict(_certified_by_each_other()),
    **dict(_incomplete()),
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_this_project_gives_the_answer_of_the_table(case: Case) -> None:
    check_answer(case)


@pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_openssl_gives_the_same_answer_or_this_project_is_stricter(case: Case, tmp_path: Path) -> None:
    check_openssl(case, tmp_path)
