"""A long load test of the authorizer: under Lambda's own runtime client, and behind the local gateway over real TLS.

``make soak`` runs this, and writes ``benchmarks/results/soak.md``. The exit code is 1 after any problem: a wrong
response, a wrong line in the log, or growing memory.
"""

from __future__ import annotations

import argparse
import http.client
import json
import platform
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.processes import describe_machine
from benchmarks.report import make_report, write_report
from benchmarks.soak_checks import (
    REFRESH_SECONDS,
    Log,
    Memory,
    Request,
    ResponseChecker,
    invocation_problem,
    log_problems,
    read_log,
    record_problems,
    response_problem,
)
from benchmarks.soak_clients import (
    LAST_EDITION,
    OPERATOR,
    REJECTED_BY_TLS,
    UNAUTHENTICATED,
    Authority,
    Client,
    Entitlement,
    Kind,
    clients_without_certificates,
    routes_to_request,
    rules_document,
    sequence_of,
)
from benchmarks.soak_gateway import KINDS
from benchmarks.soak_runtime import running_function
from local_gateway.api_gateway.api import ApiKind
from local_gateway.pki.certificates import Pki, make_pki
from local_gateway.server import LOOPBACK
from mtls_authorizer.request.assessment import MAX_CACHED_CERTIFICATES
from tests.api_events import http_2_0_event, rest_event
from tests.lambda_runtime import FUNCTION_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.soak_runtime import Invocation

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results" / "soak.md"
LARGEST_GROWTH = 8.0
"""In MiB. With 100,000 decisions, a leak of 84 bytes per decision exceeds it."""

_THREADS = 4
_CONNECTIONS_PER_CLIENT = 2
_SAMPLES = 400
_TIMEOUT_SECONDS = 30
# Determines only when certificates expire: about halfway, on a machine with this number of decisions per second.
_RUNTIME_RATE, _GATEWAY_RATE = 1000, 250
# In seconds: so close to a certificate's end, OpenSSL may consider it valid or expired.
_TLS_SLACK = 1.5


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


def _outcome(request: Request, entitled: Entitlement) -> str:
    if request.client.kind is Kind.MISSING:
        return "missing"
    if request.client.kind in UNAUTHENTICATED:
        return "malformed"
    return "allowed" if entitled.may_call(request.route) else "denied"


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


def soak_runtime(folder: Path, decisions: int, certificates: int, random: Random) -> Result:
    """Invoke the authorizer under awslambdaric, one event after the other, as Lambda does."""
    clients = Authority().make_clients(certificates, decisions / _RUNTIME_RATE, random)
    sequence = sequence_of(clients, clients_without_certificates(clients), random)
    rules, log = folder / "rules.json", folder / "log"
    publish_rules(rules, 1)
    checker = ResponseChecker()
    expected: list[tuple[str, Request, Entitlement]] = []
    variables = {**environment(rules), "RESPONSE_FORMAT": "simple"}
    with log.open("wb") as file, running_function(variables, file) as function:
        run = Run(decisions, rules, function.process_id, [checker])
        while run.turn():
            request = _request_of(next(sequence), random)
            request_id = f"soak-{len(run.seconds)}"
            event = _event(request, request_id)
            began = checker.begin()
            given = function.invoke(request_id, event)
            entitled = checker.check(began, request, _invocation_problem(request, given))
            run.note(0, request, entitled, given.seconds)
            # Wrong responses are counted, so they need a value here.
            expected.append((request_id, request, entitled or Entitlement(request.client, "wrong")))
    found = read_log(log)
    problems = record_problems(found, expected)
    errors = found.messages["Unauthorized"]
    unauthorized = sum(request.rest and request.client.kind in UNAUTHENTICATED for _, request, _ in expected)
    if errors != unauthorized:
        problems.append(f"errors in the log: {errors}, not {unauthorized}")
    return run.result(found, problems)


def _request_of(client: Client, random: Random) -> Request:
    return Request(client, random.choice(routes_to_request(client)), random.random() < 0.5)  # noqa: PLR2004 -- half of them


def _event(request: Request, request_id: str) -> bytes:
    make = rest_event if request.rest else http_2_0_event
    event = make(request.client.pem, request.route.method, request.route.path)
    event["requestContext"]["requestId"] = request_id
    return json.dumps(event).encode()


def _invocation_problem(request: Request, given: Invocation) -> Callable[[Entitlement], str | None]:
    routes = routes_to_request(request.client)
    return lambda entitled: invocation_problem(entitled, request, routes, given)


