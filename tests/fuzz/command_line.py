"""The loop and the command line of what fuzzes."""

from __future__ import annotations

import argparse
import secrets
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class FindingError(AssertionError):
    """Something that must not be. The message contains the input in hexadecimal."""


def repeat(
    inputs: Iterator[bytes],
    examine: Callable[[bytes], str],
    *,
    seconds: float = float("inf"),
    executions: float = float("inf"),
) -> Counter[str]:
    """Examine inputs until a limit is reached, and count the outcomes. Raises FindingError after any exception."""
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while outcomes.total() < executions and time.monotonic() < end:
        content = next(inputs)
        try:
            outcomes[examine(content)] += 1
        except Exception as error:
            message = f"after {outcomes.total()} executions: {content.hex()}"
            raise FindingError(message) from error
    return outcomes


def run(fuzz: Callable[..., Counter[str]], description: str | None) -> None:
    """Run ``fuzz`` from the command line: it takes a seed, ``seconds`` and ``executions``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=float, default=60, help="how long to run (default: %(default)s)")
    parser.add_argument("--executions", type=int, default=None, help="how many to run at most (default: any number)")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="what to begin with (default: any)")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)  # noqa: T201 -- its output
    executions = float("inf") if arguments.executions is None else arguments.executions
    outcomes = fuzz(arguments.seed, seconds=arguments.seconds, executions=executions)
    print(f"{outcomes.total()} executions: {dict(outcomes)}")  # noqa: T201 -- as above
