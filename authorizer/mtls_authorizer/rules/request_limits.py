"""Limits of a rule to some requests: to APIs, to domain names and to a time. Imported only for rules that have any."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


class RequestLimits(NamedTuple):
    """The requests for which a rule is in effect. A value of None is no limit.

    There are no defaults, so that no limit is lost by omission. Limits are evaluated for every request, since the same
    certificate can reach several APIs and domain names. Domain names are in lower case. Times are aware, and include
    the whole second, so that there is no gap between a rule until 23:59:59 and a rule from 00:00:00 on.
    """

    api_ids: frozenset[str] | None
    domain_names: frozenset[str] | None
    not_before: datetime | None
    not_after: datetime | None

    def permit(self, api_id: str, domain_name: str | None, now: datetime) -> bool:
        """Return whether the rule is in effect for a request to an API and a domain name at a time."""
        api_ids, domain_names, not_before, not_after = self
        return (
            (api_ids is None or api_id in api_ids)
            and (domain_names is None or _lower_case(domain_name) in domain_names)
            and (not_before is None or now >= not_before)
            # The last comparison takes several times as long as the others.
            and (not_after is None or now <= not_after or now.replace(microsecond=0) == not_after)
        )


def _lower_case(domain_name: str | None) -> str | None:
    # ``lower`` returns ASCII letters for some characters beyond ASCII, such as the Kelvin sign.
    return domain_name.lower() if domain_name is not None and domain_name.isascii() else None
