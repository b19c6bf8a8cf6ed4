"""The authorizer's checks, each with its requirement and what was found in the certificate.

They are the authorizer's own table of checks. Every check whose prerequisites passed is evaluated, even after a failed
one.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from client_certificate_auth import PeerCertificate, read_client_certificate
from client_certificate_auth.alternative_names import read_subject_alt_names
from client_certificate_auth.x509.extensions import (
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    read_bits,
    read_extended_key_usage,
)
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request import checks
from mtls_authorizer.request.checks import CERTIFICATE_CHECKS, EXTRACTION_CHECKS, GRANT_CHECKS, RequestFacts
from mtls_authorizer.request.decision import outcome_for
from mtls_authorizer.revocation.status import UnknownReason
from mtls_authorizer.rules.extended_key_usage import NO_REQUIRED_USAGES, usage_name
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.routes import combined_routes
from mtls_authorizer_cli.explanation.result import CheckResult, Verdict
from mtls_authorizer_cli.explanation.wording import fact_text, printed_routes, written_route
from mtls_authorizer_cli.printed import listing, plain, quoted, utc_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from client_certificate_auth.x509.certificate import Extension
    from mtls_authorizer.request.checks import Check
    from mtls_authorizer.rules.grant import RuleOutcome
    from mtls_authorizer_cli.explanation.question import Question


_LONGEST_DETAIL = 1100
"""In characters: the URI of an object in S3, whose key has up to 1,024, is shown whole."""


def check_all(question: Question, read: PeerCertificate | str) -> Iterator[CheckResult]:
    """Evaluate every check whose prerequisites passed. ``read`` is the certificate, or why there is none."""
    passed: set[str] = set()
    for check, facts in _checks_with_facts(question, read):
        skipped = _skipped(check, passed, question, without_certificate=facts is None)
        if check is checks.EXTENDED_KEY_USAGE and isinstance(read, PeerCertificate) and skipped is None:
            skipped = _usages_skipped(facts.outcome, read, question)
        if skipped is not None:
            yield CheckResult(check.name, Verdict.NOT_REACHED, None, _required(check, question), None, skipped)
            continue
        reason = check.failure(facts)
        if reason is None:
            passed.add(check.name)
        verdict = Verdict.PASSED if reason is None else Verdict.FAILED
        found = _found(check, read, question, failed=reason is not None)
        yield CheckResult(check.name, verdict, reason, _required(check, question), found)


def _checks_with_facts(question: Question, read: PeerCertificate | str) -> Iterator[tuple[Check, Any]]:
    """Return each check with the facts that it looks at, None if there is no certificate."""
    extraction = read_client_certificate(question.pem)
    yield from ((check, extraction) for check in EXTRACTION_CHECKS)
    certificate = read if isinstance(read, PeerCertificate) else None
    yield from ((check, certificate) for check in CERTIFICATE_CHECKS)
    about_request = None if certificate is None else _request_facts(certificate, question)
    about_rules = None
    if certificate is not None and about_request is not None:
        about_rules = about_request._replace(outcome=_outcome_without_required_usages(certificate, question))
    for check in (*GRANT_CHECKS, checks.ROUTE):
        yield check, about_request if check is checks.EXTENDED_KEY_USAGE else about_rules


def _request_facts(certificate: PeerCertificate, question: Question) -> RequestFacts:
    settings, policy, now = question.settings, question.policy, question.now
    return RequestFacts(
        outcome_for(policy.rules.evaluate(certificate, settings.required_usages), question.request, now),
        certificate.not_before,
        certificate.not_after,
        now,
        settings,
        policy,
        question.request.invocation,
        None if policy.revocation is None else policy.revocation.status(certificate, now),
    )


def _outcome_without_required_usages(certificate: PeerCertificate, question: Question) -> RuleOutcome:
    """Return the outcome of the rules; if it is about missing usages, the outcome if no usages were required."""
    rules = question.policy.rules
    evaluation = rules.evaluate(certificate, question.settings.required_usages)
    if evaluation is DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED:
        evaluation = rules.evaluate(certificate, NO_REQUIRED_USAGES)
    # This is about the usages of a rule, which the check of usages reports.
    if evaluation is DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED:
        return DenyReason.NO_RULE_MATCHED
    return outcome_for(evaluation, question.request, question.now)


def _skipped(check: Check, passed: set[str], question: Question, *, without_certificate: bool) -> str | None:
    """Return why a check cannot be made, None if it can."""
    if check is checks.REVOCATION and question.settings.revocation_settings is None and not question.policy.revocation:
        return "CRL_URIS is not set"
    if check is checks.ROUTE and not question.route_asked:
        return "no route was given"
    missing = sorted(check.prerequisites - passed)
    if without_certificate or missing:
        return f"{missing[0].replace('_', ' ')} failed" if missing else "there is no certificate"
    return None


def _usages_skipped(outcome: RuleOutcome, certificate: PeerCertificate, question: Question) -> str | None:
    """Return why missing usages are not the reason: the rules deny some certificates before they look at usages."""
    decided_first = outcome in (DenyReason.CERTIFICATE_EXCLUDED, DenyReason.QC_STATEMENTS_MALFORMED)
    if decided_first and not question.settings.required_usages.met_by(certificate.ext_key_usage):
        return f"the rules deny the certificate first ({outcome})"
    return None


# What a check requires.


def _required(check: Check, question: Question) -> str:
    special = _REQUIRED.get(check)
    return special(question) if special else check.requirement


def _required_usages(question: Question) -> str:
    usages, required = question.settings.required_usages
    if not usages:
        return "nothing: REQUIRED_EXTENDED_KEY_USAGE is none"
    names = " and ".join(map(usage_name, sorted(usages)))
    text = names if required else f"{names}, if the certificate has the extension"
    replaced = any(rule.accepted_usages is not None for rule in question.policy.rules.rules)
    return f"{text}; or those of a rule with extended_key_usage" if replaced else text


def _required_route(question: Question) -> str:
    route = "the route" if question.invocation is None else quoted(written_route(question.invocation))
    return f"a matching rule that grants {route}"


_REQUIRED: Mapping[Check, Callable[[Question], str]] = {
    checks.EXTENDED_KEY_USAGE: _required_usages,
    checks.VALIDITY: lambda question: f"a certificate that is valid at {utc_timestamp(question.now)}",
    checks.ROUTE: _required_route,
}


# What the certificate has.


def _found(check: Check, read: PeerCertificate | str, question: Question, *, failed: bool) -> str:
    if isinstance(read, PeerCertificate):
        return _FOUND[check](read, question)
    if not failed:
        return "something"
    return plain(read)


def _control_characters(certificate: PeerCertificate, _question: Question) -> str:
    names = {"subject": certificate.subject, "issuer": certificate.issuer}
    return listing(
        [
            f"{which} {attribute} {quoted(value)}"
            for which, name in names.items()
            for attribute in name
            for value in name.get_all(attribute)
            if any(unicodedata.category(character) == "Cc" for character in value)
        ],
        none="no control characters",
    )


_IDENTIFYING: Mapping[str, tuple[str, Callable[[bytes], object]]] = {
    SUBJECT_ALT_NAME: ("a subject alternative name", read_subject_alt_names),
    KEY_USAGE: ("a key usage", read_bits),
    EXTENDED_KEY_USAGE: ("an extended key usage", read_extended_key_usage),
}


def _extensions(certificate: PeerCertificate, _question: Question) -> str:
    extensions = certificate.fields.extensions
    if not certificate.extensions_decodable:
        return _undecodable(extensions)
    names = [fact_text(fact) for fact in FIELDS["subject_alt_name"].facts(certificate) if not fact.ambiguous]
    return f"{len(extensions) or 'none'}{f', with the alternative names {listing(names)}' if names else ''}"


def _undecodable(extensions: Mapping[str, Extension]) -> str:
    for oid, (name, read) in _IDENTIFYING.items():
        try:
            if oid in extensions:
                read(extensions[oid][1])
        except ValueError as error:
            return f"{name} that cannot be decoded: {plain(str(error))}"
    return "an extended key usage that is empty"


def _critical_extensions(certificate: PeerCertificate, _question: Question) -> str:
    return listing(list(certificate.unhandled_critical_extensions), none="no such extension")


def _usages(certificate: PeerCertificate, _question: Question) -> str:
    usages = certificate.ext_key_usage
    return "no such extension" if usages is None else listing(list(map(usage_name, usages)))


def _matching_rules(certificate: PeerCertificate, question: Question) -> str:
    matching, in_effect = question.matching_rules(certificate), question.rules_in_effect(certificate)
    limited = f", {len(in_effect):,} in effect" if len(in_effect) < len(matching) else ""
    rules = question.policy.rules
    denying = rules.denying(rules.satisfied_by(certificate))
    denied = f", but {denying[0].name} denies the certificate" if denying else ""
    return f"{len(matching):,} of {len(rules.rules):,}{limited}{denied}"


def _validity(certificate: PeerCertificate, _question: Question) -> str:
    return f"{utc_timestamp(certificate.not_before)} to {utc_timestamp(certificate.not_after)}"


def _revocation_status(certificate: PeerCertificate, question: Question) -> str:
    revocation = question.policy.revocation
    if revocation is None:
        return "no CRL in force"
    status = revocation.status(certificate, question.now)
    used = status.revocation_list
    problem = None
    if used is not None and status.unknown_reason is UnknownReason.UNUSABLE:
        problem = plain(str(used.defect))
    found = [status.state, status.unknown_reason, problem]
    details = [f"{key} {_detail(value)}" for key, value in status.details(question.now).items()]
    return ", ".join([*filter(None, found), *details])


def _detail(value: str | int | list[str]) -> str:
    values = value if isinstance(value, list) else [str(value)]
    return listing([quoted(each, _LONGEST_DETAIL) for each in values])


def _granted_routes(certificate: PeerCertificate, question: Question) -> str:
    return printed_routes(combined_routes(rule.routes for rule in question.rules_in_effect(certificate)))


_FOUND: Mapping[Check, Callable[[PeerCertificate, Question], str]] = {
    checks.CERTIFICATE: lambda *_: "one",
    checks.DECODABLE: lambda *_: "one",
    checks.PRINTABLE: _control_characters,
    checks.EXTENSIONS: _extensions,
    checks.CRITICAL_EXTENSIONS: _critical_extensions,
    checks.EXTENDED_KEY_USAGE: _usages,
    checks.RULES: _matching_rules,
    checks.VALIDITY: _validity,
    checks.REVOCATION: _revocation_status,
    checks.ROUTE: _granted_routes,
}
