"""Rules, exclusions, and values in rules, that no certificate can match."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

from client_certificate_auth.x509.names import has_control_characters
from mtls_authorizer.policy.rule_warnings import RuleWarning
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.field_values import is_ambiguous_in_patterns, is_misleading
from mtls_authorizer.rules.names.distinguished_names import read_name
from mtls_authorizer.rules.names.patterns import DIRECTORY_NAME
from mtls_authorizer_cli.explanation.other_requirements import certificate_values
from mtls_authorizer_cli.explanation.wording import alternative_text, attribute_values
from mtls_authorizer_cli.printed import listing
from mtls_authorizer_cli.rules.check.implication import Requirement, contradict, known_from
from mtls_authorizer_cli.rules.check.kinds import WarningKind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from mtls_authorizer.rules.certificate_values import CertificateValue
    from mtls_authorizer.rules.conditions import Condition
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer_cli.rules.check.implication import Key, Known

_MOST_PAIRS = 100_000
"""Pairs of alternatives that are compared for two fields of a rule. Longer lists are assumed to be consistent."""
_MOST_PATTERNS = 20
"""Exclusions by patterns or several attributes that are examined for each value of a rule."""
_MOST_SHOWN = 5


def contradictions(rule: Rule, place: str) -> Iterator[RuleWarning]:
    """Return the finding that no certificate can match a rule, or its exclusions and values that none can match.

    A rule may also be an entry of ``deny``.
    """
    requirements = [Requirement(matcher) for matcher in rule.matchers]
    found = _contradiction(requirements, place, any_fact=rule.denies)
    if found is not None:
        yield found
    if found is not None or rule.denies:
        return
    for key, value in certificate_values(rule).items():
        if value.default is None and any(_lack(required, value) for required in requirements):
            reason = (
                f"because {key} requires a single {value.field}.{value.label}, which the {value.field} does not have"
            )
            yield RuleWarning(WarningKind.NEVER_MATCHES, place, f"can match no certificate, {reason}")
            return
    for required in requirements:
        problem = ignored_values(required)
        if problem is not None:
            yield RuleWarning(WarningKind.VALUE_NEVER_MATCHES, f"{place}.match.{required.field}", problem)
    exclusions = [[Requirement(matcher) for matcher in exclusion] for exclusion in rule.exclusions]
    for number, exclusion in enumerate(exclusions):
        found = _contradiction(exclusion, _place_of_exclusion(place, number, exclusions), any_fact=True)
        if found is not None:
            yield found
    yield from _excluded(requirements, exclusions, place)


def ignored_values(required: Requirement) -> str | None:
    """Return that a matcher has values that match no certificate, None if it has none.

    Others may read such a name differently. Exclusions apply to it nevertheless.
    """
    found = [conditions for conditions in required.alternatives if any(map(_is_ignored, conditions))]
    if not found:
        return None
    values = listing(sorted(map(_text, found)), most=_MOST_SHOWN)
    return f"contains values that match no certificate, because others may read them differently: {values}"


def _is_ignored(condition: Condition) -> bool:
    label, value = condition.label, condition.value
    name = read_name(str(value)) if label == DIRECTORY_NAME else value
    if isinstance(name, tuple):
        return any(has_control_characters(text) for rdn in name for _, text in rdn)
    # What follows a prefix is unknown: "/.." is no dot segment in "/..a".
    text = f"{value}-" if condition.comparison is Comparison.PREFIX else str(value)
    return is_misleading(label, text) or (
        condition.comparison is not Comparison.EXACT and is_ambiguous_in_patterns(label, text)
    )


def _contradiction(requirements: Iterable[Requirement], place: str, *, any_fact: bool) -> RuleWarning | None:
    """Return the finding that two fields contradict each other. ``any_fact`` is as in ``contradict``."""
    for some, others in combinations(requirements, 2):
        if len(some.alternatives) * len(others.alternatives) <= _MOST_PAIRS and all(
            contradict(one, other, any_fact=any_fact) for one, other in product(some.alternatives, others.alternatives)
        ):
            return RuleWarning(
                WarningKind.NEVER_MATCHES,
                place,
                f"can match no certificate, because {some.field} and {others.field} contradict each other",
            )
    return None


def _place_of_exclusion(place: str, number: int, exclusions: Sequence[object]) -> str:
    return f"{place}.not[{number}]" if len(exclusions) > 1 else f"{place}.not"


def _lack(names: Requirement, value: CertificateValue) -> bool:
    """Return whether only whole names match, none of which has exactly one attribute of this type."""
    return names.field == value.field and all(
        isinstance(condition.value, tuple) and len(attribute_values(condition.value).get(value.label, [])) != 1
        for conditions in names.alternatives
        for condition in conditions
    )


def _excluded(
    requirements: Sequence[Requirement], exclusions: Sequence[Sequence[Requirement]], place: str
) -> Iterator[RuleWarning]:
    """Return what exclusions leave of the rule: nothing, or not all of its values."""
    open_exclusions = []
    for number, exclusion in enumerate(exclusions):
        # The fields whose match does not follow from the other fields of the rule.
        open_fields = [
            excluded
            for excluded in exclusion
            if not any(excluded.follows_from_each(required, any_fact=True) for required in requirements)
        ]
        if not open_fields:
            where = _place_of_exclusion(place, number, exclusions)
            yield RuleWarning(
                WarningKind.NEVER_MATCHES,
                place,
                f"can match no certificate, because {where} excludes everything that the rule matches",
            )
            return
        open_exclusions.append(open_fields)
    index = _ExclusionIndex(open_exclusions)
    for required in requirements:
        found = [
            conditions for conditions in required.alternatives if index.exclude(known_from(conditions, any_fact=True))
        ]
        if len(found) == len(required.alternatives):
            yield RuleWarning(
                WarningKind.NEVER_MATCHES,
                place,
                f"can match no certificate, because 'not' excludes every value of {required.field}",
            )
        elif found:
            values = listing(sorted(map(_text, found)), most=_MOST_SHOWN)
            yield RuleWarning(
                WarningKind.VALUE_NEVER_MATCHES,
                f"{place}.match.{required.field}",
                f"contains values that 'not' excludes: {values}",
            )


class _ExclusionIndex:
    """Finds the exclusions that apply, by the exact values of their first field. Others are tried one after another."""

    def __init__(self, exclusions: Sequence[Sequence[Requirement]]) -> None:
        self._by_value: dict[tuple[Key, Hashable], list[Sequence[Requirement]]] = {}
        self._others: list[Sequence[Requirement]] = []
        for exclusion in exclusions:
            for key_and_value in exclusion[0].exact:
                self._by_value.setdefault(key_and_value, []).append(exclusion)
            if exclusion[0].others and len(self._others) < _MOST_PATTERNS:
                self._others.append(exclusion)

    def exclude(self, known: Known) -> bool:
        """Return whether an exclusion applies to every certificate with these known values."""
        candidates = [
            exclusion
            for key, values in known.values.items()
            for value in values
            for exclusion in self._by_value.get((key, value), ())
        ]
        return any(
            all(excluded.follows_from(known) for excluded in exclusion) for exclusion in (*candidates, *self._others)
        )


def _text(conditions: Iterable[Condition]) -> str:
    return alternative_text(tuple(sorted(conditions, key=lambda condition: condition.label)))
