"""The decision: a certificate and a configuration in, Allow or Deny out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from client_certificate_auth import ExtractionFailure, ExtractionResult, PeerCertificate
from mtls_authorizer.policy.settings import Configuration, PrincipalId
from mtls_authorizer.reasons import Reason
from mtls_authorizer.request.context import build_context, principal_identifier
from mtls_authorizer.rules.routes import permits
from mtls_authorizer.rules.rule_set import EVERYTHING, Grant, Judgement

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mtls_authorizer.revocation.chains import Chain
    from mtls_authorizer.revocation.status import RevocationLists, RevocationStatus

UNAUTHENTICATED_PRINCIPAL = "unauthenticated"


class Client(NamedTuple):
    """Who asks, in strings that are safe to log and to send on."""

    principal: str
    subject_dn: str | None = None
    issuer_dn: str | None = None
    serial_number: str | None = None
    fingerprint: str | None = None


class Decision(NamedTuple):
    """Allow with the context for the integration behind, or Deny with a reason.

    An Allow is for all routes of its grant, since API Gateway may reuse it: ``permits`` says whether it is for one.
    ``shadow`` is what the shadow rules say, None without any.
    """

    allowed: bool
    reason: Reason | None
    client: Client
    context: Mapping[str, str]
    grant: Grant | None = None
    shadow: Judgement | None = None
    days_to_expiry: int | None = None
    """Whole days until the certificate's notAfter, negative once it has passed."""
    revocation: RevocationStatus | None = None
    """The certificate's revocation status, where it was looked up."""

    def refusal(self, invocation: str) -> Reason | None:
        """Return why a request is turned away, None if it isn't.

        ``invocation`` is the method and the path that are asked for: ``GET/payments/1``.
        """
        return self.reason if self.grant is None else _route_refusal(self.grant, invocation)

    def shadow_refusal(self, invocation: str) -> Reason | None:
        """Return why the shadow rules, if there are any, would have turned a request away."""
        return _route_refusal(self.shadow, invocation) if isinstance(self.shadow, Grant) else self.shadow


class Assessed(NamedTuple):
    """A certificate that the rules were applied to: where they grant something, it is let in while it is valid."""

    client: Client
    judgement: Judgement
    shadow: Judgement | None
    context: Mapping[str, str]
    not_before: datetime
    not_after: datetime
    chains: tuple[Chain, ...] = ()
    """The chains to look up for its revocation status."""


class Refused(NamedTuple):
    """A certificate that no rules would let in, or none at all."""

    client: Client
    reason: Reason


Assessment: TypeAlias = Assessed | Refused
"""What a certificate comes to under a configuration, but for the clock."""


def decide(certificate: PeerCertificate, configuration: Configuration, now: datetime) -> Decision:
    """Decide whether a certificate is let in at a time, which is aware. Pure: it reads and changes nothing else."""
    return decide_at(assess(certificate, configuration), configuration, now)


def assess(certificate: PeerCertificate, configuration: Configuration) -> Assessment:
    """Do all of ``decide`` that time doesn't change, so that it can be kept."""
    printable = not (certificate.subject.has_control_characters or certificate.issuer.has_control_characters)
    client = Client(
        principal_identifier(certificate, configuration.principal_id if printable else PrincipalId.FINGERPRINT),
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        certificate.serial_number,
        certificate.fingerprint256,
    )
    if not printable:
        return Refused(client, Reason.SUBJECT_NOT_PRINTABLE)
    if not certificate.extensions_decodable:
        return Refused(client, Reason.EXTENSIONS_MALFORMED)
    if not configuration.required_key_usages.met_by(certificate):
        return Refused(client, Reason.EXTENDED_KEY_USAGE_NOT_ALLOWED)
    judgement = configuration.rules.judge(certificate)
    shadow = configuration.shadow_rules.judge(certificate) if configuration.shadow_rules else None
    # Whatever a rule adds, what the certificate says stays.
    context: Mapping[str, str] = {}
    if isinstance(judgement, Grant):
        context = build_context(certificate)
        if judgement.context:
            context = {**judgement.context, **context}
    granted = isinstance(judgement, Grant) or isinstance(shadow, Grant)
    chains = configuration.revocation.chains(certificate) if configuration.revocation and granted else ()
    return Assessed(client, judgement, shadow, context, certificate.not_before, certificate.not_after, chains)


