"""Runs tests against mutants, each in a process of its own.

Most mutants are inside a function. The tests are then collected once, and each mutant gets a fork in which the
function's code is exchanged. What survives that, and what runs when the module is imported, gets a fork that has
nothing of the project imported yet, and imports the mutant: that is how it would be on Lambda.
"""

from __future__ import annotations

import ast
import gc
import importlib.abc
import importlib.util
import json
import os
import resource
import signal
import sys
import time
import traceback
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import pytest

from tests.mutation.covering_tests import search_briefly
from tests.mutation.mutants import mutants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from functools import _lru_cache_wrapper
    from importlib.machinery import ModuleSpec
    from pathlib import Path
    from types import ModuleType

SECONDS_FOR_ONE = 12.0
"""How long the tests against one mutant may take, going by what they take without it. The rest isn't run."""
_TO_BE_IMPORTED = 77
"""The status that says that a function's code can't be exchanged."""
_LONGEST_WITHOUT_A_MUTANT = 900.0
_SLOWER = 10
_AT_LEAST = 15.0

_OPTIONS = ["-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:cov", "-o", "tmp_path_retention_policy=none"]
_OPTIONS += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMEOUT = "timeout"
    UNDECIDED = "undecided"
    """The mutant has to be imported."""


class Task(NamedTuple):
    """A mutant by its number in its module, the tests to run against it, and what they take without it."""

    number: int
    tests: tuple[str, ...]
    seconds: float


class Source(NamedTuple):
    """A module of the project."""

    path: Path
    module: str

    def tree(self) -> ast.Module:
        """Return the module's tree: the same mutants each time."""
        return ast.parse(self.path.read_bytes(), str(self.path))

    def mutated(self, number: int) -> CodeType:
        """Return the code of a mutant."""
        tree = self.tree()
        mutants(tree)[number].apply()
        return compile(tree, str(self.path), "exec", dont_inherit=True)


def run_exchanging_code(
    source: Source, tasks: Sequence[Task], jobs: int, report: Callable[[Task, Outcome], None]
) -> set[str]:
    """Run tests against mutants inside functions. ``report`` is called in this process.

    Return the tests that fail without a mutant as well. They are not run against any.
    """
    reading, writing = os.pipe()

    def collect() -> int:
        os.close(reading)
        loop = _MutantLoop(source, tasks, jobs, writing)
        pytest.main([*_OPTIONS, *_files(test for task in tasks for test in task.tests)], plugins=[loop])
        return 0

    child = _fork(collect)
    os.close(writing)
    with os.fdopen(reading) as lines:
        failing: list[str] = json.loads(next(lines, "[]"))
        for line in lines:
            index, outcome = line.split()
            report(tasks[int(index)], Outcome(outcome))
    os.waitpid(child, 0)
    return set(failing)


def run_importing(source: Source, tasks: Sequence[Task], jobs: int, report: Callable[[Task, Outcome], None]) -> None:
    """Run tests against mutants that are imported. ``report`` is called in this process."""

    def make_child(task: Task) -> Callable[[], int]:
        def child() -> int:
            sys.meta_path.insert(0, _MutantFinder(source, task.number))
            tests = pytest.main([*_OPTIONS, "-x", *_files(task.tests)], plugins=[_Chosen(task.tests)])
            return int(tests != pytest.ExitCode.OK)

        return child

    for index, outcome in _in_parallel([(make_child(task), task.seconds + 3) for task in tasks], jobs):
        report(tasks[index], outcome)


def failing_when_imported(tests: Iterable[str]) -> set[str]:
    """Return which of some tests fail without a mutant, in a process like those of ``run_importing``."""
    reading, writing = os.pipe()
    chosen = _Chosen(dict.fromkeys(tests))

    def child() -> int:
        pytest.main([*_OPTIONS, *_files(chosen.tests)], plugins=[chosen])
        with os.fdopen(writing, "w") as output:
            json.dump(sorted(chosen.failed), output)
        return 0

    process = _fork(child, _LONGEST_WITHOUT_A_MUTANT)
    os.close(writing)
    with os.fdopen(reading) as found:
        failing: list[str] = json.load(found)
    os.waitpid(process, 0)
    return set(failing)


class _Chosen:
    """A plugin for pytest that runs some tests only, in their order, and without searching for the smallest example."""

    def __init__(self, tests: Iterable[str]) -> None:
        self.tests = tests
        self.failed: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        search_briefly()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_id = {item.nodeid: item for item in items}
        items[:] = [by_id[test] for test in self.tests if test in by_id]


