from __future__ import annotations

import json
import logging
import os
import platform
import re
import subprocess
import sys
from copy import deepcopy
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import trustme
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from layer_builder.interpreters import PYTHON_VERSIONS, find_interpreters
from mtls_authorizer.authorizer import make_authorizer
from mtls_authorizer.policy.settings import (
    VARIABLES,
    AllowlistMatch,
    ConfigurationError,
    LogDecisions,
    PrincipalId,
    ResponseFormat,
    UnauthenticatedResponse,
    load_configuration,
)
from mtls_authorizer.reasons import Reason
from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX
from mtls_authorizer.revocation.settings import CrlFailureMode
from mtls_authorizer.telemetry.metrics import REASON, Metric
from tests.api_events import rest_event
from tests.certificates import client_pem
from tests.shared_folder import shared_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template.yaml"
REGION = "eu-central-1"

SAMPLE_API = {
    "DeploySampleApi": "true",
    "SampleApiDomainName": "api.example.com",
    "SampleApiCertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    "SampleApiTruststoreUri": "s3://bucket/truststore.pem",
}
RULES = '{"rules": [{"name": "one", "match": {"organization": ["Acme"]}}]}'
METRICS = {"MetricsNamespace": "Partners/Authorizer"}
TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
CRLS = {"CrlUris": "s3://lists/a.crl,s3://lists/b/c.crl", "TruststoreUri": "s3://lists/truststore.pem"}
CRL_BUCKET = {"DeployCrlBucket": "true", "CrlBucketName": "lists", "TruststoreUri": "s3://lists/truststore.pem"}
STACKS: dict[str, dict[str, str]] = {
    "defaults": {},
    "x86_64": {"Architecture": "x86_64", "AllowAnyClientCertificate": "true"},
    "every-variable": {
        "AllowedCommonNames": "alpha,beta",
        "AllowedOrganizationalUnits": "partners",
        "AllowedOrganizations": "Acme",
        "AllowedSubjectAltNames": "DNS:a.example.com",
        "AllowedIssuers": "CN=Issuing CA,O=Acme",
        "AllowedFingerprints": "AB" * 32,
        "AllowedSerialNumbers": "0A1B",
        "AllowlistMatch": "all",
        "AllowAnyClientCertificate": "false",
        "RequiredExtendedKeyUsage": "clientAuth,1.2.3",
        "AuthorizerRules": RULES,
        "AuthorizerShadowRules": RULES,
        "AuthorizerRulesRefreshSeconds": "30",
        **CRLS,
        "CrlRefreshSeconds": "60",
        "CrlFailureMode": "allow",
        "CrlMaxAgeSeconds": "3600",
        "ResponseFormat": "simple",
        "UnauthenticatedResponse": "deny",
        "PrincipalId": "fingerprint",
        "ExpiryWarningDays": "14",
        "LogDecisions": "denied",
        **METRICS,
        "DeployDashboard": "true",
        "DeployAlarms": "true",
        "LogRetentionInDays": "30",
        "DurationAlarmMilliseconds": "500",
        "RevocationListAlarmSeconds": "3600",
        "ExpiryAlarmDays": "3",
    },
    "rules-in-s3": {
        "AuthorizerRulesUri": "s3://rules/now.json",
        "AuthorizerShadowRulesUri": "s3://rules/next/rules.json",
        "AuthorizerPolicyArn": "arn:aws:iam::123456789012:policy/decrypts",
    },
    "rules-in-ssm": {"AuthorizerRulesUri": "ssm:///rules/1,/rules/2", "AuthorizerShadowRulesUri": "ssm:///next"},
    "rules-in-appconfig": {
        "AuthorizerRulesUri": "appconfig://application/production/rules",
        "AuthorizerShadowRulesUri": "file:///opt/rules.json",
        "CrlUris": "file:///opt/a.crl,file:///opt/b.crl",
        "TruststoreUri": "file:///opt/truststore.pem",
    },
    "crl-bucket-first": CRL_BUCKET | {"CrlMaxAgeSeconds": "60"},
    "crl-bucket": CRL_BUCKET | CRLS | METRICS | {"DeployAlarms": "true", "AlarmTopicArn": TOPIC, "Tracing": "true"},
    "sample-api": SAMPLE_API,
    "sample-api-caching": SAMPLE_API | {"SampleApiAuthorizerTtl": "300", "SampleApiTruststoreVersion": "1"},
    "snap-start": SAMPLE_API | {"SnapStart": "true"},
    "provisioned-concurrency": SAMPLE_API | {"ProvisionedConcurrency": "2"},
}
# Any two of these are both on in one stack, both off in another, and either is on alone in a third and a fourth.
SWITCHES: tuple[dict[str, str], ...] = (
    {"SnapStart": "true"},
    {"Tracing": "true"},
    CRL_BUCKET,
    CRLS,
    METRICS | {"DeployDashboard": "true"},
    METRICS | {"DeployAlarms": "true", "AlarmTopicArn": TOPIC},
    SAMPLE_API,
)
for row in range(1, 8):
    switched_on = [switch for column, switch in enumerate(SWITCHES, 1) if (row & column).bit_count() % 2]
    STACKS[f"switches-{row}"] = {name: value for switch in switched_on for name, value in switch.items()}


def parameter_of(variable: str) -> str:
    """ALLOWED_COMMON_NAMES: AllowedCommonNames."""
    return variable.title().replace("_", "")


