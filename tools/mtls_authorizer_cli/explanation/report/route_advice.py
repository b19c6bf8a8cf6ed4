"""Why routes do not include an invocation, if that is easily overlooked, and what to do instead of adding a route."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mtls_authorizer.rules.routes import ALL_ROUTES, DENIED_PATTERNS, METHODS, permits
from mtls_authorizer_cli.printed import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer.rules.routes import Routes
_NEVER_INCLUDED = "which rules with 'allow' never include (docs/rules.md#what-a-grant-covers)."


def explain_route(routes: Routes, invocation: str, stage: str) -> tuple[str, str | None]:
    """Return a remark on an invocation that routes do not include, and the next step if no route can include it.

    The remark is empty if nothing is similar. ``stage`` is the name of the API's stage.
    """
    method, slash, path = invocation.partition("/")
    if not slash:
        next_step = "add the route that it calls to the API and to 'allow', or remove 'allow' from its rule"
        return f"It is the API's $default route, {_NEVER_INCLUDED}", f"If the client is to call it, {next_step}."
    for pattern in DENIED_PATTERNS:
        if fnmatchcase(invocation, pattern):
            next_step = "Have the client send another path; or remove 'allow' from its rule, if it may call all routes."
            return f"Its path contains {quoted(pattern.strip('*'))}, {_NEVER_INCLUDED}", next_step
    remarks = (remark for other, remark in _similar(method, path, stage) if permits(routes, other))
    return next(remarks, _if_case_differs(routes, invocation)), None


def _similar(method: str, path: str, stage: str) -> Iterator[tuple[str, str]]:
    """Return similar invocations, and a remark on each of them, for the case that routes include it."""
    without_slash = path.removesuffix("/")
    other_end = without_slash if path.endswith("/") else f"{path}/"
    yield f"{method}/{other_end}", "Only the slash at the end differs from an allowed path."
    yield f"{method}/{without_slash}/x", "A route that ends with /* does not include the path above it."
    yield f"{method}/{stage}/{path}", f"Write routes without the stage, {quoted(stage)}: it is no part of the path."
    first, _, rest = path.partition("/")
    yield f"{method}/{rest}", f"Without {quoted(f'/{first}')}, perhaps the base path of an API mapping, it is allowed."
    for other in METHODS:
        yield f"{other}/{path}", f"The path is allowed with the method {other}."


def _if_case_differs(routes: Routes, invocation: str) -> str:
    lower_case = routes if routes is ALL_ROUTES else tuple(route.lower() for route in routes)
    return "Only the case differs from an allowed path." if permits(lower_case, invocation.lower()) else ""
