"""Rules documents: which are accepted, and which are rejected with a message that names the location."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from mtls_authorizer.policy.settings import SettingsError, load_settings
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.routes import ALL_ROUTES, LARGEST_POLICY, policy_size
from mtls_authorizer.rules.rule import UsagePlanKey
from mtls_authorizer.rules.rule_set import RuleSet
from tests.rules_documents import HOSTILE, ISSUE, VALID, Hostile, document, matching, rule
from tests.strategies import json_values

if TYPE_CHECKING:
    from mtls_authorizer.rules.rule import Rule


@pytest.mark.parametrize("content", VALID.values(), ids=VALID)
def test_a_valid_document_is_accepted_with_all_its_rules(content: bytes) -> None:
    rules, loaded = parse_rules(content), json.loads(content)
    names = [rule["name"] for rule in loaded.get("rules", [])]
    denied = loaded.get("deny", [])
    places = [f"deny[{number}]" for number in range(len(denied))] if isinstance(denied, list) else ["deny"]
    assert [rule.name for rule in rules] == [*names, *places]
    assert [rule.name for rule in rules if rule.denies] == places
    assert all(rule.matchers for rule in rules)
    assert not any(rule.anyone for rule in rules)
    RuleSet(rules)


@pytest.mark.parametrize("name", [name for name in VALID if name.startswith("every field")])
def test_the_documents_with_every_field_have_every_field(name: str) -> None:
    (whole,) = json.loads(VALID[name])["rules"]
    assert whole["match"].keys() == FIELDS.keys()


def test_a_rule_contains_the_values_of_the_document() -> None:
    (payments,) = parse_rules(json.dumps(ISSUE).encode())
    assert payments.name == "acme-payments"
    assert [matcher.field for matcher in payments.matchers] == ["organizational_unit", "subject_alt_name", "issuer"]
    assert payments.exclusions == ()
    assert payments.routes == ("GET/payments/*", "POST/payments")
    assert payments.context == {"tenant": "acme"}
    assert payments.usage_plan_key is UsagePlanKey.FINGERPRINT
    (shortest,) = parse_rules(document(rule()))
    assert shortest.routes is ALL_ROUTES
    assert shortest.context == {}
    assert shortest.usage_plan_key is None
    (planned,) = parse_rules(document(rule(usage_plan_key={"value": "k" * 128}, **{"not": {"organization": "a"}})))
    assert planned.usage_plan_key == "k" * 128
    assert [[matcher.field for matcher in exclusion] for exclusion in planned.exclusions] == [["organization"]]


def test_there_are_more_than_two_hundred_invalid_documents() -> None:
    assert len(HOSTILE) > 200


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_an_invalid_document_is_rejected_quickly_with_a_message_that_names_the_location(hostile: Hostile) -> None:
    before = time.process_time()
    with pytest.raises(RulesError) as rejected:
        parse_rules(hostile.content)
    # Even on a busy machine this is far below the time of a quadratic algorithm.
    assert time.process_time() - before < 20
    assert any(
        problem.startswith(f"{hostile.place} ") and hostile.problem in problem for problem in rejected.value.problems
    ), rejected.value.problems
    message = str(rejected.value)
    assert message.startswith("rules rejected: ")
    assert len(message) < 10_000
    assert "\n" not in message
    message.encode()


@pytest.mark.parametrize("variable", ["AUTHORIZER_RULES", "AUTHORIZER_SHADOW_RULES"])
def test_an_invalid_document_in_the_environment_is_a_configuration_error(variable: str) -> None:
    # Lambda's environments hold 4 KB.
    for content in [hostile.content for hostile in HOSTILE.values() if len(hostile.content) < 100_000]:
        # As Python reads an environment.
        environment = {variable: content.decode(errors="surrogateescape"), "ALLOWED_COMMON_NAMES": "client"}
        with pytest.raises(SettingsError, match=f"invalid configuration: {variable} rules rejected: "):
            load_settings(environment)


def test_one_message_names_all_locations() -> None:
    with pytest.raises(RulesError) as rejected:
        parse_rules(document(rule(name=""), rule(match={}), rule(allow=["GET"]), {"nme": "x"}))
    assert [problem.partition(" ")[0] for problem in rejected.value.problems] == [
        *("rules[0].name", "rules[1].match", "rules[2].allow[0]"),
        *("rules[3].nme", "rules[3].name", "rules[3].match", "rules[2].name"),
    ]


def test_a_document_nested_as_deeply_as_the_stack_is_rejected() -> None:
    def reject(levels: int) -> None:
        for place in ("name", "match", "allow", "context", "usage_plan_key", "other"):
            content = document(rule(**{place: "X"})).replace(b'"X"', b"[" * levels + b"]" * levels)
            with pytest.raises(RulesError):
                parse_rules(content)
            with pytest.raises(RulesError):
                parse_rules(content.replace(b'"rules"', b'"a": 1, "a": 2, "rules"'))

    for levels in range(sys.getrecursionlimit() - 250, sys.getrecursionlimit() + 10, 3):
        reject(levels)


@pytest.mark.parametrize(
    "rules",
    [
        '[{"a": {"x": 1, "x": 1}, "a": 2}]',
        '[{"a": {"b": {}, "b": {"x": 1, "x": 1}}, "a": 2}]',
        '[{"x": 1, "x": {"y": 1, "y": 1}}]',
    ],
)
def test_a_repeated_key_is_found_even_if_its_object_is_the_value_of_a_repeated_key(rules: str) -> None:
    with pytest.raises(RulesError) as rejected:
        parse_rules(f'{{"rules": {rules}}}'.encode())
    (problem,) = rejected.value.problems
    assert problem.startswith("rules[0] contains the key '")
    assert problem.endswith("' twice: remove one of them")


@pytest.mark.parametrize(
    ("some", "same"),
    [
        ({"common_name": "a"}, {"common_name": ["a"]}),
        ({"common_name": "a"}, {"common_name": {"exact": "a"}}),
        ({"common_name": ["a", "b"]}, {"common_name": ["b", {"exact": "a"}, "b"]}),
        ({"subject_alt_name": "DNS:a"}, {"subject_alt_name": [{"dns": {"exact": "a"}}]}),
        ({"subject_alt_name": "DNS:a"}, {"subject_alt_name": {"exact": "DNS:a"}}),
        ({"subject_alt_name": "IP:2001:db8::1"}, {"subject_alt_name": {"ip": "2001:0DB8:0::0001"}}),
        ({"issuer": {"O": "a", "CN": "b"}}, {"issuer": [{"2.5.4.3": "b", "2.5.4.10": {"exact": "a"}}]}),
        ({"issuer": "CN=a,O=b"}, {"issuer": r"2.5.4.3=\61,2.5.4.10=b"}),
        ({"issuer": "UID=a+ST=b"}, {"issuer": "st=b+UID=a".replace("st", "ST")}),
        ({"fingerprint": "ab" * 32}, {"fingerprint": "SHA256:" + ":".join(["AB"] * 32)}),
        ({"serial_number": "0a:0B", "issuer": "CN=a"}, {"issuer": "CN=a", "serial_number": ["A0b", "0A0B"]}),
    ],
)
def test_equivalent_matches_have_equal_matchers(some: dict[str, Any], same: dict[str, Any]) -> None:
    def matchers(match: dict[str, Any]) -> Rule:
        (made,) = parse_rules(document(rule(match=match)))
        return made

    assert matchers(some) == matchers(same)


@given(st.lists(st.text() | st.sampled_from(["", "*", "a*", "\0", "\ud800", "x" * 2049, 1, None, [], {"exact": "a"}])))
def test_a_list_is_accepted_if_each_of_its_items_is_accepted_alone(items: list[Any]) -> None:
    def is_accepted(value: object) -> bool:
        try:
            parse_rules(matching("common_name", value))
        except RulesError:
            return False
        return True

    alone = [not isinstance(item, list) and is_accepted(item) for item in items]
    assert is_accepted(items) is (bool(items) and all(alone))


def outcome(content: bytes) -> str:
    """Return whether a document is accepted. Anything but rules or a RulesError fails the test."""
    try:
        rules = parse_rules(content)
    except RulesError as error:
        assert error.problems  # noqa: PT017 -- both ways are right
        return "rejected"
    assert rules
    return "accepted"


@given(json_values)
def test_any_other_json_is_rejected(value: object) -> None:
    assert outcome(json.dumps(value).encode()) == "rejected"


@given(st.binary())
def test_any_bytes_are_rejected(content: bytes) -> None:
    assert outcome(content) == "rejected"


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("", "*", "a", "CN=a", "DNS:a", "GET /a", "GET /../a", "environment", "fingerprint", "\0", "\ud800"),
        *([], {}, [[]], [{}], {"exact": "a"}, {"prefix": "a"}),
        *({"uri": {"prefix": "a"}}, {"O": "a"}, {"value": "k" * 20}),
        *(None, True, False, 0, -1, 1e300, float("nan"), "x" * 2049),
    ]
)


KEYS = st.sampled_from(
    ["name", "match", "not", "allow", "context", "issuer", "serial_number", "CN", "exact", "dns", "x"]
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Valid documents in which a value was replaced, added, removed, renamed or wrapped."""
    whole = json.loads(draw(st.sampled_from(list(VALID.values()))))
    for _ in range(draw(st.integers(1, 3))):
        whole = _mutated(draw, whole)
    return json.dumps(whole).encode()