@cache
def source() -> dict[str, Any]:
    template: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return template


NO_VALUE = object()
PERMISSION = "AWS::Lambda::Permission"
DEPLOYED = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "stack",
}
"""What is known once a stack is deployed; names and ARNs of resources are their logical IDs, so that they show."""


def resolve(  # noqa: C901 -- a case for each function
    node: Any,  # noqa: ANN401 -- as in JSON
    parameters: Mapping[str, str],
    conditions: Mapping[str, bool],
) -> Any:  # noqa: ANN401
    """Evaluate the intrinsic functions that depend on parameters, as CloudFormation does, and leave what doesn't."""

    def substitute(text: str, variables: dict[str, Any]) -> Any:  # noqa: ANN401
        known = {
            **parameters,
            **{name: str(value) for name, value in variables.items() if isinstance(value, str | int)},
        }
        text = re.sub(r"\$\{([\w:.]+)\}", lambda name: known.get(name[1], name[0]), text)
        unknown = {name: value for name, value in variables.items() if name not in known}
        if "${" not in text:
            return text
        return {"Fn::Sub": [text, unknown] if unknown else text}

    def inner(node: Any) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 -- a case for each function
        match node:
            case {"Ref": "AWS::NoValue"}:
                return NO_VALUE
            case {"Ref": str(name)}:
                return parameters.get(name, node)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return parameters.get(f"{name}.{attribute}", node)
            case {"Fn::Sub": [str(text), dict(variables)]}:
                return substitute(text, inner(variables))
            case {"Fn::Sub": str(text)}:
                return substitute(text, {})
            case {"Fn::Join": [str(delimiter), parts]}:
                values = inner(parts)
                whole = isinstance(values, list) and all(isinstance(value, str) for value in values)
                return delimiter.join(values) if whole else {"Fn::Join": [delimiter, values]}
            case {"Fn::Split": [str(delimiter), whole]}:
                value = inner(whole)
                return value.split(delimiter) if isinstance(value, str) else {"Fn::Split": [delimiter, value]}
            case {"Fn::Select": [int(index), parts]}:
                return inner(parts)[index]
            case {"Fn::Equals": [one, other]}:
                return str(inner(one)) == str(inner(other))
            case {"Fn::Not": [condition]}:
                return not inner(condition)
            case {"Fn::And": [*operands]}:
                return all(map(inner, operands))
            case {"Fn::Or": [*operands]}:
                return any(map(inner, operands))
            case {"Condition": str(name), **others} if not others:
                return conditions[name]
            case {"Fn::If": [condition, yes, no]}:
                return inner(yes if conditions[condition] else no)
            case dict():
                children = ((key, inner(child)) for key, child in node.items())
                return {key: child for key, child in children if child is not NO_VALUE}
            case list():
                return [child for child in map(inner, node) if child is not NO_VALUE]
        return node

    return inner(node)


def everything_resolved(node: Any) -> Any:  # noqa: ANN401
    """Put in what is known once a stack is deployed."""
    logical_ids = source()["Resources"]
    names = [*logical_ids, *(f"{name}.{attribute}" for name in logical_ids for attribute in ("Arn", "QueueName"))]
    return resolve(node, DEPLOYED | dict(zip(names, names, strict=True)), {})


def parameters_of(stack: dict[str, str]) -> dict[str, str]:
    return {name: str(parameter["Default"]) for name, parameter in source()["Parameters"].items()} | stack


def evaluate_conditions(parameters: dict[str, str]) -> dict[str, bool]:
    conditions: dict[str, bool] = {}
    for name, condition in source()["Conditions"].items():
        conditions[name] = resolve(condition, parameters, conditions)
    return conditions


@cache
def deployed(name: str) -> dict[str, Any]:
    """Return the resources and outputs that CloudFormation makes of a stack in STACKS, transformed by SAM."""
    template = deepcopy(source())
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
    parameter = parameter_of(variable)
    assert source()["Parameters"][parameter]["Default"] == ""
    assert variable not in resource("defaults", "Authorizer")["Environment"]["Variables"]
    stack = next(name for name, parameters in STACKS.items() if parameters.get(parameter))
    assert resource(stack, "Authorizer")["Environment"]["Variables"][variable] == STACKS[stack][parameter]


def test_every_parameter_has_several_values_among_the_stacks() -> None:
    for name, parameter in source()["Parameters"].items():
        assert len({stack.get(name, str(parameter["Default"])) for stack in STACKS.values()}) > 1, name


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
        ("CRL_FAILURE_MODE", CrlFailureMode),
        ("RESPONSE_FORMAT", ResponseFormat),
        ("UNAUTHENTICATED_RESPONSE", UnauthenticatedResponse),
        ("PRINCIPAL_ID", PrincipalId),
        ("LOG_DECISIONS", LogDecisions),
    ],
)
def test_a_choice_has_the_values_that_the_authorizer_knows(variable: str, values: list[str]) -> None:
    assert source()["Parameters"][parameter_of(variable)]["AllowedValues"] == ["", *values]


def pattern_of(parameter: str) -> str:
    pattern: str = source()["Parameters"][parameter]["AllowedPattern"]
    return pattern


