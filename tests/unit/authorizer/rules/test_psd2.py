"""``organization_identifier`` and ``psd2_role``: payment service providers by what their certificates say.

The malformed statements are those that users report: roles without a SEQUENCE each (apple/eidas, issue 24), a tag
around the roles, no role, another role's name, other string types, a missing part (zmap/zlint, issue 847 and the lints
for PSD2).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.der import DerError
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.rules.field_values import psd2_role_facts, psd2_statement_problem
from mtls_authorizer.rules.psd2 import Psd2Statement, parse_role, read_psd2_statement
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.report.text import as_text
from tests.aws.api_events import EVENTS, rest_event
from tests.aws.responses import checking, reason
from tests.pki import der
from tests.pki.certificates import certificate_der, extension, name, pem
from tests.pki.psd2_statements import (
    COMPLIANCE,
    PSD2_STATEMENT,
    QC_STATEMENTS,
    ROLE_OIDS,
    TYPE,
    information,
    psd2_statement,
    role,
    statement,
    statements,
)
from tests.questions import question
from tests.rules_documents import rule

IDENTIFIER = "PSDDE-BAFIN-123456"
OID_AND_NAME = (der.oid(ROLE_OIDS["PSP_PI"]), der.text("PSP_PI"))
AI = role("PSP_AI")


def provider(*extensions: bytes, identifiers: tuple[str, ...] = (IDENTIFIER,)) -> str:
    subject = name(("O", "Acme Bank"), *(("2.5.4.97", each) for each in identifiers))
    return pem(certificate_der(subject, extensions=extensions))


# By what is special about it: a certificate, and its roles.
WELL_FORMED: dict[str, tuple[str, list[str] | None]] = {
    "account information": (provider(psd2_statement("PSP_AI")), ["PSP_AI"]),
    "payment initiation and account information": (
        provider(psd2_statement("PSP_PI", "PSP_AI")),
        ["PSP_PI", "PSP_AI"],
    ),
    "all four roles": (provider(psd2_statement(*ROLE_OIDS)), list(ROLE_OIDS)),
    "card-based payment instruments": (provider(psd2_statement("PSP_IC")), ["PSP_IC"]),
    "a role of a later version": (
        provider(statements(statement(information(AI, role("PSP_CB", "0.4.0.19495.1.5"))))),
        ["PSP_AI", "0.4.0.19495.1.5"],
    ),
    "an unspecified role": (
        provider(statements(statement(information(role("Unspecified", "0.4.0.19495.1.0"))))),
        ["0.4.0.19495.1.0"],
    ),
    "the PSD2 statement first": (provider(statements(statement(information(AI)), COMPLIANCE)), ["PSP_AI"]),
    "an authority without its country": (
        provider(statements(statement(information(AI, authority_id=der.text("BE"))))),
        ["PSP_AI"],
    ),
    "an authority beyond ASCII": (
        provider(statements(statement(information(AI, authority=der.text("Česká národní banka"))))),
        ["PSP_AI"],
    ),
    "the longest name": (provider(statements(statement(information(AI, authority=der.text("ä" * 256))))), ["PSP_AI"]),
    "other statements only": (provider(statements(COMPLIANCE, TYPE)), None),
    "no statements": (provider(), None),
}
MALFORMED: dict[str, str] = {
    "roles without a sequence each": provider(
        statements(statement(information(*OID_AND_NAME, der.oid(ROLE_OIDS["PSP_AI"]), der.text("PSP_AI"))))
    ),
    "one role without its sequence": provider(statements(statement(information(*OID_AND_NAME)))),
    "a tag around the roles": provider(
        statements(
            statement(
                der.sequence(
                    der.tagged(0, der.sequence(AI), constructed=True), der.text("Authority"), der.text("DE-BAFIN")
                )
            )
        )
    ),
    "no role": provider(statements(statement(information()))),
    "the name of another role": provider(statements(statement(information(role("PSP_PI", ROLE_OIDS["PSP_AI"]))))),
    "the name of a role with an OID of its own": provider(statements(statement(information(role("PSP_AI", "1.2.3"))))),
    "the long name of a role": provider(
        statements(statement(information(role("Account Information", ROLE_OIDS["PSP_AI"]))))
    ),
    "a role as PrintableString": provider(statements(statement(information(role("PSP_AI", tag=der.PRINTABLE_STRING))))),
    "an authority as PrintableString": provider(
        statements(statement(information(AI, authority=der.text("Authority", der.PRINTABLE_STRING))))
    ),
    "no identifier of the authority": provider(
        statements(statement(der.sequence(der.sequence(AI), der.text("Authority"))))
    ),
    "an empty identifier of the authority": provider(statements(statement(information(AI, authority_id=der.text(""))))),
    "a long name": provider(statements(statement(information(AI, authority=der.text("a" * 257))))),
    "a name with a line feed": provider(statements(statement(information(AI, authority=der.text("a\nb"))))),
    "a name that is not UTF-8": provider(
        statements(statement(information(AI, authority=der.tlv(der.UTF8_STRING, b"\xff"))))
    ),
    "an element more": provider(
        statements(statement(der.sequence(der.sequence(AI), der.text("a"), der.text("b"), der.text("c"))))
    ),
    "a statement without information": provider(statements(der.sequence(der.oid(PSD2_STATEMENT)))),
    "a statement with two of them": provider(
        statements(der.sequence(der.oid(PSD2_STATEMENT), information(AI), information(AI)))
    ),
    "information in a string": provider(statements(statement(der.octets(information(AI))))),
    "the statement twice": provider(statements(statement(information(AI)), statement(information(AI)))),
    "another statement without an OID": provider(statements(der.sequence(der.text("a")), statement(information(AI)))),
    "another statement that is malformed": provider(
        statements(der.sequence(der.oid("1.2.3"), der.tlv(der.BOOLEAN, b"\1")), statement(information(AI)))
    ),
    "a set of statements": provider(extension(QC_STATEMENTS, der.tlv(der.SET, statement(information(AI))))),
    "a statement that is cut short": provider(extension(QC_STATEMENTS, statements(statement(information(AI)))[:40])),
    "no statement at all": provider(extension(QC_STATEMENTS, b"")),
}


def authorize(document: dict[str, Any], **variables: str) -> Any:  # noqa: ANN401 -- the function that ``checking`` returns
    return checking(Authorizer(load_settings({"AUTHORIZER_RULES": json.dumps(document), **variables})))


def test_there_are_more_than_ten_certificates_of_which_three_are_malformed() -> None:
    assert len(WELL_FORMED) > 10
    assert len(MALFORMED) > 3


@pytest.mark.without_coverage
@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_each_certificate_is_decided_as_the_rule_for_a_role_says(make_event: Any) -> None:  # noqa: ANN401
    answers = {
        wanted: authorize({"rules": [rule(match={"psd2_role": wanted, "organization_identifier": IDENTIFIER})]})
        for wanted in (*ROLE_OIDS, "0.4.0.19495.1.5", ROLE_OIDS["PSP_AI"])
    }
    # Also once they are in the cache.
    for _ in range(2):
        for wanted, answer in answers.items():
            for special, (certificate, roles) in WELL_FORMED.items():
                allowed = parse_role(wanted) in (roles or [])
                expected = None if allowed else "psd2_role_not_allowed"
                assert reason(answer(make_event(certificate))) == expected, (wanted, special)
            for special, certificate in MALFORMED.items():
                assert reason(answer(make_event(certificate))) == "qc_statements_malformed", (wanted, special)


def test_an_exclusion_by_a_role_applies_and_a_malformed_statement_is_denied_as_well() -> None:
    match = {"organization": "Acme Bank"}
    for document in (
        {"rules": [rule(match=match, **{"not": {"psd2_role": ["PSP_IC", "PSP_PI"]}})]},
        {"rules": [rule(match=match)], "deny": {"psd2_role": ["PSP_IC", "PSP_PI"]}},
    ):
        answer = authorize(document)
        for special, (certificate, roles) in WELL_FORMED.items():
            expected = "certificate_excluded" if {"PSP_IC", "PSP_PI"} & set(roles or ()) else None
            assert reason(answer(rest_event(certificate))) == expected, special
        for special, certificate in MALFORMED.items():
            assert reason(answer(rest_event(certificate))) == "qc_statements_malformed", special


def test_without_rules_about_roles_statements_do_not_matter() -> None:
    answer = authorize({"rules": [rule(match={"organization_identifier": {"prefix": "PSDDE-BAFIN-"}})]})
    for certificate in (*(certificate for certificate, _ in WELL_FORMED.values()), *MALFORMED.values()):
        response = answer(rest_event(certificate))
        assert reason(response) is None
        assert response["context"]["clientCertOrganizationIdentifier"] == IDENTIFIER
        assert not [key for key in response["context"] if "Psd2" in key]


@pytest.mark.parametrize(
    ("identifiers", "allowed"),
    [
        ((IDENTIFIER,), True),
        ((), False),
        (("PSDDE-BAFIN-1234567",), False),
        (("psdde-bafin-123456",), False),
        ((IDENTIFIER, "PSDFR-ACPR-1"), False),
        ((IDENTIFIER, IDENTIFIER), False),
    ],
)
def test_an_organization_identifier_must_be_the_only_one(identifiers: tuple[str, ...], allowed: bool) -> None:  # noqa: FBT001 -- a table's column
    certificate = provider(identifiers=identifiers)
    matched = authorize({"rules": [rule(match={"organization_identifier": ["x", IDENTIFIER]})]})
    assert reason(matched(rest_event(certificate))) == (None if allowed else "organization_identifier_not_allowed")
    match = {"organization": "Acme Bank"}
    excluded = authorize({"rules": [rule(match=match, **{"not": {"organization_identifier": IDENTIFIER}})]})
    # Each of several is excluded.
    assert (reason(excluded(rest_event(certificate))) is not None) is (IDENTIFIER in identifiers)


def test_the_integration_receives_the_values_of_the_fields_that_rules_use() -> None:
    certificate = provider(psd2_statement("PSP_PI", "PSP_AI"))
    values = {
        "clientCertOrganizationIdentifier": IDENTIFIER,
        "clientCertPsd2Roles": '["PSP_PI", "PSP_AI"]',
        "clientCertPsd2AuthorityName": "Federal Authority",
        "clientCertPsd2AuthorityId": "DE-BAFIN",
    }
    without = authorize({"rules": [rule(match={"organization": "Acme Bank"})]})(rest_event(certificate))["context"]
    assert not values.keys() & without.keys()
    answer = authorize({"rules": [rule(match={"psd2_role": "PSP_AI"})]})
    for _ in range(2):
        assert answer(rest_event(certificate))["context"] == {**without, **values}
    # A list allows a client without a statement and without an identifier.
    listed = authorize({"rules": [rule(match={"psd2_role": "PSP_AI"})]}, ALLOWED_ORGANIZATIONS="Acme Bank")
    assert not values.keys() & listed(rest_event(provider(identifiers=())))["context"].keys()


def test_a_statement_has_roles_and_an_authority_or_an_error_says_what_is_wrong() -> None:
    certificate = PeerCertificate.from_pem(WELL_FORMED["all four roles"][0])
    assert read_psd2_statement(certificate) == Psd2Statement(tuple(ROLE_OIDS), "Federal Authority", "DE-BAFIN")
    for special, problem in {
        "roles without a sequence each": "the roles of a PSD2 statement have the tags 06 0C 06 0C",
        "the name of another role": "the PSD2 role 0.4.0.19495.1.3 is called 'PSP_PI', not PSP_AI",
        "the name of a role with an OID of its own": "the PSD2 role 1.2.3 is called 'PSP_AI', which is 0.4.0.19495.1.3",
        "the statement twice": "the PSD2 statement occurs twice",
        "a role as PrintableString": "a PSD2 role has the tags 06 13",
    }.items():
        with pytest.raises(DerError, match=problem):
            read_psd2_statement(PeerCertificate.from_pem(MALFORMED[special]))


@given(data=st.data())
def test_a_changed_statement_is_read_or_malformed_and_nothing_else(data: st.DataObject) -> None:
    whole = psd2_statement("PSP_PI", "PSP_AI")
    start = len(whole) - len(information(role("PSP_PI"), AI))
    position = data.draw(st.integers(start, len(whole) - 1))
    changed = whole[:position] + data.draw(st.binary(min_size=1, max_size=1)) + whole[position + 1 :]
    certificate = PeerCertificate.from_pem(provider(changed))
    problem = psd2_statement_problem(certificate)
    assert problem is None or psd2_role_facts(certificate) == []
    statement = None if problem else read_psd2_statement(certificate)
    assert statement is None or len(statement.roles) == 2


def test_explain_says_what_is_wrong_with_a_statement_and_an_identifier() -> None:
    rules = json.dumps({"rules": [rule(match={"psd2_role": "PSP_AI", "organization_identifier": "x"})]}).encode()
    text = " ".join(as_text(Report(explain(question(MALFORMED["the statement twice"], rules)))).split())
    assert "qc_statements_malformed" in text
    assert "QCStatements cannot be read: the PSD2 statement occurs twice." in text
    text = " ".join(as_text(Report(explain(question(provider(identifiers=("x", "y")), rules)))).split())
    assert "2 organization identifiers, and none of them is used" in text
    text = " ".join(as_text(Report(explain(question(provider(psd2_statement("PSP_PI")), rules)))).split())
    assert "psd2_role: requires 'PSP_AI'; found 'PSP_PI'" in text
