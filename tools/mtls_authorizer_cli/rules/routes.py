"""Which routes include which others: the same relation as between the resources of their policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.rules.routes import ALL_ROUTES

if TYPE_CHECKING:
    from mtls_authorizer.rules.routes import Routes


def missing_from(routes: Routes, others: Routes) -> Routes:
    """Return the other routes that routes do not include."""
    if routes is ALL_ROUTES:
        return ()
    if others is ALL_ROUTES:
        return ALL_ROUTES
    return tuple(other for other in others if not any(_includes(route, other) for route in routes))


def _includes(route: str, other: str) -> bool:
    """Return whether a route includes another one. GET/a/* includes neither GET/a nor GET/a/, as in the policy."""
    if route == other:
        return True
    below = route.removesuffix("*")
    is_root = below.count("/") == 1
    return route.endswith("/*") and other.startswith(below) and (is_root or other != below)
