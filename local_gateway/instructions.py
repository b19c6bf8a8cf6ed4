"""Instructions for a running local gateway: addresses, commands, and curl's messages for a rejected handshake."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from local_gateway.api_gateway.api import ApiKind
from local_gateway.configuration import REFRESH_SECONDS
from local_gateway.front_doors import FrontDoorKind
from local_gateway.pki.folder import FOLDER
from local_gateway.report import curl_commands
from local_gateway.scenarios import TO_BE_REVOKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from local_gateway.configuration import Configuration
    from local_gateway.deployment import Endpoint
    from local_gateway.pki.certificates import Client, Pki
    from local_gateway.scenarios import Scenario

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
