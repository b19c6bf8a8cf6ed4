"""The accounts that ``doctor`` examines: what AWS returns after the resources of a template were deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtls_authorizer_cli.doctor.account.function import HANDLER
from tests.aws.api_gateway_account import Account, Api, Function
from tests.integration.template.intrinsic_functions import resolve
from tests.integration.template.templates import DEPLOYED, REGION
from tests.integration.terraform.evaluator import MODULES, Module
from tests.integration.terraform.extract_schema import EXAMPLES
from tests.integration.terraform.modules import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACCOUNT_ID = "123456789012"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:authorizer"
IDENTIFIERS = {"SampleApi": "a1b2c3d4e5"}
"""Those that the documentation has; others are like the names of the resources."""

LAYER_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:layer:client-certificate-auth-arm64:1"


def add_function(account: Account, configuration: Mapping[str, Any], *qualifiers: str) -> None:
    """Add the authorizer's function, with the aliases and versions that are qualifiers."""
    complete = {
        "FunctionName": "authorizer",
        "FunctionArn": FUNCTION_ARN,
        "Version": "$LATEST",
        "CodeSha256": "digest",
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        **configuration,
    }
    configurations = {"$LATEST": complete}
    for qualifier in qualifiers:
        published = {**complete, "Version": "1", "FunctionArn": f"{FUNCTION_ARN}:{qualifier}"}
        if complete["SnapStart"]["ApplyOn"] == "PublishedVersions":
            published["SnapStart"] = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
        configurations[qualifier] = published
    account.functions["authorizer"] = Function(configurations)


