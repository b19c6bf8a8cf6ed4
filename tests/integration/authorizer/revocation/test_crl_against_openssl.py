"""The same answers as OpenSSL's, or stricter ones on purpose."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

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
    ALGORITHMS,
    CRL_REASON,
    DAY,
    DELTA_CRL_INDICATOR,
    ECDSA,
    ENTRY_ISSUER,
    FRESHEST_CRL,
    HOLD,
    INVALIDITY_DATE,
    IS_A_CA,
    IS_DELTA,
    IS_NO_CA,
    MAY_SIGN_CERTIFICATES,
    MAY_SIGN_LISTS,
    MD5,
    NOW,
    PSS_BY_DEFAULT,
    REMOVED,
    SHA1,
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
from tests.pki.certificates import attribute, extension, name, uri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mtls_authorizer.revocation.status import RevocationState

pytestmark = pytest.mark.without_coverage

LARGEST_SERIAL = 2**159 - 1
SECOND = timedelta(seconds=1)


CA = CertificateAuthority()
OTHER = CertificateAuthority("Other CA")
NAMESAKE = CertificateAuthority()
IDENTIFIED = CertificateAuthority("Identified CA", key_identifier=b"one")
CLIENT = CA.issue(1)
UNKNOWN_CRITICAL = extension("1.2.3.4", der.octets(b""), critical=True)
UNKNOWN_UNCRITICAL = extension("1.2.3.4", der.octets(b""))
POINT = full_name(uri(b"http://x/1"))
OTHER_POINT = full_name(uri(b"http://x/2"))
TRUE = b"\xff"
ENTRY_OF_OTHER = der.sequence(der.tagged(4, OTHER.name, constructed=True))


def of_ca(
    answer: RevocationState,
    crl: bytes,
    rejection: CrlRejection | None = None,
    *,
    openssl: RevocationState | None = None,
) -> Case:
    return Case(answer, [crl], CLIENT, [CA], rejection, openssl)


SIMPLE = {
    "revoked": of_ca(REVOKED, CA.revoke(entry(1))),
    "revoked, in PEM": of_ca(REVOKED, crl_pem(CA.revoke(entry(1)))),
    "revoked, in PEM with text before": of_ca(REVOKED, b"0 CRL\n" + crl_pem(CA.revoke(entry(1)))),
    "revoked, in PEM with text after": of_ca(
        UNKNOWN, crl_pem(CA.revoke(entry(1))) + b"the end\n", CrlRejection.MALFORMED, openssl=REVOKED
    ),
    "not revoked": of_ca(GOOD, CA.revoke(entry(2))),
    "not revoked, in PEM": of_ca(GOOD, crl_pem(CA.revoke(entry(2)))),
    "one of many": of_ca(REVOKED, CA.revoke(*map(entry, range(300, 0, -1)))),
    "none of many": of_ca(GOOD, CA.revoke(*map(entry, range(300, 1, -1)))),
    "nobody is revoked": of_ca(GOOD, CA.revoke()),
    "an empty sequence of entries": of_ca(GOOD, CA.revoke(revoked=der.sequence())),
    "revoked in the future": of_ca(REVOKED, CA.revoke(entry(1, when=NOW + DAY))),
    "no list at all": Case(UNKNOWN, [], CLIENT, [CA]),
    "garbage": of_ca(UNKNOWN, b"garbage", CrlRejection.MALFORMED),
    "an HTML page": of_ca(UNKNOWN, b"<!doctype html><title>403</title>", CrlRejection.MALFORMED),
    "a truncated list": of_ca(UNKNOWN, CA.revoke(entry(2))[:-1], CrlRejection.MALFORMED),
    "a list with something behind it": of_ca(
        UNKNOWN, CA.revoke(entry(2)) + b"\0", CrlRejection.MALFORMED, openssl=GOOD
    ),
    "two lists in one PEM": of_ca(UNKNOWN, crl_pem(CA.revoke(entry(2))) * 2, CrlRejection.MALFORMED, openssl=GOOD),
    "revoked because its key was compromised": of_ca(REVOKED, CA.revoke(entry(1, reason(1)))),
    "on hold": of_ca(REVOKED, CA.revoke(entry(1, HOLD))),
    "removed, which only delta CRLs can say": of_ca(GOOD, CA.revoke(entry(1, REMOVED))),
    "another one is removed": of_ca(REVOKED, CA.revoke(entry(1), entry(2, REMOVED))),
    "of an unspecified reason": of_ca(REVOKED, CA.revoke(entry(1, reason(0)))),
    "with an invalidity date": of_ca(
        REVOKED, CA.revoke(entry(1, extension(INVALIDITY_DATE, der.tlv(der.GENERALIZED_TIME, b"20200101000000Z"))))
    ),
    "a reason that can't be decoded": of_ca(REVOKED, CA.revoke(entry(1, extension(CRL_REASON, b"\x0a\x05")))),
    "an unknown reason": of_ca(REVOKED, CA.revoke(entry(1, reason(99)))),
    "of version 1": of_ca(REVOKED, CA.revoke(entry(1), version=b"")),
    "not revoked, of version 1": of_ca(GOOD, CA.revoke(entry(2), version=b"")),
    "of version 1, with an extension": of_ca(
        UNKNOWN, CA.revoke(entry(2), version=b"", extensions=[crl_number(1)]), CrlRejection.MALFORMED, openssl=GOOD
    ),
    "of version 3": of_ca(UNKNOWN, CA.revoke(entry(2), version=der.integer(2)), CrlRejection.MALFORMED, openssl=GOOD),
}
for _place, _entry in {
    "date without seconds": der.sequence(der.integer(1), der.tlv(der.UTC_TIME, b"2601010000Z")),
    "flag that is false": der.sequence(
        der.integer(1),
        der.time(NOW),
        der.sequence(der.sequence(der.oid(CRL_REASON), der.tlv(der.BOOLEAN, b"\0"), der.octets(der.tlv(0x0A, b"\1")))),
    ),
}.items():
    _crl = CA.revoke(revoked=der.sequence(_entry))
    SIMPLE |= {
        f"an entry with a {_place}": of_ca(REVOKED, _crl, CrlRejection.MALFORMED),
        f"another entry with a {_place}": Case(
            UNKNOWN, [_crl], CA.issue(2), [CA], CrlRejection.MALFORMED, openssl=GOOD
        ),
    }
# ECDSA has no parameters (RFC 5758 §3.2). Java 11 writes NULL, and Erlang the key's: a curve, or its description.
for _parameters, _encoded in {
    "NULL parameters": der.tlv(der.NULL),
    "a curve as parameters": der.oid("1.2.840.10045.3.1.7"),
    "other parameters": der.sequence(der.integer(1)),
}.items():
    _ca = CertificateAuthority(
        "Java", algorithm=ECDSA._replace(identifier=der.sequence(der.oid("1.2.840.10045.4.3.2"), _encoded))
    )
    SIMPLE |= {
        f"a signature with {_parameters}, {answer}": Case(
            answer, [_ca.revoke(entry(number), version=version)], _ca.issue(1), [_ca]
        )
        for answer, number, version in ((REVOKED, 1, der.integer(1)), (GOOD, 2, b""))
    }
SERIAL_NUMBERS = {
    **{
        f"the serial number {number:x} is revoked": Case(
            REVOKED, [CA.revoke(entry(5), entry(number))], CA.issue(number), [CA]
        )
        for number in (127, 128, 255, 256, -1, -128, -129, LARGEST_SERIAL, -LARGEST_SERIAL, 2**159, 2**1100)
    },
    **{
        f"the serial number {number:x} is not revoked, {other:x} is": Case(
            GOOD, [CA.revoke(entry(other))], CA.issue(number), [CA]
        )
        for number, other in ((1, -1), (-1, 255), (255, -1), (128, -128), (LARGEST_SERIAL, -LARGEST_SERIAL), (1, 257))
    },
    "a serial number that isn't written minimally": of_ca(
        UNKNOWN, CA.revoke(entry(b"\2\2\0\1")), CrlRejection.MALFORMED
    ),
}
ISSUERS = {
    "another CA revoked the same serial number": Case(
        GOOD, [CA.revoke(entry(2)), OTHER.revoke(entry(1))], CLIENT, [CA, OTHER]
    ),
    "both revoked other serial numbers": Case(
        REVOKED, [CA.revoke(entry(1)), OTHER.revoke(entry(2))], CLIENT, [CA, OTHER]
    ),
    "only another CA has a list": Case(UNKNOWN, [OTHER.revoke(entry(2))], CLIENT, [CA, OTHER]),
    "signed by another CA": of_ca(UNKNOWN, OTHER.revoke(entry(2), issuer=CA.name), CrlRejection.INVALID_SIGNATURE),
    "signed by another CA of the truststore": Case(
        UNKNOWN, [OTHER.revoke(issuer=CA.name)], CLIENT, [CA, OTHER], CrlRejection.INVALID_SIGNATURE
    ),
    "of a CA that isn't in the truststore": of_ca(UNKNOWN, OTHER.revoke(entry(2)), CrlRejection.UNKNOWN_ISSUER),
    "signed by an algorithm of another key": of_ca(
        UNKNOWN,
        CA.revoke(outer_identifier=ALGORITHMS["Ed25519"].identifier),
        CrlRejection.MALFORMED,
    ),
    "two CAs of one name, the one revoked": Case(
        REVOKED, [CA.revoke(entry(1)), NAMESAKE.revoke(entry(2))], CLIENT, [CA, NAMESAKE]
    ),
}
IDENTIFIED_CLIENT = IDENTIFIED.issue(1, extensions=[authority_key(b"one")])
ISSUERS |= {
    "the key identifier is the CA's": Case(
        REVOKED, [IDENTIFIED.revoke(entry(1), extensions=[authority_key(b"one")])], IDENTIFIED_CLIENT, [IDENTIFIED]
    ),
    "the key identifier is another's": Case(
        UNKNOWN,
        [IDENTIFIED.revoke(entry(2), extensions=[authority_key(b"two")])],
        IDENTIFIED_CLIENT,
        [IDENTIFIED],
        CrlRejection.UNKNOWN_ISSUER,
    ),
    "the CA's certificate is named": Case(
        GOOD, [CA.revoke(entry(2), extensions=[authority_certificate(CA.name, 1000)])], CLIENT, [CA]
    ),
    "a certificate of another serial number is named": of_ca(
        UNKNOWN, CA.revoke(entry(2), extensions=[authority_certificate(CA.name, 1001)]), CrlRejection.UNKNOWN_ISSUER
    ),
    "a certificate of another issuer is named": of_ca(
        UNKNOWN, CA.revoke(entry(2), extensions=[authority_certificate(OTHER.name, 1000)]), CrlRejection.UNKNOWN_ISSUER
    ),
    "two CAs of one name that key identifiers tell apart": Case(
        REVOKED,
        [IDENTIFIED.revoke(entry(1), extensions=[authority_key(b"one")])],
        IDENTIFIED_CLIENT,
        [CertificateAuthority("Identified CA", key_identifier=b"two"), IDENTIFIED],
    ),
}
EXTENSIONS = {
    "a CRL number": of_ca(GOOD, CA.revoke(extensions=[crl_number(2**158)])),
    "a critical CRL number": of_ca(
        UNKNOWN, CA.revoke(extensions=[crl_number(1, critical=True)]), CrlRejection.CRITICAL_EXTENSION
    ),
    "a negative CRL number": of_ca(
        UNKNOWN, CA.revoke(extensions=[crl_number(-1)]), CrlRejection.MALFORMED, openssl=GOOD
    ),
    "an unknown extension": of_ca(REVOKED, CA.revoke(entry(1), extensions=[UNKNOWN_UNCRITICAL])),
    "an unknown critical extension": of_ca(
        UNKNOWN, CA.revoke(extensions=[UNKNOWN_CRITICAL]), CrlRejection.CRITICAL_EXTENSION
    ),
    "an unknown extension in an entry": of_ca(GOOD, CA.revoke(entry(2, UNKNOWN_UNCRITICAL))),
    "an unknown critical extension in an entry": of_ca(
        UNKNOWN, CA.revoke(entry(2, UNKNOWN_CRITICAL)), CrlRejection.CRITICAL_EXTENSION
    ),
    "an unknown critical extension in one entry of many": of_ca(
        UNKNOWN,
        CA.revoke(*map(entry, range(2, 300)), entry(300, UNKNOWN_CRITICAL), entry(301)),
        CrlRejection.CRITICAL_EXTENSION,
    ),
    "one extension twice": of_ca(
        UNKNOWN, CA.revoke(extensions=[crl_number(1)] * 2), CrlRejection.MALFORMED, openssl=GOOD
    ),
    "where to find the freshest list": of_ca(
        GOOD, CA.revoke(extensions=[extension(FRESHEST_CRL, der.sequence(der.sequence(POINT)))])
    ),
    "a delta": of_ca(
        UNKNOWN,
        CA.revoke(extensions=[crl_number(2), IS_DELTA]),
        CrlRejection.DELTA,
        openssl=GOOD,
    ),
    "a delta that isn't marked critical": of_ca(
        UNKNOWN,
        CA.revoke(extensions=[crl_number(2), extension(DELTA_CRL_INDICATOR, der.integer(1))]),
        CrlRejection.DELTA,
        openssl=GOOD,
    ),
    "a delta that removes": of_ca(
        UNKNOWN,
        CA.revoke(entry(1, REMOVED), extensions=[IS_DELTA]),
        CrlRejection.DELTA,
        openssl=GOOD,
    ),
    "an indirect one": of_ca(
        UNKNOWN, CA.revoke(extensions=[distribution_point(der.tagged(4, TRUE))]), CrlRejection.INDIRECT
    ),
    "an entry of another CA": of_ca(
        UNKNOWN,
        CA.revoke(entry(1, extension(ENTRY_ISSUER, ENTRY_OF_OTHER, critical=True))),
        CrlRejection.INDIRECT,
        openssl=GOOD,
    ),
    "an entry of another CA that isn't marked critical": of_ca(
        UNKNOWN, CA.revoke(entry(1, extension(ENTRY_ISSUER, ENTRY_OF_OTHER))), CrlRejection.INDIRECT, openssl=GOOD
    ),
    "an indirect one with another CA's entry": of_ca(
        UNKNOWN,
        CA.revoke(
            entry(1, extension(ENTRY_ISSUER, ENTRY_OF_OTHER, critical=True)),
            extensions=[distribution_point(der.tagged(4, TRUE))],
        ),
        CrlRejection.INDIRECT,
    ),
    "only some reasons": of_ca(
        UNKNOWN, CA.revoke(extensions=[distribution_point(der.tagged(3, b"\1\x7e"))]), CrlRejection.PARTIAL
    ),
    "only users' certificates": of_ca(GOOD, CA.revoke(extensions=[distribution_point(der.tagged(1, TRUE))])),
    "only CAs' certificates": of_ca(UNKNOWN, CA.revoke(extensions=[distribution_point(der.tagged(2, TRUE))])),
    "only attribute certificates": of_ca(
        UNKNOWN, CA.revoke(extensions=[distribution_point(der.tagged(5, TRUE))]), CrlRejection.PARTIAL
    ),
    "only users' and only CAs' certificates": of_ca(
        UNKNOWN,
        CA.revoke(extensions=[distribution_point(der.tagged(1, TRUE), der.tagged(2, TRUE))]),
        CrlRejection.PARTIAL,
    ),
    "partitioned, and the certificate names no part": of_ca(UNKNOWN, CA.revoke(extensions=[distribution_point(POINT)])),
    "partitioned, not marked critical": of_ca(
        UNKNOWN, CA.revoke(extensions=[distribution_point(POINT, critical=False)])
    ),
    "partitioned, and the certificate names another part": Case(
        UNKNOWN,
        [CA.revoke(extensions=[distribution_point(POINT)])],
        CA.issue(1, extensions=[crl_distribution_points(OTHER_POINT)]),
        [CA],
    ),
    "partitioned, and the certificate names this part": Case(
        GOOD,
        [CA.revoke(extensions=[distribution_point(POINT)])],
        CA.issue(1, extensions=[crl_distribution_points(POINT)]),
        [CA],
    ),
    "an issuing distribution point that says nothing": of_ca(
        UNKNOWN, CA.revoke(extensions=[distribution_point()]), CrlRejection.PARTIAL, openssl=GOOD
    ),
}
DATES = {
    "expired": of_ca(UNKNOWN, CA.revoke(entry(2), next_update=NOW - SECOND), CrlRejection.STALE),
    "expired, and lists the certificate": of_ca(
        REVOKED, CA.revoke(entry(1), next_update=NOW - DAY), CrlRejection.STALE, openssl=UNKNOWN
    ),
    "expires now": of_ca(UNKNOWN, CA.revoke(next_update=NOW), CrlRejection.STALE),
    "expires in a second": of_ca(GOOD, CA.revoke(next_update=NOW + SECOND)),
    "not yet valid": of_ca(UNKNOWN, CA.revoke(this_update=NOW + SECOND), CrlRejection.NOT_YET_VALID),
    "valid from now on": of_ca(GOOD, CA.revoke(this_update=NOW)),
    "without an end": of_ca(GOOD, CA.revoke(next_update=None)),
    "revoked without an end": of_ca(REVOKED, CA.revoke(entry(1), next_update=None)),
    "until the end of time": of_ca(GOOD, CA.revoke(next_update=NOW.replace(year=9999, month=12, day=31))),
}


def _authorities() -> Iterator[tuple[str, Case]]:
    silent = CertificateAuthority(extensions=[IS_A_CA, MAY_SIGN_CERTIFICATES])
    yield (
        "the CA may not sign lists",
        Case(UNKNOWN, [silent.revoke()], silent.issue(1), [silent], CrlRejection.ISSUER_MAY_NOT_SIGN),
    )
    unspecified = CertificateAuthority(extensions=[IS_A_CA])
    yield "the CA has no key usage", Case(GOOD, [unspecified.revoke()], unspecified.issue(1), [unspecified])
    lists_only = CertificateAuthority(extensions=[IS_A_CA, MAY_SIGN_LISTS])
    yield "the CA may sign lists only", Case(UNKNOWN, [lists_only.revoke()], lists_only.issue(1), [lists_only])
    no_ca = CertificateAuthority("Client", extensions=[IS_NO_CA], parent=CA)
    yield (
        "a client that signs a list",
        Case(UNKNOWN, [no_ca.revoke()], no_ca.issue(1), [CA, no_ca], CrlRejection.UNKNOWN_ISSUER),
    )
    expired = CertificateAuthority(not_after=NOW - SECOND)
    yield (
        "the CA has expired",
        Case(UNKNOWN, [expired.revoke()], expired.issue(1), [expired], CrlRejection.ISSUER_NOT_VALID),
    )
    expiring = CertificateAuthority(not_after=NOW)
    yield (
        "the CA expires",
        Case(UNKNOWN, [expiring.revoke()], expiring.issue(1), [expiring], CrlRejection.ISSUER_NOT_VALID),
    )
    future = CertificateAuthority(not_before=NOW + SECOND)
    yield (
        "the CA isn't valid yet",
        Case(UNKNOWN, [future.revoke()], future.issue(1), [future], CrlRejection.ISSUER_NOT_VALID),
    )
    renewed = CertificateAuthority(key=expired.key, serial_number=1001)
    yield "the CA was renewed", Case(REVOKED, [expired.revoke(entry(1))], expired.issue(1), [expired, renewed])
    upper = CertificateAuthority(subject=name(("CN", "ca"), ("O", "a b")))
    lower = name(attribute("CN", " CA", der.PRINTABLE_STRING), attribute("O", "A  b ", der.BMP_STRING))
    yield (
        "a name that is encoded in two ways",
        Case(REVOKED, [upper.revoke(entry(1), issuer=lower)], upper.issue(1, issuer=lower), [upper]),
    )
    for label, algorithm in ALGORITHMS.items():
        signing = CertificateAuthority(label, algorithm=algorithm)
        yield f"{label}, revoked", Case(REVOKED, [signing.revoke(entry(1))], signing.issue(1), [signing])
        yield f"{label}, not revoked", Case(GOOD, [signing.revoke(entry(2))], signing.issue(1), [signing])
        broken = bytearray(signing.revoke(entry(2)))
        broken[-5] ^= 1
        yield (
            f"{label}, a broken signature",
            Case(UNKNOWN, [bytes(broken)], signing.issue(1), [signing], CrlRejection.INVALID_SIGNATURE),
        )
    rsa = CertificateAuthority("RSA", algorithm=ALGORITHMS["RSA with SHA-256"])
    for label, algorithm in (("SHA-1", SHA1), ("MD5", MD5), ("SHA-1, by the defaults of RSA-PSS", PSS_BY_DEFAULT)):
        yield (
            f"signed over {label}",
            Case(
                UNKNOWN,
                [rsa.revoke(algorithm=algorithm)],
                rsa.issue(1),
                [rsa],
                CrlRejection.WEAK_SIGNATURE,
                openssl=GOOD,
            ),
        )


def _chains() -> Iterator[tuple[str, Case]]:
    middle = CertificateAuthority("Middle", parent=CA, serial_number=7)
    lower = CertificateAuthority("Lower", parent=middle, serial_number=8)
    everybody = [CA, middle, lower]
    client = lower.issue(1)

    def case(answer: RevocationState, *crls: bytes) -> Case:
        return Case(answer, list(crls), client, everybody, whole_chain=True)

    yield "nobody on the chain is revoked", case(GOOD, CA.revoke(), middle.revoke(), lower.revoke(entry(7), entry(8)))
    yield "the client is revoked", case(REVOKED, CA.revoke(), middle.revoke(), lower.revoke(entry(1)))
    yield "its CA is revoked", case(REVOKED, CA.revoke(), middle.revoke(entry(8)), lower.revoke())
    yield "the CA above is revoked", case(REVOKED, CA.revoke(entry(7)), middle.revoke(), lower.revoke())
    yield "the root revoked itself", case(REVOKED, CA.revoke(entry(1000)), middle.revoke(), lower.revoke())
    yield "the root revoked its CA's number", case(GOOD, CA.revoke(entry(8)), middle.revoke(entry(7)), lower.revoke())
    yield "the CA above has a stale list", case(UNKNOWN, CA.revoke(), middle.revoke(next_update=NOW), lower.revoke())
    yield "the root has a stale list", case(UNKNOWN, CA.revoke(next_update=NOW), middle.revoke(), lower.revoke())
    yield "the last CA has no list", case(UNKNOWN, CA.revoke(), middle.revoke())


TABLE = {**SIMPLE, **SERIAL_NUMBERS, **ISSUERS, **EXTENSIONS, **DATES, **dict(_authorities()), **dict(_chains())}


@pytest.mark.filterwarnings("ignore::UserWarning")  # cryptography's, for serial numbers that aren't positive
@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_this_project_gives_the_answer_of_the_table(case: Case) -> None:
    check_answer(case)


@pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_openssl_gives_the_same_answer_or_this_project_is_stricter(case: Case, tmp_path: Path) -> None:
    check_openssl(case, tmp_path)
