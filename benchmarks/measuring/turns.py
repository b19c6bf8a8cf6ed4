"""Long-running processes that take turns, so that other work on the machine affects all of them equally."""

from __future__ import annotations

import json
import statistics
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Rounds before the measured ones, so that Node's just-in-time compiler is warm.
WARM_UP_ROUNDS = 2


class Turn(NamedTuple):
    """A number of decisions, a multiple of 16, on a workload: a file of ``write_workload``.

    ``kind`` selects what the process measures: ``not seen before`` or ``in the cache`` here, ``subject only`` or
    ``whole object`` on Node. ``recorded`` is whether each decision writes its log record and its metrics; Node's
    decisions write nothing.
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
        """The minimum, which other work on the machine affects least."""
        return min(self.rounds)

    def ratio(self, other: Cost) -> float:
        """Return the ratio of this cost to another one: the median of the rounds' ratios.

        Within a round, other work on the machine affects both about equally.
        """
        return statistics.median(ours / theirs for ours, theirs in zip(self.rounds, other.rounds, strict=True))

    def __str__(self) -> str:
        return f"{self.median:.0f} ({self.least:.0f})"

    def ratio_text(self, other: Cost) -> str:
        """Return the ratio, and that of the least in parentheses."""
        return f"{self.ratio(other):.2f} ({self.least / other.least:.2f})"


class WarmProcess:
    """A process that responds to each turn, a line of JSON, with a line: ``cpu`` in µs per decision, ``allowed``."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._command = " ".join(map(str, command))
        self._process = subprocess.Popen(  # noqa: S603 -- no shell
            list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={}
        )

    def take(self, turn: Turn) -> float:
        """Return the CPU time of a decision in µs.

        Raises RuntimeError if the process ends, or did not allow every client, because failing takes less time.
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
    """Let the process of each turn, named as in ``commands``, take it once per round. Return the costs in order."""
    with ExitStack() as stack:
        processes = {name: stack.enter_context(WarmProcess(command)) for name, command in commands.items()}
        measured = [[processes[name].take(turn) for name, turn in turns] for _ in range(WARM_UP_ROUNDS + rounds)]
    by_turn = zip(*measured[WARM_UP_ROUNDS:], strict=True)
    return list(map(Cost, by_turn))
