"""The steps of a request: event, access policy, assessment of the certificate, decision, telemetry, response."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter_ns

from client_certificate_auth import find_client_certificate
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import ResponseFormat
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.assessment import AssessmentCache
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import EventFormat, read_request
from mtls_authorizer.request.response import make_response
from mtls_authorizer.request.serial_numbers import SerialNumberRegister
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.telemetry.decision_log import (
    log_collision,
    log_missing_identity_source,
    log_simple_response_of_route,
)
from mtls_authorizer.telemetry.observation import Observation
from mtls_authorizer.telemetry.recorder import make_recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer.telemetry.malformed_certificate import MalformedCertificate
    from mtls_authorizer.telemetry.truststore_expiry import TruststoreExpiryReporter


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _malformed_certificate(decision: Decision, event: object) -> MalformedCertificate | None:
    """Describe the certificate if it could not be parsed; None if it could, or if there is none."""
    if decision.reason is not DenyReason.CERTIFICATE_MALFORMED:
        return None
    from mtls_authorizer.telemetry.malformed_certificate import describe_malformed  # noqa: PLC0415 -- rarely needed

    return describe_malformed(event)


def _truststore_expiry_reporter(settings: Settings) -> TruststoreExpiryReporter | None:
    if settings.truststore_uri is None:
        return None
    from mtls_authorizer.telemetry.truststore_expiry import TruststoreExpiryReporter  # noqa: PLC0415 -- only with a truststore

    return TruststoreExpiryReporter(settings)


class Authorizer:
    """Authorizes requests under fixed settings and an access policy that is kept up to date. Thread-safe.

    Without ``current_policy``, it creates one from the settings. Raises StoreError or RulesError if the rules cannot be
    read. ``clock`` returns the current time, aware. ``timer`` returns nanoseconds, and measures the duration of each
    decision for the log.
    """

    def __init__(
        self,
        settings: Settings,
        current_policy: CurrentPolicy | None = None,
        *,
        clock: Callable[[], datetime] = _utc_now,
        timer: Callable[[], int] = perf_counter_ns,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._timer = timer
        self._current_policy = current_policy or CurrentPolicy(settings)
        policy = self._current_policy.get()
        self._assessments = AssessmentCache(settings, policy)
        self._serial_numbers = SerialNumberRegister()
        self._record = make_recorder(settings)
        # Each of these two warnings is logged at most once.
        self._warns_of_identity_sources = True
        self._warns_of_simple_responses = settings.response_format is ResponseFormat.SIMPLE
        self._truststore_expiry = _truststore_expiry_reporter(settings)
        if self._truststore_expiry is not None:
            self._truststore_expiry.report_start(policy.truststore, clock())

    def authorize(self, event: object) -> dict[str, object]:
        """Return the response to an authorizer's event.

        Raises UnsupportedEventError, to which API Gateway responds with 500, and Unauthorized (401 on a REST API).
        """
        request = read_request(event)
        policy = self._current_policy.get()
        started = self._timer()
        pem = find_client_certificate(event)
        assessment, cached = self._assessments_under(policy).assess(pem)
        if assessment.chains:
            with_crls = self._current_policy.load_crls(assessment.chains)
            if with_crls is not policy:
                policy = with_crls
                assessment, _ = self._assessments_under(policy).assess(pem)
        now = self._clock()
        decision = decide(assessment, self._settings, policy, request, now)
        microseconds = (self._timer() - started) // 1000
        collision = None if cached else self._serial_numbers.observe(decision.client)
        if collision is not None:
            log_collision(collision)
        if policy.rules.limits_domain_names and self._warns_of_identity_sources:
            self._check_identity_sources(request)
        if self._warns_of_simple_responses:
            self._check_simple_response(decision, request)
        if self._truststore_expiry is not None:
            self._truststore_expiry.report(policy.truststore, now)
        if self._record is not None:
            self._record(
                Observation(
                    decision,
                    request,
                    self._settings,
                    policy,
                    time=now,
                    cached=cached,
                    microseconds=microseconds,
                    refresh_failures=self._current_policy.take_failures(),
                    malformed=_malformed_certificate(decision, event),
                    collision=collision,
                )
            )
        return make_response(decision, request, self._settings)

    def _check_identity_sources(self, request: ApiRequest) -> None:
        if request.may_be_cached_for_other_domain_names:
            self._warns_of_identity_sources = False
            log_missing_identity_source()

    def _check_simple_response(self, decision: Decision, request: ApiRequest) -> None:
        """Warn that API Gateway may return a cached simple response for one route to requests for other routes."""
        is_simple = request.event_format is EventFormat.HTTP_2_0
        if is_simple and request.identity and decision.grant is not None and decision.grant.routes is not ALL_ROUTES:
            self._warns_of_simple_responses = False
            log_simple_response_of_route()

    def _assessments_under(self, policy: AccessPolicy) -> AssessmentCache:
        # A local variable, because another thread may replace the cache at any time.
        assessments = self._assessments
        if assessments.policy is not policy:
            assessments = self._assessments = AssessmentCache(self._settings, policy)
        return assessments
