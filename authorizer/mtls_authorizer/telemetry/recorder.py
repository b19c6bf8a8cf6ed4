"""Records decisions: the log, the metrics, and warnings about the deployment that a request reveals."""

from __future__ import annotations

from functools import partial

from mtls_authorizer.log import get_logger
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.telemetry.decision_log import log_decision, shortened
from mtls_authorizer.telemetry.observation import Observation
from mtls_authorizer.telemetry.serial_numbers import SerialNumberRegister

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.request.assessment import Client
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer.telemetry.malformed_certificate import MalformedCertificate
    from mtls_authorizer.telemetry.truststore_expiry import TruststoreExpiryReporter


class Recorder:
    """Writes the log and the metrics of decisions, if the settings enable them, and warnings. Thread-safe.

    ``take_failures`` returns how many attempts to load a document have failed since it was last called.
    """

    def __init__(self, settings: Settings, take_failures: Callable[[], int]) -> None:
        self._settings = settings
        self._take_failures = take_failures
        self._writers = _make_writers(settings)
        self._serial_numbers = SerialNumberRegister()
        self._truststore_expiry = _truststore_expiry_reporter(settings)
        # Each of these two warnings is logged at most once.
        self._warns_of_identity_sources = True
        self._warns_of_simple_responses = settings.response_format == "simple"

    def record_start(self, policy: AccessPolicy, clock: Callable[[], datetime]) -> None:
        """Report CA certificates of the truststore that expire soon, before the first request."""
        if self._truststore_expiry is not None:
            self._truststore_expiry.report_start(policy.truststore, clock())

    def record(  # noqa: PLR0913 -- the facts of one request
        self,
        decision: Decision,
        request: ApiRequest,
        policy: AccessPolicy,
        now: datetime,
        *,
        cached: bool,
        microseconds: int,
    ) -> None:
        """Record a decision that was made at an aware time. The parameters are explained in ``Observation``."""
        collides = not cached and self._check_serial_number(decision.client)
        if policy.rules.limits_domain_names and self._warns_of_identity_sources:
            self._check_identity_sources(request)
        if self._warns_of_simple_responses:
            self._check_simple_response(decision, request)
        if self._truststore_expiry is not None:
            self._truststore_expiry.report(policy.truststore, now)
        if self._writers:
            observation = Observation(
                decision,
                request,
                self._settings,
                policy,
                time=now,
                cached=cached,
                microseconds=microseconds,
                refresh_failures=self._take_failures(),
                malformed=_malformed_certificate(decision, request),
                collides=collides,
            )
            for write in self._writers:
                write(observation)

    def _check_serial_number(self, client: Client) -> bool:
        """Log that two certificates have the same issuer and serial number, regardless of LOG_DECISIONS.

        Returns whether the client's certificate is one of them.
        """
        other_fingerprint = self._serial_numbers.observe(client)
        if other_fingerprint is None:
            return False
        fields = {
            "issuer_dn": shortened(client.issuer_dn),
            "serial_number": shortened(client.serial_number),
            "fingerprint": client.fingerprint,
            "other_fingerprint": other_fingerprint,
        }
        get_logger().warning("serial number collision", extra=fields)
        return True

    def _check_identity_sources(self, request: ApiRequest) -> None:
        """Warn that API Gateway may return the response for one domain name to a request for another one."""
        if request.may_be_cached_for_other_domain_names:
            self._warns_of_identity_sources = False
            correction = "add $context.domainName"
            get_logger().warning("domain name is not an identity source", extra={"correction": correction})

    def _check_simple_response(self, decision: Decision, request: ApiRequest) -> None:
        """Warn that API Gateway may return the simple response for one route to a request for another one."""
        is_limited = decision.grant is not None and decision.grant.routes is not ALL_ROUTES
        if request.event_format == "http-2.0" and request.identity_sources and is_limited:
            self._warns_of_simple_responses = False
            correction = "set RESPONSE_FORMAT=iam and turn simple responses off, unless the authorizer's TTL is 0"
            get_logger().warning("simple response may be cached for other routes", extra={"correction": correction})


def _make_writers(settings: Settings) -> list[Callable[[Observation], None]]:
    """Return the functions that write the log and the metrics, as far as the settings enable them."""
    writers: list[Callable[[Observation], None]] = []
    if settings.log_decisions != "none":
        writers.append(log_decision)
    if settings.metrics_namespace is not None:
        from mtls_authorizer.telemetry.decision_metrics import write_decision_metrics  # noqa: PLC0415 -- imported only if used

        writers.append(partial(write_decision_metrics, settings.metrics_namespace))
    return writers


def _truststore_expiry_reporter(settings: Settings) -> TruststoreExpiryReporter | None:
    if settings.truststore_uri is None:
        return None
    from mtls_authorizer.telemetry.truststore_expiry import TruststoreExpiryReporter  # noqa: PLC0415 -- only with a truststore

    return TruststoreExpiryReporter(settings)


def _malformed_certificate(decision: Decision, request: ApiRequest) -> MalformedCertificate | None:
    """Describe the certificate if it could not be parsed; None if it could, or if there is none."""
    if decision.reason is not DenyReason.CERTIFICATE_MALFORMED:
        return None
    from mtls_authorizer.telemetry.malformed_certificate import describe_malformed  # noqa: PLC0415 -- rarely needed

    return describe_malformed(request.event)
