"""Values as commands print them. Text that a client may have chosen is quoted, in printable ASCII, and shortened.

Terminals obey control characters; other characters change the direction of text, or look like ASCII.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

MOST_EXAMPLES = 3
"""How many items are printed of a list that is not printed completely."""

LONGEST_TEXT = 80


def quoted(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return text in quotes, only the beginning if it is long. All but printable ASCII is escaped as in Python."""
    return ascii(text) if len(text) <= longest else ascii(text[:longest]) + "..."


def plain(text: str) -> str:
    """Return a message in printable ASCII. Unlike a quoted value, it may be folded at its spaces.

    Not for commands to copy: a shell would not find a file whose name is escaped like this.
    """
    return printable(text).encode("ascii", "backslashreplace").decode()


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which takes an s in the plural: ``1 rule``, ``1,000 rules``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(texts: Sequence[str], *, most: int = MOST_EXAMPLES, everything: bool = False, none: str = "none") -> str:
    """Return a list of texts: all of them if they are few, else some of them, and the number of the others."""
    if not texts:
        return none
    if everything or len(texts) <= most:
        return ", ".join(texts)
    return f"{', '.join(texts[:most])} and {len(texts) - most:,} more"


JSON_VERSION = 1
"""Changes when a key loses its meaning, not when keys are added."""


def json_text(document: Mapping[str, object]) -> str:
    """Return what a command prints for a program: a JSON object in ASCII, with its version."""
    return json.dumps({"version": JSON_VERSION, **document}, indent=2) + "\n"


def utc_timestamp(time: datetime) -> str:
    """Return an aware time in UTC, to the second (RFC 3339): ``2026-11-22T06:54:49Z``."""
    return time.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
