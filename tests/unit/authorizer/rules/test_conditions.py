"""Conditions: which of them a certificate satisfies, and when a matcher matches."""

from __future__ import annotations

from typing import ClassVar

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.conditions import Comparison, Condition, ConditionIndex, SatisfiedConditions, make_matcher
from mtls_authorizer.rules.field_values import is_ambiguous_in_patterns
from mtls_authorizer.rules.fields import FACT_READERS
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import Rule
from tests.pki.certificates import client_pem

NONE = SatisfiedConditions(frozenset(), frozenset())


def client(*subject: tuple[str, str]) -> PeerCertificate:
    return PeerCertificate.from_pem(client_pem(*subject))


def satisfied(condition: Condition, certificate: PeerCertificate) -> tuple[bool, bool]:
    """Return whether unambiguous facts, and whether any facts, satisfy a condition."""
    found = ConditionIndex([condition], is_ambiguous_in_patterns).satisfied_by(certificate, FACT_READERS)
    return condition in found.unambiguous, condition in found.any_fact


@pytest.mark.parametrize(
    ("alternatives", "problem"),
    [
        ([], "a matcher needs at least one alternative"),
        ([frozenset()], "an alternative without conditions would match"),
    ],
)
def test_a_matcher_without_conditions_is_rejected(alternatives: list[frozenset[Condition]], problem: str) -> None:
    with pytest.raises(ValueError, match=f"issuer: {problem}"):
        make_matcher("issuer", alternatives)


def test_fields_without_conditions_are_not_read() -> None:
    assert ConditionIndex((), is_ambiguous_in_patterns).satisfied_by(client(("CN", "a")), {}) == NONE
    condition = Condition("common_name", "", Comparison.EXACT, "a")
    readers = {"common_name": FACT_READERS["common_name"]}
    satisfied_conditions = ConditionIndex([condition], is_ambiguous_in_patterns).satisfied_by(
        client(("CN", "a")), readers
    )
    assert satisfied_conditions == (frozenset([condition]), frozenset([condition]))


MATCHING = {
    Comparison.EXACT: ["ab"],
    Comparison.PREFIX: ["ab", "abc"],
    Comparison.SUFFIX: ["ab", "xab"],
}


@pytest.mark.parametrize("comparison", Comparison)
def test_each_comparison_matches_what_its_name_says(comparison: Comparison) -> None:
    condition = Condition("organization", "", comparison, "ab")
    values = ("ab", "abc", "xab", "xabc", "AB", "a")
    assert [value for value in values if satisfied(condition, client(("O", value)))[0]] == MATCHING[comparison]


@pytest.mark.parametrize(("field", "label"), [("common_name", ""), ("subject", "CN")])
def test_a_common_name_is_ambiguous_if_it_is_not_the_only_one(field: str, label: str) -> None:
    for comparison, value in ((Comparison.EXACT, "abc"), (Comparison.PREFIX, "ab"), (Comparison.SUFFIX, "bc")):
        condition = Condition(field, label, comparison, value)
        assert satisfied(condition, client(("CN", "abc"))) == (True, True)
        assert satisfied(condition, client(("CN", "abc"), ("CN", "x"))) == (False, True)
        assert satisfied(condition, client(("CN", "x"), ("CN", "abc"))) == (False, True)
        assert satisfied(condition, client(("CN", "x"), ("CN", "y"))) == (False, False)


@pytest.mark.parametrize(("field", "label"), [("organizational_unit", ""), ("subject", "OU")])
def test_one_of_several_organizational_units_is_not_ambiguous(field: str, label: str) -> None:
    condition = Condition(field, label, Comparison.EXACT, "a")
    assert satisfied(condition, client(("OU", "a"), ("OU", "b"), ("CN", "c"), ("CN", "d"))) == (True, True)


def test_short_values_are_not_compared_with_longer_patterns() -> None:
    # Otherwise, a certificate with thousands of names takes seconds if rules have patterns of many lengths.
    lengths = [5, 3, 900, 1, *range(10, 800)]
    conditions = [
        Condition("organizational_unit", "", comparison, "a" * length)
        for comparison in (Comparison.PREFIX, Comparison.SUFFIX)
        for length in lengths
    ]
    index = ConditionIndex(conditions, is_ambiguous_in_patterns)
    patterns = index.fields["organizational_unit"][""].patterns
    for key, known in patterns.items():
        patterns[key] = Counting(known)
    Counting.looked_up.clear()
    found = index.satisfied_by(client(("OU", "aaaa")), FACT_READERS)
    assert sorted(len(str(condition.value)) for condition in found.unambiguous) == [1, 1, 3, 3]
    assert sorted(map(len, Counting.looked_up)) == [1, 1, 3, 3]


class Counting(dict[str, Condition]):
    """Conditions by text, with the texts that were looked up."""

    looked_up: ClassVar[list[str]] = []

    def __contains__(self, key: object) -> bool:
        self.looked_up.append(str(key))
        return super().__contains__(key)


def test_a_rule_without_matchers_matches_no_certificate_unless_it_is_for_anyone() -> None:
    assert Rule("nobody", (), ALL_ROUTES).mismatch(NONE, None) is DenyReason.NO_ALLOWLIST_CONFIGURED
    assert Rule("anyone", (), ALL_ROUTES, anyone=True).mismatch(NONE, None) is None
