"""``--function``: the variables of a deployed function, read from Lambda's API, and its region."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.opener import open_store
from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.configuration.variables import read_environment
from tests.aws.lambda_functions import deploy, publish
from tests.aws.server import ACCOUNT, REGION
from tests.servers.faulty_proxy import answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import FaultyProxy

OTHER_REGION = "us-east-1"
MEMORY = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}
"""As Lambda sets it: it limits the size of CRLs."""

LIVE, NEWER = {"ALLOWED_COMMON_NAMES": "published"}, {"ALLOWED_COMMON_NAMES": "newer"}


def options(function: str) -> argparse.Namespace:
    return argparse.Namespace(function=function, env_file=None)


@pytest.fixture
def functions(aws: AwsServer) -> Iterator[AwsServer]:
    deploy(aws, "authorizer", LIVE)
    publish(aws, "authorizer", "live")
    deploy(aws, "authorizer", NEWER)
    deploy(aws, "abroad", {}, OTHER_REGION)
    yield aws
    for region, name in ((REGION, "authorizer"), (OTHER_REGION, "abroad")):
        aws.client_in(region, "lambda").delete_function(FunctionName=name)


@pytest.mark.parametrize(("suffix", "variables"), [("", NEWER), (":live", LIVE), (":1", LIVE)])
@pytest.mark.parametrize("prefix", ["", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"])
@pytest.mark.usefixtures("functions")
def test_the_variables_are_those_of_the_alias_or_version(prefix: str, suffix: str, variables: dict[str, str]) -> None:
    assert read_environment(options(f"{prefix}authorizer{suffix}"), {"SHELL": "x"}) == variables | MEMORY


@pytest.mark.usefixtures("functions")
def test_the_page_of_a_proxy_is_not_a_function_without_variables(proxy: FaultyProxy) -> None:
    proxy.fault = answer(200, b"<html>This site is blocked</html>", Content_Type="text/html")
    with pytest.raises(CommandError, match="function authorizer: unreadable response"):
        read_environment(options("authorizer"), {})


@pytest.mark.usefixtures("new_clients")
def test_stores_use_the_region_of_the_function(functions: AwsServer) -> None:
    functions.client_in(OTHER_REGION, "ssm").put_parameter(Name="/rules", Value="abroad", Type="String")
    assert read_environment(options(f"arn:aws:lambda:{OTHER_REGION}:{ACCOUNT}:function:abroad"), {}) == MEMORY
    fetched = open_store("ssm:///rules", max_bytes=100, bucket_owner=None).fetch(None)
    assert fetched is not None
    assert fetched.content == b"abroad"


@pytest.mark.usefixtures("functions")
def test_errors_name_the_function_and_the_next_step(proxy: FaultyProxy) -> None:
    def error(name: str) -> str:
        with pytest.raises(CommandError) as raised:
            read_environment(options(name), {})
        return str(raised.value)

    for missing in ("other", "authorizer:other"):
        assert error(missing).startswith(
            f"function {missing}: ResourceNotFoundException: there is no such function, alias or version in {REGION}. "
            "To list them: "
        )
    assert error("a b").startswith("function 'a b': write its name or ARN")
    assert error("arn:aws:lambda:eu:1:function:x").startswith("function 'arn:")
    proxy.fault = answer(403, b"{}", x_amzn_ErrorType="AccessDeniedException")
    message = error("authorizer")
    assert message.startswith("function authorizer: AccessDeniedException (HTTP status 403): you need the permission ")
    assert message.endswith(f"aws sts get-caller-identity --region {REGION}")


@pytest.mark.usefixtures("functions")
def test_variables_that_cannot_be_decrypted_are_an_error(proxy: FaultyProxy) -> None:
    # As in the model of Lambda's API: EnvironmentResponse, EnvironmentError.
    environment = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt"}}
    body = {"FunctionName": "authorizer", "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:authorizer"}
    proxy.fault = answer(200, json.dumps({**body, "Environment": environment}).encode())
    with pytest.raises(CommandError, match=r"cannot decrypt its variables \(AccessDeniedException\). You need the"):
        read_environment(options("authorizer"), {})


@pytest.mark.usefixtures("aws", "new_clients")
def test_a_missing_region_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(CommandError, match="function authorizer: no AWS region"):
        read_environment(options("authorizer"), {})
