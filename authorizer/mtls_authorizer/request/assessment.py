"""The time-independent part of a decision on a certificate, which is cached."""

from __future__ import annotations

from _thread import allocate_lock  # what threading.Lock() calls; importing threading takes 1 ms
from collections import OrderedDict

from client_certificate_auth import ExtractionFailure, read_client_certificate
from client_certificate_auth.records import NamedTuple
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.checks import CERTIFICATE_CHECKS, EXTRACTION_CHECKS, first_failure
from mtls_authorizer.request.context import build_context, principal_identifier, psd2_context
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH, SERVER_AUTH, usage_name
from mtls_authorizer.rules.fields import ORGANIZATION_IDENTIFIER, PSD2_ROLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import TypeAlias

    from client_certificate_auth import ExtractionResult, PeerCertificate
    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.revocation.chains import Chain
    from mtls_authorizer.rules.grant import Evaluation
    from mtls_authorizer.rules.rule_set import RuleSet

UNAUTHENTICATED_PRINCIPAL = "unauthenticated"

MAX_CACHED_CERTIFICATES = 512
"""A full cache takes about 1 MiB with typical certificates (2 KiB each), and about 30 MiB with the largest ones."""

MAX_CACHED_PEM_LENGTH = 16 * 1024
"""In characters."""

MAX_CACHED_TEXT_LENGTH = 32 * 1024
"""In characters: the DNs and the context of an assessment. They can be longer than the PEM, because an accented letter
takes six characters in a DN, and six in JSON."""


class Client(NamedTuple):
    """The client's identity, in strings that are safe to log and to pass on."""

    principal: str
    subject_dn: str | None = None
    issuer_dn: str | None = None
    serial_number: str | None = None
    fingerprint: str | None = None
    tbs_hash: int | None = None
    """The hash of the certificate's signed part, for finding serial number collisions. It is not logged."""

    extended_key_usage: tuple[str, ...] | None = None
    """The extended key usages, by name or as dotted OIDs. None: there is no such extension that can be decoded."""


class RejectedCertificate(NamedTuple):
    """A certificate that is missing, or rejected before the rules are evaluated."""

    client: Client
    reason: DenyReason
    chains: tuple[Chain, ...] = ()
    """Always empty. Every assessment has this field, so that callers need not distinguish them."""


class AssessedCertificate(NamedTuple):
    """A certificate for which the rules were evaluated.

    ``evaluation`` is that of the rules, and ``shadow_evaluation`` that of the shadow rules, None without any.
    ``context`` contains the values of the certificate, and is empty without a grant. ``not_before`` and ``not_after``
    are aware, and part of the validity (RFC 5280 §4.1.2.5).
    """

    client: Client
    evaluation: Evaluation
    shadow_evaluation: Evaluation | None
    context: Mapping[str, str]
    not_before: datetime
    not_after: datetime
    loses_client_auth: bool
    """Whether the client would lose the grant if a renewed certificate had no clientAuth.

    Only for certificates with both serverAuth and clientAuth: public CAs must stop issuing them by 2027-03-15.
    """

    chains: tuple[Chain, ...] = ()
    """The chains that determine the revocation status. Empty unless CRLs are configured and something is granted."""

    @property
    def has_grant(self) -> bool:
        """Whether the rules or the shadow rules grant something, at least for some requests."""
        return not (isinstance(self.evaluation, DenyReason) and isinstance(self.shadow_evaluation, DenyReason | None))


Assessment: TypeAlias = AssessedCertificate | RejectedCertificate
"""The time-independent part of a decision: it depends only on the certificate, the settings and the access policy."""


