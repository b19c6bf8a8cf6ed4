"""The module of the authorizer deploys the same as the templates."""

from __future__ import annotations

import json
import re
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.policy.settings import VARIABLES, load_settings
from tests.integration.template.stacks import (
    AUTHORIZER,
    INVALID_SOURCES,
    MONITORING,
    REVOCATION,
    RULES,
    TOPIC,
    parameter_of,
)
from tests.integration.template.test_parameter_combinations import REJECTED
from tests.integration.template.test_parameter_patterns import OPTIONAL, WRITTEN, authorizer_accepts
from tests.integration.terraform.evaluator import MODULES, attributes, labels, parse
from tests.integration.terraform.modules import (
    AUTHORIZER_MODULE,
    SEVERAL,
    TYPES,
    inputs,
    module,
    of_type,
    permissions,
    plain,
    resource,
    value_of,
    variable_of,
)
from tests.unit.documentation.markdown import codes, pages

if TYPE_CHECKING:
    from tests.integration.template.templates import Template
    from tests.integration.terraform.evaluator import Module

pytestmark = pytest.mark.without_coverage

# The oldest provider that versions.tf permits. Its newer ones accept it, from a release on that could not be found out.
NOT_IN_PROVIDER_6_21 = {"python3.15"}

# The module publishes versions of the function by an argument, and only if something needs them.
NOT_IN_TERRAFORM = {
    "AWS::Lambda::Version",
    "AWS::AppConfig::Application",
    "AWS::AppConfig::ConfigurationProfile",
    "AWS::AppConfig::HostedConfigurationVersion",
}
TERRAFORM_TYPES = {
    "AWS::CloudWatch::Alarm": "aws_cloudwatch_metric_alarm",
    "AWS::CloudWatch::Dashboard": "aws_cloudwatch_dashboard",
    "AWS::Events::Rule": "aws_cloudwatch_event_rule",
    "AWS::IAM::Role": "aws_iam_role",
    "AWS::Lambda::Alias": "aws_lambda_alias",
    "AWS::Lambda::EventInvokeConfig": "aws_lambda_function_event_invoke_config",
    "AWS::Lambda::Function": "aws_lambda_function",
    "AWS::Lambda::LayerVersion": "aws_lambda_layer_version",
    "AWS::Lambda::Permission": "aws_lambda_permission",
    "AWS::Logs::LogGroup": "aws_cloudwatch_log_group",
    "AWS::S3::Bucket": "aws_s3_bucket",
    "AWS::S3::BucketPolicy": "aws_s3_bucket_policy",
    "AWS::SQS::Queue": "aws_sqs_queue",
}
# Properties in CloudFormation, resources in Terraform.
PROPERTIES = {
    "aws_cloudwatch_event_target",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_lambda_provisioned_concurrency_config",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_notification",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
}
AUTHORIZER_ONLY = {"deploy_alarms": False, "deploy_dashboard": False}


def of_template(template: Template, stack: str) -> list[str]:
    """Return Terraform's types for the resources of a stack, except for the alias that nothing refers to."""
    types = [entry["Type"] for entry in template.deployed(stack)["Resources"].values()]
    published = "AWS::AppConfig::Application" in types
    return sorted(
        TERRAFORM_TYPES[each]
        for each in types
        if each not in NOT_IN_TERRAFORM and (published or each != "AWS::Lambda::Alias")
    )


def types_of(evaluated: Module) -> list[str]:
    return sorted(each.type for each in evaluated.resources if each.type not in PROPERTIES)


def function(template: Template, stack: str, logical_id: str) -> dict[str, Any]:
    """Return the properties that a stack and the module must share, in Terraform's names."""
    properties = template.properties(stack, logical_id)
    return {
        "handler": properties["Handler"],
        "runtime": properties["Runtime"],
        "architectures": properties["Architectures"],
        "memory_size": properties["MemorySize"],
        "timeout": properties["Timeout"],
        "logging_config": [{"log_format": "JSON", "application_log_level": "INFO"}],
    }


def function_of(evaluated: Module, name: str) -> dict[str, Any]:
    found = plain(resource(evaluated, f"aws_lambda_function.{name}"))
    [logging] = found["logging_config"]
    assert logging.pop("log_group") == f"aws_cloudwatch_log_group.{name}.name"
    assert found["role"] == f"aws_iam_role.{name}.arn"
    assert found["layers"] == ["aws_lambda_layer_version.layer.arn"]
    keys = ("handler", "runtime", "architectures", "memory_size", "timeout", "logging_config")
    return {key: found[key] for key in keys}


