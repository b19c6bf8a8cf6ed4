"""What the threads of one run of the load test share, and its result."""

from __future__ import annotations

import threading
import time
from array import array
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.soak.checks import (
    REFRESH_SECONDS,
    Log,
    Memory,
    Request,
    ResponseChecker,
    log_problems,
)
from benchmarks.soak.clients import (
    LAST_EDITION,
    OPERATOR,
    UNAUTHENTICATED,
    Client,
    Entitlement,
    Kind,
    routes_to_request,
    rules_document,
)
from mtls_authorizer.request.assessment import MAX_CACHED_CERTIFICATES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

LARGEST_GROWTH = 8.0
"""In MiB. With 100,000 decisions, a leak of 84 bytes per decision exceeds it."""

_SAMPLES = 400


class Result(NamedTuple):
    """The result of one run. ``seconds`` contains the durations of the decisions in ascending order."""

    certificates: int
    outcomes: Counter[str]
    wrong_responses: int
    seconds: Sequence[float]
    elapsed: float
    memory: Memory
    log: Log
    handshakes: Sequence[float]
    rejected_handshakes: int
    problems: list[str]


class Run:
    """The state that all threads of one run share: the next decision, the results, and when the rules change."""

    def __init__(self, decisions: int, rules: Path, process_id: int, checkers: Sequence[ResponseChecker]) -> None:
        self.checkers = checkers
        self.memory = Memory(process_id)
        self.outcomes = Counter[str]()
        self.seconds = array("d")
        self.certificates: set[str] = set()
        self.lock = threading.Lock()
        self._decisions = decisions
        self._rules = rules
        self._next = 0
        self._published_at = time.monotonic()
        self._seen: list[set[str]] = [set() for _ in checkers]
        self._began = time.monotonic()
        self.elapsed = 0.0

    def turn(self) -> bool:
        """Return whether a decision is left, and reserve it. Publishes other rules at certain decisions."""
        with self.lock:
            if self._next == self._decisions:
                return False
            third, sixth = self._decisions // 3, self._decisions // 6
            if self._next in {third, 2 * third}:
                self._publish(self._next // third + 1)
            elif self._next in {third + sixth, 2 * third + sixth}:
                # There were so few decisions that the interval is not over yet.
                time.sleep(max(0.0, self._published_at + REFRESH_SECONDS + 0.2 - time.monotonic()))
            self._next += 1
            return True

    def _publish(self, edition: int) -> None:
        if edition <= LAST_EDITION:
            for checker in self.checkers:
                checker.publish(edition)
        publish_rules(self._rules, edition)
        self._published_at = time.monotonic()

    def note(self, function: int, request: Request, entitled: Entitlement | None, seconds: float) -> None:
        """Record a response of a function, given by its number."""
        with self.lock:
            self.seconds.append(seconds)
            if entitled is not None:
                self.outcomes[_outcome(request, entitled)] += 1
            pem = request.client.pem
            if pem is not None:
                self._seen[function].add(pem)
                if request.client.kind is not Kind.NO_CERTIFICATE:
                    self.certificates.add(pem)
            if self.memory.samples:
                if len(self.seconds) % max(1, self._decisions // _SAMPLES) == 0:
                    self.memory.look()
            elif all(len(seen) >= MAX_CACHED_CERTIFICATES for seen in self._seen):
                self.memory.look()
            self.elapsed = time.monotonic() - self._began

    def result(
        self, log: Log, problems: Sequence[str], handshakes: Sequence[float] = (), rejected_handshakes: int = 0
    ) -> Result:
        """Return the result, with the problems that the checks have found."""
        wrong_responses = sum(checker.wrong_responses for checker in self.checkers)
        found = [problem for checker in self.checkers for problem in checker.problems()]
        found += log_problems(log, self.outcomes["allowed"], self._decisions) + list(problems)
        if not self.memory.samples:
            found.append("the cache was never full")
        elif self.memory.growth > LARGEST_GROWTH:
            found.append(
                f"memory grew by {self.memory.growth:.1f} MiB once the cache was full: {LARGEST_GROWTH} at most"
            )
        return Result(
            len(self.certificates),
            self.outcomes,
            wrong_responses,
            sorted(self.seconds),
            self.elapsed,
            self.memory,
            log,
            sorted(handshakes),
            rejected_handshakes,
            found,
        )


def publish_rules(path: Path, edition: int) -> None:
    """Replace the rules with an edition of them atomically."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(rules_document(edition))
    draft.rename(path)


def environment(rules: Path) -> dict[str, str]:
    """Return the authorizer's variables: a list, rules in a file, logs and metrics."""
    return {
        "ALLOWED_COMMON_NAMES": OPERATOR,
        "AUTHORIZER_RULES_URI": rules.as_uri(),
        "AUTHORIZER_RULES_REFRESH_SECONDS": str(REFRESH_SECONDS),
        "METRICS_NAMESPACE": "soak",
    }


def request_of(client: Client, random: Random) -> Request:
    """Return a request of a client: one of its routes, of either kind of API."""
    return Request(client, random.choice(routes_to_request(client)), random.random() < 0.5)  # noqa: PLR2004 -- half of them


def _outcome(request: Request, entitled: Entitlement) -> str:
    if request.client.kind is Kind.MISSING:
        return "missing"
    if request.client.kind in UNAUTHENTICATED:
        return "malformed"
    return "allowed" if entitled.may_call(request.route) else "denied"
