"""Rules: what a certificate must match, and what it may then call.

The lists in the environment, the rules document and the shadow rules are all rules of this one kind.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mtls_authorizer.reasons import Reason
from mtls_authorizer.rules.matching import FIELDS, Condition, Conditions, Matcher
from mtls_authorizer.rules.routes import LARGEST_POLICY, policy_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from client_certificate_auth import PeerCertificate

EVERYTHING = None
"""The routes of who may call everything."""

ENVIRONMENT = "environment"
"""The name of the rule that the environment's lists make."""


class UsagePlanKey(StrEnum):
    """What of the certificate is the key of its usage plan."""

    FINGERPRINT = "fingerprint"
    """Its SHA-256: 64 upper-case hexadecimal digits, without colons."""


class Rule(NamedTuple):
    """What a certificate must match: every matcher, and none of the exclusions. ``routes`` is what it may then call.

    ``anyone`` says that no matcher is needed. Without it, a rule without matchers matches nobody. An exclusion is a
    set of matchers too, and excludes what matches all of them. ``usage_plan_key`` is the key itself where it is a
    string.
    """

    name: str
    matchers: tuple[Matcher, ...]
    exclusions: tuple[tuple[Matcher, ...], ...] = ()
    routes: tuple[str, ...] | None = EVERYTHING
    context: Mapping[str, str] = {}
    usage_plan_key: UsagePlanKey | str | None = None
    anyone: bool = False

    def mismatch(self, holding: frozenset[Condition]) -> Reason | None:
        """Return None if the rule matches where these conditions hold, else the first reason why it doesn't."""
        for matcher in self.matchers:
            if not matcher.matches(holding):
                return FIELDS[matcher.field].reason
        if not self.matchers and not self.anyone:
            return Reason.NO_ALLOWLIST_CONFIGURED
        for exclusion in self.exclusions:
            if all(matcher.matches(holding) for matcher in exclusion):
                return Reason.CERTIFICATE_EXCLUDED
        return None

    def conditions(self) -> Iterable[frozenset[Condition]]:
        """Return all conditions that the rule is made of, in sets."""
        for matchers in (self.matchers, *self.exclusions):
            for matcher in matchers:
                yield matcher.alternatives
                yield from matcher.combinations


class Grant(NamedTuple):
    """What the rules that match a certificate come to.

    Their routes add up. Context and usage plan are those of the first.
    """

    rules: tuple[str, ...]
    routes: tuple[str, ...] | None
    context: Mapping[str, str]
    usage_identifier_key: str | None


Judgement: TypeAlias = Grant | Reason
"""What a certificate comes to under a set of rules: what it may call, or why it is turned away."""


class RuleSet:
    """Rules in their order, indexed, so that a certificate is compared with those only that it may match."""

    __slots__ = ("_conditions", "_indexed", "_unindexed", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        how_common = Counter[Condition]()
        for rule in self.rules:
            for conditions in rule.conditions():
                how_common.update(conditions)
        self._conditions = Conditions(how_common)
        self._indexed: dict[Condition, list[int]] = {}
        self._unindexed: list[int] = []
        for number, rule in enumerate(self.rules):
            if rule.matchers:
                self._index(number, rule, how_common)
            else:
                self._unindexed.append(number)

    def _index(self, number: int, rule: Rule, how_common: Mapping[Condition, int]) -> None:
        """Index a rule by conditions of which one must hold for it to match: those that few other rules have."""
        commonness, keys = min(
            (
                (max(map(how_common.__getitem__, keys)), keys)
                for keys in (_necessary(matcher, how_common) for matcher in rule.matchers)
            ),
            key=lambda each: each[0],
        )
        if commonness == 1:
            alone = [number]
            self._indexed.update(dict.fromkeys(keys, alone))
        else:
            for condition in keys:
                self._indexed.setdefault(condition, []).append(number)

    def matching(self, certificate: PeerCertificate) -> list[Rule]:
        """Return the rules that match a certificate, in their order."""
        return self._matching(self.holding(certificate))

    def holding(self, certificate: PeerCertificate) -> frozenset[Condition]:
        """Return the conditions of all rules that hold for a certificate."""
        return self._conditions.holding(certificate)

    def judge(self, certificate: PeerCertificate) -> Judgement:
        """Return what a certificate may call under these rules, or why it is turned away."""
        holding = self.holding(certificate)
        matching = self._matching(holding)
        if matching:
            return _grant(matching, certificate)
        if not self.rules:
            return Reason.NO_ALLOWLIST_CONFIGURED
        if self.rules[-1].name != ENVIRONMENT and len(self.rules) > 1:
            return Reason.NO_RULE_MATCHED
        return self.rules[0].mismatch(holding) or Reason.NO_RULE_MATCHED

    def _matching(self, holding: frozenset[Condition]) -> list[Rule]:
        if len(self.rules) == 1:
            # Mostly the environment's lists. There is nothing to look up.
            return [rule for rule in self.rules if rule.mismatch(holding) is None]
        numbers = set(self._unindexed)
        for condition in holding:
            numbers.update(self._indexed.get(condition, ()))
        return [rule for rule in [self.rules[number] for number in sorted(numbers)] if rule.mismatch(holding) is None]


def _necessary(matcher: Matcher, how_common: Mapping[Condition, int]) -> frozenset[Condition]:
    """Return conditions of which one must hold for a matcher to match."""
    if not matcher.combinations:
        return matcher.alternatives
    return matcher.alternatives.union(min(each, key=how_common.__getitem__) for each in matcher.combinations)


def _grant(matching: list[Rule], certificate: PeerCertificate) -> Judgement:
    first = matching[0]
    key = first.usage_plan_key
    if key is UsagePlanKey.FINGERPRINT:
        key = certificate.fingerprint256.replace(":", "")
    if len(matching) == 1:
        # Nearly always. How large its policy is was checked when it was read.
        return Grant((first.name,), first.routes, first.context, key)
    routes: tuple[str, ...] | None = EVERYTHING
    if all(rule.routes is not EVERYTHING for rule in matching):
        routes = tuple(dict.fromkeys(route for rule in matching for route in rule.routes or ()))
        if policy_size(routes) > LARGEST_POLICY:
            return Reason.POLICY_TOO_LARGE
    return Grant(tuple(rule.name for rule in matching), routes, first.context, key)
