"""Rules in their order: which of them match, and what these come to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from client_certificate_auth import PeerCertificate
from local_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import Configuration, load_settings
from mtls_authorizer.reasons import Reason
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import read_request
from mtls_authorizer.request.response import answer
from mtls_authorizer.rules.document import parse_rules
from mtls_authorizer.rules.routes import METHODS, policy_size
from mtls_authorizer.rules.rule_set import EVERYTHING, Grant, Rule, RuleSet, UsagePlanKey
from tests.api_events import STAGE_ARN, http_1_0_event, http_2_0_event, rest_event
from tests.certificates import client_pem
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


def judge(*rules: dict[str, Any]) -> Grant | Reason:
    return RuleSet(parse_rules(document(*rules))).judge(CLIENT)


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
        # Who may call everything may, wherever that rule stands. Context and usage plan are those of the first.
        ([PAYMENTS, ALL], ("payments", "all"), EVERYTHING, {"tier": "1"}, None),
        ([ALL, PAYMENTS], ("all", "payments"), EVERYTHING, {}, "k" * 20),
        ([PAYMENTS | {"usage_plan_key": "fingerprint"}, ALL], ("payments", "all"), EVERYTHING, {"tier": "1"}, KEY),
    ],
)
def test_rules_that_match_add_up_and_the_first_has_context_and_usage_plan(
    rules: list[dict[str, Any]],
    names: tuple[str, ...],
    routes: tuple[str, ...] | None,
    context: dict[str, str],
    key: str | None,
) -> None:
    assert judge(*rules) == Grant(names, routes, context, key)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([OTHERS], Reason.COMMON_NAME_NOT_ALLOWED),
        ([OTHERS, OTHERS | {"name": "more"}], Reason.NO_RULE_MATCHED),
        ([NEVER], Reason.CERTIFICATE_EXCLUDED),
        ([OTHERS, NEVER], Reason.NO_RULE_MATCHED),
    ],
)
def test_without_a_rule_that_matches_there_is_a_reason(rules: list[dict[str, Any]], reason: Reason) -> None:
    assert judge(*rules) is reason


def test_no_rules_let_nobody_in() -> None:
    assert RuleSet(()).judge(CLIENT) is Reason.NO_ALLOWLIST_CONFIGURED
    assert RuleSet([Rule("a", ()), Rule("b", ())]).judge(CLIENT) is Reason.NO_RULE_MATCHED


def test_a_rule_for_anyone_matches_beside_others() -> None:
    for rules in (
        [Rule("anyone", (), anyone=True), Rule("nobody", ())],
        [Rule("a", ()), Rule("anyone", (), anyone=True)],
    ):
        judged = RuleSet(rules).judge(CLIENT)
        assert isinstance(judged, Grant)
        assert judged.rules == ("anyone",)


def test_an_exclusion_keeps_out_of_its_rule_only() -> None:
    assert judge(NEVER, PAYMENTS) == judge(PAYMENTS)
    both = {"organizational_unit": "refunds", "common_name": "other"}
    assert isinstance(judge(PAYMENTS | {"not": both}), Grant)
    assert judge(PAYMENTS | {"not": [both, {"common_name": "client"}]}) is Reason.CERTIFICATE_EXCLUDED


def configuration(*rules: dict[str, Any], **environment: str) -> Configuration:
    return load_settings({"AUTHORIZER_RULES": document(*rules).decode(), **environment})


def test_the_lists_of_the_environment_are_the_first_rule_and_rules_follow() -> None:
    for unit, granted in (("payments", ("environment", "payments")), ("other", ("payments",))):
        grant = configuration(PAYMENTS, ALLOWED_ORGANIZATIONAL_UNITS=unit).rules.judge(CLIENT)
        assert isinstance(grant, Grant)
        assert grant.rules == granted
    assert configuration(OTHERS, ALLOWED_COMMON_NAMES="other").rules.judge(CLIENT) is Reason.NO_RULE_MATCHED


MANY = [f"GET /{number}/{'x' * 200}" for number in range(70)]


def test_routes_that_add_up_to_too_large_a_policy_are_denied_to_who_has_them_all() -> None:
    three = [PAYMENTS | {"name": f"r{number}", "allow": [f"{each}{number}" for each in MANY]} for number in range(3)]
    for one in three:
        assert isinstance(judge(one, one | {"name": "again"}), Grant)
    crowded = configuration(*three)
    decision = decide(CLIENT, crowded, NOW)
    assert (decision.allowed, decision.reason) == (False, Reason.POLICY_TOO_LARGE)
    assert answer(decision, read_request(rest_event(PEM)), crowded)["policyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": f"{STAGE_ARN}/*/*"}],
    }
    # Nobody else is concerned, and who may call everything needs no routes.
    assert isinstance(judge(*three, ALL), Grant)
    assert judge(OTHERS, *[each | {"match": {"common_name": "x"}} for each in three]) is Reason.NO_RULE_MATCHED


def test_a_policy_of_routes_allows_them_and_denies_the_ways_out() -> None:
    result = Authorizer(configuration(PAYMENTS)).authorize(rest_event(PEM, "DELETE", "/anything"))
    policy: Any = result["policyDocument"]
    allowed, denied = policy["Statement"]
    assert allowed == {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Resource": [f"{STAGE_ARN}/GET/payments/*", f"{STAGE_ARN}/POST/payments"],
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


def test_a_simple_response_is_for_the_route_and_says_why_not() -> None:
    authorize = Authorizer(configuration(PAYMENTS, RESPONSE_FORMAT="simple")).authorize
    allowed = authorize(http_2_0_event(PEM, "GET", "/payments/1"))
    assert allowed["isAuthorized"] is True
    for method, path in (("GET", "/payments"), ("POST", "/payments/1"), ("GET", "/payments/%2e%2e/x"), ("GET", "")):
        denied = authorize(http_2_0_event(PEM, method, path))
        assert denied == {"isAuthorized": False, "context": {"reason": "route_not_allowed"}}
    everything = Authorizer(configuration(ALL, RESPONSE_FORMAT="simple")).authorize
    assert everything(http_2_0_event(PEM, "TRACE", "/../x"))["isAuthorized"] is True
    # No */* covers what has no path, and neither does this.
    assert everything(http_2_0_event(PEM, "GET", ""))["isAuthorized"] is False


@pytest.mark.parametrize(
    ("usage_plan_key", "key"), [("fingerprint", KEY), ({"value": "k" * 128}, "k" * 128), (None, None)]
)
def test_a_usage_plan_is_chosen_on_a_rest_api_only(usage_plan_key: object, key: str | None) -> None:
    authorize = Authorizer(
        configuration(PAYMENTS | ({"usage_plan_key": usage_plan_key} if usage_plan_key else {}))
    ).authorize
    assert authorize(rest_event(PEM)).get("usageIdentifierKey") == key
    assert 20 <= len(key or KEY) <= 128
    for make_event in (http_1_0_event, http_2_0_event):
        assert "usageIdentifierKey" not in authorize(make_event(PEM))
    nobody = Authorizer(configuration(OTHERS | {"usage_plan_key": "fingerprint"})).authorize
    assert "usageIdentifierKey" not in nobody(rest_event(PEM))


def test_what_the_certificate_says_stays_whatever_a_rule_adds() -> None:
    # No document gets this far.
    matchers = parse_rules(document(PAYMENTS))[0].matchers
    forged = Rule(
        "forged", matchers, context={"clientCertCN": "admin", "tier": "1"}, usage_plan_key=UsagePlanKey.FINGERPRINT
    )
    decision = decide(CLIENT, Configuration(RuleSet([forged])), NOW)
    assert decision.context["clientCertCN"] == "client"
    assert decision.context["tier"] == "1"


@pytest.mark.parametrize(
    ("rules", "shadow_rules", "route", "reason", "shadow_reason"),
    [
        ([PAYMENTS], [REFUNDS], "/payments/1", None, Reason.ROUTE_NOT_ALLOWED),
        ([PAYMENTS], [OTHERS], "/payments/1", None, Reason.COMMON_NAME_NOT_ALLOWED),
        ([PAYMENTS], [PAYMENTS, OTHERS], "/payments/1", None, None),
        ([OTHERS], [PAYMENTS], "/payments/1", Reason.COMMON_NAME_NOT_ALLOWED, None),
        ([OTHERS], [PAYMENTS], "/x", Reason.COMMON_NAME_NOT_ALLOWED, Reason.ROUTE_NOT_ALLOWED),
        ([ALL], [NEVER], "/x", None, Reason.CERTIFICATE_EXCLUDED),
    ],
)
def test_shadow_rules_say_what_they_would_and_change_nothing(
    rules: list[dict[str, Any]],
    shadow_rules: list[dict[str, Any]],
    route: str,
    reason: Reason | None,
    shadow_reason: Reason | None,
) -> None:
    shadow = document(*shadow_rules).decode()
    decision = decide(CLIENT, configuration(*rules, AUTHORIZER_SHADOW_RULES=shadow), NOW)
    assert decision.refusal(f"GET{route}") is reason
    assert decision.shadow_refusal(f"GET{route}") is shadow_reason
    alone = decide(CLIENT, configuration(*rules), NOW)
    assert alone == decision._replace(shadow=None)
    assert alone.shadow_refusal(f"GET{route}") is None


def test_a_shadow_is_no_longer_valid_than_its_certificate() -> None:
    shadow = {"AUTHORIZER_SHADOW_RULES": document(PAYMENTS).decode()}
    decision = decide(CLIENT, configuration(ALL, **shadow), datetime(2050, 1, 1, tzinfo=UTC))
    assert decision.refusal("GET/x") is decision.shadow_refusal("GET/x") is Reason.CERTIFICATE_EXPIRED
    decision = decide(CLIENT, configuration(OTHERS, **shadow), datetime(2000, 1, 1, tzinfo=UTC))
    assert decision.refusal("GET/x") is Reason.COMMON_NAME_NOT_ALLOWED
    assert decision.shadow_refusal("GET/x") is Reason.CERTIFICATE_NOT_YET_VALID


def test_an_answer_with_rules_is_json() -> None:
    result = Authorizer(configuration(ALL, PAYMENTS)).authorize(rest_event(PEM))
    assert json.loads(json.dumps(result)) == result


def test_the_policy_of_several_rules_may_be_as_large_as_32_kilobytes() -> None:
    matchers = parse_rules(document(PAYMENTS))[0].matchers
    routes = [f"GET/{number}/{'x' * 200}" for number in range(70)]
    spare = 32 * 1024 - policy_size([*routes, "GET/"])
    assert spare > 0
    for more, judged in ((0, Grant), (1, Reason)):
        last = Rule("last", matchers, routes=("GET/" + "x" * (spare + more),))
        assert isinstance(RuleSet([Rule("first", matchers, routes=tuple(routes)), last]).judge(CLIENT), judged)


def test_the_rules_that_match_are_found_in_their_order() -> None:
    rules = RuleSet(parse_rules(document(OTHERS, PAYMENTS, NEVER, REFUNDS)))
    assert [each.name for each in rules.matching(CLIENT)] == ["payments", "refunds"]


def test_the_first_rule_is_the_documents_first_however_many_there_are() -> None:
    others = [OTHERS | {"name": f"r{number}"} for number in range(80)]
    for first, second in ((1, 8), (7, 64), (15, 16), (31, 32)):
        rules = [*others]
        rules[first], rules[second] = PAYMENTS, REFUNDS
        grant = judge(*rules)
        assert isinstance(grant, Grant)
        assert grant.rules == ("payments", "refunds")
        assert grant.context == {"tier": "1"}