@pytest.mark.parametrize("variable", ["ALLOWED_COMMON_NAMES", "ALLOWED_ORGANIZATIONAL_UNITS", "ALLOWED_ORGANIZATIONS"])
@given(value=st.text('ab ,[]"', min_size=1))
def test_a_list_is_refused_where_the_authorizer_would_refuse_it(variable: str, value: str) -> None:
    accepted = re.fullmatch(pattern_of(parameter_of(variable)), value)
    try:
        load_configuration({variable: value})
    except ConfigurationError:
        # Whether JSON is right is more than a pattern can say.
        assert not accepted or value.strip().startswith("[")
    else:
        assert accepted


@pytest.mark.parametrize(
    ("parameter", "accepted", "refused"),
    [
        ("AllowedSubjectAltNames", ["DNS:a.example", '["URI:spiffe://a/b,c"]', "IP:::1, IP:10.0.0.1"], [",", "a,,b"]),
        ("AllowedIssuers", ["CN=Issuing CA,O=Acme", '["CN=A,O=B", "CN=C"]'], [" ", "["]),
        ("AllowedFingerprints", ["AB" * 32, "AB:" * 31 + "AB", '["' + "ab" * 32 + '"]'], [",", "AB,"]),
        ("AllowedSerialNumbers", ["0A1B", "1, 2"], [",1", "1,,2"]),
        ("RequiredExtendedKeyUsage", ["none", "clientAuth", "clientAuth, 1.3.6.1"], ["client auth", "a,,b", "a;b"]),
        ("AuthorizerRules", [RULES, f" {RULES}\n"], ["[]", "rules"]),
        ("AuthorizerShadowRules", [RULES], ["[]", "rules"]),
        (
            "AuthorizerRulesUri",
            [
                "s3://bucket.with.dots/a/b+c",
                "s3://bucket/key=1&2.json",
                "ssm:///a/b.c_d-e,/f",
                "ssm:///a:1,/b:live",
                "ssm://" + ",".join(f"/{number}" for number in range(10)),
                "appconfig://my application/production/rules",
                "file:///opt/rules.json",
            ],
            [
                "https://bucket.s3.amazonaws.com/key",
                "s3://bucket/",
                "s3://bucket/*",
                "s3://bucket/a?c",
                "s3://bucket/${aws:username}",
                "s3://bucket/a,s3://bucket/b",
                "s3://*/a",
                "s3://bucket/folder/",
                "ssm://a",
                "ssm:///a,b",
                "ssm:///a*",
                "ssm://" + ",".join(f"/{number}" for number in range(11)),
                "appconfig://a/b",
                "file://rules.json",
            ],
        ),
        (
            "CrlUris",
            ["s3://lists/a.crl", "s3://lists/a.crl,s3://other/b/c", "file:///opt/a.crl,file:///opt/b.crl"],
            ["s3://lists/a.crl, s3://lists/b.crl", "s3://lists/*.crl", "s3://lists/a.crl,file:///opt/a", "ssm:///a"],
        ),
        ("TruststoreUri", ["s3://lists/truststore.pem", "file:///opt/a"], ["s3://lists/a,s3://lists/b", "s3://lists/"]),
        ("AuthorizerRulesRefreshSeconds", ["1", "86400"], ["-1", "1.5", "1e3", "100000"]),
        ("CrlRefreshSeconds", ["1", "86400"], ["-1", "1.5", "1e3", "100000"]),
        ("CrlMaxAgeSeconds", ["0", "31536000"], ["-1", "1.5", "1e3", "100000000"]),
        ("ExpiryWarningDays", ["0", "3650"], ["-1", "1.5", "1e3", "10000"]),
        ("MetricsNamespace", ["Partners/Authorizer", "a.b_c-d#e"], ["AWS/Lambda", 'a"b', "a b", "a" * 256]),
        ("CrlBucketName", ["lists", "a-1"], ["Lists", "a", "-lists", "lists-", "*", "a.b"]),
        (
            "AuthorizerPolicyArn",
            ["arn:aws:iam::123456789012:policy/a/b", "arn:aws-cn:iam::aws:policy/b"],
            ["arn:aws:iam::123456789012:role/a", "policy"],
        ),
        ("AlarmTopicArn", [TOPIC], [f"{TOPIC}.fifo", "on-call"]),
    ],
)
def test_a_pattern_accepts_what_is_meant_and_nothing_else(
    parameter: str, accepted: list[str], refused: list[str]
) -> None:
    assert [value for value in ["", *accepted] if not re.fullmatch(pattern_of(parameter), value)] == []
    assert [value for value in refused if re.fullmatch(pattern_of(parameter), value)] == []


# Combinations that the authorizer, or the stack, couldn't do anything with


@pytest.mark.parametrize("stack", STACKS)
def test_no_rule_is_broken_by_a_stack_that_is_meant(stack: str) -> None:
    assert broken_rules(STACKS[stack]) == []


LISTS = [variable for variable in VARIABLES if variable.startswith("ALLOWED_")]


@pytest.mark.parametrize("name", [*map(parameter_of, LISTS), "AuthorizerRules", "AuthorizerRulesUri"])
def test_a_list_or_rules_beside_any_certificate_are_refused(name: str) -> None:
    description = f"AllowAnyClientCertificate is true, and {name} is set. Choose one of them."
    assert description in broken_rules({"AllowAnyClientCertificate": "true", name: "alpha"})


@pytest.mark.parametrize("name", sorted(SAMPLE_API.keys() - {"DeploySampleApi"}))
def test_a_sample_api_without_what_it_needs_is_refused(name: str) -> None:
    assert broken_rules(SAMPLE_API | {name: ""}) == [f"DeploySampleApi needs {name}."]


