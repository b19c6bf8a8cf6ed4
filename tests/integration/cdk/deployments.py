"""The arguments of the constructs that correspond to the stacks of the templates, as JSON that both languages read.

A deployment has the arguments of up to three constructs, by the names that they have in TypeScript.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from mtls_authorizer.policy.settings import VARIABLES
from tests.integration.template.stacks import (
    AUTHORIZER,
    INVALID_SOURCES,
    MONITORING,
    NAMESPACE,
    REVOCATION,
    TOPIC,
    parameter_of,
)
from tests.integration.template.templates import ROOT
from tests.integration.terraform.modules import value_of, variable_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.template.templates import Template

Deployment = dict[str, dict[str, Any]]

PARAMETER = "<a parameter>"
"""Stands for a reference to a parameter of the stack, and the others for references to other values elsewhere."""
ELSEWHERE = (
    *(PARAMETER, "<a stored parameter>", "<a mapping>", "<a condition>", "<a custom resource>", "<a nested stack>"),
    *("<a parameter of another stack>", "<an output>", "<a transform>"),
    *("{{resolve:ssm:/clients}}", "{{resolve:secretsmanager:clients:SecretString:::}}"),
    *("{{resolve:ssm:<a reference>}}", "{{resolve:ssm:arn:aws:ssm:eu-central-1:123456789012:parameter/clients}}"),
    "{{resolve:ssm:/clients}},{{resolve:ssm:/clients:3}}",
)

WITH_A_PARAMETER: Deployment = {"authorizer": {"environment": {"ALLOWED_COMMON_NAMES": f"alpha,{PARAMETER}"}}}
"""Without versions, a new value of the parameter takes effect."""

PUBLISHED: Deployment = {
    "authorizer": {
        "snapStart": True,
        "environment": {
            "PRINCIPAL_ID": "${}",
            "ALLOWED_COMMON_NAMES": "{{resolve:ssm:/clients:3}},{{resolve:ssm:<a reference>:12}}",
        },
    }
}
"""Another number changes the function, so that a version is published."""

OTHER_SPELLINGS: Deployment = {
    "authorizer": {
        "environment": {
            "AUTHORIZER_RULES_URI": "ssm:///rules/1:3,/rules/2:live",
            "AUTHORIZER_SHADOW_RULES_URI": " s3://rules/shadow.json ",
            "CRL_URIS": "s3://lists/a.crl, s3://lists/b.crl",
            "TRUSTSTORE_URI": " s3://lists/truststore.pem ",
        }
    },
    "revocation": {"bucketName": "others", "truststoreUri": " s3://others/truststore.pem "},
}
"""Versions and labels of parameters, and spaces around URIs."""

REFERENCES_IN_URIS: Deployment = {
    "authorizer": {
        "environment": {
            "AUTHORIZER_RULES_URI": "ssm://<a reference>,/rules/<a reference>:3",
            "AUTHORIZER_SHADOW_RULES_URI": "appconfig://<a reference>",
            "CRL_URIS": "s3://<a reference>/crl/,s3://lists/<a reference>.crl",
            "TRUSTSTORE_URI": "s3://<a reference>",
        },
        "crlBucketName": "<a reference>",
    },
}
"""URIs whose stores are known, and their names only to CloudFormation."""

_OBJECT = "s3://bucket/key or file:///path"
_RULES = "s3://bucket/key, ssm:///name, appconfig://application/environment/profile or file:///path"
RENAMED = {"AuthorizerPolicyArn": "policyArn", "LogRetentionInDays": "logRetention"}
# They are the authorizer's and the indexer's own: the construct knows them.
NAMES = {
    "Authorizer": "AuthorizerFunctionName",
    "AuthorizerLogs": "AuthorizerLogGroup",
    "CrlIndexer": "CrlIndexerFunctionName",
    "CrlIndexerFailures.QueueName": "CrlIndexerFailuresName",
    "CrlFetcher": "CrlFetcherFunctionName",
}
REJECTED: dict[str, tuple[Deployment, str]] = {
    "snap-start-and-provisioned-concurrency": (
        {"authorizer": {"environment": {}, "snapStart": True, "provisionedConcurrency": 1}},
        "set snap_start or provisioned_concurrency, not both",
    ),
    **{
        f"{option}-{number}": (
            {"authorizer": {"environment": {"ALLOWED_COMMON_NAMES": f"alpha,{reference}"}, option: value}},
            (
                "ALLOWED_COMMON_NAMES refers to a parameter, secret, mapping, condition, transform, custom resource, "
                "nested stack or output of a stack, and no version is published if only its value changes: write the "
                "value, or remove snap_start and provisioned_concurrency"
            ),
        )
        for option, value in (("snapStart", True), ("provisionedConcurrency", 1))
        for number, reference in enumerate(ELSEWHERE)
    },
    "subnets-without-security-groups": (
        {"revocation": {"bucketName": "lists", "truststoreUri": "s3://lists/t.pem", "fetcherSubnetIds": ["subnet-1"]}},
        "set both fetcher_subnet_ids and fetcher_security_group_ids, or neither",
    ),
    **{
        f"without-sources-{name}": (
            {"revocation": {"bucketName": "lists", "truststoreUri": "s3://lists/t.pem", **fetcher}},
            "fetcher_subnet_ids, fetcher_security_group_ids and crl_source_private_hosts require crl_sources",
        )
        for name, fetcher in (
            ("subnets", {"fetcherSubnetIds": ["subnet-1"], "fetcherSecurityGroupIds": ["sg-1"]}),
            ("private-hosts", {"crlSourcePrivateHosts": ["crl.internal"]}),
        )
    },
    **{
        f"sources-{number}": (
            {"revocation": {"bucketName": "lists", "truststoreUri": "s3://lists/t.pem", "crlSources": sources}},
            "crl_sources must map http or https URLs to keys that end in .crl, without a key twice",
        )
        for number, sources in enumerate(INVALID_SOURCES)
    },
    "monitoring-without-metrics": (
        {"authorizer": {"environment": {}}, "monitoring": {}},
        "the dashboard and the alarms require METRICS_NAMESPACE in the environment of the authorizer",
    ),
    # In TypeScript, the CDK leaves out variables that are undefined.
    **{
        f"value-{number}": (
            {"authorizer": {"environment": {"ALLOWED_COMMON_NAMES": "alpha", variable: value}, **arguments}},
            f"{variable} is empty or not text: write its value, or remove the variable for its default",
        )
        for number, (variable, value, arguments) in enumerate(
            (
                *(("ALLOWED_ISSUERS", value, {}) for value in (None, "", " ", 1, ["CN=A"])),
                ("S3_BUCKET_OWNER", None, {}),
                ("METRICS_NAMESPACE", "", {}),
                ("CRL_URIS", "", {"crlBucketName": "lists"}),
            )
        )
    },
    # The role would not permit what the function reads, or more than that.
    **{
        f"uri-{variable.lower().replace('_', '-')}-{number}": (
            {"authorizer": {"environment": {variable: before + uri}}}
            if variable in VARIABLES
            else {"revocation": {"bucketName": "lists", variable: uri}},
            f"{uri} must be {expected}, as text without *, ?, # and $: permissions follow from it",
        )
        for variable, before, expected, others in (
            ("AUTHORIZER_RULES_URI", "", _RULES, ("ssm:///a, /b", "ssm://a", "ssm:///rules/*", "s3://rules/")),
            ("AUTHORIZER_SHADOW_RULES_URI", "", _RULES, ("s3://", "s3://rules/${aws:username}")),
            ("CRL_URIS", "s3://lists/a.crl,", f"{_OBJECT}, and / after a prefix", ("s3://lists/", "s3://lists/*.crl")),
            ("TRUSTSTORE_URI", "", _OBJECT, ("s3://lists/pki/", "s3://lists/?.pem", "ssm:///a")),
            ("truststoreUri", "", _OBJECT, ("s3://lists/", "s3://lists/*")),
        )
        for number, uri in enumerate((PARAMETER, "<a condition>", "S3://lists/t.pem", "s3:///a", *others))
    },
    "fetcher-without-metrics": (
        {
            "authorizer": {"environment": {"METRICS_NAMESPACE": NAMESPACE}},
            "revocation": {
                "bucketName": "lists",
                "truststoreUri": "file:///opt/t.pem",
                "crlSources": {"http://crl.example.com/ca.crl": "ca.crl"},
            },
            "monitoring": {},
        },
        "the alarm of the fetcher requires the METRICS_NAMESPACE of the authorizer as metrics_namespace",
    ),
    "indexes-without-crls": (
        {"authorizer": {"environment": {}, "crlBucketName": "lists"}},
        "without CRL_URIS, no certificate is checked for revocation: set it, or remove crl_bucket_name",
    ),
    **{
        f"bucket-of-the-indexes-{number}": (
            {"authorizer": {"environment": {"CRL_URIS": "s3://lists/a.crl"}, "crlBucketName": name}},
            f"{name} is not the name of a bucket",
        )
        for number, name in enumerate(("*", "s3://lists", "lists/"))
    },
    **{
        f"monitoring-{number}": (
            {
                "authorizer": {"environment": {"METRICS_NAMESPACE": NAMESPACE} | environment},
                "monitoring": {"parameters": parameters},
            },
            message,
        )
        for number, (environment, parameters, message) in enumerate(
            (
                ({}, {"DeployAlarms": "True"}, "DeployAlarms is True: write true or false"),
                (
                    {},
                    {"DurationAlarmMilliseconds": 5001},
                    "DurationAlarmMilliseconds is 5001: write a whole number from 1 to 5000",
                ),
                ({}, {"ExpiryAlarmDays": "-1"}, "ExpiryAlarmDays is -1: write a whole number from 0 to 3650"),
                (
                    {},
                    {"AlarmTopicArn": f"{TOPIC}.fifo"},
                    f"AlarmTopicArn is {TOPIC}.fifo: write the ARN of an SNS topic, not a FIFO topic",
                ),
                (
                    {"METRICS_NAMESPACE": "AWS/Lambda"},
                    {},
                    "MetricsNamespace is AWS/Lambda: write letters, digits and .-_/#, not beginning with AWS/",
                ),
                (
                    {"UNAUTHENTICATED_RESPONSE": "Deny"},
                    {},
                    "UnauthenticatedResponse is Deny: write unauthorized or deny",
                ),
            )
        )
    },
    **{
        f"publisher-{number}": (
            {"revocation": {"bucketName": "lists", "truststoreUri": "file:///opt/t.pem", "publisherRoleArns": [arn]}},
            f"{arn} is not the ARN of an IAM role without a path, as text",
        )
        for number, arn in enumerate(
            ("arn:aws:iam::123456789012:role/ci/pki-job", "arn:aws:iam::123456789012:role/*", "${Token[Role.1]}")
        )
    },
    "publishers-of-one-name": (
        {
            "revocation": {
                "bucketName": "lists",
                "truststoreUri": "file:///opt/t.pem",
                "publisherRoleArns": [f"arn:aws:iam::{account}:role/pki" for account in ("1" * 12, "2" * 12)],
            }
        },
        "publisher_role_arns must have different names: roles of the same name would share a folder",
    ),
    "private-ca": (
        {"revocation": {"bucketName": "lists", "truststoreUri": "file:///opt/t.pem", "privateCaArns": ["*"]}},
        "* is not the ARN of a certificate authority, as text",
    ),
}
"""Arguments that the constructs reject, and with what message, in Python."""

_MONITORED: Deployment = {
    "authorizer": {"environment": {"METRICS_NAMESPACE": NAMESPACE}},
    "revocation": {
        "bucketName": "lists",
        "truststoreUri": "file:///opt/t.pem",
        "crlSources": {"http://crl.example.com/ca.crl": "ca.crl"},
        "metricsNamespace": NAMESPACE,
    },
    # Known only to CloudFormation, as the ARN of a topic in the app is.
    "monitoring": {"parameters": {"AlarmTopicArn": {"Fn::ImportValue": "on-call"}, "DeployAlarms": True}},
}
TOGETHER: dict[str, Deployment] = {
    "One": _MONITORED,
    "Other": {"authorizer": _MONITORED["authorizer"], "monitoring": {}},
}
"""Deployments in one stack, the latter without a topic."""


def authorizer(given: Mapping[str, str]) -> Deployment:
    """Return the deployment for parameters of the authorizer's stack."""
    variables = {parameter_of(variable): variable for variable in VARIABLES}
    environment = {variables[name]: value for name, value in given.items() if name in variables}
    others = {name: value for name, value in given.items() if name not in variables}
    return {"authorizer": {"environment": environment, **arguments(others)}}


