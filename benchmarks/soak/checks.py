"""The checks of the load test: whether responses are right, memory, and the log."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.soak.clients import LAST_EDITION, UNAUTHENTICATED, Client, Entitlement, Route, entitlement
from local_gateway.api_gateway.policy import Effect, evaluate
from tests.aws.api_events import STAGE_ARN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchmarks.measuring.running_function import Invocation

REFRESH_SECONDS = 1
# A busy machine may take this long. Otherwise the rules change immediately, or never.
_LATEST_SECONDS = 15
_MOST_PROBLEMS = 20

_GRANTED = {"allow": True, "deny": False}


class Request(NamedTuple):
    """A request: the client, the route, and whether the API is a REST API or an HTTP API with simple responses."""

    client: Client
    route: Route
    rest: bool


class RequestStart(NamedTuple):
    """The start of a request, in seconds since the epoch, and the oldest edition that may determine its response."""

    time: float
    oldest: int


class ResponseChecker:
    """Checks the responses of one function, whose rules change. Safe for threads.

    After a response of one edition, no earlier edition may determine a response.
    """

    def __init__(self) -> None:
        self.in_force = 1
        """The newest edition that has determined a response."""
        self.wrong: list[str] = []
        """The first wrong responses, and why they are wrong."""
        self.wrong_responses = 0
        self._lock = threading.Lock()
        self._published = 1
        self._published_at = time.time()

    def publish(self, edition: int) -> None:
        """Record that an edition is about to be published."""
        with self._lock:
            self._published, self._published_at = edition, time.time()

    def begin(self) -> RequestStart:
        """Return the start of a request."""
        with self._lock:
            now = time.time()
            late = now > self._published_at + _LATEST_SECONDS
            return RequestStart(now, self._published if late else self.in_force)

    def check(
        self, began: RequestStart, request: Request, problem: Callable[[Entitlement], str | None]
    ) -> Entitlement | None:
        """Return the entitlement by which a response is right; None, and record the problem, if there is none."""
        ended = time.time()
        lapsed = {began.time > request.client.not_after, ended > request.client.not_after}
        with self._lock:
            problems = []
            for edition in range(began.oldest, self._published + 1):
                for each in lapsed:
                    entitled = entitlement(request.client, edition, lapsed=each)
                    problems.append(problem(entitled))
                    if problems[-1] is None:
                        self.in_force = max(self.in_force, edition)
                        return entitled
            self.wrong_responses += 1
            if len(self.wrong) < _MOST_PROBLEMS:
                self.wrong.append(f"{request.client.kind.name} {request.route}: {problems[0]}")
            return None

    def problems(self) -> list[str]:
        """Return the problems at the end."""
        never = [] if self.in_force == LAST_EDITION else ["the new rules never came into force"]
        return [*self.wrong, *never]


def invocation_problem(
    entitled: Entitlement, request: Request, routes: Iterable[Route], given: Invocation
) -> str | None:
    """Return the problem of what the function posted, if any. A policy is evaluated for all ``routes``."""
    if request.rest and request.client.kind in UNAUTHENTICATED:
        right = given.kind == "error" and given.payload.get("errorMessage") == "Unauthorized"
        return None if right else f"must be Unauthorized, is {given}"
    answer = given.payload
    if given.kind != "response" or not isinstance(answer, dict):
        return f"must be a response, is {given}"
    must_be: dict[str, Any]
    context = answer.get("context") or {}
    if request.rest:
        must_be = {
            "principal": entitled.principal(),
            "routes": [route for route in routes if entitled.may_call(route)],
        }
        policy = answer["policyDocument"]
        is_so = {
            "principal": answer["principalId"],
            "routes": [
                route for route in routes if evaluate(policy, f"{STAGE_ARN}/{route.method}{route.path}") is Effect.ALLOW
            ],
        }
    else:
        must_be = {"authorized": entitled.may_call(request.route)}
        is_so = {"authorized": answer["isAuthorized"]}
    expected = entitled.context()
    if not request.rest and entitled.reason is None and not must_be["authorized"]:
        expected = {"reason": "route_not_allowed"}
    must_be["context"], is_so["context"] = expected, {key: context.get(key) for key in expected}
    return None if is_so == must_be else f"must be {must_be}, is {is_so}"


def response_problem(entitled: Entitlement, request: Request, status: int, body: bytes) -> str | None:
    """Return the problem of a response to a client of the gateway, if any."""
    if request.rest and request.client.kind in UNAUTHENTICATED:
        expected = 401
    else:
        expected = 200 if entitled.may_call(request.route) else 403
    if status != expected:
        return f"must be {expected}, is {status}: {body[:200]!r}"
    if status != 200:  # noqa: PLR2004 -- as above
        return None
    context, needed = json.loads(body), entitled.context()
    found = {key: context.get(key) for key in needed}
    return None if found == needed else f"must be for {needed}, is for {found}"


class Memory:
    """A process's resident set in MiB, sampled from the time when its caches are full."""

    def __init__(self, process_id: int) -> None:
        self._path = Path(f"/proc/{process_id}/statm")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self.samples: list[float] = []
        """The first sample is that of the time when the caches were full."""

    def look(self) -> None:
        """Take a sample."""
        self.samples.append(int(self._path.read_text(encoding="ascii").split()[1]) * self._page / 2**20)

    @property
    def growth(self) -> float:
        """From the first sample to the last."""
        return self.samples[-1] - self.samples[0]


