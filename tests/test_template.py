from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from layer_builder.interpreters import PYTHON_VERSIONS, find_interpreters
from mtls_authorizer.configuration import (
    VARIABLES,
    AllowlistMatch,
    ConfigurationError,
    PrincipalId,
    ResponseFormat,
    UnauthenticatedResponse,
    load_configuration,
)
from tests.shared_folder import shared_folder

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template.yaml"
REGION = "eu-central-1"

SAMPLE_API = {
    "DeploySampleApi": "true",
    "SampleApiDomainName": "api.example.com",
    "SampleApiCertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    "SampleApiTruststoreUri": "s3://bucket/truststore.pem",
}
STACKS = {
    "defaults": {},
    "x86_64": {"Architecture": "x86_64", "AllowAnyClientCertificate": "true"},
    "every-variable": {
        "AllowedCommonNames": "alpha,beta",
        "AllowedOrganizationalUnits": "partners",
        "AllowlistMatch": "any",
        "AllowAnyClientCertificate": "false",
        "ResponseFormat": "simple",
        "UnauthenticatedResponse": "deny",
        "PrincipalId": "fingerprint",
    },
    "sample-api": SAMPLE_API,
    "sample-api-caching": SAMPLE_API | {"SampleApiAuthorizerTtl": "300", "SampleApiTruststoreVersion": "1"},
}


def parameter_of(variable: str) -> str:
    """ALLOWED_COMMON_NAMES: AllowedCommonNames."""
    return variable.title().replace("_", "")


@cache
def source() -> dict[str, Any]:
    template: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return template


NO_VALUE = object()
PERMISSION = "AWS::Lambda::Permission"


def resolve(node: Any, parameters: dict[str, str], conditions: dict[str, bool]) -> Any:  # noqa: ANN401 -- as in JSON
    """Evaluate the intrinsic functions that depend on parameters, as CloudFormation does."""

    def inner(node: Any) -> Any:  # noqa: ANN401
        value = node
        match node:
            case {"Ref": "AWS::NoValue"}:
                value = NO_VALUE
            case {"Ref": str(name)}:
                value = parameters.get(name, node)
            case {"Fn::Sub": str(text)}:
                text = re.sub(r"\$\{(\w+)\}", lambda name: parameters.get(name[1], name[0]), text)
                value = {"Fn::Sub": text} if "${" in text else text
            case {"Fn::Equals": [one, other]}:
                value = str(inner(one)) == str(inner(other))
            case {"Fn::Not": [condition]}:
                value = not inner(condition)
            case {"Fn::If": [condition, yes, no]}:
                value = inner(yes if conditions[condition] else no)
            case dict():
                children = ((key, inner(child)) for key, child in node.items())
                value = {key: child for key, child in children if child is not NO_VALUE}
            case list():
                value = [child for child in map(inner, node) if child is not NO_VALUE]
        return value

    return inner(node)


def parameters_of(stack: dict[str, str]) -> dict[str, str]:
    return {name: str(parameter["Default"]) for name, parameter in source()["Parameters"].items()} | stack


def evaluate_conditions(parameters: dict[str, str]) -> dict[str, bool]:
    conditions: dict[str, bool] = resolve(source()["Conditions"], parameters, {})
    return conditions


@cache
def deployed(name: str) -> dict[str, Any]:
    """Return the resources and outputs that CloudFormation makes of a stack in STACKS, transformed by SAM."""
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        for code in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][code] = "s3://bucket/key"
    parameters = parameters_of(STACKS[name])
    sam = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    template = sam.translate(template, parameters)
    conditions = evaluate_conditions(parameters)
    return {"AWSTemplateFormatVersion": "2010-09-09"} | {
        section: {
            key: {name: value for name, value in entry.items() if name != "Condition"}
            for key, entry in resolve(template[section], parameters, conditions).items()
            if conditions.get(entry.get("Condition"), True)
        }
        for section in ("Resources", "Outputs")
    }


def resource(stack: str, logical_id: str) -> dict[str, Any]:
    properties: dict[str, Any] = deployed(stack)["Resources"][logical_id]["Properties"]
    return properties


def resources_of_type(stack: str, resource_type: str) -> list[dict[str, Any]]:
    return [entry["Properties"] for entry in deployed(stack)["Resources"].values() if entry["Type"] == resource_type]


def broken_rules(parameters: dict[str, str]) -> list[str]:
    return [
        assertion["AssertDescription"]
        for rule in resolve(source()["Rules"], parameters_of(parameters), {}).values()
        if rule["RuleCondition"]
        for assertion in rule["Assertions"]
        if not assertion["Assert"]
    ]


