"""The JSON for programs: its keys are documented, and say the same as the explanation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import ENVIRONMENT, Rule
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.report.json_document import as_json
from mtls_authorizer_cli.explanation.truststore import read_bundle
from tests.pki.certificates import certificate_der, pem
from tests.questions import CLIENT, NO_ONE, PAYMENTS, REPORTS, document, question

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation.question import Question

ANYONE = Rule(ENVIRONMENT, (), ALL_ROUTES, anyone=True)
BUNDLE = read_bundle(pem(certificate_der()).encode())


def json_of(asked: Question, *, everything: bool = False) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(as_json(Report(explain(asked, everything=everything), everything=everything)))
    return document


def test_a_denial_names_its_side_and_its_reason() -> None:
    for asked, decision, denied_by, reason in (
        (question(rules=ANYONE), "allow", None, None),
        (question(rules=document(NO_ONE)), "deny", "authorizer", "certificate_excluded"),
        (question(rules=ANYONE, truststore=BUNDLE), "deny", "api_gateway", None),
        (question(rules=document(NO_ONE), truststore=BUNDLE), "deny", "api_gateway", "certificate_excluded"),
    ):
        explained = json_of(asked)
        assert (explained["decision"], explained["denied_by"], explained["reason"]) == (decision, denied_by, reason)
        assert (explained["advice"] is None) is (decision == "allow")
        assert (explained["api_gateway"]["rejected_by"] is None) is (denied_by != "api_gateway")
        assert (explained["api_gateway"]["client_sees"] is None) is (denied_by != "api_gateway")


def test_the_suggested_rule_is_a_rule() -> None:
    explained = json_of(question(rules=document(PAYMENTS)))
    assert explained["suggested_rule"]["name"] == "ledger"
    assert json_of(question(rules=ANYONE))["suggested_rule"] is None


def test_routes_are_null_for_all_and_empty_for_none() -> None:
    assert json_of(question(rules=ANYONE))["allowed_routes"] is None
    assert json_of(question(rules=document(REPORTS)))["allowed_routes"] == ["GET /reports/*", "* /status"]
    assert json_of(question(rules=document(NO_ONE)))["allowed_routes"] == []
    assert [rule["allow"] for rule in json_of(question(rules=document(NO_ONE)))["rules"]["nearest"]] == [None]


def test_shadow_rules_are_null_without_any() -> None:
    explained = json_of(question(rules=ANYONE))
    keys = ("shadow_decision", "shadow_reason", "shadow_rules")
    assert [explained[key] for key in keys] == [None] * 3
    explained = json_of(question(rules=ANYONE, shadow_rules=RuleSet(parse_rules(document(NO_ONE)))))
    assert [explained[key] for key in keys[:2]] == ["deny", "certificate_excluded"]
    explained = json_of(question(rules=ANYONE, shadow_rules=RuleSet((ANYONE,))))
    assert [explained[key] for key in keys[:2]] == ["allow", None]


def test_a_field_has_its_alternatives_and_facts() -> None:
    match = {"issuer": [{"CN": {"prefix": "acme"}, "O": "Acme"}, "CN=x"]}
    (rule,) = json_of(question(rules=document({"name": "a", "match": match})))["rules"]["nearest"]
    (field,) = rule["match"]
    acme = [
        {"label": "CN", "comparison": "prefix", "value": "acme"},
        {"label": "O", "comparison": "exact", "value": "Acme"},
    ]
    assert field == {
        "field": "issuer",
        "matches": False,
        "wanted": [[{"label": "", "comparison": "exact", "value": "CN=x"}], acme],
        "wanted_total": 2,
        "has": [
            {"label": "", "value": "CN=Acme Issuing CA,O=Acme"},
            {"label": "O", "value": "Acme"},
            {"label": "CN", "value": "Acme Issuing CA"},
        ],
        "closest": {"wanted": acme, "difference": "case"},
        "remark": None,
    }


def test_long_lists_are_shortened_unless_everything_is_asked_for() -> None:
    asked = question(CLIENT, document({"name": "x", "match": {"common_name": [f"c{each}" for each in range(101)]}}))
    lengths = []
    for everything in (False, True):
        (rule,) = json_of(asked, everything=everything)["rules"]["nearest"]
        lengths.append(len(rule["match"][0]["wanted"]))
        assert rule["match"][0]["wanted_total"] == 101
    assert lengths == [100, 101]


def test_without_a_certificate_there_is_nothing_about_it() -> None:
    explained = json_of(question(None, ANYONE))
    assert [explained[key] for key in ("certificate", "rules", "answer", "suggested_rule")] == [None] * 4
    assert explained["reason"] == "lambda_event_missing_clientcert"
