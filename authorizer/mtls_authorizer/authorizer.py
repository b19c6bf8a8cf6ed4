"""The steps of a request: event, access policy, assessment of the certificate, decision, telemetry, response."""

from __future__ import annotations

from time import perf_counter_ns

from client_certificate_auth import find_client_certificate
from mtls_authorizer.policy.current_policy import CurrentPolicy, utc_now
from mtls_authorizer.request.assessment import AssessmentCache
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import read_request
from mtls_authorizer.request.response import make_response
from mtls_authorizer.telemetry.recorder import Recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.revocation.chains import Chain


class Authorizer:
    """Authorizes requests under fixed settings and an access policy that is kept up to date. Thread-safe.

    Without ``current_policy``, it creates one from the settings, which raises what ``CurrentPolicy`` raises. ``clock``
    returns the current time, aware. ``timer`` returns nanoseconds, and measures the duration of each decision for the
    log.
    """

    def __init__(
        self,
        settings: Settings,
        current_policy: CurrentPolicy | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        timer: Callable[[], int] = perf_counter_ns,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._timer = timer
        self._current_policy = current_policy or CurrentPolicy(settings)
        policy = self._current_policy.get()
        self._assessments = AssessmentCache(settings, policy)
        self._recorder = Recorder(settings, self._current_policy.take_failures)
        self._recorder.record_start(policy, clock)

    def authorize(self, event: object) -> dict[str, object]:
        """Return the response to an authorizer's event.

        Raises UnsupportedEventError, to which API Gateway responds with 500, and Unauthorized (401 on a REST API).
        """
        request = read_request(event)
        policy = self._current_policy.get()
        started = self._timer()
        pem = find_client_certificate(event)
        assessment, cached = self._assessments_under(policy).assess(pem)
        chains: tuple[Chain, ...] = ()
        # Usually once: another thread may replace the truststore, and so the chains.
        while assessment.chains and assessment.chains != chains:
            chains = assessment.chains
            with_crls = self._current_policy.load_crls(chains)
            if with_crls is not policy:
                policy = with_crls
                assessment, _ = self._assessments_under(policy).assess(pem)
        now = self._clock()
        decision = decide(assessment, self._settings, policy, request, now)
        microseconds = (self._timer() - started) // 1000
        self._recorder.record(decision, request, policy, now, cached=cached, microseconds=microseconds)
        return make_response(decision, request, self._settings)

    def _assessments_under(self, policy: AccessPolicy) -> AssessmentCache:
        # A local variable, because another thread may replace the cache at any time.
        assessments = self._assessments
        if assessments.policy is not policy:
            assessments = self._assessments = AssessmentCache(self._settings, policy)
        return assessments
