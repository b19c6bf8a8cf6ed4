"""Editing lists in a document: only what is asked for changes, and additions look like what is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_authorizer_cli.documents.json_text import append_items, items_of, rewrite_items
from tests.rules_documents import VALID

KEY = {"public_key": "AB"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('{"rules": [1]}', '{"rules": [1], "deny": [{"public_key": "AB"}]}', id="one line"),
        pytest.param('{"rules":[1]}', '{"rules":[1],"deny":[{"public_key":"AB"}]}', id="minified"),
        pytest.param("{}", '{"deny": [{"public_key": "AB"}]}', id="empty"),
        pytest.param('{"deny": []}', '{"deny": [{"public_key": "AB"}]}', id="empty list"),
        pytest.param('{"deny": {"a":  1}}', '{"deny": [{"a":  1}, {"public_key": "AB"}]}', id="a single value"),
        pytest.param('{"deny": [{"a": 1}] }', '{"deny": [{"a": 1}, {"public_key": "AB"}] }', id="one item"),
        pytest.param('{"deny":[1 , 2]}', '{"deny":[1 , 2, {"public_key":"AB"}]}', id="space before a comma"),
        pytest.param(
            '{"deny": [{"a": 1},\r\n          {"b": 2}],\r\n "rules": []}\r\n',
            '{"deny": [{"a": 1},\r\n          {"b": 2},\r\n          {"public_key": "AB"}],\r\n "rules": []}\r\n',
            id="aligned, with CRLF",
        ),
        pytest.param(
            '{\n\t"deny": [\n\t\t{\n\t\t\t"a": 1\n\t\t}\n\t]\n}',
            '{\n\t"deny": [\n\t\t{\n\t\t\t"a": 1\n\t\t},\n\t\t{\n\t\t\t"public_key": "AB"\n\t\t}\n\t]\n}',
            id="indented by tabs",
        ),
        pytest.param(
            '{"deny": [{\n  "a": 1\n}]}',
            '{"deny": [{\n  "a": 1\n}, {\n  "public_key": "AB"\n}]}',
            id="a broken item in a list on one line",
        ),
        pytest.param(
            '{\n  "rules": [\n    {"name": 1}\n  ]\n}\n',
            '{\n  "rules": [\n    {"name": 1}\n  ],\n  "deny": [\n    {"public_key": "AB"}\n  ]\n}\n',
            id="rules on one line each",
        ),
        pytest.param(
            '{\n\n  "rules": [\n    {"name": 1}\n  ]\n}\n',
            '{\n\n  "rules": [\n    {"name": 1}\n  ],\n  "deny": [\n    {"public_key": "AB"}\n  ]\n}\n',
            id="below an empty line",
        ),
        pytest.param(
            '{\n "rules":[\n  {\n   "name":1\n  }\n ]\n}',
            '{\n "rules":[\n  {\n   "name":1\n  }\n ],\n "deny":[\n  {\n   "public_key":"AB"\n  }\n ]\n}',
            id="rules on several lines, without spaces",
        ),
        pytest.param(
            '{\r\n "rules": [\r\n  {\r\n   "name": 1\r\n  }\r\n ]\r\n}',
            '{\r\n "rules": [\r\n  {\r\n   "name": 1\r\n  }\r\n ],\r\n'
            ' "deny": [\r\n  {\r\n   "public_key": "AB"\r\n  }\r\n ]\r\n}',
            id="rules on several lines, with CRLF",
        ),
    ],
)
def test_an_added_item_has_the_formatting_of_the_others(before: str, after: str) -> None:
    assert append_items(before, "deny", [KEY]) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"rules": [1, 2,  3]}', '{"rules": [2]}'),
        ('{"rules": [\n  1,\n  2,\n  4\n]}', '{"rules": [\n  2,\n  4\n]}'),
        ('{"rules": [2,3], "deny": 1}', '{"rules": [2], "deny": 1}'),
        ('{"$schema": "x", "rules": [1, 3], "deny": 1}', '{"$schema": "x", "deny": 1}'),
        ('{\n "rules": [1],\n "deny": 1\n}', '{\n "deny": 1\n}'),
        ('{"rules": 1}', "{}"),
        ('{"rules": 2}', '{"rules": 2}'),
        ('{"rules": []}', '{"rules": []}'),
        ('{"deny": 1}', '{"deny": 1}'),
    ],
)
def test_removing_items_leaves_the_others_as_they_are(before: str, after: str) -> None:
    assert rewrite_items(before, "rules", lambda item: None if item.value in {"1", "3"} else item.text) == after


def test_items_can_be_replaced_where_they_are() -> None:
    text = '{"rules": [{"name": "a"},\n {"name": "b"}]}'
    replaced = rewrite_items(text, "rules", lambda item: "{}" if item.value == {"name": "a"} else '{"name": "c"}')
    assert replaced == '{"rules": [{},\n {"name": "c"}]}'


def test_items_are_found_with_their_places() -> None:
    text = '{"a": 1, "deny": [{"x": "]"}, 2]}'
    assert [text[item.start : item.end] for item in items_of(text, "deny")] == ['{"x": "]"}', "2"]
    assert [item.value for item in items_of(text, "a")] == ["1"]
    assert items_of(text, "rules") == []


@pytest.mark.parametrize("content", VALID.values(), ids=VALID)
def test_an_item_that_is_added_and_removed_leaves_a_valid_document_as_it_was(content: bytes) -> None:
    text = content.decode()
    added = append_items(text, "deny", [KEY])
    document = json.loads(text)
    denied = document.get("deny", [])
    assert json.loads(added) == {**document, "deny": [*(denied if isinstance(denied, list) else [denied]), KEY]}
    removed = rewrite_items(added, "deny", lambda item: None if item.value == KEY else item.text)
    assert removed == text or not isinstance(denied, list)


TEXTS = st.sampled_from(["", "a", '"', "\\", "{", "],", "\n ", "\u00e9", "\U0001f600"])
DOCUMENTS = st.dictionaries(
    st.sampled_from(["rules", "deny", '"{', "x"]), st.lists(TEXTS | st.just({"a": [1, {}]}), max_size=4)
)


@settings(max_examples=50)
@given(document=DOCUMENTS, indent=st.sampled_from([None, 0, 3, "\t"]), compact=st.booleans(), item=TEXTS)
def test_any_document_is_edited_like_its_value(
    document: dict[str, Any], indent: int | str | None, *, compact: bool, item: str
) -> None:
    text = json.dumps(document, indent=indent, separators=(",", ":") if compact else None)
    added = append_items(text, "deny", [item])
    assert json.loads(added) == {**document, "deny": [*document.get("deny", []), item]}
    removed = json.loads(rewrite_items(text, "rules", lambda item: None if isinstance(item.value, str) else item.text))
    rest = [value for value in document.get("rules", []) if not isinstance(value, str)]
    assert removed.get("rules", []) == rest
    assert {key: value for key, value in removed.items() if key != "rules"} == {
        key: value for key, value in document.items() if key != "rules"
    }


@pytest.mark.parametrize(
    "text",
    [
        *("{}", '{"deny": []}', '{"deny": 1}', '{"deny": [1]}', '{"deny":[1]}', '{"deny": [1, 2]}', '{"rules": [1]}'),
        '{\n  "deny": [\n    {"a": 1}\n  ]\n}',
        *('{\n "deny": [\n  {\n   "a": 1\n  }\n ]\n}', '{\n "a": {\n "b": 1}\n}'),
    ],
)
@pytest.mark.parametrize("count", range(4))
def test_several_items_are_appended_like_one_after_the_other(text: str, count: int) -> None:
    items = [KEY | {"number": str(number)} for number in range(count)]
    expected = text
    for item in items:
        expected = append_items(expected, "deny", [item])
    assert append_items(text, "deny", items) == expected
