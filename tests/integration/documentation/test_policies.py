"""The IAM policies on the pages have actions that exist, and permit what they are for."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cfnlint  # type: ignore[import-untyped]
import pytest
from botocore import xform_name
from botocore.session import Session
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from tests.integration.template.stacks import AUTHORIZER, MONITORING, REVOCATION, SAMPLE_API
from tests.unit.documentation.markdown import PROJECT, Fence, fences, pages

if TYPE_CHECKING:
    from collections.abc import Iterator

# AWS's actions in lower case, with the kinds of resources that policies may name for them.
ACTIONS: dict[str, Any] = json.loads(
    Path(cfnlint.__file__).with_name("data").joinpath("AdditionalSpecs", "Policies.json").read_text(encoding="utf-8")
)
POLICIES = [fence for fence in fences("json") if '"Statement"' in fence.text]
# The types that the templates have in SAM's spelling.
SAM_TYPES = {
    "AWS::Serverless::Function": {
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::Permission",
        "AWS::Events::Rule",
    },
    "AWS::Serverless::LayerVersion": {"AWS::Lambda::LayerVersion"},
}
# Services of properties that the templates do not have, or that the page names as optional.
OTHER_SERVICES = {"codedeploy", "ec2", "elasticfilesystem", "firehose", "kms", "s3files", "s3tables"}
OTHER_ACTIONS = {
    "logs:CreateLogDelivery",
    "logs:DeleteIndexPolicy",
    "logs:DeleteResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:PutIndexPolicy",
    "logs:PutResourcePolicy",
}


def known(action: str) -> dict[str, Any] | None:
    service, _, name = action.lower().partition(":")
    found: dict[str, Any] | None = ACTIONS.get(service, {}).get("Actions", {}).get(name)
    return found


def statements(policy: Fence) -> Iterator[tuple[list[str], list[str]]]:
    """Return the actions and resources of each statement."""
    for statement in json.loads(policy.text)["Statement"]:
        assert statement["Effect"] == "Allow"
        actions, resources = statement["Action"], statement["Resource"]
        yield (
            ([actions] if isinstance(actions, str) else actions),
            ([resources] if isinstance(resources, str) else resources),
        )


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_actions_exist_and_can_be_limited_to_these_resources(policy: Fence) -> None:
    for actions, resources in statements(policy):
        for action in actions:
            if not action.endswith(":*"):
                details = known(action)
                assert details is not None, action
                assert resources == ["*"] or details.get("Resources"), action
        services = {action.partition(":")[0] for action in actions}
        assert resources == ["*"] or {resource.split(":")[2] for resource in resources} == services


def test_the_policy_for_doctor_permits_what_it_reads() -> None:
    [policy] = [each for each in POLICIES if each.page == "docs/doctor.md"]
    permitted = {action for actions, _ in statements(policy) for action in actions}
    files = (PROJECT / "tools" / "mtls_authorizer_cli" / "doctor").rglob("*.py")
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    calls = set(re.findall(r'(?:get|items)\(\s*"(lambda|s3|ssm|logs|iam)",\s*"(\w+)"', code))
    assert len(calls) > 5
    session = Session()
    for service, method in calls:
        [name] = [each for each in session.get_service_model(service).operation_names if xform_name(each) == method]
        assert f"{service}:{name.replace('HeadObject', 'GetObject')}" in permitted


def test_an_action_in_the_text_exists_and_is_not_limited_if_it_cannot_be() -> None:
    texts = [
        (page, match[1], match["on"])
        for page, text in pages().items()
        for match in re.finditer(r"`([a-z0-9-]+:[A-Z]\w+)`(?P<on> on `\*`)?", text)
        if match[1].partition(":")[0] in ACTIONS.keys() - {"apigateway"}
    ]
    assert len(texts) > 10
    for page, action, on in texts:
        details = known(action)
        assert details is not None, (page, action)
        assert details.get("Resources") or on, (page, action)


def test_the_policy_for_deploying_permits_what_the_resources_need() -> None:
    policy = next(each for each in POLICIES if each.page == "docs/deploy/permissions.md")
    limited = [action for actions, resources in statements(policy) if resources != ["*"] for action in actions]
    unlimited = [action for actions, resources in statements(policy) if resources == ["*"] for action in actions]
    resources = (entry for each in (AUTHORIZER, REVOCATION, MONITORING) for entry in each.source["Resources"].values())
    types = {each for entry in resources for each in SAM_TYPES.get(entry["Type"], {entry["Type"]})}
    for kind in types:
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", kind).schema["handlers"]
        needed = {each for name, handler in handlers.items() if name != "list" for each in handler["permissions"]}
        for action in needed - OTHER_ACTIONS:
            details = known(action)
            if details is not None and action.partition(":")[0] not in OTHER_SERVICES:
                permitted = limited + unlimited if details.get("Resources") else unlimited
                assert any(fnmatchcase(action, pattern) for pattern in permitted), (kind, action)


def test_the_permissions_boundary_permits_exactly_what_the_roles_may_do_and_to_decrypt() -> None:
    _, boundary = [each for each in POLICIES if each.page == "docs/deploy/permissions.md"]
    [(permitted, resources)] = statements(boundary)
    assert resources == ["*"]
    needed = {
        action
        for template in (AUTHORIZER, REVOCATION, SAMPLE_API)
        for stack in template.stacks
        for role in template.properties_of_type(stack, "AWS::IAM::Role")
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for actions in [statement["Action"]]
        for action in ([actions] if isinstance(actions, str) else actions)
    }
    assert sorted(permitted) == sorted(needed | {"kms:Decrypt"})
