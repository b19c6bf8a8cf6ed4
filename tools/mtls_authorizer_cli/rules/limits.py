"""Which limits of rules to some requests include which others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtls_authorizer.rules.request_limits import RequestLimits


def include(limits: RequestLimits | None, others: RequestLimits | None) -> bool:
    """Return whether a rule with these limits is in effect for every request for which one with others is."""
    if limits is None or others is None:
        return limits is None
    return (
        all(
            own is None or (other is not None and other <= own)
            for own, other in ((limits.api_ids, others.api_ids), (limits.domain_names, others.domain_names))
        )
        and (limits.not_before is None or (others.not_before is not None and others.not_before >= limits.not_before))
        and (limits.not_after is None or (others.not_after is not None and others.not_after <= limits.not_after))
    )
