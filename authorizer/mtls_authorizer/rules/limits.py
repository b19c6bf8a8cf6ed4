"""Limits on the work that rules and lists require, which is reported before it is done.

Start-up waits 3 seconds for rules, and Lambda's processors are slow. The limits keep the time for loading any document
at about a second: ``make bench-rules`` measures it.
"""

from __future__ import annotations

from mtls_authorizer.rules.fields import takes_long

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from mtls_authorizer.rules.document.problems import Problems

MOST_ENTRIES = 120_000
"""Rules, exclusions, values, the attributes or the type in a value, routes and constants together. Each takes 20,000 to
45,000 instructions, which is 5 to 10 microseconds."""

ENTRIES_OF_A_RULE = 3
"""A rule itself counts as three entries: reading one takes about 100,000 instructions."""

LONGEST_NAMES = 250_000
"""In characters: of all different distinguished names and IP addresses together. Each name takes about 20 microseconds,
and so does each IP address."""

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
        if self._entries > MOST_ENTRIES:
            self._stop(
                place,
                f"exceeds the limit of {MOST_ENTRIES} entries in a document (rules, exclusions, values, the attributes "
                f"in them, routes, constants): {_FIX}",
            )

    def add_name(self, text: str, place: str) -> None:
        """Add a distinguished name or an IP address that is about to be parsed."""
        self._characters += len(text)
        if self._characters > LONGEST_NAMES:
            self._stop(
                place,
                f"exceeds the limit of {LONGEST_NAMES} characters for all different distinguished names and IP "
                f'addresses of a document: {_FIX}, such as {{"CN": "Issuing CA"}} instead of a whole name',
            )

    def _stop(self, place: str, problem: str) -> NoReturn:
        self._problems.add(place, problem)
        self._problems.stop()


def check_list(field: str, items: list[str]) -> None:
    """Check that a list in the environment is within the limits of a document. Raises ValueError."""
    characters = sum(len(item) for item in items if takes_long(field, item))
    if len(items) > MOST_ENTRIES or characters > LONGEST_NAMES:
        message = (
            f"has {len(items)} items, with {characters} characters of distinguished names and IP addresses: the limits "
            f"are {MOST_ENTRIES} items and {LONGEST_NAMES} such characters"
        )
        raise ValueError(message)
