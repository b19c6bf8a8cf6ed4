"""What ``doctor`` prints: the number of findings first, then each with its consequence and fix, the next step last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import printable
from mtls_authorizer_cli.printed import counted, json_text
from mtls_authorizer_cli.tables import WIDTH, ends_with_command, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mtls_authorizer_cli.doctor.findings import Diagnosis, Finding, NotChecked

_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")
"""A word of a command that is quoted for a shell."""

_CONTINUED = "        "


def as_text(diagnosis: Diagnosis) -> str:
    """Return a diagnosis for a person, in printable text."""
    sections: list[Iterable[str]] = [
        _summary(diagnosis),
        *(_finding(number, finding) for number, finding in enumerate(diagnosis.findings, start=1)),
        _not_checked(diagnosis.not_checked),
        (line for note in diagnosis.notes for line in _fold(note, first="Note: ")),
        _next_step(diagnosis),
    ]
    return "\n\n".join("\n".join(section) for section in map(list, sections) if section) + "\n"


def as_json(diagnosis: Diagnosis) -> str:
    """Return a diagnosis for a program."""
    document = {
        "findings": [finding._asdict() for finding in diagnosis.findings],
        "not_checked": [each._asdict() for each in diagnosis.not_checked],
        "checked": sorted(set(diagnosis.checked)),
        "notes": diagnosis.notes,
    }
    return json_text(document)


def _summary(diagnosis: Diagnosis) -> Iterator[str]:
    count = len(diagnosis.findings)
    yield "Nothing found" if count == 0 else counted(count, "finding")
    made = f"{counted(len(set(diagnosis.checked)), 'kind')} of checks made"
    missing = len({each.check for each in diagnosis.not_checked})
    yield f"  {made}, {missing} not possible" if missing else f"  {made}"


def _finding(number: int, finding: Finding) -> Iterator[str]:
    stop = "" if ends_with_command(finding.problem) else "."
    yield from _fold(f"{finding.subject}: {finding.problem}{stop}", first=f"{number}. {finding.check}: ")
    yield from _fold(finding.consequence, first="   Consequence: ")
    yield from _fold(f"{finding.fix}{':' if finding.commands else '.'}", first="   Fix: ")
    for command in finding.commands:
        yield from _wrap_command(command)


def _not_checked(not_checked: Iterable[NotChecked]) -> Iterator[str]:
    by_reason: dict[tuple[str, str | None], list[str]] = {}
    for each in not_checked:
        by_reason.setdefault((each.reason, each.permission), []).append(each.check)
    if by_reason:
        yield "Not checked"
    for (reason, permission), checks in by_reason.items():
        missing = f" Missing permission: {permission}" if permission else ""
        yield from _fold(f"{', '.join(dict.fromkeys(checks))}: {reason}.{missing}", first="   ")


def _next_step(diagnosis: Diagnosis) -> Iterator[str]:
    permissions = sorted({each.permission for each in diagnosis.not_checked if each.permission})
    if diagnosis.findings:
        first = diagnosis.findings[0]
        commands = " (the commands of 1)" if first.commands else ""
        yield from _fold(f"{first.fix}{commands}. Then run doctor again.", first="Next step: ")
    elif permissions:
        step = f"add these permissions: {', '.join(permissions)}. Then run doctor again."
        yield from _fold(step, first="Next step: ")
    elif diagnosis.not_checked:
        yield "Next step: check by hand what could not be checked."
    else:
        yield "Next step: none."


def _fold(text: str, *, first: str) -> Iterator[str]:
    return fold(printable(text), first=first, others="   ")


def _wrap_command(command: str) -> Iterator[str]:
    """Yield a command on lines that a shell joins, broken before options if their values fit."""
    line = "     "
    for group in _groups(printable(command)):
        for part in [" ".join(group)] if len(" ".join(group)) <= WIDTH - len(_CONTINUED) - 3 else group:
            if len(line) + len(part) + 3 > WIDTH:
                yield f"{line} \\"
                line = _CONTINUED
            line = f"{line} {part}"
    yield line


def _groups(command: str) -> Iterator[list[str]]:
    """Yield each option with its values, and first the words before the options."""
    group: list[str] = []
    for word in _WORD.findall(command):
        if word.startswith("--"):
            yield group
            group = []
        group.append(word)
    yield group
