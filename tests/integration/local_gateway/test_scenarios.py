from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest
from werkzeug.wrappers import Response

from local_gateway.api_gateway.api import ApiKind
from local_gateway.api_gateway.functions import CountedFunction
from local_gateway.api_gateway.gateway import Gateway
from local_gateway.deployment import Endpoint, sample_api
from local_gateway.front_doors import FrontDoor, FrontDoorKind
from local_gateway.pki.certificates import make_pki
from local_gateway.report import Result
from local_gateway.scenarios import LISTED_CN, SCENARIOS, Kind, Outcome, Scenario, play
from local_gateway.server import LOOPBACK, serve
from local_gateway.tls import custom_domain_context

if TYPE_CHECKING:
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from local_gateway.pki.certificates import Pki


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [pytest.param(scenario, kind, id=f"{scenario.name}-{kind}") for scenario in SCENARIOS for kind in scenario.kinds],
)
def test_each_scenario_has_the_expected_result(
    scenario: Scenario, kind: Kind, endpoints: list[Endpoint], pki: Pki
) -> None:
    endpoint = next(endpoint for endpoint in endpoints if endpoint.kind is kind)

    assert play(scenario, endpoint, pki) == scenario.expected_on(kind)


FRONT_DOOR = FrontDoor(FrontDoorKind.ALB_VERIFY, lambda _request: Response())


def served_by(application: object, port: int) -> Endpoint:
    authorizer = CountedFunction(lambda _event, _context: application)
    return Endpoint(ApiKind.REST, Gateway(sample_api(ApiKind.REST, authorizer)), port, port, authorizer)


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'"clientCertCN"', b'{"clientCertCN": "somebody else"}'])
def test_a_status_of_200_is_not_enough(pki: Pki, body: bytes) -> None:
    def application(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [body]

    with serve(application, custom_domain_context(pki, pki.truststore)) as port:
        outcome = play(SCENARIOS[0], served_by(application, port), pki)

    assert outcome.status == 200
    assert Result(SCENARIOS[0], {ApiKind.REST: outcome}).differences == [ApiKind.REST]


@pytest.mark.parametrize("body", [b"", b"Hello nobody", b"Hello authorized-client.", b"\xff"])
def test_behind_other_front_doors_the_whole_response_is_compared(pki: Pki, body: bytes) -> None:
    def application(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [body]

    listed = next(scenario for scenario in SCENARIOS if scenario.kinds is FrontDoorKind)
    with serve(application, custom_domain_context(pki, pki.truststore)) as port:
        outcome = play(listed, Endpoint(FrontDoorKind.ALB_VERIFY, FRONT_DOOR, port), pki)

    assert outcome.status == listed.expected.status == 200
    assert Result(listed, {FrontDoorKind.ALB_VERIFY: outcome}).differences == [FrontDoorKind.ALB_VERIFY]


def test_no_server_is_not_a_rejected_handshake(pki: Pki) -> None:
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))  # and does not listen
        with pytest.raises(ConnectionRefusedError):
            play(Scenario("refused", LISTED_CN, Outcome(None)), served_by(None, bound.getsockname()[1]), pki)


def test_a_server_that_the_client_does_not_trust_is_not_a_rejected_handshake(
    endpoints: list[Endpoint], tmp_path: Path
) -> None:
    others = make_pki(tmp_path, [LISTED_CN])

    with pytest.raises(ssl.SSLCertVerificationError):
        play(Scenario("refused", LISTED_CN, Outcome(None)), endpoints[0], others)
