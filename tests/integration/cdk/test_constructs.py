"""The constructs of the CDK deploy the same as the templates."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.policy.settings import load_settings
from tests.integration.cdk.deployments import NAMES, REJECTED, cdk_name
from tests.integration.template.intrinsic_functions import references, resolve
from tests.integration.template.stacks import AUTHORIZER, MONITORING, REVOCATION
from tests.integration.template.templates import DEPLOYED, REGION
from tests.integration.terraform.modules import permissions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.template.templates import Template

# The CDK publishes a version if the function changes, without a configuration that changes, and only if needed.
NOT_IN_THE_CDK = {
    "AWS::AppConfig::Application",
    "AWS::AppConfig::ConfigurationProfile",
    "AWS::AppConfig::HostedConfigurationVersion",
}
VERSIONS = {"AWS::Lambda::Alias", "AWS::Lambda::Version"}
# Compared by tests of their own. The names of the others are not given, and their properties are equal.
IN_DETAIL = {"AWS::IAM::Role", "AWS::Lambda::Function", "AWS::Lambda::LayerVersion", "AWS::S3::BucketPolicy"} | VERSIONS
REMOVAL = ("DeletionPolicy", "UpdateReplacePolicy")
INDEXER_ROW = 24
DEPLOYED_BY_BOTH = [
    pytest.param(template, stack, id=f"{template.name}-{stack}")
    for template in (AUTHORIZER, REVOCATION)
    for stack in template.stacks
]
FUNCTIONS = [
    pytest.param(template, stack, logical_id, id=f"{template.name}-{stack}-{logical_id}")
    for template in (AUTHORIZER, REVOCATION)
    for stack in template.stacks
    for conditions in [template.conditions(template.stacks[stack])]
    for logical_id, resource in template.source["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function" and conditions.get(resource.get("Condition"), True)
]


def resources(synthesized: Path, template: Template, stack: str) -> dict[str, Any]:
    """Return the resources of a stack. Their logical IDs, and references to them, are those of the template."""
    text = (synthesized / "constructs" / f"{cdk_name(template, stack)}.template.json").read_text()
    for logical_id in json.loads(text)["Resources"]:
        name = re.fullmatch(
            r"(?:Authorizers|Revocation|MonitoringTemplate)(\w+?)[0-9A-F]{8}([0-9a-f]{32})?", logical_id
        )
        assert name, logical_id
        text = text.replace(logical_id, name[1])
    written = json.loads(text)
    # CfnInclude keeps the parameters that are not given.
    known = {name: str(parameter.get("Default")) for name, parameter in written.get("Parameters", {}).items()}
    conditions: dict[str, bool] = {}
    for name, condition in written.get("Conditions", {}).items():
        conditions[name] = resolve(condition, known, conditions)
    found = {
        name: entry for name, entry in written["Resources"].items() if conditions.get(entry.get("Condition"), True)
    }
    known |= DEPLOYED | names_in(found)
    if template is MONITORING:
        given = MONITORING.stacks[stack]
        known |= {name: given[parameter] for name, parameter in NAMES.items() if parameter in given}
    resolved: dict[str, Any] = resolve(found, known, conditions)
    return resolved


def of_type(found: dict[str, Any], resource_type: str) -> list[dict[str, Any]]:
    return [entry["Properties"] for entry in found.values() if entry["Type"] == resource_type]


def of_template(template: Template, stack: str) -> dict[str, Any]:
    found = template.deployed(stack)["Resources"]
    resolved: dict[str, Any] = resolve(found, DEPLOYED | names_in(found), {})
    return resolved


def names_in(found: dict[str, Any]) -> dict[str, str]:
    """Return what stands for the names and ARNs of resources: their logical IDs."""
    names = [*found, *(f"{name}.{attribute}" for name in found for attribute in ("Arn", "QueueName"))]
    return dict(zip(names, names, strict=True))


def plain(node: Any) -> Any:  # noqa: ANN401 -- as in JSON
    """Return a value in one of its spellings: one item for a list of one, text for a number, no empty objects."""
    match node:
        case dict():
            return {name: plain(value) for name, value in node.items() if value != {}}
        case [item]:
            return plain(item)
        case list():
            return [plain(item) for item in node]
    return node if isinstance(node, bool) else str(node)


@pytest.mark.parametrize(("template", "stack", "logical_id"), FUNCTIONS)
def test_the_environment_is_that_of_the_template(
    synthesized: Path, template: Template, stack: str, logical_id: str
) -> None:
    ours, theirs = (
        each[logical_id]["Properties"]["Environment"]["Variables"]
        for each in (resources(synthesized, template, stack), of_template(template, stack))
    )
    # Whitespace may differ.
    assert {**ours, "CRL_SOURCES": json.loads(ours.get("CRL_SOURCES", "{}"))} == {
        **theirs,
        "CRL_SOURCES": json.loads(theirs.get("CRL_SOURCES", "{}")),
    }
    if template is AUTHORIZER:
        assert load_settings(ours) == load_settings(theirs)


@pytest.mark.parametrize(("template", "stack", "logical_id"), FUNCTIONS)
def test_the_permissions_are_those_of_the_template(
    synthesized: Path, template: Template, stack: str, logical_id: str
) -> None:
    ours, theirs = (
        each[f"{logical_id}Role"]["Properties"]
        for each in (resources(synthesized, template, stack), of_template(template, stack))
    )
    [policy], [expected] = ours["Policies"], theirs["Policies"]
    # The CDK writes one resource as a string.
    assert permissions(policy["PolicyDocument"]["Statement"]) == permissions(expected["PolicyDocument"]["Statement"])
    assert ours.get("ManagedPolicyArns") == theirs.get("ManagedPolicyArns")
    assert ours["AssumeRolePolicyDocument"] == theirs["AssumeRolePolicyDocument"]
    # Of the CDK itself, for all roles below a construct.
    assert ours.get("PermissionsBoundary") == theirs.get("PermissionsBoundary")


def test_versions_labels_and_spaces_are_no_part_of_the_permissions(synthesized: Path) -> None:
    written = json.loads((synthesized / "constructs" / "other-spellings.template.json").read_text())
    roles = {name: entry for name, entry in written["Resources"].items() if entry["Type"] == "AWS::IAM::Role"}
    assert "arn:aws:s3:::others/truststore.pem" in json.dumps(resolve(roles, DEPLOYED, {}))
    statements = {
        statement["Action"]: statement["Resource"]
        for name, resource in roles.items()
        if name.startswith("Authorizers")
        for statement in resolve(resource["Properties"]["Policies"], DEPLOYED, {})[0]["PolicyDocument"]["Statement"]
        if isinstance(statement["Action"], str)
    }
    objects = ("rules/shadow.json", "lists/truststore.pem", "lists/a.crl", "lists/b.crl")
    parameters = f"arn:aws:ssm:{REGION}:{DEPLOYED['AWS::AccountId']}:parameter/rules"
    assert statements == {
        "s3:GetObject": [f"arn:aws:s3:::{name}" for name in objects],
        "ssm:GetParameters": [f"{parameters}/1", f"{parameters}/2"],
    }


def test_references_in_uris_are_parts_of_the_permissions(synthesized: Path) -> None:
    written = json.loads((synthesized / "constructs" / "references.template.json").read_text())
    [role] = of_type(written["Resources"], "AWS::IAM::Role")
    name = DEPLOYED["AWS::StackName"]
    parameters = f"arn:aws:ssm:{REGION}:{DEPLOYED['AWS::AccountId']}:parameter"
    _log, *statements = resolve(role["Policies"], DEPLOYED, {})[0]["PolicyDocument"]["Statement"]
    listing = json.dumps({"StringLike": {"s3:prefix": "crl/*"}})
    assert {each[1:] for each in permissions(statements) if each[1].startswith(("s3:", "ssm:"))} == {
        *(
            ("s3:GetObject", f"arn:aws:s3:::{key}", "null")
            for key in (name, f"{name}/crl/*.crl", f"lists/{name}.crl", f"{name}/*.crl.index")
        ),
        ("s3:ListBucket", f"arn:aws:s3:::{name}", listing),
        ("ssm:GetParameters", f"{parameters}{name}", "null"),
        ("ssm:GetParameters", f"{parameters}/rules/{name}", "null"),
    }


@pytest.mark.parametrize(("template", "stack", "logical_id"), FUNCTIONS)
def test_a_function_is_that_of_the_template(synthesized: Path, template: Template, stack: str, logical_id: str) -> None:
    ours, theirs = (
        each[logical_id]["Properties"]
        for each in (resources(synthesized, template, stack), of_template(template, stack))
    )
    assert ours["Layers"] == ["Layer"]
    for name in ("Handler", "Runtime", "Architectures", "MemorySize", "Timeout", "LoggingConfig", "Role"):
        assert ours[name] == theirs[name], name
    for name in ("SnapStart", "TracingConfig", "VpcConfig"):
        assert ours.get(name) == theirs.get(name), name


@pytest.mark.parametrize(("template", "stack"), DEPLOYED_BY_BOTH)
def test_the_resources_are_those_of_the_template(synthesized: Path, template: Template, stack: str) -> None:
    published = {"SnapStart", "ProvisionedConcurrency"} & template.stacks[stack].keys()
    omitted = NOT_IN_THE_CDK | (set() if published else VERSIONS)
    found, theirs = resources(synthesized, template, stack), of_template(template, stack)
    assert sorted(entry["Type"] for entry in found.values()) == sorted(
        entry["Type"] for entry in theirs.values() if entry["Type"] not in omitted
    )
    for name, resource in theirs.items():
        if resource["Type"] not in IN_DETAIL | omitted:
            ours, expected = plain(found[name]["Properties"]), plain(resource["Properties"])
            expected.pop("LogGroupName", None)
            assert ours == expected, name
            for removal in REMOVAL:
                assert found[name].get(removal) == resource.get(removal), name
    for alias in of_type(found, "AWS::Lambda::Alias"):
        [expected] = of_type(theirs, "AWS::Lambda::Alias")
        assert plain(alias.get("ProvisionedConcurrencyConfig")) == plain(expected.get("ProvisionedConcurrencyConfig"))


@pytest.mark.parametrize(("template", "stack"), DEPLOYED_BY_BOTH)
def test_the_layer_is_that_of_the_architecture_and_is_retained_if_others_may_use_it(
    synthesized: Path, template: Template, stack: str
) -> None:
    layer = resources(synthesized, template, stack)["Layer"]
    [theirs] = [
        entry for entry in of_template(template, stack).values() if entry["Type"] == "AWS::Lambda::LayerVersion"
    ]
    for name in ("LayerName", "CompatibleArchitectures", "CompatibleRuntimes"):
        assert layer["Properties"][name] == theirs["Properties"][name]
    assert layer.get("DeletionPolicy", "Delete") == theirs["DeletionPolicy"]


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_the_policy_of_the_bucket_is_that_of_the_template(synthesized: Path, stack: str) -> None:
    ours, theirs = (
        each["CrlBucketPolicy"] for each in (resources(synthesized, REVOCATION, stack), of_template(REVOCATION, stack))
    )
    statements = (each["Properties"]["PolicyDocument"]["Statement"] for each in (ours, theirs))
    assert plain(next(statements)) == plain(next(statements))
    for name in REMOVAL:
        assert ours[name] == theirs[name]


@pytest.mark.parametrize("stack", REVOCATION.stacks)
def test_the_bucket_invokes_the_indexer_after_it_may(synthesized: Path, stack: str) -> None:
    assert "CrlBucketInvokesIndexer" in resources(synthesized, REVOCATION, stack)["CrlBucket"]["DependsOn"]


@pytest.mark.parametrize("stack", MONITORING.stacks)
def test_the_alarms_are_those_of_the_template(synthesized: Path, stack: str) -> None:
    ours = resources(synthesized, MONITORING, stack)
    theirs = of_template(MONITORING, stack)
    expected = {name: entry for name, entry in theirs.items() if entry["Type"] == "AWS::CloudWatch::Alarm"}
    assert expected.keys() <= ours.keys()
    for name, entry in expected.items():
        assert plain(ours[name]["Properties"]) == plain(entry["Properties"]), name


@pytest.mark.parametrize("stack", MONITORING.stacks)
def test_the_dashboard_is_that_of_the_template(synthesized: Path, stack: str) -> None:
    ours, theirs = (
        [json.loads(each["DashboardBody"]) for each in of_type(found, "AWS::CloudWatch::Dashboard")]
        for found in (resources(synthesized, MONITORING, stack), of_template(MONITORING, stack))
    )
    if "CrlIndexerFunctionName" not in MONITORING.stacks[stack]:
        # There is no fetcher without an indexer.
        for each in ours:
            each["widgets"] = [widget for widget in each["widgets"] if widget["y"] != INDEXER_ROW]
    assert ours == theirs


def test_a_parameter_is_a_value_of_a_function_without_versions(synthesized: Path) -> None:
    written = json.loads((synthesized / "constructs/parameter.template.json").read_text())
    [function] = of_type(written["Resources"], "AWS::Lambda::Function")
    names = function["Environment"]["Variables"]["ALLOWED_COMMON_NAMES"]
    assert resolve(names, {"Clients": "beta"}, {}) == "alpha,beta"
    assert of_type(written["Resources"], "AWS::Lambda::Version") == []


def test_arguments_that_would_have_no_effect_are_rejected(synthesized: Path) -> None:
    messages = json.loads((synthesized / "constructs/rejected.json").read_text())
    # The CDK writes tokens with a number in place of references.
    expected = {name: re.sub("<a .*?>", "${Token[TOKEN]}", message) for name, (_, message) in REJECTED.items()}
    found = {name: re.sub(r"\$\{Token\[TOKEN\.\d+\]\}", "${Token[TOKEN]}", text) for name, text in messages.items()}
    assert found == expected


def test_constructs_of_several_authorizers_in_one_stack_have_dashboards_of_their_own(synthesized: Path) -> None:
    written = json.loads((synthesized / "constructs/together.template.json").read_text())
    dashboards = of_type(written["Resources"], "AWS::CloudWatch::Dashboard")
    names = [resolve(each["DashboardName"], DEPLOYED, {}) for each in dashboards]
    assert len(names) == len(set(names)) == 2
    # Names of dashboards are unique in all regions.
    assert all(re.fullmatch(rf"stack-{REGION}-[0-9a-f]{{8}}", name) for name in names)


def test_true_is_text_as_templates_compare_it(synthesized: Path) -> None:
    written = json.loads((synthesized / "constructs/together.template.json").read_text())
    [deploys] = [
        entry
        for name, entry in written["Conditions"].items()
        if name.startswith("OneMonitoring") and "HasAlarms" in name
    ]
    assert deploys == {"Fn::Equals": ["true", "true"]}


def test_without_a_topic_no_alarm_refers_to_an_empty_parameter(synthesized: Path) -> None:
    # In new apps of the CDK, an action that is empty by default is an error, whatever the condition around it.
    written = json.loads((synthesized / "constructs/together.template.json").read_text())
    alarms = of_type(written["Resources"], "AWS::CloudWatch::Alarm")
    actions = [alarm[name] for alarm in alarms for name in ("AlarmActions", "OKActions") if name in alarm]
    assert {"AWS::NoValue"} <= set(references(actions)) <= {"AWS::NoValue", *written["Conditions"]}


def test_conditions_and_rules_refer_to_nothing_but_parameters(synthesized: Path) -> None:
    paths = list((synthesized / "constructs").glob("*.template.json"))
    assert paths
    for path in paths:
        written = json.loads(path.read_text())
        conditions = written.get("Conditions", {})
        found = set(references([conditions, written.get("Rules", {})]))
        assert found <= written["Parameters"].keys() | conditions.keys(), path.name
        assert "Fn::ImportValue" not in json.dumps(conditions), path.name


def test_another_layer_publishes_another_version(synthesized: Path) -> None:
    versions = [
        {name for name, entry in json.loads(path.read_text())["Resources"].items() if entry["Type"] in VERSIONS}
        for folder in ("constructs", "constructs/another-layer")
        for path in [synthesized / folder / "published.template.json"]
    ]
    # The alias stays, and the version has another logical ID.
    assert [len(each) for each in versions] == [2, 2]
    assert len(versions[0] & versions[1]) == 1
