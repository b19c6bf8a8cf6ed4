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
from mtls_authorizer.rules.rule_index import RuleIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.certificate_values import CertificateValue
    from mtls_authorizer.rules.conditions import FactReader, FactReaders
    from mtls_authorizer.rules.key_usage import RequiredKeyUsages
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
    is a string if it is the key itself. ``context`` contains constants, and ``certificate_context`` values from the
    certificate: without one of them, or without the value for the usage plan key, the rule does not match.
    ``limits`` do not affect whether the rule matches a certificate: they say for which requests it is in effect. None
    stands for all.

    A rule that ``denies`` is an entry of a document's ``deny``: its matchers are an exclusion, which applies whatever
    other rules allow. ``key_usages`` replaces the extended key usages that the settings require; None if it does not.
    """

    name: str
    matchers: tuple[Matcher, ...]
    routes: Routes
    exclusions: tuple[tuple[Matcher, ...], ...] = ()
    context: Mapping[str, str] = {}
    usage_plan_key: UsagePlanKey | CertificateValue | str | None = None
    anyone: bool = False
    denies: bool = False
    limits: RequestLimits | None = None
    certificate_context: Mapping[str, CertificateValue] = {}
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
        if self.is_excluded(satisfied):
            return DenyReason.CERTIFICATE_EXCLUDED
        if self.key_usages is not None and not self.key_usages.met_by(usages):
            return DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED
        return None

    def is_excluded(self, satisfied: SatisfiedConditions) -> bool:
        """Return whether an exclusion applies to a certificate that satisfies conditions. Ambiguous facts count."""
        for exclusion in self.exclusions:
            for matcher in exclusion:
                if not matcher.matches(satisfied.any_fact):
                    break
            else:
                return True
        return False

    def accepts_usages(self, usages: Collection[str] | None, *, required_met: bool) -> bool:
        """Return whether the rule accepts a certificate's usages, which the settings accept or not."""
        return required_met if self.key_usages is None else self.key_usages.met_by(usages)

    def certificate_values(self) -> Mapping[str, CertificateValue]:
        """Return the values that the rule takes from the certificate, by their places in a document."""
        values = {f"context.{key}": value for key, value in self.certificate_context.items()}
        if self.usage_plan_key is not None and not isinstance(self.usage_plan_key, str):
            values["usage_plan_key"] = self.usage_plan_key
        return values

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

    def __init__(self, candidates: Sequence[tuple[Grant, RequestLimits | None]]) -> None:
        self._candidates = candidates

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
        *("_anyone", "_conditions", "_denial_index", "_grants", "_is_limited", "_rule_index"),
        *("denials", "limits_domain_names", "readers", "rules"),
    )

    readers: FactReaders
    """The functions by which this set reads facts from a certificate."""

    limits_domain_names: bool
    """Whether a rule is limited to some domain names."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        every_rule = tuple(rules)
        self.rules = tuple(rule for rule in every_rule if not rule.denies)
        self.denials = tuple(rule for rule in every_rule if rule.denies)
        self._is_limited = any(rule.limits for rule in self.rules)
        self.limits_domain_names = any(rule.limits and rule.limits.domain_names is not None for rule in self.rules)
        rule_count = Counter(condition for rule in every_rule for condition in rule.conditions())
        self.readers = FACT_READERS
        self._conditions = ConditionIndex(rule_count)
        # Rules are represented by their position.
        self._rule_index = RuleIndex((rule.matchers for rule in self.rules), rule_count)
        self._denial_index = RuleIndex((rule.matchers for rule in self.denials), rule_count)
        self._anyone = [number for number, rule in enumerate(self.rules) if rule.anyone and not rule.matchers]
        # None for rules whose grant depends on the certificate.
        self._grants = [_constant_grant(rule) for rule in self.rules]

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
    ) -> Evaluation:
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
        if not matching:
            met = required.met_by(usages)
            return self._deny_reason(satisfied, usages) if met else DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED
        granted = self._granted(matching, certificate)
        if not granted:
            return DenyReason.CERTIFICATE_VALUE_MISSING
        if self._is_limited and any(self.rules[number].limits for number in granted):
            return ConditionalGrant([(grant, self.rules[number].limits) for number, grant in granted.items()])
        return _combine(list(granted.values()))

    def matching(self, certificate: PeerCertificate, required: RequiredKeyUsages = NO_KEY_USAGES) -> list[Rule]:
        """Return the rules that match a certificate, in their order, whether it is denied or not."""
        matching = self._matching(self.satisfied_by(certificate), certificate.ext_key_usage, required)
        return [self.rules[number] for number in self._granted(matching, certificate)]

    def needs_client_auth(self, certificate: PeerCertificate, required: RequiredKeyUsages) -> bool:
        """Return whether a certificate would match no rule if its usages did not include clientAuth."""
        remaining = [usage for usage in certificate.ext_key_usage or () if usage != CLIENT_AUTH]
        return not self._granted(self._matching(self.satisfied_by(certificate), remaining, required), certificate)

    def satisfied_by(self, certificate: PeerCertificate) -> SatisfiedConditions:
        """Return the conditions of all rules that a certificate satisfies."""
        return self._conditions.satisfied_by(certificate, self.readers)

    def denying(self, satisfied: SatisfiedConditions) -> list[Rule]:
        """Return the rules that deny a certificate that satisfies conditions, in their order."""
        return [self.denials[number] for number in self._denial_index.find(satisfied.any_fact)]

    def _matching(
        self, satisfied: SatisfiedConditions, usages: Collection[str] | None, required: RequiredKeyUsages
    ) -> list[int]:
        numbers = self._rule_index.find(satisfied.unambiguous)
        if self._anyone:
            numbers = sorted([*self._anyone, *numbers])
        rules, met = self.rules, required.met_by(usages)
        return [
            number
            for number in numbers
            if rules[number].accepts_usages(usages, required_met=met)
            and (not rules[number].exclusions or not rules[number].is_excluded(satisfied))
        ]

    def _granted(self, matching: Iterable[int], certificate: PeerCertificate) -> dict[int, Grant]:
        """Return the grants of rules, without those that lack a value from the certificate."""
        return {
            number: grant
            for number in matching
            if (grant := self._grants[number] or _grant(self.rules[number], certificate))
        }

    def _deny_reason(self, satisfied: SatisfiedConditions, usages: Collection[str] | None) -> DenyReason:
        """Return why no rule matches: the reason of the only rule, or of the first list in the environment."""
        if not self.rules:
            return DenyReason.NO_ALLOWLIST_CONFIGURED
        first = self.rules[0]
        if len(self.rules) == 1 or all(rule.name == ENVIRONMENT for rule in self.rules):
            return first.mismatch(satisfied, usages) or DenyReason.NO_RULE_MATCHED
        return DenyReason.NO_RULE_MATCHED


def _constant_grant(rule: Rule) -> Grant | None:
    """Return the grant of a rule, None if it depends on the certificate."""
    key = rule.usage_plan_key
    if rule.certificate_context or key is UsagePlanKey.FINGERPRINT or not isinstance(key, str | None):
        return None
    return Grant((rule.name,), rule.routes, rule.context, key)


def _grant(rule: Rule, certificate: PeerCertificate) -> Grant | None:
    """Return the grant of one rule that a certificate matches, None if it lacks a value of the rule."""
    key, context = rule.usage_plan_key, rule.context
    if key is UsagePlanKey.FINGERPRINT:
        key = certificate.fingerprint256.replace(":", "")
    elif key is not None and not isinstance(key, str):
        key = key.usage_plan_key(certificate)
        if key is None:
            return None
    if rule.certificate_context:
        values = {name: value.read(certificate) for name, value in rule.certificate_context.items()}
        found = {name: value for name, value in values.items() if value is not None}
        if len(found) < len(values):
            return None
        context = {**context, **found}
    return Grant((rule.name,), rule.routes, context, key)


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
