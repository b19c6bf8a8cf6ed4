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

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.configuration import Configuration

logger = logging.getLogger("mtls_authorizer")

# About 8 KiB each for a common certificate, so 4 MiB when full. What is much longer is rare, and not kept.
CACHED_CERTIFICATES = 512
LONGEST_CACHED_PEM = 16 * 1024


def make_authorizer(configuration: Configuration) -> Callable[[object], dict[str, object]]:
    """Return the function that answers events under a configuration.

    It raises Unauthorized (401 on a REST API) and UnsupportedEventError (500). Certificates are kept by their
    whole PEM, so that the same one isn't read and matched again; its dates are checked for every request.
    """

    def assess_uncached(pem: object) -> Assessment:
        return assess_extraction(read_client_certificate(pem), configuration)

    assess_cached = lru_cache(CACHED_CERTIFICATES)(assess_uncached)

    def authorize(event: object) -> dict[str, object]:
        request = read_request(event)
        pem = find_client_certificate(event)
        keep = isinstance(pem, str) and len(pem) <= LONGEST_CACHED_PEM
        assessment = assess_cached(pem) if keep else assess_uncached(pem)
        decision = decide_at(assessment, datetime.now(UTC))
        _log(decision, request)
        return answer(decision, request, configuration)

    return authorize


def _log(decision: Decision, request: ApiRequest) -> None:
    """Log a decision once. The message is from a closed set; what the client chose is in fields only."""
    effect = "allow" if decision.allowed else "deny"
    logger.log(
        logging.INFO if decision.allowed else logging.WARNING,
        effect if decision.reason is None else f"{effect}: {decision.reason}",
        extra={
            "decision": effect,
            "reason": decision.reason and decision.reason.value,
            **decision.client._asdict(),
            "request_id": request.request_id,
            "route": request.route,
        },
    )
