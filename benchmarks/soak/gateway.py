"""The load test of the authorizer behind the local gateway: over TLS, from several threads."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.soak.checks import Request, ResponseChecker, read_log, response_problem
from benchmarks.soak.clients import REJECTED_BY_TLS, Authority, Client, Kind, clients_without_certificates, sequence_of
from benchmarks.soak.gateway_process import KINDS
from benchmarks.soak.run import Result, Run, environment, publish_rules, request_of
from local_gateway.api_gateway.api import ApiKind
from local_gateway.pki.certificates import Pki, make_pki
from local_gateway.server import LOOPBACK
from tests.aws.lambda_runtime import FUNCTION_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
THREADS = 4

_TIMEOUT_SECONDS = 30
# Determines only when certificates expire: see `benchmarks.soak.runtime`.
_DECISIONS_PER_SECOND = 250
# In seconds: so close to a certificate's end, OpenSSL may consider it valid or expired.
_TLS_SLACK = 1.5


class Gateway(NamedTuple):
    """A local gateway that is running. ``ports`` are those of each kind of API: with mutual TLS and without."""

    process_id: int
    ports: dict[ApiKind, tuple[int, int]]


@contextmanager
def running_gateway(pki: Pki, rules: Path, log: Path) -> Iterator[Gateway]:
    """Run a local gateway, which logs to a file, while the block runs."""
    log.touch()
    process = subprocess.Popen(  # noqa: S603 -- no shell
        [sys.executable, "-m", "benchmarks.soak.gateway_process", str(pki.folder), str(log)],
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
    """Clients of the gateway, several at a time. Each connects for one request, as the gateway closes connections."""

    def __init__(self, run: Run, gateway: Gateway, sequence: Iterator[Client], pki: Pki, key: bytes) -> None:
        self.handshakes = array("d")
        self.rejected_handshakes = 0
        self.problems: list[str] = []
        self._run = run
        self._gateway = gateway
        self._sequence = sequence
        self._pki = pki
        self._key = key

    def run(self, random: Random) -> None:
        """Connect as one client after the other and send a request, until no decision is left."""
        try:
            while self._connect_once(random):
                pass
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must not pass for success
            with self._run.lock:
                self.problems.append(f"a client failed: {error!r}")

    def _connect_once(self, random: Random) -> bool:
        with self._run.lock:
            client = next(self._sequence)
        if client.kind is Kind.NO_CERTIFICATE:  # there is no handshake with it
            client = Client(Kind.MISSING)
        function = random.randrange(len(KINDS))
        connection = self._connect(client, function)
        if connection is None:
            return True
        try:
            if not self._run.turn():
                return False
            self._send(connection, function, request_of(client, random))
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
    clients = authority.make_clients(certificates, decisions / _DECISIONS_PER_SECOND, random)
    sequence = sequence_of(clients, clients_without_certificates(clients), random)
    pki = make_pki(folder / "pki", ())
    pki.truststore.write_bytes(authority.certificate)
    rules, log = folder / "rules.json", folder / "log"
    publish_rules(rules, 1)
    with running_gateway(pki, rules, log) as gateway:
        run = Run(decisions, rules, gateway.process_id, [ResponseChecker() for _ in KINDS])
        gateway_clients = GatewayClients(run, gateway, sequence, pki, authority.clients_key)
        # Each thread sends different requests, and the same ones in every run.
        randoms = [Random(random.random()) for _ in range(THREADS)]  # noqa: S311 -- nothing secret
        threads = [threading.Thread(target=gateway_clients.run, args=(each,), daemon=True) for each in randoms]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return run.result(
        read_log(log), gateway_clients.problems, gateway_clients.handshakes, gateway_clients.rejected_handshakes
    )
