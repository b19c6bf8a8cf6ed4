"""Why a certificate is allowed or denied: each check and each rule, what it requires and what the certificate has."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.x509.oid import ExtensionOID

from client_certificate_auth import MalformedCertificateError, PeerCertificate, read_client_certificate
from mtls_authorizer.policy.settings import ResponseFormat
from mtls_authorizer.reasons import Reason
from mtls_authorizer.request.assessment import assess
from mtls_authorizer.request.checks import (
    CERTIFICATE_CHECKS,
    EXTRACTION_CHECKS,
    GRANT_CHECKS,
    ROUTE_CHECK,
    CertificateFacts,
    CheckName,
    RequestFacts,
)
from mtls_authorizer.request.context import utc_timestamp
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import EventFormat
from mtls_authorizer.request.response import Unauthorized, make_response
from mtls_authorizer.rules.key_usage import usage_name
from mtls_authorizer.rules.matching import FIELDS, OF_SEVERAL, Comparison
from mtls_authorizer.rules.routes import permits
from mtls_authorizer.rules.rule_set import EVERYTHING
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

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.request.checks import Check
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer.rules.matching import Condition, Fact, Matcher
    from mtls_authorizer.rules.rule_set import Rule, RuleSet

NEAREST = 3
"""How many of the rules that don't match are explained, unless all are asked for."""


class Question(NamedTuple):
    """The question to explain: what the authorizer is asked, when, and under which settings and access policy.

    ``pem`` is what ``find_client_certificate`` returns. Without ``route_asked`` the question is about no particular
    route, and the request's invocation is ignored. ``now`` is aware.
    """

    pem: object
    settings: Settings
    policy: AccessPolicy
    request: ApiRequest
    route_asked: bool
    now: datetime

    @property
    def invocation(self) -> str | None:
        """The requested method and path as in a method ARN; None for no particular route."""
        return self.request.invocation if self.route_asked else None

    def certificate(self) -> PeerCertificate | str:
        """Return the certificate, or a description of what there is instead."""
        if self.pem is None:
            return "none"
        if not isinstance(self.pem, str):
            return "something other than a string"
        try:
            return PeerCertificate.from_pem(self.pem)
        except MalformedCertificateError as error:
            return quoted(str(error))

    def decision(self) -> Decision:
        """Return the authorizer's own decision."""
        assessment = assess(read_client_certificate(self.pem), self.settings, self.policy)
        return decide(assessment, self.settings, self.policy, self.request.invocation, self.now)


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
    """Explain the authorizer's decision. ``nearest`` limits the rules that do not match; None shows all of them."""
    decision, policy = question.decision(), question.policy
    read = question.certificate()
    certificate = read if isinstance(read, PeerCertificate) else None
    checks = tuple(_check_all(question, read))
    compared = next(check for check in checks if check.name == CheckName.RULES).verdict is not Verdict.NOT_REACHED

    def explain_rules(rules: RuleSet | None) -> RulesExplanation | None:
        if certificate is None or rules is None or not compared:
            return None
        return _explain_rules(rules, certificate, question, nearest)

    return Explanation(
        question,
        certificate,
        decision,
        _about_route(decision.reason, question),
        checks,
        explain_rules(policy.rules),
        explain_rules(policy.shadow_rules),
        _about_route(decision.shadow_reason, question),
        _answer(decision, question),
        _simple_answer(decision, question),
    )


def _about_route(reason: Reason | None, question: Question) -> Reason | None:
    """Return the reason, unless it is about a route and the question is not."""
    return None if reason is Reason.ROUTE_NOT_ALLOWED and not question.route_asked else reason


def _answer(decision: Decision, question: Question) -> Mapping[str, object] | None:
    try:
        return make_response(decision, question.request, question.settings)
    except Unauthorized:
        return None


def _simple_answer(decision: Decision, question: Question) -> Mapping[str, object] | None:
    if (
        question.settings.response_format is not ResponseFormat.SIMPLE
        or question.request.event_format is EventFormat.HTTP_2_0
    ):
        return None
    if question.invocation is None and decision.grant is not None and decision.grant.routes is not EVERYTHING:
        # It depends on the route.
        return None
    request = question.request._replace(event_format=EventFormat.HTTP_2_0)
    return make_response(decision, request, question.settings)


