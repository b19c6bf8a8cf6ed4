from __future__ import annotations

import boto3
import pytest

from publisher.regions import RegionError, check_regions


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        (["eu-centrl-1", "eu-central-1", "moon-1"], "this boto3 knows no Lambda in eu-centrl-1, moon-1"),
        (
            ["us-gov-west-1", "us-east-1"],
            "these regions are in aws, aws-us-gov, which share no accounts: publish to one at a time",
        ),
    ],
)
def test_regions_that_can_not_be_published_to_in_one_go_are_named(regions: list[str], told: str) -> None:
    with pytest.raises(RegionError) as refusal:
        check_regions(boto3.Session(), regions)
    assert str(refusal.value) == told
