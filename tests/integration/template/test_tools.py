"""The tools that users have accept the templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from distribution.releases.serverless_repository import write_serverless_repository_template
from tests.integration.template.intrinsic_functions import resolve
from tests.integration.template.stacks import ALL_STACK_IDS, ALL_STACKS, AUTHORIZER, TEMPLATES
from tests.integration.template.templates import DEPLOYED, REGION, ROOT
from tests.integration.template.tools import cfn_lint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.template.templates import Template


EXAMPLES = sorted((ROOT / "examples/attach").glob("*.yaml"))


# `sam validate --lint` does no more than cfn-lint, which is part of the AWS SAM CLI.
def test_cfn_lint_accepts_each_template_and_rejects_an_invalid_one(tmp_path: Path) -> None:
    invalid = tmp_path / "invalid.yaml"
    invalid.write_text("Resources: {Function: {Type: AWS::Nothing::Known}}")
    derived = tmp_path / "serverless-repository.yaml"
    write_serverless_repository_template(AUTHORIZER.path, derived, None)
    templates = [*(template.path for template in TEMPLATES), derived, *EXAMPLES, invalid]
    options = ["--include-checks", "I", "--format", "parseable"]
    with pytest.raises(AssertionError) as failure:
        cfn_lint(*templates, folder=tmp_path, options=options)
    [problem] = str(failure.value).splitlines()[:1]
    assert str(failure.value).count(".yaml:") == 1
    assert problem.startswith(f"{invalid}:")
    assert "AWS::Nothing::Known" in problem


def test_cfn_lint_accepts_each_stack_and_those_of_the_cdk(synthesized: Path, tmp_path: Path) -> None:
    # The other stacks of the constructs are compared with those of the templates.
    constructs = synthesized / "constructs/together.template.json"
    stacks = [constructs, *(synthesized / "examples").glob("*.template.json")]
    assert len(stacks) == 3
    for template, stack in ALL_STACKS:
        path = tmp_path / f"{template.name}-{stack}.json"
        path.write_text(json.dumps(template.deployed(stack)))
        stacks.append(path)
    # Informational checks are about how a template is written. The CDK writes out dependencies that references imply,
    # and conditions about arguments that are known.
    cfn_lint(*stacks, folder=tmp_path, options=["--ignore-checks", "W1028", "W3005", "W8003"])


@pytest.mark.parametrize(("template", "stack"), ALL_STACKS, ids=ALL_STACK_IDS)
def test_the_name_of_a_stack_may_have_128_characters(template: Template, stack: str) -> None:
    # cfn-lint does not know names of stacks. This is the longest one that CloudFormation accepts.
    deployed = DEPLOYED | {"AWS::StackName": "s" * 128}
    for logical_id, resource in template.deployed(stack)["Resources"].items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource["Type"]).schema
        for name, value in resolve(resource["Properties"], deployed, {}).items():
            longest = schema["properties"][name].get("maxLength")
            if isinstance(value, str) and longest:
                assert len(value) <= longest, f"{logical_id}.{name}"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_template_is_short_enough_to_review(template: Template) -> None:
    assert len(template.path.read_text().splitlines()) <= 600