@pytest.mark.parametrize(
    ("parameters", "descriptions"),
    [
        ({"AllowedSerialNumbers": "1"}, ["AllowedSerialNumbers needs one issuer in AllowedIssuers."]),
        (
            {"AllowedSerialNumbers": "1", "AllowedIssuers": "CN=CA", "AllowlistMatch": "any"},
            ["AllowedSerialNumbers needs AllowlistMatch to be all."],
        ),
        (
            {"AuthorizerRules": RULES, "AuthorizerRulesUri": "ssm:///a"},
            ["AuthorizerRules is set, and so is AuthorizerRulesUri. Choose one of them."],
        ),
        (
            {"AuthorizerShadowRules": RULES, "AuthorizerShadowRulesUri": "ssm:///a"},
            ["AuthorizerShadowRules is set, and so is AuthorizerShadowRulesUri. Choose one of them."],
        ),
        (CRLS | {"TruststoreUri": ""}, ["CrlUris needs TruststoreUri."]),
        *(
            ({name: value}, [f"{name} is set without CrlUris, so that no certificate would be checked."])
            for name, value in (
                ("TruststoreUri", "s3://lists/truststore.pem"),
                ("CrlRefreshSeconds", "60"),
                ("CrlFailureMode", "deny"),
                ("CrlMaxAgeSeconds", "0"),
            )
        ),
        *((CRL_BUCKET | {name: ""}, [f"DeployCrlBucket needs {name}."]) for name in ("CrlBucketName", "TruststoreUri")),
        ({"DeployDashboard": "true"}, ["DeployDashboard needs MetricsNamespace."]),
        ({"DeployAlarms": "true"}, ["DeployAlarms needs MetricsNamespace."]),
        (
            {"SnapStart": "true", "ProvisionedConcurrency": "1"},
            ["SnapStart is true, and ProvisionedConcurrency is not 0. Choose one of them."],
        ),
    ],
)
def test_what_does_not_go_together_is_refused(parameters: dict[str, str], descriptions: list[str]) -> None:
    assert broken_rules(parameters) == descriptions


# Least privilege


def allowed(stack: str, role: str) -> list[tuple[str | list[str], str | list[str]]]:
    """Return the actions that a role allows, each with its resources, but for the function's own log."""
    [policy] = resource(stack, role)["Policies"]
    log, *statements = everything_resolved(policy["PolicyDocument"]["Statement"])
    log_group = f"{role.removesuffix('Role')}Logs"
    assert log == {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{log_group}.Arn",
    }
    assert all(statement["Effect"] == "Allow" for statement in statements)
    for statement in statements:
        # The names of parameters begin with arn:*:ssm:*:*.
        pinned = {"Condition": {"StringEquals": {"aws:RequestedRegion": REGION}}}
        rest = {key: value for key, value in statement.items() if key not in {"Effect", "Action", "Resource"}}
        assert rest == (pinned if statement["Action"] == "ssm:GetParameters" else {})
    return [(statement["Action"], statement["Resource"]) for statement in statements]


XRAY = (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")
INDEXES = ("s3:GetObject", "arn:aws:s3:::lists/*.crl.index")
LISTS_AND_TRUSTSTORE = [
    ("s3:GetObject", ["arn:*:s3:::lists/a.crl", "arn:*:s3:::lists/b/c.crl"]),
    ("s3:GetObject", "arn:*:s3:::lists/truststore.pem"),
]


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("defaults", []),
        ("sample-api", []),
        ("snap-start", []),
        ("every-variable", LISTS_AND_TRUSTSTORE),
        (
            "rules-in-s3",
            [("s3:GetObject", "arn:*:s3:::rules/now.json"), ("s3:GetObject", "arn:*:s3:::rules/next/rules.json")],
        ),
        (
            "rules-in-ssm",
            [
                ("ssm:GetParameters", ["arn:*:ssm:*:*:parameter/rules/1", "arn:*:ssm:*:*:parameter/rules/2"]),
                ("ssm:GetParameters", ["arn:*:ssm:*:*:parameter/next"]),
            ],
        ),
        (
            "rules-in-appconfig",
            [
                (
                    ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"],
                    "arn:aws:appconfig:eu-central-1:123456789012:application/*/environment/*/configuration/*",
                )
            ],
        ),
        ("crl-bucket-first", [INDEXES]),
        ("crl-bucket", [XRAY, *LISTS_AND_TRUSTSTORE, INDEXES]),
    ],
)
def test_the_authorizer_may_read_what_its_variables_name_and_nothing_else(
    stack: str, expected: list[tuple[str | list[str], str | list[str]]]
) -> None:
    assert allowed(stack, "AuthorizerRole") == expected