def statements(evaluated: Module, name: str, terraform_names: dict[str, str]) -> set[Any]:
    """Return the permissions of a role, with the names that CloudFormation's resources have."""
    policy = resource(evaluated, f"aws_iam_role_policy.{name}")
    assert policy["role"].path == f"aws_iam_role.{name}.id"
    text = policy["policy"]
    for terraform, cloudformation in terraform_names.items():
        text = text.replace(terraform, cloudformation)
    return permissions(json.loads(text)["Statement"])


# The authorizer


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_authorizer_has_the_environment_of_the_template(stack: str) -> None:
    evaluated = module(AUTHORIZER.stacks[stack])
    assert evaluated.violations == []
    [environment] = resource(evaluated, "aws_lambda_function.authorizer")["environment"]
    theirs = AUTHORIZER.resolved(AUTHORIZER.properties(stack, "Authorizer")["Environment"]["Variables"])
    # false is the default, and not set.
    assert environment["variables"].keys() == {name for name, value in theirs.items() if value != "false"}
    ours = load_settings(environment["variables"])
    assert ours._replace(version="") == load_settings(theirs)._replace(version="")


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_authorizer_has_the_permissions_of_the_template(stack: str) -> None:
    evaluated = module(AUTHORIZER.stacks[stack])
    [policy] = AUTHORIZER.properties(stack, "AuthorizerRole")["Policies"]
    theirs = AUTHORIZER.resolved(policy["PolicyDocument"]["Statement"])
    # In CloudFormation, the ARN of a log group ends with :*.
    ours = statements(evaluated, "authorizer", {"aws_cloudwatch_log_group.authorizer.arn:*": "AuthorizerLogs.Arn"})
    assert ours == permissions(theirs)
    attached = of_type(evaluated, "aws_iam_role_policy_attachment")
    assert [each["policy_arn"] for each in attached] == AUTHORIZER.properties(stack, "AuthorizerRole").get(
        "ManagedPolicyArns", []
    )


def test_versions_and_labels_of_parameters_are_no_part_of_the_permissions() -> None:
    evaluated = module({"AuthorizerRulesUri": "ssm:///rules/1:3,/rules/2:live"})
    [resources] = [each["Resource"] for each in evaluated.local("statements") if "ssm:GetParameters" in each["Action"]]
    assert [arn.partition(":parameter")[2] for arn in resources] == ["/rules/1", "/rules/2"]


def test_a_key_may_contain_the_scheme_of_a_uri() -> None:
    evaluated = module({"TruststoreUri": "s3://lists/s3://a", "CrlUris": "s3://lists/s3://b/"})
    arns = {f"arn:aws:s3:::lists/s3://{key}" for key in ("a", "b/*.crl")}
    assert arns == {arn for arn in evaluated.local("objects") if "s3://" in arn}
    assert evaluated.local("indexer_truststore") == ["arn:aws:s3:::lists/s3://a"]


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_authorizer_has_the_resources_of_the_template(stack: str) -> None:
    evaluated = module(AUTHORIZER.stacks[stack], AUTHORIZER_ONLY)
    assert types_of(evaluated) == of_template(AUTHORIZER, stack)
    assert function_of(evaluated, "authorizer") == function(AUTHORIZER, stack, "Authorizer")
    ours = resource(evaluated, "aws_lambda_function.authorizer")
    theirs = AUTHORIZER.properties(stack, "Authorizer")
    assert ours["tracing_config"] == [{"mode": theirs["TracingConfig"]["Mode"]}]
    assert ours.get("snap_start", []) == ([{"apply_on": "PublishedVersions"}] if "SnapStart" in theirs else [])
    assert ours["publish"] == bool(of_type(evaluated, "aws_lambda_alias"))
    assert [each["provisioned_concurrent_executions"] for each in provisioned(evaluated)] == [
        int(each["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"])
        for each in AUTHORIZER.properties_of_type(stack, "AWS::Lambda::Alias")
        if "ProvisionedConcurrencyConfig" in each
    ]
    retention = AUTHORIZER.properties(stack, "AuthorizerLogs")["RetentionInDays"]
    assert str(resource(evaluated, "aws_cloudwatch_log_group.authorizer")["retention_in_days"]) == retention
    role = AUTHORIZER.properties(stack, "AuthorizerRole")
    ours = resource(evaluated, "aws_iam_role.authorizer")
    assert json.loads(ours["assume_role_policy"]) == role["AssumeRolePolicyDocument"]


@pytest.mark.parametrize("template", [AUTHORIZER, REVOCATION], ids=lambda template: template.name)
def test_each_role_has_the_permissions_boundary_and_by_default_none(template: Template) -> None:
    others = {"create_crl_bucket": template is REVOCATION}
    boundaries = [
        [role.get("permissions_boundary") for role in of_type(module(given, others), "aws_iam_role")]
        for given in template.stacks.values()
    ]
    expected = [given.get("PermissionsBoundaryArn") for given in template.stacks.values()]
    assert [set(each) for each in boundaries] == [{arn} for arn in expected]