def function_configuration(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a function that a template or a module has."""
    return {
        "Runtime": properties["Runtime"],
        "Handler": properties["Handler"],
        "Architectures": properties["Architectures"],
        "Layers": [{"Arn": LAYER_ARN}],
        "LoggingConfig": {key: value for key, value in properties["LoggingConfig"].items() if key != "LogGroup"},
        "Environment": {"Variables": properties["Environment"]["Variables"]},
    }


def deploy_api(account: Account, resources: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
    """Add the API of CloudFormation resources, with its domain name and permissions."""
    identifiers = {name: IDENTIFIERS.get(name, name.lower()[:10]) for name in resources}
    values = {**DEPLOYED, **parameters, **identifiers}
    for name, resource in resources.items():
        values |= {f"{name}.RootResourceId": "root", f"{name}.Stage": "live"}
        values |= {f"{name}.Arn": _arn(name, resource), f"{name}.DomainName": parameters["DomainName"]}
    for name, properties in _named_properties(resources, "DomainName"):
        if isinstance(properties["DomainName"], str):
            values[name] = properties["DomainName"]
    deployed: dict[str, Any] = resolve(resources, values, {})
    for name, properties in _named_properties(deployed, "RestApi"):
        account.rest_apis[identifiers[name]] = _rest_api(identifiers, deployed, properties)
    for name, properties in _named_properties(deployed, "Api"):
        account.http_apis[identifiers[name]] = _http_api(identifiers, deployed, properties)
    api_id = next(iter([*account.rest_apis, *account.http_apis]))
    stage = (account.rest_apis | account.http_apis)[api_id].stages[0]
    _domain(account, deployed, api_id, stage.get("stageName") or stage["StageName"])
    _permissions(account, deployed)


def _arn(name: str, resource: Mapping[str, Any]) -> str:
    if resource["Type"] != "AWS::Lambda::Function":
        return f"arn:{name}"
    return FUNCTION_ARN if resource["Properties"]["Handler"] == HANDLER else FUNCTION_ARN.replace("authorizer", "other")


def _named_properties(resources: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in resources.items():
        if resource["Type"] in {f"AWS::ApiGateway::{kind}", f"AWS::ApiGatewayV2::{kind}"}:
            yield name, resource["Properties"]


def _properties(resources: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [properties for _, properties in _named_properties(resources, kind)]


def _members(properties: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {member: properties[name] for member, name in names.items() if name in properties}


# REST APIs.


def _rest_api(identifiers: Mapping[str, str], resources: Mapping[str, Any], properties: dict[str, Any]) -> Api:
    body = properties.get("Body")
    disabled = _is_disabled(body) if body else properties["DisableExecuteApiEndpoint"]
    api = Api({"id": "api", "disableExecuteApiEndpoint": disabled, "apiKeySource": "HEADER"})
    if body:
        _read_rest_body(api, body)
    for name, each in _named_properties(resources, "Authorizer"):
        members = _members(
            each,
            name="Name",
            type="Type",
            authorizerUri="AuthorizerUri",
            authorizerResultTtlInSeconds="AuthorizerResultTtlInSeconds",
        )
        sources = each.get("IdentitySource") or ""
        api.authorizers.append({"id": identifiers[name], **members, "identitySource": sources})
    methods = {
        each["HttpMethod"]: {"authorizationType": each["AuthorizationType"], "authorizerId": each["AuthorizerId"]}
        for each in _properties(resources, "Method")
    }
    if methods:
        api.routes.append({"id": "root", "path": "/", "resourceMethods": methods})
    for each in _properties(resources, "Stage"):
        api.stages.append({"stageName": each["StageName"], "deploymentId": "deployed"})
    api.deployments["deployed"] = {"id": "deployed", "apiSummary": rest_summary(api)}
    return api


def rest_summary(api: Api) -> dict[str, Any]:
    """Return the summary of a deployment of a REST API as it is now."""
    return {
        resource["path"]: {
            method: {"authorizationType": each["authorizationType"], "apiKeyRequired": False}
            for method, each in resource.get("resourceMethods", {}).items()
        }
        for resource in api.routes
    }


def _read_rest_body(api: Api, body: dict[str, Any]) -> None:
    for name, scheme in body["components"]["securitySchemes"].items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        api.authorizers.append(
            {
                "id": name.lower(),
                "name": name,
                "type": authorizer["type"].upper(),
                "authorizerUri": authorizer["authorizerUri"],
                "authorizerResultTtlInSeconds": int(authorizer["authorizerResultTtlInSeconds"]),
                "identitySource": authorizer.get("identitySource", ""),
            }
        )
    for path, operations in body["paths"].items():
        methods = {
            method.upper(): {"authorizationType": "CUSTOM", "authorizerId": scheme.lower()}
            for method, operation in operations.items()
            for [scheme] in operation["security"]
        }
        api.routes.append({"id": f"resource{len(api.routes)}", "path": path, "resourceMethods": methods})


def _is_disabled(body: dict[str, Any]) -> bool:
    (server,) = body["servers"]
    disabled: bool = server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
    return disabled


# HTTP APIs.


def _http_api(identifiers: Mapping[str, str], resources: Mapping[str, Any], properties: dict[str, Any]) -> Api:
    body = properties.get("Body")
    disabled = _is_disabled(body) if body else properties["DisableExecuteApiEndpoint"]
    api = Api(
        {
            "Name": "api",
            "ProtocolType": "HTTP",
            "RouteSelectionExpression": "$request.method $request.path",
            "DisableExecuteApiEndpoint": disabled,
        }
    )
    if body:
        _read_http_body(api, body)
    for name, each in _named_properties(resources, "Authorizer"):
        names = (
            *("AuthorizerType", "AuthorizerUri", "AuthorizerPayloadFormatVersion", "AuthorizerResultTtlInSeconds"),
            *("EnableSimpleResponses", "IdentitySource", "Name"),
        )
        api.authorizers.append(
            {"AuthorizerId": identifiers[name], **_members(each, **dict(zip(names, names, strict=True)))}
        )
    for name, each in _named_properties(resources, "Route"):
        members = _members(
            each, RouteKey="RouteKey", AuthorizationType="AuthorizationType", AuthorizerId="AuthorizerId"
        )
        api.routes.append({"RouteId": identifiers[name], **members})
    for each in _properties(resources, "Stage"):
        api.stages.append(
            {
                "StageName": each.get("StageName", "$default"),
                "AutoDeploy": each["AutoDeploy"],
                "DeploymentId": "deployed",
                "LastDeploymentStatusMessage": "Successfully deployed stage with deployment ID 'deployed'",
            }
        )
    return api


def _read_http_body(api: Api, body: dict[str, Any]) -> None:
    for name, scheme in body["components"]["securitySchemes"].items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        sources = authorizer["identitySource"]
        api.authorizers.append(
            {
                "AuthorizerId": name.lower(),
                "Name": name,
                "AuthorizerType": authorizer["type"].upper(),
                "AuthorizerUri": authorizer["authorizerUri"],
                "AuthorizerPayloadFormatVersion": str(authorizer["authorizerPayloadFormatVersion"]),
                "AuthorizerResultTtlInSeconds": authorizer["authorizerResultTtlInSeconds"],
                "IdentitySource": sources if isinstance(sources, list) else sources.split(","),
            }
        )
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            [[scheme]] = operation["security"]
            api.routes.append(
                {
                    "RouteId": f"route{len(api.routes)}",
                    "RouteKey": f"{method.upper()} {path}",
                    "AuthorizationType": "CUSTOM",
                    "AuthorizerId": scheme.lower(),
                }
            )


# Both.


def _domain(account: Account, resources: Mapping[str, Any], api_id: str, stage: str) -> None:
    (domain,) = _properties(resources, "DomainName")
    name = domain["DomainName"]
    account.domains[name] = {
        "DomainName": name,
        "DomainNameConfigurations": [{"DomainNameStatus": "AVAILABLE", "SecurityPolicy": "TLS_1_2"}],
        "MutualTlsAuthentication": domain["MutualTlsAuthentication"],
        "RoutingMode": "API_MAPPING_ONLY",
    }
    account.mappings[name] = [{"ApiId": api_id, "ApiMappingId": "mapping", "ApiMappingKey": "", "Stage": stage}]


def _permissions(account: Account, resources: Mapping[str, Any]) -> None:
    for name, resource in resources.items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::Lambda::Permission" and str(properties["FunctionName"]).startswith(FUNCTION_ARN):
            qualifier = properties["FunctionName"].removeprefix(FUNCTION_ARN).removeprefix(":") or "$LATEST"
            add_permission(account, qualifier, properties["SourceArn"], name)


def add_permission(account: Account, qualifier: str, source_arn: str, statement_id: str = "api") -> None:
    """Permit API Gateway to invoke the function."""
    account.functions["authorizer"].statements.setdefault(qualifier, []).append(
        {
            "Sid": statement_id,
            "Effect": "Allow",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": FUNCTION_ARN,
            "Condition": {"ArnLike": {"AWS:SourceArn": source_arn}},
        }
    )


# Terraform.

_PREFIXES = {"rest": "aws_api_gateway_", "http": "aws_apigatewayv2_"}
_INPUTS = {
    "allowed_common_names": ["alpha"],
    "rest_api_domain_name": "api.example.com",
    "http_api_domain_name": "api.example.com",
    "certificate_arn": "arn",
    "truststore_uri": "s3://bucket/truststore.pem",
}
_NAMES = {
    "rest_api": "RestApi",
    "authorization": "AuthorizationType",
    "name": "Name",
    "identity_sources": "IdentitySource",
}
"""Those that are not the names of CloudFormation in another spelling."""


def terraform_resources(kind: str) -> dict[str, Any]:
    """Return the API of the example of a kind, ``rest`` or ``http``, as CloudFormation would have its resources."""
    declared = {each.type: plain(each.attributes) for each in Module(EXAMPLES, _INPUTS).resources}
    attached = {each.type: plain(each.attributes) for each in _attach_module(kind).resources}
    prefix = _PREFIXES[kind]
    (route,) = (declared[name] for name in (f"{prefix}method", f"{prefix}route") if name in declared)
    assert route["authorizer_id"] == f"module.{kind}_api_authorizer.authorizer_id"
    route["authorizer_id"] = "authorizer"
    permission = attached.pop("aws_lambda_permission")
    source_arn = permission["source_arn"].replace(f"{prefix}authorizer.client_certificate.id", "authorizer")
    resources: dict[str, Any] = {
        _camel_case(name): {
            "Type": f"AWS::ApiGateway{'V2' if kind == 'http' else ''}::{_camel_case(name)}",
            "Properties": {_camel_case(key): value for key, value in properties.items()},
        }
        for each, properties in {**declared, **attached}.items()
        if each.startswith(prefix)
        for name in [each.removeprefix(prefix)]
    }
    domain = resources["DomainName"]["Properties"]
    (mutual_tls,) = domain["MutualTlsAuthentication"]
    domain["MutualTlsAuthentication"] = {"TruststoreUri": mutual_tls["truststore_uri"]}
    if kind == "http":
        resources["Stage"]["Properties"]["StageName"] = resources["Stage"]["Properties"].pop("Name")
    resources["Permission"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {"FunctionName": permission["function_name"], "SourceArn": source_arn},
    }
    return resources


def _camel_case(name: str) -> str:
    return _NAMES.get(name) or name.title().replace("_", "")


def _attach_module(kind: str) -> Module:
    api = {
        "id": kind,
        "execution_arn": f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{'api' if kind == 'http' else 'restapi'}",
    }
    authorizer = {
        "authorizer_arn": FUNCTION_ARN,
        "authorizer_uri": f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{FUNCTION_ARN}/invocations",
        "simple_responses": False,
    }
    name = "api" if kind == "http" else "rest_api"
    return Module(MODULES / f"attach-{kind}-api", {name: api, "authorizer": authorizer})
