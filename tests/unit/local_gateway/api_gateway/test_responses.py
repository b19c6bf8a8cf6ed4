from __future__ import annotations

import json

import pytest

from local_gateway.api_gateway.api import ApiKind
from local_gateway.api_gateway.responses import (
    GatewayResponse,
    MalformedResponseError,
    gateway_response,
    integration_response,
)

HTTP_KINDS = (ApiKind.HTTP_IAM, ApiKind.HTTP_SIMPLE)


@pytest.mark.parametrize(
    ("response", "rest", "http"),
    [
        (GatewayResponse.NO_ROUTE, (403, {"message": "Missing Authentication Token"}), (404, "Not Found")),
        (GatewayResponse.UNAUTHORIZED, (401, {"message": "Unauthorized"}), (401, "Unauthorized")),
        (
            GatewayResponse.EXPLICIT_DENY,
            (403, {"Message": "User is not authorized to access this resource with an explicit deny"}),
            (403, "Forbidden"),
        ),
        (
            GatewayResponse.IMPLICIT_DENY,
            (403, {"Message": "User is not authorized to access this resource"}),
            (403, "Forbidden"),
        ),
        (GatewayResponse.AUTHORIZER_FAILURE, (500, {"message": None}), (500, "Internal Server Error")),
        (GatewayResponse.AUTHORIZER_CONFIGURATION_ERROR, (500, {"message": None}), (500, "Internal Server Error")),
        (
            GatewayResponse.INTEGRATION_FAILURE,
            (502, {"message": "Internal server error"}),
            (500, "Internal Server Error"),
        ),
    ],
)
def test_the_gateway_answers_as_each_kind_of_api_does(
    response: GatewayResponse, rest: tuple[int, object], http: tuple[int, str]
) -> None:
    rest_response = gateway_response(ApiKind.REST, response)
    http_responses = [gateway_response(kind, response) for kind in HTTP_KINDS]

    assert (rest_response.status_code, rest_response.json) == rest
    assert [(each.status_code, each.json) for each in http_responses] == [(http[0], {"message": http[1]})] * 2


@pytest.mark.parametrize("kind", ApiKind)
def test_a_long_uri_is_414(kind: ApiKind) -> None:
    assert gateway_response(kind, GatewayResponse.URI_TOO_LONG).status_code == 414


@pytest.mark.parametrize("kind", ApiKind)
@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ({"statusCode": 200, "body": "text"}, 200, b"text"),
        ({"statusCode": "201", "body": "text"}, 201, b"text"),
        ({"statusCode": 204}, 204, b""),
        ({"statusCode": 403, "body": None}, 403, b""),
        ({"statusCode": 200, "body": "grüße"}, 200, "grüße".encode()),
        ({"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}, 200, b"\xff\x00"),
    ],
)
def test_a_function_chooses_status_and_body(kind: ApiKind, answer: object, status: int, body: bytes) -> None:
    response = integration_response(kind, answer)

    assert (response.status_code, response.data) == (status, body)


def test_a_function_chooses_headers() -> None:
    answer = {
        "statusCode": 200,
        "headers": {"content-type": "text/html", "X-Number": 1},
        "multiValueHeaders": {"X-Many": ["a", "b"]},
        "cookies": ["a=1", "b=2"],
    }

    headers = integration_response(ApiKind.HTTP_IAM, answer).headers

    assert headers.getlist("Content-Type") == ["text/html"]
    assert headers["X-Number"] == "1"
    assert headers.getlist("X-Many") == ["a", "b"]
    assert headers.getlist("Set-Cookie") == ["a=1", "b=2"]


def test_the_default_content_type_is_json_on_rest_and_text_on_http_apis() -> None:
    types = [integration_response(kind, {"statusCode": 200, "body": "a"}).mimetype for kind in ApiKind]

    assert types == ["application/json", "text/plain", "text/plain"]


@pytest.mark.parametrize("answer", [None, "text", 1, ["a"], {}, {"message": "hello"}])
def test_an_answer_without_a_status_is_json_on_http_apis_and_an_error_on_rest(answer: object) -> None:
    for kind in HTTP_KINDS:
        response = integration_response(kind, answer)
        assert (response.status_code, response.mimetype) == (200, "application/json")
        assert json.loads(response.data) == answer

    with pytest.raises(MalformedResponseError):
        integration_response(ApiKind.REST, answer)


@pytest.mark.parametrize("kind", ApiKind)
@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": None},
        {"statusCode": "OK"},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": True},
        {"statusCode": 200, "body": {"a": "b"}},
        {"statusCode": 200, "body": 1},
        {"statusCode": 200, "body": "not base64", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"X-Name": "a\r\nX-Injected: b"}},
        {"statusCode": 200, "multiValueHeaders": {"X-Name": 1}},
        {"statusCode": 200, "multiValueHeaders": "text"},
        {"statusCode": 200, "cookies": 1},
    ],
)
def test_an_answer_that_is_no_http_response_is_malformed(kind: ApiKind, answer: object) -> None:
    with pytest.raises(MalformedResponseError):
        integration_response(kind, answer)
