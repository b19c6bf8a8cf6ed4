"""Merging the changes of several writers, of whom some have overwritten others without noticing.

SSM parameters have no conditional write, but a history of all versions. What each writer changed is derived from it:
a version is based on that earlier version from which it differs least, and on the latest of several such versions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mtls_authorizer_cli.documents.json_text import Item, append_item, items_of, rewrite_items

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTS = ("rules", "deny")

_Identity: TypeAlias = tuple[str, str]
"""A list, and what identifies an item of it: the name of a rule, the whole of an exclusion."""


class _Written(NamedTuple):
    """An item as JSON in one spelling, for comparisons, and as it is written."""

    canonical: str
    text: str


_State: TypeAlias = dict[_Identity, _Written]
"""The items of a document by their identity."""


def merge(versions: Sequence[str]) -> str:
    """Return the last of several versions of a document, with every change that a later version has overwritten.

    The versions are all valid, in the order in which they were written. The first one is what all others derive from.
    """
    states = [_state(version) for version in versions]
    merged = dict(states[0])
    for number in range(1, len(states)):
        base = states[_base(states, number)]
        _apply(base, states[number], merged)
    return _rewrite(versions[-1], states[-1], merged)


def _base(states: Sequence[_State], number: int) -> int:
    """Return the number of the version on which a version is based.

    That is not one with the same items, except the version just before it: nobody writes what was read.
    """
    differences = [len(_changed(states[each], states[number])) for each in range(number)]
    candidates = [each for each in range(number) if differences[each] or each == number - 1]
    return min(reversed(candidates), key=differences.__getitem__)


def _changed(before: _State, after: _State) -> set[_Identity]:
    return {identity for identity in {*before, *after} if _differ(before, after, identity)}


def _differ(first: _State, second: _State, identity: _Identity) -> bool:
    one, other = first.get(identity), second.get(identity)
    return one is None or other is None or one.canonical != other.canonical


def _apply(before: _State, after: _State, state: _State) -> None:
    """Change a state as one version was changed into another."""
    for identity in [*before, *after]:
        if not _differ(before, after, identity):
            continue
        if identity in after:
            state[identity] = after[identity]
        else:
            state.pop(identity, None)


def _rewrite(text: str, current: _State, wanted: _State) -> str:
    """Return a document with the items of another state, and as far as possible with its own text."""
    for key in _LISTS:

        def rewritten(item: Item, key: str = key, text: str = text) -> str | None:
            identity = _identity(key, item.value)
            if identity not in wanted:
                return None
            return wanted[identity].text if _differ(current, wanted, identity) else text[item.start : item.end]

        text = rewrite_items(text, key, rewritten)
        for identity, item in wanted.items():
            if identity[0] == key and identity not in current:
                text = append_item(text, key, json.loads(item.text))
    return text


def _state(text: str) -> _State:
    return {
        _identity(key, item.value): _Written(_canonical(item.value), text[item.start : item.end])
        for key in _LISTS
        for item in items_of(text, key)
    }


def _identity(key: str, value: object) -> _Identity:
    is_rule = key == "rules" and isinstance(value, dict)
    return key, str(value["name"]) if is_rule else _canonical(value)  # type: ignore[index]


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)
