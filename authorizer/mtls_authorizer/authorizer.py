"""The way of a request: event, certificate, decision, answer."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter_ns
from typing import TYPE_CHECKING

from client_certificate_auth import find_client_certificate, read_client_certificate
from mtls_authorizer.policy.current_policy import LiveConfiguration
from mtls_authorizer.request.decision import Assessment, assess_extraction, decide_at
from mtls_authorizer.request.event import read_request
from mtls_authorizer.request.response import answer
from mtls_authorizer.telemetry.decision_log import Observation, make_recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.policy.settings import Configuration

# About 8 KiB each for a common certificate, so 4 MiB when full. What is much longer is rare, and not kept.
CACHED_CERTIFICATES = 512
LONGEST_CACHED_PEM = 16 * 1024


def make_authorizer(configuration: Configuration) -> Callable[[object], dict[str, object]]:
    """Return the function that answers events under a configuration, and reads the documents that it names.

    It raises Unauthorized (401 on a REST API) and UnsupportedEventError (500). Certificates are kept by their
    whole PEM, so that the same one isn't read and matched again; its dates are checked for every request.

    Raises StoreError and RulesError for rules that can't be read at the start.
    """
    return make_live_authorizer(LiveConfiguration(configuration))


def make_live_authorizer(live: LiveConfiguration) -> Callable[[object], dict[str, object]]:
    """Do as ``make_authorizer`` with a configuration that the caller keeps as well."""
    assessor = _Assessor(live.current())
    record = make_recorder(assessor.configuration)

    def authorize(event: object) -> dict[str, object]:
        nonlocal assessor
        request = read_request(event)
        configuration = live.current()
        # Another thread may have gone on to another configuration.
        current = assessor
        if current.configuration is not configuration:
            current = assessor = _Assessor(configuration)
        began = perf_counter_ns()
        assessment, cached = current.assess(find_client_certificate(event))
        now = datetime.now(UTC)
        decision = decide_at(assessment, configuration, now)
        microseconds = (perf_counter_ns() - began) // 1000
        if record is not None:
            record(
                Observation(
                    decision,
                    request,
                    configuration,
                    now,
                    cached,
                    microseconds,
                    live.take_failures(),
                    decision.refusal(request.invocation),
                    decision.shadow_refusal(request.invocation),
                )
            )
        return answer(decision, request, configuration)

    return authorize


class _Assessor:
    """Assesses certificates under one configuration, and keeps what they come to."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._was_known = False
        self._assess_cached = lru_cache(CACHED_CERTIFICATES)(self._assess)

    def assess(self, pem: object) -> tuple[Assessment, bool]:
        """Return what a certificate comes to, and whether that was known."""
        if not isinstance(pem, str) or len(pem) > LONGEST_CACHED_PEM:
            return self._assess(pem), False
        self._was_known = True
        return self._assess_cached(pem), self._was_known

    def _assess(self, pem: object) -> Assessment:
        self._was_known = False
        return assess_extraction(read_client_certificate(pem), self.configuration)
