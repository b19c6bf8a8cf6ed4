"""The template for the Serverless Application Repository."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from distribution.releases.errors import ReleaseError
from distribution.releases.serverless_repository import TEMPLATE, main, rewrite_template
from distribution.releases.templates import rewrite_template as rewrite_for_release
from tests.integration.template.stacks import AUTHORIZER
from tests.integration.template.templates import ROOT, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

URL = "https://git.example.com/client-certificate-auth"
SUPPORTED = set(json.loads((Path(__file__).parent / "serverless_repository_types.json").read_text())["types"])


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("release")
    (folder / "template.yaml").write_text(rewrite_for_release((ROOT / "template.yaml").read_text()))
    main(str(folder), URL)
    return Template("repository", folder / TEMPLATE, {})


def without_versions(parameters: Mapping[str, str]) -> bool:
    return not {"SnapStart", "ProvisionedConcurrency"} & parameters.keys()


STACKS = {name: given for name, given in AUTHORIZER.stacks.items() if without_versions(given)}


def test_all_resources_are_supported_also_those_that_sam_adds(repository: Template) -> None:
    assert {entry["Type"] for entry in repository.source["Resources"].values()} <= SUPPORTED
    assert {entry["Type"] for entry in repository.transformed["Resources"].values()} <= SUPPORTED


def test_the_authorizers_own_template_is_not_supported() -> None:
    types = {entry["Type"] for entry in AUTHORIZER.source["Resources"].values()}
    assert {each.split("::")[1] for each in types - SUPPORTED} == {"AppConfig"}


def test_the_metadata_has_what_a_public_application_needs(repository: Template) -> None:
    metadata = repository.source["Metadata"]["AWS::ServerlessRepo::Application"]
    assert metadata["HomePageUrl"] == metadata["SourceCodeUrl"] == URL
    assert metadata["SpdxLicenseId"] == "Apache-2.0"
    assert {"Name", "Description", "Author", "LicenseUrl", "ReadmeUrl", "Labels", "SemanticVersion"} <= metadata.keys()
    # https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-template-publishing-applications-metadata-properties.html
    assert re.fullmatch(r"[A-Za-z0-9-]{1,140}", metadata["Name"])
    assert re.fullmatch(r"[a-z0-9](-?[a-z0-9])*", metadata["Author"])
    assert len(metadata["Description"]) <= 256
    assert len(metadata["Labels"]) <= 10
    assert all(re.fullmatch(r"[A-Za-z0-9+._:/@-]{1,127}", label) for label in metadata["Labels"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["SemanticVersion"])


def resources(template: Template, given: Mapping[str, str]) -> dict[str, Any]:
    deployed = Template("deployed", template.path, {"stack": given}).deployed("stack")["Resources"]
    versions = {"AWS::Lambda::Version", "AWS::Lambda::Alias"}
    return {name: entry for name, entry in deployed.items() if entry["Type"] not in versions}


@pytest.mark.parametrize("stack", STACKS)
def test_without_versions_a_stack_is_that_of_the_template(repository: Template, stack: str) -> None:
    ours, theirs = resources(repository, STACKS[stack]), resources(AUTHORIZER, STACKS[stack])
    assert ours.keys() == theirs.keys()
    for name, entry in ours.items():
        assert entry["Properties"] == theirs[name]["Properties"], name


@pytest.mark.parametrize("url", ["git.example.com", "http://git.example.com", "https://a b", "https://a\nb: c"])
def test_what_is_no_url_is_rejected(url: str) -> None:
    with pytest.raises(ReleaseError, match="is no URL"):
        rewrite_template("", url)


def test_a_template_that_is_not_understood_is_rejected() -> None:
    with pytest.raises(ReleaseError, match="does not know how to rewrite 'Other: !If"):
        rewrite_template("Other: !If [IsPublished, 1, 2]", URL)


def test_the_template_is_valid_yaml(repository: Template) -> None:
    assert yaml_parse(repository.path.read_text())["Parameters"].keys() == AUTHORIZER.source["Parameters"].keys() - {
        "SnapStart",
        "ProvisionedConcurrency",
    }
