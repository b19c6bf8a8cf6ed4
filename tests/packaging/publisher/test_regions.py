from __future__ import annotations

import boto3
import pytest

from distribution.errors import DistributionError
from distribution.publisher.regions import check_regions

SOURCE = "according to this version of boto3"


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (
            ["eu-centrl-1", "eu-central-1", "moon-1"],
            f"Lambda is not available in eu-centrl-1, moon-1, {SOURCE}: did you mean eu-central-1?",
        ),
        (
            ["moon"],
            f"Lambda is not available in moon, {SOURCE}: check the region's name, or update boto3",
        ),
        (
            ["us-gov-west-1", "us-east-1"],
            "these regions are in aws, aws-us-gov, which do not share accounts: publish to one at a time",
        ),
    ],
)
def test_unusable_regions_are_named(regions: list[str], message: str) -> None:
    with pytest.raises(DistributionError) as refusal:
        check_regions(boto3.Session(), regions)
    assert str(refusal.value) == message
