"""The authorizer's checks as they are explained: what each requires, and what the certificate has."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.checks import CHECKS
from mtls_authorizer.revocation.crl.reader import read_crl, verify_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.settings import RevocationSettings
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.extended_key_usage import NO_REQUIRED_USAGES, read_required_usages
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import Rule
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.explanation.explanation import explain
from mtls_authorizer_cli.explanation.result import Verdict
from tests.pki import der
from tests.pki.certificate_authorities import IS_DELTA, CertificateAuthority, crl_number, entry
from tests.pki.certificate_authorities import NOW as CRL_TIME
from tests.pki.certificates import (
    EXTENDED_KEY_USAGE,
    NOT_AFTER,
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
from tests.questions import AUTHORITY, CLIENT, ISSUED, PAYMENTS, REPORTS, TRUSTSTORE, document, question

if TYPE_CHECKING:
    from mtls_authorizer.rules.extended_key_usage import RequiredUsages
    from mtls_authorizer_cli.explanation.explanation import Explanation
    from mtls_authorizer_cli.explanation.question import Question

IN_ANOTHER_API = {"name": "a", "match": {"organization": "Acme"}, "api_id": "z9"}
ANYONE = Rule("anyone", (), ALL_ROUTES, anyone=True)
CLIENT_AND_SERVER = extension(
    EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.2"), der.oid("1.3.6.1.5.5.7.3.1"))
)
SERVER = extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.1")))
DELTA = [crl_number(2), IS_DELTA]
# As crlutil of NSS 3.87 writes it, for "addext crlNumber 0 7".
CRL_NUMBER_OF_NSS = extension("2.5.29.20", b"\7")
NAMES = subject_alt_names(dns("a.example"), uri("spiffe://acme.example/a"))


def with_extensions(*extensions: bytes) -> str:
    return pem(certificate_der(extensions=extensions))


def failed(explanation: Explanation) -> dict[str, str | None]:
    return {check.name: check.reason for check in explanation.checks if check.verdict is Verdict.FAILED}


@pytest.mark.parametrize(
    ("asked", "check", "required", "found"),
    [
        (question(rules=ANYONE), "certificate", "a client certificate", "one"),
        (question(rules=ANYONE), "printable", "without control characters", "no control characters"),
        (question(rules=ANYONE), "extensions", "can be decoded", "none"),
        (question(rules=ANYONE), "extended_key_usage", "clientAuth, if the certificate has the", "no such extension"),
        (question(rules=ANYONE), "critical_extensions", "OpenSSL does not handle", "no such extension"),
        (question(rules=ANYONE), "rules", "a rule that matches", "1 of 1"),
        (question(rules=document(IN_ANOTHER_API)), "rules", "a rule that matches", "1 of 1, 0 in effect"),
        (
            question(rules=document(PAYMENTS | {"extended_key_usage": ["clientAuth"]})),
            "extended_key_usage",
            "if the certificate has the extension; or those of a rule with extended_key_usage",
            "no such extension",
        ),
        (question(rules=ANYONE), "validity", "2026-11-22T00:00:00Z", "2020-01-01T00:00:00Z to 2040-01-01T00:00:00Z"),
        (question(rules=ANYONE, route="GET /x"), "route", "'GET /x'", "all routes"),
        (question(rules=document(REPORTS, PAYMENTS)), "rules", "a rule that matches", "1 of 2"),
        (
            question(rules=document(REPORTS, PAYMENTS), route="GET /x"),
            "route",
            "'GET /x'",
            "GET /reports/*, * /status",
        ),
        (
            question(rules=RuleSet((*parse_rules(document(REPORTS)), ANYONE)), route="GET /x"),
            "route",
            "'GET /x'",
            "all routes",
        ),
        (
            question(with_extensions(NAMES, CLIENT_AND_SERVER), ANYONE),
            "extensions",
            "can be decoded",
            "2, with the alternative names DNS 'a.example', URI 'spiffe://acme.example/a'",
        ),
        (
            question(with_extensions(CLIENT_AND_SERVER), ANYONE),
            "extended_key_usage",
            "clientAuth",
            "clientAuth, serverAuth",
        ),
        (
            question(with_extensions(SERVER), ANYONE, required_usages=NO_REQUIRED_USAGES),
            "extended_key_usage",
            "nothing: REQUIRED_EXTENDED_KEY_USAGE is none",
            "serverAuth",
        ),
        (
            question(
                with_extensions(SERVER), ANYONE, required_usages=read_required_usages(["clientAuth", "serverAuth"])
            ),
            "extended_key_usage",
            "serverAuth and clientAuth",
            "serverAuth",
        ),
    ],
)
def test_each_check_says_what_it_requires_and_what_it_found(
    asked: Question, check: str, required: str, found: str
) -> None:
    result = next(each for each in explain(asked).checks if each.name == check)
    assert required in result.required
    assert result.found == found


@pytest.mark.parametrize(
    ("certificate", "usages", "fails"),
    [
        (with_extensions(SERVER), NO_REQUIRED_USAGES, False),
        (with_extensions(), read_required_usages(["clientAuth"]), True),
        (with_extensions(CLIENT_AND_SERVER), read_required_usages(["clientAuth"]), False),
    ],
)
def test_the_usages_are_those_that_the_settings_require(certificate: str, usages: RequiredUsages, fails: bool) -> None:  # noqa: FBT001 -- a table's column
    explanation = explain(question(certificate, ANYONE, required_usages=usages))
    expected = {"extended_key_usage": DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED} if fails else {}
    assert failed(explanation) == expected
    required = next(each.required for each in explanation.checks if each.name == "extended_key_usage")
    assert "if the certificate has the extension" not in required


@pytest.mark.parametrize(
    ("certificate", "reason", "check", "found"),
    [
        (None, DenyReason.CERTIFICATE_MISSING, "certificate", "none"),
        (1, DenyReason.CERTIFICATE_MALFORMED, "decodable", "something other than a string"),
        ("garbage", DenyReason.CERTIFICATE_MALFORMED, "decodable", "not a certificate in PEM: "),
        (
            pem(certificate_der(name(("CN", "a\n"), ("O", "Acme")), name(("O", "b\x1b"), ("CN", "fine")))),
            DenyReason.SUBJECT_NOT_PRINTABLE,
            "printable",
            r"subject CN 'a\n', issuer O 'b\x1b'",
        ),
        (
            with_extensions(extension(SUBJECT_ALT_NAME, b"broken")),
            DenyReason.EXTENSIONS_MALFORMED,
            "extensions",
            "a subject alternative name that cannot be decoded: an element is longer",
        ),
        (
            with_extensions(extension(EXTENDED_KEY_USAGE, der.sequence())),
            DenyReason.EXTENSIONS_MALFORMED,
            "extensions",
            "an extended key usage that is empty",
        ),
        (
            with_extensions(extension("1.2.3.4", b"", critical=True)),
            DenyReason.CRITICAL_EXTENSION_UNKNOWN,
            "critical_extensions",
            "1.2.3.4",
        ),
    ],
)
def test_the_reason_is_that_of_the_first_check_that_failed(
    certificate: object, reason: DenyReason, check: str, found: str
) -> None:
    explanation = explain(question(certificate, ANYONE))
    first = next(result for result in explanation.checks if result.verdict is Verdict.FAILED)
    assert (first.name, first.reason, explanation.denial) == (check, reason, reason)
    assert first.found is not None
    assert first.found.startswith(found)


def test_the_parsers_error_is_complete() -> None:
    not_text = certificate_der(der.sequence(der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.octets(b"x")))))
    (decodable,) = [check for check in explain(question(pem(not_text), ANYONE)).checks if check.name == "decodable"]
    assert decodable.found is not None
    assert "..." not in decodable.found
    assert "2.5.4.3" in decodable.found


def test_checks_behind_one_that_failed_are_made_if_they_can_be() -> None:
    server = pem(certificate_der(name(("CN", "server")), extensions=[SERVER]))
    explanation = explain(question(server, document(REPORTS), now=NOT_AFTER + timedelta(1), route="GET /x"))
    assert failed(explanation) == {
        "extended_key_usage": DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED,
        "rules": DenyReason.ORGANIZATION_NOT_ALLOWED,
        "validity": DenyReason.CERTIFICATE_EXPIRED,
    }
    assert explanation.denial is DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED


@pytest.mark.parametrize(
    ("asked", "skipped"),
    [
        (question(rules=ANYONE), {"revocation": "CRL_URIS is not set", "route": "no route was given"}),
        (question(rules=document(PAYMENTS), route="GET /x"), {"route": "rules failed"}),
        (
            question(None, route="GET /x"),
            {
                "decodable": "certificate failed",
                "printable": "there is no certificate",
                "extensions": "there is no certificate",
                "extended_key_usage": "extensions failed",
                "rules": "extensions failed",
                "validity": "there is no certificate",
                "route": "rules failed",
            },
        ),
        (
            question(
                client_pem(("CN", "x\n")),
                ANYONE,
                now=NOT_AFTER + timedelta(1),
                revocation_settings=RevocationSettings(()),
            ),
            {"rules": "printable failed", "revocation": "printable failed", "route": "no route was given"},
        ),
    ],
)
def test_a_check_that_is_skipped_says_why(asked: Question, skipped: dict[str, str]) -> None:
    checks = {check.name: check.skipped for check in explain(asked).checks if check.found is None}
    assert skipped.items() <= checks.items()


def test_the_checks_are_those_of_the_authorizer_in_their_order() -> None:
    assert [check.name for check in explain(question()).checks] == [check.name for check in CHECKS]


@pytest.mark.parametrize(
    ("crl", "rules", "reason", "found"),
    [
        (AUTHORITY.revoke(), REPORTS, None, "good, crl_issuer 'CN=Issuing CA'"),
        (AUTHORITY.revoke(entry(7)), REPORTS, DenyReason.CERTIFICATE_REVOKED, "revoked, crl_issuer"),
        (AUTHORITY.revoke(entry(7)), PAYMENTS, DenyReason.CERTIFICATE_REVOKED, "revoked, crl_issuer"),
        (None, REPORTS, DenyReason.REVOCATION_STATUS_UNKNOWN, "unknown, no_list, crl_issuer"),
        (
            AUTHORITY.revoke(extensions=[CRL_NUMBER_OF_NSS]),
            REPORTS,
            DenyReason.REVOCATION_STATUS_UNKNOWN,
            "unknown, unusable, the CRL number cannot be read",
        ),
        (
            AUTHORITY.revoke(extensions=DELTA),
            REPORTS,
            DenyReason.REVOCATION_STATUS_UNKNOWN,
            "unknown, unusable, the CRL is a delta CRL",
        ),
        (AUTHORITY.revoke(entry(7), extensions=DELTA), REPORTS, DenyReason.CERTIFICATE_REVOKED, "revoked, crl_issuer"),
    ],
)
def test_the_revocation_status_is_explained_whatever_the_rules_are(
    crl: bytes | None, rules: object, reason: DenyReason | None, found: str
) -> None:
    lists = RevocationLists([verify_crl(crl, TRUSTSTORE)] if crl else [], TRUSTSTORE)
    asked = question(ISSUED, document(rules), revocation=lists, now=CRL_TIME)
    (check,) = [check for check in explain(asked).checks if check.name == "revocation"]
    assert check.reason is reason
    assert check.found is not None
    assert check.found.startswith(found)
    (expired,) = [
        check
        for check in explain(asked._replace(now=CRL_TIME + timedelta(days=5000))).checks
        if check.name == "revocation"
    ]
    assert (expired.verdict, expired.skipped) == (Verdict.NOT_REACHED, "validity failed")


def test_cas_without_a_crl_are_listed() -> None:
    root = CertificateAuthority("Root")
    middle = CertificateAuthority("Middle", parent=root)
    issuing = CertificateAuthority("Issuing", parent=middle)
    truststore = read_truststore(root.pem + middle.pem + issuing.pem)
    lists = RevocationLists([read_crl(issuing.revoke(), truststore, CRL_TIME)], truststore)
    asked = question(pem(issuing.issue(7)), ANYONE, revocation=lists, now=CRL_TIME)
    (check,) = [check for check in explain(asked).checks if check.name == "revocation"]
    assert check.found is not None
    assert check.found.endswith("crl_skipped_issuers 'CN=Middle', 'CN=Root'")


def test_without_a_crl_in_force_the_status_is_unknown() -> None:
    settings: Any = RevocationSettings(())
    (check,) = [
        check
        for check in explain(question(ISSUED, ANYONE, revocation_settings=settings, now=CRL_TIME)).checks
        if check.name == "revocation"
    ]
    assert (check.reason, check.found) == (DenyReason.REVOCATION_STATUS_UNKNOWN, "no CRL in force")


@pytest.mark.parametrize(
    ("shadow", "route", "denial"),
    [
        (REPORTS, None, None),
        (REPORTS, "GET /status", None),
        (REPORTS, "GET /x", DenyReason.ROUTE_NOT_ALLOWED),
        (PAYMENTS, None, DenyReason.SUBJECT_ALT_NAME_NOT_ALLOWED),
        (PAYMENTS, "GET /x", DenyReason.SUBJECT_ALT_NAME_NOT_ALLOWED),
    ],
)
def test_shadow_rules_are_explained_with_their_own_denial(
    shadow: dict[str, object], route: str | None, denial: DenyReason | None
) -> None:
    explanation = explain(question(CLIENT, ANYONE, route=route, shadow_rules=RuleSet(parse_rules(document(shadow)))))
    assert (explanation.denial, explanation.shadow_denial) == (None, denial)


@pytest.mark.parametrize(("route", "allowed"), [(None, None), ("GET /status", True), ("GET /x", False)])
def test_a_rule_says_whether_it_allows_the_route_if_one_is_given(route: str | None, allowed: bool | None) -> None:  # noqa: FBT001 -- a case's
    explanation = explain(question(rules=document(REPORTS), route=route))
    assert explanation.rules is not None
    assert [rule.route_allowed for rule in explanation.rules.matching] == [allowed]


@pytest.mark.parametrize("certificate", [client_pem(("CN", "x\n")), None])
def test_rules_are_not_explained_if_the_certificate_is_not_compared_with_them(certificate: str | None) -> None:
    explanation = explain(question(certificate, ANYONE, shadow_rules=RuleSet((ANYONE,))))
    assert (explanation.rules, explanation.shadow_rules) == (None, None)
