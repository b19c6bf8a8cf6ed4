"""Editing the lists of a rules document as text: what is not changed keeps its order, its spelling and its formatting.

All functions expect a JSON object (RFC 8259 §4) without repeated keys, as in a document that ``parse_rules`` accepts.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_WHITE_SPACE = re.compile(r"[ \t\r\n]*")
_BREAK_IN_OBJECT = re.compile(r"\{[ \t]*\r?\n")
# Numbers stay text: long ones take long to convert.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


class Item(NamedTuple):
    """A JSON value, as it is written, and its place in the text."""

    start: int
    end: int
    value: object
    text: str


class _Member(NamedTuple):
    """A member of the outermost object: its key, the place of the key, and its value."""

    key: str
    start: int
    value: Item


def items_of(text: str, key: str) -> list[Item]:
    """Return the items of the list at a key; none without the key. A value that is no list is its own only item."""
    member = _find(list(_members(text)), key)
    return [] if member is None else list(_items(text, member.value))


def append_items(text: str, key: str, new: Sequence[object]) -> str:
    """Return the document with more items at the end of the list at a key.

    A value that is no list becomes the first item of one. A missing list is added at the end of the document.
    """
    if not new:
        return text
    item, *others = new
    members = list(_members(text))
    style = _Style.of(text, members)
    member = _find(members, key)
    if member is None:
        comma, place = (",", members[-1].value.end) if members else ("", text.index("{") + 1)
        gap = style.gap(1) if members else ""
        added = f"{comma}{gap}{json.dumps(key)}:{style.space}{style.list_of(item)}"
        return append_items(text[:place] + added + text[place:], key, others)
    value = member.value
    items = list(_items(text, value))
    if not items:
        return append_items(text[: value.start] + style.list_of(item) + text[value.end :], key, others)
    if not isinstance(value.value, list):
        written = f"[{value.text},{style.space}{style.dump(item)}]"
        return append_items(text[: value.start] + written + text[value.end :], key, others)
    last = items[-1]
    gap = _white_space_before(text, last.start)
    if not gap and len(items) == 1:
        gap = style.space
    is_broken = "\n" in last.text
    indentation = _indentation(text, last.start) if is_broken else None
    written = "".join(f",{gap}{style.dump(each, indentation)}" for each in new)
    return text[: last.end] + written + text[last.end :]


def rewrite_items(text: str, key: str, rewrite: Callable[[Item], str | None]) -> str:
    """Return the document with each item of the list at a key as ``rewrite`` returns its JSON; None removes it.

    The key is removed with the last item: an empty list is not valid.
    """
    members = list(_members(text))
    member = _find(members, key)
    if member is None:
        return text
    items = list(_items(text, member.value))
    written = [rewrite(item) for item in items]
    if all(each is None for each in written):
        return _remove_member(text, members, member) if items else text
    pieces = [text[: items[0].start]]
    for number, each in enumerate(written):
        if each is not None:
            if len(pieces) > 1:
                pieces.append(text[items[number - 1].end : items[number].start])
            pieces.append(each)
    return "".join([*pieces, text[items[-1].end :]])


class _Style(NamedTuple):
    """The formatting of a document, for what is added to it. ``indent`` is None on one line."""

    newline: str
    indent: str | None
    space: str
    breaks_objects: bool

    @classmethod
    def of(cls, text: str, members: Sequence[_Member]) -> _Style:
        newline = "\r\n" if "\r\n" in text else "\n"
        if not members:
            return cls(newline, None, " ", breaks_objects=False)
        first = members[0]
        gap = _white_space_before(text, first.start)
        space = " " if _white_space_before(text, first.value.start) else ""
        indent = gap.rpartition("\n")[2] if "\n" in gap else None
        return cls(newline, indent, space, breaks_objects=bool(_BREAK_IN_OBJECT.search(text, first.start)))

    def gap(self, depth: int) -> str:
        """Return the white space before an item at a depth, after a comma."""
        return self.space if self.indent is None else self.newline + self.indent * depth

    def list_of(self, item: object) -> str:
        """Return a list with one item, as the value of a member of the outermost object."""
        if self.indent is None:
            return f"[{self.dump(item)}]"
        written = self.dump(item, self.indent * 2) if self.breaks_objects else self.dump(item)
        return f"[{self.gap(2)}{written}{self.gap(1)}]"

    def dump(self, item: object, indentation: str | None = None) -> str:
        """Return the JSON of an item on one line; on several, if the indentation of the item is given."""
        if indentation is None:
            return json.dumps(item, separators=(f",{self.space}", f":{self.space}"))
        written = json.dumps(item, indent=self.indent or "  ", separators=(",", f":{self.space}"))
        return written.replace("\n", self.newline + indentation)


def _remove_member(text: str, members: Sequence[_Member], member: _Member) -> str:
    number = members.index(member)
    if number > 0:
        return text[: members[number - 1].value.end] + text[member.value.end :]
    end = members[1].start if len(members) > 1 else member.value.end
    return text[: member.start] + text[end:]


def _find(members: Sequence[_Member], key: str) -> _Member | None:
    return next((each for each in members if each.key == key), None)


def _members(text: str) -> Iterator[_Member]:
    position = _skip(text, text.index("{") + 1)
    while text[position] != "}":
        key = _read(text, position)
        value = _read(text, _skip(text, _skip(text, key.end) + 1))
        yield _Member(str(key.value), key.start, value)
        position = _after_comma(text, value.end)


def _items(text: str, value: Item) -> Iterator[Item]:
    if not isinstance(value.value, list):
        yield value
        return
    position = _skip(text, value.start + 1)
    while text[position] != "]":
        item = _read(text, position)
        yield item
        position = _after_comma(text, item.end)


def _read(text: str, position: int) -> Item:
    value, end = _DECODER.raw_decode(text, position)
    return Item(position, end, value, text[position:end])


def _after_comma(text: str, position: int) -> int:
    position = _skip(text, position)
    return _skip(text, position + 1) if text[position] == "," else position


def _skip(text: str, position: int) -> int:
    match = _WHITE_SPACE.match(text, position)
    return position if match is None else match.end()


def _white_space_before(text: str, position: int) -> str:
    start = len(text[:position].rstrip(" \t\r\n"))
    return text[start:position]


def _indentation(text: str, position: int) -> str:
    """Return the white space at the beginning of the line."""
    start = text.rfind("\n", 0, position) + 1
    return text[start : _skip(text, start)]
