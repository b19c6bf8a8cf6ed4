"""The steps for one layer in one region, and what is told of them."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import boto3
import pytest

from layer_builder.wheels import Architecture
from publisher.archives import Archive
from publisher.grants import PUBLIC
from publisher.publishing import bring_up_to_date, plan

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from tests.publishing.lambda_service import LambdaService

# Just as much as is shown as 2.1 MB.
CONTENT = bytes(2_050_001)
ARCHIVE = Archive(Architecture.ARM64, CONTENT, base64.b64encode(hashlib.sha256(CONTENT).digest()).decode())


@pytest.fixture
def client(service: LambdaService) -> LambdaClient:
    assert not service.calls
    return boto3.client("lambda", region_name="eu-central-1")


def test_each_step_is_told_in_its_turn(client: LambdaClient) -> None:
    told: list[str] = []
    bring_up_to_date(client, ARCHIVE, None, told.append)
    assert told == [
        "uploading 2.1 MB",
        "published version 1",
        "downloaded it, and the digest is the zip's",
        "who may use it: as it was",
    ]
    told.clear()
    bring_up_to_date(client, ARCHIVE, PUBLIC, told.append)
    assert told == [
        "version 1 already has these bytes",
        "downloaded it, and the digest is the zip's",
        "who may use it: grant publisher-public",
    ]


def test_what_would_be_done_is_told_as_well(client: LambdaClient) -> None:
    assert plan(client, ARCHIVE, PUBLIC) == "would publish 2.1 MB, grant publisher-public"
    assert plan(client, ARCHIVE, None) == "would publish 2.1 MB"
