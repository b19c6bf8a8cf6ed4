"""Processes that go on and take turns, so that whatever else the machine does falls on all alike."""

from __future__ import annotations

import json
import statistics
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What comes before the rounds that count, so that the just-in-time compiler of Node is warm.
WARM_UP_ROUNDS = 2


class Turn(NamedTuple):
    """So many decisions, a multiple of 16, about a workload: the file that ``write_workload`` wrote.

    ``kind`` is what the process knows to do: ``not seen before`` or ``in the cache`` here, ``subject only`` or ``whole
    object`` on Node. ``recorded``: each decision writes its log record and its metrics; Node's write nothing.
    """

    workload: str
    kind: str
    decisions: int
    recorded: bool = False


class Cost(NamedTuple):
    """CPU time of a decision in µs, in each round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of all rounds."""
        return statistics.median(self.rounds)

    @property
    def least(self) -> float:
        """The least, which other work on the machine disturbs least."""
        return min(self.rounds)

    def ratio(self, other: Cost) -> float:
        """Return how many times the other's this is: the median of the rounds' ratios.

        Within a round, whatever else the machine does is about the same for both.
        """
        return statistics.median(ours / theirs for ours, theirs in zip(self.rounds, other.rounds, strict=True))

    def __str__(self) -> str:
        return f"{self.median:.0f} ({self.least:.0f})"

    def ratio_text(self, other: Cost) -> str:
        """Return the ratio, and that of the least in parentheses."""
        return f"{self.ratio(other):.2f} ({self.least / other.least:.2f})"


class WarmProcess:
    """A process that answers each turn, one line of JSON, with another: ``cpu`` in µs a decision, ``allowed``."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._command = " ".join(map(str, command))
        self._process = subprocess.Popen(  # noqa: S603 -- no shell
            list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={}
        )

    def take(self, turn: Turn) -> float:
        """Return the CPU time of a decision in µs.

        Raises RuntimeError if the process ends, or didn't let everybody in: what fails is quick.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError
        self._process.stdin.write(json.dumps(turn._asdict()) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            message = f"{self._command} ended"
            raise RuntimeError(message)
        answer = json.loads(line)
        if answer["allowed"] != turn.decisions:
            message = f"{self._command} allowed {answer['allowed']} of {turn.decisions}: {turn}"
            raise RuntimeError(message)
        return float(answer["cpu"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.communicate()


def measure(commands: Mapping[str, Sequence[str | Path]], turns: Sequence[tuple[str, Turn]], rounds: int) -> list[Cost]:
    """Let each turn's process, named as in ``commands``, take it once a round. Return what the turns cost, in order."""
    with ExitStack() as stack:
        processes = {name: stack.enter_context(WarmProcess(command)) for name, command in commands.items()}
        measured = [[processes[name].take(turn) for name, turn in turns] for _ in range(WARM_UP_ROUNDS + rounds)]
    by_turn = zip(*measured[WARM_UP_ROUNDS:], strict=True)
    return list(map(Cost, by_turn))
