"""Which differences are easily overlooked, and how rules are ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.explanation.explanation import explain
from mtls_authorizer_cli.explanation.similarity import Difference
from tests.pki.certificates import certificate_der, dns, name, pem, subject_alt_names, uri
from tests.questions import CLIENT, document, question

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation.rules import RulesExplanation

SPIFFE = pem(
    certificate_der(
        name(("C", "DE"), ("O", "Acme, Inc."), ("CN", "Ledger")),
        name(("C", "DE"), ("O", "Acme"), ("CN", "Issuing CA")),
        extensions=[subject_alt_names(uri("spiffe://acme.example/ledger"), dns("ledger.acme.example"))],
    )
)


def explained(certificate: str, *rules: object) -> RulesExplanation:
    explanation = explain(question(certificate, document(*rules)))
    assert explanation.rules is not None
    return explanation.rules


def rule(rule_name: str, **match: object) -> dict[str, object]:
    return {"name": rule_name, "match": match}


@pytest.mark.parametrize(
    ("match", "difference"),
    [
        ({"common_name": "ledger"}, Difference.CASE),
        ({"common_name": ["x", "LEDGER"]}, Difference.CASE),
        ({"common_name": "Ledger "}, Difference.SPACE),
        ({"common_name": " ledger"}, Difference.CASE_AND_SPACE),
        ({"common_name": {"prefix": "led"}}, Difference.CASE),
        ({"common_name": {"suffix": "GER"}}, Difference.CASE),
        ({"common_name": "'ledger'"}, Difference.CHARACTERS),
        ({"common_name": "\ufeffLedger"}, Difference.CHARACTERS),
        ({"common_name": "Led\u034fger\u3164"}, Difference.CHARACTERS),
        ({"common_name": "Ledger\u0301"}, Difference.ONE_CHARACTER),
        ({"common_name": "Ledge"}, Difference.ONE_CHARACTER),
        ({"common_name": "Ledgers"}, Difference.ONE_CHARACTER),
        ({"common_name": "Lodger"}, Difference.ONE_CHARACTER),
        ({"common_name": "Legder"}, Difference.ONE_CHARACTER),
        ({"common_name": "lodger"}, Difference.ONE_CHARACTER),
        ({"common_name": "Ledgers-1"}, None),
        ({"common_name": "Ledgars"}, Difference.OTHER),
        ({"common_name": "x"}, None),
        ({"organization": ["Acme", "Inc."]}, Difference.SPLIT),
        ({"organization": ["Acme", "Inc"]}, None),
        ({"issuer": "C=DE,O=Acme,CN=Issuing CA"}, Difference.REVERSED),
        ({"issuer": "C=de,O=ACME,CN=Issuing  CA"}, Difference.REVERSED),
        ({"issuer": "O=Acme,CN=Issuing CA,C=DE"}, Difference.ORDER),
        ({"issuer": "CN=Issuing CA+O=Acme,C=DE"}, Difference.GROUPING),
        ({"issuer": "O=Acme,CN=Issuing CA+C=DE"}, Difference.GROUPING),
        ({"issuer": "CN=Issuing CA+O=Emca,C=DE"}, Difference.OTHER),
        ({"issuer": "CN=Issuing ca,O=Acme,C=DE"}, Difference.CASE),
        ({"issuer": {"CN": "Issuing ca", "O": "Acme"}}, Difference.CASE),
        ({"issuer": {"CN": "Issuing ca", "O": "Emca"}}, None),
        ({"issuer": {"CN": "Issuing ca", "O": "Acme "}}, Difference.SPACE),
        ({"subject": "CN=Ledger\\ ,O=Acme\\, Inc.,C=DE"}, Difference.SPACE),
        ({"subject": "CN=ledger\\ ,O=Acme\\, Inc.,C=DE"}, Difference.CASE_AND_SPACE),
        # Digits in an attribute that only one of them has do not distinguish two clients.
        ({"subject": "CN=Ledger,OU=B2B,O=Acme\\, Inc.,C=DE"}, Difference.OTHER),
        (
            {"subject": "CN=Ledger,OU=B2B,OU=Unit 17,O=Acme\\, Inc.,L=Bonn,ST=NRW,C=DE,postalCode=53113"},
            Difference.OTHER,
        ),
        ({"subject": "CN=Ledger,C=DE,serialNumber=1"}, Difference.OTHER),
        ({"subject": "OU=B2B 1,OU=B2B 2,C=DE"}, None),
        ({"subject": "CN=Ledger 2,OU=B2B,O=Acme\\, Inc.,C=DE"}, None),
        ({"subject": "CN=Ledger,ST=1,L=2,postalCode=3"}, None),
        ({"subject_alt_name": "URI:spiffe://acme.example/Ledger"}, Difference.CASE),
        ({"subject_alt_name": "DNS:spiffe://acme.example/Ledger"}, None),
        ({"fingerprint": "AB" * 32}, None),
        ({"common_name": "L" * 300}, None),
    ],
)
def test_a_difference_is_named(match: dict[str, object], difference: Difference | None) -> None:
    rules = explained(SPIFFE, rule("one", **match))
    (field,) = rules.nearest[0].fields
    assert (field.nearest and field.nearest.difference) == difference
    assert field.is_near_miss is (difference not in {None, Difference.OTHER})


@pytest.mark.parametrize(("required", "found"), [("client-17", "client-18"), ("a1", "a2")])
def test_names_that_differ_in_a_digit_are_not_similar(required: str, found: str) -> None:
    certificate = pem(certificate_der(name(("CN", found))))
    rules = explained(certificate, rule("one", common_name=required))
    (field,) = rules.nearest[0].fields
    assert not field.is_near_miss


@pytest.mark.parametrize("subject", [[], [("C", "DE"), ("L", "Bonn")]])
def test_a_certificate_of_which_only_the_location_is_known_is_similar_to_no_name(
    subject: list[tuple[str, str]],
) -> None:
    rules = explained(pem(certificate_der(name(*subject))), rule("one", subject="CN=a 1,O=Acme 2,L=Bonn,C=DE"))
    (field,) = rules.nearest[0].fields
    assert field.nearest is None


@pytest.mark.parametrize(
    ("certificate", "match", "found"),
    [
        (
            pem(certificate_der(name(("CN", "other")), extensions=[subject_alt_names(dns("api.acme.example"))])),
            {"common_name": "api.acme.example"},
            "'other', but DNS 'api.acme.example' in its subject_alt_name",
        ),
        (
            pem(certificate_der(name(("CN", "api.acme.example")))),
            {"subject_alt_name": "DNS:api.acme.example"},
            "none, but 'api.acme.example' in its common_name",
        ),
        (
            pem(certificate_der(name(("CN", "other"), ("emailAddress", "ops@acme.example")))),
            {"subject_alt_name": "email:ops@acme.example"},
            "none, but emailAddress 'ops@acme.example' in its subject",
        ),
    ],
)
def test_a_required_name_is_found_in_another_field(certificate: str, match: dict[str, str], found: str) -> None:
    others = [rule(f"other-{number}", common_name="others", organization="Acme") for number in range(5)]
    (nearest, *_) = explained(certificate, *others, rule("moved", **match)).nearest
    assert nearest.rule.name == "moved"
    (field,) = nearest.fields
    assert (field.found_text(), field.is_near_miss, nearest.is_related) == (found, False, True)


def test_short_names_are_not_taken_for_misspelt_ones() -> None:
    rules = explained(pem(certificate_der(name(("CN", "abc")))), rule("one", common_name="abd"))
    assert not rules.nearest[0].is_near_miss


def test_the_nearest_alternative_is_found_wherever_it_is() -> None:
    names = [*(f"name {number}" for number in range(50)), "Ledgers", "ledger", "Ledgr"]
    (field,) = explained(CLIENT, rule("one", common_name=names)).nearest[0].fields
    assert field.nearest is not None
    assert [condition.value for condition in field.nearest.alternative] == ["ledger"]
    assert field.required_text() == "one of 53 values, nearest 'ledger' (case differs)"


def test_rules_are_ranked_by_similarity_and_not_by_their_order() -> None:
    rules = explained(
        CLIENT,
        rule("other", common_name="Lodgers", organization="Acme"),
        rule("misspelt", common_name="Ledgr", organization="Acme"),
        rule("issuer", common_name="x", issuer="CN=Acme Issuing CA,O=Acme"),
        rule("excluded", organization="Acme") | {"not": {"common_name": "Ledger"}},
        rule("case", common_name="ledger"),
    )
    assert [each.rule.name for each in rules.nearest] == ["excluded", "case", "misspelt"]
    assert rules.left_out == 2


def test_of_equally_similar_rules_the_one_with_more_matching_fields_is_nearer() -> None:
    rules = explained(
        CLIENT,
        rule("none", common_name="12345"),
        rule("two", common_name="12345", organization="Acme", organizational_unit="payments"),
        rule("one", common_name="12345", organization="Acme"),
    )
    assert [each.rule.name for each in rules.nearest] == ["two", "one", "none"]


@pytest.mark.parametrize("count", [3, 4, 200])
def test_rules_that_are_not_similar_are_left_out_of_a_long_list(count: int) -> None:
    others = [
        rule(f"partner-{number}", common_name=f"{number:x} Ltd.", issuer="CN=Acme Issuing CA,O=Acme")
        for number in range(count)
    ]
    rules = explained(CLIENT, *others)
    assert len(rules.nearest) == (3 if count == 3 else 0)
    assert rules.left_out == count - len(rules.nearest)


def test_everything_is_explained_if_it_is_asked_for() -> None:
    rules = [rule(f"partner-{number}", common_name=f"{number:x}") for number in range(200)]
    explanation = explain(question(CLIENT, document(*rules)), everything=True)
    assert explanation.rules is not None
    assert (len(explanation.rules.nearest), explanation.rules.left_out) == (200, 0)