@pytest.mark.parametrize("parameter", ["AuthorizerRulesUri", "AuthorizerShadowRulesUri", "CrlUris", "TruststoreUri"])
@settings(max_examples=25)
@given(data=st.data())
def test_no_uri_lets_the_authorizer_read_more_than_it_names(parameter: str, data: st.DataObject) -> None:
    uri = data.draw(st.from_regex(pattern_of(parameter), fullmatch=True))
    parameters = parameters_of({"CrlUris": "file:///opt/a.crl"} | {parameter: uri})
    [policy] = source()["Resources"]["AuthorizerRole"]["Properties"]["Policies"]
    _log, *statements = everything_resolved(resolve(policy, parameters, evaluate_conditions(parameters)))[
        "PolicyDocument"
    ]["Statement"]
    for statement in statements:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        beginning = {"s3:GetObject": "arn:*:s3:::", "ssm:GetParameters": "arn:*:ssm:*:*:parameter/"}.get(
            str(statement["Action"]), "arn:aws:appconfig:eu-central-1:123456789012:application/*/environment/*/conf"
        )
        assert all(resource.startswith(beginning) for resource in resources)
        if "appconfig" not in beginning:
            assert not re.search(r"[*?$]", "".join(resource.removeprefix(beginning) for resource in resources))


def test_the_indexer_may_read_lists_and_write_indexes_and_nothing_else() -> None:
    lists = "arn:aws:s3:::lists"
    assert allowed("crl-bucket", "CrlIndexerRole") == [
        ("s3:GetObject", [f"{lists}/*.crl", f"{lists}/*.crl.index"]),
        ("s3:PutObject", f"{lists}/*.crl.index"),
        ("s3:ListBucket", lists),
        ("s3:GetObject", "arn:*:s3:::lists/truststore.pem"),
        ("sqs:SendMessage", "CrlIndexerFailures.Arn"),
    ]


def test_the_sample_function_may_write_its_own_log_and_nothing_else() -> None:
    assert allowed("sample-api", "SampleFunctionRole") == []


@pytest.mark.parametrize("stack", STACKS)
def test_each_function_has_a_role_of_its_own_that_lambda_alone_may_assume(stack: str) -> None:
    functions = {
        name: entry["Properties"]
        for name, entry in deployed(stack)["Resources"].items()
        if entry["Type"] == "AWS::Lambda::Function"
    }
    identities = [entry for entry in deployed(stack)["Resources"].values() if entry["Type"].startswith("AWS::IAM::")]
    assert [entry["Type"] for entry in identities] == ["AWS::IAM::Role"] * len(functions)
    policy_arn = STACKS[stack].get("AuthorizerPolicyArn")
    for name, properties in functions.items():
        assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert properties["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}
        role = resource(stack, f"{name}Role")
        assert role.keys() - {"ManagedPolicyArns"} == {"Description", "AssumeRolePolicyDocument", "Policies"}
        assert role.get("ManagedPolicyArns") == ([policy_arn] if policy_arn and name == "Authorizer" else None)
        assert role["AssumeRolePolicyDocument"]["Statement"] == [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]


@pytest.mark.parametrize(("stack", "authorizer"), [("sample-api", "Authorizer"), ("snap-start", "AuthorizerAliaslive")])
def test_only_the_sample_api_may_invoke_the_functions(stack: str, authorizer: str) -> None:
    permissions = {entry["FunctionName"]["Ref"]: entry for entry in resources_of_type(stack, PERMISSION)}
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${SampleApi}"
    assert {name: entry["SourceArn"]["Fn::Sub"] for name, entry in permissions.items()} == {
        authorizer: f"{api}/authorizers/*",
        "SampleFunction": f"{api}/live/GET/",
    }
    assert {entry["Principal"] for entry in permissions.values()} == {"apigateway.amazonaws.com"}
    assert {entry["Action"] for entry in permissions.values()} == {"lambda:InvokeFunction"}


def test_nobody_may_invoke_the_authorizer_without_the_sample_api() -> None:
    assert resources_of_type("defaults", PERMISSION) == []


def test_only_this_accounts_bucket_may_invoke_the_indexer() -> None:
    [permission] = resources_of_type("crl-bucket", PERMISSION)
    assert everything_resolved(permission) == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "CrlIndexer",
        "Principal": "s3.amazonaws.com",
        "SourceAccount": "123456789012",
        "SourceArn": "arn:aws:s3:::lists",
    }


def test_the_authorizer_logs_decisions_as_json_to_a_group_that_forgets() -> None:
    logged = resource("defaults", "Authorizer")["LoggingConfig"]
    assert (logged["LogFormat"], logged["ApplicationLogLevel"]) == ("JSON", "INFO")
    assert resource("defaults", "AuthorizerLogs")["RetentionInDays"] == "90"


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_refers_to_nothing_that_is_not_in_it(stack: str) -> None:
    def references(node: object) -> Iterable[str]:
        match node:
            case {"Ref": str(name)}:
                yield name
            case {"Fn::GetAtt": [str(name), *_]}:
                yield name
            case {"Fn::Sub": [str(text), dict(variables)]}:
                yield from (name for name in re.findall(r"\$\{(\w+)", text) if name not in variables)
                yield from references(variables)
            case {"Fn::Sub": str(text)}:
                yield from re.findall(r"\$\{(\w+)", text)
            case dict():
                for child in node.values():
                    yield from references(child)
            case list():
                for child in node:
                    yield from references(child)

    names = {name for name in references(deployed(stack)) if not name.startswith("AWS")}
    assert names <= deployed(stack)["Resources"].keys()


# Revocation lists


