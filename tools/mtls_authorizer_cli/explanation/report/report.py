"""The report: an explanation, and how much of it to print."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation.explanation import Explanation


class Report(NamedTuple):
    """An explanation, notes on its inputs, and whether to print everything and the function's response."""

    explanation: Explanation
    notes: tuple[str, ...] = ()
    everything: bool = False
    with_answer: bool = False
