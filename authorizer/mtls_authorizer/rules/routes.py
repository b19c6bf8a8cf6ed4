"""Routes: what a client may call, as a pattern, as a resource of an IAM policy, and matched here.

A policy's ``*`` matches any characters, slashes included, and ``?`` any one. So a route has a ``*`` for the whole path
below a slash at its end only, and one for "any method" becomes a resource for each method: ``*/payments`` would match
``GET/anything/payments`` as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
"""The methods that API Gateway's ANY stands for."""

# RFC 3986 §3.3 without what means something in a policy (*, ?, $) or may be written in two ways (%).
SEGMENT = re.compile(r"[A-Za-z0-9._~!&'()+,;=:@-]+")

# What a server behind may take for the way out of a path: dot segments, an encoded dot or slash, a backslash, and an
# encoded percent sign, with which any of these can be encoded twice. A client that may call some routes only may call
# none with these.
_WAYS_OUT = ("/..", "%2e", "%2E", "%2f", "%2F", "%5c", "%5C", "%25", "\\")

_LONGEST_RESOURCE = 512
# arn:aws-us-gov:execute-api:us-gov-east-1:123456789012:abcdefghij/stage/, with a stage of 128 characters.
LONGEST_STAGE_ARN = 200
"""In characters, from the limits that AWS documents for each part."""
LONGEST_ROUTE = _LONGEST_RESOURCE - LONGEST_STAGE_ARN - len("/")
"""In characters, method and path as in a resource: ``GET/payments``."""
LARGEST_POLICY = 32 * 1024
"""In bytes. A bound of this project's own: API Gateway documents the length of a resource, and not their number."""


class RouteError(ValueError):
    """Not a route. The message says what would be one."""


def read_route(text: str) -> tuple[str, ...]:
    """Return the resources of a route, below the stage: ``GET /payments/*`` is ``GET/payments/*``. Raises RouteError.

    A ``*`` as method stands for each of METHODS, one at the end of the path for all that begins like it.
    """
    method, separator, path = text.partition(" ")
    if not separator or not path.startswith("/"):
        message = f"{text!r} is not a method and a path: write it like 'GET /payments/*'"
        raise RouteError(message)
    if method != "*" and method not in METHODS:
        message = f"{text!r} begins with no method: write one of {', '.join(METHODS)}, or * for any"
        raise RouteError(message)
    routes = tuple(f"{each}{path}" for each in (METHODS if method == "*" else (method,)))
    longest = max(map(len, routes))
    if longest > LONGEST_ROUTE:
        message = f"{text[:40]!r}… makes a resource of {longest} characters: a policy takes {LONGEST_ROUTE}"
        raise RouteError(message)
    _check_path(text, path)
    return routes


def _check_path(text: str, path: str) -> None:
    *segments, last = path[1:].split("/")
    for segment in segments if last in {"", "*"} else [*segments, last]:
        if segment in {".", ".."} or not segment:
            message = f"{text!r} has the segment {segment!r}: write the path without it"
        elif "*" in segment:
            message = f"{text!r} has a * within: it would match slashes, too. Only /* at the end is possible"
        elif segment.startswith("{"):
            message = f"{text!r} has a path parameter: end it with /* instead"
        elif not SEGMENT.fullmatch(segment):
            message = f"{text!r} has characters other than letters, digits and ._~!&'()+,;=:@-"
        else:
            continue
        raise RouteError(message)


def permits(routes: Iterable[str], invocation: str) -> bool:
    """Return whether routes cover an invocation, method and path as in its ARN: ``GET/payments/1``.

    The answer is that of the policy which ``resources`` makes: a test holds them together.
    """
    return any(_covers(route, invocation) for route in routes) and not any(way in invocation for way in _WAYS_OUT)


def _covers(route: str, invocation: str) -> bool:
    return invocation.startswith(route[:-1]) if route.endswith("/*") else invocation == route


def resources(routes: Iterable[str], stage_arn: str) -> tuple[list[str], list[str]]:
    """Return the resources of a stage that a policy must allow for routes, and those that it must deny."""
    return (
        [f"{stage_arn}/{route}" for route in routes],
        [f"{stage_arn}/*{way}*" for way in _WAYS_OUT],
    )


def policy_size(routes: Iterable[str]) -> int:
    """Return how many bytes a policy for routes takes at most, as far as that depends on them."""
    allowed, denied = resources(routes, "x" * LONGEST_STAGE_ARN)
    return sum(len(resource) + 4 for resource in allowed + denied)
