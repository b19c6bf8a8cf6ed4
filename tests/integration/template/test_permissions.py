"""The permissions of the functions' roles, and who may invoke the functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.template.intrinsic_functions import references, resolve
from tests.integration.template.stacks import ALL_STACK_IDS, ALL_STACKS, AUTHORIZER, REVOCATION, SAMPLE_API
from tests.integration.template.templates import REGION

if TYPE_CHECKING:
    from tests.integration.template.templates import Template

PERMISSION = "AWS::Lambda::Permission"

each_stack = pytest.mark.parametrize(("template", "stack"), ALL_STACKS, ids=ALL_STACK_IDS)


def allowed(template: Template, stack: str, role: str) -> list[tuple[str | list[str], str | list[str]]]:
    """Return the actions that a role allows, each with its resources, except for the function's own log."""
    [policy] = template.properties(stack, role)["Policies"]
    log, *statements = template.resolved(policy["PolicyDocument"]["Statement"])
    log_group = f"{role.removesuffix('Role')}Logs"
    assert log == {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{log_group}.Arn",
    }
    assert all(statement["Effect"] == "Allow" for statement in statements)
    for statement in statements:
        assert statement.get("Condition") == condition_of(
            template, str(statement["Action"]), str(statement["Resource"])
        )
        assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
    return [(statement["Action"], statement["Resource"]) for statement in statements]


def condition_of(template: Template, action: str, resource: str) -> dict[str, Any] | None:
    if action == "ssm:GetParameters":
        # The ARNs of parameters begin with arn:*:ssm:*:*.
        return {"StringEquals": {"aws:RequestedRegion": REGION}}
    if action == "s3:ListBucket" and template is AUTHORIZER:
        # Of s3://lists/pki/crl/, the first folder, and so on.
        return {"StringLike": {"s3:prefix": "pki/*" if resource == "arn:aws:s3:::lists" else "crl/*"}}
    if action == str(NETWORK_INTERFACES):
        # For Lambda, not for the function: only its requests have this key.
        # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        return {"Null": {"lambda:SourceFunctionArn": "true"}}
    return None


# Of AWS's managed policy AWSLambdaVPCAccessExecutionRole.
NETWORK_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]
CRL_OBJECTS = ("s3:GetObject", ["arn:*:s3:::lists/a.crl", "arn:*:s3:::lists/b/c.crl"])
TRUSTSTORE = "arn:*:s3:::lists/truststore.pem"


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("defaults", []),
        ("snap-start", []),
        ("every-variable", [("s3:GetObject", [TRUSTSTORE]), CRL_OBJECTS]),
        ("rules-in-s3", [("s3:GetObject", ["arn:*:s3:::rules/now.json", "arn:*:s3:::rules/next/rules.json"])]),
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
        (
            "crl-bucket",
            [
                (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
                ("s3:GetObject", [TRUSTSTORE, "arn:aws:s3:::lists/*.crl.index"]),
                CRL_OBJECTS,
            ],
        ),
        (
            "crl-prefixes",
            [
                ("s3:GetObject", [TRUSTSTORE]),
                (
                    "s3:GetObject",
                    [
                        *("arn:*:s3:::lists/pki/crl/*.crl", "arn:*:s3:::other/crl/*.crl"),
                        *("arn:*:s3:::third/crl/*.crl", "arn:*:s3:::lists/b/c.crl"),
                        "arn:*:s3:::lists/pki/crl/",  # the first one again, which names no object
                    ],
                ),
                ("s3:ListBucket", "arn:aws:s3:::lists"),
                ("s3:ListBucket", "arn:aws:s3:::other"),
                ("s3:ListBucket", "arn:aws:s3:::third"),
            ],
        ),
    ],
)
def test_the_authorizer_may_only_read_the_documents_that_its_variables_name(
    stack: str, expected: list[tuple[str | list[str], str | list[str]]]
) -> None:
    assert allowed(AUTHORIZER, stack, "AuthorizerRole") == expected


@pytest.mark.parametrize("parameter", ["AuthorizerRulesUri", "AuthorizerShadowRulesUri", "CrlUris", "TruststoreUri"])
@settings(max_examples=25)
@given(data=st.data())
def test_no_uri_allows_the_authorizer_to_read_more_than_it_names(parameter: str, data: st.DataObject) -> None:
    uri = data.draw(st.from_regex(AUTHORIZER.pattern(parameter), fullmatch=True))
    given = {"CrlUris": "file:///opt/a.crl"} | {parameter: uri}
    [policy] = AUTHORIZER.source["Resources"]["AuthorizerRole"]["Properties"]["Policies"]
    document = resolve(policy["PolicyDocument"], AUTHORIZER.parameters(given), AUTHORIZER.conditions(given))
    _log, *statements = AUTHORIZER.resolved(document)["Statement"]
    is_prefix = parameter == "CrlUris" and "/," in f"{uri},"
    # Functions cannot take apart any number of URIs.
    prefixes = [each for each in uri.split(",")[:3] if parameter == "CrlUris" and re.fullmatch("s3://.*/", each)]
    listed = []
    for statement in statements:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        if statement["Action"] == "s3:ListBucket":
            listed += [(*resources, statement["Condition"])]
            continue
        beginning = {"s3:GetObject": "arn:*:s3:::", "ssm:GetParameters": "arn:*:ssm:*:*:parameter/"}.get(
            str(statement["Action"]), "arn:aws:appconfig:eu-central-1:123456789012:application/*/environment/*/conf"
        )
        assert all(resource.startswith(beginning) for resource in resources)
        if "appconfig" not in beginning:
            named = (resource.removeprefix(beginning).replace("/*.crl", "/", int(is_prefix)) for resource in resources)
            assert not re.search(r"[*?$]", "".join(named))
    assert listed == [
        (f"arn:aws:s3:::{bucket}", {"StringLike": {"s3:prefix": f"{folder}/*"}})
        for _, _, bucket, folder, *_ in (prefix.split("/") for prefix in prefixes)
    ]


