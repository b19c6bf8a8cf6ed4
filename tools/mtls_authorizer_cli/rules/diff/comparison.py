"""The differences between two sets of rules: what a rule matches, and which routes it allows.

Formatting, the order of rules and lists, and the way in which a value is written are no differences.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mtls_authorizer.rules.extended_key_usage import usage_name
from mtls_authorizer.rules.rule import UsagePlanKey
from mtls_authorizer_cli.explanation.wording import alternative_text, alternatives
from mtls_authorizer_cli.printed import quoted, utc_timestamp
from mtls_authorizer_cli.rules.routes import missing_from

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from mtls_authorizer.rules.certificate_values import CertificateValue
    from mtls_authorizer.rules.conditions import Matcher
    from mtls_authorizer.rules.request_limits import RequestLimits
    from mtls_authorizer.rules.routes import Routes
    from mtls_authorizer.rules.rule import Rule

_Content: TypeAlias = "frozenset[tuple[str, frozenset[Hashable]]]"


class ChangeKind(StrEnum):
    """The kinds of changes, as in the JSON output."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"


class PartChange(NamedTuple):
    """The values that a part of a rule, such as ``match.subject``, has gained and lost, in words."""

    part: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


class RuleChange(NamedTuple):
    """The difference between a rule and its namesake.

    ``gained`` and ``lost`` are routes of clients that match the rule, and ``routes`` those that it now allows; none if
    it was removed. ``old_name`` differs for a renamed rule.
    """

    name: str
    old_name: str
    change: ChangeKind
    gained: Routes
    lost: Routes
    routes: Routes
    parts: tuple[PartChange, ...]


class Comparison(NamedTuple):
    """The differences between two documents.

    ``denials`` is the change of ``deny``, ``unchanged`` the number of equal rules. ``is_reordered`` is whether rules
    with a context or a usage plan key are in another order: the values of the first matching rule are used.
    """

    rules: tuple[RuleChange, ...]
    denials: PartChange | None
    unchanged: int
    is_reordered: bool

    @property
    def is_empty(self) -> bool:
        """Whether the same clients may call the same routes, for certain."""
        return not self.rules and self.denials is None


def compare(old: Sequence[Rule], new: Sequence[Rule]) -> Comparison:
    """Compare the rules of two documents."""
    former = {rule.name: rule for rule in old if not rule.denies}
    current = {rule.name: rule for rule in new if not rule.denies}
    renamed = _renamed(former, current)
    changes = [
        *(_change(former[name], current[name]) for name in current.keys() & former.keys()),
        *(_renaming(former[old_name], current[name]) for name, old_name in renamed.items()),
        *(_addition(current[name]) for name in current.keys() - former.keys() - renamed.keys()),
        *(_removal(former[name]) for name in former.keys() - current.keys() - set(renamed.values())),
    ]
    found = sorted((change for change in changes if change is not None), key=lambda change: change.name)
    return Comparison(
        tuple(found),
        _part_change("deny", _denial_parts(old), _denial_parts(new)),
        len(changes) - len(found),
        _reordered(former, current),
    )


def _change(old: Rule, new: Rule) -> RuleChange | None:
    parts = tuple(_part_changes(_rule_parts(old), _rule_parts(new)))
    gained, lost = missing_from(old.routes, new.routes), missing_from(new.routes, old.routes)
    if not parts and not gained and not lost:
        return None
    return RuleChange(new.name, old.name, ChangeKind.CHANGED, gained, lost, new.routes, parts)


def _addition(rule: Rule) -> RuleChange:
    parts = tuple(_part_changes({}, _rule_parts(rule)))
    return RuleChange(rule.name, rule.name, ChangeKind.ADDED, rule.routes, (), rule.routes, parts)


def _removal(rule: Rule) -> RuleChange:
    parts = tuple(_part_changes(_rule_parts(rule), {}))
    return RuleChange(rule.name, rule.name, ChangeKind.REMOVED, (), rule.routes, (), parts)


def _renaming(old: Rule, new: Rule) -> RuleChange:
    return RuleChange(new.name, old.name, ChangeKind.RENAMED, (), (), new.routes, ())


def _renamed(former: Mapping[str, Rule], current: Mapping[str, Rule]) -> dict[str, str]:
    """Return the former names of rules that only have another name, by their new ones."""
    removed: dict[_Content, list[str]] = {}
    for name in former:
        if name not in current:
            removed.setdefault(_content(former[name]), []).append(name)
    renamed = {}
    for name in current:
        if name not in former and removed.get(_content(current[name])):
            renamed[name] = removed[_content(current[name])].pop(0)
    return renamed


