"""Routes: the requests that a client may send. Reads them from rules, and converts them to resources of IAM policies.

In a policy, ``*`` matches any characters including slashes, and ``?`` any one character. A route therefore has a ``*``
only at its end, for the whole path below a slash, and "any method" becomes one resource for each method: ``*/payments``
would also match ``GET/anything/payments``.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from functools import cache
from itertools import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Final, TypeAlias


class AllRoutes(Enum):
    """The type of ``ALL_ROUTES``."""

    ALL_ROUTES = "all routes"


ALL_ROUTES: Final = AllRoutes.ALL_ROUTES
"""All routes of the stage. An explicit value, so that an omitted argument never allows anything."""

Routes: TypeAlias = tuple[str, ...] | AllRoutes
"""The routes that a client may call: resources below the stage, such as ``GET/payments/*``, or all routes."""

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
"""The methods that API Gateway's ANY includes."""

# RFC 3986 §3.3, without characters that are special in a policy (*, ?, $) and percent-encoding.
SEGMENT = r"[A-Za-z0-9._~!&'()+,;=:@-]+"

# A server behind the API may resolve a path that contains one of these to another path, possibly after it has decoded
# it once or twice. A client that is limited to some routes may call no such path. WHATWG URL parsers and Python's
# urljoin remove TAB, CR and LF before they resolve dots, and surrounding spaces; some servers read %u002e or overlong
# UTF-8 (%c0%ae, %e0%80%ae) as a dot, and some remove path parameters (/.;x/, /;x).
_AMBIGUOUS = (
    *("//", "/..", "/./", "/.;", "/;", "\\", "#", "/ ", "/%20", "/. ", "/.%20"),
    *("%2e", "%2E", "%2f", "%2F", "%5c", "%5C", "%25", "%3b", "%3B", "%3f", "%3F", "%23"),
    *("%%", "%?%", "%u", "%U", "%c0", "%C0", "%c1", "%C1"),
    *("%e0%8?", "%E0%8?", "%e0%9?", "%E0%9?", "%f0%8?", "%F0%8?", "%f8%8?", "%F8%8?"),
    *("%fc%8?", "%fC%8?", "%Fc%8?", "%FC%8?"),
    *("%0?", "%1?", "%7f", "%7F", "%c2%8?", "%C2%8?", "%c2%9?", "%C2%9?"),  # encoded control characters
    *map(chr, (*range(0x20), 0x7F)),
)

DENIED_PATTERNS = (*(f"*{sequence}*" for sequence in _AMBIGUOUS), "*/.")
"""Patterns of IAM policies for invocations that are denied to clients with limited routes. Policies contain this table;
simple responses and ``explain`` evaluate it."""

_LONGEST_RESOURCE = 512
# arn:aws-us-gov:execute-api:us-gov-east-1:123456789012:abcdefghij/stage/, with a stage name of 128 characters.
LONGEST_STAGE_ARN = 200
"""In characters, from the limits that AWS documents for each part."""
LONGEST_ROUTE = _LONGEST_RESOURCE - LONGEST_STAGE_ARN - len("/?")
"""In characters, method and path as in a resource: ``GET/payments``."""
LARGEST_POLICY = 50 * 1024
"""In bytes, of which the denied patterns take up to 18 KB. This limit is our own: API Gateway documents the maximum
length of a resource, but not the maximum number of resources."""


class RouteError(ValueError):
    """Text that is not a route. The message contains the fix."""


def read_route(text: str) -> tuple[str, ...]:
    """Return the resources of a route, below the stage: ``GET /payments/*`` is ``GET/payments/*``. Raises RouteError.

    The method ``*`` means each of METHODS, and a ``*`` at the end of the path means every path below it.
    """
    method, separator, path = text.partition(" ")
    if not separator or not path.startswith("/"):
        message = f"{text!r} is not a method and a path: write it like 'GET /payments/*'"
        raise RouteError(message)
    if method != "*" and method not in METHODS:
        message = f"{text!r} does not start with a method: write one of {', '.join(METHODS)}, or * for any"
        raise RouteError(message)
    routes = tuple(f"{each}{path}" for each in (METHODS if method == "*" else (method,)))
    longest = max(map(len, routes))
    if longest > LONGEST_ROUTE:
        message = f"{text[:40]!r}… needs a resource of {longest} characters: the limit is {LONGEST_ROUTE}"
        raise RouteError(message)
    _check_path(text, path)
    return routes


