"""Resource policies of functions, as far as they are about API Gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mtls_authorizer_cli.doctor.account.permission import invoke_statements

ACCOUNT = "123456789012"
SOURCE = f"arn:aws:execute-api:eu-central-1:{ACCOUNT}:a1b2c3d4e5/authorizers/x1y2z3"
API_GATEWAY = {"Service": "apigateway.amazonaws.com"}


def statement(**members: object) -> dict[str, Any]:
    defaults = {"Sid": "a", "Effect": "Allow", "Principal": API_GATEWAY, "Action": "lambda:InvokeFunction"}
    return {**defaults, **members}


def condition(operator: str, key: str, *patterns: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(patterns) if len(patterns) > 1 else patterns[0]}}}


@pytest.mark.parametrize(
    "given",
    [
        statement(),
        statement(Principal="*"),
        statement(Principal={"Service": ["events.amazonaws.com", "apigateway.amazonaws.com"]}),
        statement(Action=["lambda:GetFunction", "lambda:Invoke*"]),
        statement(Action="lambda:*"),
        statement(**condition("ArnLike", "AWS:SourceArn", SOURCE)),
        statement(**condition("ArnLike", "aws:SourceArn", "arn:aws:execute-api:*:*:other/*", f"{SOURCE[:-6]}*")),
        statement(**condition("StringLike", "AWS:SourceArn", f"{SOURCE[:-1]}?")),
        statement(**condition("StringEquals", "AWS:SourceAccount", ACCOUNT)),
    ],
)
def test_a_statement_permits_the_authorizer(given: dict[str, Any]) -> None:
    (found,) = invoke_statements(json.dumps({"Statement": given}))
    assert found.permits(SOURCE, ACCOUNT)
    assert found.is_open(SOURCE) == ("Condition" not in given)


@pytest.mark.parametrize(
    ("given", "is_open"),
    [
        (condition("ArnLike", "AWS:SourceArn", "*"), True),
        (condition("ArnLike", "AWS:SourceArn", "arn:aws:execute-api:eu-central-1:*:*"), True),
        (condition("ArnLike", "AWS:SourceArn", SOURCE, "arn:aws:execute-api:*:*:*/authorizers/*"), True),
        (condition("StringLike", "AWS:SourceAccount", "*"), True),
        (condition("ArnLike", "AWS:SourceArn", f"arn:aws:execute-api:*:{ACCOUNT}:*"), False),
        (condition("ArnLike", "AWS:SourceArn", "arn:aws:execute-api:*:*:a1b2c3d4e5/*"), False),
    ],
)
def test_a_statement_whose_wildcards_match_other_accounts_is_open(given: dict[str, Any], *, is_open: bool) -> None:
    (found,) = invoke_statements(json.dumps({"Statement": [statement(**given)]}))
    assert found.is_open(SOURCE) is is_open


@pytest.mark.parametrize(
    "given",
    [
        statement(**condition("ArnLike", "AWS:SourceArn", SOURCE.replace("a1b2", "b1b2"))),
        statement(**condition("StringEquals", "AWS:SourceArn", f"{SOURCE[:-6]}*")),
        statement(**condition("StringEquals", "AWS:SourceAccount", "210987654321")),
    ],
)
def test_a_statement_permits_something_else(given: dict[str, Any]) -> None:
    (found,) = invoke_statements(json.dumps({"Statement": [given]}))
    assert found.is_decidable
    assert not found.permits(SOURCE, ACCOUNT)


@pytest.mark.parametrize(
    "given",
    [
        statement(Effect="Deny"),
        statement(Action="lambda:GetFunction"),
        statement(Principal={"Service": "events.amazonaws.com"}),
        statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
    ],
)
def test_a_statement_about_others_is_left_out(given: dict[str, Any]) -> None:
    assert invoke_statements(json.dumps({"Statement": [given]})) == []


def test_a_statement_with_another_condition_is_not_decided() -> None:
    given = statement(**condition("StringEquals", "aws:PrincipalOrgID", "o-1"))
    (found,) = invoke_statements(json.dumps({"Statement": [given]}))
    assert not found.is_decidable
    assert not found.permits(SOURCE, ACCOUNT)
    assert not found.is_open(SOURCE)
