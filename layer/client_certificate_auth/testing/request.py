"""A client's request, and the route of an API that it is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Event: TypeAlias = dict[str, Any]
"""A Lambda event, as the runtime passes it to a function."""

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Request:
    """A client's HTTP request.

    ``path`` and ``query`` are percent-encoded, as sent. ``headers`` has one value for each name. ``time`` is aware, in
    UTC.
    """

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Host": "api.example.com", "User-Agent": "test"})
    body: bytes = b""
    protocol: str = "HTTP/1.1"
    source_ip: str = "192.0.2.1"
    request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    @property
    def domain_name(self) -> str | None:
        """The domain name of the Host header, without the port; None without the header."""
        host = {name.lower(): value for name, value in self.headers.items()}.get("host")
        return None if host is None else host.partition(":")[0]


@dataclass(frozen=True)
class Endpoint:
    """The API, stage and route of a request.

    Without ``stage``, it is ``prod`` on REST APIs and ``$default`` on HTTP APIs. In payload 2.0, paths begin with the
    name of any other stage.

    ``path`` is the route's: ``/payments/{id}`` or ``/{proxy+}``. ``method`` is the route's, on HTTP APIs; it may be
    ``ANY``. None means those of the request. ``path_parameters`` has the values of the path's variables.
    """

    api_id: str = "a1b2c3d4e5"
    stage: str = ""
    path: str | None = None
    method: str | None = None
    path_parameters: Mapping[str, str] = field(default_factory=dict)

    def request_arn(self, method: str, path: str) -> str:
        """Return the ``methodArn`` or ``routeArn`` of a request. The path is as the events of the API have it."""
        return f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{self.api_id}/{self.stage}/{method}{path}"
