from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_gateway.api_gateway.api import ApiKind
from local_gateway.api_gateway.policy import (
    Authorization,
    Effect,
    MalformedAuthorizationError,
    evaluate,
    evaluate_response,
    wildcard_match,
)

ARN = "arn:aws:execute-api:us-east-1:123456789012:restapi001/prod/GET/hello"


def statement(
    effect: str = "Allow", resource: object = ARN, action: object = "execute-api:Invoke"
) -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Resource": resource}


def policy(*statements: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (ARN, True),
        ("*", True),
        ("arn:aws:execute-api:*", True),
        ("arn:*/prod/*/*", True),
        ("arn:aws:execute-api:us-east-1:123456789012:restapi001/*/hello", True),
        ("arn:aws:execute-api:us-east-1:123456789012:restapi001/prod/???/hello", True),
        ("arn:aws:execute-api:us-east-1:123456789012:restapi001?prod?GET?hello", True),
        (ARN + "*", True),
        (ARN + "?", False),
        (ARN + "/*", False),
        (ARN[:-1], False),
        (ARN.upper(), False),
        ("arn.aws:execute-api:*", False),
        ("arn:[a]ws:execute-api:*", False),
        ("", False),
    ],
)
def test_a_resource_matches_the_whole_arn(pattern: str, *, matches: bool) -> None:
    assert wildcard_match(pattern, ARN) is matches


@pytest.mark.parametrize("path", ["*", "?", "..", "%2F", "a\nb", ".*", "hell?"])
def test_wildcards_in_the_request_are_ordinary_characters(path: str) -> None:
    asked = ARN.replace("hello", path)

    assert evaluate(policy(statement(resource=ARN)), asked) is Effect.IMPLICIT_DENY
    assert evaluate(policy(statement(resource=ARN.replace("hello", "*"))), asked) is Effect.ALLOW


@pytest.mark.parametrize(
    ("statements", "effect"),
    [
        ([statement("Allow")], Effect.ALLOW),
        ([statement("Deny")], Effect.EXPLICIT_DENY),
        ([statement("Allow"), statement("Deny")], Effect.EXPLICIT_DENY),
        ([statement("Deny"), statement("Allow")], Effect.EXPLICIT_DENY),
        ([statement("Allow"), statement("Deny", resource="arn:other")], Effect.ALLOW),
        ([statement("Allow", resource="arn:other")], Effect.IMPLICIT_DENY),
        ([statement("Deny", resource="arn:other")], Effect.IMPLICIT_DENY),
        ([statement("Allow", resource=["arn:other", ARN])], Effect.ALLOW),
        ([statement("Allow", action="*")], Effect.ALLOW),
        ([statement("Allow", action="execute-api:*")], Effect.ALLOW),
        ([statement("Allow", action="Execute-API:invoke")], Effect.ALLOW),
        ([statement("Allow", action=["s3:GetObject", "execute-api:Invoke"])], Effect.ALLOW),
        ([statement("Allow", action="execute-api:ManageConnections")], Effect.IMPLICIT_DENY),
        ([statement("Deny", action="s3:*"), statement("Allow")], Effect.ALLOW),
        ([{"Sid": "one", **statement("Allow")}], Effect.ALLOW),
    ],
)
def test_an_explicit_deny_takes_precedence_and_no_match_is_a_deny(statements: list[object], effect: Effect) -> None:
    assert evaluate(policy(*statements), ARN) is effect


def test_a_single_statement_needs_no_list() -> None:
    assert evaluate({"Statement": statement()}, ARN) is Effect.ALLOW


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "Allow",
        {},
        {"Statement": []},
        {"Statement": "Allow"},
        policy(None),
        policy("Allow"),
        policy({}),
        policy(statement("allow")),
        policy(statement("")),
        policy({**statement(), "Effect": ["Allow"]}),
        policy(statement(resource=None)),
        policy(statement(resource=[])),
        policy(statement(resource=[ARN, 1])),
        policy(statement(resource={"Fn::Sub": "*"})),
        policy(statement(action=None)),
        policy(statement(action=[])),
        policy({"Effect": "Allow", "Action": "*"}),
        policy({"Effect": "Allow", "Resource": "*"}),
        policy({**statement(), "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}),
        policy({**statement(), "NotResource": "*"}),
        policy({**statement(), "NotAction": "*"}),
        policy(statement(resource="*" * 513)),
        policy(statement("Allow"), {}),
        policy(statement("Deny"), {}),
    ],
)
def test_a_policy_that_is_not_understood_is_malformed(document: object) -> None:
    with pytest.raises(MalformedAuthorizationError):
        evaluate(document, ARN)


