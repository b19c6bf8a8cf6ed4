"""Grants: what the rules allow that match a certificate and are in effect for a request."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.routes import ALL_ROUTES, LARGEST_POLICY, Routes, combined_routes, policy_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import TypeAlias

    from mtls_authorizer.rules.request_limits import RequestLimits


class Grant(NamedTuple):
    """The combined result of all rules that match a certificate.

    ``rules`` are the names of these rules, and ``routes`` the routes of all of them. ``context`` and
    ``usage_identifier_key`` are those of the first rule.
    """

    rules: tuple[str, ...]
    routes: Routes
    context: Mapping[str, str]
    usage_identifier_key: str | None


RuleOutcome: TypeAlias = Grant | DenyReason
"""The result of evaluating rules for a request: what the client may call, or why it is denied."""


class ConditionalGrant(NamedTuple):
    """The grants of the rules that match a certificate, if at least one of them is limited to some requests."""

    candidates: Sequence[tuple[Grant, RequestLimits | None]]
    """The grant of each rule that matches the certificate, and its limits."""

    def outcome(self, api_id: str, domain_name: str | None, now: datetime) -> RuleOutcome:
        """Return the combined grant of the rules that are in effect for a request. ``now`` is aware."""
        in_effect: list[Grant] = []
        last, is_permitted = None, True
        for grant, limits in self.candidates:
            # Many rules may have the same limits.
            if limits is not last:
                last, is_permitted = limits, limits is None or limits.permit(api_id, domain_name, now)
            if is_permitted:
                in_effect.append(grant)
        return combine(in_effect) if in_effect else DenyReason.RULE_NOT_IN_EFFECT


Evaluation: TypeAlias = RuleOutcome | ConditionalGrant
"""The result of evaluating rules for a certificate. A ``ConditionalGrant`` has a different outcome for each request."""


def combine(grants: Sequence[Grant]) -> RuleOutcome:
    """Return the grant of several rules together."""
    first = grants[0]
    # The policy size of a single rule was checked when the document was read.
    if len(grants) == 1:
        return first
    routes = combined_routes([grant.routes for grant in grants])
    if routes is not ALL_ROUTES and policy_size(routes) > LARGEST_POLICY:
        return DenyReason.POLICY_TOO_LARGE
    return first._replace(rules=tuple([name for grant in grants for name in grant.rules]), routes=routes)
