"""Why a certificate is let in or not: each check and each rule, with what was wanted and what the certificate has.

The decision explained is the authorizer's own. What else would be in the way is found by asking for it again, with the
check that failed lifted.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from cryptography.x509.oid import ExtensionOID

from client_certificate_auth import MalformedCertificateError, PeerCertificate, read_client_certificate
from mtls_authorizer.policy.settings import ResponseFormat
from mtls_authorizer.reasons import DenyReason as Reason
from mtls_authorizer.request.decision import assess_extraction, decide_at
from mtls_authorizer.request.event import EventFormat
from mtls_authorizer.request.response import Unauthorized, answer
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.fields import FIELDS, FieldKind
from mtls_authorizer.rules.key_usage import NO_KEY_USAGES, usage_name
from mtls_authorizer.rules.routes import ALL_ROUTES, combined_routes, permits
from mtls_authorizer.rules.rule_set import ENVIRONMENT, Rule, RuleSet
from mtls_authorizer_cli.wording import (
    Alternative,
    alternative_text,
    alternatives,
    choice,
    fact_text,
    listing,
    quoted,
    value_text,
    written_route,
    written_routes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from mtls_authorizer.policy.settings import Configuration
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer.rules.conditions import Condition, Fact, Matcher

NEAREST = 3
"""How many of the rules that don't match are explained, unless all are asked for."""


class Question(NamedTuple):
    """What is to be explained: what the authorizer would be asked, when, and under which configuration.

    ``pem`` is what ``find_client_certificate`` returns. Without ``route_asked``, it is about no route in particular,
    and the request's invocation doesn't count. ``now`` is aware.
    """

    pem: object
    configuration: Configuration
    request: ApiRequest
    route_asked: bool
    now: datetime

    @property
    def invocation(self) -> str | None:
        """The method and the path that are asked for, as in an ARN; None for no route in particular."""
        return self.request.invocation if self.route_asked else None

    def certificate(self) -> PeerCertificate | str:
        """Read the certificate. Returns what is there instead, in words, if it isn't one."""
        if self.pem is None:
            return "none"
        if not isinstance(self.pem, str):
            return "something other than a string"
        try:
            return PeerCertificate.from_pem(self.pem)
        except MalformedCertificateError as error:
            return quoted(str(error))

    def decision(self) -> Decision:
        """Decide, as the authorizer does."""
        assessment = assess_extraction(read_client_certificate(self.pem), self.configuration)
        return decide_at(assessment, self.configuration, self.now)

    def refusal(self) -> Reason | None:
        """Return why the certificate is turned away, None if it isn't."""
        decision = self.decision()
        return decision.reason if self.invocation is None else decision.refusal(self.invocation)


