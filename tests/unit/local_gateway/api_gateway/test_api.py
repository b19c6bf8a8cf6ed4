from __future__ import annotations

import pytest

from local_gateway.api_gateway.api import ApiKind
from local_gateway.deployment import sample_api

API = sample_api(ApiKind.REST)


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/hello", "/hello"),
        ("GET", "/layer-only", "/layer-only"),
        ("GET", "/hello/a", "/hello/{proxy+}"),
        ("DELETE", "/hello/a/b", "/hello/{proxy+}"),
        ("GET", "/hello/../layer-only", "/hello/{proxy+}"),
        ("GET", "/hello//", "/hello/{proxy+}"),
        ("POST", "/hello", None),
        ("POST", "/layer-only", None),
        ("GET", "/hello/", None),
        ("GET", "/Hello", None),
        ("GET", "/", None),
        ("GET", "", None),
        ("GET", "/*", None),
        ("GET", "/hell?", None),
        ("GET", "/hello%2Fa", None),
        ("GET", "/layer-only/a", None),
        ("GET", "/./hello", None),
        ("GET", "https://127.0.0.1/hello", None),
    ],
)
def test_a_request_has_the_first_route_that_matches_it(method: str, path: str, route: str | None) -> None:
    match = API.match(method, path)

    assert (match and match.route.path) == route


def test_path_variables_are_decoded() -> None:
    match = API.match("GET", "/hello/a%2Fb/%2A")

    assert match is not None
    assert match.path_parameters == {"proxy": "a/b/*"}


@pytest.mark.parametrize(
    ("kind", "arn"),
    [
        (ApiKind.REST, "arn:aws:execute-api:us-east-1:123456789012:restapi001/prod/GET/hello/%2A*?/.."),
        (ApiKind.HTTP_IAM, "arn:aws:execute-api:us-east-1:123456789012:httpapi001/$default/GET/hello/**?/.."),
        (ApiKind.HTTP_SIMPLE, "arn:aws:execute-api:us-east-1:123456789012:httpapi002/$default/GET/hello/**?/.."),
    ],
)
def test_the_arn_contains_the_path_that_the_client_chose(kind: ApiKind, arn: str) -> None:
    assert sample_api(kind).request_arn("GET", "/hello/%2A*?/..") == arn
