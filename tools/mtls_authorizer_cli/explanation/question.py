"""The question that ``explain`` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import MalformedCertificateError, PeerCertificate, read_client_certificate
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.assessment import assess
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import ApiRequest

if TYPE_CHECKING:
    from datetime import datetime

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.request.assessment import Assessment
    from mtls_authorizer.request.decision import Decision
    from mtls_authorizer.rules.request_limits import RequestLimits
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle

EXAMPLE_REQUEST = ApiRequest("rest", "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/stage", "GET/")
"""The request of a question that is not about a particular one."""


class Question(NamedTuple):
    """What the authorizer is asked, when, and under which settings and access policy.

    ``pem`` is what ``find_client_certificate`` returns. Without ``route_asked`` the question is about no particular
    route, and the request's invocation is ignored. ``now`` is aware. Without a ``truststore``, the checks of API
    Gateway are not explained.
    """

    pem: object
    settings: Settings
    policy: AccessPolicy
    request: ApiRequest
    route_asked: bool
    now: datetime
    truststore: TruststoreBundle | None = None

    @property
    def invocation(self) -> str | None:
        """The requested method and path as in a method ARN; None for no particular route."""
        return self.request.invocation if self.route_asked else None

    def certificate(self) -> PeerCertificate | str:
        """Return the certificate, or the reason why there is none."""
        return read_certificate(self.pem)

    def in_effect(self, limits: RequestLimits | None) -> bool:
        """Return whether a rule with these limits is in effect for the request."""
        return limits is None or limits.permit(self.request.api_id, self.request.domain_name, self.now)

    def rules_in_effect(self, certificate: PeerCertificate) -> list[Rule]:
        """Return the rules that match a certificate and are in effect for the request."""
        return [rule for rule in self.matching_rules(certificate) if self.in_effect(rule.limits)]

    def matching_rules(self, certificate: PeerCertificate) -> list[Rule]:
        """Return the rules that match a certificate, as if it had the required usages if none matches without them."""
        rules = self.policy.rules
        return rules.matching(certificate, self.settings.required_usages) or rules.matching(certificate)

    def assessment(self) -> Assessment:
        """Return the time-independent part of the decision."""
        return assess(read_client_certificate(self.pem), self.settings, self.policy)

    def decision(self) -> Decision:
        """Return the authorizer's own decision."""
        return decide(self.assessment(), self.settings, self.policy, self.request, self.now)

    def denial(self, reason: DenyReason | None) -> DenyReason | None:
        """Return the deny reason, unless it is about a route and no route was given."""
        return None if reason is DenyReason.ROUTE_NOT_ALLOWED and not self.route_asked else reason


def with_api_id(request: ApiRequest, api_id: str) -> ApiRequest:
    """Return the same request to another API."""
    return request._replace(stage_arn=request.stage_arn.replace(f":{request.api_id}/", f":{api_id}/"))


def with_domain_name(request: ApiRequest, domain_name: str) -> ApiRequest:
    """Return the same request under another domain name."""
    return request._replace(request_context={**request.request_context, "domainName": domain_name})


def read_certificate(pem: object) -> PeerCertificate | str:
    """Return the certificate in a PEM, or the reason why there is none, with the parser's complete error."""
    if pem is None:
        return "none"
    if not isinstance(pem, str):
        return "something other than a string"
    try:
        return PeerCertificate.from_pem(pem)
    except MalformedCertificateError as error:
        return str(error)