def run(tool: str, *arguments: str | Path, folder: Path) -> None:
    """Run one of the tools from a folder that it may write to, without an account."""
    # A make around the tests would have its variables win over PYTHON below.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE"))}
    environment = inherited | {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(folder / "sam"),
        "PYTHON": sys.executable,
    }
    command = [Path(sys.executable).with_name(tool), *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


# The tools


def test_sam_finds_the_template_valid(tmp_path: Path) -> None:
    run("sam", "validate", "--lint", "--template", TEMPLATE, folder=tmp_path)


def test_cfn_lint_has_nothing_to_say_of_the_template(tmp_path: Path) -> None:
    run("cfn-lint", "--include-checks", "I", "--template", TEMPLATE, folder=tmp_path)


def test_cfn_lint_has_nothing_to_say_of_any_stack_made_of_it(tmp_path: Path) -> None:
    stacks = [tmp_path / f"{name}.json" for name in STACKS]
    for stack in stacks:
        stack.write_text(json.dumps(deployed(stack.stem)))
    run("cfn-lint", "--include-checks", "I", "--template", *stacks, folder=tmp_path)


def test_each_condition_is_true_of_one_stack_and_false_of_another() -> None:
    conditions = [evaluate_conditions(parameters_of(stack)) for stack in STACKS.values()]
    for condition in source()["Conditions"]:
        assert {values[condition] for values in conditions} == {True, False}, condition


# The authorizer's configuration


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_is_a_parameter_and_left_out_when_that_is_empty(variable: str) -> None:
    assert source()["Parameters"][parameter_of(variable)]["Default"] == ""
    assert variable not in resource("defaults", "Authorizer")["Environment"]["Variables"]
    environment = resource("every-variable", "Authorizer")["Environment"]["Variables"]
    assert environment[variable] == STACKS["every-variable"][parameter_of(variable)]


@pytest.mark.parametrize("stack", STACKS)
def test_the_authorizer_can_read_its_environment_and_there_is_nothing_else_in_it(stack: str) -> None:
    environment = resource(stack, "Authorizer")["Environment"]["Variables"]
    load_configuration(environment)
    assert environment.keys() <= set(VARIABLES)


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("ALLOWLIST_MATCH", AllowlistMatch),
        ("ALLOW_ANY_CLIENT_CERTIFICATE", ["true", "false"]),
        ("RESPONSE_FORMAT", ResponseFormat),
        ("UNAUTHENTICATED_RESPONSE", UnauthenticatedResponse),
        ("PRINCIPAL_ID", PrincipalId),
    ],
)
def test_a_choice_has_the_values_that_the_authorizer_knows(variable: str, values: list[str]) -> None:
    assert source()["Parameters"][parameter_of(variable)]["AllowedValues"] == ["", *values]


@pytest.mark.parametrize("variable", ["ALLOWED_COMMON_NAMES", "ALLOWED_ORGANIZATIONAL_UNITS"])
@given(value=st.text('ab ,[]"', min_size=1))
def test_a_list_is_refused_where_the_authorizer_would_refuse_it(variable: str, value: str) -> None:
    accepted = re.fullmatch(source()["Parameters"][parameter_of(variable)]["AllowedPattern"], value)
    try:
        load_configuration({variable: value})
    except ConfigurationError:
        # Whether JSON is right is more than a pattern can say.
        assert not accepted or value.strip().startswith("[")
    else:
        assert accepted


@pytest.mark.parametrize("stack", STACKS)
def test_no_rule_is_broken_by_a_stack_that_is_meant(stack: str) -> None:
    assert broken_rules(STACKS[stack]) == []


@pytest.mark.parametrize("name", ["AllowedCommonNames", "AllowedOrganizationalUnits"])
def test_a_list_beside_any_certificate_is_refused(name: str) -> None:
    description = f"AllowAnyClientCertificate is true, and {name} is set. Choose one of them."
    assert broken_rules({"AllowAnyClientCertificate": "true", name: "alpha"}) == [description]


@pytest.mark.parametrize("name", sorted(SAMPLE_API.keys() - {"DeploySampleApi"}))
def test_a_sample_api_without_what_it_needs_is_refused(name: str) -> None:
    assert broken_rules(SAMPLE_API | {name: ""}) == [f"DeploySampleApi needs {name}."]


# Least privilege


