"""Published versions of the authorizer, for SnapStart and provisioned concurrency."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from tests.integration.template.intrinsic_functions import references, resolve
from tests.integration.template.stacks import AUTHORIZER
from tests.integration.template.templates import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLISHED = [
    name for name, given in AUTHORIZER.stacks.items() if {"SnapStart", "ProvisionedConcurrency"} & given.keys()
]
NOT_OF_THE_FUNCTION = {
    "ProvisionedConcurrencyConfig",  # of the alias
    "Description",  # these two contain the number of the configuration itself
    "VersionDescription",
}


def function(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the properties of the function that the parameters of a stack lead to."""
    properties = AUTHORIZER.source["Resources"]["Authorizer"]["Properties"]
    own = {name: value for name, value in properties.items() if name not in NOT_OF_THE_FUNCTION}
    resolved: dict[str, Any] = resolve(own, AUTHORIZER.parameters(given), AUTHORIZER.conditions(given))
    return resolved


def content(given: Mapping[str, str]) -> Any:  # noqa: ANN401 -- a text, or a function of the layer's ARN
    properties = AUTHORIZER.source["Resources"]["AuthorizerVariables"]["Properties"]
    return resolve(properties["Content"], AUTHORIZER.parameters(given), AUTHORIZER.conditions(given))


def parameters_behind(node: object) -> set[str]:
    """Return the parameters that a node depends on, also by way of conditions."""
    conditions, parameters = AUTHORIZER.source["Conditions"], AUTHORIZER.source["Parameters"]
    names, found = list(references(node)), set()
    while names:
        name = names.pop()
        if name in parameters:
            found.add(name)
        elif name in conditions:
            names += references(conditions[name])
    return found


FUNCTION_PARAMETERS = parameters_behind(
    {
        name: value
        for name, value in AUTHORIZER.source["Resources"]["Authorizer"]["Properties"].items()
        if name not in NOT_OF_THE_FUNCTION
    }
)


def test_each_parameter_that_reaches_the_function_is_in_the_configuration() -> None:
    configuration = AUTHORIZER.source["Resources"]["AuthorizerVariables"]["Properties"]["Content"]
    assert parameters_behind(configuration) == FUNCTION_PARAMETERS
    others = AUTHORIZER.source["Parameters"].keys() - FUNCTION_PARAMETERS
    of_role = {"AuthorizerPolicyArn", "PermissionsBoundaryArn", "CrlBucketName"}
    assert others == of_role | {"LogRetentionInDays", "ProvisionedConcurrency"}


@pytest.mark.parametrize("parameter", sorted(FUNCTION_PARAMETERS))
def test_another_value_of_a_parameter_changes_the_function_and_the_configuration(parameter: str) -> None:
    value = next(given[parameter] for given in AUTHORIZER.stacks.values() if parameter in given)
    assert function({parameter: value}) != function({})
    assert content({parameter: value}) != content({})


@pytest.mark.parametrize("stack", PUBLISHED)
def test_another_number_of_the_configuration_publishes_another_version(stack: str) -> None:
    layers = AUTHORIZER.properties(stack, "Authorizer")["Layers"]
    assert layers[0] in AUTHORIZER.properties(stack, "AuthorizerVariables")["Content"]["Fn::Join"][1]
    [version] = AUTHORIZER.properties_of_type(stack, "AWS::Lambda::Version")
    assert version["Description"] == {"Fn::GetAtt": ["AuthorizerVariables", "VersionNumber"]}
    # Lambda publishes no version of a function that is unchanged.
    description = AUTHORIZER.properties(stack, "Authorizer")["Description"]["Fn::Sub"]
    assert "${AuthorizerVariables.VersionNumber}" in description


@pytest.mark.parametrize(
    ("resource_type", "name"),
    [("AWS::AppConfig::HostedConfigurationVersion", "Content"), ("AWS::Lambda::Version", "Description")],
)
def test_cloudformation_replaces_a_resource_if_this_property_changes(resource_type: str, name: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema
    assert f"/properties/{name}" in schema["createOnlyProperties"]


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_outputs_name_the_alias_of_a_published_version_or_else_the_function(stack: str) -> None:
    published = {"Ref": "AuthorizerAliaslive"}
    target = published if stack in PUBLISHED else {"Fn::GetAtt": ["Authorizer", "Arn"]}
    deployed = AUTHORIZER.deployed(stack)
    outputs = deployed["Outputs"]
    assert outputs["AuthorizerArn"]["Value"] == target
    assert outputs["AuthorizerUri"]["Value"]["Fn::Sub"][1] == {"Function": target}
    assert outputs["AuthorizerFunctionName"]["Value"] == {"Ref": "Authorizer"}
    assert outputs["AuthorizerLogGroup"]["Value"] == {"Ref": "AuthorizerLogs"}
    refers_to_alias = json.dumps(published) in json.dumps([deployed["Resources"], outputs])
    assert refers_to_alias == (stack in PUBLISHED)


def test_a_snapshot_is_taken_of_versions_and_only_on_request() -> None:
    assert AUTHORIZER.properties("snap-start", "Authorizer")["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    for stack in ("defaults", "provisioned-concurrency"):
        assert "SnapStart" not in AUTHORIZER.properties(stack, "Authorizer")
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html: Python 3.12 and later
    runtimes = {"python3.12", "python3.13", "python3.14"}
    assert AUTHORIZER.properties("snap-start", "Authorizer")["Runtime"] in runtimes


def test_environments_are_kept_initialized_only_on_request() -> None:
    alias = AUTHORIZER.properties("provisioned-concurrency", "AuthorizerAliaslive")
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": "2"}
    for stack in ("defaults", "snap-start"):
        assert "ProvisionedConcurrencyConfig" not in AUTHORIZER.properties(stack, "AuthorizerAliaslive")


def test_by_default_there_is_only_the_function_with_its_layer_role_and_log() -> None:
    # SAM adds the version and the alias, whatever the parameters are.
    assert sorted(entry["Type"] for entry in AUTHORIZER.deployed("defaults")["Resources"].values()) == [
        "AWS::IAM::Role",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Version",
        "AWS::Logs::LogGroup",
    ]
    [version] = AUTHORIZER.properties_of_type("defaults", "AWS::Lambda::Version")
    assert "Description" not in version


@pytest.mark.parametrize(("stack", "mode"), [("defaults", "PassThrough"), ("crl-bucket", "Active")])
def test_traces_are_sent_only_on_request(stack: str, mode: str) -> None:
    assert AUTHORIZER.properties(stack, "Authorizer")["TracingConfig"] == {"Mode": mode}