def assess_extraction(result: ExtractionResult, configuration: Configuration) -> Assessment:
    """Assess what was extracted from an event: a certificate, or the reason why there is none."""
    if isinstance(result, ExtractionFailure):
        return Refused(Client(UNAUTHENTICATED_PRINCIPAL), Reason(result.reason.value))
    return assess(result.certificate, configuration)


def decide_at(assessment: Assessment, configuration: Configuration, now: datetime) -> Decision:
    """Finish ``decide`` at a time, which is aware. The assessment is one under the same configuration."""
    if isinstance(assessment, Refused):
        return Decision(
            allowed=False,
            reason=assessment.reason,
            client=assessment.client,
            context={"reason": assessment.reason.value},
            shadow=assessment.reason,
        )
    refusal, revocation = _lapsed(assessment, now), None
    if refusal is None and configuration.revocation is not None:
        refusal, revocation = _revoked(assessment, configuration.revocation, now)
    elif refusal is None and configuration.crl_sources is not None:
        # Lists are asked for, and whoever made this configuration has read none.
        refusal = Reason.REVOCATION_STATUS_UNKNOWN
    judgement, shadow = assessment.judgement, assessment.shadow
    if refusal is not None:
        judgement = judgement if isinstance(judgement, Reason) else refusal
        shadow = shadow if isinstance(shadow, Reason) else refusal
    days_to_expiry = (assessment.not_after - now).days
    if isinstance(judgement, Reason):
        context: Mapping[str, str] = {"reason": judgement.value}
    elif days_to_expiry <= configuration.expiry_warning_days:
        context = {**assessment.context, "clientCertDaysToExpiry": str(days_to_expiry)}
    else:
        context = assessment.context
    grant = judgement if isinstance(judgement, Grant) else None
    return Decision(
        allowed=grant is not None,
        reason=judgement if isinstance(judgement, Reason) else None,
        client=assessment.client,
        context=context,
        grant=grant,
        shadow=shadow,
        days_to_expiry=days_to_expiry,
        revocation=revocation,
    )


def _lapsed(assessment: Assessed, now: datetime) -> Reason | None:
    """Return why a certificate isn't valid at a time (RFC 5280 §4.1.2.5: both ends of the validity belong to it)."""
    if now < assessment.not_before:
        return Reason.CERTIFICATE_NOT_YET_VALID
    if now > assessment.not_after:
        return Reason.CERTIFICATE_EXPIRED
    return None


def _revoked(
    assessment: Assessed, lists: RevocationLists, now: datetime
) -> tuple[Reason | None, RevocationStatus | None]:
    """Return why a certificate's revocation status turns it away, and the status."""
    if not isinstance(assessment.judgement, Grant) and not isinstance(assessment.shadow, Grant):
        return None, None
    status = lists.status_at(assessment.chains, now)
    if not lists.denies(status):
        return None, status
    # RevocationState.REVOKED, by its value: without CRLs its module isn't imported.
    revoked = status.state == "revoked"
    return (Reason.CERTIFICATE_REVOKED if revoked else Reason.REVOCATION_STATUS_UNKNOWN), status


def _route_refusal(grant: Grant, invocation: str) -> Reason | None:
    # What has no path isn't covered by the policy's */* either.
    permitted = "/" in invocation if grant.routes is EVERYTHING else permits(grant.routes, invocation)
    return None if permitted else Reason.ROUTE_NOT_ALLOWED
