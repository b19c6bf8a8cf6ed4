"""The SAM CLI reads the parameters of the commands on the pages, and of samconfig.toml, as they are meant."""

from __future__ import annotations

import re
import shlex

import pytest
from samcli.cli.types import CfnParameterOverridesType  # type: ignore[import-untyped]
from samcli.commands.deploy.deploy_context import DeployContext  # type: ignore[import-untyped]

from mtls_authorizer.policy.settings import load_settings
from tests.integration.template.stacks import AUTHORIZER
from tests.integration.template.test_samconfig import CONFIGURATION, SECTIONS
from tests.unit.documentation.markdown import fences


def documented() -> list[list[str]]:
    """Return the parameters of each ``sam deploy`` on the pages, as the shell passes them on."""
    text = "\n".join(re.sub(r" *\\\n *", " ", fence.text) for fence in fences("sh"))
    given = re.findall(r"^sam deploy .*--parameter-overrides (.+)$", text, re.MULTILINE)
    return [[word for word in shlex.split(words) if not word.startswith("--")] for words in given]


def read(words: list[str]) -> dict[str, str]:
    values: dict[str, str] = CfnParameterOverridesType().convert(tuple(words), None, None)
    return values


SAMCONFIG = [CONFIGURATION[section]["deploy"]["parameters"]["parameter_overrides"] for section in SECTIONS]


@pytest.mark.parametrize("words", [*documented(), *SAMCONFIG])
def test_no_value_is_cut_off(words: list[str]) -> None:
    pairs = (word.split("=", 1) for word in words)
    assert read(words) == {name: value.strip("'").replace(r"\"", '"') for name, value in pairs}


def test_the_values_with_quotes_are_those_that_the_authorizer_takes() -> None:
    [words] = [words for words in documented() if any(word.endswith("''") for word in words)]
    assert read(words) == {
        "AllowedCommonNames": "",
        "AllowedIssuers": "CN=Issuing CA,O=Acme",
        "AllowedOrganizations": '["Example, Inc."]',
    }
    lists = {"ALLOWED_ISSUERS": "CN=Issuing CA,O=Acme", "ALLOWED_ORGANIZATIONS": '["Example, Inc."]'}
    assert len(load_settings(lists).rules) == 1


def test_without_the_quotes_the_value_ends_at_the_space() -> None:
    assert read(["AllowedIssuers=CN=Issuing CA,O=Acme"]) == {"AllowedIssuers": "CN=Issuing"}


def test_a_single_quote_ends_the_value_unless_there_is_a_backslash_before_it() -> None:
    assert read(["AllowedOrganizations='L'Oréal'"]) == {"AllowedOrganizations": "L"}
    assert read([r"""AllowedOrganizations='["L\'Oréal, S.A."]'"""]) == {"AllowedOrganizations": '["L\'Oréal, S.A."]'}


def test_a_parameter_that_is_omitted_keeps_its_value_and_one_that_is_misspelt_is_ignored() -> None:
    merged = DeployContext.merge_parameters(
        AUTHORIZER.source, {"AllowedIssuers": "CN=CA", "CrlUri": "s3://lists/a.crl"}
    )
    assert {each["ParameterKey"] for each in merged} == AUTHORIZER.source["Parameters"].keys()
    assert {"ParameterKey": "AllowedIssuers", "ParameterValue": "CN=CA"} in merged
    assert {"ParameterKey": "AllowedCommonNames", "UsePreviousValue": True} in merged
