"""The matching part of a rule, ``match`` and ``not``: from JSON values to matchers."""

from __future__ import annotations

import re

from mtls_authorizer.rules.conditions import Comparison, Condition, Matcher, make_matcher
from mtls_authorizer.rules.document.problems import is_plain_text, items_with_places, key_place, shown
from mtls_authorizer.rules.fields import FIELDS, SPIFFE_TRUST_DOMAIN, FieldKind, parse_exact, parse_label, takes_long
from mtls_authorizer.rules.names.patterns import LABELS_WITH_SPELLINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.rules.document.problems import Problems

_COMPARISONS = {comparison.value: comparison for comparison in Comparison}  # a look-up in the enumeration is slow
_LABELLED = frozenset([FieldKind.DISTINGUISHED_NAME, FieldKind.SUBJECT_ALT_NAME])


class MatchValidator:
    """Reads matchers and adds errors to the problems. The results are only valid if there are none."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        # Many rules have the same issuer.
        self._parsed: dict[tuple[str, str], Condition] = {}

    def matchers(self, value: object, place: str) -> tuple[Matcher, ...]:
        """Read the matchers of an object with fields."""
        if not self._problems.is_object(value, place):
            return ()
        if not value:
            self._problems.add(
                place, "is empty and would match every certificate: write at least one field, e.g. issuer"
            )
        self._problems.check_keys(value, FIELDS, place)
        matchers = {name: self._matcher(name, value[name], f"{place}.{name}") for name in FIELDS if name in value}
        for name in matchers:
            companion = FIELDS[name].companion
            if companion is not None and not _is_one_exact_value(matchers.get(companion)):
                self._problems.add(
                    f"{place}.{name}",
                    f"needs exactly one {companion}, as a string and not as attributes: it is unique only for one "
                    f"{companion}",
                )
        return tuple(matcher for matcher in matchers.values() if matcher)

    def exclusions(self, value: object, place: str) -> tuple[tuple[Matcher, ...], ...]:
        """Read the matchers of one exclusion or of a list of them."""
        if value == []:
            self._problems.add(place, "is an empty list, which excludes nothing: remove it")
        self._problems.count_entries(_item_count(value), place)
        for item, where in items_with_places(value, place):
            for name, field in FIELDS.items():
                if field.exclusion_problem is not None and isinstance(item, dict) and name in item:
                    self._problems.add(f"{where}.{name}", field.exclusion_problem)
        return tuple(
            tuple(map(_in_common_spelling, self.matchers(item, where)))
            for item, where in items_with_places(value, place)
        )

    def _matcher(self, name: str, value: object, place: str) -> Matcher | None:
        if value == []:
            self._problems.add(place, "is an empty list, which matches nothing: write at least one value")
            return None
        self._problems.count_entries(_item_count(value), place)
        if isinstance(value, list) and FIELDS[name].kind is FieldKind.TEXT and is_plain_text(value):
            # Reads long lists of names several times faster than the code below.
            return Matcher(name, frozenset(Condition(name, "", Comparison.EXACT, item) for item in value))
        alternatives = [self._alternative(name, item, where) for item, where in items_with_places(value, place)]
        # An alternative is empty if it has a problem.
        return make_matcher(name, alternatives) if all(alternatives) else None

    def _alternative(self, name: str, value: object, place: str) -> frozenset[Condition]:
        if isinstance(value, dict) and FIELDS[name].kind in _LABELLED and Comparison.EXACT not in value:
            return self._labelled_conditions(name, value, place)
        condition = self._condition(name, "", value, place)
        return frozenset([condition] if condition else [])

    def _labelled_conditions(self, name: str, value: dict[str, object], place: str) -> frozenset[Condition]:
        """Read an object of attributes, or of one type of subject alternative names."""
        kind = FIELDS[name].kind
        if not value:
            self._problems.add(place, "is empty and would match nothing: write at least one key")
        elif len(value) > 1 and kind is FieldKind.SUBJECT_ALT_NAME:
            self._problems.add(place, "must have exactly one key: for several names write a list of objects")
        self._problems.count_entries(len(value), place)
        conditions: dict[str, Condition | None] = {}
        for key, item in value.items():
            where = key_place(place, key)
            try:
                label = parse_label(kind, key)
            except ValueError as error:
                self._problems.add(where, f"cannot be matched: {error}")
                continue
            if label in conditions:
                self._problems.add(where, f"is the same attribute as another key, {label}: remove one of them")
            conditions[label] = self._condition(name, label, item, where)
        return frozenset(filter(None, conditions.values()))

    def _condition(self, name: str, label: str, value: object, place: str) -> Condition | None:
        """Read a string, or an object with a comparison. The label is empty for the field as a whole."""
        if isinstance(value, dict):
            return self._comparison(name, label, value, place)
        if not self._problems.is_text(value, place):
            return None
        if "*" in value:
            self._problems.add(
                place, 'contains a *, and wildcards are not supported: for a literal * write {"exact": "…"}'
            )
            return None
        return self._exact(name, label, value, place)

    def _comparison(self, name: str, label: str, value: dict[str, object], place: str) -> Condition | None:
        key = next(iter(value), "")
        if len(value) != 1 or key not in _COMPARISONS:
            self._problems.add(place, f"must be a string, or an object with one of {', '.join(Comparison)}")
            return None
        comparison, text, where = _COMPARISONS[key], value[key], f"{place}.{key}"
        if not self._problems.is_text(text, where):
            return None
        if comparison is Comparison.EXACT:
            return self._exact(name, label, text, where)
        return self._pattern(Condition(name, label, comparison, text), where)

    def _exact(self, name: str, label: str, text: str, place: str) -> Condition | None:
        if label and FIELDS[name].kind is FieldKind.DISTINGUISHED_NAME:
            return Condition(name, label, Comparison.EXACT, text)
        whole = f"{label}:{text}" if label else text
        if (name, whole) in self._parsed:
            return self._parsed[name, whole]
        slow = takes_long(name, whole)
        if slow:
            self._problems.count_name(whole, place)
        try:
            condition = parse_exact(name, whole)
        except ValueError as error:
            self._problems.add(place, f"cannot be matched: {error}")
            return None
        if slow:
            self._parsed[name, whole] = condition
        return condition

    def _pattern(self, condition: Condition, place: str) -> Condition | None:
        field, text = FIELDS[condition.field], str(condition.value)
        restriction = field.patterns.get((condition.label, condition.comparison))
        if field.kind is FieldKind.IDENTIFIER:
            self._problems.add(place, "is not supported for this field: write exact values")
        elif restriction is not None and restriction.expression is None:
            self._problems.add(place, restriction.problem)
        elif "*" in text:
            self._problems.add(place, "contains a *, and wildcards are not supported: remove it")
        elif restriction is not None and restriction.expression and not re.fullmatch(restriction.expression, text):
            self._problems.add(place, f"is {shown(text)}, and {restriction.problem}")
        else:
            return condition
        return None


def _in_common_spelling(matcher: Matcher) -> Matcher:
    """Return the matcher of an exclusion, which applies to all spellings of a name, such as upper and lower case."""
    if matcher.field == SPIFFE_TRUST_DOMAIN:
        return matcher._replace(
            alternatives=frozenset(
                each._replace(value=str(each.value).removesuffix(".")) for each in matcher.alternatives
            )
        )
    if FIELDS[matcher.field].kind not in _LABELLED:
        return matcher
    if not any(_has_spellings(condition) for condition in matcher.conditions()):
        return matcher
    from mtls_authorizer.rules.names.spellings import (  # noqa: PLC0415 -- few documents need it
        common_spelling,
        name_in_common_spelling,
    )

    def convert(condition: Condition) -> Condition:
        if not _has_spellings(condition):
            return condition
        if isinstance(condition.value, tuple):
            return condition._replace(value=name_in_common_spelling(condition.value))
        return condition._replace(value=common_spelling(condition.label, str(condition.value)))

    return matcher._replace(
        alternatives=frozenset(map(convert, matcher.alternatives)),
        combinations=tuple(frozenset(map(convert, combination)) for combination in matcher.combinations),
    )


def _has_spellings(condition: Condition) -> bool:
    # A whole name is a tuple.
    return condition.label in LABELS_WITH_SPELLINGS or isinstance(condition.value, tuple)


def _item_count(value: object) -> int:
    return len(value) if isinstance(value, list) else 1


def _is_one_exact_value(matcher: Matcher | None) -> bool:
    """Return whether a matcher has one alternative, which is about the field as a whole."""
    if matcher is None or len(matcher.alternatives) + len(matcher.combinations) != 1:
        return False
    return all(condition.label == "" for condition in matcher.conditions())