def _check_all(question: Question, read: PeerCertificate | str) -> Iterator[CheckResult]:
    """Evaluate every check, also behind one that fails, if its prerequisites passed."""
    passed: set[CheckName] = set()
    for check, facts in _checks_with_facts(question, read):
        applies = _APPLIES.get(check.name, _always)(question)
        if facts is None or not applies or not check.prerequisites <= passed:
            yield CheckResult(check.name, Verdict.NOT_REACHED, None, _required(check, question), None)
            continue
        reason = check.failure(facts)
        if reason is None:
            passed.add(check.name)
        found = _found(check.name, read, question, reason)
        verdict = Verdict.PASSED if reason is None else Verdict.FAILED
        yield CheckResult(check.name, verdict, reason, _required(check, question), found)


def _checks_with_facts(question: Question, read: PeerCertificate | str) -> Iterator[tuple[Check[Any], Any]]:
    """Return each check with the facts that it looks at, None if there is no certificate to have any."""
    extraction = read_client_certificate(question.pem)
    yield from ((check, extraction) for check in EXTRACTION_CHECKS)
    certificate = read if isinstance(read, PeerCertificate) else None
    about_certificate = certificate and CertificateFacts(certificate, question.settings)
    yield from ((check, about_certificate) for check in CERTIFICATE_CHECKS)
    about_request = certificate and _request_facts(certificate, question)
    yield from ((check, about_request) for check in (*GRANT_CHECKS, ROUTE_CHECK))


def _request_facts(certificate: PeerCertificate, question: Question) -> RequestFacts:
    settings, policy, now = question.settings, question.policy, question.now
    return RequestFacts(
        policy.rules.judge(certificate),
        certificate.not_before,
        certificate.not_after,
        now,
        settings,
        policy,
        question.request.invocation,
        None if policy.revocation is None else policy.revocation.status(certificate, now),
    )


# What a check requires and what the certificate has, in words.


def _always(_question: Question) -> bool:
    return True


_APPLIES: Mapping[CheckName, Callable[[Question], bool]] = {
    CheckName.REVOCATION: lambda question: question.policy.revocation is not None,
    CheckName.ROUTE: lambda question: question.route_asked,
}


def _required(check: Check[Any], question: Question) -> str:
    special = _REQUIRED.get(check.name)
    return special(question) if special else check.requirement


def _found(name: CheckName, read: PeerCertificate | str, question: Question, reason: Reason | None) -> str:
    if isinstance(read, PeerCertificate):
        return _FOUND[name](read, question)
    return read if reason else "something"


def _required_key_usages(question: Question) -> str:
    usages, required = question.settings.required_key_usages
    if not usages:
        return "nothing in particular"
    names = " and ".join(map(usage_name, sorted(usages)))
    return names if required else f"{names}, if the certificate has the extension"


def _required_route(question: Question) -> str:
    return "none in particular" if question.invocation is None else quoted(written_route(question.invocation))


_REQUIRED: Mapping[CheckName, Callable[[Question], str]] = {
    CheckName.EXTENDED_KEY_USAGE: _required_key_usages,
    CheckName.VALIDITY: lambda question: utc_timestamp(question.now),
    CheckName.REVOCATION: lambda question: (
        "skipped: CRL_URIS is not set" if question.policy.revocation is None else "not revoked"
    ),
    CheckName.ROUTE: _required_route,
}


def _control_characters(certificate: PeerCertificate, _question: Question) -> str:
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


def _extensions(certificate: PeerCertificate, _question: Question) -> str:
    try:
        extensions = list(certificate.x509.extensions)
    except Exception as error:  # noqa: BLE001 -- cryptography raises ValueError and more
        return f"one that cannot be decoded: {quoted(str(error))}"
    if any(extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME for extension in extensions):
        names = listing(list(map(fact_text, certificate.subject_alt_names)))
        return f"{len(extensions)}, with the alternative names {names}"
    return f"{len(extensions) or 'none'}"


def _key_usages(certificate: PeerCertificate, _question: Question) -> str:
    usages = certificate.ext_key_usage
    return "no such extension" if usages is None else listing(list(map(usage_name, usages)))


def _matching_rules(certificate: PeerCertificate, question: Question) -> str:
    rules = question.policy.rules
    return f"{len(rules.matching(certificate)):,} of {len(rules.rules):,}"


