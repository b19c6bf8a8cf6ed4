"""Routes: what a pattern covers here is what its policy allows at API Gateway."""

from __future__ import annotations

import pytest

from local_gateway.policy import Effect, evaluate, wildcard_match
from mtls_authorizer.rules.routes import (
    LARGEST_POLICY,
    LONGEST_ROUTE,
    LONGEST_STAGE_ARN,
    METHODS,
    RouteError,
    permits,
    policy_size,
    read_route,
    resources,
)
from tests.api_events import STAGE_ARN


def by_policy(routes: list[str], invocation: str) -> bool:
    """Return whether API Gateway would let a request through, by the policy for some routes."""
    allowed, denied = resources(routes, STAGE_ARN)
    statements = [
        {"Action": "execute-api:Invoke", "Effect": effect, "Resource": listed}
        for effect, listed in (("Allow", allowed), ("Deny", denied))
    ]
    return evaluate({"Statement": statements}, f"{STAGE_ARN}/{invocation}") is Effect.ALLOW


@pytest.mark.parametrize(
    ("text", "routes"),
    [
        ("GET /", ["GET/"]),
        ("GET /*", ["GET/*"]),
        ("GET /payments", ["GET/payments"]),
        ("GET /payments/", ["GET/payments/"]),
        ("POST /payments/*", ["POST/payments/*"]),
        ("DELETE /a.b/c-d/e_f/~g", ["DELETE/a.b/c-d/e_f/~g"]),
        ("PUT /...", ["PUT/..."]),
        ("PATCH /a:b@c,d;e=f!g&h'(i)+j", ["PATCH/a:b@c,d;e=f!g&h'(i)+j"]),
        ("* /", [f"{method}/" for method in METHODS]),
        ("* /*", [f"{method}/*" for method in METHODS]),
    ],
)
def test_a_route_is_a_resource_for_each_of_its_methods(text: str, routes: list[str]) -> None:
    assert list(read_route(text)) == routes


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "*"])
def test_the_longest_route_makes_the_longest_resource_that_a_policy_takes(method: str) -> None:
    longest_method = "OPTIONS" if method == "*" else method
    path = "/" + "a" * (LONGEST_ROUTE - len(longest_method) - 1)
    allowed, denied = resources(read_route(f"{method} {path}"), "s" * LONGEST_STAGE_ARN)
    assert max(map(len, allowed)) == 512
    assert max(map(len, denied)) < 512
    with pytest.raises(RouteError, match="makes a resource of 312 characters: a policy takes 311"):
        read_route(f"{method} {path}a")


# Every way that anybody has got out of a path by, or has made one path look like another.
TRICKS = [
    *(
        "",
        "/",
        "/payments",
        "/payments/",
        "/payments/1",
        "/payments/1/",
        "/payments/a/b/c",
        "/payments//",
        "//payments/1",
    ),
    *("/Payments/1", "/PAYMENTS/1", "/payment", "/paymentsx", "/payments.json", "/payments?x", "/payments/?x=/../a"),
    *(
        "/payments/..",
        "/payments/../admin",
        "/payments/..;/admin",
        "/payments/.../x",
        "/payments/./1",
        "/payments/.hidden",
    ),
    *("/payments/%2e%2e/admin", "/payments/%2E%2e/admin", "/payments/.%2e/admin", "/payments/%252e%252e%252fadmin"),
    *(
        "/payments%2f1",
        "/payments%2F..%2Fadmin",
        "/payments/%5c..%5cadmin",
        "/payments/\\..\\admin",
        "/payments/..\\admin",
    ),
    *("/payments/*", "/*", "/payments/?", "/${aws:username}", "/payments/${context.path}", "/$default", "/{proxy+}"),
    *("/payments/\n", "/payments/\0", "/payments/é", "/payments/%20", "/payments/%00", "/payments/100%", "/payments/%"),
    *("/../other-api/prod/GET/payments/1", "/..", "/.", "/..payments", "/payments..", "/admin", "/admin/payments/1"),
    *("/payments/" + "a" * 2000, "/payments/1:arn:aws:execute-api:*:*:*"),
]
INVOCATIONS = [
    f"{method}{path}" for method in ("GET", "POST", "get", "ANY", "*", "?", "GET/x", "", "..") for path in TRICKS
]


