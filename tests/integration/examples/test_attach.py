"""The examples of an API of one's own, transformed and synthesized without AWS. ``test_tools`` lints them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

from tests.aws.api_events import EVENTS
from tests.aws.yaml_templates import yaml_parse
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples/attach"
TEMPLATES = sorted(EXAMPLES.glob("*.yaml"))
STACKS = ("RestApi", "HttpApi")
PEM = "$context.identity.clientCert.clientCertPem"


@cache
def transformed(template: Path) -> dict[str, Any]:
    """Return a template as CloudFormation deploys it: if it is SAM's, after SAM's transformation."""
    source = yaml_parse(template.read_text())
    if "Transform" in source:
        translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
        source = translator.translate(source, {})
    deployed: dict[str, Any] = source["Resources"]
    return deployed


def of_type(resources: dict[str, Any], *types: str) -> list[dict[str, Any]]:
    """Return the properties of all resources of a type, such as ``ApiGateway::RestApi``."""
    names = {f"AWS::{name}" for name in types}
    return [resource["Properties"] for resource in resources.values() if resource["Type"] in names]


def every_api(synthesized: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    for template in TEMPLATES:
        yield template.name, transformed(template)
    for stack in STACKS:
        yield stack, json.loads((synthesized / f"examples/{stack}.template.json").read_text())["Resources"]


# Whether they allow nobody by mistake


def authorizers(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each authorizer caches by, and for how long, wherever a template says so."""
    found = [
        {
            "identities": authorizer.get("IdentitySource", []),
            "ttl": authorizer["AuthorizerResultTtlInSeconds"],
            "simple": authorizer.get("EnableSimpleResponses", False),
        }
        for authorizer in of_type(resources, "ApiGateway::Authorizer", "ApiGatewayV2::Authorizer")
    ]
    for body in bodies(resources):
        for scheme in body["components"]["securitySchemes"].values():
            authorizer = scheme["x-amazon-apigateway-authorizer"]
            assert authorizer["type"] == "request"
            found.append(
                {
                    "identities": authorizer.get("identitySource", []),
                    "ttl": authorizer["authorizerResultTtlInSeconds"],
                    "simple": authorizer.get("enableSimpleResponses", False),
                }
            )
    return found