@pytest.mark.parametrize(
    ("function", "role", "log_group"),
    [
        ("Authorizer", "AuthorizerRole", "AuthorizerLogs"),
        ("SampleFunction", "SampleFunctionRole", "SampleFunctionLogs"),
    ],
)
def test_a_function_may_write_its_own_log_and_nothing_else(function: str, role: str, log_group: str) -> None:
    assert resource("sample-api", function)["Role"] == {"Fn::GetAtt": [role, "Arn"]}
    assert resource("sample-api", function)["LoggingConfig"]["LogGroup"] == {"Ref": log_group}
    properties = resource("sample-api", role)
    assert properties.keys() == {"Description", "AssumeRolePolicyDocument", "Policies"}
    assert [policy["PolicyDocument"]["Statement"] for policy in properties["Policies"]] == [
        [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": {"Fn::GetAtt": [log_group, "Arn"]},
            }
        ]
    ]
    assert properties["AssumeRolePolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]


def test_there_are_no_other_roles_and_policies() -> None:
    types = [entry["Type"] for entry in deployed("sample-api")["Resources"].values()]
    assert [name for name in types if name.startswith("AWS::IAM::")] == ["AWS::IAM::Role"] * 2


def test_only_the_sample_api_may_invoke_the_functions() -> None:
    permissions = {entry["FunctionName"]["Ref"]: entry for entry in resources_of_type("sample-api", PERMISSION)}
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${SampleApi}"
    assert {name: entry["SourceArn"]["Fn::Sub"] for name, entry in permissions.items()} == {
        "Authorizer": f"{api}/authorizers/*",
        "SampleFunction": f"{api}/live/GET/",
    }
    assert {entry["Principal"] for entry in permissions.values()} == {"apigateway.amazonaws.com"}
    assert {entry["Action"] for entry in permissions.values()} == {"lambda:InvokeFunction"}


def test_nobody_may_invoke_the_authorizer_without_the_sample_api() -> None:
    assert resources_of_type("defaults", PERMISSION) == []


def test_the_authorizer_logs_decisions_as_json_to_a_group_that_forgets() -> None:
    logging = resource("defaults", "Authorizer")["LoggingConfig"]
    assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "INFO")
    assert resource("defaults", "AuthorizerLogs")["RetentionInDays"] == "90"


# The sample API


def test_without_the_sample_api_there_is_none_of_it() -> None:
    assert sorted(entry["Type"] for entry in deployed("defaults")["Resources"].values()) == [
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Logs::LogGroup",
    ]
    assert "ApiUrl" not in deployed("defaults")["Outputs"]


def test_the_sample_api_is_open_on_its_domain_with_mutual_tls_only() -> None:
    servers = resource("sample-api", "SampleApi")["Body"]["servers"]
    assert servers == [{"x-amazon-apigateway-endpoint-configuration": {"disableExecuteApiEndpoint": True}}]
    domain = resource("sample-api", "SampleApiDomain")
    assert domain["SecurityPolicy"] == "TLS_1_2"
    assert domain["MutualTlsAuthentication"] == {"TruststoreUri": "s3://bucket/truststore.pem"}
    assert resource("sample-api-caching", "SampleApiDomain")["MutualTlsAuthentication"]["TruststoreVersion"] == "1"
    mapping = {"DomainName": {"Ref": "SampleApiDomain"}, "RestApiId": {"Ref": "SampleApi"}}
    assert resource("sample-api", "SampleApiMapping").items() >= mapping.items()
    assert len(resources_of_type("sample-api", "AWS::ApiGateway::Stage")) == 1


def test_every_operation_of_the_sample_api_asks_the_authorizer() -> None:
    body = resource("sample-api", "SampleApi")["Body"]
    operations = [operation for path in body["paths"].values() for operation in path.values()]
    assert [operation["security"] for operation in operations] == [[{"ClientCertificate": []}]]
    scheme = body["components"]["securitySchemes"]["ClientCertificate"]
    assert scheme["x-amazon-apigateway-authtype"] == "custom"
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "request"
    assert authorizer["authorizerUri"] == deployed("sample-api")["Outputs"]["AuthorizerUri"]["Value"]