def assess(extraction: ExtractionResult, settings: Settings, policy: AccessPolicy) -> Assessment:
    """Apply the checks that depend on the certificate, then the rules. Pure."""
    if isinstance(extraction, ExtractionFailure):
        reason = first_failure(EXTRACTION_CHECKS, extraction) or DenyReason.CERTIFICATE_MALFORMED
        return RejectedCertificate(Client(UNAUTHENTICATED_PRINCIPAL), reason)
    certificate = extraction.certificate
    failure = first_failure(CERTIFICATE_CHECKS, certificate)
    client = _client(certificate, settings, failure)
    if failure is not None:
        return RejectedCertificate(client, failure)
    required = settings.required_usages
    evaluation = policy.rules.evaluate(certificate, required)
    is_granted = not isinstance(evaluation, DenyReason)
    assessed = AssessedCertificate(
        client,
        evaluation,
        policy.shadow_rules.evaluate(certificate, required) if policy.shadow_rules is not None else None,
        _context(certificate, settings, policy.rules) if is_granted else {},
        certificate.not_before,
        certificate.not_after,
        is_granted and _loses_client_auth(certificate, settings, policy),
    )
    if policy.revocation is not None and assessed.has_grant:
        return assessed._replace(chains=policy.revocation.chains(certificate))
    return assessed


def _context(certificate: PeerCertificate, settings: Settings, rules: RuleSet) -> dict[str, str]:
    context = build_context(certificate, with_header=settings.client_cert_header)
    if rules.uses(PSD2_ROLE) or rules.uses(ORGANIZATION_IDENTIFIER):
        context |= psd2_context(certificate, rules)
    return context


def _loses_client_auth(certificate: PeerCertificate, settings: Settings, policy: AccessPolicy) -> bool:
    usages = certificate.ext_key_usage or ()
    if SERVER_AUTH not in usages or CLIENT_AUTH not in usages:
        return False
    return policy.rules.needs_client_auth(certificate, settings.required_usages)


def _tbs_hash(certificate: PeerCertificate) -> int:
    """Return a hash of the TBSCertificate (RFC 5280 §4.1.1.1), the part of a certificate that its CA has signed.

    Not the fingerprint: the same certificate can have several valid signatures, because anyone can convert an ECDSA
    signature into another valid one. Not SHA-256, which takes 2 µs longer: ``hash`` has a random key in each process,
    so that nobody can choose certificates whose hashes collide.
    """
    return hash(certificate.fields.tbs_fields)


def _client(certificate: PeerCertificate, settings: Settings, failure: DenyReason | None) -> Client:
    usages = certificate.ext_key_usage
    # A name with control characters must not become the principal.
    unprintable = failure is DenyReason.SUBJECT_NOT_PRINTABLE
    return Client(
        principal_identifier(certificate, "fingerprint" if unprintable else settings.principal_id),
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        certificate.serial_number,
        certificate.fingerprint256,
        _tbs_hash(certificate),
        None if usages is None else tuple(map(usage_name, usages)),
    )


class AssessmentCache:
    """Assesses certificates under one access policy. Keeps the most recently used assessments by PEM. Thread-safe."""

    def __init__(self, settings: Settings, policy: AccessPolicy) -> None:
        self.policy = policy
        self._settings = settings
        self._assessments: OrderedDict[str, Assessment] = OrderedDict()
        self._lock = allocate_lock()

    def assess(self, pem: object) -> tuple[Assessment, bool]:
        """Return the assessment of a certificate, and whether it was cached. Raises nothing, whatever the PEM is."""
        if not isinstance(pem, str) or len(pem) > MAX_CACHED_PEM_LENGTH:
            return assess(read_client_certificate(pem), self._settings, self.policy), False
        with self._lock:
            known = self._assessments.get(pem)
            if known is not None:
                self._assessments.move_to_end(pem)
                return known, True
        assessment = assess(read_client_certificate(pem), self._settings, self.policy)
        if _text_length(assessment) > MAX_CACHED_TEXT_LENGTH:
            return assessment, False
        with self._lock:
            self._assessments[pem] = assessment
            if len(self._assessments) > MAX_CACHED_CERTIFICATES:
                self._assessments.popitem(last=False)
        return assessment, False


def _text_length(assessment: Assessment) -> int:
    context = assessment.context.values() if isinstance(assessment, AssessedCertificate) else ()
    return sum(map(len, (assessment.client.subject_dn or "", assessment.client.issuer_dn or "", *context)))