class Log(NamedTuple):
    """The contents of a log: its decisions, and the number of lines of other kinds."""

    lines: int
    decisions: list[Mapping[str, Any]]
    metrics: Counter[str]
    """The sums of the metrics that are counts; ``lines`` is the number of lines with metrics."""
    messages: Counter[str]
    problems: list[str]


def read_log(path: Path) -> Log:
    """Read a log: each of its lines must be a JSON object. A line ends with a line feed, and nothing else ends one."""
    log = Log(0, [], Counter(), Counter(), [])
    lines = 0
    with path.open("rb") as file:
        for line in file:
            lines += 1
            try:
                record = json.loads(line)
                _count(record, log)
            except (ValueError, TypeError, AttributeError):
                log.problems.append(f"a line of the log isn't a JSON object: {line[:200]!r}")
            if b"BEGIN CERTIFICATE" in line:
                log.problems.append(f"a certificate is in the log: {line[:200]!r}")
    return log._replace(lines=lines)


def _count(record: dict[str, Any], log: Log) -> None:
    if "_aws" in record:
        counts = {name: record.get(name, 0) for name in ("Allowed", "Denied", "RulesRefreshFailures")}
        log.metrics.update({"lines": 1, **counts})
    elif "decision" in record:
        kept = ("decision", "reason", "request_id", "principal", "serial_number", "cached")
        log.decisions.append({name: record.get(name) for name in kept})
    else:
        log.messages[str(record.get("message", record.get("errorMessage")))] += 1


def log_problems(log: Log, allowed: int, decisions: int) -> list[str]:
    """Return the problems of the log of this number of decisions."""
    failures = log.messages["document refresh failed"]
    expected = {
        "decisions": decisions,
        "lines of metrics": decisions,
        "decisions to allow": allowed,
        "Allowed": allowed,
        "Denied": decisions - allowed,
    }
    found = {
        "decisions": len(log.decisions),
        "lines of metrics": log.metrics["lines"],
        "decisions to allow": sum(_GRANTED[each["decision"]] for each in log.decisions),
        "Allowed": log.metrics["Allowed"],
        "Denied": log.metrics["Denied"],
    }
    problems = [*log.problems[:_MOST_PROBLEMS]]
    problems += [
        f"{what} in the log: {found[what]}, not {expected[what]}" for what in found if found[what] != expected[what]
    ]
    if not failures or log.metrics["RulesRefreshFailures"] < failures:
        problems.append(f"failed refreshes: {failures} in the log, {log.metrics['RulesRefreshFailures']} counted")
    return problems


def record_problems(log: Log, expected: Iterable[tuple[str, Request, Entitlement]]) -> list[str]:
    """Return the records that differ from the responses, which are in their order, each with its request's ID."""
    problems = []
    for record, (request_id, request, entitled) in zip(log.decisions, expected, strict=False):
        granted = entitled.may_call(request.route)
        must_be = {
            "decision": "allow" if granted else "deny",
            "reason": None if granted else entitled.reason or "route_not_allowed",
            "request_id": request_id,
            "principal": entitled.principal(),
            "serial_number": request.client.serial_number or None,
        }
        if request.client.kind in UNAUTHENTICATED:
            must_be["serial_number"] = None
        if not must_be.items() <= record.items():
            problems.append(f"the record must be {must_be}, is {record}")
    return problems[:_MOST_PROBLEMS]
