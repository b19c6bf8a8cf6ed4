"""The command line of what fuzzes."""

from __future__ import annotations

import argparse
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable


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
