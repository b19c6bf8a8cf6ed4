"""The way of a request: event, certificate, decision, answer."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from client_certificate_auth import find_client_certificate, read_client_certificate
from mtls_authorizer.answers import answer
from mtls_authorizer.api_request import ApiRequest, read_request
from mtls_authorizer.decision import Assessment, Decision, assess_extraction, decide_at
from mtls_authorizer.live_configuration import keep_current

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.configuration import Configuration
    from mtls_authorizer.reasons import Reason

logger = logging.getLogger("mtls_authorizer")

# About 8 KiB each for a common certificate, so 4 MiB when full. What is much longer is rare, and not kept.
CACHED_CERTIFICATES = 512
LONGEST_CACHED_PEM = 16 * 1024


def make_authorizer(configuration: Configuration) -> Callable[[object], dict[str, object]]:
    """Return the function that answers events under a configuration, and reads the documents that it names.

    It raises Unauthorized (401 on a REST API) and UnsupportedEventError (500). Certificates are kept by their
    whole PEM, so that the same one isn't read and matched again; its dates are checked for every request.

    Raises StoreError and RulesError for a document that can't be read at the start.
    """
    current = keep_current(configuration)
    assessor = _Assessor(current())

    def authorize(event: object) -> dict[str, object]:
        nonlocal assessor
        request = read_request(event)
        configuration = current()
        if assessor.configuration is not configuration:
            assessor = _Assessor(configuration)
        decision = decide_at(assessor.assess(find_client_certificate(event)), datetime.now(UTC))
        _log(decision, request, configuration)
        return answer(decision, request, configuration)

    return authorize


class _Assessor:
    """Assesses certificates under one configuration, and keeps what they come to."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._assess_cached = lru_cache(CACHED_CERTIFICATES)(self._assess)

    def assess(self, pem: object) -> Assessment:
        keep = isinstance(pem, str) and len(pem) <= LONGEST_CACHED_PEM
        return self._assess_cached(pem) if keep else self._assess(pem)

    def _assess(self, pem: object) -> Assessment:
        return assess_extraction(read_client_certificate(pem), self.configuration)


def _log(decision: Decision, request: ApiRequest, configuration: Configuration) -> None:
    """Log a decision once. The message is from a closed set; what the client chose is in fields only."""
    refusal = decision.refusal(request.invocation)
    effect, reason = _effect(refusal)
    fields = {
        "decision": effect,
        "reason": reason,
        **decision.client._asdict(),
        "rules": decision.grant and list(decision.grant.rules),
        "rules_version": configuration.rules_version,
        "request_id": request.request_id,
        "route": request.route,
    }
    if configuration.shadow_rules:
        fields["shadow_decision"], fields["shadow_reason"] = _effect(decision.shadow_refusal(request.invocation))
        fields["shadow_rules_version"] = configuration.shadow_rules_version
    logger.log(
        logging.INFO if refusal is None else logging.WARNING,
        effect if reason is None else f"{effect}: {reason}",
        extra=fields,
    )


def _effect(refusal: Reason | None) -> tuple[str, str | None]:
    return ("allow", None) if refusal is None else ("deny", refusal.value)
