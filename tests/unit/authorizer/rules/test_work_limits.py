"""The limits on the work that rules require: they are reported before the work is done."""

from __future__ import annotations

import json
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.policy.settings import SettingsError, load_settings
from mtls_authorizer.rules import work_limits
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT, RulesError, parse_rules
from tests.rules_documents import document, matching, rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have limits of a fiftieth: documents at the real ones take seconds each. Some tests have the real ones."""
    monkeypatch.setattr(work_limits, "MOST_ENTRIES", work_limits.MOST_ENTRIES // 50)
    monkeypatch.setattr(work_limits, "LONGEST_NAMES", work_limits.LONGEST_NAMES // 50)


with_small_limits = pytest.mark.usefixtures("small_limits")


def too_many_entries() -> str:
    return f"exceeds the limit of {work_limits.MOST_ENTRIES} entries in a document"


def too_many_characters() -> str:
    most = work_limits.LONGEST_NAMES
    return f"exceeds the limit of {most} characters for all different distinguished names and IP addresses"


def rejection(content: bytes) -> str:
    """Return the only problem of a document."""
    assert len(content) <= LARGEST_DOCUMENT
    with pytest.raises(RulesError) as rejected:
        parse_rules(content)
    (problem,) = rejected.value.problems
    return problem


def calls_for(run: Callable[[], object]) -> int:
    """Return how many functions are called, which measures work independently of the machine and its load."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


def names(count: int, start: int = 0) -> list[str]:
    return [f"CN=Partner {number:06} Issuing CA,O=Acme" for number in range(start, start + count)]


@pytest.mark.without_coverage
def test_megabytes_of_issuers_are_rejected_before_they_are_parsed() -> None:
    rules = [rule(name=f"r{number}", match={"issuer": names(100, number * 100)}) for number in range(1000)]
    content = document(*rules)
    assert len(content) > 3_800_000
    calls = calls_for(lambda: rejection(content))
    problem = rejection(content)
    assert problem.startswith("rules[71].match.issuer[42] ")
    assert too_many_characters() in problem
    assert 'such as {"CN": "Issuing CA"} instead of a whole name' in problem
    # Without the limit there are 20 million.
    assert calls < 1_500_000


