"""The rule that is nearest to a client of which only the facts in a log entry are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.fields import ISSUER
from mtls_authorizer_cli.explanation.report.places import place_of
from mtls_authorizer_cli.explanation.rules import RuleExplanation, explain_field
from mtls_authorizer_cli.printed import listing

if TYPE_CHECKING:
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.rules.what_if.facts import KnownCertificate


class _Candidate(NamedTuple):
    """A rule with its known fields explained, and the names of the others."""

    known: RuleExplanation
    unknown: tuple[str, ...]


def describe_nearest_rule(rules: RuleSet, client: KnownCertificate) -> str | None:
    """Return in words which rule is nearest to a client; None if none is similar, or if one matches or excludes it."""
    readers = client.known_readers(rules)
    satisfied = rules.satisfied_by(client.certificate, readers)
    facts = {
        field: tuple(fact for fact in read(client.certificate) if not fact.ambiguous) for field, read in readers.items()
    }

    def candidate(rule: Rule) -> _Candidate:
        fields = [matcher for matcher in rule.matchers if matcher.field in client.fields]
        explained = tuple(explain_field(matcher, satisfied.unambiguous, facts[matcher.field]) for matcher in fields)
        unknown = tuple(matcher.field for matcher in rule.matchers if matcher.field not in client.fields)
        return _Candidate(RuleExplanation(rule, None, explained, (), None, (), ()), unknown)

    candidates = list(map(candidate, rules.rules))
    satisfying = [each for each in candidates if not each.known.failing]
    if any(not each.unknown or each.known.rule.is_excluded(satisfied) for each in satisfying):
        return None
    nearest = min(filter(_is_similar, candidates), key=lambda each: each.known.distance, default=None)
    if nearest is None:
        return None
    place = place_of(nearest.known)
    if nearest.known.failing:
        field = nearest.known.failing[0]
        required, found = field.required_text(), field.found_text()
        return f"the nearest is {place}: its {field.matcher.field} requires {required}, and the entry has {found}"
    return f"{place} requires what the entry has, and {listing(nearest.unknown)}, which the log does not contain"


def _is_similar(candidate: _Candidate) -> bool:
    if candidate.known.failing:
        return candidate.known.is_related
    # Many clients have the same issuer.
    return bool(candidate.unknown) and any(field.matcher.field != ISSUER for field in candidate.known.fields)