def test_the_bucket_is_encrypted_versioned_and_private_and_stays() -> None:
    bucket = resource("crl-bucket", "CrlBucket")
    [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert "ExpirationInDays" not in rule
    whole = deployed("crl-bucket")["Resources"]["CrlBucket"]
    assert (whole["DeletionPolicy"], whole["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_bucket_takes_indexes_from_the_indexer_only_and_everything_over_tls_only() -> None:
    policy = everything_resolved(resource("crl-bucket", "CrlBucketPolicy"))
    assert policy["Bucket"] == "CrlBucket"
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "OverTlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["CrlBucket.Arn", "CrlBucket.Arn/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "IndexesByTheIndexerOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:PutObject", "s3:ReplicateObject", "s3:DeleteObjectVersion"],
            "Resource": f"CrlBucket.Arn/*{INDEX_SUFFIX}",
            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "CrlIndexerRole.Arn"}},
        },
    ]


def test_an_upload_of_a_list_and_of_nothing_else_invokes_the_indexer() -> None:
    [notification] = resource("crl-bucket", "CrlBucket")["NotificationConfiguration"]["LambdaConfigurations"]
    assert notification["Event"] == "s3:ObjectCreated:*"
    assert notification["Function"] == {"Fn::GetAtt": ["CrlIndexer", "Arn"]}
    [rule] = notification["Filter"]["S3Key"]["Rules"]
    assert rule["Name"] == "suffix"
    lists = [uri for uri in CRLS["CrlUris"].split(",") if uri.endswith(rule["Value"])]
    assert lists == CRLS["CrlUris"].split(",")
    assert not f"a.crl{INDEX_SUFFIX}".endswith(rule["Value"])
    assert not CRLS["TruststoreUri"].endswith(rule["Value"])
    # S3 asks for the permission when the notification is made.
    assert deployed("crl-bucket")["Resources"]["CrlBucket"]["DependsOn"] == "CrlBucketInvokesIndexer"


def test_the_indexer_is_the_authorizers_code_and_layer_with_more_of_everything() -> None:
    authorizer, indexer = resource("crl-bucket", "Authorizer"), resource("crl-bucket", "CrlIndexer")
    for name in ("Runtime", "Layers", "Architectures"):
        assert indexer[name] == authorizer[name]
    assert (indexer["MemorySize"], indexer["Timeout"]) == (2048, 300)
    module, handler = indexer["Handler"].rsplit(".", 1)
    assert callable(getattr(import_module(module), handler))
    assert source()["Resources"]["CrlIndexer"]["Properties"]["CodeUri"] == "authorizer"


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("crl-bucket", {"TRUSTSTORE_URI": "s3://lists/truststore.pem"}),
        ("crl-bucket-first", {"TRUSTSTORE_URI": "s3://lists/truststore.pem", "CRL_MAX_AGE_SECONDS": "60"}),
    ],
)
def test_the_indexer_has_the_variables_that_it_reads(stack: str, expected: dict[str, str]) -> None:
    assert resource(stack, "CrlIndexer")["Environment"]["Variables"] == expected


def test_the_bucket_can_be_there_before_revocation_is_checked() -> None:
    assert resource("crl-bucket-first", "Authorizer")["Environment"]["Variables"] == {}


def test_an_upload_that_fails_three_times_goes_to_a_queue() -> None:
    [invocation] = resources_of_type("crl-bucket", "AWS::Lambda::EventInvokeConfig")
    assert invocation["FunctionName"] == {"Ref": "CrlIndexer"}
    assert invocation["MaximumRetryAttempts"] == 2
    queue = {"Fn::GetAtt": ["CrlIndexerFailures", "Arn"]}
    assert invocation["DestinationConfig"]["OnFailure"]["Destination"] == queue
    assert resource("crl-bucket", "CrlIndexerFailures")["SqsManagedSseEnabled"] is True


def test_without_the_bucket_there_is_none_of_it() -> None:
    for stack in ("defaults", "every-variable"):
        assert not [name for name in deployed(stack)["Resources"] if name.startswith("Crl")]


# The dashboard and the alarms

LAMBDA_METRICS = {
    "Invocations",
    "Errors",
    "Throttles",
    "Duration",
    "ConcurrentExecutions",
    "ProvisionedConcurrencySpilloverInvocations",
}
FUNCTIONS_AND_QUEUES = [
    *({"FunctionName": name} for name in ("Authorizer", "CrlIndexer")),
    {"QueueName": "CrlIndexerFailures.QueueName"},
]
DASHBOARDS = [name for name, parameters in STACKS.items() if "DeployDashboard" in parameters]
ALARMS = [name for name, parameters in STACKS.items() if "DeployAlarms" in parameters]


def check_metric(namespace: str, name: str, dimensions: Mapping[str, str]) -> None:
    """Check that there is such a metric."""
    if namespace == METRICS["MetricsNamespace"]:
        assert name in set(Metric)
        assert not dimensions or (name == Metric.DENIED and dimensions[REASON] in set(Reason) and len(dimensions) == 1)
    else:
        assert dimensions in FUNCTIONS_AND_QUEUES
        queue = "QueueName" in dimensions
        assert namespace == ("AWS/SQS" if queue else "AWS/Lambda")
        assert name in ({"ApproximateNumberOfMessagesVisible"} if queue else LAMBDA_METRICS)


def widgets(stack: str, kind: str) -> list[dict[str, Any]]:
    body = everything_resolved(resource(stack, "Dashboard")["DashboardBody"])
    return [widget["properties"] for widget in json.loads(body)["widgets"] if widget["type"] == kind]