def _validity(certificate: PeerCertificate, _question: Question) -> str:
    return f"{utc_timestamp(certificate.not_before)} to {utc_timestamp(certificate.not_after)}"


def _revocation_status(certificate: PeerCertificate, question: Question) -> str:
    revocation = question.policy.revocation
    status = revocation and revocation.status(certificate, question.now)
    details = status.details(question.now) if status else {}
    words = [status.state, status.doubt] if status else []
    return ", ".join([*filter(None, words), *(f"{key} {quoted(str(value))}" for key, value in details.items())])


def _granted_routes(certificate: PeerCertificate, question: Question) -> str:
    matching = question.policy.rules.matching(certificate)
    if any(rule.routes is EVERYTHING for rule in matching):
        return "every route"
    return listing(written_routes(route for rule in matching for route in rule.routes or ()))


_FOUND: Mapping[CheckName, Callable[[PeerCertificate, Question], str]] = {
    CheckName.CERTIFICATE: lambda *_certificate: "one",
    CheckName.DECODABLE: lambda *_certificate: "one",
    CheckName.PRINTABLE: _control_characters,
    CheckName.EXTENSIONS: _extensions,
    CheckName.EXTENDED_KEY_USAGE: _key_usages,
    CheckName.RULES: _matching_rules,
    CheckName.VALIDITY: _validity,
    CheckName.REVOCATION: _revocation_status,
    CheckName.ROUTE: _granted_routes,
}


# The rules.


def _explain_rules(
    rules: RuleSet, certificate: PeerCertificate, question: Question, nearest: int | None
) -> RulesExplanation:
    holding = rules.holding(certificate)
    facts = {field: tuple(definition.facts(certificate)) for field, definition in FIELDS.items()}

    def explain_matcher(matcher: Matcher) -> FieldExplanation:
        return _explain_matcher(matcher, holding, facts[matcher.field], certificate)

    explained = [
        RuleExplanation(
            rule,
            rule.mismatch(holding),
            tuple(map(explain_matcher, rule.matchers)),
            tuple(tuple(map(explain_matcher, exclusion)) for exclusion in rule.exclusions),
            None
            if question.invocation is None
            else rule.routes is EVERYTHING or permits(rule.routes, question.invocation),
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


def _explain_matcher(
    matcher: Matcher, holding: frozenset[Condition], facts: tuple[Fact, ...], certificate: PeerCertificate
) -> FieldExplanation:
    definition, labels = FIELDS[matcher.field], {condition.label for condition in matcher.conditions()}
    if definition.combines or definition.label is None:
        # The others are about something else. A name of another type, though, may be what was meant.
        facts = tuple(fact for fact in facts if fact[0] in labels)
    matches = matcher.matches(holding)
    return FieldExplanation(
        matcher,
        matches,
        facts,
        None if matches else _closest(matcher, holding, facts),
        _remark(matcher.field, labels, certificate),
    )


def _remark(field: str, labels: set[str], certificate: PeerCertificate) -> str | None:
    common_names = len((certificate.issuer if field == "issuer" else certificate.subject).get_all("CN"))
    about_it = field == "common_name" or "CN" in labels
    # Exclusions look for each of several.
    if about_it and common_names > 1 and labels.isdisjoint(OF_SEVERAL.values()):
        return f"{common_names} common names, so that none counts"
    return None


def _closest(matcher: Matcher, holding: frozenset[Condition], facts: tuple[Fact, ...]) -> NearMiss | None:
    """Return the first alternative that would be met but for what is easily overlooked."""
    overlooked = {
        condition: difference
        for condition in matcher.conditions()
        if condition not in holding and (difference := _difference(condition, facts)) is not None
    }
    if not overlooked:
        return None
    for alternative in alternatives(matcher):
        missing = [condition for condition in alternative if condition not in holding]
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
    """Return what alone keeps a condition from holding, where that is easily overlooked."""
    wanted, compare = value_text(condition.value), _COMPARE[condition.comparison]
    texts = [value_text(value) for label, value in facts if label == condition.label]
    for difference, normal in _REGARDLESS_OF.items():
        if any(compare(normal(text), normal(wanted)) for text in texts):
            return difference
    return None
