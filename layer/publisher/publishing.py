"""What is done for one layer in one region, and what would be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.grants import change_grants, plan_grants
from publisher.layers import check_download, find_published, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient

    from publisher.archives import Archive
    from publisher.grants import Grant
    from publisher.layers import LayerVersion


def bring_up_to_date(
    client: LambdaClient, archive: Archive, grant: Grant | None, tell: Callable[[str], None]
) -> LayerVersion:
    """Make an archive its layer's newest version in the client's region, for those who are granted it to use.

    Nobody is granted a version before its download was checked. Tells each step once it is done. Raises what
    the steps raise: see `publisher.layers`.
    """
    layer_version = find_published(client, archive)
    if layer_version:
        tell(f"version {layer_version.number} already has these bytes")
    else:
        tell(f"uploading {len(archive.content) / 1e6:.1f} MB")
        layer_version = publish(client, archive)
        tell(f"published version {layer_version.number}")
    check_download(client, layer_version, archive)
    tell("downloaded it, and the digest is the zip's")
    changes = plan_grants(client, layer_version, grant)
    change_grants(client, layer_version, changes)
    tell(f"who may use it: {str(changes) or 'as it was'}")
    return layer_version


def plan(client: LambdaClient, archive: Archive, grant: Grant | None) -> str:
    """Say what `bring_up_to_date` would do, changing nothing. Raises botocore's ClientError and BotoCoreError."""
    layer_version = find_published(client, archive)
    upload = "" if layer_version else f"publish {len(archive.content) / 1e6:.1f} MB"
    steps = [step for step in (upload, str(plan_grants(client, layer_version, grant))) if step]
    return f"would {', '.join(steps)}" if steps else "nothing to do"
