"""The load test of the authorizer under awslambdaric: one event after the other, as on Lambda."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.measuring.running_function import running_function
from benchmarks.soak.checks import Request, ResponseChecker, invocation_problem, read_log, record_problems
from benchmarks.soak.clients import (
    UNAUTHENTICATED,
    Authority,
    Entitlement,
    clients_without_certificates,
    routes_to_request,
    sequence_of,
)
from benchmarks.soak.run import Result, Run, environment, publish_rules, request_of
from tests.aws.api_events import http_2_0_event, rest_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from benchmarks.measuring.running_function import Invocation

# Determines only when certificates expire: about halfway, on a machine with this number of decisions per second.
_DECISIONS_PER_SECOND = 1000


def soak_runtime(folder: Path, decisions: int, certificates: int, random: Random) -> Result:
    """Invoke the authorizer under awslambdaric, one event after the other, as Lambda does."""
    clients = Authority().make_clients(certificates, decisions / _DECISIONS_PER_SECOND, random)
    sequence = sequence_of(clients, clients_without_certificates(clients), random)
    rules, log = folder / "rules.json", folder / "log"
    publish_rules(rules, 1)
    checker = ResponseChecker()
    expected: list[tuple[str, Request, Entitlement]] = []
    variables = {**environment(rules), "RESPONSE_FORMAT": "simple"}
    with log.open("wb") as file, running_function(variables, file) as function:
        run = Run(decisions, rules, function.process_id, [checker])
        while run.turn():
            request = request_of(next(sequence), random)
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


def _event(request: Request, request_id: str) -> bytes:
    make = rest_event if request.rest else http_2_0_event
    event = make(request.client.pem, request.route.method, request.route.path)
    event["requestContext"]["requestId"] = request_id
    return json.dumps(event).encode()


def _invocation_problem(request: Request, given: Invocation) -> Callable[[Entitlement], str | None]:
    routes = routes_to_request(request.client)
    return lambda entitled: invocation_problem(entitled, request, routes, given)
