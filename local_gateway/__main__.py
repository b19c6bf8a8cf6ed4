"""``python -m local_gateway``: show which clients are allowed and which are denied, then serve until Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import shlex
import signal
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from local_gateway import server
from local_gateway.api_gateway.api import ApiKind
from local_gateway.deployment import CRL_REFRESH_SECONDS, Endpoint, deploy, environment
from local_gateway.front_doors import FrontDoorKind
from local_gateway.pki import Pki, make_pki
from local_gateway.report import Result, curl_commands, summary, table
from local_gateway.revoke import FOLDER
from local_gateway.scenarios import CLIENTS, SCENARIOS, TO_BE_REVOKED, Scenario, play
from mtls_authorizer.telemetry.decision_log import logger as authorizer_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_gateway.pki import Client

_FIRST_PORT = 8443

# Readers of a pipe should see it at once, too.
say = partial(print, flush=True)


def main(arguments: Sequence[str] | None = None, scenarios: Sequence[Scenario] = SCENARIOS) -> int:
    """Run the command with its arguments, and return its exit code."""
    options = _parse(arguments)
    # Otherwise Python prints warnings, such as that of the damaged block in the truststore, between the tables.
    authorizer_logger.addHandler(logging.NullHandler())
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            # SIGINT too: a shell without job control starts what is in the background with SIGINT ignored.
            signal.signal(number, _interrupt)
        if options.demo:
            return demonstrate_once(scenarios)
        serve(options.folder, options.port, scenarios)
    except KeyboardInterrupt:
        say("\nStopped.")
    return 0


def demonstrate_once(scenarios: Sequence[Scenario]) -> int:
    """Show the scenarios on free ports, leaving nothing behind. Returns 1 if one came out differently, else 0."""
    # Not the folder of a gateway that may be running: its certificates would be replaced under it.
    with tempfile.TemporaryDirectory() as folder:
        pki = make_pki(Path(folder), CLIENTS)
        with deploy(pki) as endpoints:
            results = demonstrate(scenarios, endpoints, pki)
    return int(any(result.differences for result in results))


def serve(folder: Path, first_port: int, scenarios: Sequence[Scenario]) -> NoReturn:
    """Show the scenarios, then serve. Ends by KeyboardInterrupt."""
    pki = make_pki(folder, CLIENTS)
    with deploy(pki, first_port) as endpoints:
        demonstrate(scenarios, endpoints, pki)
        _invite(scenarios, endpoints, pki)
        _log_to_standard_output()
        while True:
            threading.Event().wait()


def demonstrate(scenarios: Sequence[Scenario], endpoints: Sequence[Endpoint], pki: Pki) -> list[Result]:
    """Play the scenarios on every API and every other front door, print the tables, and return the results."""
    say("The authorizer's configuration:")
    for variable, value in environment(pki).items():
        say(f"  {variable}={value}")
    results = []
    for kinds in (ApiKind, FrontDoorKind):
        played = [
            Result(scenario, {at.kind: play(scenario, at, pki) for at in endpoints if isinstance(at.kind, kinds)})
            for scenario in scenarios
            if scenario.kinds is kinds
        ]
        if played:
            say(f"\n{table(played)}")
        results += played
    say("\nrefused: the TLS handshake; not asked: the authorizer was not invoked;")
    say("context: the function's answer shows what the authorizer made of the certificate.")
    say("Behind the load balancers and CloudFront there is no authorizer, but functions with the layer alone.\n")
    say(summary(results))
    return results


def _invite(scenarios: Sequence[Scenario], endpoints: Sequence[Endpoint], pki: Pki) -> None:
    say()
    for endpoint in endpoints:
        without = f", {endpoint.url('', mutual_tls=False)} (without)" if endpoint.default_endpoint_port else ""
        say(f"{endpoint.kind:18} {endpoint.url('')} (mTLS){without}")
    for kinds, others in ((ApiKind, "port"), (FrontDoorKind, "port, and in the name of the header")):
        first = next(endpoint for endpoint in endpoints if isinstance(endpoint.kind, kinds))
        say(f"\nTo try by hand: {first.kind}; the others differ in the {others}.\n")
        for line in curl_commands([scenario for scenario in scenarios if scenario.kinds is kinds], first, pki):
            say(line)
    say("\nTo revoke a client, in another terminal:\n")
    say(revocation_command(TO_BE_REVOKED, pki.folder))
    say(f"\nIt is denied after {CRL_REFRESH_SECONDS} seconds, when the authorizers reload the CRL.")
    say("\nServing until Ctrl-C.")


def revocation_command(client: Client, folder: Path) -> str:
    """Return the command that revokes a client of the gateway in a folder."""
    elsewhere = [] if folder == FOLDER else [f"ARGS=--folder {shlex.quote(str(folder))}"]
    return shlex.join(["make", "revoke", f"CLIENT={client.name}", *elsewhere])


def _log_to_standard_output() -> None:
    decisions, requests = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stdout)
    decisions.setFormatter(_AuthorizerFormatter("authorizer: %(message)s"))
    requests.setFormatter(logging.Formatter("gateway: %(message)s"))
    for logger, handler in ((authorizer_logger, decisions), (server.logger, requests)):
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)


class _AuthorizerFormatter(logging.Formatter):
    """Says of decisions and of documents what they are about, as far as the record has it."""

    def format(self, record: logging.LogRecord) -> str:
        about = [
            f"{name} {value}"
            for name in ("principal", "route", "document", "error")
            if (value := getattr(record, name, None)) is not None
        ]
        return f"{super().format(record)} ({', '.join(about)})"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_gateway", description=__doc__.partition(": ")[2])
    parser.add_argument(
        "--demo", action="store_true", help="don't serve; exit with 1 if an answer isn't the expected one"
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=_FIRST_PORT,
        help="the first of nine ports to serve on, with free ones for those that are taken; 0 for free ones only "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where keys and certificates are written (default: %(default)s)"
    )
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    # The last of nine ports is the highest there is.
    if not text.isdecimal() or int(text) > 0xFFFF - 8:
        message = f"{text!r} is not a port from 0 to {0xFFFF - 8}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    # A second Ctrl-C must not get in the way of the servers' end, which takes no time worth interrupting.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
