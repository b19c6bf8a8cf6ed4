"""Rules that add nothing, because another rule already covers their clients and routes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mtls_authorizer.policy.rule_warnings import RuleWarning
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.fields import PSD2_ROLE
from mtls_authorizer_cli.explanation.other_requirements import certificate_values
from mtls_authorizer_cli.rules.check.implication import Requirement, key_of, known_from
from mtls_authorizer_cli.rules.check.kinds import WarningKind
from mtls_authorizer_cli.rules.limits import include
from mtls_authorizer_cli.rules.routes import missing_from

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from mtls_authorizer.rules.conditions import Condition
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer_cli.rules.check.implication import Key

_MOST_CANDIDATES = 300
"""Rules with a value in common that are examined for each rule."""


def covered_rules(rules: Sequence[Rule]) -> Iterator[RuleWarning]:
    """Return the rules that are duplicates of another one, or covered by it."""
    prepared: list[_PreparedRule] = []
    for number, rule in enumerate(rules):
        prepared.append(_PreparedRule(number, rule, prepared[-1] if prepared else None))
    index = _Index(prepared)
    for covered in prepared:
        for covering in index.candidates(covered)[:_MOST_CANDIDATES]:
            finding = _finding(covering, covered)
            if finding is not None:
                yield finding
                break


class _PreparedRule:
    """A rule, prepared for comparisons. ``run`` is the same number for neighbours with the same constants."""

    def __init__(self, number: int, rule: Rule, previous: _PreparedRule | None) -> None:
        self.number = number
        self.rule = rule
        self.run: int = number if previous is None or previous.constants != self.constants else previous.run
        self.requirements = [Requirement(matcher) for matcher in rule.matchers]
        self.exclusions = {frozenset(exclusion) for exclusion in rule.exclusions}
        self.required_values = {value for value in certificate_values(rule).values() if value.default is None}

    @property
    def constants(self) -> tuple[object, object, object]:
        return self.rule.context, self.rule.certificate_context, self.rule.usage_plan_key

    def covers(self, other: _PreparedRule) -> bool:
        """Return whether a certificate and a route that another rule matches and allows are covered by this one."""
        return (
            self.rule.accepted_usages == other.rule.accepted_usages
            and include(self.rule.limits, other.rule.limits)
            and self.required_values <= other.required_values
            and self.exclusions <= other.exclusions
            and not missing_from(self.rule.routes, other.rule.routes)
            and all(
                any(required.follows_from_each(given) for given in other.requirements) for required in self.requirements
            )
        )


def _finding(covering: _PreparedRule, covered: _PreparedRule) -> RuleWarning | None:
    is_earlier = covering.number < covered.number
    if covering is covered or not covering.covers(covered):
        return None
    # Because of a rule about roles, certificates with malformed QCStatements match no rule at all.
    if covered.rule.uses(PSD2_ROLE) and not covering.rule.uses(PSD2_ROLE):
        return None
    same_constants = covering.constants == covered.constants
    # The constants of the first matching rule are used, so an earlier rule with its own has an effect, also if only a
    # rule between the two has others. If two rules cover each other, the later one is reported.
    if not is_earlier and (covering.run != covered.run or covered.covers(covering)):
        return None
    other = f"rule {covering.rule.name!r} (rules[{covering.number}])"
    place = f"rules[{covered.number}]"
    if same_constants and covered.covers(covering):
        return RuleWarning(WarningKind.DUPLICATE, place, f"is a duplicate of {other}")
    message = f"adds nothing: {other} matches all of its certificates and allows all of its routes"
    if not same_constants:
        message += ", and comes first, so that its own context and usage_plan_key have no effect"
    return RuleWarning(WarningKind.COVERED, place, message)


class _Index:
    """Finds the rules that may cover a rule: by one matcher of theirs, the one that the fewest other rules have."""

    def __init__(self, rules: Sequence[_PreparedRule]) -> None:
        rule_count = Counter(condition for each in rules for condition in set(each.rule.conditions()))
        self._exact: dict[tuple[Key, Hashable], list[_PreparedRule]] = {}
        self._patterns: dict[tuple[Key, Comparison], dict[int, dict[str, list[_PreparedRule]]]] = {}
        for rule in rules:
            matcher = min(
                rule.rule.matchers, key=lambda matcher: max(map(rule_count.__getitem__, matcher.conditions()))
            )
            for condition in matcher.conditions():
                self._add(condition, rule)

    def candidates(self, covered: _PreparedRule) -> list[_PreparedRule]:
        """Return the rules that may cover a rule, in their order."""
        found: dict[int, _PreparedRule] = {}
        for required in covered.requirements:
            # A rule that covers this one covers each alternative, so the first one finds it.
            known = known_from(required.alternatives[0])
            for key, values in known.values.items():
                for value in values:
                    self._find(key, value, tuple(Comparison), found)
            for key, patterns in known.patterns.items():
                for pattern in patterns:
                    self._find(key, pattern.value, (pattern.comparison,), found)
        return [found[number] for number in sorted(found)]

    def _add(self, condition: Condition, rule: _PreparedRule) -> None:
        key, text = key_of(condition), str(condition.value)
        if condition.comparison is Comparison.EXACT:
            self._exact.setdefault((key, condition.value), []).append(rule)
        else:
            by_length = self._patterns.setdefault((key, condition.comparison), {})
            by_length.setdefault(len(text), {}).setdefault(text, []).append(rule)

    def _find(
        self, key: Key, value: Hashable, comparisons: Sequence[Comparison], found: dict[int, _PreparedRule]
    ) -> None:
        text = str(value)
        for comparison in comparisons:
            if comparison is Comparison.EXACT:
                rules = self._exact.get((key, value), [])
                found.update((rule.number, rule) for rule in rules)
                continue
            for length, by_text in self._patterns.get((key, comparison), {}).items():
                part = text[:length] if comparison is Comparison.PREFIX else text[-length:]
                found.update((rule.number, rule) for rule in by_text.get(part, []))
