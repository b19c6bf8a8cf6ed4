"""The ARNs of published layers as parameters of Systems Manager: one for this version, and one for the latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distribution.metadata import VERSION

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

    from distribution.publisher.archives import Archive


def plan_parameters(client: SSMClient, archive: Archive, arn: str | None) -> list[str]:
    """Return the names of the parameters that do not have a layer's ARN as their value yet.

    None is the ARN of a layer version that does not exist yet. Raises botocore's ClientError and BotoCoreError.
    """
    # The version first: the latest never names one that has no parameter of its own.
    names = [f"/client-certificate-auth/{archive.architecture}/{name}" for name in (VERSION, "latest")]
    present = {parameter["Name"]: parameter["Value"] for parameter in client.get_parameters(Names=names)["Parameters"]}
    return [name for name in names if arn is None or present.get(name) != arn]


def write_parameters(client: SSMClient, names: list[str], arn: str) -> None:
    """Set parameters to a layer's ARN. Raises botocore's ClientError and BotoCoreError."""
    for name in names:
        client.put_parameter(
            Name=name, Value=arn, Type="String", Overwrite=True, Description="The ARN of a Lambda layer version."
        )