def provisioned(evaluated: Module) -> list[dict[str, Any]]:
    return of_type(evaluated, "aws_lambda_provisioned_concurrency_config")


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_layer_is_that_of_the_architecture_and_is_retained(stack: str) -> None:
    layer = resource(module(AUTHORIZER.stacks[stack]), "aws_lambda_layer_version.layer")
    [theirs] = AUTHORIZER.properties_of_type(stack, "AWS::Lambda::LayerVersion")
    assert layer["compatible_architectures"] == theirs["CompatibleArchitectures"]
    accepted = [runtime for runtime in theirs["CompatibleRuntimes"] if runtime not in NOT_IN_PROVIDER_6_21]
    assert layer["compatible_runtimes"] == accepted
    assert layer["layer_name"] == theirs["LayerName"]
    # The name of the release's file.
    assert layer["filename"] == f"release/{theirs['LayerName']}.zip"
    assert layer["skip_destroy"] is True


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_output_names_the_alias_of_a_published_version_or_else_the_function(stack: str) -> None:
    outputs = plain(module(AUTHORIZER.stacks[stack]).outputs)
    published = {"SnapStart", "ProvisionedConcurrency"} & AUTHORIZER.stacks[stack].keys()
    target = "aws_lambda_alias.live.arn" if published else "aws_lambda_function.authorizer.arn"
    assert outputs["authorizer_arn"] == target
    assert outputs["authorizer_uri"].endswith(f":lambda:path/2015-03-31/functions/{target}/invocations")
    assert outputs["layer_arn"] == "aws_lambda_layer_version.layer.arn"


# Revocation


def revocation(stack: str, **others: object) -> Module:
    """Return the module with the bucket and the indexer, and without CRLs, as it is applied first."""
    return module(REVOCATION.stacks[stack], {"create_crl_bucket": True, **others})


REVOCATION_NAMES = {
    "aws_cloudwatch_log_group.crl_indexer.arn:*": "CrlIndexerLogs.Arn",
    "aws_cloudwatch_log_group.crl_fetcher.arn:*": "CrlFetcherLogs.Arn",
    "aws_sqs_queue.crl_indexer_failures.arn": "CrlIndexerFailures.Arn",
    "aws_iam_role.crl_indexer.arn": "CrlIndexerRole.Arn",
}
FUNCTIONS = [
    pytest.param(stack, logical_id, name, id=f"{stack}-{name}")
    for stack in REVOCATION.stacks
    for logical_id, name in (("CrlIndexer", "crl_indexer"), ("CrlFetcher", "crl_fetcher"))
    if logical_id in REVOCATION.deployed(stack)["Resources"]
]


@pytest.mark.parametrize(("stack", "logical_id", "name"), FUNCTIONS)
def test_a_function_of_the_bucket_is_that_of_the_template(stack: str, logical_id: str, name: str) -> None:
    evaluated = revocation(stack)
    assert evaluated.violations == []
    assert function_of(evaluated, name) == function(REVOCATION, stack, logical_id)
    [environment] = resource(evaluated, f"aws_lambda_function.{name}")["environment"]
    theirs = REVOCATION.resolved(REVOCATION.properties(stack, logical_id)["Environment"]["Variables"])
    assert decoded(environment["variables"]) == decoded(theirs)
    [policy] = REVOCATION.properties(stack, f"{logical_id}Role")["Policies"]
    expected = permissions(REVOCATION.resolved(policy["PolicyDocument"]["Statement"]))
    assert statements(evaluated, name, REVOCATION_NAMES) == expected


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_the_outputs_are_documented_and_name_the_fetcher_if_there_is_one(stack: str) -> None:
    outputs = plain(revocation(stack).outputs)
    [documented] = re.findall(r"(?ms)^Outputs: (.+?)\.$", pages()["docs/deploy/terraform.md"])
    assert set(outputs) == set(codes(documented))
    fetcher = "aws_lambda_function.crl_fetcher.function_name" if "CrlSources" in REVOCATION.stacks[stack] else None
    assert outputs["crl_fetcher_function_name"] == fetcher


