"""The steps for one layer in one region, and their messages."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import boto3
import pytest

from distribution.layer_builder.wheels import Architecture
from distribution.publisher.archives import Archive
from distribution.publisher.grants import PUBLIC
from distribution.publisher.publishing import bring_up_to_date, plan

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from tests.packaging.publisher.lambda_service import LambdaService

# The smallest size that is shown as 2.1 MB.
CONTENT = bytes(2_050_001)
ARCHIVE = Archive(Architecture.ARM64, CONTENT, base64.b64encode(hashlib.sha256(CONTENT).digest()).decode())


@pytest.fixture
def client(service: LambdaService) -> LambdaClient:
    assert not service.calls
    return boto3.client("lambda", region_name="eu-central-1")


def test_each_step_is_reported_in_order(client: LambdaClient) -> None:
    steps: list[str] = []
    bring_up_to_date(client, ARCHIVE, None, steps.append)
    assert steps == [
        "uploading 2.1 MB",
        "published version 1",
        "downloaded it: the digest is correct",
        "permissions: unchanged",
    ]
    steps.clear()
    bring_up_to_date(client, ARCHIVE, PUBLIC, steps.append)
    assert steps == [
        "version 1 already has these bytes",
        "downloaded it: the digest is correct",
        "permissions: grant publisher-public",
    ]


def test_a_dry_run_describes_the_steps(client: LambdaClient) -> None:
    assert plan(client, ARCHIVE, PUBLIC, None) == "would publish 2.1 MB, grant publisher-public"
    assert plan(client, ARCHIVE, None, None) == "would publish 2.1 MB"