@with_small_limits
def test_a_document_of_numbers_takes_little_memory() -> None:
    """Another file at the location of the rules must not take the memory that requests need."""
    content = b'{"rules": [' + b",".join([b"1"] * 200_000) + b"]}"
    tracemalloc.start()
    try:
        assert too_many_entries() in rejection(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A reference of 8 bytes for each two bytes, and twice the text.
    assert peak < 8 * len(content)


@with_small_limits
def test_different_names_are_counted_once() -> None:
    name = names(1)[0]
    count = work_limits.LONGEST_NAMES // len(name)
    blocked = [{"serial_number": f"{number:X}", "issuer": name} for number in range(count * 2)]
    assert parse_rules(document(rule(**{"not": blocked})))
    assert parse_rules(document(rule(match={"issuer": names(count)}), rule(name="b", match={"issuer": names(count)})))
    assert too_many_characters() in rejection(document(rule(match={"issuer": names(count + 1)})))
    # The subject's names are others than the issuer's.
    assert too_many_characters() in rejection(document(rule(match={"subject": names(count), "issuer": name})))


@with_small_limits
@pytest.mark.parametrize(
    ("field", "item", "length"),
    [
        ("issuer", lambda number: f"CN={number:07}", 10),
        ("subject", lambda number: {"exact": f"CN={number:07}"}, 10),
        ("subject_alt_name", lambda number: f"dirName:CN={number:09}", 20),
        ("subject_alt_name", lambda number: f"IP:2001:0DB8::{number % 10000:04}:{number // 10000}", 20),
        ("subject_alt_name", lambda number: {"ip": f"2001:0DB8::{number % 10000:04}:{number // 10000}"}, 20),
    ],
)
def test_names_and_addresses_have_a_limit_in_characters(field: str, item: Callable[[int], object], length: int) -> None:
    count = work_limits.LONGEST_NAMES // length
    assert parse_rules(matching(field, [item(number) for number in range(count)]))
    problem = rejection(matching(field, [item(number) for number in range(count + 1)]))
    assert problem.startswith(f"rules[0].match.{field}[{count}]")
    assert too_many_characters() in problem


COUNTED: dict[str, tuple[Callable[[int], dict[str, Any]], int, str]] = {
    "values": (
        lambda count: {"match": {"common_name": [f"c{number}" for number in range(count)]}},
        1,
        "match.common_name",
    ),
    "patterns": (
        lambda count: {"match": {"common_name": [{"prefix": f"c{number}"} for number in range(count)]}},
        *(1, "match.common_name"),
    ),
    "alternative names": (
        lambda count: {"match": {"subject_alt_name": [{"dns": f"c{number}"} for number in range(count)]}},
        *(2, "match.subject_alt_name["),
    ),
    "numbers": (
        lambda count: {"match": {"serial_number": [f"{number:X}" for number in range(count - 1)], "issuer": "CN=a"}},
        *(1, "match.serial_number"),
    ),
    "attributes": (
        lambda count: {"match": {"subject": [{"O": "a", "CN": f"c{number}"} for number in range(count)]}},
        *(3, "match.subject["),
    ),
    "exclusions": (
        lambda count: {
            "match": {"organization": "a"},
            "not": [{"common_name": f"c{number}"} for number in range(count)],
        },
        *(2, "not["),
    ),
    "constants": (
        lambda count: {"context": {f"k{number}": "" for number in range(count)}},
        *(1, "context"),
    ),
}


@with_small_limits
@pytest.mark.parametrize("kind", COUNTED)
def test_a_document_has_a_limited_number_of_entries(kind: str) -> None:
    make, weight, place = COUNTED[kind]
    most = (work_limits.MOST_ENTRIES - 4) // weight
    if kind == "constants":
        # They are limited more strictly in each rule.
        most = work_limits.MOST_ENTRIES
    else:
        assert parse_rules(document(rule(**make(most - 1))))
    problem = rejection(document(rule(**make(most + 2))))
    assert problem.startswith(f"rules[0].{place}")
    assert too_many_entries() in problem


@with_small_limits
def test_rules_and_their_routes_are_entries() -> None:
    def rules(count: int, routes: int) -> bytes:
        allow = [f"GET /{number}" for number in range(routes)]
        one = '{"name":"r%d","match":{"organization":"a"},"allow":' + json.dumps(allow) + "}"
        return ('{"rules":[' + ",".join(one % number for number in range(count)) + "]}").encode()

    count = work_limits.MOST_ENTRIES // 104
    assert len(parse_rules(rules(count, 100))) == count
    problem = rejection(rules(count + 1, 100))
    assert problem.startswith(f"rules[{count}].allow ")
    assert too_many_entries() in problem


LONG_NAMES = [f"CN={number:0997}" for number in range(251)]
"""Each of 1,000 characters."""


@pytest.mark.without_coverage
def test_the_limits_are_120000_entries_and_250000_characters() -> None:
    assert parse_rules(matching("common_name", ["a"] * 119_997))
    assert "exceeds the limit of 120000 entries" in rejection(matching("common_name", ["a"] * 119_998))
    assert parse_rules(matching("issuer", LONG_NAMES[:250]))
    assert "exceeds the limit of 250000 characters" in rejection(matching("issuer", LONG_NAMES))


def test_too_many_rules_are_rejected_before_the_first_is_read() -> None:
    content = b'{"rules": [' + b",".join([b"{}"] * (work_limits.MOST_ENTRIES // 3 + 1)) + b"]}"
    problem = rejection(content)
    assert problem.startswith("rules ")
    assert too_many_entries() in problem


@with_small_limits
def test_problems_found_before_a_limit_are_reported_with_it() -> None:
    with pytest.raises(RulesError) as rejected:
        parse_rules(
            document(rule(name=""), rule(match={"common_name": ["a"] * work_limits.MOST_ENTRIES}), rule(name=""))
        )
    first, second = rejected.value.problems
    assert first.startswith("rules[0].name ")
    assert second.startswith("rules[1].match.common_name exceeds")


def test_lists_in_the_environment_have_the_same_limits() -> None:
    for variable, good, bad in (
        ("ALLOWED_COMMON_NAMES", ["a"] * work_limits.MOST_ENTRIES, ["a"] * (work_limits.MOST_ENTRIES + 1)),
        ("ALLOWED_ISSUERS", LONG_NAMES[:250], LONG_NAMES),
        ("ALLOWED_SUBJECT_ALT_NAMES", ["IP:192.0.2.1"] * 20833, ["IP:192.0.2.1"] * 20834),
    ):
        assert load_settings({variable: json.dumps(good)}).rules
        with pytest.raises(SettingsError, match=f"{variable} has {len(bad)} items, .* the limits are 120000 items"):
            load_settings({variable: json.dumps(bad)})