@pytest.mark.parametrize(
    ("stack", "bucket", "truststore"),
    [
        ("defaults", "lists", [("s3:GetObject", TRUSTSTORE)]),
        ("everything-set", "other", [("s3:GetObject", "arn:*:s3:::elsewhere/truststore.pem")]),
        ("truststore-in-a-file", "lists", []),
    ],
)
def test_the_indexer_may_only_read_crls_and_the_truststore_and_write_indexes(
    stack: str, bucket: str, truststore: list[tuple[str, str]]
) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    assert allowed(REVOCATION, stack, "CrlIndexerRole") == [
        ("s3:GetObject", [f"{arn}/*.crl", f"{arn}/*.crl.index"]),
        ("s3:PutObject", f"{arn}/*.crl.index"),
        ("s3:ListBucket", arn),
        *truststore,
        ("sqs:SendMessage", "CrlIndexerFailures.Arn"),
    ]


def test_the_fetcher_may_only_read_the_truststore_and_read_and_write_crls_below_its_prefix() -> None:
    arn = "arn:aws:s3:::other"
    assert allowed(REVOCATION, "everything-set", "CrlFetcherRole") == [
        (["s3:GetObject", "s3:PutObject"], f"{arn}/fetched/*.crl"),
        ("s3:ListBucket", arn),
        (NETWORK_INTERFACES, "*"),
        ("s3:GetObject", "arn:*:s3:::elsewhere/truststore.pem"),
    ]
    assert allowed(REVOCATION, "truststore-in-a-file", "CrlFetcherRole") == [
        (["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::lists/fetched/*.crl"),
        ("s3:ListBucket", "arn:aws:s3:::lists"),
    ]


def test_the_sample_function_may_only_write_its_own_log() -> None:
    assert allowed(SAMPLE_API, "defaults", "SampleFunctionRole") == []


@each_stack
def test_each_function_has_its_own_role_and_log_group(template: Template, stack: str) -> None:
    functions = {
        name: resource["Properties"]
        for name, resource in template.deployed(stack)["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    resources = template.deployed(stack)["Resources"].values()
    identities = [resource["Type"] for resource in resources if resource["Type"].startswith("AWS::IAM::")]
    assert identities == ["AWS::IAM::Role"] * len(functions)
    policy_arn = template.stacks[stack].get("AuthorizerPolicyArn")
    for name, properties in functions.items():
        assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert properties["LoggingConfig"] == {
            "LogFormat": "JSON",
            "LogGroup": {"Ref": f"{name}Logs"},
            **({} if name == "SampleFunction" else {"ApplicationLogLevel": "INFO"}),
        }
        retention = template.parameters(template.stacks[stack])["LogRetentionInDays"]
        assert template.properties(stack, f"{name}Logs")["RetentionInDays"] == retention
        role = template.properties(stack, f"{name}Role")
        optional = {"ManagedPolicyArns", "PermissionsBoundary"}
        assert role.keys() - optional == {"Description", "AssumeRolePolicyDocument", "Policies"}
        assert role.get("ManagedPolicyArns") == ([policy_arn] if policy_arn else None)
        assert role.get("PermissionsBoundary") == template.stacks[stack].get("PermissionsBoundaryArn")
        assert role["AssumeRolePolicyDocument"]["Statement"] == [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_authorizers_stack_permits_nobody_to_invoke_it(stack: str) -> None:
    assert AUTHORIZER.properties_of_type(stack, PERMISSION) == []


@pytest.mark.parametrize("stack", SAMPLE_API.stacks)
def test_only_the_sample_api_may_invoke_the_authorizer_and_the_sample_function(stack: str) -> None:
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${SampleApi}"
    authorizer = SAMPLE_API.stacks[stack]["AuthorizerArn"]
    assert SAMPLE_API.properties_of_type(stack, PERMISSION) == [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": function,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": source},
        }
        for function, source in [
            (authorizer, f"{api}/authorizers/*"),
            ({"Ref": "SampleFunction"}, f"{api}/live/GET/"),
        ]
    ]


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_only_the_bucket_of_this_account_may_invoke_the_indexer_and_only_the_schedule_the_fetcher(stack: str) -> None:
    permissions = {each["FunctionName"]: each for each in map(REVOCATION.resolved, permissions_of(stack))}
    assert permissions.pop("CrlIndexer") == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "CrlIndexer",
        "Principal": "s3.amazonaws.com",
        "SourceAccount": "123456789012",
        "SourceArn": f"arn:aws:s3:::{REVOCATION.stacks[stack]['CrlBucketName']}",
    }
    schedule = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "CrlFetcher",
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": ["CrlFetcherSchedule", "Arn"]},
    }
    assert list(permissions.values()) == ([schedule] if "CrlSources" in REVOCATION.stacks[stack] else [])


def permissions_of(stack: str) -> list[dict[str, Any]]:
    return REVOCATION.properties_of_type(stack, PERMISSION)


@each_stack
def test_a_stack_refers_only_to_its_own_resources(template: Template, stack: str) -> None:
    deployed = template.deployed(stack)
    names = {name for name in references([deployed["Resources"], deployed["Outputs"]]) if not name.startswith("AWS")}
    assert names <= deployed["Resources"].keys()
