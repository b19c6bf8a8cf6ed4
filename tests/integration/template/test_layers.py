"""The layer's versions in the stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distribution.python_versions import PYTHON_VERSIONS
from tests.integration.template.stacks import AUTHORIZER, REVOCATION

if TYPE_CHECKING:
    from tests.integration.template.templates import Template


@pytest.mark.parametrize(
    ("template", "function", "stack", "architecture"),
    [
        (AUTHORIZER, "Authorizer", "defaults", "arm64"),
        (AUTHORIZER, "Authorizer", "x86_64", "x86_64"),
        (REVOCATION, "CrlIndexer", "defaults", "arm64"),
        (REVOCATION, "CrlIndexer", "everything-set", "x86_64"),
    ],
)
def test_a_function_and_its_layer_have_the_architecture_of_the_stack(
    template: Template, function: str, stack: str, architecture: str
) -> None:
    deployed = template.deployed(stack)
    layers = {
        logical_id: resource["Properties"]
        for logical_id, resource in deployed["Resources"].items()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    }
    [(logical_id, layer)] = layers.items()
    assert layer["CompatibleArchitectures"] == [architecture]
    assert layer["CompatibleRuntimes"] == [f"python{version}" for version in PYTHON_VERSIONS]
    properties = template.properties(stack, function)
    assert properties["Architectures"] == [architecture]
    assert properties["Layers"] == [{"Ref": logical_id}]
    if template is AUTHORIZER:
        assert deployed["Outputs"]["LayerArn"]["Value"] == {"Ref": logical_id}


@pytest.mark.parametrize(("template", "policy"), [(AUTHORIZER, "Retain"), (REVOCATION, "Delete")])
def test_the_layer_is_kept_if_other_stacks_may_use_it(template: Template, policy: str) -> None:
    resources = template.deployed("defaults")["Resources"].values()
    policies = [entry["DeletionPolicy"] for entry in resources if entry["Type"] == "AWS::Lambda::LayerVersion"]
    assert policies == [policy]


def test_the_stacks_build_the_same_layer_under_different_names() -> None:
    for logical_id in ("LayerArm64", "LayerX8664"):
        own, indexers = (template.source["Resources"][logical_id] for template in (AUTHORIZER, REVOCATION))
        assert own["Metadata"] == indexers["Metadata"]
        content = [
            (template.path.parent / template.source["Resources"][logical_id]["Properties"]["ContentUri"]).resolve()
            for template in (AUTHORIZER, REVOCATION)
        ]
        assert content[0] == content[1]
        assert own["Properties"]["LayerName"] != indexers["Properties"]["LayerName"]
