"""``rules diff`` compares rules by what they mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.document.validation import RULE_KEYS
from mtls_authorizer.rules.routes import ALL_ROUTES, METHODS
from mtls_authorizer_cli.rules.diff.comparison import ChangeKind, compare
from tests.rules_documents import FINGERPRINT, OTHER_VALUES, document, rule

if TYPE_CHECKING:
    from mtls_authorizer_cli.rules.diff.comparison import Comparison, RuleChange

SERVER = {"match": {"common_name": "a", "issuer": "CN=ca"}}


def comparison(old: bytes, new: bytes) -> Comparison:
    return compare(parse_rules(old), parse_rules(new))


def change_of(old: dict[str, Any], new: dict[str, Any]) -> RuleChange:
    (change,) = comparison(document(rule(**old)), document(rule(**new))).rules
    return change


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"match": {"common_name": "a"}}, {"match": {"common_name": ["a"]}}),
        ({"match": {"common_name": ["a", "b"]}}, {"match": {"common_name": ["b", {"exact": "a"}, "a"]}}),
        ({"match": {"issuer": "CN=a,O=b"}}, {"match": {"issuer": "2.5.4.3=a,O=b"}}),
        ({"match": {"subject": {"CN": "a", "O": "b"}}}, {"match": {"subject": {"2.5.4.10": "b", "CN": "a"}}}),
        ({"match": {"fingerprint": FINGERPRINT}}, {"match": {"fingerprint": FINGERPRINT.replace(":", "").lower()}}),
        ({"allow": ["GET /a", "POST /a"]}, {"allow": ["POST /a", "GET /a"]}),
        ({"allow": ["* /a"]}, {"allow": [f"{method} /a" for method in METHODS]}),
        ({"allow": ["GET /a/*", "GET /a/b"]}, {"allow": ["GET /a/*"]}),
        ({"not": {"organization": ["a", "b"]}}, {"not": [{"organization": ["b", "a"]}]}),
        ({"description": "a"}, {"description": "b"}),
        ({"context": {"a": "b", "c": "d"}}, {"context": {"c": "d", "a": "b"}}),
        ({"domain_name": ["a.example", "b.example"]}, {"domain_name": ["B.example", "a.example"]}),
        (SERVER | {"extended_key_usage": ["serverAuth"]}, SERVER | {"extended_key_usage": ["1.3.6.1.5.5.7.3.1"]}),
    ],
    ids=str,
)
def test_another_way_to_write_the_same_rule_is_no_difference(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = comparison(document(rule(**old)), json.dumps({"rules": [rule(**new)]}, indent=4).encode())
    assert found.is_empty
    assert found.unchanged == 1


@pytest.mark.parametrize(
    ("old", "new", "gained", "lost"),
    [
        (["GET /a"], ["GET /a", "POST /a"], ("POST/a",), ()),
        (["GET /a", "POST /a"], ["GET /a"], (), ("POST/a",)),
        (["GET /a/*"], ["GET /a/b"], (), ("GET/a/*",)),
        (["GET /a/b"], ["GET /a/*"], ("GET/a/*",), ()),
        (["GET /a"], ["GET /a/*"], ("GET/a/*",), ("GET/a",)),
        (["GET /a"], ["GET /*"], ("GET/*",), ()),
        (["GET /a"], None, ALL_ROUTES, ()),
        (None, ["GET /a"], (), ALL_ROUTES),
    ],
    ids=str,
)
def test_routes_that_are_included_in_others_are_neither_gained_nor_lost(
    old: object, new: object, gained: object, lost: object
) -> None:
    change = change_of({"allow": old}, {"allow": new})
    assert (change.change, change.gained, change.lost) == (ChangeKind.CHANGED, gained, lost)


def test_added_removed_changed_and_renamed_rules_are_told_apart() -> None:
    old = document(*(rule(name=name, match={"common_name": name}) for name in ("kept", "removed", "changed", "old")))
    new = document(
        rule(name="new", match={"common_name": "old"}),
        rule(name="changed", match={"common_name": "other"}),
        rule(name="kept", match={"common_name": "kept"}),
        rule(name="added", match={"common_name": "added"}),
    )
    found = comparison(old, new)
    assert [(change.name, change.old_name, change.change.value) for change in found.rules] == [
        ("added", "added", "added"),
        ("changed", "changed", "changed"),
        ("new", "old", "renamed"),
        ("removed", "removed", "removed"),
    ]
    assert found.unchanged == 1
    assert not found.is_empty


def test_each_of_several_equal_rules_is_renamed_once() -> None:
    old = document(rule(name="a"), rule(name="b"))
    new = document(rule(name="c"), rule(name="d"), rule(name="e"))
    assert [(change.name, change.old_name, change.change.value) for change in comparison(old, new).rules] == [
        ("c", "a", "renamed"),
        ("d", "b", "renamed"),
        ("e", "e", "added"),
    ]


@pytest.mark.parametrize(
    ("part", "old", "new", "added", "removed"),
    [
        (
            "match.common_name",
            {"match": {"common_name": "a"}},
            {"match": {"common_name": ["b", "c"]}},
            "'b' 'c'",
            "'a'",
        ),
        (
            "match.subject",
            {"match": {"subject": {"O": {"prefix": "x"}, "CN": "a"}}},
            {"match": {"subject": "CN=a"}},
            "'CN=a'",
            "CN 'a' and O starting with 'x'",
        ),
        (
            "not",
            {},
            {"not": {"common_name": ["a", "b"], "issuer": "CN=c"}},
            "common_name 'a' or 'b' and issuer 'CN=c'",
            "",
        ),
        ("extended_key_usage", SERVER, SERVER | {"extended_key_usage": "none"}, "none", ""),
        ("extended_key_usage", SERVER | {"extended_key_usage": ["1.2.3"]}, SERVER, "", "1.2.3"),
        ("api_id", {}, {"api_id": "a"}, "a", ""),
        ("not_before", {"not_before": "2026-01-01T00:00:00Z"}, {}, "", "2026-01-01T00:00:00Z"),
        ("context", {"context": {"a": "b"}}, {"context": {"a": "c"}}, "a='c'", "a='b'"),
        (
            "context",
            {"context": {"a": {"from": "subject_alt_name.uri", "after": "urn:a:", "default": "d"}}},
            {"context": {"a": {"from": "subject.O"}}},
            "a=subject.O",
            "a=subject_alt_name.URI after 'urn:a:', by default 'd'",
        ),
        ("usage_plan_key", {}, {"usage_plan_key": "fingerprint"}, "the certificate's fingerprint", ""),
        ("usage_plan_key", {}, {"usage_plan_key": {"value": "k" * 20}}, f"'{'k' * 20}'", ""),
        ("usage_plan_key", {}, {"usage_plan_key": {"from": "subject.CN"}}, "subject.CN", ""),
    ],
)
def test_a_changed_part_names_its_values(
    part: str, old: dict[str, Any], new: dict[str, Any], added: str, removed: str
) -> None:
    (found,) = change_of(old, new).parts
    assert (found.part, " ".join(found.added), " ".join(found.removed)) == (part, added, removed)


@pytest.mark.parametrize("key", [key for key in RULE_KEYS if key != "description"])
def test_another_value_of_any_key_is_a_difference(key: str) -> None:
    assert not comparison(document(rule()), document(rule(**{key: OTHER_VALUES[key]}))).is_empty


def test_values_that_only_differ_far_from_their_beginning_do_not_look_the_same() -> None:
    (part,) = change_of({"match": {"common_name": "a" * 100 + "b"}}, {"match": {"common_name": "a" * 100 + "c"}}).parts
    assert part.added != part.removed


def test_blocked_clients_are_compared_in_any_order() -> None:
    def denying(*entries: dict[str, str]) -> bytes:
        return json.dumps({"deny": list(entries), "rules": [rule()]}).encode()

    a, b, c = ({"common_name": name} for name in "abc")
    assert comparison(denying(a, b), denying(b, a)).is_empty
    found = comparison(denying(a, b), denying(c, a))
    assert found.denials is not None
    assert (found.denials.added, found.denials.removed) == (("common_name 'c'",), ("common_name 'b'",))
    assert not found.is_empty


def test_an_order_that_decides_on_the_context_is_noted() -> None:
    a, b, c = (rule(name=name, context={"x": name}) for name in "abc")
    plain = rule(name="plain")
    assert comparison(document(a, b, plain), document(b, a)).is_reordered
    for new in (document(a, plain, b), document(a, c, b), document(b)):
        assert not comparison(document(plain, a, b), new).is_reordered
