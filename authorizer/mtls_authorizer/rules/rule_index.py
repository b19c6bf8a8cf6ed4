"""An index that finds the rules that a certificate matches, by the conditions that it satisfies."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtls_authorizer.rules.conditions import Condition, Matcher


class RuleIndex:
    """The positions of rules, by conditions of which a certificate must satisfy at least one to match the rule.

    A rule is a sequence of matchers, all of which must match. A rule without matchers is never found. ``rule_count`` is
    the number of rules that have each condition.
    """

    __slots__ = ("_positions", "_unproven")

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
    """Return conditions of which a certificate must satisfy at least one to match."""
    return matcher.alternatives.union(
        min(combination, key=rule_count.__getitem__)  # pragma: no mutate -- each is necessary, the rarest is fastest
        for combination in matcher.combinations
    )
