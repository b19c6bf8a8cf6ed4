"""What `make mutation` found, kept beside this module, and written for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FOLDER = Path(__file__).parent

BEGIN = "<!-- `make mutation` writes what follows. -->"
END = "<!-- Up to here. -->"


class ModuleResult(NamedTuple):
    """What became of a module's mutants."""

    mutants: int
    timeouts: int
    """How many made the tests run for far too long. They count as killed."""
    survivors: tuple[tuple[int, str], ...]
    """The line and the name of each mutant that no test noticed."""
    seconds: int
    code: str
    """The beginning of the SHA-256 of the module as it was."""

    @property
    def killed(self) -> int:
        """How many mutants a test noticed, time-outs included."""
        return self.mutants - len(self.survivors)


def read_results() -> dict[str, ModuleResult]:
    """Return the last result of each module that was run."""
    path = _FOLDER / "results.json"
    if not path.exists():
        return {}
    return {
        module: ModuleResult(**result | {"survivors": tuple(map(tuple, result["survivors"]))})
        for module, result in json.loads(path.read_text()).items()
    }


def write_results(results: Mapping[str, ModuleResult]) -> None:
    """Keep results, for the program."""
    content = {module: result._asdict() for module, result in sorted(results.items()) if result.mutants}
    (_FOLDER / "results.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_explanations() -> dict[str, dict[str, str]]:
    """Return for each module why a survivor can't be told from the code as it is, by the mutant's name."""
    content: dict[str, dict[str, str]] = json.loads((_FOLDER / "explanations.json").read_text())
    return content


def total(results: Mapping[str, ModuleResult]) -> ModuleResult:
    """Return the sum of results, without the survivors' names."""
    each = results.values()
    survivors = tuple(survivor for result in each for survivor in result.survivors)
    return ModuleResult(
        sum(result.mutants for result in each),
        sum(result.timeouts for result in each),
        survivors,
        sum(result.seconds for result in each),
        "",
    )


def score(result: ModuleResult) -> str:
    """Return the share of all mutants that was killed, rounded down, since it is compared with a target."""
    return f"{result.killed * 1000 // result.mutants / 10:.1f}%"


def summary(results: Mapping[str, ModuleResult], not_run: Sequence[str]) -> str:
    """Return the sums for CONTRIBUTING.md."""
    rows = []
    for package in dict.fromkeys(module.partition(".")[0] for module in sorted(results)):
        of_package = {module: result for module, result in results.items() if module.partition(".")[0] == package}
        rows.append((f"`{package}`, {len(of_package)} modules", total(of_package)))
    rows.append(("all of these", total(results)))
    lines = [
        "| | mutants | killed | survived | score |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {what} | {result.mutants} | {result.killed} | {len(result.survivors)} | {score(result)} |"
            for what, result in rows
        ),
    ]
    if not_run:
        lines += ["", f"Not run so far: {', '.join(f'`{module}`' for module in not_run)}."]
    return "\n".join(lines)


def page(results: Mapping[str, ModuleResult], not_run: Sequence[str]) -> str:
    """Return results as a page for people. ``not_run``: the modules with mutants that have none."""
    explanations = read_explanations()
    rows = [
        f"| {what} | {each.mutants} | {each.killed} | {each.timeouts} | {len(each.survivors)} "
        f"| {score(each)} | {each.code} |"
        for what, each in [*sorted(results.items()), ("**all of these**", total(results))]
    ]
    lines = [
        "# Mutants",
        "",
        "Written by `make mutation`. Which mistakes are made is said in [mutants.py](mutants.py); a mutant that makes",
        "the tests run for far too long counts as killed, one that no test runs as survived. *Code* begins the SHA-256",
        "of the module as it was: where `sha256sum` says something else, it has changed since. On a busy machine a",
        "test may fail of its own accord, so that a few mutants may be wrongly counted as killed; those that survived",
        "and are tried again, with `--survivors`, have to be killed twice.",
        "",
        "| module | mutants | killed | by time-out | survived | score | code |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        *rows,
        "",
        "Not run: " + (", ".join(f"`{module}`" for module in not_run) or "none") + ".",
        "",
        "## Survivors",
    ]
    for module, result in sorted(results.items()):
        if result.survivors:
            lines += ["", f"### {module}", ""]
        for line, name in result.survivors:
            reason = explanations.get(module, {}).get(name, "not explained yet")
            lines.append(f"- line {line}, `` {name} ``: {reason}")
    return "\n".join(lines) + "\n"
