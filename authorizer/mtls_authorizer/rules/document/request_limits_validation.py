"""The limits of a rule to some requests: from JSON values to RequestLimits. Imported only for rules that have any."""

from __future__ import annotations

import re
from datetime import datetime

from mtls_authorizer.rules.document.problems import items_with_places, shown
from mtls_authorizer.rules.request_limits import RequestLimits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.rules.document.problems import Problems

API_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 1123 §2.1
DOMAIN_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3])(:[0-5][0-9]){2}Z")

_API_ID_PROBLEM = "must be the ID of an API, such as a1b2c3d4e5, or a list of them"
_DOMAIN_NAME_PROBLEM = (
    "must be a custom domain name of the API, such as api.example.com, or a list of them: without wildcards, port and "
    "final dot"
)


def read_request_limits(rule: dict[str, object], place: str, problems: Problems) -> RequestLimits:
    """Read the limits of a rule, which has at least one of their keys. The result is only valid without problems."""
    reader = _LimitReader(rule, place, problems)
    api_ids = reader.names("api_id", API_ID, _API_ID_PROBLEM)
    domain_names = reader.names("domain_name", DOMAIN_NAME, _DOMAIN_NAME_PROBLEM)
    if domain_names is not None:
        domain_names = frozenset(map(str.lower, domain_names))
    not_before, not_after = reader.time("not_before"), reader.time("not_after")
    if not_before is not None and not_after is not None and not_before > not_after:
        problems.add(f"{place}.not_after", "is before not_before, so that the rule is never in effect: correct one")
    return RequestLimits(api_ids, domain_names, not_before, not_after)


class _LimitReader:
    def __init__(self, rule: dict[str, object], place: str, problems: Problems) -> None:
        self._rule = rule
        self._place = place
        self._problems = problems

    def names(self, key: str, expression: re.Pattern[str], problem: str) -> frozenset[str] | None:
        """Return the names of one key, None without it."""
        if key not in self._rule:
            return None
        value, place = self._rule[key], f"{self._place}.{key}"
        if value == []:
            self._problems.add(place, "is an empty list, which permits no request: write at least one value")
        self._problems.count_entries(len(value) if isinstance(value, list) else 1, place)
        names: set[str] = set()
        for item, item_place in items_with_places(value, place):
            if isinstance(item, str) and expression.fullmatch(item):
                names.add(item)
            else:
                self._problems.add(item_place, f"{problem}, not {shown(item)}")
        return frozenset(names)

    def time(self, key: str) -> datetime | None:
        """Return the time of one key, None without it."""
        value = self._rule.get(key)
        if isinstance(value, str) and TIME.fullmatch(value):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                pass
        if key in self._rule:
            self._problems.add(
                f"{self._place}.{key}", f"must be a time in UTC like 2027-03-15T00:00:00Z, not {shown(value)}"
            )
        return None