def decoded(environment: dict[str, str]) -> dict[str, Any]:
    """Return an environment with its JSON decoded."""
    return {name: json.loads(value) if value.startswith("{") else value for name, value in environment.items()}


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_the_bucket_adds_the_resources_of_the_template(stack: str) -> None:
    others = {"Architecture", "MetricsNamespace", "DeployAlarms"}
    given = {name: value for name, value in REVOCATION.stacks[stack].items() if name in others}
    added = types_of(revocation(stack))
    for each in types_of(module(given)):
        added.remove(each)
    # The functions use the layer of the module.
    added.append("aws_lambda_layer_version")
    if {"CrlSources", "MetricsNamespace"} <= REVOCATION.stacks[stack].keys():
        # Of the monitoring stack.
        added.remove("aws_cloudwatch_metric_alarm")
    assert sorted(added) == of_template(REVOCATION, stack)


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_the_policy_of_the_bucket_is_that_of_the_template(stack: str) -> None:
    arn = f"arn:aws:s3:::{REVOCATION.stacks[stack]['CrlBucketName']}"
    ours = resource(revocation(stack), "aws_s3_bucket_policy.crl")["policy"]
    for terraform, cloudformation in {**REVOCATION_NAMES, "aws_s3_bucket.crl.arn": arn}.items():
        ours = ours.replace(terraform, cloudformation)
    theirs = REVOCATION.resolved(REVOCATION.properties(stack, "CrlBucketPolicy")["PolicyDocument"])
    assert json.loads(ours) == json.loads(json.dumps(theirs).replace("CrlBucket.Arn", arn))


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_the_bucket_is_that_of_the_template(stack: str) -> None:
    evaluated = revocation(stack)
    bucket = REVOCATION.properties(stack, "CrlBucket")
    assert resource(evaluated, "aws_s3_bucket.crl")["bucket"] == bucket["BucketName"]
    blocked = resource(evaluated, "aws_s3_bucket_public_access_block.crl")
    assert [blocked[variable_of(name)] for name in bucket["PublicAccessBlockConfiguration"]] == [True] * 4
    [rule] = resource(evaluated, "aws_s3_bucket_lifecycle_configuration.crl")["rule"]
    [expected] = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["noncurrent_version_expiration"] == [
        {"noncurrent_days": expected["NoncurrentVersionExpiration"]["NoncurrentDays"]}
    ]
    assert resource(evaluated, "aws_s3_bucket_versioning.crl")["versioning_configuration"] == [
        {"status": bucket["VersioningConfiguration"]["Status"]}
    ]
    [notified] = resource(evaluated, "aws_s3_bucket_notification.crl")["lambda_function"]
    [configured] = bucket["NotificationConfiguration"]["LambdaConfigurations"]
    assert notified["events"] == [configured["Event"]]
    [suffix] = configured["Filter"]["S3Key"]["Rules"]
    assert notified["filter_suffix"] == suffix["Value"]


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_only_the_bucket_and_the_schedule_may_invoke_the_functions(stack: str) -> None:
    renamed: dict[str, Any] = {
        "aws_lambda_function.crl_indexer.function_name": "CrlIndexer",
        "aws_lambda_function.crl_fetcher.function_name": "CrlFetcher",
        "aws_cloudwatch_event_rule.crl_fetcher.arn": {"Fn::GetAtt": ["CrlFetcherSchedule", "Arn"]},
    }
    ours = [
        {name: renamed.get(value, value) for name, value in each.items()}
        for each in plain(of_type(revocation(stack), "aws_lambda_permission"))
    ]
    theirs = [
        {
            variable_of(name): value.removesuffix(".Arn") if name == "FunctionName" else value
            for name, value in each.items()
        }
        for each in REVOCATION.resolved(REVOCATION.properties_of_type(stack, "AWS::Lambda::Permission"))
    ]
    assert by_principal(ours) == by_principal(theirs)


def test_a_function_exists_only_with_the_permissions_of_its_role() -> None:
    # Lambda deletes the network interfaces of a function in a VPC with them.
    functions = {
        labels(block)[2]: block for block in parse(AUTHORIZER_MODULE) if labels(block)[1:2] == ["aws_lambda_function"]
    }
    assert functions.keys() == {"authorizer", "crl_indexer", "crl_fetcher"}
    for name, block in functions.items():
        assert f"aws_iam_role_policy.{name}" in str(attributes(block.body)["depends_on"].serialize()), name


def by_principal(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["principal"]: each for each in found}