class Gateway(NamedTuple):
    """A local gateway that is running. ``ports`` are those of each kind of API: with mutual TLS and without."""

    process_id: int
    ports: dict[ApiKind, tuple[int, int]]


@contextmanager
def running_gateway(pki: Pki, rules: Path, log: Path) -> Iterator[Gateway]:
    """Run a local gateway, which logs to a file, while the block runs."""
    log.touch()
    process = subprocess.Popen(  # noqa: S603 -- no shell
        [sys.executable, "-m", "benchmarks.soak_gateway", str(pki.folder), str(log)],
        env={**environment(rules), "PYTHONPATH": f"{PROJECT}:{PROJECT / 'tools'}:{FUNCTION_PATH}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise AssertionError
    try:
        ports = json.loads(process.stdout.readline())
        yield Gateway(process.pid, {kind: tuple(ports[kind.value]) for kind in KINDS})
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class GatewayClients:
    """Clients of the gateway, several at a time. Each keeps its connection for some requests."""

    def __init__(self, run: Run, gateway: Gateway, sequence: Iterator[Client], pki: Pki, key: bytes) -> None:
        self.handshakes = array("d")
        self.rejected_handshakes = 0
        self.problems: list[str] = []
        self._run = run
        self._gateway = gateway
        self._sequence = sequence
        self._pki = pki
        self._key = key

    def run(self, random: Random, requests: int) -> None:
        """Connect as one client after the other and send requests, until no decision is left."""
        try:
            while self._connect_once(random, requests):
                pass
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must not pass for success
            with self._run.lock:
                self.problems.append(f"a client failed: {error!r}")

    def _connect_once(self, random: Random, requests: int) -> bool:
        with self._run.lock:
            client = next(self._sequence)
        if client.kind is Kind.NO_CERTIFICATE:  # there is no handshake with it
            client = Client(Kind.MISSING)
        function = random.randrange(len(KINDS))
        connection = self._connect(client, function)
        if connection is None:
            return True
        try:
            for _ in range(requests):
                if not self._run.turn():
                    return False
                self._send(connection, function, _request_of(client, random))
            return True
        finally:
            connection.close()

    def _connect(self, client: Client, function: int) -> http.client.HTTPSConnection | None:
        """Return a connection; None if the handshake was rejected. Whether that is correct is recorded."""
        mutual, default = self._gateway.ports[KINDS[function]]
        context = self._context(client)
        port = default if client.pem is None else mutual
        connection = http.client.HTTPSConnection(LOOPBACK, port, context=context, timeout=_TIMEOUT_SECONDS)
        began, began_at = time.perf_counter(), time.time()
        try:
            connection.connect()
        except (ssl.SSLError, ConnectionError) as error:
            connection.close()
            expected = client.kind in REJECTED_BY_TLS or time.time() >= client.not_after - _TLS_SLACK
            self._note_rejection(f"{client.kind.name}: handshake rejected: {error}" if not expected else None)
            return None
        with self._run.lock:
            self.handshakes.append(time.perf_counter() - began)
        if client.kind in REJECTED_BY_TLS or began_at > client.not_after + _TLS_SLACK:
            self._note_rejection(f"{client.kind.name}: the handshake was not rejected")
        return connection

    def _note_rejection(self, problem: str | None) -> None:
        with self._run.lock:
            self.rejected_handshakes += 1
            if problem is not None:
                self.problems.append(problem)

    def _context(self, client: Client) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self._pki.server_ca)
        if client.pem is not None:
            # Python reads it from a file only.
            with tempfile.NamedTemporaryFile(dir=self._pki.folder) as file:
                file.write(self._key + client.pem.encode())
                file.flush()
                context.load_cert_chain(file.name)
        return context

    def _send(self, connection: http.client.HTTPSConnection, function: int, request: Request) -> None:
        request = request._replace(rest=KINDS[function] is ApiKind.REST)
        checker = self._run.checkers[function]
        start = checker.begin()
        began = time.perf_counter()
        connection.request(request.route.method, request.route.path)
        response = connection.getresponse()
        status, body = response.status, response.read()
        seconds = time.perf_counter() - began
        entitled = checker.check(start, request, lambda entitled: response_problem(entitled, request, status, body))
        self._run.note(function, request, entitled, seconds)


def soak_gateway(folder: Path, decisions: int, certificates: int, random: Random) -> Result:
    """Invoke the authorizer behind the local gateway, over TLS, from several threads."""
    authority = Authority()
    clients = authority.make_clients(certificates, decisions / _GATEWAY_RATE, random)
    sequence = sequence_of(clients, clients_without_certificates(clients), random)
    pki = make_pki(folder / "pki", ())
    pki.truststore.write_bytes(authority.certificate)
    rules, log = folder / "rules.json", folder / "log"
    publish_rules(rules, 1)
    requests = max(1, decisions // (_CONNECTIONS_PER_CLIENT * certificates))
    with running_gateway(pki, rules, log) as gateway:
        run = Run(decisions, rules, gateway.process_id, [ResponseChecker() for _ in KINDS])
        gateway_clients = GatewayClients(run, gateway, sequence, pki, authority.clients_key)
        # Each thread sends different requests, and the same ones in every run.
        randoms = [Random(random.random()) for _ in range(_THREADS)]  # noqa: S311 -- nothing secret
        threads = [threading.Thread(target=gateway_clients.run, args=(each, requests), daemon=True) for each in randoms]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return run.result(
        read_log(log), gateway_clients.problems, gateway_clients.handshakes, gateway_clients.rejected_handshakes
    )


WAYS = {
    "under `awslambdaric`": soak_runtime,
    "behind the local gateway": soak_gateway,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load test, print the table, and write it. Returns 1 after any problem."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=100_000, help="through awslambdaric (default: %(default)s)")
    parser.add_argument(
        "--gateway-decisions", type=int, default=100_000, help="through the local gateway (default: %(default)s)"
    )
    parser.add_argument("--certificates", type=int, default=2000, help="that differ (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    results = {}
    for (way, soak), decisions in zip(WAYS.items(), (options.decisions, options.gateway_decisions), strict=True):
        random = Random(decisions)  # noqa: S311 -- the same each time
        print(f"{decisions:,} decisions {way}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            results[way] = soak(Path(folder), decisions, options.certificates, random)
    problems = [f"{way}: {problem}" for way, result in results.items() for problem in result.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print("Because of these problems, no results are written.", file=sys.stderr)
        return 1
    write_report(describe(results), options.results)
    return 0


def describe(results: dict[str, Result]) -> str:
    """Return the table in Markdown."""
    rows: dict[str, Callable[[Result], str]] = {
        "decisions": lambda each: f"{len(each.seconds):,}",
        "different certificates": lambda each: f"{each.certificates:,}",
        "wrong responses": lambda each: f"{each.wrong_responses}",
        "allowed": lambda each: f"{each.outcomes['allowed']:,}",
        "denied": lambda each: f"{each.outcomes['denied']:,}",
        "malformed certificate": lambda each: f"{each.outcomes['malformed']:,}",
        "no certificate": lambda each: f"{each.outcomes['missing']:,}",
        "found in the cache": lambda each: f"{_cached(each):.0%}",
        "failed refreshes of the rules": lambda each: f"{each.log.messages['document refresh failed']}",
        "lines of the log, all of them JSON": lambda each: f"{each.log.lines:,}",
        "TLS handshakes, and rejected ones": _handshakes,
        "decisions a second": lambda each: f"{len(each.seconds) / each.elapsed:,.0f}",
        **{f"ms, {name}": _percentile(share) for name, share in _PERCENTILES.items()},
        "memory once the cache is full, MiB": lambda each: f"{each.memory.samples[0]:.1f}",
        "at most from then on": lambda each: f"{max(each.memory.samples):.1f}",
        "at the end": lambda each: f"{each.memory.samples[-1]:.1f}",
        "growth": lambda each: f"{each.memory.growth:+.1f}",
    }
    handshakes = [_median(result.handshakes) for result in results.values() if result.handshakes]
    handshake = "".join(f" A TLS handshake took {seconds * 1000:.0f} ms." for seconds in handshakes)
    notes = [
        f"""A decision's time is from sending its event to the function until the response is received; behind the
gateway, that of the whole request, with {_THREADS} requests in progress at a time.{handshake} Other work kept
the machine busy: times are upper bounds, the tail more so than the median.""",
        f"Python {platform.python_version()}; {describe_machine()}.",
    ]
    table = ([name, *map(figure, results.values())] for name, figure in rows.items())
    return make_report(["", *results], table, notes)


_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def _percentile(share: float) -> Callable[[Result], str]:
    return lambda result: f"{result.seconds[min(int(len(result.seconds) * share), len(result.seconds) - 1)] * 1000:.1f}"


def _cached(result: Result) -> float:
    return sum(bool(each["cached"]) for each in result.log.decisions) / len(result.log.decisions)


def _median(seconds: Sequence[float]) -> float:
    return seconds[len(seconds) // 2]


def _handshakes(result: Result) -> str:
    return f"{len(result.handshakes):,}, {result.rejected_handshakes:,}" if result.handshakes else ""


if __name__ == "__main__":
    sys.exit(main())
