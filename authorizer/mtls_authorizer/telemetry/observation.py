"""An observation: everything that the log and the metrics report about one decision."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer.telemetry.malformed_certificate import MalformedCertificate


class Observation(NamedTuple):
    """A decision, its inputs, and its duration.

    ``time`` is the time of the decision, aware. ``cached`` is whether the assessment was cached. ``microseconds`` is
    the duration. ``refresh_failures`` is the number of failed attempts to load a document since the previous decision.
    """

    decision: Decision
    request: ApiRequest
    settings: Settings
    policy: AccessPolicy
    time: datetime
    cached: bool
    microseconds: int
    refresh_failures: int
    malformed: MalformedCertificate | None = None
    """The certificate, if it could not be parsed."""

    collides: bool = False
    """Whether another certificate has the same issuer and serial number, unless that was reported before."""

    @property
    def is_expiring(self) -> bool:
        """Whether an allowed client's certificate expires within the configured number of days."""
        days = self.decision.days_to_expiry
        return self.decision.allowed and days is not None and days <= self.settings.expiry_warning_days
