"""The arguments of the construct that correspond to the stacks of the template, as JSON that both languages read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from mtls_authorizer.policy.settings import VARIABLES
from tests.integration.template.stacks import AUTHORIZER, NAMESPACE, TOPIC, parameter_of
from tests.integration.template.templates import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MONITORED = "monitored"
"""A stack with monitoring. The others are those of the template, by their names."""


def arguments(stack: str) -> dict[str, Any]:
    """Return the arguments of the construct for a stack."""
    given = AUTHORIZER.stacks[stack]
    names = {parameter_of(variable): variable for variable in VARIABLES}
    return {
        "environment": {names[name]: value for name, value in given.items() if name in names},
        "architecture": given.get("Architecture", "arm64"),
        "policyArn": given.get("AuthorizerPolicyArn"),
        "crlBucketName": given.get("CrlBucketName"),
        "snapStart": given.get("SnapStart") == "true",
        "provisionedConcurrency": int(given.get("ProvisionedConcurrency", "0")),
        "tracing": given.get("Tracing") == "true",
        "logRetention": int(given.get("LogRetentionInDays", "90")),
    }


def deployments() -> dict[str, Any]:
    """Return the arguments for all stacks, by name."""
    variables = {"METRICS_NAMESPACE": NAMESPACE, "UNAUTHENTICATED_RESPONSE": "deny", "EXPIRY_WARNING_DAYS": "14"}
    monitored = arguments("defaults") | {"environment": variables, "monitoring": {"AlarmTopicArn": TOPIC}}
    return {cdk_name(stack): arguments(stack) for stack in AUTHORIZER.stacks} | {MONITORED: monitored}


def cdk_name(stack: str) -> str:
    """Return the name that a stack has in the CDK, which accepts no underscores, and no digit at the beginning."""
    return f"of-{stack.replace('_', '-')}"


def write_release(folder: Path) -> None:
    """Write the files that the constructs need, with other contents, and ``deployments.json``."""
    for name in ("client-certificate-auth-arm64", "client-certificate-auth-x86_64", "authorizer"):
        with ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr("name", name)
    (folder / "monitoring.yaml").write_text((ROOT / "templates/monitoring.yaml").read_text())
    (folder / "deployments.json").write_text(json.dumps(deployments()))