def test_the_schedule_is_that_of_the_template() -> None:
    evaluated = revocation("everything-set")
    rule = resource(evaluated, "aws_cloudwatch_event_rule.crl_fetcher")
    [theirs] = REVOCATION.properties_of_type("everything-set", "AWS::Events::Rule")
    assert rule["schedule_expression"] == theirs["ScheduleExpression"]
    [target] = theirs["Targets"]
    retries = target["RetryPolicy"]["MaximumRetryAttempts"]
    assert plain(resource(evaluated, "aws_cloudwatch_event_target.crl_fetcher")) == {
        "rule": "aws_cloudwatch_event_rule.crl_fetcher.name",
        "arn": "aws_lambda_function.crl_fetcher.arn",
        # The provider sends a missing age as 0, and EventBridge accepts 60 or more:
        # https://github.com/hashicorp/terraform-provider-aws/issues/38265
        "retry_policy": [{"maximum_retry_attempts": retries, "maximum_event_age_in_seconds": 86400}],
    }
    assert (
        resource(evaluated, "aws_lambda_function_event_invoke_config.crl_fetcher")["maximum_retry_attempts"] == retries
    )


def test_failed_uploads_are_retried_and_queued_as_in_the_template() -> None:
    evaluated = revocation("defaults")
    invoked = plain(resource(evaluated, "aws_lambda_function_event_invoke_config.crl_indexer"))
    [theirs] = REVOCATION.properties_of_type("defaults", "AWS::Lambda::EventInvokeConfig")
    assert invoked["maximum_retry_attempts"] == theirs["MaximumRetryAttempts"]
    assert invoked["destination_config"] == [
        {"on_failure": [{"destination": "aws_sqs_queue.crl_indexer_failures.arn"}]}
    ]
    queue = resource(evaluated, "aws_sqs_queue.crl_indexer_failures")
    failures = REVOCATION.properties("defaults", "CrlIndexerFailures")
    assert queue["message_retention_seconds"] == failures["MessageRetentionPeriod"]
    assert queue["sqs_managed_sse_enabled"] is failures["SqsManagedSseEnabled"]


def test_the_authorizer_checks_revocation_only_with_crls() -> None:
    first = revocation("everything-set")
    [environment] = resource(first, "aws_lambda_function.authorizer")["environment"]
    assert environment["variables"].keys() == {"METRICS_NAMESPACE", "S3_BUCKET_OWNER"}
    assert "s3:GetObject" not in resource(first, "aws_iam_role_policy.authorizer")["policy"]
    then = revocation("everything-set", crl_uris=["s3://other/ca.crl"])
    assert then.violations == []
    [environment] = resource(then, "aws_lambda_function.authorizer")["environment"]
    assert environment["variables"].keys() == {
        "CRL_MAX_AGE_SECONDS",
        "CRL_URIS",
        "METRICS_NAMESPACE",
        "S3_BUCKET_OWNER",
        "TRUSTSTORE_URI",
    }
    assert "arn:aws:s3:::other/*.crl.index" in resource(then, "aws_iam_role_policy.authorizer")["policy"]


ISSUER_KEYS = '{"rules": [{"name": "one", "match": {"issuer_key": ["%s"]}}]}' % ("AB" * 32)


@pytest.mark.parametrize(
    ("parameters", "reads_truststore"),
    [
        ({}, False),
        ({"AuthorizerRules": RULES}, False),
        ({"AuthorizerRules": RULES, "AuthorizerShadowRules": ISSUER_KEYS}, True),
        ({"AuthorizerRules": ISSUER_KEYS}, True),
        # The module does not know what these contain.
        ({"AuthorizerRulesUri": "ssm:///a"}, True),
        ({"AuthorizerRules": RULES, "AuthorizerShadowRulesUri": "ssm:///a"}, True),
        ({"AllowedIssuerKeys": "AB" * 32}, True),
    ],
    ids=str,
)
def test_the_authorizer_starts_when_the_bucket_has_no_crls_yet(
    parameters: dict[str, str],
    reads_truststore: bool,  # noqa: FBT001 -- a table's column
) -> None:
    evaluated = module({**REVOCATION.stacks["defaults"], **parameters}, {"create_crl_bucket": True})
    assert evaluated.violations == []
    [environment] = resource(evaluated, "aws_lambda_function.authorizer")["environment"]
    assert bool(load_settings(environment["variables"]).truststore_uri) is reads_truststore
    policy = resource(evaluated, "aws_iam_role_policy.authorizer")["policy"]
    assert ("truststore.pem" in policy) is reads_truststore


def test_a_truststore_that_the_authorizer_would_reject_is_a_violation() -> None:
    parameters = {"AuthorizerRules": RULES, "TruststoreUri": "s3://lists/truststore.pem"}
    assert "truststore_uri" in dict(module(parameters).violations)
    assert module(parameters | {"AuthorizerRules": ISSUER_KEYS}).violations == []


# Monitoring

INDEXER_ROW = 24
NAMES = {
    "aws_lambda_function.authorizer.function_name": "AuthorizerFunctionName",
    "aws_cloudwatch_log_group.authorizer.name": "AuthorizerLogGroup",
    "aws_lambda_function.crl_indexer.function_name": "CrlIndexerFunctionName",
    "aws_sqs_queue.crl_indexer_failures.name": "CrlIndexerFailuresName",
    "aws_lambda_function.crl_fetcher.function_name": "CrlFetcherFunctionName",
}


