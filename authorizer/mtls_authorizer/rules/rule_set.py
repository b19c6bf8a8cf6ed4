"""Rules: the conditions that a certificate must satisfy, and the routes that its client may then call.

The lists in the environment, the rules document and the shadow rules are all sets of such rules.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.conditions import Condition, ConditionIndex, Matcher, SatisfiedConditions
from mtls_authorizer.rules.fields import FACT_READERS, FIELDS, ISSUER_KEY
from mtls_authorizer.rules.routes import ALL_ROUTES, LARGEST_POLICY, Routes, combined_routes, policy_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.conditions import FactReader, FactReaders
    from mtls_authorizer.rules.request_limits import RequestLimits

ENVIRONMENT = "environment"
"""The name of the rules made from lists in the environment."""


class UsagePlanKey(StrEnum):
    """A property of the certificate that serves as the key of a usage plan."""

    FINGERPRINT = "fingerprint"
    """The SHA-256: 64 upper-case hexadecimal digits, without colons."""


class Rule(NamedTuple):
    """A rule matches a certificate if every matcher matches and no exclusion applies.

    A rule without matchers matches no certificate, unless ``anyone`` is true. An exclusion is a set of matchers, and
    applies if all of them match. ``routes`` has no default, so that no route is allowed by omission. ``usage_plan_key``
    is a string if it is the key itself. ``limits`` do not affect whether the rule matches a certificate: they say for
    which requests it is in effect. None stands for all.

    A rule that ``denies`` is an entry of a document's ``deny``: its matchers are an exclusion, which applies whatever
    other rules allow.
    """

    name: str
    matchers: tuple[Matcher, ...]
    routes: Routes
    exclusions: tuple[tuple[Matcher, ...], ...] = ()
    context: Mapping[str, str] = {}
    usage_plan_key: UsagePlanKey | str | None = None
    anyone: bool = False
    denies: bool = False
    limits: RequestLimits | None = None

    def mismatch(self, satisfied: SatisfiedConditions) -> DenyReason | None:
        """Return None if the rule matches a certificate that satisfies conditions, else the first reason against it."""
        for matcher in self.matchers:
            if not matcher.matches(satisfied.unambiguous):
                return FIELDS[matcher.field].reason
        if not self.matchers and not self.anyone:
            return DenyReason.NO_ALLOWLIST_CONFIGURED
        if any(_applies(exclusion, satisfied) for exclusion in self.exclusions):
            return DenyReason.CERTIFICATE_EXCLUDED
        return None

    def uses(self, field: str) -> bool:
        """Return whether a matcher or an exclusion is about a field."""
        return any(matcher.field == field for matchers in (self.matchers, *self.exclusions) for matcher in matchers)

    def conditions(self) -> Iterable[Condition]:
        """Return the conditions of all matchers and exclusions."""
        for matchers in (self.matchers, *self.exclusions):
            for matcher in matchers:
                yield from matcher.conditions()


class Grant(NamedTuple):
    """The combined result of all rules that match a certificate.

    ``routes`` are those of all matching rules together. Context and usage plan key are those of the first one.
    """

    rules: tuple[str, ...]
    routes: Routes
    context: Mapping[str, str]
    usage_identifier_key: str | None


RuleOutcome: TypeAlias = Grant | DenyReason
"""The result of evaluating rules for a request: what its client may call, or why it is denied."""


class ConditionalGrant:
    """The grants of the rules that match a certificate, at least one of which is limited to some requests."""

    __slots__ = ("_candidates",)

    def __init__(self, candidates: Iterable[tuple[Grant, RequestLimits | None]]) -> None:
        self._candidates = tuple(candidates)

    def outcome(self, api_id: str, domain_name: str | None, now: datetime) -> RuleOutcome:
        """Return the combined grant of the rules that are in effect for a request. ``now`` is aware."""
        in_effect = [
            grant for grant, limits in self._candidates if limits is None or limits.permit(api_id, domain_name, now)
        ]
        return _combine(in_effect) if in_effect else DenyReason.RULE_NOT_IN_EFFECT


Evaluation: TypeAlias = RuleOutcome | ConditionalGrant
"""The result of evaluating rules for a certificate. A ``ConditionalGrant`` has a different outcome for each request."""


class RuleSet:
    """Rules in their order, with an index of the rules that a certificate can match.

    ``rules`` are those that allow, and ``denials`` those that deny.
    """

    __slots__ = (
        *("_conditions", "_denials_by_condition", "_rules_by_condition", "_rules_without_matchers"),
        *("denials", "limits_domain_names", "readers", "rules"),
    )

    readers: FactReaders
    """The functions by which this set reads facts from a certificate."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        every_rule = tuple(rules)
        self.rules = tuple(rule for rule in every_rule if not rule.denies)
        self.denials = tuple(rule for rule in every_rule if rule.denies)
        self.limits_domain_names = any(rule.limits and rule.limits.domain_names is not None for rule in self.rules)
        rule_count = Counter(condition for rule in every_rule for condition in rule.conditions())
        self.readers = FACT_READERS
        self._conditions = ConditionIndex(rule_count)
        self._rules_by_condition = _index(self.rules, rule_count)
        self._denials_by_condition = _index(self.denials, rule_count)
        self._rules_without_matchers = [number for number, rule in enumerate(self.rules) if not rule.matchers]

    def with_issuer_keys(self, read: FactReader) -> RuleSet:
        """Return the same rules with a function that reads the key of a certificate's issuer from a truststore.

        Without it, no certificate matches a rule with ``issuer_key``.
        """
        rules = RuleSet.__new__(RuleSet)
        for name in self.__slots__:
            setattr(rules, name, getattr(self, name))
        rules.readers = {**self.readers, ISSUER_KEY: read}
        return rules

    def uses(self, field: str) -> bool:
        """Return whether a rule has a condition on a field."""
        return field in self._conditions.fields

    def evaluate(self, certificate: PeerCertificate) -> Evaluation:
        """Return the grant of the rules that match a certificate, or why none of them does.

        A certificate that is denied has no grant, whatever matches.
        """
        satisfied = self.satisfied_by(certificate)
        if self.denials and self.denying(satisfied):
            return DenyReason.CERTIFICATE_EXCLUDED
        matching = self._matching(satisfied)
        if not matching:
            return self._deny_reason(satisfied)
        grants = [_grant(rule, certificate) for rule in matching]
        if any(rule.limits is not None for rule in matching):
            return ConditionalGrant(zip(grants, [rule.limits for rule in matching], strict=True))
        return _combine(grants)

    def matching(self, certificate: PeerCertificate) -> list[Rule]:
        """Return the rules that match a certificate, in their order, whether it is denied or not."""
        return self._matching(self.satisfied_by(certificate))

    def satisfied_by(self, certificate: PeerCertificate) -> SatisfiedConditions:
        """Return the conditions of all rules that a certificate satisfies."""
        return self._conditions.satisfied_by(certificate, self.readers)

    def denying(self, satisfied: SatisfiedConditions) -> list[Rule]:
        """Return the rules that deny a certificate that satisfies conditions, in their order."""
        numbers = {
            number for condition in satisfied.any_fact for number in self._denials_by_condition.get(condition, ())
        }
        return [rule for rule in map(self.denials.__getitem__, sorted(numbers)) if _applies(rule.matchers, satisfied)]

    def _matching(self, satisfied: SatisfiedConditions) -> list[Rule]:
        numbers = set(self._rules_without_matchers)
        for condition in satisfied.unambiguous:
            numbers.update(self._rules_by_condition.get(condition, ()))
        return [rule for rule in map(self.rules.__getitem__, sorted(numbers)) if rule.mismatch(satisfied) is None]

    def _deny_reason(self, satisfied: SatisfiedConditions) -> DenyReason:
        """Return why no rule matches: the reason of the only rule, or of the first list in the environment."""
        if not self.rules:
            return DenyReason.NO_ALLOWLIST_CONFIGURED
        first = self.rules[0]
        if len(self.rules) == 1 or all(rule.name == ENVIRONMENT for rule in self.rules):
            return first.mismatch(satisfied) or DenyReason.NO_RULE_MATCHED
        return DenyReason.NO_RULE_MATCHED


