"""Whether a condition follows from others, and whether two conditions contradict each other.

The fields ``common_name``, ``organizational_unit`` and ``organization`` are attributes of the subject; a whole
distinguished name determines all attributes. ``organization_identifier`` requires an attribute that occurs once, where
the subject may have several, and ``spiffe_trust_domain`` a single URI, where there may be several alternative names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.conditions import Comparison, Condition
from mtls_authorizer.rules.field_values import is_ambiguous_in_patterns
from mtls_authorizer.rules.fields import ORGANIZATION_IDENTIFIER, SPIFFE_TRUST_DOMAIN
from mtls_authorizer_cli.explanation.wording import attribute_values

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from mtls_authorizer.rules.conditions import Matcher

Key = tuple[str, str]
"""The field and the label of a condition."""

_ATTRIBUTES = {
    "common_name": ("subject", "CN"),
    "organizational_unit": ("subject", "OU"),
    "organization": ("subject", "O"),
}
_SINGLE_VALUED = frozenset(
    [
        *((field, label) for field in ("subject", "issuer") for label in ("", "CN")),
        *((field, "") for field in ("fingerprint", "serial_number", "public_key", "issuer_key", SPIFFE_TRUST_DOMAIN)),
    ]
)
"""The keys for which the authorizer uses at most one value of a certificate."""
_ONLY_IDENTIFIER = (ORGANIZATION_IDENTIFIER, "")
_IDENTIFIERS = ("subject", "organizationIdentifier")


class Known(NamedTuple):
    """The known values of a certificate that satisfies some conditions, and patterns that values match, by key.

    ``complete`` contains the fields, subject or issuer, all of whose attributes are known. ``any_fact`` is whether the
    values are compared as for exclusions.
    """

    values: dict[Key, set[Hashable]]
    patterns: dict[Key, list[Condition]]
    complete: frozenset[str]
    any_fact: bool


def key_of(condition: Condition) -> Key:
    """Return the field and the label of a condition."""
    return _ATTRIBUTES.get(condition.field, (condition.field, condition.label))


def known_from(conditions: Iterable[Condition], *, any_fact: bool = False) -> Known:
    """Return the known values of a certificate that satisfies conditions.

    With ``any_fact``, each of several common names or organization identifiers is known, as for exclusions; else none
    of them is.
    """
    values: dict[Key, set[Hashable]] = {}
    patterns: dict[Key, list[Condition]] = {}
    complete = set()
    conditions = tuple(conditions)
    for condition in (*conditions, *_implied(conditions)):
        key = key_of(condition)
        if condition.comparison is not Comparison.EXACT:
            patterns.setdefault(key, []).append(condition)
            continue
        values.setdefault(key, set()).add(condition.value)
        if isinstance(condition.value, tuple):  # a whole distinguished name
            complete.add(condition.field)
            for label, texts in attribute_values(condition.value).items():
                if label != "CN" or len(texts) == 1 or any_fact:
                    values.setdefault((condition.field, label), set()).update(texts)
                if (condition.field, label) == _IDENTIFIERS and len(texts) == 1:
                    values.setdefault(_ONLY_IDENTIFIER, set()).update(texts)
    if any_fact and _IDENTIFIERS in values:
        values.setdefault(_ONLY_IDENTIFIER, set()).update(values[_IDENTIFIERS])
    return Known(values, patterns, frozenset(complete), any_fact)


def follows(condition: Condition, known: Known) -> bool:
    """Return whether every certificate with these known values satisfies a condition."""
    key = key_of(condition)
    values = known.values.get(key, set())
    if condition.comparison is Comparison.EXACT:
        return condition.value in values
    return any(
        _satisfies(value, condition) and (known.any_fact or not is_ambiguous_in_patterns(condition.label, str(value)))
        for value in values
    ) or any(
        pattern.comparison is condition.comparison and _satisfies(pattern.value, condition)
        for pattern in known.patterns.get(key, ())
    )


class Requirement:
    """A matcher, prepared for many questions about it."""

    def __init__(self, matcher: Matcher) -> None:
        self.field = matcher.field
        self.alternatives = [
            *(frozenset([condition]) for condition in sorted(matcher.alternatives, key=repr)),
            *matcher.combinations,
        ]
        # Lists of exact values are long: they are looked up.
        self.exact = {
            (key_of(condition), condition.value)
            for condition in matcher.alternatives
            if condition.comparison is Comparison.EXACT
        }
        self.others = [
            conditions
            for conditions in self.alternatives
            if len(conditions) > 1 or next(iter(conditions)).comparison is not Comparison.EXACT
        ]

    def follows_from(self, known: Known) -> bool:
        """Return whether every certificate with these known values matches."""
        return any((key, value) in self.exact for key, values in known.values.items() for value in values) or any(
            all(follows(condition, known) for condition in conditions) for conditions in self.others
        )

    def follows_from_each(self, other: Requirement, *, any_fact: bool = False) -> bool:
        """Return whether every certificate that another requirement matches is matched by this one."""
        return all(self.follows_from(known_from(conditions, any_fact=any_fact)) for conditions in other.alternatives)


def contradict(some: Iterable[Condition], others: Iterable[Condition], *, any_fact: bool = False) -> bool:
    """Return whether no certificate can satisfy two sets of conditions. False if this is uncertain.

    With ``any_fact``, as for exclusions, each of several values satisfies a condition, such as each common name. Only a
    whole name without a required attribute contradicts them.
    """
    some, others = tuple(some), tuple(others)
    return (
        _misses(known_from(some, any_fact=any_fact), (*others, *_implied(others)))
        or _misses(known_from(others, any_fact=any_fact), (*some, *_implied(some)))
        or (not any_fact and _exclude_one_value(some, others))
    )


def _exclude_one_value(some: Iterable[Condition], others: Iterable[Condition]) -> bool:
    """Return whether no value satisfies both sets of conditions on a key of which a certificate has one value."""
    return (
        any(key_of(one) in _SINGLE_VALUED and _exclude_each_other(one, other) for one in some for other in others)
        or any(_exclude_each_other(one, other) for one in _implied(some) for other in others)
        or any(_exclude_each_other(one, other) for one in _implied(others) for other in some)
    )


def _implied(conditions: Iterable[Condition]) -> list[Condition]:
    """Return the conditions on the only value of another key that follow from conditions."""
    implied = []
    for field, _, comparison, value in conditions:
        if field == ORGANIZATION_IDENTIFIER:
            implied.append(Condition(*_IDENTIFIERS, comparison, value))
        elif field == SPIFFE_TRUST_DOMAIN:
            implied.append(Condition("subject_alt_name", "URI", Comparison.PREFIX, f"spiffe://{value}/"))
    return implied


def _exclude_each_other(one: Condition, other: Condition) -> bool:
    """Return whether one value cannot satisfy two conditions on the same key."""
    if key_of(one) != key_of(other):
        return False
    if one.comparison is Comparison.EXACT:
        return not _satisfies(one.value, other)
    if other.comparison is one.comparison:
        return not (_satisfies(one.value, other) or _satisfies(other.value, one))
    return other.comparison is Comparison.EXACT and not _satisfies(other.value, one)


def _misses(known: Known, conditions: Iterable[Condition]) -> bool:
    """Return whether a name whose attributes are all known lacks an attribute that one of the conditions requires."""
    for condition in conditions:
        field, label = key_of(condition)
        if label and field in known.complete and not follows(condition, known):
            return True
    return False


def _satisfies(value: Hashable, condition: Condition) -> bool:
    if condition.comparison is Comparison.EXACT:
        return value == condition.value
    text, part = str(value), str(condition.value)
    return text.startswith(part) if condition.comparison is Comparison.PREFIX else text.endswith(part)