def _mutated(draw: st.DrawFn, value: object) -> object:
    if not value or not isinstance(value, dict | list) or not draw(st.integers(0, 6)):
        return draw(
            ODD | json_values | st.sampled_from(["exact", "prefix", "dns", "O", "rules"]).map(lambda key: {key: value})
        )
    if isinstance(value, list):
        number = draw(st.integers(0, len(value)))
        inserted = draw(st.integers(0, 2)) == 0 or number == len(value)
        item = draw(ODD) if inserted else _mutated(draw, value[number])
        return [*value[:number], item, *value[number + (not inserted) :]]
    key = draw(st.sampled_from(sorted(value)))
    rest = {each: item for each, item in value.items() if each != key}
    match draw(st.sampled_from(["change", "change", "remove", "rename", "add"])):
        case "remove":
            return rest
        case "rename":
            return {**rest, draw(KEYS): value[key]}
        case "add":
            return {**value, draw(KEYS): draw(ODD)}
        case _:
            return {**value, key: _mutated(draw, value[key])}


@settings(max_examples=500)
@given(mutations())
def test_a_mutation_of_a_valid_document_is_rejected_or_accepted(content: bytes) -> None:
    event(outcome(content))


@settings(max_examples=200)
@given(st.sampled_from(list(VALID.values())), st.data())
def test_a_valid_document_with_other_bytes_is_rejected_or_accepted(content: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 4)))
    event(outcome(content[:start] + data.draw(st.binary(max_size=4)) + content[end:]))