class Verdict(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not_reached"
    """There was nothing to check: something before it failed, or nothing is asked for."""


class CheckResult(NamedTuple):
    """What came of a check. ``wanted`` and ``has`` are words for a person, in printable ASCII."""

    name: str
    verdict: Verdict
    reason: Reason | None
    wanted: str
    has: str | None


class Check(NamedTuple):
    """A check that the authorizer makes. One of ``reasons`` is the decision's if it is the first to fail.

    ``wanted`` and ``has`` word what is wanted and what the certificate has. ``lift`` changes the question so that the
    check passes, where the ones behind it can be looked at all the same, but for those that name it among ``needs``.
    ``applies`` tells whether there is anything to check.
    """

    name: str
    reasons: frozenset[Reason]
    wanted: Callable[[Question], str]
    has: Callable[[PeerCertificate, Question], str]
    lift: Callable[[PeerCertificate, Question], Question] | None = None
    needs: frozenset[str] = frozenset()
    applies: Callable[[Question], bool] = lambda _question: True


class Difference(StrEnum):
    """What alone keeps a value from being one that is wanted."""

    CASE = "case"
    SURROUNDING_SPACE = "surrounding space"
    BOTH = "case and surrounding space"


class NearMiss(NamedTuple):
    """An alternative that would be met, but for a difference that is easily overlooked."""

    alternative: Alternative
    difference: Difference


class FieldExplanation(NamedTuple):
    """A matcher and what the certificate has for it: all that counts, and a remark where something doesn't."""

    matcher: Matcher
    matches: bool
    has: tuple[Fact, ...]
    closest: NearMiss | None
    remark: str | None

    def wanted_text(self, *, everything: bool = False) -> str:
        """Return what is wanted, in words; of a long list some of it, unless ``everything`` is asked for."""
        wanted = list(map(alternative_text, alternatives(self.matcher)))
        if self.closest is None:
            return choice(wanted, everything=everything)
        closest = f"{alternative_text(self.closest.alternative)} ({self.closest.difference} differs)"
        if len(wanted) == 1:
            return closest
        return f"{choice(wanted, everything=True) if everything else f'one of {len(wanted):,}'}, closest: {closest}"

    def has_text(self, *, everything: bool = False) -> str:
        """Return what the certificate has, in words, likewise."""
        return self.remark or listing(list(map(fact_text, self.has)), everything=everything)


class RuleExplanation(NamedTuple):
    """A rule and, field by field, what the certificate has. ``mismatch`` is None if it matches.

    Each of ``exclusions`` excludes if all of its fields match. ``route_allowed`` is None if no route is asked for.
    """

    rule: Rule
    mismatch: Reason | None
    fields: tuple[FieldExplanation, ...]
    exclusions: tuple[tuple[FieldExplanation, ...], ...]
    route_allowed: bool | None

    @property
    def failing(self) -> list[FieldExplanation]:
        """The fields that don't match."""
        return [field for field in self.fields if not field.matches]


class RulesExplanation(NamedTuple):
    """A set of rules: those that match, in their order, and of the others the nearest ones, the nearest first."""

    total: int
    matching: tuple[RuleExplanation, ...]
    nearest: tuple[RuleExplanation, ...]

    @property
    def left_out(self) -> int:
        """How many rules are not explained."""
        return self.total - len(self.matching) - len(self.nearest)


class Explanation(NamedTuple):
    """Why a certificate is let in or not.

    ``refusal`` is None if it is. ``rules`` are None where the certificate isn't compared with any. ``answer`` is what
    the function answers, None where that is the error for a 401. ``simple_answer`` is what it would answer to payload
    2.0 if it is configured so, and the question isn't of payload 2.0 anyway.
    """

    question: Question
    certificate: PeerCertificate | None
    decision: Decision
    refusal: Reason | None
    checks: tuple[CheckResult, ...]
    rules: RulesExplanation | None
    shadow_rules: RulesExplanation | None
    shadow_refusal: Reason | None
    answer: Mapping[str, object] | None
    simple_answer: Mapping[str, object] | None


def explain(question: Question, *, nearest: int | None = NEAREST) -> Explanation:
    """Explain the authorizer's decision. ``nearest`` limits the rules that don't match, None doesn't."""
    decision, configuration = question.decision(), question.configuration
    read = question.certificate()
    certificate = read if isinstance(read, PeerCertificate) else None
    checks = tuple(_check_all(question, read))
    compared = next(check for check in checks if check.name == RULES).verdict is not Verdict.NOT_REACHED

    def explain_rules(rules: RuleSet | None) -> RulesExplanation | None:
        if certificate is None or rules is None or not compared:
            return None
        return _explain_rules(rules, certificate, question, nearest)

    return Explanation(
        question,
        certificate,
        decision,
        question.refusal(),
        checks,
        explain_rules(configuration.rules),
        explain_rules(configuration.shadow_rules),
        _shadow_refusal(decision, question),
        _answer(decision, question),
        _simple_answer(decision, question),
    )


def iso_8601(time: datetime) -> str:
    """Return an aware time in UTC, to the second: ``2026-11-22T06:54:49Z``."""
    return time.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _shadow_refusal(decision: Decision, question: Question) -> Reason | None:
    if question.invocation is not None:
        return decision.shadow_refusal(question.invocation)
    return decision.shadow if isinstance(decision.shadow, Reason) else None


def _answer(decision: Decision, question: Question) -> Mapping[str, object] | None:
    try:
        return answer(decision, question.request, question.configuration)
    except Unauthorized:
        return None


def _simple_answer(decision: Decision, question: Question) -> Mapping[str, object] | None:
    if (
        question.configuration.response_format is not ResponseFormat.SIMPLE
        or question.request.event_format is EventFormat.HTTP_2_0
    ):
        return None
    if question.invocation is None and decision.grant is not None and decision.grant.routes is not ALL_ROUTES:
        # It depends on the route.
        return None
    return answer(decision, question.request._replace(event_format=EventFormat.HTTP_2_0), question.configuration)


def _has_control_characters(certificate: PeerCertificate, _question: Question) -> str:
    names = {"subject": certificate.subject, "issuer": certificate.issuer}
    return listing(
        [
            f"{which} {attribute} {quoted(value)}"
            for which, name in names.items()
            for attribute in name
            for value in name.get_all(attribute)
            if any(unicodedata.category(character) == "Cc" for character in value)
        ]
    )


def _has_extensions(certificate: PeerCertificate, _question: Question) -> str:
    try:
        extensions = list(certificate.x509.extensions)
    except Exception as error:  # noqa: BLE001 -- cryptography raises ValueError and more
        return f"one that isn't: {quoted(str(error))}"
    if any(extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME for extension in extensions):
        names = listing(list(map(fact_text, FIELDS["subject_alt_name"].facts(certificate))))
        return f"{len(extensions)}, with the alternative names {names}"
    return f"{len(extensions) or 'none'}"


def _wanted_key_usages(question: Question) -> str:
    usages, required = question.configuration.required_key_usages
    if not usages:
        return "nothing in particular"
    names = " and ".join(map(usage_name, sorted(usages)))
    return names if required else f"{names}, if the certificate has the extension"


def _has_key_usages(certificate: PeerCertificate, _question: Question) -> str:
    usages = certificate.ext_key_usage
    return "no such extension" if usages is None else listing(list(map(usage_name, usages)))


def _lift_key_usages(_certificate: PeerCertificate, question: Question) -> Question:
    return question._replace(configuration=question.configuration._replace(required_key_usages=NO_KEY_USAGES))


def _has_rules(certificate: PeerCertificate, question: Question) -> str:
    rules = question.configuration.rules
    return f"{len(rules.matching(certificate)):,} of {len(rules.rules):,}"


def _lift_rules(_certificate: PeerCertificate, question: Question) -> Question:
    anyone = RuleSet((Rule(ENVIRONMENT, (), ALL_ROUTES, anyone=True),))
    return question._replace(configuration=question.configuration._replace(rules=anyone))


def _has_validity(certificate: PeerCertificate, _question: Question) -> str:
    return f"{iso_8601(certificate.not_before)} to {iso_8601(certificate.not_after)}"


def _lift_validity(certificate: PeerCertificate, question: Question) -> Question:
    # What is revoked is a matter of now.
    return _lift_revocation(certificate, question)._replace(now=certificate.not_before)


def _lift_revocation(_certificate: PeerCertificate, question: Question) -> Question:
    return question._replace(configuration=question.configuration._replace(revocation=None, crl_sources=None))


def _has_revocation_status(certificate: PeerCertificate, question: Question) -> str:
    # It is looked up for who is let in otherwise, and doesn't depend on that.
    status = _lift_rules(certificate, _lift_key_usages(certificate, question)).decision().revocation
    details = status.details(question.now) if status else {}
    words = [status.state, status.unknown_reason] if status else []
    return ", ".join([*filter(None, words), *(f"{key} {quoted(str(value))}" for key, value in details.items())])


def _wanted_route(question: Question) -> str:
    return "none in particular" if question.invocation is None else quoted(written_route(question.invocation))


def _has_routes(certificate: PeerCertificate, question: Question) -> str:
    routes = combined_routes(rule.routes for rule in question.configuration.rules.matching(certificate))
    return "every route" if routes is ALL_ROUTES else listing(written_routes(routes))


RULES, VALIDITY, ROUTE = "rules", "validity", "route"

CHECKS: tuple[Check, ...] = (
    Check("certificate", frozenset({Reason.CERTIFICATE_MISSING}), lambda _question: "one", lambda *_certificate: "one"),
    Check(
        "decodable",
        frozenset({Reason.CERTIFICATE_MALFORMED}),
        lambda _question: "names, serial number and dates",
        lambda *_certificate: "them",
    ),
    Check(
        "printable",
        frozenset({Reason.SUBJECT_NOT_PRINTABLE}),
        lambda _question: "no control characters in its names",
        _has_control_characters,
    ),
    Check(
        "extensions",
        frozenset({Reason.EXTENSIONS_MALFORMED}),
        lambda _question: "those that can be decoded",
        _has_extensions,
    ),
    Check(
        "extended_key_usage",
        frozenset({Reason.EXTENDED_KEY_USAGE_NOT_ALLOWED}),
        _wanted_key_usages,
        _has_key_usages,
        lift=_lift_key_usages,
    ),
    Check(
        RULES,
        frozenset(
            {
                Reason.NO_ALLOWLIST_CONFIGURED,
                *(definition.reason for definition in FIELDS.values()),
                Reason.CERTIFICATE_EXCLUDED,
                Reason.NO_RULE_MATCHED,
                Reason.POLICY_TOO_LARGE,
            }
        ),
        lambda _question: "one that matches",
        _has_rules,
        lift=_lift_rules,
    ),
    Check(
        VALIDITY,
        frozenset({Reason.CERTIFICATE_NOT_YET_VALID, Reason.CERTIFICATE_EXPIRED}),
        lambda question: iso_8601(question.now),
        _has_validity,
        lift=_lift_validity,
    ),
    Check(
        "revocation",
        frozenset({Reason.CERTIFICATE_REVOKED, Reason.REVOCATION_STATUS_UNKNOWN}),
        lambda question: "nothing, without CRL_URIS" if question.configuration.revocation is None else "not revoked",
        _has_revocation_status,
        lift=_lift_revocation,
        needs=frozenset({VALIDITY}),
        applies=lambda question: question.configuration.revocation is not None,
    ),
    Check(
        ROUTE,
        frozenset({Reason.ROUTE_NOT_ALLOWED}),
        _wanted_route,
        _has_routes,
        needs=frozenset({RULES}),
        applies=lambda question: question.invocation is not None,
    ),
)
"""All checks, in the authorizer's order. Each reason for a Deny is that of one of them."""

_CHECK_BY_REASON = {reason: check for check in CHECKS for reason in check.reasons}


def _check_all(question: Question, read: PeerCertificate | str) -> Iterator[CheckResult]:
    failures, last = _failures(question, read)
    reached = True
    for check in CHECKS:
        reason = failures.get(check.name)
        if reached and check.applies(question) and check.needs.isdisjoint(failures):
            verdict = Verdict.PASSED if reason is None else Verdict.FAILED
            has = check.has(read, question) if isinstance(read, PeerCertificate) else read if reason else "something"
        else:
            verdict, has = Verdict.NOT_REACHED, None
        yield CheckResult(check.name, verdict, reason, check.wanted(question), has)
        reached = reached and check.name != last


def _failures(question: Question, read: PeerCertificate | str) -> tuple[dict[str, Reason], str | None]:
    """Return the checks that fail, each as if those before had passed; and the last one, if it can't be lifted."""
    failures: dict[str, Reason] = {}
    while (reason := question.refusal()) is not None:
        check = _CHECK_BY_REASON[reason]
        lifted = check.name in failures
        failures.setdefault(check.name, reason)
        if lifted or check.lift is None or isinstance(read, str):
            return failures, check.name
        question = check.lift(read, question)
    return failures, None


# The rules.


def _explain_rules(
    rules: RuleSet, certificate: PeerCertificate, question: Question, nearest: int | None
) -> RulesExplanation:
    satisfied = rules.satisfied_by(certificate)
    facts = {field: tuple(definition.facts(certificate)) for field, definition in FIELDS.items()}

    def explain_matcher(matcher: Matcher) -> FieldExplanation:
        unambiguous = tuple(fact for fact in facts[matcher.field] if not fact.ambiguous)
        explained = _explain_matcher(matcher, satisfied.unambiguous, unambiguous)
        return explained._replace(remark=_remark(matcher, certificate))

    def explain_exclusion(matcher: Matcher) -> FieldExplanation:
        return _explain_matcher(matcher, satisfied.any_fact, facts[matcher.field])

    explained = [
        RuleExplanation(
            rule,
            rule.mismatch(satisfied),
            tuple(map(explain_matcher, rule.matchers)),
            tuple(tuple(map(explain_exclusion, exclusion)) for exclusion in rule.exclusions),
            None if question.invocation is None else permits(rule.routes, question.invocation),
        )
        for rule in rules.rules
    ]
    return RulesExplanation(
        len(explained),
        tuple(rule for rule in explained if rule.mismatch is None),
        tuple(sorted((rule for rule in explained if rule.mismatch is not None), key=_distance)[:nearest]),
    )


def _distance(rule: RuleExplanation) -> tuple[int, int, int]:
    """Return how far a rule is from matching. What is easily overlooked counts less than what is another value."""
    failing = rule.failing
    return sum(field.closest is None for field in failing), len(failing), len(failing) - len(rule.fields)


def _explain_matcher(matcher: Matcher, satisfied: frozenset[Condition], facts: tuple[Fact, ...]) -> FieldExplanation:
    if FIELDS[matcher.field].kind is not FieldKind.SUBJECT_ALT_NAME:
        # Facts with other labels are irrelevant, except for names of another type: one of them may have been meant.
        labels = {condition.label for condition in matcher.conditions()}
        facts = tuple(fact for fact in facts if fact.label in labels)
    matches = matcher.matches(satisfied)
    return FieldExplanation(matcher, matches, facts, None if matches else _closest(matcher, satisfied, facts), None)


def _remark(matcher: Matcher, certificate: PeerCertificate) -> str | None:
    if matcher.field != "common_name" and all(condition.label != "CN" for condition in matcher.conditions()):
        return None
    common_names = len((certificate.issuer if matcher.field == "issuer" else certificate.subject).get_all("CN"))
    return f"{common_names} common names, so that none counts" if common_names > 1 else None


def _closest(matcher: Matcher, satisfied: frozenset[Condition], facts: tuple[Fact, ...]) -> NearMiss | None:
    """Return the first alternative that would be satisfied but for a difference that is easily overlooked."""
    overlooked = {
        condition: difference
        for condition in matcher.conditions()
        if condition not in satisfied and (difference := _difference(condition, facts)) is not None
    }
    if not overlooked:
        return None
    for alternative in alternatives(matcher):
        missing = [condition for condition in alternative if condition not in satisfied]
        if all(condition in overlooked for condition in missing):
            differences = {overlooked[condition] for condition in missing}
            return NearMiss(alternative, differences.pop() if len(differences) == 1 else Difference.BOTH)
    return None


_COMPARE: Mapping[Comparison, Callable[[str, str], bool]] = {
    Comparison.EXACT: lambda has, wanted: has == wanted,
    Comparison.PREFIX: str.startswith,
    Comparison.SUFFIX: str.endswith,
}
_REGARDLESS_OF: Mapping[Difference, Callable[[str], str]] = {
    Difference.CASE: str.casefold,
    Difference.SURROUNDING_SPACE: str.strip,
    Difference.BOTH: lambda text: text.casefold().strip(),
}


def _difference(condition: Condition, facts: tuple[Fact, ...]) -> Difference | None:
    """Return the only difference between a condition and a fact, if it is easily overlooked."""
    wanted, compare = value_text(condition.value), _COMPARE[condition.comparison]
    texts = [value_text(fact.value) for fact in facts if fact.label == condition.label]
    for difference, normal in _REGARDLESS_OF.items():
        if any(compare(normal(text), normal(wanted)) for text in texts):
            return difference
    return None
