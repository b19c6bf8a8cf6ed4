from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from distribution.errors import DistributionError
from distribution.publisher.clients import connect, find_unreachable

if TYPE_CHECKING:
    from tests.packaging.publisher.lambda_service import LambdaService
SOURCE = "according to this version of boto3"


def test_an_endpoint_can_be_reached_if_it_answers_anything(
    service: LambdaService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_unreachable(connect(["eu-central-1"], ssm=False)) == {}
    # A certificate that is not trusted, or as here none, is reported by the actual requests.
    monkeypatch.setenv("AWS_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL"].replace("http:", "https:"))
    assert find_unreachable(connect(["eu-central-1"], ssm=False)) == {}
    assert not service.calls


@pytest.mark.usefixtures("service")
def test_a_client_of_ssm_is_created_on_request() -> None:
    assert [bool(connect(["eu-central-1"], ssm=ssm)[0].ssm_client) for ssm in (False, True)] == [False, True]


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
    with pytest.raises(DistributionError) as error:
        connect(regions, ssm=False)
    assert str(error.value) == message