@pytest.mark.parametrize(("wrong", "named"), [(1, 1), (20, 20), (21, 21), (100, 100), (150, 100)])
def test_the_message_has_the_first_20_problems_and_the_error_the_first_100(wrong: int, named: int) -> None:
    with pytest.raises(RulesError) as error:
        parse_rules(document(*(rule(name=f"r{number}", name_="x") for number in range(wrong))))
    assert len(error.value.problems) == named
    more = "; and more" if wrong > 20 else ""
    assert str(error.value) == f"rules rejected: {'; '.join(error.value.problems[:20])}{more}"


def test_the_message_for_an_unknown_key_lists_the_known_ones() -> None:
    with pytest.raises(RulesError) as error:
        parse_rules(b'{"rules": [{"name": "a", "match": {"common_name": "x"}}], "rule": []}')
    (problem,) = error.value.problems
    assert problem.startswith("rule ")
    assert problem.endswith("write one of $schema, deny, rules")


@pytest.mark.parametrize(("length", "shown"), [(80, "x" * 80), (81, "x" * 80 + "\\u2026")])
def test_a_value_is_shown_up_to_80_characters(length: int, shown: str) -> None:
    with pytest.raises(RulesError, match=re.escape(f", not '{shown}'")):
        parse_rules(document(rule(name="x" * length)))


def test_a_document_may_have_5_mebibytes() -> None:
    largest = document(rule()).ljust(5 * 1024 * 1024)
    assert parse_rules(largest)
    with pytest.raises(RulesError, match="the document has more than 5242880 bytes"):
        parse_rules(largest + b" ")


def test_a_context_may_have_4096_characters() -> None:
    assert parse_rules(document(rule(context={"key": "x" * 4093})))
    with pytest.raises(RulesError, match="has 4097 characters: the limit is 4096"):
        parse_rules(document(rule(context={"key": "x" * 4094})))


@pytest.mark.parametrize("value", ["x" * 2048, ["x" * 2048], ["a", "b"], [{"exact": "x" * 2048}]])
def test_a_name_may_have_2048_characters(value: object) -> None:
    assert parse_rules(document(rule(match={"common_name": value})))
    longer = json.loads(json.dumps(value).replace("x" * 2048, "x" * 2049))
    if longer != value:
        with pytest.raises(RulesError, match="has 2049 characters: the limit is 2048"):
            parse_rules(document(rule(match={"common_name": longer})))


def test_the_routes_of_a_rule_may_make_the_largest_policy() -> None:
    routes: list[str] = []
    while policy_size([*routes, *(f"GET/{len(routes):03}{'x' * 100}",)]) <= LARGEST_POLICY:
        routes.append(f"GET/{len(routes):03}{'x' * 100}")
    spare = LARGEST_POLICY - policy_size(routes)
    routes[0] += "x" * (spare // 2)
    routes[1] += "x" * (spare - spare // 2)
    allow = [route.replace("/", " /") for route in routes]
    assert parse_rules(document(rule(allow=allow)))
    with pytest.raises(RulesError, match="policy of up to 51201 bytes, and the limit is 51200"):
        parse_rules(document(rule(allow=[f"{allow[0]}x", *allow[1:]])))
