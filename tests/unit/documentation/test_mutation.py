"""The modules of mutation testing."""

from __future__ import annotations

from importlib.util import find_spec

from tests.tooling.mutation import TESTS
from tests.unit.documentation.markdown import PROJECT, first_column


def test_every_module_exists_and_has_tests() -> None:
    assert all(find_spec(module) for module in TESTS)
    assert all((PROJECT / path).exists() for paths in TESTS.values() for path in paths)


def test_the_score_of_every_module_is_documented() -> None:
    assert set(first_column("CONTRIBUTING.md", "Mutation testing")) == TESTS.keys()