def metrics_of(widget: dict[str, Any]) -> Iterable[list[str]]:
    """Yield each metric's namespace, name and dimensions, with the abbreviations that a dashboard allows filled in."""
    before: list[str] = []
    for entry in widget["metrics"]:
        if not isinstance(entry[0], str):
            continue
        texts = [text for text in entry if isinstance(text, str)]
        if texts == ["..."]:
            texts = before
        before = [before[place] if text == "." else text for place, text in enumerate(texts)]
        yield before


@pytest.mark.parametrize("stack", DASHBOARDS)
def test_the_dashboard_shows_metrics_that_there_are_and_all_of_the_authorizers(stack: str) -> None:
    shown = set()
    for widget in widgets(stack, "metric"):
        assert widget["region"] == REGION
        for namespace, name, *dimensions in metrics_of(widget):
            check_metric(namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True)))
            shown.add(name)
    assert set(Metric) <= shown


@pytest.mark.parametrize("stack", DASHBOARDS)
def test_the_dashboard_searches_the_reasons_of_a_deny(stack: str) -> None:
    [search] = [
        entry[0]["expression"]
        for widget in widgets(stack, "metric")
        for entry in widget["metrics"]
        if isinstance(entry[0], dict)
    ]
    found = re.fullmatch(r"""SEARCH\('\{"([^"]+)",(\w+)\} MetricName="(\w+)"', 'Sum', 300\)""", search)
    assert found
    assert found.groups() == (METRICS["MetricsNamespace"], REASON, Metric.DENIED)


@pytest.mark.parametrize("stack", DASHBOARDS)
def test_the_dashboards_widgets_do_not_overlap(stack: str) -> None:
    body = json.loads(everything_resolved(resource(stack, "Dashboard")["DashboardBody"]))
    squares = [
        (column, row)
        for widget in body["widgets"]
        for column in range(widget["x"], widget["x"] + widget["width"])
        for row in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(set(squares)) == len(squares)
    assert max(column for column, _ in squares) < 24
    has_indexer = "CrlBucketName" in STACKS[stack]
    assert ("CrlIndexer" in json.dumps(body)) == has_indexer


def test_the_dashboards_queries_ask_for_fields_that_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    make_authorizer(load_configuration({}))(rest_event(client_pem(("CN", "client"))))
    [record] = caplog.records
    # Of Lambda's own records, which the platform writes.
    fields = vars(record).keys() | {"type", "record.metrics.initDurationMs", "record.metrics.restoreDurationMs"}
    queries = [widget["query"] for widget in widgets("every-variable", "log")]
    assert len(queries) == 3
    for query in queries:
        log, *commands = query.split(" | ")
        assert log == "SOURCE 'AuthorizerLogs'"
        text = re.sub(r"'[^']*'", "", " ".join(commands))
        aliases = set(re.findall(r"\bas (\w+)", text))
        words = set(re.findall(r"[a-z_][\w.]*(?!\w*\()", text)) - aliases
        keywords = {"filter", "stats", "by", "as", "sort", "desc", "asc", "limit", "and"}
        assert words - keywords - {"pct", "count", "min", "bin", "h"} <= fields, query


@pytest.mark.parametrize(("stack", "days"), [("every-variable", "14"), ("switches-4", "30")])
def test_the_dashboard_shows_who_is_warned_of_expiry(stack: str, days: str) -> None:
    [query] = [widget["query"] for widget in widgets(stack, "log") if "days_to_expiry" in widget["query"]]
    assert f"days_to_expiry <= {days} " in query
    environment = resource(stack, "Authorizer")["Environment"]["Variables"]
    assert load_configuration(environment).expiry_warning_days == int(days)


def alarms(stack: str) -> dict[str, dict[str, Any]]:
    return {
        name: everything_resolved(entry["Properties"])
        for name, entry in deployed(stack)["Resources"].items()
        if entry["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.mark.parametrize("stack", ALARMS)
def test_alarms_watch_metrics_that_there_are(stack: str) -> None:
    for alarm in alarms(stack).values():
        watched = (
            [alarm]
            if "MetricName" in alarm
            else [metric["MetricStat"]["Metric"] for metric in alarm["Metrics"] if "MetricStat" in metric]
        )
        for metric in watched:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])}
            check_metric(metric["Namespace"], metric["MetricName"], dimensions)
        assert alarm["TreatMissingData"] == "notBreaching"
        topics = [STACKS[stack]["AlarmTopicArn"]] if "AlarmTopicArn" in STACKS[stack] else None
        assert (alarm.get("AlarmActions"), alarm.get("OKActions")) == (topics, topics)


@pytest.mark.parametrize(
    ("stack", "others"),
    [
        ("switches-3", set()),
        ("every-variable", {"RevocationListStaleAlarm", "RevocationStatusUnknownAlarm"}),
        (
            "crl-bucket",
            {
                "RevocationListStaleAlarm",
                "RevocationStatusUnknownAlarm",
                "CrlIndexerErrorsAlarm",
                "CrlIndexerFailuresAlarm",
            },
        ),
    ],
)
def test_there_is_an_alarm_for_what_a_stack_has(stack: str, others: set[str]) -> None:
    always = {"Errors", "Throttles", "Duration"}
    assert alarms(stack).keys() == others | {f"Authorizer{name}Alarm" for name in always} | {
        "RulesRefreshFailuresAlarm",
        "ExpiryAlarm",
    }


