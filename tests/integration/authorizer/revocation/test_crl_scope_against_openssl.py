"""CRLs that cover a part of the certificates: the answers of OpenSSL, or stricter ones on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import der
from tests.certificate_authorities import (
    CRL_DISTRIBUTION_POINTS,
    IS_A_CA,
    IS_NO_CA,
    CertificateAuthority,
    distribution_point,
    entry,
)
from tests.certificates import attribute, extension, name
from tests.integration.authorizer.revocation.openssl_verify import (
    GOOD,
    OPENSSL,
    REVOKED,
    UNKNOWN,
    Case,
    check_answer,
    check_openssl,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest.mark import ParameterSet

pytestmark = pytest.mark.without_coverage

CA = CertificateAuthority()
TRUE = b"\xff"
SOME_REASONS = b"\1\x7e"


def _full(*general_names: bytes) -> bytes:
    return der.tagged(0, der.tagged(0, b"".join(general_names), constructed=True), constructed=True)


def _relative(common_name: str) -> bytes:
    return der.tagged(0, der.tagged(1, attribute("CN", common_name), constructed=True), constructed=True)


def _uri(place: str) -> bytes:
    return der.tagged(6, f"http://ca.example/{place}".encode())


def _directory(encoded: bytes) -> bytes:
    return der.tagged(4, encoded, constructed=True)


A, B, C = _full(_uri("a.crl")), _full(_uri("b.crl")), _full(_uri("c.crl"))
A_AND_B = _full(_uri("a.crl"), _uri("b.crl"))
DIRECTORY = _full(_directory(name(("CN", "CA"), ("CN", "Part"))))
OTHER_CASE = _full(_directory(name(("CN", "ca"), attribute("CN", "PART", der.PRINTABLE_STRING))))
REASONS = der.tagged(1, SOME_REASONS)
ISSUER = der.tagged(2, _directory(CA.name), constructed=True)
OTHER_ISSUER = der.tagged(2, _directory(name(("CN", "Other"))), constructed=True)


def _points(*points: bytes) -> bytes:
    return extension(CRL_DISTRIBUTION_POINTS, der.sequence(*(der.sequence(point) for point in points)))


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
CERTIFICATES = {
    "none": [],
    "no CA": [IS_NO_CA],
    "a CA": [IS_A_CA],
    "a CA at a": [IS_A_CA, _points(A)],
    "a": [_points(A)],
    "b": [_points(B)],
    "c": [_points(C)],
    "b, c or a": [_points(B, C, A)],
    "c and b": [_points(_full(_uri("c.crl"), _uri("b.crl")))],
    "a for reasons": [_points(A + REASONS)],
    "a of its issuer": [_points(A + ISSUER)],
    "a of another issuer": [_points(A + OTHER_ISSUER)],
    "issuer only": [_points(ISSUER)],
    "directory": [_points(OTHER_CASE)],
    "relative": [_points(_relative("part"))],
    "in upper case": [_points(_full(der.tagged(6, b"HTTP://ca.example/a.crl")))],
    "another type": [_points(_full(der.tagged(2, b"http://ca.example/a.crl")))],
}

# For each scope, the answer for each certificate that is not listed: G good; U unknown; u unknown, though OpenSSL says
# good; L unknown, and OpenSSL looks at the CRL nevertheless if it lists the certificate.
ANSWERS = {
    "complete": "GGGGGGGGGLGGGGGGG",
    "users": "GGUUGGGGGLGGGGGGG",
    "CAs": "UUGGUUUUUUUUUUUUU",
    "a": "UUUGGUUGULGUuUUUU",
    "a, not critical": "UUUGGUUGULGUuUUUU",
    "a, users": "UUUUGUUGULGUuUUUU",
    "a, CAs": "UUUGUUUUUUUUUUUUU",
    "a and b": "UUUGGGUGGLGUuUUUU",
    "a directory": "UUUUUUUUUUUUuGGUU",
    "relative": "UUUUUUUUUUUUuGGUU",
    "reasons": "UUUUUUUUUUUUUUUUU",
    "a, reasons": "UUUUUUUUUUUUUUUUU",
    "attributes": "UUUUUUUUUUUUUUUUU",
}


def _scopes() -> Iterator[tuple[str, Case]]:
    for scope, answers in ANSWERS.items():
        point = SCOPES[scope]
        crl_extensions = [] if point is None else [point]
        for letter, (certificate, extensions) in zip(answers, CERTIFICATES.items(), strict=True):
            client = CA.issue(1, extensions=extensions)
            answer = GOOD if letter == "G" else UNKNOWN
            openssl = GOOD if letter == "u" else None
            listed = CA.revoke(entry(1), extensions=crl_extensions)
            not_listed = CA.revoke(entry(2), extensions=crl_extensions)
            yield f"{scope}: {certificate}", Case(answer, [not_listed], client, [CA], openssl=openssl)
            outside = UNKNOWN if letter == "U" else None
            yield f"{scope}, listed: {certificate}", Case(REVOKED, [listed], client, [CA], openssl=outside)


TABLE = dict(_scopes())


def _rows() -> list[ParameterSet]:
    return [pytest.param(case, id=label) for label, case in TABLE.items()]


@pytest.mark.parametrize("case", _rows())
def test_this_project_gives_the_answer_of_the_table(case: Case) -> None:
    check_answer(case)


@pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
@pytest.mark.parametrize("case", _rows())
def test_openssl_gives_the_same_answer_or_this_project_is_stricter(case: Case, tmp_path: Path) -> None:
    check_openssl(case, tmp_path)
