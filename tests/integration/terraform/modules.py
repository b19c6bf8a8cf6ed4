"""The Terraform module of the authorizer, with the inputs that correspond to a stack of a template."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.integration.template.templates import DEPLOYED, REGION
from tests.integration.terraform.evaluator import MODULES, Module, attributes, labels, parse, to_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AUTHORIZER_MODULE = MODULES / "authorizer"
KNOWN = {
    "data.aws_partition.current.partition": DEPLOYED["AWS::Partition"],
    "data.aws_region.current.region": REGION,
    "data.aws_caller_identity.current.account_id": DEPLOYED["AWS::AccountId"],
}
TYPES = {
    labels(block)[1]: str(attributes(block.body)["type"].serialize())
    for block in parse(AUTHORIZER_MODULE)
    if labels(block)[0] == "variable"
}


SEVERAL = {"authorizer_policy_arn": "authorizer_policy_arns"}
"""Parameters that are lists in Terraform, by their names as variables."""


def variable_of(parameter: str) -> str:
    """Return the variable for a parameter: allowed_common_names for AllowedCommonNames."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", parameter).lower()


def value_of(variable: str, text: str) -> Any:  # noqa: ANN401 -- of the variable's type
    match TYPES.get(variable, "string"):
        case "bool":
            return text == "true"
        case "number":
            return int(text)
        case "${list(string)}" | "list(string)":
            # A single distinguished name contains commas.
            return [text] if variable == "allowed_issuers" else text.split(",")
        case "${map(string)}" | "map(string)":
            return json.loads(text)
    return text


def inputs(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the module's inputs for a stack's parameters. An empty parameter is an input that is not given."""
    named = {variable_of(parameter): text for parameter, text in parameters.items() if text != ""}
    values = {name: value_of(name, text) for name, text in named.items()}
    several = {SEVERAL[name]: [values.pop(name)] for name in SEVERAL.keys() & values.keys()}
    return {"release_folder": "release"} | values | several


def module(
    parameters: Mapping[str, str], others: Mapping[str, object] | None = None, known: Mapping[str, Any] | None = None
) -> Module:
    """Return the module for a stack's parameters, with other inputs, and known attributes of resources."""
    return Module(AUTHORIZER_MODULE, inputs(parameters) | dict(others or {}), KNOWN | dict(known or {}))


def of_type(evaluated: Module, *types: str) -> list[dict[str, Any]]:
    """Return the attributes of all resources of some types."""
    return [resource.attributes for resource in evaluated.resources if resource.type in types]


def resource(evaluated: Module, path: str) -> dict[str, Any]:
    """Return the attributes of the only instance of a resource."""
    [found] = [each.attributes for each in evaluated.resources if f"{each.type}.{each.name}" == path]
    return found


def plain(value: Any) -> Any:  # noqa: ANN401
    """Replace what is unknown by its path."""
    return json.loads(json.dumps(value, default=to_string))


Permission = tuple[str, str, str, str]


def permissions(statements: Iterable[Mapping[str, Any]]) -> set[Permission]:
    """Return each effect, action, resource and condition of a policy as an entry of its own.

    CloudFormation's functions cannot put the partition, region and account into the ARNs of S3 objects and SSM
    parameters, so the template has asterisks there, and a condition. The template also names the first prefix of CRLs
    itself, which is no object.
    """
    pinned = {"StringEquals": {"aws:RequestedRegion": REGION}}
    found = set()
    for statement in statements:
        condition = statement.get("Condition")
        actions = statement.get("Action") or [f"not {action}" for action in statement["NotAction"]]
        for action in actions if isinstance(actions, list) else [actions]:
            resources = statement["Resource"]
            for arn in resources if isinstance(resources, list) else [resources]:
                exact = arn.replace("arn:*:s3:", "arn:aws:s3:")
                if condition == pinned:
                    exact = exact.replace("arn:*:ssm:*:*:", f"arn:aws:ssm:{REGION}:{DEPLOYED['AWS::AccountId']}:")
                kept = None if condition == pinned else condition
                if exact.endswith("/"):
                    continue
                found.add((statement["Effect"], action, exact, json.dumps(kept, sort_keys=True)))
    return found
