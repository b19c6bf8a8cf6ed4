"""`make mutation`: all modules, or some: ``python -m tests.mutation rules decision``."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import time
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from tests.mutation.covering_tests import PROJECT, SOURCES, CoveringTests, load, record
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.results import BEGIN, END, ModuleResult, page, read_results, summary, write_results
from tests.mutation.running import (
    SECONDS_FOR_ONE,
    Outcome,
    Source,
    Task,
    failing_when_imported,
    run_exchanging_code,
    run_importing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LOG = logging.getLogger("mutation")


_FILES_IMPORTED = 4


def sources() -> list[Source]:
    """Return all modules that are mutated."""
    folders = [PROJECT / source for source in SOURCES]
    return [
        Source(path, ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"))
        for folder in folders
        for path in sorted(folder.glob("*/*.py"))
        if path.parent.name != "build"
    ]


def tasks_for(source: Source, found: Sequence[Mutant], covering: CoveringTests) -> dict[int, Task]:
    """Return for each mutant that tests run the tests to run against it."""
    file = str(source.path.relative_to(PROJECT))
    of_function: dict[str, list[int]] = {}
    for mutant in found:
        of_function.setdefault(mutant.function, []).append(mutant.line)
    tasks = {}
    for number, mutant in enumerate(found):
        if not mutant.function:
            tests = covering.of_module(file)
        else:
            lines = of_function[mutant.function]
            tests = covering.of_line(file, mutant.line) or covering.of_lines(file, range(min(lines), max(lines) + 1))
            # Where something is kept, only the first test runs the line.
            tests = list(dict.fromkeys([*tests, *covering.own(file)]))
        chosen: list[str] = []
        seconds = 0.0
        for test in tests:
            if seconds + covering.seconds[test] > SECONDS_FOR_ONE:
                break
            seconds += covering.seconds[test]
            chosen.append(test)
        if chosen:
            tasks[number] = Task(number, tuple(chosen), seconds)
    return tasks


def _files(task: Task) -> list[str]:
    return list(dict.fromkeys(test.partition("::")[0] for test in task.tests))


def _of_files(task: Task, how_many: int | None) -> Task:
    """Leave the tests of the first so many files, since all of their files are imported for each mutant."""
    files = _files(task)[:how_many]
    return task._replace(tests=tuple(test for test in task.tests if test.partition("::")[0] in files))


def names_of(found: Sequence[Mutant]) -> list[str]:
    """Return a name for each mutant of a module that no other has."""
    times: Counter[str] = Counter()
    names = []
    for mutant in found:
        times[mutant.name] += 1
        names.append(mutant.name if times[mutant.name] == 1 else f"{mutant.name} ({times[mutant.name]})")
    return names


def run_module(source: Source, covering: CoveringTests, jobs: int, before: ModuleResult | None = None) -> ModuleResult:
    """Run the tests against all mutants of a module, or against those only that survived before."""
    begun = time.monotonic()
    code = sha256(source.path.read_bytes()).hexdigest()[:12]
    found = mutants(source.tree())
    names = names_of(found)
    tasks = tasks_for(source, found, covering)
    if before is not None:
        left_over = {name for _, name in before.survivors}
        tasks = {number: task for number, task in tasks.items() if names[number] in left_over}
        if before.code != code:
            message = f"{source.module} has changed: run it without --survivors"
            raise SystemExit(message)
        if not tasks:
            return before
    outcomes: dict[int, Outcome] = {}

    def report(task: Task, outcome: Outcome) -> None:
        outcomes[task.number] = outcome

    every_test = sum((task.tests for task in tasks.values()), ())
    inside = [task for number, task in tasks.items() if found[number].function]
    failing = run_exchanging_code(source, inside or [Task(-1, every_test, 0)], jobs, report)
    imported = set(covering.imported.get(str(source.path.relative_to(PROJECT)), ()))
    left = [
        task
        for number, task in tasks.items()
        if outcomes.get(number, Outcome.UNDECIDED) is Outcome.UNDECIDED
        or (
            outcomes[number] is Outcome.SURVIVED
            # Some tests fail where they are collected long before they run.
            and (found[number].line in imported or not failing.isdisjoint(task.tests))
        )
    ]
    for how_many in (_FILES_IMPORTED, None):
        if left:
            left = [_of_files(task, how_many) for task in left]
            failing = failing_when_imported(test for task in left for test in task.tests)
            if failing:
                _LOG.warning("fail without a mutant, and are not run: %s", ", ".join(sorted(failing)))
            left = [task._replace(tests=tuple(test for test in task.tests if test not in failing)) for task in left]
            run_importing(source, left, jobs, report)
        left = [
            tasks[task.number]
            for task in left
            if outcomes[task.number] is Outcome.SURVIVED and how_many and len(_files(tasks[task.number])) > how_many
        ]
    survivors = [
        (mutant.line, names[number])
        for number, mutant in enumerate(found)
        if outcomes.get(number, Outcome.SURVIVED) in {Outcome.SURVIVED, Outcome.UNDECIDED}
        and (before is None or names[number] in left_over)
    ]
    timeouts = sum(outcome is Outcome.TIMEOUT for outcome in outcomes.values())
    seconds = round(time.monotonic() - begun)
    if before is not None:
        timeouts, seconds = timeouts + before.timeouts, seconds + before.seconds
    return ModuleResult(len(found), timeouts, tuple(survivors), seconds, code)


def modules_not_run(results: Mapping[str, ModuleResult]) -> list[str]:
    """Return the modules with mutants that have no results."""
    return [source.module for source in sources() if source.module not in results and mutants(source.tree())]


def write_pages() -> None:
    """Write the last results of all modules for people: all of them here, the sums in CONTRIBUTING.md."""
    found = read_results()
    not_run = modules_not_run(found)
    (Path(__file__).parent / "results.md").write_text(page(found, not_run))
    page_with_sums = PROJECT / "CONTRIBUTING.md"
    before, begin, rest = page_with_sums.read_text().partition(BEGIN)
    if begin:
        page_with_sums.write_text(f"{before}{begin}\n{summary(found, not_run)}\n{END}{rest.partition(END)[2]}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="their names, without the package; all of them, if none is named")
    parser.add_argument("--jobs", type=int, default=2, help="how many mutants are run at a time")
    parser.add_argument("--covering", type=Path, help="a file that keeps which test runs which line, from run to run")
    parser.add_argument(
        "--survivors", action="store_true", help="only against those that survived before; the code must be as it was"
    )
    parser.add_argument("--pages", action="store_true", help="only write what was found before")
    options = parser.parse_args(arguments)
    # Not of the root logger, which is for the tests.
    _LOG.setLevel(logging.INFO)
    _LOG.addHandler(logging.StreamHandler())
    _LOG.propagate = False
    if options.pages:
        write_pages()
        return
    with TemporaryDirectory(prefix="mutation-") as folder:
        # Others that run pytest on this machine clear its usual folder.
        os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
        _run(options)


def _run(options: argparse.Namespace) -> None:
    chosen = [
        source for source in sources() if not options.modules or source.module.rpartition(".")[2] in options.modules
    ]
    kept = options.covering or Path(gettempdir()) / "mutation-covering-tests.json"
    covering = load(kept) if options.covering and kept.exists() else record(kept)
    # Loaded once, they are there in each fork.
    for library in covering.libraries:
        with suppress(ImportError):
            importlib.import_module(library)
    for source in chosen:
        before = read_results().get(source.module) if options.survivors else None
        result = run_module(source, covering, options.jobs, before)
        if before is not None:
            # Some tests fail of their own accord now and then: what was noticed has to be noticed once more.
            again = run_module(source, covering, options.jobs, before)
            left = {*result.survivors, *again.survivors}
            survivors = tuple(survivor for survivor in before.survivors if survivor in left)
            result = again._replace(survivors=survivors, seconds=result.seconds + again.seconds - before.seconds)
        write_results(read_results() | {source.module: result})
        write_pages()
        _LOG.info("%s: %d of %d survived, %d s", source.module, len(result.survivors), result.mutants, result.seconds)
        for line, name in result.survivors:
            _LOG.info("  %d %s", line, name)


if __name__ == "__main__":
    main()
