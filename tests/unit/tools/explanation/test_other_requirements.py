"""The values that a rule takes from certificates."""

from __future__ import annotations

from mtls_authorizer.rules.certificate_values import CertificateValue
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer_cli.explanation.other_requirements import certificate_values
from tests.rules_documents import document, rule


def test_a_rule_lists_its_values_from_certificates_by_their_locations() -> None:
    unit, organization = {"from": "subject.OU"}, {"from": "subject.O"}
    both = rule(context={"tenant": unit, "tier": "gold"}, usage_plan_key=organization)
    constant = rule(name="constant", usage_plan_key="fingerprint")
    (of_both, of_constant) = parse_rules(document(both, constant))
    assert certificate_values(of_both) == {
        "context.tenant": CertificateValue("subject", "OU"),
        "usage_plan_key": CertificateValue("subject", "O"),
    }
    assert certificate_values(of_constant) == {}
