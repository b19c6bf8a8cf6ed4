"""Which mistakes are made, and what is made of the results."""

from __future__ import annotations

import ast
import re

import pytest

from tests.mutation.covering_tests import PROJECT
from tests.mutation.mutants import mutants
from tests.mutation.results import BEGIN, END, ModuleResult, page, read_explanations, read_results, score, summary


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("x = a == b != c", ["x = a != b != c", "x = a == b == c"]),
        ("x = a and b", ["x = a or b"]),
        ("x = not a", ["x = a"]),
        ("x = a + b", ["x = a - b"]),
        ("x = -1", ["x = 1", "-2"]),
        ("x = 'a'", ["x = ''"]),
        ("x = ''", ["x = 'mutant'"]),
        ("x = f'{a:02}b'", ["x = ''", "{a:}"]),
        ("x = True", ["x = False"]),
        ("x = a if b else c", ["a if False else c", "a if True else c"]),
        ("x = [a for a in b if a]", ["for a in b if False", "for a in b if True"]),
        ("x += a", ["x -= a", "pass"]),
        ("x.a = b", ["pass"]),
        ("f(a)", ["pass"]),
        ("if a:\n    f()", ["False", "True", "pass"]),
        ("while a:\n    break", ["False", "pass"]),
        ("try:\n    x = a\nexcept (A, B):\n    raise", ["except (B,):", "except (A,):", "pass"]),
        ("def f(a=1):\n    return a", ["2", "return None"]),
        ('"""Docstring."""\n__all__ = ["a"]\nT = TypeVar("T")\nx: TypeAlias = "a"\ndef f(a: "b") -> "c": ...', []),
        ("if TYPE_CHECKING:\n    f('a')", []),
        ("x = cast('a', b)", []),
    ],
)
def test_each_kind_of_mistake_is_made_where_it_can_be(code: str, changes: list[str]) -> None:
    found = mutants(ast.parse(code))
    assert len(found) == len(changes)
    for mutant, change in zip(found, changes, strict=True):
        assert change in mutant.after


def test_a_mutant_is_a_module_with_one_mistake_in_a_function_that_has_a_name() -> None:
    code = "class A:\n    def f(self):\n        return self.a + 1"
    found = mutants(ast.parse(code))
    assert {mutant.function for mutant in found} == {"A.f"}
    made = set()
    for number in range(len(found)):
        tree = ast.parse(code)
        mutants(tree)[number].apply()
        made.add(ast.unparse(tree).splitlines()[-1].strip())
    assert made == {"return None", "return self.a - 1", "return self.a + 2"}


def test_the_pages_say_what_was_found() -> None:
    found = read_results()
    written = (PROJECT / "tests/mutation/results.md").read_text()
    (line,) = re.findall(r"^Not run: (.*)\.$", written, re.MULTILINE)
    # Modules come and go: those that were there when the pages were written.
    not_run = re.findall("`([^`]+)`", line)
    assert written == page(found, not_run)
    sums = (PROJECT / "CONTRIBUTING.md").read_text()
    assert sums.partition(BEGIN)[2].partition(END)[0].strip() == summary(found, not_run)


def test_what_has_survived_is_explained_and_nothing_else() -> None:
    survived = {(module, name) for module, result in read_results().items() for _, name in result.survivors}
    assert {(module, name) for module, names in read_explanations().items() for name in names} == survived


def test_the_score_is_rounded_down() -> None:
    assert score(ModuleResult(10_000, 0, ((1, "a"),), 1, "")) == "99.9%"
    assert score(ModuleResult(10_000, 0, (), 1, "")) == "100.0%"
