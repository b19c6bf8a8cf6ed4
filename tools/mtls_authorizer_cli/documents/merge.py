"""Merging the changes of several writers, some of whom have overwritten others without noticing.

SSM parameters have no conditional write, but a history of all versions. The change of each writer is derived from it,
and applied again in the order of the versions:

- A version that differs from all others is based on the earlier version from which it differs least, and on the latest
  of several such versions: the one that its writer had read.
- A version that equals an earlier result of this merge was written by a command like this one. It changes nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mtls_authorizer_cli.documents.json_text import Item, append_items, items_of, rewrite_items

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


def merge(versions: Sequence[str], onto: str) -> str:
    """Return ``onto``, one of the versions of a document, with every change that a later version has overwritten.

    The versions are all valid, in the order in which they were written; at the first one, nothing was overwritten.
    """
    states = [_state(version) for version in versions]
    merged = [states[0]]
    for number in range(1, len(states)):
        base = _base(states, merged, number)
        merged.append(merged[-1] if base is None else _apply(base, states[number], merged[-1]))
    return _rewrite(onto, _state(onto), merged[-1])


def same_items(first: str, second: str) -> bool:
    """Return whether two documents have the same items, whatever their order and formatting."""
    return not _changed(_state(first), _state(second))


def _base(states: Sequence[_State], merged: Sequence[_State], number: int) -> _State | None:
    """Return the state on which a version is based; None if it changes nothing."""
    state = states[number]
    if not _changed(states[number - 1], state):
        return None
    if any(_changed(merged[each], states[each]) and not _changed(merged[each], state) for each in range(number)):
        return None
    # Nobody writes a version that equals the one that was read.
    candidates = [states[each] for each in reversed(range(number)) if _changed(states[each], state)]
    return min(candidates, key=lambda each: len(_changed(each, state)))


def _changed(before: _State, after: _State) -> set[_Identity]:
    return {identity for identity in {*before, *after} if _differ(before, after, identity)}


def _differ(first: _State, second: _State, identity: _Identity) -> bool:
    one, other = first.get(identity), second.get(identity)
    return one is None or other is None or one.canonical != other.canonical


def _apply(before: _State, after: _State, state: _State) -> _State:
    """Return a state, changed as one version was changed into another."""
    kept = {identity: item for identity, item in state.items() if identity in after or identity not in before}
    return kept | {identity: item for identity, item in after.items() if _differ(before, after, identity)}


def _rewrite(text: str, current: _State, wanted: _State) -> str:
    """Return a document with the items of another state, and as far as possible with its own text."""
    for key in _LISTS:

        def rewritten(item: Item, key: str = key) -> str | None:
            identity = _identity(key, item.value)
            if identity not in wanted:
                return None
            return wanted[identity].text if _differ(current, wanted, identity) else item.text

        text = rewrite_items(text, key, rewritten)
        added = [item for identity, item in wanted.items() if identity[0] == key and identity not in current]
        text = append_items(text, key, [json.loads(item.text) for item in added])
    return text


def _state(text: str) -> _State:
    return {
        _identity(key, item.value): _Written(_canonical(item.value), item.text)
        for key in _LISTS
        for item in items_of(text, key)
    }


def _identity(key: str, value: object) -> _Identity:
    is_rule = key == "rules" and isinstance(value, dict)
    return key, str(value["name"]) if is_rule else _canonical(value)  # type: ignore[index]


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)
