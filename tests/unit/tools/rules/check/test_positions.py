"""Line numbers: every value of a document has the line at which an editor shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_authorizer.rules.document.problems import key_place
from mtls_authorizer_cli.rules.check.positions import line_numbers, line_of
from tests.rules_documents import VALID

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = r"""
{"rules": [
  {"name": "a\"]},{[:\\", "match":
    {"common_name": ["x",
                     "y"], "odd key": {}}},
  {"name": "b", "not": [],
   "match": null}, 1,
  [
    true]
]}
"""


@pytest.mark.parametrize(
    ("place", "line"),
    {
        "": 1,
        "rules": 2,
        "rules[0]": 3,
        "rules[0].name": 3,
        "rules[0].match": 3,
        "rules[0].match.common_name": 4,
        "rules[0].match.common_name[0]": 4,
        "rules[0].match.common_name[1]": 5,
        "rules[0].match.'odd key'": 5,
        "rules[1]": 6,
        "rules[1].not": 6,
        "rules[1].match": 7,
        "rules[2]": 7,
        "rules[3]": 8,
        "rules[3][0]": 9,
    }.items(),
)
def test_a_value_has_the_line_of_its_key_or_its_own(place: str, line: int) -> None:
    lines = line_numbers(DOCUMENT)
    assert lines[place] == line_of(place, lines) == line


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("rules[1].name.prefix", 6),
        ("rules[0].match.issuer", 3),
        ("rules[1].allow[3]", 6),
        ("rules[9].match", 2),
        ("other", 1),
        ("rules[0].'odd", 3),
        ("rules[0]x]", 1),
        ("", 1),
    ],
)
def test_a_location_without_a_value_has_the_line_of_its_container(place: str, line: int) -> None:
    assert line_of(place, line_numbers(DOCUMENT)) == line


def places(value: object, place: str) -> Iterator[str]:
    yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, key_place(place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, f"{place}[{number}]")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@settings(max_examples=50)
@given(JSON.filter(lambda value: isinstance(value, dict | list)), st.sampled_from([None, 0, 2]))
def test_every_value_has_a_line_and_the_lines_never_decrease(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    lines = line_numbers(text)
    found = list(dict.fromkeys(places(value, "")))
    assert set(found) == set(lines)
    numbers = [lines[place] for place in found]
    assert numbers == sorted(numbers)
    assert numbers[-1] <= text.count("\n") + 1


@pytest.mark.parametrize("content", VALID.values(), ids=VALID)
def test_every_value_of_a_valid_document_has_a_line(content: bytes) -> None:
    assert set(line_numbers(content.decode())) == set(places(json.loads(content), ""))
