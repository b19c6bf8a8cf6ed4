"""The modules that attach the authorizer to an API, and the example that uses them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.reasons import DenyReason
from tests.integration.terraform.evaluator import MODULES, Module, attributes, blocks, labels, parse
from tests.integration.terraform.extract_schema import EXAMPLES
from tests.integration.terraform.modules import module, plain, resource

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = MODULES.parents[1]
API = {"id": "abc", "execution_arn": "arn:aws:execute-api:eu-central-1:123456789012:abc"}
FUNCTION_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:authorizer"
ARN = f"{FUNCTION_ARN}:live"
URI = f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{ARN}/invocations"
AUTHORIZER = {"authorizer_arn": ARN, "authorizer_uri": URI, "simple_responses": False}


def rest(**others: object) -> Module:
    return Module(MODULES / "attach-rest-api", {"rest_api": API, "authorizer": AUTHORIZER} | others)


def http(**others: object) -> Module:
    return Module(MODULES / "attach-http-api", {"api": API, "authorizer": AUTHORIZER} | others)


def test_a_rest_api_asks_the_authorizer_without_caching() -> None:
    assert resource(rest(), "aws_api_gateway_authorizer.client_certificate") == {
        "name": "client-certificate",
        "rest_api_id": "abc",
        "type": "REQUEST",
        "authorizer_uri": URI,
        "authorizer_result_ttl_in_seconds": 0,
        # Not the provider's default, the Authorization header.
        "identity_source": "context.identity.clientCert.issuerDN,context.identity.clientCert.serialNumber",
    }


def test_an_http_api_asks_the_authorizer_without_caching_and_would_cache_by_the_whole_certificate() -> None:
    assert resource(http(), "aws_apigatewayv2_authorizer.client_certificate") == {
        "name": "client-certificate",
        "api_id": "abc",
        "authorizer_type": "REQUEST",
        "authorizer_payload_format_version": "2.0",
        "enable_simple_responses": False,
        "authorizer_uri": URI,
        "authorizer_result_ttl_in_seconds": 0,
        "identity_sources": ["$context.identity.clientCert.clientCertPem"],
    }


@pytest.mark.parametrize(("response_format", "simple"), [("", False), ("iam", False), ("simple", True)])
def test_an_http_api_accepts_simple_responses_if_the_authorizer_returns_them(
    response_format: str,
    simple: bool,  # noqa: FBT001 -- a column
) -> None:
    authorizer = AUTHORIZER | {
        "simple_responses": module({"ResponseFormat": response_format}).outputs["simple_responses"]
    }
    attached = resource(http(authorizer=authorizer), "aws_apigatewayv2_authorizer.client_certificate")
    assert attached["enable_simple_responses"] is simple


@pytest.mark.parametrize(
    ("attached", "authorizer"),
    [
        (rest(ttl=300), "aws_api_gateway_authorizer.client_certificate"),
        (http(ttl=300), "aws_apigatewayv2_authorizer.client_certificate"),
    ],
    ids=["rest", "http"],
)
def test_only_authorizers_of_the_api_may_invoke_the_function(attached: Module, authorizer: str) -> None:
    assert attached.violations == []
    assert resource(attached, authorizer)["authorizer_result_ttl_in_seconds"] == 300
    assert plain(resource(attached, "aws_lambda_permission.client_certificate")) == {
        "action": "lambda:InvokeFunction",
        "function_name": FUNCTION_ARN,
        "qualifier": "live",
        "principal": "apigateway.amazonaws.com",
        "source_arn": f"{API['execution_arn']}/authorizers/*",
    }
    assert plain(attached.outputs)["authorizer_id"] == f"{authorizer}.id"


@pytest.mark.parametrize("attach", [rest, http])
def test_a_function_without_an_alias_has_no_qualifier(attach: Callable[..., Module]) -> None:
    attached = attach(authorizer=AUTHORIZER | {"authorizer_arn": FUNCTION_ARN})
    permission = resource(attached, "aws_lambda_permission.client_certificate")
    assert permission["function_name"] == FUNCTION_ARN
    assert "qualifier" not in permission


@pytest.mark.parametrize("folder", ["attach-rest-api", "attach-http-api"])
def test_another_function_may_be_invoked_before_the_authorizer_names_it_and_the_old_one_until_then(folder: str) -> None:
    resources = {labels(block)[1]: block.body for block in parse(MODULES / folder) if labels(block)[0] == "resource"}
    [authorizer] = [body for kind, body in resources.items() if kind.endswith("_authorizer")]
    dependencies = attributes(authorizer)["depends_on"].serialize()
    assert dependencies == ["${aws_lambda_permission.client_certificate}"]
    # Routes are also detached from the authorizer before it is destroyed.
    for body in (authorizer, resources["aws_lambda_permission"]):
        [lifecycle] = blocks(body)
        assert attributes(lifecycle.body)["create_before_destroy"].serialize() is True


@pytest.mark.parametrize("ttl", [-1, 3601])
def test_a_ttl_that_api_gateway_rejects_is_a_violation(ttl: int) -> None:
    assert rest(ttl=ttl).violations
    assert http(ttl=ttl).violations


def test_the_response_of_a_rest_api_contains_the_reason() -> None:
    response = resource(rest(), "aws_api_gateway_gateway_response.access_denied")
    assert (response["response_type"], response["status_code"]) == ("ACCESS_DENIED", "403")
    # No reason needs escaping in JSON.
    for reason in DenyReason:
        template = response["response_templates"]["application/json"]
        body = template.replace("$context.authorizer.reason", reason).replace("$context.extendedRequestId", "id=")
        assert json.loads(body) == {"message": "Forbidden", "reason": reason, "requestId": "id="}


def test_the_reason_can_be_kept_from_clients() -> None:
    hidden = rest(show_reason=False)
    assert [each.type for each in hidden.resources] == ["aws_api_gateway_authorizer", "aws_lambda_permission"]


@pytest.mark.parametrize("attached", [rest(), http()], ids=["rest", "http"])
def test_access_logs_contain_the_request_id_the_reason_and_no_names(attached: Module) -> None:
    access_log: dict[str, str] = json.loads(attached.outputs["access_log_format"])
    values = set(access_log.values())
    assert {
        "$context.requestId",
        "$context.authorizer.reason",
        "$context.authorizer.clientCertFingerprint256",
        "$context.identity.clientCert.serialNumber",
    } <= values
    # Access logs escape nothing, and clients may choose names with quotes.
    assert not [value for value in values if re.search(r"DN$|CN$|principalId|\.path$", value)]


@pytest.mark.parametrize(
    ("attached", "command", "template"),
    [
        (rest(), r'path=/accessLogSettings/format,value="(.*)"\'$', "rest_api"),
        (http(), r'Format="(.*)"\'$', "http_api"),
    ],
    ids=["rest", "http"],
)
def test_access_logs_have_the_same_fields_with_every_tool(attached: Module, command: str, template: str) -> None:
    fields = json.loads(attached.outputs["access_log_format"])
    page = (PROJECT / "docs/deploy/cli.md").read_text()
    [shorthand] = re.findall(command, page, re.MULTILINE)
    assert json.loads(shorthand.replace('\\"', '"')) == fields
    for tool in ("cloudformation", "sam"):
        text = (PROJECT / f"examples/attach/{template}.{tool}.yaml").read_text()
        [format_] = re.findall(r"^ *Format: '(.*)'$", text, re.MULTILINE)
        assert json.loads(format_) == fields, tool


def test_the_response_of_a_rest_api_is_the_same_with_every_tool() -> None:
    [response] = resource(rest(), "aws_api_gateway_gateway_response.access_denied")["response_templates"].values()
    page = (PROJECT / "docs/deploy/cli.md").read_text()
    [templates] = re.findall(r"--response-templates '(.*)'$", page, re.MULTILINE)
    assert json.loads(templates) == {"application/json": response}
    for name in (
        "docs/deploy/cloudformation.md",
        "examples/attach/rest_api.cloudformation.yaml",
        "examples/attach/rest_api.sam.yaml",
    ):
        found = re.findall(r"^ *application/json: '(.*)'$", (PROJECT / name).read_text(), re.MULTILINE)
        assert set(found) == {response}, name


# The example


def declared(kind: str) -> dict[str, Any]:
    """Return the arguments of all resources of a type in the example, as they are written, by name."""
    return {
        labels(block)[2]: {name: str(value.serialize()) for name, value in attributes(block.body).items()}
        for block in parse(EXAMPLES)
        if labels(block)[:2] == ["resource", kind]
    }


def inner_blocks(kind: str, name: str) -> list[dict[str, Any]]:
    """Return the arguments of the blocks with a name in all resources of a type in the example."""
    return [
        attributes(inner.body)
        for block in parse(EXAMPLES)
        if labels(block)[:2] == ["resource", kind]
        for inner in blocks(block.body)
        if labels(inner)[0] == name
    ]


def test_the_default_endpoints_are_disabled() -> None:
    assert declared("aws_api_gateway_rest_api")["api"]["disable_execute_api_endpoint"] == "True"
    assert declared("aws_apigatewayv2_api")["api"]["disable_execute_api_endpoint"] == "True"


def test_every_route_asks_the_authorizer() -> None:
    methods, routes = declared("aws_api_gateway_method"), declared("aws_apigatewayv2_route")
    assert methods.keys() == routes.keys() == {"get"}
    for method in methods.values():
        assert method["authorization"] == '"CUSTOM"'
        assert method["authorizer_id"] == "${module.rest_api_authorizer.authorizer_id}"
    for route in routes.values():
        assert route["authorization_type"] == '"CUSTOM"'
        assert route["authorizer_id"] == "${module.http_api_authorizer.authorizer_id}"


def test_a_change_of_the_authorizer_deploys_the_rest_api_again() -> None:
    assert "module.rest_api_authorizer.redeployment" in declared("aws_api_gateway_deployment")["api"]["triggers"]


@pytest.mark.parametrize(
    ("kind", "module"),
    [("aws_api_gateway_stage", "rest_api_authorizer"), ("aws_apigatewayv2_stage", "http_api_authorizer")],
)
def test_the_stages_have_access_logs_and_the_domains_mutual_tls(kind: str, module: str) -> None:
    [access_log] = inner_blocks(kind, "access_log_settings")
    assert str(access_log["format"].serialize()) == f"${{module.{module}.access_log_format}}"
    [mutual_tls] = inner_blocks(kind.replace("_stage", "_domain_name"), "mutual_tls_authentication")
    assert str(mutual_tls["truststore_uri"].serialize()) == "${var.truststore_uri}"


def test_the_function_has_the_layer_of_its_architecture() -> None:
    function = declared("aws_lambda_function")["with_layer"]
    assert "module.authorizer.layer_arn" in function["layers"]
    assert "arm64" in function["architectures"]
