"""The example of a samconfig.toml."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.template.stacks import AUTHORIZER, MONITORING, REVOCATION, SAMPLE_API
from tests.integration.template.templates import ROOT

if TYPE_CHECKING:
    from tests.integration.template.templates import Template

TEXT = (ROOT / "samconfig.toml.example").read_text()
# Parameters that are commented out are examples, too.
CONFIGURATION: dict[str, Any] = tomllib.loads(re.sub(r'^    # (".*",)$', r"    \1", TEXT, flags=re.MULTILINE))
SECTIONS = {"default": AUTHORIZER, "revocation": REVOCATION, "monitoring": MONITORING, "sample": SAMPLE_API}

each_section = pytest.mark.parametrize(("section", "template"), SECTIONS.items())


def parameters(section: str) -> dict[str, str]:
    overrides = CONFIGURATION[section]["deploy"]["parameters"]["parameter_overrides"]
    return dict(override.split("=", 1) for override in overrides)


def test_there_is_a_section_for_each_template() -> None:
    assert CONFIGURATION.keys() - {"version"} == SECTIONS.keys()
    names = {CONFIGURATION[section]["global"]["parameters"]["stack_name"] for section in SECTIONS}
    assert len(names) == len(SECTIONS)


@each_section
def test_the_parameters_are_valid(section: str, template: Template) -> None:
    given = parameters(section)
    assert template.broken_rules(given) == []
    required = {name for name, parameter in template.source["Parameters"].items() if "Default" not in parameter}
    assert required <= given.keys()
    for name, value in given.items():
        assert re.fullmatch(template.source["Parameters"][name].get("AllowedPattern", ".*"), value), name


@each_section
def test_the_sections_build_and_deploy_their_templates(section: str, template: Template) -> None:
    build = CONFIGURATION[section].get("build", {}).get("parameters")
    deploy = CONFIGURATION[section]["deploy"]["parameters"]
    path = str(template.path.relative_to(ROOT))
    if template is AUTHORIZER:
        # SAM's defaults.
        assert build is None
        assert "template_file" not in deploy
    elif template is MONITORING:
        assert deploy["template_file"] == path
    else:
        assert build["template_file"] == path
        assert deploy["template_file"] == f"{build['build_dir']}/template.yaml"
    has_role = any(entry["Type"] == "AWS::IAM::Role" for entry in template.source["Resources"].values())
    assert ("capabilities" in deploy) is has_role


def test_the_stacks_agree_on_the_bucket_and_the_namespace() -> None:
    assert parameters("default")["CrlBucketName"] == parameters("revocation")["CrlBucketName"]
    assert parameters("default")["TruststoreUri"] == parameters("revocation")["TruststoreUri"]
    assert parameters("default")["MetricsNamespace"] == parameters("monitoring")["MetricsNamespace"]
    assert parameters("default")["CrlUris"].startswith(f"s3://{parameters('revocation')['CrlBucketName']}/")
