"""The work that a document requires, which is compared with the limits before it is done."""

from __future__ import annotations

from mtls_authorizer.rules import work_limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from mtls_authorizer.rules.document.problems import Problems

ENTRIES_OF_A_RULE = 3
"""A rule itself counts as three entries: reading one takes about 100,000 instructions."""

_FIX = "match several clients by one attribute or one pattern"


class Workload:
    """The work that a document has required so far. Raises RulesError as soon as a limit is exceeded."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._entries = 0
        self._characters = 0

    def add_entries(self, count: int, place: str) -> None:
        """Add entries that are about to be read."""
        self._entries += count
        if self._entries > work_limits.MOST_ENTRIES:
            self._stop(
                place,
                f"exceeds the limit of {work_limits.MOST_ENTRIES} entries in a document (rules, exclusions, values, "
                f"the attributes in them, routes, constants): {_FIX}",
            )

    def add_name(self, text: str, place: str) -> None:
        """Add a distinguished name or an IP address that is about to be parsed."""
        self._characters += len(text)
        if self._characters > work_limits.LONGEST_NAMES:
            self._stop(
                place,
                f"exceeds the limit of {work_limits.LONGEST_NAMES} characters for all different distinguished names "
                f'and IP addresses of a document: {_FIX}, such as {{"CN": "Issuing CA"}} instead of a whole name',
            )

    def _stop(self, place: str, problem: str) -> NoReturn:
        self._problems.add(place, problem)
        self._problems.stop()
