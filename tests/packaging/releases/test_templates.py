from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distribution.errors import DistributionError
from distribution.project import ROOT
from distribution.releases.templates import TEMPLATES, rewrite_template, write_templates
from tests.aws.yaml_templates import yaml_parse

if TYPE_CHECKING:
    from pathlib import Path

ZIP_FILES = {
    "LayerArm64": "client-certificate-auth-arm64.zip",
    "LayerX8664": "client-certificate-auth-x86_64.zip",
    "SampleFunction": "sample-function.zip",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_of_a_release_differs_in_the_places_of_code_only(name: str, tmp_path: Path) -> None:
    write_templates(ROOT, tmp_path)
    expected: dict[str, Any] = yaml_parse((ROOT / name).read_text())
    for resource, definition in expected["Resources"].items():
        key = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}.get(
            definition["Type"]
        )
        if key:
            definition["Properties"][key] = ZIP_FILES.get(resource, "authorizer.zip")
            del definition["Metadata"]
    assert yaml_parse((tmp_path / name.rpartition("/")[2]).read_text()) == expected


@pytest.mark.parametrize(
    "line",
    ["CodeUri: ../somewhere", "ContentUri: layer", "BuildMethod: python3.13", "DefinitionUri: ../api.yaml"],
)
def test_a_place_that_is_not_known_is_an_error(line: str) -> None:
    with pytest.raises((DistributionError, KeyError)):
        rewrite_template(f"    Properties:\n      {line}\n")
