"""Replays logged requests under other rules, with the facts that the log entries contain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.request.checks import (
    CERTIFICATE_CHECKS,
    CHECKS,
    EXTENDED_KEY_USAGE,
    EXTRACTION_CHECKS,
    GRANT_CHECKS,
    REVOCATION,
    RULES,
    VALIDITY,
)
from mtls_authorizer.rules.grant import Grant, combine
from mtls_authorizer_cli.rules.what_if.evaluation import Candidate, find_matches
from mtls_authorizer_cli.rules.what_if.facts import facts_of_certificate, facts_of_record
from mtls_authorizer_cli.rules.what_if.route_coverage import covers
from mtls_authorizer_cli.rules.what_if.ternary import FALSE, TRUE, Statement, all_of, any_of, known, negated, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.request.checks import Check
    from mtls_authorizer.rules.request_limits import RequestLimits
    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.decision_log.records import LogRecord
    from mtls_authorizer_cli.rules.what_if.evaluation import Matches


def _reasons(checks: Iterable[Check]) -> frozenset[str]:
    return frozenset[str]().union(*(check.reasons for check in checks))


BEFORE_RULES = _reasons((*EXTRACTION_CHECKS, *CERTIFICATE_CHECKS))
"""The deny reasons that are found before rules are evaluated."""

_ALL_REASONS = _reasons(CHECKS)

_WITHOUT_RULES = tuple(check for check in GRANT_CHECKS if check not in (EXTENDED_KEY_USAGE, RULES))
"""The later checks that do not depend on rules. An entry contains their result if one of them, or the route, failed."""

_AFTER = {check: _reasons(CHECKS[CHECKS.index(check) + 1 :]) for check in _WITHOUT_RULES}

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


class ReplayedDecision(NamedTuple):
    """The decision that the rules would have made: whether it is an Allow, and why, in words."""

    allowed: Statement
    why: str


class Replayer:
    """Decides on logged requests by other rules.

    ``certificates`` are those that are available, by their fingerprints as in the log. ``issuer_key_known`` is whether
    the rules read the keys of issuers from a truststore.
    """

    def __init__(
        self,
        rules: RuleSet,
        settings: Settings,
        certificates: Mapping[str, PeerCertificate],
        *,
        issuer_key_known: bool,
    ) -> None:
        self._rules = rules
        self._required = settings.required_usages
        self._checks_revocation = settings.revocation_settings is not None
        self._certificates = certificates
        self._issuer_key_known = issuer_key_known
        self._matches: dict[tuple[str, ...], Matches] = {}

    def decide(self, record: LogRecord) -> ReplayedDecision:
        """Return the decision on a request that was logged."""
        reason = record.text("reason")
        if record.decision is None:
            return ReplayedDecision(unknown("decision"), "")
        if reason in BEFORE_RULES:
            return ReplayedDecision(FALSE, f"{reason}, regardless of the rules")
        matching, denied = self._matches_of(record)
        candidates = [
            Candidate(rule, applies)
            for rule, matches in matching
            if (applies := all_of([matches, _in_effect(rule.limits, record)])).value is not False
        ]
        route = record.text("route")
        granted = any_of(all_of([each.applies, covers(each.rule.routes, route)]) for each in candidates)
        usable = all_of([_fits(candidates), *(self._passes(check, record, reason) for check in _WITHOUT_RULES)])
        allowed = all_of([negated(denied), granted, usable])
        if allowed.value:
            why = f"rules {', '.join(each.rule.name for each in candidates)}"
        elif denied.value:
            why = "an entry of deny matches"
        elif not matching:
            why = "no rule matches"
        elif not candidates:
            why = "the matching rules are not in effect"
        else:
            why = reason if granted.value and reason else "the matching rules do not allow the request"
        return ReplayedDecision(allowed, why)

    def _matches_of(self, record: LogRecord) -> Matches:
        """Return the rules that match the certificate. A client has many entries."""
        key = tuple(
            repr(record.fields.get(field, ...))
            for field in ("subject_dn", "issuer_dn", "serial_number", "fingerprint", "extended_key_usage")
        )
        if key not in self._matches:
            certificate = self._certificates.get(record.text("fingerprint") or "")
            client = (
                facts_of_record(record)
                if certificate is None
                else facts_of_certificate(certificate, issuer_key_known=self._issuer_key_known)
            )
            self._matches[key] = find_matches(self._rules, self._required, client)
        return self._matches[key]

    def _passes(self, check: Check, record: LogRecord, reason: str | None) -> Statement:
        """Return whether a check that does not depend on the rules would have passed."""
        if record.decision == "allow" or reason in _AFTER[check]:
            return TRUE
        if reason in check.reasons:
            return FALSE
        # An earlier check failed, so that the authorizer did not log the result of this one.
        return {VALIDITY: _is_valid, REVOCATION: self._is_not_revoked}[check](record)

    def _is_not_revoked(self, _record: LogRecord) -> Statement:
        return unknown("revocation status") if self._checks_revocation else TRUE


def _is_valid(record: LogRecord) -> Statement:
    """Return whether the certificate was valid. One that API Gateway has accepted has passed its notBefore."""
    if record.text("reason") not in _ALL_REASONS:
        # It may be one for which no rules are evaluated, such as one of a newer version.
        return unknown("reason")
    days = record.number("days_to_expiry")
    return unknown("days_to_expiry") if days is None else known(days >= 0)


def _in_effect(limits: RequestLimits | None, record: LogRecord) -> Statement:
    """Return whether a rule with these limits was in effect for a request."""
    if limits is None:
        return TRUE
    api_ids, domain_names, not_before, not_after = limits  # unpacked, so that a new limit cannot be forgotten
    api_id, domain_name, time = record.text("api_id"), record.text("domain_name"), record.time
    missing = []
    if api_id is None and api_ids is not None:
        missing.append("api_id")
        limits = limits._replace(api_ids=None)
    # Null is a known value: the event contained none.
    if "domain_name" not in record.fields and domain_names is not None:
        missing.append("domain_name")
        limits = limits._replace(domain_names=None)
    if time is None and (not_before is not None or not_after is not None):
        missing.append("time")
        limits = limits._replace(not_before=None, not_after=None)
    return all_of([known(limits.permit(api_id or "", domain_name, time or _ANY_TIME)), *map(unknown, missing)])


def _fits(candidates: Sequence[Candidate]) -> Statement:
    """Return whether the policy for the routes of all rules that apply is not too large."""
    grants = [Grant((each.rule.name,), each.rule.routes, {}, None) for each in candidates]
    if not grants or isinstance(combine(grants), Grant):
        return TRUE
    return FALSE if all(each.applies.value for each in candidates) else unknown("policy size")
