"""The construct of the CDK deploys the same as the template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.policy.settings import load_settings
from tests.integration.cdk.deployments import MONITORED, cdk_name
from tests.integration.template.intrinsic_functions import resolve
from tests.integration.template.stacks import AUTHORIZER, MONITORING
from tests.integration.template.templates import DEPLOYED
from tests.integration.terraform.modules import permissions

if TYPE_CHECKING:
    from pathlib import Path

# The CDK publishes a version if the function changes, without a configuration that changes, and only if needed.
NOT_IN_THE_CDK = {
    "AWS::AppConfig::Application",
    "AWS::AppConfig::ConfigurationProfile",
    "AWS::AppConfig::HostedConfigurationVersion",
}
VERSIONS = {"AWS::Lambda::Alias", "AWS::Lambda::Version"}


def resources(synthesized: Path, stack: str) -> dict[str, Any]:
    """Return the resources of a stack. Their logical IDs, and references to them, are those of the template."""
    name = stack if stack == MONITORED else cdk_name(stack)
    text = (synthesized / "constructs" / f"{name}.template.json").read_text()
    found = json.loads(text)["Resources"]
    names = {"AWS::Logs::LogGroup": "AuthorizerLogs", "AWS::IAM::Role": "AuthorizerRole"}
    for logical_id, resource in found.items():
        if resource["Type"] in names:
            text = text.replace(logical_id, names[resource["Type"]])
    renamed: dict[str, Any] = json.loads(text)["Resources"]
    return renamed


def of_type(found: dict[str, Any], resource_type: str) -> list[dict[str, Any]]:
    return [entry["Properties"] for entry in found.values() if entry["Type"] == resource_type]


def resolved(node: Any) -> Any:  # noqa: ANN401 -- as in JSON
    names = ("AuthorizerLogs.Arn", "AuthorizerLogs", "AuthorizerRole.Arn")
    return resolve(node, DEPLOYED | dict(zip(names, names, strict=True)), {})


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_environment_is_that_of_the_template(synthesized: Path, stack: str) -> None:
    [function] = of_type(resources(synthesized, stack), "AWS::Lambda::Function")
    ours = resolved(function["Environment"]["Variables"])
    theirs = AUTHORIZER.resolved(AUTHORIZER.properties(stack, "Authorizer")["Environment"]["Variables"])
    assert ours == theirs
    assert load_settings(ours) == load_settings(theirs)


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_permissions_are_those_of_the_template(synthesized: Path, stack: str) -> None:
    [ours] = of_type(resources(synthesized, stack), "AWS::IAM::Role")
    theirs = AUTHORIZER.properties(stack, "AuthorizerRole")
    [policy], [expected] = ours["Policies"], theirs["Policies"]
    # The CDK writes one resource as a string.
    assert permissions(resolved(policy["PolicyDocument"]["Statement"])) == permissions(
        AUTHORIZER.resolved(expected["PolicyDocument"]["Statement"])
    )
    assert ours.get("ManagedPolicyArns") == theirs.get("ManagedPolicyArns")
    assert ours["AssumeRolePolicyDocument"] == theirs["AssumeRolePolicyDocument"]


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_resources_are_those_of_the_template(synthesized: Path, stack: str) -> None:
    published = {"SnapStart", "ProvisionedConcurrency"} & AUTHORIZER.stacks[stack].keys()
    omitted = NOT_IN_THE_CDK | (set() if published else VERSIONS)
    found = resources(synthesized, stack)
    theirs = [entry["Type"] for entry in AUTHORIZER.deployed(stack)["Resources"].values()]
    assert sorted(entry["Type"] for entry in found.values()) == sorted(each for each in theirs if each not in omitted)
    [ours] = of_type(found, "AWS::Lambda::Function")
    expected = AUTHORIZER.properties(stack, "Authorizer")
    for name in ("Handler", "Runtime", "Architectures", "MemorySize", "Timeout", "TracingConfig"):
        assert ours[name] == expected[name], name
    assert ours.get("SnapStart") == expected.get("SnapStart")
    assert resolved(ours["LoggingConfig"]) == AUTHORIZER.resolved(expected["LoggingConfig"])
    assert [str(each["RetentionInDays"]) for each in of_type(found, "AWS::Logs::LogGroup")] == [
        AUTHORIZER.properties(stack, "AuthorizerLogs")["RetentionInDays"]
    ]
    for alias in of_type(found, "AWS::Lambda::Alias"):
        [theirs_alias] = AUTHORIZER.properties_of_type(stack, "AWS::Lambda::Alias")
        assert json.dumps(alias.get("ProvisionedConcurrencyConfig")).replace('"', "") == json.dumps(
            theirs_alias.get("ProvisionedConcurrencyConfig")
        ).replace('"', "")


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_layer_is_that_of_the_architecture_and_is_retained(synthesized: Path, stack: str) -> None:
    found = resources(synthesized, stack)
    [layer] = [entry for entry in found.values() if entry["Type"] == "AWS::Lambda::LayerVersion"]
    [theirs] = AUTHORIZER.properties_of_type(stack, "AWS::Lambda::LayerVersion")
    for name in ("LayerName", "CompatibleArchitectures", "CompatibleRuntimes"):
        assert layer["Properties"][name] == theirs[name]
    assert layer["DeletionPolicy"] == "Retain"


def test_monitoring_is_the_template_of_the_release(synthesized: Path) -> None:
    found = resources(synthesized, MONITORED)
    theirs = MONITORING.deployed("defaults")["Resources"]
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"):
        in_our_condition = [entry for entry in found.values() if entry["Type"] == kind]
        in_the_template = [entry for entry in MONITORING.source["Resources"].values() if entry["Type"] == kind]
        assert len(in_our_condition) == len(in_the_template)
        assert kind in {entry["Type"] for entry in theirs.values()}
    [throttles] = [each for each in of_type(found, "AWS::CloudWatch::Alarm") if each.get("MetricName") == "Throttles"]
    [function] = [name for name, entry in found.items() if entry["Type"] == "AWS::Lambda::Function"]
    assert throttles["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
