"""Rule sets: which rules match a certificate, and the grant that results.

The lists in the environment, the rules document and the shadow rules are all sets of such rules.
"""

from __future__ import annotations

from collections import Counter

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.conditions import ConditionIndex, RuleIndex, SatisfiedConditions
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH, CLIENT_AUTH_IF_RESTRICTED, NO_REQUIRED_USAGES
from mtls_authorizer.rules.field_values import is_ambiguous_in_patterns, psd2_statement_problem
from mtls_authorizer.rules.fields import FACT_READERS, ISSUER, ISSUER_KEY, PSD2_ROLE
from mtls_authorizer.rules.grant import ConditionalGrant, Evaluation, Grant, combine
from mtls_authorizer.rules.rule import ENVIRONMENT, UsagePlanKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.conditions import FactReader, FactReaders
    from mtls_authorizer.rules.extended_key_usage import RequiredUsages
    from mtls_authorizer.rules.names.issuer_spellings import IssuerExclusions
    from mtls_authorizer.rules.request_limits import RequestLimits
    from mtls_authorizer.rules.rule import Rule


class RuleSet:
    """Rules in their order, with an index that finds those that a certificate matches.

    ``rules`` contains the rules that allow, and ``denials`` those that deny.
    """

    readers: FactReaders
    """The functions by which this set reads facts from a certificate."""

    limits_domain_names: bool
    """Whether a rule is limited to some domain names."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        every_rule = tuple(rules)
        self.rules = tuple(rule for rule in every_rule if not rule.denies)
        self.denials = tuple(rule for rule in every_rule if rule.denies)
        self._is_limited = any(rule.limits for rule in self.rules)
        # Equal limits as the same object, so that requests need not compare them: they may contain many names.
        known: dict[RequestLimits | None, RequestLimits | None] = {}
        self._limits = [known.setdefault(rule.limits, rule.limits) for rule in self.rules]
        self._requires_usages = any(rule.accepted_usages for rule in self.rules)
        self.limits_domain_names = any(rule.limits and rule.limits.domain_names is not None for rule in self.rules)
        rule_count = Counter(condition for rule in every_rule for condition in rule.conditions())
        self.readers = FACT_READERS
        self._conditions = ConditionIndex(rule_count, is_ambiguous_in_patterns)
        # Indexes return positions of rules, or of exclusions.
        self._rule_index = RuleIndex((rule.matchers for rule in self.rules), rule_count)
        self._denial_index = RuleIndex((rule.matchers for rule in self.denials), rule_count)
        # The position of the rule that has each exclusion.
        self._excluding = [number for number, rule in enumerate(self.rules) for _ in rule.exclusions]
        self._exclusion_index = RuleIndex((each for rule in self.rules for each in rule.exclusions), rule_count)
        self._issuer_exclusions = _issuer_exclusions(every_rule)
        self._anyone = [number for number, rule in enumerate(self.rules) if rule.anyone and not rule.matchers]
        # None for rules whose grant depends on the certificate.
        self._grants = [_constant_grant(rule) for rule in self.rules]

    def with_issuer_key_reader(self, read: FactReader) -> RuleSet:
        """Return the same rules with a function that reads the key of a certificate's issuer from a truststore.

        Without it, no certificate matches a rule with ``issuer_key``.
        """
        from copy import copy  # noqa: PLC0415 -- few rules need it

        rules = copy(self)
        rules.readers = {**self.readers, ISSUER_KEY: read}
        return rules

    def uses(self, field: str) -> bool:
        """Return whether a rule has a condition on a field."""
        return field in self._conditions.fields

    def evaluate(
        self, certificate: PeerCertificate, required: RequiredUsages = CLIENT_AUTH_IF_RESTRICTED
    ) -> Evaluation:
        """Return the grant of the rules that match a certificate, or why no rule matches.

        A certificate that an entry of ``deny`` matches has no grant. A certificate without the ``required`` usages
        matches only rules that replace this requirement.
        """
        satisfied = self.satisfied_by(certificate)
        if self.denials and self.denying(satisfied):
            return DenyReason.CERTIFICATE_EXCLUDED
        if self.uses(PSD2_ROLE) and psd2_statement_problem(certificate) is not None:
            # Its roles are unknown, so an exclusion by role could fail to apply.
            return DenyReason.QC_STATEMENTS_MALFORMED
        usages = certificate.ext_key_usage
        matching = self._matching(satisfied, usages, required)
        if not matching:
            lacks_usages = not required.met_by(usages) and self._lacks_usages(satisfied, usages)
            return DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED if lacks_usages else self._deny_reason(satisfied, usages)
        granted = self._granted(matching, certificate)
        if not granted:
            return DenyReason.CERTIFICATE_VALUE_MISSING
        # The first condition only saves time.
        if self._is_limited and any(self._limits[number] for number in granted):
            return ConditionalGrant([(grant, self._limits[number]) for number, grant in granted.items()])
        return combine(list(granted.values()))

    def matching(self, certificate: PeerCertificate, required: RequiredUsages = NO_REQUIRED_USAGES) -> list[Rule]:
        """Return the rules that match a certificate, in their order, even if an entry of ``deny`` matches as well."""
        matching = self._matching(self.satisfied_by(certificate), certificate.ext_key_usage, required)
        return [self.rules[number] for number in self._granted(matching, certificate)]

    def needs_client_auth(self, certificate: PeerCertificate, required: RequiredUsages) -> bool:
        """Return whether a certificate would match no rule if its usages did not include clientAuth."""
        remaining = [usage for usage in certificate.ext_key_usage or () if usage != CLIENT_AUTH]
        return not self._granted(self._matching(self.satisfied_by(certificate), remaining, required), certificate)

    def satisfied_by(self, certificate: PeerCertificate, readers: FactReaders | None = None) -> SatisfiedConditions:
        """Return the conditions of all rules that a certificate satisfies. ``readers`` replaces the set's own."""
        readers = readers or self.readers
        satisfied = self._conditions.satisfied_by(certificate, readers)
        if self._issuer_exclusions is None:
            return satisfied
        by_issuer = self._issuer_exclusions.satisfied_by(certificate, readers[ISSUER])
        return satisfied._replace(any_fact=satisfied.any_fact | by_issuer)

    def denying(self, satisfied: SatisfiedConditions) -> list[Rule]:
        """Return the rules that deny a certificate that satisfies conditions, in their order."""
        return [self.denials[number] for number in self._denial_index.find(satisfied.any_fact)]

    def _matching(
        self, satisfied: SatisfiedConditions, usages: Collection[str] | None, required: RequiredUsages
    ) -> list[int]:
        rules, met = self.rules, required.met_by(usages)
        numbers = self._matching_apart_from_usages(satisfied)
        if met and not self._requires_usages:
            return numbers  # saves a fifth of the time if a thousand rules match
        return [number for number in numbers if rules[number].accepts_usages(usages, required_met=met)]

    def _matching_apart_from_usages(self, satisfied: SatisfiedConditions) -> list[int]:
        numbers = self._rule_index.find(satisfied.unambiguous)
        if self._anyone:
            numbers = sorted([*self._anyone, *numbers])
        if not self._excluding:
            return numbers  # saves 1 µs
        excluded = {self._excluding[position] for position in self._exclusion_index.find(satisfied.any_fact)}
        return [number for number in numbers if number not in excluded]

    def _lacks_usages(self, satisfied: SatisfiedConditions, usages: Collection[str] | None) -> bool:
        """Return whether the usages are why no rule matches a certificate that lacks the required ones.

        If a rule replaces the requirement and accepts the usages, they are only the reason if a rule matches apart from
        usages.
        """
        accepted = any(rule.accepts_usages(usages, required_met=False) for rule in self.rules)
        return not accepted or bool(self._matching_apart_from_usages(satisfied))

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
            # The usages only distinguish rules that match from those that lack usages, and no rule matches here.
            return first.mismatch(satisfied, usages) or DenyReason.NO_RULE_MATCHED
        return DenyReason.NO_RULE_MATCHED


def _issuer_exclusions(rules: Iterable[Rule]) -> IssuerExclusions | None:
    """Return the conditions on issuers in exclusions, None without any."""
    exclusions = (matchers for rule in rules for matchers in ((rule.matchers,) if rule.denies else rule.exclusions))
    matchers = (matcher for exclusion in exclusions for matcher in exclusion if matcher.field == ISSUER)
    # Thousands of entries of deny can have the same issuer.
    conditions = {condition for matcher in matchers for condition in matcher.conditions()}
    if not conditions:
        return None
    from mtls_authorizer.rules.names.issuer_spellings import IssuerExclusions  # noqa: PLC0415 -- few rules need it

    return IssuerExclusions(conditions)


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
