"""Whether a rule's routes cover a request of which the log contains the API's route, not the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.rules.routes import ALL_ROUTES, read_route
from mtls_authorizer_cli.rules.what_if.route_coverage import covers

if TYPE_CHECKING:
    from mtls_authorizer.rules.routes import Routes


@pytest.mark.parametrize(
    ("route", "logged", "covered"),
    [
        ("GET /a", "GET /a", True),
        ("GET /a", "POST /a", False),
        ("GET /a", "GET /b", False),
        ("GET /a", "GET /a/b", False),
        ("GET /a/b", "GET /a", False),
        ("* /a", "PUT /a", True),
        ("GET /", "GET /", True),
        # Below a path.
        ("GET /a/*", "GET /a/{id}", True),
        ("GET /a/*", "GET /a/{id}/b", True),
        ("GET /a/*", "GET /a/{proxy+}", True),
        ("GET /a/*", "GET /a", False),
        ("GET /a/*", "GET /a/", False),
        ("GET /*", "GET /", True),
        ("GET /*", "GET /{proxy+}", True),
        ("GET /b/*", "GET /a/{id}", False),
        # The value of a path parameter is not logged.
        ("GET /a/1", "GET /a/{id}", None),
        ("GET /a/1/*", "GET /a/{id}/b", None),
        ("GET /a/1/*", "GET /a/{id}", False),
        ("GET /a/1/b", "GET /a/{id}/c", False),
        ("GET /a/1/b", "GET /a/{proxy+}", None),
        ("GET /a/b", "GET /{proxy+}", None),
        ("GET /a/b/*", "GET /{proxy+}", None),
        # Routes of any method, and for everything.
        ("* /a", "ANY /a", True),
        ("GET /a", "ANY /a", None),
        ("GET /a", "ANY /b", False),
        ("* /a/1", "ANY /a/{id}", None),
        ("* /*", "$default", None),
        ("* /*", "GET $default", None),
        ("* /*", None, None),
    ],
)
def test_routes_cover_a_request(route: str, logged: str | None, covered: bool | None) -> None:  # noqa: FBT001 -- a table
    assert covers(read_route(route), logged).value is covered
    assert covers(ALL_ROUTES, logged).value is True


def test_one_of_several_routes_is_enough() -> None:
    routes: Routes = ("GET/a/1", "GET/a/*")
    assert covers(routes, "GET /a/{id}").value is True
    assert covers(("GET/a/1", "GET/b"), "GET /a/{id}").missing == {"path"}
    assert covers(("GET/a",), "ANY /a").missing == {"method"}
    assert covers(("GET/a",), None).missing == {"route"}
