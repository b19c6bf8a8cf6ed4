"""What a log entry determines about the decision of other rules, and which facts are missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.extended_key_usage import NO_REQUIRED_USAGES
from mtls_authorizer.rules.fields import FIELDS, ISSUER_KEY
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import Rule
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.decision_log.records import LogRecord
from mtls_authorizer_cli.rules.what_if.facts import LOGGED_FIELDS, facts_of_record
from mtls_authorizer_cli.rules.what_if.replay import ReplayedDecision, Replayer
from tests.pki.certificates import certificate_der, extension, pem
from tests.rules_documents import FINGERPRINT, document, rule

ENTRY: dict[str, Any] = {
    "decision": "deny",
    "reason": "no_rule_matched",
    "rules": [],
    "principal": "client",
    "subject_dn": "CN=client,O=Acme",
    "issuer_dn": "CN=CA",
    "serial_number": "0102",
    "fingerprint": FINGERPRINT,
    "extended_key_usage": None,
    "days_to_expiry": 10,
    "route": "GET /hello",
    "api_id": "a1",
    "domain_name": None,
}
ALLOWED = {"decision": "allow", "reason": None}
TIME = datetime(2026, 11, 22, tzinfo=UTC)
WITH_CRLS = load_settings(
    {"CRL_URIS": "file:///crl", "TRUSTSTORE_URI": "file:///truststore", "ALLOWED_COMMON_NAMES": "a"}
)


def replay(
    *rules: dict[str, Any],
    settings: Settings | None = None,
    without: tuple[str, ...] = (),
    time: datetime | None = TIME,
    deny: object = None,
    **changes: object,
) -> ReplayedDecision:
    fields = {key: value for key, value in (ENTRY | changes).items() if key not in without}
    content = json.loads(document(*rules)) | ({"deny": deny} if deny else {})
    rule_set = RuleSet(parse_rules(json.dumps(content).encode()))
    replayer = Replayer(rule_set, settings or Settings(), {}, issuer_key_known=False)
    return replayer.decide(LogRecord(1, fields, complete=True, time=time))


@pytest.mark.parametrize(
    ("changes", "rules", "why"),
    [
        ({}, [rule()], "rules acme"),
        (ALLOWED, [rule(), rule(name="b", match={"issuer": "CN=CA"})], "rules acme, b"),
        ({}, [rule(match={"fingerprint": FINGERPRINT})], "rules acme"),
        ({}, [rule(match={"serial_number": "102", "issuer": "CN=CA"}, allow=["GET /hello"])], "rules acme"),
        ({"extended_key_usage": ["clientAuth"]}, [rule(extended_key_usage=["clientAuth"])], "rules acme"),
        ({"reason": "route_not_allowed", "days_to_expiry": None}, [rule()], "rules acme"),
        ({"days_to_expiry": 0}, [rule()], "rules acme"),
        ({}, [rule(api_id="a1", not_after="2026-11-22T00:00:00Z")], "rules acme"),
        ({}, [rule(match={"subject": "CN=client,O=Acme"}, context={"o": {"from": "subject.O"}})], "rules acme"),
    ],
)
def test_an_entry_determines_that_a_request_would_be_allowed(
    changes: dict[str, Any], rules: list[dict[str, Any]], why: str
) -> None:
    assert replay(*rules, **changes) == ReplayedDecision((True, frozenset()), why)  # type: ignore[arg-type]  # a named tuple


@pytest.mark.parametrize(
    ("changes", "rules", "why"),
    [
        (ALLOWED, [rule(match={"common_name": "other"})], "no rule matches"),
        (ALLOWED, [rule(allow=["GET /other"])], "the matching rules do not allow the request"),
        (ALLOWED, [rule(match={"common_name": "other", "public_key": FINGERPRINT})], "no rule matches"),
        (ALLOWED, [rule(**{"not": {"organization": "Acme"}})], "no rule matches"),
        (ALLOWED, [rule(context={"o": {"from": "subject.OU"}})], "no rule matches"),
        (ALLOWED, [rule(api_id="b1")], "the matching rules are not in effect"),
        (ALLOWED, [rule(domain_name="api.example.com")], "the matching rules are not in effect"),
        (ALLOWED, [rule(not_after="2026-11-21T00:00:00Z")], "the matching rules are not in effect"),
        ({"extended_key_usage": ["serverAuth"]}, [rule()], "no rule matches"),
        # Of several common names, none matches, and each excludes.
        ({"subject_dn": "CN=client,CN=b"}, [rule()], "no rule matches"),
        (
            {"subject_dn": "CN=client,CN=b,O=Acme"},
            [rule(match={"organization": "Acme"}, **{"not": {"common_name": "b"}})],
            "no rule matches",
        ),
        (
            {"subject_dn": "CN=client,CN=b", "deny": {"common_name": "b"}},
            [rule(match={"issuer": "CN=CA"})],
            "an entry of deny matches",
        ),
        ({"reason": "extensions_malformed"}, [rule()], "extensions_malformed, regardless of the rules"),
        ({"reason": "certificate_expired", "days_to_expiry": -1}, [rule()], "certificate_expired"),
        ({"reason": "certificate_revoked"}, [rule()], "certificate_revoked"),
        ({"days_to_expiry": -1}, [rule()], "no_rule_matched"),
        (ALLOWED | {"deny": {"common_name": "client"}}, [rule()], "an entry of deny matches"),
    ],
)
def test_an_entry_determines_that_a_request_would_be_denied(
    changes: dict[str, Any], rules: list[dict[str, Any]], why: str
) -> None:
    assert replay(*rules, **changes) == ReplayedDecision((False, frozenset()), why)  # type: ignore[arg-type]  # a named tuple


@pytest.mark.parametrize(
    ("arguments", "rules", "missing"),
    [
        ({}, [rule(match={"subject_alt_name": "DNS:a"})], {"subject_alt_name"}),
        ({}, [rule(match={"common_name": "client", "public_key": FINGERPRINT})], {"public_key"}),
        ({}, [rule(match={"issuer_key": FINGERPRINT})], {"issuer_key"}),
        ({}, [rule(), rule(name="b", match={"psd2_role": "PSP_AI"})], {"psd2_role"}),
        ({}, [rule(**{"not": {"spiffe_trust_domain": "a"}})], {"spiffe_trust_domain"}),
        ({}, [rule(context={"d": {"from": "subject_alt_name.dns"}})], {"subject_alt_name"}),
        ({"deny": {"public_key": FINGERPRINT}}, [rule()], {"public_key"}),
        ({"without": ("extended_key_usage",)}, [rule()], {"extended_key_usage"}),
        ({"extended_key_usage": [*("1.2.3" for _ in range(16)), "..."]}, [rule()], {"extended_key_usage"}),
        ({"extended_key_usage": 1}, [rule()], {"extended_key_usage"}),
        ({"extended_key_usage": ["1.2.3"] * 17}, [rule()], {"extended_key_usage"}),
        ({"subject_dn": "CN=" + "c" * 2042 + "..."}, [rule()], {"common_name"}),
        ({"subject_dn": "not a name"}, [rule()], {"common_name"}),
        ({"issuer_dn": None}, [rule(match={"issuer": "CN=CA"})], {"issuer"}),
        ({"serial_number": None}, [rule(match={"serial_number": "102", "issuer": "CN=CA"})], {"serial_number"}),
        ({"serial_number": "1E+40"}, [rule(match={"serial_number": "102", "issuer": "CN=CA"})], {"serial_number"}),
        ({"fingerprint": None}, [rule(match={"fingerprint": FINGERPRINT})], {"fingerprint"}),
        ({"fingerprint": "AA:BB"}, [rule(match={"fingerprint": FINGERPRINT})], {"fingerprint"}),
        ({"decision": None, "reason": None}, [rule()], {"decision"}),
        ({"reason": None}, [rule()], {"reason"}),
        ({"reason": "reason_of_a_newer_version"}, [rule()], {"reason"}),
        ({"days_to_expiry": None}, [rule()], {"days_to_expiry"}),
        ({"settings": WITH_CRLS}, [rule()], {"revocation status"}),
        ({"settings": WITH_CRLS, "days_to_expiry": None}, [rule()], {"revocation status", "days_to_expiry"}),
        ({"time": None}, [rule(not_before="2026-11-21T00:00:00Z")], {"time"}),
        ({"api_id": None}, [rule(api_id="a1")], {"api_id"}),
        ({"without": ("domain_name",)}, [rule(domain_name="api.example.com")], {"domain_name"}),
        ({"route": "GET /{proxy+}"}, [rule(allow=["GET /hello"])], {"path"}),
    ],
)
def test_a_decision_that_needs_other_facts_is_undetermined_and_names_them(
    arguments: dict[str, Any], rules: list[dict[str, Any]], missing: set[str]
) -> None:
    replayed = replay(*rules, **arguments)
    assert replayed.allowed.value is None
    assert replayed.allowed.missing == missing


def test_every_field_whose_facts_are_logged_is_known() -> None:
    client = facts_of_record(LogRecord(1, ENTRY, complete=True))
    assert client.fields == LOGGED_FIELDS
    # The key of the issuer is in the truststore.
    for name in FIELDS.keys() - LOGGED_FIELDS - {ISSUER_KEY}:
        with pytest.raises(AttributeError):
            FIELDS[name].facts(client.certificate)


def test_a_rule_that_matches_nothing_allows_no_client() -> None:
    rules = RuleSet([Rule("none", (), ALL_ROUTES)])
    replayer = Replayer(rules, Settings(), {}, issuer_key_known=False)
    assert replayer.decide(LogRecord(1, ENTRY, complete=True)).allowed.value is False


@pytest.mark.parametrize(("statement", "allowed"), [(b"broken", False), (None, True)])
def test_a_certificate_with_a_malformed_psd2_statement_is_denied_by_rules_about_roles(
    statement: bytes | None,
    allowed: bool,  # noqa: FBT001 -- a table
) -> None:
    extensions = [] if statement is None else [extension("1.3.6.1.5.5.7.1.3", statement)]
    certificate = PeerCertificate.from_pem(pem(certificate_der(extensions=extensions)))
    rules = RuleSet(parse_rules(document(rule(), rule(name="b", match={"psd2_role": "PSP_AI"}))))
    replayer = Replayer(rules, Settings(), {FINGERPRINT: certificate}, issuer_key_known=False)
    assert replayer.decide(LogRecord(1, ENTRY, complete=True)).allowed.value is allowed


def test_usages_are_not_needed_if_none_are_required() -> None:
    settings = Settings(required_usages=NO_REQUIRED_USAGES)
    assert replay(rule(), settings=settings, without=("extended_key_usage",)).allowed.value is True


def test_routes_that_do_not_fit_into_a_policy_are_denied() -> None:
    def large(number: int, **match: str) -> dict[str, Any]:
        return rule(name=f"r{number}", match=match, allow=[f"GET /{number}/{each}" for each in range(100)])

    rules = [large(number, common_name="client") for number in range(3)]
    hello = rule(name="hello", allow=["GET /hello"])
    assert replay(*rules, hello).allowed.value is False
    uncertain = [large(number, subject_alt_name="DNS:a") for number in range(3)]
    assert replay(*uncertain, hello).allowed.missing == {"policy size"}


def test_a_list_in_the_environment_that_allows_anyone_allows_everyone() -> None:
    settings = load_settings({"ALLOW_ANY_CLIENT_CERTIFICATE": "true"})
    replayer = Replayer(RuleSet(settings.rules), settings, {}, issuer_key_known=False)
    assert replayer.decide(LogRecord(1, ENTRY, complete=True)).allowed.value is True
