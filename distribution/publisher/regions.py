"""The regions to publish to."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from distribution.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import boto3


def check_regions(session: boto3.Session, regions: Sequence[str]) -> None:
    """Check that Lambda is available in all regions, and that one account can have access to all of them.

    Partitions (``aws``, ``aws-cn``, ``aws-us-gov``, …) do not share accounts. Raises DistributionError.
    """
    partition_of = {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("lambda", partition)
    }
    if unknown := [region for region in regions if region not in partition_of]:
        similar = get_close_matches(unknown[0], partition_of, n=1)
        hint = f"did you mean {similar[0]}?" if similar else "check the region's name, or update boto3"
        message = f"Lambda is not available in {', '.join(unknown)}, according to this version of boto3: {hint}"
        raise DistributionError(message)
    if len(partitions := sorted({partition_of[region] for region in regions})) > 1:
        message = f"these regions are in {', '.join(partitions)}, which do not share accounts: publish to one at a time"
        raise DistributionError(message)
