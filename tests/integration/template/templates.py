"""A template, and what CloudFormation makes of it with the parameters of a stack."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

from tests.aws.yaml_templates import yaml_parse
from tests.integration.template.intrinsic_functions import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
REGION = "eu-central-1"
DEPLOYED = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "stack",
    "AWS::StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/stack/51af3dc0-da77-11e4-872e-1234567db123",
}
"""Pseudo parameters."""


@dataclass(frozen=True)
class Template:
    """A template and the stacks that it is tested with: the parameters that differ from the defaults, by name."""

    name: str
    path: Path
    stacks: Mapping[str, Mapping[str, str]]

    @cached_property
    def source(self) -> dict[str, Any]:
        template: dict[str, Any] = yaml_parse(self.path.read_text())
        return template

    @cached_property
    def transformed(self) -> dict[str, Any]:
        """The template after SAM's transform, for all stacks: parameters and conditions are unresolved in it.

        SAM would resolve parameters that have defaults. Except for them, and for the names of API deployments, its
        result does not depend on the parameters of a stack.
        """
        template = deepcopy(self.source)
        if "Transform" not in template:
            return template
        for parameter in template["Parameters"].values():
            parameter.pop("Default", None)
        for resource in template["Resources"].values():
            for code in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
                resource["Properties"][code] = "s3://bucket/key"
        sam = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
        result: dict[str, Any] = sam.translate(template, {})
        return result

    def parameters(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the values of all parameters, given those that differ from the defaults."""
        defaults = {
            name: str(parameter["Default"])
            for name, parameter in self.source["Parameters"].items()
            if "Default" in parameter
        }
        assert given.keys() <= self.source["Parameters"].keys()
        return defaults | dict(given)

    def conditions(self, given: Mapping[str, str]) -> dict[str, bool]:
        parameters = self.parameters(given)
        conditions: dict[str, bool] = {}
        for name, condition in self.source["Conditions"].items():
            conditions[name] = resolve(condition, parameters, conditions)
        return conditions

    def broken_rules(self, given: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the rules that parameters break, each with the description of the assertion."""
        rules = resolve(self.source.get("Rules", {}), self.parameters(given), {})
        return [
            (name, assertion["AssertDescription"])
            for name, rule in rules.items()
            if rule.get("RuleCondition", True)
            for assertion in rule["Assertions"]
            if not assertion["Assert"]
        ]

    def deployed(self, stack: str) -> dict[str, Any]:
        """Return the resources and outputs of a stack."""
        given = self.stacks[stack]
        parameters, conditions = self.parameters(given), self.conditions(given)
        return {"AWSTemplateFormatVersion": "2010-09-09"} | {
            section: {
                key: {name: value for name, value in entry.items() if name != "Condition"}
                for key, entry in self.transformed[section].items()
                if conditions.get(entry.get("Condition"), True)
                for entry in [resolve(entry, parameters, conditions)]
            }
            for section in ("Resources", "Outputs")
        }

    def properties(self, stack: str, logical_id: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.deployed(stack)["Resources"][logical_id]["Properties"]
        return properties

    def properties_of_type(self, stack: str, resource_type: str) -> list[dict[str, Any]]:
        resources = self.deployed(stack)["Resources"].values()
        return [resource["Properties"] for resource in resources if resource["Type"] == resource_type]

    def resolved(self, node: Any) -> Any:  # noqa: ANN401 -- as in JSON
        """Fill in what is known once a stack is deployed. Names and ARNs of resources are their logical IDs."""
        logical_ids = self.source["Resources"]
        names = [*logical_ids, *(f"{name}.{attribute}" for name in logical_ids for attribute in ("Arn", "QueueName"))]
        return resolve(node, DEPLOYED | dict(zip(names, names, strict=True)), {})

    def pattern(self, parameter: str) -> str:
        pattern: str = self.source["Parameters"][parameter]["AllowedPattern"]
        return pattern
