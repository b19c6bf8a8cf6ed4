"""The data of the page: the choices of its form, the configuration, and the results of scenarios so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_gateway.api_gateway.api import Api, ApiKind
from local_gateway.api_gateway.gateway import Gateway
from local_gateway.report import Result, outcome_text
from local_gateway.scenarios import CLIENTS
from mtls_authorizer.rules.routes import METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_gateway.configuration import Configuration
    from local_gateway.deployment import Endpoint
    from local_gateway.pki.certificates import Client
    from local_gateway.scenarios import Kind


class Overview:
    """The local gateway as the page sees it. The results are added by another thread, until ``finished``."""

    def __init__(self, results: Sequence[Result], configuration: Configuration, endpoints: Sequence[Endpoint]) -> None:
        self.results = results
        self.configuration = configuration
        self.endpoints = {str(endpoint.kind): endpoint for endpoint in endpoints}
        self.clients: dict[str, Client] = (
            {} if configuration.own_truststore else {client.name: client for client in CLIENTS}
        )
        self.finished = False

    def api(self, endpoint: Endpoint) -> Api:
        """Return the API of an endpoint. For another front door, it is the REST API, whose events are explained."""
        gateways = (each.application for each in (endpoint, *self.endpoints.values()))
        return next(gateway.api for gateway in gateways if isinstance(gateway, Gateway))

    def document(self) -> dict[str, object]:
        """Return the overview for the page's script."""
        # Read first: if it is true, the results are complete.
        finished = self.finished
        return {
            "finished": finished,
            "own_configuration": not self.configuration.is_sample,
            "own_truststore": self.configuration.own_truststore,
            "variables": dict(self.configuration.variables),
            "kinds": [
                {"name": kind, "is_api": isinstance(endpoint.kind, ApiKind)}
                for kind, endpoint in self.endpoints.items()
            ],
            "methods": list(METHODS),
            "clients": [
                {"name": client.name, "subject": ", ".join(f"{key}={value}" for key, value in client.subject)}
                for client in self.clients.values()
            ],
            "scenarios": [_scenario(result) for result in self.results],
        }


def _scenario(result: Result) -> dict[str, object]:
    scenario = result.scenario
    return {
        "name": scenario.name,
        "client": scenario.client and scenario.client.name,
        "path": scenario.path,
        "mutual_tls": scenario.mutual_tls,
        "header_client": scenario.header_client and scenario.header_client.name,
        "cells": [_cell(result, kind) for kind in scenario.kinds],
    }


def _cell(result: Result, kind: Kind) -> dict[str, object]:
    outcome = result.outcomes.get(kind)
    return {
        "kind": kind,
        "expected": outcome_text(result.scenario.expected_on(kind)) if result.as_sample else None,
        "outcome": outcome and outcome_text(outcome),
        "reason": outcome and outcome.reason,
        "differs": outcome is not None and result.differs(kind),
    }
