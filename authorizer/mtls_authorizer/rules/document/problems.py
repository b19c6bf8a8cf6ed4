"""Problems of a rules document: each names a location, the value found there, and the fix."""

from __future__ import annotations

import json
import re

from mtls_authorizer.rules import work_limits
from mtls_authorizer.variables import NOT_IN_VALUES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn, TypeGuard

LONGEST_STRING = 2048
"""In characters: of every string in a document."""

_MOST_PROBLEMS = 100
_MOST_SHOWN = 20
_LONGEST_SHOWN = 80
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}|\$schema")
_FIX = "match several clients by one attribute or one pattern"
_NOT_IN_VALUES = re.compile(NOT_IN_VALUES)


class RulesError(ValueError):
    """A document that does not contain valid rules.

    ``problems`` contains up to 100 problems in words. The message contains the first 20 of them.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        more = "; and more" if len(self.problems) > _MOST_SHOWN else ""
        super().__init__("rules rejected: " + "; ".join(self.problems[:_MOST_SHOWN]) + more)


class JsonNumber:
    """A number in a document. Its value is not read: rules contain no numbers, and long ones take long to read."""


class Problems:
    """The problems found so far, and the checks that several parts of a document have in common.

    Raises RulesError as soon as there are 100 problems, and before work that exceeds a limit.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self._entries = 0
        self._characters = 0

    def add(self, place: str, problem: str) -> None:
        """Add a problem: a location, and the end of the sentence that begins with it."""
        self.found.append(f"{place} {problem}")
        if len(self.found) == _MOST_PROBLEMS:
            raise RulesError(self.found)

    def count_entries(self, count: int, place: str) -> None:
        """Count entries that are about to be read."""
        self._entries += count
        if self._entries > work_limits.MOST_ENTRIES:
            self._stop(
                place,
                f"exceeds the limit of {work_limits.MOST_ENTRIES} entries in a document (rules, exclusions, values, "
                f"the attributes in them, routes, constants): {_FIX}",
            )

    def count_name(self, text: str, place: str) -> None:
        """Count a distinguished name or an IP address that is about to be parsed."""
        self._characters += len(text)
        if self._characters > work_limits.LONGEST_NAMES:
            self._stop(
                place,
                f"exceeds the limit of {work_limits.LONGEST_NAMES} characters for all different distinguished names "
                f'and IP addresses of a document: {_FIX}, such as {{"CN": "Issuing CA"}} instead of a whole name',
            )

    def _stop(self, place: str, problem: str) -> NoReturn:
        self.found.append(f"{place} {problem}")
        raise RulesError(self.found)

    def is_object(self, value: object, place: str) -> TypeGuard[dict[str, object]]:
        """Return whether a value is an object."""
        if not isinstance(value, dict):
            self.add(place, f"must be an object, not {shown(value)}")
        return isinstance(value, dict)

    def is_text(self, value: object, place: str) -> TypeGuard[str]:
        """Return whether a value is a printable string that is neither empty nor too long."""
        if not isinstance(value, str):
            problem = f"must be a string, not {shown(value)}"
        elif not value:
            problem = "is empty"
        elif len(value) > LONGEST_STRING:
            problem = f"has {len(value)} characters: the limit is {LONGEST_STRING}"
        elif _NOT_IN_VALUES.search(value):
            problem = "contains a control character or half of a surrogate pair"
        else:
            return True
        self.add(place, problem)
        return False

    def check_keys(self, value: dict[str, object], known: Iterable[str], place: str) -> None:
        """Reject all keys of an object that are not known."""
        for key in value:
            if key not in known:
                self.add(key_place(place, key), f"is unknown: write one of {', '.join(known)}")


def is_plain_text(items: list[object]) -> bool:
    """Return whether all items are strings that ``is_text`` accepts, without a ``*``."""
    if not all(isinstance(item, str) and 0 < len(item) <= LONGEST_STRING for item in items):
        return False
    text = "".join(map(str, items))
    return "*" not in text and not _NOT_IN_VALUES.search(text)


def items_with_places(value: object, place: str) -> Iterable[tuple[object, str]]:
    """Return the items of a list, or a single value in place of a list, with their locations."""
    if isinstance(value, list):
        return ((item, f"{place}[{number}]") for number, item in enumerate(value))
    return ((value, place),)


def key_place(place: str, key: str) -> str:
    """Return the location of a key in an object at ``place``, which is empty for the document itself."""
    written = key if _PLAIN_KEY.fullmatch(key) else shown(key)
    return f"{place}.{written}" if place else written


def shown(value: object) -> str:
    """Return a value as a message shows it: in printable ASCII, and shortened."""
    if isinstance(value, str):
        return ascii(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
    if isinstance(value, bool | None):
        return json.dumps(value)
    if isinstance(value, JsonNumber | int | float):
        return "a number"
    return "an object" if isinstance(value, dict) else "a list"
