"""What two sets of rules allow the client of a certificate, and the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import ExtractionSuccess
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.assessment import AssessedCertificate, assess
from mtls_authorizer.rules.grant import ConditionalGrant
from mtls_authorizer_cli.rules.limits import include
from mtls_authorizer_cli.rules.routes import missing_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.rules.grant import Grant
    from mtls_authorizer.rules.request_limits import RequestLimits
    from mtls_authorizer.rules.routes import Routes
    from mtls_authorizer.rules.rule_set import RuleSet


class LimitedRoutes(NamedTuple):
    """Routes that a client may call, and the requests to which this is limited; None if it is not."""

    routes: Routes
    limits: RequestLimits | None


class Access(NamedTuple):
    """What rules allow a client: routes, and the context and usage plan key with which it calls them.

    ``denial`` is the reason if that is nothing.
    """

    grants: tuple[tuple[Grant, RequestLimits | None], ...]
    denial: DenyReason | None = None

    @property
    def rules(self) -> list[str]:
        """The names of the rules."""
        return [name for grant, _ in self.grants for name in grant.rules]

    def limited_routes(self) -> tuple[LimitedRoutes, ...]:
        """Return the routes of each grant."""
        return tuple(LimitedRoutes(grant.routes, limits) for grant, limits in self.grants)


class ClientChange(NamedTuple):
    """The difference for one client. ``context_changes`` is whether context or usage plan key are others."""

    gained: tuple[LimitedRoutes, ...]
    lost: tuple[LimitedRoutes, ...]
    context_changes: bool
    old: Access
    new: Access

    @property
    def is_empty(self) -> bool:
        """Whether the client notices nothing."""
        return not self.gained and not self.lost and not self.context_changes


def access(certificate: PeerCertificate, settings: Settings, rules: RuleSet) -> Access:
    """Return what rules allow the client of a certificate, as long as it is valid and not revoked."""
    assessment = assess(ExtractionSuccess(certificate), settings, AccessPolicy(rules))
    evaluation = assessment.evaluation if isinstance(assessment, AssessedCertificate) else assessment.reason
    if isinstance(evaluation, DenyReason):
        return Access((), evaluation)
    return Access(tuple(evaluation.candidates) if isinstance(evaluation, ConditionalGrant) else ((evaluation, None),))


def compare_access(old: Access, new: Access) -> ClientChange:
    """Return the difference between what a client was allowed and what it is allowed."""
    gained, lost = tuple(_missing_from(old, new)), tuple(_missing_from(new, old))
    both = bool(old.grants and new.grants)
    return ClientChange(gained, lost, both and _contexts(old) != _contexts(new), old, new)


def _missing_from(access: Access, other: Access) -> Iterator[LimitedRoutes]:
    """Return the routes that another access includes and this one does not."""
    for grant, limits in other.grants:
        routes = grant.routes
        for given, given_limits in access.grants:
            if include(given_limits, limits):
                routes = missing_from(given.routes, routes)
        if routes:
            yield LimitedRoutes(routes, limits)


def _contexts(access: Access) -> Sequence[object]:
    """Return contexts and usage plan keys, in the order in which they are used for the requests of their limits."""
    contexts: list[tuple[object, object]] = []
    for grant, limits in access.grants:
        contexts.append((limits, (grant.context, grant.usage_identifier_key)))
        if limits is None:
            # Always in effect, so that none that follows is used.
            break
    first = contexts[0][1]
    return [first] if all(each == first for _, each in contexts) else contexts