def test_the_keys_that_a_statement_may_have_are_named() -> None:
    with pytest.raises(MalformedAuthorizationError, match="more than Action, Effect, Resource, Sid"):
        evaluate(policy({**statement(), "NotAction": "*"}), ARN)


def test_a_resource_may_have_512_characters() -> None:
    assert evaluate(policy(statement(resource="*" * 512)), ARN) is Effect.ALLOW


TEXT = st.text("ab/:*?.\n", max_size=6)
STATEMENT = st.builds(statement, st.sampled_from(["Allow", "Deny"]), st.lists(TEXT, min_size=1, max_size=3) | TEXT)


def matches_by_definition(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches_by_definition(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and matches_by_definition(pattern[1:], text[1:])


@given(TEXT, TEXT)
def test_wildcards_match_by_definition(pattern: str, text: str) -> None:
    assert wildcard_match(pattern, text) is matches_by_definition(pattern, text)


@given(st.lists(STATEMENT, min_size=1, max_size=4), TEXT)
def test_policies_are_evaluated_by_definition(statements: list[dict[str, Any]], arn: str) -> None:
    about_it = {
        each["Effect"]
        for each in statements
        for resource in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
        if matches_by_definition(resource, arn)
    }
    expected = Effect.IMPLICIT_DENY
    if "Allow" in about_it:
        expected = Effect.ALLOW
    if "Deny" in about_it:
        expected = Effect.EXPLICIT_DENY
    assert evaluate(policy(*statements), arn) is expected


def iam_answer(**changes: object) -> dict[str, object]:
    return {"principalId": "client", "policyDocument": policy(statement()), **changes}


def test_an_iam_answer_gives_principal_and_context() -> None:
    answer = iam_answer(context={"text": "a", "number": 1, "fraction": 0.5, "flag": True})

    verdict = Authorization(Effect.ALLOW, {"text": "a", "number": 1, "fraction": 0.5, "flag": True}, "client")
    assert evaluate_response(answer, ApiKind.REST, ARN) == verdict
    assert evaluate_response(answer, ApiKind.HTTP_IAM, ARN) == verdict


def test_a_context_is_optional() -> None:
    assert evaluate_response(iam_answer(), ApiKind.REST, ARN).context == {}
    assert evaluate_response({"isAuthorized": True}, ApiKind.HTTP_SIMPLE, ARN) == Authorization(Effect.ALLOW, {})


@pytest.mark.parametrize("value", [None, [], ["a"], {}, {"a": "b"}])
def test_context_values_are_scalars_on_rest_and_anything_on_http_apis(value: object) -> None:
    with pytest.raises(MalformedAuthorizationError, match="key in context"):
        evaluate_response(iam_answer(context={"key": value}), ApiKind.REST, ARN)

    assert evaluate_response(iam_answer(context={"key": value}), ApiKind.HTTP_IAM, ARN).context == {"key": value}


@pytest.mark.parametrize("kind", [ApiKind.REST, ApiKind.HTTP_IAM])
@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        "Allow",
        [],
        {},
        {"isAuthorized": True},
        {"principalId": "client"},
        {"policyDocument": policy(statement())},
        iam_answer(principalId=None),
        iam_answer(principalId=""),
        iam_answer(principalId=1),
        iam_answer(policyDocument=None),
        iam_answer(context=None),
        iam_answer(context=[]),
        iam_answer(context="text"),
    ],
)
def test_an_answer_that_is_no_iam_policy_is_malformed(answer: object, kind: ApiKind) -> None:
    with pytest.raises(MalformedAuthorizationError):
        evaluate_response(answer, kind, ARN)


@pytest.mark.parametrize(
    "answer",
    [None, True, [], {}, {"isAuthorized": "true"}, {"isAuthorized": 1}, {"isAuthorized": None}, iam_answer()],
)
def test_an_answer_that_is_no_simple_response_is_malformed(answer: object) -> None:
    with pytest.raises(MalformedAuthorizationError):
        evaluate_response(answer, ApiKind.HTTP_SIMPLE, ARN)


def test_a_simple_response_allows_or_denies() -> None:
    context = {"list": ["a"], "text": "b"}

    assert evaluate_response({"isAuthorized": True, "context": context}, ApiKind.HTTP_SIMPLE, ARN) == Authorization(
        Effect.ALLOW, context
    )
    assert evaluate_response({"isAuthorized": False}, ApiKind.HTTP_SIMPLE, ARN).effect is Effect.EXPLICIT_DENY
