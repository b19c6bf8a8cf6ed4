"""Reports CA certificates of the truststore that expire soon or have expired. AWS does not report them."""

from __future__ import annotations

import hashlib

from mtls_authorizer.log import get_logger
from mtls_authorizer.revocation.truststore.names import printed_name
from mtls_authorizer.telemetry.decision_log import MOST_VALUES, shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date, datetime

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.revocation.truststore.authority import Authority
    from mtls_authorizer.revocation.truststore.bundle import Truststore

logger = get_logger()


class TruststoreExpiryReporter:
    """Logs the CA certificates that expire within the warning period: once a day, and for each new truststore."""

    def __init__(self, settings: Settings) -> None:
        self._uri = settings.truststore_uri
        self._warning_days = settings.expiry_warning_days
        self._metrics_namespace = settings.metrics_namespace
        self._logged: tuple[Truststore, date] | None = None

    def report_start(self, truststore: Truststore | None, now: datetime) -> None:
        """Write the metric and the log, before the first request. ``truststore`` is None if it could not be loaded."""
        if truststore is None:
            return
        if self._metrics_namespace is not None:
            from mtls_authorizer.telemetry.decision_metrics import write_truststore_metric  # noqa: PLC0415 -- only if used

            write_truststore_metric(self._metrics_namespace, truststore, now)
        self.report(truststore, now)

    def report(self, truststore: Truststore | None, now: datetime) -> None:
        """Log, unless these certificates were logged today. ``now`` is aware. Cheap enough for every request."""
        if truststore is None or self._logged == (truststore, now.date()):
            return
        days = truststore.days_to_expiry(now)
        if days is None or days > self._warning_days:
            return
        self._logged = (truststore, now.date())
        for authority in sorted(truststore.authorities, key=lambda each: each.not_after)[:MOST_VALUES]:
            if (authority.not_after - now).days <= self._warning_days:
                self._log(authority, now)

    def _log(self, authority: Authority, now: datetime) -> None:
        expired = authority.not_after <= now
        logger.warning(
            "truststore certificate has expired" if expired else "truststore certificate expires soon",
            extra={
                "document": "truststore",
                "uri": self._uri,
                "subject_dn": shortened(printed_name(authority.certificate.subject)),
                "sha256": hashlib.sha256(authority.certificate.der).hexdigest(),
                "days_to_expiry": (authority.not_after - now).days,
            },
        )
