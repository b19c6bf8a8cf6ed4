"""Rules, and values in rules, that no certificate can match."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

from client_certificate_auth.rfc4514 import attribute_string
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.problems import shown
from mtls_authorizer_cli.rules.findings import Finding, Kind
from mtls_authorizer_cli.rules.implication import Requirement, contradict, key_of, known_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mtls_authorizer.rules.conditions import Condition
    from mtls_authorizer.rules.rule_set import Rule

_MOST_PAIRS = 100_000
"""Pairs of alternatives that are compared for two fields of a rule. Longer lists are assumed to be consistent."""
_MOST_SHOWN = 5


def contradictions(rule: Rule, place: str) -> Iterator[Finding]:
    """Return the finding that no certificate can match a rule, or the values that none can match."""
    requirements = [Requirement(matcher) for matcher in rule.matchers]
    for some, others in combinations(requirements, 2):
        if _contradict(some, others):
            yield Finding(
                Kind.NEVER_MATCHES,
                place,
                f"can match no certificate, because {some.field} and {others.field} contradict each other",
            )
            return
    exclusions = [[Requirement(matcher) for matcher in exclusion] for exclusion in rule.exclusions]
    yield from _excluded(requirements, exclusions, place)


def _contradict(some: Requirement, others: Requirement) -> bool:
    if len(some.alternatives) * len(others.alternatives) > _MOST_PAIRS:
        return False
    return all(contradict(one, other) for one, other in product(some.alternatives, others.alternatives))


def _excluded(
    requirements: Sequence[Requirement], exclusions: Sequence[Sequence[Requirement]], place: str
) -> Iterator[Finding]:
    """Return what exclusions make of the rule: nothing is left, or some of the values are useless."""
    useless: list[set[frozenset[Condition]]] = [set() for _ in requirements]
    for number, exclusion in enumerate(exclusions):
        # What the other fields of the rule do not already ensure.
        open_fields = [
            excluded
            for excluded in exclusion
            if not any(excluded.follows_from_each(required, any_fact=True) for required in requirements)
        ]
        if not open_fields:
            where = f"{place}.not[{number}]" if len(exclusions) > 1 else f"{place}.not"
            yield Finding(
                Kind.NEVER_MATCHES,
                place,
                f"can match no certificate, because {where} excludes all that the rule matches",
            )
            return
        keys = _keys(open_fields)
        for required, found in zip(requirements, useless, strict=True):
            if keys.isdisjoint(_keys([required])) and not _has_whole_name(required):
                continue
            for conditions in required.alternatives:
                known = known_from(conditions, any_fact=True)
                if all(excluded.follows_from(known) for excluded in open_fields):
                    found.add(conditions)
    for required, found in zip(requirements, useless, strict=True):
        if len(found) == len(required.alternatives):
            yield Finding(
                Kind.NEVER_MATCHES,
                place,
                f"can match no certificate, because not excludes every value of {required.field}",
            )
        elif found:
            values = sorted(map(_shown_conditions, found))
            more = f" and {len(values) - _MOST_SHOWN} more" if len(values) > _MOST_SHOWN else ""
            yield Finding(
                Kind.VALUE_NEVER_MATCHES,
                f"{place}.match.{required.field}",
                f"contains values that not excludes: {', '.join(values[:_MOST_SHOWN])}{more}",
            )


def _keys(requirements: Sequence[Requirement]) -> set[tuple[str, str]]:
    return {
        key_of(condition)
        for requirement in requirements
        for conditions in requirement.alternatives
        for condition in conditions
    }


def _has_whole_name(requirement: Requirement) -> bool:
    return requirement.field in {"subject", "issuer"}


def _shown_conditions(conditions: frozenset[Condition]) -> str:
    return " with ".join(sorted(map(_shown_condition, conditions)))


def _shown_condition(condition: Condition) -> str:
    kind = "" if condition.comparison is Comparison.EXACT else f"{condition.comparison} "
    label = f"{condition.label} " if condition.label else ""
    value = condition.value
    if isinstance(value, tuple):
        value = ",".join("+".join(attribute_string(*attribute) for attribute in rdn) for rdn in reversed(value))
    return f"{label}{kind}{shown(value)}"
