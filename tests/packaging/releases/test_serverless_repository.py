"""The template for the AWS Serverless Application Repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distribution.project import ROOT, VERSION
from distribution.releases.serverless_repository import write_serverless_repository_template
from tests.aws.yaml_templates import yaml_parse
from tests.integration.template.intrinsic_functions import references

if TYPE_CHECKING:
    from pathlib import Path

# Those of the services in this project's templates:
# https://docs.aws.amazon.com/serverlessrepo/latest/devguide/list-supported-resources.html
SUPPORTED = {
    *(f"AWS::ApiGateway::{name}" for name in ("Authorizer", "BasePathMapping", "Deployment", "DomainName", "RestApi")),
    *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"),
    *("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role"),
    *(f"AWS::Lambda::{name}" for name in ("Alias", "Function", "LayerVersion", "Permission", "Version")),
    *("AWS::Logs::LogGroup", "AWS::Logs::MetricFilter"),
    *("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
    *("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
    *(f"AWS::Serverless::{name}" for name in ("Api", "Application", "Function", "LayerVersion")),
}
URL = "https://git.example.com/client-certificate-auth"

FALSE = dict.fromkeys(("HasSnapStart", "HasProvisionedConcurrency", "IsPublished"), False)


@pytest.fixture(scope="module")
def original() -> dict[str, Any]:
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return template


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("repository") / "serverless-repository.yaml"
    write_serverless_repository_template(ROOT / "template.yaml", file, URL)
    return file


def test_all_resources_are_of_supported_types(written: Path) -> None:
    template = yaml_parse(written.read_text())
    assert {resource["Type"] for resource in template["Resources"].values()} <= SUPPORTED


def test_the_application_has_the_metadata_that_publishing_requires(written: Path) -> None:
    metadata = yaml_parse(written.read_text())["Metadata"]["AWS::ServerlessRepo::Application"]
    required = {"Name", "Description", "Author", "SpdxLicenseId", "LicenseUrl", "ReadmeUrl", "SemanticVersion"}
    assert metadata.keys() >= required
    assert (metadata["Name"], metadata["SemanticVersion"]) == ("client-certificate-auth", VERSION)
    assert metadata["HomePageUrl"] == metadata["SourceCodeUrl"] == URL


def choose(node: Any, conditions: dict[str, bool]) -> Any:  # noqa: ANN401 -- a document
    """Return a document with one branch of each ``Fn::If``, and without absent values."""
    match node:
        case {"Fn::If": [str(condition), yes, no]}:
            return choose(yes if conditions[condition] else no, conditions)
        case dict():
            children = {key: choose(value, conditions) for key, value in node.items()}
            return {key: value for key, value in children.items() if value != {"Ref": "AWS::NoValue"}}
        case list():
            return [choose(item, conditions) for item in node]
    return node


@pytest.mark.parametrize("others", [True, False])
def test_the_resources_are_those_of_the_template_without_published_versions(
    written: Path, original: dict[str, Any], *, others: bool
) -> None:
    derived = yaml_parse(written.read_text())
    conditions = dict.fromkeys(original["Conditions"], others) | FALSE
    publishing = {"AutoPublishAlias", "AutoPublishAliasAllProperties", "VersionDeletionPolicy"}

    def resources(template: dict[str, Any]) -> dict[str, Any]:
        present = {
            name: choose(resource, conditions)
            for name, resource in template["Resources"].items()
            if conditions.get(resource.get("Condition"), True)
        }
        for resource in present.values():
            resource["Properties"] = {
                key: value for key, value in resource["Properties"].items() if key not in publishing
            }
        return present

    assert resources(derived) == resources(original)
    assert choose(derived["Outputs"], conditions) == choose(original["Outputs"], conditions)


def test_nothing_refers_to_what_was_removed(written: Path, original: dict[str, Any]) -> None:
    derived = yaml_parse(written.read_text())
    removed = {
        name
        for section in ("Parameters", "Conditions", "Resources")
        for name in original[section].keys() - derived[section].keys()
    }
    assert {"SnapStart", "ProvisionedConcurrency", "IsPublished", "AuthorizerVariables"} <= removed
    assert removed & set(references(derived)) == set()
    labels = derived["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in labels for name in group["Parameters"]) == sorted(derived["Parameters"])
    assert derived["Rules"].keys() == original["Rules"].keys()
