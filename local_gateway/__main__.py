"""``python -m local_gateway``: show which clients are allowed and which are denied, then serve until Ctrl-C."""

from __future__ import annotations

import logging
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from local_gateway import server
from local_gateway.api_gateway.api import ApiKind
from local_gateway.configuration import Configuration, own_configuration
from local_gateway.deployment import SERVERS, Endpoint, deploy
from local_gateway.front_doors import FrontDoorKind
from local_gateway.options import parse, read_variables
from local_gateway.page.application import Page
from local_gateway.page.overview import Overview
from local_gateway.pki.certificates import make_pki
from local_gateway.pki.folder import claim_folder
from local_gateway.report import Result, instructions, summary, table
from local_gateway.scenarios import CLIENTS, SCENARIOS, Scenario, play
from local_gateway.server import LOOPBACK
from mtls_authorizer.log import get_logger
from mtls_authorizer_cli.command_line import CommandError, ExitStatus, printable, write_error, write_output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from local_gateway.pki.certificates import Pki


def main(arguments: Sequence[str] | None = None, scenarios: Sequence[Scenario] = SCENARIOS) -> int:
    """Run the command with its arguments, and return its exit status."""
    options = parse(arguments, __doc__.partition(": ")[2])
    # Without a handler, Python prints warnings between the tables, such as about the truststore's damaged block.
    get_logger().addHandler(logging.NullHandler())
    get_logger().setLevel(logging.INFO)
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            # SIGINT too: shells without job control start background processes with SIGINT ignored.
            signal.signal(number, _interrupt)
        if options.demo:
            return demonstrate_once(options, scenarios)
        serve(options, scenarios)
    except (CommandError, OSError) as error:
        # An OSError is about the folder of the certificates: it cannot be created, or the disk is full.
        write_error(f"local gateway: {printable(str(error))}\n")
        return ExitStatus.BAD_INPUT
    except KeyboardInterrupt:
        with suppress(CommandError):
            say("\nStopped.")
    return ExitStatus.SUCCESS


def say(line: str) -> None:
    """Print a line, so that a reader of a pipe sees it at once, too. Raises CommandError."""
    write_output(f"{line}\n")


def demonstrate_once(options: argparse.Namespace, scenarios: Sequence[Scenario]) -> int:
    """Show the scenarios on free ports, leaving nothing behind. Returns 1 if a result is unexpected, else 0."""
    # Not in the folder of a running gateway, whose certificates would be replaced.
    with tempfile.TemporaryDirectory() as folder:
        pki = make_pki(Path(folder), CLIENTS)
        configuration = _configure(options, pki)
        with deploy(pki, configuration=configuration) as endpoints:
            results = prepare(scenarios, configuration)
            demonstrate(results, endpoints, pki, configuration)
    return int(any(result.differences for result in results))


def serve(options: argparse.Namespace, scenarios: Sequence[Scenario]) -> NoReturn:
    """Show the scenarios, then serve. Ends by KeyboardInterrupt. Raises CommandError."""
    with claim_folder(options.folder) as folder:
        pki = make_pki(folder, CLIENTS)
        configuration = _configure(options, pki)
        with deploy(pki, options.port, configuration) as endpoints:
            results = prepare(scenarios, configuration)
            overview = Overview(results, configuration, endpoints)
            page_port = options.port and options.port + SERVERS
            with server.serve(Page(overview, pki), None, page_port) as port:
                say(f"Web page: http://{LOOPBACK}:{port}/\n")
                demonstrate(results, endpoints, pki, configuration)
                overview.finished = True
                for line in instructions(scenarios, endpoints, pki, configuration):
                    say(line)
                say(f"\nWeb page: http://{LOOPBACK}:{port}/\n\nServing until Ctrl-C.")
                _log_to_standard_output()
                while True:
                    # Not for long, because a signal that arrives just before it does not end it.
                    time.sleep(1)


def _configure(options: argparse.Namespace, pki: Pki) -> Configuration:
    return own_configuration(pki, read_variables(options), options.rules, options.truststore)


def prepare(scenarios: Sequence[Scenario], configuration: Configuration) -> list[Result]:
    """Return the scenarios without results. There are none if the sample's clients are not from trusted CAs."""
    if configuration.own_truststore:
        return []
    return [Result(scenario, {}, configuration.is_sample) for scenario in scenarios]


def demonstrate(
    results: Sequence[Result], endpoints: Sequence[Endpoint], pki: Pki, configuration: Configuration
) -> None:
    """Play the scenarios on every API and every other front door, and print the tables."""
    say("The authorizer's configuration:")
    for variable, value in configuration.variables.items():
        say(f"  {variable}={value}")
    for warning in configuration.warnings:
        say(f"\nWarning: {printable(warning)}.")
    if configuration.own_truststore:
        say(f"\nThe handshake requires certificates from the CAs in {configuration.stored_truststore}.")
        say("The clients of the scenarios are not from these CAs, so no scenario is run.")
        return
    for kinds in (ApiKind, FrontDoorKind):
        played = [result for result in results if result.scenario.kinds is kinds]
        for result in played:
            for endpoint in endpoints:
                if isinstance(endpoint.kind, kinds):
                    result.outcomes[endpoint.kind] = play(result.scenario, endpoint, pki)
        if played:
            say(f"\n{table(played)}")
    say("\nrejected: the TLS handshake was rejected; not invoked: the authorizer was not invoked;")
    say("context: the response of the function contains the values from the authorizer.")
    say("Behind load balancers and CloudFront, there is no authorizer: the functions use only the layer.\n")
    say(summary(results))


def _log_to_standard_output() -> None:
    decisions, requests = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stdout)
    decisions.setFormatter(AuthorizerFormatter("authorizer: %(message)s"))
    requests.setFormatter(logging.Formatter("gateway: %(message)s"))
    for logger, handler in ((get_logger(), decisions), (server.logger, requests)):
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)


class AuthorizerFormatter(logging.Formatter):
    """Adds principal, route, document and error, if the record has them, without characters that terminals obey."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        about = [
            f"{name} {printable(str(value))}"
            for name in ("principal", "route", "document", "error")
            if (value := getattr(record, name, None)) is not None
        ]
        return f"{super().format(record)} ({', '.join(about)})"


def _interrupt(_number: int, _frame: object) -> NoReturn:
    # A second Ctrl-C must not interrupt the servers while they stop, which takes no time.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