def _applies(exclusion: Iterable[Matcher], satisfied: SatisfiedConditions) -> bool:
    """Return whether all matchers of an exclusion match. Ambiguous facts count."""
    return all(matcher.matches(satisfied.any_fact) for matcher in exclusion)


def _index(rules: Iterable[Rule], rule_count: Mapping[Condition, int]) -> dict[Condition, list[int]]:
    """Return the positions of rules by conditions of which a certificate must satisfy at least one to match them."""
    positions: dict[Condition, list[int]] = {}
    for number, rule in enumerate(rules):
        for condition in _index_keys(rule, rule_count):
            positions.setdefault(condition, []).append(number)
    return positions


def _index_keys(rule: Rule, rule_count: Mapping[Condition, int]) -> frozenset[Condition]:
    """Return conditions of which a certificate must satisfy at least one to match a rule.

    Each matcher has such a set. The best one consists of conditions that few other rules have.
    """
    return min(
        (_necessary_conditions(matcher, rule_count) for matcher in rule.matchers),
        key=lambda conditions: max(map(rule_count.__getitem__, conditions)),
        default=frozenset(),
    )


def _necessary_conditions(matcher: Matcher, rule_count: Mapping[Condition, int]) -> frozenset[Condition]:
    """Return conditions of which a certificate must satisfy at least one to match."""
    return matcher.alternatives.union(
        min(combination, key=rule_count.__getitem__) for combination in matcher.combinations
    )


def _grant(rule: Rule, certificate: PeerCertificate) -> Grant:
    """Return the grant of one rule that matches a certificate."""
    key = rule.usage_plan_key
    if key is UsagePlanKey.FINGERPRINT:
        key = certificate.fingerprint256.replace(":", "")
    return Grant((rule.name,), rule.routes, rule.context, key)


def _combine(grants: Sequence[Grant]) -> RuleOutcome:
    """Return the grant of several rules together."""
    first = grants[0]
    # The policy size of a single rule was checked when the document was read.
    if len(grants) == 1:
        return first
    routes = combined_routes([grant.routes for grant in grants])
    if routes is not ALL_ROUTES and policy_size(routes) > LARGEST_POLICY:
        return DenyReason.POLICY_TOO_LARGE
    return first._replace(rules=tuple([name for grant in grants for name in grant.rules]), routes=routes)
