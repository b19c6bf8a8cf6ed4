"""Synthesizes a stack for each deployment: ``python app.py RELEASE DESTINATION``. ``typescript/app.ts`` is the same.

For the deployments that are rejected, the messages are written to ``rejected.json``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from aws_cdk import (
    App,
    Aws,
    CfnCondition,
    CfnMapping,
    CfnParameter,
    CfnStack,
    CustomResource,
    Fn,
    PermissionsBoundary,
    Stack,
)
from aws_cdk.aws_lambda import Architecture
from aws_cdk.aws_logs import RetentionDays
from aws_cdk.aws_ssm import StringParameter
from constructs import Construct

from client_certificate_authorizer import (
    ClientCertificateAuthorizer,
    ClientCertificateMonitoring,
    ClientCertificateRevocation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# As in deployments.py, which is not imported here.
REFERENCES: dict[str, Callable[[Stack], str]] = {
    "<a parameter>": lambda stack: CfnParameter(stack, "Clients").value_as_string,
    "<a stored parameter>": lambda stack: StringParameter(stack, "Stored", string_value="beta").string_value,
    "<a mapping>": lambda stack: CfnMapping(stack, "Mapping", mapping={"x": {"clients": "beta"}}).find_in_map(
        Aws.REGION, "clients"
    ),
    "<a custom resource>": lambda stack: CustomResource(
        stack,
        "Custom",
        resource_type="Custom::Clients",
        service_token="function",  # noqa: S106 -- an ARN
    ).get_att_string("X"),
    "<a nested stack>": lambda stack: (
        CfnStack(stack, "Nested", template_url="https://x").get_att("Outputs.X").to_string()
    ),
    "<a condition>": lambda stack: Fn.condition_if(CfnCondition(stack, "If").logical_id, "beta", "gamma").to_string(),
    "<a parameter of another stack>": lambda stack: (
        CfnParameter(Stack(stack.node.root, "Another"), "Elsewhere").value_as_string
    ),
    "<a reference>": lambda _: Aws.STACK_NAME,
    "<an output>": lambda _: Fn.get_stack_output("another", "Clients"),
    "<a transform>": lambda _: Fn.transform("AWS::Include", {"Location": "s3://clients/list.json"}).to_string(),
}
# The flag that new apps have: what the CDK finds in a template is an error, unless CDK_VALIDATION is false.
STRICT = {"@aws-cdk/core:validateAgainstDefaultRules": True}
OF_THE_CDK: dict[str, dict[Any, Any]] = {
    "architecture": {"arm64": Architecture.ARM_64, "x86_64": Architecture.X86_64},
    "log_retention": {30: RetentionDays.ONE_MONTH, 90: RetentionDays.THREE_MONTHS},
}


def main(release: str, destination: str) -> None:
    app = App(outdir=destination, analytics_reporting=False, context=STRICT)
    deployments = json.loads(Path(release, "deployments.json").read_text())
    for name, deployment in deployments["valid"].items():
        stack = Stack(app, name, permissions_boundary=boundary(deployment))
        deploy(stack, release, with_references(stack, deployment))
    together = Stack(app, "together")
    for name, deployment in deployments["together"].items():
        deploy(Construct(together, name), release, deployment)
    app.synth()
    messages = {}
    for name, deployment in deployments["rejected"].items():
        try:
            stack = Stack(App(), name)
            deploy(stack, release, with_references(stack, deployment))
        except ValueError as error:
            messages[name] = str(error)
    Path(destination, "rejected.json").write_text(json.dumps(messages))
    with TemporaryDirectory() as folder:
        other = copytree(release, Path(folder, "release"), ignore=ignore_patterns(Path(destination).name))
        for layer in other.glob("client-certificate-auth-*.zip"):
            layer.write_bytes(b"another layer")
        app = App(outdir=str(Path(destination, "another-layer")), analytics_reporting=False, context=STRICT)
        stack = Stack(app, "published")
        deploy(stack, str(other), with_references(stack, deployments["valid"]["published"]))
        app.synth()


def boundary(deployment: dict[str, dict[str, Any]]) -> PermissionsBoundary | None:
    """Return the permissions boundary, an argument of the stack, and remove it from those of the constructs."""
    arns = [arn for values in deployment.values() if (arn := values.pop("permissionsBoundaryArn", None))]
    return PermissionsBoundary.from_arn(arns[0]) if arns else None


def with_references(stack: Stack, deployment: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a deployment with references in place of texts."""
    text = json.dumps(deployment)
    for name, reference in REFERENCES.items():
        if name in text:
            text = text.replace(name, reference(stack))
    replaced: dict[str, dict[str, Any]] = json.loads(text)
    return replaced


def deploy(scope: Construct, release: str, deployment: dict[str, dict[str, Any]]) -> None:
    given = {construct: {"release_folder": release, **arguments(values)} for construct, values in deployment.items()}
    authorizer = revocation = None
    if "authorizer" in given:
        authorizer = ClientCertificateAuthorizer(scope, "Authorizers", **given["authorizer"])
    if "revocation" in given:
        revocation = ClientCertificateRevocation(scope, "Revocation", **given["revocation"])
    if authorizer and "monitoring" in given:
        ClientCertificateMonitoring(
            scope, "Monitoring", authorizer=authorizer, revocation=revocation, **given["monitoring"]
        )


def arguments(values: dict[str, Any]) -> dict[str, Any]:
    """Return arguments by their names in Python, with the types of the CDK."""
    named = {re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name): value for name, value in values.items()}
    return {name: OF_THE_CDK[name][value] if name in OF_THE_CDK else value for name, value in named.items()}


if __name__ == "__main__":
    main(*sys.argv[1:])