def monitored(stack: str) -> Module:
    """Return the module with the functions, and the bucket if the stack has an indexer, of a monitoring stack."""
    parameters = MONITORING.parameters(MONITORING.stacks[stack])
    with_bucket = {
        "CrlBucketName": "lists",
        "TruststoreUri": "s3://lists/truststore.pem",
    }
    own = {name: value for name, value in parameters.items() if name not in NAMES.values()}
    known = {path: parameters[name] for path, name in NAMES.items() if parameters[name]}
    if parameters["CrlFetcherFunctionName"]:
        with_bucket["CrlSources"] = '{"http://crl.example.com/ca.crl": "ca.crl"}'
    if parameters["CrlIndexerFunctionName"] or parameters["CrlFetcherFunctionName"]:
        return module(own | with_bucket, {"create_crl_bucket": True}, known)
    return module(own, known=known)


def as_in_terraform(properties: dict[str, Any]) -> dict[str, Any]:
    """Return an alarm of CloudFormation with the names of Terraform."""
    renamed = {variable_of(name): value for name, value in properties.items() if name not in {"Metrics", "Dimensions"}}
    renamed.update(threshold=int(properties["Threshold"]), alarm_actions=properties.get("AlarmActions", []))
    renamed["ok_actions"] = renamed.pop("okactions", [])
    if "Dimensions" in properties:
        renamed["dimensions"] = {each["Name"]: each["Value"] for each in properties["Dimensions"]}
    if "Metrics" in properties:
        renamed["metric_query"] = [query(each) for each in properties["Metrics"]]
    return renamed


def query(metric: dict[str, Any]) -> dict[str, Any]:
    if "Expression" in metric:
        return {**{variable_of(name): value for name, value in metric.items()}, "return_data": True}
    stat = metric["MetricStat"]
    dimensions = {each["Name"]: each["Value"] for each in stat["Metric"].get("Dimensions", [])}
    return {
        "id": metric["Id"],
        "metric": [
            {
                "namespace": stat["Metric"]["Namespace"],
                "metric_name": stat["Metric"]["MetricName"],
                "stat": stat["Stat"],
                "period": stat["Period"],
                **({"dimensions": dimensions} if dimensions else {}),
            }
        ],
    }


def by_description(alarms: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        alarm["alarm_description"]: {
            name: value for name, value in alarm.items() if name not in {"alarm_description", "alarm_name"}
        }
        for alarm in alarms
    }


@pytest.mark.parametrize("stack", MONITORING.stacks)
def test_the_alarms_of_the_authorizer_are_those_of_the_template(stack: str) -> None:
    evaluated = monitored(stack)
    assert evaluated.violations == []
    ours = by_description(of_type(evaluated, "aws_cloudwatch_metric_alarm"))
    for description in [each for each in ours if re.search(r"CRL (indexer|fetcher) has|uploaded CRL", each)]:
        del ours[description]
    theirs = MONITORING.properties_of_type(stack, "AWS::CloudWatch::Alarm")
    assert ours == by_description([as_in_terraform(MONITORING.resolved(each)) for each in theirs])


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_the_alarms_of_the_indexer_and_the_fetcher_are_those_of_the_template(stack: str) -> None:
    known = {
        "aws_lambda_function.crl_fetcher.function_name": "CrlFetcher",
        "aws_lambda_function.crl_indexer.function_name": "CrlIndexer",
        "aws_sqs_queue.crl_indexer_failures.name": "CrlIndexerFailures.QueueName",
    }
    # The alarms of the monitoring stack require a namespace.
    given = {name: value for name, value in REVOCATION.stacks[stack].items() if name != "MetricsNamespace"}
    evaluated = module(given, {"create_crl_bucket": True}, known)
    theirs = REVOCATION.properties_of_type(stack, "AWS::CloudWatch::Alarm")
    ours = by_description(of_type(evaluated, "aws_cloudwatch_metric_alarm"))
    assert ours == by_description([as_in_terraform(REVOCATION.resolved(each)) for each in theirs])


@pytest.mark.parametrize("stack", MONITORING.stacks)
def test_the_dashboard_is_that_of_the_template(stack: str) -> None:
    ours = [json.loads(each["dashboard_body"]) for each in of_type(monitored(stack), "aws_cloudwatch_dashboard")]
    if not MONITORING.parameters(MONITORING.stacks[stack])["CrlIndexerFunctionName"]:
        # The module has no fetcher without an indexer.
        for each in ours:
            each["widgets"] = [widget for widget in each["widgets"] if widget["y"] != INDEXER_ROW]
    theirs = MONITORING.properties_of_type(stack, "AWS::CloudWatch::Dashboard")
    assert ours == [json.loads(MONITORING.resolved(each["DashboardBody"])) for each in theirs]


