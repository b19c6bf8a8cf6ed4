"""The parts of a rule other than its name and routes: values that can be compared, each with its wording."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mtls_authorizer.rules.key_usage import usage_name
from mtls_authorizer.rules.rule import UsagePlanKey
from mtls_authorizer_cli.explanation.wording import alternative_text, alternatives
from mtls_authorizer_cli.printed import quoted, utc_timestamp

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from mtls_authorizer.rules.certificate_values import CertificateValue
    from mtls_authorizer.rules.conditions import Matcher
    from mtls_authorizer.rules.request_limits import RequestLimits
    from mtls_authorizer.rules.rule import Rule

Parts: TypeAlias = "Mapping[Hashable, str]"
"""The values of one part of a rule, such as the alternatives of a field, with their wording."""

_LONGEST_TEXT = 500
"""In characters, of a value: values that differ must not look the same."""


def rule_parts(rule: Rule) -> dict[str, Parts]:
    """Return the parts of a rule, by their names in a document. Those that it does not have are left out."""
    parts: dict[str, Parts] = {f"match.{matcher.field}": _alternatives(matcher) for matcher in rule.matchers}
    parts["not"] = {_value(exclusion): match_text(exclusion) for exclusion in rule.exclusions}
    if rule.key_usages is not None:
        parts["extended_key_usage"] = {usage: usage_name(usage) for usage in rule.key_usages} or {"none": "none"}
    if rule.limits is not None:
        parts |= _limits(rule.limits)
    parts["context"] = {
        **{(key, text): f"{key}={quoted(text)}" for key, text in rule.context.items()},
        **{(key, value): f"{key}={_certificate_value(value)}" for key, value in rule.certificate_context.items()},
    }
    if rule.usage_plan_key is not None:
        parts["usage_plan_key"] = {rule.usage_plan_key: _usage_plan_key(rule.usage_plan_key)}
    return {name: values for name, values in parts.items() if values}


def denial_parts(rules: Iterable[Rule]) -> Parts:
    """Return what the rules that deny match."""
    return {_value(rule.matchers): match_text(rule.matchers) for rule in rules if rule.denies}


def match_text(matchers: Sequence[Matcher]) -> str:
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
    for key, names in (("api_id", limits.api_ids), ("domain_name", limits.domain_names)):
        yield key, {name: name for name in sorted(names or ())}
    for key, time in (("not_before", limits.not_before), ("not_after", limits.not_after)):
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
