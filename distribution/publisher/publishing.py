"""The steps for one layer in one region, and what a dry run says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distribution.project import VERSION
from distribution.publisher.grants import change_grants, plan_grants
from distribution.publisher.layers import check_download, find_published, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ssm import SSMClient

    from distribution.publisher.archives import Archive
    from distribution.publisher.grants import Grant
    from distribution.publisher.layers import LayerVersion


def bring_up_to_date(
    client: LambdaClient, archive: Archive, grant: Grant | None, tell: Callable[[str], None]
) -> LayerVersion:
    """Make an archive its layer's newest version in the client's region, with the given permission.

    The permission is granted after the download was checked. ``tell`` is called after each step. Raises the same as
    the functions of `distribution.publisher.layers`.
    """
    layer_version = find_published(client, archive)
    if layer_version:
        tell(f"version {layer_version.number} already has these bytes")
    else:
        tell(f"uploading {len(archive.content) / 1e6:.1f} MB")
        layer_version = publish(client, archive)
        tell(f"published version {layer_version.number}")
    check_download(client, layer_version, archive)
    tell("downloaded it: the digest is correct")
    changes = plan_grants(client, layer_version, grant)
    change_grants(client, layer_version, changes)
    tell(f"permissions: {str(changes) or 'unchanged'}")
    return layer_version


def publish_arn(client: SSMClient, archive: Archive, layer_version: LayerVersion, tell: Callable[[str], None]) -> None:
    """Write a layer's ARN to its parameters: one for this version, and one for the latest.

    Raises botocore's ClientError and BotoCoreError.
    """
    names = _plan_parameters(client, archive, layer_version.arn)
    for name in names:
        client.put_parameter(
            Name=name,
            Value=layer_version.arn,
            Type="String",
            Overwrite=True,
            Description="The ARN of a Lambda layer version.",
        )
    tell(f"parameters: {', '.join(names) or 'unchanged'}")


def plan(client: LambdaClient, archive: Archive, grant: Grant | None, parameters: SSMClient | None) -> str:
    """Describe what `bring_up_to_date`, and with a client of SSM `publish_arn`, would do.

    Raises botocore's ClientError and BotoCoreError.
    """
    layer_version = find_published(client, archive)
    steps = [] if layer_version else [f"publish {len(archive.content) / 1e6:.1f} MB"]
    if changes := str(plan_grants(client, layer_version, grant)):
        steps.append(changes)
    if parameters:
        names = _plan_parameters(parameters, archive, layer_version.arn if layer_version else None)
        steps += [f"write {name}" for name in names]
    return f"would {', '.join(steps)}" if steps else "nothing to do"


def _plan_parameters(client: SSMClient, archive: Archive, arn: str | None) -> list[str]:
    """Return the names of the parameters that do not have a layer's ARN as their value yet.

    None is the ARN of a layer version that does not exist yet. Raises botocore's ClientError and BotoCoreError.
    """
    # The version first: the latest never names one that has no parameter of its own.
    names = [f"/client-certificate-auth/{archive.architecture}/{name}" for name in (VERSION, "latest")]
    present = {parameter["Name"]: parameter["Value"] for parameter in client.get_parameters(Names=names)["Parameters"]}
    return [name for name in names if arn is None or present.get(name) != arn]