@pytest.mark.parametrize(
    ("stack", "caching"),
    [
        ("sample-api", {"authorizerResultTtlInSeconds": 0}),
        (
            "sample-api-caching",
            {
                "authorizerResultTtlInSeconds": "300",
                "identitySource": "context.identity.clientCert.issuerDN, context.identity.clientCert.serialNumber",
            },
        ),
    ],
)
def test_answers_are_cached_by_certificate_and_only_where_asked_for(stack: str, caching: dict[str, object]) -> None:
    scheme = resource(stack, "SampleApi")["Body"]["components"]["securitySchemes"]["ClientCertificate"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert {key: value for key, value in authorizer.items() if key not in {"type", "authorizerUri"}} == caching


# The architecture


@pytest.mark.parametrize(("stack", "architecture"), [("defaults", "arm64"), ("x86_64", "x86_64")])
def test_a_stack_has_the_layer_of_its_architecture(stack: str, architecture: str) -> None:
    layers = {
        logical_id: entry["Properties"]
        for logical_id, entry in deployed(stack)["Resources"].items()
        if entry["Type"] == "AWS::Lambda::LayerVersion"
    }
    [(logical_id, layer)] = layers.items()
    assert layer["CompatibleArchitectures"] == [architecture]
    assert layer["CompatibleRuntimes"] == [f"python{version}" for version in PYTHON_VERSIONS]
    assert resource(stack, "Authorizer")["Architectures"] == [architecture]
    assert resource(stack, "Authorizer")["Layers"] == [{"Ref": logical_id}]
    assert deployed(stack)["Outputs"]["LayerArn"]["Value"] == {"Ref": logical_id}


# The build

LAYERS = {"LayerArm64": "arm64", "LayerX8664": "x86_64"}
LAYER_FOR_THIS_MACHINE = {"aarch64": "LayerArm64", "x86_64": "LayerX8664"}.get(platform.machine())
AUTHORIZE = """
import importlib, json, sys
sys.path += sys.argv[2:]
assert not [path for path in sys.path if "site-packages" in path]
module, function = sys.argv[1].rsplit(".", 1)
print(json.dumps(getattr(importlib.import_module(module), function)(json.load(sys.stdin), None)))
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder that `sam build` wrote. The first process that needs it builds it for all."""

    def build(folder: Path) -> None:
        folders = [f"--build-dir={folder / 'build'}", f"--cache-dir={folder / 'cache'}"]
        run("sam", "build", "--template", TEMPLATE, *folders, folder=folder)

    return shared_folder(tmp_path_factory, worker_id, "template", build) / "build"


@pytest.fixture(scope="session")
def event() -> str:
    """Return the event that a REST API sends to its authorizer, as JSON."""
    certificate = trustme.CA().issue_cert("client.example.com", common_name="authorized-client")
    pem = certificate.cert_chain_pems[0].bytes().decode()
    return json.dumps(
        {
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/live/GET/",
            "httpMethod": "GET",
            "path": "/",
            "resource": "/",
            "requestContext": {"identity": {"clientCert": {"clientCertPem": pem}}, "stage": "live", "requestId": "1"},
        }
    )


def python(interpreter: Path, script: str, *arguments: str | Path, event: str) -> str:
    """Run a script that sees the standard library, nothing that is installed, and writes no bytecode."""
    command = [interpreter, "-I", "-S", "-B", "-c", script, *arguments]
    environment = {"ALLOWED_COMMON_NAMES": "authorized-client"}
    result = subprocess.run(command, input=event, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def contents_of(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("layer", "architecture"), LAYERS.items())
def test_a_layer_has_what_is_in_the_zip_file_that_make_layer_writes(
    built: Path, unpacked_layers: Path, layer: str, architecture: str
) -> None:
    assert contents_of(built / layer) == contents_of(unpacked_layers / architecture)


def test_the_authorizer_is_shipped_with_its_package_and_compiled_files_for_its_runtime(built: Path) -> None:
    package = ROOT / "authorizer/mtls_authorizer"
    sources = {path.relative_to(package.parent) for path in package.rglob("*.py")}
    version = source()["Resources"]["Authorizer"]["Properties"]["Runtime"].removeprefix("python")
    tag = f"cpython-{version.replace('.', '')}"
    compiled = {path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc" for path in sources}
    contents = contents_of(built / "Authorizer")
    assert contents.keys() == sources | (compiled if version in find_interpreters() else set())
    for path in compiled & contents.keys():
        assert f"/var/task/{path.parents[1] / path.name.split('.')[0]}.py".encode() in contents[path]


def test_the_sample_function_is_shipped_alone(built: Path) -> None:
    assert [path.name for path in (built / "SampleFunction").iterdir()] == ["behind_the_authorizer.py"]
    assert source()["Resources"]["SampleFunction"]["Properties"]["Handler"] == "behind_the_authorizer.handler"


@pytest.mark.skipif(not LAYER_FOR_THIS_MACHINE or sys.platform != "linux", reason="layers are for Lambda's platforms")
@pytest.mark.parametrize(("version", "interpreter"), find_interpreters().items())
def test_the_built_layer_and_the_built_authorizer_answer_an_event(
    built: Path, event: str, version: str, interpreter: Path
) -> None:
    folders = built / "Authorizer", built / str(LAYER_FOR_THIS_MACHINE) / "python"
    handler = source()["Resources"]["Authorizer"]["Properties"]["Handler"]
    answer = json.loads(python(interpreter, AUTHORIZE, handler, *folders, event=event))
    assert answer["principalId"] == "authorized-client", version
    assert [statement["Effect"] for statement in answer["policyDocument"]["Statement"]] == ["Allow"]
