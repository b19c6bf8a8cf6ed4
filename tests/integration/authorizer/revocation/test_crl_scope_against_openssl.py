"""CRLs that cover a part of the certificates: the answers of OpenSSL, or stricter ones on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.revocation.crl.rejection import CrlRejection
from mtls_authorizer.revocation.crl.scope import MOST_NAMES
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
    IS_A_CA,
    IS_NO_CA,
    CertificateAuthority,
    crl_distribution_points,
    distribution_point,
    entry,
    full_name,
)
from tests.pki.certificates import attribute, name, uri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.without_coverage

CA = CertificateAuthority()
TRUE = b"\xff"
SOME_REASONS = b"\1\x7e"


def _relative(common_name: str) -> bytes:
    return der.tagged(0, der.tagged(1, attribute("CN", common_name), constructed=True), constructed=True)


def _uri(place: str) -> bytes:
    return uri(f"http://ca.example/{place}")


def _directory(encoded: bytes) -> bytes:
    return der.tagged(4, encoded, constructed=True)


A, B, C = full_name(_uri("a.crl")), full_name(_uri("b.crl")), full_name(_uri("c.crl"))
A_AND_B = full_name(_uri("a.crl"), _uri("b.crl"))
DIRECTORY = full_name(_directory(name(("CN", "CA"), ("CN", "Part"))))
OTHER_CASE = full_name(_directory(name(("CN", "ca"), attribute("CN", "PART", der.PRINTABLE_STRING))))
MANY = [full_name(_uri(f"{number}.crl")) for number in range(MOST_NAMES)]
REASONS = der.tagged(1, SOME_REASONS)
ISSUER = der.tagged(2, _directory(CA.name), constructed=True)
OTHER_ISSUER = der.tagged(2, _directory(name(("CN", "Other"))), constructed=True)


SCOPES = {
    "complete": None,
    "users": distribution_point(der.tagged(1, TRUE)),
    "CAs": distribution_point(der.tagged(2, TRUE)),
    "a": distribution_point(A),
    "a, not critical": distribution_point(A, critical=False),
    "a, users": distribution_point(A, der.tagged(1, TRUE)),
    "a, CAs": distribution_point(A, der.tagged(2, TRUE)),
    "a and b": distribution_point(A_AND_B),
    "a directory": distribution_point(DIRECTORY),
    "relative": distribution_point(_relative("Part")),
    "reasons": distribution_point(der.tagged(3, SOME_REASONS)),
    "a, reasons": distribution_point(A, der.tagged(3, SOME_REASONS)),
    "attributes": distribution_point(der.tagged(5, TRUE)),
}
NOT_SUPPORTED = {"reasons", "a, reasons", "attributes"}
CERTIFICATES = {
    "none": [],
    "no CA": [IS_NO_CA],
    "a CA": [IS_A_CA],
    "a CA at a": [IS_A_CA, crl_distribution_points(A)],
    "a": [crl_distribution_points(A)],
    "b": [crl_distribution_points(B)],
    "c": [crl_distribution_points(C)],
    "b, c or a": [crl_distribution_points(B, C, A)],
    "c and b": [crl_distribution_points(full_name(_uri("c.crl"), _uri("b.crl")))],
    "a for reasons": [crl_distribution_points(A + REASONS)],
    "a of its issuer": [crl_distribution_points(A + ISSUER)],
    "a of another issuer": [crl_distribution_points(A + OTHER_ISSUER)],
    "issuer only": [crl_distribution_points(ISSUER)],
    "directory": [crl_distribution_points(OTHER_CASE)],
    "relative": [crl_distribution_points(_relative("part"))],
    "in upper case": [crl_distribution_points(full_name(der.tagged(6, b"HTTP://ca.example/a.crl")))],
    "another type": [crl_distribution_points(full_name(der.tagged(2, b"http://ca.example/a.crl")))],
    "a before many": [crl_distribution_points(A, *MANY)],
    "a after many": [crl_distribution_points(*MANY, A)],
}

# For each scope, the answer for each certificate that is not listed: G good; U unknown; u unknown, though OpenSSL says
# good; L unknown, and OpenSSL looks at the CRL nevertheless if it lists the certificate.
ANSWERS = {
    "complete": "GGGGGGGGGLGGGGGGGGG",
    "users": "GGUUGGGGGLGGGGGGGGG",
    "CAs": "UUGGUUUUUUUUUUUUUUU",
    "a": "UUUGGUUGULGUuUUUUGu",
    "a, not critical": "UUUGGUUGULGUuUUUUGu",
    "a, users": "UUUUGUUGULGUuUUUUGu",
    "a, CAs": "UUUGUUUUUUUUUUUUUUU",
    "a and b": "UUUGGGUGGLGUuUUUUGu",
    "a directory": "UUUUUUUUUUUUuGGUUUU",
    "relative": "UUUUUUUUUUUUuGGUUUU",
    "reasons": "UUUUUUUUUUUUUUUUUUU",
    "a, reasons": "UUUUUUUUUUUUUUUUUUU",
    "attributes": "UUUUUUUUUUUUUUUUUUU",
}


def _scopes() -> Iterator[tuple[str, Case]]:
    for scope, answers in ANSWERS.items():
        point = SCOPES[scope]
        crl_extensions = [] if point is None else [point]
        rejection = CrlRejection.PARTIAL if scope in NOT_SUPPORTED else None
        for letter, (certificate, extensions) in zip(answers, CERTIFICATES.items(), strict=True):
            client = CA.issue(1, extensions=extensions)
            answer = GOOD if letter == "G" else UNKNOWN
            openssl = GOOD if letter == "u" else None
            listed = CA.revoke(entry(1), extensions=crl_extensions)
            not_listed = CA.revoke(entry(2), extensions=crl_extensions)
            yield f"{scope}: {certificate}", Case(answer, [not_listed], client, [CA], rejection, openssl)
            outside = UNKNOWN if letter == "U" else None
            yield f"{scope}, listed: {certificate}", Case(REVOKED, [listed], client, [CA], rejection, outside)


TABLE = dict(_scopes())


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_this_project_gives_the_answer_of_the_table(case: Case) -> None:
    check_answer(case)


@pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_openssl_gives_the_same_answer_or_this_project_is_stricter(case: Case, tmp_path: Path) -> None:
    check_openssl(case, tmp_path)