def bodies(resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the OpenAPI definitions, which SAM writes."""
    return [api["Body"] for api in apis(resources) if "Body" in api]


def apis(resources: dict[str, Any]) -> list[dict[str, Any]]:
    return of_type(resources, "ApiGateway::RestApi", "ApiGatewayV2::Api")


def test_the_default_endpoint_is_off(synthesized: Path) -> None:
    for name, resources in every_api(synthesized):
        (api,) = apis(resources)
        if "Body" in api:
            (server,) = api["Body"]["servers"]
            off = server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
        else:
            off = api["DisableExecuteApiEndpoint"]
        assert off is True, name


def test_the_domain_has_mutual_tls(synthesized: Path) -> None:
    for name, resources in every_api(synthesized):
        (domain,) = of_type(resources, "ApiGateway::DomainName", "ApiGatewayV2::DomainName")
        assert domain["MutualTlsAuthentication"]["TruststoreUri"], name
        (configuration,) = domain.get("DomainNameConfigurations", [domain])
        assert configuration["SecurityPolicy"] == "TLS_1_2", name
        assert of_type(resources, "ApiGateway::BasePathMapping", "ApiGatewayV2::ApiMapping"), name


def test_no_api_caches_responses_and_an_http_api_is_ready_to_cache_by_the_whole_certificate(synthesized: Path) -> None:
    for name, resources in every_api(synthesized):
        (authorizer,) = authorizers(resources)
        if of_type(resources, "ApiGateway::RestApi"):
            # SAM writes an empty one.
            assert not authorizer.pop("identities"), name
        else:
            identities = authorizer.pop("identities")
            assert (identities if isinstance(identities, list) else [identities]) == [PEM], name
        # A cached simple response would apply to all routes.
        assert authorizer == {"ttl": 0, "simple": False}, name


def test_every_route_asks_the_authorizer(synthesized: Path) -> None:
    for name, resources in every_api(synthesized):
        routes = of_type(resources, "ApiGateway::Method", "ApiGatewayV2::Route")
        operations = [operation for body in bodies(resources) for path in body["paths"].values() for operation in path]
        assert len(routes) + len(operations) == 1, name
        assert all(route["AuthorizationType"] == "CUSTOM" and route["AuthorizerId"] for route in routes), name
        for body in bodies(resources):
            assert body["paths"]["/"]["get"]["security"] == [{"ClientCertificate": []}], name


def test_the_api_and_nobody_else_may_invoke_the_authorizer(synthesized: Path) -> None:
    for name, resources in every_api(synthesized):
        permissions = of_type(resources, "Lambda::Permission")
        deployed = [{"Fn::GetAtt": [name, "Arn"]} for name in resources if name.startswith("DeployedAuthorizer")]
        (permission,) = [
            entry for entry in permissions if entry["FunctionName"] in [{"Ref": "AuthorizerArn"}, *deployed]
        ]
        assert permission["Principal"] == "apigateway.amazonaws.com", name
        assert "/authorizers/" in json.dumps(permission["SourceArn"]), name


ACCESS_LOG = {
    "requestId": "$context.requestId",
    "reason": "$context.authorizer.reason",
    "fingerprint": "$context.authorizer.clientCertFingerprint256",
    "serialNumber": "$context.identity.clientCert.serialNumber",
}


def test_the_access_log_has_the_fields_that_correlate_it_with_decisions_and_no_names(synthesized: Path) -> None:
    for name, resources in every_api(synthesized):
        (stage,) = of_type(resources, "ApiGateway::Stage", "ApiGatewayV2::Stage")
        settings = stage.get("AccessLogSetting") or stage["AccessLogSettings"]
        fields = json.loads(settings["Format"])
        assert ACCESS_LOG.items() <= fields.items(), name
        # Access logs escape nothing, and clients may choose names with quotes.
        assert not [value for value in fields.values() if value.endswith(("DN", "CN", "principalId", ".path"))], name


def test_a_rest_api_shows_the_reason_of_a_403(synthesized: Path) -> None:
    for name, resources in every_api(synthesized):
        if not of_type(resources, "ApiGateway::RestApi"):
            continue
        responses = {
            properties["ResponseType"]: properties["ResponseTemplates"]
            for properties in of_type(resources, "ApiGateway::GatewayResponse")
        }
        for body in bodies(resources):
            for kind, response in body["x-amazon-apigateway-gateway-responses"].items():
                responses[kind] = response["responseTemplates"]
        assert json.loads(responses["ACCESS_DENIED"]["application/json"])["reason"] == "$context.authorizer.reason", (
            name
        )


# Whether the function works


def function_behind(resources: dict[str, Any]) -> dict[str, Any]:
    """Return the only function with inline code: the stacks of the CDK also contain the authorizer."""
    (function,) = [each for each in of_type(resources, "Lambda::Function") if "ZipFile" in each["Code"]]
    return function


def test_the_function_has_the_layer_and_its_architecture(synthesized: Path) -> None:
    for name, resources in every_api(synthesized):
        function = function_behind(resources)
        deployed = [{"Ref": name} for name in resources if name.startswith("DeployedLayer")]
        assert function["Layers"] == (deployed or [{"Ref": "LayerArn"}]), name
        assert function["Architectures"] == ["arm64"], name


def test_the_function_answers_its_client(synthesized: Path) -> None:
    certificate = client_pem(("CN", "authorized-client"))
    for name, resources in every_api(synthesized):
        function = function_behind(resources)
        assert function["Handler"] == "index.handler", name
        scope: dict[str, Any] = {}
        exec(function["Code"]["ZipFile"], scope)  # noqa: S102 -- the example's own code
        for make_event in EVENTS.values():
            answer = scope["handler"](make_event(certificate), None)
            assert answer["statusCode"] == 200, name
            assert "authorized-client" in answer["body"], name
            assert scope["handler"](make_event(None), None)["statusCode"] == 401, name