def revocation(given: Mapping[str, str]) -> Deployment:
    """Return the deployment for parameters of the revocation stack."""
    others = {name: value for name, value in given.items() if name != "CrlBucketName"}
    return {"revocation": {"bucketName": given["CrlBucketName"], **arguments(others)}}


def monitoring(given: Mapping[str, str]) -> Deployment:
    """Return the deployment for parameters of the monitoring stack."""
    variables = ("METRICS_NAMESPACE", "UNAUTHENTICATED_RESPONSE", "EXPIRY_WARNING_DAYS")
    environment = {name: given[parameter_of(name)] for name in variables if parameter_of(name) in given}
    own = {*NAMES.values(), *map(parameter_of, variables)}
    deployment: Deployment = {
        "authorizer": {"environment": environment},
        "monitoring": {"parameters": {name: value for name, value in given.items() if name not in own}},
    }
    if given.keys() & {"CrlIndexerFunctionName", "CrlFetcherFunctionName"}:
        sources = {"CrlSources": '{"http://crl.example.com/ca.crl": "ca.crl"}'}
        with_fetcher = sources if "CrlFetcherFunctionName" in given else {}
        own_names = {"CrlBucketName": "lists", "MetricsNamespace": given["MetricsNamespace"]}
        deployment |= revocation({"TruststoreUri": "file:///opt/t.pem", **own_names, **with_fetcher})
    return deployment


