"""What is said of each check, and of what a certificate has for a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.reasons import DenyReason as Reason
from mtls_authorizer.revocation.status import RevocationLists
from mtls_authorizer.revocation.truststore import read_truststore
from mtls_authorizer.rules.document import parse_rules
from mtls_authorizer.rules.key_usage import NO_KEY_USAGES, read_key_usages
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule_set import Rule, RuleSet
from mtls_authorizer_cli.explanation import explain
from tests import der
from tests.certificate_authorities import CertificateAuthority
from tests.certificates import (
    EXTENDED_KEY_USAGE,
    SUBJECT_ALT_NAME,
    certificate_der,
    client_pem,
    dns,
    extension,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.questions import CLIENT, PAYMENTS, REPORTS, document, question

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation import Question

ANYONE = Rule("anyone", (), ALL_ROUTES, anyone=True)
CLIENT_AND_SERVER = extension(
    EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.2"), der.oid("1.3.6.1.5.5.7.3.1"))
)
NAMES = subject_alt_names(dns("a.example"), uri("spiffe://acme.example/a"))
WITHOUT_LISTS = RevocationLists([], read_truststore(CertificateAuthority().pem))
CHECKS = {
    "certificate": ("one", "one"),
    "decodable": ("names, serial number and dates", "them"),
    "printable": ("no control characters in its names", "none"),
    "extensions": ("those that can be decoded", "none"),
    "extended_key_usage": ("clientAuth, if the certificate has the extension", "no such extension"),
    "rules": ("one that matches", "1 of 1"),
    "validity": ("2026-11-22T00:00:00Z", "2020-01-01T00:00:00Z to 2040-01-01T00:00:00Z"),
    "revocation": ("nothing, without CRL_URIS", None),
    "route": ("none in particular", None),
}
"""What each wants of the plain certificate where anyone is let in, and what that has."""


def with_extensions(*extensions: bytes) -> str:
    return pem(certificate_der(extensions=extensions))


@pytest.mark.parametrize(
    ("asked", "others"),
    [
        (question(rules=ANYONE), {}),
        (
            question(rules=ANYONE, route="GET /x"),
            {"route": ("'GET /x'", "every route")},
        ),
        (
            question(rules=document(REPORTS, PAYMENTS), route="GET /x"),
            {"rules": ("one that matches", "1 of 2"), "route": ("'GET /x'", "GET /reports/*, * /status")},
        ),
        (
            question(rules=RuleSet((*parse_rules(document(REPORTS)), ANYONE)), route="GET /x"),
            {"rules": ("one that matches", "2 of 2"), "route": ("'GET /x'", "every route")},
        ),
        (
            question(with_extensions(NAMES, CLIENT_AND_SERVER), ANYONE),
            {
                "extensions": (
                    "those that can be decoded",
                    "2, with the alternative names DNS 'a.example', URI 'spiffe://acme.example/a'",
                ),
                "extended_key_usage": (
                    "clientAuth, if the certificate has the extension",
                    "clientAuth, serverAuth",
                ),
            },
        ),
        (
            question(with_extensions(CLIENT_AND_SERVER), ANYONE, required_key_usages=NO_KEY_USAGES),
            {
                "extensions": ("those that can be decoded", "1"),
                "extended_key_usage": ("nothing in particular", "clientAuth, serverAuth"),
            },
        ),
        (
            question(
                with_extensions(CLIENT_AND_SERVER),
                ANYONE,
                required_key_usages=read_key_usages(["clientAuth", "serverAuth"]),
            ),
            {
                "extensions": ("those that can be decoded", "1"),
                "extended_key_usage": ("serverAuth and clientAuth", "clientAuth, serverAuth"),
            },
        ),
        (question(rules=ANYONE, revocation=WITHOUT_LISTS), {"revocation": ("not revoked", "unknown, no_chain")}),
    ],
)
def test_each_check_says_what_it_wants_and_what_the_certificate_has(
    asked: Question, others: dict[str, tuple[str, str | None]]
) -> None:
    explanation = explain(asked)
    assert {check.name: (check.wanted, check.has) for check in explanation.checks} == {**CHECKS, **others}


@pytest.mark.parametrize(
    ("certificate", "reason", "check", "has"),
    [
        (None, Reason.CERTIFICATE_MISSING, "certificate", "none"),
        (1, Reason.CERTIFICATE_MALFORMED, "decodable", "something other than a string"),
        ("garbage", Reason.CERTIFICATE_MALFORMED, "decodable", "'not a certificate in PEM: "),
        (
            pem(certificate_der(name(("CN", "a\n"), ("O", "Acme")), name(("O", "b\x1b"), ("CN", "fine")))),
            Reason.SUBJECT_NOT_PRINTABLE,
            "printable",
            r"subject CN 'a\n', issuer O 'b\x1b'",
        ),
        (
            with_extensions(extension(SUBJECT_ALT_NAME, b"broken")),
            Reason.EXTENSIONS_MALFORMED,
            "extensions",
            "one that isn't: 'error parsing asn1 value: ",
        ),
    ],
)
def test_what_is_wrong_with_a_certificate_is_the_last_thing_looked_at(
    certificate: object, reason: Reason, check: str, has: str
) -> None:
    explanation = explain(question(certificate, ANYONE))
    last = [result for result in explanation.checks if result.has is not None][-1]
    assert (last.name, last.reason, explanation.refusal) == (check, reason, reason)
    assert last.has is not None
    assert last.has.startswith(has)


def test_what_comes_before_a_certificate_that_cannot_be_read_has_something() -> None:
    first, second, *_ = explain(question("garbage", ANYONE)).checks
    assert (first.reason, first.has) == (None, "something")
    assert second.reason is Reason.CERTIFICATE_MALFORMED


@pytest.mark.parametrize(
    ("count", "everything", "wanted"),
    [
        (2, False, "one of 2, closest: 'ledger' (case differs)"),
        (2, True, "one of 'ledger', 'x0', closest: 'ledger' (case differs)"),
        (5, True, "one of 'ledger', 'x0', 'x1', 'x2', 'x3', closest: 'ledger' (case differs)"),
        (1001, False, "one of 1,001, closest: 'ledger' (case differs)"),
    ],
)
def test_the_closest_of_many_is_named_and_all_are_written_out_if_asked_for(
    count: int,
    everything: bool,  # noqa: FBT001 -- a case's
    wanted: str,
) -> None:
    names = ["ledger", *(f"x{number}" for number in range(count - 1))]
    explanation = explain(question(rules=document({"name": "rule", "match": {"common_name": names}})))
    assert explanation.rules is not None
    (rule,) = explanation.rules.nearest
    assert [field.wanted_text(everything=everything) for field in rule.fields] == [wanted]


@pytest.mark.parametrize(
    ("subject", "match", "wanted", "has"),
    [
        # Of names of other types, what was meant may be one.
        (
            name(("CN", "Ledger")),
            {"subject_alt_name": {"dns": "spiffe://acme.example/A"}},
            "DNS 'spiffe://acme.example/A'",
            "DNS 'a.example', URI 'spiffe://acme.example/a'",
        ),
        # Of attributes, these are about something else.
        (name(("O", "Acme"), ("CN", "Ledger")), {"subject": {"CN": "Other"}}, "CN 'Other'", "CN 'Ledger'"),
        (name(("O", "Ledger"), ("CN", "Acme")), {"subject": {"CN": "ledger"}}, "CN 'ledger'", "CN 'Acme'"),
        (name(("CN", "a"), ("CN", "b")), {"issuer": {"CN": "Other"}}, "CN 'Other'", "CN 'Test CA'"),
        (
            name(("CN", "a"), ("CN", "b")),
            {"subject": {"CN": "a"}},
            "CN 'a'",
            "2 common names, so that none counts",
        ),
        (name(("CN", "a"), ("O", "Acme")), {"organization": "Emca"}, "'Emca'", "'Acme'"),
    ],
)
def test_only_what_a_rule_is_about_is_told_of_a_certificate(
    subject: bytes, match: dict[str, object], wanted: str, has: str
) -> None:
    certificate = pem(certificate_der(subject, extensions=[NAMES]))
    explanation = explain(question(certificate, document({"name": "rule", "match": match})))
    assert explanation.rules is not None
    (rule,) = explanation.rules.nearest
    (field,) = rule.fields
    assert (field.wanted_text(), field.has_text()) == (wanted, has)


@pytest.mark.parametrize(
    ("shadow", "route", "refusal"),
    [
        (REPORTS, None, None),
        (REPORTS, "GET /status", None),
        (REPORTS, "GET /x", Reason.ROUTE_NOT_ALLOWED),
        (PAYMENTS, None, Reason.SUBJECT_ALT_NAME_NOT_ALLOWED),
        (PAYMENTS, "GET /x", Reason.SUBJECT_ALT_NAME_NOT_ALLOWED),
    ],
)
def test_shadow_rules_would_have_refused_a_route_or_the_certificate(
    shadow: dict[str, object], route: str | None, refusal: Reason | None
) -> None:
    explanation = explain(question(CLIENT, ANYONE, route=route, shadow_rules=RuleSet(parse_rules(document(shadow)))))
    assert (explanation.refusal, explanation.shadow_refusal) == (None, refusal)


@pytest.mark.parametrize(("route", "allowed"), [(None, None), ("GET /status", True), ("GET /x", False)])
def test_a_rule_says_whether_it_allows_the_route_if_one_is_asked_for(route: str | None, allowed: bool | None) -> None:  # noqa: FBT001 -- a case's
    explanation = explain(question(rules=document(REPORTS), route=route))
    assert explanation.rules is not None
    assert [rule.route_allowed for rule in explanation.rules.matching] == [allowed]


@pytest.mark.parametrize("certificate", [client_pem(("CN", "x\n")), None])
def test_rules_are_not_explained_where_the_certificate_is_not_compared_with_them(certificate: str | None) -> None:
    explanation = explain(question(certificate, ANYONE, shadow_rules=RuleSet((ANYONE,))))
    assert (explanation.rules, explanation.shadow_rules) == (None, None)
