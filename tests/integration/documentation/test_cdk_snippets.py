"""The code for the CDK on the pages can be synthesized, and attaches the authorizer to every route."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.documentation.cdk_app import LAYER

if TYPE_CHECKING:
    from pathlib import Path


PEM = "$context.identity.clientCert.clientCertPem"


@pytest.fixture(scope="module")
def templates(synthesized: Path) -> dict[str, dict[str, Any]]:
    return {
        name: json.loads((synthesized / f"pages/{name}.template.json").read_text())["Resources"]
        for name in ("Rest", "Http", "Function", "Authorizer", "Revocation")
    }


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def test_the_rest_api_has_the_authorizer_on_its_methods_and_no_default_endpoint(
    templates: dict[str, dict[str, Any]],
) -> None:
    (api,) = of_type(templates["Rest"], "AWS::ApiGateway::RestApi")
    (authorizer,) = of_type(templates["Rest"], "AWS::ApiGateway::Authorizer")
    methods = of_type(templates["Rest"], "AWS::ApiGateway::Method")
    (permission,) = of_type(templates["Rest"], "AWS::Lambda::Permission")
    assert api["DisableExecuteApiEndpoint"] is True
    assert (authorizer["Type"], authorizer["AuthorizerResultTtlInSeconds"]) == ("REQUEST", 0)
    assert {method["AuthorizationType"] for method in methods} == {"CUSTOM"}
    assert permission["Principal"] == "apigateway.amazonaws.com"


def test_the_http_api_has_the_authorizer_and_no_default_endpoint(templates: dict[str, dict[str, Any]]) -> None:
    (api,) = of_type(templates["Http"], "AWS::ApiGatewayV2::Api")
    (authorizer,) = of_type(templates["Http"], "AWS::ApiGatewayV2::Authorizer")
    routes = of_type(templates["Http"], "AWS::ApiGatewayV2::Route")
    (permission,) = [
        permission
        for permission in of_type(templates["Http"], "AWS::Lambda::Permission")
        if "/authorizers/" in json.dumps(permission["SourceArn"])
    ]
    assert api["DisableExecuteApiEndpoint"] is True
    assert (authorizer["AuthorizerResultTtlInSeconds"], authorizer["IdentitySource"]) == (0, [PEM])
    assert {route["AuthorizationType"] for route in routes} == {"CUSTOM"}
    assert permission["Principal"] == "apigateway.amazonaws.com"


def test_the_function_has_the_layer(templates: dict[str, dict[str, Any]]) -> None:
    (function,) = of_type(templates["Function"], "AWS::Lambda::Function")
    assert function["Layers"] == [LAYER]


def test_the_authorizer_has_its_environment_and_alarms(templates: dict[str, dict[str, Any]]) -> None:
    (function,) = of_type(templates["Authorizer"], "AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["ALLOWED_COMMON_NAMES"] == "alpha,beta"
    assert of_type(templates["Authorizer"], "AWS::CloudWatch::Alarm")


def test_the_bucket_has_an_indexer_and_a_fetcher(templates: dict[str, dict[str, Any]]) -> None:
    (bucket,) = of_type(templates["Revocation"], "AWS::S3::Bucket")
    assert bucket["BucketName"] == "acme-revocation"
    handlers = {function["Handler"] for function in of_type(templates["Revocation"], "AWS::Lambda::Function")}
    assert handlers == {"mtls_authorizer.crl_indexer.handler", "mtls_authorizer.crl_fetcher.handler"}
