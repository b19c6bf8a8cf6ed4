"""The output for people: the table of scenarios, instructions for a running gateway, and commands to try by hand."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from local_gateway.api_gateway.api import ApiKind
from local_gateway.configuration import REFRESH_SECONDS
from local_gateway.front_doors import FrontDoorKind
from local_gateway.pki.folder import FOLDER
from local_gateway.scenarios import TO_BE_REVOKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from local_gateway.configuration import Configuration
    from local_gateway.deployment import Endpoint
    from local_gateway.pki.certificates import Client, Pki
    from local_gateway.scenarios import Kind, Outcome, Scenario


class Result(NamedTuple):
    """The results of a scenario, by kind of API or of another front door. They are added while it is played.

    ``as_sample`` is False if the expectations do not apply, because the configuration is not the sample's.
    """

    scenario: Scenario
    outcomes: dict[Kind, Outcome]
    as_sample: bool = True

    @property
    def differences(self) -> list[Kind]:
        """The kinds with an unexpected result."""
        return [kind for kind in list(self.outcomes) if self.differs(kind)]

    def differs(self, kind: Kind) -> bool:
        """Return whether the result on a kind is not the expected one."""
        return self.as_sample and self.outcomes[kind] != self.scenario.expected_on(kind)


def table(results: Sequence[Result]) -> str:
    """Return the results as aligned columns: the expected ones, if they apply, and those on each of the kinds."""
    has_authorizer = any(outcome.authorizer_invoked is not None for outcome in results[0].outcomes.values())
    expected = ["expected"] if results[0].as_sample else []
    header = ["scenario", *expected, *results[0].outcomes, "reason logged" if has_authorizer else "response"]
    rows = [header, *(_row(result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def summary(results: Sequence[Result]) -> str:
    """Return how many of the results are the expected ones, and the complete results that are not."""
    if not all(result.as_sample for result in results):
        return "With your own configuration, there are no expected results."
    total = sum(len(result.outcomes) for result in results)
    differences = [_difference(result, kind) for result in results for kind in result.differences]
    return "\n".join([f"{total - len(differences)} of {total} as expected.", *differences])


def curl_commands(scenarios: Sequence[Scenario], endpoint: Endpoint, pki: Pki, *, as_sample: bool) -> Iterator[str]:
    """Yield a comment and a command for a shell for each scenario."""
    for scenario in scenarios:
        url = endpoint.url(scenario.path, mutual_tls=scenario.mutual_tls)
        certificate = [argument for client in scenario.clients for argument in ("--cert", str(pki.client(client)))]
        headers = [
            argument
            for name, value in scenario.headers(endpoint.kind, pki).items()
            for argument in ("--header", f"{name}: {value}")
        ]
        # Otherwise curl normalizes the path.
        as_it_is = ["--path-as-is"] if ".." in scenario.path or "%2e" in scenario.path else []
        command = ["curl", "--include", *as_it_is, "--noproxy", "*", "--cacert", str(pki.server_ca)]
        command += [*certificate, *headers, url]
        # On a line of its own: not every interactive shell accepts comments.
        expected = f": {outcome_text(scenario.expected_on(endpoint.kind))}" if as_sample else ""
        yield f"# {scenario.name}{expected}"
        yield shlex.join(command)


def _row(result: Result) -> list[str]:
    expected = dict.fromkeys(outcome_text(result.scenario.expected_on(kind)) for kind in result.outcomes)
    happened = [
        outcome_text(outcome) + (" (!)" if result.differs(kind) else "") for kind, outcome in result.outcomes.items()
    ]
    reasons = dict.fromkeys(outcome.reason for outcome in result.outcomes.values() if outcome.reason)
    return [result.scenario.name, *([" / ".join(expected)] if result.as_sample else []), *happened, " / ".join(reasons)]


def outcome_text(outcome: Outcome) -> str:
    """Return a result as it is printed."""
    status = "rejected" if outcome.status is None else str(outcome.status)
    return (
        status
        + (" + context" if outcome.context else "")
        + (", not invoked" if outcome.authorizer_invoked is False else "")
    )


def _difference(result: Result, kind: Kind) -> str:
    return (
        f"{result.scenario.name}, {kind}:\n"
        f"  expected {result.scenario.expected_on(kind)}\n"
        f"  actual   {result.outcomes[kind]}"
    )


CURL_MESSAGES = {
    "no certificate": "curl: (35) OpenSSL/3.0.19: error:0A000410:SSL routines::sslv3 alert handshake failure",
    "an expired certificate": "curl: (60) SSL certificate verification failed",
    "a CA that is not trusted": "curl: (35) OpenSSL/3.0.19: error:0A000418:SSL routines::tlsv1 alert unknown ca",
}
"""The messages of curl 7.88 with OpenSSL 3.0 if the handshake is rejected, by reason. Exit statuses are in brackets."""


def instructions(
    scenarios: Sequence[Scenario], endpoints: Sequence[Endpoint], pki: Pki, configuration: Configuration
) -> Iterator[str]:
    """Yield the lines of the instructions."""
    yield ""
    for endpoint in endpoints:
        without = f", {endpoint.url('', mutual_tls=False)} (without)" if endpoint.default_endpoint_port else ""
        yield f"{endpoint.kind:18} {endpoint.url('')} (mTLS){without}"
    if configuration.own_truststore:
        yield from _own_certificates(endpoints[0], pki)
    else:
        yield from _commands(scenarios, endpoints, pki, as_sample=configuration.is_sample)
    yield "\nIf the handshake is rejected, curl 7.88 with OpenSSL 3.0 prints, with its exit status in brackets:\n"
    for reason, message in CURL_MESSAGES.items():
        yield f"{reason + ':':25} {message}"
    yield "\nThe second message is about the client's certificate, not about the server's."
    yield "Other versions print other messages. API Gateway is reported to respond with 403 instead, and to close the"
    yield "connection only if there is no certificate."
    if configuration.is_sample:
        yield "\nTo revoke a client, in another terminal:\n"
        yield revocation_command(TO_BE_REVOKED, pki.folder)
        yield f"\nIt is denied after {REFRESH_SECONDS} seconds, when the authorizers reload the CRL."


def _own_certificates(endpoint: Endpoint, pki: Pki) -> Iterator[str]:
    command = ["curl", "--include", "--noproxy", "*", "--cacert", str(pki.server_ca)]
    yield f"\nWith your certificate and key, for {endpoint.kind}; the others differ in the port:\n"
    yield f"{shlex.join(command)} --cert client.pem --key client.key {endpoint.url('/hello')}"


def _commands(
    scenarios: Sequence[Scenario], endpoints: Sequence[Endpoint], pki: Pki, *, as_sample: bool
) -> Iterator[str]:
    for kinds, others in ((ApiKind, "port"), (FrontDoorKind, "port, and in the name of the header")):
        first = next(endpoint for endpoint in endpoints if isinstance(endpoint.kind, kinds))
        yield f"\nCommands for {first.kind}; commands for the others differ in the {others}:\n"
        chosen = [scenario for scenario in scenarios if scenario.kinds is kinds]
        yield from curl_commands(chosen, first, pki, as_sample=as_sample)


def revocation_command(client: Client, folder: Path) -> str:
    """Return the command that revokes a client of the gateway in a folder."""
    elsewhere = [] if folder == FOLDER else [f"ARGS=--folder {shlex.quote(str(folder))}"]
    return shlex.join(["make", "revoke", f"CLIENT={client.name}", *elsewhere])
