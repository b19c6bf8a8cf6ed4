"""The rules that match a certificate if only some of its facts are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.field_values import psd2_statement_problem
from mtls_authorizer.rules.fields import PSD2_ROLE
from mtls_authorizer_cli.explanation.other_requirements import certificate_values
from mtls_authorizer_cli.rules.what_if.ternary import FALSE, Statement, all_of, any_of, known, negated, unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mtls_authorizer.rules.conditions import Condition, Matcher, SatisfiedConditions
    from mtls_authorizer.rules.extended_key_usage import RequiredUsages
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.rules.what_if.facts import KnownCertificate

USAGES = "extended_key_usage"


class Candidate(NamedTuple):
    """A rule that applies to a certificate or a request, or may apply."""

    rule: Rule
    applies: Statement


class Matches(NamedTuple):
    """The rules that match or may match, in their order, and whether the certificate is denied whatever they allow."""

    rules: list[Candidate]
    denied: Statement


def find_matches(rules: RuleSet, required: RequiredUsages, client: KnownCertificate) -> Matches:
    """Return the rules that match a certificate or may match it.

    ``required`` are the usages that the settings require.
    """
    satisfied = rules.satisfied_by(client.certificate, client.known_readers(rules))
    candidates = [Candidate(rule, _matches(rule, required, client, satisfied)) for rule in rules.rules]
    denials = (_all_match(rule.matchers, client, satisfied.any_fact) for rule in rules.denials)
    return Matches(
        [each for each in candidates if each.applies.value is not False],
        any_of([*denials, _has_malformed_roles(rules, client)]),
    )


def _matches(
    rule: Rule, required: RequiredUsages, client: KnownCertificate, satisfied: SatisfiedConditions
) -> Statement:
    """Return whether a rule matches: as ``Rule.mismatch`` and ``RuleSet.evaluate`` decide it."""
    if not rule.matchers and not rule.anyone:
        return FALSE
    return all_of(
        [
            _all_match(rule.matchers, client, satisfied.unambiguous),
            *(negated(_all_match(exclusion, client, satisfied.any_fact)) for exclusion in rule.exclusions),
            _has_usages(rule, required, client),
            *(
                known(value.read(client.certificate) is not None)
                if value.field in client.fields
                else unknown(value.field)
                for value in certificate_values(rule).values()
                if value.default is None
            ),
        ]
    )


def _has_usages(rule: Rule, required: RequiredUsages, client: KnownCertificate) -> Statement:
    def accepts(usages: Collection[str] | None) -> bool:
        return rule.accepts_usages(usages, required_met=required.met_by(usages))

    if client.usages_known:
        return known(accepts(client.usages))
    # A requirement that is met by no usages at all is met by any.
    return known(value=True) if accepts(None) and accepts(()) else unknown(USAGES)


def _has_malformed_roles(rules: RuleSet, client: KnownCertificate) -> Statement:
    """Return whether the certificate is denied because its PSD2 statement cannot be read."""
    if not rules.uses(PSD2_ROLE):
        return FALSE
    if PSD2_ROLE not in client.fields:
        return unknown(PSD2_ROLE)
    return known(psd2_statement_problem(client.certificate) is not None)


def _all_match(matchers: Iterable[Matcher], client: KnownCertificate, satisfied: frozenset[Condition]) -> Statement:
    return all_of(
        known(matcher.matches(satisfied)) if matcher.field in client.fields else unknown(matcher.field)
        for matcher in matchers
    )
