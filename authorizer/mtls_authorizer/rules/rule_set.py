"""Rules: the conditions that a certificate must satisfy, and the routes that its client may then call.

The lists in the environment, the rules document and the shadow rules are all sets of such rules.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.conditions import Condition, ConditionIndex, Matcher, SatisfiedConditions
from mtls_authorizer.rules.field_values import psd2_statement_problem
from mtls_authorizer.rules.fields import FACT_READERS, FIELDS, ISSUER_KEY, PSD2_ROLE
from mtls_authorizer.rules.key_usage import CLIENT_AUTH, CLIENT_AUTH_IF_RESTRICTED, NO_KEY_USAGES, RuleKeyUsages
from mtls_authorizer.rules.routes import ALL_ROUTES, LARGEST_POLICY, Routes, combined_routes, policy_size

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.conditions import FactReader, FactReaders
    from mtls_authorizer.rules.key_usage import RequiredKeyUsages

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
    is a string if it is the key itself.

    A rule that ``denies`` is an entry of a document's ``deny``: its matchers are an exclusion, which applies whatever
    other rules allow. ``key_usages`` replaces the extended key usages that the settings require; None if it does not.
    """

    name: str
    matchers: tuple[Matcher, ...]
    routes: Routes
    exclusions: tuple[tuple[Matcher, ...], ...] = ()
    context: Mapping[str, str] = {}
    usage_plan_key: UsagePlanKey | str | None = None
    anyone: bool = False
    denies: bool = False
    key_usages: RuleKeyUsages | None = None

    def mismatch(self, satisfied: SatisfiedConditions, usages: Collection[str] | None = None) -> DenyReason | None:
        """Return None if the rule matches a certificate that satisfies conditions, else the first reason against it.

        ``usages`` are the certificate's extended key usages, None if it has no such extension.
        """
        for matcher in self.matchers:
            if not matcher.matches(satisfied.unambiguous):
                return FIELDS[matcher.field].reason
        if not self.matchers and not self.anyone:
            return DenyReason.NO_ALLOWLIST_CONFIGURED
        if any(_applies(exclusion, satisfied) for exclusion in self.exclusions):
            return DenyReason.CERTIFICATE_EXCLUDED
        if self.key_usages is not None and not self.key_usages.met_by(usages):
            return DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED
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
"""The result of evaluating rules for a certificate: what its client may call, or why it is denied."""


class RuleSet:
    """Rules in their order, with an index of the rules that a certificate can match.

    ``rules`` are those that allow, and ``denials`` those that deny.
    """

    __slots__ = (
        *("_conditions", "_denials_by_condition", "_rules_by_condition", "_rules_without_matchers"),
        *("denials", "readers", "rules"),
    )

    readers: FactReaders
    """The functions by which this set reads facts from a certificate."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        every_rule = tuple(rules)
        self.rules = tuple(rule for rule in every_rule if not rule.denies)
        self.denials = tuple(rule for rule in every_rule if rule.denies)
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

    def evaluate(
        self, certificate: PeerCertificate, required: RequiredKeyUsages = CLIENT_AUTH_IF_RESTRICTED
    ) -> RuleOutcome:
        """Return the grant of the rules that match a certificate, or why none of them does.

        A certificate that is denied has no grant, whatever matches. One without the ``required`` usages matches only
        rules that replace this requirement.
        """
        satisfied = self.satisfied_by(certificate)
        if self.denials and self.denying(satisfied):
            return DenyReason.CERTIFICATE_EXCLUDED
        if self.uses(PSD2_ROLE) and psd2_statement_problem(certificate) is not None:
            # Its roles are not known, so that no exclusion by them could be relied on.
            return DenyReason.QC_STATEMENTS_MALFORMED
        usages = certificate.ext_key_usage
        matching = self._matching(satisfied, usages, required)
        if matching:
            return _grant(matching, certificate)
        if not required.met_by_usages(usages):
            return DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED
        return self._deny_reason(satisfied, usages)

    def matching(self, certificate: PeerCertificate, required: RequiredKeyUsages = NO_KEY_USAGES) -> list[Rule]:
        """Return the rules that match a certificate, in their order, whether it is denied or not."""
        return self._matching(self.satisfied_by(certificate), certificate.ext_key_usage, required)

    def needs_client_auth(self, certificate: PeerCertificate, required: RequiredKeyUsages) -> bool:
        """Return whether a certificate would match no rule if its usages did not include clientAuth."""
        remaining = [usage for usage in certificate.ext_key_usage or () if usage != CLIENT_AUTH]
        return not self._matching(self.satisfied_by(certificate), remaining, required)

    def satisfied_by(self, certificate: PeerCertificate) -> SatisfiedConditions:
        """Return the conditions of all rules that a certificate satisfies."""
        return self._conditions.satisfied_by(certificate, self.readers)

    def denying(self, satisfied: SatisfiedConditions) -> list[Rule]:
        """Return the rules that deny a certificate that satisfies conditions, in their order."""
        numbers = {
            number for condition in satisfied.any_fact for number in self._denials_by_condition.get(condition, ())
        }
        return [rule for rule in map(self.denials.__getitem__, sorted(numbers)) if _applies(rule.matchers, satisfied)]

    def _matching(
        self, satisfied: SatisfiedConditions, usages: Collection[str] | None, required: RequiredKeyUsages
    ) -> list[Rule]:
        meets_requirement = required.met_by_usages(usages)
        numbers = set(self._rules_without_matchers)
        for condition in satisfied.unambiguous:
            numbers.update(self._rules_by_condition.get(condition, ()))
        return [
            rule
            for rule in map(self.rules.__getitem__, sorted(numbers))
            if (meets_requirement or rule.key_usages is not None) and rule.mismatch(satisfied, usages) is None
        ]

    def _deny_reason(self, satisfied: SatisfiedConditions, usages: Collection[str] | None) -> DenyReason:
        """Return why no rule matches: the reason of the only rule, or of the first list in the environment."""
        if not self.rules:
            return DenyReason.NO_ALLOWLIST_CONFIGURED
        first = self.rules[0]
        if len(self.rules) == 1 or all(rule.name == ENVIRONMENT for rule in self.rules):
            return first.mismatch(satisfied, usages) or DenyReason.NO_RULE_MATCHED
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


def _grant(matching: list[Rule], certificate: PeerCertificate) -> RuleOutcome:
    first = matching[0]
    routes = first.routes
    # Saves 1.5 µs for a single rule, whose policy size was checked when the document was read.
    if len(matching) > 1:
        routes = combined_routes([rule.routes for rule in matching])
        if routes is not ALL_ROUTES and policy_size(routes) > LARGEST_POLICY:
            return DenyReason.POLICY_TOO_LARGE
    key = first.usage_plan_key
    if key is UsagePlanKey.FINGERPRINT:
        key = certificate.fingerprint256.replace(":", "")
    return Grant(tuple([rule.name for rule in matching]), routes, first.context, key)