@pytest.mark.parametrize(
    ("alarm", "comparison", "threshold"),
    [
        ("AuthorizerDurationAlarm", "GreaterThanThreshold", "500"),
        ("RevocationListStaleAlarm", "LessThanOrEqualToThreshold", "3600"),
        ("ExpiryAlarm", "LessThanOrEqualToThreshold", "3"),
        ("RulesRefreshFailuresAlarm", "GreaterThanThreshold", 0),
    ],
)
def test_an_alarm_goes_off_where_its_parameter_says(alarm: str, comparison: str, threshold: object) -> None:
    properties = alarms("every-variable")[alarm]
    assert (properties["ComparisonOperator"], properties["Threshold"]) == (comparison, threshold)


@pytest.mark.parametrize(
    ("stack", "expression"),
    [
        ("crl-bucket", "FILL(errors, 0) - FILL(unauthorized, 0)"),
        ("every-variable", "FILL(errors, 0)"),
    ],
)
def test_nobody_is_called_for_a_request_without_a_certificate(stack: str, expression: str) -> None:
    metrics = alarms(stack)["AuthorizerErrorsAlarm"]["Metrics"]
    [returned] = [metric for metric in metrics if metric.get("ReturnData", True)]
    assert returned["Expression"] == expression
    [subtracted] = [metric["MetricStat"]["Metric"] for metric in metrics if metric["Id"] == "unauthorized"]
    assert subtracted["MetricName"] == Metric.UNAUTHORIZED
    assert "Dimensions" not in subtracted


def test_there_are_neither_dashboard_nor_alarms_nor_traces_by_default() -> None:
    assert not [entry for entry in deployed("defaults")["Resources"].values() if "CloudWatch" in entry["Type"]]
    assert resource("defaults", "Authorizer")["TracingConfig"] == {"Mode": "PassThrough"}
    assert resource("crl-bucket", "Authorizer")["TracingConfig"] == {"Mode": "Active"}


# Versions

PUBLISHED = [name for name, parameters in STACKS.items() if {"SnapStart", "ProvisionedConcurrency"} & parameters.keys()]


@pytest.mark.parametrize("stack", STACKS)
def test_everything_points_to_the_alias_of_a_published_version_and_else_to_the_function(stack: str) -> None:
    published = {"Ref": "AuthorizerAliaslive"}
    target = published if stack in PUBLISHED else {"Fn::GetAtt": ["Authorizer", "Arn"]}
    outputs = deployed(stack)["Outputs"]
    assert outputs["AuthorizerArn"]["Value"] == target
    assert outputs["AuthorizerUri"]["Value"]["Fn::Sub"][1] == {"Function": target}
    aliases = json.dumps([entry for name, entry in deployed(stack).items() if name != "AWSTemplateFormatVersion"])
    assert (json.dumps(published) in aliases) == (stack in PUBLISHED)


def test_a_snapshot_is_taken_of_versions_and_only_if_asked_for() -> None:
    assert resource("snap-start", "Authorizer")["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    for stack in ("defaults", "provisioned-concurrency"):
        assert "SnapStart" not in resource(stack, "Authorizer")
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html: Python 3.12 and later
    assert resource("snap-start", "Authorizer")["Runtime"] in {"python3.12", "python3.13", "python3.14"}


def test_environments_are_kept_started_only_if_asked_for() -> None:
    alias = resource("provisioned-concurrency", "AuthorizerAliaslive")
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": "2"}
    for stack in ("defaults", "snap-start"):
        assert "ProvisionedConcurrencyConfig" not in resource(stack, "AuthorizerAliaslive")


@pytest.mark.parametrize("stack", PUBLISHED)
def test_another_version_is_published_whenever_a_variable_or_the_layer_changes(stack: str) -> None:
    content = source()["Resources"]["AuthorizerVariables"]["Properties"]["Content"]["Fn::Join"][1]
    referred_to = {part["Ref"] for part in content if "Ref" in part}
    assert referred_to == {*map(parameter_of, VARIABLES), "SnapStart", "Tracing"}
    layers = resource(stack, "Authorizer")["Layers"]
    assert layers[0] in resource(stack, "AuthorizerVariables")["Content"]["Fn::Join"][1]
    [version] = resources_of_type(stack, "AWS::Lambda::Version")
    assert version["Description"] == {"Fn::GetAtt": ["AuthorizerVariables", "VersionNumber"]}
    assert "${AuthorizerVariables.VersionNumber}" in resource(stack, "Authorizer")["Description"]["Fn::Sub"]


@pytest.mark.parametrize(
    ("resource_type", "name"),
    [("AWS::AppConfig::HostedConfigurationVersion", "Content"), ("AWS::Lambda::Version", "Description")],
)
def test_cloudformation_replaces_what_has_another_one_of_these(resource_type: str, name: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema
    assert f"/properties/{name}" in schema["createOnlyProperties"]


def test_what_numbers_the_variables_is_there_for_versions_only() -> None:
    assert not [name for name in deployed("defaults")["Resources"] if name.startswith("AuthorizerVariables")]
    [version] = resources_of_type("defaults", "AWS::Lambda::Version")
    assert "Description" not in version


# The sample API


def test_without_the_sample_api_there_is_none_of_it() -> None:
    assert sorted(entry["Type"] for entry in deployed("defaults")["Resources"].values()) == [
        "AWS::IAM::Role",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Version",
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


def test_the_indexer_is_shipped_with_the_same_files(built: Path) -> None:
    assert contents_of(built / "CrlIndexer") == contents_of(built / "Authorizer")


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
