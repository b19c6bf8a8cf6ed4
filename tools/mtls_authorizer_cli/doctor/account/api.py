"""The parts that REST APIs and HTTP APIs have in common."""

from __future__ import annotations

from typing import NamedTuple

CUSTOM = "CUSTOM"
"""The authorization type of a route that invokes a Lambda authorizer."""

DEFAULT_TTL = 300
"""API Gateway's cache TTL of an authorizer that sets none, in seconds."""

PEM_SOURCE = "$context.identity.clientCert.clientCertPem"


class Authorizer(NamedTuple):
    """An authorizer of an API. ``kind`` is API Gateway's type, ``credentials`` a role that it assumes, or empty."""

    authorizer_id: str
    name: str
    kind: str
    uri: str
    ttl: int
    identity_sources: tuple[str, ...]
    credentials: str
    payload_version: str
    simple_responses: bool

    def __str__(self) -> str:
        return f"authorizer {self.authorizer_id} ({self.name})"


class Route(NamedTuple):
    """A method of a REST API's resource, or a route of an HTTP API. ``name`` is such as ``GET /payments``."""

    name: str
    authorization: str
    authorizer_id: str | None
    parent_id: str
    """Of a REST API: the resource. Of an HTTP API: the route itself."""


class Stage(NamedTuple):
    """A stage, and the deployment that it serves.

    ``failure`` says why the last automatic one failed, or is empty.
    """

    name: str
    deployment_id: str | None
    is_automatic: bool = False
    failure: str = ""
    has_canary: bool = False
