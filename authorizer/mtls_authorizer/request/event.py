"""The properties of a request that the authorizer needs: the kind of API, the stage, the route, values for the log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.rules.routes import LONGEST_STAGE_ARN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    # The kinds of APIs, and the payload versions of HTTP APIs.
    EventFormat: TypeAlias = Literal["rest", "http-1.0", "http-2.0"]

# An execute-api ARN up to its stage. Clients choose the rest of the ARN, so policies never contain it.
_STAGE_ARN = re.compile(
    r"arn:aws(?:-[a-z]+)*:execute-api:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9]+/(?:\$default|[A-Za-z0-9_-]+)"
)

# Check `dict` first: checks of `Mapping` are slow.
_OBJECT = (dict, Mapping)


class UnsupportedEventError(ValueError):
    """The event is not from a REST API or HTTP API to an authorizer of type REQUEST. API Gateway responds with 500."""


class ApiRequest(NamedTuple):
    """A request to an API.

    ``stage_arn`` is the ARN of the API's stage. ``invocation`` is the requested method and path, which the client
    chooses: ``GET/payments/1``. ``event`` is the whole event, for values that only some requests need, and
    ``request_context`` its request context. Clients can choose some of these values.
    """

    event_format: EventFormat
    stage_arn: str
    invocation: str
    event: Mapping[str, object] = {}
    request_context: Mapping[str, object] = {}

    @property
    def request_id(self) -> str | None:
        """The ID of the request. On REST APIs, clients can choose it."""
        return _loggable(self.request_context.get("requestId"))

    @property
    def route(self) -> str | None:
        """The method and the path as the API defines it."""
        if self.event_format == "http-2.0":
            return _loggable(self.event.get("routeKey"))
        return _loggable(f"{self.event.get('httpMethod')} {self.event.get('resource')}")

    @property
    def source_ip(self) -> str | None:
        """The client's IP address."""
        context = self.request_context
        # Only payload 2.0 has "http".
        parent = context.get("http" if "http" in context else "identity")
        return _loggable(parent.get("sourceIp")) if isinstance(parent, _OBJECT) else None

    @property
    def api_id(self) -> str:
        """The ID of the API, as in the ARN."""
        return self.stage_arn.partition("/")[0].rpartition(":")[2]

    @property
    def domain_name(self) -> str | None:
        """The domain name of the request, None if the event does not contain it."""
        return _loggable(self.request_context.get("domainName"))

    @property
    def extended_request_id(self) -> str | None:
        """The ID of the request that clients cannot choose. None in payload 2.0, which has only one ID."""
        return _loggable(self.request_context.get("extendedRequestId"))

    @property
    def identity_sources(self) -> Sequence[object]:
        """The values of the authorizer's identity sources, which only events of HTTP APIs contain.

        With payload 1.0 they are one string, in which commas separate them.
        """
        sources = self.event.get("identitySource") or []
        return sources if isinstance(sources, list) else str(sources).split(",")

    @property
    def may_be_cached_for_other_domain_names(self) -> bool:
        """Whether API Gateway may cache the response, and return it for another domain name of the same API.

        Only events of HTTP APIs show this: those of REST APIs do not contain the identity sources.
        """
        return bool(self.identity_sources) and self.request_context.get("domainName") not in self.identity_sources


def read_request(event: object) -> ApiRequest:
    """Read an event of an authorizer of type REQUEST. Raises UnsupportedEventError for anything else."""
    if not isinstance(event, _OBJECT) or event.get("type") != "REQUEST":
        message = "not an event of a Lambda authorizer of type REQUEST"
        raise UnsupportedEventError(message)
    event_format = _event_format(event)
    arn = event.get("routeArn" if event_format == "http-2.0" else "methodArn")
    stage_arn, invocation = _split_arn(arn)
    return ApiRequest(event_format, stage_arn, invocation, event, event["requestContext"])


def _event_format(event: Mapping[str, object]) -> EventFormat:
    # Events of all APIs contain a request context. Events of REST APIs have no version; those of WebSocket APIs have no
    # method.
    if isinstance(event.get("requestContext"), _OBJECT):
        if event.get("version") == "2.0":
            return "http-2.0"
        if isinstance(event.get("httpMethod"), str):
            if event.get("version") == "1.0":
                return "http-1.0"
            if "version" not in event:
                return "rest"
    message = "neither an event of a REST API nor one of an HTTP API with payload 1.0 or 2.0"
    raise UnsupportedEventError(message)


def _split_arn(arn: object) -> tuple[str, str]:
    """Return the ARN of the stage, and the invocation."""
    if isinstance(arn, str):
        api, _, rest = arn.partition("/")
        stage, slash, invocation = rest.partition("/")
        stage_arn = f"{api}/{stage}"
        if slash and len(stage_arn) <= LONGEST_STAGE_ARN and _is_stage_arn(stage_arn):
            return stage_arn, invocation
    message = "the event's methodArn or routeArn is not an execute-api ARN with a stage"
    raise UnsupportedEventError(message)


# A function has few APIs, and they have few stages.
@lru_cache(64)
def _is_stage_arn(text: str) -> bool:
    return _STAGE_ARN.fullmatch(text) is not None


def _loggable(value: object) -> str | None:
    """Return a string with lone surrogates escaped, since they cannot be encoded; None for anything else."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else None
