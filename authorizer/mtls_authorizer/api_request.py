"""What the authorizer needs to know of a request: where it came in, and the stage that it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

# An execute-api ARN up to its stage. What follows is the client's to choose, and is not read.
_STAGE_ARN = re.compile(
    r"arn:aws(?:-[a-z]+)*:execute-api:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9]+/(?:\$default|[A-Za-z0-9_-]+)(?=/)"
)
_LONGEST_RESOURCE = 512


class UnsupportedEventError(ValueError):
    """The event is not that of a REQUEST authorizer of a REST API or an HTTP API. API Gateway answers 500."""


class EventFormat(StrEnum):
    """The kinds of events that an authorizer of type REQUEST gets."""

    REST = "rest"
    """A REST API's."""

    HTTP_1_0 = "http-1.0"
    """An HTTP API's with payload 1.0."""

    HTTP_2_0 = "http-2.0"
    """An HTTP API's with payload 2.0."""


class ApiRequest(NamedTuple):
    """A request to an API.

    ``resource`` covers every method and path of the API's stage: the answer may be cached for all of them.
    ``route`` is the method and the path as the API defines it, not the path that was asked for.
    """

    event_format: EventFormat
    resource: str
    request_id: str | None
    route: str | None


def read_request(event: object) -> ApiRequest:
    """Read an authorizer's event. Raises UnsupportedEventError for anything else."""
    if not isinstance(event, Mapping) or event.get("type") != "REQUEST":
        message = "not an event of a Lambda authorizer of type REQUEST"
        raise UnsupportedEventError(message)
    event_format = _event_format(event)
    if event_format is EventFormat.HTTP_2_0:
        arn, route = event.get("routeArn"), event.get("routeKey")
    else:
        arn, route = event.get("methodArn"), f"{event['httpMethod']} {event.get('resource')}"
    return ApiRequest(
        event_format,
        _every_method_of_the_stage(arn),
        _loggable(event["requestContext"].get("requestId")),
        _loggable(route),
    )


def _event_format(event: Mapping[str, object]) -> EventFormat:
    # Every front door sends a request context. A REST API sends no version; without a method it is a WebSocket API.
    if isinstance(event.get("requestContext"), Mapping):
        if event.get("version") == "2.0":
            return EventFormat.HTTP_2_0
        if isinstance(event.get("httpMethod"), str):
            if event.get("version") == "1.0":
                return EventFormat.HTTP_1_0
            if "version" not in event:
                return EventFormat.REST
    message = "neither an event of a REST API nor one of an HTTP API with payload 1.0 or 2.0"
    raise UnsupportedEventError(message)


def _every_method_of_the_stage(arn: object) -> str:
    match = _STAGE_ARN.match(arn) if isinstance(arn, str) else None
    resource = f"{match[0]}/*/*" if match else ""
    if not 0 < len(resource) <= _LONGEST_RESOURCE:
        message = "the event's methodArn or routeArn is not an execute-api ARN with a stage"
        raise UnsupportedEventError(message)
    return resource


def _loggable(value: object) -> str | None:
    """Return a string in ASCII, which every encoding of a log can write; None for anything else."""
    return value.encode("ascii", "backslashreplace").decode() if isinstance(value, str) else None