def arguments(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments for parameters. Their types are those that the variables of the Terraform module have."""
    return {
        RENAMED.get(name, name[0].lower() + name[1:]): value_of(variable_of(name), value)
        for name, value in given.items()
    }


def deployments() -> dict[str, Deployment]:
    """Return a deployment for each stack of the templates, and one for what their parameters do not accept."""
    makers = ((AUTHORIZER, authorizer), (REVOCATION, revocation), (MONITORING, monitoring))
    of_templates = {
        cdk_name(template, stack): make(given) for template, make in makers for stack, given in template.stacks.items()
    }
    others = {"other-spellings": OTHER_SPELLINGS, "references": REFERENCES_IN_URIS, "parameter": WITH_A_PARAMETER}
    return {**of_templates, **others, "published": PUBLISHED}


def cdk_name(template: Template, stack: str) -> str:
    """Return the name that a stack has in the CDK, which accepts no underscores."""
    return f"{template.name}-{stack.replace('_', '-')}"


def write_release(folder: Path) -> None:
    """Write the files that the constructs need, with other contents, and ``deployments.json``."""
    for name in ("client-certificate-auth-arm64", "client-certificate-auth-x86_64", "authorizer"):
        with ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr("name", name)
    (folder / "monitoring.yaml").write_text((ROOT / "templates/monitoring.yaml").read_text())
    rejected = {name: deployment for name, (deployment, _) in REJECTED.items()}
    (folder / "deployments.json").write_text(
        json.dumps({"valid": deployments(), "together": TOGETHER, "rejected": rejected})
    )
