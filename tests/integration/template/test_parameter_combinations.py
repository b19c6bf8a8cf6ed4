"""Combinations of parameters that the authorizer, or a stack, would reject or ignore."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.settings import VARIABLES, SettingsError, load_settings
from tests.integration.template.stacks import (
    ALL_STACK_IDS,
    ALL_STACKS,
    AUTHORIZER,
    CRLS,
    MONITORING,
    REVOCATION,
    RULES,
    parameter_of,
)

if TYPE_CHECKING:
    from tests.integration.template.templates import Template

LISTS = [variable for variable in VARIABLES if variable.startswith("ALLOWED_")]


@pytest.mark.parametrize(("template", "stack"), ALL_STACKS, ids=ALL_STACK_IDS)
def test_a_valid_stack_breaks_no_rule(template: Template, stack: str) -> None:
    assert template.broken_rules(template.stacks[stack]) == []


REJECTED: list[tuple[dict[str, str], set[str]]] = [
    *(
        ({"AllowAnyClientCertificate": "true", name: value}, {"AllowAnyClientCertificate"})
        for name, value in (
            (parameter_of(variable), "alpha")
            for variable in LISTS
            if variable not in {"ALLOWED_SERIAL_NUMBERS", "ALLOWED_ISSUER_KEYS"}
        )
    ),
    (
        {"AllowAnyClientCertificate": "true", "AllowedIssuerKeys": "AB" * 32, "TruststoreUri": "file:///opt/ca.pem"},
        {"AllowAnyClientCertificate"},
    ),
    ({"AllowedIssuerKeys": "AB" * 32}, {"AllowedIssuerKeys", "TruststoreUri"}),
    (
        {"AllowAnyClientCertificate": "true", "AllowedSerialNumbers": "1", "AllowedIssuers": "CN=CA"},
        {"AllowAnyClientCertificate"},
    ),
    ({"AllowedSerialNumbers": "1"}, {"AllowedSerialNumbers", "AllowedIssuers"}),
    (
        {"AllowedSerialNumbers": "1", "AllowedIssuers": "CN=CA", "AllowlistMatch": "any"},
        {"AllowedSerialNumbers", "AllowlistMatch"},
    ),
    (
        {"AuthorizerRules": RULES, "AuthorizerRulesUri": "ssm:///a"},
        {"AuthorizerRules", "AuthorizerRulesUri"},
    ),
    (
        {"AuthorizerShadowRules": RULES, "AuthorizerShadowRulesUri": "ssm:///a"},
        {"AuthorizerShadowRules", "AuthorizerShadowRulesUri"},
    ),
    (CRLS | {"TruststoreUri": ""}, {"CrlUris", "TruststoreUri"}),
    *(
        ({name: value}, {"CrlUris", name})
        for name, value in (
            ("TruststoreUri", "s3://lists/truststore.pem"),
            ("CrlRefreshSeconds", "60"),
            ("CrlFailureMode", "deny"),
            ("CrlMaxAgeSeconds", "0"),
            ("CrlCheck", "chain"),
            ("CrlAssumeComplete", "s3://lists/a.crl"),
            ("CrlExemptIssuers", "0a" * 32),
        )
    ),
]


@pytest.mark.parametrize(("parameters", "named"), REJECTED, ids=[" ".join(parameters) for parameters, _ in REJECTED])
def test_parameters_that_the_authorizer_would_reject_break_a_rule_that_names_them(
    parameters: dict[str, str], named: set[str]
) -> None:
    variables = {variable: parameters.get(parameter_of(variable)) for variable in VARIABLES}
    with pytest.raises(SettingsError):
        load_settings({variable: value for variable, value in variables.items() if value})
    [(_, description)] = AUTHORIZER.broken_rules(parameters)
    assert all(name in description for name in named)


@pytest.mark.parametrize(
    ("template", "parameters", "named"),
    [
        (AUTHORIZER, {"CrlBucketName": "lists"}, {"CrlUris", "CrlBucketName"}),
        (
            AUTHORIZER,
            {"SnapStart": "true", "ProvisionedConcurrency": "1"},
            {"SnapStart", "ProvisionedConcurrency"},
        ),
        *(
            (
                MONITORING,
                {**MONITORING.stacks["everything-set"], name: ""},
                {"CrlIndexerFunctionName", "CrlIndexerFailuresName"},
            )
            for name in ("CrlIndexerFunctionName", "CrlIndexerFailuresName")
        ),
        *(
            (
                REVOCATION,
                {**REVOCATION.stacks["everything-set"], name: ""},
                {"FetcherSubnetIds", "FetcherSecurityGroupIds"},
            )
            for name in ("FetcherSubnetIds", "FetcherSecurityGroupIds")
        ),
        (
            REVOCATION,
            {**REVOCATION.stacks["everything-set"], "CrlSources": ""},
            {"CrlSources", "CrlSourcePrivateHosts", "FetcherSubnetIds", "FetcherSecurityGroupIds"},
        ),
        (
            REVOCATION,
            {**REVOCATION.stacks["defaults"], "CrlSourcePrivateHosts": "crl.internal"},
            {"CrlSources", "CrlSourcePrivateHosts"},
        ),
        (
            REVOCATION,
            {
                **REVOCATION.stacks["defaults"],
                "FetcherSubnetIds": "subnet-0123456789abcdef0",
                "FetcherSecurityGroupIds": "sg-0123456789abcdef0",
            },
            {"CrlSources", "FetcherSubnetIds", "FetcherSecurityGroupIds"},
        ),
    ],
)
def test_parameters_that_would_have_no_effect_break_a_rule_that_names_them(
    template: Template, parameters: dict[str, str], named: set[str]
) -> None:
    [(_, description)] = template.broken_rules(parameters)
    assert all(name in description for name in named)
