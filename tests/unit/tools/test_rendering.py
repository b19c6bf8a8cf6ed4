"""What is printed of an explanation, to the letter. ``explanations/in_full`` holds it, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtls_authorizer.policy.settings import ResponseFormat, UnauthenticatedResponse
from mtls_authorizer.rules.document import parse_rules
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule_set import ENVIRONMENT, Rule, RuleSet
from mtls_authorizer_cli.explanation import Question, explain
from mtls_authorizer_cli.rendering import Report, as_json, as_text
from tests.api_events import http_2_0_event, rest_event
from tests.certificates import certificate_der, client_pem, dns, name, pem, subject_alt_names, uri
from tests.questions import CLIENT, NO_ONE, PAYMENTS, REPORTS, document, question

GOLDEN_FILES = Path(__file__).parent / "explanations" / "in_full"

SPIFFE = pem(
    certificate_der(
        name(("O", "Acme"), ("OU", "payments"), ("CN", "Ledger")),
        name(("O", "Acme"), ("CN", "Acme Issuing CA")),
        extensions=[subject_alt_names(uri("spiffe://acme.example/payments/ledger"), dns("ledger.acme.example"))],
    )
)
LONG = client_pem(("O", "a" * 197), ("CN", "Ledger" * 40))
ANYONE = Rule(ENVIRONMENT, (), ALL_ROUTES, anyone=True)
SERIAL = {
    "name": "one",
    "match": {"serial_number": ["01", "02"], "issuer": ["CN=Acme Issuing CA,O=Acme"], "fingerprint": "ab" * 32},
}
MANY = [{"name": f"rule-{number}", "match": {"common_name": f"client-{number}"}} for number in range(1_200)]


def routes(number: int) -> bytes:
    return document(
        {"name": "routes", "match": {"organization": "Acme"}, "allow": [f"GET /{each}" for each in range(number)]}
    )


def excluding(**fields: str) -> dict[str, object]:
    rule_name = "all-but-" + "-".join(fields.values())
    return {"name": rule_name, "match": {"organization": "Acme"}, "not": {"common_name": "Ledger", **fields}}


QUESTIONS = {
    "allowed by one of several": question(SPIFFE, document(PAYMENTS, REPORTS, NO_ONE), route="POST /payments"),
    "refused with a shadow that allows": question(
        CLIENT, document(PAYMENTS, SERIAL), shadow_rules=RuleSet(parse_rules(document(REPORTS)))
    ),
    "allowed with a shadow that denies": question(
        CLIENT, document(REPORTS), route="GET /status", shadow_rules=RuleSet(parse_rules(document(PAYMENTS, NO_ONE)))
    ),
    "anyone": question(LONG, ANYONE),
    "of the wrong route": question(CLIENT, document(REPORTS), route="DELETE /reports/1"),
    "no certificate, which is 401": question(None, document(REPORTS)),
    "no certificate, with a shadow": question(
        None, document(REPORTS), shadow_rules=RuleSet(parse_rules(document(PAYMENTS)))
    ),
    "no certificate, which is 403": question(
        None, document(REPORTS), unauthenticated_response=UnauthenticatedResponse.DENY
    ),
    "simple": question(
        CLIENT,
        document(REPORTS),
        route="GET /reports/1",
        make_event=http_2_0_event,
        response_format=ResponseFormat.SIMPLE,
    ),
    "either answer": question(CLIENT, document(REPORTS), make_event=rest_event, response_format=ResponseFormat.SIMPLE),
    "both answers": question(CLIENT, document(REPORTS), route="GET /status", response_format=ResponseFormat.SIMPLE),
    "nearly the name": question(CLIENT, document({"name": "ledger", "match": {"common_name": ["ledger", "journal"]}})),
    "eight routes": question(CLIENT, routes(8)),
    "nine routes": question(CLIENT, routes(9)),
    "a hundred routes": question(CLIENT, routes(100), route="GET /1"),
    "many rules": question(CLIENT, document(*MANY)),
    "no rules": question(CLIENT),
    "excluded by two fields or by one": question(
        CLIENT, document(excluding(organizational_unit="payments"), excluding(organizational_unit="sales"))
    ),
}
NOTES = ("the file has two certificates", "the time is that of the option")


def report(asked: Question) -> Report:
    return Report(explain(asked), NOTES)


def golden(case: str, ending: str) -> str:
    return (GOLDEN_FILES / f"{case.replace(' ', '-').replace(',', '')}.{ending}").read_text()


@pytest.mark.parametrize("case", QUESTIONS)
def test_a_person_reads_this(case: str) -> None:
    assert as_text(report(QUESTIONS[case])) == golden(case, "txt")


@pytest.mark.parametrize("case", QUESTIONS)
def test_a_program_reads_this(case: str) -> None:
    assert as_json(report(QUESTIONS[case])) == golden(case, "json")


def test_nothing_is_left_out_if_everything_is_asked_for() -> None:
    whole = Report(explain(QUESTIONS["nine routes"]), everything=True)
    assert as_text(whole).count("/prod/GET/") == 9
    listed = question(CLIENT, document({"name": "x", "match": {"common_name": [f"c{each}" for each in range(101)]}}))
    (shortened,), (all_of_it,) = (
        json.loads(as_json(Report(explain(listed), everything=everything)))["rules"]["nearest"]
        for everything in (False, True)
    )
    assert [len(rule["match"][0]["wanted"]) for rule in (shortened, all_of_it)] == [100, 101]
    assert shortened["match"][0]["wanted_total"] == 101


def test_thousands_are_set_apart() -> None:
    rules = document(*(rule | {"match": {"organization": "Acme"}} for rule in MANY))
    text = as_text(report(question(CLIENT, rules)))
    assert "wanted one that matches; has 1,200 of 1,200\n" in text
    assert "\nRules: 1,200 of 1,200 match\n" in text


def test_a_name_of_200_characters_fits_and_of_a_longer_one_the_beginning() -> None:
    for length, shown in ((197, f"CN={'a' * 197}\n"), (198, f"CN={'a' * 197}...\n")):
        asked = question(client_pem(("CN", "a" * length)), document(REPORTS))
        assert as_text(report(asked)).startswith(f"certificate    {shown}")
