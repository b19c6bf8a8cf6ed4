"""The checks that a request must pass, in order. The authorizer and ``explain`` both use this one table.

The first check that fails determines the deny reason. The results of EXTRACTION_CHECKS and CERTIFICATE_CHECKS depend
only on the certificate, so they are cached. GRANT_CHECKS and ROUTE are made for every request, with facts of which the
evaluation of the rules is cached.
"""

from __future__ import annotations

from client_certificate_auth import ExtractionFailure, ExtractionFailureReason
from client_certificate_auth.records import NamedTuple
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.routes import permits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from client_certificate_auth import ExtractionResult, PeerCertificate
    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.revocation.status import RevocationStatus
    from mtls_authorizer.rules.grant import RuleOutcome

_RULE_REASONS = frozenset(
    {
        DenyReason.NO_ALLOWLIST_CONFIGURED,
        *(field.reason for field in FIELDS.values()),
        DenyReason.QC_STATEMENTS_MALFORMED,
        DenyReason.CERTIFICATE_EXCLUDED,
        DenyReason.NO_RULE_MATCHED,
        DenyReason.CERTIFICATE_VALUE_MISSING,
        DenyReason.RULE_NOT_IN_EFFECT,
        DenyReason.POLICY_TOO_LARGE,
    }
)


class Check(NamedTuple):
    """A check: ``failure`` returns the deny reason (one of ``reasons``), or None if the facts pass.

    ``requirement`` completes the sentence "The check requires …". ``prerequisites`` are the names of the checks without
    which this one has no meaningful result; every other check can be explained even if an earlier one failed.

    The facts are an ``ExtractionResult`` for EXTRACTION_CHECKS, a ``PeerCertificate`` for CERTIFICATE_CHECKS, and
    ``RequestFacts`` for all others.
    """

    name: str
    reasons: frozenset[DenyReason]
    requirement: str
    failure: Callable[..., DenyReason | None]
    prerequisites: frozenset[str] = frozenset()


class RequestFacts(NamedTuple):
    """The facts for checks that are made for every request. All times are aware.

    ``outcome`` is the outcome of the rules or of the shadow rules. ``invocation`` is the requested method and path as
    in the method ARN (``GET/payments/1``), chosen by the client. ``revocation_status`` is None if it was not
    determined.
    """

    outcome: RuleOutcome
    not_before: datetime
    not_after: datetime
    now: datetime
    settings: Settings
    policy: AccessPolicy
    invocation: str
    revocation_status: RevocationStatus | None = None


def first_failure(checks: Iterable[Check], facts: object) -> DenyReason | None:
    """Return the reason of the first check that fails, or None if all pass."""
    for check in checks:
        reason = check.failure(facts)
        if reason is not None:
            return reason
    return None


def _missing(extraction: ExtractionResult) -> DenyReason | None:
    missing = extraction.reason is ExtractionFailureReason.MISSING
    return DenyReason.CERTIFICATE_MISSING if missing else None


def _malformed(extraction: ExtractionResult) -> DenyReason | None:
    return DenyReason.CERTIFICATE_MALFORMED if isinstance(extraction, ExtractionFailure) else None


def _unprintable(certificate: PeerCertificate) -> DenyReason | None:
    unprintable = certificate.subject.has_control_characters or certificate.issuer.has_control_characters
    return DenyReason.SUBJECT_NOT_PRINTABLE if unprintable else None


def _extensions_malformed(certificate: PeerCertificate) -> DenyReason | None:
    return None if certificate.extensions_decodable else DenyReason.EXTENSIONS_MALFORMED


def _critical_extension_unknown(certificate: PeerCertificate) -> DenyReason | None:
    return DenyReason.CRITICAL_EXTENSION_UNKNOWN if certificate.unhandled_critical_extensions else None


def _extended_key_usage_missing(facts: RequestFacts) -> DenyReason | None:
    reason = DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED
    return reason if facts.outcome is reason else None


def _no_rule_matches(facts: RequestFacts) -> DenyReason | None:
    return facts.outcome if isinstance(facts.outcome, DenyReason) and facts.outcome in _RULE_REASONS else None