class _MutantLoop(_Chosen):
    """A plugin for pytest that runs the collected tests against one mutant after the other."""

    def __init__(self, source: Source, tasks: Sequence[Task], jobs: int, output: int) -> None:
        super().__init__(dict.fromkeys(test for task in tasks for test in task.tests))
        self._source, self._tasks, self._jobs, self._output = source, tasks, jobs, output

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        failing = self._failing(session)
        os.write(self._output, f"{json.dumps(failing)}\n".encode())
        functions = _functions(self._source.path)
        caches = _caches(functions)
        items = {item.nodeid: item for item in session.items if item.nodeid not in failing}

        def make_child(task: Task) -> Callable[[], int]:
            def child() -> int:
                if not _exchange(functions, self._source.mutated(task.number)):
                    return _TO_BE_IMPORTED
                # What was kept, as tests were collected, is what the code without a mistake said.
                for cache in caches:
                    cache.cache_clear()
                self._run([items[test] for test in task.tests if test in items])
                return int(bool(self.failed))

            return child

        gc.freeze()
        for index, outcome in _in_parallel([(make_child(task), task.seconds) for task in self._tasks], self._jobs):
            os.write(self._output, f"{index} {outcome}\n".encode())
        return True

    def _failing(self, session: pytest.Session) -> list[str]:
        reading, writing = os.pipe()

        def child() -> int:
            self._run(session.items, to_the_end=True)
            with os.fdopen(writing, "w") as output:
                json.dump(sorted(self.failed), output)
            return 0

        process = _fork(child, _LONGEST_WITHOUT_A_MUTANT)
        os.close(writing)
        with os.fdopen(reading) as found:
            failing: list[str] = json.load(found)
        os.waitpid(process, 0)
        return failing

    def _run(self, items: Sequence[pytest.Item], *, to_the_end: bool = False) -> None:
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed and not to_the_end:
                return


def _functions(path: Path) -> list[FunctionType]:
    gc.collect()
    objects = gc.get_objects()
    return [each for each in objects if isinstance(each, FunctionType) and each.__code__.co_filename == str(path)]


def _caches(functions: Iterable[FunctionType]) -> list[_lru_cache_wrapper[object]]:
    """Return what keeps the results of some functions."""
    wrapped = set(map(id, functions))
    kind = type(lru_cache(_functions))
    return [each for each in gc.get_objects() if type(each) is kind and id(each.__wrapped__) in wrapped]


def _exchange(functions: Iterable[FunctionType], module: CodeType) -> bool:
    """Give functions their code of another version of their module. Return whether that can be done."""
    codes: dict[tuple[str, int], CodeType | None] = {}
    exchanged = False
    for code in _codes(module):
        place = code.co_qualname, code.co_firstlineno
        codes[place] = None if place in codes else code  # of several lambdas in a line nobody can say which is which
    for function in functions:
        exchange = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        if exchange is not None:
            if len(exchange.co_freevars) != len(function.__code__.co_freevars):
                return False
            function.__code__ = exchange
            exchanged = True
    return exchanged


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


class _MutantFinder(importlib.abc.MetaPathFinder):
    """Finds one module, as a mutant."""

    def __init__(self, source: Source, number: int) -> None:
        self._source, self._number = source, number

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        del path, target
        if fullname != self._source.module:
            return None
        loader = _MutantLoader(self._source, self._number)
        is_package = self._source.path.name == "__init__.py"
        return importlib.util.spec_from_file_location(
            fullname,
            self._source.path,
            loader=loader,
            submodule_search_locations=[str(self._source.path.parent)] if is_package else None,
        )


class _MutantLoader(importlib.abc.Loader):
    def __init__(self, source: Source, number: int) -> None:
        self._source, self._number = source, number

    def get_code(self, fullname: str) -> CodeType:
        """Return the module's code, for ``runpy``."""
        del fullname
        return self._source.mutated(self._number)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._source.mutated(self._number), vars(module))  # noqa: S102 -- a module's own code, with a mistake


def _files(tests: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(test.partition("::")[0] for test in tests))


def _in_parallel(children: Sequence[tuple[Callable[[], int], float]], jobs: int) -> Iterator[tuple[int, Outcome]]:
    """Run each child in a process, so many at a time, and yield which ended how. A child is given as much CPU time
    as tests need that are ten times slower, and twice that by the clock."""
    running: dict[int, tuple[int, float]] = {}
    waiting = list(enumerate(children))[::-1]
    while running or waiting:
        while waiting and len(running) < jobs:
            index, (child, seconds) = waiting.pop()
            limit = _AT_LEAST + _SLOWER * seconds
            running[_fork(child, limit)] = index, time.monotonic() + 2 * limit
        for process, (index, deadline) in list(running.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            late = not ended and time.monotonic() > deadline
            if not ended and not late:
                continue
            _end_group(process)
            if late:
                os.waitpid(process, 0)
            del running[process]
            yield index, Outcome.TIMEOUT if late else _outcome(status)
        time.sleep(0.005)


def _outcome(status: int) -> Outcome:
    if os.WIFSIGNALED(status):
        return Outcome.TIMEOUT if os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL} else Outcome.KILLED
    return {0: Outcome.SURVIVED, _TO_BE_IMPORTED: Outcome.UNDECIDED}.get(os.WEXITSTATUS(status), Outcome.KILLED)


def _end_group(process: int) -> None:
    """End what a child left behind, and the child."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def _fork(child: Callable[[], int], limit: float | None = None) -> int:
    sys.stdout.flush()
    process = os.fork()
    if not process:
        _be_child(child, limit)
    return process


def _be_child(child: Callable[[], int], limit: float | None) -> NoReturn:
    status = 1
    try:
        if limit is not None:
            os.setsid()
            quiet = os.open(os.devnull, os.O_RDWR)
            os.dup2(quiet, 0)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
        status = child()
    except BaseException:  # noqa: BLE001 -- it ends here, whatever it is
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
