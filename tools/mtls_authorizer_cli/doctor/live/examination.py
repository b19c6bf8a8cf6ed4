"""Making checks: each one yields mistakes and notes, or raises UnavailableError if it cannot be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from mtls_authorizer_cli.doctor.account.aws import UnavailableError
from mtls_authorizer_cli.doctor.findings import Check, Diagnosis, Finding, NotChecked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mtls_authorizer_cli.doctor.findings import Mistake
    from mtls_authorizer_cli.progress import Progress

Examined = TypeVar("Examined")
Checks: TypeAlias = "Mapping[Check, Callable[[Examined], Iterable[Mistake | str]]]"
"""Functions that make the checks of an object. They yield mistakes and, as strings, notes."""


def examine(checks: Checks[Examined], examined: Examined, progress: Progress) -> Diagnosis:
    """Make checks of an object. What a check has found before it raises UnavailableError is kept."""
    checked: list[Check] = []
    findings: list[Finding] = []
    not_checked: list[NotChecked] = []
    notes: list[str] = []
    for number, (check, mistakes_and_notes) in enumerate(checks.items()):
        progress.show(f"{examined}: {check}", number / len(checks))
        try:
            for result in mistakes_and_notes(examined):
                if isinstance(result, str):
                    notes.append(result)
                else:
                    findings.append(result.finding(check, str(examined)))
        except UnavailableError as error:
            not_checked.append(NotChecked(check, error.reason, error.permission))
        else:
            checked.append(check)
    return Diagnosis(tuple(checked), tuple(findings), tuple(not_checked), tuple(notes))


def unavailable(checks: Iterable[Check], error: UnavailableError) -> Diagnosis:
    """Return that checks were not made because of an error."""
    return Diagnosis(not_checked=tuple(NotChecked(check, error.reason, error.permission) for check in checks))
