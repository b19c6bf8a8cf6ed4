"""The authorizer in a long-running process, as on Lambda, which measures decisions on request.

``python warm_authorizer.py FOLDER...``: the folders contain the authorizer, the layer and Lambda's runtime client. Each
line on standard input is a turn in JSON (see ``benchmarks.measuring.turns``), and each response is a line of JSON.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import uuid
from functools import cache
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# So few certificates that the decision on each is in the authorizer's cache.
CACHED = 200

# Events are parsed shortly before they are handled, as on Lambda. The clock is read once for this number of events.
AT_ONCE = 16


@cache
def load(path: str) -> tuple[dict[str, str], list[str]]:
    """Return a workload: the environment's variables, and events in JSON."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 -- pathlib is no part of a function
        environment, *events = file.read().splitlines()
    return json.loads(environment), events


@cache
def authorizer(path: str, kind: str, *, recorded: bool) -> Callable[[object], dict[str, Any]]:  # noqa: ARG001 -- see below
    """Return an authorizer, with a cache of its own for each kind of turn, and with records or without."""
    from mtls_authorizer.authorizer import Authorizer  # noqa: PLC0415 -- found once the folders are known
    from mtls_authorizer.policy.settings import load_settings  # noqa: PLC0415 -- likewise

    records = {"LOG_DECISIONS": "all", "METRICS_NAMESPACE": "Benchmark"} if recorded else {"LOG_DECISIONS": "none"}
    return Authorizer(load_settings({**load(path)[0], **records})).authorize


def set_up_logging() -> None:
    """Set up logging with Lambda's runtime client as for ``LogFormat: JSON``. Records and metrics are discarded."""
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 -- as above, and for good
    sys.stdout = nowhere
    os.environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(nowhere.fileno())
    from awslambdaric import bootstrap  # type: ignore[import-untyped]  # noqa: PLC0415 -- as above, and reads variables

    bootstrap._GLOBAL_AWS_REQUEST_ID = str(uuid.uuid4())  # noqa: SLF001 -- which it sets for each event
    bootstrap.init_logging()
    logging.getLogger("mtls_authorizer").setLevel(logging.INFO)


def take(turn: dict[str, Any]) -> dict[str, float]:
    """Handle as many events as the turn requests. Return the CPU time of each in µs, and the number of allowed ones."""
    events = load(turn["workload"])[1]
    authorize = authorizer(turn["workload"], turn["kind"], recorded=turn["recorded"])
    if turn["kind"] == "in the cache":
        events = events[:CACHED]
        for event in events:
            authorize(json.loads(event))
    waiting = cycle(events)
    seconds, allowed = 0.0, 0
    for _ in range(turn["decisions"] // AT_ONCE):
        parsed = [json.loads(event) for event in islice(waiting, AT_ONCE)]
        begin = time.process_time()
        answers = [authorize(event) for event in parsed]
        seconds += time.process_time() - begin
        allowed += sum(answer["policyDocument"]["Statement"][0]["Effect"] == "Allow" for answer in answers)
    return {"cpu": seconds * 1e6 / turn["decisions"], "allowed": allowed}


if __name__ == "__main__":
    sys.path[1:1] = sys.argv[1:]
    protocol = sys.stdout
    set_up_logging()
    for line in sys.stdin:
        print(json.dumps(take(json.loads(line))), file=protocol, flush=True)
