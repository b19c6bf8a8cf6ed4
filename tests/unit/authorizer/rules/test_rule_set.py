"""Rule sets: which rules match, and the grant or the deny reason that results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from client_certificate_auth import PeerCertificate
from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.event import read_request
from mtls_authorizer.request.response import make_response
from mtls_authorizer.rules.conditions import SatisfiedConditions
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH
from mtls_authorizer.rules.grant import Evaluation, Grant
from mtls_authorizer.rules.routes import ALL_ROUTES, LARGEST_POLICY, METHODS, Routes, permits, policy_size
from mtls_authorizer.rules.rule import Rule, UsagePlanKey
from mtls_authorizer.rules.rule_set import RuleSet
from tests.aws.api_events import STAGE_ARN, http_1_0_event, http_2_0_event, rest_event
from tests.aws.responses import checking
from tests.decisions import decision_on
from tests.pki.certificates import client_pem
from tests.rules_documents import document, rule

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PEM = client_pem(("CN", "client"), ("OU", "payments"), ("OU", "refunds"))
CLIENT = PeerCertificate.from_pem(PEM)
KEY = CLIENT.fingerprint256.replace(":", "")

PAYMENTS = rule(
    name="payments",
    match={"organizational_unit": "payments"},
    allow=["GET /payments/*", "POST /payments"],
    context={"tier": "1"},
)
REFUNDS = rule(
    name="refunds",
    match={"organizational_unit": "refunds"},
    allow=["POST /payments", "* /refunds"],
    context={"tier": "2"},
)
OTHERS = rule(name="others", match={"common_name": "other"}, allow=["GET /others"], context={"tier": "3"})
ALL = rule(name="all", match={"common_name": {"prefix": "cli"}}, usage_plan_key={"value": "k" * 20})
NEVER = rule(name="never", match={"common_name": "client"}, **{"not": {"organizational_unit": "refunds"}})


def evaluate_rules(*rules: dict[str, Any]) -> Evaluation:
    return RuleSet(parse_rules(document(*rules))).evaluate(CLIENT)


REFUND_ROUTES = tuple(f"{method}/refunds" for method in METHODS)


@pytest.mark.parametrize(
    ("rules", "names", "routes", "context", "key"),
    [
        ([PAYMENTS], ("payments",), ("GET/payments/*", "POST/payments"), {"tier": "1"}, None),
        ([REFUNDS], ("refunds",), ("POST/payments", *REFUND_ROUTES), {"tier": "2"}, None),
        (
            [OTHERS, PAYMENTS, NEVER, REFUNDS],
            ("payments", "refunds"),
            ("GET/payments/*", "POST/payments", *REFUND_ROUTES),
            {"tier": "1"},
            None,
        ),
        (
            [REFUNDS, PAYMENTS],
            ("refunds", "payments"),
            ("POST/payments", *REFUND_ROUTES, "GET/payments/*"),
            {"tier": "2"},
            None,
        ),
        # All routes, whichever rule allows them. Context and usage plan key are those of the first rule.
        ([PAYMENTS, ALL], ("payments", "all"), ALL_ROUTES, {"tier": "1"}, None),
        ([ALL, PAYMENTS], ("all", "payments"), ALL_ROUTES, {}, "k" * 20),
        ([PAYMENTS | {"usage_plan_key": "fingerprint"}, ALL], ("payments", "all"), ALL_ROUTES, {"tier": "1"}, KEY),
    ],
)
def test_the_routes_of_matching_rules_add_up_and_the_first_sets_context_and_usage_plan(
    rules: list[dict[str, Any]],
    names: tuple[str, ...],
    routes: Routes,
    context: dict[str, str],
    key: str | None,
) -> None:
    assert evaluate_rules(*rules) == Grant(names, routes, context, key)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([OTHERS], DenyReason.COMMON_NAME_NOT_ALLOWED),
        ([OTHERS, OTHERS | {"name": "more"}], DenyReason.NO_RULE_MATCHED),
        ([NEVER], DenyReason.CERTIFICATE_EXCLUDED),
        ([OTHERS, NEVER], DenyReason.NO_RULE_MATCHED),
    ],
)
def test_if_no_rule_matches_there_is_a_reason(rules: list[dict[str, Any]], reason: DenyReason) -> None:
    assert evaluate_rules(*rules) is reason


def test_an_empty_rule_set_allows_no_certificate() -> None:
    assert RuleSet(()).evaluate(CLIENT) is DenyReason.NO_ALLOWLIST_CONFIGURED
    assert (
        RuleSet([Rule("a", (), ALL_ROUTES), Rule("b", (), ALL_ROUTES)]).evaluate(CLIENT) is DenyReason.NO_RULE_MATCHED
    )


def test_a_rule_for_anyone_matches_whatever_other_rules_there_are() -> None:
    for rules in (
        [Rule("anyone", (), ALL_ROUTES, anyone=True), Rule("nobody", (), ALL_ROUTES)],
        [Rule("a", (), ALL_ROUTES), Rule("anyone", (), ALL_ROUTES, anyone=True)],
    ):
        outcome = RuleSet(rules).evaluate(CLIENT)
        assert isinstance(outcome, Grant)
        assert outcome.rules == ("anyone",)


def test_a_rule_without_usages_accepts_all_that_the_settings_accept() -> None:
    for_anyone = Rule("anyone", (), ALL_ROUTES, anyone=True)
    nothing = SatisfiedConditions(frozenset(), frozenset())
    assert [for_anyone.mismatch(nothing, usages) for usages in (None, (), (CLIENT_AUTH,))] == [None] * 3


def test_an_exclusion_applies_to_its_own_rule_only() -> None:
    assert evaluate_rules(NEVER, PAYMENTS) == evaluate_rules(PAYMENTS)
    both = {"organizational_unit": "refunds", "common_name": "other"}
    assert isinstance(evaluate_rules(PAYMENTS | {"not": both}), Grant)
    assert evaluate_rules(PAYMENTS | {"not": [both, {"common_name": "client"}]}) is DenyReason.CERTIFICATE_EXCLUDED


def settings(*rules: dict[str, Any], **environment: str) -> Settings:
    return load_settings({"AUTHORIZER_RULES": document(*rules).decode(), **environment})


def test_the_lists_of_the_environment_are_the_first_rule_and_rules_follow() -> None:
    for unit, granted in (("payments", ("environment", "payments")), ("other", ("payments",))):
        grant = RuleSet(settings(PAYMENTS, ALLOWED_ORGANIZATIONAL_UNITS=unit).rules).evaluate(CLIENT)
        assert isinstance(grant, Grant)
        assert grant.rules == granted
    several = RuleSet(settings(OTHERS, ALLOWED_COMMON_NAMES="other").rules)
    assert several.evaluate(CLIENT) is DenyReason.NO_RULE_MATCHED


MANY = [f"GET /{number}/{'x' * 200}" for number in range(65)]


def test_a_certificate_whose_rules_need_too_large_a_policy_is_denied() -> None:
    three = [PAYMENTS | {"name": f"r{number}", "allow": [f"{each}{number}" for each in MANY]} for number in range(3)]
    for one in three:
        assert isinstance(evaluate_rules(one, one | {"name": "again"}), Grant)
    crowded = settings(*three)
    decision = decision_on(CLIENT, crowded, NOW)
    assert (decision.allowed, decision.reason) == (False, DenyReason.POLICY_TOO_LARGE)
    assert make_response(decision, read_request(rest_event(PEM)), crowded)["policyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": f"{STAGE_ARN}/*"}],
    }
    # Other certificates are not affected, and all routes need no list of routes.
    assert isinstance(evaluate_rules(*three, ALL), Grant)
    assert (
        evaluate_rules(OTHERS, *[each | {"match": {"common_name": "x"}} for each in three])
        is DenyReason.NO_RULE_MATCHED
    )


def test_a_policy_for_routes_allows_them_and_denies_path_traversal() -> None:
    result = checking(Authorizer(settings(PAYMENTS)))(rest_event(PEM, "DELETE", "/anything"))
    policy: Any = result["policyDocument"]
    allowed, denied = policy["Statement"]
    assert allowed == {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Resource": [f"{STAGE_ARN}/GET/payments/?*", f"{STAGE_ARN}/POST/payments"],
    }
    assert denied["Effect"] == "Deny"
    assert f"{STAGE_ARN}/*/..*" in denied["Resource"]
    assert evaluate(policy, f"{STAGE_ARN}/GET/payments/1") is Effect.ALLOW
    assert evaluate(policy, f"{STAGE_ARN}/GET/payments/../x") is Effect.EXPLICIT_DENY
    other = STAGE_ARN.replace("/prod", "/test")
    assert evaluate(policy, f"{other}/GET/payments/1") is Effect.IMPLICIT_DENY
    context: Any = result["context"]
    assert context["tier"] == "1"
    assert context["clientCertCN"] == "client"


def test_a_simple_response_is_for_one_route_and_contains_the_reason() -> None:
    authorize = checking(Authorizer(settings(PAYMENTS, RESPONSE_FORMAT="simple")))
    allowed = authorize(http_2_0_event(PEM, "GET", "/payments/1"))
    assert allowed["isAuthorized"] is True
    for method, path in (("GET", "/payments"), ("POST", "/payments/1"), ("GET", "/payments/%2e%2e/x"), ("GET", "")):
        denied = authorize(http_2_0_event(PEM, method, path))
        assert denied == {"isAuthorized": False, "context": {"reason": "route_not_allowed"}}
    everything = checking(Authorizer(settings(ALL, RESPONSE_FORMAT="simple")))
    assert everything(http_2_0_event(PEM, "TRACE", "/../x"))["isAuthorized"] is True
    # An HTTP API's $default route has no path in its ARN.
    assert everything(http_2_0_event(PEM, "GET", "") | {"routeArn": f"{STAGE_ARN}/$default"})["isAuthorized"] is True


@pytest.mark.parametrize(
    ("usage_plan_key", "key"), [("fingerprint", KEY), ({"value": "k" * 128}, "k" * 128), (None, None)]
)
def test_a_usage_plan_key_is_sent_to_rest_apis_only(usage_plan_key: object, key: str | None) -> None:
    authorize = Authorizer(
        settings(PAYMENTS | ({"usage_plan_key": usage_plan_key} if usage_plan_key else {}))
    ).authorize
    assert authorize(rest_event(PEM)).get("usageIdentifierKey") == key
    assert 20 <= len(key or KEY) <= 128
    for make_event in (http_1_0_event, http_2_0_event):
        assert "usageIdentifierKey" not in authorize(make_event(PEM))
    nobody = checking(Authorizer(settings(OTHERS | {"usage_plan_key": "fingerprint"})))
    assert "usageIdentifierKey" not in nobody(rest_event(PEM))


def test_a_rule_cannot_replace_a_value_of_the_certificate() -> None:
    # Such a document is rejected.
    matchers = parse_rules(document(PAYMENTS))[0].matchers
    forged = Rule(
        "forged",
        matchers,
        ALL_ROUTES,
        context={"clientCertCN": "admin", "tier": "1"},
        usage_plan_key=UsagePlanKey.FINGERPRINT,
    )
    decision = decision_on(CLIENT, Settings(), NOW, policy=AccessPolicy(RuleSet([forged])))
    assert decision.context["clientCertCN"] == "client"
    assert decision.context["tier"] == "1"


@pytest.mark.parametrize(
    ("rules", "shadow_rules", "route", "reason", "shadow_reason"),
    [
        ([PAYMENTS], [REFUNDS], "/payments/1", None, DenyReason.ROUTE_NOT_ALLOWED),
        ([PAYMENTS], [OTHERS], "/payments/1", None, DenyReason.COMMON_NAME_NOT_ALLOWED),
        ([PAYMENTS], [PAYMENTS, OTHERS], "/payments/1", None, None),
        ([OTHERS], [PAYMENTS], "/payments/1", DenyReason.COMMON_NAME_NOT_ALLOWED, None),
        ([OTHERS], [PAYMENTS], "/x", DenyReason.COMMON_NAME_NOT_ALLOWED, DenyReason.ROUTE_NOT_ALLOWED),
        ([ALL], [NEVER], "/x", None, DenyReason.CERTIFICATE_EXCLUDED),
    ],
)
def test_shadow_rules_have_an_outcome_and_change_nothing(
    rules: list[dict[str, Any]],
    shadow_rules: list[dict[str, Any]],
    route: str,
    reason: DenyReason | None,
    shadow_reason: DenyReason | None,
) -> None:
    shadow = document(*shadow_rules).decode()
    decision = decision_on(CLIENT, settings(*rules, AUTHORIZER_SHADOW_RULES=shadow), NOW, f"GET{route}")
    assert decision.reason is reason
    assert decision.shadow_reason is shadow_reason
    alone = decision_on(CLIENT, settings(*rules), NOW, f"GET{route}")
    assert alone == decision._replace(shadow_reason=None)


@pytest.mark.parametrize(
    ("rule", "year", "reason", "shadow_reason"),
    [
        (ALL, 2050, DenyReason.CERTIFICATE_EXPIRED, DenyReason.CERTIFICATE_EXPIRED),
        (OTHERS, 2000, DenyReason.COMMON_NAME_NOT_ALLOWED, DenyReason.CERTIFICATE_NOT_YET_VALID),
    ],
)
def test_shadow_rules_deny_a_certificate_that_is_not_valid(
    rule: dict[str, Any], year: int, reason: DenyReason, shadow_reason: DenyReason
) -> None:
    under = settings(rule, AUTHORIZER_SHADOW_RULES=document(PAYMENTS).decode())
    decision = decision_on(CLIENT, under, datetime(year, 1, 1, tzinfo=UTC))
    assert (decision.reason, decision.shadow_reason) == (reason, shadow_reason)


def test_an_answer_with_rules_is_json() -> None:
    result = checking(Authorizer(settings(ALL, PAYMENTS)))(rest_event(PEM))
    assert json.loads(json.dumps(result)) == result


def test_the_policy_of_several_rules_may_be_as_large_as_the_limit() -> None:
    matchers = parse_rules(document(PAYMENTS))[0].matchers
    routes = [f"GET/{number}/{'x' * 200}" for number in range(65)]
    spare = LARGEST_POLICY - policy_size([*routes, "GET/"])
    assert spare > 0
    for more, outcome in ((0, Grant), (1, DenyReason)):
        last = Rule("last", matchers, routes=("GET/" + "x" * (spare + more),))
        assert isinstance(RuleSet([Rule("first", matchers, routes=tuple(routes)), last]).evaluate(CLIENT), outcome)


def test_the_rules_that_match_are_found_in_their_order() -> None:
    rules = RuleSet(parse_rules(document(OTHERS, PAYMENTS, NEVER, REFUNDS)))
    assert [each.name for each in rules.matching(CLIENT)] == ["payments", "refunds"]


@pytest.mark.parametrize("number", [1, 20, 21, 50])
def test_exclusions_apply_to_a_few_and_to_many_rules(number: int) -> None:
    excluding = [NEVER | {"name": f"never{each}"} for each in range(number)]
    several = NEVER | {"name": "several", "not": [{"common_name": "x"}, {"organizational_unit": ["y", "refunds"]}]}
    other = NEVER | {"name": "other", "not": {"organizational_unit": "refunds", "common_name": "x"}}
    rules = RuleSet(parse_rules(document(*excluding, other, several, PAYMENTS)))
    assert [rule.name for rule in rules.matching(CLIENT)] == ["other", "payments"]
    # Each of several common names excludes a certificate.
    keys: dict[str, Any] = {"match": {"organization": "Acme"}, "not": {"common_name": "b"}}
    rules = RuleSet(parse_rules(document(*(rule(name=f"r{each}", **keys) for each in range(number)))))
    assert len(rules.matching(PeerCertificate.from_pem(client_pem(("O", "Acme"), ("CN", "a"))))) == number
    assert rules.matching(PeerCertificate.from_pem(client_pem(("O", "Acme"), ("CN", "a"), ("CN", "b")))) == []


def test_matching_rules_keep_the_order_of_the_document() -> None:
    others = [OTHERS | {"name": f"r{number}"} for number in range(80)]
    for first, second in ((1, 8), (7, 64), (15, 16), (31, 32)):
        rules = [*others]
        rules[first], rules[second] = PAYMENTS, REFUNDS
        grant = evaluate_rules(*rules)
        assert isinstance(grant, Grant)
        assert grant.rules == ("payments", "refunds")
        assert grant.context == {"tier": "1"}


def test_a_rule_needs_routes_and_does_not_allow_any_by_default() -> None:
    with pytest.raises(TypeError, match="routes"):
        Rule("name", ())  # type: ignore[call-arg]  # the argument that must not be forgotten
    outcome = RuleSet([Rule("none", (), (), anyone=True)]).evaluate(CLIENT)
    assert isinstance(outcome, Grant)
    assert not permits(outcome.routes, "GET/")


def test_a_rule_uses_the_fields_of_its_matchers_and_exclusions() -> None:
    (parsed,) = parse_rules(document(rule(match={"organization": "a"}, **{"not": {"common_name": "b"}})))
    assert [field for field in ("organization", "common_name", "subject") if parsed.uses(field)] == [
        *("organization", "common_name")
    ]
