"""Conditions of rules, and the indexes that find satisfied conditions and matching rules."""

from __future__ import annotations

from enum import StrEnum

from client_certificate_auth.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from client_certificate_auth import PeerCertificate

    FactReader: TypeAlias = "Callable[[PeerCertificate], Iterable[Fact]]"
    FactReaders: TypeAlias = Mapping[str, FactReader]
    """The functions that read facts from a certificate, by field. They raise nothing."""
    AmbiguityCheck: TypeAlias = "Callable[[str, str], bool]"
    """Whether a fact with this label and value is ambiguous for prefixes and suffixes. Raises nothing."""


class Comparison(StrEnum):
    """How a condition compares text. Every comparison is case-sensitive."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"


class Fact(NamedTuple):
    """One value of a field in a certificate.

    ``label`` distinguishes the kinds of values of a field, such as ``URI`` or ``O``; it is empty for a field with one
    kind. An ``ambiguous`` fact can exclude a certificate, but does not make it match a rule: one of several common
    names, since it is not clear which of them names the client, or another spelling of a value.
    """

    label: str
    value: Hashable
    ambiguous: bool = False


class Condition(NamedTuple):
    """A requirement on one fact of a field. The values of prefixes and suffixes are strings."""

    field: str
    label: str
    comparison: Comparison
    value: Hashable


class Matcher(NamedTuple):
    """A requirement on one field: at least one of the alternatives must be satisfied.

    ``alternatives`` are single conditions, ``combinations`` are sets of conditions that must all be satisfied. Use
    ``make_matcher`` to create one.
    """

    field: str
    alternatives: frozenset[Condition]
    combinations: tuple[frozenset[Condition], ...] = ()

    def matches(self, satisfied: frozenset[Condition]) -> bool:
        """Return whether the field matches, given the conditions that a certificate satisfies."""
        if not self.alternatives.isdisjoint(satisfied):
            return True
        # Most matchers have no combinations: any() alone takes longer than the rest.
        return bool(self.combinations) and any(combination <= satisfied for combination in self.combinations)

    def conditions(self) -> Iterator[Condition]:
        """Return the conditions of all alternatives."""
        yield from self.alternatives
        for combination in self.combinations:
            yield from combination


def make_matcher(field: str, alternatives: Iterable[frozenset[Condition]]) -> Matcher:
    """Return a matcher for a field. Raises ValueError if there is no alternative, or one without conditions."""
    single: set[Condition] = set()
    combinations: list[frozenset[Condition]] = []
    for conditions in alternatives:
        if not conditions:
            message = f"{field}: an alternative without conditions would match every certificate"
            raise ValueError(message)
        if len(conditions) == 1:
            single.update(conditions)
        else:
            combinations.append(conditions)
    if not single and not combinations:
        message = f"{field}: a matcher needs at least one alternative"
        raise ValueError(message)
    return Matcher(field, frozenset(single), tuple(combinations))


class SatisfiedConditions(NamedTuple):
    """The conditions that a certificate satisfies.

    ``unambiguous`` contains those that an unambiguous fact satisfies, for matching. ``any_fact`` also contains those
    that only ambiguous facts satisfy, for exclusions.
    """

    unambiguous: frozenset[Condition]
    any_fact: frozenset[Condition]


class _LabelIndex:
    """The conditions on the facts with one label: by value, and by prefixes and suffixes of each length, ascending."""

    __slots__ = ("exact", "patterns")

    def __init__(self) -> None:
        self.exact: dict[Hashable, Condition] = {}
        self.patterns: dict[tuple[Comparison, int], dict[str, Condition]] = {}


class ConditionIndex:
    """A set of conditions, indexed by field and label, that finds those that a certificate satisfies.

    For each fact, it takes one look-up, and one for each length of the prefixes and suffixes with the fact's label that
    is not longer than the fact. The number of conditions does not matter, and the time is linear in the size of a
    certificate, however many names it has. A fact can be ambiguous for patterns only: see ``AmbiguityCheck``.
    """

    def __init__(self, conditions: Iterable[Condition], is_ambiguous_in_patterns: AmbiguityCheck) -> None:
        self.fields: dict[str, dict[str, _LabelIndex]] = {}
        """The conditions by field and label."""
        self._is_ambiguous_in_patterns = is_ambiguous_in_patterns
        for condition in conditions:
            field, label, comparison, value = condition
            index = self.fields.setdefault(field, {}).setdefault(label, _LabelIndex())
            if comparison is Comparison.EXACT:
                index.exact[value] = condition
            else:
                text = str(value)
                index.patterns.setdefault((comparison, len(text)), {})[text] = condition
        for labels in self.fields.values():
            for index in labels.values():
                index.patterns = dict(sorted(index.patterns.items(), key=lambda each: each[0][1]))

    def satisfied_by(self, certificate: PeerCertificate, readers: FactReaders) -> SatisfiedConditions:
        """Return the conditions that a certificate satisfies. Fields without conditions are not read."""
        unambiguous: list[Condition] = []
        ambiguous: list[Condition] = []
        for field, labels in self.fields.items():
            for label, value, is_ambiguous in readers[field](certificate):
                if label in labels:
                    index = labels[label]
                    satisfied = ambiguous if is_ambiguous else unambiguous
                    if value in index.exact:
                        satisfied.append(index.exact[value])
                    if index.patterns and (patterns := list(_satisfied_patterns(index, str(value)))):
                        is_ambiguous_here = self._is_ambiguous_in_patterns(label, str(value))
                        (ambiguous if is_ambiguous_here else satisfied).extend(patterns)
        satisfied_unambiguously = frozenset(unambiguous)
        return SatisfiedConditions(satisfied_unambiguously, satisfied_unambiguously.union(ambiguous))


def _satisfied_patterns(index: _LabelIndex, text: str) -> Iterator[Condition]:
    for (comparison, length), conditions in index.patterns.items():
        if length > len(text):
            break
        part = text[:length] if comparison is Comparison.PREFIX else text[-length:]
        if part in conditions:
            yield conditions[part]


class RuleIndex:
    """The positions of rules by necessary conditions: a certificate that satisfies none of them does not match.

    A rule is a sequence of matchers, all of which must match. A rule without matchers is never found. ``rule_count`` is
    the number of rules that have each condition.
    """

    def __init__(self, rules: Iterable[Sequence[Matcher]], rule_count: Mapping[Condition, int]) -> None:
        self._positions: dict[Condition, list[int]] = {}
        self._unproven: list[tuple[Matcher, ...]] = []
        for position, matchers in enumerate(rules):
            keys = [_necessary_conditions(matcher, rule_count) for matcher in matchers]
            # The best matcher is the one whose conditions occur in the fewest rules.
            best = min(
                range(len(keys)),
                key=lambda number: max(map(rule_count.__getitem__, keys[number])),  # pragma: no mutate -- for speed
                default=None,
            )
            if best is not None:
                for condition in keys[best]:
                    self._positions.setdefault(condition, []).append(position)
            # For a rule that is found, the best matcher is known to match, unless it has combinations of conditions.
            self._unproven.append(
                tuple(matcher for number, matcher in enumerate(matchers) if number != best or matcher.combinations)
            )

    def find(self, satisfied: frozenset[Condition]) -> list[int]:
        """Return the positions of the rules whose matchers all match, in ascending order."""
        several = [self._positions[condition] for condition in satisfied if condition in self._positions]
        # A single list is sorted already: a mutant that sorts it as well survives.
        candidates = several[0] if len(several) == 1 else sorted(set().union(*several))
        found = []
        for position in candidates:
            # A loop, since thousands of rules may be candidates: all() takes twice as long.
            for matcher in self._unproven[position]:
                if not matcher.matches(satisfied):
                    break
            else:
                found.append(position)
        return found


def _necessary_conditions(matcher: Matcher, rule_count: Mapping[Condition, int]) -> frozenset[Condition]:
    """Return necessary conditions: a certificate that satisfies none of them does not match."""
    return matcher.alternatives.union(
        min(combination, key=rule_count.__getitem__)  # pragma: no mutate -- each is necessary, the rarest is fastest
        for combination in matcher.combinations
    )
