"""The parameters of the templates, and the variables of the authorizer that they set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.settings import VARIABLES, SettingsError, load_settings
from tests.integration.template.intrinsic_functions import references
from tests.integration.template.stacks import (
    ALL_STACK_IDS,
    ALL_STACKS,
    AUTHORIZER,
    MONITORING,
    TEMPLATES,
    parameter_of,
)

if TYPE_CHECKING:
    from tests.integration.template.templates import Template

each_template = pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
each_stack = pytest.mark.parametrize(("template", "stack"), ALL_STACKS, ids=ALL_STACK_IDS)


@each_template
def test_each_condition_is_true_in_one_stack_and_false_in_another(template: Template) -> None:
    conditions = [template.conditions(stack) for stack in template.stacks.values()]
    for condition in template.source["Conditions"]:
        assert {values[condition] for values in conditions} == {True, False}, condition


@each_template
def test_each_parameter_has_several_values_among_the_stacks(template: Template) -> None:
    for name in template.source["Parameters"]:
        assert len({template.parameters(stack)[name] for stack in template.stacks.values()}) > 1, name


@each_template
def test_each_parameter_is_used_and_in_a_group_with_a_label(template: Template) -> None:
    groups = template.source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert all(group["Label"]["default"] for group in groups)
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template.source["Parameters"])
    used = set(references([template.source[section] for section in ("Conditions", "Resources")]))
    assert set(grouped) <= used


@each_stack
def test_the_values_of_a_stack_are_allowed(template: Template, stack: str) -> None:
    for name, value in template.parameters(template.stacks[stack]).items():
        parameter = template.source["Parameters"][name]
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), value), name
        assert value in map(str, parameter.get("AllowedValues", [value])), name


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_is_a_parameter_and_has_its_default_if_the_parameter_is_empty(variable: str) -> None:
    parameter = parameter_of(variable)
    assert AUTHORIZER.source["Parameters"][parameter]["Default"] == ""
    unset = AUTHORIZER.properties("defaults", "Authorizer")["Environment"]["Variables"]
    # Documents in buckets of other accounts are trusted only on request.
    assert unset.get(variable) == ({"Ref": "AWS::AccountId"} if variable == "S3_BUCKET_OWNER" else None)
    stack, parameters = next((name, given) for name, given in AUTHORIZER.stacks.items() if given.get(parameter))
    variables = AUTHORIZER.properties(stack, "Authorizer")["Environment"]["Variables"]
    assert variables[variable] == parameters[parameter]


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_the_authorizer_accepts_its_variables_and_has_no_others(stack: str) -> None:
    environment = AUTHORIZER.resolved(AUTHORIZER.properties(stack, "Authorizer")["Environment"]["Variables"])
    assert load_settings(environment).s3_bucket_owner in {"123456789012", "210987654321"}
    assert environment.keys() <= set(VARIABLES)


def choices(variable: str) -> list[str]:
    """Return the values that the authorizer accepts, as the error about another one names them; none for others."""
    lists = {"CRL_URIS": "s3://lists/a.crl", "TRUSTSTORE_URI": "s3://lists/t.pem"}
    try:
        load_settings({**lists, variable: "?"})
    except SettingsError as error:
        named = re.search(r"write (?:one of )?(\w+(?:(?:, | or )\w+)+)$", str(error))
        return re.split(", | or ", named[1]) if named else []
    return []


def test_a_choice_has_the_values_of_the_authorizer() -> None:
    parameters = {variable: AUTHORIZER.source["Parameters"].get(parameter_of(variable), {}) for variable in VARIABLES}
    allowed = {variable: each["AllowedValues"] for variable, each in parameters.items() if "AllowedValues" in each}
    assert allowed == {variable: ["", *named] for variable in VARIABLES if (named := choices(variable))}


def test_the_defaults_of_monitoring_are_those_of_the_authorizer() -> None:
    defaults = load_settings({})
    parameters = MONITORING.source["Parameters"]
    assert parameters["UnauthenticatedResponse"]["Default"] == "unauthorized"
    assert parameters["UnauthenticatedResponse"]["AllowedValues"] == choices("UNAUTHENTICATED_RESPONSE")
    assert parameters["ExpiryWarningDays"]["Default"] == defaults.expiry_warning_days
