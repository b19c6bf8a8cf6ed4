"""Limits on the work that rules and lists require.

Start-up waits 3 seconds for rules, and Lambda's processors are slow. The limits keep the time for loading any document
at about a second: ``make bench-rules`` measures it.
"""

from __future__ import annotations

from mtls_authorizer.rules.fields import takes_long

MOST_ENTRIES = 120_000
"""Rules, exclusions, values, the attributes or the type in a value, usages, routes, APIs, domain names and constants
together. Each takes 20,000 to 45,000 instructions, which is 5 to 10 microseconds."""

ENTRIES_OF_A_RULE = 3
"""A rule itself counts as three entries: reading one takes about 100,000 instructions."""

LONGEST_NAMES = 250_000
"""In characters: of all different distinguished names and IP addresses together. Each name takes about 20 microseconds,
and so does each IP address."""


def check_list(field: str, items: list[str]) -> None:
    """Check that a list in the environment is within the limits of a document. Raises ValueError."""
    characters = sum(len(item) for item in items if takes_long(field, item))
    if len(items) > MOST_ENTRIES or characters > LONGEST_NAMES:
        message = (
            f"has {len(items)} items, with {characters} characters of distinguished names and IP addresses: the limits "
            f"are {MOST_ENTRIES} items and {LONGEST_NAMES} such characters"
        )
        raise ValueError(message)
