"""The project's metadata is the same everywhere."""

from __future__ import annotations

import hashlib
import re
import tomllib
from typing import Any

import pytest

import client_certificate_auth
from distribution.project import DISTRIBUTIONS, LICENSE, ROOT, VERSION, read_metadata
from tests.aws.yaml_templates import yaml_parse

PROJECT = read_metadata(ROOT)
SERVERLESS_REPOSITORY: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())["Metadata"][
    "AWS::ServerlessRepo::Application"
]


def test_the_version_is_semantic() -> None:
    assert re.fullmatch(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}(-[0-9A-Za-z.-]+)?", PROJECT["version"])


@pytest.mark.parametrize(
    "version",
    [VERSION, client_certificate_auth.__version__, SERVERLESS_REPOSITORY["SemanticVersion"]],
    ids=["the published layer", "the layer's module", "the Serverless Application Repository"],
)
def test_there_is_one_version(version: str) -> None:
    assert version == PROJECT["version"]


def test_the_changelog_begins_with_unreleased_changes_followed_by_this_version() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [heading for heading in headings if "unreleased" not in heading.lower()]
    assert headings[0] not in released
    assert released[0].split()[0] == PROJECT["version"]


def test_there_is_one_licence() -> None:
    assert SERVERLESS_REPOSITORY["SpdxLicenseId"] == LICENSE == PROJECT["license"] == "Apache-2.0"
    assert PROJECT["license-files"] == [SERVERLESS_REPOSITORY["LicenseUrl"]] == ["LICENSE"]


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_distribution_has_the_projects_licence_and_requires_the_others_in_its_own_version(folder: str) -> None:
    assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    table = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    shared = ("license", "license-files", "authors", "requires-python")
    assert [table[key] for key in shared] == [PROJECT[key] for key in shared]
    exact = {name for name in table["dependencies"] if name.endswith(f"=={VERSION}")}
    assert {re.split("[=><]", name)[0] for name in exact} == {
        read_name(other) for other in DISTRIBUTIONS[: DISTRIBUTIONS.index(folder)]
    }
    assert {re.split("[=><]", name)[0] for name in table["dependencies"]} - {"cryptography", "boto3"} == {
        name.split("==")[0] for name in exact
    }


def read_name(folder: str) -> str:
    name: str = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]["name"]
    return name


def test_the_licence_is_the_standard_text_with_the_copyright_filled_in() -> None:
    text = (ROOT / "LICENSE").read_text()
    ours = f"Copyright 2026 {PROJECT['authors'][0]['name']}"
    assert text.count(ours) == 1
    standard = text.replace(ours, "Copyright [yyyy] [name of copyright owner]")
    assert hashlib.sha256(standard.encode()).hexdigest() == (
        "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    )


def test_the_metadata_is_valid_for_the_serverless_application_repository() -> None:
    # The limits are from its API reference, "CreateApplication".
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", SERVERLESS_REPOSITORY["Name"])
    assert SERVERLESS_REPOSITORY["Name"] == PROJECT["name"]
    assert re.fullmatch(r"[a-zA-Z0-9](?:[a-zA-Z0-9]|-(?!-)){0,126}", SERVERLESS_REPOSITORY["Author"])
    assert len(SERVERLESS_REPOSITORY["Description"]) <= 256
    assert len(SERVERLESS_REPOSITORY["Labels"]) <= 10
    for label in SERVERLESS_REPOSITORY["Labels"]:
        assert re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", label)
    for file in ("LicenseUrl", "ReadmeUrl"):
        assert (ROOT / SERVERLESS_REPOSITORY[file]).is_file()


def test_vulnerabilities_can_be_reported_without_an_address() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert "@" not in text
    assert "Report a vulnerability" in text


LOCKED = re.findall(r"--constraint (\S+) --output-file (\S+)", (ROOT / "Makefile").read_text())


@pytest.mark.parametrize(("constraint", "locked"), LOCKED)
def test_what_is_pinned_twice_has_one_version(constraint: str, locked: str) -> None:
    # Otherwise, the tests could run with another version than the one that ships.
    ours, others = pins(locked), pins(constraint)
    common = ours.keys() & others.keys()
    assert common
    assert {name: ours[name] for name in common} == {name: others[name] for name in common}


def pins(file: str) -> dict[str, str]:
    """Return the versions in a file of requirements, by name."""
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^ ;]+)", (ROOT / file).read_text(), re.MULTILINE))
