"""Reading environment variables, for all functions.

Functions that parse raise ValueError, with a message that follows the name of the variable.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    _T = TypeVar("_T")
    _Choice = TypeVar("_Choice", bound=str)

INTERVALS = range(1, 24 * 60 * 60 + 1)
"""The intervals between two refreshes that are allowed, in seconds: up to a day."""

_LONGEST_QUOTED = 80
_DIGITS = r"[0-9]{1,9}"
_ACCOUNT_ID = r"[0-9]{12}"

NOT_IN_VALUES = r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
"""The characters that no value in a configuration contains: C0, DEL, C1, and halves of surrogate pairs."""


class VariableReader:
    """Reads environment variables. A variable that is not set has its default; all invalid ones are recorded."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []
        """What is wrong so far. Each problem starts with the name of its variable."""

    def __contains__(self, name: str) -> bool:
        return name in self._environment

    def read(self, name: str, parse: Callable[[str], _T], *, default: _T) -> _T:
        """Return the parsed value: see ``parse_variable``."""
        if name not in self._environment:
            return default
        try:
            return parse_variable(self._environment, name, parse)
        except ValueError as error:
            self.problems.append(str(error))
            return default

    def number(self, name: str, default: int, allowed: range) -> int:
        """Return a whole number from a range."""
        return self.read(name, lambda text: parse_number(text, allowed), default=default)

    def choice(self, name: str, *choices: _Choice) -> _Choice:
        """Return one of several values, the first of which is the default."""
        return self.read(name, lambda text: parse_choice(text, choices), default=choices[0])

    def optional_choice(self, name: str, *choices: _Choice) -> _Choice | None:
        """Return one of several values, None if the variable is not set."""
        return self.read(name, lambda text: parse_choice(text, choices), default=None)

    def reject(self, name: str, problem: str) -> None:
        """Record what is wrong with a variable."""
        self.problems.append(f"{name} {problem}")

    def has_rejected(self, *names: str) -> bool:
        """Return whether one of these variables is invalid, so that others cannot be compared with it."""
        return any(problem.startswith(f"{name} ") for problem in self.problems for name in names)


def parse_variable(environment: Mapping[str, str], name: str, parse: Callable[[str], _T]) -> _T:
    """Return the value of a variable that is set, parsed without surrounding whitespace. Raises ValueError."""
    try:
        return parse(environment[name].strip())
    except ValueError as error:
        message = f"{name} {error}"
        raise ValueError(message) from None


def parse_boolean(text: str) -> bool:
    """Return whether the text is ``true``, and not ``false``."""
    if text not in {"true", "false"}:
        message = f"is {quoted(text)}: write true or false"
        raise ValueError(message)
    return text == "true"


def parse_items(text: str, *, separated_by_commas: bool = True) -> list[str]:
    """Return the items of a list: a JSON array of strings, or values separated by commas.

    Without ``separated_by_commas``, text that is not a JSON array is a single item.
    """
    plain = text.split(",") if separated_by_commas else [text]
    items = [item.strip() for item in (_parse_json_array(text) if text.startswith("[") else plain)]
    if not any(items):
        message = "is set but contains nothing: write at least one value, or remove the variable"
        raise ValueError(message)
    if "" in items:
        message = f"has an empty item (number {items.index('') + 1} of {len(items)}): remove it"
        raise ValueError(message)
    impossible = next((item for item in items if not item.isprintable() and re.search(NOT_IN_VALUES, item)), None)
    if impossible is not None:
        message = (
            f"has the item {quoted(impossible)}, with a line break, another control character or half of a surrogate "
            "pair, which matches no certificate: separate values with commas"
        )
        raise ValueError(message)
    return items


def quoted(text: str) -> str:
    """Return a value for an error message: in quotation marks, and only the beginning if it is long."""
    return repr(text if len(text) <= _LONGEST_QUOTED else text[:_LONGEST_QUOTED] + "…")


def _parse_json_array(text: str) -> list[str]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"starts with [ but is not a JSON array ({error})"
        raise ValueError(message) from error
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        message = 'must be a JSON array of strings, such as ["one", "two, with a comma"]'
        raise ValueError(message)
    return items


def parse_number(text: str, allowed: range) -> int:
    """Return a whole number from a range."""
    if not re.fullmatch(_DIGITS, text) or int(text) not in allowed:
        message = f"is {quoted(text)}: write a number from {allowed[0]} to {allowed[-1]}"
        raise ValueError(message)
    return int(text)


def parse_choice(text: str, choices: tuple[_Choice, ...], *others: str) -> _Choice:
    """Return the choice that the text is. The message also names ``others`` that are accepted."""
    for choice in choices:
        if choice == text:
            return choice
    message = f"is {quoted(text)}: write one of {', '.join([*choices, *others])}"
    raise ValueError(message)


def parse_account_id(text: str) -> str:
    """Return the ID of the AWS account that owns buckets."""
    if not re.fullmatch(_ACCOUNT_ID, text):
        message = f"is {quoted(text)}: write the 12 digits of the AWS account that owns the buckets"
        raise ValueError(message)
    return text
