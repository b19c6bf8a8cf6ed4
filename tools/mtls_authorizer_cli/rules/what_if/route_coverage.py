"""Whether the routes of a rule cover a request if only the API's route is known, not the path.

The log contains ``GET /payments/{id}`` for every payment. Paths are assumed to be ordinary ones: those that are denied
to every client with limited routes, such as ``/payments//x``, are rare and may be hostile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.rules.routes import ALL_ROUTES, METHODS
from mtls_authorizer_cli.rules.what_if.ternary import FALSE, TRUE, Statement, any_of, known, unknown

if TYPE_CHECKING:
    from mtls_authorizer.rules.routes import Routes

PATH, ROUTE = "path", "route"
_ANY = "ANY"


def covers(routes: Routes, logged: str | None) -> Statement:
    """Return whether routes cover a request to a route as the API defines it, such as ``GET /payments/{id}``.

    ``logged`` is None if it is not known.
    """
    if routes is ALL_ROUTES:
        return TRUE
    method, _, path = (logged or "").partition(" ")
    if not path.startswith("/"):
        return unknown(ROUTE if logged is None else PATH)
    if method != _ANY:
        return _covers(routes, method, path)
    found = {_covers(routes, each, path) for each in METHODS}
    return found.pop() if len(found) == 1 else unknown("method")


def _covers(routes: tuple[str, ...], method: str, path: str) -> Statement:
    return any_of(_includes(route, f"{method}{path}") for route in routes)


def _includes(route: str, template: str) -> Statement:
    """Return whether a route includes a request to a template, both of method and path: ``GET/payments/{id}``."""
    allowed, requested = route.split("/"), template.split("/")
    open_ended = allowed[-1] == "*"
    if open_ended:
        allowed = allowed[:-1]
    certain = True
    for position, segment in enumerate(allowed):
        if position == len(requested):
            return FALSE
        if requested[position].endswith("+}"):
            # The rest of the path, of any length.
            return unknown(PATH)
        if requested[position].startswith("{"):
            certain = False
        elif requested[position] != segment:
            return FALSE
    remaining = requested[len(allowed) :]
    # GET/payments/* does not include GET/payments/; GET/* includes GET/.
    matches = bool(remaining) and (remaining != [""] or len(allowed) == 1) if open_ended else not remaining
    return known(matches) if certain or not matches else unknown(PATH)
