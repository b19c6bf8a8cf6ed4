from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from mtls_authorizer.request.event import UnsupportedEventError, read_request
from mtls_authorizer.rules.routes import LONGEST_STAGE_ARN
from tests.aws.api_events import STAGE_ARN, client_cert, http_1_0_event, http_2_0_event, rest_event
from tests.strategies import json_values

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("event", "event_format", "request_id"),
    [
        (rest_event(), "rest", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"),
        (http_1_0_event(), "http-1.0", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"),
        (http_2_0_event(), "http-2.0", "JKJaXmPLvHcESHA="),
    ],
)
def test_the_three_events_are_told_apart(event: dict[str, Any], event_format: str, request_id: str) -> None:
    request = read_request(event)
    assert request.event_format == event_format
    assert request.stage_arn == STAGE_ARN
    assert request.invocation == "GET/hello"
    assert request.request_id == request_id
    assert request.route == "GET /hello"


@pytest.mark.parametrize(
    "stage",
    [
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$default",
        "arn:aws-cn:execute-api:cn-north-1:123456789012:abcdef1234/prod",
        "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/test-invoke-stage",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/ESTestInvoke-stage",
        "arn:aws-eusc:execute-api:eusc-de-east-1:123456789012:abcdef1234/prod",
        "arn:aws-iso-b:execute-api:us-isob-east-1:123456789012:abcdef1234/v1_0",
        f"arn:aws:execute-api:us-east-1:123456789012:abcdef1234/{'s' * 128}",
    ],
)
@pytest.mark.parametrize("rest", ["/GET/hello", "/GET/", "/*/*", "/$disconnect", "/GET/a/../../../other/*", "/GET/\n"])
def test_the_arn_is_that_of_the_stage_with_method_and_path(stage: str, rest: str) -> None:
    for request in (
        read_request(rest_event(methodArn=stage + rest)),
        read_request(http_2_0_event(routeArn=stage + rest)),
    ):
        assert request.stage_arn == stage
        assert request.invocation == rest[1:]


@pytest.mark.parametrize(
    "arn",
    [
        *(None, "", 7, [], "*", "arn:aws:execute-api:*:*:*/*"),
        "arn:aws:execute-api:us-east-1:123456789012:*/prod/GET/a",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/*/GET/a",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/pr?d/GET/a",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$other/GET/a",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234",
        "/arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/a",
        "//",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod\n/GET/a",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234//GET/a",
        "arn:aws:execute-api:us-east-1:12345678901:abcdef1234/prod/GET/a",
        "arn:aws:lambda:us-east-1:123456789012:function:x/prod/GET/a",
        "arn:evil:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/a",
        " arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/a",
        f"arn:aws:execute-api:us-east-1:123456789012:abcdef1234/{'s' * 512}/GET/a",
    ],
)
def test_an_arn_without_a_stage_is_an_error(arn: object) -> None:
    for event in (rest_event(methodArn=arn), http_1_0_event(methodArn=arn), http_2_0_event(routeArn=arn)):
        with pytest.raises(UnsupportedEventError, match="not an execute-api ARN"):
            read_request(event)


def test_a_stage_has_no_longer_an_arn_than_aws_gives_it() -> None:
    start = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/"
    longest = start + "s" * (LONGEST_STAGE_ARN - len(start))
    assert read_request(rest_event(methodArn=f"{longest}/GET/a")).stage_arn == longest
    with pytest.raises(UnsupportedEventError):
        read_request(rest_event(methodArn=f"{longest}s/GET/a"))


WEBSOCKET_EVENT = {
    "type": "REQUEST",
    "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/production/$connect",
    "headers": {"Connection": "upgrade", "Host": "abcdef1234.execute-api.us-east-1.amazonaws.com"},
    "requestContext": {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "extendedRequestId": "FDmBIG3EoAMEqYA=",
        "stage": "production",
        "identity": {"sourceIp": "192.0.2.1", **client_cert("PEM")},
        "connectionId": "FDmBIeapIAMCIQg=",
        "apiId": "abcdef1234",
    },
}


def without(event: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in keys}


@pytest.mark.parametrize(
    "event",
    [
        *(None, [], "event", 7, {}, {"type": "REQUEST"}, {"type": "REQUEST", "version": "2.0"}),
        WEBSOCKET_EVENT,
        rest_event(type="TOKEN", authorizationToken="x"),
        rest_event(type="request"),
        rest_event(version="3.0"),
        rest_event(version=None),
        rest_event(version=2.0),
        rest_event(httpMethod=None),
        rest_event(requestContext=None),
        rest_event(requestContext="x"),
        http_2_0_event(requestContext=[]),
        http_2_0_event(version="1.0"),
        without(rest_event(), "type"),
        without(rest_event(), "httpMethod"),
        without(rest_event(), "requestContext"),
        without(rest_event(), "methodArn"),
        without(http_2_0_event(), "version"),
        without(http_2_0_event(), "routeArn"),
    ],
)
def test_an_event_of_another_kind_is_an_error(event: object) -> None:
    with pytest.raises(UnsupportedEventError):
        read_request(event)


@given(json_values)
def test_nothing_but_an_authorizers_event_is_read(event: object) -> None:
    with pytest.raises(UnsupportedEventError):
        read_request(event)


@pytest.mark.parametrize("make_event", [rest_event, http_1_0_event, http_2_0_event])
@given(value=json_values)
def test_values_that_are_only_logged_may_be_anything(make_event: Callable[..., dict[str, Any]], value: object) -> None:
    event = make_event(routeKey=value, resource=value, path=value, rawPath=value, headers=value)
    event["requestContext"]["requestId"] = value
    request = read_request(event)
    for logged in (request.request_id, request.route):
        assert logged is None or logged.encode() is not None


def test_a_lone_surrogate_is_escaped() -> None:
    assert read_request(rest_event(method="\ud800")).route == r"\ud800 /hello"


def test_an_event_with_a_version_is_not_from_a_rest_api() -> None:
    for version in ("3.0", "", None, 2.0):
        with pytest.raises(UnsupportedEventError):
            read_request(rest_event(version=version))


def test_the_error_is_never_the_word_that_makes_a_401() -> None:
    with pytest.raises(UnsupportedEventError) as error:
        read_request(None)
    assert str(error.value) != "Unauthorized"


@pytest.mark.parametrize("make_event", [rest_event, http_1_0_event, http_2_0_event])
def test_the_clients_address_is_read_from_every_event(make_event: Callable[..., dict[str, Any]]) -> None:
    assert read_request(make_event()).source_ip == "192.0.2.1"


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (rest_event(type="TOKEN"), "not an event of a Lambda authorizer of type REQUEST"),
        (rest_event(version="3.0"), "neither an event of a REST API nor one of an HTTP API"),
    ],
)
def test_the_error_names_the_expected_kinds_of_events(event: object, problem: str) -> None:
    with pytest.raises(UnsupportedEventError, match=problem):
        read_request(event)


@pytest.mark.parametrize(
    ("sources", "values"),
    [(None, []), ("", []), ("a", ["a"]), ("a,b.example", ["a", "b.example"]), (["a,b", "c"], ["a,b", "c"])],
)
def test_the_identity_sources_are_a_list_or_text_with_commas(sources: object, values: list[str]) -> None:
    request = read_request(http_1_0_event("") | {"identitySource": sources, "requestContext": {"domainName": "b"}})
    assert request.identity_sources == values
    # Part of a value is not a value.
    assert request.may_be_cached_for_other_domain_names is bool(values)
