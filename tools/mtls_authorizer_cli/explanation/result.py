"""The result of one check, of API Gateway or of the authorizer."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """The verdict of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not_reached"
    """There was nothing to check: a prerequisite failed, or the check does not apply."""


class CheckResult(NamedTuple):
    """The result of a check. ``required`` and ``found`` are words for a person, in printable ASCII.

    ``reason`` is the deny reason if a check of the authorizer failed. ``found`` is None if nothing was looked at, and
    ``skipped`` says why.
    """

    name: str
    verdict: Verdict
    reason: str | None
    required: str
    found: str | None
    skipped: str | None = None