# Variables


def test_every_variable_of_the_authorizer_is_a_variable_of_the_module() -> None:
    assert {variable.lower() for variable in VARIABLES} <= TYPES.keys()


@pytest.mark.parametrize("template", [AUTHORIZER, MONITORING, REVOCATION], ids=lambda template: template.name)
def test_every_parameter_of_the_templates_is_a_variable_of_the_module(template: Template) -> None:
    # The module knows its own functions.
    parameters = template.source["Parameters"].keys() - NAMES.values()
    variables = map(variable_of, parameters)
    assert {SEVERAL.get(variable, variable) for variable in variables} <= TYPES.keys()


def test_terraform_knows_the_number_of_resources_when_it_plans() -> None:
    # It knows the length of a list, but not an item that is the ARN of another new resource, nor whether it is null.
    files = sorted(MODULES.glob("*/*.tf"))
    text = "".join(file.read_text() for file in files)
    counts = set(re.findall(r"^  count += (.+)$", text, re.MULTILINE))
    local = dict(re.findall(r"^  (\w+) += (.+)$", text, re.MULTILINE))
    found = set(counts)
    for _ in local:
        found |= {local[name] for each in found for name in re.findall(r"local\.(\w+)", each)}
    compared = {name for each in found for name in re.findall(r"var\.(\w+) [!=]= null", each)}
    assert counts
    # A name that users choose.
    assert compared == {"metrics_namespace"}


@pytest.mark.parametrize(("parameters", "named"), REJECTED, ids=[" ".join(parameters) for parameters, _ in REJECTED])
def test_combinations_that_the_authorizer_would_reject_are_violations_that_name_them(
    parameters: dict[str, str], named: set[str]
) -> None:
    violations = module(parameters).violations
    assert any(
        all(variable_of(name) in f"{variable} {message}" for name in named) for variable, message in violations
    ), violations


@pytest.mark.parametrize(
    "given",
    [
        {"crl_bucket_name": "lists"},
        {"snap_start": True, "provisioned_concurrency": 1},
        {"create_crl_bucket": True},
        {"create_crl_bucket": True, "crl_bucket_name": "lists"},
        {"crl_uris": ["s3://lists/a.crl", "file:///opt/b.crl"], "truststore_uri": "s3://lists/a"},
        {"crl_uris": ["s3://lists/a.crl", "s3://lists/a.crl"], "truststore_uri": "s3://lists/a"},
        {"crl_uris": ["s3://lists/a"], "truststore_uri": "s3://lists/a", "crl_assume_complete": ["s3://lists/b"]},
        {
            "crl_uris": ["s3://lists/crl/"],
            "truststore_uri": "s3://lists/a",
            "crl_assume_complete": ["s3://lists/crl/"],
        },
        {"alarm_topic_arn": TOPIC},
        {"architecture": "arm"},
        {"log_retention_in_days": 2},
        {"allowed_common_names": [" "]},
        {"principal_id": "cn"},
        {"authorizer_rules_refresh_seconds": 0},
        {"authorizer_rules_refresh_seconds": 1.5},
        {"alarm_topic_arn": "on-call"},
        {"duration_alarm_milliseconds": 0},
        {"expiry_alarm_days": -1},
        {"truststore_expiry_alarm_days": -1},
        {"name": "a b"},
        {"crl_source_private_hosts": ["crl.internal"]},
        {
            "create_crl_bucket": True,
            "crl_bucket_name": "lists",
            "truststore_uri": "s3://lists/a",
            "publisher_role_arns": [f"arn:aws:iam::{account}:role/pki" for account in ("1" * 12, "2" * 12)],
        },
        {"authorizer_policy_arns": ["arn:aws:iam::123456789012:role/a"]},
        {"fetcher_subnet_ids": ["subnet-1a"], "fetcher_security_group_ids": ["sg-1a"]},
    ],
    ids=json.dumps,
)
def test_invalid_values_are_violations(given: dict[str, Any]) -> None:
    assert module({}, given).violations


@pytest.mark.parametrize("sources", INVALID_SOURCES, ids=json.dumps)
def test_sources_that_the_fetcher_would_reject_are_violations(sources: dict[str, str]) -> None:
    bucket = {"create_crl_bucket": True, "crl_bucket_name": "lists", "truststore_uri": "s3://lists/t.pem"}
    assert "crl_sources" in dict(module({}, {**bucket, "crl_sources": sources}).violations)


