"""Functions in moto's Lambda, of which only the configuration is used."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

from tests.aws.server import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.aws.server import AwsServer


def deploy(aws: AwsServer, name: str, variables: Mapping[str, str], region: str = REGION) -> None:
    """Create a function, or give an existing one other variables."""
    client = aws.client_in(region, "lambda")
    environment = {"Variables": dict(variables)}
    try:
        client.update_function_configuration(FunctionName=name, Environment=environment)
    except client.exceptions.ResourceNotFoundException:
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=_role(aws),
            Handler="mtls_authorizer.handler.handler",
            Code={"ZipFile": _code()},
            Environment=environment,
        )


def publish(aws: AwsServer, name: str, alias: str, region: str = REGION) -> None:
    """Publish a version of a function, and let an alias point to it."""
    client = aws.client_in(region, "lambda")
    version = client.publish_version(FunctionName=name)["Version"]
    client.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)


def _role(aws: AwsServer) -> str:
    client = aws.client("iam")
    try:
        role: str = client.get_role(RoleName="function")["Role"]["Arn"]
    except client.exceptions.NoSuchEntityException:
        role = client.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps({}))["Role"]["Arn"]
    return role


def _code() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", "")
    return content.getvalue()
