"""Line numbers of the values in a JSON document, by their location as messages write it: ``rules[0].match.issuer``."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from mtls_authorizer.rules.document.problems import key_place

_LEXEME = re.compile(r'\n|"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_LAST_PART = re.compile(r"(?:\.[^.\[]*|\[[^.\[\]]*\])\Z|\A[^.\[]*\Z")


class _Container(NamedTuple):
    """An object or a list that is being read. ``item`` is the location of the item that comes next.

    It is None in an object whose next item is a key.
    """

    place: str
    is_object: bool
    item: str | None
    number: int = 0


def line_numbers(text: str) -> dict[str, int]:
    """Return the line of every value of a valid JSON document; in an object, of its key. The first line is 1."""
    lines: dict[str, int] = {"": 1}
    containers: list[_Container] = []
    line = 1
    for lexeme in _LEXEME.findall(text):
        if lexeme == "\n":
            line += 1
            continue
        if lexeme in {"}", "]"}:
            containers.pop()
            continue
        top = containers[-1] if containers else _Container("", is_object=False, item="")
        if lexeme == ",":
            containers[-1] = _next_item(top)
        elif top.item is None:
            place = key_place(top.place, json.loads(lexeme))
            lines[place] = line
            containers[-1] = top._replace(item=place)
        elif lexeme != ":":
            lines.setdefault(top.item, line)
            if lexeme == "{":
                containers.append(_Container(top.item, is_object=True, item=None))
            elif lexeme == "[":
                containers.append(_Container(top.item, is_object=False, item=f"{top.item}[0]"))
    return lines


def line_of(place: str, lines: dict[str, int]) -> int:
    """Return the line of a location, or of the nearest value that contains it: a missing key has no line."""
    while place not in lines:
        place = _LAST_PART.sub("", place) if _LAST_PART.search(place) else ""
    return lines[place]


def _next_item(container: _Container) -> _Container:
    if container.is_object:
        return container._replace(item=None)
    number = container.number + 1
    return container._replace(number=number, item=f"{container.place}[{number}]")
