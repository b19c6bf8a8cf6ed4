"""The rules, field by field: the required value, and the value that the certificate has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth.x509.names import has_control_characters
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.field_values import is_ambiguous_in_patterns, is_misleading
from mtls_authorizer.rules.fields import FIELDS, ISSUER_KEY, SERIAL_NUMBER, FieldKind
from mtls_authorizer.rules.routes import permits
from mtls_authorizer_cli.explanation.other_requirements import (
    OtherRequirement,
    certificate_values,
    limit_requirements,
    usage_requirements,
    value_requirements,
)
from mtls_authorizer_cli.explanation.similarity import Difference, find_nearest
from mtls_authorizer_cli.explanation.wording import alternative_text, alternatives, choice, fact_text
from mtls_authorizer_cli.printed import listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.conditions import Condition, Fact, Matcher, SatisfiedConditions
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.explanation.question import Question
    from mtls_authorizer_cli.explanation.similarity import Nearest

_NAMING = ("subject_alt_name", "common_name", "subject")
"""The fields that can contain the name of a client. CAs move it from one to another, such as from CN to DNS."""

_MISLEADING = "a value that is ignored because others may read it differently"

NEAREST = 3
"""How many of the rules that do not match are explained, unless all are asked for."""


class FieldExplanation(NamedTuple):
    """A matcher and what the certificate has for it.

    ``nearest`` is None if the field matches, and if nothing similar is required. ``remark`` says why facts are ignored,
    or that the required value is ``elsewhere`` in the certificate.
    """

    matcher: Matcher
    matches: bool
    found: tuple[Fact, ...]
    nearest: Nearest | None = None
    remark: str | None = None
    elsewhere: bool = False

    @property
    def is_near_miss(self) -> bool:
        """Whether the field does not match because of a difference that is easily overlooked."""
        return self.nearest is not None and self.nearest.difference is not Difference.OTHER

    def required_text(self, *, everything: bool = False) -> str:
        """Return what is required, in words; examples from a long list, unless ``everything`` is asked for."""
        required = list(map(alternative_text, alternatives(self.matcher)))
        if self.nearest is None or self.nearest.difference is Difference.SPLIT:
            return choice(required, everything=everything)
        nearest = alternative_text(self.nearest.alternative)
        if self.is_near_miss:
            nearest += f" ({self.nearest.difference.in_words})"
        if len(required) == 1:
            return nearest
        shown = choice(required, everything=True) if everything else f"one of {len(required):,} values"
        return f"{shown}, nearest {nearest}"

    def found_text(self, *, everything: bool = False) -> str:
        """Return what the certificate has, in words; all of it if ``everything`` is asked for."""
        return self.remark or listing(list(map(fact_text, self.found)), everything=everything)


class RuleExplanation(NamedTuple):
    """A rule and its fields. ``mismatch`` is None if it matches and is in effect for the request.

    Each of the ``exclusions`` excludes the certificate if all of its fields match. ``route_allowed`` is None if no
    route was given.
    """

    rule: Rule
    mismatch: DenyReason | None
    fields: tuple[FieldExplanation, ...]
    exclusions: tuple[tuple[FieldExplanation, ...], ...]
    route_allowed: bool | None
    limits: tuple[OtherRequirement, ...]
    values: tuple[OtherRequirement, ...]

    @property
    def failing(self) -> list[FieldExplanation]:
        """The fields that do not match."""
        return [field for field in self.fields if not field.matches]

    @property
    def is_near_miss(self) -> bool:
        """Whether the rule would match except for differences that are easily overlooked."""
        return bool(self.failing) and all(field.is_near_miss for field in self.failing)

    @property
    def is_related(self) -> bool:
        """Whether something about the client matches or is similar. Many clients have the same issuer."""
        if not self.failing:
            # All fields match, and the rule does not match for another reason.
            return bool(self.fields)
        return any(
            field.matches or field.elsewhere or field.nearest is not None
            for field in self.fields
            if field.matcher.field != "issuer"
        )

    @property
    def distance(self) -> tuple[float, int]:
        """The distance from matching: the sum over all fields, then the number of matching fields."""
        distances = [each.nearest.distance if each.nearest else float(not each.elsewhere) for each in self.failing]
        return sum(distances), len(distances) - len(self.fields)


class DenialExplanation(NamedTuple):
    """An entry of ``deny``: its location and its fields. All of them match if it denies the certificate."""

    place: str
    fields: tuple[FieldExplanation, ...]

    @property
    def is_near_miss(self) -> bool:
        """Whether the entry would deny the certificate except for differences that are easily overlooked."""
        return all(field.matches or field.is_near_miss for field in self.fields)


class RulesExplanation(NamedTuple):
    """A set of rules: those that match, in their order, and the nearest of the others, the nearest first.

    ``denials`` are the entries of ``deny`` that deny the certificate, whatever matches, ``near_denials`` those that do
    not, because of a difference that is easily overlooked. ``remarks`` say why rules ignore facts, each once.
    """

    total: int
    matching: tuple[RuleExplanation, ...]
    nearest: tuple[RuleExplanation, ...]
    denials: tuple[DenialExplanation, ...]
    near_denials: tuple[DenialExplanation, ...]
    remarks: tuple[str, ...]

    @property
    def left_out(self) -> int:
        """How many rules are not explained."""
        return self.total - len(self.matching) - len(self.nearest)


def explain_rules(
    rules: RuleSet, certificate: PeerCertificate, question: Question, *, everything: bool
) -> RulesExplanation:
    """Explain rules: those that match and, unless ``everything`` is asked for, only the nearest of the others.

    Rules are near only if something about the client matches or is similar, unless there are no more than three.
    """
    satisfied, usages = rules.satisfied_by(certificate), certificate.ext_key_usage
    required = question.settings.required_usages
    # If no rule that replaces the required usages matches, the others are explained as if they were met.
    replaced = not required.met_by(usages) and bool(rules.matching(certificate, required))
    facts = {field: tuple(read(certificate)) for field, read in rules.readers.items()}

    def explain_matcher(matcher: Matcher) -> FieldExplanation:
        ignored = _ignored(matcher, facts[matcher.field])
        used = tuple(fact for fact in facts[matcher.field] if fact not in ignored)
        explained = explain_field(matcher, satisfied.unambiguous, used)
        remark = _remark(matcher, certificate, used)
        if remark is None and not explained.matches and _are_misleading(matcher, ignored):
            others = listing(list(map(fact_text, explained.found)))
            remark = f"{others}, and {_MISLEADING}" if explained.found else _MISLEADING
        fact = None if explained.matches or explained.nearest or remark else _find_elsewhere(matcher, facts)
        if fact is not None:
            remark = f"{explained.found_text()}, but {fact_text(fact[1])} in its {fact[0]}"
        return explained._replace(remark=remark, elsewhere=fact is not None)

    def explain_exclusion(matcher: Matcher) -> FieldExplanation:
        return _explain_matcher(matcher, satisfied.any_fact, facts[matcher.field])

    def explain_denial(matcher: Matcher) -> FieldExplanation:
        return explain_field(matcher, satisfied.any_fact, facts[matcher.field])

    invocation = question.invocation
    explained = [
        RuleExplanation(
            rule,
            _mismatch(rule, satisfied, usages, replaced=replaced) or _other_mismatch(rule, certificate, question),
            tuple(map(explain_matcher, rule.matchers)),
            tuple(tuple(map(explain_exclusion, exclusion)) for exclusion in rule.exclusions),
            None if invocation is None else permits(rule.routes, invocation),
            () if rule.limits is None else tuple(limit_requirements(rule.limits, question)),
            (*usage_requirements(rule, usages), *value_requirements(rule, certificate)),
        )
        for rule in rules.rules
    ]
    denials = [DenialExplanation(rule.name, tuple(map(explain_denial, rule.matchers))) for rule in rules.denials]
    denying = {rule.name for rule in rules.denying(satisfied)}
    others = sorted((rule for rule in explained if rule.mismatch is not None), key=lambda rule: rule.distance)
    if not everything and len(others) > NEAREST:
        others = [rule for rule in others if rule.is_related][:NEAREST]
    matching = tuple(rule for rule in explained if rule.mismatch is None)
    return RulesExplanation(
        len(explained),
        matching,
        tuple(others),
        tuple(denial for denial in denials if denial.place in denying),
        tuple(denial for denial in denials if denial.place not in denying and denial.is_near_miss),
        tuple(dict.fromkeys(field.remark for rule in explained for field in rule.failing if field.remark)),
    )


def _mismatch(
    rule: Rule, satisfied: SatisfiedConditions, usages: Collection[str] | None, *, replaced: bool
) -> DenyReason | None:
    if replaced and rule.accepted_usages is None:
        return DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED
    return rule.mismatch(satisfied, usages)


def explain_field(matcher: Matcher, satisfied: frozenset[Condition], facts: tuple[Fact, ...]) -> FieldExplanation:
    """Explain a field, with the nearest of the required values if it does not match."""
    explained = _explain_matcher(matcher, satisfied, facts)
    return explained._replace(nearest=_find_nearest(explained, satisfied))


def _explain_matcher(matcher: Matcher, satisfied: frozenset[Condition], facts: tuple[Fact, ...]) -> FieldExplanation:
    if FIELDS[matcher.field].kind is not FieldKind.SUBJECT_ALT_NAME:
        # Facts with other labels are irrelevant, except for names of another type: one of them may have been meant.
        labels = {condition.label for condition in matcher.conditions()}
        facts = tuple(fact for fact in facts if fact.label in labels)
    return FieldExplanation(matcher, matcher.matches(satisfied), facts)


def _find_nearest(field: FieldExplanation, satisfied: frozenset[Condition]) -> Nearest | None:
    # Similar digests mean nothing.
    is_digest = FIELDS[field.matcher.field].kind is FieldKind.IDENTIFIER and field.matcher.field != SERIAL_NUMBER
    if field.matches or is_digest:
        return None
    return find_nearest(field.matcher, satisfied, field.found)


def _find_elsewhere(matcher: Matcher, facts: Mapping[str, Iterable[Fact]]) -> tuple[str, Fact] | None:
    """Return a fact with a value that is required exactly, and its field, if it is in another field."""
    exact = {each.value for each in matcher.alternatives if each.comparison is Comparison.EXACT}
    names = ((field, fact) for field in _NAMING if matcher.field in _NAMING for fact in facts[field])
    return next((each for each in names if each[0] != matcher.field and each[1].value in exact), None)


def _remark(matcher: Matcher, certificate: PeerCertificate, facts: Sequence[Fact]) -> str | None:
    if matcher.field == ISSUER_KEY and not facts:
        return "no issuer key: no usable CA of the truststore at TRUSTSTORE_URI signed it"
    if matcher.field == "spiffe_trust_domain" and not facts:
        has_uri = any(name.type == "URI" for name in certificate.subject_alt_names)
        return "no trust domain: its only URI name must be a SPIFFE ID with a path" if has_uri else None
    if matcher.field == "subject_alt_name" and certificate.subject_alt_names and not facts:
        return "no alternative names that everybody reads alike"
    if FIELDS[matcher.field].kind is FieldKind.TEXT:
        several = sum(fact.ambiguous for fact in FIELDS[matcher.field].facts(certificate))
        return f"{several} {matcher.field.replace('_', ' ')}s, and none of them is used" if several else None
    if all(condition.label != "CN" for condition in matcher.conditions()):
        return None
    common_names = len((certificate.issuer if matcher.field == "issuer" else certificate.subject).get_all("CN"))
    return f"{common_names} common names, and none of them is used" if common_names > 1 else None


def _ignored(matcher: Matcher, facts: Iterable[Fact]) -> set[Fact]:
    """Return the facts that do not make a certificate match: ambiguous ones, and names that no pattern matches."""
    with_patterns = {each.label for each in matcher.conditions() if each.comparison is not Comparison.EXACT}
    return {
        fact
        for fact in facts
        if fact.ambiguous or (fact.label in with_patterns and is_ambiguous_in_patterns(fact.label, str(fact.value)))
    }


def _are_misleading(matcher: Matcher, ignored: Iterable[Fact]) -> bool:
    """Return whether a value of the required kind is ignored because others may read it differently."""
    labels = {condition.label for condition in matcher.conditions()}
    return any(
        isinstance(value, str)
        and (has_control_characters(value) or is_misleading(label, value) or is_ambiguous_in_patterns(label, value))
        for label, value, _ in ignored
        if label in labels
    )


def _other_mismatch(rule: Rule, certificate: PeerCertificate, question: Question) -> DenyReason | None:
    if any(value.read(certificate) is None for value in certificate_values(rule).values()):
        return DenyReason.CERTIFICATE_VALUE_MISSING
    return None if question.in_effect(rule.limits) else DenyReason.RULE_NOT_IN_EFFECT
