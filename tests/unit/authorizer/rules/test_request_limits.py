"""Rules that are limited to APIs, domain names and times, with a warm cache: limits are evaluated for every request."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.document.request_limits_validation import TIME
from mtls_authorizer.rules.grant import ConditionalGrant, Grant
from mtls_authorizer.rules.request_limits import RequestLimits
from mtls_authorizer.rules.rule_set import RuleSet
from tests.aws.api_events import EVENTS, STAGE_ARN, http_1_0_event, http_2_0_event, rest_event
from tests.aws.responses import checking
from tests.pki.certificates import client_pem
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from collections.abc import Callable

PEM = client_pem(("CN", "client"))
API, OTHER_API = "a1b2c3d4e5", "z9y8x7w6v5"
ORDERS, REPORTS = "orders.example.com", "reports.example.com"
NOW = datetime(2026, 11, 22, tzinfo=UTC)

every_event = pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)


def asking(
    make_event: Callable[..., dict[str, Any]], api_id: str = API, domain_name: object = ORDERS, **changes: object
) -> dict[str, Any]:
    """Return an event of an API under a domain name, None for an event without one."""
    event = make_event(PEM, **changes)
    key = "routeArn" if "routeArn" in event else "methodArn"
    event[key] = event[key].replace(API, api_id)
    if domain_name is not None:
        event["requestContext"]["domainName"] = domain_name
    return event


class Asked:
    """The real authorizer under some rules, with a clock, and with the certificate in its cache."""

    def __init__(self, *rules: dict[str, Any], **environment: str) -> None:
        settings = load_settings({"AUTHORIZER_RULES": document(*rules).decode(), **environment})
        self.now = NOW
        self.authorize = checking(Authorizer(settings, clock=lambda: self.now))
        self.authorize(rest_event(PEM))

    def reason(self, event: dict[str, Any]) -> str | None:
        reason: str | None = self.authorize(event)["context"].get("reason")
        return reason


@every_event
def test_one_certificate_alternates_between_two_apis(
    make_event: Callable[..., dict[str, Any]], log: pytest.LogCaptureFixture
) -> None:
    asked = Asked(rule(api_id=API))
    for _ in range(3):
        assert asked.reason(asking(make_event)) is None
        for other in (OTHER_API, API.upper()):
            assert asked.reason(asking(make_event, other)) == "rule_not_in_effect"
    records = [vars(record) for record in log.records][1:]
    assert [record["api_id"] for record in records] == [API, OTHER_API, API.upper()] * 3
    assert all(record["cached"] for record in records)


@every_event
def test_one_certificate_alternates_between_two_domain_names(make_event: Callable[..., dict[str, Any]]) -> None:
    both = rule(name="both", domain_name=[ORDERS.upper(), REPORTS], allow=["GET /status"], context={"tier": "1"})
    asked = Asked(both, rule(name="orders", domain_name=ORDERS, context={"tier": "2"}))
    for _ in range(2):
        # The policy contains the routes of the rules that are in effect, and of no others.
        everything = asked.authorize(asking(make_event, domain_name=ORDERS.title()))
        assert everything["policyDocument"]["Statement"][0]["Resource"] == f"{STAGE_ARN}/*"
        limited = asked.authorize(asking(make_event, domain_name=REPORTS))
        assert limited["policyDocument"]["Statement"][0]["Resource"] == [f"{STAGE_ARN}/GET/status"]
        assert everything["context"]["tier"] == limited["context"]["tier"] == "1"
        for other in ("example.com", f"{REPORTS}.", f"x.{REPORTS}", "", None, 7, [REPORTS], "\u017eeports.example.com"):
            assert asked.reason(asking(make_event, domain_name=other)) == "rule_not_in_effect"


@every_event
def test_the_domain_name_of_a_header_is_not_read(make_event: Callable[..., dict[str, Any]]) -> None:
    headers = dict.fromkeys(("Host", "host", "X-Forwarded-Host", "x-forwarded-host"), ORDERS)
    event = asking(make_event, domain_name=None, headers=headers, multiValueHeaders={"Host": [ORDERS]})
    event["requestContext"].pop("domainName", None)
    assert Asked(rule(domain_name=ORDERS)).reason(event) == "rule_not_in_effect"


def test_a_letter_whose_lower_case_is_ascii_is_another_domain_name() -> None:
    kelvin = "\u212aey.example.com"
    assert kelvin.lower() == "key.example.com"
    asked = Asked(rule(domain_name="key.example.com"))
    assert asked.reason(asking(rest_event, domain_name="KEY.example.com")) is None
    assert asked.reason(asking(rest_event, domain_name=kelvin)) == "rule_not_in_effect"


@every_event
def test_a_rule_begins_and_ends_with_a_warm_cache(make_event: Callable[..., dict[str, Any]]) -> None:
    begin, end = NOW, NOW + timedelta(days=1)
    asked = Asked(rule(not_before="2026-11-22T00:00:00Z", not_after="2026-11-23T00:00:00Z"))
    second, instant = timedelta(seconds=1), timedelta(microseconds=1)
    for now, reason in (
        (begin - second, "rule_not_in_effect"),
        (begin - instant, "rule_not_in_effect"),
        (begin, None),
        (end, None),
        (end + second - instant, None),
        (end + second, "rule_not_in_effect"),
        (begin, None),
    ):
        asked.now = now
        assert asked.reason(asking(make_event)) == reason


def test_the_context_and_the_usage_plan_key_are_those_of_the_first_rule_in_effect() -> None:
    old = rule(
        name="old", not_after="2026-11-21T23:59:59Z", context={"tier": "old"}, usage_plan_key={"value": "o" * 20}
    )
    new = rule(name="new", context={"tier": "new"}, usage_plan_key={"value": "n" * 20}, allow=["GET /new"])
    asked = Asked(old, new)
    for now, tier, key, resource in (
        (NOW, "new", "n" * 20, [f"{STAGE_ARN}/GET/new"]),
        (NOW - timedelta(days=1), "old", "o" * 20, f"{STAGE_ARN}/*"),
    ):
        asked.now = now
        answer = asked.authorize(rest_event(PEM))
        assert answer["context"]["tier"] == tier
        assert answer["context"]["clientCertCN"] == "client"
        assert answer["usageIdentifierKey"] == key
        assert answer["policyDocument"]["Statement"][0]["Resource"] == resource


def test_rules_with_the_same_limits_stay_in_their_order_among_others() -> None:
    until, later = "2026-11-21T23:59:59Z", "2026-11-23T00:00:00Z"
    limits = (until, until, None, until, later, later, until)
    paths = [f"/{number}" for number in range(len(limits))]
    rules = (
        rule(name=f"rule-{number}", allow=[f"GET {path}"], **({"not_after": limit} if limit else {}))
        for number, (path, limit) in enumerate(zip(paths, limits, strict=True))
    )
    asked = Asked(*rules)
    for now, in_effect in ((NOW - timedelta(days=1), range(7)), (NOW, (2, 4, 5)), (NOW + timedelta(days=9), (2,))):
        asked.now = now
        allowed = asked.authorize(rest_event(PEM))["policyDocument"]["Statement"][0]["Resource"]
        assert allowed == [f"{STAGE_ARN}/GET/{number}" for number in in_effect]


def test_equal_limits_are_the_same_object_so_that_they_are_evaluated_once_for_consecutive_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = [f"{number:010}" for number in range(99)]
    api_ids = (API, API, OTHER_API, OTHER_API, API, API)
    rules = (rule(name=f"rule-{number}", api_id=[*others, api_id]) for number, api_id in enumerate(api_ids))
    outcome = RuleSet(parse_rules(document(*rules))).evaluate(PeerCertificate.from_pem(PEM))
    assert isinstance(outcome, ConditionalGrant)
    assert len({id(limits) for _, limits in outcome.candidates}) == 2
    evaluated: list[RequestLimits] = []
    permit = RequestLimits.permit

    def recording(limits: RequestLimits, *request: Any) -> bool:  # noqa: ANN401 -- what permit accepts
        evaluated.append(limits)
        return permit(limits, *request)

    monkeypatch.setattr(RequestLimits, "permit", recording)
    granted = outcome.outcome(API, ORDERS, NOW)
    assert isinstance(granted, Grant)
    assert (len(granted.rules), len(evaluated)) == (4, 3)


def test_a_rule_that_does_not_match_has_its_own_reason() -> None:
    others = rule(match={"common_name": "other"}, api_id=OTHER_API)
    assert Asked(others).reason(rest_event(PEM)) == "common_name_not_allowed"
    assert Asked(others, rule(name="b", api_id=OTHER_API)).reason(rest_event(PEM)) == "rule_not_in_effect"


def test_simple_responses_have_the_same_limits() -> None:
    asked = Asked(rule(api_id=API, domain_name=ORDERS), RESPONSE_FORMAT="simple")
    for api_id, domain_name, allowed in ((API, ORDERS, True), (API, REPORTS, False), (OTHER_API, ORDERS, False)):
        answer = asked.authorize(asking(http_2_0_event, api_id, domain_name))
        assert answer["isAuthorized"] is allowed


def test_shadow_rules_have_limits_too(log: pytest.LogCaptureFixture) -> None:
    asked = Asked(rule(), AUTHORIZER_SHADOW_RULES=document(rule(api_id=API)).decode())
    asked.authorize(asking(rest_event))
    asked.authorize(asking(rest_event, OTHER_API))
    assert [vars(record)["shadow_reason"] for record in log.records] == [None, None, "rule_not_in_effect"]


def test_a_certificate_that_expired_or_whose_routes_are_too_many_is_denied_as_usual() -> None:
    asked = Asked(rule(api_id=API))
    asked.now = datetime(2050, 1, 1, tzinfo=UTC)
    assert asked.reason(asking(rest_event)) == "certificate_expired"
    many = [
        rule(name=f"r{number}", api_id=API, allow=[f"GET /{number}/{each}" + "x" * 200 for each in range(40)])
        for number in range(3)
    ]
    assert Asked(*many).reason(asking(rest_event)) == "policy_too_large"


def test_no_limit_is_evaluated_for_rules_without_any() -> None:
    certificate = PeerCertificate.from_pem(PEM)
    assert not isinstance(RuleSet(parse_rules(document(rule()))).evaluate(certificate), ConditionalGrant)
    limited = RuleSet(parse_rules(document(rule(api_id=API)))).evaluate(certificate)
    assert isinstance(limited, ConditionalGrant)
    assert limited.outcome(OTHER_API, None, NOW) is DenyReason.RULE_NOT_IN_EFFECT


def test_limits_are_read() -> None:
    (read,) = parse_rules(
        document(
            rule(
                api_id=[API, OTHER_API],
                domain_name="API.example.com",
                not_before="2024-02-29T00:00:00Z",
                not_after="2024-02-29T00:00:00Z",
            )
        )
    )
    leap_day = datetime(2024, 2, 29, tzinfo=UTC)
    assert read.limits == RequestLimits(frozenset([API, OTHER_API]), frozenset(["api.example.com"]), leap_day, leap_day)


def test_a_domain_name_that_is_no_identity_source_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def warnings(asked: Asked, *events: dict[str, Any]) -> int:
        caplog.clear()
        for event in events:
            asked.authorize(event)
        return sum(record.message == "domain name is not an identity source" for record in caplog.records)

    cached_by_pem = asking(http_2_0_event, identitySource=[PEM])
    cached_by_both = asking(http_2_0_event, identitySource=[PEM, ORDERS])
    uncached = asking(http_2_0_event, identitySource=None)
    with_payload_1_0 = asking(http_1_0_event, identitySource=f"{PEM},{ORDERS}")
    limited = Asked(rule(domain_name=ORDERS))
    assert warnings(limited, uncached, cached_by_both, with_payload_1_0, asking(rest_event)) == 0
    assert warnings(limited, cached_by_pem, cached_by_pem) == 1
    assert warnings(limited, cached_by_pem) == 0
    assert warnings(Asked(rule(api_id=API)), cached_by_pem) == 0


def test_the_log_contains_api_domain_name_and_extended_request_id(log: pytest.LogCaptureFixture) -> None:
    event = asking(rest_event)
    event["requestContext"]["extendedRequestId"] = "JKJaXmPLvHcESHA="
    asked = Asked(rule())
    asked.authorize(event)
    without, with_values = (
        {key: vars(record)[key] for key in ("api_id", "domain_name", "extended_request_id")} for record in log.records
    )
    assert without == {"api_id": API, "domain_name": None, "extended_request_id": None}
    assert with_values == {"api_id": API, "domain_name": ORDERS, "extended_request_id": "JKJaXmPLvHcESHA="}
    assert json.dumps(with_values)


@pytest.mark.parametrize("time", ["2026-11-22T24:00:00Z", "2026-11-22T23:60:00Z", "2026-11-22T23:59:60Z"])
def test_a_time_does_not_depend_on_the_version_of_python(time: str) -> None:
    # Python 3.14 reads 24:00:00 as the next day, and earlier versions reject it.
    assert TIME.fullmatch(time) is None
    with pytest.raises(RulesError, match=r"rules\[0\].not_after must be a time in UTC"):
        parse_rules(document(rule(not_after=time)))
