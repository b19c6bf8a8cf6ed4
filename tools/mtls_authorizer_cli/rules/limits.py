"""Which limits of rules to some requests include which others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtls_authorizer.rules.request_limits import RequestLimits


def include(limits: RequestLimits | None, others: RequestLimits | None) -> bool:
    """Return whether a rule with these limits is in effect for every request for which one with others is."""
    if limits is None or others is None:
        return limits is None
    # Unpacked, so that a new limit cannot be forgotten.
    (api_ids, domain_names, not_before, not_after), (other_ids, other_names, other_start, other_end) = limits, others
    return (
        (api_ids is None or (other_ids is not None and other_ids <= api_ids))
        and (domain_names is None or (other_names is not None and other_names <= domain_names))
        and (not_before is None or (other_start is not None and other_start >= not_before))
        and (not_after is None or (other_end is not None and other_end <= not_after))
    )
