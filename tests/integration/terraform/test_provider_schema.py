"""The modules and examples have resources, arguments and blocks of Terraform's AWS provider."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.terraform.evaluator import MODULES, attributes, blocks, labels, parse
from tests.integration.terraform.extract_schema import EXAMPLES, SCHEMA, used_types

if TYPE_CHECKING:
    from pathlib import Path

    from hcl2.rules.base import BlockRule, BodyRule

SCHEMA_FILE = json.loads(SCHEMA.read_text())
FOLDERS = [*sorted(folder for folder in MODULES.iterdir() if folder.is_dir()), EXAMPLES]
META_ARGUMENTS = {"count", "depends_on", "for_each"}

each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def mistakes(body: BodyRule, schema: dict[str, Any], path: str) -> list[str]:
    """Return the arguments and blocks that a schema does not have, and those that are missing."""
    given = set(attributes(body)) - META_ARGUMENTS
    inner: list[tuple[str, BodyRule]] = []
    for block in blocks(body):
        match labels(block):
            case ["dynamic", name]:
                [content] = blocks(block.body)
                inner.append((name, content.body))
            case [name] if name != "lifecycle":
                inner.append((name, block.body))
    names = {name for name, _ in inner}
    found = [f"{path} has no argument {name}" for name in sorted(given - schema["arguments"].keys())]
    found += [f"{path} has no block {name}" for name in sorted(names - schema["blocks"].keys())]
    found += [f"{path} requires {name}" for name in sorted(set(schema["required"]) - given - names)]
    for name, block_body in inner:
        if name in schema["blocks"]:
            found += mistakes(block_body, schema["blocks"][name], f"{path}.{name}")
    return found


def declared(folder: Path) -> dict[str, BlockRule]:
    """Return the resources and data sources: the latter as data.aws_region.current."""
    found = {}
    for block in parse(folder):
        match labels(block):
            case ["resource", kind, name]:
                found[f"{kind}.{name}"] = block
            case ["data", kind, name]:
                found[f"data.{kind}.{name}"] = block
    return found


def test_the_schema_is_of_provider_6_and_of_the_types_that_are_used() -> None:
    assert re.search(r"terraform-provider-aws 6\.\d+\.\d+$", SCHEMA_FILE["source"])
    assert SCHEMA_FILE["types"].keys() == used_types()


@each_folder
def test_resources_have_the_arguments_and_blocks_of_the_provider(folder: Path) -> None:
    of_aws = {path: block for path, block in declared(folder).items() if not path.startswith("data.archive_")}
    assert of_aws
    for path, block in of_aws.items():
        assert mistakes(block.body, SCHEMA_FILE["types"][path.rpartition(".")[0]], path) == []


def test_a_wrong_resource_is_detected(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("""
resource "aws_lambda_function" "f" {
  function_name = "f"
  layer         = "l"

  dynamic "logging_config" {
    for_each = [1]

    content {
      group = "g"
    }
  }

  log {}
}
""")
    [block] = declared(tmp_path).values()
    assert mistakes(block.body, SCHEMA_FILE["types"]["aws_lambda_function"], "f") == [
        "f has no argument layer",
        "f has no block log",
        "f requires role",
        "f.logging_config has no argument group",
        "f.logging_config requires log_format",
    ]


@each_folder
def test_expressions_refer_to_attributes_that_exist(folder: Path) -> None:
    text = "\n".join(re.sub(r"(?m)^\s*#.*$", "", file.read_text()) for file in folder.glob("*.tf"))
    resources = declared(folder)
    for data, kind, name, attribute in re.findall(
        r"(?<![\w.\"])(data\.)?(aws_\w+)\.(\w+)(?:\[[^\]]+\])?(?:\.(\w+))?", text
    ):
        assert f"{data}{kind}.{name}" in resources
        schema = SCHEMA_FILE["types"][f"{data}{kind}"]
        assert not attribute or attribute in {*schema["exported"], *schema["arguments"]}, (kind, attribute)
    for kind, prefix in (("variable", "var"), ("locals", "local"), ("module", "module")):
        names = set(re.findall(rf"(?<![\w.\"]){prefix}\.(\w+)", text))
        found = {
            name
            for block in parse(folder)
            if labels(block)[0] == kind
            for name in (attributes(block.body) if kind == "locals" else labels(block)[1:])
        }
        assert names <= found, (folder.name, kind, names - found)


@each_folder
def test_every_variable_and_local_is_used(folder: Path) -> None:
    text = "\n".join(file.read_text() for file in folder.glob("*.tf"))
    for block in parse(folder):
        match labels(block):
            case ["variable", name]:
                assert re.search(rf"\bvar\.{name}\b", text.replace(f'variable "{name}"', "")), name
            case ["locals"]:
                unused = [name for name in attributes(block.body) if not re.search(rf"\blocal\.{name}\b", text)]
                assert unused == []


def test_the_examples_call_the_modules_with_variables_and_outputs_that_exist() -> None:
    text = "\n".join(file.read_text() for file in EXAMPLES.glob("*.tf"))
    calls = [block for block in parse(EXAMPLES) if labels(block)[0] == "module"]
    called = set()
    for block in calls:
        given = dict(attributes(block.body))
        source = (EXAMPLES / str(given.pop("source").serialize()).strip('"')).resolve()
        called.add(source)
        variables = {labels(each)[1]: attributes(each.body) for each in parse(source) if labels(each)[0] == "variable"}
        outputs = {labels(each)[1] for each in parse(source) if labels(each)[0] == "output"}
        assert given.keys() <= variables.keys()
        assert {name for name, body in variables.items() if "default" not in body} <= given.keys()
        assert set(re.findall(rf"\bmodule\.{labels(block)[1]}\.(\w+)", text)) <= outputs
    assert called == {folder for folder in MODULES.iterdir() if folder.is_dir()}


@each_folder
def test_versions_of_terraform_and_of_the_provider_are_required(folder: Path) -> None:
    text = "\n".join(file.read_text() for file in folder.glob("*.tf"))
    # Conditions of variables that refer to other variables need 1.9; layers for python3.14, provider 6.21.
    assert 'required_version = ">= 1.9"' in text
    assert re.search(r'aws += \{ source = "hashicorp/aws", version = ">= 6\.21, < 7.0" \}', text)