def _check_path(text: str, path: str) -> None:
    *segments, last = path[1:].split("/")
    for segment in segments if last in {"", "*"} else [*segments, last]:
        if segment in {".", ".."} or not segment:
            message = f"{text!r} contains the segment {segment!r}: write the path without it"
        elif "*" in segment:
            message = f"{text!r} contains a * that would also match slashes: write a * only as /* at the end"
        elif segment.startswith("{"):
            message = f"{text!r} contains a path parameter: end the path with /* instead"
        elif not re.fullmatch(SEGMENT, segment):
            message = f"{text!r} contains characters other than letters, digits and ._~!&'()+,;=:@-"
        else:
            continue
        raise RouteError(message)


def is_never_permitted(route: str) -> bool:
    """Return whether all invocations that a valid route includes are denied. The route is as in a rule."""
    # The only text in DENIED_PATTERNS that a route can contain.
    return any(sequence in route for sequence in ("/..", "/.;", "/;"))


def permits(routes: Routes, invocation: str) -> bool:
    """Return whether routes include an invocation: its method and path as in the ARN, ``GET/payments/1``.

    A policy made from ``resources`` or, for all routes, a policy for ``*``, has the same result.
    """
    if routes is ALL_ROUTES:
        return True
    included = any(_matches(allowed_pattern(route), invocation) for route in routes)
    return included and not _denied_expression().search(invocation)


def allowed_pattern(route: str) -> str:
    """Return the pattern of an IAM policy for the invocations that a route includes.

    ``GET/payments/*`` does not include ``GET/payments/``, which API Gateway may route like ``GET/payments``; the paths
    of ``GET/*`` are all paths.
    """
    below_a_path = route.endswith("/*") and route.count("/") > 1
    return f"{route[:-1]}?*" if below_a_path else route


def _matches(allowed: str, invocation: str) -> bool:
    """Match an allowed pattern, in which only the end is a wildcard."""
    if allowed.endswith("?*"):
        return invocation.startswith(allowed[:-2]) and len(invocation) > len(allowed) - len("?*")
    return invocation.startswith(allowed[:-1]) if allowed.endswith("*") else invocation == allowed


@cache
def _denied_expression() -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    patterns = ("".join(wildcards.get(each) or re.escape(each) for each in pattern) for pattern in DENIED_PATTERNS)
    return re.compile(r"\A(?:" + "|".join(patterns) + r")\Z", re.DOTALL)


def combined_routes(routes: Iterable[Routes]) -> Routes:
    """Return the routes of several rules together, each once, in their order."""
    # Many rules may have the same routes.
    limited: dict[tuple[str, ...], None] = {}
    for of_rule in routes:
        if of_rule is ALL_ROUTES:
            return ALL_ROUTES
        limited[of_rule] = None  # pragma: no mutate -- only the keys are used
    return tuple(dict.fromkeys(chain.from_iterable(limited)))


def resources(routes: Iterable[str], stage_arn: str) -> tuple[list[str], list[str]]:
    """Return the resources of a stage that a policy must allow for routes, and those that it must deny."""
    return (
        [f"{stage_arn}/{allowed_pattern(route)}" for route in routes],
        [f"{stage_arn}/{pattern}" for pattern in DENIED_PATTERNS],
    )


def policy_size(routes: Collection[str]) -> int:
    """Return the maximum size in bytes of the resources in a policy for routes, as JSON with separators."""
    allowed = sum(len(allowed_pattern(route)) for route in routes)
    return allowed + len(routes) * (LONGEST_STAGE_ARN + len('"/", ')) + _size_of_denied_resources()


@cache
def _size_of_denied_resources() -> int:
    _, denied = resources((), "x" * LONGEST_STAGE_ARN)
    return len(json.dumps(denied))