def _content(rule: Rule) -> _Content:
    """Return everything about a rule except for its name, as a value that can be compared."""
    routes = frozenset([rule.routes]) if not isinstance(rule.routes, tuple) else frozenset(rule.routes)
    parts = {part: frozenset(values) for part, values in _rule_parts(rule).items()}
    return frozenset([("allow", routes), *parts.items()])


def _part_changes(old: Mapping[str, Parts], new: Mapping[str, Parts]) -> Iterator[PartChange]:
    for part in dict.fromkeys([*new, *old]):
        change = _part_change(part, old.get(part, {}), new.get(part, {}))
        if change is not None:
            yield change


def _part_change(part: str, old: Parts, new: Parts) -> PartChange | None:
    added = tuple(text for value, text in new.items() if value not in old)
    removed = tuple(text for value, text in old.items() if value not in new)
    return PartChange(part, added, removed) if added or removed else None


def _reordered(former: Mapping[str, Rule], current: Mapping[str, Rule]) -> bool:
    before, after = (
        [name for name in rules if name in others and _has_constants(rules[name])]
        for rules, others in ((former, current), (current, former))
    )
    common = set(before) & set(after)
    return [name for name in before if name in common] != [name for name in after if name in common]


def _has_constants(rule: Rule) -> bool:
    return bool(rule.context or rule.certificate_context or rule.usage_plan_key)


Parts: TypeAlias = "Mapping[Hashable, str]"
"""The values of one part of a rule, such as the alternatives of a field, with their wording."""

_LONGEST_TEXT = 500
"""In characters, of a value: values that differ must not look the same."""


def _rule_parts(rule: Rule) -> dict[str, Parts]:
    """Return the parts of a rule, by their names in a document. Those that it does not have are left out."""
    parts: dict[str, Parts] = {f"match.{matcher.field}": _alternatives(matcher) for matcher in rule.matchers}
    parts["not"] = {_value(exclusion): _match_text(exclusion) for exclusion in rule.exclusions}
    if rule.accepted_usages is not None:
        parts["extended_key_usage"] = {usage: usage_name(usage) for usage in rule.accepted_usages} or {"none": "none"}
    if rule.limits is not None:
        parts |= _limits(rule.limits)
    parts["context"] = {
        **{(key, text): f"{key}={quoted(text)}" for key, text in rule.context.items()},
        **{(key, value): f"{key}={_certificate_value(value)}" for key, value in rule.certificate_context.items()},
    }
    if rule.usage_plan_key is not None:
        parts["usage_plan_key"] = {rule.usage_plan_key: _usage_plan_key(rule.usage_plan_key)}
    return {name: values for name, values in parts.items() if values}


def _denial_parts(rules: Iterable[Rule]) -> Parts:
    """Return what the rules that deny match."""
    return {_value(rule.matchers): _match_text(rule.matchers) for rule in rules if rule.denies}


def _match_text(matchers: Sequence[Matcher]) -> str:
    """Return matchers in words: ``subject 'CN=a' and issuer 'CN=b'``."""
    return " and ".join(f"{matcher.field} {' or '.join(_alternatives(matcher).values())}" for matcher in matchers)


def limits_text(limits: RequestLimits) -> str:
    """Return limits in words: ``api_id a1b2c3d4e5, not_after 2027-03-15T23:59:59Z``."""
    return ", ".join(f"{key} {' or '.join(values.values())}" for key, values in _limits(limits) if values)


def _alternatives(matcher: Matcher) -> Parts:
    return {frozenset(each): alternative_text(each, _LONGEST_TEXT) for each in alternatives(matcher)}


def _value(matchers: Sequence[Matcher]) -> Hashable:
    """Return matchers as a value that does not depend on their order or on the order of their alternatives."""
    return frozenset((matcher.field, frozenset(_alternatives(matcher))) for matcher in matchers)


def _limits(limits: RequestLimits) -> Iterator[tuple[str, Parts]]:
    api_ids, domain_names, not_before, not_after = limits  # unpacked, so that a new limit cannot be forgotten
    for key, names in (("api_id", api_ids), ("domain_name", domain_names)):
        yield key, {name: name for name in sorted(names or ())}
    for key, time in (("not_before", not_before), ("not_after", not_after)):
        if time is not None:
            yield key, {time: utc_timestamp(time)}


def _usage_plan_key(key: UsagePlanKey | CertificateValue | str) -> str:
    if isinstance(key, UsagePlanKey):
        return "the certificate's fingerprint"
    return quoted(key) if isinstance(key, str) else _certificate_value(key)


def _certificate_value(value: CertificateValue) -> str:
    label = f".{value.label}" if value.label else ""
    after = f" after {quoted(value.after)}" if value.after else ""
    default = "" if value.default is None else f", by default {quoted(value.default)}"
    return f"{value.field}{label}{after}{default}"