def not_valid(facts: RequestFacts) -> DenyReason | None:
    """Return the reason why a certificate is not valid now (RFC 5280 §4.1.2.5).

    Both ends are instants, and included: half a second after notAfter, the certificate has expired.
    """
    if facts.now < facts.not_before:
        return DenyReason.CERTIFICATE_NOT_YET_VALID
    if facts.now > facts.not_after:
        return DenyReason.CERTIFICATE_EXPIRED
    return None


def _revoked_or_unknown(facts: RequestFacts) -> DenyReason | None:
    if facts.policy.revocation is None:
        # Fail closed: a policy without CRLs must not allow anything if CRLs are configured.
        return None if facts.settings.revocation_settings is None else DenyReason.REVOCATION_STATUS_UNKNOWN
    if facts.revocation_status is None:
        return DenyReason.REVOCATION_STATUS_UNKNOWN
    return facts.policy.revocation.deny_reason(facts.revocation_status)


def _route_not_granted(facts: RequestFacts) -> DenyReason | None:
    granted = isinstance(facts.outcome, Grant) and permits(facts.outcome.routes, facts.invocation)
    return None if granted else DenyReason.ROUTE_NOT_ALLOWED


CERTIFICATE = Check(
    "certificate", frozenset({DenyReason.CERTIFICATE_MISSING}), "a client certificate in the event", _missing
)
DECODABLE = Check(
    "decodable",
    frozenset({DenyReason.CERTIFICATE_MALFORMED}),
    "one certificate whose names, serial number and validity can be decoded",
    _malformed,
    frozenset({CERTIFICATE.name}),
)
PRINTABLE = Check(
    "printable",
    frozenset({DenyReason.SUBJECT_NOT_PRINTABLE}),
    "a subject and an issuer without control characters",
    _unprintable,
)
EXTENSIONS = Check(
    "extensions",
    frozenset({DenyReason.EXTENSIONS_MALFORMED}),
    "alternative names and key usages that can be decoded",
    _extensions_malformed,
)
CRITICAL_EXTENSIONS = Check(
    "critical_extensions",
    frozenset({DenyReason.CRITICAL_EXTENSION_UNKNOWN}),
    "no critical extension that OpenSSL does not handle",
    _critical_extension_unknown,
)
EXTENDED_KEY_USAGE = Check(
    "extended_key_usage",
    frozenset({DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED}),
    "the usages of REQUIRED_EXTENDED_KEY_USAGE, or of a rule that replaces them",
    _extended_key_usage_missing,
    frozenset({EXTENSIONS.name}),
)
RULES = Check(
    "rules", _RULE_REASONS, "a rule that matches", _no_rule_matches, frozenset({PRINTABLE.name, EXTENSIONS.name})
)
VALIDITY = Check(
    "validity",
    frozenset({DenyReason.CERTIFICATE_NOT_YET_VALID, DenyReason.CERTIFICATE_EXPIRED}),
    "a certificate that is valid now",
    not_valid,
)
REVOCATION = Check(
    "revocation",
    frozenset({DenyReason.CERTIFICATE_REVOKED, DenyReason.REVOCATION_STATUS_UNKNOWN}),
    "a certificate that is not revoked",
    _revoked_or_unknown,
    frozenset({PRINTABLE.name, EXTENSIONS.name, VALIDITY.name}),
)
ROUTE = Check(
    "route",
    frozenset({DenyReason.ROUTE_NOT_ALLOWED}),
    "a route that the matching rules grant",
    _route_not_granted,
    frozenset({RULES.name}),
)

EXTRACTION_CHECKS = (CERTIFICATE, DECODABLE)
CERTIFICATE_CHECKS = (PRINTABLE, EXTENSIONS, CRITICAL_EXTENSIONS)
GRANT_CHECKS = (EXTENDED_KEY_USAGE, RULES, VALIDITY, REVOCATION)
CHECKS = (*EXTRACTION_CHECKS, *CERTIFICATE_CHECKS, *GRANT_CHECKS, ROUTE)
"""All checks, in order. Each deny reason belongs to exactly one of them."""
