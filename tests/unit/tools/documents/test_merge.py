"""Merging versions of a document: no change that a later writer has overwritten is lost, and removals stay removals."""

from __future__ import annotations

import itertools
import json
import random
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.documents.json_text import append_items, rewrite_items
from mtls_authorizer_cli.documents.merge import merge, same_items

if TYPE_CHECKING:
    from collections.abc import Iterable


def denying(names: Iterable[str]) -> str:
    return json.dumps({"rules": [{"name": "r"}], "deny": [{"common_name": name} for name in names]})


def denied(text: str) -> str:
    return "".join(sorted(item["common_name"] for item in json.loads(text).get("deny", [])))


@pytest.mark.parametrize(
    ("versions", "merged"),
    [
        pytest.param(["", "a"], "a", id="one writer"),
        pytest.param(["", "a", "ab"], "ab", id="one after the other"),
        pytest.param(["", "a", "b"], "ab", id="the second has not seen the first"),
        pytest.param(["", "a", "b", "c"], "abc", id="three at once"),
        pytest.param(["", "a", "b", "ab", "c"], "abc", id="one has merged already"),
        pytest.param(["", "a", "b", "c", "ab", "bc"], "abc", id="two have merged, each without the other"),
        pytest.param(["x", "", "xb"], "b", id="a removal that the second has not seen"),
        pytest.param(["x", "xa", ""], "a", id="a removal by one that has not seen an addition"),
        pytest.param(["xy", "x", "y"], "", id="two removals at once"),
        pytest.param(["x", "xa", "x"], "x", id="an addition that was taken back"),
        pytest.param(["", "a", "a"], "a", id="the same change twice"),
        pytest.param(["", "a", "c", "a"], "ac", id="the same change twice, and another one between"),
        pytest.param(["", "a", "ab", "b"], "b", id="an addition that was taken back after another one"),
    ],
)
def test_the_changes_of_all_writers_are_merged(versions: list[str], merged: str) -> None:
    texts = [denying(version) for version in versions]
    assert denied(merge(texts, texts[-1])) == denied(merge(texts, texts[0])) == merged


@pytest.mark.parametrize("count", [2, 3, 4])
def test_writers_that_read_any_earlier_version_lose_nothing(count: int) -> None:
    for bases in itertools.product(*(range(number + 1) for number in range(count))):
        versions = [""]
        for number, base in enumerate(bases):
            versions.append(versions[base] + "abcd"[number])
        texts = [denying(version) for version in versions]
        assert denied(merge(texts, texts[0])) == "abcd"[:count], bases


class Writer:
    """A writer that does what ``SsmDocument`` does, one step at a time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.step = self.read
        self.finished = False

    def read(self, history: list[str]) -> None:
        self.known, self.text = len(history) - 1, history[-1]
        self.step = self.write

    def write(self, history: list[str]) -> None:
        history.append(self.edit(self.text))
        self.finished = len(history) - 1 == self.known + 1
        self.step = self.merge

    def merge(self, history: list[str]) -> None:
        self.known, self.text = len(history) - 1, merge(history, history[-1])
        self.finished = same_items(self.edit(self.text), history[-1])
        self.step = self.write

    def edit(self, text: str) -> str:
        if self.name.isupper():  # removes the item that is there at first
            return rewrite_items(
                text, "deny", lambda item: None if item.value == {"common_name": self.name} else item.text
            )
        return text if f'"{self.name}"' in text else append_items(text, "deny", [{"common_name": self.name}])


@pytest.mark.without_coverage
@pytest.mark.parametrize("seed", range(40))
def test_writers_that_overwrite_each_other_in_any_order_end_with_all_changes(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret
    names = "abcdeXY"[: chance.randint(2, 7)]
    history = [denying("XYZ")]
    writers = [Writer(name) for name in names]
    while active := [writer for writer in writers if not writer.finished]:
        chance.choice(active).step(history)
    expected = {*"XYZ"} - {*names} | {name for name in names if name.islower()}
    assert denied(history[-1]) == "".join(sorted(expected)), history


def test_rules_are_merged_by_their_names_and_keep_their_places_and_their_text() -> None:
    first = '{"rules": [{"name": "a", "match": "1"},\n  {"name":"b", "match": "1"}, {"name":   "c"}]}'
    changed = first.replace('"b", "match": "1"', '"b", "match":  "2"')
    other = first.replace('"a", "match": "1"', '"a", "match": "3"').replace('{"name":   "c"}', '{"name": "d"}')
    assert merge([first, changed, other], other) == (
        '{"rules": [{"name": "a", "match": "3"},\n  {"name":"b", "match":  "2"}, {"name": "d"}]}'
    )
    versions = [first, changed.replace('{"name":   "c"}', '{"name": "e", "allow": []}'), other]
    renamed = merge(versions, other)
    assert renamed.endswith(' {"name": "d"}, {"name": "e", "allow": []}]}')


def test_a_single_foreign_version_is_kept_as_it_is_written() -> None:
    text = '{"deny":{"common_name":"a"} ,"rules": [ {"name": "r"} ] }\n'
    assert merge([denying("x"), text], text) == text