# The authorizer does not start with an empty variable. Without a release folder, terraform finds no files.
@pytest.mark.parametrize(
    "variable", sorted({name for name, kind in TYPES.items() if kind == "string"} - {"release_folder"})
)
def test_an_empty_string_is_a_violation(variable: str) -> None:
    revoking = {"crl_uris": ["s3://lists/a.crl"], "truststore_uri": "s3://lists/t.pem"}
    assert variable in dict(module({}, revoking | {variable: ""}).violations)


def test_validations_refer_to_each_other_without_cycles() -> None:
    # Terraform validates the variables to which a validation refers first.
    text = (AUTHORIZER_MODULE / "variables.tf").read_text()
    graph = {
        name: set(re.findall(r"\bvar\.(\w+)", body)) - {name}
        for name, body in re.findall(r'^variable "(\w+)" \{(.*?)^\}', text, re.MULTILINE | re.DOTALL)
    }
    assert graph.keys() == TYPES.keys()
    assert set(TopologicalSorter(graph).static_order()) == TYPES.keys()


SINGLE = [
    (variable_of(name), accepted, rejected)
    for template, name, accepted, rejected in OPTIONAL
    if variable_of(name) in TYPES and TYPES[variable_of(name)] == "string"
]


@pytest.mark.parametrize(("variable", "accepted", "rejected"), SINGLE, ids=[name for name, _, _ in SINGLE])
def test_a_variable_accepts_what_the_parameter_accepts(variable: str, accepted: list[str], rejected: list[str]) -> None:
    def rejects(value: str) -> bool:
        return any(not message.startswith("Without ") for _, message in module({}, {variable: value}).violations)

    assert [value for value in accepted if rejects(value)] == []
    # Terraform can replace the scheme at the beginning only.
    assert [value for value in rejected if not rejects(value)] == [value for value in rejected if "/s3://" in value]


@pytest.mark.parametrize("variable", WRITTEN)
def test_an_item_is_rejected_if_the_authorizer_would_reject_it(variable: str) -> None:
    others = {"allowed_issuers": ["CN=A"]} if variable == "ALLOWED_SERIAL_NUMBERS" else {}
    revoking = {"crl_uris": ["file:///opt/a.crl"], "truststore_uri": "file:///opt/t.pem"}
    for item in WRITTEN[variable]:
        evaluated = module({}, {**others, **revoking, variable.lower(): [item]})
        [environment] = resource(evaluated, "aws_lambda_function.authorizer")["environment"]
        accepted = authorizer_accepts(variable, environment["variables"][variable])
        assert (evaluated.violations == []) is accepted, item


@pytest.mark.parametrize(
    "variable",
    [*(each.lower() for each in VARIABLES if each.startswith("ALLOWED_")), "crl_uris", "required_extended_key_usage"],
)
def test_an_empty_list_does_not_remove_its_restriction(variable: str) -> None:
    # Such as the fingerprints of the clients of a CA after the last one has left: the others would all be allowed.
    # With rules at a URI, which may contain issuer keys, a truststore without CRLs is valid.
    others = {"allowed_organizations": ["Acme"], "allowed_issuers": ["CN=A"], "authorizer_rules_uri": "ssm:///rules"}
    [(name, message), *_] = module({}, others | {"truststore_uri": "file:///opt/t.pem", variable: []}).violations
    assert name == variable
    assert "An empty list is an error" in message
    assert module({}, {variable: None}).violations == []


@pytest.mark.parametrize("variable", [each for each in VARIABLES if TYPES[each.lower()] == "number"])
def test_a_number_has_the_range_of_the_authorizer(variable: str) -> None:
    revoking = {"CRL_URIS": "s3://lists/a.crl", "TRUSTSTORE_URI": "s3://lists/t.pem"}
    parameters = {parameter_of(name): value for name, value in revoking.items()}
    for value in (-1, 0, 1, 3650, 3651, 86400, 86401, 31536000, 31536001):
        rejected = bool(module(parameters, {variable.lower(): value}).violations)
        try:
            load_settings({**revoking, variable: str(value)})
        except ValueError:
            assert rejected, value
        else:
            assert not rejected, value


def test_values_have_the_types_of_the_variables() -> None:
    assert inputs({"AllowedCommonNames": "a,b", "SnapStart": "true", "CrlRefreshSeconds": "60", "Tracing": ""}) == {
        "release_folder": "release",
        "allowed_common_names": ["a", "b"],
        "snap_start": True,
        "crl_refresh_seconds": 60,
    }
    assert value_of("allowed_issuers", "CN=A,O=B") == ["CN=A,O=B"]
