"""The decision: a certificate and a configuration in, Allow or Deny out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from client_certificate_auth import ExtractionFailure, ExtractionResult, PeerCertificate
from mtls_authorizer.configuration import Configuration, PrincipalId
from mtls_authorizer.context import build_context, principal_identifier
from mtls_authorizer.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# C0, DEL and C1 (ISO/IEC 6429). They break headers, logs and terminals downstream.
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")

UNAUTHENTICATED_PRINCIPAL = "unauthenticated"


class Client(NamedTuple):
    """Who asks, in strings that are safe to log and to send on."""

    principal: str
    serial_number: str | None = None
    fingerprint: str | None = None
    issuer_dn: str | None = None


class Decision(NamedTuple):
    """Allow with the context for the integration behind, or Deny with a reason."""

    allowed: bool
    reason: Reason | None
    client: Client
    context: Mapping[str, str]


class Accepted(NamedTuple):
    """A certificate that a rule matched: it is let in while it is valid."""

    client: Client
    context: Mapping[str, str]
    not_before: datetime
    not_after: datetime


class Refused(NamedTuple):
    """A certificate that is never let in, or none at all."""

    client: Client
    reason: Reason


Assessment: TypeAlias = Accepted | Refused
"""What a certificate comes to under a configuration, but for the clock."""


def decide(certificate: PeerCertificate, configuration: Configuration, now: datetime) -> Decision:
    """Decide whether a certificate is let in at a time, which is aware. Pure: it reads and changes nothing else."""
    return decide_at(assess(certificate, configuration), now)


def assess(certificate: PeerCertificate, configuration: Configuration) -> Assessment:
    """Do all of ``decide`` that time doesn't change, so that it can be kept."""
    printable = not any(map(_CONTROL_CHARACTER.search, _values(certificate)))
    client = Client(
        principal_identifier(certificate, configuration.principal_id if printable else PrincipalId.FINGERPRINT),
        certificate.serial_number,
        certificate.fingerprint256,
        certificate.issuer.rfc4514_string(),
    )
    if not printable:
        return Refused(client, Reason.SUBJECT_NOT_PRINTABLE)
    if configuration.rule is None:
        return Refused(client, Reason.NO_ALLOWLIST_CONFIGURED)
    mismatch = configuration.rule.mismatch(certificate)
    if mismatch is not None:
        return Refused(client, mismatch)
    return Accepted(client, build_context(certificate), certificate.not_before, certificate.not_after)


def assess_extraction(result: ExtractionResult, configuration: Configuration) -> Assessment:
    """Assess what was extracted from an event: a certificate, or the reason why there is none."""
    if isinstance(result, ExtractionFailure):
        return Refused(Client(UNAUTHENTICATED_PRINCIPAL), Reason(result.reason.value))
    return assess(result.certificate, configuration)


def decide_at(assessment: Assessment, now: datetime) -> Decision:
    """Finish ``decide`` at a time, which is aware (RFC 5280 §4.1.2.5: both ends of the validity belong to it)."""
    if isinstance(assessment, Refused):
        return _deny(assessment.reason, assessment.client)
    if now < assessment.not_before:
        return _deny(Reason.CERTIFICATE_NOT_YET_VALID, assessment.client)
    if now > assessment.not_after:
        return _deny(Reason.CERTIFICATE_EXPIRED, assessment.client)
    return Decision(allowed=True, reason=None, client=assessment.client, context=assessment.context)


def _deny(reason: Reason, client: Client) -> Decision:
    return Decision(allowed=False, reason=reason, client=client, context={"reason": reason.value})


def _values(certificate: PeerCertificate) -> list[str]:
    names = (certificate.subject, certificate.issuer)
    return [value for name in names for attribute in name for value in name.get_all(attribute)]
