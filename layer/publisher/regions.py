"""The regions to publish to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import boto3


class RegionError(Exception):
    """The regions can't be published to in one go. The message says why."""


def check_regions(session: boto3.Session, regions: Sequence[str]) -> None:
    """Check that Lambda is in all regions, and that one account's credentials can be good for all of them.

    Partitions (``aws``, ``aws-cn``, ``aws-us-gov``, …) don't share accounts. Raises RegionError.
    """
    partition_of = {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("lambda", partition)
    }
    if unknown := [region for region in regions if region not in partition_of]:
        message = f"this boto3 knows no Lambda in {', '.join(unknown)}"
        raise RegionError(message)
    if len(partitions := sorted({partition_of[region] for region in regions})) > 1:
        message = f"these regions are in {', '.join(partitions)}, which share no accounts: publish to one at a time"
        raise RegionError(message)
