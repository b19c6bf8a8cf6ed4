"""Routes: here they match the same requests as their policy at API Gateway."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import TYPE_CHECKING

import pytest

from local_gateway.api_gateway.policy import Effect, evaluate, wildcard_match
from mtls_authorizer.rules.routes import (
    ALL_ROUTES,
    LARGEST_POLICY,
    LONGEST_ROUTE,
    LONGEST_STAGE_ARN,
    METHODS,
    RouteError,
    Routes,
    combined_routes,
    is_never_permitted,
    permits,
    policy_size,
    read_route,
    resources,
)
from tests.aws.api_events import STAGE_ARN

if TYPE_CHECKING:
    from collections.abc import Collection


def by_policy(routes: tuple[str, ...], invocation: str) -> bool:
    """Return whether API Gateway allows a request, by the policy for routes."""
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
    path = "/" + "a" * (LONGEST_ROUTE - len(longest_method) - len("//*")) + "/*"
    allowed, denied = resources(read_route(f"{method} {path}"), "s" * LONGEST_STAGE_ARN)
    assert max(map(len, allowed)) == 512
    assert max(map(len, denied)) < 512
    with pytest.raises(RouteError, match="311 characters: the limit is 310"):
        read_route(f"{method} /a{path[1:]}")


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("GET", "is not a method and a path"),
        ("GET payments", "is not a method and a path"),
        ("FETCH /x", "does not start with a method"),
        ("GET /" + "x" * 400, "needs a resource of 404 characters"),
        ("GET /a /b", "characters other than"),
        ("GET /%20", "characters other than"),
        ("GET /a/./b", "contains the segment '.'"),
        ("GET /x/..", "contains the segment '..'"),
        ("GET /a//b", "contains the segment ''"),
        ("GET /a*/b", "would also match slashes"),
        ("GET /{id}", "contains a path parameter"),
    ],
)
def test_the_error_quotes_the_route_and_names_what_is_to_be_changed(text: str, fix: str) -> None:
    with pytest.raises(RouteError, match=re.escape(fix)) as raised:
        read_route(text)
    assert text[:40] in str(raised.value)


# Known ways to leave a path, or to make one path look like another.
TRICKS = [
    *("", "/", "/payments", "/payments/", "/payments/1"),
    *("/payments/1/", "/payments/a/b/c", "/payments//", "//payments/1"),
    *("/Payments/1", "/PAYMENTS/1", "/payment", "/paymentsx", "/payments.json", "/payments?x", "/payments/?x=/../a"),
    *("/payments/..", "/payments/../admin", "/payments/..;/admin"),
    *("/payments/.../x", "/payments/./1", "/payments/.hidden"),
    *("/payments/%2e%2e/admin", "/payments/%2E%2e/admin", "/payments/.%2e/admin", "/payments/%252e%252e%252fadmin"),
    *("/payments%2f1", "/payments%2F..%2Fadmin", "/payments/%5c..%5cadmin"),
    *("/payments/\\..\\admin", "/payments/..\\admin"),
    *("/payments/*", "/*", "/payments/?", "/${aws:username}", "/payments/${context.path}", "/$default", "/{proxy+}"),
    *("/payments/\n", "/payments/\0", "/payments/é", "/payments/%20", "/payments/%00", "/payments/100%", "/payments/%"),
    *("/../other-api/prod/GET/payments/1", "/..", "/.", "/..payments", "/payments..", "/admin", "/admin/payments/1"),
    *("/payments/" + "a" * 2000, "/payments/1:arn:aws:execute-api:*:*:*"),
]
INVOCATIONS = [
    f"{method}{path}" for method in ("GET", "POST", "get", "ANY", "*", "?", "GET/x", "", "..") for path in TRICKS
]


@pytest.mark.without_coverage
@pytest.mark.parametrize(
    "route",
    [
        *("GET /", "GET /*", "GET /payments", "GET /payments/", "GET /payments/*", "POST /payments/1", "* /payments/*"),
        *("* /", "* /*", "GET /payments/...", "GET /payments/.../*", "GET /payments/a/b/*", "GET /..payments"),
    ],
)
def test_a_route_permits_the_requests_that_its_policy_allows(route: str) -> None:
    routes = read_route(route)
    for invocation in INVOCATIONS:
        assert permits(routes, invocation) is by_policy(routes, invocation), invocation


@pytest.mark.parametrize(
    ("route", "permitted", "refused"),
    [
        (
            "GET /payments/*",
            [
                *("/payments/1", "/payments/1/", "/payments/a/b", "/payments/a/b/", "/payments/*", "/payments/é"),
                *("/payments/.hidden", "/payments/a..b", "/payments/a%20b", "/payments/%C3%A9", "/payments/~a;b=c"),
                *("/payments/%E0%A4%85", "/payments/%D0%80", "/payments/%F0%90%80%80", "/payments/%F0%9F%98%80"),
                # Policies cannot express what is not hexadecimal.
                *("/payments/%zz", "/payments/%2", "/payments/%"),
            ],
            [
                *("/payments", "/payments/", "/paymentsx", "/Payments/1", "/x/payments/1", "/payments?x", "/"),
                *("/payments//", "//payments/1", "/payments//1", "/payments/1//", "/payments%2f1"),
                *("/payments/.", "/payments/./", "/payments/./1", "/payments/1/.", "/payments/.;/1", "/payments/.;"),
                *("/payments/..", "/payments/../admin", "/payments/..;/admin", "/payments/...", "/payments/1/.."),
                *("/payments/\\..\\admin", "/payments/%5C", "/payments/%5c..%5cadmin", "/payments/#", "/payments/%23"),
                *("/payments/%2e%2E/admin", "/payments/%2F", "/payments/%252e%252e/admin", "/payments/%3fx"),
                *("/payments/\n../admin", "/payments/1\n//", "/payments/\n1\n2"),
                *("/payments/\t../admin", "/payments/%09../admin", "/payments/.%0a./admin", "/payments/.%0D./admin"),
                *("/payments/%%32%65%%32%65/admin", "/payments/%2%65%2%65/admin", "/payments/%u002e%u002e/admin"),
                *("/payments/%c0%ae%c0%ae/admin", "/payments/%C1%9c", "/payments/%7F", "/payments/%c2%85"),
                *("/payments/%e0%80%ae%E0%80%AE/admin", "/payments/%E0%9f%BF", "/payments/%f0%80%80%afx"),
                *("/payments/%F8%80%80%80%ae/admin", "/payments/%fc%80%80%80%80%ae/admin"),
                *("/payments/%Fc%80%80%80%80%aE/admin", "/payments/%fC%80%80%80%80%Ae/admin"),
                *("/payments/ ", "/payments/%20", "/payments/%20/..", "/payments/\x00", "/payments/\x7f"),
            ],
        ),
        (
            "GET /payments",
            ["/payments"],
            ["/payments/", "/payments/1", "/payments?x", "/payments%2f", "/payments*", ""],
        ),
        ("GET /", ["/"], ["", "//", "/payments", "/*", "/?"]),
        ("GET /status/", ["/status/"], ["/status", "/status//", "/status/x"]),
        ("GET /*", ["/", "/x", "/x/y", "/x/"], ["", "//", "/x/../y", "/%2e", "/.."]),
    ],
)
def test_a_route_permits_its_own_paths_only(route: str, permitted: list[str], refused: list[str]) -> None:
    routes = read_route(route)
    for path in permitted:
        assert permits(routes, f"GET{path}"), path
        assert not permits(routes, f"POST{path}"), path
        assert not permits(routes, f"get{path}"), path
    for path in refused:
        assert not permits(routes, f"GET{path}"), path


def escapes(text: str | bytes) -> set[str]:
    """Return the percent-encodings of octets, with each hexadecimal digit in either case."""
    encoded = "".join(f"%{octet:02x}" for octet in (text.encode() if isinstance(text, str) else text))
    return set(map("".join, product(*({digit, digit.upper()} for digit in encoded))))


CONTROL_CHARACTERS = [chr(code) for code in (*range(0x20), 0x7F)]
OVERLONG = [
    *(bytes((first, second)) for first in (0xC0, 0xC1) for second in (0x80, 0xAE, 0xBF)),
    *(bytes((0xE0, second, 0xAE)) for second in range(0x80, 0xA0)),
    *(bytes((0xF0, second, 0x80, 0xAE)) for second in range(0x80, 0x90)),
    *(bytes((0xF8, second, 0x80, 0x80, 0xAE)) for second in range(0x80, 0x88)),
    *(bytes((0xFC, second, 0x80, 0x80, 0x80, 0xAE)) for second in range(0x80, 0x84)),
]
"""The first octet of UTF-8 whose second octet says that there are too many (RFC 3629 §3), and others after it."""


@pytest.mark.parametrize(
    "ambiguous",
    [
        *(["//", "/./", "/../"], ["/;", "/.;"], ["\\"], ["/ ", "/%20", "/..", "/. ", "/.%20"], ["#"]),
        CONTROL_CHARACTERS,
        *(escapes(each) for each in CONTROL_CHARACTERS),
        *(escapes(chr(code)) for code in range(0x80, 0xA0)),
        *(escapes(each) for each in "./\\;?#%"),
        ["%%", "%2%65", "%2%45", "%a%6", "%u002e", "%U002E"],
        *map(escapes, OVERLONG),
    ],
)
def test_a_client_with_limited_routes_may_call_no_path_that_a_server_may_resolve_to_another(
    ambiguous: Collection[str],
) -> None:
    routes = read_route("GET /payments/*")
    assert permits(routes, "GET/payments/xy")
    assert [each for each in ambiguous if permits(routes, f"GET/payments/x{each}y")] == []


def test_any_method_is_not_a_wildcard_within_a_path() -> None:
    routes = read_route("* /payments")
    assert all(permits(routes, f"{method}/payments") for method in METHODS)
    for invocation in ("GET/admin/payments", "GET/x/payments", "TRACE/payments", "/payments", "G/payments"):
        assert not permits(routes, invocation)
        assert not by_policy(routes, invocation)


def test_a_route_is_never_permitted_only_if_it_permits_no_request() -> None:
    paths = {f"/{''.join(characters)}" for length in range(6) for characters in product("/.;a*", repeat=length)}
    results = set()
    for path in paths:
        try:
            routes = read_route(f"GET {path}")
        except RouteError:
            continue
        # A letter makes no path ambiguous, so if any path below a route is permitted, so is this one.
        permitted = permits(routes, f"GET{path.replace('*', 'a')}")
        assert is_never_permitted(f"GET {path}") is not permitted, path
        results.add(permitted)
    assert results == {True, False}


def test_no_route_permits_no_request() -> None:
    assert not permits((), "GET/")


def test_the_size_of_a_policy_is_that_of_its_resources() -> None:
    routes = [route for number in range(20) for route in read_route(f"* /payments/{number}/*")]
    exact = len(json.dumps(resources(routes, "s" * LONGEST_STAGE_ARN)))
    assert exact - len("[[], ]") <= policy_size(routes) <= exact
    assert policy_size(routes[:1]) < policy_size(routes[:2]) < LARGEST_POLICY
    # Too many routes are rejected before they are read.
    assert policy_size([""] * (LARGEST_POLICY // LONGEST_STAGE_ARN + 1)) > LARGEST_POLICY


def test_the_policy_denies_path_traversal_below_any_path() -> None:
    _, denied = resources([], STAGE_ARN)
    for way in ("/..", "//", "%2e", "%2E", "%2f", "%2F", "%5c", "%5C", "%25", "\\", "%%", "%2%", "%0a", "\t"):
        for invocation in (f"GET/x{way}", f"GET/x{way}/y", f"GET{way}", f"GET/x/y{way}z"):
            assert any(wildcard_match(each, f"{STAGE_ARN}/{invocation}") for each in denied)
    assert not any(wildcard_match(each, f"{STAGE_ARN}/GET/a.b/c..d/e%20f") for each in denied)


def test_the_error_names_all_methods_or_the_routes_first_40_characters() -> None:
    with pytest.raises(RouteError, match="one of GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE, or"):
        read_route("LIST /")
    with pytest.raises(RouteError, match=f"^'GET /{'x' * 35}'…"):
        read_route(f"GET /{'x' * 400}")


def test_all_routes_include_every_path_of_the_stage() -> None:
    policy = {"Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{STAGE_ARN}/*"}]}
    for invocation in INVOCATIONS:
        assert evaluate(policy, f"{STAGE_ARN}/{invocation}") is Effect.ALLOW, invocation
        assert permits(ALL_ROUTES, invocation), invocation


@pytest.mark.parametrize(
    ("routes", "combined"),
    [
        ([], ()),
        ([()], ()),
        ([("GET/a", "GET/b"), ("GET/b", "GET/a", "GET/c")], ("GET/a", "GET/b", "GET/c")),
        ([ALL_ROUTES], ALL_ROUTES),
        ([("GET/a",), ALL_ROUTES], ALL_ROUTES),
        ([ALL_ROUTES, ()], ALL_ROUTES),
    ],
)
def test_combined_routes_are_those_of_all_rules_without_duplicates(routes: list[Routes], combined: Routes) -> None:
    assert combined_routes(routes) == combined
