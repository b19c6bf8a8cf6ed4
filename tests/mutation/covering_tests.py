"""Which test runs which line, and how long it takes."""

from __future__ import annotations

import json
import multiprocessing
import signal
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import hypothesis
import pytest
from coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PROJECT = Path(__file__).parents[2]
SOURCES = ("layer", "authorizer")

_OF_THE_README = "tests/unit/documentation"
_OF_WHAT_IS_WRITTEN = (_OF_THE_README, "tests/publishing/test_papers.py")
TESTED_BY = ("tests/authorizer", "tests/layer", "tests/publishing", _OF_THE_README)
TOO_SLOW_TO_KILL = (
    "tests/integration/authorizer/test_runtime_client.py",
    "tests/layer/test_built_layer.py",
    "tests/layer/test_release.py",
)
"""Tests that start a process or build the layer each time. They run with `make test`, and never against a mutant."""

SLOWEST = 3.0
"""In seconds. A test that takes longer isn't run against a mutant."""
_OWN = {
    "__main__",
    "tests",
    *(folder.parent.name for source in SOURCES for folder in (PROJECT / source).glob("*/*.py")),
}
_OWN |= {"local_gateway", "examples", "benchmarks"}
_ALREADY = "ignore::pytest.PytestAssertRewriteWarning"
_FIRST_CASES = 5
_FIRST_CASES_OF_ITS_OWN = 20
_LONGEST = 20
"""In seconds, while it is recorded what it runs."""


class CoveringTests(NamedTuple):
    """What a run of the tests found: only those that passed are in it."""

    seconds: Mapping[str, float]
    """Each test's duration by its node id."""
    by_line: Mapping[str, Mapping[int, list[str]]]
    """For each source file, below the project, the tests that run a line."""
    imported: Mapping[str, list[int]]
    """The lines that run when modules are imported, those of tests among them."""
    libraries: Sequence[str]
    """The modules that the tests import, the project's own aside."""

    def of_line(self, source: str, line: int) -> list[str]:
        """Return the tests that run a line, those that are named after its module first, and the quickest of each."""
        return self._in_order(source, self.by_line.get(source, {}).get(line, []))

    def of_lines(self, source: str, lines: Iterable[int]) -> list[str]:
        """Return the tests that run one of some lines, in the same order."""
        return self._in_order(source, {test for line in lines for test in self.by_line.get(source, {}).get(line, [])})

    def own(self, source: str) -> list[str]:
        """Return the tests that are named after a module, the quickest first."""
        return self._in_order(source, self._named_after(source))

    def of_module(self, source: str) -> list[str]:
        """Return the tests that run anything in a module, in the same order.

        A module of nothing but names has none: what these are is in the README and other papers, and so are its tests.
        """
        tests = {test for tests in self.by_line.get(source, {}).values() for test in tests} | self._named_after(source)
        return self._in_order(source, tests or {test for test in self.seconds if test.startswith(_OF_WHAT_IS_WRITTEN)})

    def _named_after(self, source: str) -> set[str]:
        # Who looks at constants only runs no line.
        return {test for test in self.seconds if _file_of_tests(source) in test}

    def _in_order(self, source: str, tests: Iterable[str]) -> list[str]:
        """Put tests into the order in which they are most likely to tell soon.

        A few cases of each test function come first, since the hundredth case of one tells less than the first of
        another; among these, those that are named after the module, and the quickest.
        """
        quick = sorted(
            (test for test in tests if self.seconds.get(test, SLOWEST) < SLOWEST), key=self.seconds.__getitem__
        )
        cases: Counter[str] = Counter()
        ranks = {}
        for test in quick:
            function = test.partition("[")[0]
            cases[function] += 1
            own = _file_of_tests(source) in test
            ranks[test] = (cases[function] > (_FIRST_CASES_OF_ITS_OWN if own else _FIRST_CASES), not own)
        return sorted(quick, key=ranks.__getitem__)


def _file_of_tests(source: str) -> str:
    return f"/test_{Path(source).stem}.py::"


def search_briefly() -> None:
    """Have Hypothesis try the same examples each time, and stop at the first that fails."""
    hypothesis.settings.register_profile(
        "mutants",
        hypothesis.settings.get_profile("untimed"),
        derandomize=True,
        database=None,
        print_blob=False,
        max_examples=30,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("mutants")


def _give_up(*_: object) -> NoReturn:
    pytest.fail("too slow to be run against mutants", pytrace=False)


class Recorder:
    """A plugin for pytest that writes which test runs which line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._coverage = Coverage(data_file=None, source=[str(PROJECT / source) for source in SOURCES])
        self._coverage.start()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._failed: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Make searches as short as they are against mutants."""
        search_briefly()

    def pytest_runtestloop(self) -> None:
        """Be ready for tests that take too long."""
        signal.signal(signal.SIGALRM, _give_up)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record one test."""
        self._coverage.switch_context(item.nodeid)
        begun = time.perf_counter()
        signal.alarm(_LONGEST)
        try:
            return (yield)
        finally:
            signal.alarm(0)
            self._seconds[item.nodeid] = time.perf_counter() - begun

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Leave out what doesn't pass even without a mutant."""
        if not report.passed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write what was recorded."""
        self._coverage.stop()
        data = self._coverage.get_data()
        lines = {str(Path(file).relative_to(PROJECT)): data.contexts_by_lineno(file) for file in data.measured_files()}
        by_line = {
            file: {line: [test for test in tests if test and test not in self._failed] for line, tests in each.items()}
            for file, each in lines.items()
        }
        imported = {file: [line for line, tests in each.items() if "" in tests] for file, each in lines.items()}
        seconds = {test: taken for test, taken in self._seconds.items() if test not in self._failed}
        libraries = [name for name in sys.modules if name.partition(".")[0] not in _OWN]
        self._path.write_text(
            json.dumps({"seconds": seconds, "by_line": by_line, "imported": imported, "libraries": libraries})
        )


def record(path: Path) -> CoveringTests:
    """Run the tests and write to a file which of them runs which line."""
    # In another process: what is imported here already can't be imported as a mutant.
    process = multiprocessing.get_context("spawn").Process(target=_record, args=(path,))
    process.start()
    process.join()
    return load(path)


def _record(path: Path) -> None:
    arguments = [*TESTED_BY, *(f"--ignore={test}" for test in TOO_SLOW_TO_KILL)]
    pytest.main([*arguments, "-q", "-p", "no:cacheprovider", "-p", "no:cov", "-W", _ALREADY], plugins=[Recorder(path)])


def load(path: Path) -> CoveringTests:
    """Return what was written."""
    content = json.loads(path.read_text())
    by_line = {
        source: {int(line): tests for line, tests in lines.items()} for source, lines in content["by_line"].items()
    }
    return CoveringTests(content["seconds"], by_line, content["imported"], content["libraries"])