@pytest.mark.parametrize(
    "route",
    [
        *("GET /", "GET /*", "GET /payments", "GET /payments/", "GET /payments/*", "POST /payments/1", "* /payments/*"),
        *("* /", "* /*", "GET /payments/...", "GET /payments/.../*", "GET /payments/a/b/*", "GET /..payments"),
    ],
)
def test_what_a_route_permits_is_what_its_policy_allows(route: str) -> None:
    routes = list(read_route(route))
    for invocation in INVOCATIONS:
        assert permits(routes, invocation) is by_policy(routes, invocation), invocation


@pytest.mark.parametrize(
    ("route", "permitted", "refused"),
    [
        (
            "GET /payments/*",
            [
                "/payments/",
                "/payments/1",
                "/payments/a/b",
                "/payments//",
                "/payments/./1",
                "/payments/*",
                "/payments/é",
            ],
            [
                *("/payments", "/paymentsx", "/Payments/1", "//payments/1", "/x/payments/1", "/payments?x", "/"),
                *(
                    "/payments/..",
                    "/payments/../admin",
                    "/payments/..;/admin",
                    "/payments/...",
                    "/payments/\\..\\admin",
                ),
                *(
                    "/payments/%2e%2E/admin",
                    "/payments/%2F",
                    "/payments/%5C",
                    "/payments/%252e%252e/admin",
                    "/payments%2f1",
                ),
            ],
        ),
        (
            "GET /payments",
            ["/payments"],
            ["/payments/", "/payments/1", "/payments?x", "/payments%2f", "/payments*", ""],
        ),
        ("GET /", ["/"], ["", "//", "/payments", "/*", "/?"]),
        ("GET /*", ["/", "/x", "//", "/x/y"], ["", "/x/../y", "/%2e", "/.."]),
    ],
)
def test_a_route_permits_its_own_paths_only(route: str, permitted: list[str], refused: list[str]) -> None:
    routes = list(read_route(route))
    for path in permitted:
        assert permits(routes, f"GET{path}"), path
        assert not permits(routes, f"POST{path}"), path
        assert not permits(routes, f"get{path}"), path
    for path in refused:
        assert not permits(routes, f"GET{path}"), path


def test_any_method_is_no_wildcard_within_a_path() -> None:
    routes = list(read_route("* /payments"))
    assert all(permits(routes, f"{method}/payments") for method in METHODS)
    for invocation in ("GET/admin/payments", "GET/x/payments", "TRACE/payments", "/payments", "G/payments"):
        assert not permits(routes, invocation)
        assert not by_policy(routes, invocation)


def test_no_routes_permit_nothing() -> None:
    assert not permits([], "GET/")


def test_a_policy_is_as_large_as_it_says_at_most() -> None:
    routes = [route for number in range(20) for route in read_route(f"* /payments/{number}/*")]
    assert policy_size(routes) == len(
        "".join(f'"{each}", ' for listed in resources(routes, "s" * 200) for each in listed)
    )
    assert policy_size(routes[:1]) < policy_size(routes[:2]) < LARGEST_POLICY
    # Too many routes are refused before they are read.
    assert policy_size([""] * (LARGEST_POLICY // LONGEST_STAGE_ARN + 1)) > LARGEST_POLICY


def test_the_policy_denies_every_way_out_below_any_path() -> None:
    _, denied = resources([], STAGE_ARN)
    for way in ("/..", "%2e", "%2E", "%2f", "%2F", "%5c", "%5C", "%25", "\\"):
        for invocation in (f"GET/x{way}", f"GET/x{way}/y", f"GET{way}", f"GET/x/y{way}z"):
            assert any(wildcard_match(each, f"{STAGE_ARN}/{invocation}") for each in denied)
    assert not any(wildcard_match(each, f"{STAGE_ARN}/GET/a.b/c..d/e%20f") for each in denied)


def test_the_error_names_all_methods_or_the_routes_first_40_characters() -> None:
    with pytest.raises(RouteError, match="one of GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE, or"):
        read_route("LIST /")
    with pytest.raises(RouteError, match=f"^'GET /{'x' * 35}'…"):
        read_route(f"GET /{'x' * 400}")
