"""The steps for one layer in one region, and what a dry run says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distribution.publisher.grants import change_grants, plan_grants
from distribution.publisher.layers import check_download, find_published, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient

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


def plan(client: LambdaClient, archive: Archive, grant: Grant | None) -> str:
    """Describe what `bring_up_to_date` would do. Raises botocore's ClientError and BotoCoreError."""
    layer_version = find_published(client, archive)
    upload = "" if layer_version else f"publish {len(archive.content) / 1e6:.1f} MB"
    steps = [step for step in (upload, str(plan_grants(client, layer_version, grant))) if step]
    return f"would {', '.join(steps)}" if steps else "nothing to do"
